//! What a caller may see: of a type, of a record, of many.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use access::{Action, Decision, Facts, Me, Request, ResourceClass, Verdict};
use deadpool_postgres::GenericClient;
use tokio::sync::OnceCell;

use crate::access::grants;
use crate::access::known::{self, Known};
use crate::app::App;
use crate::identity::caller::Caller;
use crate::smart::Scopes;
use crate::store::error::StoreError;

/// One caller's view during one request. What is known is read once.
pub struct Sight<'a> {
    app: &'a App,
    /// Who asks.
    pub me: Me,
    scopes: Option<Scopes>,
    all: OnceCell<Known>,
    some: Mutex<Known>,
}

/// What refused, beside the ids of policies.
const BY_SCOPE: &str = "smart-scope";

/// Which records of one type may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Every one.
    All,
    /// Those that belong to no patient (where `loose`), and those of these patients.
    Of {
        /// Whether records that belong to no patient may be seen.
        loose: bool,
        /// Logical ids.
        patients: Vec<String>,
    },
    /// All but those of these patients.
    Except {
        /// Whether records that belong to no patient may be seen.
        loose: bool,
        /// Logical ids.
        patients: Vec<String>,
    },
}

impl<'a> Sight<'a> {
    /// Of a caller; none when the role is not one that policies know.
    pub fn of(app: &'a App, caller: &Caller) -> Option<Self> {
        Some(Self {
            app,
            me: known::me(caller)?,
            scopes: caller.scopes.clone(),
            all: OnceCell::new(),
            some: Mutex::default(),
        })
    }

