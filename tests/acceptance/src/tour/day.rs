//! The part of the day with a network.

use std::time::Duration;

use super::{CANARIES, Tour};
use crate::TourError;

/// Everything that was written is with the server.
pub(super) const UP_TO_DATE: &str = "[data-testid=status-up-to-date]";

pub(super) async fn enrol(tour: &mut Tour) -> Result<(), TourError> {
    tour.open_window().await?;
    tour.begin("enrol this computer");
    let clinician = tour.clinic.clinician().clone();
    let (user, code) = (&clinician.user, clinician.code()?);
    let window = tour.window()?;
    window.find("[data-testid=sign-in-submit]").await?;
    tour.picture("first-start").await?;
    let window = tour.window()?;
    window
        .fill("[data-testid=sign-in-username]", &user.username)
        .await?;
    window
        .fill("[data-testid=sign-in-password]", &user.password)
        .await?;
    window.fill("[data-testid=sign-in-code]", &code).await?;
    window.click("[data-testid=sign-in-submit]").await?;
    tour.begin("first sync");
    // A small clinic may be here before the picture of its coming is taken.
    let window = tour.window()?;
    window
        .wait_for(
            "[data-testid=filling], [data-testid=screen-today]",
            Duration::from_secs(120),
        )
        .await?;
    if window.count("[data-testid=filling]").await? > 0 {
        tour.picture("first-sync").await?;
    }
    let window = tour.window()?;
    window
        .wait_for("[data-testid=screen-today]", Duration::from_secs(120))
        .await?;
    tour.did("today-viewed");
    tour.begin("today");
    let window = tour.window()?;
    // On a weekend the list is empty, and says so.
    window
        .find("[data-testid=appointment-row], [data-testid=empty]")
        .await?;
    window.wait_for(UP_TO_DATE, Duration::from_secs(60)).await?;
    tour.picture("today").await
}

pub(super) async fn find_and_open(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("find a patient by typing");
    let family = tour.cast.own.family.clone();
    let window = tour.window()?;
    window.click("[data-testid=rail-patients]").await?;
    window.find("[data-testid=patient-row]").await?;
    window
        .type_into("[data-testid=patient-search]", &family[..3].to_lowercase())
        .await?;
    window.see("[data-testid=patient-row]", &family).await?;
    tour.did("patients-searched");
    tour.picture("patients").await?;

    tour.begin("open the chart");
    let window = tour.window()?;
    window
        .click_text("[data-testid=patient-row]", &family)
        .await?;
    window.see("[data-testid=chart-name]", &family).await?;
    window.find("[data-testid=chart] figure canvas").await?;
    tour.did("chart-opened");
    tour.picture("chart").await?;
    tour.window()?
        .click("[data-testid=chart-tab-results]")
        .await?;
    tour.window()?.find("[data-testid=chart] table").await?;
    tour.picture("chart-results").await?;
    tour.window()?
        .click("[data-testid=chart-tab-timeline]")
        .await?;
    tour.window()?
        .find("[data-testid=chart-timeline] li")
        .await?;
    tour.picture("chart-timeline").await?;
    tour.window()?
        .click("[data-testid=chart-tab-notes]")
        .await?;
    tour.picture("chart-notes").await
}

pub(super) async fn write_and_sign(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("write a note");
    let window = tour.window()?;
    window.click("[data-testid=chart-note]").await?;
    window
        .type_into("textarea[data-testid=note-subjective]", CANARIES.note)
        .await?;
    window
        .type_into("textarea[data-testid=note-plan]", "See again in two weeks.")
        .await?;
    window
        .see("[data-testid=note-kept]", "kept on this computer")
        .await?;
    tour.picture("note").await?;
    tour.begin("sign the note");
    let window = tour.window()?;
    window.click("[data-testid=note-sign]").await?;
    window.gone("[data-testid=note-panel]").await?;
    window
        .see("[data-testid=note-list]", "Wheeze clears")
        .await?;
    tour.did("note-signed");
    tour.window()?
        .wait_for(UP_TO_DATE, Duration::from_secs(30))
        .await?;
    tour.picture("note-signed").await
}

