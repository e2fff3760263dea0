//! A video visit: a patient joins from an ordinary browser by a link.

use std::time::{Duration, Instant};

use super::{CANARIES, Tour};
use crate::TourError;
use crate::patient::Patient;

/// What the test tone of a workstation without a microphone is.
const TONE: f64 = 440.0;
/// What is written while talking.
pub(super) const NOTE: &str = "Talked by video about the ankle";

pub(super) async fn a_patient_joins(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("make a link for a video visit");
    tour.window()?.click("[data-testid=rail-schedule]").await?;
    tour.did("schedule-viewed");
    super::day::go_to_booking(tour).await?;
    let window = tour.window()?;
    window
        .click_text("[data-testid=schedule-event]", CANARIES.family)
        .await?;
    window.click("[data-testid=visit-link-make]").await?;
    window.find("[data-testid=visit-link]").await?;
    let script = "const e = document.querySelector('[data-testid=visit-link]'); \
                  return (e.matches('input') ? e : e.querySelector('input')).value";
    let link = window.ask(script, vec![]).await?;
    let link = link.as_str().unwrap_or_default().to_owned();
    tour.picture("visit-link").await?;

    tour.begin("the patient waits");
    let patient = Patient::open(&link).await?;
    patient.join("Zephyrina Q.").await?;
    let window = tour.window()?;
    window.click("[data-testid=rail-visits]").await?;
    window
        .find("[data-testid=visit-row][data-stage=waiting]")
        .await?;
    window
        .see("[data-testid=visit-said]", "Zephyrina Q.")
        .await?;
    tour.picture("visit-waiting").await?;
    keep(tour, &patient, "visit-patient-waiting").await?;

    tour.begin("ask the patient in");
    ask_in(tour, "[data-testid=visit-admit]").await?;
    tour.did("chart-opened");
    both_ways(tour, &patient).await?;
    tour.picture("visit-call").await?;
    keep(tour, &patient, "visit-patient-call").await?;

    tour.begin("write a note while talking");
    let window = tour.window()?;
    window.click("[data-testid=chart-note]").await?;
    window
        .find("[data-testid=visit-dock-theirs][data-drawn]")
        .await?;
    let window = tour.window()?;
    window
        .type_into("textarea[data-testid=note-subjective]", NOTE)
        .await?;
    window
        .see("[data-testid=note-kept]", "kept on this computer")
        .await?;
    tour.picture("visit-note").await?;
    let window = tour.window()?;
    window.click("[data-testid=note-sign]").await?;
    window.gone("[data-testid=note-panel]").await?;
    tour.did("note-signed");
    tour.window()?
        .click("[data-testid=visit-dock] button")
        .await?;

    tour.begin("a second browser is refused");
    let second = Patient::open(&link).await?;
    second.join_refused("Somebody Else").await?;
    second.close().await?;

    super::guests::an_interpreter_joins(tour, &patient).await?;
    workstation_is_killed(tour, &patient).await?;

    tour.begin("the patient's browser is killed and comes back");
    patient.kill();
    let window = tour.window()?;
    window
        .find("[data-testid=visit-standing][data-state=interrupted]")
        .await?;
    let patient = Patient::open(&link).await?;
    patient.join_when_free("Zephyrina Q.").await?;
    ask_in(tour, "[data-testid=visit-ask-in]").await?;
    both_ways(tour, &patient).await?;

    tour.begin("end the call, and the visit as another thing");
    let window = tour.window()?;
    window.click("[data-testid=visit-end-call]").await?;
    patient.wait("waiting").await?;
    ask_in(tour, "[data-testid=visit-ask-in]").await?;
    both_ways(tour, &patient).await?;
    tour.window()?.click("[data-testid=visit-end]").await?;
    patient.wait("over").await?;
    keep(tour, &patient, "visit-patient-over").await?;
    tour.did("visit-ended");
    patient.close().await?;

    tour.begin("the link is of no more use");
    let late = Patient::open(&link).await?;
    late.join_over("Zephyrina Q.").await?;
    late.close().await?;
    tour.window()?
        .wait_for(super::day::UP_TO_DATE, Duration::from_secs(30))
        .await?;
    tour.picture("visit-over").await
}

/// The program is gone in the middle of the call; the patient stays where they are.
async fn workstation_is_killed(tour: &mut Tour, patient: &Patient) -> Result<(), TourError> {
    tour.begin("kill -9 while talking");
    if let Some(window) = tour.window.take() {
        window.kill().await?;
    }
    patient.wait("call").await?;
    let begun = Instant::now();
    tour.open_window().await?;
    super::downtime::unlock(tour).await?;
    tour.window()?.find("[data-testid=screen-today]").await?;
    tour.did("today-viewed");
    let window = tour.window()?;
    window.click("[data-testid=rail-visits]").await?;
    window.find("[data-testid=visit-row]").await?;
    ask_in(tour, "[data-testid=visit-admit]").await?;
    tour.did("chart-opened");
    let talks = begun.elapsed();
    both_ways(tour, patient).await?;
    println!("         started again, unlocked and talking after {talks:?}");
    tour.picture("visit-after-kill").await
}

async fn ask_in(tour: &mut Tour, button: &str) -> Result<(), TourError> {
    tour.did("visit-admitted");
    let window = tour.window()?;
    window.click(button).await?;
    window
        .wait_for(
            "[data-testid=visit-standing][data-state=talking]",
            Duration::from_secs(30),
        )
        .await?;
    Ok(())
}

/// Picture and sound, decoded at both ends.
async fn both_ways(tour: &Tour, patient: &Patient) -> Result<(), TourError> {
    let window = tour.window()?;
    let drawn =
        "return Number(document.querySelector('[data-testid=visit-theirs]')?.dataset.drawn ?? 0)";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while window.ask(drawn, vec![]).await?.as_u64() < Some(30) {
        if tokio::time::Instant::now() > deadline {
            return Err(window.broken("the window draws no pictures of the patient"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Chromium's microphone beeps every second.
    let level = "return Number(document.querySelector('[data-testid=visit-their-level]')?.dataset.level ?? 0)";
    while window.ask(level, vec![]).await?.as_u64() < Some(20) {
        if tokio::time::Instant::now() > deadline {
            return Err(window.broken("nothing is heard of the patient"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let measured = patient.measure().await?;
    println!("         the patient sees and hears {measured:?}");
    if measured.stamps < 20 || (measured.tone - TONE).abs() > 8.0 {
        return Err(window.broken(format!("the patient sees and hears {measured:?}")));
    }
    Ok(())
}

pub(super) async fn keep(tour: &mut Tour, patient: &Patient, name: &str) -> Result<(), TourError> {
    tour.pictures += 1;
    let path = tour
        .options
        .pictures
        .join(format!("{:02}-{name}.png", tour.pictures));
    patient.screenshot(&path).await
}
