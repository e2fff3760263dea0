//! A clinic of its own for each test, and requests to it without a network.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use protocol::secret::Secret;
use protocol::sign_in::Role;
use rounds_server::app::{App, Clock, SystemClock, Tenant};
use rounds_server::config::{Config, MasterSource};
use rounds_server::identity::account::{self, Account};
use rounds_server::identity::password::PasswordGate;
use rounds_server::identity::session;
use rounds_server::kms::KmsSettings;
use rounds_server::smart::Scopes;
use rounds_server::store::keys::{KeyLimits, KeyRing, Masters};
use rounds_server::store::{connect, migrate, tenant};
use serde_json::{Value, json};
use testbed::{Cluster, ClusterOptions, Leftovers};
use tower::ServiceExt as _;
use uuid::Uuid;
use vault::password::ArgonCost;

pub const MASTER: &str = "test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const APPLICATION: &str = "rounds_test";

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let folder: PathBuf = tempfile::Builder::new()
            .prefix("rounds-fhir-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        // The account that runs PostgreSQL must get through to its data.
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        Cluster::start(ClusterOptions {
            data: folder.join("data"),
            leftovers: Leftovers(vec![folder]),
            fsync: false,
            superuser_password: "test".to_owned(),
            settings: vec![("max_connections".to_owned(), "200".to_owned())],
        })
        .unwrap()
    })
}

/// Databases with the schemas and one clinic, copied for each test: records and keys.
async fn template() -> [&'static str; 2] {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async {
        let cluster = cluster();
        cluster
            .sql("postgres", "CREATE DATABASE template_clinic")
            .unwrap();
        cluster
            .sql("postgres", "CREATE DATABASE template_keys")
            .unwrap();
        let config = config(
            cluster.superuser_url("template_clinic"),
            cluster.superuser_url("template_keys"),
        );
        let pool = connect::pool(&config).unwrap();
        let keys_pool = connect::keys_pool(&config).unwrap();
        let mut owner = pool.get().await.unwrap();
        migrate::run(&mut owner).await.unwrap();
        migrate::run_keys(&mut keys_pool.get().await.unwrap())
            .await
            .unwrap();
        owner
            .batch_execute(&format!(
                "CREATE ROLE {APPLICATION} LOGIN PASSWORD 'test' IN ROLE rounds_app, rounds_keys_app"
            ))
            .await
            .unwrap();
        let made = Tenant {
            id: Uuid::new_v4(),
            name: "Test Clinic".to_owned(),
            time_zone: "America/New_York".to_owned(),
            recovery_public_key: String::new(),
            epoch: Uuid::new_v4(),
        };
        let keys = KeyRing::new(
            keys_pool.clone(),
            made.id,
            Masters::open(&config.master_keys, &config.kms).unwrap(),
            KeyLimits::default(),
        );
        let tx = owner.transaction().await.unwrap();
        tenant::create(&tx, &keys, &made, SystemClock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        drop(owner);
        pool.close();
        keys_pool.close();
        // A template must have no connections; closing is not instant.
        for _ in 0..100 {
            let left = cluster
                .sql(
                    "postgres",
                    "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'template\\_%'",
                )
                .unwrap();
            if left.trim() == "0" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    ["template_clinic", "template_keys"]
}

fn config(url: String, keys_url: String) -> Config {
    Config {
        database_url: Secret::new(url),
        keys_database_url: Secret::new(keys_url),
        master_keys: MasterSource::Text(Secret::new(MASTER.to_owned())),
        kms: KmsSettings::read(&|_: &str| None).unwrap(),
        key_limits: KeyLimits::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: "https://clinic.example".to_owned(),
        tls: None,
        connections: 16,
        checkpoint_file: None,
        single_sign_on: None,
        patient_page: None,
        relays: None,
    }
}

/// Absolute URL of the service in answers.
pub const BASE: &str = "https://clinic.example/fhir/R4";

/// Password of everybody in tests.
pub const PASSWORD: &str = "quiet-harbour-lights";

/// The machine's clock, moved by tests.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn pass(&self, time: SignedDuration) {
        self.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::from_secs(self.0.load(Ordering::SeqCst));
        SystemClock.now().checked_add(passed).unwrap()
    }
}

