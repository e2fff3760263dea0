//! Opening a cache with the organisation's recovery secret: for whoever has to save the unsent
//! work of a computer whose user or keychain is gone.

use std::path::Path;

use cache::{Cache, CacheKey, Unsent};
use vault::recovery::RecoverySecret;

use crate::error::SignInError;
use crate::profile::Profile;
use crate::profile::slots::Slots;
use crate::view::fault::Fault;

/// Everything that exists only in the cache at `path`.
///
/// # Errors
/// [`Fault`] when the secret is another organisation's or the cache cannot be read.
pub fn unsent(
    profile: &Profile,
    slots: &Slots,
    secret: &RecoverySecret,
    path: &Path,
) -> Result<Unsent, Fault> {
    opened(profile, slots, secret, path).map_err(Fault::from)
}

fn opened(
    profile: &Profile,
    slots: &Slots,
    secret: &RecoverySecret,
    path: &Path,
) -> Result<Unsent, SignInError> {
    let key = slots.open_recovery(profile, secret)?;
    let cache = Cache::open(path, &CacheKey::copied(key.expose())).map_err(SignInError::Cache)?;
    Ok(cache.read(|cache| cache.unsent())?)
}
