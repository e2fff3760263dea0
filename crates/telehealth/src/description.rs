//! What session descriptions say that the two sides hold each other to.

/// The SHA-256 fingerprint of the certificate that a session description names, in capitals.
/// Nothing if it names none, or different ones.
pub fn fingerprint(sdp: &str) -> Option<String> {
    let mut found = sdp
        .lines()
        .filter_map(|line| line.trim().strip_prefix("a=fingerprint:"))
        .map(|rest| {
            let (algorithm, value) = rest.split_once(' ')?;
            algorithm
                .eq_ignore_ascii_case("sha-256")
                .then(|| value.trim().to_ascii_uppercase())
        });
    let first = found.next()??;
    found
        .all(|other| other.as_ref() == Some(&first))
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t3_one_certificate_is_named_or_none_counts() {
        let one =
            "v=0\r\na=fingerprint:sha-256 ab:CD\r\nm=video\r\na=fingerprint:SHA-256 AB:cd\r\n";
        assert_eq!(fingerprint(one).as_deref(), Some("AB:CD"));
        for bad in [
            "v=0\r\n",
            "a=fingerprint:sha-1 AB\r\n",
            "a=fingerprint:sha-256 AB\r\na=fingerprint:sha-256 CD\r\n",
            "a=fingerprint:sha-256 AB\r\na=fingerprint:sha-1 AB\r\n",
        ] {
            assert_eq!(fingerprint(bad), None, "{bad}");
        }
    }
}
