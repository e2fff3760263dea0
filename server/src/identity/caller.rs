//! The user behind a request: taken from its token and its proof, or the request is refused.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use ledger::event::{Actor, Client, Observer, Outcome};
use ledger::{AccessEvent, Action};
use protocol::fault::Code;
use protocol::path;
use protocol::report::ReviewKind;
use protocol::sign_in::Role;
use tracing::warn;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::fhir_api::{self, Ahead};
use crate::http::problem::Refusal;
use crate::identity::session::Live;
use crate::identity::{proof, session};
use crate::review;
use crate::smart::Scopes;
use crate::store::error::StoreError;

/// Text that a program sends about itself is cut here before it is kept.
const AGENT_LENGTH: usize = 200;

/// Who asks, on which device, from where.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The clinic.
    pub tenant: Uuid,
    /// Account: author of what is written.
    pub user_id: Uuid,
    /// Sign-in name.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// What the user is here.
    pub role: Role,
    /// The enrolled device; none for a bearer token.
    pub device: Option<Uuid>,
    /// Logical id of the user's Practitioner, if the user is one.
    pub practitioner: Option<String>,
    /// What else records call the user: PractitionerRoles and their Organizations.
    pub also: Vec<String>,
    /// What the token covers, if it is a registered program's: policies decide about what is left.
    pub scopes: Option<Scopes>,
    /// The session.
    pub session: Uuid,
    /// Address that the request came from.
    pub address: IpAddr,
    /// What the program says it is.
    pub user_agent: String,
}

impl Caller {
    /// The user, as audit events name one.
    pub fn actor(&self) -> Actor {
        Actor {
            id: self.user_id,
            name: self.display_name.clone(),
            role: self.role.as_str().to_owned(),
        }
    }

    /// The program, as audit events name one.
    pub fn client(&self) -> Client {
        Client {
            device: self.device,
            name: self.user_agent.clone(),
            address: Some(self.address.to_string()),
        }
    }

    /// An audit event of something that this caller did now, with a fresh id.
    pub fn event(&self, app: &App, action: Action) -> AccessEvent {
        let observer = Observer::Server(app.config.public_url.clone());
        AccessEvent::new(Uuid::now_v7(), app.now(), action, self.client(), observer)
            .by(self.actor())
    }
}

/// Where a request came from, as far as the server can see.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Address of the peer.
    pub address: IpAddr,
    /// What the program says it is.
    pub user_agent: String,
}

impl Origin {
    /// Reads it from the request.
    pub fn of(parts: &Parts) -> Self {
        let address = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| {
                info.0.ip().to_canonical()
            });
        let user_agent = parts
            .headers
            .get(USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("unnamed program")
            .chars()
            .take(AGENT_LENGTH)
            .collect();
        Self {
            address,
            user_agent,
        }
    }

