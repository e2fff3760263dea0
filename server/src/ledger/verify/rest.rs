//! What is checked once, over the whole ledger.

use deadpool_postgres::GenericClient;
use uuid::Uuid;

use crate::app::App;
use crate::ledger::verify::finding::{Fault, Finding};
use crate::ledger::verify::{State, position};
use crate::store::error::StoreError;

/// Findings of one kind that are fetched; the rest would say the same.
const MOST: i64 = 1_000;

/// Leaves and their checkpoint are stored in one transaction: neither can be ahead.
pub async fn checkpoints_and_leaves_end_together(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
) -> Result<(), StoreError> {
    let row = client
        .query_one(
            "SELECT (SELECT coalesce(max(position) + 1, 0) FROM ledger_leaf WHERE tenant = $1), \
                    (SELECT coalesce(max(size), 0) FROM ledger_checkpoint WHERE tenant = $1)",
            &[&app.tenant.id],
        )
        .await?;
    let leaves = row.get::<_, i64>(0).unsigned_abs();
    let signed = row.get::<_, i64>(1).unsigned_abs();
    if leaves > signed {
        let words = format!("checkpoints after {signed} events were removed; {leaves} are placed");
        state.found(Finding::of(Fault::Checkpoint).at(signed).saying(words));
    }
    Ok(())
}

/// Events that the last checkpoint's snapshot had seen and that have no position.
pub async fn events_without_a_position(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
) -> Result<(), StoreError> {
    let rows = client
        .query(
            "SELECT e.id FROM audit_event e, \
               (SELECT snapshot FROM ledger_checkpoint WHERE tenant = $1 \
                ORDER BY size DESC LIMIT 1) c \
             WHERE e.tenant = $1 \
               AND pg_snapshot_xmax(c.snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) \
               AND pg_visible_in_snapshot(e.transaction, c.snapshot) \
               AND NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.tenant = $1 AND l.event = e.id) \
             ORDER BY e.id LIMIT $2",
            &[&app.tenant.id, &MOST],
        )
        .await?;
    for row in rows {
        let found = Finding::of(Fault::Unplaced)
            .about(row.get(0))
            .saying("the event should have a position and has none");
        state.found(found);
    }
    Ok(())
}

/// Events that others still name, and that are gone together with their positions.
pub async fn orphans(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
) -> Result<(), StoreError> {
    let rows = client
        .query(
            "SELECT DISTINCT named.event FROM ( \
               SELECT event FROM audit_event_patient WHERE tenant = $1 \
               UNION ALL SELECT event FROM audit_link WHERE tenant = $1 \
               UNION ALL SELECT event FROM review_item WHERE tenant = $1 AND event IS NOT NULL \
               UNION ALL SELECT event FROM chain_break WHERE tenant = $1) named \
             WHERE NOT EXISTS (SELECT FROM audit_event e \
                               WHERE e.tenant = $1 AND e.id = named.event) \
               AND NOT EXISTS (SELECT FROM ledger_leaf l \
                               WHERE l.tenant = $1 AND l.event = named.event) \
             ORDER BY named.event LIMIT $2",
            &[&app.tenant.id, &MOST],
        )
        .await?;
    for row in rows {
        let found = Finding::of(Fault::EventDeleted)
            .about(row.get(0))
            .saying("the event is gone, and so is its position; other rows still name it");
        state.found(found);
    }
    Ok(())
}

/// Links of a device's chain that do not follow each other within one life.
pub async fn chains(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
) -> Result<(), StoreError> {
    let rows = client
        .query(
            "SELECT device, number, event FROM ( \
               SELECT device, number, event, previous, \
                      lag(number) OVER w AS before, lag(hash) OVER w AS hash_before \
               FROM (SELECT device, life, number, previous, hash, event FROM audit_link \
                     WHERE tenant = $1 \
                     UNION ALL \
                     SELECT device, life, number, NULL, hash, NULL FROM audit_link_aside \
                     WHERE tenant = $1) links \
               WINDOW w AS (PARTITION BY device, life ORDER BY number)) followed \
             WHERE before IS NOT NULL \
               AND (number <> before + 1 OR (previous IS NOT NULL AND previous <> hash_before)) \
             ORDER BY device, number LIMIT $2",
            &[&app.tenant.id, &MOST],
        )
        .await?;
    for row in rows {
        let (device, number): (Uuid, i64) = (row.get(0), row.get(1));
        let mut found = Finding::of(Fault::Chain).saying(format!(
            "link {number} of device {device} does not follow the one before it"
        ));
        found.event = row.get(2);
        state.found(found);
    }
    Ok(())
}

/// Rows that show an event under a patient whom it is not about: there are more than there
/// should be.
pub async fn patients_are_as_many(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
    end: u64,
) -> Result<(), StoreError> {
    let row = client
        .query_one(
            "SELECT count(*) FROM audit_event_patient p \
             JOIN ledger_leaf l ON l.tenant = p.tenant AND l.event = p.event \
             WHERE p.tenant = $1 AND l.position < $2",
            &[&app.tenant.id, &position(end)],
        )
        .await?;
    let stored = row.get::<_, i64>(0).unsigned_abs();
    if stored > state.patients {
        let words = format!(
            "{} events are shown in reports about patients whom they are not about",
            stored - state.patients
        );
        state.found(Finding::of(Fault::PatientEdited).saying(words));
    }
    Ok(())
}

/// Events that came after the last checkpoint.
pub async fn waiting(app: &App, client: &impl GenericClient) -> Result<u64, StoreError> {
    let row = client
        .query_one(
            "SELECT count(*) FROM audit_event e WHERE e.tenant = $1 AND NOT EXISTS \
               (SELECT FROM ledger_leaf l WHERE l.tenant = $1 AND l.event = e.id)",
            &[&app.tenant.id],
        )
        .await?;
    Ok(row.get::<_, i64>(0).unsigned_abs())
}
