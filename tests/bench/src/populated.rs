//! A platform with a synthetic clinic in it.

use std::cell::{Cell, RefCell};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use testbed::{NewUser, Platform, PlatformOptions, UserRecord, find_program};

use crate::row::RowError;

/// A clinic that somebody works in.
pub struct Populated {
    platform: RefCell<Platform>,
    clinician: Person,
    /// Family name of somebody whom the clinician looks after.
    pub family: String,
    users: Cell<u32>,
    _folder: tempfile::TempDir,
}

#[derive(Debug, Clone, Deserialize)]
struct Person {
    role: String,
    display_name: String,
    practitioner: Option<String>,
}

impl Populated {
    /// Makes the clinic and imports it.
    pub fn start(patients: usize, tell: &dyn Fn(&str)) -> Result<Self, RowError> {
        let folder = tempfile::tempdir()?;
        let bundles = folder.path().join("clinic");
        tell("making a clinic");
        let made = Command::new(find_program("synthetic")?)
            .args(["--seed", "7", "--patients", &patients.to_string()])
            .arg("--out")
            .arg(&bundles)
            .output()?;
        if !made.status.success() {
            let why = String::from_utf8_lossy(&made.stderr).into_owned();
            return Err(RowError::Missing(why));
        }
        let people: Vec<Person> =
            serde_json::from_slice(&std::fs::read(bundles.join("users.json"))?)?;
        // The list of users is not FHIR; what is imported is.
        std::fs::remove_file(bundles.join("users.json"))?;
        let clinician = people
            .into_iter()
            .find(|person| person.role == "clinician" && person.practitioner.is_some())
            .ok_or_else(|| RowError::Missing("the clinic has no clinician".into()))?;
        let family = all_assigned(&bundles, &clinician)?;
        tell("importing it");
        let platform = Platform::start(PlatformOptions::default())?;
        platform.import(&bundles)?;
        platform.cluster().sql(platform.database(), "ANALYZE")?;
        Ok(Self {
            platform: RefCell::new(platform),
            clinician,
            family,
            users: Cell::new(0),
            _folder: folder,
        })
    }

    /// The platform.
    pub fn platform(&self) -> std::cell::Ref<'_, Platform> {
        self.platform.borrow()
    }

    /// One more account for the clinician: a one-time code enrols one computer.
    pub fn user(&self) -> Result<UserRecord, RowError> {
        self.users.set(self.users.get() + 1);
        let user = self.platform.borrow_mut().add_user(&NewUser {
            username: &format!("clinician{}", self.users.get()),
            role: &self.clinician.role,
            display_name: &self.clinician.display_name,
            password: None,
            practitioner: self.clinician.practitioner.as_deref(),
        })?;
        Ok(user)
    }
}

/// Assigns every patient to the clinician, so that every chart comes to the workstation. Gives a
/// family name of one, plain enough to be typed.
fn all_assigned(bundles: &std::path::Path, clinician: &Person) -> Result<String, RowError> {
    let practitioner = clinician.practitioner.as_deref().unwrap_or_default();
    let doctor = json!([{"reference": format!("Practitioner/{practitioner}")}]);
    let mut found = None;
    for file in std::fs::read_dir(bundles)? {
        let path = file?.path();
        let mut bundle: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
            let resource = &mut entry["resource"];
            if resource["resourceType"] != "Patient" {
                continue;
            }
            resource["generalPractitioner"] = doctor.clone();
            let family = resource["name"][0]["family"].as_str().unwrap_or_default();
            if family.len() > 4 && family.chars().all(|c| c.is_ascii_alphabetic()) {
                found.get_or_insert_with(|| family.to_owned());
            }
        }
        std::fs::write(&path, serde_json::to_vec(&bundle)?)?;
    }
    found.ok_or_else(|| RowError::Missing("no patient has a plain name".into()))
}
