//! What a user's workstation may keep.

use access::{Action, Request, ResourceClass};
use protocol::sign_in::Role;
use sha2::{Digest, Sha256};

use crate::app::App;

/// Resource types that a role's workstation may keep, and why.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The types.
    pub types: Vec<&'static str>,
    /// Explanations of what permits them, each once.
    pub explanation: String,
    /// Ids of the policies.
    pub policies: Vec<String>,
}

impl Scope {
    /// The scope of a role.
    pub fn of(app: &App, role: Role) -> Self {
        let mut scope = Self {
            types: Vec::new(),
            explanation: String::new(),
            policies: Vec::new(),
        };
        let Some(role) = access::Role::parse(role.as_str()) else {
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
        let digest = Sha256::digest(self.types.join(",").as_bytes());
        let mut mark = [0u8; 8];
        mark.copy_from_slice(&digest[..8]);
        mark
    }
}
