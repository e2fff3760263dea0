//! Who may see and write what, by relationship: the table of cases, on the server's own path.

use std::collections::BTreeMap;

use access::{Action, Facts, cases};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use protocol::sign_in::Role;
use rounds_server::access::sight::Sight;
use rounds_server::identity::caller::Caller;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clinic::{Client, Clinic, appointment, id, observation, patient, practitioner};

/// A patient to whom the practitioner relates in just this way, made of records.
pub async fn related(clinic: &Clinic, client: &Client, doctor: &str, facts: Facts) -> String {
    let mut person = patient("Related");
    let who = json!({"reference": format!("Practitioner/{doctor}")});
    if facts.assigned {
        person["generalPractitioner"] = json!([who]);
    }
    let person = id(&client.create(person).await);
    let subject = json!({"reference": format!("Patient/{person}")});
    let now = Timestamp::now();
    if facts.care_team {
        let team = json!({"resourceType": "CareTeam", "status": "active", "subject": subject,
            "participant": [{"member": who}]});
        client.create(team).await;
    }
    if facts.appointment {
        let start = now + SignedDuration::from_hours(72);
        let end = start + SignedDuration::from_mins(20);
        let mut booking = appointment(&person, doctor, &start.to_string(), &end.to_string());
        // Only proposed: it holds no time that another would take.
        booking["status"] = "proposed".into();
        client.create(booking).await;
    }
    if facts.visiting {
        let start = now - SignedDuration::from_mins(1);
        let visit = json!({"resourceType": "Encounter", "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": subject, "period": {"start": start.to_string()}});
        client.create(visit).await;
    }
    if facts.referral {
        let task = json!({"resourceType": "Task", "status": "requested", "intent": "order",
            "for": subject, "owner": who});
        client.create(task).await;
    }
    if facts.consent_permits {
        client.create(consent(&person, "permit", &who)).await;
    }
    if facts.consent_denies {
        client.create(consent(&person, "deny", &who)).await;
    }
    for (given, kind) in [
        (facts.justified, "justified"),
        (facts.emergency, "emergency"),
    ] {
        if given {
            // For every account: the table asks about each role.
            clinic.sql(&format!(
                "INSERT INTO access_grant SELECT tenant, gen_random_uuid(), id, '{person}', '{kind}', \
                 now() - interval '1 hour', now() + interval '1 hour', NULL, gen_random_uuid(), '\\x00' \
                 FROM account"
            ));
        }
    }
    person
}

/// An active consent about one actor.
pub fn consent(patient: &str, kind: &str, who: &Value) -> Value {
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope",
                              "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": format!("Patient/{patient}")},
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                                   "code": "OPTIN"}]},
        "provision": {"type": kind, "actor": [{
            "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                                 "code": "IRCP"}]},
            "reference": who}]},
    })
}

/// A caller as requests make one.
fn caller(clinic: &Clinic, role: access::Role, user: Uuid, doctor: &str) -> Caller {
    Caller {
        scopes: None,
        tenant: clinic.app.tenant.id,
        user_id: user,
        username: "table".to_owned(),
        display_name: "Table".to_owned(),
        role: Role::parse(role.as_str()).unwrap(),
        device: None,
        practitioner: Some(doctor.to_owned()),
        also: Vec::new(),
        session: Uuid::new_v4(),
        address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: "table".to_owned(),
    }
}

/// A type of each class; none for the class that no record is of.
fn type_of(class: access::ResourceClass) -> Option<&'static str> {
    use access::ResourceClass as C;
    Some(match class {
        C::Demographic => "Patient",
        C::Scheduling => "Appointment",
        C::Directory => "Practitioner",
        C::Coverage => "Coverage",
        C::Financial => "Claim",
        C::Consent => "Consent",
        C::Audit => "AuditEvent",
        C::Workstation => return None,
        C::Clinical => "Observation",
    })
}

