//! What is told of a run, to people and to machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::shared::{Done, Kind};
use crate::drive::percentile;

/// A whole run in which everything held.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How long it was.
    pub seconds: f64,
    /// Connections at once.
    pub connections: usize,
    /// By what was asked.
    pub kinds: Vec<Kinds>,
    /// Refusals, all intended.
    pub refusals: u64,
    /// Connections that broke while the server was being killed.
    pub cuts: u64,
    /// From the kill until the new server listened.
    pub outage_seconds: Option<f64>,
    /// Resources whose writing was acknowledged; all of them are there.
    pub acknowledged: usize,
    /// Of these, people who were compared with what was sent.
    pub compared: usize,
    /// Who used the processor.
    pub shares: Vec<Share>,
    /// Resident memory of the server by the second, bytes.
    pub memory: Vec<(f64, u64)>,
    /// Its growth in the last two thirds of the last server's life, bytes a minute.
    pub growth: f64,
    /// What the verification of the ledger said.
    pub ledger: String,
}

/// One kind of request.
#[derive(Debug, Clone, Serialize)]
pub struct Kinds {
    /// Which.
    pub kind: &'static str,
    /// How many were answered.
    pub answers: usize,
    /// Of them in a second.
    pub per_second: f64,
    /// Half of the answers took at most this many milliseconds.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
}

/// Processor time of a part of the whole.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// Which.
    pub who: &'static str,
    /// Cores kept busy on average.
    pub cores: f64,
}

/// The figures of each kind.
pub fn kinds(done: &mut Done, took: Duration) -> Vec<Kinds> {
    done.times.sort_unstable();
    Kind::ALL
        .iter()
        .map(|kind| {
            let times: Vec<Duration> = done
                .times
                .iter()
                .filter(|(found, _)| found == kind)
                .map(|(_, time)| *time)
                .collect();
            let millis = |percent| percentile(&times, percent).as_secs_f64() * 1000.0;
            Kinds {
                kind: kind.name(),
                answers: times.len(),
                per_second: times.len() as f64 / took.as_secs_f64(),
                p50: millis(50),
                p95: millis(95),
                p99: millis(99),
            }
        })
        .collect()
}

/// The section of the benchmarks' page.
#[must_use]
pub fn section(report: &Report, machine: &str) -> String {
    let mut text = format!(
        "{} connections for {:.0} s, mixed; the load comes from the same machine. {machine}.\n\n\
         | asked | answers | a second | p50 | p95 | p99 |\n|---|---:|---:|---:|---:|---:|\n",
        report.connections, report.seconds
    );
    // A String takes all that is written to it.
    for kind in &report.kinds {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {:.1} ms | {:.1} ms | {:.1} ms |",
            kind.kind, kind.answers, kind.per_second, kind.p50, kind.p95, kind.p99
        );
    }
    let shares: Vec<String> = report
        .shares
        .iter()
        .map(|share| format!("{} {:.2}", share.who, share.cores))
        .collect();
    let _ = writeln!(
        text,
        "\nCores kept busy: {}. {} requests that must be refused were. No other answer was an \
         error.",
        shares.join(", "),
        report.refusals
    );
    if let Some(outage) = report.outage_seconds {
        let _ = writeln!(
            text,
            "The server was killed (SIGKILL) in the middle and listened again after {outage:.1} s; \
             {} connections broke.",
            report.cuts
        );
    }
    let _ = writeln!(
        text,
        "{} resources were acknowledged and all are there; {} people were compared with what was \
         sent, those acknowledged shortly before the kill among them.",
        report.acknowledged, report.compared
    );
    let _ = writeln!(text, "Ledger: {}", report.ledger.replace('\n', "; "));
    let _ = writeln!(
        text,
        "\nResident memory of the server, growing by {:.2} MB a minute in the last two thirds of \
         its life:\n\n| second | MB |\n|---:|---:|",
        report.growth / 1e6
    );
    let step = (report.memory.len() / 20).max(1);
    for (at, bytes) in report.memory.iter().step_by(step) {
        let _ = writeln!(text, "| {at:.0} | {:.0} |", *bytes as f64 / 1e6);
    }
    text
}
