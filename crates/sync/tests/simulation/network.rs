//! The network, as well as it works today.

use jiff::{SignedDuration, Timestamp};
use ledger::chain::Link;
use protocol::audit::{AuditBatch, AuditReceipt};
use protocol::sync::SyncPage;
use protocol::upload::{UploadEntry, UploadReply};
use sync::{Failure, Input, Ticket, Waiting};

use crate::device;
use crate::world::World;

/// What a workstation asks of the server.
#[derive(Clone)]
pub enum Ask {
    Audit(Vec<Link>),
    /// Made in this life, by a chain of which the server acknowledged so much.
    Upload(Option<String>, u64, Vec<UploadEntry>),
    Page(Option<String>),
}

/// What the server answers.
enum Answer {
    Receipt(AuditReceipt),
    Reply(UploadReply),
    Page(SyncPage),
    CursorGone,
}

impl Answer {
    fn copy(&self) -> Self {
        // As on the wire: neither type can be cloned.
        macro_rules! through {
            ($value:expr) => {
                serde_json::from_str(&serde_json::to_string($value).unwrap()).unwrap()
            };
        }
        match self {
            Self::Receipt(receipt) => Self::Receipt(receipt.clone()),
            Self::Reply(reply) => Self::Reply(through!(reply)),
            Self::Page(page) => Self::Page(through!(page)),
            Self::CursorGone => Self::CursorGone,
        }
    }

    fn input(self, ticket: Ticket) -> Input {
        match self {
            Self::Receipt(receipt) => Input::AuditReplied(ticket, receipt),
            Self::Reply(reply) => Input::UploadReplied(ticket, reply),
            Self::Page(page) => Input::PageArrived(ticket, page),
            Self::CursorGone => Input::Failed(ticket, Failure::CursorGone),
        }
    }
}

enum What {
    Ask(Ask),
    Answer(Input),
    /// The store is done and says this: it needs no network.
    Stored(Told),
}

/// What the engine is told once something is stored.
pub type Told = fn(Ticket, Waiting) -> Input;

/// Something on its way.
pub struct Message {
    pub at: Timestamp,
    order: u64,
    device: usize,
    /// Of the process that sent the request.
    life: u64,
    ticket: Ticket,
    what: What,
}

impl Message {
    /// Whether it is lost when all connections are.
    pub fn is_of_network(&self) -> bool {
        !matches!(self.what, What::Stored(_))
    }
}

impl World {
    fn put(&mut self, wait: SignedDuration, device: usize, ticket: Ticket, what: What) {
        self.orders += 1;
        self.messages.push(Message {
            at: self.now + wait,
            order: self.orders,
            device,
            life: self.devices[device].starts,
            ticket,
            what,
        });
    }

    fn fail(&mut self, device: usize, ticket: Ticket, failure: Failure) {
        let input = Input::Failed(ticket, failure);
        self.put(soon(), device, ticket, What::Answer(input));
    }

    /// Hands a request to the network.
    pub fn send(&mut self, device: usize, ticket: Ticket, ask: Ask) {
        if self.devices[device].cut {
            self.fail(device, ticket, Failure::Network);
            return;
        }
        let luck = if self.healed {
            99
        } else {
            self.chance.below(40)
        };
        match luck {
            0 => self.tally.count("requests lost"),
            1 => {
                self.tally.count("requests delayed beyond their time");
                let wait = self.long();
                self.put(wait, device, ticket, What::Ask(ask));
            }
            2 | 3 => {
                self.tally.count("requests doubled");
                let wait = self.any();
                self.put(wait, device, ticket, What::Ask(ask.clone()));
                let wait = self.any();
                self.put(wait, device, ticket, What::Ask(ask));
            }
            4 => {
                self.tally.count("answers by somebody in between");
                let failure = Failure::Unavailable {
                    retry_after: Some(3),
                };
                self.fail(device, ticket, failure);
            }
            5 if self.chance.once_in(2) => {
                self.tally.count("sessions ended");
                self.fail(device, ticket, Failure::SignInNeeded);
            }
            _ => {
                let wait = self.short();
                self.put(wait, device, ticket, What::Ask(ask));
            }
        }
    }

