//! The whole matrix: every role, every class, every action.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::str::FromStr;

use access::decision::{DEFAULT_REFUSAL, POLICIES, schema};
use access::{Action, Decision, PolicySet, Request, ResourceClass, Role, decide};
use cedar_policy::{ValidationMode, Validator};

/// What each role may do, in the order demographic, scheduling, directory, financial, audit,
/// clinical: r read, s search, c create, u update, d delete, y sync, g sign, - nothing.
/// Written by hand from what each role is for, not from the policies.
const TABLE: &str = "
    clinician         rscudy  rscudy  rsy     -       -   rscudyg
    nurse             rscudy  rscudy  rsy     -       -   rscudy
    front-desk        rscuy   rscuy   rsy     -       -   -
    security-officer  -       -       -       -       rs  -
    administrator     -       -       rscudy  -       -   -
    auditor           -       -       -       -       rs  -
    integration       rscudy  rscudy  rscudy  rscudy  rs  rscudy
";

fn letter(action: Action) -> char {
    match action {
        Action::Read => 'r',
        Action::Search => 's',
        Action::Create => 'c',
        Action::Update => 'u',
        Action::Delete => 'd',
        Action::Sync => 'y',
        Action::Sign => 'g',
    }
}

fn ask(role: Role, action: Action, class: ResourceClass) -> Decision {
    decide(&Request::new(role, action, class))
}

fn everything() -> impl Iterator<Item = (Role, Action, ResourceClass)> {
    Role::ALL.into_iter().flat_map(|role| {
        ResourceClass::ALL.into_iter().flat_map(move |class| {
            Action::ALL
                .into_iter()
                .map(move |action| (role, action, class))
        })
    })
}

#[test]
fn p1_every_role_class_and_action_is_decided_as_the_table_says() {
    let mut cases = 0;
    let mut roles = BTreeSet::new();
    for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut columns = line.split_whitespace();
        let role = Role::parse(columns.next().unwrap()).unwrap();
        roles.insert(role.as_str());
        for class in ResourceClass::ALL {
            let allowed = columns.next().unwrap();
            for action in Action::ALL {
                let decision = ask(role, action, class);
                assert_eq!(
                    decision.allow,
                    allowed.contains(letter(action)),
                    "{role:?} {action:?} {class:?}: {}",
                    decision.explanation
                );
                cases += 1;
            }
        }
        assert_eq!(columns.next(), None);
    }
    assert_eq!(roles.len(), Role::ALL.len());
    assert_eq!(cases, everything().count());
}

#[test]
fn p1_every_decision_carries_its_explanation() {
    for (role, action, class) in everything() {
        let decision = ask(role, action, class);
        assert!(
            decision.explanation.ends_with('.'),
            "{}",
            decision.explanation
        );
        assert!(decision.explanation.len() > 20, "{}", decision.explanation);
        assert!(!decision.policies.is_empty());
        if decision.allow {
            assert_ne!(decision.policies, [DEFAULT_REFUSAL]);
        }
    }
}

#[test]
fn p1_explanations_are_words_for_a_screen() {
    let refused = ask(Role::FrontDesk, Action::Read, ResourceClass::Clinical);
    assert_eq!(
        refused.explanation,
        "Front-desk staff may not see clinical records."
    );
    assert_eq!(refused.policies, [DEFAULT_REFUSAL]);

    let granted = ask(Role::Clinician, Action::Sign, ResourceClass::Clinical);
    assert_eq!(granted.explanation, "Clinicians may sign notes.");
    assert_eq!(granted.policies, ["clinician-signs"]);

    // A forbidding policy speaks for itself.
    let forbidden = ask(Role::Integration, Action::Update, ResourceClass::Audit);
    assert!(
        forbidden
            .explanation
            .starts_with("The audit is written by the system alone")
    );
    assert_eq!(forbidden.policies, ["audit-is-never-written"]);
}

#[test]
fn p1_policies_keep_to_the_schema() {
    let policies = cedar_policy::PolicySet::from_str(POLICIES).unwrap();
    let result = Validator::new(schema().unwrap()).validate(&policies, ValidationMode::Strict);
    let complaints: Vec<String> = result
        .validation_errors()
        .map(ToString::to_string)
        .chain(result.validation_warnings().map(ToString::to_string))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let in_schema: BTreeSet<String> = schema()
        .unwrap()
        .actions()
        .map(|action| action.id().unescaped().to_owned())
        .collect();
    let mut ours: BTreeSet<String> = Action::ALL.iter().map(|a| a.as_str().to_owned()).collect();
    ours.extend(["view".to_owned(), "write".to_owned()]);
    assert_eq!(in_schema, ours);
}

/// Cedar gives no error for a role or class that does not exist: a misspelt one would only
/// never match. So the policies must name all of ours and no other.
#[test]
fn p1_policies_name_the_roles_and_classes_that_exist() {
    let named = |kind: &str| -> BTreeSet<String> {
        let start = format!("{kind}::\"");
        POLICIES
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| line.split(start.as_str()).skip(1))
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    let roles: BTreeSet<String> = Role::ALL.iter().map(|r| r.as_str().to_owned()).collect();
    let classes: BTreeSet<String> = ResourceClass::ALL
        .iter()
        .map(|c| c.as_str().to_owned())
        .collect();
    assert_eq!(named("Role"), roles);
    assert_eq!(named("Class"), classes);
    assert!(PolicySet::load().is_ok());
}

#[test]
fn every_policy_decides_something() {
    let mut idle: BTreeSet<String> = cedar_policy::PolicySet::from_str(POLICIES)
        .unwrap()
        .policies()
        .map(|policy| policy.annotation("id").unwrap().to_owned())
        .collect();
    for (role, action, class) in everything() {
        for policy in ask(role, action, class).policies {
            idle.remove(&policy);
        }
    }
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn types_fall_into_their_classes() {
    use ResourceClass as C;
    for (resource_type, class) in [
        ("Patient", C::Demographic),
        ("RelatedPerson", C::Demographic),
        ("Appointment", C::Scheduling),
        ("Schedule", C::Scheduling),
        ("Slot", C::Scheduling),
        ("Practitioner", C::Directory),
        ("PractitionerRole", C::Directory),
        ("Organization", C::Directory),
        ("Location", C::Directory),
        ("Device", C::Directory),
        ("Coverage", C::Financial),
        ("Claim", C::Financial),
        ("ExplanationOfBenefit", C::Financial),
        ("AuditEvent", C::Audit),
        ("Observation", C::Clinical),
        ("DocumentReference", C::Clinical),
        ("Binary", C::Clinical),
        ("NoSuchType", C::Clinical),
        ("patient", C::Clinical),
    ] {
        assert_eq!(ResourceClass::of(resource_type), class, "{resource_type}");
    }
}

#[test]
fn names_read_back() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    assert_eq!(Role::parse("Clinician"), None);
    assert_eq!(Role::parse(""), None);
}
