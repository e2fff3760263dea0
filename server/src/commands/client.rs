//! Programs that prove themselves with a key.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use ledger::Action;
use protocol::sign_in::Role;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::user::event;
use crate::identity::account::{self, Account};
use crate::identity::jose::KeySet;
use crate::identity::session::{self, EndedBy};
use crate::smart::client::{self, Program};
use crate::smart::configuration::token_endpoint;
use crate::smart::scope::Scopes;
use crate::store::error::StoreError;
use crate::store::transaction;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Registers a program. Prints its client id and where it gets tokens.
    Add(NewClient),
    /// Lists the programs.
    List,
    /// Disables a program and ends its tokens.
    Disable {
        /// The client id.
        #[arg(long)]
        id: Uuid,
    },
}

#[derive(Args)]
pub(super) struct NewClient {
    /// What the program is called in the audit.
    #[arg(long)]
    name: String,
    /// Its public keys: a file with a JSON Web Key Set, RSA (RS384) or P-384 (ES384).
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The most that it may be granted: "system/Patient.rs system/Observation.cruds".
    #[arg(long)]
    scopes: String,
}

/// A program, as the operator sees it.
#[derive(Debug, Serialize)]
pub struct Listed {
    client_id: Uuid,
    name: String,
    scopes: String,
    keys: Vec<String>,
    created_at: Timestamp,
    disabled: bool,
    token_endpoint: String,
}

impl Listed {
    fn of(app: &App, program: &Program) -> Self {
        Self {
            client_id: program.account.id,
            name: program.account.display_name.clone(),
            scopes: program.scopes.to_string(),
            keys: program.keys.names().map(str::to_owned).collect(),
            created_at: program.created_at,
            disabled: program.disabled,
            token_endpoint: token_endpoint(app),
        }
    }
}

/// Registers a program.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn add(app: &App, new: &NewClient) -> Result<Listed, CommandError> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(CommandError::Argument(
            "--name must have 1 to 100 characters",
        ));
    }
    let scopes = Scopes::parse_all(&new.scopes)
        .ok()
        .filter(|scopes| !scopes.is_empty())
        .ok_or(CommandError::Argument(
            "--scopes must be like \"system/Patient.rs system/*.read\"",
        ))?;
    let set = key_set(&new.keys)?;
    let keys = KeySet::registered(&set)?;
    let made = Account {
        id: Uuid::new_v4(),
        // Users' names hold no colon: it cannot be anybody's.
        username: format!("program:{}", account::normal_name(name)),
        display_name: name.to_owned(),
        role: Role::Integration,
        practitioner: None,
    };
    let words = format!("program {name} ({}), scopes {scopes}", made.id);
    let event = event(app, Action::UserAdded, "client add").because(words, []);
    transaction::run(app, "client-add", |tx, _| {
        let (made, event, set, scopes) = (&made, &event, &set, &scopes);
        Box::pin(async move {
            if !account::add(app, tx, made, None, None).await? {
                return Err(CommandError::NameTaken);
            }
            client::add(app, tx, made.id, set, scopes).await?;
            append::append(app, tx, event).await?;
            Ok(())
        })
    })
    .await?;
    let program = Program {
        account: made,
        keys,
        scopes,
        created_at: app.now(),
        disabled: false,
    };
    Ok(Listed::of(app, &program))
}

fn key_set(path: &Path) -> Result<Value, CommandError> {
    let bytes = std::fs::read(path).map_err(|source| CommandError::File {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|_| crate::identity::jose::KeysError::NotASet.into())
}

/// Lists the programs.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn list(app: &App) -> Result<Vec<Listed>, CommandError> {
    let connection = app.pool.get().await.map_err(StoreError::from)?;
    let programs = client::all(app, &connection).await?;
    Ok(programs
        .iter()
        .map(|program| Listed::of(app, program))
        .collect())
}

/// Disables a program and ends its tokens.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn disable(app: &App, id: Uuid) -> Result<Listed, CommandError> {
    let connection = app.pool.get().await.map_err(StoreError::from)?;
    let mut program = client::find(app, &connection, id)
        .await?
        .ok_or(CommandError::UnknownClient)?;
    drop(connection);
    let words = format!("program {} ({id})", program.account.display_name);
    let event = event(app, Action::UserDisabled, "client disable").because(words, []);
    transaction::run(app, "client-disable", |tx, _| {
        let event = &event;
        Box::pin(async move {
            account::disable(app, tx, id).await?;
            session::end_all(app, tx, id, None, EndedBy::Disabled).await?;
            append::append(app, tx, event).await?;
            Ok::<_, CommandError>(())
        })
    })
    .await?;
    program.disabled = true;
    Ok(Listed::of(app, &program))
}
