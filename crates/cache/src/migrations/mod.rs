//! Schema versions, each a file, applied in order and never edited.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// The files. The schema version of a cache is the number of files applied (`user_version`).
pub(crate) const FILES: &[&str] = &[
    include_str!("0001_first.sql"),
    include_str!("0002_restored.sql"),
    include_str!("0004_theirs_author.sql"),
    include_str!("0005_same_person.sql"),
    include_str!("0006_scope.sql"),
    include_str!("0007_room.sql"),
    include_str!("0008_life.sql"),
];

/// Brings the file to the latest schema, or says that it comes from the future.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    migrate_to(connection, FILES)
}

fn migrate_to(connection: &mut Connection, files: &[&str]) -> Result<(), OpenError> {
    let known = files.len() as u32;
    if version(connection)? == known {
        return Ok(());
    }
    // Read again under the write lock: another process may have migrated meanwhile.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&tx)?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (index, file) in files.iter().enumerate().skip(found as usize) {
        tx.execute_batch(file)?;
        tx.pragma_update(None, "user_version", index as u32 + 1)?;
    }
    tx.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, OpenError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The schema's shape in text, to compare two ways of reaching it.
    fn shape(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY 1")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn each_schema_leads_to_the_latest() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh).unwrap();
        for start in 1..=FILES.len() {
            let mut old = Connection::open_in_memory().unwrap();
            migrate_to(&mut old, &FILES[..start]).unwrap();
            migrate(&mut old).unwrap();
            assert_eq!(shape(&old), shape(&fresh), "from schema {start}");
        }
    }

    /// A cache that was filled before replaced patients were told from others.
    #[test]
    fn s9_patients_replaced_before_the_schema_knew_are_found() {
        let mut old = Connection::open_in_memory().unwrap();
        migrate_to(&mut old, &FILES[..3]).unwrap();
        old.execute_batch(
            r#"INSERT INTO compartment (slot, patient) VALUES (1, 'a'), (2, 'b');
               INSERT INTO patient_card (slot, id, name, sort, terms)
                 VALUES (1, 'a', 'A', 'a', ''), (2, 'b', 'B', 'b', '');
               INSERT INTO resource (place, type, id, version, updated, json) VALUES
                 (1, 'Patient', 'a', 1, 0, '{"resourceType":"Patient","id":"a","link":[
                    {"other":{"reference":"Patient/c"},"type":"seealso"},
                    {"other":{"reference":"Patient/b"},"type":"replaced-by"}]}'),
                 (2, 'Patient', 'b', 1, 0, '{"resourceType":"Patient","id":"b"}');"#,
        )
        .unwrap();
        migrate(&mut old).unwrap();
        let replaced: Vec<Option<String>> = old
            .prepare("SELECT replaced_by FROM patient_card ORDER BY slot")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(replaced, [Some("b".to_owned()), None]);
        let waiting: i64 = old
            .query_row("SELECT count(*) FROM to_compare", [], |row| row.get(0))
            .unwrap();
        assert_eq!(waiting, 2);
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let before = shape(&connection);
        migrate(&mut connection).unwrap();
        assert_eq!(shape(&connection), before);
    }

    #[test]
    fn a_schema_from_the_future_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(
            matches!(error, OpenError::Newer { found: 99, .. }),
            "{error}"
        );
        assert!(shape(&connection).is_empty());
    }

    #[test]
    fn a_failing_schema_leaves_the_one_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = [FILES[0], "CREATE TABLE half (a); CREATE TABLE half (a);"];
        migrate_to(&mut connection, &FILES[..1]).unwrap();
        let before = shape(&connection);
        assert!(migrate_to(&mut connection, &broken).is_err());
        assert_eq!(shape(&connection), before);
        assert_eq!(version(&connection).unwrap(), 1);
    }

    #[test]
    fn every_column_is_explained() {
        for file in FILES {
            for line in file.lines() {
                let column = line.starts_with("  ")
                    && [" INTEGER", " TEXT", " BLOB", "  body,"]
                        .iter()
                        .any(|word| line.contains(word));
                assert!(!column || line.contains("-- "), "no comment: {line}");
            }
        }
    }
}
