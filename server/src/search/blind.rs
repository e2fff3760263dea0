//! Keyed hashes of what records can be found by.
//!
//! The database sees only whether two values are the same. Type and parameter are part of what
//! is hashed, so equal values under two parameters have nothing in common.

use fhir::person;
use uuid::Uuid;
use vault::{BlindKey, BlindParameter};

/// A keyed hash as the index holds it: 64 bits of HMAC-SHA256, so that the index stays small. Of a
/// clinic with a thousand million of them, one search in 2^34 meets a stranger.
pub type Token = i64;

/// Makes the tokens of one clinic.
pub struct Blind {
    key: BlindKey,
    tenant: Uuid,
}

/// The tokens of one search parameter of one type.
pub struct ParamTokens(BlindParameter);

impl Blind {
    /// Derives the token key from the clinic's index secret.
    pub fn new(tenant: Uuid, root: &[u8; 32]) -> Self {
        Self {
            key: BlindKey::derive(root, "search"),
            tenant,
        }
    }

    /// The tokens of a parameter.
    pub fn of(&self, resource_type: &str, param: &str) -> ParamTokens {
        let name = [resource_type, ".", param].concat();
        ParamTokens(self.key.parameter(self.tenant, &name))
    }
}

/// Between the form of a value and the value.
const UNIT: &str = "\u{1f}";

impl ParamTokens {
    fn token(&self, form: &str, text: &str) -> Token {
        self.of(&[form, UNIT, text])
    }

    fn of(&self, pieces: &[&str]) -> Token {
        let [a, b, c, d, e, f, g, h, ..] = self.0.token(pieces);
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// A name made of a value, as unlikely to come twice as any: not for the index.
    pub fn name(&self, text: &str) -> Uuid {
        Uuid::from_bytes(self.0.token(&["code", UNIT, text]))
    }

    /// There is a value.
    pub fn present(&self) -> Token {
        self.token("present", "")
    }

    /// A code, whatever its system.
    pub fn code(&self, code: &str) -> Token {
        self.token("code", code)
    }

    /// A code of a system; an empty system stands for none.
    pub fn coded(&self, system: &str, code: &str) -> Token {
        self.of(&["coded", UNIT, system, UNIT, code])
    }

    /// Any code of a system.
    pub fn system(&self, system: &str) -> Token {
        self.token("system", system)
    }

    /// A relative reference.
    pub fn reference(&self, resource_type: &str, id: &str) -> Token {
        self.of(&["reference", UNIT, resource_type, "/", id])
    }

    /// A URI.
    pub fn uri(&self, uri: &str) -> Token {
        self.token("uri", uri)
    }

    /// A string, letter by letter.
    pub fn exact(&self, text: &str) -> Token {
        self.token("exact", text)
    }

    /// A piece of a word: see [`pieces`].
    pub fn piece(&self, piece: &str) -> Token {
        self.token("piece", piece)
    }

    /// A span of the calendar: see [`super::cover`].
    pub fn span(&self, span: &str) -> Token {
        self.token("span", span)
    }
}

/// The words of a text as they are compared: letters and digits only, no marks, lower case.
pub fn words(text: &str) -> Vec<String> {
    person::normalise(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The pieces under which a word is kept: every run of three letters of the word with its start
/// marked twice (`^^smith`), so that beginnings of one and two letters are found too.
pub fn pieces(word: &str) -> Vec<String> {
    let marked: Vec<char> = "^^".chars().chain(word.chars()).collect();
    marked.windows(3).map(|run| run.iter().collect()).collect()
}

/// Pieces that any word starting with `start` has; at most `limit`, the most telling ones.
pub fn pieces_of_start(start: &str, limit: usize) -> Vec<String> {
    let mut all = pieces(start);
    match all.len() {
        0 => all,
        // `^^s` says less than `^sm`, and that less than the run after it.
        1 => all,
        count => {
            all.remove(0);
            spread(all, limit.min(count))
        }
    }
}

/// Pieces that any text containing `part` has; none if it is shorter than three letters.
pub fn pieces_of_part(part: &str, limit: usize) -> Vec<String> {
    let letters: Vec<char> = part.chars().collect();
    spread(
        letters.windows(3).map(|run| run.iter().collect()).collect(),
        limit,
    )
}

/// At most `limit` of them, evenly chosen: neighbours overlap and tell little more.
fn spread(all: Vec<String>, limit: usize) -> Vec<String> {
    let count = all.len();
    if count <= limit || limit == 0 {
        return all;
    }
    let step = count.div_ceil(limit);
    let last = count - 1;
    all.into_iter()
        .enumerate()
        .filter(|(at, _)| at % step == 0 || *at == last)
        .map(|(_, piece)| piece)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_is_kept_under_its_marked_runs() {
        assert_eq!(pieces("li"), ["^^l", "^li"]);
        assert_eq!(pieces("smith"), ["^^s", "^sm", "smi", "mit", "ith"]);
        assert_eq!(words("Anne-Marie O'Brién"), ["anne", "marie", "obrien"]);
    }

    proptest! {
        #[test]
        fn every_start_and_part_of_a_word_is_found(word in "\\p{Ll}{1,12}", from in 0usize..12, length in 1usize..12) {
            let letters: Vec<char> = word.chars().collect();
            let kept = pieces(&word);
            let start: String = letters.iter().take(length).collect();
            prop_assert!(pieces_of_start(&start, 4).iter().all(|piece| kept.contains(piece)));
            let part: String = letters.iter().skip(from).take(length).collect();
            prop_assert!(pieces_of_part(&part, 4).iter().all(|piece| kept.contains(piece)));
        }
    }
}