/// The table of cases holds for facts that the server gathered from records, and for answers over
/// the wire.
#[tokio::test(flavor = "multi_thread")]
async fn p1_the_table_of_cases_holds_on_the_server() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Table")).await);
    let mut staff = BTreeMap::new();
    for role in access::Role::ALL {
        let wire = Role::parse(role.as_str()).unwrap();
        staff.insert(role.as_str(), clinic.staff(wire, Some(&doctor)).await);
    }
    let cases = cases::all().unwrap();
    let mut patients: BTreeMap<u16, (String, String)> = BTreeMap::new();
    for facts in cases.iter().filter_map(|case| case.facts) {
        if let std::collections::btree_map::Entry::Vacant(slot) = patients.entry(facts.bits()) {
            let person = related(&clinic, &client, &doctor, facts).await;
            let made = id(&client.create(observation(&person, "2026-01-01")).await);
            slot.insert((person, made));
        }
    }
    let database = clinic.app.pool.get().await.unwrap();
    let mut checked = 0;
    for case in &cases {
        let user = staff[case.role.as_str()].account();
        let caller = caller(&clinic, case.role, user, &doctor);
        let sight = Sight::of(&clinic.app, &caller).unwrap();
        let Some(kind) = type_of(case.class) else {
            continue;
        };
        let verdict = match case.facts {
            None => sight.by_role(case.action, kind).verdict,
            // Of the directory and the audit nothing belongs to a patient.
            Some(_)
                if matches!(
                    case.class,
                    access::ResourceClass::Directory | access::ResourceClass::Audit
                ) =>
            {
                continue;
            }
            Some(facts) => {
                let (person, _) = &patients[&facts.bits()];
                let known = sight.known(&database, &[person]).await.unwrap();
                let found = known.facts(&sight.me, person, kind, clinic.app.now());
                assert_eq!(found, facts, "{case:?}");
                sight
                    .decide(&known, case.action, kind, Some(person))
                    .verdict
            }
        };
        assert_eq!(verdict, case.verdict, "{case:?}");
        checked += 1;
    }
    assert!(checked > 700, "{checked}");
    drop(database);

    // Over the wire: reading an observation of each patient.
    for case in cases
        .iter()
        .filter(|case| case.action == Action::Read && type_of(case.class) == Some("Observation"))
    {
        let Some(facts) = case.facts else { continue };
        let (_, vital) = &patients[&facts.bits()];
        let reply = staff[case.role.as_str()]
            .get(&format!("/Observation/{vital}"))
            .await;
        let expected = match case.verdict {
            access::Verdict::Allow => StatusCode::OK,
            // A role that has no such records at all is told so, about whatever id.
            access::Verdict::Deny if case.role != access::Role::Integration => {
                StatusCode::FORBIDDEN
            }
            _ => StatusCode::NOT_FOUND,
        };
        assert_eq!(reply.status, expected, "{case:?}");
    }
}

#[tokio::test]
async fn p1_relationships_begin_and_end_with_what_records_say() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Comes")).await);
    let ann = clinic.staff(Role::Clinician, Some(&doctor)).await;
    let mut person = client.create(patient("Goes")).await;
    let pid = id(&person);
    let vital = id(&client.create(observation(&pid, "2026-01-01")).await);
    let path = format!("/Observation/{vital}");
    assert_eq!(ann.get(&path).await.status, StatusCode::NOT_FOUND);

    person["generalPractitioner"] = json!([{"reference": format!("Practitioner/{doctor}")}]);
    let mut person = client.put(&format!("/Patient/{pid}"), person).await.body;
    assert_eq!(ann.get(&path).await.status, StatusCode::OK);
    person
        .as_object_mut()
        .unwrap()
        .remove("generalPractitioner");
    client.put(&format!("/Patient/{pid}"), person).await;
    assert_eq!(ann.get(&path).await.status, StatusCode::NOT_FOUND);

    // An appointment opens the record a week before and closes it a month after.
    let start = Timestamp::now() + SignedDuration::from_hours(24 * 10);
    let end = start + SignedDuration::from_mins(20);
    let booking = appointment(&pid, &doctor, &start.to_string(), &end.to_string());
    let booking = client.create(booking).await;
    assert_eq!(ann.get(&path).await.status, StatusCode::NOT_FOUND);
    clinic.clock.pass(SignedDuration::from_hours(24 * 4));
    assert_eq!(ann.get(&path).await.status, StatusCode::OK);
    clinic.clock.pass(SignedDuration::from_hours(24 * 35));
    assert_eq!(ann.get(&path).await.status, StatusCode::OK);
    clinic.clock.pass(SignedDuration::from_hours(24 * 2));
    assert_eq!(ann.get(&path).await.status, StatusCode::NOT_FOUND);
    let deleted = client
        .ask(
            axum::http::Method::DELETE,
            &format!("/Appointment/{}", id(&booking)),
            &[],
            None,
        )
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    assert_eq!(clinic.sql("SELECT count(*) FROM relation").trim(), "0");
}

