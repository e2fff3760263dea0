//! Getting in with the organisation's identity provider: a real one, and one that lies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::path;
use protocol::secret::Secret;
use protocol::sign_in::SessionGrant;
use protocol::single_sign_on::{BeginRequest, Begun, FinishRequest};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testbed::{Platform, PlatformOptions};
use url::Url;

use crate::node::{self, Program};
use crate::support::{Bench, Device, granted, refused};

const CLIENT: &str = "rounds clinic";
const SECRET: &str = "hush: 100% quiet";

/// A platform beside a provider that both trust.
fn bench(script: &str) -> (Bench, Program) {
    let mut program = None;
    let bench = Bench::after(PlatformOptions::quick(), |platform: &mut Platform| {
        let secrets = [("CLIENT_ID", CLIENT), ("CLIENT_SECRET", SECRET)];
        let started = node::listening(platform, script, &secrets);
        let issuer = format!("https://localhost:{}", started.port);
        let ca = platform.ca().to_string_lossy().into_owned();
        for (name, value) in [
            ("ROUNDS_OIDC_ISSUER", issuer.as_str()),
            ("ROUNDS_OIDC_CLIENT_ID", CLIENT),
            ("ROUNDS_OIDC_CLIENT_SECRET", SECRET),
            ("ROUNDS_OIDC_CA", &ca),
        ] {
            platform.set_environment(name, value);
        }
        program = Some(started);
    });
    (bench, program.unwrap())
}

async fn try_begin(bench: &Bench, device: &Device) -> Response {
    let request = device.request(bench, Method::POST, path::OIDC_BEGIN, None);
    request
        .json(&BeginRequest { port: 43_210 })
        .send()
        .await
        .unwrap()
}

async fn begin(bench: &Bench, device: &Device) -> Begun {
    granted(try_begin(bench, device).await).await
}

async fn finish(bench: &Bench, device: &Device, back: &Back) -> Response {
    let request = device.request(bench, Method::POST, path::OIDC_FINISH, None);
    let body = FinishRequest {
        state: Secret::new(back.state.clone()),
        code: Secret::new(back.code.clone()),
        iss: back.iss.clone(),
    };
    request.json(&body).send().await.unwrap()
}

/// What the browser brings back to the loopback port.
#[derive(Clone)]
struct Back {
    state: String,
    code: String,
    iss: Option<String>,
}

