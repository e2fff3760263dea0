//! Why a task could not be done, in words for the one who started it.

use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("stopped")]
    Stopped,
    #[error("cannot start {program}: is it installed?")]
    Start {
        program: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{what} failed ({status})")]
    Step { what: String, status: String },
    #[error("cannot use {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{what} gave something unexpected")]
    Unreadable {
        what: String,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Platform(#[from] testbed::TestbedError),
    #[error("{0}")]
    Plain(String),
    /// Checks that ran and found something; what, is printed already.
    #[error("{0} failed")]
    Found(String),
}

impl Failure {
    /// For `map_err` on file operations.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
