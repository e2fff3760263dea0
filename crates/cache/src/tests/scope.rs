//! Row S5: charts come and go as a whole, and work on one that goes is never lost.

use std::sync::{Arc, Mutex};

use protocol::audit::AuditReceipt;
use protocol::sync::ScopeChange;

use super::*;
use crate::{Draft, Standing, Unsent};

/// A cache whose sealer keeps what it was given, and seals by naming its number.
pub(super) struct Scoped {
    pub bed: Bed,
    pub sealed: Arc<Mutex<Vec<Unsent>>>,
}

impl Scoped {
    fn new() -> Self {
        let mut bed = Bed::new();
        let sealed = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&sealed);
        bed.cache.seal_with(Box::new(move |unsent: &Unsent| {
            let mut all = into.lock().unwrap();
            all.push(unsent.clone());
            Some(vec![all.len() as u8])
        }));
        Self { bed, sealed }
    }

    /// Two patients with a problem each; both charts are here.
    pub fn filled() -> Self {
        let scoped = Self::new();
        scoped.page(
            ScopeChange {
                types: Some(vec!["Patient".into(), "Appointment".into()]),
                ..change(&[], &["1", "2"])
            },
            vec![
                entry(1, &patient("1", "Okafor", "Ada")),
                entry(1, &condition("k1", "1", "Asthma")),
                entry(1, &patient("2", "Okafor", "Ben")),
                entry(1, &condition("k2", "2", "Gout")),
            ],
        );
        scoped
    }

    fn page(&self, scope: ScopeChange, entries: Vec<SyncEntry>) -> Applied {
        let page = SyncPage {
            scope: Some(Box::new(scope)),
            ..page("c", entries)
        };
        self.bed.cache.apply_page(&page, at(30), seal).unwrap()
    }

    pub fn has_chart(&self, patient: &str) -> bool {
        self.bed
            .cache
            .read(|cache| cache.has_chart(patient))
            .unwrap()
    }

    pub fn links(&self) -> u64 {
        self.bed.cache.read(|cache| cache.head()).unwrap().number
    }

    fn draft(&self, patient: &str) {
        let draft = Draft {
            id: Uuid::from_u128(77),
            patient: patient.into(),
            body: json!({"subjective": "coughs"}),
            begun: at(5),
            changed: at(6),
        };
        self.bed
            .cache
            .write("draft", |tx| tx.keep_draft(&draft))
            .unwrap();
    }

    pub fn acknowledge(&self, through: u64, head: String) {
        let receipt = AuditReceipt {
            through,
            head,
            countersignature: String::new(),
        };
        self.bed
            .cache
            .write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)))
            .unwrap();
    }

    pub fn acknowledge_all(&self) {
        let head = self.bed.cache.read(|cache| cache.head()).unwrap();
        self.acknowledge(head.number, head.hash);
    }

    pub fn to_send(&self) -> Vec<String> {
        let batch = self.bed.cache.read(|cache| cache.upload_batch(9)).unwrap();
        batch
            .iter()
            .flat_map(|entry| entry.bundle["entry"].as_array().unwrap())
            .map(|part| part["request"]["url"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(super) fn change(left: &[&str], arrived: &[&str]) -> ScopeChange {
    let owned = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    ScopeChange {
        types: None,
        chart: vec!["Condition".into(), "Observation".into()],
        left: owned(left),
        arrived: owned(arrived),
    }
}

#[test]
fn s5_a_chart_that_left_is_gone_whole_and_the_patient_is_still_found() {
    let scoped = Scoped::filled();
    assert!(scoped.has_chart("1") && scoped.has_chart("2") && !scoped.has_chart("3"));
    let before = scoped.links();
    let applied = scoped.page(change(&["1"], &[]), vec![]);
    assert_eq!(applied.left.iter().collect::<Vec<_>>(), ["1"]);
    assert_eq!(scoped.links(), before + 1, "that it went is recorded");
    assert!(!scoped.has_chart("1") && scoped.has_chart("2"));
    assert_eq!(scoped.bed.value("Condition", "k1"), None);
    assert!(scoped.bed.value("Condition", "k2").is_some());
    let cache = &scoped.bed.cache;
    let found = cache.read(|cache| cache.find_patients("okafor ada", 9));
    assert_eq!(found.unwrap().cards.len(), 1);
    assert!(
        cache
            .read(|it| it.search_text("asthma", None, 9))
            .unwrap()
            .is_empty()
    );
    assert_eq!(scoped.bed.counts().set_aside, 0);
    // It comes again as if it had never been here.
    scoped.page(
        change(&[], &["1"]),
        vec![entry(1, &condition("k1", "1", "Asthma"))],
    );
    assert!(scoped.has_chart("1") && scoped.bed.value("Condition", "k1").is_some());
}

#[test]
fn s5_work_on_a_chart_that_left_is_sealed_and_kept_and_other_work_goes_on() {
    let scoped = Scoped::filled();
    let bed = &scoped.bed;
    bed.put(observation("o1", "1", 70));
    let mut problem = bed.value("Condition", "k1").unwrap();
    problem["code"]["text"] = json!("Severe asthma");
    bed.put(problem);
    bed.put(condition("k9", "2", "Fall"));
    let mut person = bed.value("Patient", "1").unwrap();
    person["gender"] = json!("male");
    bed.put(person);
    scoped.draft("1");
    // The problem is in conflict by now: that is kept, too.
    bed.apply(vec![entry(2, &condition("k1", "1", "Mild asthma"))]);
    assert_eq!(bed.counts().conflicts, 1);

    let applied = scoped.page(change(&["1"], &[]), vec![]);
    assert_eq!(applied.set_aside, 1);
    let sealed = scoped.sealed.lock().unwrap();
    assert_eq!(sealed.len(), 1);
    let of: Vec<_> = sealed[0]
        .changes
        .iter()
        .map(|change| (change.records[0].id.as_str(), change.state))
        .collect();
    assert_eq!(of, [("o1", "waiting"), ("k1", "conflict")]);
    assert_eq!(
        sealed[0].changes[1].records[0].theirs.as_ref().unwrap()["code"]["text"],
        "Mild asthma"
    );
    assert_eq!(sealed[0].drafts[0].body["subjective"], "coughs");
    // What is not of the chart is still to be sent.
    assert_eq!(scoped.to_send(), ["Condition/k9", "Patient/1"]);
    assert_eq!(bed.standing("Patient", "1"), Standing::Saved);
    let counts = bed.counts();
    assert_eq!(
        (counts.conflicts, counts.set_aside, counts.needs_you()),
        (0, 1, 1)
    );
    assert!(bed.cache.read(|cache| cache.drafts()).unwrap().is_empty());
    assert_eq!(bed.value("Observation", "o1"), None);

    // It leaves the list when the server has it, and not before.
    let aside = bed.cache.read(|cache| cache.set_aside()).unwrap().remove(0);
    assert_eq!(
        (aside.patient.as_deref(), aside.changes, aside.drafts),
        (Some("1"), 2, 1)
    );
    let forget = || {
        bed.cache
            .write("forget", |tx| tx.forget_set_aside(aside.id))
    };
    assert!(matches!(forget(), Err(StoreError::Missing { .. })));
    let bytes = bed.cache.read(|cache| cache.sealed_work(aside.id)).unwrap();
    assert_eq!(bytes, Some(vec![1]));
    // A wipe meanwhile takes it along.
    assert_eq!(
        bed.cache.read(|cache| cache.unsent()).unwrap().set_aside[0].id,
        aside.id
    );
    bed.cache
        .write("handed", |tx| tx.handed_over(aside.id, at(40)))
        .unwrap();
    let waiting = bed.cache.read(|cache| cache.to_hand_over()).unwrap();
    assert_eq!(waiting, []);
    forget().unwrap();
    assert_eq!(bed.counts().set_aside, 0);
}

#[test]
fn s5_s6_sealed_work_is_handed_over_again_to_a_server_that_was_restored() {
    let scoped = Scoped::filled();
    scoped.draft("1");
    scoped.page(change(&["1"], &[]), vec![]);
    scoped.acknowledge_all();
    let cache = &scoped.bed.cache;
    let aside = cache.read(|cache| cache.set_aside()).unwrap().remove(0);
    cache
        .write("handed", |tx| {
            tx.handed_over(aside.id, at(40))?;
            tx.forget_set_aside(aside.id)
        })
        .unwrap();
    assert_eq!(cache.read(|cache| cache.to_hand_over()).unwrap(), []);
    // The server falls back to before it was handed that.
    scoped.acknowledge(0, String::new());
    scoped.page(
        change(&[], &["2"]),
        vec![
            entry(1, &patient("1", "Okafor", "Ada")),
            entry(1, &patient("2", "Okafor", "Ben")),
            entry(1, &condition("k2", "2", "Gout")),
        ],
    );
    let again = cache.read(|cache| cache.to_hand_over()).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, aside.id);
    let bytes = cache.read(|cache| cache.sealed_work(aside.id)).unwrap();
    assert_eq!(bytes, Some(vec![1]));
    // The user has taken note, and is not asked again.
    assert_eq!(scoped.bed.counts().set_aside, 0);
    // After a month nobody restores to before it.
    cache
        .write("handed", |tx| tx.handed_over(aside.id, at(50)))
        .unwrap();
    let later = at(50) + jiff::SignedDuration::from_hours(24 * 31);
    cache
        .write("handed", |tx| tx.handed_over(aside.id, later))
        .unwrap();
    scoped.acknowledge(0, String::new());
    assert_eq!(cache.read(|cache| cache.to_hand_over()).unwrap(), []);
}

#[test]
fn s5_what_was_made_before_the_work_that_is_sealed_stays() {
    let scoped = Scoped::filled();
    let bed = &scoped.bed;
    // Two changes of one problem; the second also writes into the chart that leaves.
    let mut first = bed.value("Condition", "k1").unwrap();
    first["recordedDate"] = json!("2026-01-01");
    bed.put(first.clone());
    let mut second = first.clone();
    second["onsetString"] = json!("as a child");
    bed.change(vec![
        Write::Put {
            resource: second,
            base: None,
        },
        Write::Put {
            resource: observation("o2", "2", 71),
            base: None,
        },
    ])
    .unwrap();
    scoped.page(change(&["2"], &[]), vec![]);
    assert_eq!(scoped.sealed.lock().unwrap()[0].changes.len(), 1);
    assert_eq!(bed.value("Condition", "k1"), Some(first));
    let keys = bed.send();
    assert_eq!(keys.len(), 1, "the first change waits to be sent");
    bed.fate(keys[0], accepted(2, "Condition", "k1"));
    let k1 = bed.value("Condition", "k1").unwrap();
    assert_eq!(k1["recordedDate"], "2026-01-01");
    assert_eq!(k1["meta"]["versionId"], "2");
    let record = bed
        .cache
        .read(|cache| cache.record("Condition", "k1"))
        .unwrap();
    assert_eq!(record.unwrap().version, 2);
}

#[test]
fn s5_work_that_cannot_be_sealed_stays_and_so_does_the_cursor() {
    let bed = Bed::new();
    let first = SyncPage {
        scope: Some(Box::new(change(&[], &["1"]))),
        ..page("first", vec![entry(1, &patient("1", "Okafor", "Ada"))])
    };
    bed.cache.apply_page(&first, at(0), seal).unwrap();
    bed.put(condition("k1", "1", "Asthma"));
    let second = SyncPage {
        scope: Some(Box::new(change(&["1"], &[]))),
        ..page("second", vec![])
    };
    let refused = bed.cache.apply_page(&second, at(1), seal);
    assert!(matches!(refused, Err(StoreError::Unsealed)), "{refused:?}");
    let position = bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor.as_deref(), Some("first"));
    assert!(bed.value("Condition", "k1").is_some());
}

#[test]
fn s5_what_a_new_role_may_not_keep_goes_and_what_it_may_stays() {
    let scoped = Scoped::filled();
    scoped.bed.put(observation("o2", "2", 70));
    let front_desk = ScopeChange {
        types: Some(vec!["Patient".into()]),
        chart: vec![],
        left: vec!["1".into(), "2".into()],
        arrived: vec![],
    };
    let applied = scoped.page(front_desk, vec![]);
    assert_eq!(applied.set_aside, 1);
    for (kind, id) in [
        ("Condition", "k1"),
        ("Condition", "k2"),
        ("Observation", "o2"),
    ] {
        assert_eq!(scoped.bed.value(kind, id), None, "{id}");
    }
    assert!(scoped.bed.value("Patient", "2").is_some());
    assert!(!scoped.has_chart("2"));
    assert_eq!(scoped.sealed.lock().unwrap()[0].changes.len(), 1);
}

#[test]
fn s5_a_patient_registered_here_has_a_chart_at_once() {
    let scoped = Scoped::filled();
    scoped.bed.put(patient("9", "Okafor", "Cleo"));
    assert!(scoped.has_chart("9"));
    // A feed that begins again does not take it away before the server has heard of it.
    let cache = &scoped.bed.cache;
    cache.write("start-over", |tx| tx.start_over()).unwrap();
    scoped.page(
        change(&[], &["1", "2"]),
        vec![entry(1, &patient("1", "Okafor", "Ada"))],
    );
    scoped.page(change(&[], &[]), vec![]);
    assert!(scoped.has_chart("9"));
    assert_eq!(scoped.to_send(), ["Patient/9"]);
}

#[test]
fn s5_a_chart_that_was_begun_here_leaves_when_the_server_does_not_name_it() {
    for named in [true, false] {
        let scoped = Scoped::filled();
        let bed = &scoped.bed;
        bed.put(patient("9", "Okafor", "Cleo"));
        bed.put(condition("k9", "9", "Gout"));
        // As long as the server does not have the patient it can say nothing.
        for _ in 0..3 {
            bed.apply(vec![]);
        }
        assert!(scoped.has_chart("9"));
        let keys = bed.send();
        bed.fate(keys[0], accepted(1, "Patient", "9"));
        // A run of pages that was under way may have been made before.
        bed.apply(vec![]);
        assert!(scoped.has_chart("9"));
        if named {
            scoped.page(change(&[], &["9"]), vec![]);
        }
        for _ in 0..3 {
            bed.apply(vec![]);
        }
        assert_eq!(scoped.has_chart("9"), named);
        assert_eq!(bed.value("Condition", "k9").is_some(), named);
        // What was not sent is not lost.
        let sealed = scoped.sealed.lock().unwrap();
        assert_eq!(sealed.len(), usize::from(!named));
        assert!(bed.value("Patient", "9").is_some());
    }
}

#[test]
fn s5_s6_a_chart_that_left_is_not_offered_to_a_restored_server_and_not_lost_either() {
    let scoped = Scoped::filled();
    let bed = &scoped.bed;
    scoped.acknowledge_all();
    bed.cache.write("start-over", |tx| tx.start_over()).unwrap();
    // The restored server knows both patients; the chart of the second is not this user's.
    let people = vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
    ];
    scoped.page(change(&[], &["1"]), people);
    // Only now the chain proves the restore.
    scoped.acknowledge(0, String::new());
    // Of the first chart the problem was lost: it is offered. Of the second nothing is.
    assert_eq!(scoped.to_send(), ["Condition/k1"]);
    assert!(scoped.has_chart("2"), "until the next page it stays");
    bed.apply(vec![]);
    assert!(!scoped.has_chart("2"));
    assert_eq!(bed.value("Condition", "k2"), None);
    let sealed = scoped.sealed.lock().unwrap();
    assert_eq!(sealed.len(), 1);
    assert_eq!(sealed[0].records[0]["id"], "k2");
    assert_eq!(scoped.to_send(), ["Condition/k1"]);
}

