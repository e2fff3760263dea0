//! One connection to the browser of one who takes part, from its offer to its end. A rejoin is a new
//! one.

mod agreement;
mod handshake;
mod incoming;
mod outgoing;
mod relays;
mod wire;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
pub use rustls::pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout, timeout_at};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceConnectionState,
    RTCIceGatheringState, RTCIceTransportPolicy, RTCPeerConnectionState,
};

use super::adapt::{Adaptation, Quality};
use super::codec::{CodecError, SoundEncoder};
use super::reports::Told;
use super::studio::Studio;
use super::{FRAME, lock};
use crate::description::fingerprint;
use crate::visit::Party;
use outgoing::{Outgoing, encoder};
use relays::Reached;
use wire::Wire;

/// Where the two sides may meet if they do not reach each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// `turn:` and `stun:` addresses.
    pub urls: Vec<String>,
    /// A name that the relay takes for a while.
    pub username: String,
    /// The secret that goes with it.
    pub credential: String,
}

/// How a call is set up.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Relays that may be used.
    pub relays: Vec<Relay>,
    /// Nothing but relays may be used.
    pub relayed_only: bool,
    /// Authorities that relays' certificates may come from, beside those that this computer
    /// trusts.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The two sides are connected and have checked each other's certificate.
    Connected,
    /// The first picture of theirs was decoded.
    FirstPicture,
    /// Nothing comes from the other side any more; it may yet.
    Interrupted,
    /// How it looks from the other side has changed.
    Quality(Quality),
    /// This connection leads nowhere: the browser must offer another one.
    Failed,
}

/// Why no call came about.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The offer cannot be answered, or no connection be set up.
    #[error("the connection could not be set up")]
    Connection(#[from] webrtc::error::Error),
    /// The offer names no certificate, or several.
    #[error("the offer does not name one certificate")]
    Fingerprint,
    /// A codec.
    #[error("a codec could not be set up")]
    Codec(#[from] CodecError),
    /// No thread could be started.
    #[error("no thread could be started")]
    Thread(#[from] std::io::Error),
}

impl CallError {
    /// The same for as long as there is such an error. Unlike the words of what it stems from, it
    /// names no address and no device, and may be logged.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connection(_) => "call-connection",
            Self::Fingerprint => "call-fingerprint",
            Self::Codec(_) => "call-codec",
            Self::Thread(_) => "call-thread",
        }
    }
}

/// What the browser is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The session description.
    pub sdp: String,
    /// SHA-256 of our certificate, as the description names it.
    pub fingerprint: String,
}

/// Counters of one call. They say nothing of what was seen or heard.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pictures sent.
    pub pictures_sent: AtomicU64,
    /// Pictures of theirs that were decoded.
    pub pictures_decoded: AtomicU64,
    /// Places where a picture, or more than one, was given up.
    pub gaps: AtomicU64,
    /// How often a whole picture was asked for.
    pub wholes_asked: AtomicU64,
    /// Packets of sound that were decoded.
    pub sounds_decoded: AtomicU64,
    /// Packets of sound that were lost and made up for.
    pub sounds_concealed: AtomicU64,
    /// Longest time between two pictures, in milliseconds.
    pub longest_freeze: AtomicU64,
    /// Time without a picture beyond 200 ms each, in milliseconds.
    pub frozen: AtomicU64,
}

/// A call. It ends when it is closed or dropped.
pub struct Call {
    connection: Arc<dyn PeerConnection>,
    counters: Arc<Counters>,
    party: Party,
    studio: Arc<Studio>,
    tasks: Arc<Mutex<JoinSet<()>>>,
    /// Carries to the relays, also the good-bye.
    _reached: Reached,
}

/// ICE is there, and the rest must follow.
const WATCHDOG: Duration = Duration::from_secs(4);
/// Neither side has found the other.
const NO_PATH: Duration = Duration::from_secs(12);
/// Candidates found by then are told.
const GATHER: Duration = Duration::from_millis(1_500);
/// Sound travels in pieces of this length …
const PIECE: Duration = Duration::from_millis(20);
/// … and one that is later than this is silence.
const LATE: Duration = Duration::from_millis(40);
/// Where nothing moves, the same picture goes out this often.
const STILL: Duration = Duration::from_millis(500);
/// Reports are looked at this often.
const LOOK: Duration = Duration::from_millis(500);

