//! Every route of the server, and the events that each leaves: who, whom about, what, when, why
//! and from where, refusals too.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use protocol::path;
use protocol::sign_in::Role;
use rounds_server::audit::find::{self, Filter, Order};
use rounds_server::feed::changes::Changes;
use rounds_server::http::router::router;
use rounds_server::identity::password::PasswordGate;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::clinic::{Client, Clinic, id, observation, patient};

const ADDRESS: &str = "192.0.2.44";
const AGENT: &str = "walker/1.0";

/// Routes that show or change nothing of any record, and why no event is due.
const SILENT: [(&str, &str); 4] = [
    (path::READY, "says that the server is there"),
    ("/fhir/R4/metadata", "says what the service can do"),
    (path::LEDGER_CHECKPOINT, "a hash over everything"),
    (path::LEDGER_CONSISTENCY, "hashes of hashes"),
];

/// Routes whose events are shown elsewhere, with devices and real sessions.
const ELSEWHERE: [(&str, &str); 8] = [
    (path::ENROL, "p5: sign_in"),
    (path::SIGN_IN, "p5: sign_in"),
    (path::SIGN_OUT, "p5: sign_in"),
    (path::AUDIT, "a3: audit, takes events of devices only"),
    (path::CHANGES, "a signal without content"),
    (path::JUSTIFY, "p1: access"),
    (path::EMERGENCY, "p3: access"),
    (path::WHO_LOOKED, "a4: reports"),
];

/// Routes walked here.
const WALKED: [&str; 9] = [
    path::FHIR,
    path::SYNC,
    path::UPLOAD,
    path::REPORT,
    path::DISCLOSURES,
    path::REVIEWS,
    path::REVIEW_CLOSE,
    path::LEDGER_INCLUSION,
    path::LEDGER_ALARM,
];

struct Walk {
    clinic: Clinic,
    whole: Router,
    /// Keeps the streams of changes open.
    _stop: tokio::sync::watch::Sender<bool>,
    seen: BTreeSet<Uuid>,
    method: Method,
    path: String,
    asked: Timestamp,
}

/// An event that must be there.
struct Expected<'a> {
    action: &'a str,
    outcome: &'a str,
    patients: &'a [&'a str],
    entity: Option<String>,
    query: Option<&'a str>,
}

fn done<'a>(action: &'a str, patients: &'a [&'a str]) -> Expected<'a> {
    Expected {
        action,
        outcome: "0",
        patients,
        entity: None,
        query: None,
    }
}

impl<'a> Expected<'a> {
    fn refused(self) -> Self {
        Self {
            outcome: "4",
            ..self
        }
    }

    fn touching(self, entity: String) -> Self {
        Self {
            entity: Some(entity),
            ..self
        }
    }

    fn asking(self, query: &'a str) -> Self {
        Self {
            query: Some(query),
            ..self
        }
    }
}

impl Walk {
    async fn begin() -> Self {
        let clinic = Clinic::open().await;
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let changes = Changes::listen(&clinic.app, stopping);
        let gate = PasswordGate::new().unwrap();
        let whole = router(Arc::clone(&clinic.app), Arc::new(gate), Arc::new(changes));
        Self {
            clinic,
            whole,
            _stop: stop,
            seen: BTreeSet::new(),
            method: Method::GET,
            path: String::new(),
            asked: Timestamp::now(),
        }
    }

