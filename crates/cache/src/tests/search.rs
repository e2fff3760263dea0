//! Finding patients and words, in any script.

use super::*;

fn ids(bed: &Bed, query: &str) -> Vec<String> {
    let hits = bed
        .cache
        .read(|cache| cache.find_patients(query, 50))
        .unwrap();
    let mut ids: Vec<String> = hits.cards.into_iter().map(|card| card.id).collect();
    ids.sort();
    ids
}

fn people() -> Bed {
    let bed = Bed::new();
    let with = |mut patient: Value, mrn: &str, phone: &str| {
        patient["identifier"] = json!([{ "type": { "coding": [{ "code": "MR" }] }, "value": mrn }]);
        patient["telecom"] = json!([{ "system": "phone", "value": phone }]);
        patient
    };
    let mut li = json!({ "resourceType": "Patient", "id": "li", "birthDate": "1990-05-01",
        "name": [{ "family": "王", "given": ["小明"], "text": "王小明" }] });
    li["telecom"] = json!([{ "system": "phone", "value": "+86 10 6552 9988" }]);
    let all = [
        with(
            patient("ada", "Okáfor", "Ada Mae"),
            "MRN-0017",
            "+1 (555) 010-4477",
        ),
        with(
            patient("ben", "O'Neil", "Benjamin"),
            "MRN-0018",
            "555 010 8811",
        ),
        with(patient("cyd", "Åström", "Cyd"), "A-99", "555-020-4477"),
        patient("dim", "Достоевский", "Фёдор"),
        patient("lay", "حداد", "ليلى"),
        li,
        json!({ "resourceType": "Patient", "id": "none" }),
    ];
    bed.apply(all.iter().map(|resource| entry(1, resource)).collect());
    bed
}

#[test]
fn patients_are_found_by_any_part_of_the_name_in_any_order() {
    let bed = people();
    assert_eq!(ids(&bed, "oka"), ["ada"]);
    assert_eq!(ids(&bed, "OKÁ"), ["ada"]);
    assert_eq!(ids(&bed, "mae okaf"), ["ada"]);
    assert_eq!(ids(&bed, "okaf mae"), ["ada"]);
    assert_eq!(ids(&bed, "mae ben"), [] as [&str; 0]);
    assert_eq!(ids(&bed, "astrom"), ["cyd"]);
    assert_eq!(ids(&bed, "o'neil"), ["ben"]);
    assert_eq!(ids(&bed, "oneil"), ["ben"]);
    assert_eq!(ids(&bed, "afor"), [] as [&str; 0]);
}

#[test]
fn patients_are_found_in_other_scripts() {
    let bed = people();
    assert_eq!(ids(&bed, "достоев"), ["dim"]);
    assert_eq!(ids(&bed, "ДОСТ фед"), ["dim"]);
    assert_eq!(ids(&bed, "王"), ["li"]);
    assert_eq!(ids(&bed, "王小"), ["li"]);
    assert_eq!(ids(&bed, "小明"), ["li"]);
    assert_eq!(ids(&bed, "ليلى"), ["lay"]);
}

#[test]
fn patients_are_found_by_date_number_and_telephone() {
    let bed = people();
    assert_eq!(ids(&bed, "1990-05-01"), ["li"]);
    assert_eq!(ids(&bed, "5/1/1990"), ["li"]);
    assert_eq!(ids(&bed, "ada 1980"), ["ada"]);
    assert_eq!(ids(&bed, "1980-03"), ["ada", "ben", "cyd", "dim", "lay"]);
    assert_eq!(ids(&bed, "mrn-0017"), ["ada"]);
    assert_eq!(ids(&bed, "MRN0018"), ["ben"]);
    assert_eq!(ids(&bed, "a-99"), ["cyd"]);
    assert_eq!(ids(&bed, "4477"), ["ada", "cyd"]);
    assert_eq!(ids(&bed, "(555) 010"), ["ada", "ben"]);
    assert_eq!(ids(&bed, "555 010 4477"), ["ada"]);
    assert_eq!(ids(&bed, "15550104477"), ["ada"]);
    assert_eq!(ids(&bed, "5529988"), ["li"]);
}

#[test]
fn an_empty_query_gives_recent_patients_first() {
    let bed = people();
    for (id, second) in [("cyd", 1), ("li", 2)] {
        bed.cache
            .write("opened", |tx| tx.note_opened(id, at(second)))
            .unwrap();
    }
    let hits = bed
        .cache
        .read(|cache| cache.find_patients("  ", 4))
        .unwrap();
    let found: Vec<&str> = hits.cards.iter().map(|card| card.id.as_str()).collect();
    assert_eq!(found[..2], ["li", "cyd"]);
    assert_eq!(found.len(), 4);
    assert!(hits.more);
    let hits = bed.cache.read(|cache| cache.find_patients("", 50)).unwrap();
    assert_eq!(hits.cards.len(), 7);
    assert!(!hits.more);
}

