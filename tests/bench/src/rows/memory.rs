//! What the program holds in memory with a chart open, against an empty window.

use std::time::Duration;

use acceptance::TourError;
use acceptance::desktop::Desktop;
use acceptance::window::Window;
use load::usage;
use testbed::find_program;

use crate::measure::median;
use crate::populated::Populated;
use crate::row::{Budget, Figure, Row, RowError};
use crate::station::code;

const PATIENTS: usize = 5_000;
/// Filling the cache takes some minutes.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// After this, nothing of what was done last is still going on.
const IDLE: Duration = Duration::from_secs(20);
const SAMPLES: usize = 5;

/// The window, its web process and its network process together, each with its proportional
/// share of what they have in common.
pub struct Memory;

impl Row for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        let clinic = Populated::start(PATIENTS, tell)?;
        let (program, bare) = (find_program("rounds")?, find_program("bare-window")?);
        let desktop = Desktop::start(None)?;
        let user = clinic.user()?;
        let environment = {
            let platform = clinic.platform();
            [
                ("ROUNDS_SERVER", platform.base_url()),
                ("ROUNDS_CA", platform.ca().display().to_string()),
            ]
        };
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            tell("filling the cache");
            let window = Window::open(&desktop, &program, &environment).await?;
            window
                .fill("[data-testid=sign-in-username]", &user.username)
                .await?;
            window
                .fill("[data-testid=sign-in-password]", &user.password)
                .await?;
            window
                .fill("[data-testid=sign-in-code]", &code(&user)?)
                .await?;
            window.click("[data-testid=sign-in-submit]").await?;
            window
                .wait_for("[data-testid=screen-today]", PATIENCE)
                .await?;
            window
                .wait_for("[data-testid=status-up-to-date]", PATIENCE)
                .await?;
            window.close().await?;

            tell("opening a chart on the next morning");
            let window = Window::open(&desktop, &program, &environment).await?;
            window
                .fill("[data-testid=unlock-password]", &user.password)
                .await?;
            window.click("[data-testid=unlock-submit]").await?;
            window.find("[data-testid=screen-today]").await?;
            window.click("[data-testid=rail-patients]").await?;
            window.find("[data-testid=patient-row]").await?;
            window
                .type_into("[data-testid=patient-search]", &clinic.family)
                .await?;
            window
                .see("[data-testid=patient-row]", &clinic.family)
                .await?;
            window
                .click_text("[data-testid=patient-row]", &clinic.family)
                .await?;
            window
                .see("[data-testid=chart-name]", &clinic.family)
                .await?;
            tell("idle");
            let (ours, parts) = held(&window).await?;
            window.close().await?;

            let window = Window::open(&desktop, &bare, &[]).await?;
            let (peer, _) = held(&window).await?;
            window.close().await?;
            let figure = Figure::new(
                self.name(),
                ours,
                "MB",
                Some(peer),
                Budget::RatioAtMost(1.4),
            );
            Ok(vec![figure.noting(format!(
                "proportional set size: {parts}; both windows are driven from outside, which \
                 costs both the same"
            ))])
        })
    }
}

/// Megabytes of all processes of a window, and of each by its name.
async fn held(window: &Window) -> Result<(f64, String), RowError> {
    tokio::time::sleep(IDLE).await;
    let id = u32::try_from(window.pid()?).map_err(|_| {
        RowError::from(TourError::Broken {
            step: "memory".into(),
            what: "no process".into(),
        })
    })?;
    let mut samples = Vec::new();
    let mut parts = String::new();
    for _ in 0..SAMPLES {
        let each: Vec<(String, f64)> = usage::family(id)
            .into_iter()
            .filter_map(|id| Some((usage::name(id), usage::proportional(id)? as f64 / 1e6)))
            .collect();
        samples.push(each.iter().map(|(_, held)| held).sum());
        let told: Vec<String> = each
            .iter()
            .map(|(name, held)| format!("{name} {held:.0} MB"))
            .collect();
        parts = told.join(", ");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok((median(&mut samples), parts))
}
