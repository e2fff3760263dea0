//! Pictures from packets that come late, twice, in another order, or not at all. No IO, no clock.

use std::collections::BTreeMap;
use std::time::Duration;

/// A gap is waited for this long: the packet is asked for again several times by then.
const PATIENCE: Duration = Duration::from_millis(250);
/// More packets than this behind a gap are no picture that anybody waits for.
const MOST: usize = 512;
/// A jump further than this is a new stream, not a gap.
const JUMP: i32 = 2_000;

/// One packet of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Part<T> {
    /// A picture may begin here.
    pub head: bool,
    /// The picture ends here.
    pub last: bool,
    /// What is in it.
    pub payload: T,
}

/// A whole picture, as it was cut up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole<T> {
    /// Its parts in order.
    pub parts: Vec<T>,
    /// Something before it was given up: what is drawn upon it may be wrong.
    pub after_gap: bool,
}

/// Puts pictures together.
#[derive(Debug)]
pub(crate) struct Assembly<T> {
    /// Number of the packet that comes next, counted on beyond 16 bits.
    next: Option<i64>,
    waiting: BTreeMap<i64, (Duration, Part<T>)>,
    gap: bool,
}

impl<T> Default for Assembly<T> {
    fn default() -> Self {
        Self {
            next: None,
            waiting: BTreeMap::new(),
            gap: false,
        }
    }
}

impl<T> Assembly<T> {
    /// A packet with this sequence number came, so long after the call began.
    pub(crate) fn push(&mut self, number: u16, part: Part<T>, now: Duration) {
        let next = *self.next.get_or_insert_with(|| i64::from(number));
        // The nearest number to the expected one that ends in these 16 bits.
        let distance = i32::from(number.wrapping_sub(next as u16) as i16);
        if distance.abs() > JUMP {
            self.waiting.clear();
            self.next = Some(i64::from(number));
            self.gap = true;
            self.waiting.insert(i64::from(number), (now, part));
        } else if distance >= 0 {
            self.waiting
                .entry(next + i64::from(distance))
                .or_insert((now, part));
        }
    }

    /// Whether something is missing for longer than its sending again should take.
    pub(crate) fn lacks(&self, now: Duration, longer_than: Duration) -> bool {
        self.next.is_some_and(|next| {
            !self.waiting.contains_key(&next)
                && self
                    .waited(next, now)
                    .is_some_and(|waited| waited > longer_than)
        })
    }

