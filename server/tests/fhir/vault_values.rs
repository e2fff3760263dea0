//! Sealed values in the hands of somebody inside the database: moved, bent, cut and renamed. What
//! does not open is told with its name; everything else comes.

use axum::http::StatusCode;
use protocol::sign_in::Role;
use rounds_server::search::blind::Blind;
use rounds_server::search::index;
use rounds_server::store::{identity, read};
use serde_json::json;
use uuid::Uuid;

use crate::clinic::{Client, Clinic, id, observation, patient};

/// The body of `kind/id` does not open for `code`, and a page of its neighbours comes without it.
async fn is_told(clinic: &Clinic, client: &Client, kind: &str, id: &str, code: &str) {
    let reply = client.get(&format!("/{kind}/{id}")).await;
    let issue = reply.refused(StatusCode::INTERNAL_SERVER_ERROR);
    let words = issue["diagnostics"].as_str().unwrap();
    assert!(words.contains(code), "{code}: {words}");
    assert!(words.contains(id), "{words}");
    let pool = clinic.app.pool.get().await.unwrap();
    let bad = read::current(&clinic.app, &pool, kind, id)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(bad.code, code);
    assert_eq!(
        bad.to_string(),
        format!(
            "resource_version.body of {kind}/{id} version {} does not open ({code})",
            bad.version
        )
    );
}

