//! Which charts a workstation may keep: a model of the feed that brings them whole and takes them
//! away, and of the work that is handed over when one goes.

use std::collections::BTreeSet;

use protocol::sync::{ScopeChange, SyncPage};
use serde_json::Value;

use crate::device::Device;
use crate::server::{Name, Server};
use crate::tokens;
use crate::world::World;

/// The types that charts are made of; who patients are lies outside.
pub const CHART: [&str; 2] = ["Condition", "Observation"];

/// A place in the feed.
pub struct Place {
    /// Commits before it.
    pub read: usize,
    /// Charts that are there whole.
    pub held: BTreeSet<String>,
}

/// The patient in whose chart a resource lies.
pub fn chart_in(resource_type: &str, body: &Value) -> Option<String> {
    if !CHART.contains(&resource_type) {
        return None;
    }
    fhir::compartment::patient_of(body)
}

impl Server {
    /// The same of a record.
    pub fn chart_of(&self, name: &Name) -> Option<String> {
        chart_in(&name.0, self.body(name)?)
    }

    /// The charts that a device's user may see now.
    pub fn wanted(&self, device: usize) -> BTreeSet<String> {
        let patients = self.books.records.keys();
        patients
            .filter(|name| name.0 == "Patient")
            .map(|name| name.1.clone())
            .filter(|patient| !self.books.revoked.contains(&(device, patient.clone())))
            .collect()
    }

    /// How far a cursor has read; none if it does not count.
    pub fn place(&self, device: usize, cursor: Option<&str>) -> Option<Place> {
        let Some(cursor) = cursor else {
            return Some(Place {
                read: 0,
                held: BTreeSet::new(),
            });
        };
        let mut parts = cursor.split(':');
        let mut number = || parts.next().unwrap().parse().unwrap();
        let (epoch, read, charts): (usize, usize, usize) = (number(), number(), number());
        if epoch as u64 != self.epoch {
            return None;
        }
        let held = self.books.charts.get(&(device, charts))?.clone();
        Some(Place { read, held })
    }

    /// Whether a device that is here has read everything.
    pub fn is_at_the_end(&self, device: usize, cursor: Option<&str>) -> bool {
        cursor.is_some()
            && self.place(device, cursor).is_some_and(|place| {
                place.read == self.books.log.len() && place.held == self.wanted(device)
            })
    }

    fn cursor(&mut self, device: usize, place: Place) -> String {
        let charts = &mut self.books.charts;
        let known = charts
            .iter()
            .find(|((of, _), held)| *of == device && **held == place.held);
        let number = match known {
            Some(((_, number), _)) => *number,
            None => {
                let next = charts.len() + 1;
                charts.insert((device, next), place.held);
                next
            }
        };
        format!("{}:{}:{number}", self.epoch, place.read)
    }

    /// The page after a cursor; none if that does not count. What changed in the scope comes
    /// first: charts that left, and one that enters, whole.
    pub fn page(&mut self, device: usize, cursor: Option<&str>, limit: usize) -> Option<SyncPage> {
        let Place { read, mut held } = self.place(device, cursor)?;
        let wanted = self.wanted(device);
        let left: Vec<String> = held.difference(&wanted).cloned().collect();
        held.retain(|patient| wanted.contains(patient));
        let enters = wanted.difference(&held).next().cloned();
        let len = self.books.log.len();
        let mut scope = None;
        let mut names: Vec<Name> = Vec::new();
        let mut to = read;
        if cursor.is_none() || enters.is_some() || !left.is_empty() {
            let all = self.books.records.keys();
            names.extend(
                all.filter(|name| enters.is_some() && self.chart_of(name) == enters)
                    .cloned(),
            );
            held.extend(enters.clone());
            scope = Some(Box::new(ScopeChange {
                types: cursor.is_none().then(|| vec!["Patient".to_owned()]),
                chart: CHART.map(str::to_owned).to_vec(),
                left,
                arrived: enters.into_iter().collect(),
            }));
        } else {
            // A cursor that was read before a restore may be ahead of what is there.
            to = (read + limit).min(len).max(read);
            for name in self.books.log.get(read..to).unwrap_or_default() {
                let kept = self
                    .chart_of(name)
                    .is_none_or(|patient| held.contains(&patient));
                if kept && !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        let more = to < len || held != wanted;
        let place = Place { read: to, held };
        Some(SyncPage {
            cursor: self.cursor(device, place),
            entries: names.iter().map(|name| self.entry(name)).collect(),
            more,
            remaining: len.saturating_sub(to) as u64,
            life: Some(self.life()),
            links: Some(self.links(device)),
            scope,
        })
    }
}

impl Device {
    /// Whether a patient's chart is here.
    pub fn has_chart(&self, patient: &str) -> bool {
        let cache = self.cache();
        cache.read(|reading| reading.has_chart(patient)).unwrap()
    }
}

impl World {
    /// Somebody is assigned to a patient, or not any more.
    pub fn change_scope(&mut self, device: usize) {
        let books = &self.server.books;
        let all = books.records.keys().filter(|name| name.0 == "Patient");
        let mut patients: Vec<String> = all.map(|name| name.1.clone()).collect();
        let revoked = books.revoked.iter().filter(|(of, _)| *of == device);
        let revoked: Vec<String> = revoked.map(|(_, patient)| patient.clone()).collect();
        if !revoked.is_empty() && self.chance.once_in(2) {
            patients = revoked;
        }
        if patients.is_empty() {
            return;
        }
        let patient = patients[self.chance.below(patients.len() as u64) as usize].clone();
        let entry = (device, patient);
        if self.server.books.revoked.remove(&entry) {
            self.tally.count("charts granted");
            self.trace(|| format!("{device}: may see {} again", entry.1));
        } else {
            self.tally.count("charts revoked");
            self.trace(|| format!("{device}: may not see {} any more", entry.1));
            self.server.books.revoked.insert(entry);
        }
    }

    /// Work that was sealed because its chart left goes to the server, as after each run.
    pub fn hand_over(&mut self, device: usize) -> bool {
        if self.devices[device].cut || (!self.healed && self.chance.once_in(4)) {
            return false;
        }
        let cache = self.devices[device].cache();
        let waiting = cache.read(|reading| reading.to_hand_over()).unwrap();
        let Some(aside) = waiting.into_iter().next() else {
            return false;
        };
        let bytes = cache.read(|reading| reading.sealed_work(aside.id)).unwrap();
        let words = words_in(&bytes.unwrap());
        self.trace(|| format!("{device}: hands {words:?} over"));
        self.server.books.reviews.insert(aside.id, words);
        if !self.healed && self.chance.once_in(4) {
            self.tally.count("answers lost");
            return true;
        }
        self.tally.count("sealed work handed over");
        let at = self.moment();
        self.write(device, "handed", |tx| tx.handed_over(aside.id, at));
        true
    }

    /// Somebody takes note that work was handed over.
    pub fn take_note(&mut self, device: usize) -> bool {
        let cache = self.devices[device].cache();
        let asides = cache.read(|reading| reading.set_aside()).unwrap();
        let Some(aside) = asides.into_iter().find(|aside| aside.handed.is_some()) else {
            return false;
        };
        self.write(device, "noted", |tx| tx.forget_set_aside(aside.id));
        let waiting = self.devices[device].waiting();
        self.tell(device, sync::Input::Changed(waiting));
        true
    }
}

/// The words of sealed work. The simulator's seal hides nothing.
pub fn words_in(sealed: &[u8]) -> BTreeSet<String> {
    tokens::of(&serde_json::from_slice(sealed).unwrap())
}
