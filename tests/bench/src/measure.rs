//! Measuring two things in turn.

use std::time::{Duration, Instant};

use crate::row::RowError;

/// Rounds of a comparison.
pub const ROUNDS: usize = 5;

/// Runs `ours` and `peer` in turn, five times, and answers the median of each. In turn, so that
/// whatever else the machine does meets both.
pub fn in_turn(
    mut ours: impl FnMut(usize) -> Result<f64, RowError>,
    mut peer: impl FnMut(usize) -> Result<f64, RowError>,
) -> Result<(f64, f64), RowError> {
    let (mut of_ours, mut of_peer) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first changes: the second finds a warmer machine.
        if round % 2 == 0 {
            of_ours.push(ours(round)?);
            of_peer.push(peer(round)?);
        } else {
            of_peer.push(peer(round)?);
            of_ours.push(ours(round)?);
        }
    }
    Ok((median(&mut of_ours), median(&mut of_peer)))
}

/// How long `work` takes.
pub fn time<T>(work: impl FnOnce() -> Result<T, RowError>) -> Result<(Duration, T), RowError> {
    let begun = Instant::now();
    let value = work()?;
    Ok((begun.elapsed(), value))
}

/// `count` by the seconds that `work` takes.
pub fn rate(count: usize, work: impl FnOnce() -> Result<(), RowError>) -> Result<f64, RowError> {
    let (took, ()) = time(work)?;
    Ok(count as f64 / took.as_secs_f64())
}

/// The middle of some values.
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of the values do not exceed.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) * percent).div_ceil(100)]
}

/// Milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&mut values, 95), 96.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(percentile(&mut [7.0], 95), 7.0);
        assert!(median(&mut []).is_nan());
    }
}
