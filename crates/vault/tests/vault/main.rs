//! The vault from outside: what must open, and everything that must not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod blind;
mod keys;
mod password;
mod recovery;
mod sealed;
mod slot;

use uuid::Uuid;
use vault::{MasterKeys, Place};

const ZERO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const ONES_KEY: &str = "//////////////////////////////////////////8=";

fn masters() -> MasterKeys {
    MasterKeys::parse(&format!("m1:{ZERO_KEY}")).unwrap()
}

fn place() -> Place<'static> {
    Place {
        tenant: Uuid::from_u128(1),
        table: "patient_identity",
        row: "6f1d",
        column: "name",
        version: 3,
    }
}
