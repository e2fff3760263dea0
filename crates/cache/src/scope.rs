//! What this computer may keep: charts that come and go as a whole. Work that was not sent when one
//! goes is set aside.

use std::collections::{BTreeMap, BTreeSet};

use fhir::compartment;
use jiff::Timestamp;
use protocol::sync::ScopeChange;
use rusqlite::{OptionalExtension, params};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::merging::parse;
use crate::outbox::Line;
use crate::place;
use crate::store::{Reading, Writing};
use crate::unsent::Unsent;

/// Name of the setting that holds the types of which charts are made.
const CHART_TYPES: &str = "chart-types";

/// In `chart.state`: the chart is here.
const HERE: i64 = 0;
/// A feed that was begun again has not named it yet.
const UNNAMED: i64 = 1;
/// The same, and the server was restored: it may have lost what is in it.
const UNNAMED_AFTER_LOSS: i64 = 2;
/// The patient was registered from here, and the server has not named the chart yet.
const OWN: i64 = 3;
/// The same, and the feed was read to its end once since the server has the patient.
const OWN_PASSED: i64 = 4;

/// Seals work that must not stay here as it is. None when it cannot.
pub type Sealer = Box<dyn Fn(&Unsent) -> Option<Vec<u8>> + Send + Sync>;

/// What a change of scope took away.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// Patients whose charts went.
    pub patients: BTreeSet<String>,
    /// Types of which something went.
    pub types: BTreeSet<String>,
    /// How often work was set aside.
    pub set_aside: u32,
}

