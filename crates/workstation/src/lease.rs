//! How long this user may work here without the server, and whether the clock can be believed.
//!
//! The server signs a lease for user and device; every contact renews it. It lies beside the
//! slots, under a mark that the keychain's secret makes, so that it is judged before the cache is
//! opened; and in the cache, so that putting an older file in its place changes nothing. With it
//! lies the floor: the highest time that was ever seen here. A clock below the floor was set back
//! and does not count; one that was set forward uses the lease up.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ledger::checkpoint::VerifierKey;
use protocol::statement::{Lease, Signed};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;
use vault::BlindKey;

use crate::desk::identity::Identity;
use crate::profile::slots::Slots;
use crate::profile::{Profile, disk};
use crate::view::session::{LeaseState, LeaseView};

/// Name of the setting in the cache.
pub(crate) const SETTING: &str = "lease";

/// How far a clock may fall behind the floor: clocks are corrected now and then.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(2);
/// The floor is written this often; the rest of it is within the tolerance.
const WRITTEN: SignedDuration = SignedDuration::from_mins(1);
/// A lease is renewed at the first contact after this.
const FRESH: SignedDuration = SignedDuration::from_mins(1);
/// From here on the screen says that it ends.
const ENDING: SignedDuration = SignedDuration::from_hours(12);

/// Whether work without the server is allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is, until then.
    Valid(Timestamp),
    /// It was.
    Expired,
    /// There is no lease that is signed for this user, device and server.
    None,
    /// The clock was set back behind a time that was seen.
    ClockBehind,
}

/// What is kept, beside the slots and in the cache.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct Kept {
    /// The lease as the server signed it.
    lease: Option<Signed>,
    /// The server's key, `name+hash+key`.
    verifier: String,
    /// The highest time ever seen here.
    floor: Timestamp,
}

/// `lease.json`.
#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    #[serde(flatten)]
    kept: Kept,
    /// Keyed hash of the rest, hex; the key comes from the keychain's secret.
    mark: String,
}

/// Whose lease it must be.
#[derive(Debug, Clone)]
struct Holder {
    device: Uuid,
    server: Url,
    /// Known once the cache is open.
    person: Option<(Uuid, Uuid)>,
}

/// Keeps lease and floor of one profile. All clones are the same.
#[derive(Clone)]
pub(crate) struct LeaseKeeper(Arc<Mutex<Inner>>);

struct Inner {
    path: PathBuf,
    mark: BlindKey,
    holder: Holder,
    kept: Kept,
    lease: Option<Lease>,
    written: Timestamp,
}

