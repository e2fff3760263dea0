//! Reports from the audit, and reviews.

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use ledger::chain::{self, Head};
use ledger::{AccessEvent, Action};
use protocol::access::{AccessGrant, JustifyRequest};
use protocol::audit::AuditReceipt;
use protocol::path;
use protocol::report::{
    CloseReview, Finding, ReportPage, ReviewItem, ReviewKind, ReviewPage, UserList,
};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Bench, Session, create, granted, patient, refused};

/// Sends events of a workstation.
async fn record(bench: &Bench, session: &Session, head: &mut Head, events: Vec<AccessEvent>) {
    let mut links = Vec::new();
    for event in events {
        let link = chain::append(head, event.to_fhir(), &session.device.key).unwrap();
        *head = link.head();
        links.push(link);
    }
    for part in links.chunks(400) {
        let sent = json!({ "links": part });
        granted::<AuditReceipt>(session.post(bench, path::AUDIT, &sent).await).await;
    }
}

async fn page(bench: &Bench, session: &Session, path: &str, query: &str) -> ReportPage {
    granted(session.get(bench, &format!("{path}?{query}")).await).await
}

/// Follows a report to its end.
async fn all(bench: &Bench, session: &Session, query: &str) -> ReportPage {
    let mut whole = page(bench, session, path::REPORT, query).await;
    while let Some(next) = whole.next.take() {
        let further = page(
            bench,
            session,
            path::REPORT,
            &format!("limit=7&cursor={next}"),
        )
        .await;
        assert_eq!(further.total, whole.total);
        whole.rows.extend(further.rows);
        whole.next = further.next;
    }
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_a5_reports() {
    let mut bench = Bench::start();
    bench.platform.token().unwrap();
    let clinician = bench.workstation("amina", "clinician").await;
    let nurse = bench.workstation("ben", "nurse").await;
    let auditor = bench.workstation("zoe", "auditor").await;
    let officer = bench.workstation("olga", "security-officer").await;
    let stored = clinician
        .upload(&bench, vec![create(&patient("seen", "Lovelace"))])
        .await;
    assert_eq!(stored.fates.len(), 1);
    let mut heads = (
        Head::genesis(clinician.device.id),
        Head::genesis(nurse.device.id),
    );
    let start = Timestamp::now();
    let count = std::cell::Cell::new(0);
    let of = |session: &Session, action, patient: &str| {
        let mut event = session.access(action, patient);
        count.set(count.get() + 2);
        event.recorded = start + SignedDuration::from_millis(count.get());
        event
    };
    let words = "=HYPERLINK(\"http://example\"), \"quoted\"";
    record(
        &bench,
        &clinician,
        &mut heads.0,
        vec![
            of(&clinician, Action::ChartOpened, "seen").because("Clinicians see charts.", []),
            of(&clinician, Action::NoteRead, "seen").touching("DocumentReference/d"),
            of(&clinician, Action::ChartOpened, "other").justified_by(words),
        ],
    )
    .await;
    record(
        &bench,
        &nurse,
        &mut heads.1,
        vec![
            of(&nurse, Action::ChartOpened, "seen"),
            of(&nurse, Action::ChartOpened, "seen").ending(ledger::event::Outcome::Refused),
        ],
    )
    .await;

    who_may(&bench, &clinician, &auditor).await;
    filters_and_columns(&bench, &auditor, &clinician, &nurse).await;
    every_field_sorts(&bench, &auditor).await;
    exports(&bench, &auditor, words).await;
    six_years(&bench, &officer, &clinician, &mut heads.0).await;
    who_looked(&bench, &officer, &clinician, &nurse).await;
    reviews(&bench, &officer, &auditor, &clinician).await;
}

/// Readers of the audit see who looked; a nurse without a relationship does not, and learns not
/// even whether there is such a patient.
async fn who_looked(bench: &Bench, officer: &Session, clinician: &Session, nurse: &Session) {
    let path = |query: &str| format!("{}?{query}", path::WHO_LOOKED);
    let seen = page(bench, officer, path::WHO_LOOKED, "patient=seen&limit=2").await;
    assert_eq!(seen.rows.len(), 2);
    assert!(
        seen.rows
            .iter()
            .all(|row| row.patient.as_deref() == Some("seen"))
    );
    assert_eq!(bench.events("who-looked-viewed"), 1);
    let next = seen.next.unwrap();
    let further = format!("patient=seen&limit=2&cursor={next}");
    let further = page(bench, officer, path::WHO_LOOKED, &further).await;
    assert!(further.rows[0].recorded <= seen.rows[1].recorded);
    // The cursor of one chart opens no other one's.
    let other = path(&format!("patient=other&cursor={next}"));
    refused(officer.get(bench, &other).await, 400, "malformed").await;
    refused(officer.get(bench, path::WHO_LOOKED).await, 400, "malformed").await;
    let there = refused(
        nurse.get(bench, &path("patient=seen")).await,
        403,
        "forbidden",
    )
    .await;
    let nowhere = refused(
        nurse.get(bench, &path("patient=nobody")).await,
        403,
        "forbidden",
    )
    .await;
    assert_eq!(there.detail, nowhere.detail);
    let tried =
        "SELECT count(*) FROM audit_event WHERE NOT success AND action = 'who-looked-viewed'";
    assert_eq!(bench.sql(tried), "2");
    everybody_is_listed_for_those_who_read_the_audit(bench, officer, nurse).await;
    // Whoever may open the chart may see who did.
    let reason = JustifyRequest {
        patient: "seen".to_owned(),
        reason: "Covers for the family doctor".to_owned(),
    };
    granted::<AccessGrant>(clinician.post(bench, path::JUSTIFY, &reason).await).await;
    let seen = page(bench, clinician, path::WHO_LOOKED, "patient=seen").await;
    assert!(
        seen.rows
            .iter()
            .any(|row| row.user_name.as_deref() == Some("ben"))
    );
    // People are on the list; what their workstations fetched and sent behind the screen is in
    // the full report alone.
    let synced = |page: &ReportPage| {
        let traffic = ["synchronised", "uploaded"];
        page.rows
            .iter()
            .filter(|row| traffic.contains(&row.action.as_str()))
            .count()
    };
    clinician.follow(bench, "", 100).await;
    let looked = page(bench, officer, path::WHO_LOOKED, "patient=seen&limit=500").await;
    assert_eq!(synced(&looked), 0);
    assert_eq!(looked.total, looked.rows.len() as u64);
    let full = page(bench, officer, path::REPORT, "patient=seen&limit=500").await;
    assert!(synced(&full) >= 2 && full.total > looked.total);
    // A program that fetched the record did so on its own: it stays.
    let token = bench.platform.state().token.clone().unwrap();
    let url = bench.url(path::SYNC);
    let fetched = bench.http.get(url).bearer_auth(&token).send().await;
    assert!(fetched.unwrap().status().is_success());
    let looked = page(bench, officer, path::WHO_LOOKED, "patient=seen&limit=500").await;
    assert_eq!(synced(&looked), 1);
}

async fn everybody_is_listed_for_those_who_read_the_audit(
    bench: &Bench,
    officer: &Session,
    nurse: &Session,
) {
    let list: UserList = granted(officer.get(bench, path::AUDIT_USERS).await).await;
    let listed: Vec<(&str, &str)> = list
        .users
        .iter()
        .map(|user| (user.name.as_str(), user.role.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            ("amina", "clinician"),
            ("ben", "nurse"),
            ("development", "integration"),
            ("olga", "security-officer"),
            ("zoe", "auditor"),
        ]
    );
    assert!(list.users.iter().all(|user| !user.disabled));
    assert_eq!(list.users[1].id, nurse.grant.user.id);
    let tried = "SELECT count(*) FROM audit_event WHERE NOT success AND action = 'report-viewed'";
    let before: u32 = bench.sql(tried).parse().unwrap();
    refused(nurse.get(bench, path::AUDIT_USERS).await, 403, "forbidden").await;
    assert_eq!(bench.sql(tried), (before + 1).to_string());
}

async fn who_may(bench: &Bench, clinician: &Session, auditor: &Session) {
    for path in [
        path::REPORT.to_owned(),
        format!("{}?patient=seen", path::DISCLOSURES),
        path::REVIEWS.to_owned(),
    ] {
        refused(clinician.get(bench, &path).await, 403, "forbidden").await;
    }
    refused(auditor.get(bench, path::REVIEWS).await, 403, "forbidden").await;
    let tried = "SELECT count(*) FROM audit_event WHERE NOT success AND action IN \
                 ('report-viewed', 'disclosures-accounted', 'reviews-viewed')";
    assert_eq!(bench.sql(tried), "4");
    for query in [
        "patient=a%00b",
        "action=none",
        "sort=size",
        "user=x",
        "limit=-1",
        "from=yesterday",
        "cursor=AAAA",
    ] {
        let path = format!("{}?{query}", path::REPORT);
        refused(auditor.get(bench, &path).await, 400, "malformed").await;
    }
    refused(
        auditor.get(bench, path::DISCLOSURES).await,
        400,
        "malformed",
    )
    .await;
}

async fn filters_and_columns(
    bench: &Bench,
    auditor: &Session,
    clinician: &Session,
    nurse: &Session,
) {
    let before = bench.events("report-viewed");
    let seen = page(bench, auditor, path::REPORT, "patient=seen&ascending=true").await;
    // The reading is recorded, with whom it was about and what was asked.
    assert_eq!(bench.events("report-viewed"), before + 1);
    let actions: Vec<&str> = seen.rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions[0], "uploaded");
    assert_eq!(
        actions[1..],
        ["chart-opened", "note-read", "chart-opened", "chart-opened"]
    );
    assert_eq!(seen.total, 5);
    let row = &seen.rows[1];
    assert_eq!(row.user, Some(clinician.grant.user.id));
    assert_eq!(row.user_name.as_deref(), Some("amina"));
    assert_eq!(row.role.as_deref(), Some("clinician"));
    assert_eq!(row.device, Some(clinician.device.id));
    assert_eq!(row.device_name.as_deref(), Some("Front room"));
    assert_eq!(row.patient.as_deref(), Some("seen"));
    assert_eq!(row.explanation.as_deref(), Some("Clinicians see charts."));
    assert_eq!(row.purpose.as_deref(), Some("TREAT"));
    assert!(seen.rows[0].address.is_some() && seen.rows[1].success && !seen.rows[4].success);
    assert!(
        seen.rows[2]
            .entities
            .contains(&"DocumentReference/d".to_owned())
    );

    let count = async |query: &str| page(bench, auditor, path::REPORT, query).await.total;
    let user = nurse.grant.user.id;
    assert_eq!(count(&format!("user={user}&action=chart-opened")).await, 2);
    assert_eq!(
        count(&format!("user={user}&action=chart-opened&success=false")).await,
        1
    );
    assert_eq!(count("action=chart-opened&patient=other").await, 1);
    assert_eq!(count("patient=seen&until=2001-01-01T00:00:00Z").await, 0);
    assert_eq!(count("patient=seen&from=2001-01-01T00:00:00Z").await, 6 + 1);
}

