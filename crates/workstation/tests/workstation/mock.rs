//! A server to play with, and a workstation with it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::device::{EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeReceipt};
use protocol::fault::{Code, Problem};
use protocol::ledger::{ConsistencyProof, LedgerAlarm, LedgerHead};
use protocol::report::{CloseReview, ReportPage, ReportQuery, ReviewItem, ReviewPage};
use protocol::secret::Secret;
use protocol::set_aside::SetAsideRequest;
use protocol::sign_in::{
    EnrolRequest, OrganisationCard, PasswordChange, Policy, Role, SessionGrant, SignInRequest,
    UserCard,
};
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};
use protocol::statement::Signed;
use protocol::sync::{ChartsRequest, ScopeChange, SyncEntry, SyncPage};
use protocol::upload::{Fate, StoredVersion, UploadFate, UploadReply, UploadRequest};
use protocol::visit::{Invitation, InviteRequest, VisitAct, VisitNews};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use vault::recovery::{self, RecoverySecret};
use vault::slot::ArgonCost;
use workstation::Workstation;
use workstation::port::Ports;
use workstation::port::entropy::SystemEntropy;
use workstation::port::server::{Answer, Device, ReportForm, Server, ServerError, Session};
use workstation::profile::Places;
use workstation::profile::config::Config;
use workstation::view::session::{Connection, EnrolForm, UnlockForm};

use crate::mock_browser::MockBrowser;
pub use crate::mock_computer::{MockClock, MockKeychain, Mood};
use crate::mock_keys::MockKeys;
use crate::mock_ledger::MockLedger;
use crate::mock_office::Office;
use crate::mock_visits::MockVisits;

/// A server in memory: takes everything, remembers everything.
pub struct MockServer {
    pub reachable: AtomicBool,
    silent: AtomicBool,
    /// Requests that wait for an answer that never comes.
    held: Mutex<Vec<&'static str>>,
    pub passwords: Mutex<HashMap<String, String>>,
    pub role: Mutex<Role>,
    pub records: Mutex<Vec<(Value, u64)>>,
    /// What the next page says of what the computer may keep.
    pub scope: Mutex<Option<ScopeChange>>,
    pub set_aside: Mutex<Vec<SetAsideRequest>>,
    pub cache_megabytes: Mutex<Option<u32>>,
    /// Patients whose charts made room.
    pub dropped: Mutex<Vec<String>>,
    pub uploads: Mutex<Vec<Uuid>>,
    pub audit: Mutex<Vec<ledger::chain::Link>>,
    pub recovery: RecoverySecret,
    pub refuse_uploads: Mutex<Option<String>>,
    /// While set, every upload clashes with the newest versions of at least this number.
    pub conflict_with: Mutex<Option<u64>>,
    pub page_size: Mutex<usize>,
    pub hold_pages: AtomicBool,
    pub ledger: Mutex<MockLedger>,
    pub office: Mutex<Office>,
    pub keys: Mutex<MockKeys>,
    pub visits: MockVisits,
    /// The browser that the sign-in with the organisation goes through.
    pub browser: Arc<MockBrowser>,
    /// How many passwords came here.
    pub passwords_seen: AtomicU32,
    genesis: Mutex<Option<Uuid>>,
    public: String,
}

impl MockServer {
    fn new(records: Vec<Value>, clock: Arc<MockClock>) -> Self {
        let (recovery, public) = recovery::keypair().unwrap();
        Self {
            reachable: AtomicBool::new(true),
            silent: AtomicBool::default(),
            held: Mutex::default(),
            passwords: Mutex::new(HashMap::from([("ada".into(), "right".into())])),
            role: Mutex::new(Role::Clinician),
            scope: Mutex::default(),
            set_aside: Mutex::default(),
            cache_megabytes: Mutex::default(),
            dropped: Mutex::default(),
            records: Mutex::new(records.into_iter().map(|record| (record, 1)).collect()),
            uploads: Mutex::default(),
            audit: Mutex::default(),
            recovery,
            refuse_uploads: Mutex::default(),
            conflict_with: Mutex::default(),
            page_size: Mutex::new(1000),
            hold_pages: AtomicBool::new(false),
            ledger: Mutex::default(),
            office: Mutex::default(),
            keys: Mutex::new(MockKeys::new(clock)),
            visits: MockVisits::default(),
            genesis: Mutex::default(),
            browser: Arc::default(),
            passwords_seen: AtomicU32::new(0),
            public: public.to_text(),
        }
    }

