//! Registered programs.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use protocol::sign_in::Role;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::identity::account::Account;
use crate::identity::jose::KeySet;
use crate::smart::scope::Scopes;
use crate::store::error::StoreError;

/// A registered program.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its account; the client id is the account's id.
    pub account: Account,
    /// Its public keys.
    pub keys: KeySet,
    /// The most that it may be granted.
    pub scopes: Scopes,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// The program of a client id.
///
/// # Errors
/// When the database refuses.
pub async fn find(
    app: &App,
    client: &impl GenericClient,
    id: Uuid,
) -> Result<Option<Program>, StoreError> {
    Ok(select(app, client, Some(id)).await?.pop())
}

/// Every program, by name.
///
/// # Errors
/// When the database refuses.
pub async fn all(app: &App, client: &impl GenericClient) -> Result<Vec<Program>, StoreError> {
    select(app, client, None).await
}

async fn select(
    app: &App,
    client: &impl GenericClient,
    id: Option<Uuid>,
) -> Result<Vec<Program>, StoreError> {
    let rows = client
        .query(
            "SELECT a.id, a.username, a.display_name, c.keys, c.scopes, c.created_at, \
                    a.disabled_at IS NOT NULL \
             FROM smart_client c JOIN account a ON a.tenant = c.tenant AND a.id = c.account \
             WHERE c.tenant = $1 AND ($2::uuid IS NULL OR c.account = $2) \
             ORDER BY lower(a.display_name), a.id",
            &[&app.tenant.id, &id],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let id: Uuid = row.get(0);
            let keys = KeySet::registered(&row.get(3)).map_err(|_| StoreError::Content {
                table: "smart_client.keys",
                row: id.to_string(),
            })?;
            Ok(Program {
                account: Account {
                    id,
                    username: row.get(1),
                    display_name: row.get(2),
                    role: Role::Integration,
                    practitioner: None,
                },
                keys,
                scopes: Scopes::parse(row.get(4)),
                created_at: row.get(5),
                disabled: row.get(6),
            })
        })
        .collect()
}

/// Registers an account as a program with these keys and scopes.
///
/// # Errors
/// When the database refuses.
pub async fn add(
    app: &App,
    tx: &impl GenericClient,
    account: Uuid,
    keys: &Value,
    scopes: &Scopes,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO smart_client (tenant, account, keys, scopes, created_at) \
         VALUES ($1, $2, $3, $4, $5)",
        &[
            &app.tenant.id,
            &account,
            keys,
            &scopes.to_string(),
            &app.now(),
        ],
    )
    .await?;
    Ok(())
}