/// A clinic.
pub struct Clinic {
    pub app: Arc<App>,
    pub database: String,
    pub keys_database: String,
    pub clock: Arc<TestClock>,
    router: Router,
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    router: Router,
    token: String,
    account: Uuid,
    role: Role,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Clinic {
    pub async fn open() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let [template, keys_template] = template().await;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (database, keys_database) = (format!("clinic_{number}"), format!("keys_{number}"));
        // One copy at a time: a template in use cannot be copied.
        static COPY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        {
            let _turn = COPY.lock().await;
            for (name, template) in [(&database, template), (&keys_database, keys_template)] {
                cluster()
                    .sql(
                        "postgres",
                        &format!("CREATE DATABASE {name} TEMPLATE {template}"),
                    )
                    .unwrap();
            }
        }
        Self::on(database, keys_database, KeyLimits::default()).await
    }

    /// Another server of the same clinic, with limits of its own.
    pub async fn beside(&self, limits: KeyLimits) -> Self {
        Self::on(self.database.clone(), self.keys_database.clone(), limits).await
    }

    async fn on(database: String, keys_database: String, limits: KeyLimits) -> Self {
        let config = Config {
            key_limits: limits,
            ..config(
                cluster().url(APPLICATION, "test", &database),
                cluster().url(APPLICATION, "test", &keys_database),
            )
        };
        let clock = Arc::new(TestClock::default());
        let app = App::start(config, Arc::clone(&clock) as Arc<dyn Clock>)
            .await
            .unwrap();
        static GATE: OnceLock<Arc<PasswordGate>> = OnceLock::new();
        let gate = GATE.get_or_init(|| Arc::new(PasswordGate::new().unwrap()));
        let router = Router::new()
            .nest(protocol::path::FHIR, rounds_server::fhir_api::routes())
            .merge(rounds_server::access::routes::routes())
            .layer(axum::Extension(Arc::clone(gate)))
            .with_state(Arc::clone(&app));
        Self {
            app,
            database,
            keys_database,
            clock,
            router,
        }
    }

    /// A client of a role, without a device.
    pub async fn client_of(&self, role: Role) -> Client {
        self.staff(role, None).await
    }

    /// A client of a role who is a practitioner and has [`PASSWORD`], without a device.
    pub async fn staff(&self, role: Role, practitioner: Option<&str>) -> Client {
        let id = Uuid::new_v4();
        let account = Account {
            id,
            username: format!("{}-{id}", role.as_str()),
            display_name: role.as_str().to_owned(),
            role,
            practitioner: practitioner.map(str::to_owned),
        };
        let hash = vault::password::hash(PASSWORD, ArgonCost::LEAST).unwrap();
        let client = self.app.pool.get().await.unwrap();
        assert!(
            account::add(&self.app, &client, &account, Some(&hash), None)
                .await
                .unwrap()
        );
        let begun = session::begin(
            &self.app,
            &client,
            id,
            None,
            SignedDuration::from_hours(1_000),
        )
        .await
        .unwrap();
        Client {
            router: self.router.clone(),
            token: begun.token.expose().to_owned(),
            account: id,
            role,
        }
    }

    /// A registered program with a token that covers these scopes.
    pub async fn scoped(&self, scopes: &Scopes) -> Client {
        let whole = self.client().await;
        let client = self.app.pool.get().await.unwrap();
        let life = SignedDuration::from_mins(5);
        let begun = session::begin_scoped(&self.app, &client, whole.account, scopes, life)
            .await
            .unwrap();
        // The account's other session would be one without scopes.
        let id = whole.account;
        self.sql(&format!(
            "DELETE FROM session WHERE account = '{id}' AND scopes IS NULL"
        ));
        Client {
            token: begun.token.expose().to_owned(),
            ..whole
        }
    }

    /// A client with full clinical access.
    pub async fn client(&self) -> Client {
        self.client_of(Role::Integration).await
    }

    /// Runs SQL as the superuser.
    pub fn sql(&self, sql: &str) -> String {
        cluster().sql(&self.database, sql).unwrap()
    }

    /// Runs SQL in the key store as the superuser.
    pub fn keys_sql(&self, sql: &str) -> String {
        cluster().sql(&self.keys_database, sql).unwrap()
    }

    /// Runs SQL in the key store as the superuser; whether it was taken.
    pub fn try_keys_sql(&self, sql: &str) -> Result<String, String> {
        cluster()
            .sql(&self.keys_database, sql)
            .map_err(|error| format!("{error:?}"))
    }

