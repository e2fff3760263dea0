//! What single records say of who relates to whom, to the moment.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use access::relation::{Kind, ties};
use access::{Facts, GrantKind, Me, Part, Party, Role, Says, Tie};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn me(role: Role) -> Me {
    Me::new(Some("dr".to_owned()), role, Uuid::nil())
}

fn facts(resource: &Value, now: &str) -> Facts {
    let found = ties(resource, &zone());
    Facts::gather(&me(Role::Clinician), "p", Part::Whole, &found, &[], at(now))
}

fn appointment(status: &str) -> Value {
    json!({"resourceType": "Appointment", "id": "a", "status": status,
        "start": "2026-03-08T23:30:00-04:00", "end": "2026-03-08T23:50:00-04:00",
        "participant": [
            {"actor": {"reference": "Patient/p"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/dr"}, "status": "accepted"},
            {"actor": {"reference": "Location/l"}, "status": "accepted"}]})
}

#[test]
fn p1_an_appointment_counts_from_a_week_before_to_a_month_after() {
    let booked = appointment("booked");
    for (now, counts) in [
        ("2026-03-02T03:29:59Z", false),
        ("2026-03-02T03:30:00Z", true),
        ("2026-04-08T03:50:00Z", true),
        // A moment is as wide as it was written: a second.
        ("2026-04-08T03:50:01Z", false),
    ] {
        assert_eq!(facts(&booked, now).appointment, counts, "{now}");
    }
    for (status, counts) in [
        ("proposed", true),
        ("noshow", true),
        ("fulfilled", true),
        ("cancelled", false),
        ("entered-in-error", false),
    ] {
        let found = facts(&appointment(status), "2026-03-09T12:00:00Z");
        assert_eq!(found.appointment, counts, "{status}");
    }
    let mut declined = appointment("booked");
    declined["participant"][1]["status"] = "declined".into();
    assert!(!facts(&declined, "2026-03-09T12:00:00Z").appointment);
}

/// The day is the clinic's, an hour shorter where its clocks go forward.
#[test]
fn p1_a_visit_counts_on_its_day_at_the_clinic() {
    let booked = appointment("booked");
    for (now, visits) in [
        ("2026-03-08T04:59:59Z", false),
        ("2026-03-08T05:00:00Z", true),
        ("2026-03-09T03:59:59Z", true),
        ("2026-03-09T04:00:00Z", false),
    ] {
        assert_eq!(facts(&booked, now).visiting, visits, "{now}");
    }
    assert!(!facts(&appointment("noshow"), "2026-03-08T12:00:00Z").visiting);
    let visit = |class: &str, status: &str| {
        json!({"resourceType": "Encounter", "id": "e", "status": status, "class": {"code": class},
            "subject": {"reference": "Patient/p"}, "period": {"start": "2026-03-10T10:00:00-04:00"}})
    };
    // Nobody closed it: over after a day, unless the patient stays.
    let later = "2026-03-20T12:00:00Z";
    assert!(facts(&visit("AMB", "in-progress"), "2026-03-11T12:00:00Z").visiting);
    assert!(!facts(&visit("AMB", "in-progress"), later).visiting);
    assert!(facts(&visit("IMP", "in-progress"), later).visiting);
    assert!(!facts(&visit("IMP", "finished"), later).visiting);
}

#[test]
fn p1_teams_tasks_and_assignments_name_people() {
    let now = "2026-06-01T12:00:00Z";
    let team = |status: &str, period: Value| {
        json!({"resourceType": "CareTeam", "id": "t", "status": status, "period": period,
            "subject": {"reference": "Patient/p"},
            "participant": [{"member": {"reference": "Practitioner/dr"}}]})
    };
    assert!(facts(&team("active", json!({})), now).care_team);
    // To the end of its last day at the clinic.
    let june = json!({"start": "2026-05-01", "end": "2026-06-01"});
    assert!(facts(&team("active", june.clone()), "2026-06-02T03:59:59Z").care_team);
    assert!(!facts(&team("active", june), "2026-06-02T04:00:00Z").care_team);
    assert!(!facts(&team("inactive", json!({})), now).care_team);
    let patient = |who: &str| {
        json!({"resourceType": "Patient", "id": "p",
            "generalPractitioner": [{"reference": who}]})
    };
    assert!(facts(&patient("Practitioner/dr"), now).assigned);
    assert!(!facts(&patient("Practitioner/other"), now).assigned);
    // A patient of a clinic is not a patient of all who work there.
    assert!(ties(&patient("Organization/o"), &zone()).is_empty());
    let task = |status: &str| {
        json!({"resourceType": "Task", "id": "k", "status": status,
            "for": {"reference": "Patient/p"}, "owner": {"reference": "Practitioner/dr"}})
    };
    assert!(facts(&task("requested"), now).referral);
    assert!(!facts(&task("completed"), now).referral);
}

#[test]
fn p2_what_cannot_be_judged_closes_and_opens_nothing() {
    let consent = |provision: Value| {
        json!({"resourceType": "Consent", "id": "c", "status": "active",
            "scope": {"coding": [{"code": "patient-privacy"}]},
            "patient": {"reference": "Patient/p"}, "provision": provision})
    };
    let now = "2026-06-01T12:00:00Z";
    let who = json!([{"reference": {"reference": "Practitioner/dr"}}]);
    let of = |provision: Value| {
        let found = facts(&consent(provision), now);
        (found.consent_permits, found.consent_denies)
    };
    assert_eq!(of(json!({"type": "permit", "actor": who})), (true, false));
    assert_eq!(of(json!({"type": "deny", "actor": who})), (false, true));
    let code = json!([{"coding": [{"code": "11506-3"}]}]);
    assert_eq!(
        of(json!({"type": "permit", "actor": who, "code": code})),
        (false, false)
    );
    assert_eq!(
        of(json!({"type": "deny", "actor": who, "code": code})),
        (false, true)
    );
    let unknown = json!([{"reference": {"reference": "Group/g"}}]);
    assert_eq!(
        of(json!({"type": "permit", "actor": unknown})),
        (false, false)
    );
    assert_eq!(of(json!({"type": "deny", "actor": unknown})), (false, true));
    let relative = json!([{"reference": {"reference": "RelatedPerson/r"}}]);
    assert_eq!(
        of(json!({"type": "deny", "actor": relative})),
        (false, false)
    );
    // About passing on: programs alone.
    let disclose = json!([{"coding": [{"code": "disclose"}]}]);
    assert_eq!(
        of(json!({"type": "deny", "action": disclose})),
        (false, false)
    );
    let purpose = json!([{"code": "HRESCH"}]);
    assert_eq!(
        of(json!({"type": "deny", "actor": who, "purpose": purpose})),
        (false, false)
    );
    // A part that is closed closes the whole, not the other parts.
    let part = consent(json!({"type": "deny", "actor": who, "class": [{"code": "Condition"}]}));
    let found = ties(&part, &zone());
    let asks = |part| Facts::gather(&me(Role::Nurse), "p", part, &found, &[], at(now));
    assert!(asks(Part::Whole).consent_denies);
    assert!(asks(Part::Type("Condition")).consent_denies);
    assert!(!asks(Part::Type("Observation")).consent_denies);
}

#[test]
fn p3_grants_count_for_their_time_and_their_patient() {
    let now = at("2026-06-01T12:00:00Z");
    let grant = GrantKind::Emergency.begin("p", now);
    let of = |patient: &str, now: Timestamp| {
        let grants = std::slice::from_ref(&grant);
        Facts::gather(&me(Role::Nurse), patient, Part::Whole, &[], grants, now).emergency
    };
    assert!(of("p", now) && of("p", at("2026-06-01T13:59:59Z")));
    assert!(!of("p", at("2026-06-01T14:00:00Z")) && !of("p", at("2026-06-01T11:59:59Z")));
    assert!(!of("q", now));
}

proptest! {
    /// Records of strangers and of other patients change nothing, in whatever order they come.
    #[test]
    fn p1_facts_are_of_one_user_and_one_patient(mut order in Just(vec![0usize, 1, 2, 3]).prop_shuffle(),
                                                bits in 0u8..16) {
        let tie = |patient: &str, who: &str, kind| Tie {
            patient: patient.to_owned(), from: None, until: None,
            says: Says::Related { kind, party: Party::Named(format!("Practitioner/{who}")) },
        };
        let all = [
            tie("p", "dr", Kind::Assigned),
            tie("p", "dr", Kind::Referral),
            tie("q", "dr", Kind::CareTeam),
            tie("p", "other", Kind::Appointment),
        ];
        order.retain(|at| bits >> at & 1 == 1);
        let some: Vec<Tie> = order.iter().map(|at| all[*at].clone()).collect();
        let now = at("2026-06-01T12:00:00Z");
        let found = Facts::gather(&me(Role::Clinician), "p", Part::Whole, &some, &[], now);
        let expected = Facts {
            assigned: bits & 1 == 1,
            referral: bits >> 1 & 1 == 1,
            ..Facts::default()
        };
        prop_assert_eq!(found, expected);
    }
}