/// A browser: cookies by path, no scripts. Somebody signs in as `login` and agrees.
async fn browse(bench: &Bench, start: &str, login: &str) -> Back {
    let ca = std::fs::read(bench.platform.ca()).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let mut cookies: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut url = Url::parse(start).unwrap();
    let mut form: Option<String> = None;
    for _ in 0..12 {
        if url.scheme() == "http" {
            let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
            assert_eq!(url.host_str(), Some("127.0.0.1"));
            assert_eq!(
                (url.port(), url.path()),
                (Some(43_210), "/rounds/signed-in")
            );
            return Back {
                state: pairs["state"].clone(),
                code: pairs["code"].clone(),
                iss: pairs.get("iss").cloned(),
            };
        }
        let sent: Vec<String> = cookies
            .iter()
            .filter(|((_, path), _)| url.path().starts_with(path.as_str()))
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let request = match form.take() {
            Some(form) => http
                .post(url.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
            None => http.get(url.clone()),
        };
        let response = request.header("cookie", sent.join("; ")).send().await;
        let response = response.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let mut parts = cookie.to_str().unwrap().split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.find_map(|part| part.strip_prefix("path=")).unwrap();
            cookies.insert((name.to_owned(), path.to_owned()), value.to_owned());
        }
        if let Some(location) = response.headers().get("location") {
            url = url.join(location.to_str().unwrap()).unwrap();
            continue;
        }
        let status = response.status();
        let page = response.text().await.unwrap();
        form = Some(if page.contains("value=\"login\"") {
            format!("prompt=login&login={login}&password=x")
        } else {
            assert!(page.contains("value=\"consent\""), "{status}: {page}");
            "prompt=consent".to_owned()
        });
    }
    panic!("the provider never sent the browser back");
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_single_sign_on_with_a_real_provider() {
    let (mut bench, _provider) = bench("provider.mjs");
    let user = bench.user("ann", "clinician");
    let device = Device::new();
    refused(try_begin(&bench, &device).await, 401, "device-unknown").await;
    bench.enrol(&device, &user).await;

    let begun = begin(&bench, &device).await;
    let back = browse(&bench, &begun.url, "ann").await;
    assert_eq!(back.state, begun.state.expose());
    assert!(back.iss.is_some());
    let grant: SessionGrant = granted(finish(&bench, &device, &back).await).await;
    assert_eq!(grant.user.username, "ann");
    // It is the session that a password begins: it works, and ends like one.
    let session = device.session(grant);
    assert!(session.get(&bench, path::SYNC).await.status().is_success());
    let said = "SELECT count(*) FROM audit_event WHERE action = 'signed-in' AND success";
    assert_eq!(bench.sql(said), "1");

    // State and code are taken once.
    refused(finish(&bench, &device, &back).await, 401, "sign-in-ended").await;
    // Another device cannot finish what this one began, nor can this one with a state of its own
    // making; either way it is over.
    let other = Device::new();
    let colleague = bench.user("ben", "nurse");
    bench.enrol(&other, &colleague).await;
    let begun = begin(&bench, &device).await;
    let back = browse(&bench, &begun.url, "ann").await;
    refused(finish(&bench, &other, &back).await, 401, "sign-in-ended").await;
    let invented = Back {
        state: "invented".to_owned(),
        ..back.clone()
    };
    refused(
        finish(&bench, &device, &invented).await,
        401,
        "sign-in-ended",
    )
    .await;
    // Beginning again ends what was begun.
    begin(&bench, &device).await;
    refused(finish(&bench, &device, &back).await, 401, "sign-in-ended").await;

    // A code of another sign-in is refused by the provider: its challenge is another one.
    let first = begin(&bench, &other).await;
    let first = browse(&bench, &first.url, "ben").await;
    let second = begin(&bench, &other).await;
    let mixed = Back {
        state: second.state.expose().to_owned(),
        ..first
    };
    refused(finish(&bench, &other, &mixed).await, 401, "code-refused").await;
    // Somebody of whom the clinic knows nothing; somebody who is not enrolled on this device.
    for (login, status, code) in [
        ("stranger", 403, "subject-unknown"),
        ("ben", 401, "device-unknown"),
    ] {
        let begun = begin(&bench, &device).await;
        let back = browse(&bench, &begun.url, login).await;
        refused(finish(&bench, &device, &back).await, status, code).await;
    }
    // A redirect that names another issuer, or none though the provider says it does.
    let begun = begin(&bench, &other).await;
    let mut back = browse(&bench, &begun.url, "ben").await;
    back.iss = None;
    refused(finish(&bench, &other, &back).await, 401, "token-issuer").await;

    // Whoever is disabled is refused at once, however good the provider finds them.
    let arguments = ["user", "disable", "--username", "ann"];
    bench.platform.operator(&arguments, None).unwrap();
    refused(session.get(&bench, path::SYNC).await, 401, "session-ended").await;
    bench.sql("UPDATE sign_in_failure SET failures = 0, blocked_until = NULL");
    let begun = begin(&bench, &device).await;
    let back = browse(&bench, &begun.url, "ann").await;
    refused(
        finish(&bench, &device, &back).await,
        403,
        "account-disabled",
    )
    .await;
    // Each refusal is in the audit.
    assert_eq!(bench.events("sign-in-refused"), 9);
    // Neither log nor database holds what was exchanged.
    let log = std::fs::read_to_string(bench.platform.log()).unwrap();
    for secret in [back.code.as_str(), back.state.as_str(), SECRET] {
        assert!(!log.contains(secret));
    }
    assert_eq!(bench.sql("SELECT count(*) FROM oidc_sign_in"), "0");
}

/// Tells the crooked provider what its next token is, and gives what then comes of a sign-in.
struct Crooked<'a> {
    bench: &'a Bench,
    provider: &'a Program,
    device: &'a Device,
}

