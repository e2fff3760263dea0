//! What the environment says of AWS, in the names that AWS's own programs use.

use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use protocol::secret::Secret;
use url::{Host, Url};

use crate::config::ConfigError;

/// How AWS KMS is reached. Read whether or not a master key lies there; used only then.
#[derive(Debug, Clone)]
pub struct KmsSettings {
    /// `AWS_ENDPOINT_URL_KMS`, where it is not the region's own.
    pub endpoint: Option<Url>,
    /// `AWS_USE_FIPS_ENDPOINT`.
    pub fips: bool,
    /// Whose signature requests carry.
    pub credentials: CredentialSource,
    /// Longest wait for one answer.
    pub patience: Duration,
}

/// Where credentials come from.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and perhaps `AWS_SESSION_TOKEN`.
    Given(Credentials),
    /// The agent beside a container (ECS, EKS Pod Identity).
    Container {
        /// Where.
        url: Url,
        /// What it wants to see.
        token: Option<ContainerToken>,
    },
    /// The metadata service of the machine (IMDSv2).
    Machine(Url),
    /// None.
    Nowhere,
}

/// The token for the agent beside a container.
#[derive(Debug, Clone)]
pub enum ContainerToken {
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    Text(Secret),
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`, whose content changes.
    File(PathBuf),
}

/// The agent of ECS.
const CONTAINER_AGENT: &str = "http://169.254.170.2";
/// The agent of EKS.
const POD_AGENTS: [&str; 2] = ["169.254.170.23", "fd00:ec2::23"];
/// The metadata service.
const MACHINE: &str = "http://169.254.169.254";

impl KmsSettings {
    /// Reads settings from `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable.
    pub fn read(lookup: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let endpoint = match lookup("AWS_ENDPOINT_URL_KMS") {
            None => None,
            Some(text) => Some(address("AWS_ENDPOINT_URL_KMS", &text, &[])?),
        };
        Ok(Self {
            endpoint,
            fips: lookup("AWS_USE_FIPS_ENDPOINT").is_some_and(|text| text == "true"),
            credentials: credentials(lookup)?,
            patience: Duration::from_secs(3),
        })
    }
}

fn credentials(lookup: &impl Fn(&str) -> Option<String>) -> Result<CredentialSource, ConfigError> {
    match (lookup("AWS_ACCESS_KEY_ID"), lookup("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let token = lookup("AWS_SESSION_TOKEN");
            let given = Credentials::new(id, secret, token, None, "environment");
            return Ok(CredentialSource::Given(given));
        }
        (Some(_), None) => return Err(ConfigError::Missing("AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => return Err(ConfigError::Missing("AWS_ACCESS_KEY_ID")),
        (None, None) => {}
    }
    let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let agent = CONTAINER_AGENT.trim_start_matches("http://");
    let url = match (lookup(relative), lookup(full)) {
        (Some(path), _) => Some(address(
            relative,
            &format!("{CONTAINER_AGENT}{path}"),
            &[agent],
        )?),
        (None, Some(text)) => {
            let [one, two] = POD_AGENTS;
            Some(address(full, &text, &[agent, one, two])?)
        }
        (None, None) => None,
    };
    if let Some(url) = url {
        let file = lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let text = lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let token = match (file, text) {
            (Some(path), _) => Some(ContainerToken::File(path.into())),
            (None, Some(text)) => Some(ContainerToken::Text(Secret::new(text))),
            (None, None) => None,
        };
        return Ok(CredentialSource::Container { url, token });
    }
    if lookup("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text == "true") {
        return Ok(CredentialSource::Nowhere);
    }
    let name = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    let text = lookup(name).unwrap_or_else(|| MACHINE.to_owned());
    // What answers there is the machine's own, by AWS's design without TLS.
    let url = Url::parse(&text).map_err(|_| malformed(name))?;
    Ok(CredentialSource::Machine(url))
}

/// An address over TLS, or one of this machine or of these hosts.
fn address(name: &'static str, text: &str, near: &[&str]) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| malformed(name))?;
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback() || near.contains(&ip.to_string().as_str()),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || near.contains(&ip.to_string().as_str()),
        Some(Host::Domain(_)) | None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        _ => Err(malformed(name)),
    }
}

fn malformed(name: &'static str) -> ConfigError {
    ConfigError::Malformed(name, "an https address expected".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<KmsSettings, ConfigError> {
        KmsSettings::read(&|name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn source(set: &[(&str, &str)]) -> String {
        match read(set).unwrap().credentials {
            CredentialSource::Given(given) => format!("given {}", given.access_key_id()),
            CredentialSource::Container { url, token } => {
                format!("container {url} {}", token.is_some())
            }
            CredentialSource::Machine(url) => format!("machine {url}"),
            CredentialSource::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn v2_credentials_come_from_where_aws_puts_them() {
        let given = ("AWS_ACCESS_KEY_ID", "AKID");
        let container = (
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "/v2/credentials/1",
        );
        assert_eq!(
            source(&[given, ("AWS_SECRET_ACCESS_KEY", "hush"), container]),
            "given AKID"
        );
        assert_eq!(
            source(&[container]),
            "container http://169.254.170.2/v2/credentials/1 false"
        );
        let pod = (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "http://169.254.170.23/v1/credentials",
        );
        let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token");
        assert_eq!(
            source(&[pod, token]),
            "container http://169.254.170.23/v1/credentials true"
        );
        assert_eq!(source(&[]), "machine http://169.254.169.254/");
        assert_eq!(source(&[("AWS_EC2_METADATA_DISABLED", "true")]), "nowhere");
    }

    #[test]
    fn v2_half_credentials_and_open_lines_are_refused() {
        for (set, name) in [
            ([("AWS_ACCESS_KEY_ID", "AKID")], "AWS_SECRET_ACCESS_KEY"),
            ([("AWS_SECRET_ACCESS_KEY", "hush")], "AWS_ACCESS_KEY_ID"),
            (
                [("AWS_ENDPOINT_URL_KMS", "http://kms.example")],
                "AWS_ENDPOINT_URL_KMS",
            ),
            (
                [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/")],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            ),
        ] {
            let error = read(&set).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(!error.contains("hush"));
        }
        // The secret does not print.
        let set = [
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_SESSION_TOKEN", "whisper"),
        ];
        let shown = format!("{:?}", read(&set).unwrap());
        assert!(
            !shown.contains("hush") && !shown.contains("whisper"),
            "{shown}"
        );
    }
}
