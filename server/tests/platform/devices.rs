//! What the server says to devices: leases, and orders to wipe themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use ledger::checkpoint::VerifierKey;
use protocol::device::{
    EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeOrder, WipeReceipt,
};
use protocol::path;
use protocol::statement::{Lease, LeaseGrant, Signed};
use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use vault::recovery::{self, RecoveryPublic};

use crate::support::{Bench, Device, Session, code, code_at, granted, refused};

impl Bench {
    pub fn operated(&self, arguments: &[&str]) -> Value {
        let printed = self.platform.operator(arguments, None);
        let printed = printed.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&printed).unwrap()
    }
}

fn read(session: &Session, signed: &Signed) -> Lease {
    let key = VerifierKey::parse(&session.grant.organisation.ledger_key).unwrap();
    signed.open(key.key()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_a_lease_comes_with_each_sign_in_and_each_contact() {
    let mut bench = Bench::start();
    let user = bench.user("ada", "nurse");
    let session = bench.enrol(&Device::new(), &user).await;
    let first = read(&session, session.grant.lease.as_ref().unwrap());
    assert_eq!(
        (first.device, first.user, first.tenant),
        (
            session.device.id,
            session.grant.user.id,
            session.grant.organisation.tenant
        )
    );
    assert_eq!(first.server, bench.base);
    let length = |lease: &Lease| lease.until.duration_since(lease.issued_at);
    assert_eq!(length(&first), SignedDuration::from_hours(72));
    let age = Timestamp::now().duration_since(first.issued_at);
    assert!(age.abs() < SignedDuration::from_secs(60), "{age}");

    let changed = bench.operated(&["policy", "--lease-hours", "4"]);
    assert_eq!(changed["lease_hours"], 4);
    assert_eq!(bench.events("policy-changed"), 1);
    let ask = || session.request(&bench, Method::POST, path::LEASE);
    let next: LeaseGrant = granted(ask().send().await.unwrap()).await;
    let next = read(&session, &next.lease);
    assert_eq!(length(&next), SignedDuration::from_hours(4));
    assert!(next.issued_at >= first.issued_at);
    let again = bench
        .try_sign_in(&session.device, "ada", &user.password)
        .await;
    let again = session.device.session(granted(again).await);
    let third = read(&again, again.grant.lease.as_ref().unwrap());
    assert_eq!(length(&third), SignedDuration::from_hours(4));

    // No session, no lease; nor for a program, which is always on line.
    refused(ask().send().await.unwrap(), 401, "session-ended").await;
    bench.operated(&["user", "disable", "--username", "ada"]);
    let ended = again.request(&bench, Method::POST, path::LEASE);
    refused(ended.send().await.unwrap(), 401, "session-ended").await;
    let token = bench.platform.token().unwrap();
    let program = bench.http.post(bench.url(path::LEASE)).bearer_auth(token);
    refused(program.send().await.unwrap(), 403, "forbidden").await;
}

impl Device {
    /// With the key alone, as after the session has ended.
    async fn says(&self, bench: &Bench, path: &str, body: &impl Serialize) -> Response {
        let request = self.request(bench, Method::POST, path, None).json(body);
        request.send().await.unwrap()
    }

    async fn orders(&self, bench: &Bench, nonce: Uuid) -> Orders {
        let request = OrdersRequest { nonce };
        granted(self.says(bench, path::ORDERS, &request).await).await
    }
}

fn listed(bench: &Bench, device: Uuid) -> Value {
    let list = bench.operated(&["device", "list"]);
    let mut all = list.as_array().unwrap().iter();
    all.find(|one| one["device"] == json!(device))
        .unwrap()
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_revoked_device_is_told_to_wipe_saves_its_work_and_says_so() {
    let mut bench = Bench::start();
    let user = bench.user("ada", "nurse");
    let session = bench.enrol(&Device::new(), &user).await;
    let device = &session.device;
    let other = bench.workstation("bob", "nurse").await;
    let nonce = Uuid::from_u128(77);
    assert_eq!(device.orders(&bench, nonce).await.wipe, None);
    assert_eq!(listed(&bench, device.id)["users"], json!(["ada"]));

    let id = device.id.to_string();
    let arguments = [
        "device", "revoke", "--device", &id, "--wipe", "--reason", "stolen",
    ];
    let revoked = bench.operated(&arguments);
    assert_eq!(
        (&revoked["wipe_order"], &revoked["sessions_ended"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(bench.operated(&arguments)["wipe_order"], 1, "one at a time");
    refused(session.get(&bench, path::SYNC).await, 401, "session-ended").await;
    let answer = bench.try_sign_in(device, "ada", &user.password).await;
    refused(answer, 401, "device-unknown").await;

    // It is signed, for this device and this question.
    let key = VerifierKey::parse(&session.grant.organisation.ledger_key).unwrap();
    let wipe = device.orders(&bench, nonce).await.wipe.unwrap();
    let order: WipeOrder = wipe.open(key.key()).unwrap();
    assert_eq!(
        (order.device, order.number, order.nonce),
        (device.id, 1, nonce)
    );
    assert_eq!(other.device.orders(&bench, nonce).await.wipe, None);
    let stranger = OrdersRequest { nonce };
    let answer = Device::new().says(&bench, path::ORDERS, &stranger).await;
    refused(answer, 401, "device-unknown").await;

    // It saves what only it has, once.
    let public = session.grant.organisation.recovery_public_key.clone();
    let public = RecoveryPublic::parse(&public).unwrap();
    let unsent = json!({"changes": [], "drafts": [{"body": "never sent"}], "audit": []});
    let info = b"rounds/slot/recovery/1\0profile-1";
    let sealed = recovery::seal(&public, info, unsent.to_string().as_bytes()).unwrap();
    let mut escrow = EscrowRequest {
        number: 1,
        profile: "profile-1".into(),
        sealed: STANDARD.encode(sealed),
    };
    let first: EscrowReceipt = granted(device.says(&bench, path::ESCROW, &escrow).await).await;
    let again: EscrowReceipt = granted(device.says(&bench, path::ESCROW, &escrow).await).await;
    assert_eq!(first, again);
    assert_eq!(bench.events("work-escrowed"), 1);
    let answer = other.device.says(&bench, path::ESCROW, &escrow).await;
    refused(answer, 403, "forbidden").await;
    escrow.profile = "../x".into();
    let answer = device.says(&bench, path::ESCROW, &escrow).await;
    refused(answer, 400, "malformed").await;

    let receipt = |number| WipeReceipt {
        number,
        kept: false,
    };
    for _ in 0..2 {
        let answer = device.says(&bench, path::WIPED, &receipt(1)).await;
        assert_eq!(answer.status(), 204);
    }
    assert_eq!(bench.events("device-wiped"), 1);
    let answer = device.says(&bench, path::WIPED, &receipt(2)).await;
    refused(answer, 403, "forbidden").await;
    assert_eq!(
        device.orders(&bench, nonce).await.wipe,
        None,
        "it was obeyed"
    );
    let wipe = &listed(&bench, device.id)["wipe"];
    assert_eq!(wipe["escrow"], json!(first.id));
    assert_eq!(wipe["kept"], json!(false));

    // The recovery secret opens it; what was opened is recorded.
    let report = &bench.platform.state().init_report;
    let secret = report["recovery_secret"].as_str().unwrap().to_owned();
    let name = first.id.to_string();
    let open = ["recovery", "open", "--escrow", &name];
    let printed = bench.platform.operator(&open, Some(&secret)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), unsent);
    assert_eq!(bench.events("recovery-opened"), 1);
    let (wrong, _) = recovery::keypair().unwrap();
    let refused = bench.platform.operator(&open, Some(&wrong.to_text()));
    assert!(refused.is_err());
    assert_eq!(bench.events("recovery-opened"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_a_terminated_users_devices_are_told_to_wipe_and_an_old_order_is_nobodys() {
    let mut bench = Bench::start();
    let user = bench.user("ada", "nurse");
    let first = bench.enrol(&Device::new(), &user).await;
    bench.operated(&["user", "disable", "--username", "ada", "--wipe"]);
    let nonce = Uuid::from_u128(78);
    assert!(first.device.orders(&bench, nonce).await.wipe.is_some());
    let answer = bench
        .try_sign_in(&first.device, "ada", &user.password)
        .await;
    refused(answer, 403, "account-disabled").await;

    // Enabled again: the old device is still to be wiped, the computer enrolled anew is another.
    let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let arguments = [
        "user",
        "reset",
        "--username",
        "ada",
        "--totp-secret",
        secret,
    ];
    let reset = bench.operated(&arguments);
    let user = testbed::UserRecord {
        password: reset["password"].as_str().unwrap().to_owned(),
        totp_secret: secret.to_owned(),
        ..user
    };
    let answer = bench
        .try_enrol(&first.device, &user, &user.password, &code(&user))
        .await;
    refused(answer, 401, "device-unknown").await;
    let later = code_at(&user, Timestamp::now() + SignedDuration::from_secs(30));
    let device = Device::new();
    let answer = bench
        .try_enrol(&device, &user, &user.password, &later)
        .await;
    assert!(answer.status().is_success());
    assert_eq!(device.orders(&bench, nonce).await.wipe, None);
    assert!(first.device.orders(&bench, nonce).await.wipe.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_password_is_changed_with_the_present_one_and_ends_other_sessions() {
    let mut bench = Bench::start();
    let user = bench.user("ada", "nurse");
    let session = bench.enrol(&Device::new(), &user).await;
    let elsewhere = Device::new();
    let later = code_at(&user, Timestamp::now() + SignedDuration::from_secs(30));
    let answer = bench
        .try_enrol(&elsewhere, &user, &user.password, &later)
        .await;
    let elsewhere = elsewhere.session(granted(answer).await);
    let change = |current: &str, next: &str| json!({"current": current, "next": next});
    let next = "another-long-secret";
    let wrong = change("not-it-at-all", next);
    let answer = session.post(&bench, path::PASSWORD, &wrong).await;
    refused(answer, 401, "credentials-wrong").await;
    let weak = change(&user.password, "password1");
    let answer = session.post(&bench, path::PASSWORD, &weak).await;
    let problem = refused(answer, 400, "malformed").await;
    assert!(problem.detail.unwrap().contains("everybody tries"));
    assert!(
        elsewhere
            .get(&bench, path::SYNC)
            .await
            .status()
            .is_success()
    );

    let right = change(&user.password, next);
    let answer = session.post(&bench, path::PASSWORD, &right).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(bench.events("user-changed"), 2);
    assert!(session.get(&bench, path::SYNC).await.status().is_success());
    refused(
        elsewhere.get(&bench, path::SYNC).await,
        401,
        "session-ended",
    )
    .await;
    let old = bench
        .try_sign_in(&session.device, "ada", &user.password)
        .await;
    refused(old, 401, "credentials-wrong").await;
    let new = bench.try_sign_in(&session.device, "ada", next).await;
    assert!(new.status().is_success());
}
