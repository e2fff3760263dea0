//! What searches find, over sealed values.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::clinic::{Client, Clinic, id, observation, patient, practitioner};

async fn named(client: &Client, family: &str, given: &str, birth: &str, gender: &str) -> String {
    let person = json!({
        "resourceType": "Patient",
        "name": [{"family": family, "given": [given]}],
        "birthDate": birth, "gender": gender,
    });
    id(&client.create(person).await)
}

async fn found(client: &Client, path: &str, expected: &[&String]) {
    let mut ids = client.ids(path).await;
    let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected, "{path}");
}

#[tokio::test]
async fn names_are_found_by_start_part_and_exactly() {
    let client = Clinic::open().await.client().await;
    let smith = named(&client, "Smith", "Anna", "1980-05-17", "female").await;
    let smythe = named(&client, "Smythe", "Bo", "1980-05", "male").await;
    let brien = named(&client, "O'Brién-Smithson", "Anne Marie", "1979", "female").await;
    let wu = named(&client, "Wu", "Li", "2001-01-01", "male").await;
    found(&client, "/Patient?family=smi", &[&smith]).await;
    found(&client, "/Patient?family=SMITH", &[&smith]).await;
    found(&client, "/Patient?family=s", &[&smith, &smythe]).await;
    found(&client, "/Patient?family=wu", &[&wu]).await;
    found(&client, "/Patient?family=w", &[&wu]).await;
    found(&client, "/Patient?family=o'brien", &[&brien]).await;
    found(&client, "/Patient?family:exact=Smith", &[&smith]).await;
    found(&client, "/Patient?family:exact=smith", &[]).await;
    found(&client, "/Patient?family:contains=mith", &[&smith, &brien]).await;
    found(
        &client,
        "/Patient?family:contains=th",
        &[&smith, &smythe, &brien],
    )
    .await;
    found(&client, "/Patient?name=ann", &[&smith, &brien]).await;
    found(&client, "/Patient?name=anna", &[&smith]).await;
    found(&client, "/Patient?given=mar", &[&brien]).await;
    found(&client, "/Patient?family=smith,wu", &[&smith, &wu]).await;
    found(
        &client,
        "/Patient?family:contains=smi&given=ann&gender=female",
        &[&smith, &brien],
    )
    .await;
    found(&client, "/Patient?family=zzz", &[]).await;
}

#[tokio::test]
async fn birth_dates_are_found_by_day_month_year_and_range() {
    let client = Clinic::open().await.client().await;
    let day = named(&client, "Day", "A", "1980-05-17", "female").await;
    let month = named(&client, "Month", "A", "1980-05", "female").await;
    let year = named(&client, "Year", "A", "1979", "female").await;
    let young = named(&client, "Young", "A", "2001-12-31", "female").await;
    found(&client, "/Patient?birthdate=1980-05-17", &[&day]).await;
    found(&client, "/Patient?birthdate=1980-05", &[&day, &month]).await;
    found(&client, "/Patient?birthdate=1979", &[&year]).await;
    found(&client, "/Patient?birthdate=ge1980-06-01", &[&young]).await;
    found(
        &client,
        "/Patient?birthdate=gt1980-05-17",
        &[&month, &young],
    )
    .await;
    found(&client, "/Patient?birthdate=lt1980-01-01", &[&year]).await;
    found(
        &client,
        "/Patient?birthdate=ge1979-01-01&birthdate=le1980-12-31",
        &[&day, &month, &year],
    )
    .await;
    found(&client, "/Patient?birthdate=sa1990", &[&young]).await;
    found(
        &client,
        "/Patient?birthdate=ne1980-05-17",
        &[&month, &year, &young],
    )
    .await;
}

