//! What the server says to devices: leases.

use jiff::{SignedDuration, Timestamp};
use ledger::checkpoint::VerifierKey;
use protocol::path;
use protocol::statement::{Lease, LeaseGrant, Signed};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Bench, Device, Session, granted, refused};

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
