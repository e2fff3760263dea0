//! From facts to a decision with its reason.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::OnceLock;

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, PolicyId, Schema,
};

use crate::class::ResourceClass;
use crate::role::Role;

/// The policies as text.
pub const POLICIES: &str = include_str!("../policies/roles.cedar");
/// The schema that they keep to.
pub const SCHEMA: &str = include_str!("../policies/schema.cedarschema");

/// Policy id of a refusal that no policy made: nothing permits it.
pub const DEFAULT_REFUSAL: &str = "nothing-permits-it";

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read a record by its id.
    Read,
    /// Find records.
    Search,
    /// Make a record.
    Create,
    /// Change a record.
    Update,
    /// Delete a record.
    Delete,
    /// Keep a copy on a workstation.
    Sync,
    /// Put one's name under a note.
    Sign,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Search,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Sync,
        Self::Sign,
    ];

    /// The name in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Search => "search",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Sync => "sync",
            Self::Sign => "sign",
        }
    }

    /// The verb of a refusal.
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "see",
            Self::Search => "search",
            Self::Create => "add to",
            Self::Update => "change",
            Self::Delete => "delete from",
            Self::Sync => "keep copies of",
            Self::Sign => "sign",
        }
    }
}

/// The facts of one access. Role, action and class decide today; facts about the user's
/// relationship to the patient join them here, by methods, without changing callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    role: Role,
    action: Action,
    class: ResourceClass,
}

impl Request {
    /// Somebody with `role` wants to do `action` to records of `class`.
    pub fn new(role: Role, action: Action, class: ResourceClass) -> Self {
        Self {
            role,
            action,
            class,
        }
    }
}

/// The answer, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allow: bool,
    /// Why, in words that a screen can show.
    pub explanation: String,
    /// Ids of the policies that decided, or [`DEFAULT_REFUSAL`].
    pub policies: Vec<String>,
}

