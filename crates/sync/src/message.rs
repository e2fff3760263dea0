//! What the engine is told and what it asks for.

use jiff::Timestamp;
use protocol::audit::AuditReceipt;
use protocol::sync::SyncPage;
use protocol::upload::UploadReply;

use crate::state::{State, Waiting};

/// Names one thing asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The cache is open and a session may be tried.
    Start,
    /// The cache is being closed: nothing more is asked for.
    Stop,
    /// The user signed in again.
    SignedIn,
    /// Something was written here; what waits now.
    Changed(Waiting),
    /// The server says that something changed there.
    Pushed,
    /// The time of the last [`Operation::WakeAt`] has come.
    Woke,
    /// The user stops the first filling.
    StopFill,
    /// The user takes the first filling up again.
    ResumeFill,
    /// There was nothing to send.
    Nothing(Ticket),
    /// The server answered [`Operation::SendAudit`].
    AuditReplied(Ticket, AuditReceipt),
    /// The server answered [`Operation::SendUpload`].
    UploadReplied(Ticket, UploadReply),
    /// The server answered [`Operation::FetchPage`].
    PageArrived(Ticket, SyncPage),
    /// A request failed.
    Failed(Ticket, Failure),
    /// Storing is done and durable; what waits now.
    Stored(Ticket, Waiting),
    /// The same for [`Operation::SettleAudit`] and [`Operation::Apply`], where what the server holds
    /// showed that it was restored from a backup: the cursor was forgotten as with
    /// [`Operation::StartOver`], and nothing of a page was stored.
    StoredAnew(Ticket, Waiting),
    /// The same for [`Operation::Apply`], where the feed has ended and must end once more before
    /// it is certain what may stay here: it is asked again without waiting.
    StoredUnsettled(Ticket, Waiting),
    /// Storing failed and changed nothing; the stable code of the error.
    StoreFailed(Ticket, String),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer: no network, no server, no time left.
    Network,
    /// Whoever answers does not have the certificate of our server.
    Untrusted,
    /// The server cannot do it now.
    Unavailable {
        /// Seconds that it asks for.
        retry_after: Option<u32>,
    },
    /// The session has ended, or the proof does not fit it.
    SignInNeeded,
    /// The cursor belongs to an earlier life of the server.
    CursorGone,
    /// The server refuses the request as a whole; its stable code.
    Rejected(String),
}

/// What to do. Those with a ticket are answered by one [`Input`] with the same ticket.
#[derive(Debug)]
pub enum Operation {
    /// Send the oldest audit links; [`Input::Nothing`] if there are none.
    SendAudit(Ticket),
    /// Store what the server holds of the chain.
    SettleAudit(Ticket, AuditReceipt),
    /// Mark the oldest changes as sent and send them; [`Input::Nothing`] if there are none.
    SendUpload(Ticket),
    /// Store the fates.
    SettleUpload(Ticket, UploadReply),
    /// Ask for the page after this cursor; none is the beginning. May come while a page is
    /// being stored: the two are carried out at the same time.
    FetchPage(Ticket, Option<String>),
    /// Store a page with its cursor and its audit event in one transaction.
    Apply(Ticket, SyncPage),
    /// Forget the cursor.
    StartOver(Ticket),
    /// Nothing is left to send or fetch: note the time.
    NoteConfirmed(Timestamp),
    /// Give [`Input::Woke`] at this time. Replaces the time asked for before.
    WakeAt(Timestamp),
    /// Tell the user.
    Report(State),
}
