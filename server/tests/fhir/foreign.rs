//! Real records: Synthea's bundles, if they are there, go in and come out the same.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use axum::http::StatusCode;
use serde_json::Value;

use crate::clinic::{Client, Clinic};

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

/// The resources at these places, a hundred at a time.
async fn read_back(client: &Client, places: &[String]) -> HashMap<String, Value> {
    let mut of_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for place in places {
        let (kind, id) = place.split_once('/').unwrap();
        of_kind.entry(kind).or_default().push(id);
    }
    let mut found = HashMap::new();
    for (kind, ids) in of_kind {
        for some in ids.chunks(100) {
            let page = client
                .get(&format!("/{kind}?_count=100&_id={}", some.join(",")))
                .await;
            assert_eq!(page.status, StatusCode::OK, "{:#}", page.body);
            for entry in page.body["entry"].as_array().unwrap() {
                let resource = entry["resource"].clone();
                found.insert(
                    format!("{kind}/{}", resource["id"].as_str().unwrap()),
                    resource,
                );
            }
        }
    }
    found
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
    // Hospitals and practitioners first: patients' bundles may count on them.
    files.sort_by_key(|file| {
        (
            !file.to_string_lossy().contains("nformation"),
            file.metadata().unwrap().len(),
        )
    });
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
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
        let stored = read_back(&client, &places).await;
        for (entry, place) in entries.iter().zip(&places) {
            let resource = &entry["resource"];
            let kind = resource["resourceType"].as_str().unwrap();
            *sent.entry(kind.to_owned()).or_default() += 1;
            assert_eq!(
                comparable(stored[place].clone(), &HashMap::new()),
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
