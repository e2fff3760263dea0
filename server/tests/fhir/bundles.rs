//! Transactions and batches.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clinic::{Clinic, id, observation, patient, practitioner};

fn bundle(kind: &str, entries: Vec<Value>) -> Value {
    json!({"resourceType": "Bundle", "type": kind, "entry": entries})
}

fn post(resource: Value, full_url: &str) -> Value {
    let kind = resource["resourceType"].clone();
    json!({"fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": kind}})
}

const P: &str = "urn:uuid:11111111-0000-4000-8000-000000000001";
const O: &str = "urn:uuid:11111111-0000-4000-8000-000000000002";
const B: &str = "urn:uuid:11111111-0000-4000-8000-000000000003";

/// `Type/id` from the location of an entry's response.
fn made(reply: &Value, at: usize) -> String {
    let location = reply["entry"][at]["response"]["location"].as_str().unwrap();
    let (_, tail) = location.split_once("/fhir/R4/").unwrap();
    tail.split("/_history").next().unwrap().to_owned()
}

#[tokio::test]
async fn names_resolve_wherever_they_stand_and_in_any_order() {
    let client = Clinic::open().await.client().await;
    let mut vital = observation("x", "2026-01-01");
    vital["subject"]["reference"] = json!(P);
    let report = json!({
        "resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"},
        "subject": {"reference": P}, "result": [{"reference": O}],
        "presentedForm": [{"contentType": "text/plain", "url": B}],
    });
    let binary = json!({"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="});
    let reply = client
        .post(
            "",
            bundle(
                "transaction",
                vec![
                    post(report, "urn:uuid:11111111-0000-4000-8000-000000000004"),
                    post(vital, O),
                    post(binary, B),
                    post(patient("Bundled"), P),
                ],
            ),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    assert_eq!(reply.body["type"], "transaction-response");
    let report = client.get(&format!("/{}", made(&reply.body, 0))).await.body;
    assert_eq!(report["subject"]["reference"], made(&reply.body, 3));
    assert_eq!(report["result"][0]["reference"], made(&reply.body, 1));
    assert_eq!(report["presentedForm"][0]["url"], made(&reply.body, 2));
    assert_eq!(reply.body["entry"][3]["response"]["status"], "201 Created");
    assert_eq!(reply.body["entry"][3]["response"]["etag"], "W/\"1\"");
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing_and_names_the_entry() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut wrong = patient("Wrong");
    wrong["birthDate"] = json!("never");
    let reply = client
        .post(
            "",
            bundle(
                "transaction",
                vec![post(patient("Fine"), P), post(wrong, O)],
            ),
        )
        .await;
    let issue = reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        issue["expression"][0]
            .as_str()
            .unwrap()
            .starts_with("Bundle.entry[1].resource.birthDate")
    );
    let dangling = observation("nobody", "2026-01-01");
    let reply = client
        .post(
            "",
            bundle(
                "transaction",
                vec![post(patient("Fine"), P), post(dangling, O)],
            ),
        )
        .await;
    let issue = reply.refused(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        issue["expression"][0],
        "Bundle.entry[1].resource.subject.reference"
    );
    assert!(client.ids("/Patient").await.is_empty());
    assert_eq!(
        clinic.sql("SELECT count(*) FROM resource_version").trim(),
        "0"
    );
    assert_eq!(
        clinic
            .sql("SELECT count(*) FROM audit_event WHERE action = 'fhir-transaction' AND success")
            .trim(),
        "0"
    );
}