#[tokio::test]
async fn codes_references_and_dates_are_found() {
    let client = Clinic::open().await.client().await;
    let someone = named(&client, "One", "A", "1980-05-17", "female").await;
    let other = named(&client, "Two", "A", "1980-05-17", "male").await;
    let early = id(&client
        .create(observation(&someone, "2026-01-01T08:00:00Z"))
        .await);
    let late = id(&client
        .create(observation(&someone, "2026-02-01T08:00:00Z"))
        .await);
    let foreign = id(&client
        .create(observation(&other, "2026-02-01T08:00:00Z"))
        .await);
    let mut amended = observation(&someone, "2026-03-01");
    amended["status"] = json!("amended");
    amended["code"]["coding"][0]["code"] = json!("8310-5");
    let amended = id(&client.create(amended).await);

    found(
        &client,
        &format!("/Observation?patient={someone}"),
        &[&early, &late, &amended],
    )
    .await;
    found(
        &client,
        &format!("/Observation?patient=Patient/{someone}&code=8867-4"),
        &[&early, &late],
    )
    .await;
    found(
        &client,
        &format!("/Observation?subject=Patient/{other}"),
        &[&foreign],
    )
    .await;
    found(
        &client,
        "/Observation?code=http://loinc.org|8310-5",
        &[&amended],
    )
    .await;
    found(
        &client,
        "/Observation?code=http://loinc.org|8310-5,http://loinc.org|8867-4",
        &[&early, &late, &foreign, &amended],
    )
    .await;
    found(&client, "/Observation?code=urn:other|8310-5", &[]).await;
    found(&client, "/Observation?code:not=8867-4", &[&amended]).await;
    found(&client, "/Observation?status=amended", &[&amended]).await;
    found(
        &client,
        "/Observation?category=vital-signs&date=ge2026-02-01",
        &[&late, &foreign, &amended],
    )
    .await;
    found(&client, "/Observation?date=2026-02", &[&late, &foreign]).await;
    found(&client, "/Observation?date=lt2026-02-01", &[&early]).await;
    found(
        &client,
        "/Observation?date=gt2026-01-15&date=lt2026-02-15",
        &[&late, &foreign],
    )
    .await;
    found(
        &client,
        "/Observation?encounter:missing=true",
        &[&early, &late, &foreign, &amended],
    )
    .await;
    found(&client, "/Observation?encounter:missing=false", &[]).await;
    found(
        &client,
        &format!("/Observation?_id={early},{late}"),
        &[&early, &late],
    )
    .await;
    found(&client, "/Patient?gender=male", &[&other]).await;
    found(&client, "/Patient?gender:not=male", &[&someone]).await;
    found(
        &client,
        "/Observation?code:not=http://loinc.org|8867-4",
        &[&amended],
    )
    .await;
    found(
        &client,
        "/Observation?code:not=http://loinc.org|8867-4,8310-5",
        &[],
    )
    .await;
    found(&client, "/Patient?gender=male,female", &[&someone, &other]).await;
    found(
        &client,
        "/Patient?_lastUpdated=gt2020-01-01",
        &[&someone, &other],
    )
    .await;
    found(&client, "/Patient?_lastUpdated=lt2020-01-01", &[]).await;
    found(
        &client,
        "/Observation?value-quantity=gt70",
        &[&early, &late, &foreign, &amended],
    )
    .await;
    found(&client, "/Observation?value-quantity=lt70", &[]).await;

    // By post, with the query in the form.
    let request = axum::http::Request::builder()
        .method(Method::POST)
        .uri("/fhir/R4/Observation/_search")
        .header("content-type", "application/x-www-form-urlencoded");
    let reply = client
        .send(request, format!("patient={someone}&code=8310-5").into())
        .await;
    assert_eq!(reply.ids("match"), [amended]);
}

#[tokio::test]
async fn an_update_moves_a_record_in_the_index_and_a_deletion_takes_it_out() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut person = client.create(patient("Before")).await;
    let someone = id(&person);
    let path = format!("/Patient/{someone}");
    person["name"][0]["family"] = json!("After");
    person["birthDate"] = json!("1990-01-01");
    client.put(&path, person).await;
    found(&client, "/Patient?family=before", &[]).await;
    found(
        &client,
        "/Patient?family=after&birthdate=1990-01-01",
        &[&someone],
    )
    .await;
    found(&client, "/Patient?birthdate=1980-05-17", &[]).await;
    client.ask(Method::DELETE, &path, &[], None).await;
    found(&client, "/Patient?family=after", &[]).await;
    found(&client, "/Patient", &[]).await;
    assert_eq!(clinic.sql("SELECT count(*) FROM search_token").trim(), "0");
}

#[tokio::test]
async fn what_belongs_together_is_included() {
    let client = Clinic::open().await.client().await;
    let someone = id(&client.create(patient("Included")).await);
    let doctor = id(&client.create(practitioner("Included")).await);
    let mut vital = observation(&someone, "2026-01-01");
    vital["performer"] = json!([{"reference": format!("Practitioner/{doctor}")}]);
    let vital = id(&client.create(vital).await);
    let page = client
        .get("/Observation?_include=Observation:subject&_include=Observation:performer")
        .await;
    assert_eq!(page.ids("match"), [vital.as_str()]);
    let mut included = page.ids("include");
    included.sort();
    let mut expected = vec![someone.clone(), doctor.clone()];
    expected.sort();
    assert_eq!(included, expected);
    let page = client
        .get("/Patient?_revinclude=Observation:subject&family=incl")
        .await;
    assert_eq!(page.ids("match"), [someone.as_str()]);
    assert_eq!(page.ids("include"), [vital.as_str()]);
    let page = client
        .get(&format!("/Patient?_id={someone}&_revinclude=Observation:subject&_include:iterate=Observation:performer"))
        .await;
    assert_eq!(page.ids("include").len(), 2);
}

#[tokio::test]
async fn an_unknown_parameter_is_told_or_refused() {
    let client = Clinic::open().await.client().await;
    let someone = id(&client.create(patient("Unknown")).await);
    let page = client.get("/Patient?shoe-size=44&family=unknown").await;
    assert_eq!(page.ids("match"), [someone]);
    let outcome: &Value = page.body["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert!(
        outcome["resource"]["issue"][0]["diagnostics"]
            .as_str()
            .unwrap()
            .contains("shoe-size")
    );
    let this = page.body["link"][0]["url"].as_str().unwrap();
    assert!(
        !this.contains("shoe-size"),
        "the link self tells what was understood"
    );
    let strict = [("prefer", "handling=strict")];
    let reply = client
        .ask(Method::GET, "/Patient?shoe-size=44", &strict, None)
        .await;
    reply.refused(StatusCode::BAD_REQUEST);
    client
        .get("/Patient?birthdate=yesterday")
        .await
        .refused(StatusCode::BAD_REQUEST);
    client.get("/Patient?_sort=shoe-size").await;
}
