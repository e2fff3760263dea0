//! The workstation without a window, for scripts and outside tests. Each command prints one JSON
//! value on standard output; a fault is printed as `{"fault": …}` and ends with code 1.
//!
//! Never: packaged. Its keychain file protects nothing.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};
use vault::recovery::{self, RecoverySecret};
use workstation::Workstation;
use workstation::adapter::https::{Https, server_url};
use workstation::adapter::keychain_file::InsecureKeychainFile;
use workstation::adapter::secret_service::SecretService;
use workstation::adapter::system_browser::SystemBrowser;
use workstation::error::WorkError;
use workstation::fault;
use workstation::port::Ports;
use workstation::port::clock::SystemClock;
use workstation::port::entropy::SystemEntropy;
use workstation::port::keychain::Keychain;
use workstation::profile::config::Config;
use workstation::profile::{Places, Profile, slots::Slots};
use workstation::view::Cause;
use workstation::view::access::JustifyForm;
use workstation::view::fault::Fault;
use workstation::view::session::{EnrolForm, SessionView, UnlockForm};

#[derive(Parser)]
#[command(
    name = "rounds-workstation",
    about = "The workstation without a window"
)]
struct Program {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Common {
    /// The platform, `https://host:port`.
    #[arg(long, env = "ROUNDS_SERVER", global = true)]
    server: Option<String>,
    /// PEM file of the organisation's certificate authority.
    #[arg(long, env = "ROUNDS_CA", global = true)]
    ca: Option<PathBuf>,
    /// Sign-in name; not needed where there is one profile.
    #[arg(long, env = "ROUNDS_USERNAME", global = true)]
    username: Option<String>,
    /// The password. On a command line others can see it: prefer the environment or standard input.
    #[arg(long, env = "ROUNDS_PASSWORD", global = true, hide_env_values = true)]
    password: Option<String>,
    /// Read the password from standard input.
    #[arg(long, global = true)]
    password_stdin: bool,
    /// DEVELOPMENT ONLY: keep secrets in this readable file and not in the desktop's keychain.
    #[arg(long, env = "ROUNDS_KEYCHAIN_FILE", global = true)]
    keychain_file: Option<PathBuf>,
    /// Seconds to wait for sync.
    #[arg(long, default_value_t = 300, global = true)]
    patience: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Enrol this computer for a user and fill the cache.
    Enrol {
        /// The six digits.
        #[arg(long)]
        code: String,
    },
    /// Send what waits and fetch what is new.
    Sync,
    /// Find patients in the cache.
    Find {
        /// Any part of name, birth date, record number or telephone.
        #[arg(default_value = "")]
        query: String,
        /// Rows at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a patient's chart from the cache.
    Show {
        /// Logical id of the patient.
        patient: String,
        /// Why it is needed, where there is no relationship to the patient.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Print everything that exists only on this computer.
    ExportUnsent {
        /// Open the cache with the organisation's recovery secret, read from standard input,
        /// without keychain and password.
        #[arg(long)]
        recovery_stdin: bool,
        /// A cache of the profile that was moved aside, by its file name.
        #[arg(long)]
        aside: Option<String>,
    },
}

fn main() -> ExitCode {
    workstation::log::start();
    let program = Program::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    let (answer, code) = match runtime.block_on(run(program)) {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(fault) => (json!({ "fault": fault }), ExitCode::FAILURE),
    };
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, &answer)
        .map_err(std::io::Error::other)
        .and_then(|()| writeln!(out));
    match written {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

fn usage(what: &str) -> Fault {
    Fault {
        what: what.to_owned(),
        ..fault::of("invalid")
    }
}

async fn run(program: Program) -> Result<Value, Fault> {
    let Program { common, command } = program;
    let places = Places::from_environment().map_err(|_| fault::of("profile-io"))?;
    if let Command::ExportUnsent {
        recovery_stdin: true,
        aside,
    } = &command
    {
        let profile = choose(&places, &common)?;
        return recovered(&profile.0, &profile.1, aside.as_deref());
    }
    let mut config = Config::load(&places.config);
    config.server = common.server.clone().or(config.server);
    config.ca = common.ca.clone().or(config.ca);
    let clock = Arc::new(SystemClock::default());
    let entropy = Arc::new(SystemEntropy);
    let agent = concat!("Rounds-cli/", env!("CARGO_PKG_VERSION"));
    let server = Https::new(config.ca.as_deref(), agent, clock.clone(), entropy.clone())
        .map_err(|error| Fault::from(&error))?;
    let keychain: Arc<dyn Keychain> = match &common.keychain_file {
        Some(path) => Arc::new(InsecureKeychainFile(path.clone())),
        None => Arc::new(SecretService),
    };
    let ports = Ports {
        keychain,
        server: Arc::new(server),
        browser: Arc::new(SystemBrowser),
        clock,
        entropy,
    };
    let password = password(&common)?;
    let patience = Duration::from_secs(common.patience);
    let workstation = Workstation::new(places.clone(), config.clone(), ports);
    if let Command::Enrol { code } = command {
        let form = EnrolForm {
            server: config.server.ok_or_else(|| usage("--server is missing."))?,
            username: common
                .username
                .ok_or_else(|| usage("--username is missing."))?,
            password,
            code,
            organisation: false,
        };
        let session = workstation.enrol(form).await?;
        return finish(&workstation, session, patience).await;
    }
    let (_, slots) = choose(&places, &common)?;
    let form = UnlockForm {
        server: slots.server,
        username: slots.username,
        password,
    };
    let session = workstation.unlock(form).await?;
    let answer = match command {
        Command::Enrol { .. } | Command::Sync => {
            return finish(&workstation, session, patience).await;
        }
        Command::Find { query, limit } => to_value(&workstation.find_patients(query, limit).await?),
        Command::Show { patient, reason } => {
            if let Some(reason) = reason {
                let form = JustifyForm {
                    patient: patient.clone(),
                    reason,
                };
                workstation.justify_access(form).await?;
            }
            to_value(&workstation.open_chart(patient, Cause::Opened).await?)
        }
        Command::ExportUnsent { .. } => {
            let unsent = workstation
                .door()
                .work(|desk| desk.export_unsent())
                .await
                .map_err(|error: WorkError| Fault::from(error))?;
            to_value(&unsent)
        }
    };
    workstation.lock().await?;
    answer
}

/// Waits for sync and tells how it went.
async fn finish(
    workstation: &Workstation,
    session: SessionView,
    patience: Duration,
) -> Result<Value, Fault> {
    let sync = workstation.settled(patience).await?;
    let settings = workstation.settings_view().await?;
    workstation.lock().await?;
    Ok(json!({
        "session": session,
        "sync": sync,
        "records": settings.records,
        "cacheBytes": settings.cache_bytes,
    }))
}

fn to_value<T: serde::Serialize>(view: &T) -> Result<Value, Fault> {
    serde_json::to_value(view).map_err(|_| fault::of("cache-failed"))
}

fn password(common: &Common) -> Result<String, Fault> {
    if common.password_stdin {
        return line_of_stdin();
    }
    common
        .password
        .clone()
        .ok_or_else(|| usage("The password is missing: ROUNDS_PASSWORD or --password-stdin."))
}

fn line_of_stdin() -> Result<String, Fault> {
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|_| usage("Standard input cannot be read."))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The profile that is meant.
fn choose(places: &Places, common: &Common) -> Result<(Profile, Slots), Fault> {
    let server = common
        .server
        .as_deref()
        .and_then(|text| server_url(text).ok());
    let mut fitting = places.existing().into_iter().filter(|(_, slots)| {
        let user = common
            .username
            .as_deref()
            .is_none_or(|name| name.eq_ignore_ascii_case(&slots.username));
        let place = server.as_ref().is_none_or(|server| {
            server_url(&slots.server).is_ok_and(|known| known.origin() == server.origin())
        });
        user && place
    });
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(fault::of("profile-missing")),
        (Some(_), Some(_)) => Err(usage("There are several profiles: --username says which.")),
    }
}

/// Opens a cache with the organisation's recovery secret and prints the unsent work of it.
fn recovered(profile: &Profile, slots: &Slots, aside: Option<&str>) -> Result<Value, Fault> {
    let text = line_of_stdin()?;
    let secret = RecoverySecret::parse(&text).map_err(|_| usage("This is no recovery secret."))?;
    if let Some(name) = aside
        && name.ends_with(".sealed")
    {
        let sealed =
            std::fs::read(profile.folder.join(name)).map_err(|_| fault::of("not-found"))?;
        let plain = recovery::open(&secret, &profile.recovery_info(), &sealed)
            .map_err(|_| fault::of("profile-damaged"))?;
        return serde_json::from_slice(&plain).map_err(|_| fault::of("profile-damaged"));
    }
    let path = match aside {
        Some(name) if !name.contains(['/', '\\']) => profile.folder.join(name),
        Some(_) => return Err(usage("--aside takes a file name of the profile folder.")),
        None => profile.cache(),
    };
    let unsent = workstation::recovered::unsent(profile, slots, &secret, &path)?;
    to_value(&unsent)
}
