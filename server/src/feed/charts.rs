//! Which charts a workstation was sent. Each change of them is a row of its own, named by number in
//! the cursor: a page that is asked for again is made from the same row, whatever came after it.

use std::collections::BTreeSet;

use deadpool_postgres::GenericClient;
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::app::App;
use crate::feed::cursor::{Before, Cursor};
use crate::feed::scope::Chart;
use crate::feed::wishes::Wishes;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// How long rows are kept after a cursor came that names a later one. Pages are asked for ahead of
/// what is stored: a reader that is killed in between comes again with the earlier cursor.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The charts of one reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Charts {
    /// Names the row; 0 where there is none.
    pub number: i64,
    /// When it was made; none where there is no row.
    pub made_at: Option<Timestamp>,
    /// Those that were there whole when this began.
    pub held: BTreeSet<Chart>,
    /// Those that are to be there.
    pub wanted: BTreeSet<Chart>,
}

/// What a changed scope means for a reader.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Charts that are there whole, and may stay.
    pub held: BTreeSet<Chart>,
    /// Patients whose charts go.
    pub left: Vec<String>,
}

impl Charts {
    /// Charts that were asked for since the row was made: whatever it says, they are not there.
    pub fn missed(&self, wishes: &Wishes, wanted: &BTreeSet<Chart>) -> BTreeSet<Chart> {
        let since = |asked: Timestamp| self.made_at.is_some_and(|made| made <= asked);
        wanted
            .iter()
            .filter(|chart| {
                let mut asked = wishes.wanted.iter();
                asked.any(|(patient, at)| *patient == chart.patient && since(*at))
            })
            .cloned()
            .collect()
    }

    /// Charts that are to come, in the order in which they do.
    pub fn entering(&self) -> impl Iterator<Item = &Chart> {
        self.wanted.difference(&self.held)
    }

    /// Charts that a reader at this place has whole.
    fn whole_at(&self, before: &Before) -> BTreeSet<Chart> {
        match before {
            Before::Nothing => self.wanted.clone(),
            Before::Open(_) | Before::Loose(_) => self.held.clone(),
            Before::Charts { patient, .. } => {
                let came = self.entering().filter(|chart| chart.patient < *patient);
                self.held
                    .intersection(&self.wanted)
                    .chain(came)
                    .cloned()
                    .collect()
            }
        }
    }

    /// What a reader at this place keeps and loses when other charts are wanted.
    pub fn turn(&self, before: &Before, wanted: &BTreeSet<Chart>) -> Turn {
        let whole = self.whole_at(before);
        let part = match before {
            // Some of its records may be there already.
            Before::Charts { patient, .. } => {
                self.entering().find(|chart| chart.patient == *patient)
            }
            _ => None,
        };
        let mut left: Vec<String> = whole
            .iter()
            .chain(part)
            .filter(|had| {
                let now = wanted.iter().find(|now| now.patient == had.patient);
                !now.is_some_and(|now| now.covers(had))
            })
            .map(|had| had.patient.clone())
            .collect();
        left.dedup();
        Turn {
            held: whole.intersection(wanted).cloned().collect(),
            left,
        }
    }
}

/// The row that a cursor names; none when it is not there any more.
///
/// # Errors
/// When the database refuses.
pub async fn load(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    cursor: &Cursor,
) -> Result<Option<Charts>, StoreError> {
    if cursor.charts == 0 {
        return Ok(Some(Charts::default()));
    }
    let statement = client
        .prepare_cached(
            "SELECT s.held, s.wanted, s.made_at, EXISTS (SELECT FROM feed_charts o WHERE o.tenant = s.tenant \
               AND o.account = s.account AND o.device = s.device AND o.number < s.number \
               AND o.made_at < $5) \
             FROM feed_charts s \
             WHERE s.tenant = $1 AND s.account = $2 AND s.device = $3 AND s.number = $4",
        )
        .await?;
    let device = device(caller);
    let forgotten = app.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    let parameters: [&(dyn ToSql + Sync); 5] = [
        &app.tenant.id,
        &caller.user_id,
        &device,
        &cursor.charts,
        &forgotten,
    ];
    let row = client.query_opt(&statement, &parameters).await?;
    let Some(row) = row else { return Ok(None) };
    if row.get(3) {
        client
            .execute(
                "DELETE FROM feed_charts WHERE tenant = $1 AND account = $2 AND device = $3 \
                   AND number < $4 AND made_at < $5",
                &parameters,
            )
            .await?;
    }
    let read = |keys: Vec<&str>| keys.into_iter().map(Chart::of_key).collect();
    Ok(Some(Charts {
        number: cursor.charts,
        made_at: Some(row.get(2)),
        held: read(row.get(0)),
        wanted: read(row.get(1)),
    }))
}

