//! Which device of a kind is used, as devices come and go and users choose. No IO, no clock.

use std::collections::BTreeSet;

use super::device::Device;

/// What the user wants of a kind of device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wish {
    /// Whatever is there.
    #[default]
    Any,
    /// This one, by its id.
    This(String),
    /// None: nothing of the kind is captured.
    Off,
}

/// Why the device that was used, or was to be used, is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// It was pulled out or switched off.
    Gone,
    /// It is there and does not open or gives nothing any more.
    Closed,
}

/// What the user is told of a kind of device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub loss: Loss,
    /// Name of the device that it happened to.
    pub name: String,
    /// Name of the one that is used instead; none: nothing of the kind is.
    pub instead: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Open this one in place of the one before, and tell how it went.
    Open(String),
    /// Close the one in use.
    Close,
}

/// One kind of device.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    wish: Wish,
    /// The one that was wished for before all was switched off.
    favourite: Option<String>,
    listed: Vec<Device>,
    used: Option<String>,
    /// Did not open, or broke off, and has been listed ever since.
    failed: BTreeSet<String>,
    lost: Option<(Loss, Device)>,
}

impl Choice {
    /// The user wants this. What was told of before is settled with it.
    pub fn wish(&mut self, wish: Wish) {
        self.favourite = match &wish {
            Wish::Any => None,
            Wish::This(id) => Some(id.clone()),
            Wish::Off => self.favourite.take().or(self.used.clone()),
        };
        self.wish = wish;
        self.failed.clear();
        self.lost = None;
    }

    /// Devices of the kind, as they were last listed.
    pub fn listed(&self) -> &[Device] {
        &self.listed
    }

    /// Id of the device in use.
    pub fn used(&self) -> Option<&str> {
        self.used.as_deref()
    }

    /// Id of the device that would be used if the kind were switched on.
    pub fn next(&self) -> Option<&str> {
        self.best(None).map(|device| device.id.as_str())
    }

    /// Id of the device that will be used once somebody is called.
    pub fn planned(&self) -> Option<&str> {
        (self.wish != Wish::Off).then(|| self.next()).flatten()
    }

    /// These are there now, and nobody is called: nothing is to be done.
    pub fn found(&mut self, listed: &[Device]) {
        self.listed = listed.to_vec();
    }

    /// All devices were closed, and what was told of them is over. What the user wants stays.
    pub fn closed(&mut self) {
        self.used = None;
        self.failed.clear();
        self.lost = None;
    }

    /// What the user is to be told, if anything.
    pub fn trouble(&self) -> Option<Trouble> {
        let (loss, device) = self.lost.as_ref()?;
        Some(Trouble {
            loss: *loss,
            name: device.name.clone(),
            instead: self.used().and_then(|id| Some(self.find(id)?.name.clone())),
        })
    }

    /// These are there now, and the one in use gives something or not. Says what is to be done;
    /// to be asked again after it was.
    pub fn look(&mut self, listed: &[Device], works: bool) -> Option<Turn> {
        let before = std::mem::replace(&mut self.listed, listed.to_vec());
        // What comes back may be tried again.
        self.failed
            .retain(|id| listed.iter().any(|device| device.id == *id));
        if let Some(id) = self.used.clone() {
            let loss = match self.find(&id) {
                None => Some(Loss::Gone),
                Some(_) if !works => Some(Loss::Closed),
                Some(_) => None,
            };
            if let Some(loss) = loss {
                let known = before.into_iter().find(|device| device.id == id);
                self.lose(loss, known);
            }
        }
        let target = match self.wish {
            Wish::Off => None,
            _ => self.best(self.used()).map(|device| device.id.clone()),
        };
        if target == self.used {
            return None;
        }
        Some(target.map_or(Turn::Close, Turn::Open))
    }

    /// What was to be done was done, or did not work.
    pub fn done(&mut self, turn: &Turn, worked: bool) {
        self.used = None;
        let Turn::Open(id) = turn else { return };
        if worked {
            self.used = Some(id.clone());
            let wished = matches!(&self.wish, Wish::This(wished) if wished == id);
            let is_back = self.lost.as_ref().is_some_and(|(_, lost)| lost.id == *id);
            if wished || is_back {
                self.lost = None;
            }
        } else {
            let known = self.find(id).cloned();
            self.failed.insert(id.clone());
            self.lose(Loss::Closed, known);
        }
    }

    fn find(&self, id: &str) -> Option<&Device> {
        self.listed.iter().find(|device| device.id == id)
    }

