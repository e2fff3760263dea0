//! Which charts the feed brings to whom: those who treat get the charts of patients who have to do
//! with them, whole and at once, and lose them as soon as nothing relates the two any more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use protocol::access::{EmergencyRequest, JustifyRequest};
use protocol::path;
use protocol::secret::Secret;
use protocol::set_aside::SetAsideRequest;
use protocol::sync::{ChartsRequest, SyncPage};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testbed::NewUser;
use uuid::Uuid;

use crate::support::{Bench, Device, Session, condition, granted, patient, refused};

const PASSWORD: &str = "quiet-harbour-lights";

/// A clinic whose records a program writes.
struct Clinic {
    bench: Bench,
    token: String,
}

/// What pages brought.
#[derive(Debug, Default)]
struct Came {
    /// `Type/id` of records.
    records: BTreeSet<String>,
    /// `Type/id` of what was told as deleted.
    deleted: BTreeSet<String>,
    left: BTreeSet<String>,
    arrived: BTreeSet<String>,
    types: Option<Vec<String>>,
    pages: usize,
    cursor: String,
}

impl Came {
    fn take(&mut self, page: SyncPage) -> bool {
        for entry in &page.entries {
            let name = format!("{}/{}", entry.resource_type, entry.id);
            match entry.resource {
                Some(_) => self.records.insert(name),
                None => self.deleted.insert(name),
            };
        }
        if let Some(change) = page.scope {
            self.left.extend(change.left);
            self.arrived.extend(change.arrived);
            self.types = change.types.or(self.types.take());
        }
        self.pages += 1;
        self.cursor = page.cursor;
        page.more
    }

