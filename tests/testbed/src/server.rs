//! Finding and running `rounds-server`.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::child::{Child, Leftovers};
use crate::error::TestbedError;

const READY_SECONDS: u64 = 60;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Child,
}

impl Server {
    /// Starts `rounds-server serve` and waits until it says that it listens.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, TestbedError> {
        let errors = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .map_err(TestbedError::file(log))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        let mut process = Child::start(command, Signal::SIGTERM, Leftovers::default())?;
        let (tell, told) = mpsc::channel();
        if let Some(output) = process.take_stdout() {
            // Reads to the end: a full pipe would stop the server.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if line.starts_with("listening on ") {
                        let _ = tell.send(());
                    }
                }
            });
        }
        let begin = Instant::now();
        while told.recv_timeout(Duration::from_millis(50)).is_err() {
            if let Some(status) = process.ended() {
                return Err(TestbedError::Failed {
                    program: "rounds-server".to_owned(),
                    status: status.to_string(),
                    output: tail(log),
                });
            }
            if begin.elapsed() > Duration::from_secs(READY_SECONDS) {
                return Err(TestbedError::NotReady {
                    program: "rounds-server".to_owned(),
                    seconds: READY_SECONDS,
                    output: tail(log),
                });
            }
        }
        Ok(Self { process })
    }
}

/// A program of this workspace: named by `ROUNDS_BIN_DIR` or Cargo, or built into the same
/// target folder as the program that asks.
pub fn find_program(name: &str) -> Result<PathBuf, TestbedError> {
    let by_folder = std::env::var_os("ROUNDS_BIN_DIR").map(|dir| PathBuf::from(dir).join(name));
    let by_cargo = std::env::var_os(format!("CARGO_BIN_EXE_{name}")).map(PathBuf::from);
    let own = std::env::current_exe().ok();
    let beside = own
        .iter()
        .flat_map(|path| path.ancestors().skip(1).take(3))
        .map(|folder| folder.join(name));
    by_folder
        .into_iter()
        .chain(by_cargo)
        .chain(beside)
        .find(|path| path.is_file())
        .ok_or_else(|| TestbedError::Missing {
            program: name.to_owned(),
            hint: format!("cargo build -p {name}"),
        })
}

/// A TCP port on the loopback that nobody uses: `wish` if that is free.
pub fn free_port(wish: Option<u16>) -> std::io::Result<u16> {
    let probe = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    if let Some(wish) = wish
        && probe(wish).is_ok()
    {
        return Ok(wish);
    }
    Ok(probe(0)?.local_addr()?.port())
}

/// The last lines of a log.
pub(crate) fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
