//! Which provider, and who we are to it.

use std::path::PathBuf;

use protocol::secret::Secret;
use url::Url;

use crate::config::ConfigError;

const ISSUER: &str = "ROUNDS_OIDC_ISSUER";
const CLIENT_ID: &str = "ROUNDS_OIDC_CLIENT_ID";
const CLIENT_SECRET: &str = "ROUNDS_OIDC_CLIENT_SECRET";
const CA: &str = "ROUNDS_OIDC_CA";
const CLAIM: &str = "ROUNDS_OIDC_CLAIM";
const SCOPE: &str = "ROUNDS_OIDC_SCOPE";

/// The claim that names the user, if nothing else is said.
const USUAL_CLAIM: &str = "preferred_username";

/// Settings of single sign-on.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// `ROUNDS_OIDC_ISSUER`: the provider, as its tokens name it.
    pub issuer: String,
    /// `ROUNDS_OIDC_CLIENT_ID`: what the provider calls this server.
    pub client_id: String,
    /// `ROUNDS_OIDC_CLIENT_SECRET`, if the provider wants one.
    pub client_secret: Option<Secret>,
    /// `ROUNDS_OIDC_CA`: certificates that the provider's is checked with, PEM; the system's
    /// otherwise.
    pub ca: Option<PathBuf>,
    /// `ROUNDS_OIDC_CLAIM`: the claim whose value is the user name here.
    pub claim: String,
    /// `ROUNDS_OIDC_SCOPE`: what is asked of the provider, by the claim if it is not said.
    pub scope: String,
}

impl OidcSettings {
    /// Reads the settings; none if no issuer is set.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ConfigError> {
        let Some(issuer) = lookup(ISSUER) else {
            return Ok(None);
        };
        let malformed = |name, text: &str| ConfigError::Malformed(name, text.to_owned());
        let url = Url::parse(&issuer).ok().filter(|url| {
            url.scheme() == "https"
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        });
        if url.is_none() {
            return Err(malformed(ISSUER, "an https URL without a query expected"));
        }
        let client_id = lookup(CLIENT_ID).ok_or(ConfigError::Missing(CLIENT_ID))?;
        if client_id.is_empty() {
            return Err(malformed(CLIENT_ID, "it is empty"));
        }
        let claim = lookup(CLAIM).unwrap_or_else(|| USUAL_CLAIM.to_owned());
        let scope = lookup(SCOPE).unwrap_or_else(|| {
            match claim.as_str() {
                "sub" => "openid",
                "email" => "openid email",
                _ => "openid profile",
            }
            .to_owned()
        });
        if !scope.split(' ').any(|part| part == "openid") {
            return Err(malformed(SCOPE, "openid must be among it"));
        }
        Ok(Some(Self {
            issuer,
            client_id,
            client_secret: lookup(CLIENT_SECRET).map(Secret::new),
            ca: lookup(CA).map(PathBuf::from),
            claim,
            scope,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Option<OidcSettings>, ConfigError> {
        OidcSettings::read(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn p5_single_sign_on_is_off_until_a_provider_is_named_whole() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(CLIENT_ID, "rounds")]).unwrap().is_none());
        let issuer = (ISSUER, "https://id.example/realm");
        assert!(matches!(
            read(&[issuer]),
            Err(ConfigError::Missing(CLIENT_ID))
        ));
        let id = (CLIENT_ID, "rounds");
        let settings = read(&[issuer, id]).unwrap().unwrap();
        assert_eq!(settings.claim, "preferred_username");
        assert_eq!(settings.scope, "openid profile");
        let settings = read(&[issuer, id, (CLAIM, "email")]).unwrap().unwrap();
        assert_eq!(settings.scope, "openid email");
        for wrong in [
            "http://id.example",
            "id.example",
            "https://id.example/?a=b",
            "https://u:p@id.example",
        ] {
            assert!(read(&[(ISSUER, wrong), id]).is_err(), "{wrong}");
        }
        assert!(read(&[issuer, id, (SCOPE, "profile")]).is_err());
        let secret = read(&[issuer, id, (CLIENT_SECRET, "hush")]).unwrap();
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
