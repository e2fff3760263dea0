//! What the server says of devices: how long they may go on without it.

use std::collections::HashMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use jiff::SignedDuration;
use protocol::fault::{Code, Problem};
use protocol::sign_in::EnrolRequest;
use protocol::statement::{Lease, Signed};
use uuid::Uuid;
use workstation::port::clock::Clock;
use workstation::port::server::{Device, ServerError};

use crate::mock::{MockClock, SERVER};

pub struct MockKeys {
    pub clock: Arc<MockClock>,
    /// Length of leases.
    pub lease: SignedDuration,
    /// Refuses sign-ins with this.
    pub refuses: Option<Code>,
    devices: HashMap<[u8; 32], Uuid>,
}

impl MockKeys {
    pub fn new(clock: Arc<MockClock>) -> Self {
        Self {
            clock,
            lease: SignedDuration::from_hours(72),
            refuses: None,
            devices: HashMap::new(),
        }
    }

    pub fn admits(&self) -> Result<(), ServerError> {
        match self.refuses {
            None => Ok(()),
            Some(code) => Err(ServerError::from_problem(Problem {
                code,
                status: 403,
                title: "no".into(),
                detail: None,
                retry_after: None,
            })),
        }
    }

    pub fn enrolled(&mut self, device: &Device, request: &EnrolRequest) {
        let key = device.key.verifying_key().to_bytes();
        self.devices.insert(key, request.device.id);
    }

    pub fn lease(&self, device: &Device, key: &SigningKey) -> Signed {
        let known = self.devices.get(&device.key.verifying_key().to_bytes());
        let now = self.clock.now();
        let lease = Lease {
            tenant: Uuid::from_u128(1),
            user: Uuid::from_u128(7),
            device: known.copied().unwrap_or_default(),
            server: SERVER.into(),
            issued_at: now,
            until: now + self.lease,
        };
        Signed::sign(&lease, key).unwrap()
    }
}
