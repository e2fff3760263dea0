//! Video visits as the workstation leads them.

use std::time::Duration;

use workstation::view::Cause;
use workstation::view::visit::CallState;

use crate::mock::Bench;
use crate::records::clinic;

const VISIT: &str = "visit-p1";

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within a minute: {what}");
}

async fn waiting() -> Bench {
    let bench = Bench::enrolled(clinic()).await;
    until("somebody waits", async || {
        let visits = bench.workstation.visits(Cause::Refreshed).await.unwrap();
        !visits.visits.is_empty()
    })
    .await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_a_call_that_cannot_come_about_is_tried_and_then_said_to_have_failed() {
    let bench = waiting().await;
    // An offer without a certificate: no answer to it exists.
    *bench.server.visits.offer.lock().unwrap() = Some("v=0\r\n".into());
    bench
        .workstation
        .admit_to_visit(VISIT.into())
        .await
        .unwrap();
    let stands = async || {
        bench
            .workstation
            .call()
            .await
            .unwrap()
            .map(|call| call.state)
    };
    until("the call is given up", async || {
        stands().await == Some(CallState::Failed)
    })
    .await;
    until("everybody is told", async || {
        bench.server.visits.acts().last() == Some(&"interrupted")
    })
    .await;
    let acts = ["admit", "again", "again", "again", "again", "interrupted"];
    assert_eq!(bench.server.visits.acts(), acts);
    // It is offered again, and begins at nought.
    bench
        .workstation
        .admit_to_visit(VISIT.into())
        .await
        .unwrap();
    until("it is tried again", async || {
        bench.server.visits.acts().len() > acts.len() + 1
    })
    .await;
}
