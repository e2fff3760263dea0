//! What can be read in the memory of a locked workstation.

use std::path::{Path, PathBuf};

use faults::desk::{Act, Order};
use testbed::UserRecord;
use testbed::memory::{Canary, search};
use workstation::profile::Places;

use crate::clinic::{Clinic, done, enrol, unlock};

/// Names that stand nowhere but in records. Made of halves, so that no program holds them.
fn name(halves: [&str; 2]) -> String {
    halves.concat()
}

/// The cache key, opened by whoever has all that opens it.
fn cache_key(folder: &Path, user: &UserRecord) -> [u8; 32] {
    let places = Places {
        profiles: folder.join("profiles"),
        config: folder.join("config"),
    };
    let (profile, slots) = places.existing().remove(0);
    let keychain: PathBuf = folder.join("keychain");
    let secret = std::fs::read(keychain.join(profile.secret_account().replace('/', "."))).unwrap();
    let secret = secret.try_into().unwrap();
    let key = slots.open_daily(&profile, &secret, &user.password).unwrap();
    *key.expose()
}

#[test]
fn w4_the_locked_process_holds_no_key_no_password_and_no_patient() {
    let family = name(["Quill", "feather"]);
    let given = name(["Zephy", "rina"]);
    let typed = name(["ankle swollen since the ", "stairs gave way"]);
    let signed = name(["wheeze clears after ", "salbutamol"]);
    let mut clinic = Clinic::start([(&family, &given), ("Okafor", "Ben")]);
    let user = clinic.add_user("ada");
    let folder = tempfile::tempdir().unwrap();
    let mut desk = clinic.desk(folder.path());
    done(&mut desk, &enrol(&user));
    let patient = || "p1".to_owned();
    let type_it = |text: &str| {
        Order::Act(Act::Type {
            patient: patient(),
            text: text.to_owned(),
        })
    };
    let work = |desk: &mut _| {
        let find = Act::Find {
            query: family.to_lowercase(),
        };
        done(desk, &Order::Act(find));
        done(desk, &Order::Act(Act::Open { patient: patient() }));
        done(desk, &type_it(&signed));
        crate::clinic::order(desk, &Order::Act(Act::Sign { patient: patient() }));
        done(desk, &type_it(&typed));
        done(desk, &Order::Act(Act::Open { patient: patient() }));
        done(desk, &Order::Settle);
    };
    work(&mut desk);
    // Once more from the beginning, as on any other day.
    done(&mut desk, &Order::Lock);
    done(&mut desk, &unlock(&user, false));
    work(&mut desk);

    let key = cache_key(folder.path(), &user);
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut canaries = vec![Canary {
        what: "the cache key",
        bytes: key.to_vec(),
    }];
    canaries.extend(Canary::text("the cache key in digits", &hex));
    canaries.extend(Canary::text("the password", &user.password));
    canaries.extend(Canary::text("a family name", &family));
    canaries.extend(Canary::text("a given name", &given));
    canaries.extend(Canary::text("a draft", &typed));
    canaries.extend(Canary::text("a signed note", &signed));
    // The search works: an open profile is full of them.
    let open = search(desk.id(), &canaries).unwrap();
    for what in ["a family name", "a draft"] {
        assert!(
            open.iter().any(|one| one.starts_with(what)),
            "{what}: {open:?}"
        );
    }
    done(&mut desk, &Order::Lock);
    let locked = search(desk.id(), &canaries).unwrap();
    assert!(locked.is_empty(), "{}", locked.join("\n"));
}
