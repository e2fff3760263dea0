//! Preferences and small facts.

use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::store::{Reading, Writing};

impl Reading<'_> {
    /// The setting of this name.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
        let value: Option<String> = statement.query_row([name], |row| row.get(0)).optional()?;
        value
            .map(|json| serde_json::from_str(&json).map_err(StoreError::unreadable("setting")))
            .transpose()
    }
}

impl Writing<'_> {
    /// Sets a setting.
    pub fn set<T: Serialize>(&mut self, name: &str, value: &T) -> Result<(), StoreError> {
        let json = serde_json::to_string(value).map_err(StoreError::unreadable("setting"))?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)")?
            .execute(params![name, json])?;
        Ok(())
    }
}