    fn is_silent(&self) -> bool {
        self.records.is_empty()
            && self.deleted.is_empty()
            && self.left.is_empty()
            && self.arrived.is_empty()
            && self.types.is_none()
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

impl Clinic {
    async fn open() -> Self {
        let mut bench = Bench::start();
        let token = bench
            .platform
            .token()
            .unwrap_or_else(|error| panic!("{error}"));
        let clinic = Self { bench, token };
        for doctor in ["a", "b"] {
            let name = json!([{"family": format!("Doctor {doctor}")}]);
            clinic
                .put(&json!({"resourceType": "Practitioner", "id": doctor, "name": name}))
                .await;
        }
        clinic
    }

    async fn put(&self, resource: &Value) {
        let (kind, id) = (&resource["resourceType"], &resource["id"]);
        let (kind, id) = (kind.as_str().unwrap(), id.as_str().unwrap());
        let url = self.bench.url(&format!("{}/{kind}/{id}", path::FHIR));
        let request = self.bench.http.put(url).bearer_auth(&self.token);
        let response = request.json(resource).send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            response.text().await.unwrap()
        );
    }

    /// A patient of a doctor, with a problem of the same name.
    async fn patient(&self, id: &str, doctor: Option<&str>) {
        let mut person = patient(id, "Scope");
        if let Some(doctor) = doctor {
            let reference = format!("Practitioner/{doctor}");
            person["generalPractitioner"] = json!([{"reference": reference}]);
        }
        self.put(&person).await;
        self.put(&condition(id, id)).await;
    }

    /// An appointment of doctor a, so many days ahead.
    async fn appointment(&self, patient: &str, days: i64) {
        let start = Timestamp::now() + SignedDuration::from_hours(24 * days);
        let end = start + SignedDuration::from_mins(20);
        let party =
            |reference: String| json!({"actor": {"reference": reference}, "status": "accepted"});
        self.put(&json!({
            "resourceType": "Appointment", "id": format!("for-{patient}"), "status": "booked",
            "start": start.to_string(), "end": end.to_string(),
            "participant": [party(format!("Patient/{patient}")), party("Practitioner/a".to_owned())],
        }))
        .await;
    }

    async fn consent(&self, patient: &str, status: &str, kind: &str) {
        let coding =
            |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
        self.put(&json!({
            "resourceType": "Consent", "id": format!("of-{patient}"), "status": status,
            "scope": coding("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
            "category": [coding("http://loinc.org", "59284-0")],
            "policyRule": coding("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN"),
            "patient": {"reference": format!("Patient/{patient}")},
            "provision": {"type": kind, "actor": [{
                "role": coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRCP"),
                "reference": {"reference": "Practitioner/a"}}]},
        }))
        .await;
    }

    async fn staff(&mut self, username: &str, role: &str, practitioner: Option<&str>) -> Session {
        let user = self
            .bench
            .platform
            .add_user(&NewUser {
                username,
                role,
                display_name: username,
                password: Some(PASSWORD),
                practitioner,
            })
            .unwrap_or_else(|error| panic!("{error}"));
        self.bench.enrol(&Device::new(), &user).await
    }

    /// Everything after a cursor, in pages of so many entries.
    async fn follow(&self, session: &Session, cursor: &str, limit: u32) -> Came {
        let mut came = Came {
            cursor: cursor.to_owned(),
            ..Came::default()
        };
        while came.take(session.page(&self.bench, &came.cursor.clone(), limit).await) {}
        came
    }

    async fn justify(&self, session: &Session, patient: &str) {
        let request = JustifyRequest {
            patient: patient.to_owned(),
            reason: "Covering for a colleague".to_owned(),
        };
        let response = session.post(&self.bench, path::JUSTIFY, &request).await;
        assert!(response.status().is_success());
    }

    fn sql(&self, sql: &str) -> String {
        self.bench.sql(sql)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_charts_come_and_go_with_what_relates_them_to_the_user() {
    let mut clinic = Clinic::open().await;
    clinic.patient("own", Some("a")).await;
    clinic.patient("other", Some("b")).await;
    let ann = clinic.staff("ann", "clinician", Some("a")).await;

    // Everybody can be found, and only one's own have charts.
    let first = clinic.follow(&ann, "", 3).await;
    let wanted = [
        "Patient/own",
        "Patient/other",
        "Practitioner/a",
        "Practitioner/b",
        "Condition/own",
    ];
    assert_eq!(first.records, set(&wanted));
    assert_eq!(first.arrived, set(&["own"]));
    let types = first.types.unwrap();
    assert!(types.contains(&"Patient".to_owned()) && types.contains(&"Appointment".to_owned()));
    // Where nothing changed, nothing is told and nothing is written.
    let rows = clinic.sql("SELECT count(*) FROM feed_charts");
    let nothing = clinic.follow(&ann, &first.cursor, 3).await;
    assert!(nothing.is_silent(), "{nothing:?}");
    assert_eq!(clinic.sql("SELECT count(*) FROM feed_charts"), rows);

    a_reason_brings_a_whole_chart(&clinic, &ann, &nothing.cursor).await;
    an_assignment_moves_a_chart(&mut clinic, &ann).await;
    a_consent_opens_and_its_withdrawal_closes(&clinic, &ann).await;
    an_appointment_enters_and_leaves_the_window(&clinic, &ann).await;
    a_record_that_was_filed_wrongly_goes(&clinic, &ann).await;
    a_chart_that_made_room_comes_when_it_is_asked_for(&clinic, &ann).await;
}

async fn a_reason_brings_a_whole_chart(clinic: &Clinic, ann: &Session, cursor: &str) {
    for n in 0..9 {
        clinic.put(&condition(&format!("old-{n}"), "other")).await;
    }
    // The cursor passes them: they lie before it when the chart enters.
    let passed = clinic.follow(ann, cursor, 500).await;
    assert!(passed.is_silent(), "{passed:?}");
    clinic.justify(ann, "other").await;
    let one = ann.page(&clinic.bench, &passed.cursor, 4).await;
    assert_eq!((one.entries.len(), one.more, one.remaining), (4, true, 6));
    assert!(
        one.scope
            .as_ref()
            .is_none_or(|change| change.arrived.is_empty())
    );
    // The same question has the same answer; an answer that was lost is asked for again.
    let again = ann.page(&clinic.bench, &passed.cursor, 4).await;
    let names = |page: &SyncPage| -> Vec<String> {
        page.entries.iter().map(|entry| entry.id.clone()).collect()
    };
    assert_eq!(names(&one), names(&again));
    let rest = clinic.follow(ann, &again.cursor, 4).await;
    assert_eq!(rest.records.len(), 6);
    assert_eq!(rest.arrived, set(&["other"]));
    // So it is after later cursors were named: a reader may have been killed before it stored them.
    let killed = ann.page(&clinic.bench, &passed.cursor, 4).await;
    assert_eq!(names(&one), names(&killed));
    // From here on it is followed.
    clinic.put(&condition("new", "other")).await;
    let more = clinic.follow(ann, &rest.cursor, 4).await;
    assert_eq!(more.records, set(&["Condition/new"]));
    // The reason is over.
    clinic.sql("SET session_replication_role = replica; UPDATE access_grant SET until_at = now()");
    let over = clinic.follow(ann, &more.cursor, 4).await;
    assert_eq!(over.left, set(&["other"]));
    clinic.put(&condition("later", "other")).await;
    let more = clinic.follow(ann, &over.cursor, 4).await;
    assert!(more.is_silent(), "{more:?}");

    // One that ends while its chart is on its way takes back what came of it.
    clinic.justify(ann, "other").await;
    let part = ann.page(&clinic.bench, &more.cursor, 4).await;
    assert!(part.more);
    clinic.sql("SET session_replication_role = replica; UPDATE access_grant SET until_at = now()");
    let mut came = Came {
        cursor: part.cursor,
        ..Came::default()
    };
    for _ in 0..200 {
        came.take(ann.page(&clinic.bench, &came.cursor.clone(), 1).await);
        if came.left.contains("other") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(came.left, set(&["other"]));
}

async fn an_assignment_moves_a_chart(clinic: &mut Clinic, ann: &Session) {
    let bob = clinic.staff("bob", "clinician", Some("b")).await;
    let of_ann = clinic.follow(ann, "", 500).await;
    let of_bob = clinic.follow(&bob, "", 500).await;
    assert_eq!(of_bob.arrived, set(&["other"]));
    clinic.patient("own", Some("b")).await;
    let of_ann = clinic.follow(ann, &of_ann.cursor, 500).await;
    assert_eq!(of_ann.left, set(&["own"]));
    // Who the patient is stays known, and what is new of the chart does not come.
    assert_eq!(of_ann.records, set(&["Patient/own"]));
    let of_bob = clinic.follow(&bob, &of_bob.cursor, 500).await;
    assert_eq!(of_bob.arrived, set(&["own"]));
    assert!(of_bob.records.contains("Condition/own"));
    clinic.patient("own", Some("a")).await;
}

async fn a_consent_opens_and_its_withdrawal_closes(clinic: &Clinic, ann: &Session) {
    clinic.patient("consenting", Some("b")).await;
    let before = clinic.follow(ann, "", 500).await;
    assert!(!before.arrived.contains("consenting"));
    clinic.consent("consenting", "active", "permit").await;
    let open = clinic.follow(ann, &before.cursor, 500).await;
    assert_eq!(open.arrived, set(&["consenting"]));
    assert_eq!(
        open.records,
        set(&["Condition/consenting", "Consent/of-consenting"])
    );
    clinic.consent("consenting", "inactive", "permit").await;
    let withdrawn = clinic.follow(ann, &open.cursor, 500).await;
    assert_eq!(withdrawn.left, set(&["consenting"]));
    assert!(withdrawn.records.is_empty(), "{withdrawn:?}");

    // A stranger's closed chart does not come for a reason: only in an emergency.
    clinic.consent("consenting", "active", "deny").await;
    clinic.justify(ann, "other").await;
    let refused = JustifyRequest {
        patient: "consenting".to_owned(),
        reason: "Curious about it".to_owned(),
    };
    let response = ann.post(&clinic.bench, path::JUSTIFY, &refused).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let closed = clinic.follow(ann, &withdrawn.cursor, 500).await;
    assert_eq!(closed.arrived, set(&["other"]));
    let request = EmergencyRequest {
        patient: "consenting".to_owned(),
        reason: "Brought in unconscious".to_owned(),
        password: Secret::new(PASSWORD.to_owned()),
    };
    let response = ann.post(&clinic.bench, path::EMERGENCY, &request).await;
    assert!(response.status().is_success());
    let emergency = clinic.follow(ann, &closed.cursor, 500).await;
    assert_eq!(emergency.arrived, set(&["consenting"]));
    // One's own closed chart is kept: an emergency may open it off line.
    clinic.consent("own", "active", "deny").await;
    let kept = clinic.follow(ann, &emergency.cursor, 500).await;
    assert!(kept.left.is_empty());
    assert_eq!(kept.records, set(&["Consent/of-own"]));
}

async fn an_appointment_enters_and_leaves_the_window(clinic: &Clinic, ann: &Session) {
    clinic.patient("booked", Some("b")).await;
    clinic.appointment("booked", 20).await;
    let far = clinic.follow(ann, "", 500).await;
    assert!(far.records.contains("Appointment/for-booked"));
    assert!(!far.arrived.contains("booked"));
    clinic.appointment("booked", 3).await;
    let near = clinic.follow(ann, &far.cursor, 500).await;
    assert_eq!(near.arrived, set(&["booked"]));
    // The clinic's window is narrower than what policy allows.
    clinic.sql("UPDATE tenant SET scope_days_ahead = 2");
    let narrow = clinic.follow(ann, &near.cursor, 500).await;
    assert_eq!(narrow.left, set(&["booked"]));
    clinic.sql("UPDATE tenant SET scope_days_ahead = 7");
    let wide = clinic.follow(ann, &narrow.cursor, 500).await;
    assert_eq!(wide.arrived, set(&["booked"]));
    clinic.appointment("booked", -10).await;
    let after = clinic.follow(ann, &wide.cursor, 500).await;
    assert!(after.left.is_empty());
    clinic.sql("UPDATE tenant SET scope_days_behind = 5");
    let over = clinic.follow(ann, &after.cursor, 500).await;
    assert_eq!(over.left, set(&["booked"]));
}

/// A chart that made room on a workstation stays away, and comes when it is opened: also one that
/// the user may see and that lies outside the clinic's window.
async fn a_chart_that_made_room_comes_when_it_is_asked_for(clinic: &Clinic, ann: &Session) {
    let ask = async |wanted: &[&str], dropped: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let request = ChartsRequest {
            wanted: owned(wanted),
            dropped: owned(dropped),
        };
        let response = ann.post(&clinic.bench, path::CHARTS, &request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    };
    let start = clinic.follow(ann, "", 500).await;
    assert!(start.arrived.contains("other") && !start.arrived.contains("booked"));
    ask(&["booked"], &["other"]).await;
    let after = clinic.follow(ann, &start.cursor, 500).await;
    assert_eq!(after.left, set(&["other"]));
    assert_eq!(
        after.arrived,
        set(&["booked"]),
        "its appointment still relates"
    );
    clinic.put(&condition("meanwhile", "other")).await;
    let silent = clinic.follow(ann, &after.cursor, 500).await;
    assert!(silent.is_silent(), "{silent:?}");
    // Asked for again it comes whole, even if the server takes it to be there.
    ask(&["other"], &[]).await;
    let again = clinic.follow(ann, &silent.cursor, 500).await;
    assert_eq!(again.arrived, set(&["other"]));
    assert!(again.records.contains("Condition/meanwhile"));
    ask(&["other"], &[]).await;
    let missed = clinic.follow(ann, &again.cursor, 500).await;
    assert_eq!(missed.arrived, set(&["other"]));
    assert!(missed.left.is_empty());
    let rest = clinic.follow(ann, &missed.cursor, 500).await;
    assert!(rest.is_silent(), "{rest:?}");
    // What may not be seen does not come for being asked for.
    clinic.patient("stranger", Some("b")).await;
    ask(&["stranger", "nobody"], &[]).await;
    let none = clinic.follow(ann, &rest.cursor, 500).await;
    assert!(none.arrived.is_empty(), "{none:?}");
}

async fn a_record_that_was_filed_wrongly_goes(clinic: &Clinic, ann: &Session) {
    clinic.put(&condition("misfiled", "own")).await;
    let before = clinic.follow(ann, "", 500).await;
    assert!(before.records.contains("Condition/misfiled"));
    clinic.put(&condition("misfiled", "booked")).await;
    let after = clinic.follow(ann, &before.cursor, 500).await;
    assert_eq!(after.deleted, set(&["Condition/misfiled"]));
    let page = ann.page(&clinic.bench, &before.cursor, 500).await;
    assert_eq!(page.entries[0].patient, None, "whose it is now is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_the_front_desk_never_gets_clinical_records_and_a_role_is_changed_in_place() {
    let mut clinic = Clinic::open().await;
    clinic.patient("own", Some("a")).await;
    clinic.appointment("own", 0).await;
    let coverage = json!({
        "resourceType": "Coverage", "id": "cover", "status": "active",
        "beneficiary": {"reference": "Patient/own"}, "payor": [{"reference": "Patient/own"}],
    });
    clinic.put(&coverage).await;
    let outside = [
        "Patient/own",
        "Practitioner/a",
        "Practitioner/b",
        "Appointment/for-own",
    ];
    let with = |more: &[&str]| {
        let mut all = set(&outside);
        all.extend(set(more));
        all
    };
    // Not even to somebody at the front desk who is a practitioner with patients of their own.
    let desk = clinic.staff("desk", "front-desk", Some("a")).await;
    let all = clinic.follow(&desk, "", 2).await;
    assert_eq!(all.records, with(&["Coverage/cover"]));
    assert!(all.arrived.is_empty());
    clinic.put(&condition("news", "own")).await;
    let more = clinic.follow(&desk, &all.cursor, 2).await;
    assert!(more.is_silent(), "{more:?}");

    let set_role = |clinic: &Clinic, role: &str| {
        clinic.sql(&format!(
            "UPDATE account SET role = '{role}' WHERE username = 'desk'"
        ));
    };
    set_role(&clinic, "clinician");
    let clinician = clinic.follow(&desk, &more.cursor, 2).await;
    assert_eq!(clinician.arrived, set(&["own"]));
    assert_eq!(
        clinician.records,
        with(&["Condition/own", "Condition/news"])
    );
    assert!(!clinician.types.unwrap().contains(&"Coverage".to_owned()));
    // A deletion between two roles is still heard of.
    let url = clinic
        .bench
        .url(&format!("{}/Appointment/for-own", path::FHIR));
    let request = clinic.bench.http.delete(url).bearer_auth(&clinic.token);
    assert!(request.send().await.unwrap().status().is_success());
    set_role(&clinic, "front-desk");
    let back = clinic.follow(&desk, &clinician.cursor, 2).await;
    assert_eq!(back.left, set(&["own"]));
    assert!(back.deleted.contains("Appointment/for-own"));
    assert!(
        back.records
            .iter()
            .all(|name| !name.starts_with("Condition/"))
    );
    assert!(back.types.unwrap().contains(&"Coverage".to_owned()));

    // Nurses get whoever comes.
    clinic.appointment("own", 0).await;
    let nurse = clinic.staff("nurse", "nurse", None).await;
    let all = clinic.follow(&nurse, "", 500).await;
    assert_eq!(all.arrived, set(&["own"]));
    clinic.appointment("own", -3).await;
    let over = clinic.follow(&nurse, &all.cursor, 500).await;
    assert_eq!(over.left, set(&["own"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_work_that_was_set_aside_is_kept_once_and_reviewed() {
    let mut clinic = Clinic::open().await;
    clinic.patient("own", Some("a")).await;
    let ann = clinic.staff("ann", "clinician", Some("a")).await;
    let bob = clinic.staff("bob", "clinician", Some("b")).await;
    let request = SetAsideRequest {
        id: Uuid::new_v4(),
        patient: Some("own".to_owned()),
        changes: 2,
        drafts: 1,
        records: 0,
        made: Timestamp::now(),
        profile: "0123456789abcdef".to_owned(),
        sealed: "c2VhbGVk".to_owned(),
    };
    for _ in 0..2 {
        let response = ann.post(&clinic.bench, path::SET_ASIDE, &request).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(clinic.bench.events("work-set-aside"), 1);
    let response = bob.post(&clinic.bench, path::SET_ASIDE, &request).await;
    refused(response, 403, "forbidden").await;
    let malformed = SetAsideRequest {
        profile: "../elsewhere".to_owned(),
        ..request.clone()
    };
    let response = ann.post(&clinic.bench, path::SET_ASIDE, &malformed).await;
    refused(response, 400, "malformed").await;
    let officer = clinic.staff("sam", "security-officer", None).await;
    let reviews: protocol::report::ReviewPage =
        granted(officer.get(&clinic.bench, path::REVIEWS).await).await;
    let words: Vec<&str> = reviews
        .items
        .iter()
        .map(|item| item.words.as_str())
        .collect();
    assert_eq!(words.len(), 1);
    assert!(words[0].contains("2 changes, 1 draft"), "{words:?}");
    assert!(words[0].contains(&request.id.to_string()), "{words:?}");
    assert_eq!(reviews.items[0].patient.as_deref(), Some("own"));
}
