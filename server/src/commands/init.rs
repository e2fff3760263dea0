//! Making and migrating the database, as its owner.

use protocol::secret::Secret;
use serde::Serialize;
use uuid::Uuid;

use crate::app::{Clock as _, StartError, SystemClock, Tenant};
use crate::commands::error::CommandError;
use crate::config::{Config, ConfigError};
use crate::ledger;
use crate::store::error::StoreError;
use crate::store::keys::{KeyRing, Masters};
use crate::store::{connect, migrate, moved, tenant};

/// What `init` made. The recovery secret is shown here and nowhere else, ever.
#[derive(Debug, Serialize)]
pub struct Initialised {
    tenant: Uuid,
    clinic: String,
    time_zone: String,
    recovery_public_key: String,
    recovery_secret: Secret,
}

/// What `migrate` did.
#[derive(Debug, Serialize)]
pub struct Migrated {
    applied: Vec<String>,
    applied_to_keys: Vec<String>,
    keys_moved: u64,
}

/// Makes schema, application role and clinic.
///
/// # Errors
/// [`CommandError`]; then the clinic was not made.
pub async fn init(clinic: &str, time_zone: &str) -> Result<Initialised, CommandError> {
    jiff::tz::TimeZone::get(time_zone).map_err(CommandError::TimeZone)?;
    if clinic.trim().is_empty() {
        return Err(CommandError::Argument("--clinic must not be empty"));
    }
    let config = Config::from_env()?;
    let mut owner = records_owner(&config).await?;
    let mut keys_owner = keys_owner(&config).await?;
    migrate::run(&mut owner).await?;
    migrate::run_keys(&mut keys_owner).await?;
    make_roles(&owner, &keys_owner, &config).await?;
    if tenant::load(&owner).await?.is_some() {
        return Err(CommandError::Initialised);
    }
    let (secret, public) = vault::recovery::keypair()?;
    let made = Tenant {
        id: Uuid::new_v4(),
        name: clinic.trim().to_owned(),
        time_zone: time_zone.to_owned(),
        recovery_public_key: public.to_text(),
        epoch: Uuid::new_v4(),
    };
    let masters = Masters::open(&config.master_keys, &config.kms).map_err(StartError::from)?;
    let keys = KeyRing::new(
        connect::keys_pool(&config)?,
        made.id,
        masters,
        config.key_limits,
    );
    let tx = owner.transaction().await.map_err(StoreError::from)?;
    tenant::create(&tx, &keys, &made, SystemClock.now()).await?;
    ledger::key::open_or_make(&tx, &keys, made.id, SystemClock.now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Initialised {
        tenant: made.id,
        clinic: made.name,
        time_zone: made.time_zone,
        recovery_public_key: made.recovery_public_key,
        recovery_secret: Secret::new(secret.to_text().to_string()),
    })
}

/// Runs the migrations that are missing, and moves data keys that an earlier version kept beside
/// the records.
///
/// # Errors
/// [`CommandError`].
pub async fn migrate() -> Result<Migrated, CommandError> {
    let config = Config::from_env()?;
    let mut owner = records_owner(&config).await?;
    let mut keys_owner = keys_owner(&config).await?;
    let applied = migrate::run(&mut owner).await?;
    let applied_to_keys = migrate::run_keys(&mut keys_owner).await?;
    make_roles(&owner, &keys_owner, &config).await?;
    let keys_moved = moved::data_keys(&mut owner, &mut keys_owner).await?;
    Ok(Migrated {
        applied,
        applied_to_keys,
        keys_moved,
    })
}

/// A connection as the owner of the records.
pub(super) async fn records_owner(
    config: &Config,
) -> Result<deadpool_postgres::Client, CommandError> {
    owner("ROUNDS_DATABASE_OWNER_URL", config).await
}

/// A connection as the owner of the key store.
pub(super) async fn keys_owner(config: &Config) -> Result<deadpool_postgres::Client, CommandError> {
    owner("ROUNDS_KEYS_DATABASE_OWNER_URL", config).await
}

async fn owner(
    name: &'static str,
    config: &Config,
) -> Result<deadpool_postgres::Client, CommandError> {
    let url = std::env::var(name).map_err(|_| ConfigError::Missing(name))?;
    let pool = connect::to(name, &Secret::new(url), config.connections)?;
    Ok(pool.get().await.map_err(StoreError::from)?)
}

/// The login roles of the serving program, members of the groups that the migrations grant to.
async fn make_roles(
    owner: &deadpool_postgres::Client,
    keys_owner: &deadpool_postgres::Client,
    config: &Config,
) -> Result<(), CommandError> {
    make_role(
        owner,
        "ROUNDS_DATABASE_URL",
        &config.database_url,
        "rounds_app",
    )
    .await?;
    make_role(
        keys_owner,
        "ROUNDS_KEYS_DATABASE_URL",
        &config.keys_database_url,
        "rounds_keys_app",
    )
    .await
}

/// The login role of the URL that the variable holds, a member of `group`.
async fn make_role(
    owner: &deadpool_postgres::Client,
    variable: &'static str,
    url: &Secret,
    group: &str,
) -> Result<(), CommandError> {
    let application: tokio_postgres::Config = url
        .expose()
        .parse()
        .map_err(|_| CommandError::ApplicationRole(variable))?;
    let (Some(name), Some(password)) = (application.get_user(), application.get_password()) else {
        return Err(CommandError::ApplicationRole(variable));
    };
    let password =
        std::str::from_utf8(password).map_err(|_| CommandError::ApplicationRole(variable))?;
    // CREATE ROLE takes no parameters: the database itself quotes name and password.
    let row = owner
        .query_one(
            "SELECT $1::text = current_user, \
                    format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text) \
                                THEN 'ALTER ROLE %I LOGIN PASSWORD %L' \
                                ELSE 'CREATE ROLE %I LOGIN PASSWORD %L' END, $1::text, $2::text)",
            &[&name, &password],
        )
        .await
        .map_err(StoreError::from)?;
    let (is_owner, statement): (bool, String) = (row.get(0), row.get(1));
    if is_owner {
        // The owner may do all that the application does, and more than it should.
        tracing::warn!(
            variable,
            "this names the database's owner: use a role of its own"
        );
        return Ok(());
    }
    owner
        .batch_execute(&statement)
        .await
        .map_err(StoreError::from)?;
    if name != group {
        let grant: String = owner
            .query_one(
                "SELECT format('GRANT %I TO %I', $1::text, $2::text)",
                &[&group, &name],
            )
            .await
            .map_err(StoreError::from)?
            .get(0);
        owner
            .batch_execute(&grant)
            .await
            .map_err(StoreError::from)?;
    }
    Ok(())
}
