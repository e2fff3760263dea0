//! Getting in, and being kept out.

use jiff::{SignedDuration, Timestamp};
use protocol::dpop;
use protocol::path;
use reqwest::Method;
use serde_json::Value;

use crate::support::{Bench, Device, Session, code, code_at, granted, refused};

#[tokio::test(flavor = "multi_thread")]
async fn p5_sign_in() {
    let mut bench = Bench::start();
    enrolment_needs_password_and_code(&mut bench).await;
    a_code_is_taken_once(&mut bench).await;
    unknown_names_and_wrong_passwords_look_alike(&mut bench).await;
    a_device_that_is_not_enrolled_is_told_so(&mut bench).await;
    proofs_and_tokens_belong_together(&mut bench).await;
    an_expired_token_is_refused(&mut bench).await;
    signing_out_and_disabling_end_sessions_at_once(&mut bench).await;
    guessing_blocks_the_guesser_alone(&mut bench).await;
    a_bearer_token_needs_no_proof(&mut bench).await;
    every_answer_is_guarded(&mut bench).await;
}

async fn enrolment_needs_password_and_code(bench: &mut Bench) {
    let user = bench.user("Ann", "clinician");
    let device = Device::new();
    let wrong = bench
        .try_enrol(&device, &user, "not-the-password", &code(&user))
        .await;
    refused(wrong, 401, "credentials-wrong").await;
    let wrong = bench
        .try_enrol(&device, &user, &user.password, "000000")
        .await;
    refused(wrong, 401, "credentials-wrong").await;

    // Names are compared without regard to case.
    let grant = bench.enrol(&device, &user).await.grant;
    assert_eq!(grant.user.username, "ann");
    assert_eq!(grant.organisation.time_zone, "America/New_York");
    assert!(grant.expires_at > Timestamp::now());
    assert_eq!(bench.events("enrolled"), 1);
    assert_eq!(bench.events("sign-in-refused"), 2);

    // Signing in on the enrolled device needs the password alone, and ends the session before.
    let first = device.session(grant);
    let again = bench.try_sign_in(&device, "ANN", &user.password).await;
    let second = device.session(granted(again).await);
    refused(first.get(bench, path::SYNC).await, 401, "session-ended").await;
    assert!(second.get(bench, path::SYNC).await.status().is_success());

    // Another device cannot take this one's id.
    let thief = Device {
        id: device.id,
        ..Device::new()
    };
    let later = code_at(&user, Timestamp::now() + SignedDuration::from_secs(30));
    let response = bench.try_enrol(&thief, &user, &user.password, &later).await;
    refused(response, 401, "device-unknown").await;
}

async fn a_code_is_taken_once(bench: &mut Bench) {
    let user = bench.user("totp", "nurse");
    let code = code(&user);
    let first = bench
        .try_enrol(&Device::new(), &user, &user.password, &code)
        .await;
    assert!(first.status().is_success());
    let second = bench
        .try_enrol(&Device::new(), &user, &user.password, &code)
        .await;
    refused(second, 401, "credentials-wrong").await;
}

async fn unknown_names_and_wrong_passwords_look_alike(bench: &mut Bench) {
    let user = bench.user("known", "nurse");
    let device = Device::new();
    bench.enrol(&device, &user).await;
    let wrong = bench.try_sign_in(&device, "known", "wrong-password").await;
    let wrong = refused(wrong, 401, "credentials-wrong").await;
    let unknown = bench
        .try_sign_in(&device, "nobody-here", "wrong-password")
        .await;
    assert_eq!(refused(unknown, 401, "credentials-wrong").await, wrong);
}

async fn a_device_that_is_not_enrolled_is_told_so(bench: &mut Bench) {
    let user = bench.user("elsewhere", "nurse");
    let response = bench
        .try_sign_in(&Device::new(), "elsewhere", &user.password)
        .await;
    refused(response, 401, "device-unknown").await;
}

