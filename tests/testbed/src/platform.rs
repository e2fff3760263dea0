//! Everything together: database, certificates, server, users.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::authority::Authority;
use crate::child::Leftovers;
use crate::cluster::{Cluster, ClusterOptions, place};
use crate::error::TestbedError;
use crate::server::{Server, find_program, free_port};
use crate::state::{State, UserRecord};

const DATABASE: &str = "rounds";
const OWNER: &str = "rounds_owner";
const APPLICATION: &str = "rounds_server";
const KEYS_DATABASE: &str = "rounds_keys";
const KEYS_OWNER: &str = "rounds_keys_owner";
const KEYS_APPLICATION: &str = "rounds_keys_server";

/// How a platform is set up.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// Kept between starts; without it everything is temporary.
    pub data: Option<PathBuf>,
    /// The server's port, if it is free; otherwise the last one, otherwise any.
    pub port: Option<u16>,
    /// Whether commits reach the disk.
    pub fsync: bool,
    /// The server program; found by itself if not given.
    pub server: Option<PathBuf>,
    /// Name of the clinic.
    pub clinic: String,
    /// The clinic's IANA time zone.
    pub time_zone: String,
    /// More environment for the server.
    pub environment: Vec<(String, String)>,
    /// More settings for PostgreSQL.
    pub settings: Vec<(String, String)>,
}

impl Default for PlatformOptions {
    fn default() -> Self {
        Self {
            data: None,
            port: None,
            fsync: true,
            server: None,
            clinic: "Harbour Street Clinic".to_owned(),
            time_zone: "America/New_York".to_owned(),
            environment: Vec::new(),
            settings: Vec::new(),
        }
    }
}

impl PlatformOptions {
    /// A temporary platform that does not wait for the disk.
    pub fn quick() -> Self {
        Self {
            fsync: false,
            ..Self::default()
        }
    }
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    /// Sign-in name.
    pub username: &'a str,
    /// Wire name of the role.
    pub role: &'a str,
    /// Name for people.
    pub display_name: &'a str,
    /// The password; one is invented if not given.
    pub password: Option<&'a str>,
    /// Logical id of the user's Practitioner.
    pub practitioner: Option<&'a str>,
}

