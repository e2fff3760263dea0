//! A platform with a small clinic, and computers that work in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::Zoned;
use serde_json::{Value, json};
use testbed::{NewUser, Platform, PlatformOptions, UserRecord};
use url::Url;
use vault::slot::ArgonCost;
use workstation::Workstation;
use workstation::adapter::https::Https;
use workstation::port::Ports;
use workstation::port::browser::{Browser, NoBrowser};
use workstation::port::clock::SystemClock;
use workstation::port::entropy::SystemEntropy;
use workstation::port::keychain::{Keychain, KeychainError};
use workstation::profile::Places;
use workstation::profile::config::Config;
use workstation::view::access::{AccessView, EmergencyForm, JustifyForm};
use workstation::view::fault::Fault;
use workstation::view::schedule::BookingForm;
use workstation::view::session::{EnrolForm, SessionView, UnlockForm};
use zeroize::Zeroizing;

use crate::browser;
use crate::node::{self, Program};

pub struct Clinic {
    pub platform: Platform,
    pub folder: tempfile::TempDir,
    pub url: String,
}

impl Clinic {
    pub fn start() -> Self {
        Self::on(Platform::start(PlatformOptions::quick()).unwrap())
    }

    /// A clinic whose server knows the organisation's identity provider.
    pub fn with_provider() -> (Self, Program) {
        let mut platform = Platform::without_server(PlatformOptions::quick()).unwrap();
        let client = [("CLIENT_ID", "rounds"), ("CLIENT_SECRET", "hush")];
        let program = node::listening(&platform, "provider.mjs", &client);
        let ca = platform.ca().to_string_lossy().into_owned();
        for (name, value) in [
            (
                "ROUNDS_OIDC_ISSUER",
                &*format!("https://localhost:{}", program.port),
            ),
            ("ROUNDS_OIDC_CLIENT_ID", "rounds"),
            ("ROUNDS_OIDC_CLIENT_SECRET", "hush"),
            ("ROUNDS_OIDC_CA", &ca),
        ] {
            platform.set_environment(name, value);
        }
        platform.start_server().unwrap();
        (Self::on(platform), program)
    }

    fn on(platform: Platform) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("records");
        std::fs::create_dir(&records).unwrap();
        let entry: Vec<Value> = records_of_the_clinic()
            .into_iter()
            .map(|resource| {
                let url = format!(
                    "{}/{}",
                    resource["resourceType"].as_str().unwrap(),
                    resource["id"].as_str().unwrap()
                );
                json!({"resource": resource, "request": {"method": "PUT", "url": url}})
            })
            .collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entry});
        std::fs::write(records.join("clinic.json"), bundle.to_string()).unwrap();
        let report = platform.import(&records).unwrap();
        assert_eq!(report["imported"]["Patient"], 3, "{report}");
        let url = platform.base_url();
        Self {
            platform,
            folder,
            url,
        }
    }

    /// Writes a record as another program would.
    pub async fn put(&mut self, resource: &Value) {
        let token = self.platform.token().unwrap();
        let ca = std::fs::read(self.platform.ca()).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([ca])
            .build()
            .unwrap();
        let (kind, id) = (&resource["resourceType"], &resource["id"]);
        let (kind, id) = (kind.as_str().unwrap(), id.as_str().unwrap());
        let url = format!("{}/fhir/R4/{kind}/{id}", self.url);
        let request = client.put(url).bearer_auth(token).json(resource);
        let response = request.send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            response.text().await.unwrap()
        );
    }

    /// A patient of a doctor.
    pub async fn patient(&mut self, id: &str, doctor: &str) {
        let mut patient = patient(id, "Test");
        let reference = format!("Practitioner/{doctor}");
        patient["generalPractitioner"] = json!([{"reference": reference}]);
        self.put(&patient).await;
    }
}

/// One platform for tests that leave it as it is.
pub fn shared() -> &'static Clinic {
    static SHARED: OnceLock<Clinic> = OnceLock::new();
    SHARED.get_or_init(Clinic::start)
}

