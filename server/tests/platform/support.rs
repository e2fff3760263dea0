//! A platform, devices and sessions for tests.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::event::{Actor, Client, Observer};
use ledger::{AccessEvent, Action};
use protocol::dpop::{self, ProofInput};
use protocol::fault::Problem;
use protocol::path;
use protocol::secret::Secret;
use protocol::sign_in::{DeviceCard, EnrolRequest, SessionGrant, SignInRequest};
use protocol::sync::SyncPage;
use protocol::upload::{UploadEntry, UploadReply, UploadRequest};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testbed::{NewUser, Platform, PlatformOptions, UserRecord};
use uuid::Uuid;

/// Logical id of the Practitioner that all users of the tests are.
pub const GENERAL_PRACTITIONER: &str = "gp";

/// A running platform and a client that trusts it.
pub struct Bench {
    pub platform: Platform,
    pub http: reqwest::Client,
    pub base: String,
}

impl Bench {
    pub fn start() -> Self {
        Self::with(PlatformOptions::quick())
    }

    pub fn with(options: PlatformOptions) -> Self {
        Self::after(options, |_| {})
    }

    /// A platform whose server starts after something was made ready for it.
    pub fn after(options: PlatformOptions, ready: impl FnOnce(&mut Platform)) -> Self {
        let mut platform = Platform::without_server(PlatformOptions {
            server: Some(env!("CARGO_BIN_EXE_rounds-server").into()),
            ..options
        })
        .unwrap_or_else(|error| panic!("{error}"));
        ready(&mut platform);
        platform
            .start_server()
            .unwrap_or_else(|error| panic!("{error}"));
        let ca = reqwest::Certificate::from_pem(&std::fs::read(platform.ca()).unwrap()).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([ca])
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let base = platform.base_url();
        Self {
            platform,
            http,
            base,
        }
    }

    pub fn user(&mut self, username: &str, role: &str) -> UserRecord {
        self.platform
            .add_user(&NewUser {
                username,
                role,
                display_name: username,
                password: Some("quiet-harbour-lights"),
                practitioner: Some(GENERAL_PRACTITIONER),
            })
            .unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn sql(&self, sql: &str) -> String {
        let cluster = self.platform.cluster();
        let printed = cluster.sql(self.platform.database(), sql);
        printed
            .unwrap_or_else(|error| panic!("{error}"))
            .trim()
            .to_owned()
    }

    /// How many audit events of this action there are.
    pub fn events(&self, action: &str) -> u32 {
        let sql = format!("SELECT count(*) FROM audit_event WHERE action = '{action}'");
        self.sql(&sql).parse().unwrap()
    }

    pub async fn enrol(&self, device: &Device, user: &UserRecord) -> Session {
        let response = self
            .try_enrol(device, user, &user.password, &code(user))
            .await;
        let grant: SessionGrant = granted(response).await;
        device.session(grant)
    }

    pub async fn try_enrol(
        &self,
        device: &Device,
        user: &UserRecord,
        password: &str,
        code: &str,
    ) -> Response {
        let body = EnrolRequest {
            username: user.username.clone(),
            password: Secret::new(password.to_owned()),
            totp: Secret::new(code.to_owned()),
            device: device.card(),
        };
        let request = device
            .request(self, Method::POST, path::ENROL, None)
            .json(&body);
        request.send().await.unwrap()
    }

    pub async fn try_sign_in(&self, device: &Device, username: &str, password: &str) -> Response {
        let body = SignInRequest {
            username: username.to_owned(),
            password: Secret::new(password.to_owned()),
        };
        let request = device
            .request(self, Method::POST, path::SIGN_IN, None)
            .json(&body);
        request.send().await.unwrap()
    }

    /// Enrols a fresh device for a fresh user.
    pub async fn workstation(&mut self, username: &str, role: &str) -> Session {
        let user = self.user(username, role);
        self.enrol(&Device::new(), &user).await
    }
}

impl Bench {
    /// Adds the Practitioner that all users of the tests are, so that patients can be assigned.
    pub async fn general_practitioner(&mut self) {
        let token = self
            .platform
            .token()
            .unwrap_or_else(|error| panic!("{error}"));
        let resource = json!({"resourceType": "Practitioner", "id": GENERAL_PRACTITIONER,
                              "name": [{"family": "General"}]});
        let url = self.url(&format!(
            "{}/Practitioner/{GENERAL_PRACTITIONER}",
            path::FHIR
        ));
        let request = self.http.put(url).bearer_auth(&token).json(&resource);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
    }

