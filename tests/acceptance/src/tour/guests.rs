//! A guest beside the patient in a video visit: invited, asked in, seen and heard, dismissed.

use std::time::Duration;

use super::Tour;
use super::visit::keep;
use crate::TourError;
use crate::patient::Patient;

const NAME: &str = "Mira O.";

/// While the patient is in the call, with the visit's panel open.
pub(super) async fn an_interpreter_joins(
    tour: &mut Tour,
    patient: &Patient,
) -> Result<(), TourError> {
    tour.begin("invite an interpreter");
    let window = tour.window()?;
    window.click("[data-testid=guest-invite]").await?;
    window.click("[data-testid=guest-kind]").await?;
    window.click_text("[role=option]", "Interpreter").await?;
    window.click("[data-testid=guest-agreed]").await?;
    tour.picture("guest-form").await?;
    let window = tour.window()?;
    window.click("[data-testid=guest-link-make]").await?;
    window.find("[data-testid=guest-link]").await?;
    let script = "const e = document.querySelector('[data-testid=guest-link]'); \
                  return (e.matches('input') ? e : e.querySelector('input')).value";
    let link = window.ask(script, vec![]).await?;
    let link = link.as_str().unwrap_or_default().to_owned();

    tour.begin("the interpreter waits and is asked in");
    let guest = Patient::open(&link).await?;
    guest.join(NAME).await?;
    keep(tour, &guest, "guest-waiting").await?;
    let window = tour.window()?;
    window.see("[data-testid=guest-said]", NAME).await?;
    tour.picture("guest-waits").await?;
    let window = tour.window()?;
    window.click("[data-testid=guest-ask-in]").await?;
    guest.wait("call").await?;
    window
        .wait_for("[data-testid=guest-level]", Duration::from_secs(30))
        .await?;
    window
        .wait_for(
            "[data-testid=guest-picture][data-drawn]:not([data-drawn='0'])",
            Duration::from_secs(30),
        )
        .await?;
    for page in [patient, &guest] {
        page.sees_company().await?;
    }
    patient.reads(NAME).await?;
    guest.reads("patient").await?;
    tour.picture("guest-call").await?;
    keep(tour, patient, "guest-call-patient").await?;
    keep(tour, &guest, "guest-call-guest").await?;

    tour.begin("the interpreter is dismissed and the patient stays");
    let window = tour.window()?;
    window.click("[data-testid=guest-dismiss]").await?;
    window.click("[data-testid=guest-dismiss-sure]").await?;
    guest.wait("over").await?;
    window.gone("[data-testid=guest-tile]").await?;
    patient.is_alone().await?;
    guest.close().await?;
    let late = Patient::open(&link).await?;
    late.join_over(NAME).await?;
    late.close().await
}
