//! Records that are closed to the clinician: opened with a reason, or in an emergency.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{CANARIES, Tour};
use crate::TourError;
use crate::clinic::{Clinic, platform_error};

/// Patients as the tour needs them, told apart by family names that nobody else has.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// Logical id.
    pub id: String,
    /// Family name in plain letters.
    pub family: String,
}

/// Whom the tour meets.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    /// Assigned to the clinician.
    pub own: Known,
    /// Nothing relates the clinician to this one.
    pub stranger: Known,
    /// Assigned to the clinician, and has closed the record to everybody.
    pub closed: Known,
}

/// Chooses the patients, and closes a record as a patient's portal would.
pub(super) async fn cast(clinic: &Clinic) -> Result<Cast, TourError> {
    let me = clinic.clinician().practitioner.clone().unwrap_or_default();
    let me = format!("Practitioner/{me}");
    let patients = clinic.search("Patient?_count=200&_sort=_id").await?;
    let related = related(clinic, &me).await?;
    let families: Vec<&str> = patients.iter().map(family).collect();
    let mut plain = patients
        .iter()
        .filter(|patient| patient["deceasedDateTime"].is_null())
        .filter(|patient| {
            let name = family(patient);
            name.len() > 4
                && name.chars().all(|c| c.is_ascii_alphabetic())
                && families
                    .iter()
                    .filter(|other| other.starts_with(&name[..3]))
                    .count()
                    == 1
        })
        .map(|patient| {
            let known = Known {
                id: patient["id"].as_str().unwrap_or_default().to_owned(),
                family: family(patient).to_owned(),
            };
            let assigned = patient["generalPractitioner"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|gp| gp["reference"] == me.as_str());
            (known, assigned)
        });
    let (mut own, mut strangers) = (Vec::new(), Vec::new());
    for (known, assigned) in plain.by_ref() {
        if assigned {
            own.push(known);
        } else if !related.contains(&known.id) {
            strangers.push(known);
        }
    }
    let lacking = || platform_error("the clinic is too small for the tour");
    let mut own = own.into_iter();
    let cast = Cast {
        own: own.next().ok_or_else(lacking)?,
        closed: own.next().ok_or_else(lacking)?,
        stranger: strangers.into_iter().next().ok_or_else(lacking)?,
    };
    clinic.create(&closing(&cast.closed.id)).await?;
    Ok(cast)
}

/// Patients that an appointment, a visit, a task or a care team relates to the clinician.
async fn related(clinic: &Clinic, me: &str) -> Result<HashSet<String>, TourError> {
    let mut related = HashSet::new();
    for kind in ["Appointment", "Encounter", "CareTeam", "Task"] {
        for record in clinic.search(&format!("{kind}?_count=500")).await? {
            let text = record.to_string();
            if !text.contains(me) {
                continue;
            }
            related.extend(
                text.split("\"Patient/")
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next())
                    .map(str::to_owned),
            );
        }
    }
    Ok(related)
}

fn family(patient: &Value) -> &str {
    patient["name"][0]["family"].as_str().unwrap_or_default()
}

/// A Consent that permits nobody.
fn closing(patient: &str) -> Value {
    let coding =
        |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coding("http://loinc.org", "59284-0")],
        "patient": { "reference": format!("Patient/{patient}") },
        "dateTime": "2020-01-01",
        "policyRule": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT"),
        "provision": { "type": "deny" },
    })
}

pub(super) async fn who_looked(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("a4: who looked at this chart");
    let me = tour.clinic.clinician().name.clone();
    let window = tour.window()?;
    window.click("[data-testid=chart-tab-who-looked]").await?;
    window
        .see_within("[data-testid=who-looked-row]", &me, Duration::from_secs(30))
        .await?;
    tour.picture("who-looked").await
}

pub(super) async fn give_a_reason(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("p1: a chart that nothing relates to the clinician");
    let family = tour.cast.stranger.family.clone();
    look_up(tour, &family).await?;
    let window = tour.window()?;
    window.find("[data-testid=closed-justify]").await?;
    tour.did("chart-opened refused");
    tour.picture("needs-a-reason").await?;
    let window = tour.window()?;
    window
        .fill("[data-testid=closed-reason]", CANARIES.reason)
        .await?;
    window.click("[data-testid=closed-open]").await?;
    window.see("[data-testid=chart-name]", &family).await?;
    tour.did("access-justified");
    tour.did("chart-opened");
    tour.window()?
        .find("[data-testid=chart-granted][data-kind=justified]")
        .await?;
    tour.picture("opened-with-a-reason").await
}

pub(super) async fn emergency(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("p3: a record that its patient closed, in an emergency");
    let family = tour.cast.closed.family.clone();
    let password = tour.clinic.clinician().user.password.clone();
    look_up(tour, &family).await?;
    let window = tour.window()?;
    window.find("[data-testid=closed-emergency]").await?;
    tour.did("chart-opened refused");
    tour.picture("needs-emergency").await?;
    let window = tour.window()?;
    window
        .fill("[data-testid=closed-reason]", CANARIES.reason)
        .await?;
    window
        .fill("[data-testid=closed-password]", &password)
        .await?;
    window.click("[data-testid=closed-open-emergency]").await?;
    window.see("[data-testid=chart-name]", &family).await?;
    tour.did("emergency-access");
    tour.did("chart-opened");
    tour.window()?
        .find("[data-testid=chart-granted][data-kind=emergency]")
        .await?;
    tour.picture("emergency").await
}

async fn look_up(tour: &mut Tour, family: &str) -> Result<(), TourError> {
    let window = tour.window()?;
    window.click("[data-testid=rail-patients]").await?;
    window
        .fill("[data-testid=patient-search]", &family.to_lowercase())
        .await?;
    window.see("[data-testid=patient-row]", family).await?;
    window
        .click_text("[data-testid=patient-row]", family)
        .await?;
    tour.did("patients-searched");
    Ok(())
}
