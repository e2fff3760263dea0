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

impl Place<'_> {
    /// Hands the associated data to `with`, made where nothing has to be allocated. Every part is
    /// preceded by its length, so that no two places give the same bytes: `("ab", "c")` is not
    /// `("a", "bc")`.
    pub(crate) fn with_associated_data<T>(&self, with: impl FnOnce(&[u8]) -> T) -> T {
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 5] = [
            self.tenant.as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
            &version,
        ];
        let length = parts.iter().map(|part| 8 + part.len()).sum();
        let mut room = [0; ROOM];
        match room.get_mut(..length) {
            Some(data) => {
                fill(data, &parts);
                with(data)
            }
            None => {
                let mut data = vec![0; length];
                fill(&mut data, &parts);
                with(&data)
            }
        }
    }

    /// The same, kept.
    pub fn associated_data(&self) -> Vec<u8> {
        self.with_associated_data(<[u8]>::to_vec)
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

/// Writes the parts with their lengths; `data` has just room for them.
fn fill(mut data: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (length, rest) = std::mem::take(&mut data).split_at_mut(8);
        length.copy_from_slice(&(part.len() as u64).to_be_bytes());
        let (own, rest) = rest.split_at_mut(part.len());
        own.copy_from_slice(part);
        data = rest;
    }
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
        }
    }
}
