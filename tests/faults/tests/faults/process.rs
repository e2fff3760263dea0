//! Programs that are started, listened to, and killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longer than anything takes on a machine that is busy with other work as well.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A program that says lines. Killed when dropped.
pub struct Process<T> {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<T>,
}

impl<T: Send + 'static> Process<T> {
    /// Starts it; `read` makes words of its lines.
    pub fn start(command: &mut Command, read: fn(&str) -> T) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(read(&line)).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            lines,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn tell(&mut self, order: &impl Serialize) {
        let mut line = serde_json::to_vec(order).unwrap();
        line.push(b'\n');
        let input = self.input.as_mut().unwrap();
        input.write_all(&line).unwrap();
        input.flush().unwrap();
    }

    /// The next word, or none when it has ended.
    pub fn hear(&self) -> Option<T> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(word) => Some(word),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it says nothing any more"),
        }
    }

    /// The next word, if it comes before that moment.
    pub fn hear_until(&self, moment: Instant) -> Option<T> {
        let left = moment.saturating_duration_since(Instant::now());
        self.lines.recv_timeout(left).ok()
    }

    /// Kills it, and returns what it had still said.
    pub fn kill(mut self) -> Vec<T> {
        self.end();
        self.rest()
    }

    /// Ends its input and waits for its end.
    pub fn finish(mut self) -> Vec<T> {
        drop(self.input.take());
        let rest = self.rest();
        self.child.wait().unwrap();
        rest
    }

    fn rest(&self) -> Vec<T> {
        std::iter::from_fn(|| self.hear()).collect()
    }

    fn end(&mut self) {
        // One that is gone already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<T> Drop for Process<T> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A line of JSON.
pub fn json<T: DeserializeOwned>(line: &str) -> T {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
