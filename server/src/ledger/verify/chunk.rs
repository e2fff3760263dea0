//! Some consecutive positions: their events, marks, nodes and checkpoints.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use ledger::checkpoint::Checkpoint;
use ledger::glance::Glance;
use ledger::tree::{Frontier, Hash, Node, STEP};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append::place;
use crate::ledger::verify::finding::{Fault, Finding};
use crate::ledger::verify::{State, position};
use crate::ledger::{LedgerError, hash_of};
use crate::store::error::StoreError;
use crate::store::keys::OpenKeys;

/// Reads the positions from where `state` stands to `to`; `end` is where the ledger ends.
pub async fn read(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
    to: u64,
    end: u64,
) -> Result<(), LedgerError> {
    let rows = client
        .query(
            "SELECT l.position, l.event, l.leaf, l.mark, e.id, e.recorded_at, e.action, \
                    e.success, e.account, e.device, e.leaf, e.key_id, e.body \
             FROM ledger_leaf l \
             LEFT JOIN audit_event e ON e.tenant = l.tenant AND e.id = l.event \
             WHERE l.tenant = $1 AND l.position >= $2 AND l.position < $3 ORDER BY l.position",
            &[&app.tenant.id, &position(state.next), &position(to)],
        )
        .await?;
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.get(11)).collect();
    let keys = app.keys.by_id(ids).await?;
    let checkpoints = checkpoints(app, client, state.next, to).await?;
    let mut tree = state.frontier().filter(|_| state.whole);
    let mut formed: Vec<(Node, Hash)> = Vec::new();
    let mut patients = Patients::default();
    let mut due = state.next;
    for row in &rows {
        let at = row.get::<_, i64>(0).unsigned_abs();
        if at > due {
            missing(state, due, at, end);
            tree = None;
        }
        due = at + 1;
        one(app, &keys, state, row, at, &mut patients);
        let leaf = hash_of(row.get(2));
        match (&mut tree, leaf) {
            (Some(tree), Some(leaf)) => {
                tree.push(leaf, |node, hash| {
                    if node.level.is_multiple_of(STEP) {
                        formed.push((node, hash));
                    }
                });
                if let Some(signed) = checkpoints.get(&tree.size()) {
                    root(app, state, tree, signed);
                }
            }
            _ => tree = None,
        }
    }
    if due < to {
        missing(state, due, to, end);
        tree = None;
    }
    nodes(app, client, state, &formed).await?;
    patients.missing(app, client, state).await?;
    state.next = to;
    state.whole = tree.is_some();
    state.peaks = tree
        .map(|tree| tree.peaks().iter().map(hex::encode).collect())
        .unwrap_or_default();
    Ok(())
}

fn missing(state: &mut State, from: u64, to: u64, end: u64) {
    let (fault, what) = if to == end {
        (Fault::CutOff, "were cut off")
    } else {
        (Fault::PositionDeleted, "are missing")
    };
    let words = format!("positions {from} to {} {what}", to - 1);
    state.found(Finding::of(fault).at(from).saying(words));
}

/// One position and its event.
fn one(app: &App, keys: &OpenKeys, state: &mut State, row: &Row, at: u64, patients: &mut Patients) {
    let event: Uuid = row.get(1);
    let mut found = |fault, words: &str| {
        state.found(Finding::of(fault).at(at).about(event).saying(words));
    };
    let leaf: Option<Hash> = hash_of(row.get(2));
    let mark = leaf.map(|leaf| app.ledger.mark(app.tenant.id, at, event, &leaf));
    if mark.is_none_or(|mark| row.get::<_, &[u8]>(3) != mark) {
        found(
            Fault::Reordered,
            "another event was placed at this position",
        );
    }
    if row.get::<_, Option<Uuid>>(4).is_none() {
        found(Fault::EventDeleted, "the event is gone");
        return;
    }
    let json = match opened(app, keys, row, event) {
        Ok(json) => json,
        Err(code) => {
            found(
                Fault::EventEdited,
                &format!("the event does not open ({code})"),
            );
            return;
        }
    };
    let made = ledger::leaf_hash(&json);
    if leaf != Some(made) || row.get::<_, &[u8]>(10) != made {
        found(
            Fault::EventEdited,
            "the event is not the one that was recorded",
        );
    }
    let Some(glance) = Glance::of(&json) else {
        found(Fault::EventEdited, "this is no event that Rounds records");
        return;
    };
    let columns = [
        (
            "recorded_at",
            row.get::<_, Timestamp>(5) == millisecond(glance.recorded)
                || row.get::<_, Timestamp>(5) == glance.recorded,
        ),
        ("action", row.get::<_, &str>(6) == glance.action.code()),
        ("success", row.get::<_, bool>(7) == glance.success),
        ("account", row.get::<_, Option<Uuid>>(8) == glance.user),
        (
            "device",
            row.get::<_, Option<Uuid>>(9) == glance.recorded_by,
        ),
    ];
    for (column, same) in columns {
        if !same {
            found(
                Fault::ColumnEdited,
                &format!("column {column} says something else than the event"),
            );
        }
    }
    patients.expect(row.get(5), at, event, glance.patients);
}

