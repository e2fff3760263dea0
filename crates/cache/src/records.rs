//! Records: reading charts and directories, storing and removing.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::StoreError;
use crate::outbox::OutboxState;
use crate::patient_terms::PatientParts;
use crate::place::{self, NOBODY};
use crate::schedule::CalendarParts;
use crate::store::{Reading, Writing};
use crate::{patients, text};

/// Where a record stands on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The server has it as it is here.
    Confirmed,
    /// Changed here, not sent yet.
    Saved,
    /// Sent, no answer yet.
    Sent,
    /// Two versions; a person chooses.
    NeedsYou,
    /// The server refused the change.
    Refused,
}

impl From<OutboxState> for Standing {
    fn from(state: OutboxState) -> Self {
        match state {
            OutboxState::Waiting => Self::Saved,
            OutboxState::Sent => Self::Sent,
            OutboxState::Conflict => Self::NeedsYou,
            OutboxState::Refused => Self::Refused,
        }
    }
}

/// A record as the user sees it: with changes that are not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// FHIR resource type.
    pub resource_type: String,
    /// Logical id.
    pub id: String,
    /// Version of the server that this one is or is built on; 0 if it has none.
    pub version: u64,
    /// `meta.lastUpdated`; for a record the server has not had, when it was written.
    pub last_updated: Timestamp,
    /// The resource as JSON text.
    pub json: String,
    /// Where it stands.
    pub standing: Standing,
}

impl Record {
    /// The resource as JSON.
    pub fn value(&self) -> Result<Value, StoreError> {
        self.decode()
    }

    /// The resource as a typed view.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        serde_json::from_str(&self.json).map_err(StoreError::unreadable("resource"))
    }
}

/// A record that is still in SQLite's memory: for reading many without copying.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// FHIR resource type.
    pub resource_type: &'a str,
    /// Logical id.
    pub id: &'a str,
    /// As in [`Record::version`].
    pub version: u64,
    /// As in [`Record::last_updated`].
    pub last_updated: Timestamp,
    /// The resource as JSON text.
    pub json: &'a str,
    /// Where it stands.
    pub standing: Standing,
}

impl RecordRef<'_> {
    /// A copy that may outlive the reading.
    pub fn to_record(self) -> Record {
        Record {
            resource_type: self.resource_type.to_owned(),
            id: self.id.to_owned(),
            version: self.version,
            last_updated: self.last_updated,
            json: self.json.to_owned(),
            standing: self.standing,
        }
    }
}

/// What the outbox holds of each record; empty for most charts.
pub(crate) type Standings = HashMap<(String, String), Standing>;

const COLUMNS: &str = "type, id, version, updated, json";

const RECORD: &str = "SELECT type, id, version, updated, json,
    (SELECT max(o.state) FROM outbox_record r JOIN outbox o USING (seq)
     WHERE r.id = ?1 AND r.type = ?2)
    FROM resource WHERE id = ?1 AND type = ?2";

