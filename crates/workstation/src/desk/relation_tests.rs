//! The shared table of cases, on the workstation's path: from records in a cache to a verdict.

use std::collections::HashMap;
use std::time::Duration;

use access::cases::{self, Case};
use cache::{Cache, CacheKey};
use ed25519_dalek::SigningKey;
use ledger::chain::Head;
use protocol::sign_in::{OrganisationCard, Policy, UserCard};
use protocol::sync::{SyncEntry, SyncPage};
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

use super::*;
use crate::adapter::system_browser::SystemBrowser;
use crate::adapter::unusable::Unusable;
use crate::desk::identity::{Identity, Kept};
use crate::port::Ports;
use crate::port::clock::Clock;
use crate::port::entropy::SystemEntropy;
use crate::port::keychain::{Keychain, KeychainError};
use crate::profile::Profile;
use crate::profile::lock_file::LockFile;

const NOW: &str = "2026-01-05T14:30:00Z";

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        NOW.parse().unwrap()
    }

    fn steady(&self) -> Duration {
        Duration::ZERO
    }
}

struct Empty;

impl Keychain for Empty {
    fn name(&self) -> String {
        "empty".into()
    }

    fn get(&self, _: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, KeychainError> {
        Err(KeychainError::NoEntry)
    }

    fn set(&self, _: &str, _: &[u8]) -> Result<(), KeychainError> {
        Ok(())
    }

    fn delete(&self, _: &str) -> Result<(), KeychainError> {
        Ok(())
    }
}

fn kept(role: protocol::sign_in::Role) -> Kept {
    Kept {
        user: UserCard {
            id: Uuid::from_u128(7),
            username: "ada".into(),
            display_name: "Ada Lovelace".into(),
            role,
            practitioner: Some("me".into()),
        },
        organisation: OrganisationCard {
            tenant: Uuid::from_u128(1),
            name: "Clinic".into(),
            time_zone: "America/New_York".into(),
            recovery_public_key: String::new(),
            ledger_key: String::new(),
        },
        policy: Policy {
            idle_lock_seconds: 600,
            emergency_quota: 3,
            cache_megabytes: None,
        },
        organisation_signs_in: false,
    }
}

pub(crate) fn desk(folder: &std::path::Path) -> Desk {
    let device = Uuid::from_u128(3);
    let identity = Identity::new(
        "https://clinic.example".parse().unwrap(),
        device,
        kept(protocol::sign_in::Role::Clinician),
    )
    .unwrap();
    let cache = Cache::create(
        &folder.join("cache.db"),
        &CacheKey::new([1; 32]),
        &Head::genesis(device),
    )
    .unwrap();
    let ports = Ports {
        keychain: Arc::new(Empty),
        server: Arc::new(Unusable),
        browser: Arc::new(SystemBrowser),
        clock: Arc::new(Stopped),
        entropy: Arc::new(SystemEntropy),
    };
    let profile = Profile {
        id: "p".into(),
        folder: folder.to_owned(),
    };
    let lock = LockFile::take(folder).unwrap();
    let key = Arc::new(SigningKey::from_bytes(&[2; 32]));
    Desk::new(profile, lock, identity, cache, key, ports)
}

/// The records of a patient to whom the user relates like this.
fn records(id: &str, facts: Facts) -> Vec<Value> {
    let patient = json!({"reference": format!("Patient/{id}")});
    let me = json!({"reference": "Practitioner/me"});
    let named = |kind: &str| json!({"resourceType": kind, "id": format!("{kind}-{id}")});
    let with = |kind: &str, more: Value| {
        let mut record = named(kind);
        for (key, value) in more.as_object().unwrap() {
            record[key] = value.clone();
        }
        record
    };
    let mut records = vec![if facts.assigned {
        json!({"resourceType": "Patient", "id": id, "generalPractitioner": [me]})
    } else {
        json!({"resourceType": "Patient", "id": id})
    }];
    if facts.care_team {
        records.push(with(
            "CareTeam",
            json!({"status": "active", "subject": patient, "participant": [{"member": me}]}),
        ));
    }
    if facts.appointment {
        records.push(with(
            "Appointment",
            json!({"status": "booked", "start": "2026-01-08T15:00:00Z", "end": "2026-01-08T15:20:00Z",
                "participant": [{"actor": patient}, {"actor": me}]}),
        ));
    }
    if facts.visiting {
        records.push(with(
            "Encounter",
            json!({"status": "in-progress", "class": {"code": "AMB"}, "subject": patient,
                "period": {"start": "2026-01-05T14:00:00Z"},
                "participant": [{"individual": {"reference": "Practitioner/other"}}]}),
        ));
    }
    if facts.referral {
        records.push(with(
            "Task",
            json!({"status": "accepted", "intent": "order", "for": patient, "owner": me}),
        ));
    }
    for (kind, holds) in [
        ("permit", facts.consent_permits),
        ("deny", facts.consent_denies),
    ] {
        if holds {
            let mut consent = with(
                "Consent",
                json!({"status": "active", "patient": patient,
                    "scope": {"coding": [{"code": "patient-privacy"}]},
                    "provision": {"type": kind, "actor": [{"reference": me}]}}),
            );
            consent["id"] = format!("{kind}-{id}").into();
            records.push(consent);
        }
    }
    records
}

pub(crate) fn fill(desk: &Desk, patients: &HashMap<u16, String>) {
    let now = desk.now();
    let mut entries = Vec::new();
    let mut grants = Vec::new();
    for (bits, id) in patients {
        let facts = Facts::from_bits(*bits);
        for record in records(id, facts) {
            entries.push(SyncEntry {
                resource_type: record["resourceType"].as_str().unwrap().into(),
                id: record["id"].as_str().unwrap().into(),
                version: 1,
                last_updated: now,
                patient: fhir::compartment::patient_of(&record),
                resource: Some(serde_json::value::to_raw_value(&record).unwrap()),
                author: None,
            });
        }
        for (kind, holds) in [
            (GrantKind::Justified, facts.justified),
            (GrantKind::Emergency, facts.emergency),
        ] {
            if holds {
                grants.push(AccessGrant {
                    id: Uuid::nil(),
                    patient: id.clone(),
                    kind,
                    reason: "because".into(),
                    from: now,
                    until: now + SignedDuration::from_hours(1),
                });
            }
        }
    }
    let page = SyncPage {
        cursor: "1".into(),
        entries,
        more: false,
        remaining: 0,
        scope: None,
        life: None,
        links: None,
    };
    let event = desk.event(ledger::Action::Synchronised).unwrap();
    desk.cache
        .apply_page(&page, now, desk.seal(&event))
        .unwrap();
    desk.cache
        .write("grants", |tx| tx.set(GRANTS, &grants))
        .unwrap();
}

/// Patients of every combination of facts would take long and show nothing more: those that the
/// table names one by one, and a spread of the rest.
fn is_tried(facts: Facts, named: &[u16]) -> bool {
    named.contains(&facts.bits()) || facts.bits().is_multiple_of(101)
}

#[test]
fn p1_the_shared_cases_have_the_same_verdicts_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = desk(folder.path());
    let cases = cases::all().unwrap();
    let mut lines: HashMap<usize, usize> = HashMap::new();
    for case in &cases {
        *lines.entry(case.line).or_default() += 1;
    }
    let one_by_one = |case: &&Case| lines[&case.line] <= access::Action::ALL.len();
    let named: Vec<u16> = cases
        .iter()
        .filter(one_by_one)
        .filter_map(|case| Some(case.facts?.bits()))
        .collect();
    let patients: HashMap<u16, String> = Facts::all()
        .filter(|facts| is_tried(*facts, &named))
        .map(|facts| (facts.bits(), format!("p{}", facts.bits())))
        .collect();
    fill(&desk, &patients);
    let known: HashMap<u16, Known> = patients
        .iter()
        .map(|(bits, id)| {
            let known = desk.known(id, Part::Whole).unwrap();
            let facts = Facts::from_bits(*bits);
            let from_records = Facts {
                justified: false,
                emergency: false,
                ..facts
            };
            assert_eq!(known.related, from_records, "{facts:?}");
            (*bits, known)
        })
        .collect();
    let mut tried = 0;
    for case in &cases {
        let known = match case.facts {
            None => None,
            Some(facts) => match known.get(&facts.bits()) {
                None => continue,
                known => known,
            },
        };
        desk.identity.role = case.role;
        let request = |verb| desk.decide(verb, case.class, known).decision.verdict;
        assert_eq!(request(case.action), case.verdict, "{case:?}");
        tried += 1;
    }
    assert!(tried >= 500, "{tried}");
}

#[test]
fn only_visits_that_surely_ended_are_passed_over() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let over = |json: &str| is_long_over(json, now);
    assert!(over(r#"{"period": {"end": "2026-01-10T10:00:00Z"}}"#));
    assert!(!over(r#"{"period": {"end": "2026-02-10T10:00:00Z"}}"#));
    for unsure in [
        r#"{"period": {"end": "2020"}}"#,
        r#"{"period": {"start": "2020-01-01T00:00:00Z"}}"#,
        r#"{"period": []}"#,
        "{}",
        "?",
    ] {
        assert!(!over(unsure), "{unsure}");
    }
}

#[test]
fn p3_emergency_access_is_for_those_who_treat() {
    let may: Vec<_> = access::Role::ALL
        .into_iter()
        .filter(|role| crate::work::grants::may_take_emergency_access(*role))
        .collect();
    assert_eq!(may, [access::Role::Clinician, access::Role::Nurse]);
}
