//! Somebody at a computer of their own, and what they did there.

use std::path::PathBuf;
use std::time::Duration;

use super::picture;
use super::plan::own_birth_date;
use crate::TourError;
use crate::clinic::{Clinic, Member};
use crate::desktop::Desktop;
use crate::tour::TourOptions;
use crate::window::Window;

/// A change, by what finds it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    /// A note with this sentence.
    Signed(String),
    /// A blood pressure with this upper value.
    Measured(u32),
    /// A problem in these words.
    Problem(String),
    /// A patient of this family name.
    Registered(String),
    /// A patient has this now.
    Changed(String),
    /// An appointment for this reason.
    Booked(String),
    /// The patient of the appointment that everybody knows came.
    Arrived,
    /// That appointment was cancelled.
    Cancelled,
    /// A person chose between two versions.
    Settled,
    /// A person gave a refused change up.
    GivenUp,
}

impl Done {
    /// The ledger's code for it.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Signed(_) => "note-signed",
            Self::Measured(_) => "vitals-recorded",
            Self::Problem(_) => "problem-recorded",
            Self::Registered(_) => "patient-registered",
            Self::Changed(_) => "patient-changed",
            Self::Booked(_) => "appointment-booked",
            Self::Arrived => "appointment-progressed",
            Self::Cancelled => "appointment-cancelled",
            Self::Settled => "conflict-settled",
            Self::GivenUp => "change-given-up",
        }
    }
}

/// A person at a computer.
pub(super) struct Desk {
    pub(super) member: Member,
    pub(super) window: Window,
    pub(super) done: Vec<Done>,
    pictures: PathBuf,
    _desktop: Desktop,
}

impl Desk {
    pub(super) async fn enrol(
        clinic: &Clinic,
        options: &TourOptions,
        member: Member,
    ) -> Result<Self, TourError> {
        let desktop = Desktop::start(None)?;
        let environment = [
            ("ROUNDS_SERVER", clinic.base_url()),
            ("ROUNDS_CA", clinic.ca().display().to_string()),
        ];
        let mut window = Window::open(&desktop, &options.program, &environment).await?;
        window.begin(&format!("{} enrols", member.name));
        window.find("[data-testid=sign-in-submit]").await?;
        for (field, value) in [
            ("username", &member.user.username),
            ("password", &member.user.password),
            ("code", &member.code()?),
        ] {
            let selector = format!("[data-testid=sign-in-{field}]");
            window.fill(&selector, value).await?;
        }
        window.click("[data-testid=sign-in-submit]").await?;
        window
            .wait_for("[data-testid^=screen-]", Duration::from_secs(120))
            .await?;
        window
            .wait_for("[data-testid=status-up-to-date]", Duration::from_secs(120))
            .await?;
        window.begin(&format!("{} works", member.name));
        Ok(Self {
            member,
            window,
            done: Vec::new(),
            pictures: options.pictures.clone(),
            _desktop: desktop,
        })
    }

    pub(super) async fn close(self) -> Result<(), TourError> {
        self.window.close().await
    }

    pub(super) fn broken(&self, what: impl Into<String>) -> TourError {
        self.window.broken(what)
    }

    pub(super) async fn picture(&self, name: &str) -> Result<(), TourError> {
        let path = picture(&self.pictures, &self.member.user.username, name);
        self.window.screenshot(&path).await
    }

    pub(super) async fn goes_off_line(&self) -> Result<(), TourError> {
        let off_line = "[data-testid=status][data-connection=offline]";
        let patience = Duration::from_secs(60);
        self.window.wait_for(off_line, patience).await.map(drop)
    }

    async fn find_patient(&self, family: &str) -> Result<(), TourError> {
        self.window.click("[data-testid=rail-patients]").await?;
        let search = "[data-testid=patient-search]";
        self.window.fill(search, family).await?;
        let row = "[data-testid=patient-row]";
        self.window.click_text(row, family).await
    }

    pub(super) async fn open_chart(&self, family: &str) -> Result<(), TourError> {
        self.find_patient(family).await?;
        self.window.see("[data-testid=chart-name]", family).await
    }

