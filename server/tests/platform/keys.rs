//! The operator's work on keys, by the real program, beside a server that serves.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Bench;

const PATIENTS: usize = 60;

impl Bench {
    pub fn keys(&self, arguments: &[&str]) -> Value {
        let all = [&["keys"][..], arguments].concat();
        let printed = self.platform.operator(&all, None);
        let printed = printed.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&printed).unwrap()
    }

    pub fn keys_sql(&self, sql: &str) -> String {
        let cluster = self.platform.cluster();
        let printed = cluster.sql(self.platform.keys_database(), sql);
        printed
            .unwrap_or_else(|error| panic!("{error}"))
            .trim()
            .to_owned()
    }

    fn number(&self, sql: &str) -> u64 {
        self.sql(sql).parse().unwrap()
    }

    fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.platform.command();
        command.arg("keys").args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    pub async fn send(
        &mut self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let token = self
            .platform
            .token()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut request = self
            .http
            .request(method, self.url(&format!("/fhir/R4{path}")))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/fhir+json")
                .body(body.to_string());
        }
        let reply = request.send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub async fn get(&mut self, path: &str) -> (StatusCode, Value) {
        self.send(reqwest::Method::GET, path, None).await
    }

    /// Patients `p0`, `p1`, … each with two observations.
    pub async fn fill(&mut self, patients: usize) {
        let entries: Vec<Value> = (0..patients)
            .flat_map(|n| {
                let seen = move |m: usize| {
                    json!({
                        "resourceType": "Observation", "id": format!("o{n}-{m}"), "status": "final",
                        "code": {"text": format!("finding {m}")},
                        "subject": {"reference": format!("Patient/p{n}")},
                    })
                };
                [
                    json!({"resourceType": "Patient", "id": format!("p{n}"),
                           "name": [{"family": format!("Family{n}"), "given": ["Ada"]}],
                           "birthDate": "1980-05-17"}),
                    seen(1),
                    seen(2),
                ]
            })
            .map(|resource| {
                let kind = resource["resourceType"].as_str().unwrap();
                let url = format!("{kind}/{}", resource["id"].as_str().unwrap());
                json!({"resource": resource, "request": {"method": "PUT", "url": url}})
            })
            .collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let (status, reply) = self.send(reqwest::Method::POST, "", Some(bundle)).await;
        assert_eq!(status, StatusCode::OK, "{reply:#}");
    }

    pub async fn all(&mut self) -> BTreeSet<String> {
        self.everything()
            .await
            .iter()
            .map(Value::to_string)
            .collect()
    }
}

