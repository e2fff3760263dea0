//! One course of events.

use std::collections::{BTreeSet, VecDeque};

use cache::{Change, Keep, StoreError, Write};
use jiff::{SignedDuration, Timestamp};
use protocol::audit::AuditBatch;
use protocol::upload::UploadRequest;
use serde_json::json;
use sync::{Failure, Input, Operation, Ticket};

use crate::chance::Chance;
use crate::checks;
use crate::device::{self, Device};
use crate::server::{Name, Server};
use crate::tally::Tally;

const FIELDS: [&str; 4] = ["birthDate", "gender", "language", "implicitRules"];
const PATIENTS: u64 = 4;
const STEPS: u64 = 60;

struct Edit {
    name: Name,
    field: &'static str,
    token: String,
}

struct Delivery {
    at: Timestamp,
    device: usize,
    life: u64,
    input: Input,
}

pub struct World {
    chance: Chance,
    now: Timestamp,
    server: Server,
    devices: Vec<Device>,
    deliveries: Vec<Delivery>,
    cut: Vec<bool>,
    healed: bool,
    tokens: u64,
    edits: Vec<Edit>,
    created: BTreeSet<String>,
    poison: BTreeSet<String>,
    dropped: BTreeSet<String>,
    tally: Tally,
    _folder: tempfile::TempDir,
}

impl World {
    pub fn new(seed: u64) -> Self {
        // Memory where there is some: what is tested is order, not the disk.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut server = Server::default();
        for n in 0..PATIENTS {
            let id = format!("p{n}");
            let body = json!({ "resourceType": "Patient", "id": id });
            server.store(("Patient".to_owned(), id), Some(body), now);
        }
        let devices = (0..2)
            .map(|n| Device::new(n, folder.path(), seed))
            .collect();
        Self {
            chance: Chance::new(seed),
            now,
            server,
            devices,
            deliveries: Vec::new(),
            cut: vec![false; 2],
            healed: false,
            tokens: 0,
            edits: Vec::new(),
            created: BTreeSet::new(),
            poison: BTreeSet::new(),
            dropped: BTreeSet::new(),
            tally: Tally::default(),
            _folder: folder,
        }
    }

    pub fn run(mut self) -> Tally {
        for device in 0..2 {
            self.tell(device, Input::Start);
        }
        for _ in 0..STEPS {
            self.something();
            let pause = SignedDuration::from_millis(self.chance.below(20_000) as i64);
            self.pass(pause);
        }
        self.heal();
        self.check();
        self.tally.repeated_uploads = self.server.repeated;
        self.tally.conflict_replies = self.server.conflicts;
        self.tally.refusals = self.server.refusals;
        self.tally
    }

    fn something(&mut self) {
        let device = self.chance.below(2) as usize;
        match self.chance.below(14) {
            0..=2 => self.create(device),
            3..=6 => self.edit_here(device),
            7..=8 => self.edit_there(),
            9 => self.crash(device),
            10 => self.cut[device] = !self.cut[device],
            11 => self.tell(device, Input::Pushed),
            12 => {
                self.settle_one(device);
            }
            _ => {
                let input = if self.chance.once_in(2) {
                    Input::StopFill
                } else {
                    Input::ResumeFill
                };
                self.tell(device, input);
            }
        }
    }

    fn token(&mut self) -> String {
        self.tokens += 1;
        format!("token-{}", self.tokens)
    }

    fn change(&mut self, device: usize, writes: Vec<Write>) {
        let at = device::after(self.now);
        let change = Change {
            label: "simulated".to_owned(),
            writes,
            at,
        };
        let seal = self.devices[device].seal();
        self.devices[device]
            .cache()
            .write("change", |tx| tx.change(&change, seal))
            .unwrap();
        let waiting = self.devices[device].waiting();
        self.tell(device, Input::Changed(waiting));
    }

