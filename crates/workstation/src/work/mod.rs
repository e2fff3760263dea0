//! The use cases, a file for each family. Each decides, acts, and returns only after its audit
//! event is durable. They block; the facade runs them where blocking is allowed.

mod activity;
mod chart;
mod conflicts;
mod exports;
pub(crate) mod grants;
mod inbox;
mod notes;
mod patients;
mod problem_changes;
mod problems;
mod rehearsals;
mod same_person;
mod schedule;
mod settings;
mod terms;
mod today;
pub(crate) mod unreadable;
mod visits;
mod vitals;

use cache::{Change, Write};
use fhir::validate::Validator;
use ledger::AccessEvent;
use serde_json::Value;

use crate::desk::Desk;
use crate::error::WorkError;
use crate::notice::Touched;
use crate::view::{Saved, Standing};

impl Desk {
    /// Stores new versions of records with their outbox entry and audit link.
    fn save(
        &self,
        label: &str,
        writes: Vec<Write>,
        event: AccessEvent,
        also: impl FnOnce(&mut cache::Writing<'_>) -> Result<(), cache::StoreError>,
    ) -> Result<Saved, WorkError> {
        let mut reference = String::new();
        let mut event = event;
        let mut touched = Touched::default();
        for write in &writes {
            let Write::Put { resource, .. } = write else {
                continue;
            };
            check(resource)?;
            touched.add(resource);
            let name = named(resource);
            event = event.touching(name.clone());
            if reference.is_empty() {
                reference = name;
            }
        }
        let change = Change {
            label: label.to_owned(),
            writes,
            at: self.now(),
        };
        self.cache.write("save", |tx| {
            also(tx)?;
            tx.change(&change, self.seal(&event))?;
            Ok::<_, cache::StoreError>(())
        })?;
        (self.on_touched)(touched);
        Ok(Saved {
            reference,
            standing: Standing::Saved,
        })
    }

    /// Reads one consistent state.
    fn read<T>(
        &self,
        read: impl FnOnce(&cache::Reading<'_>) -> Result<T, cache::StoreError>,
    ) -> Result<T, WorkError> {
        Ok(self.cache.read(read)?)
    }

    /// A fresh logical id.
    fn fresh_id(&self) -> Result<String, WorkError> {
        Ok(self.ports.entropy.uuid()?.to_string())
    }
}

/// `Type/id`.
fn named(resource: &Value) -> String {
    format!(
        "{}/{}",
        fhir::resource::resource_type(resource).unwrap_or_default(),
        fhir::resource::id(resource).unwrap_or_default()
    )
}

/// What is written here passes the same rules that the server will hold it to: better now,
/// beside the person who typed it, than later in an inbox.
fn check(resource: &Value) -> Result<(), WorkError> {
    Validator::new().validate(resource).map_err(|issues| {
        let what = issues.first().map_or_else(String::new, |issue| {
            format!(
                "{} {}",
                issue.expression.clone().unwrap_or_default(),
                issue.diagnostics
            )
        });
        WorkError::invalid("form", what.trim())
    })
}
