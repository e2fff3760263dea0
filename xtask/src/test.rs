//! `cargo xtask test`: everything, on a machine that has what `demo` installs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::step::{self, seconds};
use crate::{build, install, simulate, stop, tidy, tour};

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Between edits: what changed, without acceptance; under a minute when warm.
    #[arg(long)]
    fast: bool,
}

/// What came of a step.
struct Outcome {
    step: String,
    passed: u64,
    failed: u64,
    time: Duration,
}

/// Steps and what came of them; a failed step does not keep the others from running.
#[derive(Default)]
struct Report {
    outcomes: Vec<Outcome>,
}

impl Report {
    /// A check that passes or fails as a whole.
    fn check(
        &mut self,
        step: &str,
        run: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let begin = Instant::now();
        let passed = match run() {
            Ok(()) => true,
            Err(Failure::Stopped) => return Err(Failure::Stopped),
            Err(failure) => {
                eprintln!("error: {failure}");
                false
            }
        };
        self.add(step, u64::from(passed), u64::from(!passed), begin);
        Ok(())
    }

    /// A runner that counts its tests.
    fn tests(&mut self, step: &str, command: Command) -> Result<(), Failure> {
        step::say(step);
        let begin = Instant::now();
        let (success, text) = step::heard(command)?;
        let (passed, mut failed) = counts(&text);
        // A runner that fails without a failed test could not run them.
        if !success && failed == 0 {
            failed = 1;
        }
        self.add(step, passed, failed, begin);
        Ok(())
    }

    fn add(&mut self, step: &str, passed: u64, failed: u64, begin: Instant) {
        self.outcomes.push(Outcome {
            step: step.to_owned(),
            passed,
            failed,
            time: begin.elapsed(),
        });
    }

    /// Prints the table; its last line is the sum.
    fn finish(&self, begin: Instant) -> Result<(), Failure> {
        println!();
        println!(
            "{:44} {:>7} {:>7} {:>12}",
            "step", "passed", "failed", "time"
        );
        for outcome in &self.outcomes {
            println!(
                "{:44} {:>7} {:>7} {:>12}",
                outcome.step,
                outcome.passed,
                outcome.failed,
                seconds(outcome.time)
            );
        }
        let sum = |count: fn(&Outcome) -> u64| self.outcomes.iter().map(count).sum::<u64>();
        let failed = sum(|outcome| outcome.failed);
        println!("{:44} {:>28}", "", seconds(begin.elapsed()));
        println!("{} passed, {failed} failed", sum(|outcome| outcome.passed));
        if failed == 0 {
            Ok(())
        } else {
            Err(Failure::Found("the tests".to_owned()))
        }
    }
}

/// Packages whose tests outside their own source start databases, servers or calls: minutes.
/// Those of the workstation that do are a binary of their own.
const PLATFORMS: [&str; 4] = ["rounds-server", "faults", "calls", "workstation"];
/// All but those.
const QUICK: &str = "not (kind(test) & (package(rounds-server) | package(faults) | package(calls) \
                     | (package(workstation) & binary(platform))))";

/// Runs everything, or with `--fast` what changed.
pub(crate) fn run(options: &Test) -> Result<(), Failure> {
    if options.fast { fast() } else { all() }
}

fn all() -> Result<(), Failure> {
    let begin = Instant::now();
    let mut report = Report::default();
    install::missing(install::For::Tour)?;
    build::interface()?;
    build::test_provider()?;

    report.check("format (rustfmt)", || {
        step::run("Format", step::cargo(["fmt", "--all", "--check"]))
    })?;
    report.check("lint (clippy)", || {
        step::run("Lint", clippy(&["--workspace"]))
    })?;
    report.check("the programs build", build::all_programs)?;
    report.tests("Rust tests", workspace_tests(Part::AllBut("acceptance")))?;
    report.tests("sync, simulated", simulate::many())?;
    report.tests(
        "documentation tests",
        step::cargo(["test", "--doc", "--workspace", "--quiet"]),
    )?;
    report.check("interface: format, lint, types", || {
        step::run(
            "Interface: format, lint, types",
            step::npm(["run", "--silent", "check"]),
        )
    })?;
    report.tests("interface: tests", step::npm(["run", "--silent", "test"]))?;
    report.check("house rules (tidy)", || {
        step::say("House rules");
        tidy::check(tidy::Depth::Built)
    })?;
    report.tests(
        "acceptance: a desktop for the tests",
        workspace_tests(Part::Only("acceptance")),
    )?;
    report.check("acceptance: the tour", || tour::take(&[]))?;
    report.check("acceptance: three people off line", tour::off_line_day)?;
    report.finish(begin)
}

