use ed25519_dalek::SigningKey;
use protocol::sign_in::{OrganisationCard, Policy, Role, UserCard};

use super::*;
use crate::desk::identity;

const SECRET: [u8; 32] = [7; 32];

struct Bench {
    folder: tempfile::TempDir,
    key: SigningKey,
    start: Timestamp,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            key: SigningKey::from_bytes(&[5; 32]),
            start: "2026-01-05T14:30:00Z".parse().unwrap(),
        }
    }

    fn keeper(&self) -> LeaseKeeper {
        let inner = Inner {
            path: self.folder.path().join("lease.json"),
            mark: BlindKey::derive(&SECRET, "lease mark 1"),
            holder: Holder {
                device: Uuid::from_u128(3),
                server: "https://clinic.example".parse().unwrap(),
                person: None,
            },
            kept: Kept {
                lease: None,
                verifier: String::new(),
                floor: self.start,
            },
            lease: None,
            written: self.start,
        };
        LeaseKeeper(Arc::new(Mutex::new(inner)))
    }

    fn identity(&self) -> Identity {
        let verifier = VerifierKey::new("clinic", self.key.verifying_key()).unwrap();
        let kept = identity::Kept {
            user: UserCard {
                id: Uuid::from_u128(2),
                username: "ada".into(),
                display_name: "Ada".into(),
                role: Role::Nurse,
                practitioner: None,
            },
            organisation: OrganisationCard {
                tenant: Uuid::from_u128(1),
                name: "Clinic".into(),
                time_zone: "UTC".into(),
                recovery_public_key: String::new(),
                ledger_key: verifier.to_text(),
            },
            policy: Policy {
                idle_lock_seconds: 60,
                emergency_quota: 0,
                cache_megabytes: None,
            },
            organisation_signs_in: false,
        };
        let server = "https://clinic.example".parse().unwrap();
        Identity::new(server, Uuid::from_u128(3), kept).unwrap()
    }

    fn lease(&self) -> Lease {
        Lease {
            tenant: Uuid::from_u128(1),
            user: Uuid::from_u128(2),
            device: Uuid::from_u128(3),
            server: "https://clinic.example".into(),
            issued_at: self.start,
            until: self.start + SignedDuration::from_hours(72),
        }
    }

    fn takes(&self, lease: &Lease, key: &SigningKey) -> bool {
        let signed = Signed::sign(lease, key).unwrap();
        self.keeper().renew(&signed, &self.identity()).is_some()
    }
}

#[test]
fn w6_only_the_servers_word_to_this_user_on_this_device_counts() {
    let bench = Bench::new();
    let right = bench.lease();
    assert!(bench.takes(&right, &bench.key));
    assert!(!bench.takes(&right, &SigningKey::from_bytes(&[6; 32])));
    let other = Uuid::from_u128(99);
    for wrong in [
        Lease {
            tenant: other,
            ..right.clone()
        },
        Lease {
            user: other,
            ..right.clone()
        },
        Lease {
            device: other,
            ..right.clone()
        },
        Lease {
            server: "https://other.example".into(),
            ..right.clone()
        },
        Lease {
            server: "https://clinic.example:8443".into(),
            ..right.clone()
        },
    ] {
        assert!(!bench.takes(&wrong, &bench.key), "{wrong:?}");
    }
}

#[test]
fn w6_the_floor_rises_with_the_clock_and_is_written() {
    let bench = Bench::new();
    let keeper = bench.keeper();
    assert_eq!(keeper.standing(bench.start), Standing::None);
    let signed = Signed::sign(&bench.lease(), &bench.key).unwrap();
    keeper.renew(&signed, &bench.identity()).unwrap();
    let at = |minutes| bench.start + SignedDuration::from_mins(minutes);
    assert!(matches!(keeper.standing(at(30)), Standing::Valid(_)));
    assert!(matches!(keeper.standing(at(29)), Standing::Valid(_)));
    assert_eq!(keeper.standing(at(27)), Standing::ClockBehind);
    let mark = BlindKey::derive(&SECRET, "lease mark 1");
    let path = bench.folder.path().join("lease.json");
    let kept = read(&path, &mark, Uuid::from_u128(3)).unwrap();
    assert_eq!(kept.floor, at(30));
    // Another keychain's secret or another device makes another mark.
    let stranger = BlindKey::derive(&[8; 32], "lease mark 1");
    assert_eq!(read(&path, &stranger, Uuid::from_u128(3)), None);
    assert_eq!(read(&path, &mark, Uuid::from_u128(4)), None);

    // A jump over the end uses it up, and a step back does not bring it back.
    assert_eq!(keeper.standing(at(72 * 60)), Standing::Expired);
    assert_eq!(keeper.standing(at(72 * 60 - 1)), Standing::Expired);
    assert_eq!(keeper.standing(at(31)), Standing::ClockBehind);
    // The server's word sets the floor, also downward.
    keeper.renew(&signed, &bench.identity()).unwrap();
    assert!(matches!(keeper.standing(at(1)), Standing::Valid(_)));
}