    pub(super) async fn sign(&mut self, sentence: &str) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=chart-note]").await?;
        window
            .type_into("textarea[data-testid=note-subjective]", sentence)
            .await?;
        window
            .see("[data-testid=note-kept]", "kept on this computer")
            .await?;
        window.click("[data-testid=note-sign]").await?;
        window.gone("[data-testid=note-panel]").await?;
        self.done.push(Done::Signed(sentence.to_owned()));
        Ok(())
    }

    pub(super) async fn measure(&mut self, systolic: u32) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=chart-vitals]").await?;
        let upper = systolic.to_string();
        window.fill("[data-testid=vitals-systolic]", &upper).await?;
        window.fill("[data-testid=vitals-diastolic]", "80").await?;
        window.click("[data-testid=vitals-save]").await?;
        window.gone("[data-testid=vitals-panel]").await?;
        self.done.push(Done::Measured(systolic));
        Ok(())
    }

    pub(super) async fn record_problem(&mut self, words: &str) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=chart-problem]").await?;
        window.fill("[data-testid=problem-text]", words).await?;
        window.click("[data-testid=problem-save]").await?;
        window.gone("[data-testid=problem-panel]").await?;
        self.done.push(Done::Problem(words.to_owned()));
        Ok(())
    }

    pub(super) async fn register(&mut self, family: &str) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=rail-patients]").await?;
        window.click("[data-testid=register-patient]").await?;
        let given = format!("{}nia", &family[..3]);
        for (field, value) in [
            ("given", given.as_str()),
            ("family", family),
            ("birthDate", own_birth_date(family).as_str()),
        ] {
            let selector = format!("[data-testid=patient-{field}]");
            window.fill(&selector, value).await?;
        }
        window
            .click_text("[data-testid=patient-sex] label", "emale")
            .await?;
        window.click("[data-testid=patient-submit]").await?;
        window.gone("[data-testid=patient-form]").await?;
        self.done.push(Done::Registered(family.to_owned()));
        Ok(())
    }

    /// Puts `value` into a field of the patient's form.
    pub(super) async fn change(
        &mut self,
        family: &str,
        field: &str,
        value: &str,
    ) -> Result<(), TourError> {
        self.find_patient(family).await?;
        let window = &self.window;
        // Who may not read charts comes to the form at once.
        if self.member.practitioner.is_some() {
            window.see("[data-testid=chart-name]", family).await?;
            window.click("[data-testid=chart-edit]").await?;
        }
        let selector = format!("[data-testid=patient-{field}]");
        window.fill(&selector, value).await?;
        window.click("[data-testid=patient-submit]").await?;
        window.gone("[data-testid=patient-form]").await?;
        self.done.push(Done::Changed(value.to_owned()));
        Ok(())
    }

    pub(super) async fn book(
        &mut self,
        family: &str,
        with: &str,
        (day, time): (&str, &str),
        reason: &str,
    ) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=rail-schedule]").await?;
        window.click("[data-testid=book]").await?;
        window.fill("[data-testid=pick-patient]", family).await?;
        window
            .click_text("[data-testid=pick-patient-option]", family)
            .await?;
        window
            .choose("[data-testid=booking-practitioner]", with)
            .await?;
        window.fill("[data-testid=booking-date]", day).await?;
        window.fill("[data-testid=booking-time]", time).await?;
        window.fill("[data-testid=booking-reason]", reason).await?;
        window.click("[data-testid=booking-submit]").await?;
        window.gone("[data-testid=booking]").await?;
        self.done.push(Done::Booked(reason.to_owned()));
        Ok(())
    }

    /// Opens an appointment in the calendar, on whichever of the next days it is.
    async fn open_appointment(&self, id: &str) -> Result<(), TourError> {
        let window = &self.window;
        window.click("[data-testid=rail-schedule]").await?;
        let event = format!("[data-testid=schedule-event][data-appointment='{id}']");
        for _ in 0..5 {
            let patience = Duration::from_secs(4);
            if window.wait_for(&event, patience).await.is_ok() {
                window.click(&event).await?;
                return window.find("[data-testid=appointment]").await.map(drop);
            }
            window.click("[data-testid=schedule-next]").await?;
        }
        Err(self.broken("the appointment is on none of the next days"))
    }

    pub(super) async fn arrive(&mut self, id: &str) -> Result<(), TourError> {
        self.open_appointment(id).await?;
        self.window.click("[data-testid=appointment-next]").await?;
        self.window.gone("[data-testid=cancel-submit]").await?;
        self.done.push(Done::Arrived);
        Ok(())
    }

    pub(super) async fn cancel(&mut self, id: &str, reason: &str) -> Result<(), TourError> {
        self.open_appointment(id).await?;
        let window = &self.window;
        window.fill("[data-testid=cancel-reason]", reason).await?;
        window.click("[data-testid=cancel-submit]").await?;
        window.gone("[data-testid=cancel-submit]").await?;
        self.done.push(Done::Cancelled);
        Ok(())
    }

    pub(super) async fn open_inbox(&self) -> Result<(), TourError> {
        self.window.click("[data-testid=rail-inbox]").await?;
        let content = "[data-testid=conflict], [data-testid=refused], [data-testid=empty]";
        self.window.find(content).await.map(drop)
    }

    /// Keeps this side of every conflict, and gives up what was refused.
    pub(super) async fn decide(&mut self) -> Result<(), TourError> {
        let window = &self.window;
        while window.count("[data-testid=conflict]").await? > 0 {
            let before = window.count("[data-testid=conflict]").await?;
            window.click("[data-testid=keep-mine]").await?;
            window.fewer("[data-testid=conflict]", before).await?;
            self.done.push(Done::Settled);
        }
        while window.count("[data-testid=refused]").await? > 0 {
            let before = window.count("[data-testid=refused]").await?;
            window.click("[data-testid=give-up]").await?;
            window.click("[data-testid=give-up-confirm]").await?;
            window.fewer("[data-testid=refused]", before).await?;
            self.done.push(Done::GivenUp);
        }
        Ok(())
    }
}
