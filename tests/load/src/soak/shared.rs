//! What the connections share, and what each brings home.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use crate::client::Target;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One resource by its id.
    Read,
    /// A search.
    Search,
    /// A new Patient.
    Create,
    /// A transaction of ten.
    Transaction,
}

impl Kind {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Read, Self::Search, Self::Create, Self::Transaction];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Create => "create",
            Self::Transaction => "transaction of 10",
        }
    }
}

/// What the connections share.
pub struct Shared {
    /// The server.
    pub target: Target,
    /// `Type/id` of what was there before, patients first in each group of ten.
    pub known: Vec<String>,
    /// No two requests have the same number.
    pub number: AtomicU64,
    /// Answers so far.
    pub answers: AtomicU64,
    /// The server is being killed: connections may break.
    pub outage: AtomicBool,
    /// Enough.
    pub stop: AtomicBool,
    /// When it began.
    pub begun: Instant,
}

impl Shared {
    /// Before the first request.
    pub fn new(target: Target, known: Vec<String>) -> Self {
        Self {
            target,
            // The people who were there before have the numbers below.
            number: AtomicU64::new(1_000_000),
            known,
            answers: AtomicU64::new(0),
            outage: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            begun: Instant::now(),
        }
    }
}

/// A write that the server has acknowledged.
#[derive(Debug, Clone)]
pub struct Written {
    /// `Type/id`.
    pub reference: String,
    /// For a Patient, whose; nothing else is compared word by word.
    pub person: Option<usize>,
    /// When it was acknowledged.
    pub at: Duration,
}

/// What a connection, or all of them, did.
#[derive(Debug, Default)]
pub struct Done {
    /// How long each answer took.
    pub times: Vec<(Kind, Duration)>,
    /// What was acknowledged.
    pub written: Vec<Written>,
    /// Refusals, all of them intended.
    pub refusals: u64,
    /// Connections that broke while the server was being killed.
    pub cuts: u64,
}

impl Done {
    /// Takes in what another did.
    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.written.extend(other.written);
        self.refusals += other.refusals;
        self.cuts += other.cuts;
    }
}
