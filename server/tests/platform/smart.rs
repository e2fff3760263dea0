//! Programs that prove themselves with a key: SMART Backend Services, as an ordinary client with
//! a JOSE implementation of its own sees them.

use std::path::Path;

use jiff::Timestamp;
use protocol::path;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::node;
use crate::support::{Bench, patient, refused};

const FHIR_PATIENTS: &str = "/fhir/R4/Patient";

struct Program {
    id: String,
    endpoint: String,
    folder: tempfile::TempDir,
}

fn run(arguments: &[&str]) -> String {
    let output = node::command("program.mjs")
        .args(arguments)
        .output()
        .expect("node is needed: install Node 20 or later");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn operator(bench: &Bench, arguments: &[&str]) -> Value {
    let printed = bench.platform.operator(arguments, None);
    serde_json::from_str(&printed.unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

impl Program {
    /// Registers a program with keys of its own.
    async fn register(bench: &Bench, name: &str, scopes: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |path: &Path| path.to_string_lossy().into_owned();
        let published = run(&["keys", &place(folder.path())]);
        let keys = folder.path().join("published.json");
        std::fs::write(&keys, published).unwrap();
        let keys = place(&keys);
        let arguments = [
            "client", "add", "--name", name, "--keys", &keys, "--scopes", scopes,
        ];
        let listed = operator(bench, &arguments);
        assert_eq!(listed["keys"], json!(["rs", "es", "weak"]));
        // Where tokens come from, a program asks the FHIR service.
        let url = bench.url("/fhir/R4/.well-known/smart-configuration");
        let document: Value = bench
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(document["token_endpoint"], listed["token_endpoint"]);
        let methods = &document["token_endpoint_auth_methods_supported"];
        assert_eq!(*methods, json!(["private_key_jwt"]));
        let algorithms = &document["token_endpoint_auth_signing_alg_values_supported"];
        assert_eq!(*algorithms, json!(["RS384", "ES384"]));
        assert_eq!(
            document["grant_types_supported"],
            json!(["client_credentials"])
        );
        Self {
            id: listed["client_id"].as_str().unwrap().to_owned(),
            endpoint: document["token_endpoint"].as_str().unwrap().to_owned(),
            folder,
        }
    }

    fn claims(&self) -> Value {
        json!({"iss": self.id, "sub": self.id, "aud": self.endpoint,
               "exp": Timestamp::now().as_second() + 240, "jti": Uuid::new_v4().to_string()})
    }

    fn assertion(&self, claims: &Value, header: Value) -> String {
        let folder = self.folder.path().to_string_lossy().into_owned();
        run(&[
            "assertion",
            &folder,
            &claims.to_string(),
            &header.to_string(),
        ])
    }

    async fn send(&self, bench: &Bench, assertion: &str, scope: &str) -> Response {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        self.post(
            bench,
            &[
                ("grant_type", "client_credentials"),
                ("client_assertion_type", kind),
                ("client_assertion", assertion),
                ("scope", scope),
            ],
        )
        .await
    }

    async fn post(&self, bench: &Bench, pairs: &[(&str, &str)]) -> Response {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        bench
            .http
            .post(&self.endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap()
    }

    /// A token for these scopes, and the scopes that it has.
    async fn token(&self, bench: &Bench, key: &str, scope: &str) -> (String, String) {
        let assertion = self.assertion(&self.claims(), json!({ "key": key }));
        let response = self.send(bench, &assertion, scope).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["token_type"], "bearer");
        assert_eq!(body["expires_in"], 300);
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("scope"))
    }
}

async fn error(response: Response, status: u16, code: &str) {
    let found = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (found.as_u16(), &body["error"]),
        (status, &json!(code)),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_an_ordinary_program_gets_a_token_and_uses_it() {
    let bench = Bench::start();
    let registered = "system/Patient.cruds system/Observation.read";
    let program = Program::register(&bench, "Laboratory", registered).await;
    let (token, scope) = program.token(&bench, "es", "system/Patient.write").await;
    assert_eq!(scope, "system/Patient.cud");
    let url = bench.url(FHIR_PATIENTS);
    let made = bench
        .http
        .post(&url)
        .bearer_auth(&token)
        .json(&patient("p", "Lovelace"))
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), 201);
    let read = bench.http.get(&url).bearer_auth(&token).send().await;
    assert_eq!(read.unwrap().status(), 403);

    // More than was registered is not granted, in whatever words it is asked for.
    let asked = "openid system/*.cruds user/Patient.rs";
    let (token, scope) = program.token(&bench, "rs", asked).await;
    assert_eq!(scope, "system/Observation.rs system/Patient.cruds");
    let read = bench.http.get(&url).bearer_auth(&token).send().await;
    assert_eq!(read.unwrap().status(), 200);
    // The token is one of the FHIR service alone.
    let sync = bench.http.get(bench.url(path::SYNC)).bearer_auth(&token);
    refused(sync.send().await.unwrap(), 403, "forbidden").await;
    assert_eq!(bench.events("scope-refused"), 1);
    assert_eq!(bench.events("token-issued"), 2);
    let by = "SELECT count(*) FROM audit_event e JOIN account a ON a.id = e.account \
              WHERE e.action = 'fhir-create' AND a.display_name = 'Laboratory'";
    assert_eq!(bench.sql(by), "1");

    // The CapabilityStatement says where tokens come from.
    let statement = bench.http.get(bench.url("/fhir/R4/metadata")).send().await;
    let statement: Value = statement.unwrap().json().await.unwrap();
    let security = &statement["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let token_url = &security["extension"][0]["extension"][0]["valueUri"];
    assert_eq!(*token_url, program.endpoint.as_str());

    // Disabling ends tokens at once, and gives no new ones.
    let disabled = operator(&bench, &["client", "disable", "--id", &program.id]);
    assert_eq!(disabled["disabled"], true);
    let read = bench.http.get(&url).bearer_auth(&token).send().await;
    assert_eq!(read.unwrap().status(), 401);
    let assertion = program.assertion(&program.claims(), json!({"key": "es"}));
    let response = program.send(&bench, &assertion, "system/*.rs").await;
    error(response, 401, "invalid_client").await;
    let listed = operator(&bench, &["client", "list"]);
    assert_eq!(listed[0]["name"], "Laboratory");
    assert_eq!(listed[0]["disabled"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_assertions_that_lie_are_refused() {
    let bench = Bench::start();
    let program = Program::register(&bench, "Laboratory", "system/Patient.rs").await;
    let wanted = "system/Patient.rs";
    let now = Timestamp::now().as_second();
    let calm = || bench.sql("UPDATE sign_in_failure SET failures = 0, blocked_until = NULL");

    // Each passes once.
    let assertion = program.assertion(&program.claims(), json!({"key": "es"}));
    let first = program.send(&bench, &assertion, wanted).await;
    assert_eq!(first.status(), 200);
    let again = program.send(&bench, &assertion, wanted).await;
    error(again, 401, "invalid_client").await;

    let with = |name: &str, value: Value| {
        let mut claims = program.claims();
        claims[name] = value;
        program.assertion(&claims, json!({"key": "es"}))
    };
    let lies = [
        with("aud", bench.url("/fhir/R4").into()),
        with("iss", Uuid::new_v4().to_string().into()),
        with("iss", "laboratory".into()),
        with("sub", "somebody".into()),
        with("exp", (now - 61).into()),
        with("exp", (now + 3_600).into()),
        with("jti", Value::Null),
        // A key that is not the program's, under its own name and under a known one.
        program.assertion(&program.claims(), json!({"key": "strange"})),
        program.assertion(&program.claims(), json!({"key": "strange", "kid": "es"})),
        // A way of signing that SMART does not name.
        program.assertion(&program.claims(), json!({"key": "weak"})),
        "no.token.atall".to_owned(),
    ];
    let count = u32::try_from(lies.len()).unwrap();
    for lie in &lies {
        calm();
        error(
            program.send(&bench, lie, wanted).await,
            401,
            "invalid_client",
        )
        .await;
    }
    assert_eq!(bench.events("sign-in-refused"), count + 1);

    // Forms that are none.
    let good = || program.assertion(&program.claims(), json!({"key": "es"}));
    let (grant, text) = (("grant_type", "client_credentials"), good());
    let assertion = ("client_assertion", text.as_str());
    error(program.post(&bench, &[]).await, 400, "invalid_request").await;
    error(
        program.post(&bench, &[("grant_type", "password")]).await,
        400,
        "unsupported_grant_type",
    )
    .await;
    error(
        program.post(&bench, &[grant, assertion]).await,
        400,
        "invalid_request",
    )
    .await;
    error(
        program.post(&bench, &[grant, grant]).await,
        400,
        "invalid_request",
    )
    .await;
    for nothing in ["system/Observation.rs", "patient/*.rs", ""] {
        error(
            program.send(&bench, &good(), nothing).await,
            400,
            "invalid_scope",
        )
        .await;
    }

    // Whoever fails too often has to wait.
    calm();
    for _ in 0..5 {
        error(
            program.send(&bench, &lies[0], wanted).await,
            401,
            "invalid_client",
        )
        .await;
    }
    let waits = program.send(&bench, &good(), wanted).await;
    assert!(waits.headers().contains_key("retry-after"));
    error(waits, 429, "slow_down").await;

    // The operator is told what cannot be registered.
    let keys = program.folder.path();
    let private = keys.join("es.json");
    let set: Value = serde_json::from_slice(&std::fs::read(&private).unwrap()).unwrap();
    std::fs::write(keys.join("set.json"), json!({ "keys": [set] }).to_string()).unwrap();
    for (file, scopes, words) in [
        ("set.json", wanted, "public keys"),
        ("es.json", wanted, "JSON Web Key Set"),
        ("none.json", wanted, "cannot be read"),
        ("published.json", "user/Patient.rs", "--scopes"),
        ("published.json", "", "--scopes"),
    ] {
        let file = keys.join(file).to_string_lossy().into_owned();
        let arguments = [
            "client", "add", "--name", "Other", "--keys", &file, "--scopes", scopes,
        ];
        let refusal = bench.platform.operator(&arguments, None).unwrap_err();
        assert!(refusal.to_string().contains(words), "{refusal}");
    }
    let taken = keys.join("published.json").to_string_lossy().into_owned();
    let arguments = [
        "client",
        "add",
        "--name",
        "laboratory",
        "--keys",
        &taken,
        "--scopes",
        wanted,
    ];
    assert!(bench.platform.operator(&arguments, None).is_err());
}
