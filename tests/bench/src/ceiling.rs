//! The peer of the server's rows: pgbench on the same cluster, which does nothing but what the
//! database must do in any case.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use load::chance::Chance;
use testbed::{Cluster, Platform};

use crate::row::RowError;

/// Connections of both sides.
pub const CONNECTIONS: usize = 8;
/// Rows to read.
const ROWS: usize = 2_000;
/// Bytes of a row.
const ROW: usize = 2_048;
const DATABASE: &str = "ceiling";

/// What pgbench does.
#[derive(Debug, Clone, Copy)]
pub enum Script {
    /// One row a commit.
    Insert,
    /// Ten rows a commit.
    InsertTen,
    /// One row by its id.
    Read,
}

/// pgbench, ready to run.
pub struct Ceiling {
    program: PathBuf,
    url: String,
    folder: tempfile::TempDir,
}

impl Ceiling {
    /// Makes a database with tables like the simplest that could hold a resource.
    pub fn prepare(platform: &Platform) -> Result<Self, RowError> {
        let cluster: &Cluster = platform.cluster();
        cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        cluster.sql(
            DATABASE,
            &format!(
                "CREATE TABLE made (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body bytea NOT NULL);
                 ALTER TABLE made ALTER body SET STORAGE EXTERNAL;
                 CREATE TABLE kept (id bigint PRIMARY KEY, body bytea NOT NULL);
                 ALTER TABLE kept ALTER body SET STORAGE EXTERNAL;
                 INSERT INTO kept SELECT n, decode(repeat(md5(n::text), {ROW} / 16), 'hex')
                   FROM generate_series(1, {ROWS}) n;
                 ANALYZE kept;"
            ),
        )?;
        let folder = tempfile::tempdir()?;
        let mut chance = Chance(11);
        let mut body = String::with_capacity(ROW * 2);
        for _ in 0..ROW / 8 {
            // A String takes all that is written to it.
            let _ = write!(body, "{:016x}", chance.draw());
        }
        let insert = format!("INSERT INTO made (body) VALUES ('\\x{body}');\n");
        let ten = format!("BEGIN;\n{}COMMIT;\n", insert.repeat(10));
        let read = format!("\\set n random(1, {ROWS})\nSELECT body FROM kept WHERE id = :n;\n");
        for (script, text) in [
            (Script::Insert, insert),
            (Script::InsertTen, ten),
            (Script::Read, read),
        ] {
            std::fs::write(folder.path().join(name(script)), text)?;
        }
        Ok(Self {
            program: cluster.program("pgbench"),
            url: cluster.superuser_url(DATABASE),
            folder,
        })
    }

    /// Transactions a second, over some seconds.
    pub fn rate(&self, script: Script, seconds: u64) -> Result<f64, RowError> {
        let output = Command::new(&self.program)
            .args(["-n", "-M", "prepared", "-j", "2"])
            .args(["-c", &CONNECTIONS.to_string()])
            .args(["-T", &seconds.to_string()])
            .arg("-f")
            .arg(self.folder.path().join(name(script)))
            .arg(&self.url)
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        told.lines()
            .find_map(|line| line.strip_prefix("tps = "))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| {
                let errors = String::from_utf8_lossy(&output.stderr);
                RowError::Missing(format!("pgbench gave no figure: {errors}"))
            })
    }
}

fn name(script: Script) -> &'static str {
    match script {
        Script::Insert => "insert.sql",
        Script::InsertTen => "insert-ten.sql",
        Script::Read => "read.sql",
    }
}
