//! From facts to a decision with its reason.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{OnceLock, PoisonError, RwLock};

use cedar_policy::{
    Authorizer, Context, Decision as CedarDecision, Effect, Entities, Entity, EntityId,
    EntityTypeName, EntityUid, PolicyId, RestrictedExpression, Schema,
};

use crate::class::ResourceClass;
use crate::facts::Facts;
use crate::request::{Action, Request};
use crate::role::Role;

/// The policies as text: by role, then by relationship.
pub const POLICIES: [&str; 2] = [
    include_str!("../policies/roles.cedar"),
    include_str!("../policies/relationships.cedar"),
];
/// The schema that they keep to.
pub const SCHEMA: &str = include_str!("../policies/schema.cedarschema");

/// Policy id of a refusal that no policy made: nothing permits it.
pub const DEFAULT_REFUSAL: &str = "nothing-permits-it";

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It may be done.
    Allow,
    /// It may not be done.
    Deny,
    /// It may be done once the user says why.
    NeedsJustification,
    /// It may be done in an emergency alone.
    NeedsEmergency,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [
        Self::Allow,
        Self::Deny,
        Self::NeedsJustification,
        Self::NeedsEmergency,
    ];

    /// The stable code that crosses borders.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::NeedsJustification => "needs-justification",
            Self::NeedsEmergency => "needs-emergency",
        }
    }
}

/// The answer, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// Why, in words that a screen can show.
    pub explanation: String,
    /// Ids of the policies that decided, or [`DEFAULT_REFUSAL`]. Where something is needed: those
    /// that forbid, then those that would permit.
    pub policies: Vec<String>,
}

impl Decision {
    /// Whether it may be done as things are.
    pub fn allow(&self) -> bool {
        self.verdict == Verdict::Allow
    }
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

/// What a policy says of itself.
struct Words {
    explanation: String,
    asks: Option<String>,
}

/// What Cedar answered, its policies in order.
struct Answer {
    allow: bool,
    policies: Vec<PolicyId>,
}

/// Policies ready to decide. What was decided once is remembered.
pub struct PolicySet {
    policies: cedar_policy::PolicySet,
    words: HashMap<PolicyId, Words>,
    authorizer: Authorizer,
    user: EntityUid,
    record: EntityUid,
    actions: HashMap<Action, EntityUid>,
    entities: HashMap<(Role, ResourceClass), Entities>,
    decided: RwLock<HashMap<Request, Decision>>,
}

impl PolicySet {
    /// The compiled-in policies.
    ///
    /// # Errors
    /// [`LoadError`], if the files were broken by an edit.
    pub fn load() -> Result<Self, LoadError> {
        Self::parse(&POLICIES)
    }

