//! A video visit with a real browser, against two browsers.

use std::time::{Duration, Instant};

use calls::browser::Browser;
use calls::clinician::Clinician;
use calls::peer::Peers;
use calls::proxy::{Between, Path};
use calls::relay::TurnServer;
use load::usage;
use telehealth::media::call::{Event, Setup};

use crate::measure::{median, millis};
use crate::row::{Budget, Figure, Row, RowError};

/// Pictures until a figure is taken: 25 s of them.
const PICTURES: u64 = 750;
/// What a call costs is looked at for so long, once it has settled.
const LOOK: Duration = Duration::from_secs(15);
const LOSS: u64 = 5;
const DELAY: Duration = Duration::from_millis(40);
/// Connections for the time to the first picture.
const CONNECTS: usize = 5;

/// 640x360 at 30 pictures a second, both ways.
pub struct Video;

impl Row for Video {
    fn name(&self) -> &'static str {
        "video"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            tell("direct");
            let direct = call(Path::Direct, Setup::default(), "").await;
            tell("with a guest");
            let guest = with_guest().await;
            tell("two browsers");
            let peer = Peers::open(Path::Direct).await.seen_when(enough).await;
            tell("under loss");
            let lossy = call(Path::Through(Between::new(LOSS, DELAY)), Setup::default(), "").await;
            tell("two browsers under loss");
            let path = Path::Through(Between::new(LOSS, DELAY));
            let lossy_peer = Peers::open(path).await.seen_when(enough).await;
            tell("first pictures");
            let first = first_picture(Setup::default(), "").await;
            tell("first pictures through a relay");
            let relay = TurnServer::start().await;
            let setup = Setup {
                relays: vec![relay.as_relay()],
                relayed_only: true,
                ..Setup::default()
            };
            let relayed = first_picture(setup, &relay.as_query()).await;
            let figure = |what: &str, value, unit, peer, most| {
                let name = format!("video {what}");
                Figure::new(&name, value, unit, peer, Budget::AtMost(most))
            };
            Ok(vec![
                figure("cpu", direct.share, "% of a core", None, 15.0)
                    .noting("what the workstation's process takes; its window is not drawn"),
                figure("cpu with a guest", guest.share, "% of a core", None, 30.0)
                    .noting("two calls, each with a picture of everybody drawn for it"),
                figure("p50 with a guest", guest.seen.p50, "ms", Some(peer.p50), 100.0),
                figure("p50", direct.seen.p50, "ms", Some(peer.p50), 100.0)
                    .noting("from drawing a picture to seeing it at the patient; peer: Chromium to Chromium"),
                figure("p95", direct.seen.p95, "ms", Some(peer.p95), 200.0),
                figure("first", first, "ms", None, 1_000.0)
                    .noting("from asking in to the first picture at the patient, gathering of addresses included"),
                figure("first relayed", relayed, "ms", None, 2_000.0),
                figure("freeze patient", lossy.seen.freezes, "ms", Some(lossy_peer.freezes), 1_000.0)
                    .noting("pauses of more than 200 ms in 750 pictures, 5 % lost and 40 ms late each way"),
                figure("freeze clinician", lossy.frozen, "ms", None, 1_000.0),
            ])
        })
    }
}

fn enough(seen: &calls::peer::Seen) -> bool {
    seen.frames >= PICTURES
}

struct Measured {
    seen: calls::clinician::Seen,
    /// Percent of a core.
    share: f64,
    frozen: f64,
}

async fn call(path: Path, setup: Setup, query: &str) -> Measured {
    let mut clinician = Clinician::start(path, setup).await;
    let _browser = Browser::open(clinician.address(), query).await;
    clinician.wait_for(Event::FirstPicture).await;
    clinician.seen_when(|seen| seen.frames >= 60).await;
    look_at(&mut clinician).await
}

/// The patient's call while a guest is in it too.
async fn with_guest() -> Measured {
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    let mut beside = clinician.beside(1, Path::Direct).await;
    let _guest = Browser::open_guest(beside.address(), "").await;
    beside.wait_for(Event::FirstPicture).await;
    clinician.seen_when(|seen| seen.strip >= 60).await;
    look_at(&mut clinician).await
}

async fn look_at(clinician: &mut Clinician) -> Measured {
    let own = [std::process::id()];
    let (before, begun) = (usage::processor(&own), Instant::now());
    tokio::time::sleep(LOOK).await;
    let took = usage::processor(&own).saturating_sub(before);
    let share = took.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
    let seen = clinician.seen_when(|seen| seen.frames >= PICTURES).await;
    Measured {
        seen,
        share,
        frozen: millis(clinician.frozen().await),
    }
}

/// From a connection's begin in the browser to its first picture of the clinician.
async fn first_picture(setup: Setup, query: &str) -> f64 {
    let mut clinician = Clinician::start(Path::Direct, setup).await;
    let _browser = Browser::open(clinician.address(), query).await;
    clinician.wait_for(Event::FirstPicture).await;
    let mut took = Vec::new();
    for _ in 0..CONNECTS {
        clinician.connect_again();
        clinician.wait_for(Event::FirstPicture).await;
        // What was told before belongs to the connection before.
        clinician.newest_seen().await;
        took.push(clinician.seen_when(|seen| seen.first > 0.0).await.first);
    }
    median(&mut took)
}
