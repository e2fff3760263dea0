//! Video visits: links, the waiting room, and the words by which the sides find each other.
//!
//! Never: picture or sound, a name in an address, an address of anybody in a log.

mod acts;
mod hub;
mod inviting;
mod line;
mod link;
pub mod page;
mod relays;
mod room;
mod routes;

use protocol::visit::GuestKind;
use telehealth::visit::Party;
use uuid::Uuid;

pub use hub::Hub;
pub use relays::RelaySettings;
pub use routes::routes;

/// Longest life of a link after the end of its appointment.
const AFTER: jiff::SignedDuration = jiff::SignedDuration::from_hours(2);

/// Whom a name on the wire means; none: the patient.
fn party(guest: Option<Uuid>) -> Party {
    Party::of(guest.map(|guest| guest.as_u128()))
}

/// How the ledger speaks of somebody: of a guest it has the kind alone.
fn who(guest: Option<GuestKind>) -> String {
    match guest {
        None => "patient".to_owned(),
        Some(kind) => format!("guest ({})", kind.code()),
    }
}
