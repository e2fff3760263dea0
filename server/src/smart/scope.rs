//! Scopes: which types a program may do what with. Pure.
//!
//! `system/Patient.rs` in SMART's second syntax, `system/Patient.read` in its first. Whatever
//! cannot be held to (a condition on searches, somebody else's context, an unknown type) is no
//! scope: leaving it out takes away, taking it for less than it says would give.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{BitAnd, BitOr};

use access::Action;
use fhir::resource;

/// The context of programs that act for nobody.
const CONTEXT: &str = "system/";
/// Every type.
const ANY: &str = "*";
/// Longest list that is read.
const LONGEST: usize = 4 * 1024;

/// What may be done with a type: create, read, update, delete, search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rights(u8);

/// Letters of the second syntax, in the only order that is allowed.
const LETTERS: [char; 5] = ['c', 'r', 'u', 'd', 's'];

impl Rights {
    const CREATE: Self = Self(1);
    const READ: Self = Self(1 << 1);
    const UPDATE: Self = Self(1 << 2);
    const DELETE: Self = Self(1 << 3);
    const SEARCH: Self = Self(1 << 4);

    fn parse(text: &str) -> Option<Self> {
        match text {
            "read" => return Some(Self::READ | Self::SEARCH),
            "write" => return Some(Self::CREATE | Self::UPDATE | Self::DELETE),
            "*" => return Some(Self(0b1_1111)),
            "" => return None,
            _ => {}
        }
        let mut rights = Self::default();
        let mut letters = LETTERS.iter().enumerate();
        for letter in text.chars() {
            // Letters out of order or twice are found no more.
            let (at, _) = letters.find(|(_, known)| **known == letter)?;
            rights = rights | Self(1 << at);
        }
        Some(rights)
    }

