//! Making room: charts that can be fetched again go when the cache grows too large.

use rusqlite::params;

use crate::error::StoreError;
use crate::scope::Gone;
use crate::store::{Reading, Writing};

impl Reading<'_> {
    /// Bytes of the file that hold something.
    pub fn used_bytes(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT (c.page_count - f.freelist_count) * s.page_size
             FROM pragma_page_count c, pragma_freelist_count f, pragma_page_size s",
        )?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Patients whose charts are here, those that were opened least lately first.
    pub fn charts_by_use(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.patient FROM chart c LEFT JOIN recent r USING (patient)
             WHERE c.state = 0 ORDER BY coalesce(r.opened, 0), c.patient",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Patients whose charts made room, as far as the server has not heard of it.
    pub fn made_room(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT patient FROM made_room ORDER BY patient")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Writing<'_> {
    /// A chart makes room, unless it holds work that the server does not have, or may hold what a
    /// restored server lost. Answers whether it did.
    pub fn make_room(&mut self, patient: &str) -> Result<bool, StoreError> {
        if !self.has_chart(patient)? || self.holds_back()? || self.has_unsent(patient)? {
            return Ok(false);
        }
        let types = self.chart_types()?;
        self.remove_chart(patient, &types, &mut Gone::default())?;
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO made_room (patient) VALUES (?1)")?
            .execute(params![patient])?;
        Ok(true)
    }

    /// The server has heard that these charts made room.
    pub fn room_told(&mut self, patients: &[String]) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("DELETE FROM made_room WHERE patient = ?1")?;
        for patient in patients {
            statement.execute([patient])?;
        }
        Ok(())
    }
}
