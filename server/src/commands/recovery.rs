//! Unsent work of lost or wiped workstations, opened with the organisation's recovery secret.
//! Nothing else of them is shown.

use std::path::{Path, PathBuf};

use cache::{Cache, CacheKey};
use clap::{Args, Subcommand};
use ledger::Action;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;
use vault::recovery::{self, RecoverySecret};
use zeroize::Zeroizing;

use crate::app::App;
use crate::audit::append;
use crate::commands::error::CommandError;
use crate::commands::user::{event, first_line};
use crate::feed::set_aside;
use crate::identity::wipe;
use crate::store::error::StoreError;

#[derive(Subcommand)]
pub(super) enum RecoveryCommand {
    /// Prints the unsent work. Reads the recovery secret from the first line of standard input.
    /// That it was opened is recorded first.
    Open(Open),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Open {
    /// Work that a workstation saved before it was wiped, by its name in `device list`.
    #[arg(long)]
    escrow: Option<Uuid>,
    /// Work that was not sent when its chart left a workstation, by its name in the review.
    #[arg(long)]
    set_aside: Option<Uuid>,
    /// A copy of a profile's folder, or of what a wipe left of it.
    #[arg(long, value_name = "FOLDER")]
    profile: Option<PathBuf>,
}

/// The sealed key, as `slots.json` and `recovery.json` hold it.
#[derive(Deserialize)]
struct Slots {
    recovery: Slot,
}

#[derive(Deserialize)]
struct Slot {
    sealed: String,
}

/// Opens, after it was recorded.
pub(super) async fn run(app: &App, command: RecoveryCommand) -> Result<Value, CommandError> {
    let RecoveryCommand::Open(open) = command;
    let secret = RecoverySecret::parse(first_line()?.expose())?;
    let client = app.pool.get().await.map_err(StoreError::from)?;
    match open {
        Open {
            escrow: Some(id), ..
        } => {
            let saved = wipe::escrow(app, &client, id)
                .await?
                .ok_or(CommandError::Argument(
                    "there is no saved work of this name",
                ))?;
            let plain = recovery::open(&secret, &info(&saved.profile), &saved.sealed)?;
            let words = format!("escrow {id} of device {}", saved.device);
            let event = event(app, Action::RecoveryOpened, "recovery open").because(words, []);
            append::append(app, &client, &event).await?;
            Ok(serde_json::from_slice(&plain)?)
        }
        Open {
            set_aside: Some(id),
            ..
        } => {
            let aside = set_aside::find(app, &client, id)
                .await?
                .ok_or(CommandError::Argument("no work of this name was set aside"))?;
            let plain = recovery::open(&secret, &info(&aside.profile), &aside.sealed)?;
            let words = format!("set aside {id} by device {}", aside.device);
            let event = event(app, Action::RecoveryOpened, "recovery open").because(words, []);
            append::append(app, &client, &event).await?;
            Ok(serde_json::from_slice(&plain)?)
        }
        Open {
            profile: Some(folder),
            ..
        } => {
            let unsent = {
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || of_profile(&folder, &secret)).await??
            };
            let name = name(&folder)?;
            let event = event(app, Action::RecoveryOpened, "recovery open")
                .because(format!("profile {name}"), []);
            append::append(app, &client, &event).await?;
            Ok(unsent)
        }
        _ => Err(CommandError::Argument(
            "--escrow, --set-aside or --profile is missing",
        )),
    }
}

/// What the seals of a profile are bound to.
fn info(profile: &str) -> Vec<u8> {
    format!("rounds/slot/recovery/1\0{profile}").into_bytes()
}

/// The folder's name is the profile's: the seal is bound to it.
fn name(folder: &Path) -> Result<String, CommandError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or(CommandError::Argument(
        "--profile must be a folder of the profile's own name",
    ))
}

fn of_profile(folder: &Path, secret: &RecoverySecret) -> Result<Value, CommandError> {
    let name = name(folder)?;
    let read = |file: &str| {
        let path = folder.join(file);
        std::fs::read(&path).map_err(|source| CommandError::File { path, source })
    };
    // What a wipe saved and could not hand over.
    if folder.join("escrow.sealed").exists() {
        let plain = recovery::open(secret, &info(&name), &read("escrow.sealed")?)?;
        return Ok(serde_json::from_slice(&plain)?);
    }
    let slots = match read("recovery.json") {
        Ok(slots) => slots,
        Err(_) => read("slots.json")?,
    };
    let slots: Slots = serde_json::from_slice(&slots)?;
    let sealed = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        &slots.recovery.sealed,
    )
    .map_err(|_| CommandError::Argument("the profile's slots are damaged"))?;
    let key = recovery::open(secret, &info(&name), &sealed)?;
    let key: [u8; 32] = key
        .as_slice()
        .try_into()
        .map_err(|_| CommandError::Argument("the profile's slots are damaged"))?;
    let key = Zeroizing::new(key);
    // Opened in a copy: opening finishes what a killed program left, and the original is evidence.
    let copy = tempdir().map_err(CommandError::Input)?;
    let opened = copied(folder, &copy).and_then(|path| {
        let cache = Cache::open(&path, &CacheKey::new(*key))?;
        let unsent = cache.read(|cache| cache.unsent())?;
        Ok(serde_json::to_value(&unsent)?)
    });
    if std::fs::remove_dir_all(&copy).is_err() {
        tracing::warn!("the sealed copy was not removed from the folder for temporary files");
    }
    opened
}

/// A fresh folder that only this user may read.
fn tempdir() -> std::io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("rounds-recovery-{}", Uuid::new_v4()));
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&path)?;
    Ok(path)
}

/// Copies the cache with its log; both stay sealed.
fn copied(folder: &Path, to: &Path) -> Result<PathBuf, CommandError> {
    for (name, needed) in [("cache.db", true), ("cache.db-wal", false)] {
        let path = folder.join(name);
        if needed || path.exists() {
            std::fs::copy(&path, to.join(name))
                .map_err(|source| CommandError::File { path, source })?;
        }
    }
    Ok(to.join("cache.db"))
}
