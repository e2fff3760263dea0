//! The engine's state as the status bar shows it.

use jiff::tz::TimeZone;
use sync::{Connection, Stage, State};

use crate::show::when;
use crate::view::fault::Fault;
use crate::view::session::{self, FirstSync, LeaseView, LedgerView, SyncView};

/// The view of a state. `line` is what stands in the way of a session.
pub(super) fn view(
    state: &State,
    line: Option<Fault>,
    ledger: LedgerView,
    lease: LeaseView,
    zone: &TimeZone,
) -> SyncView {
    SyncView {
        connection: match state.connection {
            Connection::Connecting => session::Connection::Connecting,
            Connection::Online => session::Connection::Online,
            Connection::Offline => session::Connection::Offline,
            Connection::SignInNeeded => session::Connection::SignInNeeded,
        },
        to_send: state.waiting.to_send,
        audit_to_send: state.waiting.audit_to_send,
        needs_you: state.waiting.needs_you,
        // Found beside the engine, which has nothing to do with it.
        duplicates: 0,
        confirmed_at: state.confirmed_at.map(|at| when::moment(at, zone)),
        first: state.first.map(|first| FirstSync {
            done: u32::try_from(first.done).unwrap_or(u32::MAX),
            total: u32::try_from(first.total).unwrap_or(u32::MAX),
            stopped: first.stopped,
        }),
        fault: line.or_else(|| state.fault.as_ref().map(fault)),
        ledger,
        lease,
        // The engine knows nothing of it: to it the server is away.
        rehearsal: None,
    }
}

fn fault(fault: &sync::Fault) -> Fault {
    let code = match fault {
        sync::Fault::Unavailable => "server-unavailable",
        sync::Fault::Untrusted => "certificate-untrusted",
        sync::Fault::Rejected {
            stage: Stage::Audit,
            ..
        } => "chain-refused",
        sync::Fault::Rejected { code, .. } if code == "forbidden" => "forbidden",
        sync::Fault::Rejected { .. } => "server-refused",
        sync::Fault::Storage(code) => code,
    };
    crate::fault::of(code)
}
