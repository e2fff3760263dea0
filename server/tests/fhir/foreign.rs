//! Real records: Synthea's bundles, if they are there, go in and come out the same.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;

use crate::clinic::Clinic;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("ROUNDS_FOREIGN_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("synthea");
    folder.is_dir().then_some(folder)
}

/// The resource without what the server sets, with links written as the server wrote them.
fn comparable(mut resource: Value, names: &HashMap<String, String>) -> Value {
    if let Some(map) = resource.as_object_mut() {
        map.remove("id");
        if let Some(meta) = map.get_mut("meta").and_then(Value::as_object_mut) {
            meta.remove("versionId");
            meta.remove("lastUpdated");
        }
        if map
            .get("meta")
            .and_then(Value::as_object)
            .is_some_and(serde_json::Map::is_empty)
        {
            map.remove("meta");
        }
    }
    fhir::reference::rewrite(&mut resource, |text| names.get(text).cloned());
    resource
}

#[tokio::test]
async fn synthea_bundles_lose_and_change_nothing() {
    let Some(folder) = folder() else {
        println!("skipped: no foreign data (ROUNDS_FOREIGN_DATA)");
        return;
    };
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // Hospitals and practitioners first, then a few of the smaller patients.
    files.sort_by_key(|file| {
        (
            !file.to_string_lossy().contains("nformation"),
            file.metadata().unwrap().len(),
        )
    });
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for file in files.into_iter().take(6) {
        let bundle: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let reply = client.post("", bundle.clone()).await;
        assert_eq!(
            reply.status,
            StatusCode::OK,
            "{}: {:#}",
            file.display(),
            reply.body
        );
        let entries = bundle["entry"].as_array().unwrap();
        let places: Vec<String> = reply.body["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let location = entry["response"]["location"].as_str().unwrap();
                let (_, tail) = location.split_once("/fhir/R4/").unwrap();
                tail.split("/_history").next().unwrap().to_owned()
            })
            .collect();
        assert_eq!(entries.len(), places.len());
        let names: HashMap<String, String> = entries
            .iter()
            .zip(&places)
            .map(|(entry, place)| (entry["fullUrl"].as_str().unwrap().to_owned(), place.clone()))
            .collect();
        for (entry, place) in entries.iter().zip(&places) {
            let resource = &entry["resource"];
            *sent
                .entry(resource["resourceType"].as_str().unwrap().to_owned())
                .or_default() += 1;
            let stored = client.get(&format!("/{place}")).await.body;
            assert_eq!(
                comparable(stored, &HashMap::new()),
                comparable(resource.clone(), &names),
                "{place}"
            );
        }
    }
    for (kind, count) in sent {
        let total = client.get(&format!("/{kind}?_summary=count")).await.body["total"].as_u64();
        assert_eq!(total, Some(count as u64), "{kind}");
    }
}
