//! Appointments and working hours by time.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::params;
use serde::Deserialize;

use crate::error::StoreError;
use crate::records::Record;
use crate::store::{Reading, Writing};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The parts of an Appointment or a Slot that the calendar needs.
#[derive(Deserialize)]
pub(crate) struct CalendarParts<'a> {
    #[serde(borrow, default)]
    start: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    end: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    participant: Vec<Participant<'a>>,
}

#[derive(Deserialize)]
struct Participant<'a> {
    #[serde(borrow, default)]
    actor: Option<Actor<'a>>,
}

#[derive(Deserialize)]
struct Actor<'a> {
    #[serde(borrow, default)]
    reference: Option<Cow<'a, str>>,
}

impl Reading<'_> {
    /// Appointments that touch `[from, to)`, by start; of one practitioner, if one is named
    /// (logical id). Cancelled ones are among them.
    pub fn appointments(
        &self,
        from: Timestamp,
        to: Timestamp,
        practitioner: Option<&str>,
    ) -> Result<Vec<Record>, StoreError> {
        self.window(
            "Appointment",
            from,
            to,
            practitioner.map(|id| format!("Practitioner/{id}")),
        )
    }

    /// Slots that touch `[from, to)`, by start.
    pub fn slots(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.window("Slot", from, to, None)
    }

    fn window(
        &self,
        resource_type: &str,
        from: Timestamp,
        to: Timestamp,
        actor: Option<String>,
    ) -> Result<Vec<Record>, StoreError> {
        // Looks back one day; what lasts longer is few and found by its end.
        let sql = match actor {
            None => {
                "SELECT place FROM (
                   SELECT start, place FROM calendar
                   WHERE type = ?1 AND start >= ?2 - ?4 AND start < ?3
                     AND (until > ?2 OR start >= ?2)
                   UNION
                   SELECT start, place FROM calendar
                   WHERE type = ?1 AND until - start > 86400000 AND until > ?2 AND start < ?3)
                 ORDER BY start, place"
            }
            Some(_) => {
                "SELECT place FROM (
                   SELECT c.start AS start, c.place AS place
                   FROM calendar_actor a CROSS JOIN calendar c
                     ON c.type = ?1 AND c.start = a.start AND c.place = a.place
                   WHERE a.actor = ?5 AND a.start >= ?2 - ?4 AND a.start < ?3
                     AND (c.until > ?2 OR c.start >= ?2)
                   UNION
                   SELECT c.start, c.place FROM calendar c
                   WHERE c.type = ?1 AND c.until - c.start > 86400000
                     AND c.until > ?2 AND c.start < ?3
                     AND EXISTS (SELECT 1 FROM calendar_actor a
                       WHERE a.actor = ?5 AND a.start = c.start AND a.place = c.place))
                 ORDER BY start, place"
            }
        };
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = match &actor {
            None => statement.query(params![resource_type, from, to, DAY])?,
            Some(actor) => statement.query(params![resource_type, from, to, DAY, actor])?,
        };
        let mut places = Vec::new();
        while let Some(row) = rows.next()? {
            places.push(row.get(0)?);
        }
        self.at_places(&places)
    }
}

impl Writing<'_> {
    pub(crate) fn index_calendar(
        &mut self,
        resource_type: &str,
        place: i64,
        parts: &CalendarParts<'_>,
    ) -> Result<(), StoreError> {
        // A proposed appointment has no time yet: it is in the chart, not in the calendar.
        let Some(start) = parts.start.as_deref().and_then(moment) else {
            return Ok(());
        };
        let until = parts
            .end
            .as_deref()
            .and_then(moment)
            .unwrap_or(start)
            .max(start);
        self.connection
            .prepare_cached(
                "INSERT INTO calendar (type, start, place, until) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![resource_type, start, place, until])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO calendar_actor (actor, start, place) VALUES (?1, ?2, ?3)",
        )?;
        for participant in &parts.participant {
            let reference = participant
                .actor
                .as_ref()
                .and_then(|actor| actor.reference.as_deref());
            // The patient's appointments are found in the patient's compartment.
            if let Some(reference) = reference.filter(|text| !text.starts_with("Patient/")) {
                insert.execute(params![reference, start, place])?;
            }
        }
        Ok(())
    }

    pub(crate) fn unindex_calendar(&mut self, place: i64) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM calendar WHERE place = ?1",
            "DELETE FROM calendar_actor WHERE place = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([place])?;
        }
        Ok(())
    }
}

/// Milliseconds of a FHIR instant.
fn moment(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(|moment| moment.as_millisecond())
}