async fn every_field_sorts(bench: &Bench, auditor: &Session) {
    type Key = fn(&protocol::report::ReportRow) -> String;
    let keys: [(&str, Key); 7] = [
        ("recorded", |row| format!("{:.3}", row.recorded)),
        ("user", |row| row.user_name.clone().unwrap_or_default()),
        ("role", |row| row.role.clone().unwrap_or_default()),
        ("action", |row| row.action.clone()),
        ("outcome", |row| {
            if row.success { "done" } else { "refused" }.to_owned()
        }),
        ("patient", |row| row.patient.clone().unwrap_or_default()),
        ("device", |row| {
            // Programs name themselves; what is sorted by is the name of a workstation.
            row.device
                .and(row.device_name.clone())
                .unwrap_or_default()
                .to_lowercase()
        }),
    ];
    let until = Timestamp::now();
    for (name, key) in keys {
        for ascending in [true, false] {
            let query = format!("sort={name}&ascending={ascending}&limit=7&until={until}");
            let whole = all(bench, auditor, &query).await;
            assert_eq!(whole.rows.len() as u64, whole.total, "{name}");
            let mut ids: Vec<Uuid> = whole.rows.iter().map(|row| row.id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), whole.rows.len(), "{name}: a row came twice");
            let mut found: Vec<String> = whole.rows.iter().map(key).collect();
            if !ascending {
                found.reverse();
            }
            assert!(found.is_sorted(), "{name} {ascending}: {found:?}");
        }
    }
}

