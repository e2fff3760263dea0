//! Sessions: opaque tokens, kept only as hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::GenericClient;
use jiff::{SignedDuration, Timestamp};
use protocol::secret::Secret;
use protocol::sign_in::Role;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::feed::changes::ENDED;
use crate::identity::account::Account;
use crate::smart::Scopes;
use crate::store::error::StoreError;

/// How long a workstation's session lasts: a working day.
pub const WORKING_DAY: SignedDuration = SignedDuration::from_hours(12);

/// How long tokens of registered programs are kept after they are over.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The longest token taken for one; ours are 43 characters.
const TOKEN_LENGTH: usize = 128;

/// Why a session was ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The user signed out.
    SignOut,
    /// The user signed in again on the same device.
    SignIn,
    /// The account was disabled.
    Disabled,
    /// Password or second factor were reset.
    Reset,
    /// An operator ended it.
    Operator,
}

impl EndedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::SignOut => "sign-out",
            Self::SignIn => "sign-in",
            Self::Disabled => "disabled",
            Self::Reset => "reset",
            Self::Operator => "operator",
        }
    }
}

/// A session that counts now.
#[derive(Debug, Clone)]
pub struct Live {
    /// Name of the session.
    pub id: Uuid,
    /// Whose it is.
    pub account: Account,
    /// The device it is bound to; none for a bearer token.
    pub device: Option<BoundDevice>,
    /// What else records call the user.
    pub also: Vec<String>,
    /// What the token covers; none where role and policies alone decide.
    pub scopes: Option<Scopes>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// The device that a session is bound to.
#[derive(Debug, Clone)]
pub struct BoundDevice {
    /// Device id.
    pub id: Uuid,
    /// Its key, base64url.
    pub public_key: String,
}

/// A session just begun: the only moment its token exists here.
#[derive(Debug)]
pub struct Begun {
    /// The token.
    pub token: Secret,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Name of the session.
    pub id: Uuid,
}

/// Begins a session.
///
/// # Errors
/// When the database refuses or there is no randomness.
pub async fn begin(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    device: Option<Uuid>,
    life: SignedDuration,
) -> Result<Begun, StoreError> {
    insert(app, tx, account, device, None, life).await
}

/// Begins a session of a program that covers no more than these scopes.
///
/// # Errors
/// When the database refuses or there is no randomness.
pub async fn begin_scoped(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    scopes: &Scopes,
    life: SignedDuration,
) -> Result<Begun, StoreError> {
    insert(app, tx, account, None, Some(scopes.to_string()), life).await
}

/// Forgets tokens of registered programs that are long over: they take one every few minutes.
///
/// # Errors
/// When the database refuses.
pub async fn forget_scoped(app: &App, client: &impl GenericClient) -> Result<(), StoreError> {
    let over = app.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    client
        .execute(
            "DELETE FROM session WHERE tenant = $1 AND scopes IS NOT NULL AND expires_at < $2",
            &[&app.tenant.id, &over],
        )
        .await?;
    Ok(())
}

async fn insert(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    device: Option<Uuid>,
    scopes: Option<String>,
    life: SignedDuration,
) -> Result<Begun, StoreError> {
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(StoreError::NoRandomBytes)?;
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
    let now = app.now();
    let expires_at = now.saturating_add(life).unwrap_or(Timestamp::MAX);
    let id = Uuid::now_v7();
    tx.execute(
        "INSERT INTO session (tenant, token_hash, id, account, device, created_at, expires_at, \
                              scopes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &app.tenant.id,
            &hash(token.expose()).as_slice(),
            &id,
            &account,
            &device,
            &now,
            &expires_at,
            &scopes,
        ],
    )
    .await?;
    Ok(Begun {
        token,
        expires_at,
        id,
    })
}

/// The hash under which a token is kept; none for what cannot be one of ours.
pub fn hash_of(token: &str) -> Option<TokenHash> {
    (!token.is_empty() && token.len() <= TOKEN_LENGTH).then(|| hash(token))
}

