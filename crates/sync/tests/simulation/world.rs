//! One course of events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sync::Input;

use crate::chance::Chance;
use crate::checks;
use crate::device::{Device, MOST};
use crate::network::Message;
use crate::server::{Books, Server};
use crate::tally::Tally;

pub const PATIENTS: u64 = 3;
pub const PROBLEMS: u64 = 2;
const STEPS: u64 = 40;
const STEPS_AFTER_RESTORE: u64 = 15;
/// More than ever happens in one go.
pub const ENDLESS: u32 = 20_000;

/// What must be found again in the end.
#[derive(Default)]
pub struct Truth {
    /// Words whose writing was acknowledged, or committed before a crash.
    pub kept: BTreeSet<String>,
    /// Words of changes that failed: nobody may ever see them.
    pub never: BTreeSet<String>,
    /// Words that a person let go: the other side of a conflict, or a change given up.
    pub let_go: BTreeSet<String>,
    /// Views, each by its own word in the event of its device.
    pub shown: BTreeSet<(usize, String)>,
    /// The last text of each device's draft.
    pub drafts: BTreeMap<usize, String>,
}

pub struct World {
    pub chance: Chance,
    pub now: Timestamp,
    pub server: Server,
    pub devices: Vec<Device>,
    pub messages: Vec<Message>,
    pub orders: u64,
    /// Nothing fails any more.
    pub healed: bool,
    /// The server will be restored, or was.
    pub restores: bool,
    pub truth: Truth,
    pub tally: Tally,
    /// Patients who were registered on a workstation.
    pub newcomers: Vec<String>,
    ticks: i64,
    tokens: u64,
    loud: bool,
    seed: u64,
    _folder: tempfile::TempDir,
}

impl World {
    pub fn new(seed: u64, loud: bool) -> Self {
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
        for n in 0..PROBLEMS {
            let id = format!("c{n}");
            let body = json!({ "resourceType": "Condition", "id": id,
                "subject": { "reference": "Patient/p0" } });
            server.store(("Condition".to_owned(), id), Some(body), now);
        }
        let mut chance = Chance::new(seed);
        let number = 2 + chance.below(MOST as u64 - 1) as usize;
        let devices = (0..number)
            .map(|n| Device::new(n, folder.path(), seed))
            .collect();
        Self {
            chance,
            now,
            server,
            devices,
            messages: Vec::new(),
            orders: 0,
            healed: false,
            restores: seed % 4 == 3,
            truth: Truth::default(),
            tally: Tally::default(),
            newcomers: Vec::new(),
            ticks: 0,
            tokens: 0,
            loud,
            seed,
            _folder: folder,
        }
    }

    pub fn run(mut self) -> Tally {
        for device in 0..self.devices.len() {
            self.tell(device, Input::Start);
        }
        let backup_at = self.chance.below(STEPS);
        let mut backup = Books::default();
        for step in 0..STEPS {
            if self.restores && step == backup_at {
                backup = self.server.books.clone();
            }
            self.step(true);
        }
        self.heal();
        checks::at_rest(&mut self);
        if self.restores {
            self.restore(backup);
        }
        self.tally.more("uploads repeated", self.server.repeated);
        self.tally
            .more("conflicts found by the server", self.server.conflicts);
        self.tally.more("changes refused", self.server.refusals);
        let kept = self.truth.kept.len() as u64;
        self.tally.more("changes acknowledged", kept);
        self.tally
    }

    /// The server falls back to its backup, and life goes on.
    fn restore(&mut self, backup: Books) {
        let heads = checks::heads(self);
        self.trace(|| "the server is restored".to_owned());
        self.tally.count("servers restored");
        self.server.restore(backup);
        // What was on its way is lost with the connections.
        self.messages.retain(|message| !message.is_of_network());
        self.healed = false;
        let said_at = if self.chance.once_in(2) {
            0
        } else {
            self.tally.count("restores said later");
            self.chance.below(STEPS_AFTER_RESTORE)
        };
        for step in 0..STEPS_AFTER_RESTORE {
            if step == said_at {
                self.trace(|| "another life of the server begins".to_owned());
                self.server.begin_life();
            }
            // Only the workstations: whoever writes on a record that lost its newest versions
            // without knowing them begins another history, which only a person can settle.
            self.step(false);
        }
        self.heal();
        checks::at_rest(self);
        checks::nothing_stayed_lost(self, &heads);
    }

    fn step(&mut self, others_write: bool) {
        self.something(others_write);
        let pause = SignedDuration::from_millis(self.chance.below(20_000) as i64);
        self.pass(pause);
        checks::at_any_moment(self);
    }

    /// Says what happens, to somebody who replays a seed.
    pub fn trace(&self, what: impl FnOnce() -> String) {
        if self.loud {
            println!("[{}] {} {}", self.seed, self.now.strftime("%T%.3f"), what());
        }
    }

    /// A word that is nowhere else.
    pub fn token(&mut self) -> String {
        self.tokens += 1;
        format!("token-{}", self.tokens)
    }

    /// A moment after every moment given before.
    pub fn moment(&mut self) -> Timestamp {
        self.ticks += 1;
        self.now + SignedDuration::from_millis(self.ticks % 1000)
    }

    /// What the clock of a workstation shows.
    pub fn clock(&self, device: usize) -> Timestamp {
        self.now + self.devices[device].skew
    }

    /// The process dies, and is started again.
    pub fn crash(&mut self, device: usize) {
        self.trace(|| format!("{device}: dies"));
        self.devices[device].start();
        self.tell(device, Input::Start);
    }

    /// Lets time pass, with everything that is due in it.
    pub fn pass(&mut self, pause: SignedDuration) {
        let end = self.now + pause;
        for turn in 0.. {
            assert!(turn < ENDLESS, "it turns in circles");
            let message = self.next_message().filter(|(_, at)| *at <= end);
            let wake = self
                .devices
                .iter()
                .filter_map(|device| Some((device.wake_at?, device.number)))
                .min()
                .filter(|(at, _)| *at <= end);
            match (message, wake) {
                (None, None) => break,
                (Some((index, at)), wake) if wake.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    self.deliver(index);
                }
                (_, Some((due, device))) => {
                    self.now = self.now.max(due);
                    self.devices[device].wake_at = None;
                    self.tell(device, Input::Woke);
                }
                (Some(_), None) => unreachable!("a message alone is due"),
            }
        }
        self.now = end;
    }
}