async fn exports(bench: &Bench, auditor: &Session, words: &str) {
    let fetch = async |accept: &str, query: &str| {
        let path = format!("{}?{query}", path::REPORT);
        let request = auditor.request(bench, Method::GET, &path);
        let reply = request.header("accept", accept).send().await.unwrap();
        assert!(reply.status().is_success());
        let kind = reply.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(kind.starts_with(accept), "{kind}");
        reply.text().await.unwrap()
    };
    let before = bench.events("report-exported");
    let csv = fetch("text/csv", "patient=other").await;
    assert_eq!(bench.events("report-exported"), before + 1);
    let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert!(lines[0].starts_with("recorded,action,outcome,user,"));
    // A formula stays text, and quotes are doubled.
    let written = format!("\"'{}\"", words.replace('"', "\"\""));
    assert!(lines.iter().any(|line| line.contains(&written)), "{csv}");

    let until = Timestamp::now();
    let bundle = fetch("application/fhir+json", &format!("until={until}")).await;
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(
        (&bundle["type"], &bundle["resourceType"]),
        (&json!("collection"), &json!("Bundle"))
    );
    let total = page(
        bench,
        auditor,
        path::REPORT,
        &format!("until={until}&limit=1"),
    )
    .await
    .total;
    let entries = bundle["entry"].as_array().unwrap();
    assert_eq!(entries.len() as u64, total);
    assert!(fhir::validate::Validator::new().validate(&bundle).is_ok());
    let empty = fetch("application/fhir+json", "until=2001-01-01T00:00:00Z").await;
    let empty: Value = serde_json::from_str(&empty).unwrap();
    assert!(fhir::validate::Validator::new().validate(&empty).is_ok());
}

