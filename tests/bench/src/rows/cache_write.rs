//! Storing pages of 500.

use rusqlite::params;

use crate::clinic::{self, PAGE};
use crate::measure::{in_turn, rate};
use crate::plain;
use crate::row::{Budget, Figure, Row, RowError};

const PAGES: usize = 10;

/// Pages of 500 resources of 2 KB, each in a durable transaction with cursor and audit link.
pub struct CacheWrite;

impl Row for CacheWrite {
    fn name(&self) -> &'static str {
        "cache-write"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let folder = tempfile::tempdir()?;
        let (ours, peer) = (folder.path().join("ours.db"), folder.path().join("peer.db"));
        tell("preparing");
        let cache = clinic::create(folder.path(), "ours.db")?;
        // Read to the end once: from then on every page is stored with a full sync.
        cache.apply_page(
            &clinic::page(0, Vec::new(), false),
            clinic::at(),
            clinic::seal,
        )?;
        drop(cache);
        plain::copy(&ours, &peer)?;
        let cache = cache::Cache::open(&ours, &clinic::key())?;
        let mut connection = plain::open(&peer)?;
        tell("writing");
        let (value, peer) = in_turn(
            |round| {
                let pages = pages(round, 1)?;
                rate(PAGES * PAGE, || {
                    for page in &pages {
                        cache.apply_page(page, clinic::at(), clinic::seal)?;
                    }
                    Ok(())
                })
            },
            |round| {
                let pages = pages(round, 2)?;
                rate(PAGES * PAGE, || {
                    for (number, page) in pages.iter().enumerate() {
                        store(&mut connection, round * PAGES + number, page)?;
                    }
                    Ok(())
                })
            },
        )?;
        Ok(vec![Figure::new(
            self.name(),
            value,
            "records/s",
            Some(peer),
            Budget::RatioAtLeast(0.55),
        )])
    }
}

/// Pages that no round had before. Both sides get patients of their own in the same order.
fn pages(round: usize, side: usize) -> Result<Vec<protocol::sync::SyncPage>, RowError> {
    (0..PAGES)
        .map(|page| {
            let first = ((round * 2 + side) * PAGES + page) * PAGE;
            let entries = (first..first + PAGE)
                .map(|n| clinic::entry(&clinic::observation(n, n / 50, clinic::size(n))))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(clinic::page(first, entries, false))
        })
        .collect()
}

/// What a program would write that stores the same rows by hand.
fn store(
    connection: &mut rusqlite::Connection,
    number: usize,
    page: &protocol::sync::SyncPage,
) -> Result<(), RowError> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    {
        let mut insert = tx.prepare_cached(
            "INSERT INTO resource (place, type, id, version, updated, json)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (n, entry) in page.entries.iter().enumerate() {
            let json = entry.resource.as_ref().map_or("", |raw| raw.get());
            insert.execute(params![
                (number * PAGE + n) as i64,
                entry.resource_type,
                entry.id,
                entry.version as i64,
                entry.last_updated.as_millisecond(),
                json
            ])?;
        }
        tx.execute("UPDATE feed SET cursor = ?1 WHERE one = 1", [&page.cursor])?;
        tx.execute(
            "INSERT INTO audit_queue (number, link) VALUES (?1, ?2)",
            params![number as i64 + 1_000_000, "x".repeat(900)],
        )?;
    }
    tx.commit()?;
    Ok(())
}
