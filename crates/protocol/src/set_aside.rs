//! Work that was not sent when its chart left a workstation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Unsent work on a chart that a workstation may not keep any more, sealed by HPKE to the
/// organisation's recovery key. Sending it again is harmless.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetAsideRequest {
    /// Its name, given by the workstation; also for `rounds-server recovery open --set-aside`.
    pub id: Uuid,
    /// Logical id of the Patient; none where it is of several or none.
    pub patient: Option<String>,
    /// Changes in it.
    pub changes: u32,
    /// Drafts in it.
    pub drafts: u32,
    /// Records in it that the server had and may have lost when it was restored.
    pub records: u32,
    /// When it was set aside.
    pub made: Timestamp,
    /// Name of the profile's folder, which the seal is bound to.
    pub profile: String,
    /// The sealed work, base64; as large as [`crate::device::MAX_ESCROW`] before that.
    pub sealed: String,
}
