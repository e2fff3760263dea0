//! Sealing values anew under their patients' current keys.
//!
//! Each batch is one transaction that replaces a value only where it still is under the key it
//! was read under: interrupted, repeated or beside a writer, it never brings back an older value.

use std::collections::HashSet;

use uuid::Uuid;
use vault::sealed::key_id_of;
use vault::{DataKey, Place, SealingKey};

use super::Work;
use super::reencrypt::Progress;
use crate::commands::error::CommandError;
use crate::identity::totp;
use crate::store::error::{RECORD_DESTROYED, StoreError};
use crate::store::keys::{NO_PATIENT, operate};
use crate::store::{seal, tenant};

/// Finds what older generations sealed, and keeps the list in the connection's own tables.
/// Returns how many values there are.
pub(super) async fn find(work: &mut Work) -> Result<u64, CommandError> {
    let tenant = work.app.tenant.id;
    let retired = operate::retired(&work.keys, tenant).await?;
    let records = &work.records;
    records
        .batch_execute(
            "CREATE TEMP TABLE old_key (id uuid PRIMARY KEY); \
             CREATE TEMP TABLE old_body (n bigint PRIMARY KEY, resource_type text, id text, version bigint); \
             CREATE TEMP TABLE old_identity (n bigint PRIMARY KEY, patient text)",
        )
        .await
        .map_err(StoreError::from)?;
    records
        .execute("INSERT INTO old_key SELECT unnest($1::uuid[])", &[&retired])
        .await
        .map_err(StoreError::from)?;
    let bodies = records
        .execute(
            "INSERT INTO old_body \
             SELECT row_number() OVER (ORDER BY v.resource_type, v.id, v.version), \
                    v.resource_type, v.id, v.version \
             FROM resource_version v JOIN old_key k ON k.id = v.key_id WHERE v.tenant = $1",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    let identities = records
        .execute(
            "INSERT INTO old_identity SELECT row_number() OVER (ORDER BY i.patient), i.patient \
             FROM patient_identity i JOIN old_key k ON k.id = i.key_id WHERE i.tenant = $1",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    records
        .batch_execute("ANALYZE old_key; ANALYZE old_body; ANALYZE old_identity")
        .await
        .map_err(StoreError::from)?;
    Ok(bodies + identities)
}

/// A key to open with and one to seal with, or why not.
struct Pair<'k> {
    old: &'k DataKey,
    new: SealingKey,
}

/// The pairs for rows of `(patient, key, seals)`, in their order.
async fn pairs<'k>(
    work: &Work,
    opened: &'k crate::store::keys::OpenKeys,
    rows: &[(&str, Uuid, u64)],
) -> Result<Vec<Result<Pair<'k>, &'static str>>, StoreError> {
    let mut closed: HashSet<&str> = HashSet::new();
    loop {
        let mut asked = Vec::new();
        for (patient, key, seals) in rows {
            if opened.key(key).is_ok() && !closed.contains(patient) {
                asked.push((*patient, *seals));
            }
        }
        let new = match work.app.keys.sealing(&asked, work.app.now()).await {
            Ok(new) => new,
            Err(StoreError::RecordDestroyed) => {
                // A record was closed meanwhile: find out which, and leave it alone.
                let destroyed = work.app.keys.destroyed().await?;
                let before = closed.len();
                for (patient, _, _) in rows {
                    if destroyed.iter().any(|one| one == patient) {
                        closed.insert(patient);
                    }
                }
                if closed.len() == before {
                    return Err(StoreError::RecordDestroyed);
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut new = new.into_iter();
        return Ok(rows
            .iter()
            .map(|(patient, key, _)| {
                let old = opened.key(key).map_err(|fault| fault.code())?;
                if closed.contains(patient) {
                    return Err(RECORD_DESTROYED);
                }
                let new = new.next().ok_or(RECORD_DESTROYED)?;
                Ok(Pair { old, new })
            })
            .collect());
    }
}

/// Opens a value and seals it anew; the new seal is tried before the old one is given up.
fn anew(pair: &Pair<'_>, place: &Place<'_>, blob: &[u8]) -> Result<Vec<u8>, &'static str> {
    let plain = pair.old.open(place, blob).map_err(|error| error.code())?;
    let sealed = pair.new.seal(place, &plain).map_err(|error| error.code())?;
    match pair.new.open(place, &sealed) {
        Ok(again) if again == plain => Ok(sealed),
        _ => Err("seal-failed"),
    }
}

/// Bodies of versions.
pub(super) async fn bodies(work: &mut Work, progress: &mut Progress) -> Result<u64, CommandError> {
    let tenant = work.app.tenant.id;
    let (mut from, mut done) = (0_i64, 0);
    loop {
        let until = from + i64::from(progress.pace.batch());
        let rows = work
            .records
            .query(
                "SELECT v.resource_type, v.id, v.version, coalesce(v.patient, $4), v.key_id, v.body \
                 FROM old_body o JOIN resource_version v ON v.tenant = $1 \
                   AND v.resource_type = o.resource_type AND v.id = o.id AND v.version = o.version \
                 JOIN old_key k ON k.id = v.key_id \
                 WHERE o.n > $2 AND o.n <= $3 ORDER BY o.n",
                &[&tenant, &from, &until, &NO_PATIENT],
            )
            .await
            .map_err(StoreError::from)?;
        let left: bool = work
            .records
            .query_one(
                "SELECT EXISTS (SELECT FROM old_body WHERE n > $1)",
                &[&from],
            )
            .await
            .map_err(StoreError::from)?
            .get(0);
        if !left {
            return Ok(done);
        }
        from = until;
        let opened = work
            .app
            .keys
            .by_id(rows.iter().map(|row| row.get::<_, Uuid>(4)))
            .await?;
        let asked: Vec<(&str, Uuid, u64)> =
            rows.iter().map(|row| (row.get(3), row.get(4), 1)).collect();
        let pairs = pairs(work, &opened, &asked).await?;
        let mut failed = Vec::new();
        let (mut types, mut ids, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        let (mut old_keys, mut new_keys, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for (row, pair) in rows.iter().zip(&pairs) {
            let (kind, id, version): (&str, &str, i64) = (row.get(0), row.get(1), row.get(2));
            let name = format!("{kind}/{id}");
            let place = seal::body_place(tenant, &name, version.unsigned_abs());
            let sealed = pair
                .as_ref()
                .map_err(|code| *code)
                .and_then(|pair| Ok((pair.new.id(), anew(pair, &place, row.get(5))?)));
            match sealed {
                Ok((key, body)) => {
                    types.push(kind);
                    ids.push(id);
                    versions.push(version);
                    old_keys.push(row.get::<_, Uuid>(4));
                    new_keys.push(key);
                    bodies.push(body);
                }
                Err(RECORD_DESTROYED) => {}
                Err(code) => {
                    failed.push((format!("resource_version.body of {name}/{version}"), code));
                }
            }
        }
        let replaced: i64 = work
            .records
            .query_one(
                "SELECT reseal_versions($1, $2, $3, $4, $5, $6, $7)",
                &[
                    &tenant, &types, &ids, &versions, &old_keys, &new_keys, &bodies,
                ],
            )
            .await
            .map_err(StoreError::from)?
            .get(0);
        done += replaced.unsigned_abs();
        progress.add(rows.len() as u64, failed).await;
    }
}

/// Rows of identity: all columns of a row together.
pub(super) async fn identities(
    work: &mut Work,
    progress: &mut Progress,
) -> Result<u64, CommandError> {
    let tenant = work.app.tenant.id;
    let (mut from, mut done) = (0_i64, 0);
    loop {
        let until = from + i64::from(progress.pace.batch());
        let left: bool = work
            .records
            .query_one(
                "SELECT EXISTS (SELECT FROM old_identity WHERE n > $1)",
                &[&from],
            )
            .await
            .map_err(StoreError::from)?
            .get(0);
        if !left {
            return Ok(done);
        }
        let rows = work
            .records
            .query(
                &format!(
                    "SELECT i.patient, i.version, i.key_id, i.{} FROM old_identity o \
                     JOIN patient_identity i ON i.tenant = $1 AND i.patient = o.patient \
                     JOIN old_key k ON k.id = i.key_id \
                     WHERE o.n > $2 AND o.n <= $3 ORDER BY o.n",
                    seal::IDENTITY_COLUMNS.join(", i.")
                ),
                &[&tenant, &from, &until],
            )
            .await
            .map_err(StoreError::from)?;
        from = until;
        let opened = work
            .app
            .keys
            .by_id(rows.iter().map(|row| row.get::<_, Uuid>(2)))
            .await?;
        let columns = seal::IDENTITY_COLUMNS;
        let asked: Vec<(&str, Uuid, u64)> = rows
            .iter()
            .map(|row| (row.get(0), row.get(2), columns.len() as u64))
            .collect();
        let pairs = pairs(work, &opened, &asked).await?;
        let mut failed = Vec::new();
        for (row, pair) in rows.iter().zip(&pairs) {
            let (patient, version): (&str, i64) = (row.get(0), row.get(1));
            let pair = match pair {
                Ok(pair) => pair,
                Err(code) if *code == RECORD_DESTROYED => continue,
                Err(code) => {
                    failed.push((format!("patient_identity of {patient}"), *code));
                    continue;
                }
            };
            let mut sealed: Vec<Option<Vec<u8>>> = Vec::with_capacity(columns.len());
            let mut whole = true;
            for (at, column) in columns.iter().enumerate() {
                let Some(blob) = row.get::<_, Option<&[u8]>>(3 + at) else {
                    sealed.push(None);
                    continue;
                };
                let place = seal::identity_place(tenant, patient, column, version.unsigned_abs());
                match anew(pair, &place, blob) {
                    Ok(blob) => sealed.push(Some(blob)),
                    Err(code) => {
                        whole = false;
                        failed.push((format!("patient_identity.{column} of {patient}"), code));
                        break;
                    }
                }
            }
            // One key is named for the whole row: with a column that does not open it stays.
            if whole {
                done += replace_identity(work, patient, version, pair, &sealed).await?;
            }
        }
        progress.add(rows.len() as u64, failed).await;
    }
}

async fn replace_identity(
    work: &Work,
    patient: &str,
    version: i64,
    pair: &Pair<'_>,
    sealed: &[Option<Vec<u8>>],
) -> Result<u64, CommandError> {
    let set: Vec<String> = seal::IDENTITY_COLUMNS
        .iter()
        .enumerate()
        .map(|(at, column)| format!("{column} = ($6::bytea[])[{}]", at + 1))
        .collect();
    Ok(work
        .records
        .execute(
            &format!(
                "UPDATE patient_identity SET key_id = $5, {} \
                 WHERE tenant = $1 AND patient = $2 AND version = $3 AND key_id = $4",
                set.join(", ")
            ),
            &[
                &work.app.tenant.id,
                &patient,
                &version,
                &pair.old.id(),
                &pair.new.id(),
                &sealed,
            ],
        )
        .await
        .map_err(StoreError::from)?)
}

/// The secrets of one-time codes and of the index: few, sealed with the clinic's own key.
pub(super) async fn secrets(work: &mut Work, progress: &mut Progress) -> Result<u64, CommandError> {
    let tenant = work.app.tenant.id;
    let rows = work
        .records
        .query(
            "SELECT id, totp_secret FROM account WHERE tenant = $1 AND totp_secret IS NOT NULL \
             UNION ALL SELECT NULL, index_key FROM tenant WHERE tenant = $1",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    let current = work
        .app
        .keys
        .own(rows.len() as u64 + 1, work.app.now())
        .await?;
    let mut done = 0;
    let mut failed = Vec::new();
    for row in &rows {
        let account: Option<Uuid> = row.get(0);
        let blob: &[u8] = row.get(1);
        let name = account.map_or_else(String::new, |id| id.to_string());
        let place = match account {
            Some(_) => totp::place(tenant, &name),
            None => tenant::index_place(tenant),
        };
        let told = place.name().to_string();
        let id = match key_id_of(&place, blob) {
            Ok(id) if id == current.id() => continue,
            Ok(id) => id,
            Err(error) => {
                failed.push((told, error.code()));
                continue;
            }
        };
        let opened = work.app.keys.by_id([id]).await?;
        let sealed = match opened.key(&id) {
            Err(fault) => Err(fault.code()),
            Ok(old) => {
                let new = work.app.keys.own(1, work.app.now()).await?;
                anew(&Pair { old, new }, &place, blob)
            }
        };
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(code) => {
                failed.push((told, code));
                continue;
            }
        };
        done += match account {
            Some(account) => {
                work.records
                    .execute(
                        "UPDATE account SET totp_secret = $4 \
                         WHERE tenant = $1 AND id = $2 AND totp_secret = $3",
                        &[&tenant, &account, &blob, &sealed],
                    )
                    .await
            }
            None => {
                work.records
                    .execute(
                        "UPDATE tenant SET index_key = $3 WHERE tenant = $1 AND index_key = $2",
                        &[&tenant, &blob, &sealed],
                    )
                    .await
            }
        }
        .map_err(StoreError::from)?;
    }
    progress.add(0, failed).await;
    Ok(done)
}
