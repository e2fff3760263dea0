//! Carries out what an engine asks for, as the workstation's runner does, and dies anywhere.

use std::collections::VecDeque;

use cache::{StoreError, Writing};
use jiff::SignedDuration;
use ledger::chain::ChainError;
use sync::{Input, Operation, Ticket};

use crate::network::{Ask, Told};
use crate::world::{ENDLESS, World};

/// What came of a write.
pub enum Written<T> {
    Done(T),
    /// It was undone whole.
    Failed,
    /// The process died before it was done.
    DiedBefore,
    /// It was done, and the process died before it could say so.
    DiedAfter(T),
}

#[derive(Clone, Copy, PartialEq)]
enum Luck {
    Good,
    Fails,
    DiesBefore,
    DiesAfter,
}

impl World {
    fn luck(&mut self, device: usize) -> Luck {
        if self.healed {
            return Luck::Good;
        }
        match self.chance.below(80) {
            0 => Luck::DiesBefore,
            1 => Luck::DiesAfter,
            2 => Luck::Fails,
            _ if self.devices[device].full => Luck::Fails,
            _ => Luck::Good,
        }
    }

    /// Writes, or fails to.
    pub fn write<T>(
        &mut self,
        device: usize,
        name: &'static str,
        work: impl FnOnce(&mut Writing<'_>) -> Result<T, StoreError>,
    ) -> Written<T> {
        let luck = self.luck(device);
        self.attempt(device, luck, name, |world| {
            let cache = world.devices[device].cache();
            cache.write(name, |tx| {
                let value = work(tx)?;
                // Everything was written by now, and goes again.
                if luck == Luck::Fails {
                    return Err(StoreError::DiskFull);
                }
                Ok(value)
            })
        })
    }

    fn attempt<T>(
        &mut self,
        device: usize,
        luck: Luck,
        name: &'static str,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Written<T> {
        if luck == Luck::DiesBefore {
            self.tally.count("crashes before a commit");
            self.crash(device);
            return Written::DiedBefore;
        }
        match work(self) {
            Ok(value) => {
                self.devices[device].changed = true;
                if luck == Luck::DiesAfter {
                    self.tally.count("crashes after a commit");
                    self.crash(device);
                    return Written::DiedAfter(value);
                }
                Written::Done(value)
            }
            Err(_) if luck == Luck::Fails => {
                self.tally.count("writes failed");
                self.trace(|| format!("{device}: {name} fails"));
                Written::Failed
            }
            Err(error) => panic!("{name} failed on {device}: {error:?}"),
        }
    }

    pub fn tell(&mut self, device: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        let life = self.devices[device].starts;
        let mut turns = 0;
        while let Some(input) = inputs.pop_front() {
            turns += 1;
            assert!(turns < ENDLESS, "the engine turns in circles");
            self.trace(|| format!("{device}: told {}", short(&input)));
            let now = self.clock(device);
            for operation in self.devices[device].engine.step(input, now) {
                if !self.healed && self.chance.once_in(400) {
                    self.tally.count("crashes between steps");
                    self.crash(device);
                }
                if self.devices[device].starts != life {
                    return;
                }
                self.trace(|| format!("{device}: does {}", short(&operation)));
                inputs.extend(self.execute(device, operation));
                if self.devices[device].starts != life {
                    return;
                }
            }
        }
    }

    fn execute(&mut self, device: usize, operation: Operation) -> Option<Input> {
        let at = self.moment();
        match operation {
            Operation::SendAudit(ticket) => {
                let links = self.devices[device].cache().audit_batch(3).unwrap();
                if links.is_empty() {
                    return Some(Input::Nothing(ticket));
                }
                self.send(device, ticket, Ask::Audit(links));
                None
            }
            Operation::SendUpload(ticket) => self.send_upload(device, ticket),
            Operation::FetchPage(ticket, cursor) => {
                self.send(device, ticket, Ask::Page(cursor));
                None
            }
            Operation::SettleAudit(ticket, receipt) => {
                let stored = self.write(device, "ack", |tx| tx.acknowledge_audit(&receipt, at));
                if let Written::Done(true) = stored {
                    self.tally.count("restores found by the chain");
                    let waiting = self.devices[device].waiting();
                    return Some(Input::StoredAnew(ticket, waiting));
                }
                self.stored(device, ticket, stored)
            }
            Operation::SettleUpload(ticket, reply) => {
                let stored = self.write(device, "fates", |tx| tx.apply_fates(&reply, at));
                self.stored(device, ticket, stored)
            }
            Operation::Apply(ticket, page) => {
                let luck = self.luck(device);
                let seal = self.devices[device].seal("page");
                let stored = self.attempt(device, luck, "page", |world| {
                    let cache = world.devices[device].cache();
                    cache.apply_page(&page, at, |head| match luck {
                        Luck::Fails => Err(ChainError::Full),
                        _ => seal(head),
                    })
                });
                let Written::Done(applied) = stored else {
                    return self.stored(device, ticket, stored);
                };
                let told: Told = match (applied.anew, applied.unsettled) {
                    (true, _) => Input::StoredAnew,
                    (false, true) => Input::StoredUnsettled,
                    (false, false) => Input::Stored,
                };
                if applied.anew {
                    self.tally.count("restores found by a page");
                }
                // The next page may be here before this one is told to be stored.
                if self.chance.once_in(3) {
                    self.tally.count("pages stored slowly");
                    self.store_slowly(device, ticket, told);
                    return None;
                }
                Some(told(ticket, self.devices[device].waiting()))
            }
            Operation::StartOver(ticket) => {
                let stored = self.write(device, "start-over", |tx| tx.start_over());
                self.stored(device, ticket, stored)
            }
            Operation::NoteConfirmed(at) => {
                self.write(device, "confirmed", |tx| tx.note_confirmed(at));
                None
            }
            Operation::WakeAt(at) => {
                // Timers do not follow a clock that is set, and no timer is longer than this.
                let wait = at.duration_since(self.clock(device));
                let wait = wait.clamp(SignedDuration::ZERO, SignedDuration::from_mins(5));
                self.devices[device].wake_at = Some(self.now + wait);
                None
            }
            Operation::Report(state) => {
                if state.is_up_to_date() {
                    assert_eq!(
                        self.devices[device].waiting(),
                        sync::Waiting::default(),
                        "up to date is the truth"
                    );
                }
                self.devices[device].state = Some(state);
                None
            }
        }
    }

    /// The next batch, marked as sent before it is.
    fn send_upload(&mut self, device: usize, ticket: Ticket) -> Option<Input> {
        let cache = self.devices[device].cache();
        let (life, links, entries) = cache
            .read(|reading| {
                let (life, links) = (reading.life()?, reading.acknowledged()?);
                Ok::<_, StoreError>((life, links, reading.upload_batch(4)?))
            })
            .unwrap();
        if entries.is_empty() {
            return Some(Input::Nothing(ticket));
        }
        // Never two in flight for one record.
        let mut named: Vec<&str> = entries
            .iter()
            .flat_map(|entry| entry.bundle["entry"].as_array().unwrap())
            .map(|part| part["request"]["url"].as_str().unwrap())
            .collect();
        let count = named.len();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named.len(), count, "two changes of one record at once");
        let keys: Vec<_> = entries.iter().map(|entry| entry.key).collect();
        let seal = self.devices[device].seal("upload");
        let marked = self.write(device, "mark-sent", |tx| {
            tx.mark_sent(&keys)?;
            tx.record(seal).map(drop)
        });
        match marked {
            Written::Done(()) => {
                self.send(device, ticket, Ask::Upload(life, links, entries));
                None
            }
            Written::Failed => Some(Input::StoreFailed(ticket, "disk-full".to_owned())),
            Written::DiedBefore | Written::DiedAfter(()) => None,
        }
    }

    fn stored<T>(&self, device: usize, ticket: Ticket, written: Written<T>) -> Option<Input> {
        match written {
            Written::Done(_) => Some(Input::Stored(ticket, self.devices[device].waiting())),
            Written::Failed => Some(Input::StoreFailed(ticket, "disk-full".to_owned())),
            Written::DiedBefore | Written::DiedAfter(_) => None,
        }
    }
}

/// The beginning of what it is.
fn short(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    text.chars().take(400).collect()
}