    /// All records, as a program with a bearer token gets them from the feed.
    pub async fn everything(&mut self) -> Vec<Value> {
        let token = self
            .platform
            .token()
            .unwrap_or_else(|error| panic!("{error}"));
        let (mut cursor, mut all) = (String::new(), Vec::new());
        loop {
            let url = self.url(&format!("{}?limit=2000&cursor={cursor}", path::SYNC));
            let page = self.http.get(url).bearer_auth(&token).send().await.unwrap();
            let page: SyncPage = granted(page).await;
            let texts = page
                .entries
                .iter()
                .filter_map(|entry| entry.resource.as_ref());
            all.extend(texts.map(|text| serde_json::from_str::<Value>(text.get()).unwrap()));
            cursor = page.cursor;
            if !page.more {
                return all;
            }
        }
    }
}

/// The one-time code of now.
pub fn code(user: &UserRecord) -> String {
    code_at(user, Timestamp::now())
}

pub fn code_at(user: &UserRecord, time: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(&user.totp_secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(time.as_second().unsigned_abs()).to_string()
}

pub async fn granted<T: DeserializeOwned>(response: Response) -> T {
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// Asserts a refusal: status and code.
pub async fn refused(response: Response, status: u16, code: &str) -> Problem {
    let found = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{text}");
    let problem: Problem = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(problem.code).unwrap(), code, "{text}");
    assert_eq!(problem.status, status);
    problem
}

/// A device key and its id.
#[derive(Clone)]
pub struct Device {
    pub id: Uuid,
    pub key: SigningKey,
}

impl Device {
    pub fn new() -> Self {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).unwrap();
        Self {
            id: Uuid::new_v4(),
            key: SigningKey::from_bytes(&seed),
        }
    }

    pub fn card(&self) -> DeviceCard {
        DeviceCard {
            id: self.id,
            name: "Front room".to_owned(),
            platform: "linux".to_owned(),
            public_key: dpop::encode_key(&self.key.verifying_key()),
        }
    }

    pub fn proof(&self, method: &Method, url: &str, token: Option<&str>, now: Timestamp) -> String {
        let jti = Uuid::new_v4().to_string();
        dpop::prove(
            &self.key,
            ProofInput {
                method: method.as_str(),
                url,
                token,
                now,
                jti: &jti,
            },
        )
    }

    pub fn request(
        &self,
        bench: &Bench,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> RequestBuilder {
        let url = bench.url(path);
        let proof = self.proof(&method, &url, token, Timestamp::now());
        let request = bench.http.request(method, url).header(dpop::HEADER, proof);
        match token {
            Some(token) => request.header("authorization", format!("DPoP {token}")),
            None => request,
        }
    }

    pub fn session(&self, grant: SessionGrant) -> Session {
        Session {
            device: self.clone(),
            token: grant.token.expose().to_owned(),
            grant,
        }
    }
}

/// A session on a device.
pub struct Session {
    pub device: Device,
    pub token: String,
    pub grant: SessionGrant,
}

impl Session {
    pub fn request(&self, bench: &Bench, method: Method, path: &str) -> RequestBuilder {
        self.device.request(bench, method, path, Some(&self.token))
    }

    pub async fn get(&self, bench: &Bench, path: &str) -> Response {
        self.request(bench, Method::GET, path).send().await.unwrap()
    }

    pub async fn post(&self, bench: &Bench, path: &str, body: &impl Serialize) -> Response {
        self.request(bench, Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub async fn page(&self, bench: &Bench, cursor: &str, limit: u32) -> SyncPage {
        let path = format!("{}?limit={limit}&cursor={cursor}", path::SYNC);
        granted(self.get(bench, &path).await).await
    }

    /// Follows the feed to its end. Gives the entries and the last cursor.
    pub async fn follow(
        &self,
        bench: &Bench,
        cursor: &str,
        limit: u32,
    ) -> (Vec<protocol::sync::SyncEntry>, String) {
        let mut cursor = cursor.to_owned();
        let mut entries = Vec::new();
        loop {
            let page = self.page(bench, &cursor, limit).await;
            entries.extend(page.entries);
            cursor = page.cursor;
            if !page.more {
                return (entries, cursor);
            }
        }
    }

    pub async fn upload(&self, bench: &Bench, entries: Vec<UploadEntry>) -> UploadReply {
        granted(
            self.post(
                bench,
                path::UPLOAD,
                &UploadRequest {
                    life: None,
                    links: None,
                    entries,
                },
            )
            .await,
        )
        .await
    }

    /// An event of this workstation.
    pub fn event(&self, action: Action, patient: &str) -> Value {
        self.access(action, patient).to_fhir()
    }

    /// The same, before it is an AuditEvent.
    pub fn access(&self, action: Action, patient: &str) -> AccessEvent {
        let client = Client {
            device: Some(self.device.id),
            name: "Rounds".to_owned(),
            address: None,
        };
        let observer = Observer::Workstation(self.device.id);
        AccessEvent::new(Uuid::new_v4(), Timestamp::now(), action, client, observer)
            .by(Actor {
                id: self.grant.user.id,
                name: self.grant.user.display_name.clone(),
                role: self.grant.user.role.as_str().to_owned(),
            })
            .about(patient)
    }
}

pub fn patient(id: &str, family: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": id,
        "name": [{"family": family, "given": ["Test"]}],
        "gender": "female", "birthDate": "1980-02-29",
    })
}

/// A patient of all users of the tests ([`Bench::general_practitioner`]).
pub fn own_patient(id: &str, family: &str) -> Value {
    let mut patient = patient(id, family);
    let reference = format!("Practitioner/{GENERAL_PRACTITIONER}");
    patient["generalPractitioner"] = json!([{"reference": reference}]);
    patient
}

pub fn condition(id: &str, patient: &str) -> Value {
    json!({
        "resourceType": "Condition", "id": id,
        "subject": {"reference": format!("Patient/{patient}")},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
    })
}

pub fn create(resource: &Value) -> UploadEntry {
    put(resource, json!({"ifNoneMatch": "*"}))
}

pub fn update(resource: &Value, version: u64) -> UploadEntry {
    put(resource, json!({"ifMatch": format!("W/\"{version}\"")}))
}

fn put(resource: &Value, condition: Value) -> UploadEntry {
    let url = format!(
        "{}/{}",
        resource["resourceType"].as_str().unwrap(),
        resource["id"].as_str().unwrap()
    );
    let mut request = json!({"method": "PUT", "url": url});
    for (name, value) in condition.as_object().unwrap() {
        request[name] = value.clone();
    }
    UploadEntry {
        key: Uuid::new_v4(),
        bundle: json!({
            "resourceType": "Bundle", "type": "transaction",
            "entry": [{"resource": resource, "request": request}],
        }),
    }
}