    pub fn be_reachable(&self, reachable: bool) {
        self.reachable.store(reachable, Ordering::SeqCst);
    }

    pub fn actions(&self) -> Vec<String> {
        let audit = self.audit.lock().unwrap();
        audit
            .iter()
            .map(|link| {
                ledger::glance::Glance::of(&link.event)
                    .unwrap()
                    .action
                    .code()
                    .to_owned()
            })
            .collect()
    }

    /// The newest version of a record, as the feed has it.
    fn newest(&self, resource_type: &str, id: &str) -> Option<SyncEntry> {
        let records = self.records.lock().unwrap();
        records
            .iter()
            .rfind(|(known, _)| known["id"] == id && known["resourceType"] == resource_type)
            .map(|(record, version)| entry(record, *version))
    }

    /// Whether it answers. One that does not has everything, and its answer never comes.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// Whether such a request waits for an answer.
    pub fn holds(&self, request: &str) -> bool {
        self.held
            .lock()
            .unwrap()
            .iter()
            .any(|held| held == &request)
    }

    async fn hear(&self, request: &'static str) {
        if self.silent.load(Ordering::SeqCst) {
            self.held.lock().unwrap().push(request);
            std::future::pending().await
        }
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        request: &'static str,
        result: Result<T, ServerError>,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            self.hear(request).await;
            result
        })
    }

    fn contact(&self) -> Result<(), ServerError> {
        if self.reachable.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err(ServerError::Offline("unplugged".into()))
        }
    }

    fn grant(
        &self,
        device: &Device,
        username: &str,
        password: &Secret,
    ) -> Result<SessionGrant, ServerError> {
        self.contact()?;
        self.keys.lock().unwrap().admits()?;
        let known = self.passwords.lock().unwrap();
        if known.get(username).map(String::as_str) != Some(password.expose()) {
            return Err(ServerError::from_problem(Problem {
                code: Code::CredentialsWrong,
                status: 401,
                title: "no".into(),
                detail: None,
                retry_after: None,
            }));
        }
        drop(known);
        self.granted(device, username)
    }

    /// A session of somebody who is believed.
    fn granted(&self, device: &Device, username: &str) -> Result<SessionGrant, ServerError> {
        self.contact()?;
        self.keys.lock().unwrap().admits()?;
        // Before the guards below, which live as long as the statement.
        let lease = Some(self.leased(device));
        Ok(SessionGrant {
            token: Secret::new("token".into()),
            expires_at: "2027-01-01T00:00:00Z".parse().unwrap(),
            user: UserCard {
                id: Uuid::from_u128(7),
                username: username.into(),
                display_name: "Ada Lovelace".into(),
                role: *self.role.lock().unwrap(),
                practitioner: Some("dr1".into()),
            },
            organisation: OrganisationCard {
                tenant: Uuid::from_u128(1),
                name: "Harbour Street Clinic".into(),
                time_zone: "America/New_York".into(),
                recovery_public_key: self.public.clone(),
                ledger_key: self.ledger.lock().unwrap().key(),
            },
            policy: Policy {
                idle_lock_seconds: 600,
                emergency_quota: 3,
                cache_megabytes: *self.cache_megabytes.lock().unwrap(),
            },
            lease,
        })
    }

    fn leased(&self, device: &Device) -> Signed {
        let secret = self.ledger.lock().unwrap().secret.clone();
        self.keys.lock().unwrap().lease(device, &secret)
    }

    fn receipt(&self) -> AuditReceipt {
        let device = self.genesis.lock().unwrap().unwrap_or_default();
        let head = match self.audit.lock().unwrap().last() {
            Some(link) => link.head(),
            None => ledger::chain::Head::genesis(device),
        };
        AuditReceipt {
            through: head.number,
            countersignature: self.ledger.lock().unwrap().countersign(device, &head),
            head: head.hash,
        }
    }
}

