//! What people and accidents do.

use cache::{Change, Keep, Write};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sync::Input;
use uuid::Uuid;

use crate::runner::Written;
use crate::server::Name;
use crate::tokens;
use crate::world::{PATIENTS, PROBLEMS, World};

/// Elements of a patient that hold one value.
const PLAIN: [&str; 4] = ["birthDate", "gender", "language", "implicitRules"];

/// In a record that the server finds invalid.
pub const POISON: &str = "poison";

/// Elements of a problem; a change of one is a change of the whole statement.
const OF_PROBLEM: [&str; 2] = ["recordedDate", "language"];

impl World {
    /// Something happens. `others_write`: programs write on the server, too.
    pub fn something(&mut self, others_write: bool) {
        let device = self.chance.below(self.devices.len() as u64) as usize;
        match self.chance.below(35) {
            0..=3 => self.create(device),
            4..=10 => self.edit(device),
            11..=13 => self.open_form(device),
            14..=16 => self.save_form(device),
            17..=19 if others_write => self.edit_there(),
            20 => self.crash(device),
            21 => {
                self.devices[device].cut = !self.devices[device].cut;
                self.tally.count("networks cut");
            }
            22 => self.tell(device, Input::Pushed),
            23 | 24 => {
                self.decide(device);
            }
            25 => self.show(device),
            26 => self.type_draft(device),
            27 => {
                self.tally.count("disks full");
                self.devices[device].full = !self.devices[device].full;
            }
            28 => self.set_clock(device),
            29 => {
                self.tally.count("permissions changed");
                if !self.server.forbidden.remove(&device) {
                    self.server.forbidden.insert(device);
                }
            }
            30 => {
                self.tell(device, Input::SignedIn);
            }
            31 => self.change_scope(device),
            32 => {
                self.hand_over(device);
            }
            33 => {
                self.take_note(device);
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

    fn set_clock(&mut self, device: usize) {
        self.tally.count("clocks set");
        let hours = self.chance.below(72) as i64 - 36;
        self.devices[device].skew = SignedDuration::from_hours(hours);
        self.trace(|| format!("{device}: the clock is {hours} hours off"));
    }

    /// Makes a change; `words` are those that it alone writes.
    fn change(&mut self, device: usize, writes: Vec<Write>, words: Vec<String>) {
        let change = Change {
            label: "simulated".to_owned(),
            writes,
            at: self.moment(),
        };
        self.trace(|| format!("{device}: writes {words:?}"));
        let seal = self.devices[device].seal("change");
        match self.write(device, "change", |tx| tx.change(&change, seal)) {
            Written::Done(_) => {
                self.truth.kept.extend(words);
                self.changed(device);
            }
            // It is on the disk, whether anybody was told or not.
            Written::DiedAfter(_) => self.truth.kept.extend(words),
            Written::Failed | Written::DiedBefore => self.truth.never.extend(words),
        }
    }

    fn changed(&mut self, device: usize) {
        let waiting = self.devices[device].waiting();
        self.tell(device, Input::Changed(waiting));
    }

    /// A patient whose chart is on this workstation.
    fn some_patient(&mut self, device: usize) -> Option<String> {
        if !self.newcomers.is_empty() && self.chance.once_in(2) {
            let newcomers = self.newcomers.len() as u64;
            let id = self.newcomers[self.chance.below(newcomers) as usize].clone();
            let name = ("Patient".to_owned(), id.clone());
            if self.here(device, &name).is_some() && self.devices[device].has_chart(&id) {
                return Some(id);
            }
        }
        let id = format!("p{}", self.chance.below(PATIENTS));
        let known = self.here(device, &("Patient".to_owned(), id.clone()));
        (known.is_some() && self.devices[device].has_chart(&id)).then_some(id)
    }

    /// Somebody is registered, whose records may be sent in one go with them.
    fn register(&mut self, device: usize) {
        let id = self.token();
        let language = if self.chance.once_in(8) { POISON } else { "en" };
        let resource = json!({ "resourceType": "Patient", "id": id, "language": language });
        let write = Write::Put {
            resource,
            base: None,
        };
        self.tally.count("patients registered");
        self.newcomers.push(id.clone());
        self.change(device, vec![write], vec![id]);
    }

    fn observation(&mut self, device: usize) -> Option<(Write, String)> {
        let patient = self.some_patient(device)?;
        let id = self.token();
        let status = if self.chance.once_in(8) {
            POISON
        } else {
            "final"
        };
        let resource = json!({ "resourceType": "Observation", "id": id, "status": status,
            "subject": { "reference": format!("Patient/{patient}") } });
        let write = Write::Put {
            resource,
            base: None,
        };
        Some((write, id))
    }

    fn create(&mut self, device: usize) {
        if self.chance.once_in(4) {
            self.register(device);
            return;
        }
        if let Some((write, id)) = self.observation(device) {
            self.change(device, vec![write], vec![id]);
        }
    }

    fn some_record(&mut self) -> Name {
        if self.chance.once_in(4) {
            let id = format!("c{}", self.chance.below(PROBLEMS));
            ("Condition".to_owned(), id)
        } else if !self.newcomers.is_empty() && self.chance.once_in(5) {
            let newcomers = self.newcomers.len() as u64;
            let place = self.chance.below(newcomers) as usize;
            ("Patient".to_owned(), self.newcomers[place].clone())
        } else {
            let id = format!("p{}", self.chance.below(PATIENTS));
            ("Patient".to_owned(), id)
        }
    }

    fn here(&self, device: usize, name: &Name) -> Option<Value> {
        let cache = self.devices[device].cache();
        let record = cache
            .read(|reading| reading.record(&name.0, &name.1))
            .unwrap();
        record.map(|record| record.value().unwrap())
    }

    /// Somebody who sees `seen` changes one thing of it, or two.
    fn edited(&mut self, name: &Name, seen: &Value) -> (Value, Vec<String>) {
        let mut body = seen.clone();
        let mut words = Vec::new();
        for _ in 0..1 + u64::from(self.chance.once_in(3)) {
            let word = self.edit_of(name, seen, &mut body);
            // A second edit may write over the first.
            words.push(word);
        }
        words.retain(|word| tokens::of(&body).contains(word));
        (body, words)
    }

    fn edit_of(&mut self, name: &Name, seen: &Value, body: &mut Value) -> String {
        let word = self.token();
        let all = tokens::of(seen);
        let replaced = if name.0 == "Condition" {
            let field = OF_PROBLEM[self.chance.below(2) as usize];
            let before = seen[field].as_str().map(str::to_owned);
            body[field] = json!(word);
            before
        } else {
            match self.chance.below(7) {
                4 => {
                    self.add(body, "identifier", json!({ "system": word, "value": word }));
                    None
                }
                5 => {
                    // Two people who add a telephone number may mean the same one.
                    self.add(body, "telecom", json!({ "system": "phone", "value": word }));
                    None
                }
                6 if body["identifier"][0].is_object() => {
                    let before = seen["identifier"][0]["value"].as_str().map(str::to_owned);
                    body["identifier"][0]["value"] = json!(word);
                    before
                }
                n => {
                    let field = PLAIN[n as usize % 4];
                    let before = seen[field].as_str().map(str::to_owned);
                    body[field] = json!(word);
                    before
                }
            }
        };
        self.server.knowing.insert(word.clone(), (replaced, all));
        word
    }

    fn add(&self, body: &mut Value, list: &str, item: Value) {
        match &mut body[list] {
            Value::Array(items) => items.push(item),
            empty => *empty = json!([item]),
        }
    }

    fn edit(&mut self, device: usize) {
        let name = self.some_record();
        let Some(seen) = self.here(device, &name) else {
            return;
        };
        let (resource, mut words) = self.edited(&name, &seen);
        let mut writes = vec![Write::Put {
            resource,
            base: None,
        }];
        if self.chance.once_in(4)
            && let Some((write, id)) = self.observation(device)
        {
            // A change of two records at once.
            writes.push(write);
            words.push(id);
        }
        self.change(device, writes, words);
    }

    fn open_form(&mut self, device: usize) {
        let name = self.some_record();
        let seen = self.here(device, &name);
        self.devices[device].form = seen.map(|seen| (name, seen));
    }

    /// Saves a form that was opened before other things happened.
    fn save_form(&mut self, device: usize) {
        let Some((name, seen)) = self.devices[device].form.take() else {
            return;
        };
        let Some(stored) = self.here(device, &name) else {
            return;
        };
        if stored != seen {
            self.tally.count("forms saved on an older state");
        }
        let (resource, words) = self.edited(&name, &seen);
        let write = Write::Put {
            resource,
            base: Some(seen),
        };
        self.change(device, vec![write], words);
    }

    /// Another program writes on the server.
    fn edit_there(&mut self) {
        let name = self.some_record();
        let Some(seen) = self.server.body(&name).cloned() else {
            return;
        };
        let (body, words) = self.edited(&name, &seen);
        self.trace(|| format!("the server gets {words:?} in {name:?}"));
        let at = self.moment();
        self.server.store(name, Some(body), at);
        self.truth.kept.extend(words);
    }

    /// A chart is shown once its audit event is on the disk, and not before.
    fn show(&mut self, device: usize) {
        let word = self.token();
        let seal = self.devices[device].seal(&word);
        if let Written::Done(_) = self.write(device, "show", |tx| tx.record(seal)) {
            self.tally.count("charts shown");
            self.truth.shown.insert((device, word));
            self.changed(device);
        }
    }

    fn type_draft(&mut self, device: usize) {
        let known = self.here(device, &("Patient".to_owned(), "p0".to_owned()));
        if known.is_none() || !self.devices[device].has_chart("p0") {
            return;
        }
        let text = self.token();
        let at = self.moment();
        let draft = cache::Draft {
            id: Uuid::from_u128(device as u128 + 1),
            patient: "p0".to_owned(),
            body: json!({ "text": text }),
            begun: at,
            changed: at,
        };
        match self.write(device, "draft", |tx| tx.keep_draft(&draft)) {
            Written::Done(()) | Written::DiedAfter(()) => {
                self.truth.drafts.insert(device, text);
            }
            Written::Failed | Written::DiedBefore => {}
        }
    }

    /// Somebody settles a conflict, or does something about a refusal.
    pub fn decide(&mut self, device: usize) -> bool {
        let cache = self.devices[device].cache();
        let conflicts = cache.read(|reading| reading.conflicts()).unwrap();
        if let Some(conflict) = conflicts.into_iter().next() {
            self.settle(device, &conflict);
            return true;
        }
        let cache = self.devices[device].cache();
        let refused = cache.read(|reading| reading.refused()).unwrap();
        for line in refused {
            let code = &line.refusal.as_ref().unwrap().code;
            let again = match code.as_str() {
                "invalid" => false,
                "forbidden" => self.healed || self.chance.once_in(2),
                "not-found" if self.orphaned(device, line.key) => false,
                // It was sent to a restored server of which nobody had said so. The workstation
                // asks again by itself once it knows: people have nothing to do.
                "not-found" | "conflict" if self.server.restored => continue,
                _ => panic!("refused for ever: {line:?}"),
            };
            if again {
                self.retry(device, line.key);
            } else {
                self.give_up(device, line.key);
            }
            return true;
        }
        false
    }

    /// Whether a change refers to somebody whose registration was given up.
    fn orphaned(&self, device: usize, key: Uuid) -> bool {
        let change = self.unsent_change(device, key);
        let mut resources = change
            .records
            .iter()
            .filter_map(|record| record.mine.as_ref());
        resources.any(|resource| {
            let subject = resource["subject"]["reference"].as_str();
            let patient = subject.and_then(|subject| subject.strip_prefix("Patient/"));
            patient.is_some_and(|patient| self.truth.let_go.contains(patient))
        })
    }

    fn unsent_change(&self, device: usize, key: Uuid) -> cache::UnsentChange {
        let cache = self.devices[device].cache();
        let changes = cache.read(|reading| reading.unsent_changes()).unwrap();
        changes
            .into_iter()
            .find(|change| change.key == key)
            .unwrap()
    }

    fn settle(&mut self, device: usize, conflict: &cache::Conflict) {
        let touching = conflict.compare().touching;
        let how = self.chance.below(3);
        let mine_at: Vec<&str> = touching
            .iter()
            .map(|field| field.path.as_str())
            .filter(|_| how == 0 || how == 1 && self.chance.once_in(2))
            .collect();
        self.trace(|| format!("{device}: keeps {mine_at:?} of {conflict:?}"));
        let (kept, left): (Vec<_>, Vec<_>) = touching
            .iter()
            .partition(|field| mine_at.contains(&field.path.as_str()));
        let decided = tokens::of_all(kept.iter().filter_map(|field| field.mine.as_ref()));
        let taken_away = tokens::of_all(kept.iter().filter_map(|field| field.theirs.as_ref()));
        let mut let_go = tokens::of_all(left.iter().filter_map(|field| field.mine.as_ref()));
        for field in &left {
            let theirs = field.theirs.as_ref().map(tokens::of).unwrap_or_default();
            let_go.retain(|word| !theirs.contains(word));
        }
        let at = self.moment();
        let seal = self.devices[device].seal("settle");
        let (also, words) = match self.observation(device) {
            Some((note, id)) if self.chance.once_in(2) => (vec![note], vec![id]),
            _ => (Vec::new(), Vec::new()),
        };
        let id_of = conflict.id;
        let settled = self.write(device, "settle", |tx| match how {
            0 => tx.settle_conflict(id_of, Keep::Mine, &also, at, seal),
            1 => tx.combine_conflict(id_of, &mine_at, &also, at, seal),
            _ => tx.settle_conflict(id_of, Keep::Theirs, &also, at, seal),
        });
        let told = matches!(settled, Written::Done(()));
        match settled {
            Written::Done(()) | Written::DiedAfter(()) => {
                self.tally.count("conflicts settled by a person");
                if how == 1 {
                    self.tally.count("conflicts combined by a person");
                }
                self.truth.kept.extend(words);
                self.truth.let_go.extend(let_go);
                self.server.decided.extend(decided);
                self.server.taken_away.extend(taken_away);
            }
            Written::Failed | Written::DiedBefore => self.truth.never.extend(words),
        }
        if told {
            self.changed(device);
        }
    }

    fn retry(&mut self, device: usize, key: Uuid) {
        let at = self.moment();
        match self.write(device, "retry", |tx| tx.retry(key, at)) {
            Written::Done(()) => {
                self.tally.count("changes retried");
                self.changed(device);
            }
            Written::DiedAfter(()) => self.tally.count("changes retried"),
            Written::Failed | Written::DiedBefore => {}
        }
    }

    fn give_up(&mut self, device: usize, key: Uuid) {
        let mut words = std::collections::BTreeSet::new();
        for record in self.unsent_change(device, key).records {
            let base = record.base.as_ref().map(tokens::of).unwrap_or_default();
            let mine = record.mine.as_ref().map(tokens::of).unwrap_or_default();
            words.extend(mine.difference(&base).cloned());
        }
        self.trace(|| format!("{device}: gives {words:?} up"));
        let at = self.moment();
        let seal = self.devices[device].seal("give-up");
        let written = self.write(device, "give-up", |tx| tx.give_up(key, at, seal));
        let told = matches!(written, Written::Done(()));
        if let Written::Done(()) | Written::DiedAfter(()) = written {
            self.tally.count("changes given up");
            self.truth.let_go.extend(words);
        }
        if told {
            self.changed(device);
        }
    }
}
