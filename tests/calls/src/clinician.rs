//! The clinician's end, and a page for the browser to open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use telehealth::media::adapt::Quality;
use telehealth::media::call::{Call, Event, Setup};
use telehealth::media::device::STAND_IN;
use telehealth::media::studio::Shown;
use telehealth::media::{RATE, Studio, studio};
use telehealth::visit::Party;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, broadcast, mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::PATIENCE;
use crate::proxy::Path;
use crate::web::{self, Answer, Asked};

/// What the browser says it saw and heard.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Pictures.
    pub frames: u64,
    /// Stamps that were read back.
    pub stamps: u64,
    /// The loudest tone, Hz; nought: silence.
    pub tone: f64,
    /// How loud the tones are that were to be listened for, in dB.
    pub levels: Vec<f64>,
    /// Stamps that were read back in the strip below our picture, where one other is in it.
    pub strip: u64,
    /// Red, green and blue of the corner of the picture in the strip.
    pub corner: Vec<f64>,
    /// Height of the picture by its width.
    pub shape: f64,
    /// Milliseconds from drawing a picture to seeing it: the middle …
    pub p50: f64,
    /// … and what 95 of 100 do not exceed.
    pub p95: f64,
    /// Milliseconds in pauses of more than 200.
    pub freezes: f64,
    /// The longest pause, in milliseconds.
    pub longest: f64,
    /// From the begin of this connection to its first picture, in milliseconds.
    pub first: f64,
    /// By how many milliseconds the sound that is played is ahead of the picture that is shown, as
    /// the browser reckons from our clock; nought until it knows.
    pub drift: f64,
    /// When our sound was last seen to vanish there, in milliseconds since 1970; nought: it was not
    /// looked for, or did not.
    pub silent: f64,
    /// Packets of sound that came, lost ones left out …
    pub sounds: u64,
    /// … and when they were counted, in milliseconds of the browser's clock.
    pub at: f64,
    /// How the browser calls it.
    pub state: String,
}

struct Desk {
    path: Path,
    setup: Setup,
    party: Party,
    studio: Arc<Studio>,
    call: Mutex<Option<Call>>,
    /// How many calls were offered.
    number: AtomicU64,
    /// The call with this number is to be offered anew.
    again: AtomicU64,
    events: mpsc::UnboundedSender<Event>,
    seen: mpsc::UnboundedSender<Seen>,
}