fn entry(record: &Value, version: u64) -> SyncEntry {
    SyncEntry {
        resource_type: record["resourceType"].as_str().unwrap().into(),
        id: record["id"].as_str().unwrap().into(),
        version,
        last_updated: "2026-01-01T00:00:00Z".parse().unwrap(),
        patient: fhir::compartment::patient_of(record),
        resource: Some(serde_json::value::to_raw_value(record).unwrap()),
        author: None,
    }
}

impl Server for MockServer {
    fn enrol<'a>(
        &'a self,
        device: &'a Device,
        request: &'a EnrolRequest,
    ) -> Answer<'a, SessionGrant> {
        self.keys
            .lock()
            .unwrap()
            .enrolled(device, request.device.id);
        *self.genesis.lock().unwrap() = Some(request.device.id);
        self.audit.lock().unwrap().clear();
        self.answer(
            "enrol",
            self.grant(device, &request.username, &request.password),
        )
    }

    fn ways<'a>(&'a self, _: &'a Url) -> Answer<'a, Ways> {
        self.answer(
            "ways",
            self.contact().map(|()| Ways {
                single_sign_on: true,
            }),
        )
    }

    fn enrol_by_code<'a>(&'a self, device: &'a Device, request: &'a EnrolByCode) -> Answer<'a, ()> {
        *self.genesis.lock().unwrap() = Some(request.device.id);
        self.keys
            .lock()
            .unwrap()
            .enrolled(device, request.device.id);
        self.answer("enrol_by_code", self.contact())
    }

    fn begin<'a>(&'a self, _: &'a Device, request: &'a BeginRequest) -> Answer<'a, Begun> {
        self.answer(
            "begin",
            self.contact().map(|()| self.browser.begun(request.port)),
        )
    }

    fn finish<'a>(
        &'a self,
        device: &'a Device,
        request: &'a FinishRequest,
    ) -> Answer<'a, SessionGrant> {
        assert_eq!(request.code.expose(), "code");
        self.answer("finish", self.granted(device, "ada"))
    }

    fn sign_in<'a>(
        &'a self,
        device: &'a Device,
        request: &'a SignInRequest,
    ) -> Answer<'a, SessionGrant> {
        self.passwords_seen.fetch_add(1, Ordering::SeqCst);
        self.answer(
            "sign_in",
            self.grant(device, &request.username, &request.password),
        )
    }

    fn sign_out<'a>(&'a self, _: &'a Session) -> Answer<'a, ()> {
        self.answer("sign_out", self.contact())
    }

    fn lease<'a>(&'a self, session: &'a Session) -> Answer<'a, Signed> {
        self.answer(
            "lease",
            self.contact().map(|()| self.leased(&session.device)),
        )
    }

    fn orders<'a>(&'a self, device: &'a Device, request: &'a OrdersRequest) -> Answer<'a, Orders> {
        let secret = self.ledger.lock().unwrap().secret.clone();
        let keys = self.keys.lock().unwrap();
        self.answer(
            "orders",
            self.contact()
                .map(|()| keys.orders(device, request, &secret)),
        )
    }

    fn escrow<'a>(
        &'a self,
        _: &'a Device,
        request: &'a EscrowRequest,
    ) -> Answer<'a, EscrowReceipt> {
        let mut keys = self.keys.lock().unwrap();
        self.answer("escrow", self.contact().and_then(|()| keys.escrow(request)))
    }

    fn wiped<'a>(&'a self, device: &'a Device, receipt: &'a WipeReceipt) -> Answer<'a, ()> {
        let mut keys = self.keys.lock().unwrap();
        self.answer(
            "wiped",
            self.contact().and_then(|()| keys.wiped(device, receipt)),
        )
    }

    fn change_password<'a>(
        &'a self,
        _: &'a Session,
        request: &'a PasswordChange,
    ) -> Answer<'a, ()> {
        let result = self.contact().and_then(|()| {
            let mut known = self.passwords.lock().unwrap();
            self.keys.lock().unwrap().change(&mut known, request)
        });
        self.answer("change_password", result)
    }

    fn page<'a>(&'a self, _: &'a Session, cursor: Option<&'a str>) -> Answer<'a, SyncPage> {
        Box::pin(async move {
            self.hear("page").await;
            self.contact()?;
            while self.hold_pages.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let from: usize = cursor.unwrap_or("0").parse().unwrap();
            let records = self.records.lock().unwrap();
            let size = *self.page_size.lock().unwrap();
            let until = (from + size).min(records.len());
            let entries = records[from.min(until)..until]
                .iter()
                .map(|(record, version)| entry(record, *version))
                .collect();
            Ok(SyncPage {
                cursor: until.to_string(),
                entries,
                more: until < records.len(),
                remaining: (records.len() - until) as u64,
                scope: self.scope.lock().unwrap().take().map(Box::new),
                life: None,
                links: None,
            })
        })
    }

    fn charts<'a>(&'a self, _: &'a Session, request: &'a ChartsRequest) -> Answer<'a, ()> {
        self.answer(
            "charts",
            self.contact().map(|()| {
                let mut dropped = self.dropped.lock().unwrap();
                dropped.extend(request.dropped.iter().cloned());
            }),
        )
    }

    fn record<'a>(
        &'a self,
        _: &'a Session,
        resource_type: &'a str,
        id: &'a str,
    ) -> Answer<'a, Option<SyncEntry>> {
        self.answer(
            "record",
            self.contact().map(|()| self.newest(resource_type, id)),
        )
    }

    fn set_aside<'a>(&'a self, _: &'a Session, request: &'a SetAsideRequest) -> Answer<'a, ()> {
        self.answer(
            "set_aside",
            self.contact().map(|()| {
                self.set_aside.lock().unwrap().push(request.clone());
            }),
        )
    }

    fn upload<'a>(&'a self, _: &'a Session, request: &'a UploadRequest) -> Answer<'a, UploadReply> {
        Box::pin(async move {
            self.hear("upload").await;
            self.contact()?;
            let mut fates = Vec::new();
            for entry in &request.entries {
                if let Some(code) = self.refuse_uploads.lock().unwrap().clone() {
                    let outcome = serde_json::json!({"resourceType": "OperationOutcome",
                        "issue": [{"severity": "error", "code": "conflict", "diagnostics": "taken"}]});
                    fates.push(UploadFate {
                        key: entry.key,
                        fate: Fate::Refused { code, outcome },
                    });
                    continue;
                }
                let least = *self.conflict_with.lock().unwrap();
                if let Some(least) = least {
                    let current = entry.bundle["entry"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter_map(|line| {
                            let record = &line["resource"];
                            let kind = record["resourceType"].as_str().unwrap();
                            let mut theirs = self.newest(kind, record["id"].as_str().unwrap())?;
                            theirs.author = Some("Bo Elsewhere".into());
                            Some(theirs).filter(|theirs| theirs.version >= least)
                        })
                        .collect();
                    fates.push(UploadFate {
                        key: entry.key,
                        fate: Fate::Conflict { current },
                    });
                    continue;
                }
                self.uploads.lock().unwrap().push(entry.key);
                let mut versions = Vec::new();
                for line in entry.bundle["entry"].as_array().unwrap() {
                    let record = line["resource"].clone();
                    let mut records = self.records.lock().unwrap();
                    let version = 1 + records
                        .iter()
                        .filter(|(known, _)| {
                            known["id"] == record["id"]
                                && known["resourceType"] == record["resourceType"]
                        })
                        .map(|(_, version)| *version)
                        .max()
                        .unwrap_or(0);
                    versions.push(StoredVersion {
                        resource_type: record["resourceType"].as_str().unwrap().into(),
                        id: record["id"].as_str().unwrap().into(),
                        version,
                        last_updated: "2026-01-05T15:00:00Z".parse().unwrap(),
                    });
                    records.push((record, version));
                }
                fates.push(UploadFate {
                    key: entry.key,
                    fate: Fate::Accepted { versions },
                });
            }
            Ok(UploadReply { fates })
        })
    }

    fn audit<'a>(&'a self, _: &'a Session, batch: &'a AuditBatch) -> Answer<'a, AuditReceipt> {
        Box::pin(async move {
            self.hear("audit").await;
            self.contact()?;
            for link in &batch.links {
                let receipt = self.receipt();
                if link.number <= receipt.through {
                    continue;
                }
                assert_eq!(link.number, receipt.through + 1, "a gap in the chain");
                assert_eq!(link.previous, receipt.head, "the chain does not continue");
                self.audit.lock().unwrap().push(link.clone());
                let leaf = ledger::leaf_hash(&link.event);
                self.ledger.lock().unwrap().grow(leaf);
            }
            Ok(self.receipt())
        })
    }

    fn changes<'a>(
        &'a self,
        _: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<(), ServerError>>> {
        self.answer(
            "changes",
            self.contact()
                .map(|()| futures_util::stream::pending().boxed()),
        )
    }

    fn checkpoint<'a>(&'a self, _: &'a Session) -> Answer<'a, LedgerHead> {
        self.answer(
            "checkpoint",
            self.contact().and_then(|()| {
                let ledger = self.ledger.lock().unwrap();
                ledger.head()
            }),
        )
    }

    fn consistency<'a>(
        &'a self,
        _: &'a Session,
        from: u64,
        to: u64,
    ) -> Answer<'a, ConsistencyProof> {
        self.answer(
            "consistency",
            self.contact()
                .map(|()| self.ledger.lock().unwrap().consistency(from, to)),
        )
    }

    fn alarm<'a>(&'a self, _: &'a Session, alarm: &'a LedgerAlarm) -> Answer<'a, ()> {
        self.answer(
            "alarm",
            self.contact()
                .and_then(|()| self.ledger.lock().unwrap().alarm(alarm)),
        )
    }

    fn who_looked<'a>(
        &'a self,
        _: &'a Session,
        patient: &'a str,
        cursor: Option<&'a str>,
    ) -> Answer<'a, ReportPage> {
        self.answer(
            "who_looked",
            self.contact()
                .map(|()| self.office.lock().unwrap().who_looked(patient, cursor)),
        )
    }

    fn report<'a>(&'a self, _: &'a Session, query: &'a ReportQuery) -> Answer<'a, ReportPage> {
        self.answer(
            "report",
            self.contact()
                .map(|()| self.office.lock().unwrap().report(query)),
        )
    }

    fn report_file<'a>(
        &'a self,
        _: &'a Session,
        query: &'a ReportQuery,
        form: ReportForm,
    ) -> Answer<'a, Vec<u8>> {
        self.answer(
            "report_file",
            self.contact()
                .map(|()| self.office.lock().unwrap().file(query, form)),
        )
    }

    fn reviews<'a>(
        &'a self,
        _: &'a Session,
        closed: bool,
        _: Option<&'a str>,
    ) -> Answer<'a, ReviewPage> {
        self.answer(
            "reviews",
            self.contact()
                .map(|()| self.office.lock().unwrap().reviews(closed)),
        )
    }

    fn close_review<'a>(
        &'a self,
        _: &'a Session,
        closing: &'a CloseReview,
    ) -> Answer<'a, ReviewItem> {
        self.answer(
            "close_review",
            self.contact()
                .map(|()| self.office.lock().unwrap().close(closing)),
        )
    }

    fn invite<'a>(&'a self, _: &'a Session, _: &'a InviteRequest) -> Answer<'a, Invitation> {
        self.answer("invite", Err(ServerError::Offline("no visits here".into())))
    }

    fn visit_act<'a>(&'a self, _: &'a Session, act: &'a VisitAct) -> Answer<'a, ()> {
        self.answer("visit_act", self.visits.act(act))
    }

    fn visit_news<'a>(
        &'a self,
        _: &'a Session,
    ) -> Answer<'a, BoxStream<'static, Result<VisitNews, ServerError>>> {
        self.answer("visit_news", Ok(self.visits.stream()))
    }
}

