//! Comparing names.

use serde_json::Value;

use super::person::each;
use super::weights::{self, Odds};
use super::{Agreement, Element, Finding, Person};
use crate::person::tokens;

/// What stands where a name is not known yet.
const NO_NAMES: &[&str] = &[
    "baby", "babyboy", "babygirl", "boy", "girl", "infant", "newborn", "unknown",
];
/// Words of family names that many families have.
const PARTICLES: &[&str] = &[
    "al", "bin", "da", "de", "del", "der", "di", "dos", "el", "la", "le", "van", "von",
];

/// Names that are one name. The short forms of a name begin often enough as it does; these do not.
const ONE_NAME: &[&[&str]] = &[
    &["alexander", "alex", "sasha", "sandy"],
    &["alexandra", "alex", "sasha", "sandra"],
    &["andrew", "andy", "drew"],
    &["anthony", "tony"],
    &["barbara", "barb", "babs"],
    &[
        "catherine",
        "katherine",
        "kathryn",
        "kate",
        "katie",
        "kathy",
        "cathy",
    ],
    &["charles", "charlie", "chuck"],
    &["christopher", "chris", "kit"],
    &["deborah", "debra", "debbie", "deb"],
    &["dorothy", "dot", "dottie", "dolly"],
    &["edward", "ed", "eddie", "ted", "ned"],
    &[
        "elizabeth",
        "liz",
        "lizzie",
        "beth",
        "betty",
        "betsy",
        "eliza",
        "lisa",
    ],
    &["francisco", "paco", "pancho"],
    &["henry", "harry", "hank"],
    &["james", "jim", "jimmy", "jamie"],
    &["john", "jack", "johnny", "jon"],
    &["jose", "pepe"],
    &["joseph", "joe", "joey"],
    &["lawrence", "larry"],
    &["margaret", "maggie", "meg", "peggy", "rita", "greta"],
    &["mary", "molly", "polly", "mae"],
    &["michael", "mike", "mick", "mickey"],
    &["nicholas", "nick", "colin"],
    &["patricia", "pat", "patty", "trish", "tricia"],
    &["richard", "rick", "rich", "dick"],
    &["robert", "rob", "robbie", "bob", "bobby"],
    &["stephen", "steven", "steve"],
    &["susan", "sue", "susie", "suzanne"],
    &["theodore", "theo", "ted", "teddy"],
    &["thomas", "tom", "tommy"],
    &["victoria", "vicky", "tori"],
    &["william", "will", "bill", "billy", "liam"],
];

/// One name of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    given: Vec<String>,
    family: Vec<String>,
    generation: Option<u8>,
}

impl Name {
    /// Reads a `HumanName`; none if it says nothing.
    pub(super) fn of(name: &Value) -> Option<Self> {
        let words = |key: &str| -> Vec<String> {
            match name.get(key) {
                Some(Value::String(text)) => tokens(text),
                _ => each(name, key)
                    .filter_map(Value::as_str)
                    .flat_map(tokens)
                    .collect(),
            }
        };
        let (mut given, mut family) = (words("given"), words("family"));
        if given.is_empty() && family.is_empty() {
            given = words("text");
            family = if given.len() > 1 {
                given.split_off(given.len() - 1)
            } else {
                Vec::new()
            };
        }
        let mut generation = words("suffix").iter().find_map(|word| generation_of(word));
        // It is as often typed behind the name.
        for part in [&mut family, &mut given] {
            while part.len() > 1
                && let Some(found) = part.last().and_then(|word| generation_of(word))
            {
                generation = generation.or(Some(found));
                part.pop();
            }
        }
        given.retain(|word| !NO_NAMES.contains(&word.as_str()));
        (!given.is_empty() || !family.is_empty()).then_some(Self {
            given,
            family,
            generation,
        })
    }
}

fn generation_of(word: &str) -> Option<u8> {
    Some(match word {
        "sr" | "senior" => 1,
        "jr" | "junior" | "ii" | "2nd" => 2,
        "iii" | "3rd" => 3,
        "iv" | "4th" => 4,
        _ => return None,
    })
}

/// What each pair of names says, for people keep the names they had.
pub(super) fn pairs(one: &Person, other: &Person) -> impl Iterator<Item = Vec<Finding>> {
    let twins = one.one_of_several || other.one_of_several;
    one.names
        .iter()
        .flat_map(move |a| other.names.iter().map(move |b| pair(a, b, twins)))
}

