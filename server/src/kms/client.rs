//! The three questions: wrap, open, and whether a key stands.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::secret::Secret;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, redirect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::credentials::Wallet;
use super::{KeyArn, KmsError, KmsSettings};

/// Requests under way at once.
const AT_ONCE: usize = 32;
/// Tries of what may pass.
const TRIES: u32 = 3;
/// Pause before the second try; doubled before each further one, and scattered.
const PAUSE: Duration = Duration::from_millis(50);
/// Longest answer: a wrapped key has some 200 bytes.
const LONGEST: usize = 64 * 1024;
const FORM: &str = "application/x-amz-json-1.1";

/// A client of AWS KMS.
pub struct Kms {
    settings: KmsSettings,
    http: Client,
    wallet: Wallet,
    turns: Semaphore,
}

/// What the service authenticates along with a key, and writes into its own log in the clear:
/// whose key it is, and a hash of its place.
#[derive(Debug, Clone, Serialize)]
pub struct Context {
    #[serde(rename = "rounds-tenant")]
    tenant: Uuid,
    #[serde(rename = "rounds-place")]
    place: String,
}

impl Context {
    /// For a key of `tenant` that is bound to `binding`.
    pub fn new(tenant: Uuid, binding: &[u8; 32]) -> Self {
        Self {
            tenant,
            place: hex::encode(binding),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: &'a Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: &'a Context,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: Secret,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Describe<'a> {
    key_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    key_metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    key_state: String,
    key_usage: String,
    key_spec: String,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "__type")]
    name: String,
}

impl Kms {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: KmsSettings) -> Result<Self, reqwest::Error> {
        let http = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.patience)
            .user_agent(concat!("rounds-server/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            wallet: Wallet::new(settings.credentials.clone(), http.clone()),
            settings,
            http,
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// Wraps `plain` under `key`.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn encrypt(
        &self,
        key: &KeyArn,
        context: &Context,
        plain: &[u8],
    ) -> Result<Vec<u8>, KmsError> {
        let plaintext = Zeroizing::new(STANDARD.encode(plain));
        let ask = Encrypt {
            key_id: key.as_str(),
            plaintext: &plaintext,
            encryption_context: context,
        };
        let answer: Encrypted = self.ask(key, "Encrypt", &ask).await?;
        STANDARD
            .decode(answer.ciphertext_blob)
            .map_err(|_| KmsError::Malformed)
    }

    /// Opens what [`Kms::encrypt`] wrapped under `key` for the same context.
    ///
    /// # Errors
    /// [`KmsError::Ciphertext`] if it is not that; otherwise another.
    pub async fn decrypt(
        &self,
        key: &KeyArn,
        context: &Context,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let ask = Decrypt {
            key_id: key.as_str(),
            ciphertext_blob: &STANDARD.encode(wrapped),
            encryption_context: context,
        };
        let answer: Decrypted = self.ask(key, "Decrypt", &ask).await?;
        STANDARD
            .decode(answer.plaintext.expose())
            .map(Zeroizing::new)
            .map_err(|_| KmsError::Malformed)
    }

    /// Whether `key` stands: is there, enabled, and one that wraps.
    ///
    /// # Errors
    /// [`KmsError`] says why not.
    pub async fn standing(&self, key: &KeyArn) -> Result<(), KmsError> {
        let ask = Describe {
            key_id: key.as_str(),
        };
        let answer: Described = self.ask(key, "DescribeKey", &ask).await?;
        let found = answer.key_metadata;
        if found.key_usage != "ENCRYPT_DECRYPT" || found.key_spec != "SYMMETRIC_DEFAULT" {
            return Err(KmsError::Usage(key.clone()));
        }
        match found.key_state.as_str() {
            "Enabled" => Ok(()),
            "Creating" | "Updating" | "Unavailable" => Err(KmsError::Slow),
            _ => Err(KmsError::Disabled(key.clone())),
        }
    }

    async fn ask<R: DeserializeOwned>(
        &self,
        key: &KeyArn,
        action: &'static str,
        ask: &impl Serialize,
    ) -> Result<R, KmsError> {
        // Never closed.
        let _turn = self.turns.acquire().await;
        // Long enough that it never grows, which would leave a copy behind.
        let mut json = Zeroizing::new(Vec::with_capacity(8 * 1024));
        serde_json::to_writer(&mut *json, ask).map_err(|_| KmsError::Malformed)?;
        let json = Bytes::from_owner(json);
        let mut pause = PAUSE;
        let mut tried = 1;
        loop {
            let once = self.once(key, action, json.clone());
            let outcome = match tokio::time::timeout(self.settings.patience, once).await {
                Ok(outcome) => outcome,
                Err(_) => Err(KmsError::Slow),
            };
            match outcome {
                Err(error) if error.passes() && tried < TRIES => {
                    tracing::warn!(code = error.code(), action, tried, "AWS KMS is asked again");
                    if matches!(error, KmsError::Stale) {
                        self.wallet.forget().await;
                    }
                    tokio::time::sleep(scattered(pause)).await;
                    pause *= 2;
                    tried += 1;
                }
                outcome => {
                    let body = outcome?;
                    return serde_json::from_slice(&body).map_err(|_| KmsError::Malformed);
                }
            }
        }
    }

    async fn once(
        &self,
        key: &KeyArn,
        action: &str,
        json: Bytes,
    ) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        let url = self.endpoint(key)?;
        let target = format!("TrentService.{action}");
        let headers = [
            (CONTENT_TYPE.as_str(), FORM),
            ("x-amz-target", target.as_str()),
        ];
        let identity = self.wallet.credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(key.region())
            .name("kms")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| KmsError::Signature)?
            .into();
        let signable = SignableRequest::new(
            "POST",
            url.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(&json),
        )
        .map_err(|_| KmsError::Signature)?;
        let (signed, _) = sign(signable, &params)
            .map_err(|_| KmsError::Signature)?
            .into_parts();
        let mut request = self.http.post(url.clone());
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let unreachable = |error| KmsError::Unreachable(Arc::new(error));
        let response = request.body(json).send().await.map_err(unreachable)?;
        let status = response.status();
        let body = body(response)
            .await
            .map_err(unreachable)?
            .ok_or(KmsError::Malformed)?;
        if status.is_success() {
            return Ok(body);
        }
        let told = serde_json::from_slice::<Exception>(&body);
        let name = told.map(|told| told.name).unwrap_or_default();
        // Some say `com.amazonaws.kms#NotFoundException`.
        let name: String = name
            .rsplit('#')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(64)
            .collect();
        Err(KmsError::told(&name, status, key))
    }

    fn endpoint(&self, key: &KeyArn) -> Result<Url, KmsError> {
        if let Some(url) = &self.settings.endpoint {
            return Ok(url.clone());
        }
        let service = if self.settings.fips {
            "kms-fips"
        } else {
            "kms"
        };
        let (region, domain) = (key.region(), key.domain());
        Url::parse(&format!("https://{service}.{region}.{domain}/"))
            .map_err(|_| KmsError::Malformed)
    }
}

impl std::fmt::Debug for Kms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kms")
            .field("endpoint", &self.settings.endpoint)
            .finish_non_exhaustive()
    }
}

/// A whole answer; none if it is longer than any should be.
pub(super) async fn body(
    mut response: Response,
) -> Result<Option<Zeroizing<Vec<u8>>>, reqwest::Error> {
    let mut body = Zeroizing::new(Vec::with_capacity(8 * 1024));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Half to all of `pause`, so that those who were refused together do not come back together.
fn scattered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness they do come back together, which is no harm to anybody but them.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause * u32::from(byte[0]) / 512
}
