//! What workstations follow: pages of changes in commit order, a signal that there are some,
//! and the changes that come back.

pub mod changes;
pub mod charts;
pub mod cursor;
pub mod page;
pub mod routes;
pub mod rows;
pub mod scope;
pub mod set_aside;
pub mod upload;
pub mod upload_bundle;
pub mod wishes;