    /// Asks, and gives status and body.
    async fn ask(
        &mut self,
        who: &Client,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let address: SocketAddr = format!("{ADDRESS}:1234").parse().unwrap();
        let patch = method == Method::PATCH;
        let kind = match (patch, path.starts_with(path::FHIR)) {
            (true, _) => "application/json-patch+json",
            (false, true) => "application/fhir+json",
            (false, false) => "application/json",
        };
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("authorization", format!("Bearer {}", who.token()))
            .header("user-agent", AGENT)
            .extension(ConnectInfo(address));
        if body.is_some() {
            request = request.header("content-type", kind);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.events().await;
        (self.method, self.path, self.asked) = (method, path.to_owned(), Timestamp::now());
        let request = request.body(body).unwrap();
        let response = self.whole.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Events that were not there before.
    async fn events(&mut self) -> Vec<Value> {
        let app = &self.clinic.app;
        let client = app.pool.get().await.unwrap();
        let filter = Filter::default();
        let all = find::page(app, &client, &filter, Order::Ascending, None, 10_000)
            .await
            .unwrap();
        all.into_iter()
            .filter(|found| self.seen.insert(found.id))
            .map(|found| serde_json::from_slice(found.json.as_ref().unwrap()).unwrap())
            .collect()
    }

    /// Exactly these events came of the last request.
    async fn left(&mut self, who: &Client, expected: &[Expected<'_>]) {
        let mut events = self.events().await;
        let place = format!("{} {}", self.method, self.path);
        let codes: Vec<&str> = events.iter().map(action).collect();
        assert_eq!(events.len(), expected.len(), "{place}: {codes:?}");
        for wanted in expected {
            let at = events
                .iter()
                .position(|event| {
                    action(event) == wanted.action && patients(event) == wanted.patients
                })
                .unwrap_or_else(|| {
                    panic!(
                        "{place}: no {} about {:?} in {events:#?}",
                        wanted.action, wanted.patients
                    )
                });
            let event = events.remove(at);
            self.check(who, wanted, &event, &place);
        }
    }

    fn check(&self, who: &Client, wanted: &Expected<'_>, event: &Value, place: &str) {
        assert_eq!(event["outcome"], wanted.outcome, "{place}: {event:#}");
        // When.
        let recorded: Timestamp = event["recorded"].as_str().unwrap().parse().unwrap();
        let about = self.asked.as_millisecond()..=Timestamp::now().as_millisecond();
        assert!(about.contains(&recorded.as_millisecond()), "{place}");
        // Why.
        assert!(
            event["outcomeDesc"]
                .as_str()
                .is_some_and(|text| text.len() > 5),
            "{place}: no explanation in {event:#}"
        );
        assert!(event["purposeOfEvent"][0]["coding"][0]["code"].is_string());
        // Who: user, client and server, in BALP's slices.
        let agents = event["agent"].as_array().unwrap();
        assert_eq!(agents.len(), 3, "{place}");
        let [user, client, server] = [&agents[0], &agents[1], &agents[2]];
        assert_eq!(
            user["who"]["identifier"]["value"],
            who.account().to_string()
        );
        assert_eq!(user["role"][0]["coding"][0]["code"], who.role().as_str());
        assert_eq!(user["name"], who.role().as_str());
        assert_eq!(user["requestor"], true);
        // From where.
        assert_eq!(client["who"]["display"], AGENT, "{place}");
        assert_eq!(client["network"], json!({"address": ADDRESS, "type": "2"}));
        assert_eq!(client["requestor"], false);
        assert_eq!(
            server["who"]["identifier"]["value"],
            "https://clinic.example"
        );
        assert_eq!(server["network"]["address"], "clinic.example");
        let kind = |agent: &Value| agent["type"]["coding"][0]["code"].clone();
        if let Some(profile) = event["meta"]["profile"][0].as_str() {
            let (from, to) = match profile.rsplit('.').next().unwrap() {
                "Read" | "PatientRead" => ("110152", "110153"),
                "Delete" | "PatientDelete" => ("110150", "custodian"),
                _ => ("110153", "110152"),
            };
            assert_eq!(
                (kind(client), kind(server)),
                (from.into(), to.into()),
                "{place}"
            );
            // One patient at most, role 1, and one object beside.
            let entities = event["entity"].as_array().unwrap();
            let patients = entities
                .iter()
                .filter(|entity| entity["role"]["code"] == "1");
            assert_eq!(patients.count(), wanted.patients.len());
            assert_eq!(entities.len(), wanted.patients.len() + 1, "{place}");
        }
        // What.
        let entities = event["entity"].as_array().cloned().unwrap_or_default();
        if let Some(entity) = &wanted.entity {
            let named = |found: &Value| {
                let text = found["what"]["reference"].as_str();
                text.is_some_and(|text| text.starts_with(entity.as_str()))
            };
            assert!(entities.iter().any(named), "{place}: {entity} in {event:#}");
        }
        if let Some(query) = wanted.query {
            let asked: Vec<String> = entities
                .iter()
                .filter_map(|entity| STANDARD.decode(entity["query"].as_str()?).ok())
                .map(|bytes| String::from_utf8(bytes).unwrap())
                .collect();
            assert_eq!(asked.len(), 1, "{place}");
            assert!(asked[0].contains(query), "{place}: {asked:?}");
        }
        let issues = fhir::validate::Validator::new().validate(event).err();
        assert_eq!(issues, None, "{place}");
    }
}

fn action(event: &Value) -> &str {
    let subtypes = event["subtype"].as_array().unwrap();
    let own = subtypes
        .iter()
        .find(|code| code["system"] == "urn:rounds:action");
    own.map_or("fhir-delete", |own| own["code"].as_str().unwrap())
}

fn patients(event: &Value) -> Vec<&str> {
    let mut found: Vec<&str> = event["entity"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|entity| entity["role"]["code"] == "1")
        .filter_map(|entity| {
            entity["what"]["reference"]
                .as_str()?
                .strip_prefix("Patient/")
        })
        .collect();
    found.sort_unstable();
    found
}

/// The router tells its paths; a new one without a row here fails.
#[tokio::test]
async fn a1_every_route_is_walked_or_says_why_not() {
    let walk = Walk::begin().await;
    let told = format!("{:?}", walk.whole);
    let routes: BTreeSet<&str> = told
        .split('"')
        .filter(|text| text.starts_with('/') && text.len() > 1)
        .map(|text| {
            text.split("/{*")
                .next()
                .unwrap_or(text)
                .trim_end_matches('/')
        })
        .filter(|text| !text.is_empty())
        .collect();
    let known: BTreeSet<&str> = SILENT
        .iter()
        .chain(&ELSEWHERE)
        .map(|(path, _)| *path)
        .chain(WALKED)
        .collect();
    // The way the router tells its paths is no promise: these must be among them.
    assert!(
        routes.contains(path::SYNC) && routes.contains(path::REPORT),
        "{told}"
    );
    let unknown: Vec<&&str> = routes.difference(&known).collect();
    assert!(unknown.is_empty(), "routes without a row: {unknown:?}");
}

#[tokio::test]
async fn a1_each_fhir_interaction_leaves_its_events() {
    let mut walk = Walk::begin().await;
    let program = walk.clinic.client_of(Role::Integration).await;
    let desk = walk.clinic.client_of(Role::FrontDesk).await;
    let auditor = walk.clinic.client_of(Role::Auditor).await;
    let fhir = |rest: &str| format!("{}{rest}", path::FHIR);
    let (get, post) = (Method::GET, Method::POST);

    // Changes.
    let (status, made) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Patient"),
            Some(patient("Walker")),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED, "{made:#}");
    let one = id(&made);
    let of_one = [one.as_str()];
    let at_one = format!("Patient/{one}");
    walk.left(
        &program,
        &[done("fhir-create", &of_one).touching(format!("{at_one}/_history/1"))],
    )
    .await;
    let (_, other) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Patient"),
            Some(patient("Walker")),
        )
        .await;
    let two = id(&other);
    let mut changed = made.clone();
    changed["gender"] = "male".into();
    walk.ask(
        &program,
        Method::PUT,
        &fhir(&format!("/{at_one}")),
        Some(changed),
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-update", &of_one).touching(format!("{at_one}/_history/2"))],
    )
    .await;
    let patch = json!([{"op": "replace", "path": "/gender", "value": "other"}]);
    walk.ask(
        &program,
        Method::PATCH,
        &fhir(&format!("/{at_one}")),
        Some(patch),
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-patch", &of_one).touching(format!("{at_one}/_history/3"))],
    )
    .await;
    let (_, vital) = walk
        .ask(
            &program,
            post.clone(),
            &fhir("/Observation"),
            Some(observation(&one, "2026-01-01")),
        )
        .await;
    let at_vital = format!("Observation/{}", id(&vital));
    walk.left(
        &program,
        &[done("fhir-create", &of_one).touching(at_vital.clone())],
    )
    .await;

    // Reads.
    for (path, action) in [
        (format!("/{at_one}"), "fhir-read"),
        (format!("/{at_one}/_history/1"), "fhir-vread"),
        (format!("/{at_one}/_history"), "fhir-history"),
        (format!("/{at_one}/$everything"), "fhir-everything"),
    ] {
        let (status, _) = walk.ask(&program, get.clone(), &fhir(&path), None).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        walk.left(&program, &[done(action, &of_one).touching(at_one.clone())])
            .await;
    }
    // A search: one event for each patient shown, with the query.
    let found = |query| {
        [
            done("fhir-search", &of_one).asking(query),
            Expected {
                patients: &[],
                ..done("fhir-search", &[]).asking(query)
            },
        ]
    };
    let of_two = [two.as_str()];
    walk.ask(&program, get.clone(), &fhir("/Patient?family=walker"), None)
        .await;
    let [first, second] = found("family=walker");
    walk.left(
        &program,
        &[
            first,
            Expected {
                patients: &of_two,
                ..second
            },
        ],
    )
    .await;
    walk.ask(
        &program,
        post.clone(),
        &fhir("/Patient/_search?family=nobody"),
        None,
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-search", &[]).asking("family=nobody")],
    )
    .await;
    walk.ask(
        &program,
        get.clone(),
        &fhir("/Patient?family=walker&_summary=count"),
        None,
    )
    .await;
    walk.left(
        &program,
        &[done("fhir-search", &[]).asking("family=walker")],
    )
    .await;

    // Bundles: a batch leaves what its entries leave, a transaction one for each patient.
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [
        {"request": {"method": "GET", "url": at_one}},
        {"request": {"method": "GET", "url": at_vital}},
    ]});
    walk.ask(&program, post.clone(), path::FHIR, Some(bundle))
        .await;
    walk.left(
        &program,
        &[
            done("fhir-read", &of_one).touching(at_one.clone()),
            done("fhir-read", &of_one).touching(at_vital.clone()),
        ],
    )
    .await;
    let entry = |who: &str| {
        json!({"resource": observation(who, "2026-02-02"),
               "request": {"method": "POST", "url": "Observation"}})
    };
    let bundle = json!({"resourceType": "Bundle", "type": "transaction",
                        "entry": [entry(&one), entry(&two), entry(&one)]});
    let (status, _) = walk
        .ask(&program, post.clone(), path::FHIR, Some(bundle))
        .await;
    assert_eq!(status, StatusCode::OK);
    walk.left(
        &program,
        &[
            done("fhir-transaction", &of_one),
            done("fhir-transaction", &of_two),
        ],
    )
    .await;

    // Refusals, with what was asked for.
    walk.ask(&desk, get.clone(), &fhir(&format!("/{at_vital}")), None)
        .await;
    walk.left(
        &desk,
        &[done("fhir-read", &[]).refused().touching(at_vital.clone())],
    )
    .await;
    walk.ask(&desk, get.clone(), &fhir("/Observation?status=final"), None)
        .await;
    walk.left(&desk, &[done("fhir-search", &[]).refused()])
        .await;
    let refused = Some(observation(&one, "2026-01-02"));
    walk.ask(&desk, post.clone(), &fhir("/Observation"), refused)
        .await;
    walk.left(&desk, &[done("fhir-create", &[]).refused()])
        .await;
    walk.ask(&desk, get.clone(), &fhir("/AuditEvent"), None)
        .await;
    walk.left(&desk, &[done("audit-read", &[]).refused()]).await;

    // Reading the audit.
    let (_, events) = walk
        .ask(
            &auditor,
            get.clone(),
            &fhir("/AuditEvent?subtype=fhir-read&_count=1"),
            None,
        )
        .await;
    walk.left(
        &auditor,
        &[done("audit-read", &[]).asking("subtype=fhir-read")],
    )
    .await;
    let event = format!("AuditEvent/{}", id(&events["entry"][0]["resource"]));
    walk.ask(&auditor, get.clone(), &fhir(&format!("/{event}")), None)
        .await;
    walk.left(&auditor, &[done("audit-read", &[]).touching(event)])
        .await;

    walk.ask(
        &program,
        Method::DELETE,
        &fhir(&format!("/{at_vital}")),
        None,
    )
    .await;
    walk.left(&program, &[done("fhir-delete", &of_one).touching(at_vital)])
        .await;
}