fn fast() -> Result<(), Failure> {
    let begin = Instant::now();
    let mut report = Report::default();
    let changed = changed()?;
    let packages = packages(&changed)?;
    report.check("format (rustfmt)", || {
        step::run("Format", step::cargo(["fmt", "--all", "--check"]))
    })?;
    if packages.is_empty() {
        eprintln!("── No crate changed");
    } else {
        let mut chosen = Vec::new();
        for package in &packages {
            chosen.extend(["-p", package.as_str()]);
        }
        report.check("lint (clippy)", || step::run("Lint", clippy(&chosen)))?;
        if install::program("cargo-nextest") {
            chosen.extend(["-E", QUICK]);
        }
        report.tests("Rust tests", tests(&chosen))?;
        if PLATFORMS.iter().any(|name| packages.contains(*name)) {
            eprintln!("── What needs a database or two programs is left to `cargo xtask test`");
        }
    }
    if changed.iter().any(|path| path.starts_with("ui/")) {
        build::libraries()?;
        report.check("interface: format, lint, types", || {
            step::run(
                "Interface: format, lint, types",
                step::npm(["run", "--silent", "check"]),
            )
        })?;
        report.tests("interface: tests", step::npm(["run", "--silent", "test"]))?;
    }
    report.check("house rules (tidy)", || {
        step::say("House rules");
        tidy::check(tidy::Depth::Text)
    })?;
    report.finish(begin)
}

fn clippy(which: &[&str]) -> Command {
    let mut arguments = vec!["clippy", "--quiet", "--all-targets"];
    arguments.extend(which);
    arguments.extend(["--", "-D", "warnings"]);
    step::cargo(arguments)
}

/// Tests of the whole workspace, by package.
enum Part {
    AllBut(&'static str),
    Only(&'static str),
}

/// The tests of a part of the workspace. nextest builds all of it and chooses then, so that
/// both parts come from one build.
fn workspace_tests(part: Part) -> Command {
    if install::program("cargo-nextest") {
        let choice = match part {
            Part::AllBut(name) => format!("not package({name})"),
            Part::Only(name) => format!("package({name})"),
        };
        return tests(&["--workspace", "-E", &choice]);
    }
    match part {
        Part::AllBut(name) => tests(&["--workspace", "--exclude", name]),
        Part::Only(name) => tests(&["-p", name]),
    }
}

/// The tests of these packages: by nextest where it is installed, by Cargo otherwise.
fn tests(which: &[&str]) -> Command {
    let nextest = install::program("cargo-nextest");
    let mut arguments = if nextest {
        vec![
            "nextest",
            "run",
            "--no-fail-fast",
            "--no-tests",
            "pass",
            "--status-level",
            "slow",
        ]
    } else {
        vec!["test", "--no-fail-fast", "--all-targets"]
    };
    arguments.extend(which);
    step::cargo(arguments)
}

/// Paths that differ from the last commit; if none do, those of the last commit.
fn changed() -> Result<Vec<String>, Failure> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(step::root()).args(arguments);
        step::output("git", command)
    };
    let mut text = git(&["diff", "--name-only", "HEAD"])?;
    text += &git(&["ls-files", "--others", "--exclude-standard"])?;
    if text.trim().is_empty() {
        text = git(&["show", "--name-only", "--format=", "HEAD"])?;
    }
    Ok(text.lines().map(str::to_owned).collect())
}

/// The packages that these paths belong to. Acceptance and measurements are not for between edits.
fn packages(paths: &[String]) -> Result<BTreeSet<String>, Failure> {
    let mut packages = BTreeSet::new();
    for path in paths {
        let manifest = Path::new(path)
            .ancestors()
            .skip(1)
            .map(|folder| step::root().join(folder).join("Cargo.toml"))
            .find(|manifest| manifest.is_file());
        let Some(manifest) = manifest else { continue };
        let text = std::fs::read_to_string(&manifest).map_err(Failure::file(&manifest))?;
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("name = \""))
            .and_then(|rest| rest.split('"').next());
        if let Some(name) =
            name.filter(|name| !matches!(*name, "acceptance" | "bench" | "calls" | "load"))
        {
            packages.insert(name.to_owned());
        }
    }
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    Ok(packages)
}

/// Passed and failed tests, from the summaries of the runners: nextest, cargo test, vitest.
fn counts(text: &str) -> (u64, u64) {
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines() {
        let line = line.trim();
        let counts = line.starts_with("Summary [")
            || line.starts_with("test result:")
            || line.starts_with("Tests ");
        if counts {
            passed += before(line, "passed");
            failed += before(line, "failed") + before(line, "timed out");
        }
    }
    (passed, failed)
}

/// The number in front of a word: 12 in `12 passed`.
fn before(line: &str, word: &str) -> u64 {
    let Some(place) = line.find(&format!(" {word}")) else {
        return 0;
    };
    let number = line[..place].rsplit(|c: char| !c.is_ascii_digit()).next();
    number.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn summaries_of_all_runners_are_counted() {
        let text = "     Summary [   9.908s] 23 tests run: 21 passed (1 slow), 2 failed, 3 skipped\n\
                    test result: ok. 4 passed; 0 failed; 1 ignored; finished in 0.1s\n\
                    test result: FAILED. 3 passed; 1 failed; 0 ignored\n\
                    \x20     Tests  1 failed | 16 passed (17)\n\
                    \x20Test Files  1 failed | 3 passed (4)\n";
        assert_eq!(super::counts(text), (21 + 4 + 3 + 16, 2 + 1 + 1));
    }
}
