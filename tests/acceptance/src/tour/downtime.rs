//! The part of the day without a network: work, lock, a kill, and the way back.

use std::time::Duration;

use super::day::{book, go_to_booking};
use super::{CANARIES, Tour};
use crate::TourError;

pub(super) async fn work_off_line(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("the server goes");
    tour.clinic.stop_server();
    tour.window()?
        .see_within("[data-testid=status]", "Off line", Duration::from_secs(60))
        .await?;

    tour.begin("search and open a chart off line");
    let window = tour.window()?;
    window.click("[data-testid=rail-patients]").await?;
    window.fill("[data-testid=patient-search]", "quill").await?;
    window
        .see("[data-testid=patient-row]", CANARIES.family)
        .await?;
    tour.did("patients-searched");
    let window = tour.window()?;
    window
        .click_text("[data-testid=patient-row]", CANARIES.family)
        .await?;
    window
        .see("[data-testid=chart-name]", CANARIES.family)
        .await?;
    tour.did("chart-opened");

    tour.begin("write and sign a note off line");
    let window = tour.window()?;
    window.click("[data-testid=chart-note]").await?;
    window
        .type_into(
            "textarea[data-testid=note-subjective]",
            "Signed while off line",
        )
        .await?;
    window
        .see("[data-testid=note-kept]", "kept on this computer")
        .await?;
    window.click("[data-testid=note-sign]").await?;
    window.gone("[data-testid=note-panel]").await?;
    window.click("[data-testid=chart-tab-notes]").await?;
    window
        .see("[data-testid=note-list]", "Signed while off line")
        .await?;
    tour.did("note-signed");
    tour.window()?
        .find("[data-testid=note-list] [data-standing=saved]")
        .await?;
    tour.window()?.find("[data-testid=status-to-send]").await?;
    tour.picture("offline-chart").await?;

    tour.begin("book off line");
    tour.window()?.click("[data-testid=rail-schedule]").await?;
    tour.window()?.find("[data-testid=calendar]").await?;
    tour.did("schedule-viewed");
    book(tour, CANARIES.family, "Requested while off line").await?;
    tour.did("appointment-booked");
    go_to_booking(tour).await?;
    tour.window()?
        .find("[data-testid=schedule-requested]")
        .await?;
    tour.picture("offline-requested").await?;

    tour.begin("leave a draft open");
    let window = tour.window()?;
    window.click("[data-testid=rail-patients]").await?;
    tour.did("patients-searched");
    let window = tour.window()?;
    window.fill("[data-testid=patient-search]", "quill").await?;
    window
        .click_text("[data-testid=patient-row]", CANARIES.family)
        .await?;
    window
        .see("[data-testid=chart-name]", CANARIES.family)
        .await?;
    tour.did("chart-opened");
    let window = tour.window()?;
    window.click("[data-testid=chart-note]").await?;
    window
        .type_into("textarea[data-testid=note-subjective]", CANARIES.draft)
        .await?;
    window
        .see("[data-testid=note-kept]", "kept on this computer")
        .await
}

pub(super) async fn lock_and_unlock(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("lock");
    tour.window()?.click("[data-testid=lock]").await?;
    tour.window()?.find("[data-testid=unlock-password]").await?;
    let text = tour.window()?.text("body").await?;
    if text.contains(CANARIES.family) || text.contains("Ankle swollen") {
        return Err(tour
            .window()?
            .broken("the locked screen still shows a patient"));
    }
    tour.picture("locked").await?;

    tour.begin("a wrong password");
    let window = tour.window()?;
    window
        .fill("[data-testid=unlock-password]", "not the password")
        .await?;
    window.click("[data-testid=unlock-submit]").await?;
    window.find("[data-testid=fault]").await?;
    tour.picture("wrong-password").await?;

    tour.begin("unlock off line, at the same place");
    unlock(tour).await?;
    tour.window()?
        .see("[data-testid=chart-name]", CANARIES.family)
        .await?;
    tour.did("chart-opened");
    draft_is_there(tour).await?;
    tour.picture("unlocked").await
}

pub(super) async fn kill_and_return(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("kill -9 while a note is being written");
    let window = tour.window()?;
    window
        .type_into("textarea[data-testid=note-plan]", "Crutches for a week")
        .await?;
    // What was typed more than two seconds ago must be there again.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    if let Some(window) = tour.window.take() {
        window.kill().await?;
    }
    tour.open_window().await?;
    tour.begin("start again, off line");
    unlock(tour).await?;
    tour.window()?.find("[data-testid=screen-today]").await?;
    tour.did("today-viewed");
    let window = tour.window()?;
    window.find("[data-testid=status-to-send]").await?;
    window.click("[data-testid=rail-patients]").await?;
    window.fill("[data-testid=patient-search]", "quill").await?;
    window
        .click_text("[data-testid=patient-row]", CANARIES.family)
        .await?;
    tour.did("patients-searched");
    tour.window()?
        .see("[data-testid=chart-name]", CANARIES.family)
        .await?;
    tour.did("chart-opened");
    let window = tour.window()?;
    window.click("[data-testid=chart-tab-notes]").await?;
    window
        .see("[data-testid=note-list]", "Signed while off line")
        .await?;
    window.click("[data-testid=chart-note]").await?;
    draft_is_there(tour).await?;
    let plan = value_of(tour, "textarea[data-testid=note-plan]").await?;
    if plan != "Crutches for a week" {
        return Err(tour
            .window()?
            .broken(format!("the plan after the kill is {plan:?}")));
    }
    tour.picture("after-kill").await
}

pub(super) async fn come_back(tour: &mut Tour) -> Result<(), TourError> {
    tour.begin("the server comes back");
    tour.clinic.start_server()?;
    tour.window()?
        .wait_for("[data-testid=status-up-to-date]", Duration::from_secs(90))
        .await?;
    tour.window()?
        .gone("[data-testid=note-list] [data-standing=saved]")
        .await?;
    tour.picture("back-online").await
}

pub(super) async fn unlock(tour: &Tour) -> Result<(), TourError> {
    let password = tour.clinic.clinician().user.password.clone();
    let window = tour.window()?;
    window
        .fill("[data-testid=unlock-password]", &password)
        .await?;
    window.click("[data-testid=unlock-submit]").await?;
    window.gone("[data-testid=unlock-password]").await
}

async fn draft_is_there(tour: &Tour) -> Result<(), TourError> {
    tour.window()?
        .find("textarea[data-testid=note-subjective]")
        .await?;
    let text = value_of(tour, "textarea[data-testid=note-subjective]").await?;
    if text == CANARIES.draft {
        Ok(())
    } else {
        Err(tour.window()?.broken(format!("the draft is {text:?}")))
    }
}

async fn value_of(tour: &Tour, selector: &str) -> Result<String, TourError> {
    let script = "return document.querySelector(arguments[0]).value";
    let value = tour.window()?.ask(script, vec![selector.into()]).await?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}
