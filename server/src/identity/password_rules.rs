//! What a password must be: long enough and not one that everybody tries. No rules of
//! composition: they make passwords worse.

/// With a second factor, eight characters are enough (NIST SP 800-63B-4).
const SHORTEST: usize = 8;

/// Words that everybody tries first, alone and with what people put around them: digits, signs,
/// capitals, figures for letters.
const TRIED_FIRST: &[&str] = &[
    "abc",
    "access",
    "admin",
    "administrator",
    "adobe",
    "amanda",
    "andrew",
    "angel",
    "asdf",
    "ashley",
    "autumn",
    "baseball",
    "basketball",
    "batman",
    "buster",
    "changeme",
    "charlie",
    "chocolate",
    "clinic",
    "clinician",
    "computer",
    "cookie",
    "daniel",
    "default",
    "diamond",
    "doctor",
    "dragon",
    "fall",
    "family",
    "flower",
    "football",
    "freedom",
    "friday",
    "george",
    "ginger",
    "guest",
    "hannah",
    "harley",
    "health",
    "healthcare",
    "hello",
    "hospital",
    "hunter",
    "iloveyou",
    "internet",
    "jennifer",
    "jessica",
    "jordan",
    "joshua",
    "killer",
    "letmein",
    "login",
    "london",
    "love",
    "lovely",
    "maggie",
    "master",
    "matrix",
    "matthew",
    "medical",
    "medicine",
    "michael",
    "michelle",
    "monday",
    "monkey",
    "mustang",
    "nicole",
    "nurse",
    "office",
    "orange",
    "pass",
    "passw",
    "passwd",
    "password",
    "patient",
    "pepper",
    "pharmacy",
    "physician",
    "pokemon",
    "princess",
    "purple",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyui",
    "qwertyuiop",
    "reception",
    "robert",
    "rounds",
    "samsung",
    "secret",
    "security",
    "service",
    "shadow",
    "silver",
    "snoopy",
    "soccer",
    "spring",
    "starwars",
    "summer",
    "sunday",
    "sunshine",
    "superman",
    "surgery",
    "system",
    "temp",
    "test",
    "thomas",
    "tigger",
    "trustno",
    "user",
    "welcome",
    "whatever",
    "winter",
    "yellow",
    "zaq",
    "zxcvbn",
    "zxcvbnm",
];

/// Rows of keys and of letters and digits: a password that runs along one of them is tried early.
const RUNS: [&str; 6] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];

/// Why a password is not taken; none if it is.
pub fn objection(password: &str, username: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    if password.chars().count() < SHORTEST {
        return Some("the password must have at least 8 characters");
    }
    if password.len() > crate::identity::password::LONGEST {
        return Some("the password is too long");
    }
    let username = username.trim().to_lowercase();
    let bare = bare(&lower);
    if lower == username || !username.is_empty() && bare == self::bare(&username) {
        return Some("the password must not be the user's name");
    }
    // Dates and telephone numbers; longer ones are as good as any other.
    let number = bare.chars().count() < 3 && lower.chars().count() < 12;
    if number || is_run(&lower) || repeats(&lower) || is_tried_first(&bare) {
        return Some("this password is among those that everybody tries first");
    }
    None
}

/// Without digits and signs at both ends, which people add where they are asked to.
fn bare(lower: &str) -> String {
    let lower = lower.trim_matches(|c: char| !c.is_alphabetic() && !"@$".contains(c));
    lower.to_owned()
}

fn is_tried_first(bare: &str) -> bool {
    let plain: String = bare
        .chars()
        .map(|c| match c {
            '@' | '4' => 'a',
            '3' => 'e',
            '1' | '!' => 'i',
            '0' => 'o',
            '$' | '5' => 's',
            other => other,
        })
        .collect();
    let known = |word: &str| TRIED_FIRST.binary_search(&word).is_ok();
    let half = plain.len() / 2;
    known(bare)
        || known(&plain)
        // The same word twice.
        || plain.is_char_boundary(half)
            && plain.split_at(half).0 == plain.split_at(half).1
            && known(plain.split_at(half).0)
}

/// Along a row of keys, forwards or backwards, from wherever.
fn is_run(lower: &str) -> bool {
    let backwards: String = lower.chars().rev().collect();
    RUNS.iter().any(|run| {
        let twice = run.repeat(lower.len() / run.len() + 2);
        twice.contains(lower) || twice.contains(&backwards)
    })
}

/// One or two characters over and over.
fn repeats(lower: &str) -> bool {
    let characters: Vec<char> = lower.chars().collect();
    [1, 2].into_iter().any(|step| {
        characters
            .iter()
            .zip(characters.iter().skip(step))
            .all(|(one, next)| one == next)
    })
}

#[cfg(test)]
mod tests {
    use super::{TRIED_FIRST, objection};

    #[test]
    fn p5_short_and_common_passwords_are_refused_and_no_composition_is_asked() {
        assert!(TRIED_FIRST.is_sorted(), "the list is searched by halves");
        for tried in [
            "short",
            "PassWord1",
            "annabella",
            "AnnaBella2026!",
            "11111111",
            "12345678",
            "87654321",
            "qwertyuiop",
            "P@ssw0rd",
            "Summer2026!",
            "welcome123",
            "letmein1",
            "abababab",
            "20261123",
            "!!!!!!!!",
            "hospitalhospital",
            "1qaz2wsx",
            "rounds2026",
            "trustno1",
            "medical1",
            "asdfghjk",
        ] {
            assert!(objection(tried, "AnnaBella").is_some(), "{tried}");
        }
        for taken in [
            "correct horse battery",
            "пароль-длинный",
            "quiet-harbour-lights",
            "lowercase",
            "another-long-secret",
            "long enough words",
            "ann & the doctor",
            "8305729461038576",
        ] {
            assert_eq!(objection(taken, "ann"), None, "{taken}");
        }
        assert!(objection(&"x y".repeat(400), "ann").is_some());
    }
}