/// A workstation with all of that.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub keychain: Arc<MockKeychain>,
    pub clock: Arc<MockClock>,
    pub server: Arc<MockServer>,
    pub workstation: Workstation,
}

pub const SERVER: &str = "https://clinic.example";

impl Bench {
    pub fn new(records: Vec<Value>) -> Self {
        let keychain = Arc::new(MockKeychain::default());
        let clock = Arc::new(MockClock::default());
        let server = Arc::new(MockServer::new(records, clock.clone()));
        let folder = tempfile::tempdir().unwrap();
        let workstation = station(folder.path(), &keychain, &clock, &server);
        Self {
            folder,
            keychain,
            clock,
            server,
            workstation,
        }
    }

    /// Another process on the same computer, as after a restart.
    pub fn restarted(&self) -> Workstation {
        station(
            self.folder.path(),
            &self.keychain,
            &self.clock,
            &self.server,
        )
    }

    pub async fn enrolled(records: Vec<Value>) -> Self {
        let bench = Self::new(records);
        bench
            .workstation
            .enrol(enrol_form("ada", "right"))
            .await
            .unwrap();
        bench.settle().await;
        bench
    }

    /// Until the server has everything; two minutes at most.
    pub async fn settle(&self) {
        for _ in 0..2400 {
            let view = self.workstation.sync_view().await.unwrap();
            if view.connection == Connection::Online
                && view.first.is_none()
                && view.to_send == 0
                && view.audit_to_send == 0
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "it did not settle: {:?}",
            self.workstation.sync_view().await
        );
    }

