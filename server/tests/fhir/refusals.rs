//! What may not be seen looks like what is not there: status, body, headers, totals, order,
//! pages, and the work that is done for it.

use axum::http::{Method, StatusCode};
use protocol::sign_in::Role;
use serde_json::{Value, json};

use crate::clinic::{Client, Clinic, Reply, id, observation, patient, practitioner};
use crate::relations::consent;

/// A clinician with one patient, and others' patients: one without relationship, one assigned but
/// closed by consent.
struct Ward {
    clinic: Clinic,
    program: Client,
    ann: Client,
    doctor: String,
    own: String,
}

impl Ward {
    async fn new() -> Self {
        let clinic = Clinic::open().await;
        let program = clinic.client().await;
        let doctor = id(&program.create(practitioner("Ward")).await);
        let ann = clinic.staff(Role::Clinician, Some(&doctor)).await;
        let own = assigned(&program, &doctor).await;
        Self {
            clinic,
            program,
            ann,
            doctor,
            own,
        }
    }

    /// A patient whom nothing relates to Ann, and one who closed the record to her.
    async fn strangers(&self) -> [String; 2] {
        let unrelated = id(&self.program.create(patient("Stranger")).await);
        let closed = assigned(&self.program, &self.doctor).await;
        let who = json!({"reference": format!("Practitioner/{}", self.doctor)});
        self.program.create(consent(&closed, "deny", &who)).await;
        [unrelated, closed]
    }
}

async fn assigned(program: &Client, doctor: &str) -> String {
    let mut person = patient("Own");
    person["generalPractitioner"] = json!([{"reference": format!("Practitioner/{doctor}")}]);
    id(&program.create(person).await)
}

/// A whole answer, but for what differs from request to request by its nature.
fn whole(reply: &Reply, id: &str) -> (StatusCode, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
        .collect();
    headers.sort();
    (
        reply.status,
        headers,
        reply.body.to_string().replace(id, "ID"),
    )
}

const NOWHERE: &str = "0190b3c2-0000-7000-8000-00000000dead";

