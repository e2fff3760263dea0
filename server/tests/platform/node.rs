//! Programs of `tests/provider`, run by Node: foreign implementations to test against.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testbed::Platform;

/// A running program. It ends with its standard input, thus with this process at the latest.
pub struct Program {
    child: Child,
    pub port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> PathBuf {
    // The tests of the workstation use them too.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|above| above.join("server/tests/provider"))
        .find(|folder| folder.is_dir())
        .unwrap();
    assert!(
        folder.join("node_modules").is_dir(),
        "the libraries of the test provider are missing: `cargo xtask test` fetches them, \
         or run `npm ci` in {}",
        folder.display()
    );
    folder
}

/// A program, ready to be given arguments.
pub fn command(script: &str) -> Command {
    let mut command = Command::new("node");
    command.current_dir(folder()).arg(script);
    command
}

/// Starts a program that listens with the certificate of the platform's server, and waits until it
/// does.
pub fn listening(platform: &Platform, script: &str, environment: &[(&str, &str)]) -> Program {
    let port = testbed::free_port(None).unwrap();
    let tls = platform.folder().join("tls");
    let mut child = command(script)
        .env("PORT", port.to_string())
        .env("CERTIFICATE", tls.join("server.pem"))
        .env("KEY", tls.join("server.key"))
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed: install Node 20 or later");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let heard = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line == "listening");
    assert!(heard, "{script} did not start");
    // Read to its end: the program would break on a closed pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Program { child, port }
}