impl LeaseKeeper {
    /// What lies beside the slots; nothing of a file that is missing, damaged, forged or
    /// another profile's.
    pub(crate) fn load(profile: &Profile, slots: &Slots, server: &Url, secret: &[u8; 32]) -> Self {
        let mark = BlindKey::derive(secret, "lease mark 1");
        let holder = Holder {
            device: slots.device,
            server: server.clone(),
            person: None,
        };
        let path = path(profile);
        let kept = read(&path, &mark, slots.device).unwrap_or_else(|| Kept {
            lease: None,
            verifier: String::new(),
            // The slots say when the profile was last opened.
            floor: slots.used_at,
        });
        let lease = read_lease(&kept, &holder);
        let written = kept.floor;
        Self(Arc::new(Mutex::new(Inner {
            path,
            mark,
            holder,
            kept,
            lease,
            written,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's key, where one is kept that can be believed.
    pub(crate) fn verifier(&self) -> Option<String> {
        let verifier = self.inner().kept.verifier.clone();
        (!verifier.is_empty()).then_some(verifier)
    }

    /// The cache is open: the key that it holds counts, and so does a later floor or lease.
    pub(crate) fn confirm(&self, identity: &Identity, sealed: Option<Kept>) {
        let mut inner = self.inner();
        inner.holder.person = Some((identity.organisation.tenant, identity.user.id));
        inner
            .kept
            .verifier
            .clone_from(&identity.organisation.ledger_key);
        if let Some(sealed) = sealed {
            let newer = Kept {
                verifier: inner.kept.verifier.clone(),
                ..sealed
            };
            let of_cache = read_lease(&newer, &inner.holder);
            let issued = |lease: &Option<Lease>| lease.as_ref().map(|lease| lease.issued_at);
            if issued(&of_cache) > issued(&inner.lease) {
                inner.kept.lease = newer.lease;
            }
            inner.kept.floor = inner.kept.floor.max(newer.floor);
        }
        inner.lease = read_lease(&inner.kept, &inner.holder);
    }

    /// Where things stand at `now`, which raises the floor if it may be believed.
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let mut inner = self.inner();
        let standing = inner.standing(now);
        if now > inner.kept.floor {
            inner.kept.floor = now;
            let since = now.duration_since(inner.written);
            // Profiles without a lease have no file either.
            if inner.kept.lease.is_some() && since >= WRITTEN {
                inner.write();
            }
        }
        standing
    }

    /// Takes the server's word: a lease that is good for this profile sets the floor to the
    /// server's time. What is to be kept in the cache comes back.
    pub(crate) fn renew(&self, signed: &Signed, identity: &Identity) -> Option<Kept> {
        let mut inner = self.inner();
        inner.holder.person = Some((identity.organisation.tenant, identity.user.id));
        let kept = Kept {
            lease: Some(signed.clone()),
            verifier: identity.organisation.ledger_key.clone(),
            floor: inner.kept.floor,
        };
        let Some(lease) = read_lease(&kept, &inner.holder) else {
            tracing::warn!("the server gave a lease that is not this profile's");
            return None;
        };
        inner.kept = Kept {
            floor: lease.issued_at,
            ..kept
        };
        inner.lease = Some(lease);
        inner.write();
        Some(inner.kept.clone())
    }

    /// The server said that the user or the device may not work any more.
    pub(crate) fn revoke(&self) -> Kept {
        let mut inner = self.inner();
        inner.kept.lease = None;
        inner.lease = None;
        inner.write();
        inner.kept.clone()
    }

    /// Writes the floor, as when the profile is closed, and gives what is to be kept in the cache.
    pub(crate) fn settle(&self) -> Kept {
        let mut inner = self.inner();
        if inner.kept.lease.is_some() && inner.kept.floor != inner.written {
            inner.write();
        }
        inner.kept.clone()
    }

    /// Whether a contact with the server should bring a new one.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let inner = self.inner();
        inner.lease.as_ref().is_none_or(|lease| {
            let age = now.duration_since(lease.issued_at);
            age >= FRESH || age.is_negative()
        })
    }

    /// For the screen.
    pub(crate) fn view(&self, now: Timestamp, zone: &TimeZone) -> LeaseView {
        let inner = self.inner();
        let standing = inner.standing(now);
        let until = inner.lease.as_ref().map(|lease| {
            let format = match lease.until.duration_since(now).as_hours() {
                ..144 => "%a %H:%M",
                _ => "%a %-d %b %H:%M",
            };
            let wall = lease.until.to_zoned(zone.clone());
            wall.strftime(format).to_string()
        });
        let left = match standing {
            Standing::Valid(until) => Some(until.duration_since(now)),
            _ => None,
        };
        let state = match (standing, left) {
            (Standing::Valid(_), Some(left)) if left < ENDING => LeaseState::Ending,
            (Standing::Valid(_), _) => LeaseState::Valid,
            (Standing::None, _) => LeaseState::None,
            (Standing::Expired | Standing::ClockBehind, _) => LeaseState::Expired,
        };
        LeaseView {
            state,
            until,
            minutes_left: left.map(|left| u32::try_from(left.as_mins()).unwrap_or(0)),
        }
    }
}

impl Inner {
    fn standing(&self, now: Timestamp) -> Standing {
        let behind = self.kept.floor.duration_since(now) > TOLERANCE;
        let highest = self.kept.floor.max(now);
        match &self.lease {
            _ if behind => Standing::ClockBehind,
            None => Standing::None,
            Some(lease) if highest >= lease.until => Standing::Expired,
            Some(lease) => Standing::Valid(lease.until),
        }
    }

    fn write(&mut self) {
        self.written = self.kept.floor;
        let file = File {
            format: 1,
            mark: hex::encode(marked(&self.mark, self.holder.device, &self.kept)),
            kept: self.kept.clone(),
        };
        let written = serde_json::to_vec_pretty(&file)
            .map_err(std::io::Error::other)
            .and_then(|bytes| disk::replace(&self.path, &bytes));
        if written.is_err() {
            // The copy in the cache says the same; the next minute tries again.
            tracing::warn!("lease.json was not written");
        }
    }
}

/// The server's key, as it was kept beside the slots under the keychain's mark.
pub(crate) fn verifier(profile: &Profile, slots: &Slots, secret: &[u8; 32]) -> Option<String> {
    let mark = BlindKey::derive(secret, "lease mark 1");
    read(&path(profile), &mark, slots.device).map(|kept| kept.verifier)
}

/// Where the lease of a profile lies.
pub(crate) fn path(profile: &Profile) -> PathBuf {
    profile.folder.join("lease.json")
}

fn read(path: &std::path::Path, mark: &BlindKey, device: Uuid) -> Option<Kept> {
    let bytes = std::fs::read(path).ok()?;
    let file: File = serde_json::from_slice(&bytes).ok()?;
    let right = file.format == 1 && file.mark == hex::encode(marked(mark, device, &file.kept));
    if !right {
        tracing::warn!("lease.json is not what was written and does not count");
    }
    right.then_some(file.kept)
}

fn marked(mark: &BlindKey, device: Uuid, kept: &Kept) -> [u8; 16] {
    // Members in the order of the type: one content has one spelling.
    let text = serde_json::to_string(kept).unwrap_or_default();
    mark.token(device, "lease", &text)
}

/// The lease, if it is signed by the server for this holder.
fn read_lease(kept: &Kept, holder: &Holder) -> Option<Lease> {
    let key = VerifierKey::parse(&kept.verifier).ok()?;
    let lease: Lease = kept.lease.as_ref()?.open(key.key()).ok()?;
    let server = Url::parse(&lease.server).ok()?;
    let whose = lease.device == holder.device
        && server.origin() == holder.server.origin()
        && holder
            .person
            .is_none_or(|person| person == (lease.tenant, lease.user));
    whose.then_some(lease)
}

#[cfg(test)]
mod tests;