/// What is wrong with the policies. The compiled-in ones are tested to have none of it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The schema cannot be read.
    #[error("the schema cannot be read")]
    Schema(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The policies cannot be read.
    #[error("the policies cannot be read")]
    Policies(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A policy has no `@id` or no `@explanation`, or an id comes twice.
    #[error("policy {0} lacks @id or @explanation, or repeats an @id")]
    Annotation(String),
    /// The facts do not fit together.
    #[error("the facts cannot be put together")]
    Facts(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Policies ready to decide.
pub struct PolicySet {
    policies: cedar_policy::PolicySet,
    explanations: HashMap<PolicyId, String>,
    authorizer: Authorizer,
    user: EntityUid,
    record: EntityUid,
    actions: HashMap<Action, EntityUid>,
    facts: HashMap<(Role, ResourceClass), Entities>,
}

impl PolicySet {
    /// The compiled-in policies.
    ///
    /// # Errors
    /// [`LoadError`], if the files were broken by an edit.
    pub fn load() -> Result<Self, LoadError> {
        Self::parse(POLICIES)
    }

    fn parse(text: &str) -> Result<Self, LoadError> {
        let read = cedar_policy::PolicySet::from_str(text)
            .map_err(|error| LoadError::Policies(Box::new(error)))?;
        let mut policies = cedar_policy::PolicySet::new();
        let mut explanations = HashMap::new();
        for policy in read.policies() {
            let lacking = || LoadError::Annotation(policy.id().to_string());
            let id = policy
                .annotation("id")
                .filter(|id| !id.is_empty())
                .ok_or_else(lacking)?;
            let explanation = policy
                .annotation("explanation")
                .filter(|text| !text.is_empty())
                .ok_or_else(lacking)?;
            let id = PolicyId::new(id);
            explanations.insert(id.clone(), explanation.to_owned());
            policies.add(policy.new_id(id)).map_err(|_| lacking())?;
        }
        let user = uid("User", "user")?;
        let record = uid("Record", "record")?;
        // The groups of actions (`view`, `write`) are facts too: the schema declares them.
        let groups = schema()?
            .action_entities()
            .map_err(|error| LoadError::Facts(Box::new(error)))?;
        let mut facts = HashMap::new();
        for role in Role::ALL {
            for class in ResourceClass::ALL {
                facts.insert(
                    (role, class),
                    entities(&groups, &user, role, &record, class)?,
                );
            }
        }
        let mut actions = HashMap::new();
        for action in Action::ALL {
            actions.insert(action, uid("Action", action.as_str())?);
        }
        Ok(Self {
            policies,
            explanations,
            authorizer: Authorizer::new(),
            user,
            record,
            actions,
            facts,
        })
    }

    /// Decides.
    pub fn decide(&self, request: &Request) -> Decision {
        let response = self
            .facts
            .get(&(request.role, request.class))
            .zip(self.actions.get(&request.action))
            .and_then(|(facts, action)| {
                let asked = cedar_policy::Request::new(
                    self.user.clone(),
                    action.clone(),
                    self.record.clone(),
                    Context::empty(),
                    None,
                )
                .ok()?;
                Some(self.authorizer.is_authorized(&asked, &self.policies, facts))
            });
        let Some(response) = response else {
            return default_refusal(request);
        };
        let allow = response.decision() == CedarDecision::Allow;
        let decisive = if allow {
            Effect::Permit
        } else {
            Effect::Forbid
        };
        let mut policies: Vec<&PolicyId> = response
            .diagnostics()
            .reason()
            .filter(|id| {
                self.policies
                    .policy(id)
                    .is_some_and(|p| p.effect() == decisive)
            })
            .collect();
        if policies.is_empty() {
            return default_refusal(request);
        }
        policies.sort();
        let explanation: Vec<&str> = policies
            .iter()
            .filter_map(|id| self.explanations.get(*id).map(String::as_str))
            .collect();
        Decision {
            allow,
            explanation: explanation.join(" "),
            policies: policies.into_iter().map(ToString::to_string).collect(),
        }
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.explanations.keys()).finish()
    }
}

/// Decides by the compiled-in policies, which are read once.
pub fn decide(request: &Request) -> Decision {
    static COMPILED_IN: OnceLock<PolicySet> = OnceLock::new();
    // The text is part of the program and a test reads it: it cannot fail here.
    #[allow(clippy::expect_used)]
    COMPILED_IN
        .get_or_init(|| PolicySet::load().expect("the compiled-in policies are tested"))
        .decide(request)
}

/// The schema, for validation.
///
/// # Errors
/// [`LoadError::Schema`], if the file was broken by an edit.
pub fn schema() -> Result<Schema, LoadError> {
    Schema::from_cedarschema_str(SCHEMA)
        .map(|(schema, _)| schema)
        .map_err(|error| LoadError::Schema(Box::new(error)))
}

fn default_refusal(request: &Request) -> Decision {
    Decision {
        allow: false,
        explanation: format!(
            "{} may not {} {}.",
            request.role.people(),
            request.action.verb(),
            request.class.records()
        ),
        policies: vec![DEFAULT_REFUSAL.to_owned()],
    }
}

fn uid(entity_type: &str, id: &str) -> Result<EntityUid, LoadError> {
    let name =
        EntityTypeName::from_str(entity_type).map_err(|error| LoadError::Facts(Box::new(error)))?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}

/// The user in the role, the record in the class, beside the groups of actions.
fn entities(
    groups: &Entities,
    user: &EntityUid,
    role: Role,
    record: &EntityUid,
    class: ResourceClass,
) -> Result<Entities, LoadError> {
    let role = uid("Role", role.as_str())?;
    let class = uid("Class", class.as_str())?;
    let list = [
        Entity::new_no_attrs(user.clone(), HashSet::from([role.clone()])),
        Entity::new_no_attrs(record.clone(), HashSet::from([class.clone()])),
        Entity::new_no_attrs(role, HashSet::new()),
        Entity::new_no_attrs(class, HashSet::new()),
    ];
    groups
        .clone()
        .add_entities(list, None)
        .map_err(|error| LoadError::Facts(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> LoadError {
        PolicySet::parse(text).unwrap_err()
    }

    #[test]
    fn broken_policies_are_refused_with_a_reason() {
        assert!(matches!(
            refused("permit (principal"),
            LoadError::Policies(_)
        ));
        let bare = "permit (principal, action, resource);";
        assert!(matches!(refused(bare), LoadError::Annotation(_)));
        assert!(matches!(
            refused(&format!("@id(\"a\") {bare}")),
            LoadError::Annotation(_)
        ));
        let whole = format!("@id(\"a\") @explanation(\"Because.\") {bare}");
        assert!(PolicySet::parse(&whole).is_ok());
        assert!(matches!(
            refused(&format!("{whole}{whole}")),
            LoadError::Annotation(_)
        ));
    }

    /// A policy that cannot be evaluated permits nothing and does not stop the others.
    #[test]
    fn an_error_in_a_policy_refuses() {
        let set = PolicySet::parse(
            "@id(\"a\") @explanation(\"Because.\") \
             permit (principal, action, resource) when { principal.level > 3 };",
        )
        .unwrap();
        let request = Request::new(Role::Clinician, Action::Read, ResourceClass::Clinical);
        let decision = set.decide(&request);
        assert!(!decision.allow);
        assert_eq!(decision.policies, [DEFAULT_REFUSAL]);
    }
}