    fn create(&mut self, device: usize) {
        let id = self.token();
        let poison = self.chance.once_in(6);
        let body = json!({ "resourceType": "Observation", "id": id,
            "status": if poison { "poison" } else { "final" },
            "subject": { "reference": format!("Patient/p{}", self.chance.below(PATIENTS)) } });
        if poison {
            self.poison.insert(id);
        } else {
            self.created.insert(id);
        }
        self.change(
            device,
            vec![Write::Put {
                resource: body,
                base: None,
            }],
        );
    }

    fn edit_here(&mut self, device: usize) {
        let id = format!("p{}", self.chance.below(PATIENTS));
        let record = self.devices[device]
            .cache()
            .read(|r| r.record("Patient", &id))
            .unwrap();
        let Some(record) = record else { return };
        let mut body = record.value().unwrap();
        let field = FIELDS[self.chance.below(4) as usize];
        let token = self.token();
        body[field] = json!(token);
        self.edits.push(Edit {
            name: ("Patient".to_owned(), id),
            field,
            token,
        });
        let mut writes = vec![Write::Put {
            resource: body,
            base: None,
        }];
        if self.chance.once_in(4) {
            // A change of two records at once.
            let note = self.token();
            let body = json!({ "resourceType": "Observation", "id": note, "status": "final" });
            self.created.insert(note);
            writes.push(Write::Put {
                resource: body,
                base: None,
            });
        }
        self.change(device, writes);
    }

    fn edit_there(&mut self) {
        let name = (
            "Patient".to_owned(),
            format!("p{}", self.chance.below(PATIENTS)),
        );
        let field = FIELDS[self.chance.below(4) as usize];
        let token = self.token();
        let mut body = self.server.current(&name).unwrap().1.body.clone().unwrap();
        body[field] = json!(token);
        self.server.store(name, Some(body), device::after(self.now));
    }

    fn crash(&mut self, device: usize) {
        self.tally.crashes += 1;
        self.devices[device].start();
        checks::cursor_behind_data(&self.devices[device], &self.server);
        self.tell(device, Input::Start);
    }

    /// A person settles a conflict or gives a refused change up.
    fn settle_one(&mut self, device: usize) -> bool {
        let at = device::after(self.now);
        let cache = self.devices[device].cache();
        let conflicts = cache.read(|reading| reading.conflicts()).unwrap();
        if let Some(conflict) = conflicts.into_iter().next() {
            let keep = if self.chance.once_in(2) {
                Keep::Mine
            } else {
                Keep::Theirs
            };
            if keep == Keep::Theirs {
                let gone = conflict.compare().touching.into_iter();
                let mine = gone.filter_map(|field| field.mine);
                self.dropped
                    .extend(mine.filter_map(|v| v.as_str().map(str::to_owned)));
            }
            let seal = self.devices[device].seal();
            self.devices[device]
                .cache()
                .write("settle", |tx| {
                    tx.settle_conflict(conflict.id, keep, &[], at, seal)
                })
                .unwrap();
            self.tally.settled_by_hand += 1;
        } else {
            let refused = cache.read(|reading| reading.refused()).unwrap();
            let Some(line) = refused.first() else {
                return false;
            };
            let seal = self.devices[device].seal();
            self.devices[device]
                .cache()
                .write("give-up", |tx| tx.give_up(line.key, at, seal))
                .unwrap();
        }
        let waiting = self.devices[device].waiting();
        self.tell(device, Input::Changed(waiting));
        true
    }

