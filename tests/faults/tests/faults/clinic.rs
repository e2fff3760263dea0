//! A platform with two patients, and desks that work in it.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use faults::desk::{Order, Said, State};
use serde_json::{Value, json};
use testbed::{NewUser, Platform, PlatformOptions, UserRecord};

use crate::process::{PATIENCE, Process, json};

/// Those of the clinic.
pub const PATIENTS: [&str; 2] = ["p1", "p2"];

pub struct Clinic {
    pub platform: Platform,
    token: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Clinic {
    /// Starts it with these names of patients.
    pub fn start(names: [(&str, &str); 2]) -> Self {
        let start = || Platform::start(PlatformOptions::quick());
        // Its port was free when it was chosen; other tests choose ports as well.
        let mut platform = start().or_else(|_| start()).unwrap();
        let records = tempfile::tempdir().unwrap();
        let mut resources = vec![
            json!({"resourceType": "Practitioner", "id": "dr1", "active": true,
                "name": [{"family": "Lovelace", "given": ["Ada"]}]}),
        ];
        for (id, (family, given)) in PATIENTS.iter().zip(names) {
            resources.push(json!({"resourceType": "Patient", "id": id, "active": true,
                "name": [{"use": "official", "family": family, "given": [given]}],
                "gender": "female", "birthDate": "1980-02-29",
                "generalPractitioner": [{"reference": "Practitioner/dr1"}]}));
        }
        let entry: Vec<Value> = resources
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
        std::fs::write(records.path().join("clinic.json"), bundle.to_string()).unwrap();
        platform.import(records.path()).unwrap();
        let token = platform.token().unwrap();
        let ca = std::fs::read(platform.ca()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&ca).unwrap())
            // The server is killed: no connection is worth keeping.
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            platform,
            token,
            client,
            runtime,
        }
    }

    pub fn add_user(&mut self, username: &str) -> UserRecord {
        self.platform
            .add_user(&NewUser {
                username,
                role: "clinician",
                display_name: username,
                password: None,
                practitioner: Some("dr1"),
            })
            .unwrap()
    }

    /// A desk whose things lie in `folder`.
    pub fn desk(&self, folder: &Path) -> Process<Said> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_faults-desk"));
        command
            .arg(folder)
            .arg(self.platform.base_url())
            .arg(self.platform.ca())
            .env("ROUNDS_LOG", "error");
        let desk = Process::start(&mut command, json);
        assert_eq!(desk.hear(), Some(Said::Ready));
        desk
    }

    /// Writes a record as somebody else would; false when the server is not there.
    pub fn put(&self, resource: &Value) -> bool {
        let url = format!(
            "{}/fhir/R4/{}/{}",
            self.platform.base_url(),
            resource["resourceType"].as_str().unwrap(),
            resource["id"].as_str().unwrap()
        );
        let request = self
            .client
            .put(url)
            .bearer_auth(&self.token)
            .header("Content-Type", "application/fhir+json")
            .body(resource.to_string());
        match self.runtime.block_on(async { request.send().await }) {
            Ok(answer) => {
                assert!(answer.status().is_success(), "{answer:?}");
                true
            }
            Err(_) => false,
        }
    }

    /// All records of one type of a patient.
    pub fn search(&self, kind: &str, patient: &str) -> Vec<Value> {
        let mut url = format!(
            "{}/fhir/R4/{kind}?patient={patient}&_count=500",
            self.platform.base_url()
        );
        let mut found = Vec::new();
        loop {
            let request = self.client.get(&url).bearer_auth(&self.token);
            let page: Value = self.runtime.block_on(async {
                let answer = request.send().await.unwrap();
                serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
            });
            for entry in page["entry"].as_array().into_iter().flatten() {
                found.push(entry["resource"].clone());
            }
            let next = page["link"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|link| link["relation"] == "next");
            match next {
                Some(link) => url = link["url"].as_str().unwrap().to_owned(),
                None => return found,
            }
        }
    }
}

/// Gives an order and waits for its end.
pub fn order(desk: &mut Process<Said>, order: &Order) -> Said {
    desk.tell(order);
    desk.hear().expect("it ended")
}

pub fn done(desk: &mut Process<Said>, what: &Order) {
    let said = order(desk, what);
    assert_eq!(said, Said::Done, "{what:?}");
}

pub fn inspect(desk: &mut Process<Said>) -> State {
    match order(desk, &Order::Inspect) {
        Said::State(state) => state,
        other => panic!("{other:?}"),
    }
}

/// The six digits of now.
pub fn code(user: &UserRecord) -> String {
    let secret = totp_rs::Secret::try_from_base32(&user.totp_secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    totp.generate(now).to_string()
}

pub fn enrol(user: &UserRecord) -> Order {
    Order::Enrol {
        username: user.username.clone(),
        password: user.password.clone(),
        code: code(user),
    }
}

pub fn unlock(user: &UserRecord, alone: bool) -> Order {
    Order::Unlock {
        username: user.username.clone(),
        password: user.password.clone(),
        alone,
    }
}

/// The text of a signed note.
pub fn text(content: &str) -> String {
    String::from_utf8(STANDARD.decode(content).unwrap()).unwrap()
}
