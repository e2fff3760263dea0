//! What came from the server and could not be read: named, and asked for again.

use access::{Part, ResourceClass};
use cache::{Quarantined, Reading, StoreError};
use ledger::Action;
use protocol::sync::SyncEntry;

use super::Desk;
use super::inbox::{concerning, title};
use crate::desk::Asked;
use crate::error::WorkError;
use crate::notice::Touched;
use crate::view::conflict::UnreadableView;

/// A record that the server is asked for by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub resource_type: String,
    pub id: String,
}

impl Desk {
    pub(super) fn unreadable_view(
        &self,
        cache: &Reading<'_>,
        entry: &Quarantined,
    ) -> Result<UnreadableView, StoreError> {
        Ok(UnreadableView {
            reference: format!("{}/{}", entry.resource_type, entry.id),
            title: title(cache, &entry.resource_type, &entry.id)?,
            code: entry.reason.clone(),
            reason: reason(&entry.reason).to_owned(),
            arrived_at: self.wall(entry.arrived),
        })
    }

    /// Whether an unreadable record may be asked for again, and what it is called.
    ///
    /// # Errors
    /// [`WorkError::Missing`] when none of that name waits, [`WorkError::Unreadable`] when it has
    /// no name that a server could be asked for.
    pub(crate) fn unreadable(&self, reference: &str) -> Result<Named, WorkError> {
        let (resource_type, id) = reference.split_once('/').ok_or(WorkError::Missing)?;
        self.permit(&fetching(resource_type))?;
        let known = self.read(|cache| cache.quarantined())?;
        if !known
            .iter()
            .any(|entry| entry.resource_type == resource_type && entry.id == id)
        {
            return Err(WorkError::Missing);
        }
        let plain = resource_type.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !plain || !fhir::resource::valid_id(id) {
            return Err(WorkError::Unreadable);
        }
        Ok(Named {
            resource_type: resource_type.to_owned(),
            id: id.to_owned(),
        })
    }

    /// Takes in what the server answered: the record as it is now, or that there is none.
    ///
    /// # Errors
    /// [`WorkError::Unreadable`] when it still cannot be read.
    pub(crate) fn take_again(
        &self,
        named: &Named,
        came: Option<SyncEntry>,
    ) -> Result<(), WorkError> {
        let permit = self.permit(&fetching(&named.resource_type))?;
        let event = self.permitted(&permit)?;
        let event =
            self.read(|cache| concerning(event.clone(), cache, &named.resource_type, &named.id))?;
        let now = self.now();
        let Some(entry) = came else {
            self.cache.write("forget-unreadable", |tx| {
                tx.forget_unreadable(&named.resource_type, &named.id, self.seal(&event))
            })?;
            (self.on_touched)(Touched::default());
            return Ok(());
        };
        let readable = self.cache.write("take-again", |tx| {
            tx.take_again(&entry, now, self.seal(&event))
        })?;
        (self.on_touched)(Touched {
            types: std::iter::once(entry.resource_type).collect(),
            patients: entry.patient.into_iter().collect(),
        });
        if readable {
            Ok(())
        } else {
            Err(WorkError::Unreadable)
        }
    }
}

/// What is asked of the policies: to have a copy of such a record here.
fn fetching(resource_type: &str) -> Asked<'static> {
    let classes: &'static [ResourceClass] = match ResourceClass::of(resource_type) {
        ResourceClass::Demographic => &[ResourceClass::Demographic],
        ResourceClass::Scheduling => &[ResourceClass::Scheduling],
        ResourceClass::Directory => &[ResourceClass::Directory],
        ResourceClass::Coverage => &[ResourceClass::Coverage],
        ResourceClass::Financial => &[ResourceClass::Financial],
        ResourceClass::Consent => &[ResourceClass::Consent],
        ResourceClass::Audit => &[ResourceClass::Audit],
        ResourceClass::Workstation => &[ResourceClass::Workstation],
        ResourceClass::Clinical => &[ResourceClass::Clinical],
    };
    Asked {
        action: Action::FetchedAgain,
        verb: access::Action::Sync,
        classes,
        patient: None,
        part: Part::Whole,
    }
}

fn reason(code: &str) -> &'static str {
    match code {
        "unfit" => {
            "It is of a kind, or under a name, that this version of Rounds does not keep. What \
             this computer had of it before is unchanged."
        }
        _ => {
            "Its content is not what a record of this kind must be. What this computer had of it \
             before is unchanged."
        }
    }
}
