//! The client alone, against the stand-in.

use std::time::Duration;

use axum::http::StatusCode;
use rounds_server::kms::{Context, KeyArn, Kms, KmsError, KmsSettings};
use uuid::Uuid;

use super::service::{ACCESS_KEY, Fault, KEY, OTHER_KEY, SECRET_KEY, Service};

/// Settings as the environment of the stand-in says them, and more.
pub fn settings(service: &Service, more: &[(&str, &str)]) -> KmsSettings {
    let mut settings = KmsSettings::read(&|name: &str| {
        let given = more.iter().find(|(known, _)| *known == name);
        match (given, name) {
            (Some((_, value)), _) => Some((*value).to_owned()),
            (None, "AWS_ENDPOINT_URL_KMS") => Some(service.url.to_string()),
            _ => None,
        }
    })
    .unwrap();
    settings.patience = Duration::from_secs(20);
    settings
}

/// A client with the stand-in's own credentials.
fn client(service: &Service) -> Kms {
    let given = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ];
    Kms::new(settings(service, &given)).unwrap()
}

fn key() -> KeyArn {
    KeyArn::parse(KEY).unwrap()
}

fn context() -> Context {
    Context::new(Uuid::from_u128(1), &[7; 32])
}

#[tokio::test]
async fn v2_kms_opens_what_it_wrapped_for_the_same_context_alone() {
    let service = Service::start();
    let kms = client(&service);
    kms.standing(&key()).await.unwrap();
    let wrapped = kms
        .encrypt(&key(), &context(), b"a data key")
        .await
        .unwrap();
    let opened = kms.decrypt(&key(), &context(), &wrapped).await.unwrap();
    assert_eq!(opened.as_slice(), b"a data key");
    let mut bent = wrapped.clone();
    bent[3] ^= 1;
    let other = KeyArn::parse(OTHER_KEY).unwrap();
    for (key, context, wrapped) in [
        (&key(), Context::new(Uuid::from_u128(2), &[7; 32]), &wrapped),
        (&key(), Context::new(Uuid::from_u128(1), &[8; 32]), &wrapped),
        (&key(), context(), &bent),
        (&other, context(), &wrapped),
    ] {
        let error = kms.decrypt(key, &context, wrapped).await.unwrap_err();
        assert_eq!(error.code(), "kms-ciphertext");
    }
}

#[tokio::test]
async fn v2_what_passes_is_tried_again_and_what_does_not_is_told_at_once() {
    let service = Service::start();
    let kms = client(&service);
    let throttled = |times| {
        let status = StatusCode::BAD_REQUEST;
        Some(Fault::Refuse(times, status, "ThrottlingException"))
    };
    service.fail(throttled(2));
    let wrapped = kms.encrypt(&key(), &context(), b"kept").await.unwrap();
    assert_eq!(service.asked(), ["Encrypt"; 3]);

    let failed = StatusCode::INTERNAL_SERVER_ERROR;
    let refuse = |status, name| Some(Fault::Refuse(u32::MAX, status, name));
    let bad = StatusCode::BAD_REQUEST;
    for (fault, code, tries) in [
        (throttled(u32::MAX), "kms-throttled", 3),
        (refuse(failed, "KMSInternalException"), "kms-failed", 3),
        (refuse(bad, "KeyUnavailableException"), "kms-failed", 3),
        (
            refuse(bad, "ExpiredTokenException"),
            "kms-credentials-stale",
            3,
        ),
        (refuse(bad, "AccessDeniedException"), "kms-denied", 1),
        (refuse(bad, "DisabledException"), "kms-key-disabled", 1),
        (
            refuse(bad, "KMSInvalidStateException"),
            "kms-key-disabled",
            1,
        ),
        (
            refuse(bad, "com.amazonaws.kms#NotFoundException"),
            "kms-key-missing",
            1,
        ),
        (refuse(bad, "SomethingNew"), "kms-refused", 1),
    ] {
        service.fail(fault);
        let error = kms.decrypt(&key(), &context(), &wrapped).await.unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(service.asked().len(), tries, "{code}");
    }
    service.fail(None);
    for state in ["Disabled", "PendingDeletion"] {
        service.set_key(KEY, state);
        let error = kms.standing(&key()).await.unwrap_err();
        assert!(matches!(error, KmsError::Disabled(_)) && error.is_order());
        // It says which key, and what to do.
        assert!(error.to_string().contains(KEY) && error.to_string().contains("enable"));
    }
    service.set_key(KEY, "Withdrawn");
    let error = kms.standing(&key()).await.unwrap_err();
    assert!(error.to_string().contains("kms:Decrypt") && error.is_order());
}

#[tokio::test]
async fn v2_a_silent_kms_is_not_waited_for_without_end() {
    let service = Service::start();
    let given = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ];
    let mut brief = settings(&service, &given);
    brief.patience = Duration::from_millis(100);
    service.fail(Some(Fault::Sleep(Duration::from_secs(600))));
    let kms = Kms::new(brief.clone()).unwrap();
    let error = kms.standing(&key()).await.unwrap_err();
    assert_eq!((error.code(), error.is_order()), ("kms-slow", false));
    drop(service);
    // Nobody listens there any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    brief.endpoint = Some(format!("http://{address}").parse().unwrap());
    brief.patience = Duration::from_secs(20);
    let error = Kms::new(brief).unwrap().standing(&key()).await.unwrap_err();
    assert_eq!((error.code(), error.is_order()), ("kms-unreachable", false));
}

#[tokio::test]
async fn v2_a_wrong_secret_or_none_is_told_apart() {
    let service = Service::start();
    let wrong = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", "another"),
    ];
    let kms = Kms::new(settings(&service, &wrong)).unwrap();
    let error = kms.standing(&key()).await.unwrap_err();
    assert_eq!(error.code(), "kms-signature");
    let none = [("AWS_EC2_METADATA_DISABLED", "true")];
    let kms = Kms::new(settings(&service, &none)).unwrap();
    let error = kms.standing(&key()).await.unwrap_err();
    assert_eq!(error.code(), "kms-no-credentials");
}

#[tokio::test]
async fn v2_credentials_of_containers_and_machines_are_renewed_before_they_expire() {
    let service = Service::start();
    let container = service.url.join("container").unwrap();
    let machine = service.url.to_string();
    for source in [
        vec![
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "agent-token"),
        ],
        vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.as_str())],
    ] {
        service.hand_out(60);
        service.asked();
        let kms = Kms::new(settings(&service, &source)).unwrap();
        kms.standing(&key()).await.unwrap();
        kms.standing(&key()).await.unwrap();
        let asked = service.asked();
        assert!(asked[0].starts_with("credentials "), "{asked:?}");
        assert_eq!(asked[1..], ["DescribeKey"; 2], "remembered");
        // Withdrawn before their time: fetched once more, and asked again.
        service.hand_out(4);
        kms.standing(&key()).await.unwrap();
        let asked = service.asked();
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert!(asked[1].starts_with("credentials "));
        // These expire within five minutes.
        kms.standing(&key()).await.unwrap();
        assert!(service.asked()[0].starts_with("credentials "));
    }
}
