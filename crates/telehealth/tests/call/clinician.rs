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
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::proxy::Path;

/// What the browser says it saw and heard.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    pub frames: u64,
    pub stamps: u64,
    pub tone: f64,
    pub p50: f64,
    pub p95: f64,
    pub freezes: f64,
    pub longest: f64,
    /// From the begin of this connection to its first picture, in milliseconds.
    pub first: f64,
    #[allow(dead_code, reason = "shown when a test fails")]
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

pub struct Clinician {
    address: SocketAddr,
    pub studio: Arc<Studio>,
    desk: Arc<Desk>,
    events: mpsc::UnboundedReceiver<Event>,
    past: Vec<Event>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

impl Clinician {
    pub async fn start(path: Path, setup: Setup) -> Self {
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            address,
            studio,
            desk,
            events,
            past: Vec::new(),
            seen,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

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

    pub fn was(&self, event: Event) -> bool {
        self.past.contains(&event)
    }

    pub async fn next_seen(&mut self) -> Seen {
        timeout(PATIENCE, self.seen.recv()).await.unwrap().unwrap()
    }

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

    /// How many connections it took.
    pub fn calls(&self) -> u64 {
        self.desk.number.load(Ordering::Relaxed)
    }

    pub fn pictures_decoded(&self) -> u64 {
        self.count(|call| call.counters().pictures_decoded.load(Ordering::Relaxed))
            .unwrap_or_default()
    }

    pub fn frozen(&self) -> Duration {
        let frozen = self.count(|call| call.counters().frozen.load(Ordering::Relaxed));
        Duration::from_millis(frozen.unwrap_or_default())
    }
}

impl Desk {
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
        let (call, answer) =
            Call::answer(&offer, self.setup.clone(), Arc::clone(&self.studio), heard)
                .await
                .unwrap();
        *place = Some(call);
        (number, self.path.answer(&answer.sdp).await)
    }
}

/// As much of HTTP as one browser on one page needs.
async fn serve(mut stream: TcpStream, desk: Arc<Desk>) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 8192];
        let Ok(read) = stream.read(&mut piece).await else {
            return;
        };
        if read == 0 {
            return;
        }
        bytes.extend(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            })
            .unwrap_or_default();
        if body.len() < length {
            continue;
        }
        let (call, answer) = if head.starts_with("POST /offer") {
            desk.answer(body).await
        } else if head.starts_with("POST /seen") {
            let _ = desk.seen.send(serde_json::from_str(body).unwrap());
            let again = desk.again.load(Ordering::Relaxed);
            let number = desk.number.load(Ordering::Relaxed);
            (again, format!("{again},{number}"))
        } else if head.starts_with("GET /?") {
            (0, include_str!("page.html").to_owned())
        } else {
            (0, String::new())
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Call: {call}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        let _ = stream.write_all((head + &answer).as_bytes()).await;
        return;
    }
}
