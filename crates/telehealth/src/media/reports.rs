//! What the other side tells about the packets it gets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

/// Nobody reported since it was last asked.
const NONE: u32 = u32::MAX;

/// What was told, for the two who act on it.
#[derive(Debug)]
pub(crate) struct Told {
    /// A whole picture is wanted.
    whole: AtomicBool,
    /// The worst loss since it was last asked, in 256ths.
    lost: AtomicU32,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            whole: AtomicBool::new(false),
            lost: AtomicU32::new(NONE),
        }
    }
}

impl Told {
    pub(crate) fn want_whole(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_whole(&self) -> bool {
        self.whole.swap(false, Ordering::Relaxed)
    }

    /// The part that was lost, if there was a report since the last question.
    pub(crate) fn take_lost(&self) -> Option<f32> {
        match self.lost.swap(NONE, Ordering::Relaxed) {
            NONE => None,
            lost => Some(lost as f32 / 256.0),
        }
    }

    fn reported(&self, reports: &[ReceptionReport]) {
        for report in reports {
            let lost = u32::from(report.fraction_lost);
            let worse = |before| (before == NONE || before < lost).then_some(lost);
            // An error says only that it was worse already.
            let _ = self
                .lost
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, worse);
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