/// Every interaction with one record.
async fn interactions(ward: &Ward, id: &str) -> Vec<(String, Reply)> {
    let path = format!("/Observation/{id}");
    let mut body = observation(&ward.own, "2026-01-01");
    body["id"] = id.into();
    let patch = json!([{"op": "replace", "path": "/status", "value": "amended"}]);
    let patching = [("content-type", "application/json-patch+json")];
    let stale = ("if-match", "W/\"1\"");
    let other = ("if-match", "W/\"7\"");
    let unseen = ("if-none-match", "*");
    let transaction = |method: &str, resource: Option<Value>| {
        let mut entry = json!({"request": {"method": method, "url": format!("Observation/{id}")}});
        if let Some(resource) = resource {
            entry["resource"] = resource;
        }
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    };
    let batch = |method: &str| {
        json!({"resourceType": "Bundle", "type": "batch", "entry": [
            {"request": {"method": method, "url": format!("Observation/{id}")}},
            {"request": {"method": "GET", "url": format!("Observation?_id={id}")}},
        ]})
    };
    let mut member = observation(&ward.own, "2026-01-03");
    member["hasMember"] = json!([{"reference": format!("Observation/{id}")}]);
    let ann = &ward.ann;
    let get = Method::GET;
    let mut done = Vec::new();
    let mut told = |name: &str, reply: Reply| done.push((name.to_owned(), reply));
    told("read", ann.get(&path).await);
    told(
        "if-none-match",
        ann.ask(get.clone(), &path, &[("if-none-match", "W/\"1\"")], None)
            .await,
    );
    told("head", ann.ask(Method::HEAD, &path, &[], None).await);
    told("vread", ann.get(&format!("{path}/_history/1")).await);
    told(
        "vread of none",
        ann.get(&format!("{path}/_history/9")).await,
    );
    told("history", ann.get(&format!("{path}/_history")).await);
    told("put", ann.put(&path, body.clone()).await);
    told(
        "put if-match",
        ann.ask(Method::PUT, &path, &[stale], Some(body.clone()))
            .await,
    );
    told(
        "put other",
        ann.ask(Method::PUT, &path, &[other], Some(body.clone()))
            .await,
    );
    told(
        "put if-none-match",
        ann.ask(Method::PUT, &path, &[unseen], Some(body.clone()))
            .await,
    );
    told(
        "patch",
        ann.ask(Method::PATCH, &path, &patching, Some(patch.clone()))
            .await,
    );
    let conditional = [patching[0], stale];
    told(
        "patch if-match",
        ann.ask(Method::PATCH, &path, &conditional, Some(patch))
            .await,
    );
    told("delete", ann.ask(Method::DELETE, &path, &[], None).await);
    told(
        "delete if-match",
        ann.ask(Method::DELETE, &path, &[stale], None).await,
    );
    told(
        "transaction put",
        ann.post("", transaction("PUT", Some(body))).await,
    );
    told(
        "transaction delete",
        ann.post("", transaction("DELETE", None)).await,
    );
    told(
        "transaction read",
        ann.post("", transaction("GET", None)).await,
    );
    told("batch", ann.post("", batch("GET")).await);
    told("batch delete", ann.post("", batch("DELETE")).await);
    told(
        "search",
        ann.get(&format!("/Observation?_id={id}&_total=accurate"))
            .await,
    );
    told(
        "count",
        ann.get(&format!("/Observation?_id={id}&_summary=count"))
            .await,
    );
    told("referring", ann.post("/Observation", member).await);
    told(
        "referred to",
        ann.get(&format!("/Observation?has-member=Observation/{id}"))
            .await,
    );
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_every_interaction_with_what_may_not_be_seen_is_answered_like_one_with_nothing() {
    let ward = Ward::new().await;
    let nothing = interactions(&ward, NOWHERE).await;
    let events = "SELECT count(*) FROM audit_event WHERE NOT success";
    let before: u32 = ward.clinic.sql(events).trim().parse().unwrap();
    let mut noted = None;
    for stranger in ward.strangers().await {
        let hidden = if noted.is_none() {
            id(&ward
                .program
                .create(observation(&stranger, "2026-01-01"))
                .await)
        } else {
            // Deleted records of others are not told from others' living ones, either.
            let gone = id(&ward
                .program
                .create(observation(&stranger, "2026-01-01"))
                .await);
            let path = format!("/Observation/{gone}");
            ward.program.ask(Method::DELETE, &path, &[], None).await;
            gone
        };
        let from: u32 = ward.clinic.sql(events).trim().parse().unwrap();
        let versions = format!("SELECT count(*) FROM resource_version WHERE id = '{hidden}'");
        let stored = ward.clinic.sql(&versions);
        for ((name, none), (_, some)) in nothing.iter().zip(interactions(&ward, &hidden).await) {
            assert_eq!(whole(none, NOWHERE), whole(&some, &hidden), "{name}");
            assert_ne!(none.status, StatusCode::CREATED, "{name}");
        }
        assert_eq!(ward.clinic.sql(&versions), stored, "nothing was changed");
        let to: u32 = ward.clinic.sql(events).trim().parse().unwrap();
        // The same work: as many events are stored for the one as for the other.
        assert_eq!(to - from, before, "{stranger}");
        noted = Some(hidden);
    }
}

/// Searches before others' records come to be and after: whole answers, pages and all.
#[tokio::test(flavor = "multi_thread")]
async fn p4_totals_order_and_pages_are_of_what_may_be_seen() {
    let ward = Ward::new().await;
    for day in 1..=5 {
        let when = format!("2026-01-0{day}");
        ward.program.create(observation(&ward.own, &when)).await;
    }
    let asked = [
        "/Observation?_total=accurate",
        "/Observation?_summary=count",
        "/Observation?_sort=date&_count=2",
        "/Observation?_sort=-date&_count=2&_total=accurate",
        "/Observation?_sort=_lastUpdated&_count=3",
        "/Observation?_sort=-_lastUpdated",
        "/Observation?_sort=code,-date&_count=2",
        "/Observation?code=8867-4&_total=accurate",
        "/Observation?date=ge2026-01-03&_total=accurate&_count=1",
        "/Observation?code:not=8867-4&_total=accurate",
        "/Observation?patient:missing=false&_total=accurate",
        "/Observation?value-quantity=72&_total=accurate&_count=2",
        "/Observation?status=final&_summary=count",
        "/Consent?_total=accurate",
        "/Encounter?_total=accurate&_sort=date",
    ];
    let mut before = Vec::new();
    for query in asked {
        before.push(pages(&ward.ann, query).await);
    }
    for stranger in ward.strangers().await {
        for day in 0..=9 {
            let when = format!("2026-01-0{day}").replace("-00", "-10");
            ward.program.create(observation(&stranger, &when)).await;
        }
    }
    for (query, before) in asked.iter().zip(before) {
        assert_eq!(pages(&ward.ann, query).await, before, "{query}");
    }
    // A patient whose record is closed, one without relationship, and nobody: all alike.
    let [unrelated, closed] = ward.strangers().await;
    for stranger in [&unrelated, &closed] {
        ward.program
            .create(observation(stranger, "2026-01-01"))
            .await;
    }
    for query in [
        "/Observation?patient=ID&_total=accurate",
        "/Observation?subject=Patient/ID&_sort=date",
        "/Observation?patient=ID&_summary=count",
        "/Observation?patient=ID&_include=Observation:subject",
        "/Observation?performer=Patient/ID",
        "/Consent?patient=ID",
    ] {
        let of = |patient: &str| query.replace("ID", patient);
        let nobody = ward.ann.get(&of(NOWHERE)).await;
        for stranger in [&unrelated, &closed] {
            let reply = ward.ann.get(&of(stranger)).await;
            assert_eq!(whole(&nobody, NOWHERE), whole(&reply, stranger), "{query}");
        }
    }
    // Found as patients, without what belongs to them.
    let page = ward
        .ann
        .get("/Patient?_revinclude=Observation:subject&_revinclude=Consent:patient&_count=100")
        .await;
    assert!(page.ids("match").contains(&unrelated));
    assert_eq!(page.ids("include").len(), 5);
    let mine = ward
        .ann
        .get("/Observation?_include=Observation:subject")
        .await;
    assert_eq!(mine.ids("include"), std::slice::from_ref(&ward.own));
}

/// All pages of a search: entries, totals and how many there were. Links differ by their seals.
async fn pages(client: &Client, query: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = Some(query.to_owned());
    while let Some(next) = path {
        let mut reply = client.get(&next).await;
        assert_eq!(reply.status, StatusCode::OK, "{next}: {:#}", reply.body);
        path = reply.next();
        if let Some(bundle) = reply.body.as_object_mut() {
            bundle.remove("link");
        }
        all.push(reply.body);
    }
    all
}

/// What was another's before it was corrected shows only the versions that are one's own.
#[tokio::test]
async fn p4_histories_show_the_versions_that_may_be_seen() {
    let ward = Ward::new().await;
    let [unrelated, _] = ward.strangers().await;
    let mut vital = ward
        .program
        .create(observation(&unrelated, "2026-01-01"))
        .await;
    let path = format!("/Observation/{}", id(&vital));
    vital["subject"]["reference"] = format!("Patient/{}", ward.own).into();
    ward.program.put(&path, vital).await;
    let history = ward.ann.get(&format!("{path}/_history")).await;
    assert_eq!(history.body["total"], 1);
    assert_eq!(history.body["entry"].as_array().unwrap().len(), 1);
    assert_eq!(ward.ann.get(&path).await.status, StatusCode::OK);
    ward.ann
        .get(&format!("{path}/_history/1"))
        .await
        .refused(StatusCode::NOT_FOUND);
    // Nobody moves a record to a patient, or from one, whose records they may not write.
    let patch = json!([{"op": "replace", "path": "/subject/reference",
                        "value": format!("Patient/{unrelated}")}]);
    let patching = [("content-type", "application/json-patch+json")];
    let reply = ward
        .ann
        .ask(Method::PATCH, &path, &patching, Some(patch))
        .await;
    let issue = reply.refused(StatusCode::FORBIDDEN);
    assert!(
        issue["diagnostics"]
            .as_str()
            .unwrap()
            .starts_with("needs-justification: ")
    );
}

#[tokio::test]
async fn p4_everything_of_an_unrelated_patient_says_what_is_needed() {
    let ward = Ward::new().await;
    let [unrelated, closed] = ward.strangers().await;
    for (person, code) in [
        (unrelated, "needs-justification"),
        (closed, "needs-emergency"),
    ] {
        let reply = ward
            .ann
            .get(&format!("/Patient/{person}/$everything"))
            .await;
        let issue = reply.refused(StatusCode::FORBIDDEN);
        let said = issue["diagnostics"].as_str().unwrap();
        assert!(said.starts_with(&format!("{code}: ")), "{said}");
        // Who and when are no secret among those who treat.
        let reply = ward
            .ann
            .get(&format!(
                "/Patient/{person}/$everything?_type=Patient,Appointment"
            ))
            .await;
        assert_eq!(reply.ids("match"), std::slice::from_ref(&person));
        assert_eq!(
            ward.ann.get(&format!("/Patient/{person}")).await.status,
            StatusCode::OK
        );
    }
    let own = ward
        .ann
        .get(&format!("/Patient/{}/$everything", ward.own))
        .await;
    assert_eq!(own.status, StatusCode::OK);
}

/// A condition that only what is hidden meets is met by nothing.
#[tokio::test]
async fn p4_criteria_meet_what_may_be_seen() {
    let ward = Ward::new().await;
    let [unrelated, _] = ward.strangers().await;
    let mut hidden = observation(&unrelated, "2026-01-01");
    hidden["identifier"] = json!([{"system": "urn:test", "value": "1"}]);
    ward.program.create(hidden).await;
    let mut own = observation(&ward.own, "2026-01-01");
    own["identifier"] = json!([{"system": "urn:test", "value": "1"}]);
    let criteria = [("if-none-exist", "identifier=urn:test|1")];
    let reply = ward
        .ann
        .ask(Method::POST, "/Observation", &criteria, Some(own.clone()))
        .await;
    assert_eq!(reply.status, StatusCode::CREATED, "{:#}", reply.body);
    let again = ward
        .ann
        .ask(Method::POST, "/Observation", &criteria, Some(own))
        .await;
    assert_eq!(again.status, StatusCode::OK);
    // A reference by criteria leads to one's own alone.
    let mut member = observation(&ward.own, "2026-01-02");
    member["hasMember"] = json!([{"reference": "Observation?identifier=urn:test|1"}]);
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": member, "request": {"method": "POST", "url": "Observation"}}]});
    assert_eq!(ward.ann.post("", bundle).await.status, StatusCode::OK);
}
