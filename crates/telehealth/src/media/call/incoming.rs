//! Picture and sound of one who takes part, as they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::codec::h264::H264Packet;
use rtc::rtp::packetizer::Depacketizer as _;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::super::arrivals::{Arrivals, Next};
use super::super::assembly::{Assembly, Part};
use super::super::codec::{PictureDecoder, SoundDecoder};
use super::super::studio::Studio;
use super::{CallError, Counters, Event};
use crate::visit::Party;

/// A whole picture is asked for at most this often.
const ASK_AGAIN: Duration = Duration::from_millis(400);
/// What is missing for longer was asked for and did not come: a whole picture will be needed.
const UNANSWERED: Duration = Duration::from_millis(180);
/// Longer without a picture is a freeze that a person sees.
const FREEZE: Duration = Duration::from_millis(200);

/// Their sound.
pub(super) async fn hear(
    track: Arc<dyn TrackRemote>,
    party: Party,
    studio: Arc<Studio>,
    counters: Arc<Counters>,
) {
    let Ok(mut decoder) = SoundDecoder::new() else {
        return;
    };
    let mut arrivals = Arrivals::default();
    while let Some(event) = track.poll().await {
        let packet = match event {
            TrackRemoteEvent::OnRtpPacket(packet) => packet,
            TrackRemoteEvent::OnEnded | TrackRemoteEvent::OnError => return,
            _ => continue,
        };
        if packet.payload.is_empty() {
            continue;
        }
        arrivals.push(packet.header.sequence_number, packet.payload);
        while let Some(next) = arrivals.pop() {
            let sound = match &next {
                Next::Packet(bytes) => {
                    counters.sounds_decoded.fetch_add(1, Ordering::Relaxed);
                    decoder.decode(bytes)
                }
                Next::LostBefore(after) => {
                    counters.sounds_concealed.fetch_add(1, Ordering::Relaxed);
                    decoder.conceal(Some(after))
                }
                Next::Lost => {
                    counters.sounds_concealed.fetch_add(1, Ordering::Relaxed);
                    decoder.conceal(None)
                }
            };
            if let Ok(sound) = sound {
                studio.play(party, sound);
            }
        }
    }
}

/// Their picture.
pub(super) async fn see(
    track: Arc<dyn TrackRemote>,
    party: Party,
    studio: Arc<Studio>,
    counters: Arc<Counters>,
    events: mpsc::UnboundedSender<Event>,
) {
    let broken = Arc::new(AtomicBool::new(false));
    let Ok(decoder) = decoder(
        party,
        studio,
        Arc::clone(&counters),
        events,
        Arc::clone(&broken),
    ) else {
        return;
    };
    let ssrc = track.ssrcs().await.first().copied().unwrap_or_default();
    let mut assembly = Assembly::default();
    let begun = Instant::now();
    let mut asked: Option<Instant> = None;
    while let Some(event) = track.poll().await {
        let packet = match event {
            TrackRemoteEvent::OnRtpPacket(packet) => packet,
            TrackRemoteEvent::OnEnded | TrackRemoteEvent::OnError => return,
            _ => continue,
        };
        let now = begun.elapsed();
        let part = Part {
            head: H264Packet::default().is_partition_head(&packet.payload),
            last: packet.header.marker,
            payload: packet.payload,
        };
        assembly.push(packet.header.sequence_number, part, now);
        let mut lost = broken.swap(false, Ordering::Relaxed) || assembly.lacks(now, UNANSWERED);
        while let Some(whole) = assembly.pop(now) {
            if whole.after_gap {
                counters.gaps.fetch_add(1, Ordering::Relaxed);
                lost = true;
            }
            let taken = unpacked(&whole.parts).map(|picture| decoder.try_send(picture));
            lost |= !matches!(taken, Some(Ok(())));
        }
        if lost && asked.is_none_or(|asked| asked.elapsed() > ASK_AGAIN) {
            asked = Some(Instant::now());
            counters.wholes_asked.fetch_add(1, Ordering::Relaxed);
            let request = PictureLossIndication {
                sender_ssrc: 0,
                media_ssrc: ssrc,
            };
            // It is asked again if nothing comes of it.
            let _ = track.write_rtcp(vec![Box::new(request)]).await;
        } else if lost {
            broken.store(true, Ordering::Relaxed);
        }
    }
}

/// A picture as the decoder takes it.
fn unpacked(parts: &[Bytes]) -> Option<Bytes> {
    let mut reader = H264Packet::default();
    let mut picture = BytesMut::new();
    for part in parts {
        if !part.is_empty() {
            picture.extend_from_slice(&reader.depacketize(part).ok()?);
        }
    }
    Some(picture.freeze())
}

/// A thread that decodes what it is given and shows it.
fn decoder(
    party: Party,
    studio: Arc<Studio>,
    counters: Arc<Counters>,
    events: mpsc::UnboundedSender<Event>,
    broken: Arc<AtomicBool>,
) -> Result<SyncSender<Bytes>, CallError> {
    let (frames, waiting) = sync_channel::<Bytes>(32);
    let mut decoder = PictureDecoder::new()?;
    std::thread::Builder::new()
        .name("picture decoder".to_owned())
        .spawn(move || {
            let mut last: Option<Instant> = None;
            while let Ok(bytes) = waiting.recv() {
                match decoder.decode(&bytes) {
                    Ok(Some(picture)) => {
                        let now = Instant::now();
                        match last {
                            None => {
                                let _ = events.send(Event::FirstPicture);
                            }
                            Some(last) => count_pause(&counters, now - last),
                        }
                        last = Some(now);
                        counters.pictures_decoded.fetch_add(1, Ordering::Relaxed);
                        studio.show(party, Arc::new(picture));
                    }
                    Ok(None) => {}
                    Err(_) => broken.store(true, Ordering::Relaxed),
                }
            }
        })?;
    Ok(frames)
}

fn count_pause(counters: &Counters, pause: Duration) {
    let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    counters
        .longest_freeze
        .fetch_max(milliseconds, Ordering::Relaxed);
    if pause > FREEZE {
        counters.frozen.fetch_add(milliseconds, Ordering::Relaxed);
    }
}
