//! The steps between a password and an open profile. They block: Argon2id and the keychain take
//! their time.

use std::sync::Arc;

use cache::{Cache, CacheKey, OpenError, Unsent};
use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use ledger::chain::Head;
use protocol::secret::Secret;
use protocol::sign_in::SessionGrant;
use url::Url;
use uuid::Uuid;
use vault::recovery::{self, RecoveryPublic};
use vault::slot::{ArgonCost, CacheKey as SlotKey};
use zeroize::Zeroizing;

use crate::desk::Desk;
use crate::desk::identity::{self, Identity, Kept, KeptSession, SESSION_SETTING};
use crate::error::SignInError;
use crate::lease::{self, LeaseKeeper};
use crate::port::Ports;
use crate::port::keychain::KeychainError;
use crate::profile::lock_file::LockFile;
use crate::profile::slots::{Card, Slots, secret_of};
use crate::profile::{Profile, ProfileError, disk};
use crate::work::grants::EMERGENCIES;

/// Fresh secrets of a device.
pub(crate) struct FreshKeys {
    pub device: Uuid,
    pub key: Arc<SigningKey>,
    keychain_secret: Zeroizing<[u8; 32]>,
}

impl FreshKeys {
    pub(crate) fn draw(ports: &Ports) -> Result<Self, SignInError> {
        let mut seed = Zeroizing::new([0; 32]);
        ports.entropy.fill(seed.as_mut())?;
        let mut keychain_secret = Zeroizing::new([0; 32]);
        ports.entropy.fill(keychain_secret.as_mut())?;
        Ok(Self {
            device: ports.entropy.uuid()?,
            key: Arc::new(SigningKey::from_bytes(&seed)),
            keychain_secret,
        })
    }
}

/// Whether the keychain takes and gives secrets: asked before the server is, so that an
/// enrolment is not begun that cannot be finished.
pub(crate) fn probe_keychain(ports: &Ports, profile: &Profile) -> Result<(), SignInError> {
    let account = format!("{}/probe", profile.id);
    let mut probe = [0; 32];
    ports.entropy.fill(&mut probe)?;
    ports.keychain.set(&account, &probe)?;
    let back = ports.keychain.get(&account)?;
    ports.keychain.delete(&account)?;
    if back.as_slice() == probe {
        Ok(())
    } else {
        Err(KeychainError::Malformed.into())
    }
}

/// A profile folder that this process has for itself.
pub(crate) struct Prepared {
    pub profile: Profile,
    pub lock: LockFile,
}

/// Makes the profile of a device that the server has just enrolled. What was there before is
/// moved aside and kept: it may hold unsent work.
pub(crate) fn make_profile(
    ports: &Ports,
    place: Prepared,
    server: &Url,
    fresh: &FreshKeys,
    (password, organisation): (Secret, bool),
    grant: &SessionGrant,
    cost: ArgonCost,
) -> Result<(Desk, LeaseKeeper), SignInError> {
    let Prepared { profile, lock } = place;
    let kept = Kept::from(grant).signing_in(organisation);
    let now = ports.clock.now();
    let public = RecoveryPublic::parse(&kept.organisation.recovery_public_key)
        .map_err(|_| SignInError::Grant("its recovery key is not a key"))?;
    let username = kept.user.username.clone();
    let identity =
        Identity::new(server.clone(), fresh.device, kept.clone()).map_err(SignInError::Grant)?;
    let stamp = stamp(now);
    for path in [profile.slots(), profile.cache(), lease::path(&profile)] {
        disk::move_aside(&path, &stamp).map_err(ProfileError::from)?;
    }
    let cache_key = SlotKey::generate().map_err(|_| crate::port::entropy::NoEntropy)?;
    let slots = Slots::seal(
        &profile,
        &Card {
            server: &server.origin().ascii_serialization(),
            username: &username,
            device: fresh.device,
            now,
            organisation,
        },
        (&cache_key, &fresh.keychain_secret),
        password.expose(),
        &public,
        cost,
    )?;
    let cache = Cache::create(
        &profile.cache(),
        &CacheKey::copied(cache_key.expose()),
        &Head::genesis(fresh.device),
    )
    .map_err(SignInError::Cache)?;
    let keeper = LeaseKeeper::load(&profile, &slots, server, &fresh.keychain_secret);
    let renewed = grant
        .lease
        .as_ref()
        .and_then(|lease| keeper.renew(lease, &identity));
    cache.write("identity", |tx| {
        if let Some(renewed) = &renewed {
            tx.set(lease::SETTING, renewed)?;
        }
        if organisation {
            tx.set(SESSION_SETTING, &Some(KeptSession::of(grant)))?;
        }
        tx.set(identity::SETTING, &kept)
    })?;
    ports
        .keychain
        .set(&profile.secret_account(), fresh.keychain_secret.as_slice())?;
    ports
        .keychain
        .set(&profile.device_account(), fresh.key.as_bytes())?;
    // Last: a profile without slots is none, and a cut before this point is mended by
    // enrolling again.
    slots.write(&profile.slots())?;
    let desk = Desk::new(
        profile,
        lock,
        identity,
        cache,
        fresh.key.clone(),
        ports.clone(),
    );
    Ok((desk, keeper))
}