#[tokio::test]
async fn v1_ciphertexts_that_change_places_are_refused() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Swapped")).await);
    let one = id(&client.create(observation(&someone, "2026-01-01")).await);
    let two = id(&client.create(observation(&someone, "2026-01-02")).await);
    let three = id(&client.create(observation(&someone, "2026-01-03")).await);
    let inside = clinic.inside(false).await;
    // Rows.
    inside
        .batch_execute(&format!(
            "UPDATE resource_version a SET body = b.body FROM resource_version b \
             WHERE a.id IN ('{one}', '{two}') AND b.id IN ('{one}', '{two}') AND a.id <> b.id"
        ))
        .await
        .unwrap();
    for id in [&one, &two] {
        is_told(&clinic, &client, "Observation", id, "sealed-tampered").await;
    }
    // One bad row does not break a page: it is told and the rest comes.
    let page = client.get(&format!("/Observation?patient={someone}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.ids("match"), [three.as_str()]);
    let outcome = page.body["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert_eq!(outcome["resource"]["issue"].as_array().unwrap().len(), 2);
    let all = client.get(&format!("/Patient/{someone}/$everything")).await;
    assert_eq!(all.ids("match").len(), 2);

    // Versions of one row.
    let mut changed = observation(&someone, "2026-01-03");
    changed["id"] = three.as_str().into();
    client.put(&format!("/Observation/{three}"), changed).await;
    inside
        .batch_execute(&format!(
            "UPDATE resource_version a SET body = b.body FROM resource_version b \
             WHERE a.id = '{three}' AND b.id = '{three}' AND a.version = 2 AND b.version = 1"
        ))
        .await
        .unwrap();
    is_told(&clinic, &client, "Observation", &three, "sealed-tampered").await;
    let first = client
        .get(&format!("/Observation/{three}/_history/1"))
        .await;
    assert_eq!(first.status, StatusCode::OK);

    // Tables and columns: what is sealed for identity is no body, nor another column.
    let other = id(&client.create(patient("Columns")).await);
    inside
        .batch_execute(&format!(
            "UPDATE patient_identity SET name = birth_date WHERE patient = '{other}'; \
             UPDATE resource_version SET body = (SELECT birth_date FROM patient_identity \
               WHERE patient = '{other}') WHERE id = '{other}'"
        ))
        .await
        .unwrap();
    is_told(&clinic, &client, "Patient", &other, "sealed-tampered").await;
    let pool = clinic.app.pool.get().await.unwrap();
    let asked = [someone.as_str(), other.as_str()];
    let names = identity::names(&clinic.app, &pool, &asked).await.unwrap();
    assert_eq!(names.into_keys().collect::<Vec<_>>(), [someone.as_str()]);
}

#[tokio::test]
async fn v1_a_clinic_cannot_open_what_another_sealed() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Tenant")).await);
    // The whole row goes to another clinic, its wrapped key too: as in a database of many.
    let other = Uuid::new_v4();
    let (records, keys) = (clinic.inside(false).await, clinic.inside(true).await);
    let name = clinic.app.tenant.id;
    for (client, tables) in [
        (&keys, &["data_key"][..]),
        (
            &records,
            &["resource_version", "resource", "patient_identity"][..],
        ),
    ] {
        for table in tables {
            client
                .batch_execute(&format!(
                    "UPDATE {table} SET tenant = '{other}' WHERE tenant = '{name}'"
                ))
                .await
                .unwrap();
        }
    }
    // A server that takes itself for that clinic finds the rows and opens nothing.
    let key: &[u8] = &keys
        .query_one(
            "SELECT wrapped FROM data_key WHERE patient = $1",
            &[&someone],
        )
        .await
        .unwrap()
        .get::<_, Vec<u8>>(0);
    let masters = &vault::MasterKeys::parse(crate::clinic::MASTER).unwrap();
    let place = |tenant| vault::Place {
        tenant,
        table: "data_key",
        row: &someone,
        column: "wrapped",
        version: 0,
    };
    let error = vault::DataKey::unwrap(masters, &place(other), key).unwrap_err();
    assert_eq!(error.code(), "sealed-tampered");
    let data = vault::DataKey::unwrap(masters, &place(name), key).unwrap();
    let body: Vec<u8> = records
        .query_one(
            "SELECT body FROM resource_version WHERE id = $1",
            &[&someone],
        )
        .await
        .unwrap()
        .get(0);
    let open = |tenant| {
        rounds_server::store::seal::open_body(&data, tenant, "Patient", &someone, 1, body.clone())
    };
    assert_eq!(open(other).unwrap_err().code(), "sealed-tampered");
    assert!(open(name).is_ok());
}

#[tokio::test]
async fn v5_every_flipped_byte_and_every_cut_of_a_body_is_told() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Flipped")).await);
    let bent = id(&client.create(observation(&someone, "2026-01-01")).await);
    let whole = id(&client.create(observation(&someone, "2026-01-02")).await);
    let inside = clinic.inside(false).await;
    let body: Vec<u8> = inside
        .query_one("SELECT body FROM resource_version WHERE id = $1", &[&bent])
        .await
        .unwrap()
        .get(0);
    let put = inside
        .prepare("UPDATE resource_version SET body = $2 WHERE id = $1")
        .await
        .unwrap();
    let pool = clinic.app.pool.get().await.unwrap();
    let names = [
        ("Observation", bent.as_str()),
        ("Observation", whole.as_str()),
    ];
    for at in 0..body.len() {
        let mut flipped = body.clone();
        flipped[at] ^= 1 << (at % 8);
        inside.execute(&put, &[&bent, &flipped]).await.unwrap();
        let found = read::many(&clinic.app, &pool, &names).await.unwrap();
        let code = match at {
            0 => "sealed-unknown-format",
            1..=16 => "sealed-other-key",
            _ => "sealed-tampered",
        };
        assert_eq!(found[0].as_ref().unwrap_err().code, code, "byte {at}");
        assert!(found[1].is_ok(), "its neighbour opens");
    }
    for length in (0..body.len()).step_by(3) {
        let cut = &body[..length];
        inside.execute(&put, &[&bent, &cut]).await.unwrap();
        let found = read::many(&clinic.app, &pool, &names).await.unwrap();
        let code = if length < vault::sealed::OVERHEAD {
            "sealed-truncated"
        } else {
            "sealed-tampered"
        };
        assert_eq!(found[0].as_ref().unwrap_err().code, code, "length {length}");
        assert!(found[1].is_ok());
    }
    is_told(&clinic, &client, "Observation", &bent, "sealed-tampered").await;
    inside.execute(&put, &[&bent, &body]).await.unwrap();
    assert_eq!(
        client.get(&format!("/Observation/{bent}")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn v5_every_flipped_byte_of_a_name_and_of_a_wrapped_key_is_told() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let bent = id(&client.create(patient("Bent")).await);
    let whole = id(&client.create(patient("Whole")).await);
    let pool = clinic.app.pool.get().await.unwrap();
    let asked = [bent.as_str(), whole.as_str()];
    let inside = clinic.inside(false).await;
    let name: Vec<u8> = inside
        .query_one(
            "SELECT name FROM patient_identity WHERE patient = $1",
            &[&bent],
        )
        .await
        .unwrap()
        .get(0);
    let put = "UPDATE patient_identity SET name = $2 WHERE patient = $1";
    for at in 0..name.len() {
        let mut flipped = name.clone();
        flipped[at] ^= 1 << (at % 8);
        inside.execute(put, &[&bent, &flipped]).await.unwrap();
        let names = identity::names(&clinic.app, &pool, &asked).await.unwrap();
        assert!(!names.contains_key(&bent), "byte {at}");
        assert_eq!(names[&whole], "Ada Whole");
    }
    inside.execute(put, &[&bent, &name]).await.unwrap();

    let keys = clinic.inside(true).await;
    let wrapped: Vec<u8> = keys
        .query_one("SELECT wrapped FROM data_key WHERE patient = $1", &[&bent])
        .await
        .unwrap()
        .get(0);
    let put = "UPDATE data_key SET wrapped = $2 WHERE patient = $1";
    let both = [("Patient", bent.as_str()), ("Patient", whole.as_str())];
    for at in 0..wrapped.len() {
        let mut flipped = wrapped.clone();
        flipped[at] ^= 1 << (at % 8);
        keys.execute(put, &[&bent, &flipped]).await.unwrap();
        clinic.app.keys.forget();
        let found = read::many(&clinic.app, &pool, &both).await.unwrap();
        let code = found[0].as_ref().unwrap_err().code;
        assert!(
            ["data-key-unopened", "sealed-unknown-master"].contains(&code),
            "byte {at}: {code}"
        );
        assert!(found[1].is_ok(), "byte {at}");
    }
    // Nothing new is sealed under a key that does not open; others write on.
    let reply = client
        .post("/Observation", observation(&bent, "2026-01-01"))
        .await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    client.create(observation(&whole, "2026-01-01")).await;
    keys.execute(put, &[&bent, &wrapped]).await.unwrap();
    clinic.app.keys.forget();
    client.create(observation(&bent, "2026-01-01")).await;
}

#[tokio::test]
async fn v5_unknown_keys_and_swapped_keys_are_told() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let one = id(&client.create(patient("One")).await);
    let two = id(&client.create(patient("Two")).await);
    let inside = clinic.inside(false).await;
    // The column names a key that never was.
    inside
        .execute(
            "UPDATE resource_version SET key_id = gen_random_uuid() WHERE id = $1",
            &[&one],
        )
        .await
        .unwrap();
    is_told(&clinic, &client, "Patient", &one, "data-key-missing").await;
    // Column and value name another patient's key, which does exist.
    inside
        .execute(
            "UPDATE resource_version a SET key_id = b.key_id, \
               body = overlay(a.body placing uuid_send(b.key_id) from 2 for 16) \
             FROM resource_version b WHERE a.id = $1 AND b.id = $2",
            &[&one, &two],
        )
        .await
        .unwrap();
    is_told(&clinic, &client, "Patient", &one, "sealed-tampered").await;
    assert_eq!(client.ids("/Patient?_sort=_id").await, [two.as_str()]);
    // Wrapped keys that change places open nothing.
    let keys = clinic.inside(true).await;
    keys.batch_execute(&format!(
        "UPDATE data_key a SET wrapped = b.wrapped FROM data_key b \
         WHERE a.patient IN ('{one}', '{two}') AND b.patient IN ('{one}', '{two}') AND a.id <> b.id"
    ))
    .await
    .unwrap();
    clinic.app.keys.forget();
    is_told(&clinic, &client, "Patient", &two, "data-key-unopened").await;
}

#[tokio::test]
async fn v5_one_bent_audit_event_does_not_hide_the_others() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    client.create(patient("Watched")).await;
    client.create(patient("Watched")).await;
    let auditor = clinic.client_of(Role::Auditor).await;
    let whole = auditor.ids("/AuditEvent?_count=50").await;
    assert!(whole.len() >= 2, "{whole:?}");
    let bent = &whole[0];
    clinic
        .inside(false)
        .await
        .batch_execute(&format!(
            "UPDATE audit_event SET body = set_byte(body, 40, get_byte(body, 40) # 4) \
             WHERE id = '{bent}'"
        ))
        .await
        .unwrap();
    let reply = auditor.get(&format!("/AuditEvent/{bent}")).await;
    let issue = reply.refused(StatusCode::INTERNAL_SERVER_ERROR);
    let words = issue["diagnostics"].as_str().unwrap();
    assert!(words.contains("sealed-tampered") && words.contains(bent.as_str()));
    let page = auditor.get("/AuditEvent?_count=50").await;
    let found = page.ids("match");
    assert!(!found.contains(bent));
    assert!(whole[1..].iter().all(|id| found.contains(id)));
    let outcome = page.body["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    assert!(outcome.to_string().contains("sealed-tampered"));
}

#[tokio::test]
async fn v3_identity_is_found_by_keyed_tokens_alone() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut person = patient("O'Brién-Smith");
    person["identifier"] = json!([{"system": "urn:rounds:mrn", "value": "MRN-77"},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "987-65-4320"}]);
    person["telecom"] = json!([{"system": "phone", "value": "555-0142"},
        {"system": "email", "value": "ada@mail.example"}]);
    person["address"] = json!([{"city": "Canarytown", "postalCode": "98765"}]);
    let stored = client.create(person).await;
    let someone = id(&stored);
    client.create(patient("Unrelated")).await;
    for query in [
        "family=obrien",
        "family=o",
        "name=o%27brien",
        "birthdate=1980-05-17&family=obrien",
        "identifier=MRN-77",
        "identifier=http://hl7.org/fhir/sid/us-ssn|987-65-4320",
        "phone=555-0142",
        "email=ada@mail.example",
        "address=canary",
    ] {
        let found = client.ids(&format!("/Patient?{query}")).await;
        assert_eq!(found, [someone.as_str()], "{query}");
    }
    // What is stored are exactly the keyed hashes, and none of them comes of another key.
    let zone = jiff::tz::TimeZone::get(&clinic.app.tenant.time_zone).unwrap();
    let tokens = |blind: &Blind| index::entries(blind, "Patient", &stored, &zone).tokens;
    let inside = clinic.inside(false).await;
    let mut kept: Vec<i64> = inside
        .query("SELECT token FROM search_token WHERE id = $1", &[&someone])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, tokens(&clinic.app.blind));
    let other = tokens(&Blind::new(clinic.app.tenant.id, &[7; 32]));
    assert!(kept.iter().all(|token| !other.contains(token)));
    // A birth date is in no plain column.
    let dates: i64 = inside
        .query_one(
            "SELECT count(*) FROM search_date WHERE resource_type = 'Patient'",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(dates, 0);
}

