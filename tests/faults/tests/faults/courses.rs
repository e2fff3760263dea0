//! The courses of a run: one seed each, told as it ends, so that a run that was stopped goes on
//! where it was and one that fails is named.

use std::ops::Range;
use std::time::Instant;

/// Which courses to run.
pub struct Courses {
    /// As `cargo xtask faults` calls them.
    what: &'static str,
    seeds: Range<u64>,
    /// Nobody follows the few of every day.
    is_told: bool,
}

impl Courses {
    /// The seeds that the variables name: `ROUNDS_FAULTS_KILLS=100` courses, from
    /// `ROUNDS_FAULTS_FROM`, or `ROUNDS_FAULTS_SEED=17` alone.
    pub fn of(what: &'static str, variable: &str, usual: u64) -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let wanted = number(variable);
        let seeds = match number("ROUNDS_FAULTS_SEED") {
            Some(seed) => seed..seed + 1,
            None => {
                let from = number("ROUNDS_FAULTS_FROM").unwrap_or(0);
                from..from + wanted.unwrap_or(usual)
            }
        };
        Self {
            what,
            seeds,
            is_told: wanted.is_some(),
        }
    }

    /// Runs them one after the other; a course gives what it did, in words. None: this machine
    /// does not allow it.
    ///
    /// # Panics
    /// With the first course that fails.
    pub fn run(self, mut course: impl FnMut(u64) -> Result<Option<String>, String>) {
        let began = Instant::now();
        let total = self.seeds.end - self.seeds.start;
        for (nth, seed) in self.seeds.clone().enumerate() {
            let named = Named {
                what: self.what,
                seed,
            };
            match course(seed) {
                Ok(Some(done)) if self.is_told => println!(
                    "{} {}/{total}, seed {seed}: {done}; {} s since the beginning",
                    self.what,
                    nth + 1,
                    began.elapsed().as_secs(),
                ),
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(what) => panic!("{what}"),
            }
            drop(named);
        }
    }
}

/// Says which course it was that did not come to its end, however that came about.
struct Named {
    what: &'static str,
    seed: u64,
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { what, seed } = self;
            println!(
                "seed {seed} failed; again with: cargo xtask faults {what} --seed {seed}, \
                 on with: --from {}",
                *seed + 1
            );
        }
    }
}