async fn proofs_and_tokens_belong_together(bench: &mut Bench) {
    let session = bench.workstation("proofs", "clinician").await;
    let url = bench.url(path::SYNC);
    let token = session.token.as_str();
    let now = Timestamp::now();
    let send = async |scheme: &str, proof: Option<String>| {
        let request = bench
            .http
            .get(&url)
            .header("authorization", format!("{scheme} {token}"));
        match proof {
            Some(proof) => request.header(dpop::HEADER, proof).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    };
    let proof = |device: &Device, method, url: &str, token, now| {
        Some(device.proof(&method, url, token, now))
    };
    let own = &session.device;
    let before = bench.events("proof-refused");

    // Stolen: another device's key, no proof at all, or passed off as a bearer token.
    let stolen = proof(&Device::new(), Method::GET, &url, Some(token), now);
    refused(send("DPoP", stolen).await, 401, "proof-wrong").await;
    refused(send("DPoP", None).await, 401, "proof-wrong").await;
    refused(send("Bearer", None).await, 401, "proof-wrong").await;
    // For another method, address, token, or time.
    let other = proof(own, Method::POST, &url, Some(token), now);
    refused(send("DPoP", other).await, 401, "proof-wrong").await;
    let other = proof(own, Method::GET, &bench.url(path::AUDIT), Some(token), now);
    refused(send("DPoP", other).await, 401, "proof-wrong").await;
    let other = proof(own, Method::GET, &url, Some("other"), now);
    refused(send("DPoP", other).await, 401, "proof-wrong").await;
    for minutes in [-5, 5] {
        let time = now + SignedDuration::from_mins(minutes);
        let other = proof(own, Method::GET, &url, Some(token), time);
        refused(send("DPoP", other).await, 401, "proof-wrong").await;
    }
    // A clock that is off by half a minute is fine. A proof passes once.
    let late = proof(
        own,
        Method::GET,
        &url,
        Some(token),
        now - SignedDuration::from_secs(30),
    );
    assert!(send("DPoP", late.clone()).await.status().is_success());
    refused(send("DPoP", late).await, 401, "proof-wrong").await;
    assert_eq!(bench.events("proof-refused"), before + 9);
    // However often: one thing to look at for the security officer.
    let reviews = "SELECT count(*) FROM review_item WHERE kind = 'proof-refused'";
    assert_eq!(bench.sql(reviews), "1");
    // Unknown tokens are refused without a trace in the audit: there is nobody to name.
    let unknown = bench.http.get(&url).header("authorization", "DPoP unknown");
    refused(unknown.send().await.unwrap(), 401, "session-ended").await;
    refused(
        bench.http.get(&url).send().await.unwrap(),
        401,
        "session-ended",
    )
    .await;
    assert_eq!(bench.events("proof-refused"), before + 9);
}

async fn an_expired_token_is_refused(bench: &mut Bench) {
    let session = bench.workstation("expired", "clinician").await;
    assert!(session.get(bench, path::SYNC).await.status().is_success());
    bench.sql(&format!(
        "UPDATE session SET expires_at = now() - interval '1 second' WHERE account = '{}'",
        session.grant.user.id
    ));
    let response = session.get(bench, path::SYNC).await;
    assert!(
        response
            .headers()
            .get_all("www-authenticate")
            .iter()
            .count()
            >= 1
    );
    refused(response, 401, "session-ended").await;
    // FHIR clients hear it in FHIR.
    let response = session.get(bench, "/fhir/R4/Patient").await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["content-type"], "application/fhir+json");
    let outcome: Value = response.json().await.unwrap();
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    assert_eq!(outcome["issue"][0]["code"], "login");
}

async fn signing_out_and_disabling_end_sessions_at_once(bench: &mut Bench) {
    let session = bench.workstation("leaver", "clinician").await;
    let out = session
        .request(bench, Method::POST, path::SIGN_OUT)
        .send()
        .await
        .unwrap();
    assert_eq!(out.status(), 204);
    refused(session.get(bench, path::SYNC).await, 401, "session-ended").await;

    let user = bench
        .platform
        .users()
        .iter()
        .find(|user| user.username == "leaver")
        .unwrap();
    let user = user.clone();
    let sign_in = async |bench: &Bench| -> Session {
        let response = bench
            .try_sign_in(&session.device, "leaver", &user.password)
            .await;
        session.device.session(granted(response).await)
    };
    let session_two = sign_in(bench).await;
    let operator = |command: &str| {
        let arguments = ["user", command, "--username", "leaver"];
        bench
            .platform
            .operator(&arguments, None)
            .unwrap_or_else(|error| panic!("{error}"))
    };
    assert!(operator("end-sessions").contains("\"sessions_ended\":1"));
    refused(
        session_two.get(bench, path::SYNC).await,
        401,
        "session-ended",
    )
    .await;

    let session_three = sign_in(bench).await;
    operator("disable");
    refused(
        session_three.get(bench, path::SYNC).await,
        401,
        "session-ended",
    )
    .await;
    let response = bench
        .try_sign_in(&session.device, "leaver", &user.password)
        .await;
    refused(response, 403, "account-disabled").await;
    // Only who knows the password learns that the account is disabled.
    let response = bench
        .try_sign_in(&session.device, "leaver", "wrong-password")
        .await;
    refused(response, 401, "credentials-wrong").await;

    // A reset gives new credentials, enables again and lets the old ones go.
    let arguments = ["user", "reset", "--username", "leaver", "--password-stdin"];
    let printed = bench
        .platform
        .operator(&arguments, Some("another-long-secret\n"));
    let printed: Value = serde_json::from_str(&printed.unwrap()).unwrap();
    let reset = testbed::UserRecord {
        password: "another-long-secret".to_owned(),
        totp_secret: printed["totp_secret"].as_str().unwrap().to_owned(),
        ..user.clone()
    };
    assert_ne!(reset.totp_secret, user.totp_secret);
    let response = bench
        .try_sign_in(&session.device, "leaver", &user.password)
        .await;
    refused(response, 401, "credentials-wrong").await;
    bench.enrol(&Device::new(), &reset).await;
}

