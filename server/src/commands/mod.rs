//! The operator's commands. Results go to standard output as JSON, progress and errors to
//! standard error.

mod client;
mod device;
mod error;
mod import;
mod import_plan;
mod import_report;
mod init;
mod keys;
mod ledger;
mod policy;
mod recovery;
mod restored;
mod token;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use crate::access::fill;
use crate::app::{App, SystemClock};
use crate::commands::error::CommandError;
use crate::config::Config;
use crate::http::serve;

/// The Rounds platform. Settings come from the environment: ROUNDS_DATABASE_URL,
/// ROUNDS_KEYS_DATABASE_URL, ROUNDS_DATABASE_OWNER_URL and ROUNDS_KEYS_DATABASE_OWNER_URL (init,
/// migrate, keys), ROUNDS_MASTER_KEYS or ROUNDS_MASTER_KEYS_FILE, ROUNDS_KEY_SEALS,
/// ROUNDS_KEY_AGE_DAYS, ROUNDS_LISTEN, ROUNDS_PUBLIC_URL, ROUNDS_TLS_CERT, ROUNDS_TLS_KEY,
/// ROUNDS_CHECKPOINT_FILE; for single sign-on ROUNDS_OIDC_ISSUER, ROUNDS_OIDC_CLIENT_ID,
/// ROUNDS_OIDC_CLIENT_SECRET, ROUNDS_OIDC_CA, ROUNDS_OIDC_CLAIM, ROUNDS_OIDC_SCOPE.
#[derive(Parser)]
#[command(name = "rounds-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the schema, the application's role and the clinic. Prints the recovery secret: once.
    Init {
        /// Name of the clinic.
        #[arg(long)]
        clinic: String,
        /// IANA name of the clinic's time zone.
        #[arg(long)]
        time_zone: String,
    },
    /// Brings the schema to this version.
    Migrate,
    /// Serves until SIGTERM or Ctrl-C.
    Serve,
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// Workstations.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Work of lost or wiped workstations, with the recovery secret.
    #[command(subcommand)]
    Recovery(recovery::RecoveryCommand),
    /// Tells the platform, before it serves again, that its records were restored from a backup:
    /// workstations then read the feed anew and offer again what was lost, and those that saw more
    /// of the ledger than was restored take it up again, with the reason on their screens.
    Restored {
        /// Why the records were restored. Everybody who works in the clinic reads it, and it stays
        /// in the ledger: it names no patient.
        #[arg(long)]
        reason: String,
    },
    /// Keys: which there are, new ones, sealing anew, and destroying a record for good.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// The organisation's rules for workstations; shows them, and changes those that are given.
    Policy {
        /// Hours that a user may work on a computer without the server, 1 to 720. It counts from
        /// each computer's next contact.
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..=720))]
        lease_hours: Option<i32>,
        /// Days before an appointment from which on its patient's chart is on the practitioner's
        /// workstation, 0 to 7.
        #[arg(long, value_parser = clap::value_parser!(i32).range(0..=7))]
        scope_days_ahead: Option<i32>,
        /// Days after an appointment for which it stays there, 0 to 30.
        #[arg(long, value_parser = clap::value_parser!(i32).range(0..=30))]
        scope_days_behind: Option<i32>,
        /// Megabytes that the records on a workstation may take, 64 to 1,000,000: above that,
        /// charts that were opened least lately make room, those of the user's own patients never.
        #[arg(long, value_parser = clap::value_parser!(i32).range(64..=1_000_000))]
        cache_megabytes: Option<i32>,
    },
    /// Imports FHIR bundles (*.json) and resources (*.ndjson) from a folder. What was imported
    /// before is left alone, so an interrupted import is simply run again.
    Import {
        /// The folder.
        folder: PathBuf,
        /// Shows a progress bar even if standard error is no terminal.
        #[arg(long)]
        progress: bool,
    },
    /// The ledger of all accesses.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Programs that prove themselves with a key (SMART Backend Services).
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Makes a bearer token for a program with full clinical access. Prints it: once.
    Token {
        /// What the program is called in the audit.
        #[arg(long)]
        name: String,
        /// How long it counts.
        #[arg(long, default_value_t = 365)]
        days: u16,
    },
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Reads every event again and says which were edited, deleted, reordered or cut off. Fails
    /// if anything is wrong.
    Verify {
        /// Keeps in this file how far it came, and goes on from there when run again.
        #[arg(long, value_name = "FILE")]
        resume: Option<PathBuf>,
        /// Shows a progress bar even if standard error is no terminal.
        #[arg(long)]
        progress: bool,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Adds a user. Prints the secret for one-time codes, and the password if it was invented.
    Add(NewUser),
    /// Disables a user and ends the user's sessions.
    Disable(Disable),
    /// Gives a user a new password and a new secret for one-time codes, ends the user's
    /// sessions, and enables the user again.
    Reset(Reset),
    /// Ends a user's sessions.
    EndSessions(Username),
}

