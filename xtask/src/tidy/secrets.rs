//! Nothing in the tree could be a real person's, or open anything.

use super::source::Tree;
use super::{Finding, at};

/// Made by tools from public packages; full of numbers that mean nothing.
const PASSED_OVER: &[&str] = &[
    "Cargo.lock",
    "ui/package-lock.json",
    "server/tests/provider/package-lock.json",
];

/// Hosts that stand for nobody, and the makers of what we quote.
const HOSTS: &[&str] = &[
    "example.com",
    "example.org",
    "example.net",
    "localhost",
    "hl7.org",
    "iana.org",
    "apache.org",
];

/// The beginnings of credentials, each in two halves, so that this file has none.
const CREDENTIALS: [(&str, &str, usize); 7] = [
    (
        concat!("-----BEGIN ", "PRIVATE KEY-----"),
        "a private key",
        0,
    ),
    (
        concat!("-----BEGIN RSA ", "PRIVATE KEY-----"),
        "a private key",
        0,
    ),
    (
        concat!("-----BEGIN EC ", "PRIVATE KEY-----"),
        "a private key",
        0,
    ),
    (
        concat!("-----BEGIN OPENSSH ", "PRIVATE KEY-----"),
        "a private key",
        0,
    ),
    (concat!("AK", "IA"), "an access key of AWS", 16),
    (concat!("gh", "p_"), "a token of GitHub", 36),
    (concat!("eyJhbGci", "OiJ"), "a signed token", 20),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        if PASSED_OVER.contains(&file.path.as_str()) {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let place = || at(&file.path, number);
            if let Some(value) = social_security(line) {
                findings.push(Finding::new(place(), format!("{value} could be somebody's social security number: use area 000 or 900 to 999")));
            }
            if let Some(what) = credential(line) {
                findings.push(Finding::new(place(), format!("looks like {what}")));
            }
            if let Some(host) = mail(line) {
                findings.push(Finding::new(
                    place(),
                    format!("a mail address at {host} could be somebody's: use example.org"),
                ));
            }
        }
    }
    findings
}

/// A number `AAA-GG-SSSS` from the ranges that are given out.
fn social_security(line: &str) -> Option<&str> {
    let bytes = line.as_bytes();
    let shape = |window: &[u8]| {
        window.iter().enumerate().all(|(place, byte)| match place {
            3 | 6 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    };
    bytes.windows(11).enumerate().find_map(|(start, window)| {
        let end = start + window.len();
        let inside = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        };
        let alone = !inside(start.checked_sub(1).and_then(|before| bytes.get(before)))
            && !inside(bytes.get(end));
        if !shape(window) || !alone {
            return None;
        }
        let text = line.get(start..end)?;
        let given_out = !text.starts_with("000")
            && !text.starts_with("666")
            && !text.starts_with('9')
            && &text[4..6] != "00"
            && &text[7..] != "0000";
        given_out.then_some(text)
    })
}

fn credential(line: &str) -> Option<&'static str> {
    CREDENTIALS.iter().find_map(|(start, what, length)| {
        let place = line.find(start)?;
        let rest = &line[place + start.len()..];
        let long = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
            .count();
        (long >= *length).then_some(*what)
    })
}

/// The host of a mail address that is not one of the hosts that stand for nobody.
fn mail(line: &str) -> Option<&str> {
    line.match_indices('@').find_map(|(place, _)| {
        let named =
            line[..place].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
        let rest = &line[place + 1..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-')
            .unwrap_or(rest.len());
        let host = rest[..end].trim_end_matches('.');
        // What follows a version or a path is a package, not a host.
        let (_, country) = host.rsplit_once('.')?;
        let dotted =
            (2..=6).contains(&country.len()) && country.chars().all(|c| c.is_ascii_lowercase());
        let stands_for_nobody = HOSTS
            .iter()
            .any(|known| host == *known || host.ends_with(&format!(".{known}")))
            || matches!(
                country,
                // `icon@2x.png` is a picture.
                "example" | "test" | "invalid" | "service" | "socket" | "png" | "svg"
            );
        (named && dotted && !stands_for_nobody).then_some(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_given_out_are_found() {
        let real = ["219", "09", "9998"].join("-");
        assert_eq!(
            social_security(&format!("ssn: {real}.")),
            Some(real.as_str())
        );
        for fine in [
            "900-12-3456",
            "000-12-3456",
            "666-12-3456",
            "a2026-01-20265",
            "550e8400-e29b-41d4",
        ] {
            assert_eq!(social_security(fine), None, "{fine}");
        }
    }

    #[test]
    fn keys_and_tokens_are_found() {
        let key = ["-----BEGIN", " PRIVATE KEY-----"].concat();
        assert_eq!(credential(&key), Some("a private key"));
        let token = ["gh", "p_", &"a1".repeat(18)].concat();
        assert_eq!(credential(&token), Some("a token of GitHub"));
        assert_eq!(credential("CHARACTER KIND"), None);
    }

    #[test]
    fn addresses_of_people_are_found() {
        let at = '@';
        assert_eq!(
            mail(&format!("write to jane.doe{at}clinic.org")),
            Some("clinic.org")
        );
        for fine in [
            "jane@example.org",
            "@tauri-apps/api",
            "user@host",
            "a@mail.example.com",
            "serde@1.0.2",
            "#[cfg] @media",
        ] {
            assert_eq!(mail(fine), None, "{fine}");
        }
    }
}