#[tokio::test]
async fn updates_deletes_patches_and_reads_go_in_the_order_of_the_specification() {
    let client = Clinic::open().await.client().await;
    let one = client.create(patient("One")).await;
    let two = id(&client.create(patient("Two")).await);
    let three = id(&client.create(patient("Three")).await);
    let mut changed = one.clone();
    changed["gender"] = json!("male");
    let one = id(&one);
    let patch = "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9nZW5kZXIiLCJ2YWx1ZSI6Im90aGVyIn1d";
    let reply = client
        .post(
            "",
            bundle("transaction", vec![
                json!({"request": {"method": "GET", "url": format!("Patient/{one}")}}),
                json!({"resource": changed, "request": {"method": "PUT", "url": format!("Patient/{one}"), "ifMatch": "W/\"1\""}}),
                json!({"request": {"method": "DELETE", "url": format!("Patient/{two}")}}),
                json!({"resource": {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": patch},
                       "request": {"method": "PATCH", "url": format!("Patient/{three}")}}),
            ]),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    let statuses: Vec<&str> = reply.body["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["response"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["200 OK", "200 OK", "204 No Content", "200 OK"]);
    assert_eq!(
        reply.body["entry"][0]["resource"]["gender"], "male",
        "reads see what was written"
    );
    assert_eq!(
        client.get(&format!("/Patient/{three}")).await.body["gender"],
        "other"
    );
    // A stale ifMatch refuses the whole.
    let stale = json!({"resource": {"resourceType": "Patient", "id": one},
        "request": {"method": "PUT", "url": format!("Patient/{one}"), "ifMatch": "W/\"1\""}});
    let reply = client
        .post(
            "",
            bundle("transaction", vec![post(patient("Four"), P), stale]),
        )
        .await;
    reply.refused(StatusCode::PRECONDITION_FAILED);
    assert_eq!(client.ids("/Patient").await.len(), 2);
    // One resource twice contradicts itself.
    let put = json!({"resource": {"resourceType": "Patient", "id": one}, "request": {"method": "PUT", "url": format!("Patient/{one}")}});
    let reply = client
        .post("", bundle("transaction", vec![put.clone(), put]))
        .await;
    reply.refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn conditional_creates_and_references_find_what_exists() {
    let client = Clinic::open().await.client().await;
    let mut doctor = practitioner("Known");
    doctor["identifier"] = json!([{"system": "urn:npi", "value": "42"}]);
    let known = id(&client.create(doctor.clone()).await);
    let mut person = patient("Known");
    person["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "K1"}]);
    let someone = id(&client.create(person.clone()).await);

    let mut conditional = post(doctor.clone(), P);
    conditional["request"]["ifNoneExist"] = json!("identifier=urn:npi|42");
    let mut vital = observation("x", "2026-01-01");
    vital["subject"]["reference"] = json!("Patient?identifier=urn:rounds:mrn|K1");
    vital["performer"] = json!([{"reference": P}]);
    let reply = client
        .post(
            "",
            bundle("transaction", vec![conditional, post(vital.clone(), O)]),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    assert_eq!(reply.body["entry"][0]["response"]["status"], "200 OK");
    let stored = client.get(&format!("/{}", made(&reply.body, 1))).await.body;
    assert_eq!(stored["subject"]["reference"], format!("Patient/{someone}"));
    assert_eq!(
        stored["performer"][0]["reference"],
        format!("Practitioner/{known}")
    );

    // Two with the same criteria in one bundle are one.
    let mut new = practitioner("New");
    new["identifier"] = json!([{"system": "urn:npi", "value": "43"}]);
    let twice: Vec<Value> = [P, O]
        .iter()
        .map(|name| {
            let mut entry = post(new.clone(), name);
            entry["request"]["ifNoneExist"] = json!("identifier=urn:npi|43");
            entry
        })
        .collect();
    let reply = client.post("", bundle("transaction", twice)).await;
    assert_eq!(made(&reply.body, 0), made(&reply.body, 1));
    assert_eq!(client.ids("/Practitioner").await.len(), 2);

    vital["performer"] = json!([{"reference": "Practitioner?identifier=urn:npi|99"}]);
    let reply = client
        .post("", bundle("transaction", vec![post(vital, O)]))
        .await;
    let issue = reply.refused(StatusCode::PRECONDITION_FAILED);
    assert_eq!(
        issue["expression"][0],
        "Bundle.entry[0].resource.performer[0].reference"
    );
}

#[tokio::test]
async fn a_batch_takes_each_entry_by_itself() {
    let client = Clinic::open().await.client().await;
    let someone = id(&client.create(patient("Batch")).await);
    let reply = client
        .post(
            "",
            bundle(
                "batch",
                vec![
                    post(patient("Second"), P),
                    post(observation("nobody", "2026-01-01"), O),
                    json!({"request": {"method": "GET", "url": format!("Patient/{someone}")}}),
                    json!({"request": {"method": "GET", "url": "Patient?family=batch"}}),
                    json!({"request": {"method": "JUMP", "url": "Patient"}}),
                    json!({"request": {"method": "DELETE", "url": "Patient/nobody"}}),
                ],
            ),
        )
        .await;
    assert_eq!(reply.status, StatusCode::OK);
    let statuses: Vec<&str> = reply.body["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["response"]["status"].as_str().unwrap()[..3])
        .collect();
    assert_eq!(statuses, ["201", "422", "200", "200", "400", "404"]);
    assert_eq!(reply.body["entry"][2]["resource"]["id"], someone);
    assert_eq!(reply.body["entry"][3]["resource"]["type"], "searchset");
    let issue = &reply.body["entry"][1]["response"]["outcome"]["issue"][0];
    assert!(
        issue["expression"][0]
            .as_str()
            .unwrap()
            .starts_with("Bundle.entry[1]")
    );
    client
        .post("", bundle("collection", vec![]))
        .await
        .refused(StatusCode::BAD_REQUEST);
    client
        .post("", patient("None"))
        .await
        .refused(StatusCode::BAD_REQUEST);
    client
        .ask(Method::GET, "", &[], None)
        .await
        .refused(StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_transaction_of_five_hundred_is_one() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut entries = vec![post(patient("Many"), P)];
    for number in 0..499 {
        let mut one = observation("x", "2026-01-01");
        one["subject"]["reference"] = json!(P);
        entries.push(post(
            one,
            &format!("urn:uuid:22222222-0000-4000-8000-{number:012}"),
        ));
    }
    let reply = client.post("", bundle("transaction", entries)).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body["issue"]);
    assert_eq!(reply.body["entry"].as_array().unwrap().len(), 500);
    assert_eq!(
        clinic
            .sql("SELECT count(DISTINCT transaction) FROM resource_version")
            .trim(),
        "1"
    );
    assert_eq!(
        clinic
            .sql("SELECT count(*) FROM audit_event WHERE action = 'fhir-transaction'")
            .trim(),
        "1"
    );
}
