//! Row W2: nothing readable in any file.

use std::fs;

use super::*;
use crate::Draft;

const CANARIES: [&str; 6] = [
    "Zyxwolf-Canary",
    "1931-07-29",
    "MRN-CANARY-7731",
    "987-65-4329",
    "canary note about a limp",
    "5550199123",
];

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn search(dir: &std::path::Path) -> Vec<String> {
    let mut hits = Vec::new();
    for file in fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        let bytes = fs::read(file.path()).unwrap();
        for canary in CANARIES {
            let utf16: Vec<u8> = canary.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let swapped: Vec<u8> = canary.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for needle in [canary.as_bytes(), &utf16, &swapped] {
                if contains(&bytes, needle) {
                    hits.push(format!("{canary} in {:?}", file.file_name()));
                }
            }
        }
    }
    hits
}

#[test]
fn w2_no_canary_in_any_file() {
    let bed = Bed::new();
    let canary = json!({
        "resourceType": "Patient", "id": "c", "birthDate": CANARIES[1],
        "name": [{ "family": CANARIES[0], "given": ["Ada"] }],
        "identifier": [
            { "type": { "coding": [{ "code": "MR" }] }, "value": CANARIES[2] },
            { "system": "http://hl7.org/fhir/sid/us-ssn", "value": CANARIES[3] }],
        "telecom": [{ "system": "phone", "value": CANARIES[5] }]
    });
    bed.apply(vec![
        entry(1, &canary),
        entry(1, &condition("k", "c", CANARIES[4])),
    ]);
    let mut edited = canary.clone();
    edited["gender"] = json!("male");
    bed.put(edited);
    let draft = Draft {
        id: Uuid::from_u128(1),
        patient: "c".to_owned(),
        body: json!({ "subjective": CANARIES[4] }),
        begun: at(1),
        changed: at(1),
    };
    bed.cache
        .write("draft", |tx| tx.keep_draft(&draft))
        .unwrap();
    // The planted text is there to be found by whoever has the key.
    let hits = bed
        .cache
        .read(|cache| cache.find_patients("zyxwolf", 5))
        .unwrap();
    assert_eq!(hits.cards.len(), 1);
    let files = fs::read_dir(bed.dir.path()).unwrap().count();
    assert!(
        files >= 3,
        "file, log and shared memory are searched: {files}"
    );
    assert_eq!(search(bed.dir.path()), Vec::<String>::new(), "open");
    bed.cache.checkpoint().unwrap();
    assert_eq!(
        search(bed.dir.path()),
        Vec::<String>::new(),
        "after a checkpoint"
    );
    let dir = bed.reopened().dir;
    assert_eq!(search(dir.path()), Vec::<String>::new(), "closed");
}

#[test]
fn w2_the_search_would_find_a_canary() {
    let dir = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = CANARIES[0]
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(dir.path().join("plain"), CANARIES[3]).unwrap();
    fs::write(dir.path().join("wide"), utf16).unwrap();
    assert_eq!(search(dir.path()).len(), 2);
}

#[test]
fn errors_carry_no_patient_data() {
    let bed = Bed::new();
    let broken = json!({ "resourceType": "Patient", "id": "c", "name": CANARIES[0] });
    let error = bed.change(vec![Write::Put {
        resource: broken,
        base: None,
    }]);
    if let Err(error) = error {
        assert!(!format!("{error:?}").contains(CANARIES[0]));
        assert!(!error.to_string().contains(CANARIES[0]));
    }
    let unfit = json!({ "resourceType": CANARIES[0], "id": "c" });
    let error = bed
        .change(vec![Write::Put {
            resource: unfit,
            base: None,
        }])
        .unwrap_err();
    assert!(!format!("{error:?}").contains(CANARIES[0]));
}