/// A PractitionerRole is a name of its practitioner.
#[tokio::test]
async fn p1_roles_of_a_practitioner_are_the_practitioner() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Many")).await);
    let role = client
        .create(json!({"resourceType": "PractitionerRole", "active": true,
            "practitioner": {"reference": format!("Practitioner/{doctor}")}}))
        .await;
    let mut person = patient("Referred");
    person["generalPractitioner"] =
        json!([{"reference": format!("PractitionerRole/{}", id(&role))}]);
    let person = id(&client.create(person).await);
    let vital = id(&client.create(observation(&person, "2026-01-01")).await);
    let ann = clinic.staff(Role::Clinician, Some(&doctor)).await;
    let reply = ann.get(&format!("/Observation/{vital}")).await;
    assert_eq!(reply.status, StatusCode::OK);
    let other = clinic.staff(Role::Clinician, Some("other")).await;
    other
        .get(&format!("/Observation/{vital}"))
        .await
        .refused(StatusCode::NOT_FOUND);
}

/// The reason why a record was shown is recorded, for each patient of a search.
#[tokio::test]
async fn p1_each_event_carries_its_own_explanation() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Why")).await);
    let ann = clinic.staff(Role::Clinician, Some(&doctor)).await;
    for facts in [
        Facts {
            assigned: true,
            ..Facts::default()
        },
        Facts {
            referral: true,
            ..Facts::default()
        },
    ] {
        let person = related(&clinic, &client, &doctor, facts).await;
        client.create(observation(&person, "2026-01-01")).await;
    }
    assert_eq!(ann.ids("/Observation").await.len(), 2);
    let auditor = clinic.client_of(Role::Auditor).await;
    let told = auditor.get("/AuditEvent?subtype=fhir-search").await;
    let text = told.body.to_string();
    assert!(text.contains("The patient is assigned to you."), "{text}");
    assert!(text.contains("The patient was referred to you."), "{text}");
}

/// Who registers a patient as their own may write the first record along with it; who registers a
/// patient of somebody else may not.
#[tokio::test]
async fn p1_a_transaction_may_begin_a_relationship_and_use_it() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Begins")).await);
    let ann = clinic.staff(Role::Clinician, Some(&doctor)).await;
    let bundle = |own: bool| {
        let mut person = patient("New");
        if own {
            person["generalPractitioner"] =
                json!([{"reference": format!("Practitioner/{doctor}")}]);
        }
        let mut vital = observation("x", "2026-01-01");
        vital["subject"] = json!({"reference": "urn:uuid:6b1b7d80-0000-4000-8000-000000000001"});
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"fullUrl": "urn:uuid:6b1b7d80-0000-4000-8000-000000000001", "resource": person,
             "request": {"method": "POST", "url": "Patient"}},
            {"resource": vital, "request": {"method": "POST", "url": "Observation"}},
        ]})
    };
    let reply = ann.post("", bundle(true)).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    let reply = ann.post("", bundle(false)).await;
    let issue = reply.refused(StatusCode::FORBIDDEN);
    let said = issue["diagnostics"].as_str().unwrap();
    assert!(said.starts_with("needs-justification: "), "{said}");
    assert_eq!(
        clinic
            .sql("SELECT count(*) FROM resource WHERE resource_type = 'Observation'")
            .trim(),
        "1"
    );
}

/// Records that are older than the tables of relations are read once, when the server starts.
#[tokio::test]
async fn p1_what_older_records_say_is_read_when_the_server_starts() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Older")).await);
    let every = Facts {
        assigned: true,
        care_team: true,
        consent_permits: true,
        ..Facts::default()
    };
    related(&clinic, &client, &doctor, every).await;
    let rows = "SELECT (SELECT count(*) FROM relation), (SELECT count(*) FROM consent_rule)";
    let before = clinic.sql(rows);
    clinic.sql("DELETE FROM relation; DELETE FROM consent_rule");
    rounds_server::access::fill::run(&clinic.app).await.unwrap();
    assert_ne!(clinic.sql(rows), before, "nothing was due");
    clinic.sql("INSERT INTO relation_due SELECT tenant, now() FROM tenant");
    rounds_server::access::fill::run(&clinic.app).await.unwrap();
    assert_eq!(clinic.sql(rows), before);
    assert_eq!(clinic.sql("SELECT count(*) FROM relation_due").trim(), "0");
}