async fn guessing_blocks_the_guesser_alone(bench: &mut Bench) {
    let user = bench.user("target", "clinician");
    let (own, others) = (Device::new(), Device::new());
    bench.enrol(&own, &user).await;
    let guesser = bench.user("guesser", "front-desk");
    bench.enrol(&others, &guesser).await;
    for _ in 0..5 {
        let guess = bench.try_sign_in(&others, "target", "a-wrong-guess").await;
        refused(guess, 401, "credentials-wrong").await;
    }
    let blocked = bench.try_sign_in(&others, "target", &user.password).await;
    assert!(blocked.headers().contains_key("retry-after"));
    let problem = refused(blocked, 429, "too-many-attempts").await;
    assert!(
        problem
            .retry_after
            .is_some_and(|seconds| (1..=31).contains(&seconds))
    );
    // The guesser's own account works there, and the target's on its own device.
    let response = bench
        .try_sign_in(&others, "guesser", &guesser.password)
        .await;
    assert!(response.status().is_success());
    let response = bench.try_sign_in(&own, "target", &user.password).await;
    assert!(response.status().is_success());
    // The wait passes.
    bench.sql("UPDATE sign_in_failure SET blocked_until = now() - interval '1 second'");
    let again = bench.try_sign_in(&others, "target", &user.password).await;
    refused(again, 401, "device-unknown").await;
}

async fn a_bearer_token_needs_no_proof(bench: &mut Bench) {
    let token = bench
        .platform
        .token()
        .unwrap_or_else(|error| panic!("{error}"));
    let get = |path: &str| bench.http.get(bench.url(path)).bearer_auth(&token);
    let response = get("/fhir/R4/Patient?_count=1").send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    let response = bench
        .http
        .post(bench.url(path::AUDIT))
        .bearer_auth(&token)
        .body("{\"links\":[]}")
        .send()
        .await
        .unwrap();
    refused(response, 403, "forbidden").await;
}

async fn every_answer_is_guarded(bench: &mut Bench) {
    let response = bench.http.get(bench.url(path::READY)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(response.headers()[header], value);
    }
    assert!(response.headers().contains_key("x-request-id"));
    let nowhere = bench.http.get(bench.url("/nowhere")).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);

    let session = bench.workstation("bodies", "clinician").await;
    let send = async |body: Vec<u8>| {
        session
            .request(bench, Method::POST, path::UPLOAD)
            .body(body)
            .send()
            .await
            .unwrap()
    };
    refused(send(b"{\"entries\": [".to_vec()).await, 400, "malformed").await;
    refused(send(vec![b' '; 20 * 1024 * 1024]).await, 413, "too-large").await;
    // The log tells none of it: no names, no queries.
    let log = std::fs::read_to_string(bench.platform.log()).unwrap();
    assert!(log.contains("/rounds/v1/upload"));
    for secret in ["quiet-harbour", "cursor=", "limit=", session.token.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    // TLS 1.2 is refused.
    let ca = std::fs::read(bench.platform.ca()).unwrap();
    let old = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .tls_version_max(reqwest::tls::Version::TLS_1_2)
        .build()
        .unwrap();
    assert!(old.get(bench.url(path::READY)).send().await.is_err());
}
