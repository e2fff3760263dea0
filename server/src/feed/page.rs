//! One page of the feed, written as JSON straight from the opened bodies.

use std::collections::BTreeSet;

use deadpool_postgres::GenericClient;
use jiff::{SignedDuration, Timestamp};
use ledger::Action;
use protocol::sync::ScopeChange;
use serde::Serialize;
use uuid::Uuid;

use crate::app::App;
use crate::audit::{chain, reading};
use crate::feed::charts::{self, Charts};
use crate::feed::cursor::{Before, Cursor, CursorError, Name};
use crate::feed::rows::{self as feed_rows, CHARTS, Followed, Found, Room};
use crate::feed::scope::{self, Chart, Scope};
use crate::feed::wishes;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;
use crate::store::rows::{self, Opened, SealedRow};

/// Entries of a page, if the client asks for no number.
pub const USUAL: u32 = 500;
/// Entries of a page at most.
pub const MOST: u32 = 2_000;
/// In a long run of pages the charts are looked at again after this.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// The page after `cursor` as JSON ([`protocol::sync::SyncPage`]). Its audit event is stored
/// when this returns.
///
/// # Errors
/// [`CursorError`].
pub async fn page(
    app: &App,
    caller: &Caller,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Vec<u8>, CursorError> {
    let client = app.pool.get().await.map_err(StoreError::from)?;
    let scope = Scope::of(app, &client, caller).await?;
    let links = match caller.device {
        Some(device) => Some(chain::held(app, &client, device).await?),
        None => None,
    };
    // Looked at before anything is read: what changes after it lies at or above it, and comes when
    // changes are followed.
    let horizon = feed_rows::horizon(&client).await?;
    let cursor = match cursor {
        Some(text) => Some(Cursor::open(app, caller.user_id, text).await?),
        None => None,
    };
    let mut run = Run::begin(app, &client, caller, &scope, cursor, horizon).await?;
    let mut room = Room::of(limit.clamp(1, MOST));
    let mut found = Vec::new();
    let more = run.fill(app, &client, &mut room, &mut found).await?;
    run.next.remaining = match (more, run.next.remaining.saturating_sub(found.len() as u64)) {
        (false, _) => 0,
        // Counted once for a run of pages, then carried in the cursor.
        (true, 0) => run
            .count(app, &client)
            .await?
            .saturating_sub(found.len() as u64),
        (true, left) => left,
    };
    if !more {
        // Whoever comes back after the end may come after a long time.
        run.next.looked_at = 0;
    }
    let opened = rows::open_all(app, found).await?;
    let next = run.next.seal(app, caller.user_id).await?;

    // One that does not open was reported where it was found; it is told from a deletion by not
    // being there at all, and comes when it is mended.
    let entries: Vec<Opened> = opened.into_iter().flatten().collect();
    record(app, caller, &scope, &entries).await?;
    let page = Page {
        cursor: &next,
        entries: &entries,
        scope: run.told(),
        more,
        remaining: run.next.remaining,
        life: app.tenant.epoch,
        links,
    };
    page.write().map_err(|_| {
        CursorError::Store(StoreError::Content {
            table: "resource_version.body",
            row: "a page of the feed".to_owned(),
        })
    })
}

/// A page while it is made.
struct Run<'a> {
    scope: &'a Scope,
    charts: Charts,
    horizon: u64,
    /// The cursor that the page begins at.
    start: Cursor,
    /// The cursor after what was taken.
    next: Cursor,
    /// Whether the reader is told the types.
    anew: bool,
    left: Vec<String>,
    arrived: Vec<String>,
}