    fn covers(self, wanted: Self) -> bool {
        self & wanted == wanted
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitAnd for Rights {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in LETTERS.iter().enumerate() {
            if self.covers(Self(1 << at)) {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

/// Scopes of a program or a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeMap<String, Rights>);

impl Scopes {
    /// Reads a list divided by spaces; what cannot be held to is left out.
    pub fn parse(text: &str) -> Self {
        let mut scopes = Self::default();
        if text.len() > LONGEST {
            return scopes;
        }
        for (kind, rights) in text.split(' ').filter_map(one) {
            scopes.add(kind, rights);
        }
        scopes
    }

    /// Reads a list of which every part must be held to.
    ///
    /// # Errors
    /// The first part that cannot be.
    pub fn parse_all(text: &str) -> Result<Self, &str> {
        let mut scopes = Self::default();
        for part in text.split(' ').filter(|part| !part.is_empty()) {
            let (kind, rights) = one(part).ok_or(part)?;
            scopes.add(kind, rights);
        }
        Ok(scopes)
    }

    fn add(&mut self, kind: &str, rights: Rights) {
        let own = self.0.entry(kind.to_owned()).or_default();
        *own = *own | rights;
    }

    /// Whether they cover nothing.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|rights| rights.is_empty())
    }

    fn of(&self, kind: &str) -> Rights {
        let rights = |kind: &str| self.0.get(kind).copied().unwrap_or_default();
        rights(ANY) | rights(kind)
    }

    /// Whether they cover this action on this type.
    pub fn cover(&self, action: Action, kind: &str) -> bool {
        let wanted = match action {
            Action::Read => Rights::READ,
            Action::Search => Rights::SEARCH,
            Action::Create => Rights::CREATE,
            // Links are elements like others to who may write the record.
            Action::Update | Action::Merge => Rights::UPDATE,
            Action::Delete => Rights::DELETE,
            // Not of the FHIR service.
            Action::Sync | Action::Sign => return false,
        };
        self.of(kind).covers(wanted)
    }

    /// What both cover.
    #[must_use]
    pub fn both(&self, other: &Self) -> Self {
        let kinds = self.0.keys().chain(other.0.keys());
        let shared = kinds
            .map(|kind| (kind.clone(), self.of(kind) & other.of(kind)))
            .filter(|(_, rights)| !rights.is_empty());
        let mut shared: BTreeMap<String, Rights> = shared.collect();
        // What every type may, need not be said of one.
        let any = shared.get(ANY).copied().unwrap_or_default();
        shared.retain(|kind, rights| kind == ANY || !any.covers(*rights));
        Self(shared)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut divided = "";
        for (kind, rights) in &self.0 {
            write!(f, "{divided}{CONTEXT}{kind}.{rights}")?;
            divided = " ";
        }
        Ok(())
    }
}

fn one(text: &str) -> Option<(&str, Rights)> {
    let (kind, rights) = text.strip_prefix(CONTEXT)?.split_once('.')?;
    let known = kind == ANY || resource::is_known_type(kind);
    Some((kind, Rights::parse(rights)?)).filter(|_| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTIONS: [Action; 5] = [
        Action::Create,
        Action::Read,
        Action::Update,
        Action::Delete,
        Action::Search,
    ];

    fn covered(scopes: &Scopes, kind: &str) -> Vec<Action> {
        let covers = |action: &Action| scopes.cover(*action, kind);
        ACTIONS.into_iter().filter(covers).collect()
    }

    #[test]
    fn i3_both_syntaxes_are_read_and_nothing_else() {
        let of = |text: &str| covered(&Scopes::parse(text), "Patient");
        let (read, search) = (Action::Read, Action::Search);
        assert_eq!(of("system/Patient.rs"), [read, search]);
        assert_eq!(of("system/Patient.read"), [read, search]);
        assert_eq!(of("system/*.r"), [read]);
        assert_eq!(of("system/*.cruds"), ACTIONS);
        assert_eq!(of("system/Patient.*"), ACTIONS);
        let written = [Action::Create, Action::Update, Action::Delete];
        assert_eq!(of("system/Patient.write"), written);
        assert_eq!(of("system/Patient.r system/Patient.s"), [read, search]);
        assert_eq!(of("system/Observation.rs"), []);
        for nothing in [
            "",
            "openid",
            "user/Patient.rs",
            "patient/Patient.rs",
            "system/Patient.sr",
            "system/Patient.rr",
            "system/Patient.rsx",
            "system/Patient.",
            "system/Patient",
            "system/patient.rs",
            "system/Starship.rs",
            // A condition that is not held to must not become a scope without it.
            "system/Patient.rs?active=true",
        ] {
            assert_eq!(of(nothing), [], "{nothing}");
        }
        assert_eq!(
            Scopes::parse_all("system/Patient.rs user/Patient.rs"),
            Err("user/Patient.rs")
        );
        let text = Scopes::parse("system/Patient.read system/*.c").to_string();
        assert_eq!(text, "system/*.c system/Patient.rs");
        assert_eq!(Scopes::parse(&text).to_string(), text);
        assert!(!Scopes::parse("system/*.cruds").cover(Action::Sync, "Patient"));
    }

    fn lists() -> impl Strategy<Value = String> {
        let kinds = prop::sample::select(vec!["*", "Patient", "Observation", "Claim"]);
        let rights = prop::sample::select(vec!["rs", "r", "s", "cud", "cruds", "write", "d"]);
        prop::collection::vec((kinds, rights), 0..5).prop_map(|list| {
            let list: Vec<String> = list
                .iter()
                .map(|(kind, rights)| format!("system/{kind}.{rights}"))
                .collect();
            list.join(" ")
        })
    }

    proptest! {
        #[test]
        fn i3_what_is_granted_is_what_both_sides_cover(asked in lists(), registered in lists()) {
            let (asked, registered) = (Scopes::parse(&asked), Scopes::parse(&registered));
            let granted = asked.both(&registered);
            // Through its own text, as it is kept.
            let kept = Scopes::parse(&granted.to_string());
            for kind in ["Patient", "Observation", "Claim", "Condition"] {
                for action in ACTIONS {
                    let both = asked.cover(action, kind) && registered.cover(action, kind);
                    prop_assert_eq!(granted.cover(action, kind), both);
                    prop_assert_eq!(kept.cover(action, kind), both);
                }
            }
        }
    }
}
