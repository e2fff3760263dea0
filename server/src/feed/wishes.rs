//! Charts that a workstation asks for, and charts that it had no room for.

use deadpool_postgres::GenericClient;
use jiff::{SignedDuration, Timestamp};
use protocol::sync::ChartsRequest;
use uuid::Uuid;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// How long a wish counts.
const COUNTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a workstation said of its charts.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Patients whose charts were asked for, and when.
    pub wanted: Vec<(String, Timestamp)>,
    /// Patients whose charts made room.
    pub dropped: Vec<String>,
}

/// Keeps what a workstation says. The last word about a chart counts.
///
/// # Errors
/// When the database refuses.
pub async fn keep(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    device: Uuid,
    request: &ChartsRequest,
) -> Result<(), StoreError> {
    let now = app.now();
    let until = now.checked_add(COUNTS).unwrap_or(Timestamp::MAX);
    for (patients, wanted) in [(&request.dropped, false), (&request.wanted, true)] {
        if patients.is_empty() {
            continue;
        }
        client
            .execute(
                "INSERT INTO chart_wish (tenant, account, device, patient, wanted, asked_at, until_at) \
                 SELECT DISTINCT $1::uuid, $2::uuid, $3::uuid, p, $5::boolean, $6::timestamptz, \
                        $7::timestamptz FROM unnest($4::text[]) AS p \
                 ON CONFLICT (tenant, account, device, patient) DO UPDATE \
                 SET wanted = excluded.wanted, asked_at = excluded.asked_at, \
                     until_at = excluded.until_at",
                &[
                    &app.tenant.id,
                    &caller.user_id,
                    &device,
                    patients,
                    &wanted,
                    &now,
                    &until,
                ],
            )
            .await?;
    }
    client
        .execute(
            "DELETE FROM chart_wish \
             WHERE tenant = $1 AND account = $2 AND device = $3 AND until_at <= $4",
            &[&app.tenant.id, &caller.user_id, &device, &now],
        )
        .await?;
    Ok(())
}

/// What counts now.
///
/// # Errors
/// When the database refuses.
pub async fn load(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
) -> Result<Wishes, StoreError> {
    let mut wishes = Wishes::default();
    let Some(device) = caller.device else {
        return Ok(wishes);
    };
    let statement = client
        .prepare_cached(
            "SELECT patient, wanted, asked_at FROM chart_wish \
             WHERE tenant = $1 AND account = $2 AND device = $3 AND until_at > $4",
        )
        .await?;
    let now = app.now();
    let rows = client
        .query(
            &statement,
            &[&app.tenant.id, &caller.user_id, &device, &now],
        )
        .await?;
    for row in rows {
        if row.get(1) {
            wishes.wanted.push((row.get(0), row.get(2)));
        } else {
            wishes.dropped.push(row.get(0));
        }
    }
    Ok(wishes)
}
