//! The patient's picture and sound as they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::media::io::sample_builder::SampleBuilder;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp::codec::h264::H264Packet;
use tokio::sync::mpsc;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::super::arrivals::{Arrivals, Next};
use super::super::codec::{PictureDecoder, SoundDecoder};
use super::super::studio::Studio;
use super::{CallError, Counters, Event};

/// A whole picture is asked for at most this often.
const ASK_AGAIN: Duration = Duration::from_millis(400);
/// A picture whose parts are not there by then is given up.
const PICTURE_LATE: Duration = Duration::from_millis(300);
/// Longer without a picture is a freeze that a person sees.
const FREEZE: Duration = Duration::from_millis(200);

/// The patient's sound.
pub(super) async fn hear(
    track: Arc<dyn TrackRemote>,
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
                studio.play(sound);
            }
        }
    }
}

/// The patient's picture.
pub(super) async fn see(
    track: Arc<dyn TrackRemote>,
    studio: Arc<Studio>,
    counters: Arc<Counters>,
    events: mpsc::UnboundedSender<Event>,
) {
    let broken = Arc::new(AtomicBool::new(false));
    let Ok(decoder) = decoder(studio, counters, events, Arc::clone(&broken)) else {
        return;
    };
    let ssrc = track.ssrcs().await.first().copied().unwrap_or_default();
    let mut builder =
        SampleBuilder::new(512, H264Packet::default(), 90_000).with_max_time_delay(PICTURE_LATE);
    let mut asked: Option<Instant> = None;
    while let Some(event) = track.poll().await {
        match event {
            TrackRemoteEvent::OnRtpPacket(packet) => builder.push(Instant::now(), packet),
            TrackRemoteEvent::OnEnded | TrackRemoteEvent::OnError => return,
            _ => continue,
        }
        let mut lost = broken.swap(false, Ordering::Relaxed);
        while let Some(sample) = builder.pop(Instant::now()) {
            lost |= sample.prev_dropped_packets > 0;
            if decoder.try_send(sample.data).is_err() {
                lost = true;
            }
        }
        if lost && asked.is_none_or(|asked| asked.elapsed() > ASK_AGAIN) {
            asked = Some(Instant::now());
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

/// A thread that decodes what it is given and shows it.
fn decoder(
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
                        studio.show(Some(Arc::new(picture)));
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