/// The clinician's end of calls with one of those who take part.
pub struct Clinician {
    address: SocketAddr,
    /// The devices.
    pub studio: Arc<Studio>,
    desk: Arc<Desk>,
    events: mpsc::UnboundedReceiver<Event>,
    past: Vec<Event>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Clinician {
    /// Waits for a patient's browser on this computer.
    pub async fn start(path: Path, setup: Setup) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), path, setup).await
    }

    /// The same at an address.
    pub async fn at(address: SocketAddr, path: Path, setup: Setup) -> Self {
        let studio = Arc::new(Studio::default());
        studio.use_camera(Some(STAND_IN)).unwrap();
        studio.use_microphone(Some(STAND_IN)).unwrap();
        Self::with(address, path, setup, Party::Patient, studio).await
    }

    /// Waits for a guest's browser beside this one.
    pub async fn beside(&self, guest: u128, path: Path) -> Self {
        let (address, setup) = (([127, 0, 0, 1], 0).into(), Setup::default());
        let studio = Arc::clone(&self.studio);
        Self::with(address, path, setup, Party::Guest(guest), studio).await
    }

    async fn with(
        address: SocketAddr,
        path: Path,
        setup: Setup,
        party: Party,
        studio: Arc<Studio>,
    ) -> Self {
        let (events_in, events) = mpsc::unbounded_channel();
        let (seen_in, seen) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            path,
            setup,
            party,
            studio: Arc::clone(&studio),
            call: Mutex::default(),
            number: AtomicU64::new(0),
            again: AtomicU64::new(0),
            events: events_in,
            seen: seen_in,
        });
        let serving = Arc::clone(&desk);
        let address = web::serve(address, move |asked| {
            let desk = Arc::clone(&serving);
            async move { desk.serve(asked).await }
        })
        .await;
        Self {
            address,
            studio,
            desk,
            events,
            past: Vec::new(),
            seen,
        }
    }

    /// Where the browser finds the page.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for an event.
    pub async fn wait_for(&mut self, wanted: Event) {
        let heard = timeout(PATIENCE, async {
            while let Some(event) = self.events.recv().await {
                self.past.push(event);
                if event == wanted {
                    return;
                }
            }
        })
        .await;
        assert!(heard.is_ok(), "no {wanted:?}, but {:?}", self.past);
    }

    /// Whether a picture comes of the next connection, or word that none will.
    pub async fn comes_about(&mut self) -> bool {
        let told = timeout(PATIENCE, async {
            while let Some(event) = self.events.recv().await {
                match event {
                    Event::FirstPicture => return true,
                    Event::Failed => return false,
                    _ => {}
                }
            }
            false
        });
        told.await.expect("a connection hangs")
    }

    /// Has the browser begin another connection.
    pub fn connect_again(&self) {
        let number = self.desk.number.load(Ordering::Relaxed);
        self.desk.again.store(number, Ordering::Relaxed);
    }

    /// Whether there was such an event.
    pub fn was(&self, event: Event) -> bool {
        self.past.contains(&event)
    }

    /// What the browser tells next.
    pub async fn next_seen(&mut self) -> Seen {
        timeout(PATIENCE, self.seen.recv()).await.unwrap().unwrap()
    }

    /// What the browser told last, and tells next.
    pub async fn newest_seen(&mut self) -> Seen {
        while self.seen.try_recv().is_ok() {}
        self.next_seen().await
    }

    /// What the browser tells once it is enough.
    pub async fn seen_when(&mut self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let mut last = None;
        let found = timeout(PATIENCE, async {
            loop {
                let seen = self.seen.recv().await.unwrap();
                if enough(&seen) {
                    return seen;
                }
                last = Some(seen);
            }
        })
        .await;
        found.unwrap_or_else(|_| panic!("last seen: {last:?}"))
    }

    /// Their picture, as it comes in here.
    pub fn their_picture(&self) -> watch::Receiver<Shown> {
        self.studio.their_picture(self.desk.party)
    }

    fn their_sound(&self) -> broadcast::Receiver<Arc<Vec<i16>>> {
        self.studio.their_sound(self.desk.party)
    }

    /// Ends the call that there is.
    pub async fn hang_up(&self) {
        if let Some(call) = self.desk.call.lock().await.take() {
            call.close().await;
        }
    }

    /// The loudest tone of their sound, by counting how often it rises through zero: the
    /// middle of five half seconds, because one of them may hold what was made up for a loss.
    pub async fn heard_tone(&self) -> f64 {
        let mut sounds = self.their_sound();
        let mut tones = Vec::new();
        while tones.len() < 5 {
            let mut sound: Vec<i16> = Vec::new();
            while sound.len() < RATE / 2 {
                match timeout(PATIENCE, sounds.recv()).await.unwrap() {
                    Ok(piece) => sound.extend(piece.iter()),
                    // We were not given the time to listen: what was heard before has a gap.
                    Err(RecvError::Lagged(_)) => sound.clear(),
                    Err(RecvError::Closed) => panic!("the studio is gone"),
                }
            }
            let rises = sound
                .windows(2)
                .filter(|pair| pair[0] < 0 && pair[1] >= 0)
                .count();
            tones.push(rises as f64 * RATE as f64 / sound.len() as f64);
        }
        tones.sort_by(f64::total_cmp);
        tones[2]
    }

    /// By how many milliseconds the patient's picture is ahead of their sound here, at the next
    /// time that a page with `blink` takes both away in one moment.
    pub async fn lips(&self) -> f64 {
        let mut sounds = self.their_sound();
        let silent = async {
            let mut heard = false;
            while let Ok(sound) = sounds.recv().await {
                let loud = sound.iter().any(|sample| sample.unsigned_abs() > 300);
                if heard && !loud {
                    break;
                }
                heard = loud;
            }
            Instant::now()
        };
        let mut pictures = self.their_picture();
        let dark = async {
            let mut seen = false;
            while pictures.changed().await.is_ok() {
                let light = pictures
                    .borrow_and_update()
                    .as_ref()
                    .is_some_and(|picture| picture.planes().iter().any(|sample| *sample > 150));
                if seen && !light {
                    break;
                }
                seen = light;
            }
            Instant::now()
        };
        let (silent, dark) = timeout(PATIENCE, async { tokio::join!(silent, dark) })
            .await
            .unwrap();
        match silent.checked_duration_since(dark) {
            Some(later) => later.as_secs_f64() * 1_000.0,
            None => -(dark - silent).as_secs_f64() * 1_000.0,
        }
    }

    /// By how many milliseconds our picture is ahead of our sound at the patient, the middle of five
    /// times: the microphone is switched off, and what a page with `blink` makes of it is held
    /// against the pictures' stamps.
    pub async fn patients_lips(&mut self) -> f64 {
        let mut taken = Vec::new();
        while taken.len() < 5 {
            let before = self.newest_seen().await;
            let off = studio::wall_clock() as f64;
            self.studio.use_microphone(None).unwrap();
            let after = self.seen_when(|seen| seen.silent > before.silent).await;
            self.studio.use_microphone(Some(STAND_IN)).unwrap();
            self.seen_when(|seen| seen.tone > 0.0).await;
            taken.push(after.silent - off - after.p50);
        }
        taken.sort_by(f64::total_cmp);
        taken[2]
    }

    /// What was counted of the patient's picture and sound: decoded pictures, decoded and made-up
    /// packets of sound.
    pub async fn counted(&self) -> (u64, u64, u64) {
        self.count(|call| {
            let counters = call.counters();
            (
                counters.pictures_decoded.load(Ordering::Relaxed),
                counters.sounds_decoded.load(Ordering::Relaxed),
                counters.sounds_concealed.load(Ordering::Relaxed),
            )
        })
        .await
        .unwrap_or_default()
    }

    async fn count<T>(&self, count: impl Fn(&Call) -> T) -> Option<T> {
        self.desk.call.lock().await.as_ref().map(count)
    }

    /// What was said of the line so far.
    pub fn qualities(&mut self) -> Vec<Quality> {
        while let Ok(event) = self.events.try_recv() {
            self.past.push(event);
        }
        let quality = |event: &Event| match event {
            Event::Quality(quality) => Some(*quality),
            _ => None,
        };
        self.past.iter().filter_map(quality).collect()
    }

    /// How often pictures were given up, and whole ones asked for.
    pub async fn gaps(&self) -> (u64, u64) {
        self.count(|call| {
            let counters = call.counters();
            (
                counters.gaps.load(Ordering::Relaxed),
                counters.wholes_asked.load(Ordering::Relaxed),
            )
        })
        .await
        .unwrap_or_default()
    }

    /// How many connections it took.
    pub fn calls(&self) -> u64 {
        self.desk.number.load(Ordering::Relaxed)
    }

    /// Pictures of the patient that were decoded.
    pub async fn pictures_decoded(&self) -> u64 {
        self.count(|call| call.counters().pictures_decoded.load(Ordering::Relaxed))
            .await
            .unwrap_or_default()
    }

    /// Time without a picture of the patient.
    pub async fn frozen(&self) -> Duration {
        let frozen = self
            .count(|call| call.counters().frozen.load(Ordering::Relaxed))
            .await;
        Duration::from_millis(frozen.unwrap_or_default())
    }
}