/// Keeps a new row.
///
/// # Errors
/// When the database refuses.
pub async fn keep(
    app: &App,
    client: &impl GenericClient,
    caller: &Caller,
    held: BTreeSet<Chart>,
    wanted: BTreeSet<Chart>,
) -> Result<Charts, StoreError> {
    let keys = |charts: &BTreeSet<Chart>| charts.iter().map(Chart::key).collect::<Vec<_>>();
    let now = app.now();
    let row = client
        .query_one(
            "INSERT INTO feed_charts (tenant, account, device, made_at, held, wanted) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING number",
            &[
                &app.tenant.id,
                &caller.user_id,
                &device(caller),
                &now,
                &keys(&held),
                &keys(&wanted),
            ],
        )
        .await?;
    Ok(Charts {
        number: row.get(0),
        made_at: Some(now),
        held,
        wanted,
    })
}

/// The workstation; none in particular for a token without one.
fn device(caller: &Caller) -> Uuid {
    caller.device.unwrap_or(Uuid::nil())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::cursor::Name;

    fn set(keys: &[&str]) -> BTreeSet<Chart> {
        keys.iter().map(|key| Chart::of_key(key)).collect()
    }

    fn turned(charts: &Charts, before: &Before, wanted: &[&str]) -> (BTreeSet<Chart>, Vec<String>) {
        let turn = charts.turn(before, &set(wanted));
        (turn.held, turn.left)
    }

    #[test]
    fn s5_what_leaves_is_what_may_be_there_and_is_not_wanted() {
        let charts = Charts {
            number: 1,
            made_at: None,
            held: set(&["a", "b"]),
            wanted: set(&["b", "c", "d", "e"]),
        };
        let at = |patient: &str| Before::Charts {
            patient: patient.to_owned(),
            after: Name::default(),
        };
        // At the end everything that was wanted is there.
        let (held, left) = turned(&charts, &Before::Nothing, &["b", "d", "f"]);
        assert_eq!(held, set(&["b", "d"]));
        assert_eq!(left, ["c", "e"]);
        // In the midst of `d`: `c` is there, of `d` a part, of `e` nothing.
        let (held, left) = turned(&charts, &at("d"), &["b", "c", "d"]);
        assert_eq!(held, set(&["b", "c"]));
        assert!(left.is_empty());
        let (held, left) = turned(&charts, &at("d"), &["b"]);
        assert_eq!(held, set(&["b"]));
        assert_eq!(left, ["c", "d"]);
        // Before the charts began, only what was held is there.
        let (held, left) = turned(&charts, &Before::Loose(Name::default()), &["b", "c"]);
        assert_eq!(held, set(&["b"]));
        assert_eq!(left, ["a"]);
    }

    #[test]
    fn s5_a_chart_that_widens_comes_again_and_one_that_narrows_goes_first() {
        let of = |keys: &[&str]| Charts {
            number: 1,
            made_at: None,
            held: BTreeSet::new(),
            wanted: set(keys),
        };
        let (held, left) = turned(&of(&["a|Condition"]), &Before::Nothing, &["a"]);
        assert!(held.is_empty() && left.is_empty());
        let (held, left) = turned(&of(&["a"]), &Before::Nothing, &["a|Condition"]);
        assert!(held.is_empty());
        assert_eq!(left, ["a"]);
    }
}
