//! What the other side tells about the packets it gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::lock;

/// Fewer packets than this say nothing about a line.
const ENOUGH: u32 = 20;

/// What was told, for the two who act on it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// A whole picture is wanted.
    whole: AtomicBool,
    lost: Mutex<Lost>,
}

/// Packets of all streams together: of one alone there are too few to tell a poor line from bad
/// luck.
#[derive(Debug, Default)]
struct Lost {
    /// The last report of each stream: the number it had come to, and how many it had lost.
    streams: BTreeMap<u32, (u32, u32)>,
    expected: u32,
    lost: u32,
}

impl Told {
    pub(crate) fn want_whole(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_whole(&self) -> bool {
        self.whole.swap(false, Ordering::Relaxed)
    }

    /// The part that was lost since it was last told, if enough was sent to tell.
    pub(crate) fn take_lost(&self) -> Option<f32> {
        let mut lost = lock(&self.lost);
        if lost.expected < ENOUGH {
            return None;
        }
        let part = lost.lost as f32 / lost.expected as f32;
        (lost.expected, lost.lost) = (0, 0);
        Some(part)
    }

    fn reported(&self, reports: &[ReceptionReport]) {
        let mut lost = lock(&self.lost);
        for report in reports {
            let now = (report.last_sequence_number, report.total_lost);
            let Some(before) = lost.streams.insert(report.ssrc, now) else {
                continue;
            };
            let expected = now.0.wrapping_sub(before.0);
            // A report that was overtaken tells nothing new.
            if expected > u32::MAX / 2 {
                lost.streams.insert(report.ssrc, before);
                continue;
            }
            lost.expected += expected;
            // What came late after all was not lost.
            lost.lost += now.1.saturating_sub(before.1).min(expected);
        }
    }

    fn hear(&self, packet: &dyn rtc::rtcp::Packet) {
        let packet = packet.as_any();
        if packet.is::<PictureLossIndication>() || packet.is::<FullIntraRequest>() {
            self.want_whole();
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.reported(&report.reports);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.reported(&report.reports);
        }
    }
}

/// Listens on the way from the wire and changes nothing.
pub(crate) struct Listening {
    pub(crate) told: Arc<Told>,
    inward: VecDeque<TaggedPacket>,
    outward: VecDeque<TaggedPacket>,
}

impl Listening {
    pub(crate) fn new(told: Arc<Told>) -> Self {
        Self {
            told,
            inward: VecDeque::new(),
            outward: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Listening {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet {
            for packet in packets {
                self.told.hear(packet.as_ref());
            }
        }
        self.inward.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inward.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.outward.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outward.pop_front()
    }
}

impl Interceptor for Listening {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ssrc: u32, last_sequence_number: u32, total_lost: u32) -> ReceptionReport {
        ReceptionReport {
            ssrc,
            last_sequence_number,
            total_lost,
            ..Default::default()
        }
    }

    #[test]
    fn t2_loss_is_reckoned_over_picture_and_sound_together() {
        let told = Told::default();
        told.reported(&[report(1, 1_000, 3), report(2, 70_000, 9)]);
        assert_eq!(told.take_lost(), None);
        told.reported(&[report(1, 1_010, 5), report(2, 70_090, 12)]);
        assert_eq!(told.take_lost(), Some(0.05));
        // A handful says nothing yet; what came late was not lost; an old report counts nothing.
        told.reported(&[report(1, 1_015, 6)]);
        assert_eq!(told.take_lost(), None);
        told.reported(&[report(2, 70_125, 11), report(1, 1_012, 9)]);
        assert_eq!(told.take_lost(), Some(0.025));
    }
}