#[test]
fn s5_s6_a_patient_whom_the_restored_server_does_not_know_is_offered_with_the_chart() {
    let scoped = Scoped::filled();
    scoped.acknowledge_all();
    let cache = &scoped.bed.cache;
    cache.write("start-over", |tx| tx.start_over()).unwrap();
    let known = vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &condition("k1", "1", "Asthma")),
    ];
    scoped.page(change(&[], &["1"]), known);
    scoped.acknowledge(0, String::new());
    // What refers to the patient follows once the server has them again.
    assert_eq!(scoped.to_send(), ["Patient/2"]);
    let lines = cache.read(|cache| cache.outbox()).unwrap();
    let waits = ("Condition".to_owned(), "k2".to_owned());
    assert!(lines.iter().any(|line| line.records.contains(&waits)));
    scoped.bed.apply(vec![]);
    assert!(scoped.has_chart("2"));
    assert!(scoped.sealed.lock().unwrap().is_empty());
}

#[test]
fn s5_a_feed_that_begins_again_without_a_loss_takes_away_what_it_does_not_name() {
    let scoped = Scoped::filled();
    scoped.acknowledge_all();
    let cache = &scoped.bed.cache;
    cache.write("start-over", |tx| tx.start_over()).unwrap();
    scoped.page(
        change(&[], &["1"]),
        vec![
            entry(1, &patient("1", "Okafor", "Ada")),
            entry(1, &condition("k1", "1", "Asthma")),
            entry(1, &patient("2", "Okafor", "Ben")),
        ],
    );
    assert!(scoped.has_chart("2"));
    scoped.acknowledge_all();
    scoped.bed.apply(vec![]);
    assert!(!scoped.has_chart("2"));
    assert_eq!(scoped.bed.value("Condition", "k2"), None);
    assert!(scoped.sealed.lock().unwrap().is_empty());
    assert!(scoped.to_send().is_empty());
}

