//! One access, as the code that grants or refuses it describes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::action::Action;

/// What is recorded of one access. Made with [`AccessEvent::new`], told more by the methods
/// that follow it, turned into an AuditEvent by [`AccessEvent::to_fhir`].
///
/// To keep to BALP, one event is about one patient at most and, unless it is a search, about
/// one resource: [`AccessEvent::per_patient`] splits what concerns several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessEvent {
    /// Id of the AuditEvent.
    pub id: Uuid,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// What was done or tried.
    pub action: Action,
    /// How it ended.
    pub outcome: Outcome,
    /// Who did it; `None` only where nobody is known, as in a sign-in with an unknown name.
    pub user: Option<Actor>,
    /// From where.
    pub client: Client,
    /// Who records it.
    pub observer: Observer,
    /// Logical ids of the patients concerned.
    pub patients: Vec<String>,
    /// References to the resources concerned, `Type/id` or `Type/id/_history/n`.
    pub entities: Vec<String>,
    /// What was asked, for searches: the raw query.
    pub query: Option<String>,
    /// What for.
    pub purpose: Purpose,
    /// Why it was granted or refused, in words that a screen can show.
    pub explanation: Option<String>,
    /// Ids of the policies that decided.
    pub policies: Vec<String>,
    /// The reason that the user gave, where one was asked for.
    #[serde(default)]
    pub justification: Option<String>,
    /// Whether a person opened it or it was shown anew.
    pub cause: Option<Cause>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done.
    Success,
    /// Refused, or impossible for a reason that lies with the request.
    Refused,
    /// Failed for a reason that lies with us.
    Failed,
}

/// A user, as of the moment of the access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Id of the account.
    pub id: Uuid,
    /// Name for people.
    pub name: String,
    /// Wire name of the role, such as `front-desk`.
    pub role: String,
}

/// The program that asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The enrolled device, if it is one.
    pub device: Option<Uuid>,
    /// What the program says it is: the user agent, or the desktop's name and version.
    pub name: String,
    /// Address or host name; `None` for the machine that records the event itself.
    pub address: Option<String>,
}

/// Who records the event, which is also who served it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observer {
    /// The server, by its public URL.
    Server(String),
    /// A workstation, by its device id: the access was to its own copy.
    Workstation(Uuid),
}

/// What an access is for (HL7 v3 ActReason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Treatment.
    #[default]
    Treatment,
    /// Registering, scheduling.
    PatientAdministration,
    /// Treatment in an emergency, past what would be permitted (break the glass).
    Emergency,
    /// Running the clinic: reviews, audits.
    Operations,
    /// Running the system.
    SystemAdministration,
}

/// Whether a person asked for it or a screen refreshed itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A person opened it.
    Opened,
    /// It was open and was shown anew.
    Refreshed,
}

impl AccessEvent {
    /// An event that succeeded, for treatment, about nothing yet.
    pub fn new(
        id: Uuid,
        recorded: Timestamp,
        action: Action,
        client: Client,
        observer: Observer,
    ) -> Self {
        Self {
            id,
            recorded,
            action,
            outcome: Outcome::Success,
            user: None,
            client,
            observer,
            patients: Vec::new(),
            entities: Vec::new(),
            query: None,
            purpose: Purpose::default(),
            explanation: None,
            policies: Vec::new(),
            justification: None,
            cause: None,
        }
    }

    /// Done by `user`.
    #[must_use]
    pub fn by(mut self, user: Actor) -> Self {
        self.user = Some(user);
        self
    }

    /// Concerns the patient with this logical id; naming one twice changes nothing.
    #[must_use]
    pub fn about(mut self, patient: impl Into<String>) -> Self {
        let patient = patient.into();
        if !self.patients.contains(&patient) {
            self.patients.push(patient);
        }
        self
    }

    /// Touches the resource `Type/id` or version `Type/id/_history/n`.
    #[must_use]
    pub fn touching(mut self, reference: impl Into<String>) -> Self {
        self.entities.push(reference.into());
        self
    }

    /// Answers this query.
    #[must_use]
    pub fn asking(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// Ended like this.
    #[must_use]
    pub fn ending(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Is for `purpose`.
    #[must_use]
    pub fn serving(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// Was decided for this reason, by these policies.
    #[must_use]
    pub fn because(
        mut self,
        explanation: impl Into<String>,
        policies: impl IntoIterator<Item = String>,
    ) -> Self {
        self.explanation = Some(explanation.into());
        self.policies = policies.into_iter().collect();
        self
    }

    /// Was justified by the user like this.
    #[must_use]
    pub fn justified_by(mut self, reason: impl Into<String>) -> Self {
        self.justification = Some(reason.into());
        self
    }

    /// Was opened, or shown anew.
    #[must_use]
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// One event for each patient, as BALP asks of a search: the first keeps this event's id,
    /// the others take theirs from `next_id`. An event about one patient or none stays as it is.
    pub fn per_patient(self, mut next_id: impl FnMut() -> Uuid) -> Vec<Self> {
        if self.patients.len() < 2 {
            return vec![self];
        }
        let patients = self.patients.clone();
        patients
            .into_iter()
            .enumerate()
            .map(|(index, patient)| Self {
                id: if index == 0 { self.id } else { next_id() },
                patients: vec![patient],
                ..self.clone()
            })
            .collect()
    }

    /// The AuditEvent (R4).
    pub fn to_fhir(&self) -> Value {
        // `render` writes JSON: the tests hold it against the canonical form of what is read here.
        #[allow(clippy::expect_used)]
        serde_json::from_slice(&self.to_canonical()).expect("an event is written as JSON")
    }

    /// The canonical bytes of the AuditEvent: what [`crate::canonical`] makes of
    /// [`AccessEvent::to_fhir`].
    pub fn to_canonical(&self) -> Vec<u8> {
        crate::render::audit_event(self)
    }
}
