//! Two versions that touch: shown, and settled by a person.

use fhir::merge;
use jiff::Timestamp;
use ledger::chain::{ChainError, Head, Link};
use rusqlite::OptionalExtension;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::merging::{Theirs, UNCONFIRMED, parse, same, updated, with_version, without_version};
use crate::outbox::{Line, Write, uuid};
use crate::records::millis;
use crate::store::{Reading, Writing};

/// A record that two people changed, with everything needed to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Conflict id.
    pub id: Uuid,
    /// FHIR resource type.
    pub resource_type: String,
    /// Logical id.
    pub record: String,
    /// When it was found.
    pub found: Timestamp,
    /// What both started from; none if both created it.
    pub base: Option<Value>,
    /// Its version on the server; none if both created it, or if mine was made on a change that
    /// had none yet.
    pub base_version: Option<u64>,
    /// As changed here.
    pub mine: Side,
    /// As it is on the server.
    pub theirs: Side,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The resource; none if this side deleted it.
    pub resource: Option<Value>,
    /// When; none where it is not known.
    pub at: Option<Timestamp>,
    /// Its version on the server; none for what the server does not have.
    pub version: Option<u64>,
    /// Who wrote it, where the server said so. What was written here is the user's.
    pub author: Option<String>,
}

impl Conflict {
    /// Every element that differs, and which of them both sides changed.
    pub fn compare(&self) -> merge::Merge {
        let side = |value: &Option<Value>| value.as_ref().map_or(json!({}), without_version);
        merge::three_way(
            &side(&self.base),
            &side(&self.mine.resource),
            &side(&self.theirs.resource),
        )
    }

    /// What the record becomes with mine at the touching elements of `mine_at` and theirs at the
    /// others; none if that side deleted it.
    pub fn combined(&self, mine_at: &[&str]) -> Option<Value> {
        let (base, mine, theirs) = (&self.base, &self.mine.resource, &self.theirs.resource);
        settled(
            base.as_ref(),
            mine.as_ref(),
            theirs.as_ref(),
            How::MineAt(mine_at),
        )
    }
}

/// How a conflict is settled.
#[derive(Debug, Clone, Copy)]
enum How<'a> {
    Keep(Keep),
    MineAt(&'a [&'a str]),
}

/// What the record becomes; none deletes it.
fn settled(
    base: Option<&Value>,
    mine: Option<&Value>,
    theirs: Option<&Value>,
    how: How<'_>,
) -> Option<Value> {
    let empty = json!({});
    let base = without_version(base.unwrap_or(&empty));
    match (mine, theirs, how) {
        (Some(mine), Some(theirs), How::Keep(keep)) => Some(merge::settle(
            &base,
            &without_version(mine),
            &without_version(theirs),
            keep == Keep::Mine,
        )),
        (Some(mine), Some(theirs), How::MineAt(paths)) => Some(merge::combine(
            &base,
            &without_version(mine),
            &without_version(theirs),
            paths,
        )),
        // One side deleted it: there is the whole record to choose and nothing else.
        (mine, _, How::Keep(Keep::Mine)) => mine.cloned(),
        (_, theirs, How::Keep(Keep::Theirs)) => theirs.cloned(),
        (mine, theirs, How::MineAt(paths)) => match paths {
            [] => theirs.cloned(),
            _ => mine.cloned(),
        },
    }
}

/// Whose word stands where the versions touch. What does not touch is merged either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// What was written here.
    Mine,
    /// What the server has.
    Theirs,
}

const CONFLICT: &str = "SELECT c.id, c.found, c.seq, c.line, o.made
    FROM conflict c JOIN outbox o USING (seq)";

struct Found {
    id: String,
    found: i64,
    seq: i64,
    line: i64,
    made: i64,
}

fn found_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        id: row.get(0)?,
        found: row.get(1)?,
        seq: row.get(2)?,
        line: row.get(3)?,
        made: row.get(4)?,
    })
}

