//! Licences of all we ship, and libraries that come twice.
//!
//! The lists are those of `deny.toml`, which `cargo deny` reads as well; this check needs
//! nothing but Cargo, and looks at the interface's libraries too.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::Command;

use serde_json::Value;

use super::Finding;
use super::source::Tree;
use crate::failure::Failure;
use crate::{install, step};

const LISTS: &str = "deny.toml";

pub(super) fn check(tree: &Tree, metadata: &Value) -> Result<Vec<Finding>, Failure> {
    let Some(lists) = tree.get(LISTS) else {
        return Ok(vec![Finding::new(LISTS, "is not there")]);
    };
    let allowed = listed(&lists.text, "allow");
    let known = listed(&lists.text, "skip");
    let mut findings = crates(metadata, &allowed);
    findings.extend(twice(metadata, &known));
    findings.extend(interface(tree, &allowed)?);
    if install::program("cargo-deny") {
        let mut command = Command::new("cargo-deny");
        command
            .current_dir(step::root())
            .args(["--offline", "check", "bans", "sources"]);
        if let Err(Failure::Step { what, status }) = step::quiet("cargo deny", command) {
            findings.push(Finding::new(LISTS, format!("{what}: {status}")));
        }
    }
    Ok(findings)
}

/// The first quoted text of each line of `name = [ … ]`.
fn listed(text: &str, name: &str) -> Vec<String> {
    let opening = format!("{name} = [");
    text.lines()
        .skip_while(|line| line.trim() != opening)
        .skip(1)
        .take_while(|line| line.trim() != "]")
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
        .collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn foreign(metadata: &Value) -> impl Iterator<Item = &Value> {
    let packages = metadata["packages"].as_array();
    packages
        .into_iter()
        .flatten()
        .filter(|package| !package["source"].is_null())
}

/// Procedural macros run while we build; they are not in the program.
fn makes_code(package: &Value) -> bool {
    package["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|target| {
            target["kind"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "proc-macro"))
        })
}

fn crates(metadata: &Value, allowed: &[String]) -> Vec<Finding> {
    foreign(metadata)
        .filter_map(|package| {
            let licence = text(package, "license");
            let name = format!("{} {}", text(package, "name"), text(package, "version"));
            if licence.is_empty() {
                return Some(Finding::new(name, "names no licence"));
            }
            (!satisfied(licence, allowed))
                .then(|| Finding::new(name, format!("licence {licence} is not in {LISTS}")))
        })
        .collect()
}

/// The programs we ship.
const SHIPPED: [&str; 2] = ["rounds", "rounds-server"];

/// Ids of the packages that end up in what we ship, on this system: neither what builds it nor
/// what tests it.
fn carried(metadata: &Value) -> HashSet<&str> {
    let nodes: HashMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| (text(node, "id"), node))
        .collect();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut next: Vec<&str> = packages
        .filter(|package| package["source"].is_null() && SHIPPED.contains(&text(package, "name")))
        .map(|package| text(package, "id"))
        .collect();
    let mut seen = HashSet::new();
    let makes: HashSet<&str> = foreign(metadata)
        .filter(|package| makes_code(package))
        .map(|package| text(package, "id"))
        .collect();
    while let Some(id) = next.pop() {
        if makes.contains(id) || !seen.insert(id) {
            continue;
        }
        let links = nodes.get(id).and_then(|node| node["deps"].as_array());
        for link in links.into_iter().flatten() {
            let normal = |kind: &Value| kind["kind"].is_null();
            if link["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(normal))
            {
                next.push(text(link, "pkg"));
            }
        }
    }
    seen
}

/// Libraries of which the programs would carry more than one version.
fn twice(metadata: &Value, known: &[String]) -> Vec<Finding> {
    let carried = carried(metadata);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in foreign(metadata).filter(|package| carried.contains(text(package, "id"))) {
        versions
            .entry(text(package, "name"))
            .or_default()
            .push(text(package, "version"));
    }
    versions.retain(|_, versions| versions.len() > 1);
    let mut findings = Vec::new();
    for (name, versions) in &versions {
        // One of them may stay unlisted: the one we chose.
        let unlisted: Vec<&&str> = versions
            .iter()
            .filter(|version| !known.contains(&format!("{name}@{version}")))
            .collect();
        if unlisted.len() > 1 {
            findings.push(Finding::new(
                *name,
                format!(
                    "comes as {}: agree on one, or list the others in {LISTS}",
                    versions.join(", ")
                ),
            ));
        }
    }
    for entry in known {
        let needed = entry.split_once('@').is_some_and(|(name, version)| {
            versions
                .get(name)
                .is_some_and(|versions| versions.contains(&version))
        });
        if !needed {
            findings.push(Finding::new(
                LISTS,
                format!("{entry} does not come twice any more"),
            ));
        }
    }
    findings
}