    /// The next whole picture. It does not wait for what follows it.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Whole<T>> {
        loop {
            let next = self.next?;
            if self.gap {
                // What is left of the picture with the gap goes.
                let head = self.waiting.get(&next).map(|(_, part)| part.head);
                if head != Some(true) {
                    if head.is_none() && !self.is_overdue(next, now) {
                        return None;
                    }
                    self.waiting.remove(&next);
                    self.next = Some(next + 1);
                    continue;
                }
            }
            if let Some(whole) = self.whole(next) {
                return Some(whole);
            }
            let mut hole = next;
            while self.waiting.contains_key(&hole) {
                hole += 1;
            }
            if !self.is_overdue(hole, now) {
                return None;
            }
            self.waiting = self.waiting.split_off(&hole);
            self.next = Some(hole + 1);
            self.gap = true;
        }
    }

    /// How long packets have waited for one before them.
    fn waited(&self, hole: i64, now: Duration) -> Option<Duration> {
        let first = self
            .waiting
            .range(hole..)
            .map(|(_, (since, _))| *since)
            .min()?;
        Some(now.saturating_sub(first))
    }

    fn is_overdue(&self, hole: i64, now: Duration) -> bool {
        self.waited(hole, now)
            .is_some_and(|waited| waited > PATIENCE || self.waiting.len() > MOST)
    }

    fn whole(&mut self, next: i64) -> Option<Whole<T>> {
        let mut end = next;
        while !self.waiting.get(&end)?.1.last {
            end += 1;
        }
        let rest = self.waiting.split_off(&(end + 1));
        let taken = std::mem::replace(&mut self.waiting, rest);
        self.next = Some(end + 1);
        Some(Whole {
            parts: taken.into_values().map(|(_, part)| part.payload).collect(),
            after_gap: std::mem::take(&mut self.gap),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    fn part(head: bool, last: bool, payload: u32) -> Part<u32> {
        Part {
            head,
            last,
            payload,
        }
    }

    #[test]
    fn t2_a_picture_is_whole_with_its_last_packet() {
        let mut assembly = Assembly::default();
        assembly.push(65_535, part(true, false, 1), SOON);
        assert_eq!(assembly.pop(SOON), None);
        assembly.push(0, part(false, true, 2), SOON);
        let whole = assembly.pop(SOON).unwrap();
        assert_eq!((whole.parts, whole.after_gap), (vec![1, 2], false));
        assert_eq!(assembly.pop(SOON), None);
    }

    #[test]
    fn t2_a_gap_is_waited_for_and_then_left_behind_with_its_picture() {
        let mut assembly = Assembly::default();
        for (number, head, last) in [
            (0, true, true),
            (2, false, true),
            (3, true, false),
            (4, false, true),
        ] {
            assembly.push(number, part(head, last, number.into()), SOON);
        }
        assert_eq!(assembly.pop(SOON).unwrap().parts, [0]);
        assert_eq!(assembly.pop(PATIENCE), None);
        assert!(assembly.lacks(PATIENCE, PATIENCE / 2));
        let late = PATIENCE + SOON * 2;
        let whole = assembly.pop(late).unwrap();
        assert_eq!((whole.parts, whole.after_gap), (vec![3, 4], true));
        // What comes at last is of no more use.
        assembly.push(1, part(true, false, 1), late);
        assert_eq!(assembly.pop(late), None);
        assembly.push(5, part(true, true, 5), late);
        let whole = assembly.pop(late).unwrap();
        assert_eq!((whole.parts, whole.after_gap), (vec![5], false));
    }

    #[derive(Debug, Clone)]
    struct Sent {
        lost: bool,
        twice: bool,
        late: u64,
    }

    fn sent() -> impl Strategy<Value = Sent> {
        (0..100_u8, any::<bool>(), 0..240_u64).prop_map(|(fate, twice, late)| Sent {
            lost: fate < 5,
            twice,
            late: if fate < 30 { late } else { 0 },
        })
    }

    proptest! {
        /// Pictures of one to four packets, ten milliseconds apart, on a line that loses, doubles
        /// and delays them.
        #[test]
        fn t2_pictures_come_whole_and_in_order_and_those_that_arrived_all_come(
            begin in any::<u16>(),
            sizes in proptest::collection::vec(1..5_usize, 1..80),
            fates in proptest::collection::vec(sent(), 400),
        ) {
            let mut arrivals = Vec::new();
            let mut complete = Vec::new();
            let mut number = 0_usize;
            for (picture, size) in sizes.iter().enumerate() {
                let mut lost = false;
                for at in 0..*size {
                    let fate = &fates[number % fates.len()];
                    // The first packet is where counting begins.
                    let gone = fate.lost && number > 0;
                    lost |= gone;
                    if !gone {
                        let late = if number > 0 { fate.late } else { 0 };
                        let when = picture as u64 * 10 + late;
                        let payload = (picture * 10 + at) as u32;
                        let one = (when, begin.wrapping_add(number as u16),
                                   part(at == 0, at + 1 == *size, payload));
                        if fate.twice {
                            arrivals.push((when + 5, one.1, one.2.clone()));
                        }
                        arrivals.push(one);
                    }
                    number += 1;
                }
                if !lost {
                    complete.push(picture as u32);
                }
            }
            arrivals.sort_by_key(|(when, ..)| *when);
            let mut assembly = Assembly::default();
            let mut shown = Vec::new();
            let mut last = 0;
            for (when, number, part) in arrivals {
                let now = Duration::from_millis(when);
                assembly.push(number, part, now);
                while let Some(whole) = assembly.pop(now) {
                    shown.push(whole.parts);
                }
                last = when;
            }
            while let Some(whole) = assembly.pop(Duration::from_millis(last) + PATIENCE * 2) {
                shown.push(whole.parts);
            }
            let mut pictures = Vec::new();
            for parts in shown {
                let picture = parts[0] / 10;
                let size = sizes[picture as usize] as u32;
                prop_assert_eq!(&parts, &(0..size).map(|at| picture * 10 + at).collect::<Vec<_>>());
                pictures.push(picture);
            }
            prop_assert_eq!(pictures, complete);
        }
    }
}
