//! Sealing and opening a field, bound to its place, against the bare cipher.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use uuid::Uuid;
use vault::{DataKey, Place};

use crate::measure::{in_turn, rate};
use crate::row::{Budget, Figure, Row, RowError};

const FIELDS: usize = 200_000;
/// More than all rounds spend.
const SEALS: u64 = 1 << 31;
const FIELD: [u8; 40] = *b"{\"family\":\"Okafor\",\"given\":[\"Ngozi Al\"]}";

/// 40 bytes sealed and opened again, one after the other, on one core.
pub struct FieldCrypt;

impl Row for FieldCrypt {
    fn name(&self) -> &'static str {
        "field-crypt"
    }

    fn measure(&self, tell: &dyn Fn(&str)) -> Result<Vec<Figure>, RowError> {
        tell("sealing");
        let failed = |_| RowError::Missing("no randomness".into());
        let key = DataKey::generate().map_err(failed)?.for_sealing(SEALS);
        let bare = Aes256Gcm::new(&[7; 32].into());
        let row = Uuid::from_u128(77).to_string();
        let (value, peer) = in_turn(
            |_| {
                rate(FIELDS, || {
                    for version in 0..FIELDS as u64 {
                        let place = Place {
                            tenant: Uuid::from_u128(5),
                            table: "patient_identity",
                            row: &row,
                            column: "name",
                            version,
                        };
                        let sealed = key.seal(&place, &FIELD).map_err(broken)?;
                        let opened = key.open_in_place(&place, sealed).map_err(broken)?;
                        if opened[..] != FIELD {
                            return Err(RowError::Missing("what was sealed".into()));
                        }
                    }
                    Ok(())
                })
            },
            |_| {
                rate(FIELDS, || {
                    for number in 0..FIELDS as u64 {
                        let mut iv = [0; 12];
                        iv[4..].copy_from_slice(&number.to_be_bytes());
                        let nonce: &Nonce<_> = &iv.into();
                        let sealed = bare.encrypt(nonce, &FIELD[..]).map_err(broken)?;
                        let opened = bare.decrypt(nonce, &sealed[..]).map_err(broken)?;
                        if opened[..] != FIELD {
                            return Err(RowError::Missing("what was sealed".into()));
                        }
                    }
                    Ok(())
                })
            },
        )?;
        let figure = Figure::new(
            self.name(),
            value,
            "fields/s",
            Some(peer),
            Budget::RatioAtLeast(0.8),
        );
        Ok(vec![figure.noting(
            "ours counts its seals, draws a random IV and authenticates the field's place; the peer counts its IVs \
             and authenticates nothing else",
        )])
    }
}

fn broken(error: impl std::fmt::Display) -> RowError {
    RowError::Missing(error.to_string())
}