/// Events tell milliseconds; columns may hold more of what the same clock said.
fn millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

fn opened(app: &App, keys: &OpenKeys, row: &Row, event: Uuid) -> Result<Value, &'static str> {
    let key = keys.key(&row.get(11)).map_err(|fault| fault.code())?;
    let name = event.to_string();
    let json = key
        .open(&place(app.tenant.id, &name), row.get(12))
        .map_err(|error| error.code())?;
    serde_json::from_slice(&json).map_err(|_| "content-unreadable")
}

/// Checkpoints of the sizes after `from`, up to `to`: root and note by size.
async fn checkpoints(
    app: &App,
    client: &impl GenericClient,
    from: u64,
    to: u64,
) -> Result<HashMap<u64, (Vec<u8>, String)>, StoreError> {
    let rows = client
        .query(
            "SELECT size, root, note FROM ledger_checkpoint \
             WHERE tenant = $1 AND size > $2 AND size <= $3",
            &[&app.tenant.id, &position(from), &position(to)],
        )
        .await?;
    let of = |row: &Row| {
        let size = row.get::<_, i64>(0).unsigned_abs();
        (size, (row.get(1), row.get(2)))
    };
    Ok(rows.iter().map(of).collect())
}

/// The checkpoint of the tree as it stands.
fn root(app: &App, state: &mut State, tree: &Frontier, signed: &(Vec<u8>, String)) {
    let size = tree.size();
    let last = size - 1;
    let note = Checkpoint::open(&signed.1, app.ledger.verifier());
    let stored = hash_of(&signed.0);
    let genuine = note
        .as_ref()
        .is_ok_and(|note| note.size == size && Some(note.root) == stored);
    if !genuine {
        let words = format!("the checkpoint of {size} events was changed");
        state.found(Finding::of(Fault::Checkpoint).at(last).saying(words));
    }
    let signed = note.map(|note| note.root).ok().or(stored);
    if signed != Some(tree.root()) && !state.root_told {
        state.root_told = true;
        let words = format!("the first {size} events do not lead to the root that was signed");
        state.found(Finding::of(Fault::Root).at(last).saying(words));
    }
}

async fn nodes(
    app: &App,
    client: &impl GenericClient,
    state: &mut State,
    formed: &[(Node, Hash)],
) -> Result<(), StoreError> {
    for (node, hash) in formed {
        let row = client
            .query_opt(
                "SELECT hash FROM ledger_node WHERE tenant = $1 AND level = $2 AND number = $3",
                &[
                    &app.tenant.id,
                    &i16::from(node.level),
                    &position(node.index),
                ],
            )
            .await?;
        if row.is_none_or(|row| row.get::<_, &[u8]>(0) != hash) {
            let words = format!("node {} of level {} was changed", node.index, node.level);
            let first = node.index << node.level;
            state.found(Finding::of(Fault::Node).at(first).saying(words));
        }
    }
    Ok(())
}

/// Under which patients the events of a chunk must be found.
#[derive(Default)]
struct Patients {
    names: Vec<String>,
    recorded: Vec<Timestamp>,
    events: Vec<Uuid>,
    positions: Vec<i64>,
}

impl Patients {
    fn expect(&mut self, recorded: Timestamp, at: u64, event: Uuid, mut patients: Vec<String>) {
        patients.sort_unstable();
        patients.dedup();
        for patient in patients {
            self.names.push(patient);
            self.recorded.push(recorded);
            self.events.push(event);
            self.positions.push(position(at));
        }
    }

    async fn missing(
        self,
        app: &App,
        client: &impl GenericClient,
        state: &mut State,
    ) -> Result<(), StoreError> {
        state.patients += self.names.len() as u64;
        let rows = client
            .query(
                "SELECT u.position, u.event \
                 FROM unnest($2::text[], $3::timestamptz[], $4::uuid[], $5::bigint[]) \
                   AS u(patient, recorded_at, event, position) \
                 WHERE NOT EXISTS (SELECT FROM audit_event_patient p \
                   WHERE p.tenant = $1 AND p.patient = u.patient \
                     AND p.recorded_at = u.recorded_at AND p.event = u.event)",
                &[
                    &app.tenant.id,
                    &self.names,
                    &self.recorded,
                    &self.events,
                    &self.positions,
                ],
            )
            .await?;
        for row in rows {
            let at = row.get::<_, i64>(0).unsigned_abs();
            let found = Finding::of(Fault::PatientEdited)
                .at(at)
                .about(row.get(1))
                .saying("the event is hidden from reports about its patient");
            state.found(found);
        }
        Ok(())
    }
}
