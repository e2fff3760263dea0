//! Access that a user took off line counts on the server once its event arrives.

use jiff::{SignedDuration, Timestamp};
use ledger::chain::{self, Head};
use ledger::event::{Actor, Client, Observer, Purpose};
use ledger::{AccessEvent, Action};
use protocol::path;
use protocol::upload::Fate;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Bench, Session, condition, create, own_patient, patient};

#[tokio::test(flavor = "multi_thread")]
async fn p3_access_taken_off_line_counts_from_the_moment_of_its_event() {
    let mut bench = Bench::start();
    bench.general_practitioner().await;
    let session = bench.workstation("off-liner", "clinician").await;
    assert_eq!(session.grant.policy.emergency_quota, 3);
    let desk = bench.workstation("registrar", "front-desk").await;
    let names = ["now", "long-ago", "ahead", "reasoned"];
    let people = names.map(|name| create(&patient(name, "Stranger")));
    desk.upload(&bench, people.to_vec()).await;
    let fate = async |bench: &Bench, patient: &str| {
        let entry = create(&condition(&Uuid::new_v4().to_string(), patient));
        let reply = session.upload(bench, vec![entry]).await;
        match reply.fates.into_iter().next().unwrap().fate {
            Fate::Accepted { .. } => "accepted".to_owned(),
            Fate::Refused { code, outcome } => {
                assert_eq!(outcome["resourceType"], "OperationOutcome");
                code
            }
            Fate::Conflict { .. } => "conflict".to_owned(),
        }
    };
    for name in names {
        assert_eq!(fate(&bench, name).await, "needs-justification", "{name}");
    }
    let hours = SignedDuration::from_hours;
    let now = Timestamp::now();
    let events = [
        event(&session, Action::EmergencyAccess, "now", now),
        event(
            &session,
            Action::EmergencyAccess,
            "long-ago",
            now - hours(3),
        ),
        event(&session, Action::EmergencyAccess, "ahead", now + hours(100)),
        event(
            &session,
            Action::AccessJustified,
            "reasoned",
            now - hours(20),
        ),
    ];
    let mut head = Head::genesis(session.device.id);
    let links = events.map(|event| {
        let link = chain::append(&head, event.to_fhir(), &session.device.key).unwrap();
        head = link.head();
        link
    });
    // Sent twice, as after a lost reply.
    for _ in 0..2 {
        let sent = session
            .post(&bench, path::AUDIT, &json!({ "links": links }))
            .await;
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }
    assert_eq!(bench.sql("SELECT count(*) FROM access_grant"), "4");
    for (name, expected) in [
        ("now", "accepted"),
        ("long-ago", "needs-justification"),
        ("ahead", "accepted"),
        ("reasoned", "accepted"),
    ] {
        assert_eq!(fate(&bench, name).await, expected, "{name}");
    }
    // A clock that runs ahead stretches nothing.
    let stretched = "SELECT count(*) FROM access_grant WHERE kind = 'emergency' \
                     AND until_at > now() + interval '121 minutes'";
    assert_eq!(bench.sql(stretched), "0");
    let reviews = "SELECT count(*) FROM review_item WHERE kind = 'emergency'";
    assert_eq!(bench.sql(reviews), "3");

    // What is another's looks, to an upload, like what is not there.
    let other = bench.workstation("other", "nurse").await;
    desk.upload(&bench, vec![create(&own_patient("own", "Own"))])
        .await;
    let stale = |id: &str| {
        let mut entry = create(&condition(id, "own"));
        entry.bundle["entry"][0]["request"] =
            json!({"method": "PUT", "url": format!("Condition/{id}"), "ifMatch": "W/\"1\""});
        entry
    };
    let hidden = bench.sql("SELECT id FROM resource WHERE resource_type = 'Condition' LIMIT 1");
    let mut replies = Vec::new();
    for id in [hidden.as_str(), "nowhere"] {
        let reply = other.upload(&bench, vec![stale(id)]).await;
        let mut fate = serde_json::to_value(&reply.fates[0].fate).unwrap();
        // The moment of the answer, whatever is asked for.
        let told = fate["conflict"]["current"][0]["last_updated"].take();
        let told: Timestamp = told.as_str().unwrap().parse().unwrap();
        assert!(told >= now, "{told}");
        replies.push(fate.to_string().replace(id, "ID"));
    }
    assert_eq!(replies[0], replies[1]);
}

fn event(session: &Session, action: Action, patient: &str, recorded: Timestamp) -> AccessEvent {
    let client = Client {
        device: Some(session.device.id),
        name: "Rounds".to_owned(),
        address: None,
    };
    let observer = Observer::Workstation(session.device.id);
    AccessEvent::new(Uuid::new_v4(), recorded, action, client, observer)
        .by(Actor {
            id: session.grant.user.id,
            name: session.grant.user.display_name.clone(),
            role: session.grant.user.role.as_str().to_owned(),
        })
        .serving(Purpose::Emergency)
        .about(patient)
        .justified_by("Found unconscious")
}