    fn lose(&mut self, loss: Loss, device: Option<Device>) {
        if loss == Loss::Closed
            && let Some(device) = &device
        {
            self.failed.insert(device.id.clone());
        }
        // The end of a test picture is no loss. The first loss is the one that users know of:
        // what was taken instead of it may be lost as well.
        if let Some(device) = device.filter(|device| !device.stand_in)
            && self.lost.is_none()
        {
            if self.wish == Wish::Any {
                // Taken up again when it is back.
                self.wish = Wish::This(device.id.clone());
                self.favourite = Some(device.id.clone());
            }
            self.lost = Some((loss, device));
        }
    }

    /// The device to use; `kept` is used already and stays if nothing is better.
    fn best(&self, kept: Option<&str>) -> Option<&Device> {
        let mut usable = self
            .listed
            .iter()
            .filter(|device| !self.failed.contains(&device.id))
            // Nobody who was seen and heard turns into a test picture by themselves.
            .filter(|device| !device.stand_in || self.lost.is_none());
        if let Some(favourite) = &self.favourite {
            let wished = self.find(favourite);
            if let Some(device) = wished.filter(|device| !self.failed.contains(&device.id)) {
                return Some(device);
            }
        }
        kept.and_then(|id| usable.clone().find(|device| device.id == id))
            .or_else(|| usable.next())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::device::STAND_IN;

    fn device(id: &str) -> Device {
        Device {
            id: id.to_owned(),
            name: format!("The {id}"),
            stand_in: id == STAND_IN,
        }
    }

    /// As devices are listed: a stand-in where none is.
    fn listed(ids: &[&str]) -> Vec<Device> {
        if ids.is_empty() {
            return vec![device(STAND_IN)];
        }
        ids.iter().map(|id| device(id)).collect()
    }

    /// Looks and does until nothing is left to do. `broken` do not open.
    fn settle(choice: &mut Choice, there: &[&str], broken: &[&str]) {
        for _ in 0..20 {
            let works = choice.used().is_none_or(|used| !broken.contains(&used));
            let Some(turn) = choice.look(&listed(there), works) else {
                return;
            };
            let worked = match &turn {
                Turn::Open(id) => !broken.contains(&id.as_str()),
                Turn::Close => true,
            };
            choice.done(&turn, worked);
        }
        panic!("never settled: {choice:?}");
    }

    fn told(loss: Loss, name: &str, instead: Option<&str>) -> Option<Trouble> {
        Some(Trouble {
            loss,
            name: format!("The {name}"),
            instead: instead.map(|name| format!("The {name}")),
        })
    }

    #[test]
    fn t2_a_device_that_goes_is_replaced_and_taken_up_again_when_it_is_back() {
        let mut choice = Choice::default();
        choice.wish(Wish::This("headset".into()));
        settle(&mut choice, &["built-in", "headset"], &[]);
        assert_eq!(choice.used(), Some("headset"));
        assert_eq!(choice.trouble(), None);
        settle(&mut choice, &["built-in"], &[]);
        assert_eq!(choice.used(), Some("built-in"));
        assert_eq!(
            choice.trouble(),
            told(Loss::Gone, "headset", Some("built-in"))
        );
        settle(&mut choice, &["built-in", "headset"], &[]);
        assert_eq!(choice.used(), Some("headset"));
        assert_eq!(choice.trouble(), None);
    }

    #[test]
    fn t2_where_the_last_one_goes_there_is_none_and_no_test_picture() {
        let mut choice = Choice::default();
        settle(&mut choice, &["camera"], &[]);
        settle(&mut choice, &[], &[]);
        assert_eq!(choice.used(), None);
        assert_eq!(choice.next(), None);
        assert_eq!(choice.trouble(), told(Loss::Gone, "camera", None));
        // Whoever chooses it has it.
        choice.wish(Wish::This(STAND_IN.into()));
        settle(&mut choice, &[], &[]);
        assert_eq!(choice.used(), Some(STAND_IN));
        // A device that comes takes its place.
        settle(&mut choice, &["another"], &[]);
        assert_eq!(choice.used(), Some("another"));
        assert_eq!(choice.trouble(), None);
    }

    #[test]
    fn t2_a_stand_in_is_used_where_nothing_ever_was_and_until_something_comes() {
        let mut choice = Choice::default();
        settle(&mut choice, &[], &[]);
        assert_eq!(choice.used(), Some(STAND_IN));
        settle(&mut choice, &["camera"], &[]);
        assert_eq!(choice.used(), Some("camera"));
        assert_eq!(choice.trouble(), None);
    }

    #[test]
    fn t2_a_busy_device_is_passed_over_and_tried_again_when_it_was_away() {
        let mut choice = Choice::default();
        settle(&mut choice, &["busy", "free"], &["busy"]);
        assert_eq!(choice.used(), Some("free"));
        assert_eq!(choice.trouble(), told(Loss::Closed, "busy", Some("free")));
        // It is not tried again for as long as it only stays there …
        assert_eq!(choice.look(&listed(&["busy", "free"]), true), None);
        // … but when the user asks for it, or when it comes anew and is needed.
        choice.wish(Wish::This("busy".into()));
        settle(&mut choice, &["busy", "free"], &[]);
        assert_eq!(choice.used(), Some("busy"));
        assert_eq!(choice.trouble(), None);

        // Another program takes it away, and it is pulled out and plugged in again.
        settle(&mut choice, &["busy", "free"], &["busy"]);
        assert_eq!(choice.used(), Some("free"));
        settle(&mut choice, &["free"], &[]);
        settle(&mut choice, &["busy", "free"], &[]);
        assert_eq!(choice.used(), Some("busy"));
    }

    #[test]
    fn t2_what_breaks_off_while_listed_is_replaced_once() {
        let mut choice = Choice::default();
        settle(&mut choice, &["one", "two"], &[]);
        assert_eq!(choice.used(), Some("one"));
        settle(&mut choice, &["one", "two"], &["one"]);
        assert_eq!(choice.used(), Some("two"));
        assert_eq!(choice.trouble(), told(Loss::Closed, "one", Some("two")));
        settle(&mut choice, &["one", "two"], &["one", "two"]);
        assert_eq!(choice.used(), None);
        assert_eq!(choice.trouble(), told(Loss::Closed, "one", None));
    }

    #[test]
    fn t2_who_is_mute_stays_mute_whatever_comes() {
        let mut choice = Choice::default();
        settle(&mut choice, &["one"], &[]);
        choice.wish(Wish::Off);
        settle(&mut choice, &["one"], &[]);
        assert_eq!(choice.used(), None);
        settle(&mut choice, &["one", "two"], &[]);
        assert_eq!(choice.used(), None);
        assert_eq!(choice.trouble(), None);
    }

    const NAMES: [&str; 4] = ["a", "b", "c", STAND_IN];

    #[derive(Debug, Clone)]
    enum Event {
        There(Vec<usize>),
        Broken(Vec<usize>),
        Wish(Option<usize>),
        Any,
    }

    fn event() -> impl Strategy<Value = Event> {
        let some = || proptest::sample::subsequence(vec![0, 1, 2], 0..=3);
        prop_oneof![
            some().prop_map(Event::There),
            some().prop_map(Event::Broken),
            proptest::option::of(0..4_usize).prop_map(Event::Wish),
            Just(Event::Any),
        ]
    }

    proptest! {
        #[test]
        fn t2_only_what_is_there_and_works_is_used_and_what_works_is_used(
            events in proptest::collection::vec(event(), 1..40),
        ) {
            let mut choice = Choice::default();
            let (mut there, mut broken, mut wish) = (Vec::new(), Vec::new(), Wish::Any);
            for event in events {
                let names = |some: Vec<usize>| some.into_iter().map(|i| NAMES[i]).collect();
                match event {
                    Event::There(some) => there = names(some),
                    Event::Broken(some) => broken = names(some),
                    Event::Wish(which) => {
                        wish = which.map_or(Wish::Off, |i| Wish::This(NAMES[i].to_owned()));
                        choice.wish(wish.clone());
                    }
                    Event::Any => {
                        wish = Wish::Any;
                        choice.wish(Wish::Any);
                    }
                }
                settle(&mut choice, &there, &broken);
                match choice.used() {
                    Some(STAND_IN) => prop_assert!(there.is_empty()),
                    Some(id) => {
                        prop_assert!(there.contains(&id) && !broken.contains(&id));
                    }
                    // Nothing is used only if nothing should be, or could be: what broke once
                    // and was there ever since is not tried again.
                    None => prop_assert!(
                        wish == Wish::Off
                            || there.iter().all(|id| choice.failed.contains(*id))
                    ),
                }
                prop_assert!(wish != Wish::Off || choice.used().is_none());
                if let Some(trouble) = choice.trouble() {
                    prop_assert_ne!(trouble.name, device(STAND_IN).name);
                    prop_assert_eq!(trouble.instead.is_some(), choice.used().is_some());
                }
            }
        }
    }
}
