//! Who looked, reports and reviews: asked of the server, and nothing is kept here.

use protocol::sign_in::Role;
use workstation::view::report::{CloseForm, ExportFormat, ReportForm, ReportSort, ReviewFinding};

use crate::mock::{Bench, enrol_form};
use crate::records::clinic;

fn everything() -> ReportForm {
    ReportForm {
        patient: Some("p1".into()),
        user: None,
        from: None,
        until: None,
        action: None,
        success: None,
        sort: ReportSort::Recorded,
        ascending: false,
        cursor: Some("7".into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_who_looked_is_asked_of_the_server_and_off_line_says_so() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let page = station.who_looked("p1".into(), None).await.unwrap();
    let row = &page.rows[0];
    assert_eq!(
        (row.at.as_str(), row.what.as_str(), row.user_name.as_deref()),
        (
            "2026-01-05T09:00:00-05:00",
            "Chart opened",
            Some("Ada Lovelace")
        )
    );
    station.access_report(everything()).await.unwrap();
    let asked = bench.server.office.lock().unwrap().asked.clone();
    assert_eq!(asked[0], "who p1 None");
    assert!(asked[1].contains(r#""patient":"p1""#) && asked[1].contains(r#""cursor":"7""#));

    bench.server.be_reachable(false);
    let id = uuid::Uuid::from_u128(9).to_string();
    let close = CloseForm {
        id,
        finding: ReviewFinding::Justified,
        words: "It was right.".into(),
    };
    let faults = [
        station.who_looked("p1".into(), None).await.err(),
        station.access_report(everything()).await.err(),
        station
            .export_report(everything(), ExportFormat::Csv)
            .await
            .err(),
        station.reviews(false, None).await.err(),
        station.close_review(close).await.err(),
    ];
    for fault in faults {
        assert_eq!(fault.unwrap().code, "offline");
    }
    station.lock().await.unwrap();
    let fault = station.who_looked("p1".into(), None).await.unwrap_err();
    assert_eq!(fault.code, "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_an_export_is_one_whole_file_and_recorded_here() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let before = bench.server.actions().len();
    let file = station
        .export_report(everything(), ExportFormat::Csv)
        .await
        .unwrap();
    assert!(
        file.path
            .ends_with("downloads/rounds-accesses-2026-01-05.csv"),
        "{}",
        file.path
    );
    assert_eq!(std::fs::read(&file.path).unwrap(), b"recorded,action\n");
    let bundle = station
        .export_report(everything(), ExportFormat::Fhir)
        .await
        .unwrap();
    assert!(bundle.path.ends_with(".json"));
    {
        let asked = &bench.server.office.lock().unwrap().asked;
        assert!(asked[0].starts_with("Csv") && asked[1].starts_with("Fhir"));
        // Not the page that was on the screen.
        assert!(asked.iter().all(|asked| !asked.contains("cursor")));
    }
    station
        .settled(std::time::Duration::from_secs(60))
        .await
        .unwrap();
    bench.settle().await;
    let exported = bench
        .server
        .actions()
        .into_iter()
        .skip(before)
        .filter(|action| action == "report-exported")
        .count();
    assert_eq!(exported, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_review_is_closed_with_words() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    let open = station.reviews(false, None).await.unwrap();
    assert_eq!(
        (open.open, open.items[0].words.as_str()),
        (1, "Unconscious")
    );
    let mut form = CloseForm {
        id: open.items[0].id.clone(),
        finding: ReviewFinding::Unjustified,
        words: " ".into(),
    };
    let fault = station.close_review(form.clone()).await.unwrap_err();
    assert_eq!(fault.field.as_deref(), Some("words"));
    form.words = "Nobody was unconscious.".into();
    let closed = station.close_review(form).await.unwrap().closed.unwrap();
    assert_eq!(closed.finding, ReviewFinding::Unjustified);
    assert!(station.reviews(false, None).await.unwrap().items.is_empty());
    assert_eq!(station.reviews(true, None).await.unwrap().items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_see_what_they_did_here() {
    for role in [
        Role::Auditor,
        Role::SecurityOfficer,
        Role::Administrator,
        Role::FrontDesk,
    ] {
        let bench = Bench::new(Vec::new());
        *bench.server.role.lock().unwrap() = role;
        let station = &bench.workstation;
        station.enrol(enrol_form("ada", "right")).await.unwrap();
        let seen = station.activity(10).await;
        assert!(seen.is_ok(), "{role:?}: {seen:?}");
    }
}
