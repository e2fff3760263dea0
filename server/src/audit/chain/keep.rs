//! The rows of a device's chain.

use std::collections::HashSet;

use deadpool_postgres::Transaction;
use ledger::Action;
use ledger::chain::Link;
use ledger::told::Told;
use protocol::report::ReviewKind;
use uuid::Uuid;
use vault::Place;
use zeroize::Zeroizing;

use crate::access::grants;
use crate::app::App;
use crate::audit::append::{self, Entry, tenant_key};
use crate::audit::chain::signed;
use crate::audit::chain::weigh::{Weighed, claimed};
use crate::review::{self, Opening};
use crate::store::error::StoreError;

/// Accounts that were ever enrolled on the device.
pub async fn users(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
) -> Result<HashSet<Uuid>, StoreError> {
    let rows = tx
        .query(
            "SELECT account FROM enrolment WHERE tenant = $1 AND device = $2",
            &[&app.tenant.id, &device],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Which of the links the server holds already, in any life of the chain.
pub async fn held(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    links: &[Link],
) -> Result<HashSet<(i64, String)>, StoreError> {
    let numbers: Vec<i64> = links.iter().map(|link| signed(link.number)).collect();
    let rows = tx
        .query(
            "SELECT number, hash FROM audit_link \
             WHERE tenant = $1 AND device = $2 AND number = ANY($3) \
             UNION ALL \
             SELECT number, hash FROM audit_link_aside \
             WHERE tenant = $1 AND device = $2 AND number = ANY($3)",
            &[&app.tenant.id, &device, &numbers],
        )
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Which ids of the links' events belong to stored events.
pub async fn taken(
    app: &App,
    tx: &Transaction<'_>,
    links: &[Link],
) -> Result<HashSet<Uuid>, StoreError> {
    let ids: Vec<Uuid> = links
        .iter()
        .filter_map(|link| link.event.get("id")?.as_str()?.parse().ok())
        .collect();
    let rows = tx
        .query(
            "SELECT id FROM audit_event WHERE tenant = $1 AND id = ANY($2)",
            &[&app.tenant.id, &ids],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Stores what a batch came to. An emergency access taken off line opens its review here.
pub async fn store(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    weighed: &Weighed<'_>,
) -> Result<(), StoreError> {
    if weighed.events.is_empty() && weighed.aside.is_empty() {
        return Ok(());
    }
    let rows =
        append::sealed_entries(app, weighed.events.iter().map(|(_, _, entry)| entry)).await?;
    append::store(app.tenant.id, app.now(), tx, &rows).await?;
    links(app, tx, device, weighed).await?;
    for (life, link, reason) in &weighed.aside {
        aside(app, tx, device, *life, link, reason).await?;
    }
    let entries = weighed.events.iter().map(|(_, _, entry)| entry);
    grants::taken_off_line(app, tx, device, entries).await?;
    for (_, _, entry) in &weighed.events {
        if entry.action == Action::EmergencyAccess.code() && entry.success {
            emergency(app, tx, device, entry).await?;
        }
    }
    tx.execute(
        "UPDATE device SET chain_number = $3, chain_hash = $4, chain_life = $5 \
         WHERE tenant = $1 AND id = $2",
        &[
            &app.tenant.id,
            &device,
            &signed(weighed.head.number),
            &weighed.head.hash,
            &weighed.life,
        ],
    )
    .await?;
    Ok(())
}

async fn links(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    weighed: &Weighed<'_>,
) -> Result<(), StoreError> {
    let all = &weighed.events;
    let lives: Vec<i32> = all.iter().map(|(life, ..)| *life).collect();
    let numbers: Vec<i64> = all.iter().map(|(_, link, _)| signed(link.number)).collect();
    let previous: Vec<&str> = all
        .iter()
        .map(|(_, link, _)| link.previous.as_str())
        .collect();
    let hashes: Vec<&str> = all.iter().map(|(_, link, _)| link.hash.as_str()).collect();
    let signatures: Vec<&str> = all
        .iter()
        .map(|(_, link, _)| link.signature.as_str())
        .collect();
    let events: Vec<Uuid> = all.iter().map(|(_, _, entry)| entry.id).collect();
    tx.execute(
        "INSERT INTO audit_link (tenant, device, life, number, previous, hash, signature, event) \
         SELECT $1, $2, u.life, u.number, u.previous, u.hash, u.signature, u.event \
         FROM unnest($3::integer[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::uuid[]) \
           AS u(life, number, previous, hash, signature, event)",
        &[
            &app.tenant.id,
            &device,
            &lives,
            &numbers,
            &previous,
            &hashes,
            &signatures,
            &events,
        ],
    )
    .await?;
    Ok(())
}

async fn aside(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    life: i32,
    link: &Link,
    reason: &str,
) -> Result<(), StoreError> {
    let row = format!("{device}/{life}/{}", link.number);
    let json = serde_json::to_vec(link).map_err(|_| StoreError::Content {
        table: "audit_link_aside.link",
        row: row.clone(),
    })?;
    let key = tenant_key(app, 1).await?;
    let place = Place {
        tenant: app.tenant.id,
        table: "audit_link_aside",
        row: &row,
        column: "link",
        version: 0,
    };
    let sealed = key.seal(&place, &Zeroizing::new(json))?;
    tx.execute(
        "INSERT INTO audit_link_aside (tenant, device, life, number, hash, reason, key_id, link, \
                                       stored_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (tenant, device, life, number) DO NOTHING",
        &[
            &app.tenant.id,
            &device,
            &life,
            &signed(link.number),
            &claimed(link),
            &reason,
            &key.id(),
            &sealed,
            &app.now(),
        ],
    )
    .await?;
    Ok(())
}

async fn emergency(
    app: &App,
    tx: &Transaction<'_>,
    device: Uuid,
    entry: &Entry,
) -> Result<(), StoreError> {
    let told = Told::of(&entry.event);
    let words = told
        .justification
        .unwrap_or_else(|| "No reason was given.".to_owned());
    let opening = Opening {
        kind: ReviewKind::Emergency,
        event: Some(entry.id),
        user: entry.account,
        patient: entry.patients.first().map(String::as_str),
        device: Some(device),
        words: &words,
    };
    review::open(app, tx, &opening).await
}
