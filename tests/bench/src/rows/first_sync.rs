//! Filling an empty cache over TLS, against storing the same rows by hand.

use std::time::Instant;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};

use crate::clinic::{self, PAGE};
use crate::measure::median;
use crate::populated::Populated;
use crate::row::{Budget, Figure, Row, RowError};
use crate::station::Station;
use crate::{plain, station};

const PATIENTS: usize = 1_000;
/// Each takes the better part of a minute.
const ROUNDS: usize = 3;

/// What belongs to no patient.
const DIRECTORY: &[&str] = &[
    "Organization",
    "Location",
    "Practitioner",
    "PractitionerRole",
    "Schedule",
    "Slot",
    "Medication",
    "Device",
];

/// 1,000 patients with their records, from signing in to the last row.
pub struct FirstSync;

impl Row for FirstSync {
    fn name(&self) -> &'static str {
        "first-sync"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let clinic = Populated::start(PATIENTS, tell)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let folder = tempfile::tempdir()?;
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        let mut copied: Option<Copied> = None;
        for round in 0..ROUNDS {
            tell(&format!("filling, {} of {ROUNDS}", round + 1));
            let user = clinic.user()?;
            let platform = clinic.platform();
            let computer = Station::new(platform.ca())?;
            let begun = Instant::now();
            runtime.block_on(computer.fill(&platform, &user))?;
            let took = begun.elapsed().as_secs_f64();
            let copied = match &copied {
                Some(copied) => copied,
                None => {
                    tell("copying the rows");
                    copied.insert(runtime.block_on(copy(&computer, folder.path()))?)
                }
            };
            runtime
                .block_on(computer.station.lock())
                .map_err(station::refused)?;
            ours.push(copied.records as f64 / took);
            tell(&format!("storing by hand, {} of {ROUNDS}", round + 1));
            peer.push(copied.store(folder.path(), round)?);
        }
        let records = copied.map_or(0, |copied| copied.records);
        let figure = Figure::new(
            self.name(),
            median(&mut ours),
            "records/s",
            Some(median(&mut peer)),
            Budget::RatioAtLeast(0.5),
        );
        Ok(vec![figure.noting(format!(
            "{PATIENTS} patients have {records} records; the server, which unseals and sends \
             them, works on the same machine"
        ))])
    }
}

/// The tables of a filled cache, read into memory.
struct Copied {
    tables: Vec<Table>,
    records: usize,
}

struct Table {
    insert: String,
    rows: Vec<Vec<Cell>>,
}

/// Fills a cache whose key is known here with what the computer has, and reads its tables.
async fn copy(computer: &Station, folder: &std::path::Path) -> Result<Copied, RowError> {
    let bodies = computer
        .station
        .door()
        .work(|desk| Ok(desk.cache().read(bodies)?))
        .await?;
    let ours = folder.join("copy.db");
    let cache = clinic::create(folder, "copy.db")?;
    let records = bodies.len();
    clinic::fill(&cache, records, |n| {
        serde_json::from_str(&bodies[n]).unwrap_or_default()
    })?;
    drop(cache);
    let path = folder.join("copy-plain.db");
    plain::copy(&ours, &path)?;
    let tables = tables(&plain::open(&path)?)?;
    Ok(Copied { tables, records })
}

/// Every record of a cache, as text.
fn bodies(cache: &cache::Reading<'_>) -> Result<Vec<String>, cache::StoreError> {
    let mut bodies = Vec::new();
    for card in cache.find_patients("", 1_000_000)?.cards {
        cache.each_of_patient(&card.id, &[], |record| {
            bodies.push(record.json.to_owned());
            Ok::<_, cache::StoreError>(())
        })?;
    }
    for kind in DIRECTORY {
        bodies.extend(cache.directory(kind)?.into_iter().map(|record| record.json));
    }
    Ok(bodies)
}

impl Copied {
    /// Records a second, when all rows are put into an empty database of the same schema in
    /// batches, as safely as the cache does while it is filled for the first time.
    fn store(&self, folder: &std::path::Path, round: usize) -> Result<f64, RowError> {
        let (empty, path) = (
            format!("empty-{round}.db"),
            folder.join(format!("by-hand-{round}.db")),
        );
        drop(clinic::create(folder, &empty)?);
        plain::copy(&folder.join(&empty), &path)?;
        let mut connection = plain::open(&path)?;
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = NORMAL;")?;
        let begun = Instant::now();
        for table in &self.tables {
            for batch in table.rows.chunks(PAGE) {
                let tx = connection.transaction()?;
                {
                    let mut insert = tx.prepare_cached(&table.insert)?;
                    for row in batch {
                        insert.execute(params_from_iter(row))?;
                    }
                }
                tx.commit()?;
            }
        }
        Ok(self.records as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Every table that has rows of its own, those behind the full-text index among them.
fn tables(connection: &Connection) -> Result<Vec<Table>, RowError> {
    let mut names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite_%'")?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    names
        .into_iter()
        .map(|name| {
            let mut select = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
            let columns = select.column_count();
            let rows = select
                .query_map([], |row| (0..columns).map(|n| row.get(n)).collect())?
                .collect::<Result<_, _>>()?;
            let places = vec!["?"; columns].join(", ");
            let insert = format!("INSERT OR REPLACE INTO \"{name}\" VALUES ({places})");
            Ok(Table { insert, rows })
        })
        .collect()
}
