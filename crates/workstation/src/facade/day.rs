//! The commands of a clinic's day: each is one use case.

use ledger::Action;

use super::Workstation;
use crate::runner::Poke;
use crate::view::activity::ActivityView;
use crate::view::chart::{ProblemForm, ProblemTerm, VitalsForm};
use crate::view::conflict::{Choice, CombineForm, InboxView};
use crate::view::fault::Fault;
use crate::view::note::{DraftForm, DraftView, NoteView};
use crate::view::patient::{PatientForm, PatientPage};
use crate::view::problem::ProblemChange;
use crate::view::same_person::{LikelyView, MergeForm};
use crate::view::schedule::{BookingForm, MoveForm, Progress, ScheduleView};
use crate::view::session::{SettingsForm, SettingsView};
use crate::view::today::TodayView;
use crate::view::{Cause, Saved};

impl Workstation {
    /// My day.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn today(&self, cause: Cause) -> Result<TodayView, Fault> {
        self.work(move |desk| desk.my_day(cause)).await
    }

    /// Patients by any part of name, birth date, record number or telephone; recently opened ones for an empty query.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn find_patients(&self, query: String, limit: u32) -> Result<PatientPage, Fault> {
        self.work(move |desk| desk.find_patients(&query, limit))
            .await
    }

    /// Demographics to edit.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn patient_form(&self, patient: String) -> Result<PatientForm, Fault> {
        self.work(move |desk| desk.patient_form(&patient)).await
    }

    /// Registers or changes a patient.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn save_patient(&self, form: PatientForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.save_patient(&form)).await
    }

    /// Patients who may be the one that a form describes.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn likely_duplicates(&self, form: PatientForm) -> Result<Vec<LikelyView>, Fault> {
        self.work(move |desk| desk.likely_duplicates(&form)).await
    }

    /// Merges two records of one person.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn merge_patients(&self, form: MergeForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.merge_patients(&form)).await
    }

    /// Undoes a merge.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn undo_merge(&self, replaced: String) -> Result<Saved, Fault> {
        self.work(move |desk| desk.undo_merge(&replaced)).await
    }

    /// Remembers that two records are two people's.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn keep_apart(&self, one: String, other: String) -> Result<Saved, Fault> {
        self.work(move |desk| desk.keep_apart(&one, &other)).await
    }

    /// A signed note, whole.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn note(&self, reference: String) -> Result<NoteView, Fault> {
        self.work(move |desk| desk.note(&reference)).await
    }

    /// Records vital signs.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn add_vitals(&self, form: VitalsForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.add_vitals(&form)).await
    }

    /// Adds a problem.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn add_problem(&self, form: ProblemForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.add_problem(&form)).await
    }

    /// A problem to change.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn problem_form(&self, reference: String) -> Result<ProblemChange, Fault> {
        self.work(move |desk| desk.problem_form(&reference)).await
    }

    /// Changes a problem: where it stands, since when, until when.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn change_problem(&self, form: ProblemChange) -> Result<Saved, Fault> {
        self.work(move |desk| desk.change_problem(&form)).await
    }

    /// The unsigned note for a patient.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn draft(&self, patient: String) -> Result<Option<DraftView>, Fault> {
        self.work(move |desk| desk.draft(&patient)).await
    }

    /// Keeps what was typed.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn keep_draft(&self, form: DraftForm) -> Result<DraftView, Fault> {
        self.work(move |desk| desk.keep_draft(&form)).await
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn discard_draft(&self, id: String) -> Result<(), Fault> {
        self.work(move |desk| desk.discard_draft(&id)).await
    }

    /// Freezes a draft as a signed note.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn sign_note(&self, draft: String) -> Result<Saved, Fault> {
        self.work(move |desk| desk.sign_note(&draft)).await
    }

    /// The calendar for some days.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn schedule(
        &self,
        from: String,
        days: u32,
        cause: Cause,
    ) -> Result<ScheduleView, Fault> {
        self.work(move |desk| desk.schedule(&from, days, cause))
            .await
    }

    /// Books an appointment.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn book(&self, form: BookingForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.book(&form)).await
    }

    /// Moves an appointment or changes its length.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn move_appointment(&self, form: MoveForm) -> Result<Saved, Fault> {
        self.work(move |desk| desk.move_appointment(&form)).await
    }

    /// Cancels an appointment with a reason.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn cancel_appointment(&self, id: String, reason: String) -> Result<Saved, Fault> {
        self.work(move |desk| desk.cancel_appointment(&id, &reason))
            .await
    }

    /// Checks in, takes in, finishes or marks as not come.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn set_progress(&self, id: String, progress: Progress) -> Result<Saved, Fault> {
        self.work(move |desk| desk.set_progress(&id, progress))
            .await
    }

    /// What needs a person.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn inbox(&self, cause: Cause) -> Result<InboxView, Fault> {
        self.work(move |desk| desk.inbox(cause)).await
    }

    /// Settles two versions of one record.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn settle_conflict(&self, id: String, choice: Choice) -> Result<(), Fault> {
        self.work(move |desk| desk.settle_conflict(&id, choice))
            .await
    }

    /// Settles two versions of one record element by element.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn combine_conflict(&self, form: CombineForm) -> Result<(), Fault> {
        self.work(move |desk| desk.combine_conflict(&form)).await
    }

    /// Asks the server again for a record that came and could not be read.
    ///
    /// # Errors
    /// [`Fault`] with a stable code; `offline` without the server, `still-unreadable` when it
    /// came again and could not be read again.
    pub async fn fetch_again(&self, reference: String) -> Result<(), Fault> {
        let named = self.work(move |desk| desk.unreadable(&reference)).await?;
        let asked = named.clone();
        let came = self
            .ask(Action::FetchedAgain, |server, session| async move {
                server
                    .record(&session, &asked.resource_type, &asked.id)
                    .await
            })
            .await?;
        let taken = self.work(move |desk| desk.take_again(&named, came)).await;
        // What needs a person is counted anew.
        self.poke(Poke::Written);
        taken
    }

    /// Takes note of work that was set aside and handed over.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn note_set_aside(&self, id: String) -> Result<(), Fault> {
        let noted = self.work(move |desk| desk.note_set_aside(&id)).await;
        // What needs a person is counted anew.
        self.poke(Poke::Written);
        noted
    }

    /// Undoes a refused change on this computer.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn give_up_refused(&self, id: String) -> Result<(), Fault> {
        self.work(move |desk| desk.give_up_refused(&id)).await
    }

    /// Sends a refused change again.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn retry_refused(&self, id: String) -> Result<(), Fault> {
        self.work(move |desk| desk.retry_refused(&id)).await
    }

    /// What this workstation recorded and what is still to send.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn activity(&self, limit: u32) -> Result<ActivityView, Fault> {
        self.work(move |desk| desk.activity(limit)).await
    }

    /// The Settings screen.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn settings_view(&self) -> Result<SettingsView, Fault> {
        self.work(move |desk| desk.settings_view()).await
    }

    /// Terms while a problem is typed.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn problem_terms(&self, query: String) -> Result<Vec<ProblemTerm>, Fault> {
        self.work(move |desk| Ok(desk.problem_terms(&query))).await
    }

    /// Changes settings.
    ///
    /// # Errors
    /// [`Fault`] with a stable code.
    pub async fn save_settings(&self, form: SettingsForm) -> Result<SettingsView, Fault> {
        let theme = form.theme;
        let (view, idle) = self
            .work(move |desk| {
                let view = desk.save_settings(&form)?;
                Ok((view, desk.idle_seconds()))
            })
            .await?;
        self.idle_after(idle);
        self.keep_theme(theme).await;
        Ok(view)
    }
}
