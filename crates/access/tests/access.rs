//! The policies against the table of cases, and what must hold for every decision.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use access::decision::{DEFAULT_REFUSAL, POLICIES, schema};
use access::{
    Action, Decision, Facts, PolicySet, Request, ResourceClass, Role, Verdict, cases, decide,
};
use cedar_policy::{ValidationMode, Validator};

fn ask(role: Role, action: Action, class: ResourceClass) -> Decision {
    decide(&Request::new(role, action, class))
}

/// Every kind of request, with every fact alone, and with consent given or denied beside every
/// other fact.
fn everything() -> impl Iterator<Item = (Request, Option<Facts>)> {
    Role::ALL.into_iter().flat_map(|role| {
        ResourceClass::ALL.into_iter().flat_map(move |class| {
            Action::ALL.into_iter().flat_map(move |action| {
                let request = Request::new(role, action, class);
                // Where nothing turns on the relationship, a few facts stand for all.
                let facts: Vec<Facts> = match class {
                    ResourceClass::Clinical | ResourceClass::Consent | ResourceClass::Financial => {
                        telling().collect()
                    }
                    _ => vec![Facts::default(), Facts::from_bits(u16::MAX)],
                };
                std::iter::once((request, None)).chain(
                    facts
                        .into_iter()
                        .map(move |facts| (request.concerning(facts), Some(facts))),
                )
            })
        })
    })
}

fn telling() -> impl Iterator<Item = Facts> {
    let denied = Facts {
        consent_denies: true,
        ..Facts::default()
    };
    let alone = (0..Facts::COUNT).map(|place| Facts::from_bits(1 << place));
    std::iter::once(Facts::default())
        .chain(alone)
        .flat_map(move |facts| [facts, facts.or(denied)])
}

#[test]
fn p1_every_case_of_the_table_is_decided_as_it_says() {
    let mut wrong = Vec::new();
    let cases = cases::all().unwrap();
    for case in &cases {
        let decision = decide(&case.request());
        if decision.verdict != case.verdict {
            wrong.push(format!("{case:?}: {decision:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
    let lines: BTreeSet<usize> = cases.iter().map(|case| case.line).collect();
    assert!(lines.len() > 150, "{}", lines.len());
}

/// No role and class is forgotten, nor any fact alone; and no case is given twice.
#[test]
fn p1_the_table_is_complete() {
    let mut seen = BTreeMap::new();
    for case in cases::all().unwrap() {
        let bits = case.facts.map_or(-1, |facts| i32::from(facts.bits()));
        let key = (
            case.role.as_str(),
            case.class.as_str(),
            case.action.as_str(),
            bits,
        );
        assert_eq!(
            seen.insert(key, case.verdict),
            None,
            "{case:?} is there twice"
        );
    }
    for role in Role::ALL {
        for class in ResourceClass::ALL {
            for action in Action::ALL {
                let alone = (0..Facts::COUNT).map(|place| 1i32 << place);
                for bits in [-1, 0].into_iter().chain(alone) {
                    let key = (role.as_str(), class.as_str(), action.as_str(), bits);
                    assert!(seen.contains_key(&key), "{key:?}");
                }
            }
        }
    }
}

/// Decisions explain themselves; every policy decides something; and a needed justification
/// helps, a needed emergency helps, and neither is asked of somebody whom it would not help.
/// One test, so that what was decided once is remembered.
#[test]
fn p1_every_decision_explains_itself_and_what_is_asked_for_helps() {
    let mut idle: BTreeSet<String> = cedar_policy::PolicySet::from_str(&POLICIES.concat())
        .unwrap()
        .policies()
        .map(|policy| policy.annotation("id").unwrap().to_owned())
        .collect();
    for (request, facts) in everything() {
        let decision = decide(&request);
        assert!(
            decision.explanation.ends_with('.') && decision.explanation.len() > 20,
            "{request:?} {}",
            decision.explanation
        );
        assert!(!decision.policies.is_empty());
        if decision.verdict != Verdict::Deny {
            assert_ne!(decision.policies, [DEFAULT_REFUSAL]);
        }
        for policy in &decision.policies {
            idle.remove(policy);
        }
        let Some(facts) = facts else {
            assert!(
                matches!(decision.verdict, Verdict::Allow | Verdict::Deny),
                "{request:?}"
            );
            continue;
        };
        let with = |fact: Facts| decide(&request.concerning(facts.or(fact))).allow();
        let justified = || {
            with(Facts {
                justified: true,
                ..Facts::default()
            })
        };
        let emergency = || {
            with(Facts {
                emergency: true,
                ..Facts::default()
            })
        };
        match decision.verdict {
            Verdict::Allow => {}
            Verdict::Deny => assert!(!justified() && !emergency(), "{request:?}"),
            Verdict::NeedsJustification => assert!(justified() && emergency(), "{request:?}"),
            Verdict::NeedsEmergency => assert!(!justified() && emergency(), "{request:?}"),
        }
    }
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn p1_explanations_are_words_for_a_screen() {
    let refused = ask(Role::FrontDesk, Action::Read, ResourceClass::Clinical);
    assert_eq!(
        refused.explanation,
        "Front-desk staff may not see clinical records."
    );
    assert_eq!(refused.policies, [DEFAULT_REFUSAL]);

    let read = Request::new(Role::Clinician, Action::Read, ResourceClass::Clinical);
    let of = |facts: Facts| decide(&read.concerning(facts));
    let assigned = of(Facts {
        assigned: true,
        ..Facts::default()
    });
    assert_eq!(assigned.explanation, "The patient is assigned to you.");
    assert_eq!(assigned.policies, ["assigned-treats"]);

    let unrelated = of(Facts::default());
    assert_eq!(unrelated.verdict, Verdict::NeedsJustification);
    assert_eq!(
        unrelated.explanation,
        "You have no relationship with this patient. Say why you need the record."
    );
    assert_eq!(unrelated.policies, ["justified-treats"]);

    let closed = of(Facts {
        assigned: true,
        consent_denies: true,
        ..Facts::default()
    });
    assert_eq!(closed.verdict, Verdict::NeedsEmergency);
    assert_eq!(
        closed.explanation,
        "This patient has closed the record to you. Only emergency access opens it."
    );
    assert_eq!(closed.policies, ["consent-denies", "emergency-treats"]);

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
    let policies = cedar_policy::PolicySet::from_str(&POLICIES.concat()).unwrap();
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
    ours.extend(["view", "write", "treat"].map(str::to_owned));
    assert_eq!(in_schema, ours);
}

/// Cedar gives no error for a role or class that does not exist: a misspelt one would only
/// never match. So the policies must name all of ours and no other.
#[test]
fn p1_policies_name_the_roles_and_classes_that_exist() {
    let named = |kind: &str| -> BTreeSet<String> {
        let start = format!("{kind}::\"");
        POLICIES
            .concat()
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
        ("Coverage", C::Coverage),
        ("Claim", C::Financial),
        ("ExplanationOfBenefit", C::Financial),
        ("Consent", C::Consent),
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
    for class in ResourceClass::ALL {
        assert_eq!(ResourceClass::parse(class.as_str()), Some(class));
    }
    for action in Action::ALL {
        assert_eq!(Action::parse(action.as_str()), Some(action));
    }
    for facts in Facts::all() {
        assert_eq!(Facts::from_bits(facts.bits()), facts);
    }
    assert_eq!(Role::parse("Clinician"), None);
    assert_eq!(Role::parse(""), None);
}
