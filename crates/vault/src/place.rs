//! Where a sealed value lives. A value sealed for one place opens at no other.

use uuid::Uuid;

/// The place of a value: the associated data of its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// Whose database it is.
    pub tenant: Uuid,
    /// Table.
    pub table: &'a str,
    /// Row, by its key; for a resource its logical id.
    pub row: &'a str,
    /// Column.
    pub column: &'a str,
    /// Version of the row, or 0 where rows have none.
    pub version: u64,
}

/// Room for the associated data of nearly every place: names of tables and columns are short, and
/// rows are named by an id of at most 64 letters.
const ROOM: usize = 256;

/// Four blocks of GHASH, which takes them at once: a place of nearly four costs less than one of
/// three and a bit.
const STEP: usize = 64;

/// How the parts of a place become associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are: what wraps keys, and what was sealed in format 1.
    Bare,
    /// Followed by the format's number and by zeros up to a multiple of [`STEP`].
    Padded(u8),
}

impl Place<'_> {
    /// Hands the associated data to `with`, made where nothing has to be allocated. Every part is
    /// preceded by its length, so that no two places give the same bytes: `("ab", "c")` is not
    /// `("a", "bc")`.
    pub(crate) fn with_associated_data<T>(&self, form: Form, with: impl FnOnce(&[u8]) -> T) -> T {
        // Five lengths, the tenant, the version and the names.
        let parts = 5 * 8 + 16 + 8 + self.table.len() + self.row.len() + self.column.len();
        let length = match form {
            Form::Bare => parts,
            Form::Padded(_) => (parts + 1).next_multiple_of(STEP),
        };
        let mut room = [0; ROOM];
        match room.get_mut(..length) {
            Some(data) => {
                self.fill(form, data);
                with(data)
            }
            None => {
                let mut data = vec![0; length];
                self.fill(form, &mut data);
                with(&data)
            }
        }
    }

    /// The same, bare and kept.
    pub fn associated_data(&self) -> Vec<u8> {
        self.with_associated_data(Form::Bare, <[u8]>::to_vec)
    }

    /// Writes the parts with their lengths into zeros that have just room for them.
    fn fill(&self, form: Form, data: &mut [u8]) {
        let rest = put(data, self.tenant.as_bytes());
        let rest = put_name(rest, self.table);
        let rest = put_name(rest, self.row);
        let rest = put_name(rest, self.column);
        let rest = put(rest, &self.version.to_be_bytes());
        if let (Form::Padded(format), Some(next)) = (form, rest.first_mut()) {
            *next = format;
        }
    }

    /// The place as an error tells it.
    pub fn name(&self) -> PlaceName {
        PlaceName {
            table: self.table.to_owned(),
            row: self.row.to_owned(),
            column: self.column.to_owned(),
        }
    }
}

/// Writes a part of fixed length, and its length in front. Copies of fixed length cost nothing.
fn put<'d, const N: usize>(data: &'d mut [u8], part: &[u8; N]) -> &'d mut [u8] {
    let (length, rest) = data.split_at_mut(8);
    length.copy_from_slice(&(N as u64).to_be_bytes());
    let (own, rest) = rest.split_at_mut(N);
    own.copy_from_slice(part);
    rest
}

fn put_name<'d>(data: &'d mut [u8], name: &str) -> &'d mut [u8] {
    let (length, rest) = data.split_at_mut(8);
    length.copy_from_slice(&(name.len() as u64).to_be_bytes());
    let (own, rest) = rest.split_at_mut(name.len());
    own.copy_from_slice(name.as_bytes());
    rest
}

/// Table, row and column: what an operator needs to find a value that will not open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlaceName {
    /// Table.
    pub table: String,
    /// Row, by its key.
    pub row: String,
    /// Column.
    pub column: String,
}

impl std::fmt::Display for PlaceName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} of row {}", self.table, self.column, self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sealed on disks must open for ever.
    #[test]
    fn v1_the_associated_data_of_a_place_stays_the_same_however_long() {
        let long = "r".repeat(2 * ROOM);
        for row in ["", "Patient/1", long.as_str()] {
            let place = Place {
                tenant: Uuid::from_u128(5),
                table: "resource_version",
                row,
                column: "body",
                version: 9,
            };
            let mut expected = Vec::new();
            for part in [
                Uuid::from_u128(5).as_bytes().as_slice(),
                b"resource_version",
                row.as_bytes(),
                b"body",
                &9u64.to_be_bytes(),
            ] {
                expected.extend_from_slice(&(part.len() as u64).to_be_bytes());
                expected.extend_from_slice(part);
            }
            assert_eq!(place.associated_data(), expected);
            // What is sealed now: the format behind it, then zeros.
            expected.push(2);
            expected.resize(expected.len().next_multiple_of(64), 0);
            let padded = place.with_associated_data(Form::Padded(2), <[u8]>::to_vec);
            assert_eq!(padded, expected);
        }
    }
}