    /// Whether the token covers an action on a type at all. Most tokens have no scopes.
    pub fn in_scope(&self, action: Action, resource_type: &str) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.cover(action, resource_type))
    }

    /// What scopes and role alone decide about records of a type.
    pub fn by_role(&self, action: Action, resource_type: &str) -> Decision {
        if !self.in_scope(action, resource_type) {
            return Decision {
                verdict: Verdict::Deny,
                explanation: "The scopes of this token do not cover it.".to_owned(),
                policies: vec![BY_SCOPE.to_owned()],
            };
        }
        let class = ResourceClass::of(resource_type);
        self.app
            .policies
            .decide(&Request::new(self.me.role, action, class))
    }

    /// What is decided about a record of a patient, or of none.
    pub fn decide(
        &self,
        known: &Known,
        action: Action,
        resource_type: &str,
        patient: Option<&str>,
    ) -> Decision {
        let class = ResourceClass::of_record(resource_type, patient.is_some());
        let request = Request::new(self.me.role, action, class);
        let request = match patient {
            Some(patient) => {
                request.concerning(known.facts(&self.me, patient, resource_type, self.app.now()))
            }
            None => request,
        };
        self.app.policies.decide(&request)
    }

    /// Whether it depends on the patient what is decided about records of a type. Cheap: it asks
    /// about a patient who closed the record to a user without relationship, and about one who
    /// is the user's in every way.
    pub fn depends(&self, action: Action, resource_type: &str) -> bool {
        let class = ResourceClass::of_record(resource_type, true);
        let request = Request::new(self.me.role, action, class);
        let allow = |facts: Facts| self.app.policies.allows(&request.concerning(facts));
        let closed = allow(Facts {
            consent_denies: true,
            ..Facts::default()
        });
        let nearest = allow(Facts {
            consent_denies: false,
            ..Facts::from_bits(u16::MAX)
        });
        closed != nearest || class != ResourceClass::of(resource_type)
    }

    /// What is known of all patients, or of these.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn known(
        &self,
        client: &impl GenericClient,
        patients: &[&str],
    ) -> Result<Known, StoreError> {
        known::load(self.app, client, &self.me, Some(patients)).await
    }

    async fn all(&self, client: &impl GenericClient) -> Result<&Known, StoreError> {
        self.all
            .get_or_try_init(|| known::load(self.app, client, &self.me, None))
            .await
    }

    /// Which records of a type may be seen. `patients`: the only ones whose records are asked
    /// for, where that is known.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn seen(
        &self,
        client: &impl GenericClient,
        action: Action,
        resource_type: &str,
        patients: Option<&[&str]>,
    ) -> Result<Seen, StoreError> {
        let loose = self.by_role(action, resource_type).allow();
        if !self.in_scope(action, resource_type) {
            return Ok(Seen::Of {
                loose: false,
                patients: Vec::new(),
            });
        }
        if !self.depends(action, resource_type) {
            return Ok(if loose {
                Seen::All
            } else {
                Seen::Of {
                    loose: false,
                    patients: Vec::new(),
                }
            });
        }
        let known = match patients {
            Some(patients) => {
                let narrow = self.known(client, patients).await?;
                let seen = self.listed(&narrow, action, resource_type, loose);
                self.some
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .join(narrow);
                return Ok(seen);
            }
            None => self.all(client).await?,
        };
        Ok(self.listed(known, action, resource_type, loose))
    }

    fn listed(&self, known: &Known, action: Action, resource_type: &str, loose: bool) -> Seen {
        let may = |patient: &str| {
            self.decide(known, action, resource_type, Some(patient))
                .allow()
        };
        // A patient of whom nothing is known stands for all others.
        let others = may("");
        let listed: Vec<String> = known
            .patients()
            .filter(|patient| may(patient) != others)
            .map(str::to_owned)
            .collect();
        match (others, loose, listed.is_empty()) {
            (true, true, true) => Seen::All,
            (true, ..) => Seen::Except {
                loose,
                patients: listed,
            },
            (false, ..) => Seen::Of {
                loose,
                patients: listed,
            },
        }
    }

    /// Why records of a type and a patient may be seen, by what was read before for
    /// [`Self::seen`]; with the user's own words, where access rests on them.
    ///
    /// # Errors
    /// When the database refuses to give a key.
    pub async fn because(
        &self,
        action: Action,
        resource_type: &str,
        patient: &str,
    ) -> Result<(Decision, Option<String>), StoreError> {
        let (decision, reason) = {
            let some = self.some.lock().unwrap_or_else(PoisonError::into_inner);
            let known = self.all.get().unwrap_or(&some);
            let decision = self.decide(known, action, resource_type, Some(patient));
            let reason = known.reason(patient).cloned();
            (decision, reason)
        };
        let words = match reason {
            Some(reason) if grants::rests_on_own_word(&decision.policies) => {
                grants::open_reason(self.app, &reason).await?
            }
            _ => None,
        };
        Ok((decision, words))
    }

    /// Which of these records, given with their patients, may be seen: one answer each.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn each(
        &self,
        client: &impl GenericClient,
        action: Action,
        records: &[(&str, Option<&str>)],
    ) -> Result<Vec<bool>, StoreError> {
        let mut depends: HashMap<&str, bool> = HashMap::new();
        let mut patients: HashSet<&str> = HashSet::new();
        for (resource_type, patient) in records {
            let depends = *depends
                .entry(resource_type)
                .or_insert_with(|| self.depends(action, resource_type));
            if let (true, Some(patient)) = (depends, patient) {
                patients.insert(patient);
            }
        }
        let patients: Vec<&str> = patients.into_iter().collect();
        let known = if patients.is_empty() {
            Known::default()
        } else {
            self.known(client, &patients).await?
        };
        Ok(records
            .iter()
            .map(|(resource_type, patient)| {
                self.decide(&known, action, resource_type, *patient).allow()
            })
            .collect())
    }
}

/// What a verdict is called in an answer: its code before its words.
pub fn worded(decision: &Decision) -> String {
    match decision.verdict {
        Verdict::Allow | Verdict::Deny => decision.explanation.clone(),
        needs => format!("{}: {}", needs.as_str(), decision.explanation),
    }
}