    fn parse(texts: &[&str]) -> Result<Self, LoadError> {
        let mut policies = cedar_policy::PolicySet::new();
        let mut words = HashMap::new();
        for text in texts {
            let read = cedar_policy::PolicySet::from_str(text)
                .map_err(|error| LoadError::Policies(Box::new(error)))?;
            for policy in read.policies() {
                let lacking = || LoadError::Annotation(policy.id().to_string());
                let note = |name| policy.annotation(name).filter(|text| !text.is_empty());
                let id = PolicyId::new(note("id").ok_or_else(lacking)?);
                let said = Words {
                    explanation: note("explanation").ok_or_else(lacking)?.to_owned(),
                    asks: note("asks").map(str::to_owned),
                };
                words.insert(id.clone(), said);
                policies.add(policy.new_id(id)).map_err(|_| lacking())?;
            }
        }
        let user = uid("User", "user")?;
        let record = uid("Record", "record")?;
        // The groups of actions (`view`, `write`, `treat`) are facts too: the schema declares them.
        let groups = schema()?
            .action_entities()
            .map_err(|error| LoadError::Facts(Box::new(error)))?;
        let mut known = HashMap::new();
        for role in Role::ALL {
            for class in ResourceClass::ALL {
                known.insert(
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
            words,
            authorizer: Authorizer::new(),
            user,
            record,
            actions,
            entities: known,
            decided: RwLock::default(),
        })
    }

    /// Decides.
    pub fn decide(&self, request: &Request) -> Decision {
        // A poisoned lock guards nothing half-written: an entry is inserted whole.
        let remembered = self.decided.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(decision) = remembered.get(request) {
            return decision.clone();
        }
        drop(remembered);
        let decision = self.judge(request);
        self.decided
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(*request, decision.clone());
        decision
    }

    /// Whether it is allowed, where nobody asks why.
    pub fn allows(&self, request: &Request) -> bool {
        let remembered = self.decided.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(decision) = remembered.get(request) {
            return decision.allow();
        }
        drop(remembered);
        self.decide(request).allow()
    }

    fn judge(&self, request: &Request) -> Decision {
        let answer = self.ask(request);
        if answer.allow {
            return self.said(Verdict::Allow, &answer.policies);
        }
        if let Some(facts) = request.facts {
            let justified = Facts {
                justified: true,
                ..facts
            };
            let emergency = Facts {
                emergency: true,
                ..facts
            };
            for (verdict, facts) in [
                (Verdict::NeedsJustification, justified),
                (Verdict::NeedsEmergency, emergency),
            ] {
                let would = self.ask(&request.concerning(facts));
                if would.allow {
                    return self.needs(verdict, &answer, &would);
                }
            }
        }
        if answer.policies.is_empty() {
            return default_refusal(request);
        }
        self.said(Verdict::Deny, &answer.policies)
    }

    /// Asks Cedar, which has no verdicts beside allow and deny.
    fn ask(&self, request: &Request) -> Answer {
        let refused = Answer {
            allow: false,
            policies: Vec::new(),
        };
        let Some(response) = self
            .entities
            .get(&(request.role, request.class))
            .zip(self.actions.get(&request.action))
            .and_then(|(entities, action)| {
                let asked = cedar_policy::Request::new(
                    self.user.clone(),
                    action.clone(),
                    self.record.clone(),
                    context(request.facts)?,
                    None,
                )
                .ok()?;
                Some(
                    self.authorizer
                        .is_authorized(&asked, &self.policies, entities),
                )
            })
        else {
            return refused;
        };
        let allow = response.decision() == CedarDecision::Allow;
        let decisive = if allow {
            Effect::Permit
        } else {
            Effect::Forbid
        };
        let mut policies: Vec<PolicyId> = response
            .diagnostics()
            .reason()
            .filter(|id| {
                self.policies
                    .policy(id)
                    .is_some_and(|policy| policy.effect() == decisive)
            })
            .cloned()
            .collect();
        policies.sort();
        Answer { allow, policies }
    }

    fn said(&self, verdict: Verdict, policies: &[PolicyId]) -> Decision {
        let explanation: Vec<&str> = policies
            .iter()
            .filter_map(|id| self.words.get(id))
            .map(|words| words.explanation.as_str())
            .collect();
        Decision {
            verdict,
            explanation: explanation.join(" "),
            policies: policies.iter().map(ToString::to_string).collect(),
        }
    }

    /// What forbids, then what is asked of the user.
    fn needs(&self, verdict: Verdict, refused: &Answer, would: &Answer) -> Decision {
        let mut decision = self.said(verdict, &refused.policies);
        for (id, asks) in would
            .policies
            .iter()
            .filter_map(|id| Some((id, self.words.get(id)?.asks.as_ref()?)))
        {
            if !decision.explanation.is_empty() {
                decision.explanation.push(' ');
            }
            decision.explanation.push_str(asks);
            decision.policies.push(id.to_string());
        }
        decision
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.words.keys()).finish()
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
        verdict: Verdict::Deny,
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

/// The facts as policies name them.
fn context(facts: Option<Facts>) -> Option<Context> {
    let known = facts.unwrap_or_default();
    let pairs = [
        ("patient", facts.is_some()),
        ("assigned", known.assigned),
        ("careTeam", known.care_team),
        ("appointment", known.appointment),
        ("visiting", known.visiting),
        ("referral", known.referral),
        ("consentPermits", known.consent_permits),
        ("consentDenies", known.consent_denies),
        ("justified", known.justified),
        ("emergency", known.emergency),
    ]
    .map(|(name, fact)| (name.to_owned(), RestrictedExpression::new_bool(fact)));
    Context::from_pairs(pairs).ok()
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
        PolicySet::parse(&[text]).unwrap_err()
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
        assert!(PolicySet::parse(&[&whole]).is_ok());
        assert!(matches!(
            refused(&format!("{whole}{whole}")),
            LoadError::Annotation(_)
        ));
        assert!(matches!(
            PolicySet::parse(&[&whole, &whole]).unwrap_err(),
            LoadError::Annotation(_)
        ));
    }

    /// A policy that cannot be evaluated permits nothing and does not stop the others.
    #[test]
    fn an_error_in_a_policy_refuses() {
        let set = PolicySet::parse(&["@id(\"a\") @explanation(\"Because.\") \
             permit (principal, action, resource) when { principal.level > 3 };"])
        .unwrap();
        let request = Request::new(Role::Clinician, Action::Read, ResourceClass::Clinical);
        let decision = set.decide(&request);
        assert!(!decision.allow());
        assert_eq!(decision.policies, [DEFAULT_REFUSAL]);
    }

    /// The verdicts beside allow and deny come from the policies: take a policy away, and the
    /// verdict that it stood for goes.
    #[test]
    fn p1_what_is_needed_is_what_the_policies_would_permit() {
        let set = PolicySet::parse(&["@id(\"a\") @explanation(\"Because.\") @asks(\"Why?\") \
             permit (principal, action, resource) when { context.emergency };"])
        .unwrap();
        let request = Request::new(Role::FrontDesk, Action::Read, ResourceClass::Clinical);
        assert_eq!(set.decide(&request).verdict, Verdict::Deny);
        let concerning = set.decide(&request.concerning(Facts::default()));
        assert_eq!(concerning.verdict, Verdict::NeedsEmergency);
        assert_eq!(concerning.explanation, "Why?");
        assert_eq!(concerning.policies, ["a"]);
    }
}
