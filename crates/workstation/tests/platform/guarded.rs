//! What guards the record, from a workstation to the server and back.

use workstation::view::Cause;
use workstation::view::session::LedgerState;

use crate::clinic::{Clinic, Desk};

async fn verified(desk: &Desk, above: u32) -> u32 {
    desk.until(|station| async move {
        station.sync_now().await.unwrap();
        let ledger = station.sync_view().await.unwrap().ledger;
        ledger.state == LedgerState::Verified && ledger.size > Some(above)
    })
    .await;
    let ledger = desk.station.sync_view().await.unwrap().ledger;
    ledger.size.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_workstation_finds_that_a_superuser_cut_the_ledger() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    let early = verified(&ada, 0).await;
    for _ in 0..3 {
        ada.station
            .open_chart("p1".into(), Cause::Opened)
            .await
            .unwrap();
    }
    let late = verified(&ada, early + 2).await;

    // Somebody with every right at the database takes the end of the ledger away.
    clinic.platform.kill_server();
    let cut = format!(
        "SET session_replication_role = replica;
         DELETE FROM ledger_checkpoint WHERE size > {early};
         DELETE FROM ledger_leaf WHERE position >= {early};
         DELETE FROM audit_event WHERE id NOT IN (SELECT event FROM ledger_leaf)"
    );
    let platform = &clinic.platform;
    platform.cluster().sql(platform.database(), &cut).unwrap();
    clinic.platform.start_server().unwrap();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().ledger.state == LedgerState::Broken
    })
    .await;
    let ledger = ada.station.sync_view().await.unwrap().ledger;
    assert_eq!(ledger.size, Some(late), "what was witnessed stays");
    // Nothing is locked, and the server took the word for its security officer.
    ada.station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        let words = station.sync_view().await.unwrap().ledger.words;
        words.ends_with("The security officer was told.")
    })
    .await;
}
