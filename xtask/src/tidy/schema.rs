//! Every column of every table says what it is for.

use std::collections::HashSet;

use super::source::{File, Tree};
use super::{Finding, at};

/// Words that begin a line of a table but not a column.
const NOT_COLUMNS: &[&str] = &[
    "primary",
    "unique",
    "foreign",
    "check",
    "constraint",
    "exclude",
    "like",
    "partition",
    ")",
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = || tree.under("", &[".sql"]);
    let commented: HashSet<String> = files().flat_map(comments).collect();
    for file in files() {
        for column in columns(file) {
            let name = format!("{}.{}", column.table, column.name);
            if !column.beside && !commented.contains(&name) {
                findings.push(Finding::new(
                    at(&file.path, column.line),
                    format!("{name} has no comment"),
                ));
            }
        }
    }
    findings
}

struct Column {
    table: String,
    name: String,
    line: usize,
    /// A comment stands on the line or the one before.
    beside: bool,
}

/// `table.column` of each COMMENT ON COLUMN.
fn comments(file: &File) -> impl Iterator<Item = String> {
    let words: Vec<String> = file
        .text
        .split_whitespace()
        .map(str::to_lowercase)
        .collect();
    let names: Vec<String> = words
        .windows(4)
        .filter(|words| words[0] == "comment" && words[1] == "on" && words[2] == "column")
        .map(|words| {
            let parts: Vec<&str> = words[3].rsplit('.').take(2).collect();
            parts.into_iter().rev().collect::<Vec<_>>().join(".")
        })
        .collect();
    names.into_iter()
}

fn columns(file: &File) -> Vec<Column> {
    let mut found = Vec::new();
    let mut table: Option<String> = None;
    // How deep in parentheses a line begins, counted from the table's own.
    let mut depth = 0_i32;
    // Whether the line before ended a column, or opened the table.
    let mut fresh = false;
    let mut before = "";
    for (number, line) in file.text.lines().enumerate() {
        let code = line
            .split("--")
            .next()
            .unwrap_or_default()
            .trim()
            .to_lowercase();
        let words: Vec<&str> = code.split_whitespace().collect();
        let comment = |text: &str| text.trim_start().starts_with("--");
        if table.is_none()
            && code.starts_with("create")
            && code.contains(" table ")
            && !code.contains("partition of")
        {
            let name = words
                .iter()
                .skip_while(|word| **word != "table")
                .skip(1)
                .find(|word| !matches!(**word, "if" | "not" | "exists"));
            if let Some(name) = name {
                let name = name.split('(').next().unwrap_or_default();
                table = Some(name.rsplit('.').next().unwrap_or_default().to_owned());
                depth = 0;
            }
        } else if let (Some(name), 1, true) = (&table, depth, fresh)
            && let Some(first) = words.first()
            // A setting of a virtual table.
            && !first.contains('=')
            && words.get(1).is_none_or(|second| !second.starts_with('='))
            && !NOT_COLUMNS
                .iter()
                .any(|word| first.starts_with(word) && !first.contains('_'))
        {
            found.push(Column {
                table: name.clone(),
                name: first.trim_matches('"').to_owned(),
                line: number,
                beside: line.contains("--") || comment(before),
            });
        } else if let ["alter", "table", rest @ ..] = words.as_slice()
            && let Some(place) = rest.windows(2).position(|pair| pair == ["add", "column"])
            && let (Some(of), Some(name)) = (rest.first(), rest.get(place + 2))
        {
            found.push(Column {
                table: of.rsplit('.').next().unwrap_or_default().to_owned(),
                name: (*name).to_owned(),
                line: number,
                beside: line.contains("--") || comment(before),
            });
        }
        if table.is_some() {
            for c in code.chars() {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
            }
            if depth <= 0 && code.contains(')') || code.ends_with(';') {
                table = None;
            }
        }
        if !code.is_empty() {
            fresh = code.ends_with([',', '(']);
        }
        before = line;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;

    #[test]
    fn columns_without_a_comment_are_found() {
        let sql = "CREATE TABLE rounds.visit (\n  id uuid NOT NULL,\n  body bytea CHECK (octet_length(body) > 0), -- sealed\n  -- When it was made.\n  made timestamptz\n    DEFAULT now(),\n  loose text,\n  PRIMARY KEY (id)\n);\nCOMMENT ON COLUMN rounds.visit.id IS 'x';\nALTER TABLE visit ADD COLUMN late text;\n";
        let found: Vec<String> = super::check(&tree_of(&[("a.sql", sql)]))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "a.sql:7: visit.loose has no comment",
                "a.sql:11: visit.late has no comment"
            ]
        );
    }
}
