//! What the database alone tells: nothing that names a person, and nothing that can be moved.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use serde_json::json;

use crate::clinic::{Clinic, id, patient};

#[tokio::test]
async fn dump_holds_no_canary() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let note = base64::engine::general_purpose::STANDARD.encode("## Subjective\nCanarynotetext");
    let person = json!({
        "resourceType": "Patient",
        "name": [{"family": "Canaryfamily", "given": ["Canarygiven"]}],
        "birthDate": "1931-07-23",
        "gender": "female",
        "identifier": [
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "987-65-4320"},
            {"system": "urn:rounds:mrn", "value": "CANARYMRN77",
             "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}],
        "telecom": [{"system": "phone", "value": "555-0142-canary"}, {"system": "email", "value": "canary@mail.example"}],
        "address": [{"line": ["17 Canarystreet"], "city": "Canarytown", "postalCode": "98765"}],
    });
    let someone = id(&client.create(person).await);
    client
        .create(json!({
            "resourceType": "DocumentReference", "status": "current", "docStatus": "final",
            "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
            "subject": {"reference": format!("Patient/{someone}")},
            "description": "Canarydescription",
            "content": [{"attachment": {"contentType": "text/markdown", "data": note}}],
        }))
        .await;
    // Searches leave their words in audit events and cursors.
    assert_eq!(
        client.ids("/Patient?family=canaryfam").await,
        [someone.as_str()]
    );
    assert_eq!(
        client.ids("/Patient?identifier=CANARYMRN77").await,
        [someone.as_str()]
    );
    assert_eq!(
        client.ids("/Patient?birthdate=1931-07-23").await,
        [someone.as_str()]
    );
    client.get(&format!("/Patient/{someone}/$everything")).await;

    let dump = clinic.dump().to_lowercase();
    assert!(dump.contains(&someone), "the dump is of this clinic");
    for canary in [
        "canary",
        "987-65-4320",
        "1931-07-23",
        "555-0142",
        note.to_lowercase().as_str(),
        "Canarynotetext",
    ] {
        assert!(!dump.contains(&canary.to_lowercase()), "{canary}");
        let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!dump.contains(&hex), "{canary} in hex");
    }
}

#[tokio::test]
async fn versions_cannot_be_changed_by_anybody() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let someone = id(&client.create(patient("Kept")).await);
    for sql in [
        "UPDATE resource_version SET deleted = deleted",
        "DELETE FROM resource_version",
        "TRUNCATE resource_version",
    ] {
        // Privilege (42501) for the application; the trigger for the owner and the superuser.
        assert_eq!(
            clinic.try_as_application(sql).await.unwrap_err(),
            "42501",
            "{sql}"
        );
        assert!(
            clinic.try_sql(sql).unwrap_err().contains("append-only"),
            "{sql}"
        );
    }
    for sql in ["DELETE FROM resource", "UPDATE tenant SET name = 'x'"] {
        assert_eq!(
            clinic.try_as_application(sql).await.unwrap_err(),
            "42501",
            "{sql}"
        );
    }
    assert_eq!(
        client.get(&format!("/Patient/{someone}")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn identity_columns_are_sealed_each_by_itself_and_follow_the_patient() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let first = client.create(patient("Identity")).await;
    let someone = id(&first);
    let filled = |column: &str| {
        clinic.sql(&format!(
            "SELECT version, {column} IS NOT NULL FROM patient_identity WHERE patient = '{someone}'"
        ))
    };
    assert_eq!(filled("name").trim(), "1|t");
    assert_eq!(filled("ssn").trim(), "1|f");
    let mut changed = first;
    changed["identifier"] = json!([{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "1"}]);
    client.put(&format!("/Patient/{someone}"), changed).await;
    assert_eq!(filled("ssn").trim(), "2|t");
    let distinct =
        clinic.sql("SELECT count(DISTINCT key_id) FROM resource_version WHERE key_id IS NOT NULL");
    client.create(patient("Another")).await;
    let after =
        clinic.sql("SELECT count(DISTINCT key_id) FROM resource_version WHERE key_id IS NOT NULL");
    assert_eq!(
        (distinct.trim(), after.trim()),
        ("1", "2"),
        "each patient has a key of their own"
    );
    client
        .ask(Method::DELETE, &format!("/Patient/{someone}"), &[], None)
        .await;
    assert_eq!(filled("name").trim(), "");
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let clinic = Clinic::open().await;
    let silent = clinic.sql(
        "SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
         LEFT JOIN LATERAL (SELECT 0 AS attnum, NULL AS attname UNION ALL \
            SELECT attnum, attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true \
         WHERE c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'refinery%' AND NOT c.relispartition \
           AND col_description(c.oid, a.attnum) IS NULL AND (a.attnum > 0 OR obj_description(c.oid) IS NULL)",
    );
    assert_eq!(silent.trim(), "");
    // Every table starts with the tenant.
    let without = clinic.sql(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 \
         WHERE c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'refinery%' AND a.attname <> 'tenant'",
    );
    assert_eq!(without.trim(), "");
}
