//! Many connections at once, for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::LoadError;
use crate::client::{Connection, Target};

/// What came of a drive.
#[derive(Debug, Clone)]
pub struct Driven {
    /// Answers a second, over all connections.
    pub rate: f64,
    /// How long each took, sorted.
    pub times: Vec<Duration>,
}

impl Driven {
    /// The time that `percent` of the answers do not exceed.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        percentile(&self.times, percent)
    }
}

/// The time that `percent` of these, sorted, do not exceed.
#[must_use]
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let last = times.len().saturating_sub(1);
    times
        .get((last * percent).div_ceil(100))
        .copied()
        .unwrap_or_default()
}

/// Asks over `connections` connections until `length` has passed. `ask` is given the number of
/// the request, which no two requests share. The first failure ends the drive.
///
/// # Errors
/// What `ask` returns.
pub fn drive(
    target: &Target,
    connections: usize,
    length: Duration,
    ask: impl Fn(&mut Connection, u64) -> Result<(), LoadError> + Sync,
) -> Result<Driven, LoadError> {
    let number = AtomicU64::new(0);
    // Hands are shaken before the clock runs.
    let ready = std::sync::Barrier::new(connections);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = target.connection();
                    let shaken = connection.get("metadata");
                    ready.wait();
                    shaken?;
                    let begun = Instant::now();
                    let mut times = Vec::new();
                    while begun.elapsed() < length {
                        let asked = Instant::now();
                        ask(&mut connection, number.fetch_add(1, Ordering::Relaxed))?;
                        times.push(asked.elapsed());
                    }
                    Ok::<_, LoadError>((begun.elapsed(), times))
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    let mut rate = 0.0;
    let mut all = Vec::new();
    for outcome in outcomes {
        let (took, times) =
            outcome.map_err(|_| LoadError::Broken("a connection's thread panicked".into()))??;
        rate += times.len() as f64 / took.as_secs_f64();
        all.extend(times);
    }
    all.sort_unstable();
    Ok(Driven { rate, times: all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(51));
        assert_eq!(percentile(&times, 99), Duration::from_millis(100));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
