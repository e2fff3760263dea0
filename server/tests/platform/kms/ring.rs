//! Data keys under a master key of AWS KMS: the real server and its operator, and the key ring
//! by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use jiff::Timestamp;
use rounds_server::config::Config;
use rounds_server::store::connect;
use rounds_server::store::keys::{KeyLimits, KeyRing, Masters};
use serde_json::json;
use testbed::PlatformOptions;
use uuid::Uuid;

use super::service::{ACCESS_KEY, Fault, KEY, OTHER_KEY, SECRET_KEY, Service};
use crate::support::Bench;

/// A platform that knows the way to the stand-in.
fn bench(service: &Service, masters: Option<&str>) -> Bench {
    let mut environment = vec![
        ("AWS_ENDPOINT_URL_KMS".to_owned(), service.url.to_string()),
        ("AWS_ACCESS_KEY_ID".to_owned(), ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), SECRET_KEY.to_owned()),
    ];
    let masters = masters.map(|text| ("ROUNDS_MASTER_KEYS".to_owned(), text.to_owned()));
    environment.extend(masters);
    Bench::with(PlatformOptions {
        environment,
        ..PlatformOptions::quick()
    })
}

fn in_kms() -> String {
    format!("k1:awskms:///{KEY}")
}

/// A key ring beside the running server's, on its key store.
async fn ring(bench: &Bench, limits: KeyLimits) -> (Arc<KeyRing>, Uuid) {
    let command = bench.platform.command();
    let environment: HashMap<String, String> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
        .collect();
    let config = Config::read(|name| environment.get(name).cloned()).unwrap();
    let masters = Masters::open(&config.master_keys, &config.kms).unwrap();
    let tenant: Uuid = bench.sql("SELECT tenant FROM tenant").parse().unwrap();
    let pool = connect::keys_pool(&config).unwrap();
    (KeyRing::new(pool, tenant, masters, limits), tenant)
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_a_master_key_in_kms_takes_over_from_one_here_and_gives_it_back() {
    let service = Service::start();
    let mut bench = bench(&service, None);
    bench.fill(5).await;
    let before = bench.all().await;
    let here = bench.platform.state().master_keys.clone();
    assert_eq!(service.asked(), [""; 0], "nobody asks where no key is");

    // The entry is made only of a key that stands and does its work.
    let made = bench.keys(&["add-master", "--id", "k1", "--kms", KEY]);
    assert_eq!(made["entry"], in_kms());
    assert_eq!(service.asked(), ["DescribeKey", "Encrypt", "Decrypt"]);
    service.set_key(OTHER_KEY, "Disabled");
    let refused = ["keys", "add-master", "--id", "k2", "--kms", OTHER_KEY];
    let error = bench
        .platform
        .operator(&refused, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("is disabled or to be deleted"), "{error}");

    serve_with(&mut bench, &format!("{here},{}", in_kms()));
    serve_with(&mut bench, &format!("{},{here}", in_kms()));
    let listed = bench.keys(&["list"]);
    assert_eq!(
        (&listed["masters"][0]["kms"], &listed["to_rewrap"]),
        (&json!({"key": KEY, "state": "enabled"}), &json!(6))
    );
    assert_eq!(bench.keys(&["reencrypt"])["rewrapped"], 6);
    assert_eq!(bench.keys(&["rotate", "--patient", "p1"])["renewed"], 1);
    // The one that was here is needed no more; new patients and new generations go to KMS.
    serve_with(&mut bench, &in_kms());
    service.asked();
    assert_eq!(bench.all().await, before);
    bench.fill(6).await;
    assert!(service.asked().contains(&"Encrypt".to_owned()));
    let after = bench.all().await;
    assert_eq!(after.len(), before.len() + 3);
    let listed = bench.keys(&["list"]);
    assert_eq!(listed["masters"][0]["keys"], 8, "{listed:#}");
    assert_eq!(listed["masters"].as_array().unwrap().len(), 1);

    // The service was told whose key it is, and of no patient.
    let tenant = bench.sql("SELECT tenant FROM tenant");
    let contexts = service.contexts();
    let probe = json!(Uuid::nil());
    assert!(contexts.iter().all(|context| {
        context.as_object().unwrap().len() == 2
            && (context["rounds-tenant"] == tenant || context["rounds-tenant"] == probe)
            && context["rounds-place"].as_str().unwrap().len() == 64
    }));
    let places: BTreeSet<String> = contexts
        .iter()
        .map(|c| c["rounds-place"].to_string())
        .collect();
    assert!(places.len() >= 8, "each key has a place of its own");

    // And back.
    serve_with(&mut bench, &format!("{here},{}", in_kms()));
    assert_eq!(bench.keys(&["reencrypt"])["rewrapped"], 8);
    serve_with(&mut bench, &here);
    service.asked();
    assert_eq!(bench.all().await, after);
    assert_eq!(service.asked(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_an_outage_of_kms_leaves_what_is_held_and_refuses_the_rest() {
    let service = Service::start();
    let mut bench = bench(&service, Some(&in_kms()));
    bench.fill(3).await;
    let before = bench.all().await;
    bench.platform.stop_server();
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    let (status, _) = bench.get("/Patient/p0").await;
    assert_eq!(status, StatusCode::OK);

    service.fail(Some(Fault::Refuse(
        u32::MAX,
        StatusCode::BAD_REQUEST,
        "ThrottlingException",
    )));
    // Held: the patient's key is opened once, not at each request.
    service.asked();
    let (status, _) = bench.get("/Patient/p0").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(service.asked(), [""; 0]);
    // Not held: nobody is told that it does not exist, nor is a page shown with a hole.
    for path in [
        "/Patient/p1",
        "/Patient?family=Family1",
        "/Observation?patient=p1",
    ] {
        let (status, reply) = bench.get(path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(reply["issue"][0]["code"], "transient", "{path}");
    }
    let fresh = json!({"resourceType": "Patient", "id": "p9", "name": [{"family": "Late"}]});
    let (status, _) = bench
        .send(reqwest::Method::PUT, "/Patient/p9", Some(fresh))
        .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let log = std::fs::read_to_string(bench.platform.log()).unwrap();
    assert!(log.contains("kms-throttled"), "the log names the cause");
    // Where rewrapping stops, it goes on later.
    let error = bench
        .platform
        .operator(&["keys", "list"], None)
        .unwrap_err();
    assert!(
        error.to_string().contains("takes no more requests"),
        "{error}"
    );

    service.fail(None);
    assert_eq!(bench.all().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_a_key_taken_away_in_kms_closes_what_was_opened() {
    let service = Service::start();
    let mut bench = bench(&service, Some(&in_kms()));
    bench.fill(2).await;
    let id = |patient: &str| -> Uuid {
        bench
            .keys_sql(&format!(
                "SELECT id FROM data_key WHERE patient = '{patient}'"
            ))
            .parse()
            .unwrap()
    };
    let (one, two) = (id("p0"), id("p1"));
    let limits = KeyLimits {
        standing: Duration::from_millis(50),
        ..KeyLimits::default()
    };
    let (ring, _) = ring(&bench, limits).await;
    ring.watch();
    ring.by_id([one]).await.unwrap().need(&one).unwrap();
    ring.sealing(&[("p0", 1)], Timestamp::now()).await.unwrap();
    // An outage is nobody's order: what is open stays open.
    service.asked();
    service.fail(Some(Fault::Refuse(
        u32::MAX,
        StatusCode::INTERNAL_SERVER_ERROR,
        "KMSInternalException",
    )));
    until("the watch has asked twice", async || {
        service.with_asked(|asked| asked.iter().filter(|name| *name == "DescribeKey").count() > 6)
    })
    .await;
    ring.by_id([one]).await.unwrap().need(&one).unwrap();
    assert_eq!(ring.by_id([two]).await.unwrap_err().code(), "kms-failed");
    service.fail(None);
    for (state, code) in [
        ("Disabled", "kms-key-disabled"),
        ("PendingDeletion", "kms-key-disabled"),
        ("Withdrawn", "kms-denied"),
    ] {
        service.set_key(KEY, state);
        until("what was held is dropped", async || {
            ring.by_id([one]).await.is_err()
        })
        .await;
        assert_eq!(ring.by_id([one]).await.unwrap_err().code(), code);
        let sealing = ring.sealing(&[("p0", 1)], Timestamp::now()).await;
        assert_eq!(sealing.unwrap_err().code(), code);
        service.set_key(KEY, "Enabled");
        ring.by_id([one]).await.unwrap().need(&one).unwrap();
        ring.sealing(&[("p0", 1)], Timestamp::now()).await.unwrap();
    }
    // No server starts without its key, and it says which.
    service.set_key(KEY, "Withdrawn");
    bench.platform.stop_server();
    let error = bench.platform.start_server().unwrap_err().to_string();
    assert!(
        error.contains(KEY) && error.contains("kms:Decrypt"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v5_a_wrapped_key_moved_to_another_patient_opens_nowhere() {
    let service = Service::start();
    let mut bench = bench(&service, Some(&in_kms()));
    bench.fill(3).await;
    bench.platform.stop_server();
    // The whole rows change places: ids, ciphertexts and names fit each other; only the patient
    // is another one.
    bench.keys_sql(
        "SET session_replication_role = replica; \
         UPDATE data_key SET patient = 'swap' WHERE patient = 'p0'; \
         UPDATE data_key SET patient = 'p0' WHERE patient = 'p1'; \
         UPDATE data_key SET patient = 'p1' WHERE patient = 'swap'",
    );
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    for (path, expected) in [
        ("/Patient/p0", StatusCode::INTERNAL_SERVER_ERROR),
        ("/Patient/p1", StatusCode::INTERNAL_SERVER_ERROR),
        ("/Patient/p2", StatusCode::OK),
    ] {
        let (status, reply) = bench.get(path).await;
        assert_eq!(status, expected, "{path} {reply:#}");
    }
    let (status, page) = bench.get("/Patient?given=ada").await;
    assert_eq!(status, StatusCode::OK);
    let text = page.to_string();
    assert!(
        text.contains("Patient/p2") && text.contains("data-key-unopened"),
        "{page:#}"
    );
}

fn serve_with(bench: &mut Bench, masters: &str) {
    bench
        .platform
        .set_environment("ROUNDS_MASTER_KEYS", masters);
    bench.platform.stop_server();
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
}
