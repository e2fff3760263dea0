//! Packets of sound in the order in which they were sent. No IO, no clock: what is late is told
//! by what came after it.

use std::collections::BTreeMap;

/// This many later packets have come: what is missing between is taken for lost.
const PATIENCE: usize = 3;
/// A jump further than this is a new stream, not a gap.
const JUMP: i32 = 200;

/// What is to be played next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// A packet.
    Packet(T),
    /// The packet before the one given is lost; the given one may know how it sounded.
    LostBefore(T),
    /// A packet is lost, and so is the one after it.
    Lost,
}

/// Puts packets into order.
#[derive(Debug)]
pub(crate) struct Arrivals<T> {
    /// Number of the packet to play next, counted on beyond 16 bits.
    next: Option<i64>,
    waiting: BTreeMap<i64, T>,
}

impl<T> Default for Arrivals<T> {
    fn default() -> Self {
        Self {
            next: None,
            waiting: BTreeMap::new(),
        }
    }
}

impl<T: Clone> Arrivals<T> {
    /// A packet with this sequence number came.
    pub(crate) fn push(&mut self, number: u16, packet: T) {
        let next = *self.next.get_or_insert_with(|| i64::from(number));
        // The nearest number to the expected one that ends in these 16 bits.
        let distance = i32::from(number.wrapping_sub(next as u16) as i16);
        if distance.abs() > JUMP {
            self.waiting.clear();
            self.next = Some(i64::from(number));
            self.waiting.insert(i64::from(number), packet);
        } else if distance >= 0 {
            self.waiting.insert(next + i64::from(distance), packet);
        }
    }

    /// What is to be played next, if it is known already.
    pub(crate) fn pop(&mut self) -> Option<Next<T>> {
        let next = self.next?;
        if let Some(packet) = self.waiting.remove(&next) {
            self.next = Some(next + 1);
            return Some(Next::Packet(packet));
        }
        if self.waiting.len() < PATIENCE {
            return None;
        }
        self.next = Some(next + 1);
        Some(match self.waiting.get(&(next + 1)) {
            Some(after) => Next::LostBefore(after.clone()),
            None => Next::Lost,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn play(numbers: &[u16]) -> Vec<Next<u16>> {
        let mut arrivals = Arrivals::default();
        let mut played = Vec::new();
        for number in numbers {
            arrivals.push(*number, *number);
            while let Some(next) = arrivals.pop() {
                played.push(next);
            }
        }
        played
    }

    #[test]
    fn t2_a_lost_packet_is_told_of_with_the_one_after_it() {
        assert_eq!(
            play(&[1, 3, 4, 5]),
            [
                Next::Packet(1),
                Next::LostBefore(3),
                Next::Packet(3),
                Next::Packet(4),
                Next::Packet(5)
            ]
        );
    }

    proptest! {
        #[test]
        fn t2_swapped_neighbours_are_played_in_order(
            begin in any::<u16>(),
            swaps in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut numbers: Vec<u16> =
                (0..=swaps.len() as u16 * 2).map(|i| begin.wrapping_add(i)).collect();
            let sent = numbers.clone();
            for (pair, swap) in swaps.iter().enumerate() {
                if *swap {
                    numbers.swap(pair * 2 + 1, pair * 2 + 2);
                }
            }
            let played: Vec<u16> = play(&numbers)
                .into_iter()
                .map(|next| match next {
                    Next::Packet(number) => number,
                    lost => panic!("{lost:?} though all came"),
                })
                .collect();
            prop_assert_eq!(played, sent);
        }

        #[test]
        fn t2_nothing_is_played_twice_or_backwards(
            begin in any::<u16>(),
            steps in proptest::collection::vec(0..6_i16, 1..200),
        ) {
            let mut number = begin;
            let mut numbers = Vec::new();
            for step in steps {
                number = number.wrapping_add((step - 1) as u16);
                numbers.push(number);
            }
            let mut last: Option<u16> = None;
            for next in play(&numbers) {
                if let Next::Packet(number) = next {
                    if let Some(last) = last {
                        prop_assert!((number.wrapping_sub(last) as i16) > 0);
                    }
                    last = Some(number);
                }
            }
        }
    }
}
