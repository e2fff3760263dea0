//! What a user's workstation may keep.
//!
//! Role decides, patients' consents alone take away: from programs. Workstations of those who
//! treat keep what a patient closed, because an emergency may open it off line; there the same
//! policies close it.

use access::{Action, Request, ResourceClass};
use deadpool_postgres::GenericClient;
use sha2::{Digest, Sha256};

use crate::access::sight::{Seen, Sight};
use crate::app::App;
use crate::identity::caller::Caller;
use crate::store::error::StoreError;

/// Resource types that a role's workstation may keep, and why.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The types.
    pub types: Vec<&'static str>,
    /// Explanations of what permits them, each once.
    pub explanation: String,
    /// Ids of the policies.
    pub policies: Vec<String>,
    /// What patients closed: `Type/` and the patient's logical id.
    pub closed: Vec<String>,
}

impl Scope {
    /// The scope of a caller.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn of(
        app: &App,
        client: &impl GenericClient,
        caller: &Caller,
    ) -> Result<Self, StoreError> {
        let mut scope = Self::of_role(app, caller);
        let Some(sight) = Sight::of(app, caller) else {
            return Ok(scope);
        };
        for kind in &scope.types {
            match sight.seen(client, Action::Sync, kind, None).await? {
                Seen::Except { patients, .. } => {
                    let closed = patients.iter().map(|patient| format!("{kind}/{patient}"));
                    scope.closed.extend(closed);
                }
                Seen::All | Seen::Of { .. } => {}
            }
        }
        scope.closed.sort_unstable();
        Ok(scope)
    }

    fn of_role(app: &App, caller: &Caller) -> Self {
        let mut scope = Self {
            types: Vec::new(),
            explanation: String::new(),
            policies: Vec::new(),
            closed: Vec::new(),
        };
        let Some(role) = access::Role::parse(caller.role.as_str()) else {
            return scope;
        };
        let mut reasons: Vec<String> = Vec::new();
        for class in ResourceClass::ALL {
            // Audit events go up, never down.
            if class == ResourceClass::Audit {
                continue;
            }
            let decision = app
                .policies
                .decide(&Request::new(role, Action::Sync, class));
            if !decision.allow() {
                continue;
            }
            scope.types.extend(
                fhir::resource::TYPES
                    .iter()
                    .filter(|name| ResourceClass::of(name) == class),
            );
            if !reasons.contains(&decision.explanation) {
                reasons.push(decision.explanation);
            }
            for policy in decision.policies {
                if !scope.policies.contains(&policy) {
                    scope.policies.push(policy);
                }
            }
        }
        scope.types.sort_unstable();
        scope.explanation = reasons.join(" ");
        scope
    }

    /// Tells one scope from another: a cursor counts only for the scope it was made in.
    pub fn mark(&self) -> [u8; 8] {
        let mut text = self.types.join(",");
        if !self.closed.is_empty() {
            // What is opened again lies before the cursor: the feed begins anew.
            text.push(' ');
            text.push_str(&self.closed.join(","));
        }
        let digest = Sha256::digest(text.as_bytes());
        let mut mark = [0u8; 8];
        mark.copy_from_slice(&digest[..8]);
        mark
    }
}