impl<'a> Run<'a> {
    /// Looks at what the reader may keep, if that is due, and at what changed in it.
    async fn begin(
        app: &App,
        client: &impl GenericClient,
        caller: &Caller,
        scope: &'a Scope,
        cursor: Option<Cursor>,
        horizon: u64,
    ) -> Result<Self, CursorError> {
        let (mark, now) = (scope.mark(), app.now());
        let known = match &cursor {
            Some(cursor) => charts::load(app, client, caller, cursor)
                .await?
                .ok_or(CursorError::Gone)?,
            None => Charts::default(),
        };
        let anew = cursor.as_ref().is_none_or(|cursor| cursor.mark != mark);
        // Where everything begins anew, changes are followed from here on; a reader who has
        // something hears of deletions still.
        let beginning = |first_horizon| Cursor {
            epoch: app.tenant.epoch,
            mark,
            charts: 0,
            looked_at: 0,
            first_horizon,
            remaining: 0,
            before: Before::Open(Name::default()),
            transaction: horizon,
            last: Name::default(),
        };
        let (had, mut next) = match cursor {
            None => (Before::Open(Name::default()), beginning(horizon)),
            Some(cursor) if anew => {
                let next = Cursor {
                    transaction: cursor.transaction,
                    last: cursor.last.clone(),
                    ..beginning(cursor.first_horizon)
                };
                (cursor.before, next)
            }
            Some(cursor) => (cursor.before.clone(), cursor),
        };
        let mut run = Self {
            scope,
            charts: known,
            horizon,
            start: next.clone(),
            next: next.clone(),
            anew,
            left: Vec::new(),
            arrived: Vec::new(),
        };
        let due = Timestamp::from_millisecond(next.looked_at)
            .is_ok_and(|looked| now.duration_since(looked).abs() >= LOOK_AGAIN);
        if anew || due {
            let wishes = wishes::load(app, client, caller).await?;
            let wanted = scope::charts(app, client, caller, scope, &wishes).await?;
            let missed = run.charts.missed(&wishes, &wanted);
            next.looked_at = now.as_millisecond();
            if anew || wanted != run.charts.wanted || !missed.is_empty() {
                let turn = run.charts.turn(&had, &wanted);
                run.left = turn.left;
                // A chart may be made of other types now: all of them come again.
                let held = if anew {
                    BTreeSet::new()
                } else {
                    turn.held.difference(&missed).cloned().collect()
                };
                if let Before::Nothing | Before::Charts { .. } = next.before {
                    next.before = Before::Charts {
                        patient: String::new(),
                        after: Name::default(),
                    };
                }
                run.charts = if scope.chart.is_empty() {
                    Charts::default()
                } else {
                    charts::keep(app, client, caller, held, wanted).await?
                };
                next.charts = run.charts.number;
            }
            run.start = next.clone();
            run.next = next;
        }
        Ok(run)
    }

    /// Takes rows until the page is full or there are no more. Answers whether there are.
    async fn fill(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        room: &mut Room,
        rows: &mut Vec<SealedRow>,
    ) -> Result<bool, StoreError> {
        loop {
            let found = match self.next.before.clone() {
                Before::Nothing => {
                    let found = self.followed(&self.next).take(app, client, room).await?;
                    if let Some(last) = found.last() {
                        self.next.transaction = found.transaction;
                        self.next.last = last;
                    }
                    if found.ended && self.next.transaction <= self.horizon {
                        // What was passed over is not looked at again, however long nothing comes
                        // that is this reader's.
                        self.next.transaction = self.horizon;
                        self.next.last = Name::default();
                    }
                    rows.extend(found.rows);
                    return Ok(!found.ended);
                }
                Before::Open(after) => self.open(app, client, room, after).await?,
                Before::Loose(after) => self.loose(app, client, room, after).await?,
                Before::Charts { patient, after } => {
                    self.enter(app, client, room, &patient, &after).await?
                }
            };
            rows.extend(found.rows);
            if room.is_full() {
                return Ok(true);
            }
        }
    }

    async fn open(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        room: &mut Room,
        after: Name,
    ) -> Result<Found, StoreError> {
        let mut types = self.scope.open.iter();
        let Some(kind) = types.find(|kind| **kind >= after.resource_type.as_str()) else {
            self.next.before = Before::Loose(Name::default());
            return Ok(Found::default());
        };
        let from = if *kind == after.resource_type {
            after.id.as_str()
        } else {
            ""
        };
        let found = room.open(app, client, self.scope, kind, from).await?;
        self.next.before = match (found.ended, types.next()) {
            (true, None) => Before::Loose(Name::default()),
            (true, Some(next)) => Before::Open(Name {
                resource_type: (*next).to_owned(),
                id: String::new(),
            }),
            (false, _) => Before::Open(found.last().unwrap_or(after)),
        };
        Ok(found)
    }

    async fn loose(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        room: &mut Room,
        after: Name,
    ) -> Result<Found, StoreError> {
        let found = room.loose(app, client, self.scope, &after).await?;
        self.next.before = if found.ended {
            Before::Charts {
                patient: String::new(),
                after: Name::default(),
            }
        } else {
            Before::Loose(found.last().unwrap_or(after))
        };
        Ok(found)
    }

