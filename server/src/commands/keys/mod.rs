//! Keys: which there are, new generations, sealing anew, destroying. All of it while servers
//! serve, safe to interrupt at any moment and to run again.

mod destroy;
mod list;
mod reencrypt;
mod reseal;
mod rotate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use ledger::AccessEvent;
use serde::Serialize;
use uuid::Uuid;
use vault::MasterKeys;
use vault::keys::valid_id;
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::init::{keys_owner, records_owner};
use crate::commands::{app, line, print};
use crate::kms::{Context, KeyArn, Kms, KmsSettings};
use crate::store::error::StoreError;
use crate::store::keys::operate;
use crate::store::transaction;

pub(super) use destroy::close_again;

/// What is to be done with keys.
#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Which master keys wrap how many data keys, and what is left to be sealed anew.
    List {
        /// The generations of this patient's keys too.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
    },
    /// Prints a new entry for ROUNDS_MASTER_KEYS or its file: once. Add it at the end on every
    /// server, restart them, move it to the front, restart them again, then run `keys
    /// reencrypt`; when `keys list` shows no key under the old one, take that away.
    AddMaster {
        /// Its id; otherwise the date.
        #[arg(long)]
        id: Option<String>,
        /// A symmetric key of AWS KMS that is to be the master key, instead of a new one: it
        /// never leaves AWS. Allow the servers kms:Encrypt, kms:Decrypt and kms:DescribeKey.
        #[arg(long, value_name = "ARN")]
        kms: Option<String>,
    },
    /// Makes new generations of data keys. What the old ones sealed stays readable.
    Rotate(Rotate),
    /// Wraps data keys under the first master key, and seals anew what older generations sealed.
    Reencrypt(Pace),
    /// Destroys all keys of a patient: no copy of the record can be opened again, on no server,
    /// on no workstation that synchronises, in no backup.
    Destroy {
        /// Logical id of the patient.
        #[arg(long, value_name = "ID")]
        patient: String,
    },
}

/// Whose keys.
#[derive(Args)]
pub(super) struct Rotate {
    /// This patient's.
    #[arg(long, value_name = "ID", required_unless_present = "all")]
    patient: Option<String>,
    /// Everybody's, and the clinic's own.
    #[arg(long, conflicts_with = "patient")]
    all: bool,
    #[command(flatten)]
    pace: Pace,
}

/// How fast, and whether to show it.
#[derive(Args, Clone, Copy)]
pub(super) struct Pace {
    /// Keys or values a second at most.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    per_second: Option<u32>,
    /// Shows a progress bar even if standard error is no terminal.
    #[arg(long)]
    progress: bool,
}

/// Done at once in a transaction at most.
const BATCH: u32 = 200;

impl Pace {
    /// How much to do at once.
    fn batch(self) -> u32 {
        self.per_second.map_or(BATCH, |most| most.min(BATCH))
    }

    /// Waits as long as `count` may take since `begun`.
    async fn keep(self, begun: Instant, count: u64) {
        let Some(per_second) = self.per_second else {
            return;
        };
        let due = Duration::from_secs_f64(count as f64 / f64::from(per_second));
        tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
    }
}

/// Runs a command.
///
/// # Errors
/// [`CommandError`].
pub(super) async fn run(command: KeysCommand) -> Result<(), CommandError> {
    match command {
        KeysCommand::List { patient } => print(&list::list(&*app().await?, patient).await?),
        KeysCommand::AddMaster { id, kms } => add_master(id, kms).await,
        KeysCommand::Rotate(rotate) => {
            let mut work = Work::begin().await?;
            print(&rotate::rotate(&mut work, rotate).await?)
        }
        KeysCommand::Reencrypt(pace) => {
            let mut work = Work::begin().await?;
            let report = reencrypt::reencrypt(&mut work, pace).await?;
            print(&report)?;
            match report.failed.len() {
                0 => Ok(()),
                failed => Err(CommandError::Unopened(failed as u64)),
            }
        }
        KeysCommand::Destroy { patient } => {
            let mut work = Work::begin().await?;
            print(&destroy::destroy(&mut work, &patient).await?)
        }
    }
}

/// An operator's work: the clinic, and the owners' connections. One at a time: the connection to
/// the key store holds a lock until the program ends, however it ends.
struct Work {
    app: Arc<App>,
    keys: deadpool_postgres::Client,
    records: deadpool_postgres::Client,
}

impl Work {
    async fn begin() -> Result<Self, CommandError> {
        let app = app().await?;
        let keys = keys_owner(&app.config).await?;
        let records = records_owner(&app.config).await?;
        if !operate::lock(&keys, app.tenant.id).await? {
            return Err(CommandError::KeysBusy);
        }
        Ok(Self { app, keys, records })
    }

    /// Records what is about to be done, before it is.
    async fn record(&self, event: &AccessEvent) -> Result<(), CommandError> {
        let app = &self.app;
        transaction::run(app, "keys-event", |tx, _| {
            Box::pin(async move { append::append(app, tx, event).await })
        })
        .await
        .map_err(|error: StoreError| error.into())
    }
}

/// A master key that was made.
#[derive(Serialize)]
struct Made<'a> {
    id: &'a str,
    entry: &'a str,
}

async fn add_master(id: Option<String>, kms: Option<String>) -> Result<(), CommandError> {
    let id = id.unwrap_or_else(|| {
        jiff::Timestamp::now()
            .strftime("m%Y%m%d-%H%M%S")
            .to_string()
    });
    if !valid_id(&id) {
        return Err(CommandError::Argument(
            "--id must be 1 to 32 letters, digits, '-', '_' or '.'",
        ));
    }
    // Without a configuration there is nothing that it could clash with.
    let known = crate::config::Config::from_env()
        .ok()
        .and_then(|config| config.master_keys.load().ok());
    if known.is_some_and(|known| known.has(&id)) {
        return Err(CommandError::Argument("--id is a master key's already"));
    }
    let entry = match kms {
        None => MasterKeys::generate_entry(&id).map_err(StoreError::from)?,
        Some(arn) => Zeroizing::new(format!("{id}:{}", remote(&arn).await?.to_uri())),
    };
    let made = Made {
        id: &id,
        entry: &entry,
    };
    line(&serde_json::to_string(&made)?)
}

/// A key of AWS KMS that stands and does what will be asked of it.
async fn remote(arn: &str) -> Result<KeyArn, CommandError> {
    let arn = KeyArn::parse(arn)?;
    let settings = KmsSettings::read(&|name: &str| std::env::var(name).ok())?;
    let kms = Kms::new(settings)?;
    kms.standing(&arn).await?;
    let context = Context::new(Uuid::nil(), &[0; 32]);
    let wrapped = kms.encrypt(&arn, &context, b"probe").await?;
    kms.decrypt(&arn, &context, &wrapped).await?;
    Ok(arn)
}
