//! A private PostgreSQL cluster: one folder of data, one socket, no TCP port.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::account::Account;
use crate::child::{Child, Leftovers};
use crate::error::TestbedError;
use crate::make;
use crate::server::tail;

const READY_SECONDS: u64 = 60;

/// How a cluster is set up.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// Where the data are, or will be.
    pub data: PathBuf,
    /// Folders that go when the cluster stops: for clusters nobody wants to keep.
    pub leftovers: Leftovers,
    /// Whether commits reach the disk. Tests that do not cut the power may save the time.
    pub fsync: bool,
    /// Password of the superuser `postgres`.
    pub superuser_password: String,
    /// More settings for the server, by name.
    pub settings: Vec<(String, String)>,
}

/// A running cluster; it stops when dropped.
#[derive(Debug)]
pub struct Cluster {
    process: Child,
    socket: PathBuf,
    programs: PathBuf,
    superuser_password: String,
}

impl Cluster {
    /// Starts the cluster, making it first if the folder is empty.
    pub fn start(options: ClusterOptions) -> Result<Self, TestbedError> {
        let programs = programs()?;
        let account = Account::choose()?;
        let made = options.data.join("PG_VERSION").is_file();
        if !made {
            make::files(&programs, &account, &options)?;
        }
        // The socket's path may hold 107 bytes, so it has a short folder of its own.
        let socket = tempfile::Builder::new()
            .prefix("rounds-")
            .tempdir_in("/tmp")
            .map_err(TestbedError::file("/tmp"))?
            .keep();
        account.own(&socket)?;

        let log = options.data.join("postgres.log");
        let output = File::create(&log).map_err(TestbedError::file(&log))?;
        let errors = output.try_clone().map_err(TestbedError::file(&log))?;
        let mut command = account.command(&programs.join("postgres"));
        command.arg("-D").arg(&options.data);
        for (name, value) in settings(&options, &socket) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut leftovers = options.leftovers.clone();
        leftovers.0.push(socket.clone());
        let process = Child::start(command, Signal::SIGINT, leftovers)?;
        let mut cluster = Self {
            process,
            socket,
            programs,
            superuser_password: options.superuser_password,
        };
        cluster.wait(&log)?;
        Ok(cluster)
    }

    /// Whether a database of this name is there.
    pub fn has_database(&self, name: &str) -> Result<bool, TestbedError> {
        let found = self.sql(
            "postgres",
            &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"),
        )?;
        Ok(!found.trim().is_empty())
    }

