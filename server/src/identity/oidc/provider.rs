//! Talking to the identity provider: what it publishes, its keys, and codes for tokens.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use protocol::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{RequestBuilder, StatusCode, redirect};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::form_urlencoded;

use crate::identity::jose::{JoseError, KeySet, Token};
use crate::identity::oidc::claims::ALLOWED;
use crate::identity::oidc::error::OidcError;
use crate::identity::oidc::settings::OidcSettings;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer.
const LONGEST: usize = 256 * 1024;
/// How long what the provider publishes is remembered.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// How long nothing is asked again because of a key that is not known: anybody can name one.
const QUIET: SignedDuration = SignedDuration::from_secs(10);

/// Why the provider cannot be used. Names no secret.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The file of certificates cannot be read.
    #[error("ROUNDS_OIDC_CA cannot be read")]
    Ca(#[source] std::io::Error),
    /// The client cannot be made.
    #[error("a client for the identity provider cannot be made")]
    Client(#[source] reqwest::Error),
    /// It cannot be reached, or breaks off.
    #[error("the identity provider cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It answers with an error.
    #[error("the identity provider answers {0}")]
    Status(StatusCode),
    /// Its answer is longer than any should be.
    #[error("the identity provider's answer is too long")]
    TooLong,
    /// Its answer is not what the protocol says.
    #[error("the identity provider's answer cannot be read: {0}")]
    Malformed(&'static str),
}

impl ProviderError {
    /// Stable code, for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ca(_) => "provider-ca",
            Self::Client(_) => "provider-client",
            Self::Unreachable(_) => "provider-unreachable",
            Self::Status(_) => "provider-status",
            Self::TooLong => "provider-too-long",
            Self::Malformed(what) => what,
        }
    }
}

/// What a provider publishes of itself (OpenID Connect Discovery).
#[derive(Debug, Clone, Deserialize)]
pub struct Document {
    issuer: String,
    /// Where browsers go.
    pub authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    /// Whether the redirect names the issuer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

struct Known {
    document: Arc<Document>,
    read_at: Timestamp,
    keys: Option<(Arc<KeySet>, Timestamp)>,
}

/// The identity provider.
pub struct Provider {
    /// Who it is, and who we are to it.
    pub settings: OidcSettings,
    http: reqwest::Client,
    known: Mutex<Option<Known>>,
}

/// What is sent for a token.
pub struct Exchange<'a> {
    /// The code.
    pub code: &'a Secret,
    /// The address that the code came to.
    pub redirect: &'a str,
    /// What only who began the sign-in knows.
    pub verifier: &'a str,
}

#[derive(Deserialize)]
struct Granted {
    id_token: Option<Secret>,
}

#[derive(Deserialize)]
struct Denied {
    error: String,
}