#[derive(Args)]
struct NewUser {
    /// Sign-in name.
    #[arg(long)]
    username: String,
    /// clinician, nurse, front-desk, security-officer, administrator or auditor.
    #[arg(long)]
    role: String,
    /// Name for people.
    #[arg(long)]
    display_name: String,
    /// Logical id of the user's Practitioner.
    #[arg(long)]
    practitioner: Option<String>,
    /// Reads the password from the first line of standard input; otherwise one is invented.
    #[arg(long)]
    password_stdin: bool,
    /// Secret for one-time codes; otherwise one is invented.
    #[arg(long, value_name = "BASE32")]
    totp_secret: Option<String>,
}

#[derive(Args)]
struct Reset {
    /// Sign-in name.
    #[arg(long)]
    username: String,
    /// Reads the password from the first line of standard input; otherwise one is invented.
    #[arg(long)]
    password_stdin: bool,
    /// Secret for one-time codes; otherwise one is invented.
    #[arg(long, value_name = "BASE32")]
    totp_secret: Option<String>,
}

#[derive(Args)]
struct Disable {
    /// Sign-in name.
    #[arg(long)]
    username: String,
    /// Tells each workstation of the user, at its next contact, to save its unsent work sealed
    /// and to erase itself.
    #[arg(long)]
    wipe: bool,
}

#[derive(Args)]
struct Username {
    /// Sign-in name.
    #[arg(long)]
    username: String,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("ROUNDS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    quiet_panics();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Init { clinic, time_zone } => print(&init::init(&clinic, &time_zone).await?),
        Command::Migrate => print(&init::migrate().await?),
        Command::Serve => {
            let app = app().await?;
            keys::close_again(&app).await?;
            fill::run(&app).await?;
            Ok(serve::serve(app).await?)
        }
        Command::Keys(command) => keys::run(command).await,
        Command::Device(command) => {
            let app = app().await?;
            match command {
                device::DeviceCommand::List => print(&device::list(&app).await?),
                device::DeviceCommand::Revoke(wish) => print(&device::revoke(&app, &wish).await?),
            }
        }
        Command::Recovery(command) => {
            let app = app().await?;
            print(&recovery::run(&app, command).await?)
        }
        Command::Restored { reason } => {
            let app = app().await?;
            print(&restored::restored(&app, &reason).await?)
        }
        Command::User(command) => {
            let app = app().await?;
            match command {
                UserCommand::Add(new) => print(&user::add(&app, new).await?),
                UserCommand::Disable(who) => {
                    print(&user::disable(&app, &who.username, who.wipe).await?)
                }
                UserCommand::Reset(reset) => print(&user::reset(&app, reset).await?),
                UserCommand::EndSessions(who) => {
                    print(&user::end_sessions(&app, &who.username).await?)
                }
            }
        }
        Command::Policy {
            lease_hours,
            scope_days_ahead,
            scope_days_behind,
            cache_megabytes,
        } => {
            let change = policy::Change {
                lease_hours,
                scope_days_ahead,
                scope_days_behind,
                cache_megabytes,
            };
            let app = app().await?;
            print(&policy::policy(&app, change).await?)
        }
        Command::Client(command) => {
            let app = app().await?;
            match command {
                client::ClientCommand::Add(new) => print(&client::add(&app, &new).await?),
                client::ClientCommand::List => print(&client::list(&app).await?),
                client::ClientCommand::Disable { id } => print(&client::disable(&app, id).await?),
            }
        }
        Command::Import { folder, progress } => {
            print(&import::import(&app().await?, &folder, progress).await?)
        }
        Command::Ledger(LedgerCommand::Verify { resume, progress }) => {
            let app = app().await?;
            let report = ledger::verify(&app, resume, progress).await?;
            print(&report)?;
            if report.is_clean() {
                Ok(())
            } else {
                Err(CommandError::LedgerBroken)
            }
        }
        Command::Token { name, days } => {
            let app = app().await?;
            let token = token::issue(&app, &name, days).await?;
            line(token.expose())
        }
    }
}

async fn app() -> Result<Arc<App>, CommandError> {
    Ok(App::start(Config::from_env()?, Arc::new(SystemClock)).await?)
}

fn print(result: &impl Serialize) -> Result<(), CommandError> {
    line(&serde_json::to_string(result)?)
}

fn line(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(CommandError::Output)
}

/// The error and what lies behind it, one a line.
fn complain(error: &CommandError) {
    let mut text = format!("rounds-server: {error}\n");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!("  because: {cause}\n"));
        source = cause.source();
    }
    // Nowhere is left to complain if standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// A panic's message may quote what was being handled; the log takes only where it happened.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let at = info
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()));
        tracing::error!(at, "a bug: the program panicked");
    }));
}