impl Reading<'_> {
    /// Whether a patient's chart is here, whole. Every chart is, as long as the server has said
    /// nothing of what this computer may keep.
    pub fn has_chart(&self, patient: &str) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM chart WHERE patient = ?1)
               OR NOT EXISTS (SELECT 1 FROM setting WHERE name = ?2)",
        )?;
        Ok(statement.query_row([patient, CHART_TYPES], |row| row.get(0))?)
    }

    pub(crate) fn chart_types(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.setting(CHART_TYPES)?.unwrap_or_default())
    }

    /// Whether charts are to leave when the feed has ended once more.
    pub(crate) fn has_unsettled(&self) -> Result<bool, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM chart WHERE state IN (?1, ?2, ?3))")?;
        let waits: bool =
            statement.query_row([UNNAMED, UNNAMED_AFTER_LOSS, OWN_PASSED], |row| row.get(0))?;
        // Without a word of the server on what may be kept everything may.
        Ok(waits && !self.chart_types()?.is_empty())
    }

    fn charts_in(&self, state: i64) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT patient FROM chart WHERE state = ?1 ORDER BY patient")?;
        let rows = statement.query_map([state], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether there is work on a patient's records that the server does not have.
    pub(crate) fn has_unsent(&self, patient: &str) -> Result<bool, StoreError> {
        if self.draft_of(patient)?.is_some() {
            return Ok(true);
        }
        for entry in self.entries()? {
            for line in self.lines_of(entry.seq)? {
                if self.patient_of_line(&line)?.as_deref() == Some(patient) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The patient in whose chart a line of the outbox lies.
    fn patient_of_line(&self, line: &Line) -> Result<Option<String>, StoreError> {
        if let Some(patient) = self.patient_of(&line.resource_type, &line.id)? {
            return Ok(Some(patient));
        }
        // Deleted here: what it was says whose it was.
        for text in [&line.mine, &line.base, &line.theirs] {
            if let Some(value) = parse(text.as_deref())? {
                return Ok(compartment::patient_of(&value));
            }
        }
        Ok(None)
    }
}

impl Writing<'_> {
    /// A chart is here: nothing of it is missing.
    pub(crate) fn chart_is_here(&mut self, patient: &str) -> Result<(), StoreError> {
        self.note_chart(patient, HERE)
    }

    /// A patient is registered from here: nobody else has written into the chart yet. Whether it
    /// may stay, the server says once it has the patient.
    pub(crate) fn chart_is_own(&mut self, patient: &str) -> Result<(), StoreError> {
        self.note_chart(patient, OWN)
    }

    fn note_chart(&mut self, patient: &str, state: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM made_room WHERE patient = ?1")?
            .execute([patient])?;
        self.connection
            .prepare_cached(
                "INSERT INTO chart (patient, state) VALUES (?1, ?2)
                 ON CONFLICT (patient) DO UPDATE SET state = excluded.state",
            )?
            .execute(params![patient, state])?;
        Ok(())
    }

    /// The feed begins again: it will name the charts that are to be here.
    pub(crate) fn charts_to_be_named(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute("UPDATE chart SET state = ?1", [UNNAMED])?;
        Ok(())
    }

    /// What may not be kept any more goes, before anything is stored. As long as a restored server
    /// was not told what it lost, it is sealed whole: it may be here alone.
    pub(crate) fn take_away(
        &mut self,
        change: &ScopeChange,
        at: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        self.set(CHART_TYPES, &change.chart)?;
        let whole = self.holds_back()?;
        for patient in &change.left {
            self.leave(patient, whole, at, gone)?;
        }
        if let Some(types) = &change.types {
            self.keep_types(types, &change.chart, whole, at, gone)?;
        }
        Ok(())
    }

    /// After an ordinary run of pages: charts that a feed begun again did not name have left.
    /// Whether the server was restored is known by now, since links were sent before the pages.
    pub(crate) fn unnamed_leave(
        &mut self,
        at: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        if self.chart_types()?.is_empty() {
            return Ok(());
        }
        self.leave_in(UNNAMED, at, gone)?;
        self.own_leave(at, gone)
    }

    /// Before anything of a page is stored that comes after a restored server's feed: the charts
    /// that feed did not name are sealed and go. What the page brings of one is the chart as that
    /// server has it, and could not be told from what was known before.
    pub(crate) fn unnamed_after_loss_leave(
        &mut self,
        at: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        self.leave_in(UNNAMED_AFTER_LOSS, at, gone)
    }

    fn leave_in(&mut self, state: i64, at: Timestamp, gone: &mut Gone) -> Result<(), StoreError> {
        for patient in self.charts_in(state)? {
            if matches!(self.record_text("Patient", &patient)?, Some((0, _))) {
                // Registered here, and not sent yet.
                self.chart_is_own(&patient)?;
                continue;
            }
            self.leave(&patient, state == UNNAMED_AFTER_LOSS, at, gone)?;
        }
        Ok(())
    }

    /// Charts of patients who were registered from here, and that the server does not name though
    /// it has the patient: this user may not see them. A feed that goes on from the middle may
    /// have been made before it had; the second that ends without naming them counts.
    fn own_leave(&mut self, at: Timestamp, gone: &mut Gone) -> Result<(), StoreError> {
        for patient in self.charts_in(OWN_PASSED)? {
            self.leave(&patient, false, at, gone)?;
        }
        for patient in self.charts_in(OWN)? {
            let waits = self.lines_for("Patient", &patient)?;
            let known = waits
                .first()
                .is_none_or(|line| line.base_version != Some(0));
            if known {
                self.note_chart(&patient, OWN_PASSED)?;
            }
        }
        Ok(())
    }

    /// A restored server has named its charts. The others left if it knows their patients: what is
    /// in them is not offered again, and it is sealed whole when they go. What it does not know it
    /// has lost: that stays, and is registered from here once more.
    pub(crate) fn part_lost_from_left(&mut self) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE chart SET state = CASE WHEN EXISTS
                   (SELECT 1 FROM feed_seen s WHERE s.id = chart.patient AND s.type = 'Patient')
                 THEN ?1 ELSE ?2 END WHERE state = ?3",
            )?
            .execute([UNNAMED_AFTER_LOSS, OWN, UNNAMED])?;
        Ok(())
    }

    /// Whether a record lies in a chart that left a restored server's scope.
    pub(crate) fn has_left(&self, resource_type: &str, id: &str) -> Result<bool, StoreError> {
        match self.patient_of(resource_type, id)? {
            Some(patient) => self.has_left_with(&patient, resource_type),
            None => Ok(false),
        }
    }

    /// The same of a line of the outbox, whose record may be deleted here.
    pub(crate) fn line_has_left(&self, line: &Line) -> Result<bool, StoreError> {
        match self.patient_of_line(line)? {
            Some(patient) => self.has_left_with(&patient, &line.resource_type),
            None => Ok(false),
        }
    }

    fn has_left_with(&self, patient: &str, resource_type: &str) -> Result<bool, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT state FROM chart WHERE patient = ?1")?;
        let state: Option<i64> = statement
            .query_row([patient], |row| row.get(0))
            .optional()?;
        Ok(state == Some(UNNAMED_AFTER_LOSS)
            && self.chart_types()?.iter().any(|kind| kind == resource_type))
    }

    /// A chart goes, with everything that lies in it. Work on it that was not sent is sealed first;
    /// where `whole`, its records are too.
    fn leave(
        &mut self,
        patient: &str,
        whole: bool,
        at: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        let types = self.chart_types()?;
        let mut work = Work::default();
        for entry in self.entries()? {
            for line in self.lines_of(entry.seq)? {
                if types.contains(&line.resource_type)
                    && self.patient_of_line(&line)?.as_deref() == Some(patient)
                {
                    work.entries.insert(entry.seq);
                    break;
                }
            }
        }
        for draft in self.drafts()? {
            if draft.patient == patient {
                work.drafts.insert(draft.id);
            }
        }
        if whole {
            work.records = self.texts_in(patient, &types)?;
        }
        if self.seal_aside(Some(patient), &work, at)? {
            gone.set_aside += 1;
        }
        self.take_work_back(&work, at)?;
        self.remove_chart(patient, &types, gone)
    }

    /// The records of a chart go, whatever the outbox holds of them.
    pub(crate) fn remove_chart(
        &mut self,
        patient: &str,
        types: &[String],
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        if let Some(slot) = self.slot(patient)? {
            let stretch = place::stretch_of_patient(slot);
            let found: Vec<(String, i64)> = {
                let mut statement = self.connection.prepare_cached(
                    "SELECT type, place FROM resource WHERE place BETWEEN ?1 AND ?2",
                )?;
                let rows = statement.query_map([stretch.start(), stretch.end()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
                rows.collect::<Result<_, _>>()?
            };
            for (kind, place) in found.into_iter().filter(|(kind, _)| types.contains(kind)) {
                self.remove_at(&kind, place)?;
                gone.types.insert(kind);
            }
            self.connection
                .prepare_cached("DELETE FROM patient_seen WHERE slot = ?1")?
                .execute([slot])?;
        }
        self.release_of(patient, types)?;
        self.connection
            .prepare_cached("DELETE FROM chart WHERE patient = ?1")?
            .execute([patient])?;
        gone.patients.insert(patient.to_owned());
        Ok(())
    }

    /// Entries of a chart that could not be read go with it, where they say whose they are.
    fn release_of(&mut self, patient: &str, types: &[String]) -> Result<(), StoreError> {
        for entry in self.quarantined()? {
            let whose = entry
                .json
                .as_deref()
                .and_then(|json| serde_json::from_str::<Value>(json).ok())
                .and_then(|value| compartment::patient_of(&value));
            if types.contains(&entry.resource_type) && whose.as_deref() == Some(patient) {
                self.release(&entry.resource_type, &entry.id)?;
            }
        }
        Ok(())
    }

    /// Records of other types go: the role has changed. Where `whole`, they are sealed first.
    fn keep_types(
        &mut self,
        outside: &[String],
        chart: &[String],
        whole: bool,
        at: Timestamp,
        gone: &mut Gone,
    ) -> Result<(), StoreError> {
        let kept = |kind: &str| outside.iter().chain(chart).any(|known| known == kind);
        let mut work: BTreeMap<Option<String>, Work> = BTreeMap::new();
        for entry in self.entries()? {
            for line in self.lines_of(entry.seq)? {
                if !kept(&line.resource_type) {
                    let patient = self.patient_of_line(&line)?;
                    work.entry(patient).or_default().entries.insert(entry.seq);
                    break;
                }
            }
        }
        let mut types: Vec<String> = {
            let mut statement = self
                .connection
                .prepare_cached("SELECT DISTINCT type FROM resource")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        types.retain(|kind| !kept(kind));
        if whole {
            for kind in &types {
                for (patient, text) in self.texts_of_type(kind)? {
                    work.entry(patient).or_default().records.push(text);
                }
            }
        }
        for (patient, work) in work {
            if self.seal_aside(patient.as_deref(), &work, at)? {
                gone.set_aside += 1;
            }
            self.take_work_back(&work, at)?;
        }
        for kind in types {
            let places: Vec<i64> = {
                let mut statement = self
                    .connection
                    .prepare_cached("SELECT place FROM resource WHERE type = ?1")?;
                let rows = statement.query_map([&kind], |row| row.get(0))?;
                rows.collect::<Result<_, _>>()?
            };
            for place in places {
                self.remove_at(&kind, place)?;
            }
            gone.types.insert(kind);
        }
        Ok(())
    }

    /// Texts of a chart's records that the server had.
    fn texts_in(&self, patient: &str, types: &[String]) -> Result<Vec<Value>, StoreError> {
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let mut texts = Vec::new();
        if types.is_empty() {
            return Ok(texts);
        }
        self.each_of_patient(patient, &types, |record| {
            if record.version > 0 {
                texts.extend(parse(Some(record.json))?);
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(texts)
    }

    /// Texts of the records of one type that the server had, each with the patient it is of.
    fn texts_of_type(&self, kind: &str) -> Result<Vec<(Option<String>, Value)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT place, json FROM resource WHERE type = ?1 AND version > 0")?;
        let mut rows = statement.query([kind])?;
        let mut texts = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(1)?;
            if let Some(value) = parse(Some(&text))? {
                texts.push((self.patient_in(place::slot_of(row.get(0)?))?, value));
            }
        }
        Ok(texts)
    }

    /// Seals work and keeps it; answers whether there was any.
    fn seal_aside(
        &mut self,
        patient: Option<&str>,
        work: &Work,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let unsent = self.unsent_of(work)?;
        if unsent.is_empty() {
            return Ok(false);
        }
        let sealed = self
            .sealer
            .and_then(|seal| seal(&unsent))
            .ok_or(StoreError::Unsealed)?;
        self.connection
            .prepare_cached(
                "INSERT INTO set_aside (id, patient, changes, drafts, records, made, sealed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                (self.ids)().to_string(),
                patient,
                unsent.changes.len() as i64,
                unsent.drafts.len() as i64,
                unsent.records.len() as i64,
                at.as_millisecond(),
                sealed
            ])?;
        Ok(true)
    }

    fn unsent_of(&self, work: &Work) -> Result<Unsent, StoreError> {
        let mut unsent = Unsent {
            records: work.records.clone(),
            ..Unsent::default()
        };
        if !work.entries.is_empty() {
            unsent.changes = self.unsent_changes_of(|seq| work.entries.contains(&seq))?;
        }
        if !work.drafts.is_empty() {
            unsent.drafts = self.unsent_drafts(|id| work.drafts.contains(&id))?;
        }
        Ok(unsent)
    }

    /// What was sealed goes from the outbox and the drafts; other records that a change touched are
    /// again as the server has them.
    fn take_work_back(&mut self, work: &Work, at: Timestamp) -> Result<(), StoreError> {
        // The newest first: nothing then stands on what is taken back.
        for seq in work.entries.iter().rev() {
            self.take_back(*seq, at)?;
        }
        for draft in &work.drafts {
            self.discard_draft(*draft)?;
        }
        Ok(())
    }
}

/// Work that goes together.
#[derive(Debug, Default)]
struct Work {
    /// Entries of the outbox.
    entries: BTreeSet<i64>,
    drafts: BTreeSet<Uuid>,
    records: Vec<Value>,
}