#[tokio::test]
async fn a1_each_of_our_own_routes_leaves_its_events() {
    let mut walk = Walk::begin().await;
    let program = walk.clinic.client_of(Role::Integration).await;
    let clinician = walk.clinic.client_of(Role::Clinician).await;
    let officer = walk.clinic.client_of(Role::SecurityOfficer).await;
    let (get, post) = (Method::GET, Method::POST);
    let entry = |key: Uuid, id: &str| {
        let mut resource = patient("Uploaded");
        resource["id"] = id.into();
        json!({"entries": [{"key": key, "bundle": {
            "resourceType": "Bundle", "type": "transaction",
            "entry": [{"resource": resource,
                       "request": {"method": "PUT", "url": format!("Patient/{id}"),
                                   "ifNoneMatch": "*"}}],
        }}]})
    };
    let (status, _) = walk
        .ask(
            &program,
            post.clone(),
            path::UPLOAD,
            Some(entry(Uuid::new_v4(), "up")),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    walk.left_uploaded(&program, "0").await;
    walk.ask(
        &officer,
        post.clone(),
        path::UPLOAD,
        Some(entry(Uuid::new_v4(), "no")),
    )
    .await;
    walk.left_uploaded(&officer, "4").await;
    walk.ask(&program, get.clone(), path::SYNC, None).await;
    walk.left(&program, &[done("synchronised", &["up"])]).await;

    for (path, action, query) in [
        (
            format!("{}?patient=up", path::REPORT),
            "report-viewed",
            "patient=up",
        ),
        (
            format!("{}?patient=up", path::DISCLOSURES),
            "disclosures-accounted",
            "patient=up",
        ),
    ] {
        walk.ask(&officer, get.clone(), &path, None).await;
        walk.left(&officer, &[done(action, &["up"]).asking(query)])
            .await;
        walk.ask(&clinician, get.clone(), &path, None).await;
        walk.left(&clinician, &[done(action, &[]).refused()]).await;
    }
    walk.ask(&officer, get.clone(), path::REVIEWS, None).await;
    walk.left(
        &officer,
        &[done("reviews-viewed", &[]).asking("closed=false")],
    )
    .await;
    walk.ask(&clinician, get.clone(), path::REVIEWS, None).await;
    walk.left(&clinician, &[done("reviews-viewed", &[]).refused()])
        .await;

    let alarm = json!({"kept": {"note": "a"}, "seen": null, "reason": "unreadable"});
    walk.ask(&clinician, post.clone(), path::LEDGER_ALARM, Some(alarm))
        .await;
    let alarms = walk.events().await;
    assert_eq!(alarms.len(), 1);
    assert_eq!(
        (action(&alarms[0]), &alarms[0]["outcome"]),
        ("ledger-broken", &json!("8"))
    );
    let (_, open) = walk.ask(&officer, get.clone(), path::REVIEWS, None).await;
    let item = open["items"][0]["id"].as_str().unwrap().to_owned();
    let closing = json!({"id": item, "finding": "technical", "words": "A test."});
    walk.ask(
        &clinician,
        post.clone(),
        path::REVIEW_CLOSE,
        Some(closing.clone()),
    )
    .await;
    walk.left(&clinician, &[done("review-closed", &[]).refused()])
        .await;
    walk.ask(&officer, post.clone(), path::REVIEW_CLOSE, Some(closing))
        .await;
    walk.left(&officer, &[done("review-closed", &[])]).await;

    rounds_server::ledger::sequence::run(&walk.clinic.app)
        .await
        .unwrap();
    let event = alarms[0]["id"].as_str().unwrap();
    let path = format!("{}?event={event}&size=1", path::LEDGER_INCLUSION);
    let (status, _) = walk.ask(&clinician, get.clone(), &path, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    walk.left(&clinician, &[done("ledger-proved", &[]).refused()])
        .await;
    let size = walk.clinic.sql("SELECT max(size) FROM ledger_checkpoint");
    let path = format!(
        "{}?event={event}&size={}",
        path::LEDGER_INCLUSION,
        size.trim()
    );
    let (status, _) = walk.ask(&officer, get, &path, None).await;
    assert_eq!(status, StatusCode::OK);
    walk.left(
        &officer,
        &[done("ledger-proved", &[]).touching(format!("AuditEvent/{event}"))],
    )
    .await;
}

impl Walk {
    /// Uploads say what became of them in the event of each change.
    async fn left_uploaded(&mut self, who: &Client, outcome: &str) {
        let events = self.events().await;
        assert_eq!(events.len(), 1, "{events:#?}");
        let event = &events[0];
        assert_eq!(
            (action(event), &event["outcome"]),
            ("uploaded", &json!(outcome))
        );
        let user = &event["agent"][0]["who"]["identifier"]["value"];
        assert_eq!(user, &json!(who.account().to_string()));
        let about: &[&str] = if outcome == "0" { &["up"] } else { &[] };
        assert_eq!(patients(event), about);
    }
}
