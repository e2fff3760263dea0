//! What must hold after the load.

use std::collections::HashSet;
use std::time::Duration;

use testbed::Platform;

use super::shared::{Done, Written};
use crate::LoadError;
use crate::client::Target;
use crate::people;

/// How many acknowledged people are compared word by word, besides those around the kill.
const SAMPLE: usize = 2_000;
/// What was acknowledged this shortly before the kill is compared in any case.
const AROUND: Duration = Duration::from_secs(2);
/// Memory may grow by this part of itself between the first and the last of what is looked at…
const GROWTH: f64 = 0.10;
/// …or by this much, which a short run needs to warm up.
const WARMING: f64 = 24.0 * 1024.0 * 1024.0;

/// Everything acknowledged is in the database, and people are read back as they were sent:
/// all that came shortly before the kill, and some of the others. Returns how many were compared.
pub fn nothing_is_lost(
    platform: &Platform,
    target: &Target,
    done: &Done,
    restarted: Option<(Duration, Duration)>,
) -> Result<usize, LoadError> {
    let text = platform.cluster().sql(
        platform.database(),
        "SELECT resource_type || '/' || id FROM resource",
    )?;
    let there: HashSet<&str> = text.lines().collect();
    let lost = |written: &&Written| !there.contains(written.reference.as_str());
    if let Some(first) = done.written.iter().find(lost) {
        let count = done.written.iter().filter(lost).count();
        return Err(LoadError::Broken(format!(
            "{count} acknowledged writes are lost, the first {} after {:.1} s",
            first.reference,
            first.at.as_secs_f64()
        )));
    }
    let people = || {
        done.written
            .iter()
            .filter(|written| written.person.is_some())
    };
    let step = (people().count() / SAMPLE).max(1);
    let near = |at: Duration| {
        restarted.is_some_and(|(killed, _)| at + AROUND >= killed && at <= killed + AROUND)
    };
    let mut connection = target.connection();
    let mut compared = 0;
    for (n, written) in people().enumerate() {
        if n % step != 0 && !near(written.at) {
            continue;
        }
        let found = connection.get(&written.reference)?.done("a read")?.json()?;
        let sent = written.person.map(people::patient).unwrap_or_default();
        for part in ["identifier", "name", "telecom", "birthDate", "address"] {
            if found[part] != sent[part] {
                let reference = &written.reference;
                return Err(LoadError::Broken(format!("{part} of {reference} differs")));
            }
        }
        compared += 1;
    }
    Ok(compared)
}

/// Growth of memory, bytes a minute, from some time after `from` (when the server was started
/// last) to the end.
pub fn memory_is_flat(memory: &[(f64, u64)], from: f64) -> Result<f64, LoadError> {
    let last = memory.last().map_or(from, |sample| sample.0);
    // The first third fills pools and caches.
    let begin = from + (last - from) / 3.0;
    let samples: Vec<(f64, f64)> = memory
        .iter()
        .filter(|sample| sample.0 >= begin)
        .map(|(at, bytes)| (*at, *bytes as f64))
        .collect();
    let Some(slope) = slope(&samples) else {
        return Ok(0.0);
    };
    let mean = samples.iter().map(|sample| sample.1).sum::<f64>() / samples.len() as f64;
    let grown = slope * (last - begin);
    if grown > (mean * GROWTH).max(WARMING) {
        return Err(LoadError::Broken(format!(
            "memory grows: {:.1} MB in {:.0} s, at {:.0} MB",
            grown / 1e6,
            last - begin,
            mean / 1e6
        )));
    }
    Ok(slope * 60.0)
}

/// Slope of the straight line through these points (least squares).
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = (
        points.iter().map(|p| p.0).sum::<f64>() / count,
        points.iter().map(|p| p.1).sum::<f64>() / count,
    );
    let spread: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    (points.len() > 2 && spread > 0.0).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(each: impl Fn(f64) -> f64) -> Vec<(f64, u64)> {
        (0..600)
            .map(|second| (f64::from(second), each(f64::from(second)) as u64))
            .collect()
    }

    #[test]
    fn memory_that_grows_is_told_from_memory_that_warms_up() {
        let megabyte = 1024.0 * 1024.0;
        let warms = series(|at| 90.0 * megabyte + at.min(120.0) * megabyte / 2.0);
        assert!(memory_is_flat(&warms, 0.0).unwrap().abs() < megabyte);
        let leaks = series(|at| 90.0 * megabyte + at * megabyte / 8.0);
        assert!(memory_is_flat(&leaks, 0.0).is_err());
        assert_eq!(memory_is_flat(&[], 0.0).unwrap(), 0.0);
    }
}
