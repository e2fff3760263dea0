//! The clinic that the tour visits: a platform of its own, filled with synthetic people.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::Value;
use testbed::{NewUser, Platform, PlatformOptions, UserRecord};
use totp_rs::{Builder, Secret};

use super::TourOptions;
use crate::TourError;

/// The platform, and who works there.
pub struct Clinic {
    platform: Platform,
    clinician: UserRecord,
    practitioner: String,
    name: String,
    token: String,
    _folder: tempfile::TempDir,
}

#[derive(Deserialize)]
struct Person {
    username: String,
    role: String,
    display_name: String,
    practitioner: Option<String>,
}

impl Clinic {
    /// Starts the platform and fills it.
    pub fn open(options: &TourOptions) -> Result<Self, TourError> {
        let folder = tempfile::Builder::new().prefix("rounds-tour-").tempdir()?;
        let bundles = folder.path().join("clinic");
        let zone = zone_before_opening()?;
        let made = Command::new(&options.synthetic)
            .args(["--seed", "7", "--patients", &options.patients.to_string()])
            .args(["--zone", &zone])
            .arg("--out")
            .arg(&bundles)
            .output()?;
        if !made.status.success() {
            return Err(platform_error(String::from_utf8_lossy(&made.stderr)));
        }
        let people: Vec<Person> =
            serde_json::from_slice(&std::fs::read(bundles.join("users.json"))?)
                .map_err(platform_error)?;
        // The list of users is not FHIR; what is imported is.
        std::fs::rename(bundles.join("users.json"), folder.path().join("users.json"))?;
        let mut platform = Platform::start(PlatformOptions {
            data: Some(folder.path().join("platform")),
            time_zone: zone,
            ..PlatformOptions::quick()
        })
        .map_err(platform_error)?;
        platform.import(&bundles).map_err(platform_error)?;
        let person = people
            .iter()
            .find(|person| person.role == "clinician" && person.practitioner.is_some())
            .ok_or_else(|| platform_error("the clinic has no clinician"))?;
        let clinician = platform
            .add_user(&NewUser {
                username: &person.username,
                role: &person.role,
                display_name: &person.display_name,
                password: Some("correct horse battery staple"),
                practitioner: person.practitioner.as_deref(),
            })
            .map_err(platform_error)?;
        let token = platform.token().map_err(platform_error)?;
        Ok(Self {
            platform,
            clinician,
            practitioner: person.practitioner.clone().unwrap_or_default(),
            name: person.display_name.clone(),
            token,
            _folder: folder,
        })
    }

    /// `https://localhost:PORT`.
    pub fn base_url(&self) -> String {
        self.platform.base_url()
    }

    /// The certificate to trust.
    pub fn ca(&self) -> &Path {
        self.platform.ca()
    }

    /// Who takes the tour.
    pub fn clinician(&self) -> &UserRecord {
        &self.clinician
    }

    /// Logical id of the clinician's Practitioner.
    pub fn practitioner(&self) -> &str {
        &self.practitioner
    }

    /// The clinician's name for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clinician's one-time code for now.
    pub fn code(&self) -> Result<String, TourError> {
        let secret =
            Secret::try_from_base32(&self.clinician.totp_secret).map_err(platform_error)?;
        let totp = Builder::new()
            .with_secret(secret)
            .build()
            .map_err(platform_error)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(platform_error)?;
        Ok(totp.generate(now.as_secs()).to_string())
    }

    /// The network goes: nothing answers any more.
    pub fn stop_server(&mut self) {
        self.platform.stop_server();
    }

    /// And comes back.
    pub fn start_server(&mut self) -> Result<(), TourError> {
        self.platform.start_server().map_err(platform_error)
    }

    /// Everything the database holds, as text.
    pub fn dump(&self) -> Result<String, TourError> {
        self.platform
            .cluster()
            .dump(self.platform.database())
            .map_err(platform_error)
    }

    /// The server's log.
    pub fn log(&self) -> std::path::PathBuf {
        self.platform.log()
    }

    /// Asks the FHIR service as an integration client would.
    pub async fn fhir(&self, path: &str) -> Result<Value, TourError> {
        let asked = self.client()?.get(self.url(path));
        self.answer(path, asked).await
    }

    /// Makes a resource as an integration client would.
    pub async fn create(&self, resource: &Value) -> Result<Value, TourError> {
        let path = resource["resourceType"].as_str().unwrap_or_default();
        let asked = self
            .client()?
            .post(self.url(path))
            .header("content-type", "application/fhir+json")
            .body(resource.to_string());
        self.answer(path, asked).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/fhir/R4/{path}", self.base_url())
    }

    fn client(&self) -> Result<reqwest::Client, TourError> {
        let ca = std::fs::read(self.ca())?;
        let certificate = reqwest::Certificate::from_pem(&ca).map_err(platform_error)?;
        reqwest::Client::builder()
            .tls_certs_only([certificate])
            .build()
            .map_err(platform_error)
    }

    async fn answer(&self, path: &str, asked: RequestBuilder) -> Result<Value, TourError> {
        let answer = asked
            .bearer_auth(&self.token)
            .send()
            .await
            .map_err(platform_error)?;
        let status = answer.status();
        let body: Value = answer.json().await.map_err(platform_error)?;
        if !status.is_success() {
            return Err(platform_error(format!("{path}: {status}: {body}")));
        }
        Ok(body)
    }

    /// Every resource that a search finds, over all its pages.
    pub async fn search(&self, query: &str) -> Result<Vec<Value>, TourError> {
        let mut found = Vec::new();
        let mut next = Some(query.to_owned());
        while let Some(query) = next {
            let page = self.fhir(&query).await?;
            for entry in page["entry"].as_array().into_iter().flatten() {
                if entry["search"]["mode"] != "outcome" {
                    found.push(entry["resource"].clone());
                }
            }
            next = page["link"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|link| link["relation"] == "next")
                .and_then(|link| link["url"].as_str())
                .and_then(|url| url.split("/fhir/R4/").nth(1))
                .map(str::to_owned);
        }
        Ok(found)
    }
}

/// A time zone in which it is about two in the morning: the whole working day lies ahead, at
/// whatever hour the tour is taken.
fn zone_before_opening() -> Result<String, TourError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(platform_error)?;
    let hour = (now.as_secs() / 3600 % 24) as i64;
    let offset = (2 - hour + 12).rem_euclid(24) - 12;
    // These names count westward.
    Ok(match offset {
        0 => "Etc/UTC".to_owned(),
        east if east > 0 => format!("Etc/GMT-{east}"),
        west => format!("Etc/GMT+{}", -west),
    })
}

pub(super) fn platform_error(error: impl std::fmt::Display) -> TourError {
    TourError::Platform(error.to_string())
}
