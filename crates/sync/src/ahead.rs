//! The page after the one that is being stored. It is asked for meanwhile, so that the server
//! makes one page while the store writes another.
//!
//! It counts for nothing before its turn: the cursor moves when a page is stored, what went wrong
//! with this one is told when it would have been asked for, and a run that turns to something
//! else forgets it.

use protocol::sync::SyncPage;

use crate::message::{Failure, Ticket};

/// What is known of the page.
#[derive(Debug, Default)]
pub(crate) enum Ahead {
    /// It was not asked for.
    #[default]
    Nothing,
    /// The server was asked.
    Asked(Ticket),
    /// It came before its turn.
    Arrived(SyncPage),
    /// It will not come.
    Failed(Failure),
}

impl Ahead {
    /// Whether the server was asked for it under this ticket and has not answered.
    pub(crate) fn awaits(&self, ticket: Ticket) -> bool {
        matches!(self, Self::Asked(asked) if *asked == ticket)
    }
}
