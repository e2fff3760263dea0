//! Upload of audit events recorded on a workstation.

use ledger::chain::Link;
use serde::{Deserialize, Serialize};

/// Consecutive links of one device's chain, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditBatch {
    /// At most [`MAX_LINKS`].
    pub links: Vec<Link>,
}

/// Links a single batch may hold.
pub const MAX_LINKS: usize = 500;

/// What the server holds of this device's chain after the batch. Links that it had already
/// are checked against what it has and not stored again.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct AuditReceipt {
    /// Number of the last link stored.
    pub through: u64,
    /// Hash of the last link stored, hex.
    pub head: String,
    /// The ledger key's signature over device, number and hash
    /// ([`ledger::chain::verify_countersignature`]), hex. Empty from a server that gave none.
    #[serde(default)]
    pub countersignature: String,
}
