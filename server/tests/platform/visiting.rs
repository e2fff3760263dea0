//! Pages, and a clinician with a visit, for the tests of video visits.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use protocol::path;
use protocol::statement::Signed;
use protocol::visit::{
    Act, CallKey, FromPatient, GuestKind, GuestWish, Invitation, InviteRequest, NotLetIn,
    ToPatient, VisitAct, VisitNews, VisitState,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use uuid::Uuid;

use crate::support::{Bench, Device, GENERAL_PRACTITIONER, Session, create, granted, patient};

/// Other tests may have the machine to themselves for a while.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The page of a patient or a guest. It answers the server's beats whatever the test does, as a
/// browser would, and its line breaks when it is dropped.
pub struct Page {
    says: mpsc::UnboundedSender<FromPatient>,
    hears: mpsc::UnboundedReceiver<ToPatient>,
}

async fn attend(
    mut line: WebSocketStream<reqwest::Upgraded>,
    mut says: mpsc::UnboundedReceiver<FromPatient>,
    hears: mpsc::UnboundedSender<ToPatient>,
) {
    loop {
        tokio::select! {
            word = says.recv() => {
                let Some(word) = word else { return };
                let text = serde_json::to_string(&word).unwrap();
                line.send(Message::Text(text.into())).await.unwrap();
            }
            message = line.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let _ = hears.send(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            }
        }
    }
}

impl Page {
    pub async fn open(bench: &Bench, origin: &str) -> Result<Self, StatusCode> {
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
        let line = WebSocketStream::from_raw_socket(line, Role::Client, None).await;
        let (says, said) = mpsc::unbounded_channel();
        let (heard, hears) = mpsc::unbounded_channel();
        tokio::spawn(attend(line, said, heard));
        Ok(Self { says, hears })
    }

    pub fn say(&self, word: FromPatient) {
        self.says.send(word).unwrap();
    }

    /// What the page hears next, but for who else is there.
    pub async fn hear(&mut self) -> ToPatient {
        loop {
            let word = self.word().await;
            if !matches!(word, ToPatient::Company { .. }) {
                return word;
            }
        }
    }

    /// Who else is there, as the page hears it next; it may hear nothing else before.
    pub async fn company(&mut self) -> Vec<(Option<GuestKind>, Option<String>)> {
        let ToPatient::Company { others } = self.word().await else {
            panic!("something else than company");
        };
        let mut others: Vec<_> = others
            .into_iter()
            .map(|other| (other.kind, other.name))
            .collect();
        others.sort_by_key(|(kind, _)| kind.map(GuestKind::code));
        others
    }

    /// What the page hears next.
    pub async fn word(&mut self) -> ToPatient {
        timeout(PATIENCE, self.hears.recv()).await.unwrap().unwrap()
    }

    pub async fn join(bench: &Bench, token: &str) -> (Self, ToPatient) {
        Self::join_as(bench, token, "  Ada   Lee ").await
    }

    pub async fn join_as(bench: &Bench, token: &str, name: &str) -> (Self, ToPatient) {
        let mut page = Self::open(bench, &bench.base).await.unwrap();
        page.say(FromPatient::Join {
            token: token.to_owned(),
            name: name.to_owned(),
        });
        let word = page.hear().await;
        (page, word)
    }

    /// The page that had a seat, by another line.
    pub async fn come_back(bench: &Bench, token: &str, seat: &str) -> (Self, ToPatient) {
        let mut page = Self::open(bench, &bench.base).await.unwrap();
        page.say(FromPatient::Return {
            token: token.to_owned(),
            seat: seat.to_owned(),
        });
        let word = page.hear().await;
        (page, word)
    }
}

/// A clinician with an appointment, and a link to it.
pub struct Visit {
    pub bench: Bench,
    pub clinician: Session,
    /// The secret of the patient's link.
    pub token: String,
}

impl Visit {
    pub async fn begin() -> Self {
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
    pub async fn invite(&self) -> String {
        let asked = json!({"appointment": "a1"});
        let made = self
            .clinician
            .post(&self.bench, path::VISIT_INVITE, &asked)
            .await;
        let made: Invitation = granted(made).await;
        assert_eq!(made.guest, None);
        self.token_of(&made)
    }

    /// The secret in a link.
    fn token_of(&self, made: &Invitation) -> String {
        // No log on the way sees what stands behind the mark.
        let (page, token) = made.url.split_once('#').unwrap();
        assert_eq!(page, self.bench.url(path::VISIT_PAGE));
        token.to_owned()
    }

    /// Asks for a guest's link, as somebody.
    pub async fn ask_guest(
        &self,
        session: &Session,
        kind: GuestKind,
        agreed: bool,
    ) -> reqwest::Response {
        let asked = InviteRequest {
            appointment: "a1".to_owned(),
            guest: Some(GuestWish { kind, agreed }),
        };
        session.post(&self.bench, path::VISIT_INVITE, &asked).await
    }

    /// Makes a guest's link and gives the guest's name and its secret.
    pub async fn invite_guest(&self, kind: GuestKind) -> (Uuid, String) {
        let made = self.ask_guest(&self.clinician, kind, true).await;
        let made: Invitation = granted(made).await;
        (made.guest.unwrap(), self.token_of(&made))
    }

    pub async fn act(&self, act: Act) -> reqwest::Response {
        self.act_on(None, act).await
    }

    pub async fn act_on(&self, guest: Option<Uuid>, act: Act) -> reqwest::Response {
        let act = VisitAct {
            appointment: "a1".to_owned(),
            guest,
            act,
        };
        self.clinician
            .post(&self.bench, path::VISIT_ACT, &act)
            .await
    }

    pub async fn acted(&self, act: Act) {
        self.acted_on(None, act).await;
    }

    pub async fn acted_on(&self, guest: Option<Uuid>, act: Act) {
        let response = self.act_on(guest, act).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    /// How the visit stands, as soon as it stands as is looked for.
    pub async fn state(&self, fits: impl Fn(&VisitState) -> bool) -> VisitState {
        self.news(|news| match news {
            VisitNews::Visits { visits } => visits.into_iter().find(&fits),
            VisitNews::Offer { .. } => None,
        })
        .await
    }

    /// Opens the clinician's stream and gives what comes until something fits.
    pub async fn news<T>(&self, fits: impl Fn(VisitNews) -> Option<T>) -> T {
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

    /// An answer with a key that says it is for `guest`'s call.
    pub fn answer(&self, key: &Device, guest: Option<Uuid>, call: u32, theirs: &str) -> Act {
        let key = Signed::sign(
            &CallKey {
                appointment: "a1".to_owned(),
                guest,
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
    pub async fn offered(&self, page: &mut Page) -> u32 {
        self.offered_by(None, page).await
    }

    /// Somebody is asked in and offers a connection.
    pub async fn offered_by(&self, whose: Option<Uuid>, page: &mut Page) -> u32 {
        self.acted_on(whose, Act::Admit).await;
        let word = page.hear().await;
        let ToPatient::Admitted { call, relays } = word else {
            panic!("not admitted: {word:?}");
        };
        assert_eq!(relays, []);
        page.say(FromPatient::Offer {
            call,
            sdp: sdp("BB:02"),
        });
        let heard = self
            .news(|news| match news {
                VisitNews::Offer {
                    guest, call, sdp, ..
                } if guest == whose => Some((call, sdp)),
                _ => None,
            })
            .await;
        assert_eq!(heard, (call, sdp("BB:02")));
        call
    }

    /// Somebody is asked in and talks.
    pub async fn talks(&self, whose: Option<Uuid>, page: &mut Page) {
        let call = self.offered_by(whose, page).await;
        let device = self.clinician.device.clone();
        let answer = self.answer(&device, whose, call, "BB:02");
        self.acted_on(whose, answer).await;
        let word = page.hear().await;
        assert!(matches!(word, ToPatient::Answer { .. }), "{word:?}");
        self.acted_on(whose, Act::Connected).await;
    }
}

pub fn sdp(fingerprint: &str) -> String {
    format!("v=0\r\na=fingerprint:sha-256 {fingerprint}\r\n")
}

pub fn refusal(word: &ToPatient) -> Option<NotLetIn> {
    match word {
        ToPatient::Refused { reason } => Some(*reason),
        _ => None,
    }
}