    async fn enter(
        &mut self,
        app: &App,
        client: &impl GenericClient,
        room: &mut Room,
        patient: &str,
        after: &Name,
    ) -> Result<Found, StoreError> {
        let batch: Vec<&Chart> = self
            .charts
            .entering()
            .filter(|chart| chart.patient.as_str() >= patient)
            .take(CHARTS + 1)
            .collect();
        let next = batch.get(CHARTS).map(|chart| chart.patient.clone());
        let batch: Vec<&Chart> = batch.into_iter().take(CHARTS).collect();
        let patients: Vec<&str> = batch.iter().map(|chart| chart.patient.as_str()).collect();
        let Some(first) = patients.first() else {
            self.next.before = Before::Nothing;
            return Ok(Found::default());
        };
        let unseen = Name::default();
        let after = if *first == patient { after } else { &unseen };
        let closed = closed(self.scope, &batch);
        let found = room
            .charts(app, client, self.scope, &patients, &closed, after)
            .await?;
        let at = found.rows.last().and_then(|row| row.patient.clone());
        let (came, before) = match (found.ended, at, next) {
            (true, _, None) => (patients.len(), Before::Nothing),
            (true, _, Some(next)) => {
                let before = Before::Charts {
                    patient: next,
                    after: Name::default(),
                };
                (patients.len(), before)
            }
            (false, at, _) => {
                let at = at.unwrap_or_else(|| (*first).to_owned());
                let came = patients.iter().position(|it| *it == at).unwrap_or(0);
                let before = Before::Charts {
                    patient: at,
                    after: found.last().unwrap_or_else(|| after.clone()),
                };
                (came, before)
            }
        };
        let came: Vec<String> = patients[..came].iter().map(|&id| id.to_owned()).collect();
        self.arrived.extend(came);
        self.next.before = before;
        Ok(found)
    }

    /// Changes of records outside charts and in those that are kept, after the last that was sent.
    fn followed<'s>(&'s self, from: &'s Cursor) -> Followed<'s> {
        let charts: Vec<&Chart> = self.charts.wanted.iter().collect();
        Followed {
            scope: self.scope,
            patients: charts.iter().map(|chart| chart.patient.as_str()).collect(),
            closed: closed(self.scope, &charts),
            transaction: from.transaction,
            last: &from.last,
            horizon: self.horizon,
            first_horizon: from.first_horizon,
        }
    }

    /// About how many entries come with this page and after it.
    async fn count(&self, app: &App, client: &impl GenericClient) -> Result<u64, StoreError> {
        let (outside, from) = match &self.start.before {
            Before::Nothing => return self.followed(&self.start).count(app, client).await,
            Before::Open(_) | Before::Loose(_) => (true, ""),
            Before::Charts { patient, .. } => (false, patient.as_str()),
        };
        let entering = self.charts.entering();
        let patients: Vec<&str> = entering
            .map(|chart| chart.patient.as_str())
            .filter(|patient| *patient >= from)
            .collect();
        feed_rows::count_whole(app, client, self.scope, outside, &patients).await
    }

    /// What the reader is told of the scope; nothing where nothing changed.
    fn told(&self) -> Option<ScopeChange> {
        if !self.anew && self.left.is_empty() && self.arrived.is_empty() {
            return None;
        }
        Some(ScopeChange {
            types: self.anew.then(|| self.scope.outside()),
            chart: self
                .scope
                .chart
                .iter()
                .map(|&kind| kind.to_owned())
                .collect(),
            left: self.left.clone(),
            arrived: self.arrived.clone(),
        })
    }
}

/// What of charts does not come, as the rows are compared: `Type/` and the patient's id.
fn closed(scope: &Scope, charts: &[&Chart]) -> Vec<String> {
    let mut closed = Vec::new();
    for chart in charts {
        let Some(types) = &chart.types else { continue };
        let others = scope
            .chart
            .iter()
            .filter(|kind| !types.iter().any(|own| own == *kind));
        closed.extend(others.map(|kind| format!("{kind}/{}", chart.patient)));
    }
    closed
}

async fn record(
    app: &App,
    caller: &Caller,
    scope: &Scope,
    entries: &[Opened],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut patients: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry.patient.clone())
        .collect();
    patients.sort_unstable();
    patients.dedup();
    let mut event = caller
        .event(app, Action::Synchronised)
        .because(scope.explanation.clone(), scope.policies.clone());
    event.patients = patients;
    reading::record(app, &[event]).await
}

