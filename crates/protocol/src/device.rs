//! What a device is told with its key alone, after its sessions have ended: to save its unsent
//! work and to erase itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::statement::{Signed, Statement};

/// The largest sealed work that one request carries, bytes before base64.
pub const MAX_ESCROW: usize = 11 * 1024 * 1024;

/// Whether the server has an order for this device. Carries a DPoP proof without `ath`, whose
/// key names the device; so do the other requests here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrdersRequest {
    /// Chosen for this request: an answer that was given before does not name it.
    pub nonce: Uuid,
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Orders {
    /// A [`WipeOrder`], while one waits.
    pub wipe: Option<Signed>,
}

/// Save what is unsent, erase keys and records, say so.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct WipeOrder {
    /// The clinic.
    pub tenant: Uuid,
    /// The device. Enrolled again it has another id, to which an old order means nothing.
    pub device: Uuid,
    /// Number of the order among those to the device.
    pub number: u64,
    /// Of the request that this answers.
    pub nonce: Uuid,
    /// The server's time of the answer.
    pub issued_at: Timestamp,
}

impl Statement for WipeOrder {
    const KIND: &'static [u8] = b"rounds/wipe/1\0";
}

/// Unsent work, sealed by HPKE to the organisation's recovery key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EscrowRequest {
    /// The order that it is saved for.
    pub number: u64,
    /// Name of the profile's folder, which the seal is bound to.
    pub profile: String,
    /// The sealed work, base64.
    pub sealed: String,
}

/// That it is kept.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct EscrowReceipt {
    /// Its name, for `rounds-server recovery open --escrow`.
    pub id: Uuid,
}

/// The device's word that it erased itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WipeReceipt {
    /// The order.
    pub number: u64,
    /// Whether work is left on the computer, sealed to the organisation's recovery key alone.
    pub kept: bool,
}
