//! `cargo xtask tidy`: the house rules that a program can check.

mod licences;
mod links;
mod long;
mod schema;
mod secrets;
mod source;
mod symbols;
mod walls;
mod words;

use std::fmt;
#[cfg(test)]
use std::path::PathBuf;
use std::time::Instant;

use crate::failure::Failure;
use crate::step::{self, seconds};
use crate::{bindings, build};

use source::Tree;

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Only what needs no build.
    Text,
    /// The program too, as it is built; the drift of the bindings is left to the test that
    /// shows it.
    Built,
    /// Everything.
    Whole,
}

/// Options of `tidy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Tidy {
    /// Only what is written: nothing is built.
    #[arg(long)]
    text: bool,
}

/// The rules, as a task of its own.
pub(crate) fn run(options: &Tidy) -> Result<(), Failure> {
    check(if options.text {
        Depth::Text
    } else {
        Depth::Whole
    })
}

/// The rules of this depth.
pub(crate) fn check(depth: Depth) -> Result<(), Failure> {
    let begin = Instant::now();
    let tree = Tree::read(&step::root())?;
    let metadata = walls::metadata()?;
    let mut rules: Vec<(&str, Vec<Finding>)> = vec![
        ("walls between crates", walls::edges(&metadata)),
        ("walls in the source", walls::sources(&tree)),
        (
            "prohibitions are stated",
            walls::prohibitions(&tree, &metadata),
        ),
        (
            "licences and duplicates",
            licences::check(&tree, &metadata)?,
        ),
        ("no secrets, nobody's data", secrets::check(&tree)),
        ("no loose ends, honest names", words::check(&tree)),
        ("one subject a file", long::check(&tree)),
        ("every column is commented", schema::check(&tree)),
        ("links lead somewhere", links::check(&tree)),
    ];
    if depth == Depth::Whole {
        build::programs(&["rounds"])?;
    }
    if depth != Depth::Text {
        rules.push((
            "the program keeps SQLite to itself",
            symbols::check(&step::programs()?.join("rounds"))?,
        ));
    }
    let mut broken = 0;
    for (rule, findings) in &rules {
        println!(
            "{} {rule}",
            if findings.is_empty() {
                "ok    "
            } else {
                "broken"
            }
        );
        for finding in findings {
            println!("         {finding}");
        }
        broken += usize::from(!findings.is_empty());
    }
    if depth == Depth::Whole {
        bindings::compare()?;
        println!("ok     bindings are fresh");
    }
    println!(
        "tidy: {} rules in {}",
        rules.len(),
        seconds(begin.elapsed())
    );
    if broken == 0 {
        Ok(())
    } else {
        Err(Failure::Found(format!(
            "{broken} of {} house rules",
            rules.len()
        )))
    }
}

/// `path:line`, as terminals make links of it.
fn at(path: &str, line: usize) -> String {
    format!("{path}:{}", line + 1)
}

/// The project's root, for the tests of the rules.
#[cfg(test)]
fn tree_of(files: &[(&str, &str)]) -> Tree {
    Tree::of(
        files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned())),
    )
}
