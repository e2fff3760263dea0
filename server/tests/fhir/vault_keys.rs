//! Data keys: apart from the data, in generations, counted over all servers.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;
use rounds_server::store::identity;
use rounds_server::store::keys::{KeyLimits, operate};
use serde_json::json;

use crate::clinic::{Clinic, appointment, id, observation, patient, practitioner};

fn numbers(text: &str) -> Vec<i64> {
    text.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn v4_the_records_database_holds_no_key() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    client.create(patient("Apart")).await;
    assert_eq!(clinic.sql("SELECT count(*) FROM data_key").trim(), "0");
    assert_eq!(clinic.keys_sql("SELECT count(*) FROM data_key").trim(), "2");
    // The serving program can read, add, count and retire: no more.
    let keys = clinic.keys_as_application().await;
    for sql in [
        "DELETE FROM data_key",
        "TRUNCATE data_key",
        "UPDATE data_key SET wrapped = NULL, destroyed_at = now()",
        "UPDATE data_key SET patient = 'x'",
        "UPDATE key_change SET changes = 0",
        "INSERT INTO key_change VALUES (gen_random_uuid(), 1)",
    ] {
        let error = keys.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
    // Nor can its owner forget a key or count backwards by mistake.
    for sql in [
        "DELETE FROM data_key",
        "TRUNCATE data_key",
        "UPDATE data_key SET reserved = 0",
        "UPDATE data_key SET generation = 7",
    ] {
        assert!(clinic.try_keys_sql(sql).is_err(), "{sql}");
    }
}

#[tokio::test]
async fn v4_a_key_outlives_the_transaction_that_wanted_it() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let doctor = id(&client.create(practitioner("Busy")).await);
    let first = id(&client.create(patient("First")).await);
    client
        .create(appointment(
            &first,
            &doctor,
            "2026-05-04T09:00:00Z",
            "2026-05-04T09:30:00Z",
        ))
        .await;
    let bundle = |start: &str, end: &str| {
        let mut second = patient("Second");
        second["id"] = json!("second");
        json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": second, "request": {"method": "PUT", "url": "Patient/second"}},
            {"resource": appointment("second", &doctor, start, end),
             "request": {"method": "POST", "url": "Appointment"}},
        ]})
    };
    // Refused by the database after everything was sealed: the time is taken.
    let reply = client
        .post("", bundle("2026-05-04T09:15:00Z", "2026-05-04T09:45:00Z"))
        .await;
    reply.refused(StatusCode::CONFLICT);
    let kept = clinic.keys_sql("SELECT id FROM data_key WHERE patient = 'second'");
    assert!(!kept.trim().is_empty());
    assert_eq!(
        clinic
            .sql("SELECT count(*) FROM resource WHERE id = 'second'")
            .trim(),
        "0"
    );
    let reply = client
        .post("", bundle("2026-05-04T10:15:00Z", "2026-05-04T10:45:00Z"))
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    let used = clinic.sql("SELECT DISTINCT key_id FROM resource_version WHERE patient = 'second'");
    assert_eq!(used, kept);
}

#[tokio::test]
async fn v2_a_tiny_limit_over_two_servers_makes_new_generations_and_no_error() {
    let limits = KeyLimits {
        seals: 20,
        ..KeyLimits::default()
    };
    let one = Clinic::open().await;
    let (one, two) = (one.beside(limits).await, one.beside(limits).await);
    let clients = [one.client().await, two.client().await];
    let someone = id(&clients[0].create(patient("Counted")).await);
    let mut made = Vec::new();
    for turn in 0..30 {
        let asked = clients.iter().map(|client| {
            let (client, someone) = (client.clone(), someone.clone());
            async move {
                let seen = observation(&someone, &format!("2026-01-{:02}", turn % 28 + 1));
                id(&client.create(seen).await)
            }
        });
        made.extend(futures_util::future::join_all(asked).await);
    }
    // What is stored was sealed at most 20 times under one key, the identity columns included.
    let mut counts: HashMap<String, i64> = HashMap::new();
    let bodies = one.sql(&format!(
        "SELECT key_id, count(*) FROM resource_version WHERE patient = '{someone}' GROUP BY 1"
    ));
    let columns = one.sql(&format!(
        "SELECT key_id, 7 FROM patient_identity WHERE patient = '{someone}'"
    ));
    for line in bodies.lines().chain(columns.lines()) {
        let (key, count) = line.split_once('|').unwrap();
        *counts.entry(key.to_owned()).or_default() += count.parse::<i64>().unwrap();
    }
    assert_eq!(counts.values().sum::<i64>(), 61 + 7);
    assert!(counts.values().all(|count| *count <= 20), "{counts:?}");
    // Exactly one is current, and as many seals were reserved as the limit allows.
    let state = one.keys_sql(&format!(
        "SELECT count(*), count(*) FILTER (WHERE retired_at IS NULL), max(reserved), \
                max(generation) + 1 \
         FROM data_key WHERE patient = '{someone}'"
    ));
    let state = numbers(&state.replace('|', " "));
    assert!(state[0] >= 4 && state[0] == state[3], "{state:?}");
    assert_eq!(state[1], 1);
    assert!(state[2] <= 20, "{state:?}");
    // All generations open, for a server that made none of them too.
    let third = one.beside(KeyLimits::default()).await;
    let found = third
        .client()
        .await
        .ids(&format!("/Observation?patient={someone}&_count=100"))
        .await;
    assert_eq!(found.len(), made.len());
    // The tenant's own key is bounded alike: audit events and cursors use it too.
    let own = one.keys_sql("SELECT max(generation) FROM data_key WHERE patient = ''");
    assert!(numbers(&own)[0] > 0);
}

