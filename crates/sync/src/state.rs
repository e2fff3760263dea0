//! What a person is told.

use jiff::Timestamp;

/// The truth about connection and what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Connection.
    pub connection: Connection,
    /// What is being done, while something is.
    pub stage: Option<Stage>,
    /// What waits.
    pub waiting: Waiting,
    /// When nothing was left to send or fetch, last.
    pub confirmed_at: Option<Timestamp>,
    /// The first filling of the cache, until it is done.
    pub first: Option<FirstFill>,
    /// What stands in the way, if something other than the network does.
    pub fault: Option<Fault>,
}

impl State {
    /// Whether "up to date" may be said: nothing waits and nothing stands in the way.
    pub fn is_up_to_date(&self) -> bool {
        self.connection == Connection::Online
            && self.waiting == Waiting::default()
            && self.first.is_none()
            && self.fault.is_none()
            && self.confirmed_at.is_some()
    }
}

/// State of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Being tried.
    Connecting,
    /// The server answers.
    Online,
    /// It cannot be reached; work goes on.
    Offline,
    /// It answers, but the session has ended: the password is needed again.
    SignInNeeded,
}

/// The parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Audit events go up.
    Audit,
    /// Changes go up.
    Upload,
    /// Pages come down.
    Fetch,
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Changes to be sent or confirmed.
    pub to_send: u32,
    /// Audit events to be sent.
    pub audit_to_send: u32,
    /// Conflicts and refusals that wait for a person.
    pub needs_you: u32,
}

impl Waiting {
    fn anything(self) -> bool {
        self != Self::default()
    }

    pub(crate) fn nothing(self) -> bool {
        !self.anything()
    }
}

/// Progress of the first filling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstFill {
    /// Records stored.
    pub done: u64,
    /// Records in all, an estimate until the end.
    pub total: u64,
    /// Stopped by the user; can be taken up again.
    pub stopped: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The server answers, but cannot do it now.
    Unavailable,
    /// Whoever answers is not our server.
    Untrusted,
    /// The server refuses this part of a run as a whole.
    Rejected {
        /// Which part.
        stage: Stage,
        /// The server's stable code.
        code: String,
    },
    /// The cache could not store what came; the stable code of its error.
    Storage(String),
}