fn pair(one: &Name, other: &Name, twins: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |element, (agreement, odds): (Agreement, Odds)| {
        findings.push(Finding::new(element, agreement, odds));
    };
    if crossed(one, other) {
        add(Element::Given, (Agreement::Crossed, weights::GIVEN_CROSSED));
        add(
            Element::Family,
            (Agreement::Crossed, weights::FAMILY_CROSSED),
        );
    } else {
        match given(&one.given, &other.given) {
            Some(Agreement::Same) => add(Element::Given, (Agreement::Same, weights::GIVEN_SAME)),
            Some(how) if twins => add(Element::Given, (how, weights::GIVEN_OF_TWINS)),
            Some(Agreement::Apart) => add(Element::Given, (Agreement::Apart, weights::GIVEN_APART)),
            Some(how) => add(Element::Given, (how, weights::GIVEN_CLOSE)),
            None => {}
        }
        match family(&one.family, &other.family) {
            Some(Agreement::Same) => add(Element::Family, (Agreement::Same, weights::FAMILY_SAME)),
            Some(Agreement::Apart) => {
                add(Element::Family, (Agreement::Apart, weights::FAMILY_APART));
            }
            Some(how) => add(Element::Family, (how, weights::FAMILY_CLOSE)),
            None => {}
        }
    }
    if let (Some(a), Some(b)) = (one.generation, other.generation) {
        add(
            Element::Generation,
            if a == b {
                (Agreement::Same, weights::GENERATION_SAME)
            } else {
                (Agreement::Apart, weights::GENERATION_APART)
            },
        );
    }
    findings
}

/// Given and family name in each other's place.
fn crossed(one: &Name, other: &Name) -> bool {
    let all = [&one.given, &one.family, &other.given, &other.family];
    all.iter().all(|part| !part.is_empty())
        && one.given[0] != one.family[0]
        && one.given[0] == other.family[0]
        && one.family[0] == other.given[0]
}

fn given(one: &[String], other: &[String]) -> Option<Agreement> {
    let (first, second) = (one.first()?, other.first()?);
    if !one_script(first, second) {
        return None;
    }
    // An initial that fits says too little; one that does not says enough.
    if is_initial(first) || is_initial(second) {
        if first == second && one == other {
            return Some(Agreement::Same);
        }
        return (first.chars().next() != second.chars().next()).then_some(Agreement::Apart);
    }
    Some(if first == second || one.concat() == other.concat() {
        Agreement::Same
    } else if alike(first, second) || one.contains(second) || other.contains(first) {
        Agreement::Close
    } else {
        Agreement::Apart
    })
}

fn family(one: &[String], other: &[String]) -> Option<Agreement> {
    let (a, b) = (one.concat(), other.concat());
    if a.is_empty() || b.is_empty() || !one_script(&a, &b) {
        return None;
    }
    let in_common = || {
        one.iter()
            .any(|word| !PARTICLES.contains(&word.as_str()) && other.contains(word))
    };
    Some(if a == b {
        Agreement::Same
    } else if slipped(&a, &b) || in_common() {
        Agreement::Close
    } else {
        Agreement::Apart
    })
}

fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters
        .next()
        .is_some_and(|letter| script(letter) != Script::Wordwise)
        && letters.next().is_none()
}

/// Whether two given names may be one: by a slip, by a short form, by custom.
fn alike(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    slipped(one, other)
        || short.chars().count() >= 3 && long.starts_with(short)
        || ONE_NAME
            .iter()
            .any(|names| names.contains(&one) && names.contains(&other))
}

/// Whether a slip of the hand makes one of the other: one letter, in long names two. The first
/// letter is nearly never the one.
fn slipped(one: &str, other: &str) -> bool {
    let shorter = one.chars().count().min(other.chars().count());
    let allowed = match shorter {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    allowed > 0
        && one.chars().next() == other.chars().next()
        && strsim::osa_distance(one, other) <= allowed
}

/// Scripts that names are written in, as far as it matters for comparing them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    /// A character is a syllable or a word: Han, Kana, Hangul.
    Wordwise,
    Other,
}

fn script(letter: char) -> Script {
    match letter as u32 {
        0x0000..=0x024f | 0x1e00..=0x1eff => Script::Latin,
        0x0370..=0x03ff | 0x1f00..=0x1fff => Script::Greek,
        0x0400..=0x052f => Script::Cyrillic,
        0x0590..=0x05ff => Script::Hebrew,
        0x0600..=0x06ff | 0x0750..=0x077f => Script::Arabic,
        // Hangul comes apart into its letters (0x1100) when it is levelled.
        0x1100..=0x11ff
        | 0x3040..=0x30ff
        | 0x3400..=0x9fff
        | 0xac00..=0xd7af
        | 0xf900..=0xfaff
        | 0x2_0000..=0x3_ffff => Script::Wordwise,
        _ => Script::Other,
    }
}

fn one_script(one: &str, other: &str) -> bool {
    let of = |text: &str| text.chars().next().map(script);
    of(one) == of(other)
}
