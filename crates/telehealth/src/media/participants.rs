//! Those who take part beside the clinician: what each of them gives, and what each of them hears.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, watch};

use super::sound::{self, Mix};
use super::studio::Shown;
use super::{FRAME, lock};
use crate::visit::Party;

/// Pieces of sound that wait for a slow reader before the oldest is dropped.
const PATIENCE: usize = 64;

/// Picture and sound of one of them. It outlasts the single call: a window goes on showing who comes
/// back.
struct Participant {
    picture: watch::Sender<Shown>,
    sound: broadcast::Sender<Arc<Vec<i16>>>,
    level: AtomicU8,
    /// What the others say to them; none while they are not in the call.
    hears: Option<Mix>,
}

impl Default for Participant {
    fn default() -> Self {
        Self {
            picture: watch::Sender::new(None),
            sound: broadcast::Sender::new(PATIENCE),
            level: AtomicU8::new(0),
            hears: None,
        }
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Participants(Mutex<BTreeMap<Party, Participant>>);

impl Participants {
    fn with<T>(&self, party: Party, act: impl FnOnce(&mut Participant) -> T) -> T {
        act(lock(&self.0).entry(party).or_default())
    }

    /// They are in the call from now on.
    pub(super) fn join(&self, party: Party) {
        self.with(party, |one| one.hears = Some(Mix::default()));
    }

    /// Nothing comes from them now: a picture that stands still looks like a person who does.
    pub(super) fn lose(&self, party: Party) {
        self.with(party, |one| {
            one.level.store(0, Ordering::Relaxed);
            one.picture.send_replace(None);
        });
    }

    /// They are not in the call any more: the last picture and the last level do not stay, and the
    /// others do not hear the rest of what they said.
    pub(super) fn part(&self, party: Party) {
        let mut all = lock(&self.0);
        let one = all.entry(party).or_default();
        one.hears = None;
        one.level.store(0, Ordering::Relaxed);
        one.picture.send_replace(None);
        for other in all.values_mut().filter_map(|other| other.hears.as_mut()) {
            other.forget(party);
        }
    }

    /// Their picture.
    pub(super) fn show(&self, party: Party, picture: Arc<super::Picture>) {
        self.with(party, |one| {
            // What was on its way when they left comes too late.
            if one.hears.is_some() {
                one.picture.send_replace(Some(picture));
            }
        });
    }

    /// Their voice: everybody else who is in the call will hear it.
    pub(super) fn say(&self, party: Party, sound: Arc<Vec<i16>>) {
        let mut all = lock(&self.0);
        let Some(one) = all.get(&party).filter(|one| one.hears.is_some()) else {
            return;
        };
        one.level.store(sound::level(&sound), Ordering::Relaxed);
        // Most of the time nobody but the loudspeaker listens.
        let _ = one.sound.send(Arc::clone(&sound));
        for (_, other) in all.iter_mut().filter(|(other, _)| **other != party) {
            if let Some(mix) = &mut other.hears {
                mix.push(party, &sound);
            }
        }
    }

    /// Adds what the others say to what the clinician says.
    pub(super) fn add_voices(&self, party: Party, frame: &mut [i16; FRAME]) {
        self.with(party, |one| {
            if let Some(mix) = one.hears.as_mut().filter(|mix| !mix.is_empty()) {
                for sample in frame {
                    *sample = mix.pop().saturating_add(*sample);
                }
            }
        });
    }

    /// The pictures of all others who are in the call.
    pub(super) fn others(&self, party: Party) -> Vec<Shown> {
        let all = lock(&self.0);
        let others = all
            .iter()
            .filter(|(other, one)| **other != party && one.hears.is_some());
        others
            .map(|(_, one)| one.picture.borrow().clone())
            .collect()
    }

    pub(super) fn picture(&self, party: Party) -> watch::Receiver<Shown> {
        self.with(party, |one| one.picture.subscribe())
    }

    pub(super) fn sound(&self, party: Party) -> broadcast::Receiver<Arc<Vec<i16>>> {
        self.with(party, |one| one.sound.subscribe())
    }

    pub(super) fn level(&self, party: Party) -> u8 {
        self.with(party, |one| one.level.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Picture;
    use crate::media::sound::CUSHION;

    const GUEST: Party = Party::Guest(1);
    const OTHER: Party = Party::Guest(2);

    fn say(all: &Participants, party: Party, sample: i16) {
        all.say(party, Arc::new(vec![sample; CUSHION]));
    }

    fn hears(all: &Participants, party: Party, clinician: i16) -> i16 {
        let mut frame = [clinician; FRAME];
        all.add_voices(party, &mut frame);
        assert!(frame.iter().all(|sample| *sample == frame[0]));
        frame[0]
    }

    #[test]
    fn t1_everybody_hears_all_others_and_not_themselves() {
        let all = Participants::default();
        for party in [Party::Patient, GUEST, OTHER] {
            all.join(party);
        }
        say(&all, Party::Patient, 3_000);
        say(&all, GUEST, 200);
        say(&all, OTHER, 50);
        assert_eq!(hears(&all, Party::Patient, 10_000), 10_250);
        assert_eq!(hears(&all, GUEST, 10_000), 13_050);
        assert_eq!(hears(&all, OTHER, 10_000), 13_200);
        assert!(all.level(GUEST) > 0);
    }

    #[test]
    fn t1_loud_voices_together_do_not_turn_over() {
        let all = Participants::default();
        for party in [Party::Patient, GUEST, OTHER] {
            all.join(party);
        }
        say(&all, GUEST, 30_000);
        say(&all, OTHER, 30_000);
        assert_eq!(hears(&all, Party::Patient, 30_000), i16::MAX);
    }

    #[test]
    fn t1_who_is_not_in_the_call_neither_hears_nor_is_heard_nor_seen() {
        let all = Participants::default();
        all.join(Party::Patient);
        all.join(GUEST);
        say(&all, OTHER, 50);
        all.show(OTHER, Arc::new(Picture::new(4, 4)));
        assert_eq!(hears(&all, Party::Patient, 7), 7);
        assert_eq!(all.others(Party::Patient).len(), 1);
        assert!(all.picture(OTHER).borrow().is_none());

        // Said, and gone before it was heard.
        say(&all, GUEST, 50);
        all.show(GUEST, Arc::new(Picture::new(4, 4)));
        assert!(all.others(Party::Patient)[0].is_some());
        all.part(GUEST);
        assert_eq!(hears(&all, Party::Patient, 7), 7);
        assert!(all.others(Party::Patient).is_empty());
        say(&all, Party::Patient, 60);
        assert_eq!(hears(&all, GUEST, 7), 7);
        assert_eq!(all.level(GUEST), 0);
        assert!(all.picture(GUEST).borrow().is_none());
    }
}