    /// The store takes its time to say that it is done.
    pub fn store_slowly(&mut self, device: usize, ticket: Ticket, told: Told) {
        let wait = self.any();
        self.put(wait, device, ticket, What::Stored(told));
    }

    fn short(&mut self) -> SignedDuration {
        SignedDuration::from_millis(5 + self.chance.below(200) as i64)
    }

    /// Longer than anybody waits for an answer.
    fn long(&mut self) -> SignedDuration {
        SignedDuration::from_millis(30_001 + self.chance.below(90_000) as i64)
    }

    fn any(&mut self) -> SignedDuration {
        if self.chance.once_in(2) {
            self.short()
        } else {
            SignedDuration::from_millis(self.chance.below(120_000) as i64)
        }
    }

    /// The next message that is due, if one is.
    pub fn next_message(&self) -> Option<(usize, Timestamp)> {
        let next = self.messages.iter().enumerate();
        next.min_by_key(|(_, message)| (message.at, message.order))
            .map(|(index, message)| (index, message.at))
    }

    /// A message is where it was sent to.
    pub fn deliver(&mut self, index: usize) {
        let message = self.messages.swap_remove(index);
        let Message {
            device,
            life,
            ticket,
            ..
        } = message;
        match message.what {
            // Answers to a process that is gone go nowhere.
            What::Answer(_) | What::Stored(_) if life != self.devices[device].starts => {}
            What::Stored(told) => {
                let waiting = self.devices[device].waiting();
                self.tell(device, told(ticket, waiting));
            }
            What::Answer(_) if self.devices[device].cut => self.tally.count("answers lost"),
            What::Answer(input) => self.tell(device, input),
            What::Ask(_) if self.devices[device].cut => self.tally.count("requests lost"),
            What::Ask(ask) => {
                let answer = self.serve(device, ask);
                self.answer(device, life, ticket, answer);
            }
        }
    }

    fn serve(&mut self, device: usize, ask: Ask) -> Answer {
        let at = self.moment();
        match ask {
            Ask::Audit(links) => {
                let key = self.devices[device].verifying();
                let genesis = device::genesis(device);
                let batch = AuditBatch { links };
                Answer::Receipt(self.server.audit(device, &genesis, &batch, &key))
            }
            // Changes are judged only in the life that they were made for.
            Ask::Upload(life, links, _)
                if life
                    .as_ref()
                    .is_some_and(|life| *life != self.server.life())
                    || links > self.server.links(device) =>
            {
                self.tally.count("uploads of a lost life");
                Answer::CursorGone
            }
            Ask::Upload(_, _, entries) => Answer::Reply(self.server.upload(device, &entries, at)),
            Ask::Page(cursor) => match self.server.page(device, cursor.as_deref(), 3) {
                Some(page) => Answer::Page(page),
                None => Answer::CursorGone,
            },
        }
    }

    fn answer(&mut self, device: usize, life: u64, ticket: Ticket, answer: Answer) {
        if life != self.devices[device].starts {
            return;
        }
        let luck = if self.healed {
            99
        } else {
            self.chance.below(40)
        };
        match luck {
            0 | 1 => self.tally.count("answers lost"),
            2 => {
                let wait = self.long();
                self.put(wait, device, ticket, What::Answer(answer.input(ticket)));
            }
            3 | 4 => {
                self.tally.count("answers doubled");
                for answer in [answer.copy(), answer] {
                    let wait = self.any();
                    self.put(wait, device, ticket, What::Answer(answer.input(ticket)));
                }
            }
            5 => {
                // The server did it, and a proxy says otherwise.
                self.tally.count("answers by somebody in between");
                self.fail(device, ticket, Failure::Rejected("too-large".to_owned()));
            }
            _ => {
                let wait = self.short();
                self.put(wait, device, ticket, What::Answer(answer.input(ticket)));
            }
        }
    }
}

fn soon() -> SignedDuration {
    SignedDuration::from_millis(50)
}