/// A running platform; all of it stops when dropped.
// Fields are dropped in this order: the server goes before its database.
#[derive(Debug)]
pub struct Platform {
    server: Option<Server>,
    cluster: Cluster,
    authority: Authority,
    state: State,
    state_file: PathBuf,
    folder: PathBuf,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl Platform {
    /// Starts everything; on a folder that was used before this takes a second or two.
    pub fn start(options: PlatformOptions) -> Result<Self, TestbedError> {
        let mut platform = Self::without_server(options)?;
        platform.start_server()?;
        Ok(platform)
    }

    /// Starts all but the server, which [`Self::start_server`] brings up.
    pub fn without_server(options: PlatformOptions) -> Result<Self, TestbedError> {
        let program = match options.server {
            Some(path) => path,
            None => find_program("rounds-server")?,
        };
        let (folder, temporary) = folder(options.data.as_deref())?;
        let state_file = folder.join("state.json");
        let mut state = match State::load(&state_file)? {
            Some(state) => state,
            None => fresh_state(&folder)?,
        };
        let port = free_port(options.port.or(Some(state.port).filter(|port| *port != 0)));
        // A platform of an earlier version had no key store.
        for password in [
            &mut state.keys_owner_password,
            &mut state.keys_application_password,
        ] {
            if password.is_empty() {
                *password = secret()?;
            }
        }
        state.port = port.map_err(TestbedError::file("a free port"))?;
        state.save(&state_file)?;

        let authority = Authority::in_folder(&folder.join("tls"))?;
        let cluster = Cluster::start(ClusterOptions {
            data: state.cluster.clone(),
            leftovers: Leftovers(if temporary {
                vec![folder.clone(), state.cluster.clone()]
            } else {
                Vec::new()
            }),
            fsync: options.fsync,
            superuser_password: state.superuser_password.clone(),
            settings: options.settings,
        })?;
        let mut platform = Self {
            server: None,
            cluster,
            authority,
            state,
            state_file,
            folder,
            program,
            environment: options.environment,
        };
        platform.initialise(&options.clinic, &options.time_zone)?;
        Ok(platform)
    }

    fn initialise(&mut self, clinic: &str, time_zone: &str) -> Result<(), TestbedError> {
        self.database_of(DATABASE, OWNER, &self.state.owner_password)?;
        self.database_of(KEYS_DATABASE, KEYS_OWNER, &self.state.keys_owner_password)?;
        if self.state.initialised {
            // A newer program may have brought migrations.
            self.operator(&["migrate"], None)?;
            return Ok(());
        }
        let report = self.operator(
            &["init", "--clinic", clinic, "--time-zone", time_zone],
            None,
        )?;
        self.state.init_report = read(&report)?;
        self.state.initialised = true;
        self.save()
    }

    /// Makes a database and the role that owns it, where they are not there.
    fn database_of(&self, name: &str, owner: &str, password: &str) -> Result<(), TestbedError> {
        let role = format!(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{owner}') THEN \
             CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD '{password}'; END IF; END $$"
        );
        self.cluster.sql("postgres", &role)?;
        if !self.cluster.has_database(name)? {
            let make = format!("CREATE DATABASE {name} OWNER {owner}");
            self.cluster.sql("postgres", &make)?;
        }
        Ok(())
    }

    /// Brings the server up, if it is not.
    pub fn start_server(&mut self) -> Result<(), TestbedError> {
        if self.server_id().is_none() {
            self.server = None;
            let mut command = self.command();
            command.arg("serve");
            self.server = Some(Server::start(command, &self.log())?);
        }
        Ok(())
    }

    /// Stops the server in order; database and state stay.
    pub fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.process.stop(Duration::from_secs(20));
        }
    }

    /// Kills the server as a power cut would; database and state stay.
    pub fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.process.kill();
        }
    }

    /// Process id of the server while it runs.
    pub fn server_id(&mut self) -> Option<u32> {
        let server = self.server.as_mut()?;
        match server.process.ended() {
            Some(_) => None,
            None => Some(server.process.id()),
        }
    }

    /// An operator's command, ready to be given arguments: `rounds-server` with its whole
    /// environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("ROUNDS_DATABASE_URL", self.application_url())
            .env("ROUNDS_DATABASE_OWNER_URL", self.owner_url())
            .env("ROUNDS_KEYS_DATABASE_URL", self.keys_application_url())
            .env("ROUNDS_KEYS_DATABASE_OWNER_URL", self.keys_owner_url())
            .env("ROUNDS_MASTER_KEYS", &self.state.master_keys)
            .env("ROUNDS_LISTEN", format!("127.0.0.1:{}", self.state.port))
            .env("ROUNDS_PUBLIC_URL", self.base_url())
            .env("ROUNDS_TLS_CERT", &self.authority.certificate)
            .env("ROUNDS_TLS_KEY", &self.authority.key)
            .envs(self.environment.iter().cloned());
        command
    }

    /// Sets a variable for the server and the commands that are started from now on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Runs an operator's command to its end and returns what it printed.
    pub fn operator(
        &self,
        arguments: &[&str],
        input: Option<&str>,
    ) -> Result<String, TestbedError> {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(if input.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let start = |source| TestbedError::Start {
            program: self.program.display().to_string(),
            source,
        };
        let mut process = command.spawn().map_err(start)?;
        if let (Some(mut pipe), Some(input)) = (process.stdin.take(), input) {
            // A command that refuses its arguments ends without reading; its own message counts.
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = process.wait_with_output().map_err(start)?;
        if !output.status.success() {
            let name = arguments.first().copied().unwrap_or_default();
            return Err(TestbedError::Failed {
                program: format!("rounds-server {name}"),
                status: output.status.to_string(),
                output: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Adds a user and remembers how to sign in as that user.
    pub fn add_user(&mut self, user: &NewUser<'_>) -> Result<UserRecord, TestbedError> {
        let password = match user.password {
            Some(password) => password.to_owned(),
            None => secret()?,
        };
        let mut arguments = vec![
            "user",
            "add",
            "--username",
            user.username,
            "--role",
            user.role,
            "--display-name",
            user.display_name,
            "--password-stdin",
        ];
        if let Some(practitioner) = user.practitioner {
            arguments.extend(["--practitioner", practitioner]);
        }
        let printed = self.operator(&arguments, Some(&password))?;
        let printed: Value = read(&printed)?;
        let record = UserRecord {
            username: user.username.to_owned(),
            role: user.role.to_owned(),
            password,
            totp_secret: printed["totp_secret"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        self.state
            .users
            .retain(|known| known.username != record.username);
        self.state.users.push(record.clone());
        self.save()?;
        Ok(record)
    }

    /// A bearer token for an integration client; made once, then kept.
    pub fn token(&mut self) -> Result<String, TestbedError> {
        if let Some(token) = &self.state.token {
            return Ok(token.clone());
        }
        let printed = self.operator(&["token", "--name", "development"], None)?;
        let token = printed.trim().to_owned();
        self.state.token = Some(token.clone());
        self.save()?;
        Ok(token)
    }

    /// Imports the bundles of a folder and returns the report.
    pub fn import(&self, folder: &Path) -> Result<Value, TestbedError> {
        let folder = folder.to_string_lossy();
        read(&self.operator(&["import", &folder], None)?)
    }

    /// `https://localhost:PORT`.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.state.port)
    }

    /// The certificate that clients must trust, PEM.
    pub fn ca(&self) -> &Path {
        &self.authority.ca
    }

    /// The database cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The database's name in the cluster.
    pub fn database(&self) -> &'static str {
        DATABASE
    }

    /// Connection URL of the role that owns the schema.
    pub fn owner_url(&self) -> String {
        self.cluster
            .url(OWNER, &self.state.owner_password, DATABASE)
    }

    /// Connection URL of the role that the server uses.
    pub fn application_url(&self) -> String {
        self.cluster
            .url(APPLICATION, &self.state.application_password, DATABASE)
    }

    /// The key store's name in the cluster. In production it lies in another one.
    pub fn keys_database(&self) -> &'static str {
        KEYS_DATABASE
    }

    /// Connection URL of the role that owns the key store.
    pub fn keys_owner_url(&self) -> String {
        self.cluster
            .url(KEYS_OWNER, &self.state.keys_owner_password, KEYS_DATABASE)
    }

    /// Connection URL of the role that the server uses in the key store.
    pub fn keys_application_url(&self) -> String {
        self.cluster.url(
            KEYS_APPLICATION,
            &self.state.keys_application_password,
            KEYS_DATABASE,
        )
    }

    /// Connection URL of the superuser.
    pub fn superuser_url(&self) -> String {
        self.cluster.superuser_url(DATABASE)
    }

    /// Users made through [`Self::add_user`], now or at an earlier start.
    pub fn users(&self) -> &[UserRecord] {
        &self.state.users
    }

    /// What is kept between starts.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// A note kept between starts.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.state.notes.get(key).map(String::as_str)
    }

    /// Keeps a note between starts.
    pub fn keep_note(&mut self, key: &str, value: &str) -> Result<(), TestbedError> {
        self.state.notes.insert(key.to_owned(), value.to_owned());
        self.save()
    }

    /// Where the server writes its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// The platform's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn save(&self) -> Result<(), TestbedError> {
        self.state.save(&self.state_file)
    }
}

/// The platform's folder, and whether it goes at the end.
fn folder(wish: Option<&Path>) -> Result<(PathBuf, bool), TestbedError> {
    let Some(wish) = wish else {
        let folder = tempfile::Builder::new()
            .prefix("rounds-platform-")
            .tempdir()
            .map_err(TestbedError::file(std::env::temp_dir()))?
            .keep();
        // The cluster may run as another user, who walks through and reads nothing else.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711))
            .map_err(TestbedError::file(&folder))?;
        return Ok((folder, true));
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(wish)
        .map_err(TestbedError::file(wish))?;
    let folder = wish.canonicalize().map_err(TestbedError::file(wish))?;
    Ok((folder, false))
}

fn fresh_state(folder: &Path) -> Result<State, TestbedError> {
    let mut master = [0u8; 32];
    fill(&mut master)?;
    let cluster = place(folder);
    // Secrets of a cluster without its state are lost: it is of no use to anybody.
    if cluster.exists() {
        fs::remove_dir_all(&cluster).map_err(TestbedError::file(&cluster))?;
    }
    Ok(State {
        cluster,
        superuser_password: secret()?,
        owner_password: secret()?,
        application_password: secret()?,
        keys_owner_password: secret()?,
        keys_application_password: secret()?,
        master_keys: format!("dev1:{}", STANDARD.encode(master)),
        port: 0,
        initialised: false,
        init_report: Value::Null,
        token: None,
        users: Vec::new(),
        notes: std::collections::BTreeMap::new(),
    })
}

/// 128 random bits as hexadecimal digits, which need no escaping anywhere.
fn secret() -> Result<String, TestbedError> {
    let mut bytes = [0u8; 16];
    fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn fill(bytes: &mut [u8]) -> Result<(), TestbedError> {
    getrandom::fill(bytes).map_err(|error| TestbedError::Random(error.to_string()))
}

fn read(text: &str) -> Result<Value, TestbedError> {
    serde_json::from_str(text).map_err(|source| TestbedError::Output {
        program: "rounds-server".to_owned(),
        source,
    })
}