    /// Until something is so; two minutes at most.
    pub async fn until<T, F: Future<Output = Option<T>>>(&self, is_so: impl Fn() -> F) -> T {
        for _ in 0..2400 {
            if let Some(so) = is_so().await {
                return so;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not come to be");
    }

    pub fn profile(&self) -> std::path::PathBuf {
        let profiles = self.folder.path().join("profiles");
        std::fs::read_dir(profiles)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.join("slots.json").exists())
            .unwrap()
    }
}

pub fn station(
    folder: &Path,
    keychain: &Arc<MockKeychain>,
    clock: &Arc<MockClock>,
    server: &Arc<MockServer>,
) -> Workstation {
    let places = Places {
        profiles: folder.join("profiles"),
        config: folder.join("config"),
    };
    let ports = Ports {
        keychain: keychain.clone(),
        server: server.clone(),
        browser: server.browser.clone(),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
    };
    let config = Config {
        downloads: Some(folder.join("downloads")),
        ..Config::load(&folder.join("config"))
    };
    Workstation::with_cost(places, config, ports, ArgonCost::LEAST)
}

pub fn enrol_form(username: &str, password: &str) -> EnrolForm {
    EnrolForm {
        server: SERVER.into(),
        username: username.into(),
        password: password.into(),
        code: "123 456".into(),
        organisation: false,
    }
}

pub fn unlock_form(username: &str, password: &str) -> UnlockForm {
    UnlockForm {
        server: SERVER.into(),
        username: username.into(),
        password: password.into(),
    }
}
