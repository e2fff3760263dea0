//! A clinician's day: on line, with the server gone, killed in the middle, and back.
//!
//! Each step does what a person would do and looks at what a person would see; what the server
//! holds afterwards is compared with what was done.

mod day;
mod downtime;
mod guard;
mod guests;
mod proof;
mod remains;
mod visit;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::TourError;
use crate::clinic::Clinic;
use crate::desktop::Desktop;
use crate::window::Window;

/// Where programs are and pictures go.
#[derive(Debug, Clone)]
pub struct TourOptions {
    /// The desktop program.
    pub program: PathBuf,
    /// The generator of synthetic clinics.
    pub synthetic: PathBuf,
    /// Folder for the pictures; emptied first.
    pub pictures: PathBuf,
    /// Patients in the clinic.
    pub patients: u32,
}

/// What a person did, as the ledger must tell it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Stable action code of the ledger.
    pub action: &'static str,
}

/// Text that must never lie readable on any disk: planted through the screens.
pub struct Canaries {
    /// Family name.
    pub family: &'static str,
    /// Given name.
    pub given: &'static str,
    /// Social security number, from a range that is never issued.
    pub ssn: &'static str,
    /// Medical record number.
    pub mrn: &'static str,
    /// A sentence of a signed note.
    pub note: &'static str,
    /// A sentence of a draft.
    pub draft: &'static str,
    /// Why a closed record was opened.
    pub reason: &'static str,
}

/// The canaries of the tour.
pub const CANARIES: Canaries = Canaries {
    family: "Quillfeather",
    given: "Zephyrina",
    ssn: "987-65-4329",
    mrn: "MRNCANARY7741",
    note: "Wheeze clears after salbutamol, sleeps through the night",
    draft: "Ankle swollen since the stairs gave way",
    reason: "Covering for a colleague who fell ill at noon",
};

/// A tour under way.
pub struct Tour {
    clinic: Clinic,
    cast: guard::Cast,
    desktop: Desktop,
    window: Option<Window>,
    options: TourOptions,
    pictures: u32,
    deeds: Vec<Deed>,
    started: Instant,
}

/// Takes the whole tour; every step prints a line.
pub async fn take(options: TourOptions) -> Result<(), TourError> {
    if options.pictures.exists() {
        std::fs::remove_dir_all(&options.pictures)?;
    }
    std::fs::create_dir_all(&options.pictures)?;
    let clinic = Clinic::open(&options)?;
    let cast = guard::cast(&clinic).await?;
    let desktop = Desktop::start(None)?;
    let mut tour = Tour {
        clinic,
        cast,
        desktop,
        window: None,
        options,
        pictures: 0,
        deeds: Vec::new(),
        started: Instant::now(),
    };
    let outcome = tour.steps().await;
    if outcome.is_err() {
        // The picture of a failure is worth more than its message.
        let path = tour.options.pictures.join("failed.png");
        if let Some(window) = &tour.window {
            let _ = window.screenshot(&path).await;
        }
    }
    if let Some(window) = tour.window.take() {
        window.close().await?;
    }
    outcome
}

impl Tour {
    async fn steps(&mut self) -> Result<(), TourError> {
        day::enrol(self).await?;
        day::find_and_open(self).await?;
        day::write_and_sign(self).await?;
        day::add_vitals(self).await?;
        day::add_problem(self).await?;
        guard::who_looked(self).await?;
        guard::give_a_reason(self).await?;
        guard::emergency(self).await?;
        day::register(self).await?;
        day::book_and_move(self).await?;
        day::look_around(self).await?;
        visit::a_patient_joins(self).await?;
        downtime::work_off_line(self).await?;
        downtime::lock_and_unlock(self).await?;
        downtime::kill_and_return(self).await?;
        downtime::come_back(self).await?;
        proof::everything_arrived_once(self).await?;
        proof::every_deed_is_recorded(self).await?;
        remains::no_canary_lies_open(self).await?;
        Ok(())
    }

    fn begin(&mut self, step: &str) {
        println!("{:>6.1} s  {step}", self.started.elapsed().as_secs_f32());
        if let Some(window) = &mut self.window {
            window.begin(step);
        }
    }

    fn did(&mut self, action: &'static str) {
        self.deeds.push(Deed { action });
    }

    fn window(&self) -> Result<&Window, TourError> {
        self.window.as_ref().ok_or(TourError::Start {
            program: "rounds",
            reason: "its window is closed".into(),
        })
    }

    async fn open_window(&mut self) -> Result<(), TourError> {
        let environment = [
            ("ROUNDS_SERVER", self.clinic.base_url()),
            ("ROUNDS_CA", self.clinic.ca().display().to_string()),
        ];
        self.window = Some(Window::open(&self.desktop, &self.options.program, &environment).await?);
        Ok(())
    }

    async fn picture(&mut self, name: &str) -> Result<(), TourError> {
        self.pictures += 1;
        let path = self
            .options
            .pictures
            .join(format!("{:02}-{name}.png", self.pictures));
        self.window()?.screenshot(&path).await
    }

    /// Folders in which the workstation may have left something.
    fn workstation_folder(&self) -> &Path {
        self.desktop.home()
    }
}
