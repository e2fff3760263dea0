//! Every route of the server, and the events that each leaves: who, whom about, what, when, why
//! and from where, refusals too.

mod interactions;
mod own;

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
use rounds_server::audit::find::{self, Filter, Order};
use rounds_server::feed::changes::Changes;
use rounds_server::http::router::router;
use rounds_server::identity::password::PasswordGate;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::clinic::{Client, Clinic};

const ADDRESS: &str = "192.0.2.44";
const AGENT: &str = "walker/1.0";

/// Routes that show or change nothing of any record, and why no event is due.
const SILENT: [(&str, &str); 10] = [
    ("/visit", "the patient's page, the same for everybody"),
    ("/visit/{file}", "its parts"),
    (path::READY, "says that the server is there"),
    ("/fhir/R4/metadata", "says what the service can do"),
    (
        "/fhir/R4/.well-known/smart-configuration",
        "says where tokens come from",
    ),
    (path::LEDGER_CHECKPOINT, "a hash over everything"),
    (path::LEDGER_CONSISTENCY, "hashes of hashes"),
    (
        path::CHARTS,
        "asks for charts; the page that brings them is recorded",
    ),
    (path::ORDERS, "whether the asking device is to be wiped"),
    (
        path::LEASE,
        "how long its own user may go on; each sync asks",
    ),
];

/// Routes whose events are shown elsewhere, with devices and real sessions.
const ELSEWHERE: [(&str, &str); 22] = [
    (path::VISIT_INVITE, "t1: visits"),
    (path::VISIT_NEWS, "t1: visits"),
    (path::VISIT_ACT, "t3: visits"),
    (path::VISIT_LINE, "t1: visits"),
    (path::ENROL, "p5: sign_in"),
    (path::SIGN_IN, "p5: sign_in"),
    (path::SIGN_OUT, "p5: sign_in"),
    (path::SIGN_IN_WAYS, "p5: single_sign_on"),
    (path::OIDC_ENROL, "p5: single_sign_on"),
    (path::OIDC_BEGIN, "p5: single_sign_on"),
    (path::OIDC_FINISH, "p5: single_sign_on"),
    (path::AUDIT, "a3: audit, takes events of devices only"),
    (path::CHANGES, "a signal without content"),
    (path::JUSTIFY, "p1: access"),
    (path::EMERGENCY, "p3: access"),
    (path::PASSWORD, "w3: devices"),
    (path::ESCROW, "w7: devices"),
    (path::SET_ASIDE, "s5: scope"),
    (path::WIPED, "w7: devices"),
    (path::WHO_LOOKED, "a4: reports"),
    (path::AUDIT_USERS, "a4: reports"),
    (path::SMART_TOKEN, "i3: smart"),
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
