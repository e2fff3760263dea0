//! Windows and screens that the patient is shown in place of the clinician's picture.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they measured"
)]

use std::sync::Arc;
use std::time::Duration;

use calls::PATIENCE;
use calls::browser::Browser;
use calls::clinician::Clinician;
use calls::display::Display;
use calls::proxy::Path;
use telehealth::media::call::{Event, Setup};
use telehealth::media::device::STAND_IN;
use telehealth::media::screen::{Source, sources_of};
use telehealth::media::{Picture, Studio, pattern};
use tokio::time::{sleep, timeout};

/// Stamps of windows: no clock shows these.
const XRAY: u64 = 11_000;
const LETTER: u64 = 22_000;

fn source(display: &Display, name: &str) -> Source {
    let found = sources_of(Some(&display.name));
    let source = found.iter().find(|source| source.name == name);
    source.unwrap_or_else(|| panic!("{found:?}")).clone()
}

/// The next picture that the patient is sent for which this holds. Hands over all that came
/// before it.
async fn sent(studio: &Studio, holds: impl Fn(&Picture) -> bool) -> Vec<Arc<Picture>> {
    let mut pictures = studio.own_picture();
    let mut before = Vec::new();
    let found = timeout(PATIENCE, async {
        loop {
            pictures.changed().await.unwrap();
            let Some(picture) = pictures.borrow_and_update().clone() else {
                continue;
            };
            let fits = holds(&picture);
            before.push(picture);
            if fits {
                return;
            }
        }
    })
    .await;
    assert!(found.is_ok(), "no such picture in {}", before.len());
    before
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_window_is_shown_without_what_lies_over_it() {
    let display = Display::start(1600, 900);
    let xray = display.open("Chest", (100, 50), (800, 450), XRAY);
    display.open("Letter", (0, 0), (1000, 600), LETTER);
    let studio = Studio::default();
    studio.use_camera(Some(STAND_IN)).unwrap();
    studio.share(&source(&display, "Chest")).unwrap();
    assert!(studio.shares());
    let pictures = sent(&studio, |picture| pattern::read(picture) == Some(XRAY)).await;
    let picture = pictures.last().unwrap();
    assert_eq!((picture.width(), picture.height()), (800, 450));
    for _ in 0..3 {
        // What lies over it is never seen, and neither is the camera.
        let next = sent(&studio, |_| true).await;
        assert_eq!(pattern::read(&next[0]), Some(XRAY));
    }

    // A window that is made larger is shown larger, up to what is sent.
    display.resize(xray, 1400, 700);
    sent(&studio, |picture| {
        (picture.width(), picture.height()) == (1280, 640)
    })
    .await;

    // A window that is closed is shown no more, and the camera is seen again.
    display.close(xray);
    timeout(PATIENCE, async {
        while studio.shares() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("a closed window is shown for ever");
    studio.stop_sharing();
    sent(&studio, |picture| {
        pattern::read(picture).is_some_and(|stamp| stamp > 1_000_000)
    })
    .await;
    assert!(studio.share(&source(&display, "Letter")).is_ok());
    studio.close();
    assert!(!studio.shares());
    assert!(studio.share(&source(&display, "Letter")).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_screen_is_made_to_fit_and_nothing_of_it_stays() {
    let display = Display::start(1600, 900);
    display.open("Letter", (0, 0), (1600, 900), LETTER);
    let found = sources_of(Some(&display.name));
    assert!(found[0].window && found[0].name == "Letter", "{found:?}");
    let screen = found.iter().find(|source| !source.window).unwrap();
    let studio = Studio::default();
    studio.share(screen).unwrap();
    let pictures = sent(&studio, |picture| pattern::read(picture) == Some(LETTER)).await;
    let picture = pictures.last().unwrap();
    assert_eq!((picture.width(), picture.height()), (1280, 720));
    // Without a camera, too, the last of it does not stay before the patient's eyes.
    studio.stop_sharing();
    let last = studio.own_picture().borrow().clone().unwrap();
    assert!(last.planes().iter().all(|value| *value == 128));
    // Nothing is to be had of a display that is not there.
    assert_eq!(sources_of(Some(":9999")), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_the_patient_sees_what_is_shown_and_then_the_clinician_again() {
    let display = Display::start(1600, 900);
    display.open("Chest", (0, 0), (1280, 720), XRAY);
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    clinician.seen_when(|seen| seen.stamps > 10).await;
    clinician.studio.share(&source(&display, "Chest")).unwrap();
    // The browser reckons how old what it sees is: a stamp of long ago is the window's.
    let seen = clinician.seen_when(|seen| seen.p50 > 1e12).await;
    println!("{} pictures, {} with a stamp", seen.frames, seen.stamps);
    clinician.studio.stop_sharing();
    clinician.seen_when(|seen| seen.p50 < 1e6).await;
}