pub(super) async fn add_vitals(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("add vital signs");
    let window = tour.window()?;
    window.click("[data-testid=chart-tab-summary]").await?;
    window.click("[data-testid=chart-vitals]").await?;
    window.fill("[data-testid=vitals-systolic]", "143").await?;
    window.fill("[data-testid=vitals-diastolic]", "91").await?;
    window.fill("[data-testid=vitals-heartRate]", "77").await?;
    window
        .fill("[data-testid=vitals-temperature]", "36.8")
        .await?;
    tour.picture("vitals").await?;
    let window = tour.window()?;
    window.click("[data-testid=vitals-save]").await?;
    window.gone("[data-testid=vitals-panel]").await?;
    window
        .see("[data-testid=chart-vitals-card]", "143/91")
        .await?;
    tour.did("vitals-recorded");
    Ok(())
}

pub(super) async fn add_problem(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("add a problem");
    let window = tour.window()?;
    window.click("[data-testid=chart-problem]").await?;
    window
        .type_into("[data-testid=problem-text]", "migr")
        .await?;
    window.click("[data-testid=problem-term]").await?;
    tour.picture("problem").await?;
    let window = tour.window()?;
    window.click("[data-testid=problem-save]").await?;
    window.gone("[data-testid=problem-panel]").await?;
    window
        .see("[data-testid=chart-problems]", "igraine")
        .await?;
    tour.did("problem-recorded");
    Ok(())
}

pub(super) async fn register(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("register a patient");
    let window = tour.window()?;
    window.click("[data-testid=rail-patients]").await?;
    tour.did("patients-searched");
    let window = tour.window()?;
    window.click("[data-testid=register-patient]").await?;
    for (field, value) in [
        ("given", CANARIES.given),
        ("family", CANARIES.family),
        ("birthDate", "1987-04-19"),
        ("mrn", CANARIES.mrn),
        ("ssn", CANARIES.ssn),
        ("phone", "555-0142"),
        ("street", "12 Harbour Street"),
        ("city", "Springfield"),
    ] {
        window
            .fill(&format!("[data-testid=patient-{field}]"), value)
            .await?;
    }
    choose_sex(tour).await?;
    tour.picture("register").await?;
    let window = tour.window()?;
    window.click("[data-testid=patient-submit]").await?;
    window.gone("[data-testid=patient-form]").await?;
    tour.did("patient-registered");
    // Registering leads to the new chart or leaves the list: either way the person is found.
    if tour.window()?.count("[data-testid=screen-chart]").await? == 0 {
        let window = tour.window()?;
        window.fill("[data-testid=patient-search]", "quill").await?;
        window
            .see("[data-testid=patient-row]", CANARIES.family)
            .await?;
        window
            .click_text("[data-testid=patient-row]", CANARIES.family)
            .await?;
        tour.did("patients-searched");
    }
    tour.window()?
        .see("[data-testid=chart-name]", CANARIES.family)
        .await?;
    tour.did("chart-opened");
    tour.window()?
        .wait_for(UP_TO_DATE, Duration::from_secs(30))
        .await?;
    tour.picture("chart-empty").await
}

async fn choose_sex(tour: &Tour) -> Result<(), TourError> {
    tour.window()?
        .click_text("[data-testid=patient-sex] label", "emale")
        .await
}

/// How far down the next free time of the same column is: what another appointment has is refused.
const FREE: &str = "const own = document.querySelector(arguments[0]).getBoundingClientRect(); \
    const others = Array.from(document.querySelectorAll('[data-testid=schedule-event]')) \
        .map(e => e.getBoundingClientRect()) \
        .filter(r => Math.abs(r.left - own.left) < own.width / 2 && Math.abs(r.top - own.top) > 2); \
    for (let way = 30; own.bottom + way < window.innerHeight - 60; way += 30) { \
        if (!others.some(r => r.top < own.bottom + way - 2 && r.bottom > own.top + way + 2)) { \
            return way; \
        } \
    } \
    return null";