/// The interface's libraries, as npm's lock file names them.
fn interface(tree: &Tree, allowed: &[String]) -> Result<Vec<Finding>, Failure> {
    let Some(lock) = tree.get("ui/package-lock.json") else {
        return Ok(Vec::new());
    };
    let lock: HashMap<String, Value> =
        serde_json::from_str(&lock.text).map_err(|source| Failure::Unreadable {
            what: "ui/package-lock.json".to_owned(),
            source,
        })?;
    let packages = lock.get("packages").and_then(Value::as_object);
    Ok(packages
        .into_iter()
        .flatten()
        .filter(|(path, package)| !path.is_empty() && package["link"] != true)
        .filter_map(|(path, package)| {
            let licence = text(package, "license");
            let name = path.trim_start_matches("node_modules/");
            (!satisfied(licence, allowed)).then(|| {
                Finding::new(
                    format!("ui: {name}"),
                    format!("licence {licence:?} is not in {LISTS}"),
                )
            })
        })
        .collect())
}

/// Whether an SPDX expression can be met with the allowed licences.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    // Cargo once wrote `MIT/Apache-2.0` for either.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = both(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        let other = both(rest, allowed);
        met = met || other;
    }
    met
}

fn both(rest: &mut &[&str], allowed: &[String]) -> bool {
    let mut met = one(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        let other = one(rest, allowed);
        met = met && other;
    }
    met
}

fn one(rest: &mut &[&str], allowed: &[String]) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = either(rest, allowed);
            if let [")", after @ ..] = *rest {
                *rest = after;
                return met;
            }
            false
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            // An exception only gives more.
            allowed
                .iter()
                .any(|known| known == name || *known == format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.iter().any(|known| known == name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_are_understood() {
        let allowed = ["MIT", "Apache-2.0"].map(str::to_owned);
        for yes in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR GPL-2.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(satisfied(yes, &allowed), "{yes}");
        }
        for no in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "GPL-2.0 OR (MIT AND SSPL-1.0)",
            "MIT )",
        ] {
            assert!(!satisfied(no, &allowed), "{no}");
        }
    }

    #[test]
    fn lists_are_read_line_by_line() {
        let text = "[licenses]\nallow = [\n    \"MIT\",\n    # \"GPL-3.0\",\n]\n[bans]\nskip = [\n    { crate = \"syn@1.0.0\", reason = \"old macros\" },\n]\n";
        assert_eq!(listed(text, "allow"), ["MIT"]);
        assert_eq!(listed(text, "skip"), ["syn@1.0.0"]);
    }

    #[test]
    fn doubles_are_found_and_stale_entries_too() {
        let package = |id: &str, name: &str, version: &str, source: Option<&str>| json!({ "id": id, "name": name, "version": version, "source": source, "targets": [] });
        let link =
            |to: &str, kind: Option<&str>| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                package("r", "rounds", "0.1.0", None),
                package("s1", "syn", "1.0.0", Some("registry")),
                package("s2", "syn", "2.0.0", Some("registry")),
                package("r1", "rand", "0.8.0", Some("registry")),
                package("r2", "rand", "0.9.0", Some("registry")),
            ],
            "resolve": { "nodes": [
                { "id": "r", "deps": [link("s1", None), link("s2", None), link("r1", None), link("r2", Some("build"))] },
            ] },
        });
        assert_eq!(twice(&metadata, &[]).len(), 1);
        assert_eq!(twice(&metadata, &["syn@1.0.0".to_owned()]), []);
        assert_eq!(
            twice(
                &metadata,
                &["syn@1.0.0".to_owned(), "rand@0.8.0".to_owned()]
            )
            .len(),
            1
        );
    }
}
