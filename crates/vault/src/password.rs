//! Passwords as the server keeps them: Argon2id in PHC strings.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::NoRandomness;

/// Bytes of a fresh salt.
const SALT: usize = 16;
/// Bytes of a hash.
const HASH: usize = 32;

/// What one Argon2id run costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArgonCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl ArgonCost {
    /// For the server, which runs many at once: OWASP's 19 MiB, two passes.
    pub const SERVER: Self = Self {
        memory_kib: 19_456,
        passes: 2,
        lanes: 1,
    };
    /// For the slot, which an attacker may attack off line: 64 MiB, three passes.
    pub const SLOT: Self = Self {
        memory_kib: 65_536,
        passes: 3,
        lanes: 1,
    };
    /// The least Argon2 takes. Protects nothing: for tests.
    pub const LEAST: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };

    /// Bounds for parameters read from a file or a database, so that a changed number
    /// cannot take all memory.
    const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    const MAX_PASSES: u32 = 64;
    const MAX_LANES: u32 = 16;
}

/// Argon2id parameters that are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Argon2id parameters are out of bounds: {memory_kib} KiB, {passes} passes, {lanes} lanes")]
pub struct CostError {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Why a password could not be hashed or compared. A wrong password is no error.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Parameters out of bounds, asked for or stored.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The operating system gave no randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Argon2id could not run.
    #[error("the password could not be hashed")]
    Hash(#[source] argon2::Error),
    /// What is stored is no Argon2id PHC string.
    #[error("the stored password hash is malformed")]
    Malformed(#[source] argon2::password_hash::phc::Error),
    /// The parameters do not go in a PHC string, or did not come out of one.
    #[error("the Argon2id parameters of the stored password hash are malformed")]
    Phc(#[source] argon2::password_hash::Error),
    /// What is stored is a PHC string of another algorithm or without salt or hash.
    #[error("the stored password hash is not Argon2id")]
    NotArgon2id,
}

impl PasswordError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cost(_) => "password-cost-out-of-bounds",
            Self::NoRandomness(_) => NoRandomness::CODE,
            Self::Hash(_) => "password-hash-failed",
            Self::Malformed(_) | Self::Phc(_) | Self::NotArgon2id => "password-hash-malformed",
        }
    }
}

/// Hashes with a fresh salt. Slow on purpose: run it where blocking is allowed.
///
/// # Errors
/// [`PasswordError`]: parameters or randomness.
pub fn hash(password: &str, cost: ArgonCost) -> Result<String, PasswordError> {
    let salt = crate::random::<SALT>()?;
    let argon = argon2id(cost)?;
    let mut out = Zeroizing::new([0u8; HASH]);
    argon
        .hash_password_into(password.as_bytes(), &salt, &mut out[..])
        .map_err(PasswordError::Hash)?;
    let phc = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon.params()).map_err(PasswordError::Phc)?,
        salt: Some(Salt::new(&salt).map_err(PasswordError::Malformed)?),
        hash: Some(Output::new(&out[..]).map_err(PasswordError::Malformed)?),
    };
    Ok(phc.to_string())
}

/// Whether `password` is the one that was hashed, with the parameters that are stored.
/// Slow on purpose: run it where blocking is allowed.
///
/// # Errors
/// When what is stored is malformed or asks for absurd resources. A wrong password is `Ok(false)`.
pub fn verify(password: &str, stored: &str) -> Result<bool, PasswordError> {
    let (cost, salt, expected) = read(stored)?;
    let mut out = Zeroizing::new(vec![0u8; expected.len()]);
    argon2id(cost)?
        .hash_password_into(password.as_bytes(), &salt, &mut out)
        .map_err(PasswordError::Hash)?;
    Ok(out.ct_eq(expected.as_bytes()).into())
}

/// Whether what is stored was made with another cost: hash again at the next sign-in.
///
/// # Errors
/// When what is stored is malformed.
pub fn outdated(stored: &str, cost: ArgonCost) -> Result<bool, PasswordError> {
    read(stored).map(|(stored_cost, _, _)| stored_cost != cost)
}

fn read(stored: &str) -> Result<(ArgonCost, Salt, Output), PasswordError> {
    let phc = PasswordHash::new(stored).map_err(PasswordError::Malformed)?;
    if phc.algorithm != ARGON2ID_IDENT || phc.version != Some(Version::V0x13.into()) {
        return Err(PasswordError::NotArgon2id);
    }
    let (Some(salt), Some(hash)) = (phc.salt, phc.hash) else {
        return Err(PasswordError::NotArgon2id);
    };
    let params = Params::try_from(&phc.params).map_err(PasswordError::Phc)?;
    let cost = ArgonCost {
        memory_kib: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
    };
    Ok((cost, salt, hash))
}

/// Argon2id version 1.3 with `cost`, if it lies in bounds.
pub(crate) fn argon2id(cost: ArgonCost) -> Result<Argon2<'static>, CostError> {
    let ArgonCost {
        memory_kib,
        passes,
        lanes,
    } = cost;
    let refused = CostError {
        memory_kib,
        passes,
        lanes,
    };
    if memory_kib > ArgonCost::MAX_MEMORY_KIB
        || passes > ArgonCost::MAX_PASSES
        || lanes > ArgonCost::MAX_LANES
    {
        return Err(refused);
    }
    let params = Params::new(memory_kib, passes, lanes, None).map_err(|_| refused)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}
