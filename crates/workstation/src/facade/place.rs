//! Where its user was in a profile, until they come back to it. The window ends with all that it
//! was given to show whenever a profile is locked, so this is kept here: in memory alone, and the
//! window writes ids into it and no words.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use super::Workstation;
use crate::fault;
use crate::view::fault::Fault;

/// The longest that is kept.
const LONGEST: usize = 64 * 1024;

impl Workstation {
    /// Keeps where the user of the open profile is, in the window's own words.
    ///
    /// # Errors
    /// [`Fault`] `locked` when no profile is open, `invalid` for more than a place can be.
    pub async fn keep_place(&self, place: String) -> Result<(), Fault> {
        if place.len() > LONGEST {
            return Err(fault::about("invalid", "place"));
        }
        let id = self.open_id()?;
        self.places_left().insert(id, place);
        Ok(())
    }

    /// Where the user of the open profile was, if that was ever kept.
    ///
    /// # Errors
    /// [`Fault`] `locked` when no profile is open.
    pub async fn kept_place(&self) -> Result<Option<String>, Fault> {
        let id = self.open_id()?;
        Ok(self.places_left().get(&id).cloned())
    }

    fn open_id(&self) -> Result<String, Fault> {
        let opened = self.opened();
        let open = opened.as_ref().ok_or_else(|| fault::of("locked"))?;
        Ok(open.profile.id.clone())
    }

    fn places_left(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