impl Call {
    /// Answers the offer of somebody's browser. What becomes of it is told through `events`. For
    /// as long as it lasts they are seen and heard by all others who are in a call of this studio.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn answer(
        offer: &str,
        setup: Setup,
        party: Party,
        studio: Arc<Studio>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(Self, Answer), CallError> {
        fingerprint(offer).ok_or(CallError::Fingerprint)?;
        let told = Arc::new(Told::default());
        let counters = Arc::new(Counters::default());
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        let mut engine = agreement::engine()?;
        let registry = agreement::interceptors(&mut engine, &told)?;
        let settings = SettingEngineBuilder::new()
            // A browser that is gone is noticed in a moment.
            .with_ice_timeouts(
                Some(Duration::from_secs(3)),
                Some(Duration::from_secs(4)),
                Some(Duration::from_millis(500)),
            )
            .build();
        let reached = relays::reach(setup.relays, &setup.authorities).await;
        let policy = if setup.relayed_only {
            RTCIceTransportPolicy::Relay
        } else {
            RTCIceTransportPolicy::All
        };
        let configuration = RTCConfigurationBuilder::new()
            .with_ice_servers(reached.servers.clone())
            .with_ice_transport_policy(policy)
            .build();
        let (gathered, mut gathering) = mpsc::channel(1);
        let watcher = Arc::new(Watcher {
            events: events.clone(),
            gathered,
            told: Arc::clone(&told),
            counters: Arc::clone(&counters),
            party,
            studio: Arc::clone(&studio),
            tasks: Arc::downgrade(&tasks),
            connected: Arc::default(),
        });
        let connected = Arc::clone(&watcher.connected);
        // All interfaces, and this computer itself, where tests and second windows live.
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_configuration(configuration)
                .with_media_engine(engine)
                .with_setting_engine(settings)
                .with_interceptor_registry(registry)
                .with_handler(watcher)
                .with_runtime(Arc::new(Wire::default()))
                .with_udp_addrs(vec!["0.0.0.0:0", "127.0.0.1:0"])
                .build()
                .await?,
        );
        studio.join(party);
        let mut call = Self {
            connection,
            counters,
            party,
            studio,
            tasks,
            _reached: reached,
        };
        match call.negotiate(offer, &mut gathering).await {
            Ok((answer, picture, sound)) => {
                call.send(&told, &connected, events.clone(), picture, sound)?;
                call.watch(connected, events);
                Ok((call, answer))
            }
            Err(error) => {
                call.close().await;
                Err(error)
            }
        }
    }

    async fn negotiate(
        &mut self,
        offer: &str,
        gathering: &mut mpsc::Receiver<()>,
    ) -> Result<(Answer, Outgoing, Outgoing), CallError> {
        let picture = agreement::picture_track()?;
        let sound = agreement::sound_track()?;
        let picture_sender = self
            .connection
            .add_track(Arc::clone(&picture) as Arc<dyn TrackLocal>)
            .await?;
        let sound_sender = self
            .connection
            .add_track(Arc::clone(&sound) as Arc<dyn TrackLocal>)
            .await?;
        self.connection
            .set_remote_description(RTCSessionDescription::offer(offer.to_owned())?)
            .await?;
        let answer = self.connection.create_answer(None).await?;
        self.connection.set_local_description(answer).await?;
        // What is not found by then is left out: the browser's own candidates still count.
        let _ = timeout(GATHER, gathering.recv()).await;
        let sdp = self
            .connection
            .local_description()
            .await
            .map(|description| description.sdp)
            .unwrap_or_default();
        let fingerprint = fingerprint(&sdp).ok_or(CallError::Fingerprint)?;
        Ok((
            Answer { sdp, fingerprint },
            Outgoing::new(picture, picture_sender).await?,
            Outgoing::new(sound, sound_sender).await?,
        ))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).spawn(task);
    }

    fn send(
        &self,
        told: &Arc<Told>,
        connected: &Arc<Milestones>,
        events: mpsc::UnboundedSender<Event>,
        picture: Outgoing,
        sound: Outgoing,
    ) -> Result<(), CallError> {
        let budget = Arc::new(Mutex::new(Adaptation::default().budget()));
        let (encoder, mut encoded) = encoder(Arc::clone(told), Arc::clone(&budget))?;
        let mut pictures = self.studio.own_picture();
        let (party, studio) = (self.party, Arc::clone(&self.studio));
        let pace = Arc::clone(&budget);
        let begun = Arc::clone(connected);
        self.spawn(async move {
            let mut last = Instant::now();
            let mut pause = STILL;
            loop {
                // The clinician's camera gives the beat. Where it is off, the others are seen all
                // the same, and who sees nobody sees that it is dark and not that it is broken.
                if let Ok(Err(_)) = timeout(pause, pictures.changed()).await {
                    return;
                }
                let rate = lock(&pace).picture.map(|size| size.rate);
                let own = pictures.borrow_and_update().clone();
                let hidden = own.is_none();
                let scene = studio.scene(party, own);
                pause = match rate {
                    Some(rate) if hidden && !scene.others.is_empty() => {
                        Duration::from_secs(1) / rate
                    }
                    _ => STILL,
                };
                let (Some(rate), true) = (rate, begun.secured.load(Ordering::Relaxed)) else {
                    continue;
                };
                // A little early is in time: cameras are not exact.
                if last.elapsed() * 10 < Duration::from_secs(9) / rate {
                    continue;
                }
                last = Instant::now();
                match encoder.try_send(scene) {
                    Ok(()) | Err(TrySendError::Full(_)) => {}
                    Err(TrySendError::Disconnected(_)) => return,
                }
            }
        });
        let counters = Arc::clone(&self.counters);
        self.spawn(async move {
            let mut last: Option<Instant> = None;
            while let Some((bytes, taken)) = encoded.recv().await {
                let since = last.map_or(Duration::from_millis(33), |last| taken - last);
                last = Some(taken);
                picture.write(bytes.into(), since).await;
                counters.pictures_sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut encoder = SoundEncoder::new()?;
        let mut sounds = self.studio.own_sound();
        let studio = Arc::clone(&self.studio);
        let pace = Arc::clone(&budget);
        let begun = Arc::clone(connected);
        self.spawn(async move {
            let mut loss = 0;
            let mut due = tokio::time::Instant::now() + LATE;
            loop {
                // Who is mute is silent, not gone: the other side's clock goes on, and as fast.
                let heard = match timeout_at(due, sounds.recv()).await {
                    Ok(Ok(heard)) => {
                        due = tokio::time::Instant::now() + LATE;
                        Some(heard)
                    }
                    Ok(Err(tokio::sync::broadcast::error::RecvError::Lagged(_))) => continue,
                    Ok(Err(tokio::sync::broadcast::error::RecvError::Closed)) => return,
                    Err(_) => {
                        due += PIECE;
                        None
                    }
                };
                if !begun.secured.load(Ordering::Relaxed) {
                    continue;
                }
                let expected = lock(&pace).loss;
                if expected != loss && encoder.expect_loss(expected).is_ok() {
                    loss = expected;
                }
                let mut frame = heard.map_or([0; FRAME], |heard| *heard);
                studio.add_voices(party, &mut frame);
                if let Ok(bytes) = encoder.encode(&frame) {
                    sound.write(bytes.into(), PIECE).await;
                }
            }
        });
        let told = Arc::clone(told);
        self.spawn(async move {
            let begun = Instant::now();
            let mut adaptation = Adaptation::default();
            let mut quality = adaptation.quality();
            loop {
                sleep(LOOK).await;
                let Some(lost) = told.take_lost() else {
                    continue;
                };
                adaptation.report(lost, begun.elapsed());
                *lock(&budget) = adaptation.budget();
                if adaptation.quality() != quality {
                    quality = adaptation.quality();
                    let _ = events.send(Event::Quality(quality));
                }
            }
        });
        Ok(())
    }

    /// Some connections hang after the two sides have found each other: those are given up.
    fn watch(&self, connected: Arc<Milestones>, events: mpsc::UnboundedSender<Event>) {
        self.spawn(async move {
            let begun = Instant::now();
            loop {
                sleep(Duration::from_millis(100)).await;
                if connected.secured.load(Ordering::Relaxed) {
                    return;
                }
                let found = *lock(&connected.found);
                let hangs = found.is_some_and(|found| found.elapsed() > WATCHDOG);
                if hangs || begun.elapsed() > NO_PATH {
                    let _ = events.send(Event::Failed);
                    return;
                }
            }
        });
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Ends the call. The devices go on.
    pub async fn close(self) {
        lock(&self.tasks).abort_all();
        // A connection that does not close properly is dropped all the same.
        let _ = self.connection.close().await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        lock(&self.tasks).abort_all();
        self.studio.part(self.party);
    }
}

/// How far a connection has come.
#[derive(Debug, Default)]
struct Milestones {
    found: Mutex<Option<Instant>>,
    secured: AtomicBool,
}

/// Hears what the connection says of itself.
struct Watcher {
    events: mpsc::UnboundedSender<Event>,
    gathered: mpsc::Sender<()>,
    told: Arc<Told>,
    counters: Arc<Counters>,
    party: Party,
    studio: Arc<Studio>,
    tasks: Weak<Mutex<JoinSet<()>>>,
    connected: Arc<Milestones>,
}

#[async_trait]
impl PeerConnectionEventHandler for Watcher {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        if matches!(
            state,
            RTCIceConnectionState::Connected | RTCIceConnectionState::Completed
        ) {
            lock(&self.connected.found).get_or_insert_with(Instant::now);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let event = match state {
            RTCPeerConnectionState::Connected => {
                self.connected.secured.store(true, Ordering::Relaxed);
                // Whatever was drawn before anybody could see it is of no use.
                self.told.want_whole();
                Event::Connected
            }
            RTCPeerConnectionState::Disconnected => {
                self.studio.lose(self.party);
                Event::Interrupted
            }
            RTCPeerConnectionState::Failed => {
                self.studio.lose(self.party);
                Event::Failed
            }
            _ => return,
        };
        let _ = self.events.send(event);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let Some(tasks) = self.tasks.upgrade() else {
            return;
        };
        let (studio, counters) = (Arc::clone(&self.studio), Arc::clone(&self.counters));
        let party = self.party;
        if track.kind().await == RtpCodecKind::Audio {
            lock(&tasks).spawn(incoming::hear(track, party, studio, counters));
        } else {
            let events = self.events.clone();
            lock(&tasks).spawn(incoming::see(track, party, studio, counters, events));
        }
    }
}
