//! Accounts.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use protocol::sign_in::{Role, UserCard};
use uuid::Uuid;

use crate::app::App;
use crate::store::error::StoreError;

/// A user or a program, as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Stable id.
    pub id: Uuid,
    /// Sign-in name, lower case.
    pub username: String,
    /// Name for people.
    pub display_name: String,
    /// Role.
    pub role: Role,
    /// Logical id of the Practitioner.
    pub practitioner: Option<String>,
}

impl Account {
    /// What a workstation learns of its user.
    pub fn card(&self) -> UserCard {
        UserCard {
            id: self.id,
            username: self.username.clone(),
            display_name: self.display_name.clone(),
            role: self.role,
            practitioner: self.practitioner.clone(),
        }
    }
}

/// An account with what a sign-in checks.
#[derive(Debug, Clone)]
pub struct Guarded {
    /// The account.
    pub account: Account,
    /// Argon2id, PHC; none for a program.
    pub password_hash: Option<String>,
    /// Sealed secret of one-time codes; none for a program.
    pub totp_secret: Option<Vec<u8>>,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// Names are compared without regard to case or to spaces around them.
pub fn normal_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The account of a name.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    app: &App,
    client: &impl GenericClient,
    name: &str,
) -> Result<Option<Guarded>, StoreError> {
    let row = client
        .query_opt(
            "SELECT id, username, display_name, role, practitioner, password_hash, totp_secret, \
                    disabled_at \
             FROM account WHERE tenant = $1 AND username = $2",
            &[&app.tenant.id, &normal_name(name)],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id: Uuid = row.get(0);
    let role = Role::parse(row.get(3)).ok_or_else(|| StoreError::Content {
        table: "account.role",
        row: id.to_string(),
    })?;
    Ok(Some(Guarded {
        account: Account {
            id,
            username: row.get(1),
            display_name: row.get(2),
            role,
            practitioner: row.get(4),
        },
        password_hash: row.get(5),
        totp_secret: row.get(6),
        disabled: row.get::<_, Option<Timestamp>>(7).is_some(),
    }))
}

/// Adds an account. Returns whether the name was free.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    app: &App,
    tx: &impl GenericClient,
    account: &Account,
    password_hash: Option<&str>,
    totp_secret: Option<&[u8]>,
) -> Result<bool, StoreError> {
    let added = tx
        .execute(
            "INSERT INTO account (tenant, id, username, display_name, role, practitioner, \
                                  password_hash, totp_secret, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (tenant, username) DO NOTHING",
            &[
                &app.tenant.id,
                &account.id,
                &account.username,
                &account.display_name,
                &account.role.as_str(),
                &account.practitioner,
                &password_hash,
                &totp_secret,
                &app.now(),
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Disables an account.
///
/// # Errors
/// When the database refuses.
pub async fn disable(app: &App, tx: &impl GenericClient, id: Uuid) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE account SET disabled_at = coalesce(disabled_at, $3) WHERE tenant = $1 AND id = $2",
        &[&app.tenant.id, &id, &app.now()],
    )
    .await?;
    Ok(())
}

/// Gives an account a new password and a new secret for one-time codes, and enables it.
///
/// # Errors
/// When the database refuses.
pub async fn reset(
    app: &App,
    tx: &impl GenericClient,
    id: Uuid,
    password_hash: &str,
    totp_secret: &[u8],
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE account SET password_hash = $3, totp_secret = $4, totp_step = 0, \
                            disabled_at = NULL \
         WHERE tenant = $1 AND id = $2",
        &[&app.tenant.id, &id, &password_hash, &totp_secret],
    )
    .await?;
    Ok(())
}

/// Replaces the password's hash by one of the present cost, if nobody changed it meanwhile.
///
/// # Errors
/// When the database refuses.
pub async fn rehash(
    app: &App,
    client: &impl GenericClient,
    id: Uuid,
    old: &str,
    new: &str,
) -> Result<(), StoreError> {
    client
        .execute(
            "UPDATE account SET password_hash = $4 \
             WHERE tenant = $1 AND id = $2 AND password_hash = $3",
            &[&app.tenant.id, &id, &old, &new],
        )
        .await?;
    Ok(())
}

/// Takes a time step of one-time codes for used. Returns whether it was not used before.
///
/// # Errors
/// When the database refuses.
pub async fn use_totp_step(
    app: &App,
    tx: &impl GenericClient,
    id: Uuid,
    step: i64,
) -> Result<bool, StoreError> {
    let used = tx
        .execute(
            "UPDATE account SET totp_step = $3 \
             WHERE tenant = $1 AND id = $2 AND totp_step < $3",
            &[&app.tenant.id, &id, &step],
        )
        .await?;
    Ok(used == 1)
}
