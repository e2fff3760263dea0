//! A file past 600 lines is asked whether it is one subject.

use super::Finding;
use super::source::Tree;

const LIMIT: usize = 600;

/// Where the answers are: `path: reason`, one a line.
const ANSWERS: &str = "xtask/long-files.txt";

/// Files that no person writes.
const GENERATED: &[&str] = &["ui/shared/bindings.ts"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let answers: Vec<(&str, &str)> = tree
        .get(ANSWERS)
        .map(|file| file.text.lines().collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .collect();
    let long = |path: &str| tree.get(path).map_or(0, |file| file.text.lines().count()) > LIMIT;
    for file in tree.under("", &[".rs", ".ts", ".tsx", ".sql", ".css"]) {
        if GENERATED.contains(&file.path.as_str()) || !long(&file.path) {
            continue;
        }
        let reason = answers
            .iter()
            .find(|(path, _)| *path == file.path)
            .map(|(_, reason)| *reason);
        if reason.is_none_or(str::is_empty) {
            let lines = file.text.lines().count();
            findings.push(Finding::new(
                &file.path,
                format!("{lines} lines: split it, or say in {ANSWERS} why it is one subject"),
            ));
        }
    }
    for (path, _) in answers {
        if !long(path) {
            findings.push(Finding::new(
                ANSWERS,
                format!("{path} is not long any more"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;

    #[test]
    fn long_files_need_a_reason_and_reasons_need_a_long_file() {
        let long = "x\n".repeat(601);
        let tree = tree_of(&[
            ("a.rs", &long),
            ("b.rs", &long),
            ("c.rs", "x\n"),
            ("xtask/long-files.txt", "b.rs: a table\nc.rs: old\n"),
        ]);
        let places: Vec<String> = super::check(&tree)
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(places, ["a.rs", "xtask/long-files.txt"]);
    }
}
