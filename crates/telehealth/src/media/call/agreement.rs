//! What a call is offered and answered with: codecs, and what happens to packets on their way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::interceptor::{NackGeneratorBuilder, NackResponderBuilder, Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_rtcp_reports, configure_twcc_receiver_only,
};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MediaEngine,
};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RtpCodecKind,
};
use webrtc::media_stream::track_local::static_sample::TrackLocalStaticSample;

use super::super::reports::{Listening, Told};
use super::CallError;

/// What our answers name them; the browser may name them otherwise.
const OPUS: u8 = 111;
const H264: u8 = 102;
const RTX: u8 = 103;
const H264_FORM: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

fn codec(mime: &str, rate: u32, channels: u16, form: &str) -> RTCRtpCodec {
    let feedback = |typ: &str, parameter: &str| RTCPFeedback {
        typ: typ.to_owned(),
        parameter: parameter.to_owned(),
    };
    let rtcp_feedback = if mime == MIME_TYPE_H264 {
        vec![
            feedback("nack", ""),
            feedback("nack", "pli"),
            feedback("ccm", "fir"),
            feedback("transport-cc", ""),
        ]
    } else {
        Vec::new()
    };
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate: rate,
        channels,
        sdp_fmtp_line: form.to_owned(),
        rtcp_feedback,
    }
}

fn picture() -> RTCRtpCodec {
    codec(MIME_TYPE_H264, 90_000, 0, H264_FORM)
}

fn sound() -> RTCRtpCodec {
    codec(MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1")
}

/// The codecs that both sides must have.
pub(super) fn engine() -> Result<MediaEngine, CallError> {
    let mut engine = MediaEngine::default();
    let register = |engine: &mut MediaEngine, rtp_codec, payload_type, kind| {
        engine.register_codec(
            RTCRtpCodecParameters {
                rtp_codec,
                payload_type,
            },
            kind,
        )
    };
    register(&mut engine, sound(), OPUS, RtpCodecKind::Audio)?;
    register(&mut engine, picture(), H264, RtpCodecKind::Video)?;
    register(
        &mut engine,
        codec(MIME_TYPE_RTX, 90_000, 0, &format!("apt={H264}")),
        RTX,
        RtpCodecKind::Video,
    )?;
    Ok(engine)
}

/// What happens to packets on their way.
pub(super) fn interceptors(
    engine: &mut MediaEngine,
    told: &Arc<Told>,
) -> Result<Registry, CallError> {
    // Few questions for each lost packet and often: unbounded ones storm a poor line, and the
    // pacer of the congestion control would hold sound back for seconds.
    let registry = Registry::new()
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .with(
            Slot::NackGenerator,
            NackGeneratorBuilder::new()
                .with_interval(Duration::from_millis(30))
                .with_max_nacks_per_packet(4)
                .build(),
        )
        .with(Slot::from(13_500), Listening::new(Arc::clone(told)));
    let registry = configure_twcc_receiver_only(registry, engine)?;
    Ok(configure_rtcp_reports(registry))
}

fn track(kind: RtpCodecKind, codec: RTCRtpCodec) -> Result<Arc<TrackLocalStaticSample>, CallError> {
    let mut ssrc = [0; 4];
    getrandom::fill(&mut ssrc).map_err(std::io::Error::other)?;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(u32::from_ne_bytes(ssrc)),
            ..Default::default()
        },
        codec,
        ..Default::default()
    };
    let track = MediaStreamTrack::new(
        "clinician".to_owned(),
        format!("clinician-{kind}"),
        format!("clinician-{kind}"),
        kind,
        vec![encoding],
    );
    Ok(Arc::new(TrackLocalStaticSample::new(
        Instant::now(),
        track,
    )?))
}

/// Our picture, before anybody has agreed to it.
pub(super) fn picture_track() -> Result<Arc<TrackLocalStaticSample>, CallError> {
    track(RtpCodecKind::Video, picture())
}

/// Our sound, before anybody has agreed to it.
pub(super) fn sound_track() -> Result<Arc<TrackLocalStaticSample>, CallError> {
    track(RtpCodecKind::Audio, sound())
}
