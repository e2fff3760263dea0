//! What guards the record, from a workstation to the server and back.

use workstation::view::Cause;
use workstation::view::access::GrantKind;
use workstation::view::report::{
    AccessRow, CloseForm, ReportForm, ReportSort, ReviewFinding, ReviewKind,
};
use workstation::view::session::{Connection, LedgerState};

use crate::clinic::{Clinic, Desk};

fn about(patient: &str) -> ReportForm {
    ReportForm {
        patient: Some(patient.into()),
        user: None,
        from: None,
        until: None,
        action: None,
        success: Some(true),
        sort: ReportSort::Recorded,
        ascending: true,
        cursor: None,
    }
}

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
async fn p3_an_emergency_off_line_is_reviewed_and_accounted_for() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    clinic.platform.kill_server();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        station.sync_view().await.unwrap().connection == Connection::Offline
    })
    .await;
    let open = || ada.station.open_chart("p3".into(), Cause::Opened);
    assert_eq!(open().await.unwrap_err().code, "needs-emergency");
    let reason = "Brought in unconscious";
    ada.emergency("p3", reason).await.unwrap();
    let chart = open().await.unwrap();
    assert_eq!(chart.access.unwrap().kind, GrantKind::Emergency);

    clinic.platform.start_server().unwrap();
    ada.settle().await;
    let officer = Desk::enrolled(&mut clinic, "sam", "security-officer", None).await;
    let open = officer.station.reviews(false, None).await.unwrap();
    let emergencies: Vec<_> = open
        .items
        .iter()
        .filter(|item| item.kind == ReviewKind::Emergency)
        .collect();
    assert_eq!(emergencies.len(), 1, "{open:?}");
    let item = emergencies[0];
    assert_eq!(
        (
            item.words.as_str(),
            item.patient.as_deref(),
            item.user_name.as_deref()
        ),
        (reason, Some("p3"), Some("ada"))
    );
    let closed = officer
        .station
        .close_review(CloseForm {
            id: item.id.clone(),
            finding: ReviewFinding::Justified,
            words: "There was an accident.".into(),
        })
        .await
        .unwrap();
    assert_eq!(closed.closed.unwrap().by, "sam");

    // The accounting of the patient's disclosures has it, with reason and purpose.
    let report = officer.station.access_report(about("p3")).await.unwrap();
    let find = |code: &str| -> &AccessRow {
        let mut rows = report.rows.iter();
        rows.find(|row| row.action_code == code)
            .unwrap_or_else(|| panic!("{code}: {report:?}"))
    };
    for code in ["emergency-access", "chart-opened"] {
        let row = find(code);
        assert_eq!(row.justification.as_deref(), Some(reason));
        assert_eq!(row.purpose.as_deref(), Some("BTG"));
        assert_eq!(row.user_name.as_deref(), Some("ada"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_the_chart_says_who_looked_to_whoever_may_see_it() {
    let mut clinic = Clinic::start();
    let ada = Desk::enrolled(&mut clinic, "ada", "clinician", Some("dr1")).await;
    ada.station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    ada.until(|station| async move {
        station.sync_now().await.unwrap();
        let page = station.who_looked("p1".into(), None).await.unwrap();
        page.rows
            .iter()
            .any(|row| row.action_code == "chart-opened" && row.user_name.as_deref() == Some("ada"))
    })
    .await;
    // Nobody learns from it whom a patient sees whose record is closed to them.
    let fault = ada.station.who_looked("p3".into(), None).await.unwrap_err();
    assert_eq!(fault.code, "forbidden");
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
    // Nothing is locked, and the security officer has it.
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
    let officer = Desk::enrolled(&mut clinic, "sam", "security-officer", None).await;
    let open = officer.station.reviews(false, None).await.unwrap();
    assert!(
        open.items
            .iter()
            .any(|item| item.kind == ReviewKind::LedgerBroken),
        "{open:?}"
    );
}
