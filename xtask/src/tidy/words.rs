//! Loose ends, and names that say nothing.

use super::source::Tree;
use super::{Finding, at};

/// Marks of something left for later. Written in two halves, so that this file has none.
const LATER: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Endings of a type's name that do not say what it is.
const EMPTY: [&str; 4] = ["Manager", "Helper", "Util", "Utils"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.under("", &[".rs", ".ts", ".tsx", ".sql", ".sh", ".cedar"]) {
        for (number, line) in file.text.lines().enumerate() {
            for mark in LATER {
                let word = line
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|word| word == mark);
                if word {
                    findings.push(Finding::new(
                        at(&file.path, number),
                        format!("{mark}: do it, or write an issue"),
                    ));
                }
            }
            if let Some(name) = declared(line)
                && EMPTY.iter().any(|ending| name.ends_with(ending))
            {
                findings.push(Finding::new(
                    at(&file.path, number),
                    format!("{name}: what is its real name?"),
                ));
            }
        }
    }
    findings
}

/// The name of the type that a line declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    [
        "struct ",
        "enum ",
        "trait ",
        "class ",
        "interface ",
        "type ",
    ]
    .iter()
    .find_map(|word| {
        let start = line.find(word)?;
        let before = line[..start].trim_end();
        let declares =
            before.is_empty() || before.starts_with("pub") || before.starts_with("export");
        let rest = &line[start + word.len()..];
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        (declares && end > 0).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;

    #[test]
    fn loose_ends_and_empty_names_are_found() {
        let mark = super::LATER[0];
        let text = format!(
            "// {mark}: later\npub(crate) struct KeyManager;\nstruct Keyring;\nlet s = \"the manager\";"
        );
        let found = super::check(&tree_of(&[("a.rs", &text)]));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
