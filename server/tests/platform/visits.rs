//! Video visits as the two sides meet the server: links, the waiting room, and whose certificate
//! a call is made with.

use std::time::Duration;

use protocol::path;
use protocol::visit::{Act, FromPatient, NotLetIn, ToPatient, VisitNews, VisitStage};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Device, refused};
use crate::visiting::{PATIENCE, Page, Visit, refusal, sdp};

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_link_lets_one_browser_into_the_waiting_room() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    assert_eq!(
        Page::open(bench, "https://elsewhere.example").await.err(),
        Some(StatusCode::FORBIDDEN)
    );
    let (_, forged) = Page::join(bench, &"A".repeat(43)).await;
    assert_eq!(refusal(&forged), Some(NotLetIn::Unknown));
    let (mut page, word) = Page::join(bench, &visit.token).await;
    let ToPatient::Waiting {
        seat, before: 0, ..
    } = word
    else {
        panic!("{word:?}");
    };
    let (_, second) = Page::join(bench, &visit.token).await;
    assert_eq!(refusal(&second), Some(NotLetIn::Occupied));
    let (stage, said) = visit
        .news(|news| match news {
            VisitNews::Visits { visits } => {
                let visit = visits.into_iter().next()?;
                Some((visit.stage, visit.said))
            }
            VisitNews::Offer { .. } => None,
        })
        .await;
    assert_eq!(stage, VisitStage::Waiting);
    assert_eq!(said.as_deref(), Some("Ada Lee"));

    // The line breaks; the same page comes back by its seat, and by no other.
    drop(page);
    let (_, stranger) = Page::come_back(bench, &visit.token, &"0".repeat(32)).await;
    assert_eq!(refusal(&stranger), Some(NotLetIn::JoinAgain));
    let (back, word) = Page::come_back(bench, &visit.token, &seat).await;
    assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    page = back;

    // A link that was taken back lets nobody new in; the next one does.
    page.say(FromPatient::Leave);
    visit.acted(Act::Withdraw).await;
    let (_, late) = Page::join(bench, &visit.token).await;
    assert_eq!(refusal(&late), Some(NotLetIn::Unknown));
    let (_, word) = Page::join(bench, &visit.invite().await).await;
    assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");

    // t4: each of these is in the ledger, refusals too, and none of them names a secret.
    let count = |wanted: bool| {
        let sql = format!(
            "SELECT count(*) FROM audit_event WHERE action = 'visit-joined' AND success = {wanted}"
        );
        bench.sql(&sql)
    };
    assert_eq!((count(true).as_str(), count(false).as_str()), ("3", "4"));
    assert_eq!(bench.events("visit-invited"), 2);
    assert_eq!(bench.events("visit-withdrawn"), 1);
    assert_eq!(bench.events("visits-viewed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_links_that_are_forged_replayed_revoked_or_expired_open_nothing() {
    let mut visit = Visit::begin().await;
    let mut refusals = Vec::new();
    let mut refused_as = |what: &'static str, word: &ToPatient, wanted: NotLetIn| {
        assert_eq!(refusal(word), Some(wanted), "{what}: {word:?}");
        refusals.push(what);
    };

    // Forged: made up, guessed from a real one, taken from the database, and endless.
    let mut near = visit.token.clone().into_bytes();
    near[0] = if near[0] == b'A' { b'B' } else { b'A' };
    let stolen = visit
        .bench
        .sql("SELECT encode(token_hash, 'hex') FROM visit_link");
    for (what, token) in [
        ("made up", "A".repeat(43)),
        ("one letter off", String::from_utf8(near).unwrap()),
        ("the hash", stolen),
        ("cut short", visit.token[..42].to_owned()),
        ("lengthened", visit.token.clone() + "A"),
        ("empty", String::new()),
        ("endless", "A".repeat(4_000)),
        ("the appointment's name", "a1".to_owned()),
    ] {
        let (_, word) = Page::join(&visit.bench, &token).await;
        refused_as(what, &word, NotLetIn::Unknown);
    }

    // Replayed: by somebody else while the patient is there, and the seat of who has left.
    let (page, word) = Page::join(&visit.bench, &visit.token).await;
    let ToPatient::Waiting { seat, .. } = word else {
        panic!("{word:?}");
    };
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    refused_as("a second browser", &word, NotLetIn::Occupied);
    page.say(FromPatient::Leave);
    timeout(PATIENCE, async {
        while visit.bench.events("visit-left") == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let (_, word) = Page::come_back(&visit.bench, &visit.token, &seat).await;
    refused_as("a seat that was left", &word, NotLetIn::JoinAgain);

    // Revoked: replaced by a newer one, and taken back.
    let first = visit.token.clone();
    visit.token = visit.invite().await;
    let (_, word) = Page::join(&visit.bench, &first).await;
    refused_as("replaced", &word, NotLetIn::Unknown);
    visit.acted(Act::Withdraw).await;
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    refused_as("taken back", &word, NotLetIn::Unknown);

    // Expired: time has passed while the server was down, and it remembers the link by its row.
    visit.token = visit.invite().await;
    visit.bench.platform.kill_server();
    visit.bench.platform.start_server().unwrap();
    let (page, word) = Page::join(&visit.bench, &visit.token).await;
    assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    page.say(FromPatient::Leave);
    visit.bench.platform.kill_server();
    visit
        .bench
        .sql("UPDATE visit_link SET expires_at = now() - interval '1 second'");
    visit.bench.platform.start_server().unwrap();
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    refused_as("expired", &word, NotLetIn::Expired);

    // Replayed when all is over: an ended visit's link is of no use.
    visit.token = visit.invite().await;
    visit.acted(Act::EndVisit).await;
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    refused_as("the visit has ended", &word, NotLetIn::Ended);

    // Each is in the ledger, and none of it holds a secret.
    let told = visit
        .bench
        .sql("SELECT count(*) FROM audit_event WHERE action = 'visit-joined' AND NOT success");
    assert_eq!(told, refusals.len().to_string());
    println!("{} links refused: {refusals:?}", refusals.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn t3_a_call_is_made_with_the_certificates_that_the_device_signed() {
    let visit = Visit::begin().await;
    let (mut page, _) = Page::join(&visit.bench, &visit.token).await;
    let device = visit.clinician.device.clone();
    for (key, theirs) in [(Device::new(), "BB:02"), (device.clone(), "CC:03")] {
        let call = visit.offered(&mut page).await;
        let wrong = visit.act(visit.answer(&key, None, call, theirs)).await;
        refused(wrong, 401, "proof-wrong").await;
        // The call is over and nobody was connected.
        let word = page.hear().await;
        assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    }
    assert_eq!(visit.bench.events("call-forged"), 2);
    let open = "SELECT count(*) FROM review_item WHERE kind = 'call-forged'";
    assert_eq!(visit.bench.sql(open), "1");

    let call = visit.offered(&mut page).await;
    visit
        .acted(visit.answer(&device, None, call, "BB:02"))
        .await;
    let word = page.hear().await;
    let ToPatient::Answer {
        sdp: answered,
        fingerprint,
        ..
    } = word
    else {
        panic!("{word:?}");
    };
    assert_eq!(answered, sdp("AA:01"));
    assert_eq!(fingerprint, "AA:01");
    visit.acted(Act::Connected).await;
    assert_eq!(visit.bench.events("call-connected"), 1);

    // t2: ending the call leaves the patient in the waiting room; ending the visit does not.
    visit.acted(Act::EndCall).await;
    let word = page.hear().await;
    assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    visit.acted(Act::EndVisit).await;
    assert!(matches!(page.hear().await, ToPatient::Ended));
    let (_, replayed) = Page::join(&visit.bench, &visit.token).await;
    assert_eq!(refusal(&replayed), Some(NotLetIn::Ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_only_who_may_treat_the_patient_leads_a_visit() {
    let mut visit = Visit::begin().await;
    let desk = visit.bench.workstation("reception", "front-desk").await;
    let asked = json!({"appointment": "a1"});
    let none = json!({"appointment": "none"});
    let act = json!({"appointment": "a1", "act": {"type": "admit"}});
    let bench = &visit.bench;
    let first = refused(
        desk.post(bench, path::VISIT_INVITE, &asked).await,
        403,
        "forbidden",
    )
    .await;
    // The same words for what is not there.
    let second = refused(
        visit.clinician.post(bench, path::VISIT_INVITE, &none).await,
        403,
        "forbidden",
    )
    .await;
    assert_eq!(first, second);
    refused(
        desk.post(bench, path::VISIT_ACT, &act).await,
        403,
        "forbidden",
    )
    .await;
    let refusals = "SELECT count(*) FROM audit_event WHERE NOT success AND action IN \
                    ('visit-invited', 'visit-admitted')";
    assert_eq!(bench.sql(refusals), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_what_the_patient_is_shown_is_recorded_first_and_told_to_the_page() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (mut page, _) = Page::join(bench, &visit.token).await;
    // Nobody is shown anything who was not asked in.
    assert_ne!(visit.act(Act::Share).await.status(), StatusCode::NO_CONTENT);
    visit.talks(None, &mut page).await;
    visit.acted(Act::Share).await;
    let on = |word: &ToPatient| match word {
        ToPatient::Sharing { on } => Some(*on),
        _ => None,
    };
    assert_eq!(on(&page.hear().await), Some(true));
    // A connection that is made anew shows the same …
    visit.acted(Act::Again).await;
    assert!(matches!(page.hear().await, ToPatient::Admitted { .. }));
    assert_eq!(on(&page.hear().await), Some(true));
    visit.acted(Act::EndShare).await;
    assert_eq!(on(&page.hear().await), Some(false));
    // … but whoever is asked in by the clinician begins with the clinician's face.
    visit.acted(Act::Share).await;
    page.hear().await;
    visit.acted(Act::Admit).await;
    assert!(matches!(page.hear().await, ToPatient::Admitted { .. }));
    visit.acted(Act::EndCall).await;
    assert!(matches!(page.hear().await, ToPatient::Waiting { .. }));
    let told = "SELECT string_agg(line, ' ' ORDER BY line) FROM (
                  SELECT action || ':' || count(*) AS line FROM audit_event
                  WHERE action LIKE 'screen-%'
                    AND EXISTS (SELECT 1 FROM audit_event_patient AS about
                                WHERE about.event = audit_event.id AND about.patient = 'p1')
                  GROUP BY action) AS lines";
    // The one that came to nothing was tried, and is recorded as well.
    assert_eq!(bench.sql(told), "screen-share-ended:1 screen-shared:3");
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_whatever_happens_in_a_visit_is_recorded_with_its_patient_and_appointment() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (mut page, _) = Page::join(bench, &visit.token).await;
    visit.talks(None, &mut page).await;
    // It breaks off, and the workstation asks for another connection.
    visit.acted(Act::Interrupted).await;
    visit.acted(Act::Again).await;
    let word = page.hear().await;
    assert!(matches!(word, ToPatient::Admitted { .. }), "{word:?}");
    let (_, second) = Page::join(bench, &visit.token).await;
    assert_eq!(refusal(&second), Some(NotLetIn::Occupied));
    visit.acted(Act::EndCall).await;
    page.hear().await;
    page.say(FromPatient::Leave);
    timeout(PATIENCE, async {
        while bench.events("visit-left") == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    visit.acted(Act::EndVisit).await;
    let told = "SELECT string_agg(line, ' ' ORDER BY line) FROM (
                  SELECT action || CASE WHEN success THEN ':' ELSE '!' END || count(*) AS line
                  FROM audit_event WHERE action LIKE 'visit-%' OR action LIKE 'call-%'
                  GROUP BY action, success) AS lines";
    assert_eq!(
        bench.sql(told),
        "call-connected:1 call-ended:1 call-interrupted:1 visit-admitted:2 visit-ended:1 \
         visit-invited:1 visit-joined!1 visit-joined:1 visit-left:1"
    );
    let strangers = "SELECT count(*) FROM audit_event
                     WHERE (action LIKE 'visit-%' OR action LIKE 'call-%')
                       AND NOT EXISTS (SELECT 1 FROM audit_event_patient AS about
                                       WHERE about.event = audit_event.id
                                         AND about.patient = 'p1')";
    assert_eq!(bench.sql(strangers), "0");
}
