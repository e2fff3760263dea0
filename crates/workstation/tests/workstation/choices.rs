//! What needs a person: two versions combined, and what came and could not be read.

use std::time::Duration;

use serde_json::{Value, json};
use workstation::view::Cause;
use workstation::view::conflict::{ChosenField, CombineForm, ConflictSide, ConflictView};

use crate::mock::Bench;
use crate::records::{CANARY_NAME, clinic, patient};

/// A patient edited here off line and elsewhere meanwhile: phone and town touch.
async fn conflicting(bench: &Bench) -> ConflictView {
    let station = &bench.workstation;
    bench.server.be_reachable(false);
    let mut form = station.patient_form("p1".into()).await.unwrap();
    form.phone = "555-1111".into();
    form.family = "Okafor-Mine".into();
    form.city = "Springfield".into();
    station.save_patient(form).await.unwrap();
    let mut theirs = patient("p1", CANARY_NAME, "Okafor-Theirs", "1980-02-29");
    theirs["telecom"][0]["value"] = "555-9999".into();
    theirs["maritalStatus"] = json!({"text": "married"});
    bench.server.records.lock().unwrap().push((theirs, 2));
    // The mock takes every upload: what is sent must be held back until their version came.
    *bench.server.conflict_with.lock().unwrap() = Some(2);
    bench.server.be_reachable(true);
    for _ in 0..2400 {
        station.sync_now().await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let inbox = station.inbox(Cause::Refreshed).await.unwrap();
        if let Some(conflict) = inbox.conflicts.into_iter().next() {
            return conflict;
        }
    }
    panic!("no conflict was found");
}

fn chosen(conflict: &ConflictView, side: impl Fn(&str) -> ConflictSide) -> CombineForm {
    CombineForm {
        id: conflict.id.clone(),
        fields: conflict
            .fields
            .iter()
            .filter(|field| field.touching)
            .map(|field| ChosenField {
                path: field.path.clone(),
                side: side(&field.path),
            })
            .collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_two_versions_are_combined_element_by_element_and_both_are_kept() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let conflict = conflicting(&bench).await;
    assert_eq!(conflict.mine_by.as_deref(), Some("Ada Lovelace"));
    assert_eq!(conflict.theirs_by.as_deref(), Some("Bo Elsewhere"));
    let touching: Vec<&str> = conflict
        .fields
        .iter()
        .filter(|field| field.touching)
        .map(|field| field.path.as_str())
        .collect();
    assert_eq!(
        touching,
        ["Patient.name[0].family", "Patient.telecom[0].value"]
    );

    // Each element that both changed needs a side.
    let mut half = chosen(&conflict, |_| ConflictSide::Mine);
    half.fields.pop();
    let fault = station.combine_conflict(half).await.unwrap_err();
    assert_eq!(
        (fault.code.as_str(), fault.field.as_deref()),
        ("invalid", Some("fields"))
    );

    *bench.server.conflict_with.lock().unwrap() = None;
    let form = chosen(&conflict, |path| match path {
        "Patient.name[0].family" => ConflictSide::Theirs,
        _ => ConflictSide::Mine,
    });
    station.combine_conflict(form).await.unwrap();
    let newest = |kind: &str| -> Option<Value> {
        let records = bench.server.records.lock().unwrap();
        records
            .iter()
            .rfind(|(record, _)| record["resourceType"] == kind)
            .map(|(record, _)| record.clone())
    };
    for _ in 0..2400 {
        if newest("Provenance").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bench.settle().await;
    let sent = |kind: &str| newest(kind).unwrap();
    let record = sent("Patient");
    assert_eq!(record["name"][0]["family"], "Okafor-Theirs");
    assert_eq!(record["telecom"][0]["value"], "555-1111");
    assert_eq!(record["address"][0]["city"], "Springfield");
    assert_eq!(record["maritalStatus"]["text"], "married");

    let provenance = sent("Provenance");
    assert_eq!(provenance["target"], json!([{"reference": "Patient/p1"}]));
    let entity = |role: &str| {
        let all = provenance["entity"].as_array().unwrap();
        all.iter().find(|entity| entity["role"] == role).unwrap()
    };
    assert_eq!(
        entity("revision")["what"]["reference"],
        "Patient/p1/_history/2"
    );
    assert_eq!(
        entity("derivation")["what"]["reference"],
        "Patient/p1/_history/1"
    );
    // The version that the server never had is there whole.
    assert_eq!(entity("source")["what"]["reference"], "#mine");
    let mine = &provenance["contained"][0];
    assert_eq!(mine["id"], "mine");
    assert_eq!(mine["name"][0]["family"], "Okafor-Mine");
    assert!(
        fhir::validate::Validator::new()
            .validate(&provenance)
            .is_ok()
    );
    assert_eq!(station.sync_view().await.unwrap().needs_you, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_what_cannot_be_read_waits_in_the_inbox_and_is_fetched_again() {
    let mut records = clinic();
    let mut poison = patient("p9", "Poe", "Ison", "1970-01-01");
    poison["birthDate"] = json!({"no": "text"});
    records.push(poison);
    let bench = Bench::enrolled(records).await;
    let station = &bench.workstation;
    let inbox = station.inbox(Cause::Opened).await.unwrap();
    assert_eq!(inbox.unreadable.len(), 1);
    let entry = &inbox.unreadable[0];
    assert_eq!(
        (entry.reference.as_str(), entry.code.as_str()),
        ("Patient/p9", "unreadable")
    );
    assert_eq!(entry.arrived_at, "2026-01-05T09:30:00-05:00");
    let waits = station.settled(Duration::from_secs(60)).await.unwrap();
    assert_eq!(waits.needs_you, 1);

    // As it was; nothing of that name; off line.
    let again = || station.fetch_again("Patient/p9".into());
    assert_eq!(again().await.unwrap_err().code, "still-unreadable");
    let other = station.fetch_again("Patient/p1".into()).await.unwrap_err();
    assert_eq!(other.code, "not-found");
    bench.server.be_reachable(false);
    assert_eq!(again().await.unwrap_err().code, "offline");

    bench.server.be_reachable(true);
    let mended = patient("p9", "Poe", "Mended", "1970-01-01");
    bench.server.records.lock().unwrap().push((mended, 1));
    again().await.unwrap();
    let inbox = station.inbox(Cause::Refreshed).await.unwrap();
    assert!(inbox.unreadable.is_empty());
    let found = station.find_patients("mended".into(), 5).await.unwrap();
    assert_eq!(found.rows.len(), 1);
    for _ in 0..2400 {
        if station.sync_view().await.unwrap().needs_you == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is still counted");
}
