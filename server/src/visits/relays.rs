//! Names and secrets that coturn takes for a while (`use-auth-secret`).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use protocol::secret::Secret;
use protocol::visit::Relay;

/// A call may begin this long after the relay was named.
const LIFE: SignedDuration = SignedDuration::from_hours(4);

/// `ROUNDS_TURN_URLS` and `ROUNDS_TURN_SECRET`.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// `turn:` and `turns:` addresses, as browsers take them.
    pub urls: Vec<String>,
    /// coturn's `static-auth-secret`.
    pub secret: Secret,
}

impl RelaySettings {
    /// A relay with a name that counts until its time is over. The name tells nobody who it is
    /// for.
    pub fn relay(&self, now: Timestamp) -> Relay {
        let username = format!("{}:visit", (now + LIFE).as_second());
        // SHA-1 is what coturn takes; HMAC does not rest on what SHA-1 has lost.
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            self.secret.expose().as_bytes(),
        );
        let credential = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
        Relay {
            urls: self.urls.clone(),
            username,
            credential,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t2_relays_are_named_as_coturn_reckons() {
        let settings = RelaySettings {
            urls: vec!["turn:relay.test".to_owned()],
            secret: Secret::new("north".to_owned()),
        };
        let relay = settings.relay(Timestamp::from_second(1_700_000_000).unwrap());
        assert_eq!(relay.username, "1700014400:visit");
        // openssl dgst -sha1 -hmac north, base64.
        assert_eq!(relay.credential, "jVzDT2QuN/pVIftc4xX2gP31TTU=");
    }
}