/// What the password and the keychain opened.
pub(crate) struct Opened {
    pub profile: Profile,
    pub server: Url,
    pub slots: Slots,
    pub cache_key: SlotKey,
    pub key: Arc<SigningKey>,
    pub lock: LockFile,
    pub lease: LeaseKeeper,
    /// Which of two passwords it was, while the server's word on a change is not known.
    pub by_next: Option<bool>,
}

/// Opens the daily slot.
pub(crate) fn open_slot(
    ports: &Ports,
    profile: Profile,
    server: &Url,
    password: &Secret,
) -> Result<Opened, SignInError> {
    if !profile.slots().exists() {
        return Err(ProfileError::Missing.into());
    }
    let slots = Slots::read(&profile.slots())?;
    let lock = LockFile::take(&profile.folder)?;
    let secret = ports.keychain.get(&profile.secret_account())?;
    let secret = secret_of(&secret).ok_or(KeychainError::Malformed)?;
    let seed = ports.keychain.get(&profile.device_account())?;
    let seed = secret_of(&seed).ok_or(KeychainError::Malformed)?;
    let (cache_key, by_next) = slots.open_either(&profile, &secret, password.expose())?;
    let by_next = slots.is_undecided().then_some(by_next);
    let lease = LeaseKeeper::load(&profile, &slots, server, &secret);
    Ok(Opened {
        profile,
        lease,
        by_next,
        server: server.clone(),
        slots,
        cache_key,
        key: Arc::new(SigningKey::from_bytes(&seed)),
        lock,
    })
}

/// Whether a password opens the slot of a profile that is open already.
pub(crate) fn check_password(
    ports: &Ports,
    profile: &Profile,
    password: &Secret,
) -> Result<Slots, SignInError> {
    let slots = Slots::read(&profile.slots())?;
    let secret = ports.keychain.get(&profile.secret_account())?;
    let secret = secret_of(&secret).ok_or(KeychainError::Malformed)?;
    slots.open_daily(profile, &secret, password.expose())?;
    Ok(slots)
}

/// The session of a user who signs in with the organisation, while it lasts.
pub(crate) fn kept_session(desk: &Desk) -> Result<Option<Secret>, SignInError> {
    if !desk.identity.organisation_signs_in {
        return Ok(None);
    }
    let kept: Option<Option<KeptSession>> =
        desk.cache.read(|cache| cache.setting(SESSION_SETTING))?;
    let kept = kept.flatten();
    Ok(kept.and_then(|kept| kept.token(desk.ports.clock.now())))
}

