//! What a row is.

use serde::Serialize;

/// A budget that can be measured. To add one, implement this and name it in `rows::all`.
pub trait Row {
    /// Name, as the budgets name it; a row with several figures prefixes each with it.
    fn name(&self) -> &'static str;

    /// Prepares, measures ours and the peer in turn, and answers the figures. `tell` says what
    /// is being done.
    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError>;
}

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// Name of the row.
    pub name: String,
    /// Ours.
    pub value: f64,
    /// Unit of value and peer.
    pub unit: &'static str,
    /// The peer's; absent where the budget is absolute.
    pub peer: Option<f64>,
    /// Ours by the peer's.
    pub ratio: Option<f64>,
    /// The limit in words, such as `ratio >= 0.5`.
    pub budget: String,
    /// Whether it holds.
    pub within_budget: bool,
    /// Load of the machine while it was measured (one-minute average).
    pub load: f64,
    /// What a reader must know to read the figure rightly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The limit of a figure.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// Ours by the peer's is at least this.
    RatioAtLeast(f64),
    /// Ours by the peer's is at most this.
    RatioAtMost(f64),
    /// Ours is at most this, in the figure's unit.
    AtMost(f64),
}

impl Figure {
    /// A figure with its verdict.
    pub fn new(
        name: &str,
        value: f64,
        unit: &'static str,
        peer: Option<f64>,
        budget: Budget,
    ) -> Self {
        let ratio = peer.map(|peer| value / peer);
        let (budget, within_budget) = match budget {
            Budget::RatioAtLeast(least) => (
                format!("ratio >= {least}"),
                ratio.is_some_and(|ratio| ratio >= least),
            ),
            Budget::RatioAtMost(most) => (
                format!("ratio <= {most}"),
                ratio.is_some_and(|ratio| ratio <= most),
            ),
            Budget::AtMost(most) => (format!("<= {most} {unit}"), value <= most),
        };
        Self {
            name: name.to_owned(),
            value,
            unit,
            peer,
            ratio,
            budget,
            within_budget,
            load: load::machine::load(),
            note: None,
        }
    }

    /// The same with a note.
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A row could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The cache could not be opened.
    #[error("the cache: {0}")]
    Open(#[from] cache::OpenError),
    /// The cache failed.
    #[error("the cache: {0}")]
    Store(#[from] cache::StoreError),
    /// The peer failed.
    #[error("the peer: {0}")]
    Peer(#[from] rusqlite::Error),
    /// A file could not be written.
    #[error("a file: {0}")]
    Io(#[from] std::io::Error),
    /// Something could not be encoded.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The platform could not be set up.
    #[error("the platform: {0}")]
    Platform(#[from] testbed::TestbedError),
    /// The server did not answer as it should.
    #[error("the server: {0}")]
    Load(#[from] load::LoadError),
    /// The workstation did not do as it should.
    #[error("the workstation: {0}")]
    Work(#[from] workstation::error::WorkError),
    /// The desktop or the window did not.
    #[error("the desktop: {0}")]
    Desktop(#[from] acceptance::TourError),
    /// Something else a row needs is not there.
    #[error("{0}")]
    Missing(String),
}
