//! The clinician's end, and a page for the browser to open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use telehealth::media::adapt::Quality;
use telehealth::media::call::{Call, Event, Setup};
use telehealth::media::device::STAND_IN;
use telehealth::media::{RATE, Studio};
use tokio::sync::{Mutex, mpsc};
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
    /// How the browser calls it.
    pub state: String,
}

struct Desk {
    path: Path,
    setup: Setup,
    studio: Arc<Studio>,
    call: Mutex<Option<Call>>,
    /// How many calls were offered.
    number: AtomicU64,
    /// The call with this number is to be offered anew.
    again: AtomicU64,
    events: mpsc::UnboundedSender<Event>,
    seen: mpsc::UnboundedSender<Seen>,
}

/// The clinician's end of calls.
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
    /// Waits for a browser on this computer.
    pub async fn start(path: Path, setup: Setup) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), path, setup).await
    }

    /// The same at an address.
    pub async fn at(address: SocketAddr, path: Path, setup: Setup) -> Self {
        let studio = Arc::new(Studio::default());
        studio.use_camera(Some(STAND_IN)).unwrap();
        studio.use_microphone(Some(STAND_IN)).unwrap();
        let (events_in, events) = mpsc::unbounded_channel();
        let (seen_in, seen) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            path,
            setup,
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

    /// The loudest tone in half a second of the patient's sound, by counting how often it rises
    /// through zero.
    pub async fn heard_tone(&self) -> f64 {
        let mut sounds = self.studio.their_sound();
        let mut sound: Vec<i16> = Vec::new();
        while sound.len() < RATE / 2 {
            let piece = timeout(PATIENCE, sounds.recv()).await.unwrap().unwrap();
            sound.extend(piece.iter());
        }
        let rises = sound
            .windows(2)
            .filter(|pair| pair[0] < 0 && pair[1] >= 0)
            .count();
        rises as f64 * RATE as f64 / sound.len() as f64
    }

    /// What was counted of the patient's picture and sound: decoded pictures, decoded and made-up
    /// packets of sound.
    pub fn counted(&self) -> (u64, u64, u64) {
        self.count(|call| {
            let counters = call.counters();
            (
                counters.pictures_decoded.load(Ordering::Relaxed),
                counters.sounds_decoded.load(Ordering::Relaxed),
                counters.sounds_concealed.load(Ordering::Relaxed),
            )
        })
        .unwrap_or_default()
    }

    fn count<T>(&self, count: impl Fn(&Call) -> T) -> Option<T> {
        self.desk.call.try_lock().unwrap().as_ref().map(count)
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
    pub fn gaps(&self) -> (u64, u64) {
        self.count(|call| {
            let counters = call.counters();
            (
                counters.gaps.load(Ordering::Relaxed),
                counters.wholes_asked.load(Ordering::Relaxed),
            )
        })
        .unwrap_or_default()
    }

    /// How many connections it took.
    pub fn calls(&self) -> u64 {
        self.desk.number.load(Ordering::Relaxed)
    }

    /// Pictures of the patient that were decoded.
    pub fn pictures_decoded(&self) -> u64 {
        self.count(|call| call.counters().pictures_decoded.load(Ordering::Relaxed))
            .unwrap_or_default()
    }

    /// Time without a picture of the patient.
    pub fn frozen(&self) -> Duration {
        let frozen = self.count(|call| call.counters().frozen.load(Ordering::Relaxed));
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
        let made = Call::answer(&offer, setup, Arc::clone(&self.studio), heard).await;
        let Ok((call, answer)) = made else {
            // The workstation counts it as a connection that came to nothing.
            let _ = self.events.send(Event::Failed);
            return (number, String::new());
        };
        *place = Some(call);
        (number, self.path.answer(&answer.sdp).await)
    }
}
