//! The token endpoint: an assertion in, a token for five minutes out.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use deadpool_postgres::GenericClient;
use jiff::SignedDuration;
use ledger::event::{Actor, Observer, Outcome};
use ledger::{AccessEvent, Action};
use protocol::path;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::identity::account::Account;
use crate::identity::caller::Origin;
use crate::identity::jose::Token;
use crate::identity::limit::{self, Source};
use crate::identity::session::{self, Begun};
use crate::smart::assertion::{self, ALLOWED, AssertionError, Passed};
use crate::smart::client;
use crate::smart::configuration::token_endpoint;
use crate::smart::scope::Scopes;
use crate::store::error::StoreError;
use crate::store::transaction::{self, Retryable};

/// How long a token counts.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// The only kind of assertion.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Routes of SMART outside the FHIR service.
pub fn routes() -> Router<Arc<App>> {
    Router::new().route(path::SMART_TOKEN, post(token))
}

/// Why there is no token (RFC 6749, 5.2).
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A parameter is missing, doubled or cannot be read.
    #[error("{0}")]
    Request(&'static str),
    /// Another grant than `client_credentials`.
    #[error("only client_credentials is granted here")]
    Grant,
    /// No such program, or it is disabled.
    #[error("this client is not registered, or disabled")]
    Unknown,
    /// The assertion does not pass.
    #[error("the assertion is refused: {0}")]
    Assertion(#[from] AssertionError),
    /// Nothing that is asked for was registered.
    #[error("none of these scopes is registered for the client")]
    Scope,
    /// This source has failed too often.
    #[error("too many failed attempts from here")]
    TooManyAttempts {
        /// Seconds to wait.
        wait: u64,
    },
    /// The database or a seal.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Retryable for TokenError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl TokenError {
    /// Whether it counts as a failure of whoever tries.
    fn counts(&self) -> bool {
        matches!(self, Self::Unknown | Self::Assertion(_))
    }

    /// Whether it is somebody's refusal, and not a slip of the pen.
    fn recorded(&self) -> bool {
        self.counts() || matches!(self, Self::Scope)
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Request(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Grant => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::Unknown | Self::Assertion(_) => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::Scope => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "slow_down"),
            Self::Store(error) => {
                tracing::error!(code = error.code(), "no token: the store failed");
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
        };
        let body = json!({ "error": code, "error_description": self.to_string() });
        let mut response = (status, Json(body)).into_response();
        if let Self::TooManyAttempts { wait } = self {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

/// What is asked for.
struct Asked {
    assertion: String,
    scopes: Scopes,
}

async fn token(
    State(app): State<Arc<App>>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TokenError> {
    let asked = read(&headers, &body)?;
    let mut attempt = Attempt {
        app: &app,
        origin: &origin,
        name: String::new(),
        account: None,
    };
    match attempt.granted(&asked).await {
        Ok((begun, scopes)) => Ok(Json(json!({
            "access_token": begun.token.expose(),
            "token_type": "bearer",
            "expires_in": LIFE.as_secs(),
            "scope": scopes.to_string(),
        }))
        .into_response()),
        Err(error) => Err(attempt.refused(error).await?),
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Asked, TokenError> {
    let form = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return Err(TokenError::Request(
            "the request must be application/x-www-form-urlencoded",
        ));
    }
    let mut pairs: HashMap<String, String> = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(body).into_owned() {
        if pairs.insert(name, value).is_some() {
            return Err(TokenError::Request("a parameter comes twice"));
        }
    }
    let mut need = |name: &str, missing| pairs.remove(name).ok_or(TokenError::Request(missing));
    if need("grant_type", "grant_type is needed")? != "client_credentials" {
        return Err(TokenError::Grant);
    }
    let kind = need(
        "client_assertion_type",
        "client_assertion_type is needed: clients prove themselves with private_key_jwt",
    )?;
    if kind != ASSERTION {
        return Err(TokenError::Request(
            "this client_assertion_type is not taken",
        ));
    }
    Ok(Asked {
        assertion: need("client_assertion", "client_assertion is needed")?,
        scopes: Scopes::parse(&need("scope", "scope is needed")?),
    })
}

/// One try to get a token.
struct Attempt<'a> {
    app: &'a App,
    origin: &'a Origin,
    /// The client id, as it was claimed: what failures are counted under.
    name: String,
    /// Whose it is, where it is known.
    account: Option<Account>,
}

impl Attempt<'_> {
    fn source(&self) -> Source {
        Source::Program(self.origin.address)
    }

    async fn granted(&mut self, asked: &Asked) -> Result<(Begun, Scopes), TokenError> {
        let app = self.app;
        let token = Token::read(&asked.assertion).map_err(AssertionError::from)?;
        let claimed = token.unverified().ok_or(AssertionError::Malformed)?;
        let name = assertion::named(&claimed).ok_or(AssertionError::Malformed)?;
        name.clone_into(&mut self.name);
        let client = app.pool.get().await.map_err(StoreError::from)?;
        if let Some(wait) = limit::wait(app, &client, name, self.source()).await? {
            return Err(TokenError::TooManyAttempts { wait });
        }
        let id = Uuid::parse_str(name).map_err(|_| TokenError::Unknown)?;
        let program = client::find(app, &client, id).await?;
        let program = program.ok_or(TokenError::Unknown)?;
        self.account = Some(program.account.clone());
        let claims = token
            .verified(&program.keys, &ALLOWED)
            .map_err(AssertionError::from)?;
        let endpoint = token_endpoint(app);
        let passed = assertion::check(&claims, name, &endpoint, app.now())?;
        if program.disabled {
            return Err(TokenError::Unknown);
        }
        if !first_use(app, &client, id, &passed).await? {
            return Err(AssertionError::Used.into());
        }
        let scopes = asked.scopes.both(&program.scopes);
        if scopes.is_empty() {
            return Err(TokenError::Scope);
        }
        limit::succeeded(app, &client, name, self.source()).await?;
        drop(client);
        let event = self
            .event(Action::TokenIssued)
            .because(format!("Registered program; scopes {scopes}."), []);
        let begun = transaction::run(app, "smart-token", |tx, _| {
            let (event, scopes) = (&event, &scopes);
            Box::pin(async move {
                let begun = session::begin_scoped(app, tx, id, scopes, LIFE).await?;
                append::append(app, tx, event).await?;
                Ok::<_, TokenError>(begun)
            })
        })
        .await?;
        Ok((begun, scopes))
    }

    fn event(&self, action: Action) -> AccessEvent {
        let app = self.app;
        let observer = Observer::Server(app.config.public_url.clone());
        let client = self.origin.client(None);
        let event = AccessEvent::new(Uuid::now_v7(), app.now(), action, client, observer);
        match &self.account {
            Some(account) => event.by(Actor {
                id: account.id,
                name: account.display_name.clone(),
                role: account.role.as_str().to_owned(),
            }),
            None => event,
        }
    }

    /// Counts and records the refusal, then gives it back.
    async fn refused(&self, error: TokenError) -> Result<TokenError, TokenError> {
        if !error.recorded() {
            return Ok(error);
        }
        let client = self.app.pool.get().await.map_err(StoreError::from)?;
        if error.counts() {
            limit::failed(self.app, &client, &self.name, self.source()).await?;
        }
        let event = self
            .event(Action::SignInRefused)
            .ending(Outcome::Refused)
            .because(error.to_string(), []);
        append::append(self.app, &client, &event).await?;
        Ok(error)
    }
}

/// Whether an assertion comes for the first time. It is remembered for as long as it would pass.
async fn first_use(
    app: &App,
    client: &impl GenericClient,
    id: Uuid,
    passed: &Passed<'_>,
) -> Result<bool, StoreError> {
    let digest = Sha256::new()
        .chain_update(b"client assertion")
        .chain_update(id.as_bytes())
        .chain_update(passed.jti)
        .finalize();
    let fresh = client
        .execute(
            "INSERT INTO proof (tenant, digest, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
            &[&app.tenant.id, &digest.as_slice(), &passed.until],
        )
        .await?;
    Ok(fresh == 1)
}
