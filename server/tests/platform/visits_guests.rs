//! Guests of video visits as the sides meet the server: a link of their own, a place of their own,
//! and never a call without the patient.

use std::time::Duration;

use protocol::path;
use protocol::report::ReportPage;
use protocol::visit::{Act, FromPatient, GuestKind, NotLetIn, ToPatient, VisitStage};
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{Session, granted, refused};
use crate::visiting::{PATIENCE, Page, Visit, refusal, sdp};

/// The seat of a page that was let into the waiting room as a guest's.
fn guest_waits(word: &ToPatient) -> &str {
    match word {
        ToPatient::Waiting {
            seat,
            before: 0,
            guest: true,
            ..
        } => seat,
        other => panic!("{other:?}"),
    }
}

fn patient_waits(word: &ToPatient) {
    let waits = matches!(word, ToPatient::Waiting { guest: false, .. });
    assert!(waits, "{word:?}");
}

impl Visit {
    async fn refused_on(&self, guest: Option<Uuid>, act: Act) -> String {
        let problem = refused(self.act_on(guest, act).await, 400, "malformed").await;
        problem.detail.unwrap()
    }

    /// Events of visits with an outcome and what they say, as the auditor reads them.
    async fn told(&self, auditor: &Session) -> Vec<(String, bool, String)> {
        let path = format!("{}?patient=p1&ascending=true&limit=500", path::REPORT);
        let page: ReportPage = granted(auditor.get(&self.bench, &path).await).await;
        assert!(page.next.is_none());
        page.rows
            .into_iter()
            .map(|row| (row.action, row.success, row.explanation.unwrap_or_default()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_guest_waits_and_is_in_the_call_only_with_the_patient() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (guest, token) = visit.invite_guest(GuestKind::Interpreter).await;
    // The database has the kind, and nothing else of a guest.
    let kept = "SELECT count(*) || ' ' || min(guest_kind) || ' ' || bool_and(expires_at = (
                  SELECT expires_at FROM visit_link WHERE guest IS NULL))
                FROM visit_link WHERE guest IS NOT NULL";
    assert_eq!(bench.sql(kept), "1 interpreter true");
    let (mut interpreter, word) = Page::join_as(bench, &token, " Ines  Costa ").await;
    guest_waits(&word);
    let (_, second) = Page::join(bench, &token).await;
    assert_eq!(refusal(&second), Some(NotLetIn::Occupied));
    let state = visit
        .state(|state| state.guests.iter().any(|g| g.said.is_some()))
        .await;
    assert_eq!(
        (state.stage, state.since, state.said),
        (VisitStage::Invited, None, None)
    );
    let [there] = &state.guests[..] else {
        panic!("{:?}", state.guests);
    };
    assert_eq!((there.guest, there.kind), (guest, GuestKind::Interpreter));
    assert_eq!(there.stage, VisitStage::Waiting);
    assert_eq!(there.said.as_deref(), Some("Ines Costa"));
    assert!(there.since.is_some());

    // Not while the patient is away, nor while the patient waits.
    let first = "the patient is not in the call yet";
    assert_eq!(visit.refused_on(Some(guest), Act::Admit).await, first);
    let (mut patient, word) = Page::join(bench, &visit.token).await;
    patient_waits(&word);
    assert_eq!(visit.refused_on(Some(guest), Act::Admit).await, first);
    let device = visit.clinician.device.clone();
    let call = visit.offered(&mut patient).await;
    assert_eq!(patient.company().await, []);
    visit
        .acted(visit.answer(&device, None, call, "BB:02"))
        .await;
    assert!(matches!(patient.word().await, ToPatient::Answer { .. }));

    // Asked in: each is told of the other, and the guest of no patient's name.
    let ines = (Some(GuestKind::Interpreter), Some("Ines Costa".to_owned()));
    let call = visit.offered_by(Some(guest), &mut interpreter).await;
    assert_eq!(patient.company().await, std::slice::from_ref(&ines));
    assert_eq!(interpreter.company().await, [(None, None)]);
    let answer = visit.answer(&device, Some(guest), call, "BB:02");
    visit.acted_on(Some(guest), answer).await;
    let word = interpreter.word().await;
    let ToPatient::Answer { fingerprint, .. } = word else {
        panic!("{word:?}");
    };
    assert_eq!(fingerprint, "AA:01");
    visit.acted_on(Some(guest), Act::Connected).await;
    let talks = |state: &protocol::visit::VisitState| {
        state.guests.iter().any(|g| g.stage == VisitStage::Talking)
    };
    assert_eq!(visit.state(talks).await.stage, VisitStage::Connecting);

    // A connection that is made anew tells it anew, and nobody else.
    visit.acted_on(Some(guest), Act::Interrupted).await;
    visit.acted_on(Some(guest), Act::Again).await;
    assert!(matches!(
        interpreter.word().await,
        ToPatient::Admitted { .. }
    ));
    assert_eq!(interpreter.company().await, [(None, None)]);

    // Another one, of whom all are told; and all when one is put into the waiting room.
    let (sister, token) = visit.invite_guest(GuestKind::Family).await;
    let (mut family, word) = Page::join_as(bench, &token, "Grace").await;
    guest_waits(&word);
    visit.acted_on(Some(sister), Act::Admit).await;
    let grace = (Some(GuestKind::Family), Some("Grace".to_owned()));
    assert_eq!(patient.company().await, [grace.clone(), ines.clone()]);
    assert_eq!(interpreter.company().await, [(None, None), grace.clone()]);
    assert!(matches!(family.word().await, ToPatient::Admitted { .. }));
    assert_eq!(family.company().await, [(None, None), ines.clone()]);
    visit.acted_on(Some(sister), Act::EndCall).await;
    guest_waits(&family.word().await);
    assert_eq!(patient.company().await, std::slice::from_ref(&ines));
    assert_eq!(interpreter.company().await, [(None, None)]);

    // The guest leaves.
    interpreter.say(FromPatient::Leave);
    assert_eq!(patient.company().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_when_the_patient_s_call_is_over_the_guests_are_in_the_waiting_room() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (guest, token) = visit.invite_guest(GuestKind::Carer).await;
    let (mut carer, word) = Page::join(bench, &token).await;
    let seat = guest_waits(&word).to_owned();
    let (mut patient, _) = Page::join(bench, &visit.token).await;
    visit.talks(None, &mut patient).await;
    visit.talks(Some(guest), &mut carer).await;
    visit.acted(Act::EndCall).await;
    patient_waits(&patient.hear().await);
    guest_waits(&carer.hear().await);
    let waits = |state: &protocol::visit::VisitState| {
        state.stage == VisitStage::Waiting && state.guests[0].stage == VisitStage::Waiting
    };
    visit.state(waits).await;

    // A guest who comes back to a call that is over is not in one; one that goes on is taken up.
    drop(carer);
    let (mut carer, word) = Page::come_back(bench, &token, &seat).await;
    guest_waits(&word);
    visit.talks(None, &mut patient).await;
    visit.talks(Some(guest), &mut carer).await;
    drop(carer);
    let (mut carer, word) = Page::come_back(bench, &token, &seat).await;
    guest_waits(&word);
    assert!(matches!(carer.hear().await, ToPatient::Admitted { .. }));

    patient.say(FromPatient::Leave);
    guest_waits(&carer.hear().await);
    let gone = |state: &protocol::visit::VisitState| state.stage == VisitStage::Invited;
    let state = visit.state(gone).await;
    assert_eq!(state.guests[0].stage, VisitStage::Waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_when_another_browser_takes_the_patient_s_seat_guests_are_told_that_they_wait() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (guest, token) = visit.invite_guest(GuestKind::Family).await;
    let (mut family, _) = Page::join(bench, &token).await;
    let (mut patient, _) = Page::join(bench, &visit.token).await;
    visit.talks(None, &mut patient).await;
    visit.talks(Some(guest), &mut family).await;
    drop(patient);
    // The seat is kept for a while, and the guest waits for the patient in the call.
    let (_patient, word) = timeout(PATIENCE, async {
        loop {
            let (page, word) = Page::join(bench, &visit.token).await;
            if refusal(&word) != Some(NotLetIn::Occupied) {
                return (page, word);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await
    .unwrap();
    patient_waits(&word);
    guest_waits(&family.hear().await);
    let state = visit.state(|_| true).await;
    assert_eq!(state.stage, VisitStage::Waiting);
    assert_eq!(state.guests[0].stage, VisitStage::Waiting);
}

#[tokio::test(flavor = "multi_thread")]
async fn t3_a_key_of_the_patient_s_call_makes_no_guest_s_call_nor_the_other_way_round() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (guest, token) = visit.invite_guest(GuestKind::Family).await;
    let (mut family, _) = Page::join(bench, &token).await;
    let (mut patient, _) = Page::join(bench, &visit.token).await;
    let device = visit.clinician.device.clone();

    // Both offer the same, in a call of the same number: the keys differ by whose call it is.
    let first = visit.offered(&mut patient).await;
    let second = visit.offered_by(Some(guest), &mut family).await;
    assert_eq!(first, second);
    let patients = visit.answer(&device, None, second, "BB:02");
    let wrong = visit.act_on(Some(guest), patients).await;
    refused(wrong, 401, "proof-wrong").await;
    guest_waits(&family.hear().await);
    assert_eq!(bench.events("call-forged"), 1);
    let alert = "SELECT count(*) FROM review_item WHERE kind = 'call-forged'";
    assert_eq!(bench.sql(alert), "1");
    // The patient's call was not touched, and the right key is taken.
    let right = visit.answer(&device, None, first, "BB:02");
    visit.acted(right).await;
    let word = patient.hear().await;
    let ToPatient::Answer { sdp: answered, .. } = word else {
        panic!("{word:?}");
    };
    assert_eq!(answered, sdp("AA:01"));
    visit.talks(Some(guest), &mut family).await;

    // The other way round the patient's call ends, and with it the guest's.
    let call = visit.offered(&mut patient).await;
    let guests = visit.answer(&device, Some(guest), call, "BB:02");
    refused(visit.act(guests).await, 401, "proof-wrong").await;
    patient_waits(&patient.hear().await);
    guest_waits(&family.hear().await);
    assert_eq!(bench.events("call-forged"), 2);

    // Nor does another guest's key fit.
    visit.talks(None, &mut patient).await;
    let call = visit.offered_by(Some(guest), &mut family).await;
    let others = visit.answer(&device, Some(Uuid::now_v7()), call, "BB:02");
    refused(visit.act_on(Some(guest), others).await, 401, "proof-wrong").await;
    guest_waits(&family.hear().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_one_guest_s_part_ends_without_the_others_and_the_visit_ends_for_all() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (first, first_token) = visit.invite_guest(GuestKind::Interpreter).await;
    let (second, second_token) = visit.invite_guest(GuestKind::Interpreter).await;
    let (third, third_token) = visit.invite_guest(GuestKind::Other).await;
    // As they were invited; a fourth is too many.
    let named = |state: &protocol::visit::VisitState| {
        let guests = state.guests.iter().map(|guest| guest.guest);
        guests.collect::<Vec<_>>()
    };
    let state = visit.state(|_| true).await;
    assert_eq!(named(&state), [first, second, third]);
    let full = visit
        .ask_guest(&visit.clinician, GuestKind::Family, true)
        .await;
    let full = refused(full, 400, "malformed").await.detail.unwrap();
    assert_eq!(full, "there are as many guests as a visit can have");

    let (mut patient, _) = Page::join(bench, &visit.token).await;
    visit.talks(None, &mut patient).await;
    let (mut leaver, _) = Page::join(bench, &first_token).await;
    let (mut stayer, _) = Page::join(bench, &second_token).await;
    visit.talks(Some(first), &mut leaver).await;
    visit.talks(Some(second), &mut stayer).await;
    visit.acted_on(Some(first), Act::EndVisit).await;
    assert!(matches!(leaver.hear().await, ToPatient::Ended));
    let (_, word) = Page::join(bench, &first_token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Ended));
    let state = visit.state(|_| true).await;
    assert_eq!(state.stage, VisitStage::Talking);
    assert_eq!(named(&state), [second, third]);
    assert_eq!(state.guests[0].stage, VisitStage::Talking);
    let ended =
        "SELECT string_agg(coalesce(guest_kind, 'patient') || ' ' || (ended_at IS NOT NULL),
                                   ', ' ORDER BY guest) FROM visit_link";
    assert_eq!(
        bench.sql(ended),
        "interpreter true, interpreter false, other false, patient false"
    );
    let gone = visit.refused_on(Some(first), Act::EndVisit).await;
    assert_eq!(gone, "There is no such guest, or no more.");

    // There is room for another one. The patient's link is one thing and guests' are others.
    let (fourth, fourth_token) = visit.invite_guest(GuestKind::Family).await;
    visit.acted(Act::Withdraw).await;
    let (mut late, word) = Page::join(bench, &fourth_token).await;
    guest_waits(&word);
    let again = visit.invite().await;
    let state = visit.state(|_| true).await;
    assert_eq!(named(&state), [second, third, fourth]);
    assert_eq!(state.stage, VisitStage::Talking);

    // These are done for the whole visit alone.
    for act in [Act::Share, Act::EndShare, Act::Withdraw] {
        visit.refused_on(Some(second), act).await;
    }
    assert_eq!(bench.events("visit-withdrawn"), 1);
    assert_eq!(bench.events("screen-shared"), 0);

    visit.acted(Act::EndVisit).await;
    for page in [&mut patient, &mut stayer, &mut late] {
        assert!(matches!(page.hear().await, ToPatient::Ended));
    }
    let tokens = [&again, &second_token, &third_token, &fourth_token];
    for token in tokens {
        let (_, word) = Page::join(bench, token).await;
        assert_eq!(refusal(&word), Some(NotLetIn::Ended));
    }
    let over = visit
        .ask_guest(&visit.clinician, GuestKind::Family, true)
        .await;
    let over = refused(over, 400, "malformed").await.detail.unwrap();
    assert_eq!(over, "the visit has ended");

    // With a new link the visit begins anew, without the guests of before.
    let new = visit.invite().await;
    let state = visit
        .state(|state| state.stage == VisitStage::Invited)
        .await;
    assert_eq!(state.guests, []);
    let (_, word) = Page::join(bench, &third_token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Ended));
    let (_, word) = Page::join(bench, &new).await;
    patient_waits(&word);
    visit.invite_guest(GuestKind::Family).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_guests_links_are_remembered_when_the_server_starts_again() {
    let mut visit = Visit::begin().await;
    let (guest, token) = visit.invite_guest(GuestKind::Interpreter).await;
    let (other, other_token) = visit.invite_guest(GuestKind::Family).await;
    let (dismissed, dismissed_token) = visit.invite_guest(GuestKind::Other).await;
    visit.acted_on(Some(dismissed), Act::EndVisit).await;
    let (_page, word) = Page::join(&visit.bench, &token).await;
    let seat = guest_waits(&word).to_owned();
    let restart = |visit: &mut Visit| {
        visit.bench.platform.kill_server();
        visit.bench.platform.start_server().unwrap();
    };

    // The first that comes is a page …
    restart(&mut visit);
    let (_, word) = Page::come_back(&visit.bench, &token, &seat).await;
    assert_eq!(refusal(&word), Some(NotLetIn::JoinAgain));
    let (mut page, word) = Page::join(&visit.bench, &token).await;
    guest_waits(&word);
    let (_, word) = Page::join(&visit.bench, &dismissed_token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Ended));
    let (mut patient, word) = Page::join(&visit.bench, &visit.token).await;
    patient_waits(&word);
    visit.talks(None, &mut patient).await;
    visit.talks(Some(guest), &mut page).await;

    // … or an act …
    restart(&mut visit);
    visit.acted_on(Some(other), Act::EndVisit).await;
    let (_, word) = Page::join(&visit.bench, &other_token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Ended));

    // … or whoever looks at the visits …
    restart(&mut visit);
    let state = visit.state(|_| true).await;
    let [there] = &state.guests[..] else {
        panic!("{:?}", state.guests);
    };
    assert_eq!((there.guest, there.kind), (guest, GuestKind::Interpreter));
    assert_eq!(there.stage, VisitStage::Invited);
    assert_eq!(there.said, None);

    // … or a new link for the patient, though the one before was taken back.
    visit.acted(Act::Withdraw).await;
    restart(&mut visit);
    let new = visit.invite().await;
    let (_, word) = Page::join(&visit.bench, &visit.token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Unknown));
    let (_page, word) = Page::join(&visit.bench, &token).await;
    guest_waits(&word);
    let (_page, word) = Page::join(&visit.bench, &new).await;
    patient_waits(&word);

    // A visit that ended stays so.
    visit.acted(Act::EndVisit).await;
    restart(&mut visit);
    let over = visit
        .ask_guest(&visit.clinician, GuestKind::Family, true)
        .await;
    let over = refused(over, 400, "malformed").await.detail.unwrap();
    assert_eq!(over, "the visit has ended");
    let (_, word) = Page::join(&visit.bench, &token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_only_who_leads_the_visit_invites_admits_and_dismisses_guests() {
    let mut visit = Visit::begin().await;
    let desk = visit.bench.workstation("reception", "front-desk").await;
    let bench = &visit.bench;
    let (guest, token) = visit.invite_guest(GuestKind::Family).await;
    let (mut family, _) = Page::join(bench, &token).await;
    let (mut patient, _) = Page::join(bench, &visit.token).await;
    visit.talks(None, &mut patient).await;

    let asked = visit.ask_guest(&desk, GuestKind::Family, true).await;
    let first = refused(asked, 403, "forbidden").await;
    // The same words for what is not there.
    let none = json!({"appointment": "none", "guest": {"kind": "family", "agreed": true}});
    let second = visit.clinician.post(bench, path::VISIT_INVITE, &none).await;
    assert_eq!(first, refused(second, 403, "forbidden").await);
    let mut words = Vec::new();
    for (name, act) in [
        (guest, "admit"),
        (guest, "end-call"),
        (guest, "end-visit"),
        (Uuid::now_v7(), "end-visit"),
    ] {
        let act = json!({"appointment": "a1", "guest": name, "act": {"type": act}});
        let response = desk.post(bench, path::VISIT_ACT, &act).await;
        words.push(refused(response, 403, "forbidden").await);
    }
    assert!(words.iter().all(|word| *word == words[0]));
    let refusals = "SELECT string_agg(action, ' ' ORDER BY recorded_at) FROM audit_event
                    WHERE NOT success AND (action LIKE 'guest-%' OR action = 'call-ended')";
    assert_eq!(
        bench.sql(refusals),
        "guest-invited guest-invited guest-admitted call-ended guest-dismissed guest-dismissed"
    );
    // Nothing of it was done.
    visit.talks(Some(guest), &mut family).await;
    let state = visit.state(|_| true).await;
    assert_eq!(state.guests.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_the_ledger_has_what_happened_to_guests_with_their_kind() {
    let mut visit = Visit::begin().await;
    let auditor = visit.bench.workstation("zoe", "auditor").await;
    let clinician = &visit.clinician;
    let not_agreed = visit.ask_guest(clinician, GuestKind::Family, false).await;
    let detail = refused(not_agreed, 400, "malformed").await.detail;
    assert_eq!(
        detail.as_deref(),
        Some("A guest is invited only if the patient agrees.")
    );
    let rows = "SELECT count(*) FROM visit_link WHERE guest IS NOT NULL";
    assert_eq!(visit.bench.sql(rows), "0");
    let (guest, token) = visit.invite_guest(GuestKind::Interpreter).await;
    let (mut page, _) = Page::join_as(&visit.bench, &token, "Ines Costa").await;
    let (_, word) = Page::join(&visit.bench, &token).await;
    assert_eq!(refusal(&word), Some(NotLetIn::Occupied));
    let (mut patient, _) = Page::join(&visit.bench, &visit.token).await;
    visit.talks(None, &mut patient).await;
    visit.talks(Some(guest), &mut page).await;
    visit.acted_on(Some(guest), Act::Interrupted).await;
    visit.acted_on(Some(guest), Act::EndCall).await;
    page.hear().await;
    page.say(FromPatient::Leave);
    // Told once the leaving is recorded.
    visit
        .state(|state| state.guests[0].stage == VisitStage::Invited)
        .await;
    visit.acted_on(Some(guest), Act::EndVisit).await;
    for kind in [GuestKind::Family, GuestKind::Carer, GuestKind::Other] {
        visit.invite_guest(kind).await;
    }
    let full = visit
        .ask_guest(&visit.clinician, GuestKind::Other, true)
        .await;
    assert_eq!(full.status(), StatusCode::BAD_REQUEST);

    let told = visit.told(&auditor).await;
    let of_guests: Vec<String> = told
        .iter()
        .filter(|(_, _, words)| words.contains("guest (interpreter)"))
        .map(|(action, done, _)| format!("{action}{}", if *done { "" } else { "!" }))
        .collect();
    assert_eq!(
        of_guests,
        [
            "guest-invited",
            "visit-joined",
            "visit-joined!",
            "guest-admitted",
            "call-connected",
            "call-interrupted",
            "call-ended",
            "visit-left",
            "guest-dismissed",
        ]
    );
    let invited: Vec<(bool, &str)> = told
        .iter()
        .filter(|(action, _, _)| action == "guest-invited")
        .map(|(_, done, words)| (*done, words.as_str()))
        .collect();
    let agrees = "The clinician says that the patient agrees";
    for (index, (done, kind, agreed)) in [
        (false, "family", false),
        (true, "interpreter", true),
        (true, "family", true),
        (true, "carer", true),
        (true, "other", true),
        (false, "other", false),
    ]
    .into_iter()
    .enumerate()
    {
        let (was_done, words) = invited[index];
        assert_eq!(was_done, done, "{words}");
        assert!(words.contains(&format!("guest ({kind})")), "{words}");
        assert_eq!(words.contains(agrees), agreed, "{words}");
    }
    assert_eq!(invited.len(), 6);
    // Why it was granted is kept, as for the patient's link.
    let why = told.iter().find(|(action, _, _)| action == "visit-invited");
    let why = &why.unwrap().2;
    assert!(
        !why.is_empty() && invited[1].1.starts_with(why.as_str()),
        "{why}"
    );
    // Nobody's name is in it.
    assert!(told.iter().all(|(_, _, words)| !words.contains("Ines")));
}

#[tokio::test(flavor = "multi_thread")]
async fn t4_what_is_shown_is_told_to_guests_in_the_call() {
    let visit = Visit::begin().await;
    let bench = &visit.bench;
    let (first, first_token) = visit.invite_guest(GuestKind::Carer).await;
    let (second, second_token) = visit.invite_guest(GuestKind::Family).await;
    let (mut patient, _) = Page::join(bench, &visit.token).await;
    let (mut early, _) = Page::join(bench, &first_token).await;
    let (mut late, _) = Page::join(bench, &second_token).await;
    visit.talks(None, &mut patient).await;
    visit.talks(Some(first), &mut early).await;
    visit.acted(Act::Share).await;
    let on = |word: ToPatient| match word {
        ToPatient::Sharing { on } => on,
        other => panic!("{other:?}"),
    };
    assert!(on(patient.hear().await));
    assert!(on(early.hear().await));
    // Who comes later is told with the call, and those who are there hear nothing new.
    visit.acted_on(Some(second), Act::Admit).await;
    assert!(matches!(late.hear().await, ToPatient::Admitted { .. }));
    assert!(on(late.hear().await));
    visit.acted(Act::EndShare).await;
    for page in [&mut patient, &mut early, &mut late] {
        assert!(!on(page.hear().await));
    }
    // A patient who is asked in anew begins with the clinician's face, and so does everybody.
    visit.acted(Act::Share).await;
    for page in [&mut patient, &mut early, &mut late] {
        assert!(on(page.hear().await));
    }
    visit.acted(Act::Admit).await;
    assert!(matches!(patient.hear().await, ToPatient::Admitted { .. }));
    for page in [&mut early, &mut late] {
        assert!(!on(page.hear().await));
    }
}
