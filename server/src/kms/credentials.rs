//! Credentials, fetched where they change and remembered until shortly before they expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use jiff::Timestamp;
use protocol::secret::Secret;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

use super::client::body;
use super::settings::{ContainerToken, CredentialSource};

/// Credentials that expire within this time are fetched anew.
const EARLY: Duration = Duration::from_secs(300);
/// Longest wait for who hands them out: it is this machine, or beside it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds that a token of the metadata service lives.
const TOKEN_LIFE: &str = "21600";

/// Why there are no credentials. Names no secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing is configured.
    #[error("neither AWS_ACCESS_KEY_ID nor a container's or machine's role is configured")]
    Nowhere,
    /// Who hands them out does not answer.
    #[error("who hands out credentials cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// Who hands them out refuses.
    #[error("who hands out credentials answers {0}")]
    Status(StatusCode),
    /// The answer is not what it should be.
    #[error("the answer of who hands out credentials cannot be read")]
    Malformed,
    /// The file of the container's token cannot be read.
    #[error("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read")]
    Token(#[source] std::io::Error),
}

/// Remembers credentials.
pub(super) struct Wallet {
    source: CredentialSource,
    http: Client,
    held: Mutex<Option<Credentials>>,
}

/// As containers and machines answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handed {
    access_key_id: String,
    secret_access_key: Secret,
    token: Secret,
    expiration: Timestamp,
}

impl Wallet {
    pub(super) fn new(source: CredentialSource, http: Client) -> Self {
        Self {
            source,
            http,
            held: Mutex::new(None),
        }
    }

    /// Credentials that live for a while.
    pub(super) async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        if let CredentialSource::Given(given) = &self.source {
            return Ok(given.clone());
        }
        let mut held = self.held.lock().await;
        if let Some(known) = held.as_ref().filter(|known| lives(known)) {
            return Ok(known.clone());
        }
        let fresh = match &self.source {
            CredentialSource::Given(given) => given.clone(),
            CredentialSource::Container { url, token } => {
                self.of_container(url, token.as_ref()).await?
            }
            CredentialSource::Machine(url) => self.of_machine(url).await?,
            CredentialSource::Nowhere => return Err(CredentialsError::Nowhere),
        };
        *held = Some(fresh.clone());
        Ok(fresh)
    }

    /// The service no longer takes them.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn of_container(
        &self,
        url: &Url,
        token: Option<&ContainerToken>,
    ) -> Result<Credentials, CredentialsError> {
        let mut request = self.http.get(url.clone());
        let token = match token {
            None => None,
            Some(ContainerToken::Text(text)) => Some(Zeroizing::new(text.expose().to_owned())),
            Some(ContainerToken::File(path)) => {
                let text = tokio::fs::read_to_string(path).await;
                Some(Zeroizing::new(text.map_err(CredentialsError::Token)?))
            }
        };
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, token.trim());
        }
        handed(&ask(request).await?)
    }

    async fn of_machine(&self, url: &Url) -> Result<Credentials, CredentialsError> {
        let at = |path: &str| url.join(path).map_err(|_| CredentialsError::Malformed);
        let request = self
            .http
            .put(at("/latest/api/token")?)
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE);
        let token = text(ask(request).await?)?;
        let get = |path: Url| {
            self.http
                .get(path)
                .header("x-aws-ec2-metadata-token", token.as_str())
        };
        let roles = "/latest/meta-data/iam/security-credentials/";
        let names = text(ask(get(at(roles)?)).await?)?;
        let role = names.lines().next().ok_or(CredentialsError::Malformed)?;
        handed(&ask(get(at(&format!("{roles}{role}"))?)).await?)
    }
}

fn lives(known: &Credentials) -> bool {
    known
        .expiry()
        .is_none_or(|until| until > SystemTime::now() + EARLY)
}

async fn ask(request: RequestBuilder) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    let response = request
        .timeout(PATIENCE)
        .send()
        .await
        .map_err(CredentialsError::Unreachable)?;
    if response.status() != StatusCode::OK {
        return Err(CredentialsError::Status(response.status()));
    }
    body(response)
        .await
        .map_err(CredentialsError::Unreachable)?
        .ok_or(CredentialsError::Malformed)
}

fn text(body: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, CredentialsError> {
    let text = std::str::from_utf8(&body).map_err(|_| CredentialsError::Malformed)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn handed(body: &[u8]) -> Result<Credentials, CredentialsError> {
    let handed: Handed = serde_json::from_slice(body).map_err(|_| CredentialsError::Malformed)?;
    Ok(Credentials::new(
        handed.access_key_id,
        handed.secret_access_key.expose(),
        Some(handed.token.expose().to_owned()),
        Some(handed.expiration.into()),
        "role",
    ))
}

impl From<CredentialsError> for super::KmsError {
    fn from(error: CredentialsError) -> Self {
        Self::Credentials(Arc::new(error))
    }
}