impl Provider {
    /// A provider by its settings. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ProviderError::Ca`] or [`ProviderError::Client`].
    pub fn new(settings: OidcSettings) -> Result<Self, ProviderError> {
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            // Sign-ins are rare: a connection kept for the next one would often be dead by then,
            // and a code is sent once.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("rounds-server/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &settings.ca {
            let pem = std::fs::read(path).map_err(ProviderError::Ca)?;
            let trusted =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(ProviderError::Client)?;
            builder = builder.tls_certs_only(trusted);
        }
        Ok(Self {
            settings,
            http: builder.build().map_err(ProviderError::Client)?,
            known: Mutex::new(None),
        })
    }

    /// What the provider publishes, asked for at most once an hour.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn document(&self, now: Timestamp) -> Result<Arc<Document>, ProviderError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| fresh(known.read_at, now)) {
            return Ok(Arc::clone(&known.document));
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let document: Document = self.read(self.http.get(url)).await?;
        if document.issuer != self.settings.issuer {
            return Err(ProviderError::Malformed("provider-another-issuer"));
        }
        let endpoints = [
            &document.authorization_endpoint,
            &document.token_endpoint,
            &document.jwks_uri,
        ];
        if !endpoints.iter().all(|url| url.starts_with("https://")) {
            return Err(ProviderError::Malformed("provider-endpoint-not-https"));
        }
        let methods = document.code_challenge_methods_supported.as_ref();
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(ProviderError::Malformed("provider-without-pkce"));
        }
        let document = Arc::new(document);
        *known = Some(Known {
            document: Arc::clone(&document),
            read_at: now,
            keys: None,
        });
        Ok(document)
    }

    /// The claims of a token, if the provider signed it. Keys that it has changed to since are
    /// fetched once.
    ///
    /// # Errors
    /// [`OidcError::Token`] or [`OidcError::Provider`].
    pub async fn verified(&self, token: &Secret, now: Timestamp) -> Result<Value, OidcError> {
        let token = Token::read(token.expose()).map_err(claims_error)?;
        match token.verified(&*self.keys(now, FRESH).await?, &ALLOWED) {
            Err(JoseError::KeyUnknown) => {
                let keys = self.keys(now, QUIET).await?;
                token.verified(&keys, &ALLOWED).map_err(claims_error)
            }
            other => other.map_err(claims_error),
        }
    }

    /// Keys that are not older than `age`.
    async fn keys(
        &self,
        now: Timestamp,
        age: SignedDuration,
    ) -> Result<Arc<KeySet>, ProviderError> {
        let document = self.document(now).await?;
        let mut known = self.known.lock().await;
        if let Some(Known {
            keys: Some((keys, at)),
            ..
        }) = known.as_ref()
            && now.duration_since(*at) < age
        {
            return Ok(Arc::clone(keys));
        }
        let set: Value = self.read(self.http.get(&document.jwks_uri)).await?;
        let keys =
            KeySet::published(&set).map_err(|_| ProviderError::Malformed("provider-keys"))?;
        let keys = Arc::new(keys);
        if let Some(known) = known.as_mut() {
            known.keys = Some((Arc::clone(&keys), now));
        }
        Ok(keys)
    }

    /// Gives the code, takes the ID token.
    ///
    /// # Errors
    /// [`OidcError::CodeRefused`] or [`OidcError::Provider`].
    pub async fn exchange(
        &self,
        document: &Document,
        exchange: &Exchange<'_>,
    ) -> Result<Secret, OidcError> {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", exchange.code.expose()),
            ("redirect_uri", exchange.redirect),
            ("code_verifier", exchange.verifier),
        ];
        let mut request = self
            .http
            .post(&document.token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &self.settings.client_secret {
            // RFC 6749, 2.3.1: both are form-encoded before they are put together.
            Some(secret) => {
                let encoded = |text: &str| -> String {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect()
                };
                let pair = Secret::new(format!(
                    "{}:{}",
                    encoded(&self.settings.client_id),
                    encoded(secret.expose())
                ));
                let header = format!("Basic {}", STANDARD.encode(pair.expose()));
                request = request.header(AUTHORIZATION, header);
            }
            None => {
                pairs.push(("client_id", &self.settings.client_id));
            }
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let (status, body) = self.answer(request.body(form)).await?;
        if status.is_success() {
            let granted: Granted = serde_json::from_slice(&body)
                .map_err(|_| ProviderError::Malformed("provider-token-answer"))?;
            return granted
                .id_token
                .ok_or_else(|| ProviderError::Malformed("provider-no-id-token").into());
        }
        match serde_json::from_slice::<Denied>(&body) {
            Ok(denied) if denied.error == "invalid_grant" => Err(OidcError::CodeRefused),
            _ => Err(ProviderError::Status(status).into()),
        }
    }

    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ProviderError> {
        let (status, body) = self.answer(request).await?;
        if status != StatusCode::OK {
            return Err(ProviderError::Status(status));
        }
        serde_json::from_slice(&body).map_err(|_| ProviderError::Malformed("provider-not-json"))
    }

    async fn answer(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, zeroize::Zeroizing<Vec<u8>>), ProviderError> {
        let mut response = request.send().await.map_err(ProviderError::Unreachable)?;
        let mut body = zeroize::Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(ProviderError::Unreachable)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(ProviderError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

fn fresh(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < FRESH
}

fn claims_error(error: JoseError) -> OidcError {
    OidcError::Token(error.into())
}