/// The accounting covers six years to the moment; what is older stays, and nothing can remove it.
async fn six_years(bench: &Bench, officer: &Session, clinician: &Session, head: &mut Head) {
    let until: Timestamp = "2026-03-01T05:00:00Z".parse().unwrap();
    let zone = TimeZone::get("America/New_York").unwrap();
    let edge = until
        .to_zoned(zone)
        .checked_sub(6.years())
        .unwrap()
        .timestamp();
    let mut events = Vec::new();
    for time in [
        edge - SignedDuration::from_millis(1),
        edge,
        until - SignedDuration::from_millis(1),
        until,
        edge - SignedDuration::from_hours(24 * 365 * 4),
    ] {
        let mut event = clinician.access(Action::ChartOpened, "disclosed");
        event.recorded = time;
        events.push(event);
    }
    let mut refusal = clinician.access(Action::ChartOpened, "disclosed");
    refusal.recorded = edge;
    events.push(refusal.ending(ledger::event::Outcome::Refused));
    record(bench, clinician, head, events).await;
    let path = path::DISCLOSURES;
    let accounted = page(
        bench,
        officer,
        path,
        &format!("patient=disclosed&until={until}"),
    )
    .await;
    let times: Vec<Timestamp> = accounted.rows.iter().map(|row| row.recorded).collect();
    assert_eq!(times, [until - SignedDuration::from_millis(1), edge]);
    // Whoever asks for more gets what is there, however old: the first accounting too.
    let wider = page(
        bench,
        officer,
        path,
        "patient=disclosed&from=2000-01-01T00:00:00Z",
    )
    .await;
    assert_eq!(wider.total, 5 + 1);
    assert_eq!(bench.events("disclosures-accounted"), 3);

    // No right to remove anything, for anybody the server is, and no command that would.
    let rights = "SELECT count(*) FROM unnest(ARRAY['audit_event', 'audit_event_patient', \
                  'audit_link', 'audit_link_aside', 'chain_break', 'ledger_leaf', 'ledger_node', \
                  'ledger_checkpoint', 'ledger_key', 'review_item', 'review_closing']) AS t(name), \
                  unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS r(right_name) \
                  WHERE has_table_privilege('rounds_server', t.name, r.right_name)";
    assert_eq!(bench.sql(rights), "0");
}