#[test]
fn s5_a_chart_makes_room_unless_it_holds_unsent_work_and_comes_again_when_it_is_sent() {
    let scoped = Scoped::filled();
    let cache = &scoped.bed.cache;
    cache
        .write("open", |tx| {
            tx.note_opened("1", at(50))?;
            tx.note_opened("2", at(40))
        })
        .unwrap();
    // Least lately opened first.
    let order = cache.read(|cache| cache.charts_by_use()).unwrap();
    assert_eq!(order, ["2", "1"]);
    let make_room = |patient: &str| cache.write("room", |tx| tx.make_room(patient)).unwrap();
    scoped.draft("1");
    assert!(!make_room("1"), "a draft lies in it");
    assert!(make_room("2"));
    assert!(!make_room("2"), "it is not here any more");
    assert!(scoped.has_chart("1") && !scoped.has_chart("2"));
    assert_eq!(scoped.bed.value("Condition", "k2"), None);
    assert!(scoped.bed.value("Patient", "2").is_some());
    assert_eq!(cache.read(|cache| cache.made_room()).unwrap(), ["2"]);
    assert!(scoped.sealed.lock().unwrap().is_empty());
    // The server heard of it; later it sends the chart again.
    cache
        .write("told", |tx| tx.room_told(&["2".to_owned()]))
        .unwrap();
    assert!(cache.read(|cache| cache.made_room()).unwrap().is_empty());
    scoped.page(change(&["2"], &[]), vec![]);
    scoped.page(
        change(&[], &["2"]),
        vec![entry(1, &condition("k2", "2", "Gout"))],
    );
    assert!(scoped.has_chart("2") && scoped.bed.value("Condition", "k2").is_some());
    assert!(cache.read(|cache| cache.used_bytes()).unwrap() > 0);
}
