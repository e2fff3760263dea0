//! What can go wrong while a platform is being set up.

use std::path::PathBuf;

/// Why the platform could not be started, or a command of it failed.
#[derive(Debug, thiserror::Error)]
pub enum TestbedError {
    /// A file or a folder could not be used.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Which one.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A program is not installed.
    #[error("{program} is not installed: {hint}")]
    Missing {
        /// What was looked for.
        program: String,
        /// What to do.
        hint: String,
    },
    /// A program ended with a failure.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// Which one.
        program: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// A program did not become ready in time.
    #[error("{program} was not ready after {seconds} s:\n{output}")]
    NotReady {
        /// Which one.
        program: String,
        /// How long was waited.
        seconds: u64,
        /// The end of what it printed.
        output: String,
    },
    /// A program printed something that cannot be read.
    #[error("{program} printed something unexpected")]
    Output {
        /// Which one.
        program: String,
        /// Why it cannot be read.
        #[source]
        source: serde_json::Error,
    },
    /// The kept state cannot be read.
    #[error("{path} is damaged; remove the folder to start afresh")]
    State {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The system gave no randomness.
    #[error("no randomness from the system: {0}")]
    Random(String),
}

impl TestbedError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
