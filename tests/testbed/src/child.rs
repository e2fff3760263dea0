//! Child processes that do not outlive their parent, whatever becomes of it.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::TestbedError;

/// Waits on a pipe that only the parent holds. When the parent is gone, however it went,
/// `read` returns: the child is told to stop, killed if it does not, and folders removed.
/// A word on the pipe means the parent has done all this itself.
const WATCHER: &str = r#"
read -r word && exit 0
kill -"$2" "$1" 2>/dev/null
n=0
while kill -0 "$1" 2>/dev/null; do
    n=$((n + 1))
    [ "$n" -gt 100 ] && kill -KILL "$1" 2>/dev/null && break
    sleep 0.1
done
shift 2
for folder in "$@"; do rm -rf -- "$folder"; done
"#;

/// Folders that go when the child goes.
#[derive(Debug, Default, Clone)]
pub struct Leftovers(pub Vec<PathBuf>);

/// A running child process with its watcher.
#[derive(Debug)]
pub struct Child {
    program: String,
    process: std::process::Child,
    watcher: std::process::Child,
    pipe: Option<ChildStdin>,
    stop: Signal,
    leftovers: Leftovers,
    ended: Option<ExitStatus>,
}

impl Child {
    /// Starts `command` in a process group of its own, so that Ctrl-C in a terminal reaches
    /// the parent alone, which then stops the child in order.
    pub fn start(
        mut command: Command,
        stop: Signal,
        leftovers: Leftovers,
    ) -> Result<Self, TestbedError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut process =
            command
                .process_group(0)
                .spawn()
                .map_err(|source| TestbedError::Start {
                    program: program.clone(),
                    source,
                })?;
        let watcher = Command::new("/bin/sh")
            .arg("-c")
            .arg(WATCHER)
            .arg("rounds-watcher")
            .arg(process.id().to_string())
            .arg(stop.as_str().trim_start_matches("SIG"))
            .args(&leftovers.0)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut watcher = match watcher {
            Ok(watcher) => watcher,
            Err(source) => {
                // Without a watcher the child could be left behind: better not to have it.
                let _ = process.kill();
                let _ = process.wait();
                return Err(TestbedError::Start {
                    program: "/bin/sh".to_owned(),
                    source,
                });
            }
        };
        let pipe = watcher.stdin.take();
        Ok(Self {
            program,
            process,
            watcher,
            pipe,
            stop,
            leftovers,
            ended: None,
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The program's path.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The child's standard output, once, if it was piped.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.process.stdout.take()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Asks the child to stop, waits, and kills it when it takes longer than `patience`.
    pub fn stop(&mut self, patience: Duration) {
        if self.ended().is_none() {
            self.signal(self.stop);
            let begin = Instant::now();
            while self.ended().is_none() && begin.elapsed() < patience {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.kill();
    }

    /// Ends the child at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.process.kill();
            self.ended = self.process.wait().ok();
        }
        for folder in std::mem::take(&mut self.leftovers.0) {
            remove(&folder);
        }
        self.release();
    }

    fn signal(&self, signal: Signal) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), signal);
        }
    }

    /// Lets the watcher go home: the child is gone and nothing is left.
    fn release(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(b"done\n");
            drop(pipe);
            let _ = self.watcher.wait();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(10));
    }
}

/// Removes a folder; the next start would trip over nothing if it stayed.
fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}