    /// Runs SQL as the superuser and returns what it printed, one row a line.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, TestbedError> {
        let program = self.programs.join("psql");
        let output = Command::new(&program)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.superuser_url(database))
            .stdin(Stdio::null())
            .output()
            .map_err(|source| TestbedError::Start {
                program: program.display().to_string(),
                source,
            })?;
        finished("psql", &output)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The whole of a database as SQL text, as a thief of the files could read it.
    pub fn dump(&self, database: &str) -> Result<String, TestbedError> {
        let program = self.programs.join("pg_dump");
        let output = Command::new(&program)
            .arg(self.superuser_url(database))
            .stdin(Stdio::null())
            .output()
            .map_err(|source| TestbedError::Start {
                program: program.display().to_string(),
                source,
            })?;
        finished("pg_dump", &output)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs SQL text of any length as the superuser: what [`Self::dump`] wrote, for example.
    pub fn restore(&self, database: &str, text: &str) -> Result<(), TestbedError> {
        let program = self.programs.join("psql");
        let start = |source| TestbedError::Start {
            program: program.display().to_string(),
            source,
        };
        let mut process = Command::new(&program)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
            .arg(self.superuser_url(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        if let Some(mut pipe) = process.stdin.take() {
            // A program that stops at an error reads no further; its own message counts.
            let _ = pipe.write_all(text.as_bytes());
        }
        finished("psql", &process.wait_with_output().map_err(start)?)
    }

    /// Connection URL of the superuser.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url("postgres", &self.superuser_password, database)
    }

    /// Connection URL of a role.
    pub fn url(&self, role: &str, password: &str, database: &str) -> String {
        format!(
            "postgresql:///{database}?host={}&user={role}&password={password}",
            self.socket.display()
        )
    }

    /// A program of the cluster's PostgreSQL, such as `pgbench`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Process id of the postmaster.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Stops the cluster in order (fast shutdown).
    pub fn stop(&mut self) {
        self.process.stop(Duration::from_secs(20));
    }

    fn wait(&mut self, log: &Path) -> Result<(), TestbedError> {
        let probe = self.programs.join("pg_isready");
        let begin = Instant::now();
        loop {
            if let Some(status) = self.process.ended() {
                return Err(TestbedError::Failed {
                    program: "postgres".to_owned(),
                    status: status.to_string(),
                    output: tail(log),
                });
            }
            let ready = Command::new(&probe)
                .arg("-q")
                .arg("-h")
                .arg(&self.socket)
                .args(["-U", "postgres", "-d", "postgres"])
                .stdin(Stdio::null())
                .status()
                .is_ok_and(|status| status.success());
            if ready {
                return Ok(());
            }
            if begin.elapsed() > Duration::from_secs(READY_SECONDS) {
                return Err(TestbedError::NotReady {
                    program: "postgres".to_owned(),
                    seconds: READY_SECONDS,
                    output: tail(log),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn settings(options: &ClusterOptions, socket: &Path) -> Vec<(String, String)> {
    let durable = if options.fsync { "on" } else { "off" };
    let own = [
        ("listen_addresses", String::new()),
        ("unix_socket_directories", socket.display().to_string()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("fsync", durable.to_owned()),
        ("full_page_writes", durable.to_owned()),
        ("synchronous_commit", durable.to_owned()),
        ("shared_buffers", "256MB".to_owned()),
        ("max_wal_size", "2GB".to_owned()),
        ("timezone", "UTC".to_owned()),
        // Statements and the details of errors could carry patient data into the log.
        ("log_min_error_statement", "panic".to_owned()),
        ("log_error_verbosity", "terse".to_owned()),
    ];
    own.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(options.settings.iter().cloned())
        .collect()
}

/// Where a cluster of `folder` can lie: inside it, or, when root's cluster must run as another
/// user who cannot walk there, in a folder of its own that is named after it.
pub(crate) fn place(folder: &Path) -> PathBuf {
    let inside = folder.join("cluster");
    let walkable = folder
        .ancestors()
        .filter_map(|step| fs::metadata(step).ok())
        .all(|step| step.mode() & 0o001 != 0);
    if walkable || !Uid::effective().is_root() {
        return inside;
    }
    let name: String = folder
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    PathBuf::from("/var/tmp").join(format!("rounds{name}"))
}

/// The newest PostgreSQL of at least version 15 that Debian's packages installed.
fn programs() -> Result<PathBuf, TestbedError> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder
                .join("postgres")
                .is_file()
                .then_some((version, folder))
        })
        .filter(|(version, _)| *version >= 15)
        .collect();
    found.sort();
    found
        .pop()
        .map(|(_, folder)| folder)
        .ok_or_else(|| TestbedError::Missing {
            program: "PostgreSQL 15 or later".to_owned(),
            hint: "apt-get install postgresql".to_owned(),
        })
}

pub(crate) fn finished(program: &str, output: &std::process::Output) -> Result<(), TestbedError> {
    if output.status.success() {
        return Ok(());
    }
    Err(TestbedError::Failed {
        program: program.to_owned(),
        status: output.status.to_string(),
        output: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_closed_folder_gets_its_cluster_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode));
        set(0o755).unwrap();
        assert_eq!(place(folder.path()), folder.path().join("cluster"));
        set(0o700).unwrap();
        let closed = place(folder.path());
        if Uid::effective().is_root() {
            assert!(closed.starts_with("/var/tmp"), "{}", closed.display());
            assert_eq!(closed, place(folder.path()));
        } else {
            assert_eq!(closed, folder.path().join("cluster"));
        }
    }
}