/// A profile with its cache open, or a slot whose cache is damaged.
pub(crate) enum OpenedCache {
    /// Ready to work.
    Whole(Box<Desk>, LeaseKeeper),
    /// The file is damaged or gone; what could be read of it.
    Damaged(Box<Opened>, Option<Box<Unsent>>),
}

/// Opens the cache behind a slot.
pub(crate) fn open_cache(ports: &Ports, opened: Opened) -> Result<OpenedCache, SignInError> {
    let key = CacheKey::copied(opened.cache_key.expose());
    let cache = match Cache::open(&opened.profile.cache(), &key) {
        Ok(cache) => cache,
        Err(OpenError::Corrupt(_) | OpenError::WrongKey | OpenError::Missing) => {
            return Ok(OpenedCache::Damaged(Box::new(opened), None));
        }
        Err(error) => return Err(SignInError::Cache(error)),
    };
    if opened.profile.folder.join(DAMAGED).exists() {
        // A session met a damaged page. What can still be read is read before the file goes.
        let unsent = cache.read(|cache| cache.unsent()).ok();
        return Ok(OpenedCache::Damaged(Box::new(opened), unsent.map(Box::new)));
    }
    let kept: Option<Kept> = match cache.read(|cache| cache.setting(identity::SETTING)) {
        Ok(kept) => kept,
        Err(cache::StoreError::Corrupt(_) | cache::StoreError::Unreadable { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(kept) = kept else {
        let unsent = cache.read(|cache| cache.unsent()).ok();
        return Ok(OpenedCache::Damaged(Box::new(opened), unsent.map(Box::new)));
    };
    let identity = Identity::new(opened.server.clone(), opened.slots.device, kept)
        .map_err(SignInError::Grant)?;
    // What the cache holds cannot be written by anybody without its key.
    let sealed = cache.read(|cache| cache.setting(lease::SETTING)).ok();
    opened.lease.confirm(&identity, sealed.flatten());
    let mut slots = opened.slots;
    slots.used_at = ports.clock.now();
    if slots.write(&opened.profile.slots()).is_err() {
        // Only the order of names on the sign-in screen is lost by this.
        tracing::warn!("the time of use was not kept");
    }
    let desk = Desk::new(
        opened.profile,
        opened.lock,
        identity,
        cache,
        opened.key,
        ports.clone(),
    );
    Ok(OpenedCache::Whole(Box::new(desk), opened.lease))
}

/// Name of the mark that is left where a damaged page was met.
pub(crate) const DAMAGED: &str = "damaged";

/// Marks a profile whose cache has a damaged page: the next unlocking puts a fresh file beside it.
pub(crate) fn note_damage(profile: &Profile) {
    if disk::replace(&profile.folder.join(DAMAGED), b"").is_err() {
        tracing::warn!("the damage could not be marked");
    }
}

/// Moves a damaged cache aside and makes a fresh one with the same key, whose audit chain goes
/// on from where the server has it. What could be read of the old one is sealed to the
/// organisation, and what is new in it is carried over.
pub(crate) fn replace_damaged(
    ports: &Ports,
    opened: Opened,
    unsent: Option<Unsent>,
    grant: &SessionGrant,
    head: &Head,
) -> Result<(Desk, LeaseKeeper), SignInError> {
    let kept = Kept::from(grant).signing_in(opened.slots.organisation);
    let now = ports.clock.now();
    let stamp = stamp(now);
    let folder = opened.profile.folder.clone();
    let identity = Identity::new(opened.server.clone(), opened.slots.device, kept.clone())
        .map_err(SignInError::Grant)?;
    if let Some(unsent) = &unsent {
        seal_unsent(&opened.profile, &kept, unsent, &stamp)?;
    }
    disk::move_aside(&opened.profile.cache(), &stamp).map_err(ProfileError::from)?;
    let key = CacheKey::copied(opened.cache_key.expose());
    let cache = Cache::create(&opened.profile.cache(), &key, head).map_err(SignInError::Cache)?;
    let mut desk = Desk::new(
        opened.profile,
        opened.lock,
        identity,
        cache,
        opened.key,
        ports.clone(),
    );
    take_grant(&mut desk, &opened.lease, grant)?;
    match std::fs::remove_file(folder.join(DAMAGED)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ProfileError::from(error).into());
        }
        _ => {}
    }
    if let Some(unsent) = unsent {
        carry_over(&desk, unsent)?;
    }
    Ok((desk, opened.lease))
}

/// The server's word on who this user is and how long work may go on without it.
pub(crate) fn take_grant(
    desk: &mut Desk,
    lease: &LeaseKeeper,
    grant: &SessionGrant,
) -> Result<(), SignInError> {
    let organisation = desk.identity.organisation_signs_in;
    let kept = Kept::from(grant).signing_in(organisation);
    let (server, device) = (desk.identity.server.clone(), desk.identity.device);
    desk.identity = Identity::new(server, device, kept.clone()).map_err(SignInError::Grant)?;
    let renewed = grant
        .lease
        .as_ref()
        .and_then(|signed| lease.renew(signed, &desk.identity));
    desk.cache.write("identity", |tx| {
        tx.set(identity::SETTING, &kept)?;
        if organisation {
            tx.set(SESSION_SETTING, &Some(KeptSession::of(grant)))?;
        }
        if let Some(renewed) = &renewed {
            tx.set(lease::SETTING, renewed)?;
        }
        // A fresh word from the server: emergencies off line are counted anew.
        tx.set(EMERGENCIES, &0_u32)
    })?;
    Ok(())
}

/// Writes unsent work beside the cache, sealed to the organisation's recovery key.
fn seal_unsent(
    profile: &Profile,
    kept: &Kept,
    unsent: &Unsent,
    stamp: &str,
) -> Result<(), SignInError> {
    let public = RecoveryPublic::parse(&kept.organisation.recovery_public_key)
        .map_err(|_| SignInError::Grant("its recovery key is not a key"))?;
    let plain = Zeroizing::new(
        serde_json::to_vec(unsent).map_err(|_| SignInError::Grant("unsent work is unreadable"))?,
    );
    let sealed = recovery::seal(&public, &profile.recovery_info(), &plain)
        .map_err(|_| SignInError::Grant("its recovery key cannot be sealed to"))?;
    disk::replace(
        &profile.folder.join(format!("unsent-{stamp}.sealed")),
        &sealed,
    )
    .map_err(ProfileError::from)?;
    Ok(())
}

/// Drafts, and records that only this device has, go into the fresh cache. Edits of records
/// that are not there yet cannot; they are in the sealed file.
fn carry_over(desk: &Desk, unsent: Unsent) -> Result<(), SignInError> {
    for draft in unsent.drafts {
        let draft = cache::Draft {
            id: draft.id,
            patient: draft.patient,
            body: draft.body,
            begun: draft.changed,
            changed: draft.changed,
        };
        desk.cache
            .write("carry-draft", |tx| tx.keep_draft(&draft))?;
    }
    for change in unsent.changes {
        let is_new = change
            .records
            .iter()
            .all(|record| record.base_version == Some(0));
        let resources: Option<Vec<_>> = change
            .records
            .into_iter()
            .map(|record| record.mine)
            .collect();
        let (true, Some(resources)) = (is_new, resources) else {
            continue;
        };
        let event = match desk.event(ledger::Action::ChangeRetried) {
            Ok(event) => event,
            Err(_) => return Err(SignInError::Interrupted),
        };
        let change = cache::Change {
            label: change.label,
            writes: resources
                .into_iter()
                .map(|resource| cache::Write::Put {
                    resource,
                    base: None,
                })
                .collect(),
            at: change.made,
        };
        desk.cache.write("carry-change", |tx| {
            tx.change(&change, desk.seal(&event)).map(drop)
        })?;
    }
    Ok(())
}

fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}