async fn reviews(bench: &Bench, officer: &Session, auditor: &Session, clinician: &Session) {
    // A workstation with an emergency taken off line.
    let reason = "Found unconscious, no relationship on file";
    let urgent = clinician
        .access(Action::EmergencyAccess, "seen")
        .justified_by(reason);
    let event = urgent.id;
    let mut head = Head {
        number: 0,
        hash: String::new(),
    };
    let stands: AuditReceipt = granted(
        clinician
            .post(bench, path::AUDIT, &json!({"links": []}))
            .await,
    )
    .await;
    head.number = stands.through;
    head.hash = stands.head;
    record(bench, clinician, &mut head, vec![urgent]).await;

    let open: ReviewPage = granted(officer.get(bench, path::REVIEWS).await).await;
    assert_eq!((open.open, open.items.len()), (1, 1));
    let item = &open.items[0];
    assert_eq!(item.kind, ReviewKind::Emergency);
    assert_eq!(item.words, reason);
    assert_eq!(item.event, Some(event));
    assert_eq!(item.user_name.as_deref(), Some("amina"));
    assert_eq!(item.patient.as_deref(), Some("seen"));
    assert_eq!(item.device_name.as_deref(), Some("Front room"));
    assert!(item.closed.is_none());

    let close = |words: &str| CloseReview {
        id: item.id,
        finding: Finding::Justified,
        words: words.to_owned(),
    };
    let post = async |session: &Session, closing: &CloseReview| {
        session.post(bench, path::REVIEW_CLOSE, closing).await
    };
    refused(post(auditor, &close("not mine")).await, 403, "forbidden").await;
    refused(post(officer, &close("  x ")).await, 400, "malformed").await;
    let unknown = CloseReview {
        id: Uuid::new_v4(),
        ..close("nothing there")
    };
    refused(post(officer, &unknown).await, 400, "malformed").await;
    let closed: ReviewItem = granted(post(officer, &close("Spoke to the ambulance.")).await).await;
    let closing = closed.closed.unwrap();
    assert_eq!(closing.by, "olga");
    assert_eq!(closing.finding, Finding::Justified);
    assert_eq!(closing.words, "Spoke to the ambulance.");
    refused(post(officer, &close("once more")).await, 400, "malformed").await;
    let open: ReviewPage = granted(officer.get(bench, path::REVIEWS).await).await;
    assert_eq!((open.open, open.items.len()), (0, 0));
    let path = format!("{}?closed=true", path::REVIEWS);
    let done: ReviewPage = granted(officer.get(bench, &path).await).await;
    assert_eq!(done.items[0].id, item.id);
    // Looking and closing are recorded, about the patient.
    let recorded = "SELECT count(*) FROM audit_event e JOIN audit_event_patient p ON p.event = e.id \
                    WHERE e.success AND p.patient = 'seen' \
                    AND e.action IN ('reviews-viewed', 'review-closed')";
    assert_eq!(bench.sql(recorded), "3");
    let dump = bench.platform.cluster().dump(bench.platform.database());
    let dump = dump.unwrap_or_else(|error| panic!("{error}"));
    assert!(!dump.contains("unconscious") && !dump.contains("ambulance"));
}
