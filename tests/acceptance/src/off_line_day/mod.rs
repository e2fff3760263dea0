//! A day without the server, in three real windows: two clinicians and a front desk make forty
//! changes, some of them to the same things. Then the server is back, and each change must be
//! there once, or wait in somebody's inbox with both versions, or stand there as refused.

mod account;
mod desk;
mod plan;

use std::path::Path;
use std::time::{Duration, Instant};

use crate::TourError;
use crate::clinic::Clinic;
use crate::tour::TourOptions;
use desk::Desk;
use plan::Plan;

/// Long enough for everything of such a day to arrive on a busy machine.
const BACK: Duration = Duration::from_secs(120);

/// Everything is sent, whatever needs a person.
const SENT: &str = "[data-testid=status][data-connection=online][data-to-send='0']\
                    [data-audit-to-send='0']";

/// Nothing waits for anybody.
const AT_REST: &str = "[data-testid=status-up-to-date]";

/// Takes the whole day; every step prints a line.
pub async fn take(options: TourOptions) -> Result<(), TourError> {
    if options.pictures.exists() {
        std::fs::remove_dir_all(&options.pictures)?;
    }
    std::fs::create_dir_all(&options.pictures)?;
    let begun = Instant::now();
    let step = |what: &str| println!("{:>6.1} s  {what}", begun.elapsed().as_secs_f32());
    step("a clinic");
    let mut clinic = Clinic::open(&options)?;
    let plan = Plan::make(&mut clinic).await?;
    step("three computers are enrolled");
    let (mut ada, mut ben, mut cora) = tokio::try_join!(
        Desk::enrol(&clinic, &options, plan.ada.clone()),
        Desk::enrol(&clinic, &options, plan.ben.clone()),
        Desk::enrol(&clinic, &options, plan.cora.clone()),
    )?;
    let outcome = day(&mut clinic, &plan, [&mut ada, &mut ben, &mut cora], step).await;
    for desk in [ada, ben, cora] {
        if outcome.is_err() {
            // The picture of a failure is worth more than its message.
            let _ = desk.picture("failed").await;
        }
        desk.close().await?;
    }
    outcome
}

async fn day(
    clinic: &mut Clinic,
    plan: &Plan,
    [ada, ben, cora]: [&mut Desk; 3],
    step: impl Fn(&str),
) -> Result<(), TourError> {
    step("the server goes");
    clinic.stop_server();
    tokio::try_join!(
        ada.goes_off_line(),
        ben.goes_off_line(),
        cora.goes_off_line()
    )?;

    step("three people work");
    tokio::try_join!(
        plan::first_clinician(ada, plan),
        plan::second_clinician(ben, plan),
        plan::front_desk(cora, plan),
    )?;
    let made = ada.done.len() + ben.done.len() + cora.done.len();
    step(&format!("{made} changes were made"));
    if made < 40 {
        return Err(ada.broken(format!("{made} changes only")));
    }

    step("the server is back");
    clinic.start_server()?;
    for desk in [&*ada, &*ben, &*cora] {
        desk.window.wait_for(SENT, BACK).await?;
    }
    // Who was last may have left a newer version to those who were done.
    for desk in [&*ada, &*ben, &*cora] {
        desk.open_inbox().await?;
        desk.picture("inbox").await?;
    }
    let fates = account::every_change(clinic, plan, [&*ada, &*ben, &*cora]).await?;
    step(&fates.to_string());

    step("people decide what the machine could not");
    tokio::try_join!(ada.decide(), ben.decide(), cora.decide())?;
    for desk in [&*ada, &*ben, &*cora] {
        desk.window.wait_for(AT_REST, BACK).await?;
        desk.picture("at-rest").await?;
    }
    account::all_agree(clinic, plan, [&*ada, &*ben, &*cora]).await?;
    step("the ledger tells what was done");
    account::every_deed(clinic, [&*ada, &*ben, &*cora]).await
}

/// The folder of pictures, by who is in them.
fn picture(folder: &Path, who: &str, name: &str) -> std::path::PathBuf {
    folder.join(format!("{who}-{name}.png"))
}
