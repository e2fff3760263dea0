//! Checkpoints: size and root of the tree as a signed note (C2SP `tlog-checkpoint` and
//! `signed-note`), so that any verifier of transparency logs can read them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::tree::Hash;

/// Signature type of Ed25519 in signed notes.
const ED25519: u8 = 0x01;
/// A note is not read beyond this: it may come from anywhere.
const LONGEST: usize = 64 * 1024;

/// Size and root of the tree at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log: name of the key that signs it.
    pub origin: String,
    /// Leaves.
    pub size: u64,
    /// Root.
    pub root: Hash,
}

/// Why a checkpoint or a verifier key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not written as a checkpoint.
    #[error("the checkpoint cannot be read")]
    Unreadable,
    /// It is not signed by the key, or is another log's.
    #[error("the checkpoint is not signed by the ledger's key")]
    Signature,
    /// The verifier key is not written as one.
    #[error("the verifier key cannot be read")]
    Key,
}

impl CheckpointError {
    /// Stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "checkpoint-unreadable",
            Self::Signature => "checkpoint-signature",
            Self::Key => "ledger-key-unreadable",
        }
    }
}

/// What checkpoints are verified with: `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Of `key` under `name`, which holds neither white space nor `+`.
    ///
    /// # Errors
    /// [`CheckpointError::Key`] for another name.
    pub fn new(name: impl Into<String>, key: VerifyingKey) -> Result<Self, CheckpointError> {
        let name = name.into();
        let good = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
        if good {
            Ok(Self { name, key })
        } else {
            Err(CheckpointError::Key)
        }
    }

    /// Reads `name+hash+key`.
    ///
    /// # Errors
    /// [`CheckpointError::Key`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let unreadable = CheckpointError::Key;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(unreadable);
        };
        let bytes = STANDARD.decode(key).map_err(|_| unreadable)?;
        let Some((&ED25519, key)) = bytes.split_first() else {
            return Err(unreadable);
        };
        let key: [u8; 32] = key.try_into().map_err(|_| unreadable)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| unreadable)?;
        let read = Self::new(name, key)?;
        if hash == hex::encode(read.id()) {
            Ok(read)
        } else {
            Err(unreadable)
        }
    }

    /// `name+hash+key`.
    pub fn to_text(&self) -> String {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        format!(
            "{}+{}+{}",
            self.name,
            hex::encode(self.id()),
            STANDARD.encode(key)
        )
    }

    /// Name of the key, which is the origin of its checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bare key: countersignatures of device chains are made with it too.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// First bytes of a hash over name and key, by which signatures name their key.
    fn id(&self) -> [u8; 4] {
        let hash: Hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize()
            .into();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl Checkpoint {
    /// What is signed: origin, size and root, one a line.
    fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }

    /// The signed note. `key` is the private half of the verifier key named as the origin.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        let verifier = VerifierKey::new(&self.origin, key.verifying_key())?;
        let body = self.body();
        let mut signed = verifier.id().to_vec();
        signed.extend_from_slice(&key.sign(body.as_bytes()).to_bytes());
        Ok(format!(
            "{body}\n\u{2014} {} {}\n",
            verifier.name,
            STANDARD.encode(signed)
        ))
    }

    /// Reads a signed note and checks its signature. Lines after the root and signatures by
    /// other keys, such as witnesses', are passed over.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let (text, signatures) = parts(note)?;
        let checkpoint = read_body(text)?;
        if checkpoint.origin != key.name {
            return Err(CheckpointError::Signature);
        }
        let mut signed = false;
        for line in signatures.lines() {
            let line = line
                .strip_prefix("\u{2014} ")
                .ok_or(CheckpointError::Unreadable)?;
            let (name, blob) = line.split_once(' ').ok_or(CheckpointError::Unreadable)?;
            let blob = STANDARD
                .decode(blob)
                .map_err(|_| CheckpointError::Unreadable)?;
            let Some((id, signature)) = blob.split_first_chunk::<4>() else {
                return Err(CheckpointError::Unreadable);
            };
            if name != key.name || *id != key.id() {
                continue;
            }
            let signature =
                Signature::from_slice(signature).map_err(|_| CheckpointError::Signature)?;
            key.key
                .verify_strict(text.as_bytes(), &signature)
                .map_err(|_| CheckpointError::Signature)?;
            signed = true;
        }
        if signed {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Signature)
        }
    }
}

/// The text, its last line break included, and the lines of signatures.
fn parts(note: &str) -> Result<(&str, &str), CheckpointError> {
    let unreadable = CheckpointError::Unreadable;
    let strange = |c: char| c != '\n' && c.is_control();
    if note.len() > LONGEST || !note.ends_with('\n') || note.contains(strange) {
        return Err(unreadable);
    }
    let gap = note.rfind("\n\n").ok_or(unreadable)?;
    let (text, rest) = note.split_at_checked(gap + 1).ok_or(unreadable)?;
    match rest.strip_prefix('\n') {
        Some(signatures) if !signatures.is_empty() => Ok((text, signatures)),
        _ => Err(unreadable),
    }
}

fn read_body(text: &str) -> Result<Checkpoint, CheckpointError> {
    let unreadable = CheckpointError::Unreadable;
    let mut lines = text.lines();
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(unreadable);
    };
    if origin.is_empty() || lines.any(str::is_empty) {
        return Err(unreadable);
    }
    // One number has one spelling.
    let number: u64 = size.parse().map_err(|_| unreadable)?;
    if number.to_string() != size {
        return Err(unreadable);
    }
    let root: Hash = STANDARD
        .decode(root)
        .ok()
        .and_then(|root| root.try_into().ok())
        .ok_or(unreadable)?;
    Ok(Checkpoint {
        origin: origin.to_owned(),
        size: number,
        root,
    })
}
