//! Links in Markdown lead to something that is there.

use std::path::{Component, Path, PathBuf};

use super::source::{File, Tree};
use super::{Finding, at};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.under("", &[".md"]) {
        for (line, target) in links(file) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let found = if path.is_empty() {
                Some(file.path.clone())
            } else {
                resolve(&file.path, path)
            };
            let Some(found) = found.filter(|found| tree.has(found)) else {
                findings.push(Finding::new(
                    at(&file.path, line),
                    format!("{target} is not there"),
                ));
                continue;
            };
            if let (false, Some(page)) = (anchor.is_empty(), tree.get(&found))
                && page.path.ends_with(".md")
                && !headings(page).any(|heading| heading == anchor)
            {
                findings.push(Finding::new(
                    at(&file.path, line),
                    format!("{found} has no heading #{anchor}"),
                ));
            }
        }
    }
    findings
}

/// Targets of `[…](target)` outside of code, with their lines.
fn links(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    file.text
        .lines()
        .enumerate()
        .flat_map(move |(number, line)| {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let text = if fenced { "" } else { line };
            text.match_indices("](").filter_map(move |(place, _)| {
                let rest = &text[place + 2..];
                let target = rest[..rest.find(')')?].trim_matches(['<', '>']);
                Some((number, target.split_whitespace().next()?))
            })
        })
}

/// Headings as the anchors that they make.
fn headings(page: &File) -> impl Iterator<Item = String> {
    page.text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
}

/// The path from the root that a link in `page` means; none if it leads out of the project.
fn resolve(page: &str, target: &str) -> Option<String> {
    let folder = Path::new(page).parent()?;
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tree_of;

    #[test]
    fn dead_links_and_dead_anchors_are_found() {
        let tree = tree_of(&[
            (
                "README.md",
                "[a](docs/a.md) [b](docs/a.md#the-part) [c](docs/b.md) [d](docs/a.md#gone)\n```\n[x](y)\n```\n",
            ),
            (
                "docs/a.md",
                "# The part\n[up](../README.md) [out](../../etc/passwd) [web](https://example.org)",
            ),
        ]);
        let found: Vec<String> = super::check(&tree)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "README.md:1: docs/b.md is not there",
                "README.md:1: docs/a.md has no heading #gone",
                "docs/a.md:2: ../../etc/passwd is not there",
            ]
        );
    }
}
