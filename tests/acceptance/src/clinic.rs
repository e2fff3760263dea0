//! The clinic that is visited: a platform of its own, filled with synthetic people.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::RequestBuilder;
use serde::Deserialize;
use serde_json::Value;
use testbed::{NewUser, Platform, PlatformOptions, UserRecord};
use totp_rs::{Builder, Secret};

use crate::TourError;
use crate::tour::TourOptions;

/// The platform, and who works there.
pub struct Clinic {
    platform: Platform,
    /// Who could work there, as far as they do not yet.
    people: Vec<Person>,
    clinician: Member,
    zone: String,
    token: String,
    _folder: tempfile::TempDir,
}

/// Somebody who works there.
#[derive(Debug, Clone)]
pub struct Member {
    /// How to sign in.
    pub user: UserRecord,
    /// Logical id of their Practitioner, where they have one.
    pub practitioner: Option<String>,
    /// Their name for people.
    pub name: String,
}

impl Member {
    /// The one-time code for now.
    pub fn code(&self) -> Result<String, TourError> {
        let secret = Secret::try_from_base32(&self.user.totp_secret).map_err(platform_error)?;
        let totp = Builder::new()
            .with_secret(secret)
            .build()
            .map_err(platform_error)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(platform_error)?;
        Ok(totp.generate(now.as_secs()).to_string())
    }
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
        let mut people: Vec<Person> =
            serde_json::from_slice(&std::fs::read(bundles.join("users.json"))?)
                .map_err(platform_error)?;
        // The list of users is not FHIR; what is imported is.
        std::fs::rename(bundles.join("users.json"), folder.path().join("users.json"))?;
        let mut platform = Platform::start(PlatformOptions {
            data: Some(folder.path().join("platform")),
            time_zone: zone.clone(),
            environment: vec![(
                "ROUNDS_PATIENT_PAGE".to_owned(),
                concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/dist-patient").to_owned(),
            )],
            ..PlatformOptions::quick()
        })
        .map_err(platform_error)?;
        platform.import(&bundles).map_err(platform_error)?;
        let clinician = employ(&mut platform, &mut people, "clinician")?;
        let token = platform.token().map_err(platform_error)?;
        Ok(Self {
            platform,
            people,
            clinician,
            zone,
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
    pub fn clinician(&self) -> &Member {
        &self.clinician
    }

    /// Another one of this role.
    pub fn join(&mut self, role: &str) -> Result<Member, TourError> {
        employ(&mut self.platform, &mut self.people, role)
    }

    /// The clinic's day some days from now, `YYYY-MM-DD`.
    pub fn day(&self, ahead: i64) -> Result<String, TourError> {
        let now = jiff::Zoned::now()
            .in_tz(&self.zone)
            .map_err(platform_error)?;
        let day = now
            .date()
            .checked_add(jiff::Span::new().days(ahead))
            .map_err(platform_error)?;
        Ok(day.to_string())
    }

    /// When the clinic's clocks show this.
    pub fn instant(&self, day: &str, time: &str) -> Result<String, TourError> {
        let wall: jiff::civil::DateTime =
            format!("{day}T{time}:00").parse().map_err(platform_error)?;
        let zoned = wall.in_tz(&self.zone).map_err(platform_error)?;
        Ok(zoned.timestamp().to_string())
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

/// Makes the next person of this role a user.
fn employ(
    platform: &mut Platform,
    people: &mut Vec<Person>,
    role: &str,
) -> Result<Member, TourError> {
    let place = people
        .iter()
        .position(|person| person.role == role)
        .ok_or_else(|| platform_error(format!("the clinic has no more people: {role}")))?;
    let person = people.remove(place);
    let user = platform
        .add_user(&NewUser {
            username: &person.username,
            role: &person.role,
            display_name: &person.display_name,
            password: Some("correct horse battery staple"),
            practitioner: person.practitioner.as_deref(),
        })
        .map_err(platform_error)?;
    Ok(Member {
        user,
        practitioner: person.practitioner,
        name: person.display_name,
    })
}

/// The text of a note.
pub(crate) fn note_text(note: &Value) -> String {
    use base64::Engine as _;
    note["content"][0]["attachment"]["data"]
        .as_str()
        .and_then(|data| base64::engine::general_purpose::STANDARD.decode(data).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
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

pub(crate) fn platform_error(error: impl std::fmt::Display) -> TourError {
    TourError::Platform(error.to_string())
}
