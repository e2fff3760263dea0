//! What the workstation tells without being asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::view::session::{SessionView, SyncView};

/// Something changed that a screen may show.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Phase or user.
    Session(SessionView),
    /// Connection or what waits.
    Sync(SyncView),
    /// Records.
    Data {
        /// FHIR types.
        types: Vec<String>,
        /// Logical ids of patients.
        patients: Vec<String>,
    },
}

/// Records that changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    /// FHIR types.
    pub types: BTreeSet<String>,
    /// Logical ids of patients.
    pub patients: BTreeSet<String>,
}

impl Touched {
    /// Adds a resource.
    pub(crate) fn add(&mut self, resource: &serde_json::Value) {
        if let Some(kind) = fhir::resource::resource_type(resource) {
            self.types.insert(kind.to_owned());
        }
        let patient = fhir::compartment::patient_of(resource)
            .or_else(|| crate::show::calendar::parties(resource).patient);
        self.patients.extend(patient);
    }
}

/// Where notices go.
#[derive(Clone)]
pub(crate) struct Notices(Arc<broadcast::Sender<Notice>>);

impl Default for Notices {
    fn default() -> Self {
        Self(Arc::new(broadcast::channel(256).0))
    }
}

impl Notices {
    /// Sends. Nobody listening is fine: scripts have no screen.
    pub(crate) fn send(&self, notice: Notice) {
        let _ = self.0.send(notice);
    }

    pub(crate) fn touched(&self, touched: Touched) {
        self.send(Notice::Data {
            types: touched.types.into_iter().collect(),
            patients: touched.patients.into_iter().collect(),
        });
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }
}
