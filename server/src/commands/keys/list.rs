//! Which keys there are.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::destroy;
use crate::app::App;
use crate::commands::error::CommandError;
use crate::store::connect;
use crate::store::error::StoreError;
use crate::store::keys::operate;

/// The state of all keys.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    masters: Vec<Master>,
    current: i64,
    retired: i64,
    destroyed: i64,
    /// When the oldest current key was made.
    oldest: Option<Timestamp>,
    /// The most seals reserved of one key, and how many may be.
    most_seals: i64,
    seals_allowed: u64,
    /// Keys that `reencrypt` will wrap under the first master key.
    to_rewrap: u64,
    /// Values that `reencrypt` will seal under a current key.
    to_reseal: u64,
    /// Patients whose records are closed and whose keys still open: `destroy` ends what was
    /// interrupted, or what a backup of the key store brought back.
    to_destroy: Vec<String>,
    /// When a rotation of all keys began that was interrupted: `rotate --all` goes on with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished_rotation: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generations: Option<Vec<Generation>>,
}

/// A master key.
#[derive(Debug, Serialize)]
struct Master {
    id: String,
    /// Whether this program has it.
    configured: bool,
    /// Whether it wraps new keys.
    first: bool,
    /// Data keys that it wraps.
    keys: i64,
    /// Where AWS KMS has it, and whether it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    kms: Option<Remote>,
}

/// A master key that AWS KMS has.
#[derive(Debug, Serialize)]
struct Remote {
    key: String,
    /// `enabled`, or the code of why it cannot be used.
    state: &'static str,
}

/// One generation of a patient's key.
#[derive(Debug, Serialize)]
struct Generation {
    generation: i32,
    id: Uuid,
    master: String,
    created_at: Timestamp,
    retired_at: Option<Timestamp>,
    destroyed_at: Option<Timestamp>,
    seals: i64,
}

pub(super) async fn list(app: &App, patient: Option<String>) -> Result<Listed, CommandError> {
    let tenant = app.tenant.id;
    let masters = app.keys.masters();
    let pool = connect::keys_pool(&app.config)?;
    let keys = pool.get().await.map_err(StoreError::from)?;
    let mut listed: Vec<Master> = masters
        .ids()
        .map(|id| Master {
            id: id.to_owned(),
            configured: true,
            first: id == masters.current_id(),
            keys: 0,
            kms: None,
        })
        .collect();
    for (id, standing) in masters.standing().await {
        let Some(master) = listed.iter_mut().find(|master| master.id == id) else {
            continue;
        };
        master.kms = masters.remote(id).map(|arn| Remote {
            key: arn.to_string(),
            state: standing.map_or_else(|error| error.code(), |()| "enabled"),
        });
    }
    let wraps = keys
        .query(
            "SELECT master, count(*) FROM data_key WHERE tenant = $1 AND destroyed_at IS NULL \
             GROUP BY master ORDER BY master",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    for row in wraps {
        let id: String = row.get(0);
        match listed.iter_mut().find(|master| master.id == id) {
            Some(master) => master.keys = row.get(1),
            None => listed.push(Master {
                id,
                configured: false,
                first: false,
                keys: row.get(1),
                kms: None,
            }),
        }
    }
    let counts = keys
        .query_one(
            "SELECT count(*) FILTER (WHERE retired_at IS NULL AND destroyed_at IS NULL), \
                    count(*) FILTER (WHERE retired_at IS NOT NULL AND destroyed_at IS NULL), \
                    count(*) FILTER (WHERE destroyed_at IS NOT NULL), \
                    min(created_at) FILTER (WHERE retired_at IS NULL AND destroyed_at IS NULL), \
                    coalesce(max(reserved), 0) \
             FROM data_key WHERE tenant = $1",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    let unfinished = keys
        .query_opt(
            "SELECT started_at FROM key_work WHERE tenant = $1 AND kind = 'rotate'",
            &[&tenant],
        )
        .await
        .map_err(StoreError::from)?;
    let generations = match patient {
        None => None,
        Some(patient) => Some(generations(&keys, tenant, &patient).await?),
    };
    Ok(Listed {
        masters: listed,
        current: counts.get(0),
        retired: counts.get(1),
        destroyed: counts.get(2),
        oldest: counts.get(3),
        most_seals: counts.get(4),
        seals_allowed: app.keys.limits().seals,
        to_rewrap: operate::count_to_rewrap(&keys, tenant, masters.current_id()).await?,
        to_reseal: to_reseal(app, &keys).await?,
        to_destroy: destroy::unfinished(app).await?,
        unfinished_rotation: unfinished.map(|row| row.get(0)),
        generations,
    })
}

async fn generations(
    keys: &deadpool_postgres::Client,
    tenant: Uuid,
    patient: &str,
) -> Result<Vec<Generation>, CommandError> {
    let rows = keys
        .query(
            "SELECT generation, id, master, created_at, retired_at, destroyed_at, reserved \
             FROM data_key WHERE tenant = $1 AND patient = $2 ORDER BY generation",
            &[&tenant, &patient],
        )
        .await
        .map_err(StoreError::from)?;
    Ok(rows
        .iter()
        .map(|row| Generation {
            generation: row.get(0),
            id: row.get(1),
            master: row.get(2),
            created_at: row.get(3),
            retired_at: row.get(4),
            destroyed_at: row.get(5),
            seals: row.get(6),
        })
        .collect())
}

/// How many bodies and rows of identity older generations sealed.
async fn to_reseal(app: &App, keys: &deadpool_postgres::Client) -> Result<u64, CommandError> {
    let retired: HashSet<Uuid> = operate::retired(keys, app.tenant.id)
        .await?
        .into_iter()
        .collect();
    if retired.is_empty() {
        return Ok(0);
    }
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let rows = client
        .query(
            "SELECT key_id, count(*) FROM resource_version \
             WHERE tenant = $1 AND key_id IS NOT NULL GROUP BY 1 \
             UNION ALL SELECT key_id, count(*) FROM patient_identity WHERE tenant = $1 GROUP BY 1",
            &[&app.tenant.id],
        )
        .await
        .map_err(StoreError::from)?;
    Ok(rows
        .iter()
        .filter(|row| retired.contains(&row.get(0)))
        .map(|row| row.get::<_, i64>(1).unsigned_abs())
        .sum())
}