/// A patient of the first doctor.
fn patient(id: &str, given: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": true,
        "identifier": [{"system": "urn:rounds:mrn", "value": format!("MRN-{id}"),
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}],
        "name": [{"use": "official", "family": "Okafor", "given": [given]}],
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "gender": "female", "birthDate": "1980-02-29",
        "address": [{"use": "home", "line": ["1 Main St"], "city": "Springfield"}],
        "generalPractitioner": [{"reference": "Practitioner/dr1"}]})
}

fn records_of_the_clinic() -> Vec<Value> {
    vec![
        json!({"resourceType": "Practitioner", "id": "dr1", "active": true,
            "name": [{"family": "Lovelace", "given": ["Ada"]}]}),
        json!({"resourceType": "Schedule", "id": "s1", "actor": [{"reference": "Practitioner/dr1"}]}),
        patient("p1", "Ngozi"),
        patient("p2", "Ben"),
        patient("p3", "Closed"),
        json!({"resourceType": "Condition", "id": "k3",
            "clinicalStatus": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
            "code": {"text": "Asthma"}, "subject": {"reference": "Patient/p3"}}),
        json!({"resourceType": "Consent", "id": "c3", "status": "active",
            "scope": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
            "policyRule": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
            "patient": {"reference": "Patient/p3"},
            "provision": {"type": "deny", "actor": [{
                "role": {"coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]},
                "reference": {"reference": "Practitioner/dr1"}}]}}),
    ]
}

/// The clinic's day some days from now.
pub fn day(ahead: i64) -> String {
    at(ahead).date().to_string()
}

fn at(ahead: i64) -> Zoned {
    let now = Zoned::now().in_tz("America/New_York").unwrap();
    now.date()
        .checked_add(jiff::Span::new().days(ahead))
        .unwrap()
        .at(10, 0, 0, 0)
        .in_tz("America/New_York")
        .unwrap()
}

/// Ten o'clock, some days from now.
pub fn booking(patient: &str, practitioner: &str, ahead: i64) -> BookingForm {
    BookingForm {
        patient: patient.into(),
        practitioner: practitioner.into(),
        start: at(ahead).timestamp().to_string(),
        minutes: 20,
        reason: "Ear ache".into(),
    }
}

/// Bundles from elsewhere, if this machine has them.
pub fn foreign() -> Option<PathBuf> {
    let root = std::env::var_os("ROUNDS_FOREIGN_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    Some(root.join("synthea")).filter(|folder| folder.is_dir())
}

#[derive(Default)]
pub struct MemoryKeychain(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryKeychain {
    pub fn accounts(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

impl Keychain for MemoryKeychain {
    fn name(&self) -> String {
        "memory".into()
    }

    fn get(&self, account: &str) -> Result<Zeroizing<Vec<u8>>, KeychainError> {
        let all = self.0.lock().unwrap();
        all.get(account)
            .cloned()
            .map(Zeroizing::new)
            .ok_or(KeychainError::NoEntry)
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), KeychainError> {
        self.0.lock().unwrap().insert(account.into(), secret.into());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<(), KeychainError> {
        self.0.lock().unwrap().remove(account);
        Ok(())
    }
}

/// Whoever sits in front of the system's browser.
pub struct Visitor {
    ca: PathBuf,
    /// Name that is signed in with; nobody does anything without.
    pub login: Mutex<Option<String>>,
    pub opened: AtomicU32,
    runtime: tokio::runtime::Handle,
}

impl Browser for Visitor {
    fn open(&self, page: &Url) -> Result<(), NoBrowser> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let (page, ca) = (page.to_string(), self.ca.clone());
        let login = self.login.lock().unwrap().clone();
        self.runtime.spawn(async move {
            let Some(login) = login else { return };
            let back = browser::browse(&ca, &page, &login).await;
            let shown = reqwest::get(back).await.unwrap().text().await.unwrap();
            assert!(shown.contains("Go back to Rounds"), "{shown}");
        });
        Ok(())
    }
}

/// A computer.
pub struct Desk {
    pub station: Workstation,
    pub browser: Arc<Visitor>,
    pub keychain: Arc<MemoryKeychain>,
    user: Option<(String, UserRecord)>,
    folder: tempfile::TempDir,
}

impl Desk {
    /// Where the profiles lie.
    pub fn profiles(&self) -> PathBuf {
        self.folder.path().join("profiles")
    }

    pub fn with_ca(ca: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            profiles: folder.path().join("profiles"),
            config: folder.path().join("config"),
        };
        let clock = Arc::new(SystemClock::default());
        let entropy = Arc::new(SystemEntropy);
        let server = Https::new(Some(ca), "Rounds-test", clock.clone(), entropy.clone()).unwrap();
        let keychain = Arc::new(MemoryKeychain::default());
        let browser = Arc::new(Visitor {
            ca: ca.to_owned(),
            login: Mutex::default(),
            opened: AtomicU32::new(0),
            runtime: tokio::runtime::Handle::current(),
        });
        let ports = Ports {
            keychain: keychain.clone(),
            server: Arc::new(server),
            browser: browser.clone(),
            clock,
            entropy,
        };
        let station = Workstation::with_cost(places, Config::default(), ports, ArgonCost::LEAST);
        Self {
            station,
            browser,
            keychain,
            user: None,
            folder,
        }
    }

    pub async fn enrolled(
        clinic: &mut Clinic,
        username: &str,
        role: &str,
        practitioner: Option<&str>,
    ) -> Self {
        let user = clinic
            .platform
            .add_user(&NewUser {
                username,
                role,
                display_name: username,
                password: None,
                practitioner,
            })
            .unwrap();
        let mut desk = Self::with_ca(clinic.platform.ca());
        let code = code(&user);
        desk.try_enrol(&clinic.url, username, &user.password, &code)
            .await
            .unwrap();
        desk.user = Some((clinic.url.clone(), user));
        desk.settle().await;
        desk
    }

    pub async fn try_enrol(
        &self,
        server: &str,
        username: &str,
        password: &str,
        code: &str,
    ) -> Result<SessionView, Fault> {
        let form = EnrolForm {
            server: server.into(),
            username: username.into(),
            password: password.into(),
            code: code.into(),
            organisation: false,
        };
        self.station.enrol(form).await
    }

    /// Gives a reason for a record to which nothing relates this user.
    pub async fn justify(&self, patient: &str) {
        let form = JustifyForm {
            patient: patient.into(),
            reason: "Covering for a colleague".into(),
        };
        self.station.justify_access(form).await.unwrap();
    }

    /// Takes emergency access with this user's password.
    pub async fn emergency(&self, patient: &str, reason: &str) -> Result<AccessView, Fault> {
        let (_, user) = self.user.as_ref().unwrap();
        let form = EmergencyForm {
            patient: patient.into(),
            reason: reason.into(),
            password: user.password.clone(),
        };
        self.station.emergency_access(form).await
    }

    pub async fn unlock(&self) -> Result<SessionView, Fault> {
        let (server, user) = self.user.as_ref().unwrap();
        let form = UnlockForm {
            server: server.clone(),
            username: user.username.clone(),
            password: user.password.clone(),
        };
        self.station.unlock(form).await
    }

    /// Until the server has everything.
    pub async fn settle(&self) {
        self.until(|station| async move {
            let view = station.sync_view().await.unwrap();
            view.to_send == 0
                && view.audit_to_send == 0
                && view.first.is_none()
                && view.confirmed_at.is_some()
                || view.needs_you > 0
        })
        .await;
    }

    /// Until something is so; three minutes at most.
    pub async fn until<F: Future<Output = bool>>(&self, is_so: impl Fn(Workstation) -> F) {
        for _ in 0..1800 {
            if is_so(self.station.clone()).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "it did not come to be: {:?}",
            self.station.sync_view().await
        );
    }
}

pub fn code(user: &UserRecord) -> String {
    let secret = totp_rs::Secret::try_from_base32(&user.totp_secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(jiff::Timestamp::now().as_second().unsigned_abs())
        .to_string()
}
