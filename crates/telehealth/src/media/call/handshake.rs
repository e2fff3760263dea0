//! What is sent again when two sides make their keys over a network that loses packets.
//!
//! The library stops its clock as soon as anything of the other side's comes, also what came
//! before; from then on it sends nothing again, and a handshake that lost one packet hangs for
//! ever. So the last flight is kept here: it goes out again when the other side repeats itself,
//! and for a second when nothing comes at all. What was heard before is kept from the library.
//! No IO, no clock.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

/// A flight is sent again after these pauses if nothing has come. Then the library's own clock
/// goes on.
pub(super) const PAUSES: [Duration; 3] = [
    Duration::from_millis(150),
    Duration::from_millis(250),
    Duration::from_millis(400),
];

/// More packets than a flight has.
const LONGEST: usize = 16;
/// Not more than this is sent again for one connection, whatever comes in.
const MOST: usize = 200;

const CHANGE_CIPHER: u8 = 20;
const HANDSHAKE: u8 = 22;
const RECORD: usize = 13;
const MESSAGE: usize = 12;

/// A packet, and where it goes.
pub(super) type Packet = (Vec<u8>, SocketAddr);

/// Part of a message of a handshake: its kind, its number, and where in it the part begins.
type Part = (u8, u16, u32);

/// What became of a packet that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The library is to have it.
    New,
    /// It came before: the other side lacks these.
    Again(Vec<Packet>),
}

/// The handshake of one connection, seen from outside.
#[derive(Debug, Default)]
pub(super) struct Flights {
    last: Vec<Packet>,
    heard: HashSet<Part>,
    answered: bool,
    /// Counts flights.
    number: u32,
    repeated: usize,
    over: bool,
}