impl Desk {
    async fn serve(self: &Arc<Self>, asked: Asked) -> Answer {
        if asked.line.starts_with("POST /offer") {
            let (call, text) = self.answer(&asked.body).await;
            Answer { text, call }
        } else if asked.line.starts_with("POST /seen") {
            let _ = self.seen.send(serde_json::from_str(&asked.body).unwrap());
            let again = self.again.load(Ordering::Relaxed);
            let number = self.number.load(Ordering::Relaxed);
            Answer::new(format!("{again},{number}"))
        } else if asked.line.starts_with("GET /?") {
            Answer::new(include_str!("page.html"))
        } else {
            Answer::new("")
        }
    }

    async fn answer(self: &Arc<Self>, offer: &str) -> (u64, String) {
        let mut place = self.call.lock().await;
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let (heard, mut events) = mpsc::unbounded_channel();
        let refused = heard.clone();
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let _ = desk.events.send(event);
                if event == Event::Failed {
                    // As the workstation does it.
                    sleep(Duration::from_millis(700)).await;
                    desk.again.store(number, Ordering::Relaxed);
                }
            }
        });
        if let Some(before) = place.take() {
            before.close().await;
        }
        let offer = self.path.offer(offer);
        let setup = self.setup.clone();
        let made = Call::answer(&offer, setup, self.party, Arc::clone(&self.studio), heard).await;
        let Ok((call, answer)) = made else {
            // The workstation counts it as a connection that came to nothing, and asks for another.
            let _ = refused.send(Event::Failed);
            return (number, String::new());
        };
        *place = Some(call);
        (number, self.path.answer(&answer.sdp).await)
    }
}