    /// A connection to the key store as the application's role.
    pub async fn keys_as_application(&self) -> deadpool_postgres::Client {
        let pool = connect::keys_pool(&self.app.config).unwrap();
        pool.get().await.unwrap()
    }

    /// Runs SQL as the superuser; whether it was taken.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        cluster()
            .sql(&self.database, sql)
            .map_err(|error| format!("{error:?}"))
    }

    /// A connection as the superuser, for which triggers are off: what a hand inside the
    /// database could do. To the records, or to the key store.
    pub async fn inside(&self, keys: bool) -> deadpool_postgres::Client {
        let database = if keys {
            &self.keys_database
        } else {
            &self.database
        };
        let url = Secret::new(cluster().superuser_url(database));
        let pool = connect::to("ROUNDS_DATABASE_URL", &url, 1).unwrap();
        let client = pool.get().await.unwrap();
        client
            .batch_execute("SET session_replication_role = replica")
            .await
            .unwrap();
        client
    }

    /// Runs SQL as the application's role; whether it was taken.
    pub async fn try_as_application(&self, sql: &str) -> Result<(), String> {
        let client = self.app.pool.get().await.unwrap();
        client
            .batch_execute(sql)
            .await
            .map_err(|error| error.code().unwrap().code().to_owned())
    }

    /// What a thief of the files reads.
    pub fn dump(&self) -> String {
        cluster().dump(&self.database).unwrap()
    }
}

impl Client {
    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The account behind it.
    pub fn account(&self) -> Uuid {
        self.account
    }

    /// What it is.
    pub fn role(&self) -> Role {
        self.role
    }

    pub async fn send(&self, request: axum::http::request::Builder, body: Body) -> Reply {
        let request = request
            .header("authorization", format!("Bearer {}", self.token))
            .body(body)
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/fhir/R4{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/fhir+json");
        }
        self.send(
            request,
            body.map_or_else(Body::empty, |body| Body::from(body.to_string())),
        )
        .await
    }

    /// A request to a route of our own.
    pub async fn post_to(&self, path: &str, body: Value) -> Reply {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask(Method::POST, path, &[], Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.ask(Method::PUT, path, &[], Some(body)).await
    }

    /// Creates and returns the resource as stored.
    pub async fn create(&self, resource: Value) -> Value {
        let kind = resource["resourceType"].as_str().unwrap().to_owned();
        let reply = self.post(&format!("/{kind}"), resource).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{:#}", reply.body);
        reply.body
    }

    /// Ids of a search, in order.
    pub async fn ids(&self, path: &str) -> Vec<String> {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {:#}", reply.body);
        reply.ids("match")
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Ids of entries of a search mode.
    pub fn ids(&self, mode: &str) -> Vec<String> {
        let entries = self.body["entry"].as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["search"]["mode"] == mode)
            .map(|entry| entry["resource"]["id"].as_str().unwrap_or("").to_owned())
            .collect()
    }

    /// URL of the next page, below the base.
    pub fn next(&self) -> Option<String> {
        let link = self.body["link"]
            .as_array()?
            .iter()
            .find(|link| link["relation"] == "next")?;
        Some(link["url"].as_str()?.strip_prefix(BASE)?.to_owned())
    }

    /// Asserts status and an OperationOutcome, and returns its first issue.
    #[track_caller]
    pub fn refused(&self, status: StatusCode) -> &Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        assert_eq!(
            self.body["resourceType"], "OperationOutcome",
            "{:#}",
            self.body
        );
        assert!(
            self.header("content-type")
                .is_some_and(|kind| kind.starts_with("application/fhir+json"))
        );
        &self.body["issue"][0]
    }
}

pub fn patient(family: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "name": [{"family": family, "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1980-05-17",
    })
}

pub fn practitioner(family: &str) -> Value {
    json!({"resourceType": "Practitioner", "name": [{"family": family}]})
}

pub fn observation(patient: &str, when: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": format!("Patient/{patient}")},
        "effectiveDateTime": when,
        "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    })
}

pub fn appointment(patient: &str, practitioner: &str, start: &str, end: &str) -> Value {
    json!({
        "resourceType": "Appointment",
        "status": "booked",
        "start": start,
        "end": end,
        "participant": [
            {"actor": {"reference": format!("Patient/{patient}")}, "status": "accepted"},
            {"actor": {"reference": format!("Practitioner/{practitioner}")}, "status": "accepted"},
        ],
    })
}

pub fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}
