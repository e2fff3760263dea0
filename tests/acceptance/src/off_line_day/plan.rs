//! Who works with whom, and who does what.

use serde_json::{Value, json};

use super::desk::Desk;
use crate::TourError;
use crate::clinic::{Clinic, Member};

/// Everybody of the day.
pub(super) struct Plan {
    pub(super) ada: Member,
    pub(super) ben: Member,
    pub(super) cora: Member,
    /// The patients that each clinician has alone.
    pub(super) own: [String; 2],
    /// A patient of both clinicians, whom all three change.
    pub(super) shared: String,
    /// An appointment of the first clinician, which two of them change.
    pub(super) appointment: String,
    /// Tomorrow, in the clinic.
    day: String,
}

/// Family names that nobody else has.
const OF_ADA: &str = "Alderquist";
const OF_BEN: &str = "Birchquist";
const OF_BOTH: &str = "Sharequist";

/// Two want this hour of the first clinician.
const WANTED: &str = "20:00";

impl Plan {
    pub(super) async fn make(clinic: &mut Clinic) -> Result<Self, TourError> {
        let ada = clinic.clinician().clone();
        let ben = clinic.join("clinician")?;
        let cora = clinic.join("front-desk")?;
        let gp = |who: &Member| {
            let id = who.practitioner.clone().unwrap_or_default();
            format!("Practitioner/{id}")
        };
        let of_ada = create(clinic, &patient(OF_ADA, &[gp(&ada)])).await?;
        let of_ben = create(clinic, &patient(OF_BEN, &[gp(&ben)])).await?;
        let shared = create(clinic, &patient(OF_BOTH, &[gp(&ada), gp(&ben)])).await?;
        let day = clinic.day(1)?;
        let appointment = json!({
            "resourceType": "Appointment", "status": "booked",
            "start": clinic.instant(&day, "18:00")?, "end": clinic.instant(&day, "18:30")?,
            "participant": [
                { "actor": { "reference": format!("Patient/{of_ada}") }, "status": "accepted" },
                { "actor": { "reference": gp(&ada) }, "status": "accepted" },
            ],
        });
        let appointment = create(clinic, &appointment).await?;
        Ok(Self {
            ada,
            ben,
            cora,
            own: [of_ada, of_ben],
            shared,
            appointment,
            day,
        })
    }
}

async fn create(clinic: &Clinic, resource: &Value) -> Result<String, TourError> {
    let made = clinic.create(resource).await?;
    Ok(made["id"].as_str().unwrap_or_default().to_owned())
}

/// Nobody of this day is likely to be another: the inbox would ask.
fn own_number(family: &str) -> usize {
    let letters = family.bytes().map(usize::from);
    letters.fold(7, |number, letter| (number * 31 + letter) % 9_973)
}

/// The day on which whoever has this name was born.
pub(super) fn own_birth_date(family: &str) -> String {
    let own = own_number(family);
    format!(
        "{}-{:02}-{:02}",
        1940 + own % 61,
        1 + own % 12,
        1 + own % 28
    )
}

fn patient(family: &str, practitioners: &[String]) -> Value {
    let practitioners: Vec<Value> = practitioners
        .iter()
        .map(|reference| json!({ "reference": reference }))
        .collect();
    let own = own_number(family);
    json!({
        "resourceType": "Patient", "active": true, "gender": "female", "birthDate": own_birth_date(family),
        "name": [{ "use": "official", "family": family, "given": [format!("Noor{}", &family[..3])] }],
        "telecom": [{ "system": "phone", "use": "home", "value": format!("555-01{:02}", own % 100) }],
        "address": [{ "use": "home", "line": [format!("{own} Main Street")], "city": "Springfield" }],
        "generalPractitioner": practitioners,
    })
}

/// Fifteen changes.
pub(super) async fn first_clinician(desk: &mut Desk, plan: &Plan) -> Result<(), TourError> {
    let myself = plan.ada.practitioner.clone().unwrap_or_default();
    desk.open_chart(OF_ADA).await?;
    for sentence in ["Coughs since Monday", "Sleeps badly", "Walks without help"] {
        desk.sign(sentence).await?;
    }
    for systolic in [141, 142, 143] {
        desk.measure(systolic).await?;
    }
    for words in ["Snores at night", "Falls asleep at work", "Dry throat"] {
        desk.record_problem(words).await?;
    }
    desk.picture("chart").await?;
    desk.book(OF_ADA, &myself, (&plan.day, WANTED), "Sleep study")
        .await?;
    desk.arrive(&plan.appointment).await?;
    desk.picture("schedule").await?;
    desk.change(OF_BOTH, "phone", "555-0111").await?;
    desk.open_chart(OF_BOTH).await?;
    desk.sign("Asks for a new prescription").await?;
    desk.record_problem("Ringing in the ears").await?;
    desk.register("Fenquist").await
}

/// Thirteen changes.
pub(super) async fn second_clinician(desk: &mut Desk, _: &Plan) -> Result<(), TourError> {
    desk.open_chart(OF_BEN).await?;
    for sentence in [
        "Knee is swollen",
        "Bends to ninety",
        "Ice helps",
        "No fever",
    ] {
        desk.sign(sentence).await?;
    }
    for systolic in [151, 152, 153, 154] {
        desk.measure(systolic).await?;
    }
    for words in ["Twisted knee", "Stiff in the morning"] {
        desk.record_problem(words).await?;
    }
    desk.change(OF_BOTH, "phone", "555-0122").await?;
    desk.open_chart(OF_BOTH).await?;
    desk.picture("chart").await?;
    desk.sign("Hearing test is wanted").await?;
    desk.record_problem("Hears less on the left").await
}

/// Thirteen changes.
pub(super) async fn front_desk(desk: &mut Desk, plan: &Plan) -> Result<(), TourError> {
    let first = plan.ada.practitioner.clone().unwrap_or_default();
    let second = plan.ben.practitioner.clone().unwrap_or_default();
    let newcomers = ["Maplequist", "Oakquist", "Pinequist", "Rowanquist"];
    for family in newcomers {
        desk.register(family).await?;
    }
    let wishes = [
        ("20:00", "First visit of Maple", &second),
        ("20:30", "First visit of Oak", &second),
        ("21:00", "First visit of Pine", &second),
        (WANTED, "First visit of Rowan", &first),
    ];
    for (family, (time, reason, with)) in newcomers.into_iter().zip(wishes) {
        desk.book(family, with, (&plan.day, time), reason).await?;
    }
    desk.picture("schedule").await?;
    desk.cancel(&plan.appointment, "Has no ride").await?;
    desk.change("Maplequist", "phone", "555-0133").await?;
    desk.change("Oakquist", "street", "7 Elm Street").await?;
    desk.change(OF_BOTH, "email", "noor@example.org").await?;
    desk.change("Pinequist", "city", "Ogdenville").await?;
    desk.picture("patients").await
}