#[tokio::test]
async fn v2_an_old_key_is_succeeded_while_serving() {
    let clinic = Clinic::open().await;
    let clinic = clinic
        .beside(KeyLimits {
            age: SignedDuration::from_millis(300),
            ..KeyLimits::default()
        })
        .await;
    let client = clinic.client().await;
    let created = client.create(patient("Aging")).await;
    let someone = id(&created);
    tokio::time::sleep(Duration::from_millis(350)).await;
    let reply = client.put(&format!("/Patient/{someone}"), created).await;
    assert_eq!(reply.status, StatusCode::OK);
    let generations = clinic.keys_sql(&format!(
        "SELECT generation, retired_at IS NULL FROM data_key WHERE patient = '{someone}' ORDER BY 1"
    ));
    assert_eq!(
        generations.split_whitespace().collect::<Vec<_>>(),
        ["0|f", "1|t"]
    );
    for version in [1, 2] {
        let reply = client
            .get(&format!("/Patient/{someone}/_history/{version}"))
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{version}");
    }
}

#[tokio::test]
async fn v2_one_call_larger_than_the_limit_is_sealed_all_the_same() {
    let clinic = Clinic::open().await;
    let clinic = clinic
        .beside(KeyLimits {
            seals: 3,
            ..KeyLimits::default()
        })
        .await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Small")).await);
    let entries: Vec<_> = (1..=20)
        .map(|day| {
            json!({"resource": observation(&someone, &format!("2026-02-{day:02}")),
                   "request": {"method": "POST", "url": "Observation"}})
        })
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    let reply = client.post("", bundle).await;
    assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
    let most = clinic.sql(
        "SELECT max(n) FROM (SELECT count(*) n FROM resource_version \
         WHERE resource_type = 'Observation' GROUP BY key_id) c",
    );
    assert!(numbers(&most)[0] <= 3, "{most}");
    let found = client.ids(&format!("/Observation?patient={someone}")).await;
    assert_eq!(found.len(), 20);
}

#[tokio::test]
async fn v1_a_name_is_shown_without_opening_the_record() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let one = id(&client.create(patient("Shown")).await);
    let two = id(&client.create(patient("Bent")).await);
    let gone = id(&client.create(patient("Gone")).await);
    client
        .ask(
            axum::http::Method::DELETE,
            &format!("/Patient/{gone}"),
            &[],
            None,
        )
        .await;
    // Bodies and every other column may be broken: only the name is read.
    clinic.sql(&format!(
        "SET session_replication_role = replica; \
         UPDATE resource_version SET body = '\\x00' WHERE body IS NOT NULL; \
         UPDATE patient_identity SET address = '\\x00', birth_date = NULL, mrn = '\\x01'; \
         UPDATE patient_identity SET name = set_byte(name, 40, get_byte(name, 40) # 1) \
         WHERE patient = '{two}'"
    ));
    let pool = clinic.app.pool.get().await.unwrap();
    let asked = [one.as_str(), two.as_str(), gone.as_str(), "nobody"];
    let names = identity::names(&clinic.app, &pool, &asked).await.unwrap();
    assert_eq!(names, HashMap::from([(one, "Ada Shown".to_owned())]));
}

#[tokio::test]
async fn v4_destruction_reaches_every_server_within_a_lease() {
    let limits = KeyLimits {
        lease: Duration::from_millis(400),
        poll: Duration::from_millis(100),
        ..KeyLimits::default()
    };
    let clinic = Clinic::open().await;
    let servers = [clinic.beside(limits).await, clinic.beside(limits).await];
    let mut clients = Vec::new();
    for server in &servers {
        clients.push(server.client().await);
    }
    let doomed = id(&clients[0].create(patient("Doomed")).await);
    let other = id(&clients[0].create(patient("Other")).await);
    // Both hold the keys, for opening and for sealing.
    for client in &clients {
        client.create(observation(&doomed, "2026-01-01")).await;
        client.create(observation(&other, "2026-01-01")).await;
        client.get(&format!("/Patient/{doomed}")).await;
    }
    let mut owner = clinic.inside(true).await;
    let tx = owner.transaction().await.unwrap();
    let now = jiff::Timestamp::now();
    let erased = operate::destroy(&tx, clinic.app.tenant.id, &doomed, now)
        .await
        .unwrap();
    assert_eq!(erased, 1);
    tx.commit().await.unwrap();
    tokio::time::sleep(limits.lease).await;
    for client in &clients {
        let reply = client.get(&format!("/Patient/{doomed}")).await;
        let issue = reply.refused(StatusCode::GONE);
        assert_eq!(issue["code"], "deleted");
        assert!(
            issue["diagnostics"]
                .as_str()
                .unwrap()
                .contains("record-destroyed")
        );
        let late = observation(&doomed, "2026-01-02");
        client
            .post("/Observation", late)
            .await
            .refused(StatusCode::GONE);
        // A page of others goes on, and says what is missing.
        let page = client.get("/Patient?given=ada").await;
        assert_eq!(page.ids("match"), [other.as_str()]);
        client.create(observation(&other, "2026-01-02")).await;
    }
    // No instance can make a key for the patient again.
    let rows = clinic.keys_sql(&format!(
        "SELECT count(*), count(wrapped) FROM data_key WHERE patient = '{doomed}'"
    ));
    assert_eq!(rows.trim(), "1|0");
    assert!(
        clinic
            .try_keys_sql(
                "UPDATE data_key SET destroyed_at = NULL, wrapped = '\\x00' WHERE wrapped IS NULL"
            )
            .is_err()
    );
}
