//! Opening a chart as the window does: decided, recorded, read, decoded, drawn as text.

use load::LoadError;
use load::chance::Chance;
use load::client::Target;
use protocol::sync::ScopeChange;
use serde_json::json;
use testbed::{NewUser, Platform, PlatformOptions};
use workstation::view::Cause;

use crate::clinic;
use crate::measure::{millis, percentile, time};
use crate::row::{Budget, Figure, Row, RowError};
use crate::station::{Station, refused};

const CHARTS: usize = 40;
const RECORDS: usize = 2_000;
const SIZE: usize = 1_000;
const OPENINGS: usize = 200;
const PRACTITIONER: &str = "dr1";

/// A chart of 2,000 resources among others like it, so that its pages are mostly cold: forty of
/// them make 80 MB, more than the page cache holds.
pub struct ChartOpen;

impl Row for ChartOpen {
    fn name(&self) -> &'static str {
        "chart-open"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        tell("enrolling");
        let mut platform = Platform::start(PlatformOptions::quick())?;
        let user = clinician(&mut platform)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let computer = Station::new(platform.ca())?;
        runtime.block_on(computer.fill(&platform, &user))?;
        // Off line: nothing else is done meanwhile, and the records below come from nowhere.
        platform.stop_server();
        tell("filling");
        runtime.block_on(computer.station.door().work(|desk| {
            fill(desk.cache()).map_err(|_| workstation::error::WorkError::Interrupted)
        }))?;
        tell("opening");
        let mut chance = Chance(1);
        let mut times = Vec::with_capacity(OPENINGS);
        for _ in 0..OPENINGS {
            let id = clinic::id(0, chance.below(CHARTS));
            let (took, text) = time(|| {
                let view = runtime
                    .block_on(computer.station.open_chart(id, Cause::Opened))
                    .map_err(refused)?;
                Ok(serde_json::to_string(&view)?)
            })?;
            if text.len() < RECORDS {
                return Err(RowError::Missing("a chart is empty".into()));
            }
            times.push(millis(took));
        }
        let middle = percentile(&mut times, 50);
        let figure = Figure::new(
            "chart-open (p95)",
            percentile(&mut times, 95),
            "ms",
            None,
            Budget::AtMost(30.0),
        );
        Ok(vec![figure.noting(format!(
            "p50 {middle:.1} ms; the use case behind the window, from the command to the text \
             that is handed to it"
        ))])
    }
}

/// A clinician who is a practitioner of the clinic.
fn clinician(platform: &mut Platform) -> Result<testbed::UserRecord, RowError> {
    let token = platform.token()?;
    let target = Target::new(platform.state().port, platform.ca(), &token)?;
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{
        "resource": { "resourceType": "Practitioner", "id": PRACTITIONER, "active": true,
            "name": [{ "family": "Lovelace", "given": ["Ada"] }] },
        "request": { "method": "PUT", "url": format!("Practitioner/{PRACTITIONER}") } }] });
    target
        .connection()
        .post("", bundle.to_string().as_bytes())
        .and_then(|answer| answer.done("a practitioner"))
        .map_err(|error: LoadError| RowError::from(error))?;
    Ok(platform.add_user(&NewUser {
        username: "ada",
        role: "clinician",
        display_name: "Dr. Ada Lovelace",
        password: None,
        practitioner: Some(PRACTITIONER),
    })?)
}

/// Charts of patients who are in the clinician's care.
fn fill(cache: &cache::Cache) -> Result<(), RowError> {
    clinic::fill(cache, CHARTS, |n| {
        let mut patient = clinic::patient(n);
        patient["generalPractitioner"] =
            json!([{ "reference": format!("Practitioner/{PRACTITIONER}") }]);
        patient
    })?;
    clinic::fill(cache, CHARTS * RECORDS, |n| {
        clinic::observation(n, n % CHARTS, SIZE)
    })?;
    // As the feed does when the last record of a chart has come.
    let mut whole = clinic::page(CHARTS * RECORDS, Vec::new(), false);
    whole.scope = Some(Box::new(ScopeChange {
        chart: vec!["Observation".into()],
        arrived: (0..CHARTS).map(|n| clinic::id(0, n)).collect(),
        ..ScopeChange::default()
    }));
    cache.apply_page(&whole, clinic::at(), clinic::seal)?;
    Ok(())
}