/// The front desk: who, when, by whom insured; nothing else, by no way.
#[tokio::test]
async fn p1_the_front_desk_sees_demographics_coverage_and_appointments_alone() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let desk = clinic.client_of(Role::FrontDesk).await;
    let doctor = id(&client.create(practitioner("Desk")).await);
    let person = id(&client.create(patient("Waiting")).await);
    let subject = json!({"reference": format!("Patient/{person}")});
    let condition = client
        .create(json!({"resourceType": "Condition", "subject": subject,
            "code": {"text": "Nobody's business"}}))
        .await;
    let mut booking = appointment(
        &person,
        &doctor,
        "2030-01-05T09:00:00Z",
        "2030-01-05T09:20:00Z",
    );
    booking["reasonReference"] = json!([{"reference": format!("Condition/{}", id(&condition))}]);
    let booking = client.create(booking).await;
    let coverage = client
        .create(
            json!({"resourceType": "Coverage", "status": "active", "beneficiary": subject,
            "payor": [subject]}),
        )
        .await;
    for seen in [
        format!("/Patient/{person}"),
        format!("/Appointment/{}", id(&booking)),
        format!("/Coverage/{}", id(&coverage)),
        format!("/Practitioner/{doctor}"),
    ] {
        assert_eq!(desk.get(&seen).await.status, StatusCode::OK, "{seen}");
    }
    for hidden in [
        "Condition",
        "Claim",
        "Consent",
        "CareTeam",
        "Task",
        "Binary",
        "Encounter",
    ] {
        desk.get(&format!("/{hidden}"))
            .await
            .refused(StatusCode::FORBIDDEN);
        desk.get(&format!("/{hidden}/{}", id(&condition)))
            .await
            .refused(StatusCode::FORBIDDEN);
    }
    desk.put(&format!("/Coverage/{}", id(&coverage)), coverage.clone())
        .await
        .refused(StatusCode::FORBIDDEN);
    // Nothing else is brought along.
    let page = desk
        .get("/Patient?_revinclude=Condition:patient&_revinclude=Appointment:patient&_revinclude=Coverage:beneficiary")
        .await;
    let mut brought = page.ids("include");
    brought.sort();
    let mut expected = [id(&booking), id(&coverage)];
    expected.sort();
    assert_eq!(brought, expected);
    let page = desk
        .get("/Appointment?_include=Appointment:reason-reference")
        .await;
    assert_eq!(page.ids("include"), Vec::<String>::new());
    let everything = desk.get(&format!("/Patient/{person}/$everything")).await;
    assert!(!everything.body.to_string().contains("Nobody's business"));
    // Chains and `_has` are not known to anybody: they tell nothing.
    for asked in [
        "/Appointment?reason-reference:Condition.code=x",
        "/Patient?_has:Condition:patient:code=x",
    ] {
        let lenient = desk.get(asked).await;
        assert_eq!(lenient.ids("match").len(), 1, "{asked}");
        desk.ask(
            axum::http::Method::GET,
            asked,
            &[("prefer", "handling=strict")],
            None,
        )
        .await
        .refused(StatusCode::BAD_REQUEST);
    }
    // A booking keeps the reference that somebody else gave it, and takes no new one.
    let path = format!("/Appointment/{}", id(&booking));
    let mut moved = booking.clone();
    moved["description"] = "Moved".into();
    assert_eq!(desk.put(&path, moved.clone()).await.status, StatusCode::OK);
    let other = client
        .create(json!({"resourceType": "Condition", "subject": subject, "code": {"text": "Other"}}))
        .await;
    let with = |target: &str| {
        let mut booking = moved.clone();
        booking["reasonReference"] = json!([{"reference": format!("Condition/{target}")}]);
        booking
    };
    let there = desk.put(&path, with(&id(&other))).await;
    there.refused(StatusCode::UNPROCESSABLE_ENTITY);
    let nowhere = desk.put(&path, with("nowhere")).await;
    assert_eq!((there.status, there.body), (nowhere.status, nowhere.body));
}