#[derive(Serialize)]
struct Head<'a> {
    resource_type: &'a str,
    id: &'a str,
    version: u64,
    last_updated: jiff::Timestamp,
    patient: Option<&'a str>,
}

/// A page to be written.
struct Page<'a> {
    cursor: &'a str,
    entries: &'a [Opened],
    scope: Option<ScopeChange>,
    more: bool,
    remaining: u64,
    life: Uuid,
    links: Option<u64>,
}

impl Page<'_> {
    /// Writes the page without parsing a body again: what was sealed was valid JSON, and the seal
    /// says that it is what was sealed.
    fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let bodies: usize = self
            .entries
            .iter()
            .filter_map(|entry| entry.json.as_ref())
            .map(|json| json.len() + 256)
            .sum();
        let mut page = Vec::with_capacity(bodies + 1024);
        page.extend_from_slice(b"{\"cursor\":");
        serde_json::to_writer(&mut page, self.cursor)?;
        page.extend_from_slice(b",\"entries\":[");
        for (index, entry) in self.entries.iter().enumerate() {
            if index > 0 {
                page.push(b',');
            }
            let head = Head {
                resource_type: &entry.resource_type,
                id: &entry.id,
                version: entry.version,
                last_updated: entry.last_updated,
                patient: entry.patient.as_deref(),
            };
            serde_json::to_writer(&mut page, &head)?;
            // The head is an object that is never empty: its closing brace makes room for the body.
            page.pop();
            page.extend_from_slice(b",\"resource\":");
            match &entry.json {
                Some(json) => page.extend_from_slice(json),
                None => page.extend_from_slice(b"null"),
            }
            page.push(b'}');
        }
        page.extend_from_slice(b"],\"more\":");
        serde_json::to_writer(&mut page, &self.more)?;
        page.extend_from_slice(b",\"life\":");
        serde_json::to_writer(&mut page, &self.life)?;
        page.extend_from_slice(b",\"remaining\":");
        serde_json::to_writer(&mut page, &self.remaining)?;
        if let Some(links) = &self.links {
            page.extend_from_slice(b",\"links\":");
            serde_json::to_writer(&mut page, links)?;
        }
        if let Some(scope) = &self.scope {
            page.extend_from_slice(b",\"scope\":");
            serde_json::to_writer(&mut page, scope)?;
        }
        page.push(b'}');
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use protocol::sync::SyncPage;
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_protocol_reads() {
        let opened = |id: &str, json: Option<&str>| Opened {
            resource_type: "Patient".to_owned(),
            id: id.to_owned(),
            version: 3,
            last_updated: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            patient: Some(id.to_owned()),
            json: json.map(|text| Zeroizing::new(text.as_bytes().to_vec())),
        };
        let entries = [
            opened("a", Some("{\"id\":\"a\",\"x\":1.10}")),
            opened("b", None),
        ];
        let change = ScopeChange {
            types: None,
            chart: vec!["Condition".to_owned()],
            left: vec!["b".to_owned()],
            arrived: Vec::new(),
        };
        let written = Page {
            cursor: "curs\"or",
            entries: &entries,
            scope: Some(change.clone()),
            more: true,
            remaining: 7,
            life: Uuid::nil(),
            links: Some(12),
        };
        let page: SyncPage = serde_json::from_slice(&written.write().unwrap()).unwrap();
        assert_eq!(page.scope, Some(Box::new(change)));
        assert_eq!(page.links, Some(12));
        assert_eq!(
            (page.cursor.as_str(), page.more, page.remaining),
            ("curs\"or", true, 7)
        );
        assert_eq!(page.entries.len(), 2);
        assert_eq!(page.entries[0].version, 3);
        // Decimals keep their digits.
        assert_eq!(
            page.entries[0].resource.as_ref().unwrap().get(),
            "{\"id\":\"a\",\"x\":1.10}"
        );
        assert!(page.entries[1].resource.is_none());
        let empty = Page {
            entries: &[],
            scope: None,
            ..written
        };
        let empty: SyncPage = serde_json::from_slice(&empty.write().unwrap()).unwrap();
        assert!(empty.entries.is_empty() && empty.scope.is_none());
    }
}