/// Waits until `done`.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_rotation_and_resealing_survive_kill_and_company() {
    let mut bench = Bench::start();
    bench.fill(PATIENTS).await;
    let before = bench.all().await;
    assert_eq!(before.len(), PATIENTS * 3);

    // New generations, killed on the way, taken up again: none is made twice.
    let renewed = "SELECT count(*) FROM data_key WHERE generation = 1";
    let mut rotation = bench.begin(&["rotate", "--all", "--per-second", "40"]);
    until("keys are renewed", || {
        bench.keys_sql(renewed).parse::<u64>().unwrap() > 5
    });
    rotation.kill().unwrap();
    rotation.wait().unwrap();
    let listed = bench.keys(&["list"]);
    assert!(listed["unfinished_rotation"].is_string(), "{listed:#}");
    let done: u64 = bench.keys_sql(renewed).parse().unwrap();
    assert!(done < PATIENTS as u64, "killed in the middle");
    let report = bench.keys(&["rotate", "--all"]);
    assert_eq!(report["resumed"], true);
    assert_eq!(report["renewed"], PATIENTS as u64 + 1 - done);
    let listed = bench.keys(&["list"]);
    assert_eq!(listed["current"], PATIENTS + 1);
    assert_eq!(listed["retired"], PATIENTS + 1);
    assert_eq!(listed.get("unfinished_rotation"), None);
    assert_eq!(bench.keys_sql("SELECT max(generation) FROM data_key"), "1");
    assert_eq!(listed["to_reseal"], PATIENTS * 4, "{listed:#}");

    // Sealing anew, killed on the way, beside a writer and beside another one.
    let left = |bench: &Bench| bench.keys(&["list"])["to_reseal"].as_u64().unwrap();
    let mut work = bench.begin(&["reencrypt", "--per-second", "40"]);
    until("values are sealed anew", || {
        left(&bench) < PATIENTS as u64 * 4 - 20
    });
    let error = bench
        .platform
        .operator(&["keys", "reencrypt"], None)
        .unwrap_err();
    assert!(
        error.to_string().contains("another `keys` command"),
        "{error}"
    );
    let (status, mut patient) = bench.get("/Patient/p0").await;
    assert_eq!(status, StatusCode::OK);
    patient["gender"] = json!("female");
    let (status, _) = bench
        .send(reqwest::Method::PUT, "/Patient/p0", Some(patient))
        .await;
    assert_eq!(status, StatusCode::OK);
    work.kill().unwrap();
    work.wait().unwrap();
    let middle = left(&bench);
    assert!(middle > 0, "killed in the middle");
    let expected: BTreeSet<String> = before
        .iter()
        .filter(|text| !text.contains("\"id\":\"p0\""))
        .cloned()
        .collect();
    let same = |found: &BTreeSet<String>| expected.iter().all(|text| found.contains(text));
    let found = bench.all().await;
    assert!(same(&found) && found.len() == before.len());

    let report = bench.keys(&["reencrypt", "--progress"]);
    assert_eq!(report["failed"], json!([]));
    assert!(report["resealed"].as_u64().unwrap() >= middle);
    assert_eq!(left(&bench), 0);
    let found = bench.all().await;
    assert!(same(&found) && found.len() == before.len());
    assert!(
        found
            .iter()
            .any(|text| text.contains("\"gender\":\"female\"")),
        "the writer's version counts"
    );
    assert_eq!(bench.keys(&["reencrypt"])["resealed"], 0, "nothing is left");
    // Versions are what they were, and the rule that guards them stands.
    assert_eq!(
        bench.number("SELECT count(*) FROM resource_version WHERE version = 1"),
        PATIENTS as u64 * 3
    );
    let refused = bench.platform.cluster().sql(
        bench.platform.database(),
        "UPDATE resource_version SET body = '\\x00', key_id = gen_random_uuid()",
    );
    assert!(refused.unwrap_err().to_string().contains("append-only"));
    // Each beginning was recorded: two rotations, three times sealing anew.
    assert_eq!(bench.events("keys-rotated"), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn v2_a_master_key_is_replaced_while_serving() {
    let mut bench = Bench::start();
    bench.fill(5).await;
    let before = bench.all().await;
    let old = bench.platform.state().master_keys.clone();
    let made = bench.keys(&["add-master", "--id", "next"]);
    let new = made["entry"].as_str().unwrap().to_owned();
    assert!(new.starts_with("next:"));
    let serve_with = |bench: &mut Bench, keys: &str| {
        bench.platform.set_environment("ROUNDS_MASTER_KEYS", keys);
        bench.platform.stop_server();
        bench
            .platform
            .start_server()
            .unwrap_or_else(|error| panic!("{error}"));
    };
    serve_with(&mut bench, &format!("{old},{new}"));
    serve_with(&mut bench, &format!("{new},{old}"));
    let listed = bench.keys(&["list"]);
    assert_eq!(listed["masters"][0]["id"], "next");
    assert_eq!(listed["to_rewrap"], 6);
    let report = bench.keys(&["reencrypt"]);
    assert_eq!(report["rewrapped"], 6, "{report}");
    let listed = bench.keys(&["list", "--patient", "p1"]);
    assert_eq!(
        (&listed["to_rewrap"], &listed["masters"][0]["keys"]),
        (&json!(0), &json!(6))
    );
    assert_eq!(listed["generations"][0]["master"], "next");
    // The old one is needed no more.
    serve_with(&mut bench, &new);
    assert_eq!(bench.all().await, before);
    // Without the new one nothing starts, and says which is missing.
    bench.platform.set_environment("ROUNDS_MASTER_KEYS", &old);
    bench.platform.stop_server();
    let error = bench.platform.start_server().unwrap_err().to_string();
    assert!(error.contains("`next`"), "{error}");
    // One patient alone.
    bench.platform.set_environment("ROUNDS_MASTER_KEYS", &new);
    assert_eq!(bench.keys(&["rotate", "--patient", "p1"])["renewed"], 1);
    let listed = bench.keys(&["list", "--patient", "p1"]);
    assert_eq!(listed["generations"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn v4_a_destroyed_record_stays_closed_after_a_restore() {
    let mut bench = Bench::start();
    bench.fill(3).await;
    bench.keys(&["rotate", "--patient", "p1"]);
    let (status, _) = bench.get("/Patient/p1").await;
    assert_eq!(status, StatusCode::OK);
    let backup = bench
        .platform
        .cluster()
        .dump(bench.platform.database())
        .unwrap_or_else(|error| panic!("{error}"));

    let report = bench.keys(&["destroy", "--patient", "p1"]);
    assert_eq!(
        (&report["keys"], &report["resources"]),
        (&json!(2), &json!(3))
    );
    closed(&mut bench, 2).await;
    // Nothing is left to find it by, and its keys are tombstones.
    for table in ["search_token", "search_date"] {
        let sql = format!("SELECT count(*) FROM {table} WHERE id IN ('p1', 'o1-1', 'o1-2')");
        assert_eq!(bench.sql(&sql), "0", "{table}");
    }
    assert_eq!(
        bench.sql("SELECT count(*) FROM patient_identity WHERE patient = 'p1'"),
        "0"
    );
    assert_eq!(
        bench.keys_sql("SELECT count(*) FROM data_key WHERE patient = 'p1' AND wrapped IS NULL"),
        "2"
    );
    assert_eq!(bench.events("keys-destroyed"), 1);
    // Nothing can be added.
    let seen = json!({"resourceType": "Observation", "status": "final",
        "code": {"text": "late"}, "subject": {"reference": "Patient/p1"}});
    let again = json!({"resourceType": "Patient", "id": "p1", "name": [{"family": "Again"}]});
    let (status, reply) = bench
        .send(reqwest::Method::PUT, "/Patient/p1", Some(again))
        .await;
    assert_eq!(status, StatusCode::GONE, "{reply:#}");
    let (status, reply) = bench
        .send(reqwest::Method::POST, "/Observation", Some(seen))
        .await;
    assert!(status.is_client_error(), "{reply:#}");
    // Again changes nothing; a patient that never was is refused.
    let again = bench.keys(&["destroy", "--patient", "p1"]);
    assert_eq!(
        (&again["keys"], &again["resources"]),
        (&json!(0), &json!(0))
    );
    let error = bench
        .platform
        .operator(&["keys", "destroy", "--patient", "p9"], None)
        .unwrap_err();
    assert!(error.to_string().contains("nor ever was"), "{error}");

    // Killed between closing and erasing: it is told, and ends when it is run again.
    assert_eq!(bench.keys(&["list"])["to_destroy"], json!([]));
    bench.sql(
        "INSERT INTO closed_record (tenant, patient, closed_at) \
         SELECT tenant, 'p2', now() FROM tenant",
    );
    assert_eq!(bench.keys(&["list"])["to_destroy"], json!(["p2"]));
    assert_eq!(bench.keys(&["destroy", "--patient", "p2"])["keys"], 1);
    assert_eq!(bench.keys(&["list"])["to_destroy"], json!([]));
    let (status, _) = bench.get("/Patient/p2").await;
    assert_eq!(status, StatusCode::GONE);

    // The records come back from the backup, the keys do not.
    bench.platform.stop_server();
    let database = bench.platform.database();
    let cluster = bench.platform.cluster();
    let sql = |sql: &str| {
        cluster
            .sql("postgres", sql)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    sql(&format!("DROP DATABASE {database} WITH (FORCE)"));
    sql(&format!("CREATE DATABASE {database} OWNER rounds_owner"));
    cluster
        .restore(database, &backup)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        bench.sql("SELECT count(*) FROM resource WHERE patient = 'p1' AND NOT deleted"),
        "3"
    );
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    closed(&mut bench, 1).await;
    assert_eq!(
        bench.sql("SELECT count(*) FROM search_token WHERE id IN ('p1', 'o1-1', 'o1-2')"),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn v4_keys_of_an_earlier_version_are_moved_to_the_key_store() {
    let mut bench = Bench::start();
    bench.fill(4).await;
    let before = bench.all().await;
    bench.platform.stop_server();
    // As an earlier version left it: the keys beside the records, none in the key store.
    let rows = bench.keys_sql(
        "SELECT format('(%L, %L, %L, %L, %L)', tenant, id, patient, wrapped, created_at) \
         FROM data_key",
    );
    let rows: Vec<&str> = rows.lines().collect();
    bench.sql(&format!("INSERT INTO data_key VALUES {}", rows.join(", ")));
    bench.keys_sql("SET session_replication_role = replica; DELETE FROM data_key");
    let printed = bench
        .platform
        .operator(&["migrate"], None)
        .unwrap_or_else(|error| panic!("{error}"));
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["keys_moved"], 5, "{report}");
    assert_eq!(bench.sql("SELECT count(*) FROM data_key"), "0");
    assert_eq!(
        bench.keys_sql("SELECT min(reserved) > 65535 FROM data_key"),
        "t"
    );
    bench
        .platform
        .start_server()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.all().await, before);
}

/// Reads answer that the record of `p1` was destroyed; those of the `others` go on.
async fn closed(bench: &mut Bench, others: usize) {
    for path in ["/Patient/p1", "/Observation/o1-1", "/Patient/p1/_history/1"] {
        let (status, reply) = bench.get(path).await;
        assert_eq!(status, StatusCode::GONE, "{path}: {reply:#}");
        assert_eq!(reply["resourceType"], "OperationOutcome");
        let words = reply["issue"][0]["diagnostics"].as_str().unwrap();
        assert!(words.contains("record-destroyed"), "{path}: {words}");
    }
    let (status, page) = bench.get("/Patient?family=family").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["entry"].as_array().unwrap().len(), others, "{page:#}");
    let (status, page) = bench.get("/Observation?patient=p1").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.get("entry")
            .is_none_or(|list| list.as_array().unwrap().is_empty())
    );
    // Workstations are told to let go: all that is left are deletions.
    let living = bench.all().await;
    assert!(
        !living.iter().any(|text| text.contains("p1\"")),
        "{living:?}"
    );
    assert_eq!(
        living
            .iter()
            .filter(|text| text.contains("\"Patient\""))
            .count(),
        others
    );
}
