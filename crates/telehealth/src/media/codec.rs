//! H.264 and Opus.

use openh264::OpenH264API;
use openh264::decoder::Decoder;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, FrameType, Profile, RateControlMode,
    UsageType, VuiConfig,
};

use super::adapt::Size;
use super::{FRAME, Picture, RATE};

/// A codec could not be set up or used.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// H.264.
    #[error("the picture's codec failed")]
    Picture(#[from] openh264::Error),
    /// Opus.
    #[error("the sound's codec failed")]
    Sound(#[from] opus::Error),
}

/// Makes H.264, constrained baseline.
pub(crate) struct PictureEncoder {
    inner: Encoder,
    size: Size,
}

impl PictureEncoder {
    pub(crate) fn new(size: Size) -> Result<Self, CodecError> {
        let config = EncoderConfig::new()
            .bitrate(BitRate::from_bps(size.bits))
            .max_frame_rate(FrameRate::from_hz(size.rate as f32))
            .rate_control_mode(RateControlMode::Bitrate)
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            // A nod is no new scene: whole pictures come when the other side asks for one.
            .scene_change_detect(false)
            .skip_frames(true)
            // What browsers take for granted is not what cameras mean: faces would turn darker.
            .vui(VuiConfig::bt601())
            .num_threads(1);
        Ok(Self {
            inner: Encoder::with_api_config(OpenH264API::from_source(), config)?,
            size,
        })
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The encoded picture; nothing if it was left out to keep the rate. `whole` asks for one
    /// that needs none before it.
    pub(crate) fn encode(
        &mut self,
        picture: &Picture,
        whole: bool,
    ) -> Result<Option<Vec<u8>>, CodecError> {
        if whole {
            self.inner.force_intra_frame();
        }
        let (width, height) = (self.size.width, self.size.height);
        let stream = if (picture.width(), picture.height()) == (width, height) {
            self.inner.encode(picture)?
        } else {
            self.inner.encode(&picture.scaled(width, height))?
        };
        if matches!(stream.frame_type(), FrameType::Skip | FrameType::Invalid) {
            return Ok(None);
        }
        let bytes = stream.to_vec();
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

/// Reads H.264.
pub(crate) struct PictureDecoder(Decoder);

impl PictureDecoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self(Decoder::new()?))
    }

    /// The picture, once its parts are complete.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Result<Option<Picture>, CodecError> {
        let decoded = self.0.decode(bytes)?;
        Ok(decoded.map(|yuv| Picture::from_rows(&yuv)))
    }
}

/// Makes Opus that survives the loss of a packet.
pub(crate) struct SoundEncoder(opus::Encoder);

impl SoundEncoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        let mut encoder =
            opus::Encoder::new(RATE as u32, opus::Channels::Mono, opus::Application::Voip)?;
        encoder.set_bitrate(opus::Bitrate::Bits(32_000))?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(5)?;
        Ok(Self(encoder))
    }

    pub(crate) fn expect_loss(&mut self, percent: u8) -> Result<(), CodecError> {
        Ok(self.0.set_packet_loss_perc(i32::from(percent.max(5)))?)
    }

    pub(crate) fn encode(&mut self, sound: &[i16; FRAME]) -> Result<Vec<u8>, CodecError> {
        Ok(self.0.encode_vec(sound, 1_000)?)
    }
}

/// Reads Opus.
pub(crate) struct SoundDecoder(opus::Decoder);

impl SoundDecoder {
    pub(crate) fn new() -> Result<Self, CodecError> {
        Ok(Self(opus::Decoder::new(RATE as u32, opus::Channels::Mono)?))
    }

    /// The sound of a packet.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> Result<Vec<i16>, CodecError> {
        // The longest that one packet may hold: 120 ms.
        let mut sound = vec![0; RATE * 120 / 1000];
        let samples = self.0.decode(bytes, &mut sound, false)?;
        sound.truncate(samples);
        Ok(sound)
    }

    /// What a lost packet probably sounded like, with the help of the one after it.
    pub(crate) fn conceal(&mut self, after: Option<&[u8]>) -> Result<Vec<i16>, CodecError> {
        let mut sound = vec![0; FRAME];
        let samples = self
            .0
            .decode(after.unwrap_or_default(), &mut sound, after.is_some())?;
        sound.truncate(samples);
        Ok(sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::pattern;

    #[test]
    fn t1_a_stamp_survives_the_codec_at_every_size() {
        for (bits, width, height) in [
            (600_000, 640, 360),
            (250_000, 480, 270),
            (120_000, 320, 180),
        ] {
            let mut encoder = PictureEncoder::new(Size {
                bits,
                width,
                height,
                rate: 30,
            })
            .unwrap();
            let mut decoder = PictureDecoder::new().unwrap();
            let mut read = 0;
            for frame in 0..30_u64 {
                let stamp = 1_234_567 + frame * 33;
                let bytes = encoder
                    .encode(&pattern::draw(640, 360, stamp), frame == 0)
                    .unwrap();
                if let Some(bytes) = bytes
                    && let Some(picture) = decoder.decode(&bytes).unwrap()
                {
                    assert_eq!(pattern::read(&picture), Some(stamp));
                    read += 1;
                }
            }
            assert!(read >= 15, "{read} of 30 at {width} x {height}");
        }
    }

    #[test]
    fn t2_a_lost_packet_of_sound_leaves_no_hole() {
        let mut encoder = SoundEncoder::new().unwrap();
        let mut decoder = SoundDecoder::new().unwrap();
        let mut packets = Vec::new();
        for frame in 0..20 {
            let mut sound = [0_i16; FRAME];
            for (i, sample) in sound.iter_mut().enumerate() {
                let time = (frame * FRAME + i) as f32 / RATE as f32;
                *sample = ((time * 440.0 * std::f32::consts::TAU).sin() * 8_000.0) as i16;
            }
            packets.push(encoder.encode(&sound).unwrap());
        }
        let loud = |sound: &[i16]| sound.iter().map(|s| i32::from(s.abs())).max().unwrap();
        for packet in &packets[..10] {
            decoder.decode(packet).unwrap();
        }
        let concealed = decoder.conceal(Some(&packets[11])).unwrap();
        assert_eq!(concealed.len(), FRAME);
        assert!(loud(&concealed) > 3_000, "{}", loud(&concealed));
    }
}
