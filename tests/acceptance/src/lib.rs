//! The system as its users meet it: the real window, driven from outside.
//!
//! [`desktop`] is a virtual desktop (display, session bus, Secret Service) of its own,
//! [`window`] the program in it under WebDriver, [`clinic`] the platform behind it; [`tour`] is a
//! clinician's day, [`off_line_day`] one of three people whose server is away.
//!
//! Never: calls into the program's crates. What a person cannot do, the tour does not do.

#![expect(
    clippy::print_stdout,
    reason = "the tour tells a person at a terminal what it does"
)]

pub mod clinic;
pub mod desktop;
pub mod off_line_day;
pub mod patient;
pub mod tour;
pub mod window;

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// A program of the virtual desktop did not start.
    #[error("{program} did not start: {reason}")]
    Start {
        /// Its name.
        program: &'static str,
        /// What it said.
        reason: String,
    },
    /// A file or process could not be used.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The driver refused a command.
    #[error("the window's driver: {0}")]
    Driver(#[source] Box<fantoccini::error::CmdError>),
    /// The driver gave no session.
    #[error("the window did not open: {0}")]
    Session(#[source] Box<fantoccini::error::NewSessionError>),
    /// The platform did not start or answer.
    #[error("the platform: {0}")]
    Platform(String),
    /// Something that should be on the screen is not.
    #[error("{step}: waited {seconds} s for {what}; the screen says: {screen}")]
    NotSeen {
        /// The step of the tour.
        step: String,
        /// What was looked for.
        what: String,
        /// How long.
        seconds: u64,
        /// The visible text, cut.
        screen: String,
    },
    /// Something that must hold does not.
    #[error("{step}: {what}")]
    Broken {
        /// The step of the tour.
        step: String,
        /// What does not hold.
        what: String,
    },
}

// Boxed: the driver's errors are large, and every step returns one of these.
impl From<fantoccini::error::CmdError> for TourError {
    fn from(error: fantoccini::error::CmdError) -> Self {
        Self::Driver(Box::new(error))
    }
}

impl From<fantoccini::error::NewSessionError> for TourError {
    fn from(error: fantoccini::error::NewSessionError) -> Self {
        Self::Session(Box::new(error))
    }
}
