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

impl Place<'_> {
    /// The associated data. Every part is preceded by its length, so that no two places
    /// give the same bytes: `("ab", "c")` is not `("a", "bc")`.
    pub fn associated_data(&self) -> Vec<u8> {
        let version = self.version.to_be_bytes();
        let parts: [&[u8]; 5] = [
            self.tenant.as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
            &version,
        ];
        let mut data = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
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
