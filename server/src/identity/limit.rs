//! Slowing down those who guess, and nobody else.
//!
//! Failures count for an account *and* a source. The source of a sign-in is the enrolled device,
//! whose key is proved before anything is counted; the source of an enrolment is the address.
//! So nobody can lock out an account on the clinic's own devices without holding one of them.

use std::net::IpAddr;

use deadpool_postgres::GenericClient;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::identity::account::normal_name;
use crate::store::error::StoreError;

/// Failures of one source for one account before it must wait.
const FREE: i32 = 5;
/// Failures of one source over all names before it must wait: somebody tries names.
const FREE_OVER_NAMES: i32 = 100;
/// Failed enrolments of one account over all sources before enrolling it must wait. Signing in
/// on devices that are enrolled goes on.
const FREE_ENROLMENTS: i32 = 50;
/// First wait; each further failure doubles it.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// Longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Failures older than this are forgotten.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// Where an attempt comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A device whose key was proved.
    Device(Uuid),
    /// An address, for enrolments.
    Address(IpAddr),
    /// The address of a program that proves itself with its key. A key is not guessed, so nobody
    /// is made to wait because of others elsewhere.
    Program(IpAddr),
}

/// One counter.
struct Counter {
    account: [u8; 32],
    source: [u8; 32],
    free: i32,
}

fn counters(name: &str, source: Source) -> Vec<Counter> {
    let account = digest("account", &normal_name(name));
    let anybody = digest("anybody", "");
    let from = match source {
        Source::Device(id) => digest("device", &id.to_string()),
        Source::Address(address) => digest("address", &address.to_string()),
        Source::Program(address) => digest("program", &address.to_string()),
    };
    let mut counters = vec![
        Counter {
            account,
            source: from,
            free: FREE,
        },
        Counter {
            account: anybody,
            source: from,
            free: FREE_OVER_NAMES,
        },
    ];
    if matches!(source, Source::Address(_)) {
        let anywhere = digest("anywhere", "");
        counters.push(Counter {
            account,
            source: anywhere,
            free: FREE_ENROLMENTS,
        });
    }
    counters
}

/// How many seconds this source must still wait for this account; none if it need not.
///
/// # Errors
/// When the database refuses.
pub async fn wait(
    app: &App,
    client: &impl GenericClient,
    name: &str,
    source: Source,
) -> Result<Option<u64>, StoreError> {
    let now = app.now();
    let (mut accounts, mut sources) = (Vec::new(), Vec::new());
    for counter in counters(name, source) {
        accounts.push(counter.account.to_vec());
        sources.push(counter.source.to_vec());
    }
    let row = client
        .query_one(
            "SELECT max(f.blocked_until) FROM unnest($2::bytea[], $3::bytea[]) AS u(account, source) \
             JOIN sign_in_failure f \
               ON f.tenant = $1 AND f.account = u.account AND f.source = u.source",
            &[&app.tenant.id, &accounts, &sources],
        )
        .await?;
    let until: Option<Timestamp> = row.get(0);
    Ok(until
        .map(|until| until.duration_since(now).as_secs())
        .filter(|seconds| *seconds >= 0)
        .map(|seconds| seconds.unsigned_abs() + 1))
}

/// Counts a failure.
///
/// # Errors
/// When the database refuses.
pub async fn failed(
    app: &App,
    client: &impl GenericClient,
    name: &str,
    source: Source,
) -> Result<(), StoreError> {
    let now = app.now();
    let forgotten = now.saturating_sub(MEMORY).unwrap_or(Timestamp::MIN);
    let (first, longest) = (FIRST_WAIT.as_secs() as f64, LONGEST_WAIT.as_secs() as f64);
    for counter in counters(name, source) {
        client
            .execute(
                "INSERT INTO sign_in_failure AS f (tenant, account, source, failures, last_at) \
                 VALUES ($1, $2, $3, 1, $4) \
                 ON CONFLICT (tenant, account, source) DO UPDATE SET \
                   failures = CASE WHEN f.last_at < $5 THEN 1 ELSE f.failures + 1 END, \
                   last_at = $4, \
                   blocked_until = CASE WHEN f.last_at >= $5 AND f.failures + 1 >= $6 THEN \
                     $4::timestamptz + make_interval(secs => \
                       least($8::float8, $7::float8 * power(2, least(f.failures + 1 - $6, 20)))) \
                     END",
                &[
                    &app.tenant.id,
                    &counter.account.as_slice(),
                    &counter.source.as_slice(),
                    &now,
                    &forgotten,
                    &counter.free,
                    &first,
                    &longest,
                ],
            )
            .await?;
    }
    Ok(())
}

/// Forgets the failures of this source for this account: it knows the password.
///
/// # Errors
/// When the database refuses.
pub async fn succeeded(
    app: &App,
    client: &impl GenericClient,
    name: &str,
    source: Source,
) -> Result<(), StoreError> {
    let Some(own) = counters(name, source).into_iter().next() else {
        return Ok(());
    };
    client
        .execute(
            "DELETE FROM sign_in_failure WHERE tenant = $1 AND account = $2 AND source = $3",
            &[
                &app.tenant.id,
                &own.account.as_slice(),
                &own.source.as_slice(),
            ],
        )
        .await?;
    Ok(())
}

/// Drops what is too old to count.
///
/// # Errors
/// When the database refuses.
pub async fn forget_old(app: &App, client: &impl GenericClient) -> Result<(), StoreError> {
    let forgotten = app.now().saturating_sub(MEMORY).unwrap_or(Timestamp::MIN);
    client
        .execute(
            "DELETE FROM sign_in_failure WHERE tenant = $1 AND last_at < $2",
            &[&app.tenant.id, &forgotten],
        )
        .await?;
    Ok(())
}

fn digest(kind: &str, text: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(kind.as_bytes())
        .chain_update([0])
        .chain_update(text.as_bytes())
        .finalize()
        .into()
}