pub(super) async fn book_and_move(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("book an appointment");
    let window = tour.window()?;
    window.click("[data-testid=rail-schedule]").await?;
    window.find("[data-testid=calendar]").await?;
    tour.did("schedule-viewed");
    tour.picture("schedule").await?;
    book(tour, CANARIES.family, "Follow-up of asthma").await?;
    tour.did("appointment-booked");
    go_to_booking(tour).await?;
    tour.window()?
        .wait_for(UP_TO_DATE, Duration::from_secs(30))
        .await?;
    tour.picture("booked").await?;

    tour.begin("move it by dragging");
    let window = tour.window()?;
    // The event is known by its id: after a move it is another element.
    let script = "const own = Array.from(document.querySelectorAll('[data-testid=schedule-event]')).find(e => e.innerText.includes(arguments[0])); return own ? own.dataset.appointment : ''";
    let id = window.ask(script, vec![CANARIES.family.into()]).await?;
    let id = id.as_str().unwrap_or_default();
    let event = format!("[data-testid=schedule-event][data-appointment={id:?}]");
    let from = window.centre(&event).await?;
    let before = window.text(&event).await?;
    let way = window.ask(FREE, vec![event.as_str().into()]).await?;
    let way = way
        .as_i64()
        .ok_or_else(|| window.broken("there is no free time to move it to"))?;
    window.drag(from, (from.0, from.1 + way)).await?;
    let moved = tokio::time::Instant::now() + Duration::from_secs(20);
    while window.text(&event).await? == before {
        if tokio::time::Instant::now() > moved {
            return Err(window.broken(format!("the appointment did not move: {before}")));
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    tour.did("appointment-moved");
    tour.window()?
        .wait_for(UP_TO_DATE, Duration::from_secs(30))
        .await?;
    tour.picture("moved").await
}

/// The first free time may be on another day: goes there as a person would.
pub(super) async fn go_to_booking(tour: &mut Tour) -> Result<(), TourError> {
    for _ in 0..5 {
        let begin = tokio::time::Instant::now();
        while begin.elapsed() < Duration::from_secs(3) {
            let shown = tour.window()?.text("[data-testid=schedule-event]").await?;
            if shown.contains(CANARIES.family) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        tour.window()?.click("[data-testid=schedule-next]").await?;
        tour.did("schedule-viewed");
    }
    Err(tour
        .window()?
        .broken("the booking is on none of the next days"))
}

/// Books through the form: the patient by name, the first free time that is offered.
pub(super) async fn book(tour: &mut Tour, family: &str, reason: &str) -> Result<(), TourError> {
    let window = tour.window()?;
    window.click("[data-testid=book]").await?;
    window.fill("[data-testid=pick-patient]", family).await?;
    window
        .click_text("[data-testid=pick-patient-option]", family)
        .await?;
    window.click("[data-testid=booking-free]").await?;
    window.fill("[data-testid=booking-reason]", reason).await?;
    tour.did("schedule-viewed");
    tour.did("patients-searched");
    tour.picture("booking").await?;
    let window = tour.window()?;
    window.click("[data-testid=booking-submit]").await?;
    window.gone("[data-testid=booking]").await
}

pub(super) async fn look_around(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("look at the other screens");
    for (screen, deed) in [
        ("inbox", Some("inbox-viewed")),
        ("activity", Some("activity-viewed")),
    ] {
        tour.window()?
            .click(&format!("[data-testid=rail-{screen}]"))
            .await?;
        tour.window()?
            .find(&format!("[data-testid=screen-{screen}]"))
            .await?;
        tokio::time::sleep(Duration::from_millis(400)).await;
        if let Some(deed) = deed {
            tour.did(deed);
        }
        tour.picture(screen).await?;
    }
    let window = tour.window()?;
    window.click("[data-testid=rail-settings]").await?;
    window.find("[data-testid=screen-settings]").await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    tour.picture("settings").await
}
