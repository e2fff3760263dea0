//! Programs run one after another, each said, timed, and stopped when the user wants.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::stop::{self, AtHand};

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// Where development files go: always beside the sources, wherever Cargo builds.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where Cargo puts this workspace's development programs: beside this one.
pub(crate) fn programs() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(Failure::file("this program"))?;
    own.parent()
        .map(PathBuf::from)
        .ok_or_else(|| Failure::Plain("this program lies nowhere".to_owned()))
}

/// A Cargo command in the root folder.
pub(crate) fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    // What `cargo run` sets for this program would make Cargo build others anew.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        command.env_remove(name);
    }
    command
}

/// An npm command in `ui/`.
pub(crate) fn npm<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(arguments: I) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(root().join("ui")).args(arguments);
    command
}

/// Seconds as people read them.
pub(crate) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// Says what begins.
pub(crate) fn say(what: &str) {
    eprintln!("── {what}");
}

/// Says `what`, runs the command with its output shown, and says how long it took.
pub(crate) fn run(what: &str, command: Command) -> Result<(), Failure> {
    say(what);
    let begin = Instant::now();
    quiet(what, command)?;
    if begin.elapsed() > Duration::from_secs(1) {
        eprintln!("   {}", seconds(begin.elapsed()));
    }
    Ok(())
}

/// Runs the command with its output shown.
pub(crate) fn quiet(what: &str, mut command: Command) -> Result<(), Failure> {
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    // A group of its own: Ctrl-C reaches us, and we tell it.
    command.process_group(0).stdin(Stdio::null());
    let mut child = command.spawn().map_err(starting(&command))?;
    let at_hand = AtHand::new(child.id());
    let status = child.wait().map_err(starting(&command))?;
    drop(at_hand);
    finish(what, status)
}

/// Runs a command that may ask for something on the terminal, such as a password.
pub(crate) fn asking(what: &str, mut command: Command) -> Result<(), Failure> {
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    say(what);
    let status = command.status().map_err(starting(&command))?;
    finish(what, status)
}

/// Runs the command and returns what it printed on standard output; errors are shown.
pub(crate) fn output(what: &str, mut command: Command) -> Result<String, Failure> {
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().map_err(starting(&command))?;
    let at_hand = AtHand::new(child.id());
    let mut text = String::new();
    if let Some(mut pipe) = child.stdout.take() {
        pipe.read_to_string(&mut text).map_err(starting(&command))?;
    }
    let status = child.wait().map_err(starting(&command))?;
    drop(at_hand);
    finish(what, status)?;
    Ok(text)
}

/// Runs the command with its output shown, and also returns it, without colours.
pub(crate) fn heard(command: Command) -> Result<(bool, String), Failure> {
    listen_to(command, std::io::stdout(), std::io::stderr())
}

/// Runs the command and returns all that it said, which is not shown.
pub(crate) fn overheard(command: Command) -> Result<(bool, String), Failure> {
    listen_to(command, std::io::sink(), std::io::sink())
}

fn listen_to(
    mut command: Command,
    out: impl Write + Send + 'static,
    err: impl Write + Send + 'static,
) -> Result<(bool, String), Failure> {
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(starting(&command))?;
    let at_hand = AtHand::new(child.id());
    let heard = Arc::new(Mutex::new(String::new()));
    let mut ears = Vec::new();
    if let Some(pipe) = child.stdout.take() {
        ears.push(listen(pipe, out, Arc::clone(&heard)));
    }
    if let Some(pipe) = child.stderr.take() {
        ears.push(listen(pipe, err, Arc::clone(&heard)));
    }
    let status = child.wait().map_err(starting(&command))?;
    drop(at_hand);
    for ear in ears {
        // A panic there would only lose text.
        let _ = ear.join();
    }
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    let text = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((status.success(), plain(&text)))
}

fn listen(
    pipe: impl Read + Send + 'static,
    mut shown: impl Write + Send + 'static,
    heard: Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            // A closed terminal does not end the work.
            let _ = shown.write_all(&line);
            let _ = shown.flush();
            let mut text = heard.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// Without terminal colours.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            for c in rest.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn starting(command: &Command) -> impl FnOnce(std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy().into_owned();
    move |source| Failure::Start { program, source }
}

fn finish(what: &str, status: std::process::ExitStatus) -> Result<(), Failure> {
    if stop::asked() {
        return Err(Failure::Stopped);
    }
    if status.success() {
        return Ok(());
    }
    Err(Failure::Step {
        what: what.to_owned(),
        status: status.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn colours_are_taken_out() {
        assert_eq!(super::plain("\u{1b}[32;1m3 passed\u{1b}[0m"), "3 passed");
    }
}
