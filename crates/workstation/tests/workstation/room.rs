//! What the organisation allows a computer to keep is kept to.

use std::time::Duration;

use protocol::sync::ScopeChange;

use crate::mock::{Bench, enrol_form};
use crate::records::{clinic, stranger};

async fn keeps(bench: &Bench, kind: &'static str, id: &'static str) -> bool {
    let kept = bench.workstation.door().work(move |desk| {
        let found = desk.cache().read(|cache| cache.record(kind, id))?;
        Ok(found.is_some())
    });
    kept.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_charts_that_can_be_fetched_again_make_room_and_those_of_ones_own_patients_never() {
    let mut records = clinic();
    records.extend(stranger("p9"));
    let bench = Bench::new(records);
    // No room at all.
    *bench.server.cache_megabytes.lock().unwrap() = Some(0);
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    *bench.server.scope.lock().unwrap() = Some(ScopeChange {
        types: Some(owned(&[
            "Patient",
            "Practitioner",
            "Schedule",
            "Slot",
            "Appointment",
        ])),
        chart: owned(&[
            "Condition",
            "DocumentReference",
            "AllergyIntolerance",
            "Observation",
        ]),
        left: Vec::new(),
        arrived: owned(&["p1", "p2", "p9"]),
    });
    let form = enrol_form("ada", "right");
    bench.workstation.enrol(form).await.unwrap();
    bench.settle().await;
    for _ in 0..2400 {
        if !bench.server.dropped.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(*bench.server.dropped.lock().unwrap(), ["p9"]);
    assert!(!keeps(&bench, "Condition", "k-p9").await);
    assert!(keeps(&bench, "Patient", "p9").await, "still found by name");
    assert!(keeps(&bench, "Observation", "o1").await, "one's own stays");
}
