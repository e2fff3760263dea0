//! What the server says of devices: how long they may go on without it, which are to be wiped.

use std::collections::HashMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use jiff::SignedDuration;
use protocol::device::{
    EscrowReceipt, EscrowRequest, Orders, OrdersRequest, WipeOrder, WipeReceipt,
};
use protocol::fault::{Code, Problem};
use protocol::sign_in::PasswordChange;
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
    /// Orders by device, and whether each was obeyed.
    pub orders: HashMap<Uuid, (u64, bool)>,
    /// What was saved.
    pub escrows: Vec<EscrowRequest>,
    /// Refuses to keep saved work.
    pub full: bool,
    /// Takes no receipts.
    pub deaf: bool,
    /// Answers this to every question for orders.
    pub replays: Option<Signed>,
    /// What becomes of a change of password.
    pub change: Change,
    /// Receipts: whether sealed work was left.
    pub receipts: Vec<bool>,
    devices: HashMap<[u8; 32], Uuid>,
}

/// What becomes of a change of password.
#[derive(Clone, Copy, PartialEq)]
pub enum Change {
    Answered,
    /// It is made, and the answer is lost.
    LostAfter,
    /// It is lost on its way there.
    LostBefore,
    Refused,
}

impl MockKeys {
    pub fn change(
        &self,
        known: &mut HashMap<String, String>,
        request: &PasswordChange,
    ) -> Result<(), ServerError> {
        let lost = || ServerError::Offline("unplugged".into());
        match self.change {
            Change::LostBefore => return Err(lost()),
            Change::Refused => return Err(problem(Code::Malformed)),
            Change::Answered | Change::LostAfter => {}
        }
        let password = known
            .values_mut()
            .find(|password| *password == request.current.expose())
            .ok_or_else(|| problem(Code::CredentialsWrong))?;
        request.next.expose().clone_into(password);
        if self.change == Change::LostAfter {
            return Err(lost());
        }
        Ok(())
    }

    pub fn new(clock: Arc<MockClock>) -> Self {
        Self {
            clock,
            lease: SignedDuration::from_hours(72),
            refuses: None,
            orders: HashMap::new(),
            escrows: Vec::new(),
            full: false,
            deaf: false,
            replays: None,
            change: Change::Answered,
            receipts: Vec::new(),
            devices: HashMap::new(),
        }
    }

    pub fn admits(&self) -> Result<(), ServerError> {
        match self.refuses {
            None => Ok(()),
            Some(code) => Err(problem(code)),
        }
    }

    pub fn enrolled(&mut self, device: &Device, id: Uuid) {
        let key = device.key.verifying_key().to_bytes();
        self.devices.insert(key, id);
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

    fn device(&self, device: &Device) -> Uuid {
        let known = self.devices.get(&device.key.verifying_key().to_bytes());
        known.copied().unwrap_or_default()
    }

    /// Orders every device that is enrolled to be wiped.
    pub fn order_all(&mut self) {
        self.orders = self
            .devices
            .values()
            .map(|device| (*device, (1, false)))
            .collect();
        self.refuses = Some(Code::DeviceUnknown);
    }

    pub fn orders(&self, device: &Device, request: &OrdersRequest, key: &SigningKey) -> Orders {
        let id = self.device(device);
        let order = self.orders.get(&id).filter(|(_, done)| !done);
        let wipe = order.map(|(number, _)| {
            let order = WipeOrder {
                tenant: Uuid::from_u128(1),
                device: id,
                number: *number,
                nonce: request.nonce,
                issued_at: self.clock.now(),
            };
            Signed::sign(&order, key).unwrap()
        });
        Orders {
            wipe: self.replays.clone().or(wipe),
        }
    }

    pub fn escrow(&mut self, request: &EscrowRequest) -> Result<EscrowReceipt, ServerError> {
        if self.full {
            return Err(problem(Code::Unavailable));
        }
        self.escrows.push(request.clone());
        Ok(EscrowReceipt {
            id: Uuid::from_u128(9),
        })
    }

    pub fn wiped(&mut self, device: &Device, receipt: &WipeReceipt) -> Result<(), ServerError> {
        if self.deaf {
            return Err(problem(Code::Unavailable));
        }
        let id = self.device(device);
        match self.orders.get_mut(&id) {
            Some((number, done)) if *number == receipt.number => *done = true,
            _ => return Err(problem(Code::Forbidden)),
        }
        self.receipts.push(receipt.kept);
        Ok(())
    }
}

fn problem(code: Code) -> ServerError {
    ServerError::from_problem(Problem {
        code,
        status: 403,
        title: "no".into(),
        detail: None,
        retry_after: None,
    })
}