    /// The program, as audit events name one.
    pub fn client(&self, device: Option<Uuid>) -> Client {
        Client {
            device,
            name: self.user_agent.clone(),
            address: Some(self.address.to_string()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

/// What the `Authorization` header holds.
enum Credential<'a> {
    /// A token whose device key must be proved.
    Bound(&'a str),
    /// A token that is enough by itself.
    Bearer(&'a str),
}

impl<'a> Credential<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        if scheme.eq_ignore_ascii_case("DPoP") {
            Some(Self::Bound(token))
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            Some(Self::Bearer(token))
        } else {
            None
        }
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or_else(|| parts.uri.clone(), |original| original.0.clone());
        let refuse = |code| Refusal::new(code).on(&uri);
        let (caller, ahead) = identify(app, parts, &uri)
            .await
            .map_err(|error| match error {
                Unknown::Refused(code) => refuse(code),
                Unknown::Store(error) => Refusal::from(error).on(&uri),
            })?;
        if let Some(ahead) = ahead {
            parts.extensions.insert(ahead);
        }
        Ok(caller)
    }
}

/// Why nobody could be found behind a request.
enum Unknown {
    Refused(Code),
    Store(StoreError),
}

impl From<StoreError> for Unknown {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The session of a token, and what was read ahead with it. A session that was looked up before
/// is asked for again by a number alone; who is known so well is known to read, so the record comes
/// along, sealed as it is: whether it may be seen is decided by who needs it.
async fn session(
    app: &App,
    parts: &Parts,
    uri: &Uri,
    token: &str,
) -> Result<(Arc<Live>, Option<Ahead>), Unknown> {
    let unknown = || Unknown::Refused(Code::SessionEnded);
    let hash = session::hash_of(token).ok_or_else(unknown)?;
    let mut ahead = None;
    if app.sessions.has(&hash) {
        let name = (parts.method == Method::GET)
            .then(|| fhir_api::named(uri.path()))
            .flatten();
        let mut found = app.reads.current(name.iter().cloned().collect()).await?;
        ahead = name.map(|name| Ahead {
            name,
            row: found.rows.pop(),
        });
        if let Some(live) = app.sessions.at(&hash, found.changes, app.now()) {
            return Ok((live, ahead));
        }
    }
    let client = app.fixed.get().await.map_err(StoreError::from)?;
    let found = session::find(app, &client, &hash).await?;
    let (live, changes) = found.ok_or_else(unknown)?;
    let live = Arc::new(live);
    app.sessions.keep(hash, changes, &live);
    Ok((live, ahead))
}

async fn identify(app: &App, parts: &Parts, uri: &Uri) -> Result<(Caller, Option<Ahead>), Unknown> {
    let origin = Origin::of(parts);
    let credential = Credential::of(&parts.headers).ok_or(Unknown::Refused(Code::SessionEnded))?;
    let (Credential::Bound(token) | Credential::Bearer(token)) = credential;
    let (live, ahead) = session(app, parts, uri, token).await?;
    let caller = Caller {
        tenant: app.tenant.id,
        user_id: live.account.id,
        username: live.account.username.clone(),
        display_name: live.account.display_name.clone(),
        role: live.account.role,
        device: live.device.as_ref().map(|device| device.id),
        practitioner: live.account.practitioner.clone(),
        also: live.also.clone(),
        scopes: live.scopes.clone(),
        session: live.id,
        address: origin.address,
        user_agent: origin.user_agent,
    };
    let proved = match (&credential, &live.device) {
        // A program's token: nothing to prove. With a proof it is taken as well.
        (Credential::Bearer(_), None) => Ok(()),
        (Credential::Bound(_), Some(device)) => {
            let claim = proof::Claim {
                method: &parts.method,
                uri,
                token: Some(token),
            };
            let client = app.fixed.get().await.map_err(StoreError::from)?;
            match proof::check(app, &client, &parts.headers, &claim).await? {
                Ok(key) if key == device.public_key => Ok(()),
                Ok(_) => Err("another device's key"),
                Err(reason) => Err(reason),
            }
        }
        (Credential::Bearer(_), Some(_)) => Err("no proof of the device's key"),
        (Credential::Bound(_), None) => Err("a bearer token used as a bound one"),
    };
    if let Err(reason) = proved {
        // The token is known and the key is not: it may be stolen.
        warn!(session = %caller.session, reason, "proof refused");
        let event = caller
            .event(app, Action::ProofRefused)
            .ending(Outcome::Refused)
            .because(reason, []);
        let words = format!(
            "A token of this account came with a proof that does not fit ({reason}): it may be stolen."
        );
        review::raise_unless_open(app, &event, ReviewKind::ProofRefused, &words).await?;
        return Err(Unknown::Refused(Code::ProofWrong));
    }
    if caller.scopes.is_some() && !uri.path().starts_with(path::FHIR) {
        let event = caller
            .event(app, Action::ScopeRefused)
            .ending(Outcome::Refused)
            .because("Scopes cover the FHIR service alone.", []);
        let client = app.fixed.get().await.map_err(StoreError::from)?;
        append::append(app, &client, &event).await?;
        return Err(Unknown::Refused(Code::Forbidden));
    }
    Ok((caller, ahead))
}
