//! Calls with a real Chromium at the other end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they measured"
)]

mod faults;
mod guests;

use std::time::Duration;

use calls::PATIENCE;
use calls::browser::{Browser, PATIENT_TONE};
use calls::clinician::Clinician;
use calls::peer::Peers;
use calls::proxy::{Between, Path};
use calls::relay::TurnServer;
use telehealth::media::call::{Event, Setup};
use telehealth::media::device::{STAND_IN, TONE};
use telehealth::media::pattern;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn t1_picture_and_sound_flow_both_ways() {
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::Connected).await;
    clinician.wait_for(Event::FirstPicture).await;

    // The patient's stamps count pictures: they rise, and each is read back whole.
    let mut pictures = clinician.their_picture();
    let mut stamps = Vec::new();
    while stamps.len() < 60 {
        timeout(PATIENCE, pictures.changed())
            .await
            .unwrap()
            .unwrap();
        let picture = pictures.borrow_and_update().clone().unwrap();
        if let Some(stamp) = pattern::read(&picture) {
            stamps.push(stamp);
        }
    }
    let rises = stamps.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert!(rises > 50, "{stamps:?}");
    let heard = clinician.heard_tone().await;
    assert!((heard - PATIENT_TONE).abs() < 8.0, "{heard} Hz");

    let seen = clinician
        .seen_when(|seen| seen.stamps >= 60 && (seen.tone - f64::from(TONE)).abs() < 8.0)
        .await;
    println!(
        "at the patient: {} pictures, {} stamps, p50 {} ms, p95 {} ms, tone {:.0} Hz; \
         at the clinician: {} pictures, tone {heard:.0} Hz",
        seen.frames,
        seen.stamps,
        seen.p50,
        seen.p95,
        seen.tone,
        clinician.pictures_decoded().await,
    );

    // Who is mute is not heard, and nothing is captured; who turns the camera off is not seen.
    clinician.studio.use_microphone(None).unwrap();
    assert_eq!(clinician.studio.own_level(), 0);
    let mute = clinician.seen_when(|seen| seen.tone == 0.0).await;
    // Silence keeps the pace of sound, or the other side would lose the measure of our clock.
    let later = clinician
        .seen_when(|seen| seen.at > mute.at + 4_000.0)
        .await;
    let pace = (later.sounds - mute.sounds) as f64 / (later.at - mute.at) * 1_000.0;
    println!("mute: {pace:.1} packets of silence a second");
    assert!(pace > 40.0, "{pace}");
    clinician.studio.use_camera(None).unwrap();
    let still = clinician.newest_seen().await;
    // Who turns the camera off is dark there: the last picture does not stay, and nothing looks
    // broken.
    clinician
        .seen_when(|seen| seen.frames > still.frames + 4 && seen.stamps == still.stamps)
        .await;
    let still = clinician.newest_seen().await.frames;
    clinician.studio.use_camera(Some(STAND_IN)).unwrap();
    clinician.seen_when(|seen| seen.frames > still + 30).await;
    drop(browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_a_killed_browser_is_noticed_and_the_next_one_is_seen() {
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    let begun = std::time::Instant::now();
    drop(browser);
    clinician.wait_for(Event::Interrupted).await;
    let noticed = begun.elapsed();
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::Connected).await;
    clinician.wait_for(Event::FirstPicture).await;
    clinician.seen_when(|seen| seen.stamps > 10).await;
    println!("a killed browser was noticed after {noticed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_five_percent_of_loss_is_lived_with() {
    let path = Path::Through(Between::new(5, Duration::from_millis(40)));
    let mut clinician = Clinician::start(path, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    // 25 s of pictures at the patient, whatever the pace of this machine.
    let seen = clinician.seen_when(|seen| seen.frames > 500).await;
    let heard = clinician.heard_tone().await;
    println!(
        "under 5 % loss: first picture after {:.0} ms and {} connections; patient froze {:.0} ms, \
         longest {:.0} ms, p50 {} ms, line {:?}; clinician froze {:?}, pictures given up and \
         whole ones asked for {:?}",
        seen.first,
        clinician.calls(),
        seen.freezes,
        seen.longest,
        seen.p50,
        clinician.qualities(),
        clinician.frozen().await,
        clinician.gaps().await,
    );
    assert!((heard - PATIENT_TONE).abs() < 8.0, "{heard} Hz");
    assert!(clinician.pictures_decoded().await > 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_two_browsers_that_calls_are_measured_against_see_each_other() {
    for path in [
        Path::Direct,
        Path::Through(Between::new(5, Duration::from_millis(40))),
    ] {
        let loses = matches!(path, Path::Through(_));
        let mut peers = Peers::open(path).await;
        let seen = peers.seen_when(|seen| seen.frames > 60).await;
        println!(
            "Chromium to Chromium, under loss {loses}: first picture after {:.0} ms, p50 {} ms",
            seen.first, seen.p50
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_a_relay_is_enough() {
    let relay = TurnServer::start().await;
    let setup = Setup {
        relays: vec![relay.as_relay()],
        relayed_only: true,
        ..Setup::default()
    };
    let mut clinician = Clinician::start(Path::Direct, setup).await;
    let _browser = Browser::open(clinician.address(), &relay.as_query()).await;
    clinician.wait_for(Event::Connected).await;
    clinician.wait_for(Event::FirstPicture).await;
    let seen = clinician.seen_when(|seen| seen.stamps > 30).await;
    println!(
        "through the relay: p50 {} ms, p95 {} ms",
        seen.p50, seen.p95
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t3_a_certificate_that_was_not_named_ends_the_call() {
    // The offer reaches the clinician with another certificate's fingerprint in it.
    let mut clinician = Clinician::start(Path::Forged, Setup::default()).await;
    let _browser = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::Failed).await;
    assert_eq!(clinician.pictures_decoded().await, 0);
    assert!(!clinician.was(Event::Connected));
}
