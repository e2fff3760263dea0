//! The wall between clinics: a statement that forgets to name its own sees nothing of others.

use crate::clinic::{Clinic, patient};

/// A row of a second clinic in each of some tables, as the superuser, who stands above the wall.
const OTHERS: &str = "\
    INSERT INTO resource (tenant, resource_type, id, version, last_updated, deleted, tokens) \
      VALUES ('00000000-0000-0000-0000-00000000000b', 'Patient', 'theirs', 1, now(), false, ''); \
    INSERT INTO relation (tenant, source_type, source_id, number, patient, party, kind, from_at, until_at) \
      VALUES ('00000000-0000-0000-0000-00000000000b', 'Patient', 'theirs', 0, 'theirs', '*', 'visit', \
              '-infinity', 'infinity'); \
    INSERT INTO account (tenant, id, username, display_name, role, created_at) \
      VALUES ('00000000-0000-0000-0000-00000000000b', gen_random_uuid(), 'them', 'Them', 'clinician', now())";

#[tokio::test]
async fn p1_a_forgotten_condition_shows_nothing_of_another_clinic() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    client.create(patient("Ours")).await;
    clinic.sql(OTHERS);
    let database = clinic.app.pool.get().await.unwrap();
    for table in ["resource", "relation", "account"] {
        let theirs = "00000000-0000-0000-0000-00000000000b";
        let all = clinic.sql(&format!(
            "SELECT count(*) FROM {table} WHERE tenant = '{theirs}'"
        ));
        assert_eq!(all.trim(), "1", "{table}");
        let seen: i64 = database
            .query_one(
                &format!("SELECT count(*) FROM {table} WHERE tenant::text = '{theirs}'"),
                &[],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(seen, 0, "{table}");
    }
    // Nor can anything be put there, moved there or taken away.
    let put = "INSERT INTO relation VALUES ('00000000-0000-0000-0000-00000000000b', 'Patient', 'x', 0, \
               'x', '*', 'visit', now(), now())";
    assert_eq!(
        clinic.try_as_application(put).await,
        Err("42501".to_owned())
    );
    let moved = "UPDATE resource SET tenant = '00000000-0000-0000-0000-00000000000b'";
    assert_eq!(
        clinic.try_as_application(moved).await,
        Err("42501".to_owned())
    );
    let touched = database
        .execute(
            "UPDATE account SET display_name = 'Us' WHERE username = 'them'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(touched, 0);
    let deleted = database.execute("DELETE FROM relation", &[]).await.unwrap();
    assert_eq!(deleted, 0);
    // A connection that does not say whose it is sees nothing at all.
    database
        .batch_execute("SET rounds.tenant = ''")
        .await
        .unwrap();
    let seen: i64 = database
        .query_one("SELECT count(*) FROM resource", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(seen, 0);
}

/// Every table that starts with the tenant stands behind the wall, whichever migration made it.
#[tokio::test]
async fn p1_every_table_of_a_clinic_stands_behind_the_wall() {
    let clinic = Clinic::open().await;
    let open = clinic.sql(
        "SELECT c.relname FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' \
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace \
           AND c.relname <> 'tenant' \
           AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))",
    );
    assert_eq!(open.trim(), "");
}
