//! Getting in with the organisation's identity provider: a real one, and one that lies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::path;
use protocol::secret::Secret;
use protocol::sign_in::SessionGrant;
use protocol::single_sign_on::{BeginRequest, Begun, EnrolByCode, FinishRequest, Ways};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use testbed::{Platform, PlatformOptions};
use url::Url;

use crate::browser;
use crate::node::{self, Program};
use crate::support::{Bench, Device, code, granted, refused};

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

/// Somebody signs in as `login` and agrees.
async fn browse(bench: &Bench, start: &str, login: &str) -> Back {
    let url = browser::browse(bench.platform.ca(), start, login).await;
    assert_eq!(
        (url.port(), url.path()),
        (Some(43_210), "/rounds/signed-in")
    );
    let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    Back {
        state: pairs["state"].clone(),
        code: pairs["code"].clone(),
        iss: pairs.get("iss").cloned(),
    }
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

async fn enrol_by_code(bench: &Bench, device: &Device, username: &str, code: &str) -> Response {
    let request = device.request(bench, Method::POST, path::OIDC_ENROL, None);
    let body = EnrolByCode {
        username: username.to_owned(),
        totp: Secret::new(code.to_owned()),
        device: device.card(),
    };
    request.json(&body).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_code_alone_enrols_only_until_the_provider_has_spoken() {
    let (mut bench, _provider) = bench("provider.mjs");
    let ways: Ways = granted(
        bench
            .http
            .get(bench.url(path::SIGN_IN_WAYS))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert!(ways.single_sign_on);
    let (ann, ben) = (bench.user("ann", "clinician"), bench.user("ben", "nurse"));
    let device = Device::new();
    for (name, digits) in [("ann", "000000"), ("nobody", &code(&ann))] {
        let response = enrol_by_code(&bench, &device, name, digits).await;
        refused(response, 401, "credentials-wrong").await;
    }
    assert_eq!(bench.events("sign-in-refused"), 2);
    let digits = code(&ann);
    let response = enrol_by_code(&bench, &device, "Ann", &digits).await;
    assert_eq!(response.status(), 204, "{:?}", response.text().await);
    // It is no session, and the code is used up.
    let response = enrol_by_code(&bench, &Device::new(), "ann", &digits).await;
    refused(response, 401, "credentials-wrong").await;
    let unproved = "SELECT count(*) FROM enrolment WHERE unproved_until IS NOT NULL";
    assert_eq!(bench.sql(unproved), "1");
    let begun = begin(&bench, &device).await;
    let back = browse(&bench, &begun.url, "ann").await;
    let grant: SessionGrant = granted(finish(&bench, &device, &back).await).await;
    let session = device.session(grant);
    assert!(session.get(&bench, path::SYNC).await.status().is_success());
    assert_eq!(bench.sql(unproved), "0", "it counts for good");
    assert_eq!(
        (bench.events("enrolled"), bench.events("signed-in")),
        (1, 1)
    );

    // Nobody signs in in time: the device is as unknown as before, for the provider's word and
    // for the password.
    let late = Device::new();
    let response = enrol_by_code(&bench, &late, "ben", &code(&ben)).await;
    assert_eq!(response.status(), 204);
    let begun = begin(&bench, &late).await;
    let back = browse(&bench, &begun.url, "ben").await;
    bench.sql(
        "UPDATE enrolment SET unproved_until = now() - interval '1 second' \
               WHERE unproved_until IS NOT NULL",
    );
    refused(finish(&bench, &late, &back).await, 401, "device-unknown").await;
    let response = bench.try_sign_in(&late, "ben", &ben.password).await;
    refused(response, 401, "device-unknown").await;
    // A code with the password is a whole enrolment, and a later code alone takes nothing away.
    bench.sql("UPDATE account SET totp_step = 0");
    bench.enrol(&late, &ben).await;
    assert_eq!(bench.sql(unproved), "0");
    bench.sql("UPDATE account SET totp_step = 0");
    let response = enrol_by_code(&bench, &late, "ben", &code(&ben)).await;
    assert_eq!(response.status(), 204);
    assert_eq!(bench.sql(unproved), "0");
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
    let asked = bench.http.get(bench.url(path::SIGN_IN_WAYS)).send().await;
    let ways: Ways = granted(asked.unwrap()).await;
    assert!(!ways.single_sign_on);
    let response = enrol_by_code(&bench, &Device::new(), "ann", &code(&user)).await;
    refused(response, 404, "single-sign-on-off").await;
}