/// The session of a token, if it counts: not ended, not expired, the account enabled and the
/// device still enrolled for it. With it, what the database counted by then of changes to what
/// sessions rest on.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    app: &App,
    client: &impl GenericClient,
    token: &TokenHash,
) -> Result<Option<(Live, i64)>, StoreError> {
    let statement = client
        .prepare_cached(
            "SELECT s.id, s.device, d.public_key, a.id, a.username, a.display_name, a.role, \
                    a.practitioner, \
                    ARRAY(SELECT p.known_as FROM staff_party p \
                          WHERE p.tenant = s.tenant AND p.practitioner = a.practitioner), \
                    s.scopes, s.expires_at, \
                    coalesce((SELECT c.changes FROM session_change c WHERE c.tenant = s.tenant), 0) \
             FROM session s \
             JOIN account a ON a.tenant = s.tenant AND a.id = s.account \
             LEFT JOIN device d ON d.tenant = s.tenant AND d.id = s.device \
             WHERE s.tenant = $1 AND s.token_hash = $2 AND s.ended_at IS NULL \
               AND s.expires_at > $3 AND a.disabled_at IS NULL \
               AND (s.device IS NULL OR EXISTS ( \
                    SELECT FROM enrolment e WHERE e.tenant = s.tenant AND e.device = s.device \
                     AND e.account = s.account AND e.ended_at IS NULL))",
        )
        .await?;
    let row = client
        .query_opt(&statement, &[&app.tenant.id, &token.as_slice(), &app.now()])
        .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(role) = Role::parse(row.get(6)) else {
        return Err(StoreError::Content {
            table: "account.role",
            row: row.get::<_, Uuid>(3).to_string(),
        });
    };
    let device = match (
        row.get::<_, Option<Uuid>>(1),
        row.get::<_, Option<String>>(2),
    ) {
        (Some(id), Some(public_key)) => Some(BoundDevice { id, public_key }),
        _ => None,
    };
    let live = Live {
        id: row.get(0),
        device,
        also: row.get(8),
        scopes: row.get::<_, Option<&str>>(9).map(Scopes::parse),
        expires_at: row.get(10),
        account: Account {
            id: row.get(3),
            username: row.get(4),
            display_name: row.get(5),
            role,
            practitioner: row.get(7),
        },
    };
    Ok(Some((live, row.get(11))))
}

/// Whether a session still counts: what a long answer asks from time to time.
///
/// # Errors
/// When the database refuses.
pub async fn counts(
    app: &App,
    client: &impl GenericClient,
    session: Uuid,
) -> Result<bool, StoreError> {
    let row = client
        .query_opt(
            "SELECT FROM session s JOIN account a ON a.tenant = s.tenant AND a.id = s.account \
             WHERE s.tenant = $1 AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > $3 \
               AND a.disabled_at IS NULL",
            &[&app.tenant.id, &session, &app.now()],
        )
        .await?;
    Ok(row.is_some())
}

/// Ends one session.
///
/// # Errors
/// When the database refuses.
pub async fn end(
    app: &App,
    tx: &impl GenericClient,
    session: Uuid,
    by: EndedBy,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE session SET ended_at = $3, ended_by = $4 \
         WHERE tenant = $1 AND id = $2 AND ended_at IS NULL",
        &[&app.tenant.id, &session, &app.now(), &by.as_str()],
    )
    .await?;
    announce_end(app, tx).await
}

/// Ends the sessions of an account, on one device or on all. Returns how many.
///
/// # Errors
/// When the database refuses.
pub async fn end_all(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    device: Option<Uuid>,
    by: EndedBy,
) -> Result<u64, StoreError> {
    let ended = tx
        .execute(
            "UPDATE session SET ended_at = $3, ended_by = $4 \
             WHERE tenant = $1 AND account = $2 AND ended_at IS NULL \
               AND ($5::uuid IS NULL OR device = $5)",
            &[&app.tenant.id, &account, &app.now(), &by.as_str(), &device],
        )
        .await?;
    if ended > 0 {
        announce_end(app, tx).await?;
    }
    Ok(ended)
}

/// Ends the sessions of an account but one. Returns how many.
///
/// # Errors
/// When the database refuses.
pub async fn end_others(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    but: Uuid,
    by: EndedBy,
) -> Result<u64, StoreError> {
    let ended = tx
        .execute(
            "UPDATE session SET ended_at = $4, ended_by = $5 \
             WHERE tenant = $1 AND account = $2 AND id <> $3 AND ended_at IS NULL",
            &[&app.tenant.id, &account, &but, &app.now(), &by.as_str()],
        )
        .await?;
    if ended > 0 {
        announce_end(app, tx).await?;
    }
    Ok(ended)
}

/// Ends all sessions on a device. Returns how many.
///
/// # Errors
/// When the database refuses.
pub async fn end_on_device(
    app: &App,
    tx: &impl GenericClient,
    device: Uuid,
    by: EndedBy,
) -> Result<u64, StoreError> {
    let ended = tx
        .execute(
            "UPDATE session SET ended_at = $3, ended_by = $4 \
             WHERE tenant = $1 AND device = $2 AND ended_at IS NULL",
            &[&app.tenant.id, &device, &app.now(), &by.as_str()],
        )
        .await?;
    if ended > 0 {
        announce_end(app, tx).await?;
    }
    Ok(ended)
}

/// Tells streams that wait for changes to look whether their session still counts.
async fn announce_end(app: &App, tx: &impl GenericClient) -> Result<(), StoreError> {
    tx.execute(
        "SELECT pg_notify($1, $2)",
        &[&ENDED, &app.tenant.id.to_string()],
    )
    .await?;
    Ok(())
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
