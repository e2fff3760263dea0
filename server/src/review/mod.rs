//! What the security officer has to look at: opened with the alert behind it, closed by a person,
//! neither ever changed.

pub mod list;
pub mod open;
pub mod routes;

use uuid::Uuid;
use vault::Place;

pub use open::{Opening, open, raise, raise_unless_open};

/// Where the words of a closing live.
fn closing_place(tenant: Uuid, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "review_closing",
        row,
        column: "words",
        version: 0,
    }
}