#[tokio::test]
async fn v4_nothing_is_written_into_a_record_that_is_being_closed() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Closing")).await);
    let other = id(&client.create(patient("Open")).await);
    // Who writes keeps the record from being closed until the writing has ended.
    let mut writer = clinic.app.pool.get().await.unwrap();
    let tenant = clinic.app.tenant.id;
    let tx = writer.transaction().await.unwrap();
    let who = vec![someone.as_str()];
    tx.execute("SELECT refuse_closed($1, $2)", &[&tenant, &who])
        .await
        .unwrap();
    let inside = clinic.inside(false).await;
    let lock = "SELECT pg_try_advisory_xact_lock(record_lock($1, $2))";
    let row = inside.query_one(lock, &[&tenant, &someone]).await.unwrap();
    assert!(!row.get::<_, bool>(0), "a writer is under way");
    tx.rollback().await.unwrap();
    let row = inside.query_one(lock, &[&tenant, &someone]).await.unwrap();
    assert!(row.get::<_, bool>(0));
    // Closed, while its keys are all there still: what a crash in the middle leaves behind.
    inside
        .execute(
            "INSERT INTO closed_record (tenant, patient, closed_at) VALUES ($1, $2, now())",
            &[&tenant, &someone],
        )
        .await
        .unwrap();
    for (reply, status) in [
        (
            client
                .post("/Observation", observation(&someone, "2026-01-01"))
                .await,
            StatusCode::GONE,
        ),
        (
            client
                .post("/Observation", observation(&other, "2026-01-01"))
                .await,
            StatusCode::CREATED,
        ),
    ] {
        assert_eq!(reply.status, status, "{:#}", reply.body);
    }
}