#[test]
fn nothing_typed_can_break_the_search() {
    let bed = people();
    for query in [
        "%",
        "_",
        "'",
        "\"",
        "*",
        "\\",
        "--",
        "🙂",
        "\u{10ffff}",
        "a\0b",
        "((((",
        ") OR 1",
    ] {
        bed.cache
            .read(|cache| cache.find_patients(query, 5))
            .unwrap();
        bed.cache
            .read(|cache| cache.search_text(query, None, 5))
            .unwrap();
    }
    bed.cache
        .read(|cache| cache.find_patients(&"x".repeat(100_000), 5))
        .unwrap();
}

#[test]
fn a_card_tells_people_apart() {
    let bed = people();
    bed.apply(vec![
        entry(1, &json!({ "resourceType": "Encounter", "id": "e1", "status": "finished",
            "subject": { "reference": "Patient/ada" }, "period": { "start": "2026-01-02T10:00:00Z" } })),
        entry(1, &json!({ "resourceType": "Encounter", "id": "e2", "status": "finished",
            "subject": { "reference": "Patient/ada" }, "period": { "start": "2025-01-02T10:00:00Z" } })),
        entry(1, &json!({ "resourceType": "Encounter", "id": "e3", "status": "planned",
            "subject": { "reference": "Patient/ada" }, "period": { "start": "2027-01-02T10:00:00Z" } })),
    ]);
    let card = bed
        .cache
        .read(|cache| cache.patient_card("ada"))
        .unwrap()
        .unwrap();
    assert!(card.name.contains("Okáfor"), "{}", card.name);
    assert_eq!(card.birth.as_deref(), Some("1980-03-14"));
    assert_eq!(card.sex.as_deref(), Some("female"));
    assert_eq!(card.mrn.as_deref(), Some("MRN-0017"));
    assert_eq!(card.phone.as_deref(), Some("+1 (555) 010-4477"));
    assert_eq!(card.last_seen.as_deref(), Some("2026-01-02T10:00:00Z"));
    let mut edited = bed.value("Patient", "ada").unwrap();
    edited["name"] = json!([{ "family": "Eze", "given": ["Ada"] }]);
    bed.put(edited);
    assert_eq!(ids(&bed, "oka"), [] as [&str; 0]);
    let hits = bed
        .cache
        .read(|cache| cache.find_patients("eze", 5))
        .unwrap();
    assert_eq!(hits.cards[0].standing, crate::Standing::Saved);
    assert_eq!(
        bed.cache
            .read(|cache| cache.patient_card("nobody"))
            .unwrap(),
        None
    );
}

#[test]
fn notes_and_problems_are_found_by_their_words() {
    use base64::Engine as _;
    let bed = people();
    let note = |id: &str, patient: &str, text: &str| {
        json!({ "resourceType": "DocumentReference", "id": id, "status": "current",
            "subject": { "reference": format!("Patient/{patient}") },
            "content": [{ "attachment": { "contentType": "text/markdown",
                "data": base64::engine::general_purpose::STANDARD.encode(text) } }] })
    };
    bed.apply(vec![
        entry(
            1,
            &note(
                "n1",
                "ada",
                "## Subjective\nCoughing at night, naïve to steroids",
            ),
        ),
        entry(1, &note("n2", "li", "## 主诉\n患者有糖尿病史三年")),
        entry(1, &condition("k1", "ada", "Asthma, moderate")),
        entry(1, &condition("k2", "ben", "Asthma")),
    ]);
    let find = |query: &str, patient: Option<&str>| -> Vec<String> {
        let hits = bed
            .cache
            .read(|cache| cache.search_text(query, patient, 10))
            .unwrap();
        let mut ids: Vec<String> = hits.into_iter().map(|hit| hit.record.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(
        find("cough night", None),
        [] as [&str; 0],
        "only the last word may be a beginning"
    );
    assert_eq!(find("night cough", None), ["n1"]);
    assert_eq!(find("naive", None), ["n1"]);
    assert_eq!(find("asth", None), ["k1", "k2"]);
    assert_eq!(find("asth", Some("ada")), ["k1"]);
    assert_eq!(find("asth", Some("nobody")), [] as [&str; 0]);
    assert_eq!(find("糖尿病", None), ["n2"]);
    assert_eq!(find("尿糖", None), [] as [&str; 0]);
    let hit = bed
        .cache
        .read(|cache| cache.search_text("糖尿", None, 10))
        .unwrap()
        .remove(0);
    assert_eq!(hit.patient.as_deref(), Some("li"));
}