impl Reading<'_> {
    /// One record.
    pub fn record(&self, resource_type: &str, id: &str) -> Result<Option<Record>, StoreError> {
        let mut statement = self.connection.prepare_cached(RECORD)?;
        let mut rows = statement.query(params![id, resource_type])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let state: Option<OutboxState> = row.get(5)?;
        let mut record = record_ref(row, &Standings::new())?.to_record();
        record.standing = state.map_or(Standing::Confirmed, Standing::from);
        Ok(Some(record))
    }

    /// Calls `each` with every record of a patient, ordered by type as the chart is stored.
    /// `types` narrows it; empty means all. Stops at the first error.
    pub fn each_of_patient<E: From<StoreError>>(
        &self,
        patient: &str,
        types: &[&str],
        mut each: impl FnMut(RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(slot) = self.slot(patient)? else {
            return Ok(());
        };
        if types.is_empty() {
            return self.each_in(place::stretch_of_patient(slot), &mut each);
        }
        for name in types {
            if let Some(number) = place::type_number(name) {
                self.each_in(place::stretch(slot, number), &mut each)?;
            }
        }
        Ok(())
    }

    /// The records of one type of a patient.
    pub fn of_patient(
        &self,
        patient: &str,
        resource_type: &str,
    ) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        self.each_of_patient(patient, &[resource_type], |record| {
            found.push(record.to_record());
            Ok::<_, StoreError>(())
        })?;
        Ok(found)
    }

    /// The records of one type that belong to no patient: practitioners, places, schedules.
    pub fn directory(&self, resource_type: &str) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        if let Some(number) = place::type_number(resource_type) {
            self.each_in(place::stretch(NOBODY, number), &mut |record: RecordRef<
                '_,
            >| {
                found.push(record.to_record());
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(found)
    }

    /// Where a record stands; [`Standing::Confirmed`] for anything the outbox does not hold.
    pub fn standing(&self, resource_type: &str, id: &str) -> Result<Standing, StoreError> {
        Ok(standing_in(&self.standings()?, resource_type, id))
    }

    /// How many records there are. Reads an index from end to end.
    pub fn record_count(&self) -> Result<u64, StoreError> {
        Ok(self
            .connection
            .query_row("SELECT count(*) FROM resource", [], |row| row.get(0))?)
    }

    /// The logical id of the patient to whom a record belongs.
    pub fn patient_of(&self, resource_type: &str, id: &str) -> Result<Option<String>, StoreError> {
        let Some((place, _)) = self.place(resource_type, id)? else {
            return Ok(None);
        };
        self.patient_in(place::slot_of(place))
    }

    pub(crate) fn patient_in(&self, slot: i64) -> Result<Option<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT patient FROM compartment WHERE slot = ?1")?;
        Ok(statement.query_row([slot], |row| row.get(0)).optional()?)
    }

    pub(crate) fn slot(&self, patient: &str) -> Result<Option<i64>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT slot FROM compartment WHERE patient = ?1")?;
        Ok(statement
            .query_row([patient], |row| row.get(0))
            .optional()?)
    }

    /// Place and version of a record.
    pub(crate) fn place(
        &self,
        resource_type: &str,
        id: &str,
    ) -> Result<Option<(i64, u64)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT place, version FROM resource WHERE id = ?1 AND type = ?2")?;
        Ok(statement
            .query_row([id, resource_type], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// Version and text of a record.
    pub(crate) fn record_text(
        &self,
        resource_type: &str,
        id: &str,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT version, json FROM resource WHERE id = ?1 AND type = ?2")?;
        Ok(statement
            .query_row([id, resource_type], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    /// The worst standing of each record that the outbox holds: one that needs a person hides
    /// nothing that follows it.
    pub(crate) fn standings(&self) -> Result<Standings, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.type, r.id, o.state FROM outbox_record r JOIN outbox o USING (seq)",
        )?;
        let mut rows = statement.query([])?;
        let mut standings = Standings::new();
        while let Some(row) = rows.next()? {
            let standing = Standing::from(row.get::<_, OutboxState>(2)?);
            let known = standings
                .entry((row.get(0)?, row.get(1)?))
                .or_insert(standing);
            *known = (*known).max(standing);
        }
        Ok(standings)
    }

    fn each_in<E: From<StoreError>>(
        &self,
        stretch: std::ops::RangeInclusive<i64>,
        each: &mut impl FnMut(RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let standings = self.standings()?;
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM resource WHERE place BETWEEN ?1 AND ?2 ORDER BY place"
            ))
            .map_err(StoreError::from)?;
        let mut rows = statement
            .query([stretch.start(), stretch.end()])
            .map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(record_ref(row, &standings)?)?;
        }
        Ok(())
    }

    /// The records at these places, in their order; places without a record are passed over.
    pub(crate) fn at_places(&self, places: &[i64]) -> Result<Vec<Record>, StoreError> {
        let standings = self.standings()?;
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM resource WHERE place = ?1"))?;
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            let mut rows = statement.query([place])?;
            if let Some(row) = rows.next()? {
                found.push(record_ref(row, &standings)?.to_record());
            }
        }
        Ok(found)
    }
}

