//! Our picture and sound on their way out.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::media::Sample;
use tokio::sync::mpsc;
use webrtc::media_stream::Track as _;
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;
use webrtc::rtp_transceiver::RtpSender;

use super::super::adapt::Budget;
use super::super::codec::PictureEncoder;
use super::super::gallery::Scene;
use super::super::lock;
use super::super::reports::Told;
use super::CallError;

/// A track on its way out.
pub(super) struct Outgoing {
    track: Arc<TrackLocalStaticSample>,
    sender: Arc<dyn RtpSender>,
    ssrc: u32,
    /// Known once both sides have agreed.
    payload: OnceLock<u8>,
}

impl Outgoing {
    /// A track that was added to a connection.
    pub(super) async fn new(
        track: Arc<TrackLocalStaticSample>,
        sender: Arc<dyn RtpSender>,
    ) -> Result<Self, CallError> {
        let ssrc = track
            .ssrcs()
            .await
            .first()
            .copied()
            .ok_or(webrtc::error::Error::ErrSenderWithNoSSRCs)?;
        Ok(Self {
            track,
            sender,
            ssrc,
            payload: OnceLock::new(),
        })
    }

    async fn payload(&self) -> Option<u8> {
        if let Some(payload) = self.payload.get() {
            return Some(*payload);
        }
        let parameters = self.sender.get_parameters().await.ok()?;
        let payload = parameters.rtp_parameters.codecs.first()?.payload_type;
        Some(*self.payload.get_or_init(|| payload))
    }

    /// Sends a piece that lasts so long.
    pub(super) async fn write(&self, data: Bytes, duration: Duration) {
        let Some(payload) = self.payload().await else {
            return;
        };
        let sample = Sample {
            data,
            duration,
            ..Sample::new(Instant::now())
        };
        // Before the connection stands there is nobody to send to.
        let _ = self
            .track
            .sample_writer(self.ssrc, payload)
            .write_sample(&sample)
            .await;
    }
}

/// An encoded picture, and when that was done.
pub(super) type Encoded = (Vec<u8>, Instant);

/// A thread that encodes what it is given, as the budget says.
pub(super) fn encoder(
    told: Arc<Told>,
    budget: Arc<Mutex<Budget>>,
) -> Result<(SyncSender<Scene>, mpsc::Receiver<Encoded>), CallError> {
    let (pictures, waiting) = sync_channel::<Scene>(1);
    let (out, encoded) = mpsc::channel(4);
    std::thread::Builder::new()
        .name("picture encoder".to_owned())
        .spawn(move || {
            let mut encoder: Option<PictureEncoder> = None;
            // Ends when the call drops its end.
            while let Ok(scene) = waiting.recv() {
                let Some(size) = lock(&budget).picture else {
                    continue;
                };
                let picture = scene.draw();
                let size = if picture.is_screen() {
                    size.for_screen(picture.width(), picture.height())
                } else {
                    size.shaped(picture.width(), picture.height())
                };
                let mut whole = told.take_whole();
                if encoder
                    .as_ref()
                    .is_none_or(|encoder| encoder.size() != size)
                {
                    encoder = PictureEncoder::new(size).ok();
                    whole = true;
                }
                let Some(encoder) = &mut encoder else {
                    continue;
                };
                match encoder.encode(&picture, whole) {
                    Ok(Some(bytes)) => {
                        if let Err(mpsc::error::TrySendError::Full(_)) =
                            out.try_send((bytes, Instant::now()))
                        {
                            // Those after it need it.
                            told.want_whole();
                        }
                    }
                    Ok(None) if whole => told.want_whole(),
                    Ok(None) => {}
                    Err(_) => told.want_whole(),
                }
            }
        })?;
    Ok((pictures, encoded))
}
