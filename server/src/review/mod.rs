//! What the security officer has to look at: opened with the alert behind it, closed by a person,
//! neither ever changed.

pub mod open;

pub use open::{Opening, open, raise};
