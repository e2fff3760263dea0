//! Video visits as the two sides meet the server: links, the waiting room, and whose certificate
//! a call is made with.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use protocol::path;
use protocol::statement::Signed;
use protocol::visit::{
    Act, CallKey, FromPatient, Invitation, NotLetIn, ToPatient, VisitAct, VisitNews, VisitStage,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::{
    Bench, Device, GENERAL_PRACTITIONER, Session, create, granted, patient, refused,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A patient's page.
struct Page(WebSocketStream<reqwest::Upgraded>);

impl Page {
    async fn open(bench: &Bench, origin: &str) -> Result<Self, StatusCode> {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(bench.platform.ca()).unwrap());
        let http = reqwest::Client::builder()
            .tls_certs_only([ca.unwrap()])
            .http1_only()
            .build()
            .unwrap();
        let response = http
            .get(bench.url(path::VISIT_LINE))
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", STANDARD.encode([7; 16]))
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(response.status());
        }
        let line = response.upgrade().await.unwrap();
        Ok(Self(
            WebSocketStream::from_raw_socket(line, Role::Client, None).await,
        ))
    }

    async fn say(&mut self, word: &FromPatient) {
        let text = serde_json::to_string(word).unwrap();
        self.0.send(Message::Text(text.into())).await.unwrap();
    }

    async fn hear(&mut self) -> ToPatient {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap();
            match message.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    async fn join(bench: &Bench, token: &str) -> (Self, ToPatient) {
        let mut page = Self::open(bench, &bench.base).await.unwrap();
        page.say(&FromPatient::Join {
            token: token.to_owned(),
            name: "  Ada   Lee ".to_owned(),
        })
        .await;
        let word = page.hear().await;
        (page, word)
    }

    /// The page that had a seat, by another line.
    async fn come_back(bench: &Bench, token: &str, seat: &str) -> (Self, ToPatient) {
        let mut page = Self::open(bench, &bench.base).await.unwrap();
        page.say(&FromPatient::Return {
            token: token.to_owned(),
            seat: seat.to_owned(),
        })
        .await;
        let word = page.hear().await;
        (page, word)
    }
}

/// A clinician with an appointment, and a link to it.
struct Visit {
    bench: Bench,
    clinician: Session,
    token: String,
}

impl Visit {
    async fn begin() -> Self {
        let mut bench = Bench::start();
        bench.general_practitioner().await;
        let clinician = bench.workstation("ada", "clinician").await;
        let desk = bench.workstation("front", "front-desk").await;
        let start = Timestamp::now();
        let appointment = json!({
            "resourceType": "Appointment", "id": "a1", "status": "booked",
            "start": start, "end": start + SignedDuration::from_mins(30),
            "participant": [
                {"actor": {"reference": "Patient/p1"}, "status": "accepted"},
                {"actor": {"reference": format!("Practitioner/{GENERAL_PRACTITIONER}")},
                 "status": "accepted"},
            ],
        });
        let entries = vec![create(&patient("p1", "Visitor")), create(&appointment)];
        desk.upload(&bench, entries).await;
        let mut visit = Self {
            token: String::new(),
            bench,
            clinician,
        };
        visit.token = visit.invite().await;
        // The database has only its hash.
        let kept = "SELECT count(*) FROM visit_link WHERE token_hash IS NOT NULL";
        assert_eq!(visit.bench.sql(kept), "1");
        visit
    }

    /// Makes a link and gives its secret.
    async fn invite(&self) -> String {
        let asked = json!({"appointment": "a1"});
        let made = self
            .clinician
            .post(&self.bench, path::VISIT_INVITE, &asked)
            .await;
        let made: Invitation = granted(made).await;
        // No log on the way sees what stands behind the mark.
        let (page, token) = made.url.split_once('#').unwrap();
        assert_eq!(page, self.bench.url(path::VISIT_PAGE));
        token.to_owned()
    }

    async fn act(&self, act: Act) -> reqwest::Response {
        let act = VisitAct {
            appointment: "a1".to_owned(),
            act,
        };
        self.clinician
            .post(&self.bench, path::VISIT_ACT, &act)
            .await
    }

    async fn acted(&self, act: Act) {
        let response = self.act(act).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    /// Opens the clinician's stream and gives what comes until something fits.
    async fn news<T>(&self, fits: impl Fn(VisitNews) -> Option<T>) -> T {
        let response = self.clinician.get(&self.bench, path::VISIT_NEWS).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut bytes = response.bytes_stream();
        let mut text = String::new();
        timeout(PATIENCE, async {
            loop {
                text.push_str(std::str::from_utf8(&bytes.next().await.unwrap().unwrap()).unwrap());
                let words: Vec<&str> = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .collect();
                for word in words {
                    let news = serde_json::from_str(word).ok();
                    if let Some(found) = news.and_then(&fits) {
                        return found;
                    }
                }
            }
        })
        .await
        .unwrap()
    }

    fn answer(&self, key: &Device, call: u32, theirs: &str) -> Act {
        let key = Signed::sign(
            &CallKey {
                appointment: "a1".to_owned(),
                call,
                ours: "AA:01".to_owned(),
                theirs: theirs.to_owned(),
            },
            &key.key,
        );
        Act::Answer {
            sdp: sdp("AA:01"),
            key: key.unwrap(),
        }
    }

    /// The patient is asked in and offers a connection.
    async fn offered(&self, page: &mut Page) -> u32 {
        self.acted(Act::Admit).await;
        let ToPatient::Admitted { call, relays } = page.hear().await else {
            panic!("not admitted");
        };
        assert_eq!(relays, []);
        page.say(&FromPatient::Offer {
            call,
            sdp: sdp("BB:02"),
        })
        .await;
        let heard = self
            .news(|news| match news {
                VisitNews::Offer { call, sdp, .. } => Some((call, sdp)),
                VisitNews::Visits { .. } => None,
            })
            .await;
        assert_eq!(heard, (call, sdp("BB:02")));
        call
    }
}

fn sdp(fingerprint: &str) -> String {
    format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\n")
}

fn refusal(word: &ToPatient) -> Option<NotLetIn> {
    match word {
        ToPatient::Refused { reason } => Some(*reason),
        _ => None,
    }
}

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
    page.say(&FromPatient::Leave).await;
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
    let (mut page, word) = Page::join(&visit.bench, &visit.token).await;
    let ToPatient::Waiting { seat, .. } = word else {
        panic!("{word:?}");
    };
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    refused_as("a second browser", &word, NotLetIn::Occupied);
    page.say(&FromPatient::Leave).await;
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
    let (mut page, word) = Page::join(&visit.bench, &visit.token).await;
    assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    page.say(&FromPatient::Leave).await;
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
        let wrong = visit.act(visit.answer(&key, call, theirs)).await;
        refused(wrong, 401, "proof-wrong").await;
        // The call is over and nobody was connected.
        let word = page.hear().await;
        assert!(matches!(word, ToPatient::Waiting { .. }), "{word:?}");
    }
    assert_eq!(visit.bench.events("call-forged"), 2);
    let open = "SELECT count(*) FROM review_item WHERE kind = 'call-forged'";
    assert_eq!(visit.bench.sql(open), "1");

    let call = visit.offered(&mut page).await;
    visit.acted(visit.answer(&device, call, "BB:02")).await;
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
    let device = visit.clinician.device.clone();
    let call = visit.offered(&mut page).await;
    visit.acted(visit.answer(&device, call, "BB:02")).await;
    page.hear().await;
    visit.acted(Act::Connected).await;
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
    let device = visit.clinician.device.clone();
    let call = visit.offered(&mut page).await;
    visit.acted(visit.answer(&device, call, "BB:02")).await;
    page.hear().await;
    visit.acted(Act::Connected).await;
    // It breaks off, and the workstation asks for another connection.
    visit.acted(Act::Interrupted).await;
    visit.acted(Act::Again).await;
    let word = page.hear().await;
    assert!(matches!(word, ToPatient::Admitted { .. }), "{word:?}");
    let (_, second) = Page::join(bench, &visit.token).await;
    assert_eq!(refusal(&second), Some(NotLetIn::Occupied));
    visit.acted(Act::EndCall).await;
    page.hear().await;
    page.say(&FromPatient::Leave).await;
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