fn standing_in(standings: &Standings, resource_type: &str, id: &str) -> Standing {
    if standings.is_empty() {
        return Standing::Confirmed;
    }
    let key = (resource_type.to_owned(), id.to_owned());
    standings.get(&key).copied().unwrap_or(Standing::Confirmed)
}

fn record_ref<'a>(row: &'a Row<'_>, standings: &Standings) -> Result<RecordRef<'a>, StoreError> {
    let text = |index: usize| -> Result<&'a str, StoreError> {
        row.get_ref(index)?.as_str().map_err(|error| {
            // Text that is not UTF-8 is a damaged page that kept its tag.
            StoreError::Corrupt(Some(rusqlite::Error::FromSqlConversionFailure(
                index,
                rusqlite::types::Type::Text,
                Box::new(error),
            )))
        })
    };
    let (resource_type, id) = (text(0)?, text(1)?);
    Ok(RecordRef {
        resource_type,
        id,
        version: row.get(2)?,
        last_updated: millis(row.get(3)?),
        json: text(4)?,
        standing: standing_in(standings, resource_type, id),
    })
}

/// The moment of a stored number of milliseconds; a number out of range is the nearest moment.
pub(crate) fn millis(value: i64) -> Timestamp {
    Timestamp::from_millisecond(value).unwrap_or(if value < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// A record to be stored.
pub(crate) struct Incoming<'a> {
    pub resource_type: &'a str,
    pub id: &'a str,
    pub version: u64,
    pub last_updated: Timestamp,
    pub patient: Option<&'a str>,
    pub json: &'a str,
}

/// The parts of a record that an index needs; most types need none and are not parsed.
enum Parts<'a> {
    None,
    Patient(Box<PatientParts<'a>>),
    Seen(Option<String>),
    Calendar(CalendarParts<'a>),
    Text(String),
}

impl<'a> Parts<'a> {
    fn read(resource_type: &str, json: &'a str) -> Result<Self, StoreError> {
        let unreadable = |error| StoreError::unreadable("resource")(error);
        Ok(match resource_type {
            "Patient" => Self::Patient(serde_json::from_str(json).map_err(unreadable)?),
            "Encounter" => Self::Seen(patients::seen(json).map_err(unreadable)?),
            "Appointment" | "Slot" => {
                Self::Calendar(serde_json::from_str(json).map_err(unreadable)?)
            }
            "Condition" => Self::Text(text::of_condition(json).map_err(unreadable)?),
            "DocumentReference" => Self::Text(text::of_document(json).map_err(unreadable)?),
            _ => Self::None,
        })
    }
}

/// What a transaction has learnt of where things lie, so that a page asks once.
#[derive(Default)]
pub(crate) struct Places {
    slots: HashMap<String, i64>,
    next: HashMap<(i64, i64), i64>,
    pub(crate) seen: HashMap<i64, String>,
}

impl Writing<'_> {
    /// Stores a record over what was there, with its entries in the indexes.
    pub(crate) fn put(&mut self, record: &Incoming<'_>) -> Result<(), StoreError> {
        self.put_unless_newer(record, i64::MAX).map(|_| ())
    }

    /// Stores a record unless a version above `newest` is there. Answers whether it did.
    pub(crate) fn put_unless_newer(
        &mut self,
        record: &Incoming<'_>,
        newest: i64,
    ) -> Result<bool, StoreError> {
        let number = place::type_number(record.resource_type)
            .ok_or(StoreError::Unfit("its type is not kept here"))?;
        // Read before anything is written: an entry that cannot be read leaves no trace.
        let parts = Parts::read(record.resource_type, record.json)?;
        // A Patient is in its own compartment, whatever its entry says.
        let patient = match record.resource_type {
            "Patient" => Some(record.id),
            _ => record.patient,
        };
        let slot = match patient {
            Some(patient) => self.slot_or_new(patient)?,
            None => NOBODY,
        };
        let updated = record.last_updated.as_millisecond();
        // Most records of a page are new: tried first, so that they need no look-up.
        let mut place = self.next_place(slot, number)?;
        if self.insert(place, record, updated)? {
            self.places.next.insert((slot, number), place + 1);
        } else {
            let (known, version) = self
                .place(record.resource_type, record.id)?
                .ok_or(StoreError::Corrupt(None))?;
            if version as i64 > newest {
                return Ok(false);
            }
            if place::stretch(slot, number).contains(&known) {
                self.unindex(record.resource_type, known)?;
                self.connection
                    .prepare_cached(
                        "UPDATE resource SET version = ?2, updated = ?3, json = ?4 WHERE place = ?1",
                    )?
                    .execute(params![known, record.version, updated, record.json])?;
                place = known;
            } else {
                // It went to another patient's compartment.
                self.remove_at(record.resource_type, known)?;
                self.insert(place, record, updated)?;
                self.places.next.insert((slot, number), place + 1);
            }
        }
        match parts {
            Parts::None => {}
            Parts::Patient(parts) => self.index_patient(slot, record.id, &parts)?,
            Parts::Seen(day) => self.note_seen(slot, day),
            Parts::Calendar(parts) => self.index_calendar(record.resource_type, place, &parts)?,
            Parts::Text(text) => self.index_text(place, &text)?,
        }
        Ok(true)
    }

    /// Inserts a record if there is none of its type and id. Answers whether it did.
    fn insert(
        &mut self,
        place: i64,
        record: &Incoming<'_>,
        updated: i64,
    ) -> Result<bool, StoreError> {
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT INTO resource (place, type, id, version, updated, json)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id, type) DO NOTHING",
            )?
            .execute(params![
                place,
                record.resource_type,
                record.id,
                record.version,
                updated,
                record.json
            ])?;
        Ok(inserted == 1)
    }

    /// Removes a record and its entries in the indexes; nothing happens if there is none.
    pub(crate) fn remove(&mut self, resource_type: &str, id: &str) -> Result<(), StoreError> {
        match self.place(resource_type, id)? {
            Some((place, _)) => self.remove_at(resource_type, place),
            None => Ok(()),
        }
    }

    pub(crate) fn remove_at(&mut self, resource_type: &str, place: i64) -> Result<(), StoreError> {
        self.unindex(resource_type, place)?;
        self.connection
            .prepare_cached("DELETE FROM resource WHERE place = ?1")?
            .execute([place])?;
        Ok(())
    }

    fn unindex(&mut self, resource_type: &str, place: i64) -> Result<(), StoreError> {
        match resource_type {
            "Patient" => self.unindex_patient(place::slot_of(place)),
            "Appointment" | "Slot" => self.unindex_calendar(place),
            "Condition" | "DocumentReference" => self.unindex_text(place),
            _ => Ok(()),
        }
    }

    /// The number of a patient, given out now if there is none.
    pub(crate) fn slot_or_new(&mut self, patient: &str) -> Result<i64, StoreError> {
        if let Some(slot) = self.places.slots.get(patient) {
            return Ok(*slot);
        }
        let slot = match self.slot(patient)? {
            Some(slot) => slot,
            None => {
                self.connection
                    .prepare_cached("INSERT INTO compartment (patient) VALUES (?1)")?
                    .execute([patient])?;
                self.connection.last_insert_rowid()
            }
        };
        self.places.slots.insert(patient.to_owned(), slot);
        Ok(slot)
    }

    fn next_place(&mut self, slot: i64, number: i64) -> Result<i64, StoreError> {
        let stretch = place::stretch(slot, number);
        let next = match self.places.next.get(&(slot, number)) {
            Some(next) => *next,
            None => {
                let last: Option<i64> = self
                    .connection
                    .prepare_cached(
                        "SELECT place FROM resource WHERE place BETWEEN ?1 AND ?2
                         ORDER BY place DESC LIMIT 1",
                    )?
                    .query_row([stretch.start(), stretch.end()], |row| row.get(0))
                    .optional()?;
                last.map_or(*stretch.start(), |last| last + 1)
            }
        };
        if !stretch.contains(&next) {
            return Err(StoreError::Unfit(
                "too many records of one type for one patient",
            ));
        }
        self.places.next.insert((slot, number), next);
        Ok(next)
    }
}
