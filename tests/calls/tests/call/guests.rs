//! A guest beside the patient: everybody is seen and heard by everybody.

use calls::PATIENCE;
use calls::browser::{Browser, CORNER_COLOUR, GUEST_TONE, PATIENT_TONE};
use calls::clinician::{Clinician, Seen};
use calls::proxy::Path;
use telehealth::media::call::{Event, Setup};
use telehealth::media::device::{STAND_IN, TONE};
use telehealth::media::pattern;
use tokio::time::timeout;

/// A tone that is there, and one that is not, differ by 60 dB and more.
const HEARD: f64 = -60.0;

fn listens() -> String {
    format!("listen={TONE},{PATIENT_TONE},{GUEST_TONE}")
}

/// Whether exactly these are heard: the clinician, the patient, the guest.
fn hears(seen: &Seen, wanted: [bool; 3]) -> bool {
    seen.levels.len() == 3
        && seen
            .levels
            .iter()
            .zip(wanted)
            .all(|(level, wanted)| (*level > HEARD) == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_guest_and_the_patient_see_and_hear_each_other_and_the_clinician() {
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _patient = Browser::open(clinician.address(), &listens()).await;
    clinician.wait_for(Event::FirstPicture).await;
    let alone = clinician.seen_when(|seen| seen.stamps > 10).await;
    assert!(alone.shape < 0.6 && alone.strip == 0, "{alone:?}");

    let mut beside = clinician.beside(1, Path::Direct).await;
    let guest = Browser::open_guest(beside.address(), &listens()).await;
    beside.wait_for(Event::FirstPicture).await;
    let at_patient = clinician
        .seen_when(|seen| seen.strip > 30 && hears(seen, [true, false, true]))
        .await;
    let at_guest = beside
        .seen_when(|seen| seen.strip > 30 && hears(seen, [true, true, false]))
        .await;
    // The clinician's own stamps are still read in the upper part, and it is as fresh as it was.
    assert!(at_patient.stamps > alone.stamps && at_guest.stamps > 0);
    assert!((at_patient.shape - 540.0 / 640.0).abs() < 0.01);
    // Colours arrive as cameras meant them, through two encoders.
    for seen in [&at_patient, &at_guest] {
        let mut apart = seen.corner.iter().zip(CORNER_COLOUR);
        assert!(
            apart.all(|(is, meant)| (is - meant).abs() < 12.0),
            "{:?}",
            seen.corner
        );
    }
    println!(
        "with a guest: at the patient p50 {} ms (alone {}), at the guest p50 {} ms, levels {:?} \
         and {:?}",
        at_patient.p50, alone.p50, at_guest.p50, at_patient.levels, at_guest.levels
    );
    for (end, tone) in [(&clinician, PATIENT_TONE), (&beside, GUEST_TONE)] {
        let heard = end.heard_tone().await;
        assert!((heard - tone).abs() < 8.0, "{heard} Hz, not {tone}");
        let mut pictures = end.their_picture();
        let stamp = timeout(PATIENCE, async {
            loop {
                pictures.changed().await.unwrap();
                let picture = pictures.borrow_and_update().clone();
                if let Some(stamp) = picture.and_then(|picture| pattern::read(&picture)) {
                    return stamp;
                }
            }
        });
        stamp.await.expect("their stamps are read here");
    }

    // Whoever turns camera and microphone off hides nobody else.
    clinician.studio.use_camera(None).unwrap();
    clinician.studio.use_microphone(None).unwrap();
    let hidden = clinician.newest_seen().await;
    clinician
        .seen_when(|seen| seen.strip > hidden.strip + 30 && hears(seen, [false, false, true]))
        .await;
    let later = clinician.newest_seen().await;
    let dark = clinician
        .seen_when(|seen| seen.strip > later.strip + 30)
        .await;
    assert_eq!(dark.stamps, later.stamps, "the clinician's picture stayed");
    clinician.studio.use_camera(Some(STAND_IN)).unwrap();
    clinician.studio.use_microphone(Some(STAND_IN)).unwrap();

    // A guest who is put out is neither seen nor heard any more, and the patient is.
    beside.hang_up().await;
    drop(guest);
    clinician
        .seen_when(|seen| seen.shape < 0.6 && hears(seen, [true, false, false]))
        .await;
    let before = clinician.newest_seen().await.stamps;
    clinician.seen_when(|seen| seen.stamps > before + 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_a_guest_who_is_gone_leaves_a_dark_place_and_comes_back_to_it() {
    let mut clinician = Clinician::start(Path::Direct, Setup::default()).await;
    let _patient = Browser::open(clinician.address(), "").await;
    clinician.wait_for(Event::FirstPicture).await;
    let mut beside = clinician.beside(1, Path::Direct).await;
    let guest = Browser::open_guest(beside.address(), "").await;
    beside.wait_for(Event::FirstPicture).await;
    clinician.seen_when(|seen| seen.strip > 10).await;

    drop(guest);
    beside.wait_for(Event::Interrupted).await;
    // The last picture does not stay before anybody's eyes, and the patient's call is as it was.
    clinician.newest_seen().await;
    let dark = clinician.newest_seen().await;
    let later = clinician
        .seen_when(|seen| seen.stamps > dark.stamps + 30)
        .await;
    assert_eq!(later.strip, dark.strip);
    assert!(later.shape > 0.6, "{}", later.shape);
    assert!(beside.their_picture().borrow().is_none());
    assert!(!clinician.was(Event::Interrupted));

    let _guest = Browser::open_guest(beside.address(), "").await;
    beside.wait_for(Event::FirstPicture).await;
    clinician
        .seen_when(|seen| seen.strip > later.strip + 10)
        .await;
    assert_eq!(clinician.calls(), 1);
}