    fn tell(&mut self, device: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let life = self.devices[device].starts;
            for operation in self.devices[device].engine.step(input, self.now) {
                if !self.healed && self.chance.once_in(150) {
                    // Killed between two operations.
                    self.crash(device);
                }
                if self.devices[device].starts != life {
                    return;
                }
                inputs.extend(self.execute(device, operation));
            }
        }
    }

    fn execute(&mut self, device: usize, operation: Operation) -> Option<Input> {
        let at = device::after(self.now);
        let here = &self.devices[device];
        match operation {
            Operation::SendAudit(ticket) => {
                let links = here.cache().audit_batch(3).unwrap();
                if links.is_empty() {
                    return Some(Input::Nothing(ticket));
                }
                let batch = AuditBatch { links };
                let key = here.verifying();
                self.request(device, ticket, move |server| {
                    let receipt = server.audit(device, &device::genesis(device), &batch, &key);
                    let again = receipt.clone();
                    (
                        Input::AuditReplied(ticket, receipt),
                        Input::AuditReplied(ticket, again),
                    )
                })
            }
            Operation::SendUpload(ticket) => {
                let Some(entries) = here.batch() else {
                    return Some(Input::Nothing(ticket));
                };
                let request = UploadRequest { entries };
                self.request(device, ticket, move |server| {
                    let reply = server.upload(&request, at);
                    let again = serde_json::from_str(&serde_json::to_string(&reply).unwrap());
                    (
                        Input::UploadReplied(ticket, reply),
                        Input::UploadReplied(ticket, again.unwrap()),
                    )
                })
            }
            Operation::FetchPage(ticket, cursor) => self.request(device, ticket, move |server| {
                let page = server.page(cursor.as_deref(), 3);
                let again = server.page(cursor.as_deref(), 3);
                (
                    Input::PageArrived(ticket, page),
                    Input::PageArrived(ticket, again),
                )
            }),
            Operation::SettleAudit(ticket, receipt) => self.store(device, ticket, |here| {
                here.cache()
                    .write("ack", |tx| tx.acknowledge_audit(&receipt))
            }),
            Operation::SettleUpload(ticket, reply) => self.store(device, ticket, |here| {
                here.cache()
                    .write("fates", |tx| tx.apply_fates(&reply, at))
                    .map(|_| ())
            }),
            Operation::Apply(ticket, page) => self.store(device, ticket, |here| {
                here.cache().apply_page(&page, at, here.seal()).map(|_| ())
            }),
            Operation::StartOver(ticket) => self.store(device, ticket, |here| {
                here.cache().write("start-over", |tx| tx.start_over())
            }),
            Operation::NoteConfirmed(at) => {
                here.cache()
                    .write("confirmed", |tx| tx.note_confirmed(at))
                    .unwrap();
                None
            }
            Operation::WakeAt(at) => {
                self.devices[device].wake_at = Some(at);
                None
            }
            Operation::Report(state) => {
                if state.is_up_to_date() {
                    assert_eq!(
                        here.waiting(),
                        sync::Waiting::default(),
                        "up to date is the truth"
                    );
                }
                self.devices[device].state = Some(state);
                None
            }
        }
    }

    /// Stores, fails to, or dies before or after.
    fn store(
        &mut self,
        device: usize,
        ticket: Ticket,
        work: impl FnOnce(&Device) -> Result<(), StoreError>,
    ) -> Option<Input> {
        if !self.healed && self.chance.once_in(25) {
            self.tally.failed_stores += 1;
            return Some(Input::StoreFailed(ticket, "disk-full".to_owned()));
        }
        if !self.healed && self.chance.once_in(40) {
            self.crash(device);
            return None;
        }
        work(&self.devices[device]).unwrap();
        if !self.healed && self.chance.once_in(40) {
            self.crash(device);
            return None;
        }
        Some(Input::Stored(ticket, self.devices[device].waiting()))
    }

    /// Through the network, as well as it works today.
    fn request(
        &mut self,
        device: usize,
        ticket: Ticket,
        serve: impl FnOnce(&mut Server) -> (Input, Input),
    ) -> Option<Input> {
        let life = self.devices[device].starts;
        let soon = self.now + SignedDuration::from_millis(50);
        if self.cut[device] {
            let input = Input::Failed(ticket, Failure::Network);
            self.deliveries.push(Delivery {
                at: soon,
                device,
                life,
                input,
            });
            return None;
        }
        let luck = if self.healed {
            99
        } else {
            self.chance.below(30)
        };
        if luck == 0 {
            // Nothing comes back; the engine's own patience ends it.
            self.tally.lost_requests += 1;
            return None;
        }
        if luck == 1 {
            let input = Input::Failed(
                ticket,
                Failure::Unavailable {
                    retry_after: Some(3),
                },
            );
            self.deliveries.push(Delivery {
                at: soon,
                device,
                life,
                input,
            });
            return None;
        }
        let (reply, again) = serve(&mut self.server);
        let at = match luck {
            2 => {
                // Somebody in between answers for the server.
                let input = Input::Failed(ticket, Failure::Rejected("too-large".to_owned()));
                self.deliveries.push(Delivery {
                    at: soon,
                    device,
                    life,
                    input,
                });
                return None;
            }
            3 => {
                self.tally.lost_replies += 1;
                return None;
            }
            4 => {
                self.tally.late += 1;
                self.now + SignedDuration::from_secs(31)
            }
            5 | 6 => {
                self.tally.doubled += 1;
                let at = self.now + SignedDuration::from_millis(700);
                self.deliveries.push(Delivery {
                    at,
                    device,
                    life,
                    input: again,
                });
                soon
            }
            _ => soon,
        };
        self.deliveries.push(Delivery {
            at,
            device,
            life,
            input: reply,
        });
        None
    }

    /// Lets time pass, with everything that is due in it.
    fn pass(&mut self, pause: SignedDuration) {
        let end = self.now + pause;
        loop {
            let delivery = self.deliveries.iter().map(|delivery| delivery.at).min();
            let wake = self
                .devices
                .iter()
                .filter_map(|device| device.wake_at)
                .min();
            let due = delivery
                .into_iter()
                .chain(wake)
                .min()
                .filter(|due| *due <= end);
            let Some(due) = due else { break };
            self.now = self.now.max(due);
            if let Some(index) = self.deliveries.iter().position(|d| d.at <= due) {
                let delivery = self.deliveries.swap_remove(index);
                // Replies to a process that is gone go nowhere.
                if delivery.life == self.devices[delivery.device].starts {
                    self.tell(delivery.device, delivery.input);
                }
                continue;
            }
            for device in 0..self.devices.len() {
                if self.devices[device].wake_at.is_some_and(|at| at <= due) {
                    self.devices[device].wake_at = None;
                    self.tell(device, Input::Woke);
                }
            }
        }
        self.now = end;
    }

    /// The network works again, people decide, and everything comes to rest.
    fn heal(&mut self) {
        self.healed = true;
        self.cut = vec![false; 2];
        for device in 0..2 {
            self.tell(device, Input::ResumeFill);
        }
        for _ in 0..200 {
            self.pass(SignedDuration::from_secs(100));
            let mut busy = false;
            for device in 0..2 {
                busy |= self.settle_one(device);
                busy |= !self.devices[device].state.as_ref().unwrap().is_up_to_date();
                let read = self.devices[device].engine.cursor().map(str::to_owned);
                busy |= read != Some(self.server.log.len().to_string());
            }
            if !busy {
                return;
            }
        }
        for device in &self.devices {
            println!("{:?}", device.state);
            println!(
                "{:#?}",
                device.cache().read(|reading| reading.outbox()).unwrap()
            );
        }
        panic!("it never came to rest");
    }

    fn check(&self) {
        for device in &self.devices {
            checks::cursor_behind_data(device, &self.server);
            checks::converged(device, &self.server);
            let head = device.cache().read(|reading| reading.head()).unwrap();
            let (known, links) = &self.server.chains[&device.number];
            assert_eq!(*known, head);
            assert_eq!(links.len() as u64, head.number);
        }
        for id in &self.created {
            let name = ("Observation".to_owned(), id.clone());
            let versions = self.server.records.get(&name).map_or(0, Vec::len);
            assert_eq!(
                versions, 1,
                "{id} was acknowledged and is there {versions} times"
            );
        }
        for id in &self.poison {
            let name = ("Observation".to_owned(), id.clone());
            assert!(!self.server.records.contains_key(&name));
        }
        for Edit { name, field, token } in &self.edits {
            let times = checks::times_written(&self.server, name, field, token);
            let wanted = usize::from(!self.dropped.contains(token));
            assert!(
                times == wanted,
                "{token} in {field} of {name:?} was acknowledged and written {times} times"
            );
        }
    }
}