impl Reading<'_> {
    /// All open conflicts, oldest first.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{CONFLICT} ORDER BY c.found, c.id"))?;
        let found: Vec<Found> = statement
            .query_map([], found_of)?
            .collect::<Result<_, _>>()?;
        found.into_iter().map(|found| self.filled(found)).collect()
    }

    /// One conflict.
    pub fn conflict(&self, id: Uuid) -> Result<Option<Conflict>, StoreError> {
        match self.found(id)? {
            Some(found) => self.filled(found).map(Some),
            None => Ok(None),
        }
    }

    fn found(&self, id: Uuid) -> Result<Option<Found>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{CONFLICT} WHERE c.id = ?1"))?;
        Ok(statement.query_row([id.to_string()], found_of).optional()?)
    }

    fn filled(&self, found: Found) -> Result<Conflict, StoreError> {
        let line = self.line(&found)?;
        Ok(Conflict {
            id: uuid(&found.id)?,
            found: millis(found.found),
            base: parse(line.base.as_deref())?,
            base_version: positive(line.base_version),
            mine: Side {
                resource: parse(line.mine.as_deref())?,
                at: Some(millis(found.made)),
                version: None,
                author: None,
            },
            theirs: Side {
                resource: parse(line.theirs.as_deref())?,
                at: updated(&line),
                version: positive(line.theirs_version),
                author: line.theirs_author,
            },
            resource_type: line.resource_type,
            record: line.id,
        })
    }

    fn line(&self, found: &Found) -> Result<Line, StoreError> {
        self.lines_of(found.seq)?
            .into_iter()
            .find(|line| line.line == found.line)
            .ok_or(StoreError::Corrupt(None))
    }
}

/// A version that the server has.
fn positive(version: Option<i64>) -> Option<u64> {
    version
        .and_then(|version| u64::try_from(version).ok())
        .filter(|version| *version > 0)
}

impl Writing<'_> {
    /// Settles a conflict as a person decided. `also` are records that go with the decision,
    /// such as its Provenance; they are sent in the same change.
    pub fn settle_conflict(
        &mut self,
        id: Uuid,
        keep: Keep,
        also: &[Write],
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<(), StoreError> {
        self.settle(id, How::Keep(keep), also, at, seal)
    }

    /// Settles a conflict element by element: mine at the touching elements of `mine_at`, theirs
    /// at the others. Otherwise as [`Self::settle_conflict`].
    pub fn combine_conflict(
        &mut self,
        id: Uuid,
        mine_at: &[&str],
        also: &[Write],
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<(), StoreError> {
        self.settle(id, How::MineAt(mine_at), also, at, seal)
    }

    fn settle(
        &mut self,
        id: Uuid,
        how: How<'_>,
        also: &[Write],
        at: Timestamp,
        seal: impl FnOnce(&Head) -> Result<Link, ChainError>,
    ) -> Result<(), StoreError> {
        let found = self
            .found(id)?
            .ok_or(StoreError::Missing { what: "conflict" })?;
        let line = self.line(&found)?;
        let base = parse(line.base.as_deref())?;
        let mine = parse(line.mine.as_deref())?;
        let other = parse(line.theirs.as_deref())?;
        let result = settled(base.as_ref(), mine.as_ref(), other.as_ref(), how);
        let theirs = Theirs {
            json: line.theirs.clone(),
            version: line
                .theirs_version
                .filter(|version| *version != UNCONFIRMED),
            updated: updated(&line),
        };
        // What goes along must be in the outbox before the change can vanish from it.
        let next = self
            .lines_of(line.seq)?
            .iter()
            .map(|line| line.line)
            .max()
            .unwrap_or(0)
            + 1;
        for (offset, write) in also.iter().enumerate() {
            self.enqueue_line(line.seq, next + offset as i64, write, at)?;
        }
        let later: Vec<Line> = self
            .lines_for(&line.resource_type, &line.id)?
            .into_iter()
            .filter(|other| (other.seq, other.line) > (line.seq, line.line))
            .collect();
        let under = if same(result.as_ref(), other.as_ref()) {
            self.drop_line(&line)?;
            theirs
        } else {
            let result = result.map(|value| with_version(value, &theirs).to_string());
            self.set_line(&line, &theirs, result.as_deref())?;
            Theirs {
                json: result,
                version: None,
                updated: None,
            }
        };
        self.rebase(&line.resource_type, &line.id, later, under, at)?;
        self.record(seal)?;
        Ok(())
    }
}