/// What a relay carries in this packet; the packet itself if none does.
fn carried(packet: &[u8]) -> &[u8] {
    match packet {
        // A channel's number and a length.
        [0x40..=0x4f, _, _, _, inner @ ..] => inner,
        // "Send" and "Data": attributes, one of which is what is carried.
        [0, 0x16 | 0x17, ..] => {
            let mut attributes = packet.get(20..).unwrap_or_default();
            while let Some((head, rest)) = attributes.split_at_checked(4) {
                let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
                if head[..2] == [0, 0x13] {
                    return rest.get(..length).unwrap_or_default();
                }
                attributes = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
            packet
        }
        _ => packet,
    }
}

fn is_plain(packet: &[u8]) -> bool {
    matches!(packet.first(), Some(&(CHANGE_CIPHER | HANDSHAKE)))
}

/// The parts of messages in a packet that lies open.
fn parts(mut packet: &[u8]) -> Vec<Part> {
    let mut found = Vec::new();
    while let Some((head, rest)) = packet.split_at_checked(RECORD) {
        let length = usize::from(u16::from_be_bytes([head[11], head[12]]));
        let Some((mut body, next)) = rest.split_at_checked(length) else {
            break;
        };
        packet = next;
        // What is sealed is new, as far as anybody can tell from outside.
        if head[0] != HANDSHAKE || head[3..5] != [0, 0] {
            continue;
        }
        while let Some((head, rest)) = body.split_at_checked(MESSAGE) {
            let number = u16::from_be_bytes([head[4], head[5]]);
            let offset = u32::from_be_bytes([0, head[6], head[7], head[8]]);
            let length = u32::from_be_bytes([0, head[9], head[10], head[11]]);
            found.push((head[0], number, offset));
            let Some(rest) = rest.get(length as usize..) else {
                break;
            };
            body = rest;
        }
    }
    found
}

impl Flights {
    /// A packet goes out. The number of its flight, if it begins one.
    pub(super) fn sent(&mut self, packet: &[u8], to: SocketAddr) -> Option<u32> {
        let inside = carried(packet);
        if self.over || !is_plain(inside) {
            return None;
        }
        let own = parts(inside);
        let again = self
            .last
            .first()
            .is_some_and(|(first, _)| !own.is_empty() && parts(carried(first)) == own);
        let begins = self.last.is_empty() || self.answered || again;
        if begins {
            self.last.clear();
            self.answered = false;
            self.number += 1;
        }
        if self.last.len() < LONGEST {
            self.last.push((packet.to_vec(), to));
        }
        // What the library sends again by its own clock needs no other.
        (begins && !again).then_some(self.number)
    }

    /// A packet came in.
    pub(super) fn heard(&mut self, packet: &[u8]) -> Heard {
        let packet = carried(packet);
        if self.over || !is_plain(packet) {
            return Heard::New;
        }
        if packet.first() == Some(&CHANGE_CIPHER) {
            // The other side has everything it needs.
            (self.over, self.last) = (true, Vec::new());
            return Heard::New;
        }
        let parts = parts(packet);
        if !parts.is_empty() && parts.iter().all(|part| self.heard.contains(part)) {
            return Heard::Again(self.again());
        }
        self.heard.extend(parts);
        self.answered = true;
        Heard::New
    }

    /// What to send again after a pause, if the flight of this number is unanswered.
    pub(super) fn overdue(&mut self, number: u32) -> Vec<Packet> {
        if self.over || self.answered || self.number != number {
            return Vec::new();
        }
        self.again()
    }

    fn again(&mut self) -> Vec<Packet> {
        if self.repeated + self.last.len() > MOST {
            return Vec::new();
        }
        self.repeated += self.last.len();
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TO: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5_000);

    /// A packet with these messages, each in a record of its own.
    fn packet(record: u8, messages: &[(u8, u16)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, number) in messages {
            bytes.extend([HANDSHAKE, 254, 253, 0, 0, 0, 0, 0, 0, 0, record, 0, 16]);
            bytes.extend([*kind, 0, 0, 4]);
            bytes.extend(number.to_be_bytes());
            bytes.extend([0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
        }
        bytes
    }

    #[test]
    fn t2_a_flight_that_was_lost_goes_out_when_the_other_side_repeats_itself() {
        let mut flights = Flights::default();
        assert_eq!(flights.sent(&packet(0, &[(1, 0)]), TO), Some(1));
        let theirs = [(2, 0), (11, 1), (14, 2)];
        assert_eq!(flights.heard(&packet(0, &theirs)), Heard::New);
        let ours = packet(1, &[(11, 1), (16, 2)]);
        assert_eq!(flights.sent(&ours, TO), Some(2));
        let sealed = [CHANGE_CIPHER, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1];
        assert_eq!(flights.sent(&sealed, TO), None);
        // The same messages under other numbers of records.
        assert_eq!(
            flights.heard(&packet(7, &theirs)),
            Heard::Again(vec![(ours, TO), (sealed.to_vec(), TO)])
        );
        // Half of it was new: the library is to have it.
        assert_eq!(flights.heard(&packet(8, &[(14, 2), (20, 3)])), Heard::New);
    }

    #[test]
    fn t2_a_flight_that_nobody_answers_goes_out_again_until_somebody_does() {
        let mut flights = Flights::default();
        let hello = packet(0, &[(1, 0)]);
        let number = flights.sent(&hello, TO).unwrap();
        assert_eq!(flights.overdue(number), [(hello, TO)]);
        // The library's own repetition takes its place, and begins no other clock.
        let later = packet(1, &[(1, 0)]);
        assert_eq!(flights.sent(&later, TO), None);
        assert_eq!(flights.overdue(number + 1), [(later, TO)]);
        assert_eq!(flights.overdue(number), []);
        flights.heard(&packet(0, &[(2, 0)]));
        assert_eq!(flights.overdue(number + 1), []);
    }

    #[test]
    fn t2_what_a_relay_carries_is_looked_into() {
        let hello = packet(0, &[(2, 0)]);
        let length = u8::try_from(hello.len()).unwrap();
        let channel = [&[0x40, 1, 0, length][..], &hello].concat();
        let address = [0, 0x12, 0, 8, 0, 1, 1, 2, 3, 4, 5, 6];
        let data = [
            &[0, 0x17, 0, 12 + 4 + length][..],
            &[7; 16],
            &address,
            &[0, 0x13, 0, length],
            &hello,
        ]
        .concat();
        for wrapped in [channel, data] {
            let mut flights = Flights::default();
            flights.sent(&wrapped, TO);
            assert_eq!(flights.heard(&wrapped), Heard::New);
            // As it went out, not as it looks inside.
            assert_eq!(flights.heard(&hello), Heard::Again(vec![(wrapped, TO)]));
        }
    }

    #[test]
    fn t2_keys_that_stand_and_pictures_are_left_alone() {
        let mut flights = Flights::default();
        flights.sent(&packet(0, &[(1, 0)]), TO);
        flights.heard(&packet(0, &[(2, 0)]));
        for other in [&[128, 1, 2, 3][..], &[0, 1], &[23, 254, 253], &[]] {
            assert_eq!(flights.heard(other), Heard::New);
            assert_eq!(flights.sent(other, TO), None);
        }
        assert_eq!(flights.heard(&[CHANGE_CIPHER, 254, 253]), Heard::New);
        assert_eq!(flights.heard(&packet(1, &[(2, 0)])), Heard::New);
        assert_eq!(flights.sent(&packet(2, &[(11, 1)]), TO), None);
    }

    proptest! {
        #[test]
        fn t2_whatever_comes_in_little_goes_out(
            packets in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..80),
                    (0..3_u8, 0..3_u16).prop_map(|(kind, number)| packet(0, &[(kind, number)])),
                ],
                0..600,
            ),
        ) {
            let mut flights = Flights::default();
            flights.sent(&packet(0, &[(1, 0)]), TO);
            let mut sent = 0;
            for bytes in packets {
                if let Heard::Again(again) = flights.heard(&bytes) {
                    sent += again.len();
                }
            }
            prop_assert!(sent <= MOST);
        }
    }
}
