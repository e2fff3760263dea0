//! `cargo xtask mutate`: breaks sync on purpose, a line or two at a time, and tells whether the
//! simulation finds out. What is broken stands in `crates/sync/tests/simulation/mutations.txt`.
//!
//! It works on a copy of the sources, which Cargo builds beside ours: a run that is stopped leaves
//! nothing broken.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::step;

const LIST: &str = "crates/sync/tests/simulation/mutations.txt";

/// Options of `mutate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Mutate {
    /// Only the mutations whose name holds this.
    #[arg(long, default_value = "")]
    name: String,
    /// Goes on with this one of them, counted from 0, where a run was stopped.
    #[arg(long, default_value_t = 0)]
    from: usize,
    /// Seeds to find each of them in.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
}

/// A text of a source file, and the wrong one to put there.
struct Mutation {
    name: String,
    file: PathBuf,
    before: String,
    after: String,
}

/// Runs the simulation on each mutation. Fails if one is not found.
pub(crate) fn run(options: &Mutate) -> Result<(), Failure> {
    let mutations = list()?;
    let copy = step::target().join("mutated");
    let mut missed = 0;
    let mut rows = Vec::new();
    for (number, mutation) in mutations.iter().enumerate().skip(options.from) {
        if !mutation.name.contains(&options.name) {
            continue;
        }
        step::say(&format!("{number}: {}", mutation.name));
        refresh(&copy)?;
        let path = copy.join(&mutation.file);
        write(&path, &mutation.applied(&read(&path)?)?)?;
        let (success, said) = step::overheard(simulation(&copy, options.seeds)?)?;
        let verdict = match found(&said) {
            Some(found) => found,
            None if success => {
                missed += 1;
                format!("NOT FOUND in {} seeds", options.seeds)
            }
            None => return Err(Failure::Plain(format!("it does not build:\n{said}"))),
        };
        eprintln!("   {verdict}");
        rows.push((&mutation.name, verdict));
    }
    println!("| broken | found |\n|---|---|");
    for (name, verdict) in rows {
        println!("| {name} | {verdict} |");
    }
    if missed == 0 {
        Ok(())
    } else {
        Err(Failure::Found(format!("{missed} mutations: the search")))
    }
}

fn simulation(copy: &Path, seeds: u64) -> Result<Command, Failure> {
    let mut command = step::cargo(["test", "--quiet", "--workspace", "--test", "simulation"]);
    command
        .args(["--", "--nocapture"])
        .current_dir(copy)
        .env("ROUNDS_SIMULATION_SEEDS", seeds.to_string());
    // Libraries that are compiled already are not compiled again.
    if let Some(target) = step::programs()?.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    Ok(command)
}

/// The first seed that failed, and why.
fn found(said: &str) -> Option<String> {
    let rest = said.lines().find_map(|line| line.strip_prefix("seed "))?;
    let (seed, why) = rest.split_once(" failed: ")?;
    Some(format!("seed {seed}: {why}"))
}

/// Makes the copy equal to our sources. What is equal already is not touched, so that Cargo
/// compiles what was broken and nothing else.
fn refresh(copy: &Path) -> Result<(), Failure> {
    let mut git = Command::new("git");
    git.current_dir(step::root())
        .args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let files = step::output("git", git)?;
    for file in files.lines().filter(|file| !file.starts_with("ui/")) {
        let (from, to) = (step::root().join(file), copy.join(file));
        let Ok(ours) = std::fs::read(&from) else {
            // Deleted and not committed yet.
            continue;
        };
        if std::fs::read(&to).is_ok_and(|theirs| theirs == ours) {
            continue;
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
        }
        std::fs::write(&to, ours).map_err(Failure::file(&to))?;
    }
    Ok(())
}

fn list() -> Result<Vec<Mutation>, Failure> {
    let text = read(&step::root().join(LIST))?;
    let blocks = text
        .split("\n\n")
        .filter(|block| !block.starts_with('#') && !block.trim().is_empty());
    blocks.map(Mutation::parse).collect()
}

impl Mutation {
    /// A name, a file, the lines to take away and the lines to put there.
    fn parse(block: &str) -> Result<Self, Failure> {
        let wrong = || Failure::Plain(format!("{LIST}: this is no mutation:\n{block}"));
        let mut lines = block.trim().lines();
        let (name, file) = (lines.next(), lines.next());
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for line in lines {
            let (side, text) = line.split_at_checked(1).ok_or_else(wrong)?;
            match side {
                "-" => before.push(text),
                "+" => after.push(text),
                _ => return Err(wrong()),
            }
        }
        let (Some(name), Some(file), false) = (name, file, before.is_empty()) else {
            return Err(wrong());
        };
        Ok(Self {
            name: name.to_owned(),
            file: file.into(),
            before: before.join("\n"),
            after: after.join("\n"),
        })
    }

    fn applied(&self, source: &str) -> Result<String, Failure> {
        if source.matches(&self.before).count() == 1 {
            return Ok(source.replace(&self.before, &self.after));
        }
        let file = self.file.display();
        Err(Failure::Plain(format!(
            "{}: its text does not stand once in {file}",
            self.name
        )))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::file(path))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(Failure::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_fits_the_sources() {
        let mutations = list().unwrap();
        assert!(mutations.len() > 20);
        for mutation in mutations {
            let source = read(&step::root().join(&mutation.file)).unwrap();
            assert_ne!(mutation.applied(&source).unwrap(), source);
        }
    }

    #[test]
    fn the_first_seed_that_failed_is_told() {
        let said = "running 1 test\nseed 17 failed: a word is nowhere\nseed 18 failed: late\n";
        assert_eq!(found(said).as_deref(), Some("seed 17: a word is nowhere"));
        assert_eq!(found("100 seeds in 2.0 s"), None);
    }
}
