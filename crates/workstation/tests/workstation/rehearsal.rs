//! Rehearsing a downtime.

use std::time::Duration;

use protocol::sign_in::Role;
use workstation::view::Cause;
use workstation::view::report::{ReportForm, ReportSort};
use workstation::view::session::{Ability, Connection};

use crate::mock::{Bench, enrol_form, unlock_form};
use crate::records::clinic;

fn everything() -> ReportForm {
    ReportForm {
        patient: None,
        user: None,
        from: None,
        until: None,
        action: None,
        success: None,
        sort: ReportSort::Recorded,
        ascending: false,
        cursor: None,
    }
}

async fn until(bench: &Bench, connection: Connection) {
    for _ in 0..2400 {
        if bench.workstation.sync_view().await.unwrap().connection == connection {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}", bench.workstation.sync_view().await);
}

/// Time passes, and somebody is there: nothing locks by itself.
async fn pass(bench: &Bench, minutes: u64) {
    for _ in 0..minutes {
        bench.clock.pass(Duration::from_secs(60));
        bench.workstation.note_activity().await.unwrap();
    }
}

async fn administered() -> Bench {
    let bench = Bench::new(clinic());
    *bench.server.role.lock().unwrap() = Role::Administrator;
    let session = bench
        .workstation
        .enrol(enrol_form("ada", "right"))
        .await
        .unwrap();
    assert!(session.user.unwrap().abilities.contains(&Ability::Rehearse));
    bench.settle().await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn s8_a_rehearsal_cuts_the_network_counts_and_ends_by_itself() {
    let bench = administered().await;
    let station = &bench.workstation;
    assert!(station.rehearsal_report().await.unwrap().is_none());
    for minutes in [4, 241] {
        let fault = station.start_rehearsal(minutes).await.unwrap_err();
        assert_eq!(
            (fault.code.as_str(), fault.field.as_deref()),
            ("invalid", Some("minutes"))
        );
    }
    let view = station.start_rehearsal(30).await.unwrap();
    let rehearsal = view.rehearsal.unwrap();
    assert_eq!(
        (rehearsal.until.as_str(), rehearsal.minutes_left),
        ("2026-01-05T10:00:00-05:00", 30)
    );
    until(&bench, Connection::Offline).await;

    // The server is well, and nobody here reaches it.
    let fault = station.access_report(everything()).await.unwrap_err();
    assert_eq!(fault.code, "offline");
    let fault = station.reviews(false, None).await.unwrap_err();
    assert_eq!(fault.code, "offline");
    station.reviews(false, None).await.unwrap_err();
    station.activity(5).await.unwrap();

    let report = station.rehearsal_report().await.unwrap().unwrap();
    assert!(report.running);
    let blocked: Vec<(&str, u32)> = report
        .blocked
        .iter()
        .map(|count| (count.what.as_str(), count.times))
        .collect();
    assert_eq!(blocked, [("reviews-viewed", 2), ("report-viewed", 1)]);
    assert_eq!(report.worked[0].what, "activity-viewed");
    assert_eq!(report.done, 1);

    // Half an hour later the line is there again without anybody's doing.
    pass(&bench, 30).await;
    until(&bench, Connection::Online).await;
    let view = station.sync_view().await.unwrap();
    assert!(view.rehearsal.is_none());
    let report = station.rehearsal_report().await.unwrap().unwrap();
    assert!(!report.running);
    assert_eq!(report.until, "2026-01-05T10:00:00-05:00");
    station.access_report(everything()).await.unwrap();
    let times = |action: &str| {
        let actions = bench.server.actions();
        actions.iter().filter(|known| *known == action).count()
    };
    for _ in 0..2400 {
        if times("rehearsal-ended") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (times("rehearsal-started"), times("rehearsal-ended")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn s8_a_rehearsal_is_the_computers_and_is_ended_by_an_administrator() {
    let bench = administered().await;
    bench.workstation.start_rehearsal(60).await.unwrap();
    until(&bench, Connection::Offline).await;
    bench.workstation.reviews(false, None).await.unwrap_err();
    bench.workstation.lock().await.unwrap();

    // The program starts anew; the same computer, still cut off.
    let mut bench = bench;
    bench.workstation = bench.restarted();
    bench
        .workstation
        .unlock(unlock_form("ada", "right"))
        .await
        .unwrap();
    until(&bench, Connection::Offline).await;
    let view = bench.workstation.sync_view().await.unwrap();
    assert_eq!(view.rehearsal.unwrap().minutes_left, 60);
    let kept = std::fs::read_to_string(bench.folder.path().join("config/config.json")).unwrap();
    assert!(
        kept.contains("reviews-viewed") && !kept.contains("ada"),
        "{kept}"
    );

    pass(&bench, 10).await;
    let report = bench.workstation.stop_rehearsal().await.unwrap();
    assert!(!report.running);
    assert_eq!(report.until, "2026-01-05T09:40:00-05:00");
    assert_eq!(report.blocked[0].what, "reviews-viewed");
    until(&bench, Connection::Online).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_only_an_administrator_cuts_the_network() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    station.today(Cause::Opened).await.unwrap();
    assert_eq!(
        station.start_rehearsal(30).await.unwrap_err().code,
        "forbidden"
    );
    assert_eq!(
        station.stop_rehearsal().await.unwrap_err().code,
        "forbidden"
    );
    assert_eq!(
        station.rehearsal_report().await.unwrap_err().code,
        "forbidden"
    );
    assert!(station.sync_view().await.unwrap().rehearsal.is_none());
}