impl Crooked<'_> {
    async fn ask(&self, path: &str, body: Value) -> Value {
        let url = format!("https://localhost:{}{path}", self.provider.port);
        let response = self.bench.http.post(url).json(&body).send().await.unwrap();
        response.json().await.unwrap()
    }

    async fn sign_in(&self, change: impl FnOnce(&mut Value)) -> Response {
        let begun = begin(self.bench, self.device).await;
        let url = Url::parse(&begun.url).unwrap();
        let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(pairs["code_challenge_method"], "S256");
        assert_eq!(pairs["client_id"], CLIENT);
        assert_eq!(pairs["scope"], "openid profile");
        let now = Timestamp::now().as_second();
        let mut next = json!({"key": "es", "claims": {
            "iss": format!("https://localhost:{}", self.provider.port), "sub": "1",
            "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": pairs["nonce"],
            "preferred_username": "ann",
        }});
        change(&mut next);
        self.ask("/next", next).await;
        let back = Back {
            state: begun.state.expose().to_owned(),
            code: "code".to_owned(),
            iss: None,
        };
        finish(self.bench, self.device, &back).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_tokens_that_lie_are_refused() {
    let (mut bench, provider) = bench("crooked.mjs");
    let user = bench.user("ann", "clinician");
    let device = Device::new();
    bench.enrol(&device, &user).await;
    bench.platform.token().unwrap();
    let crooked = Crooked {
        bench: &bench,
        provider: &provider,
        device: &device,
    };
    let fine = crooked.sign_in(|_| {}).await;
    granted::<SessionGrant>(fine).await;
    let fine = crooked.sign_in(|next| next["key"] = "rs".into()).await;
    granted::<SessionGrant>(fine).await;

    type Change = fn(&mut Value);
    let lies: [(&str, Change); 12] = [
        ("token-algorithm", |next| next["key"] = "none".into()),
        ("token-algorithm", |next| next["key"] = "shared".into()),
        // A stranger's key, under its own name and under a known one.
        ("token-signature", |next| next["key"] = "strange".into()),
        ("token-signature", |next| {
            next["key"] = "strange".into();
            next["kid"] = "es".into();
        }),
        ("token-issuer", |next| {
            next["claims"]["iss"] = "https://elsewhere.example".into();
        }),
        ("token-audience", |next| {
            next["claims"]["aud"] = "other".into()
        }),
        ("token-audience", |next| {
            next["claims"]["aud"] = json!([CLIENT, "other"]);
        }),
        ("token-expired", |next| {
            let now = Timestamp::now().as_second();
            next["claims"]["exp"] = (now - 61).into();
        }),
        ("token-expired", |next| {
            let now = Timestamp::now().as_second();
            next["claims"]["iat"] = (now + 120).into();
        }),
        ("token-nonce", |next| {
            next["claims"]["nonce"] = "of another".into()
        }),
        ("token-malformed", |next| {
            next["claims"]["preferred_username"] = Value::Null;
        }),
        ("code-refused", |next| {
            next["answer"] = json!({"error": "invalid_grant"});
        }),
    ];
    for (code, lie) in lies {
        bench.sql("UPDATE sign_in_failure SET failures = 0, blocked_until = NULL");
        refused(crooked.sign_in(lie).await, 401, code).await;
    }
    assert_eq!(bench.events("sign-in-refused"), 12);
    // Names of programs open nothing.
    let program = crooked
        .sign_in(|next| next["claims"]["preferred_username"] = "program:development".into())
        .await;
    refused(program, 403, "subject-unknown").await;

    // A provider that says no for its own reasons is no fault of who tries, and no session.
    let broken = crooked
        .sign_in(|next| next["answer"] = json!({"error": "invalid_client"}))
        .await;
    refused(broken, 503, "provider-unavailable").await;

    // Failures are counted: the sixth in a row has to wait, and a password goes on.
    bench.sql("UPDATE sign_in_failure SET failures = 0, blocked_until = NULL");
    for _ in 0..5 {
        let refusal = crooked.sign_in(|next| next["key"] = "none".into()).await;
        refused(refusal, 401, "token-algorithm").await;
    }
    refused(try_begin(&bench, &device).await, 429, "too-many-attempts").await;
    let by_password = bench.try_sign_in(&device, "ann", &user.password).await;
    assert!(by_password.status().is_success());
    bench.sql("UPDATE sign_in_failure SET blocked_until = now() - interval '1 second'");
    granted::<SessionGrant>(crooked.sign_in(|_| {}).await).await;

    // What was begun ends by itself.
    let begun = begin(&bench, &device).await;
    bench.sql("UPDATE oidc_sign_in SET expires_at = now() - interval '1 second'");
    let late = Back {
        state: begun.state.expose().to_owned(),
        code: "code".to_owned(),
        iss: None,
    };
    let before = crooked.ask("/asked", Value::Null).await;
    refused(finish(&bench, &device, &late).await, 401, "sign-in-ended").await;
    // The provider was not asked for a state that is nobody's.
    assert_eq!(crooked.ask("/asked", Value::Null).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_without_a_provider_single_sign_on_is_off() {
    let mut bench = Bench::start();
    let user = bench.user("ann", "clinician");
    let device = Device::new();
    bench.enrol(&device, &user).await;
    refused(try_begin(&bench, &device).await, 404, "single-sign-on-off").await;
}
