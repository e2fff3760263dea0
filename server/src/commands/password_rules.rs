//! What a password must be: long enough and not one that everybody tries. No rules of
//! composition: they make passwords worse.

/// With a second factor, eight characters are enough (NIST SP 800-63B-4).
const SHORTEST: usize = 8;

/// What everybody tries first. Compared in lower case.
const TRIED_FIRST: &[&str] = &[
    "11111111",
    "12345678",
    "123456789",
    "1234567890",
    "abc12345",
    "admin123",
    "baseball",
    "changeme",
    "football",
    "iloveyou",
    "letmein1",
    "medical1",
    "password",
    "password1",
    "password123",
    "passw0rd",
    "princess",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "sunshine",
    "superman",
    "trustno1",
    "welcome1",
    "welcome123",
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
    if TRIED_FIRST.contains(&lower.as_str()) {
        return Some("this password is among those that everybody tries first");
    }
    let username = username.trim().to_lowercase();
    if lower == username || lower == "rounds" {
        return Some("the password must not be the user's name");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn short_and_common_ones_are_refused() {
        assert!(objection("short", "ann").is_some());
        assert!(objection("PassWord1", "ann").is_some());
        assert!(objection("annabella", "AnnaBella").is_some());
        assert!(objection("correct horse battery", "ann").is_none());
        assert!(objection("пароль-длинный", "ann").is_none());
    }
}
