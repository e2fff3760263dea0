//! Sessions are remembered, and end as if they were not.

use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::sign_in::Role;
use serde_json::json;

use crate::clinic::{Clinic, id, patient};

/// Everything that takes a session away, done behind the server's back: by another server, an
/// operator's command, or by hand.
#[tokio::test]
async fn p5_a_remembered_session_ends_with_what_it_rests_on() {
    let clinic = Clinic::open().await;
    let path = {
        let first = clinic.client().await;
        format!("/Patient/{}", id(&first.create(patient("Kept")).await))
    };
    for ending in [
        "UPDATE session SET ended_at = now(), ended_by = 'operator' WHERE account = '{}'",
        "UPDATE session SET expires_at = now() - interval '1 second' WHERE account = '{}'",
        "DELETE FROM session WHERE account = '{}'",
        "UPDATE account SET disabled_at = now() WHERE id = '{}'",
    ] {
        let client = clinic.client().await;
        for _ in 0..2 {
            assert_eq!(client.get(&path).await.status, StatusCode::OK);
        }
        clinic.sql(&ending.replace("{}", &client.account().to_string()));
        client.get(&path).await.refused(StatusCode::UNAUTHORIZED);
        // Nor is it there for what is no reading of one record.
        client
            .get("/Patient")
            .await
            .refused(StatusCode::UNAUTHORIZED);
    }
    // By itself, at its time.
    let client = clinic.client().await;
    assert_eq!(client.get(&path).await.status, StatusCode::OK);
    clinic.clock.pass(SignedDuration::from_hours(1_001));
    client.get(&path).await.refused(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn p1_a_remembered_session_has_the_role_and_the_names_of_now() {
    let clinic = Clinic::open().await;
    let program = clinic.client().await;
    let someone = id(&program.create(patient("Someone")).await);
    let subject = json!({ "reference": format!("Patient/{someone}") });
    let seen = program
        .create(json!({
            "resourceType": "Observation", "status": "final", "code": { "text": "pulse" },
            "subject": subject,
        }))
        .await;
    let path = format!("/Observation/{}", id(&seen));
    assert_eq!(program.get(&path).await.status, StatusCode::OK);
    // The front desk sees nothing clinical.
    let account = program.account();
    clinic.sql(&format!(
        "UPDATE account SET role = 'front-desk' WHERE id = '{account}'"
    ));
    program.get(&path).await.refused(StatusCode::FORBIDDEN);

    // A PractitionerRole that is made, and one that goes, count for the next request.
    let registrar = clinic.client().await;
    let practitioner = id(&registrar
        .create(json!({ "resourceType": "Practitioner", "name": [{ "family": "Grey" }] }))
        .await);
    let nurse = clinic.staff(Role::Nurse, Some(&practitioner)).await;
    let known = |clinic: &Clinic| {
        let hash = rounds_server::identity::session::hash_of(nurse.token()).unwrap();
        let app = std::sync::Arc::clone(&clinic.app);
        async move {
            let changes = app.reads.current(Vec::new()).await.unwrap().changes;
            let live = app.sessions.at(&hash, changes, app.now());
            live.map(|live| live.also.clone())
        }
    };
    nurse.get("/Patient").await;
    assert_eq!(known(&clinic).await, Some(Vec::new()));
    let role = registrar
        .create(json!({
            "resourceType": "PractitionerRole",
            "practitioner": { "reference": format!("Practitioner/{practitioner}") },
        }))
        .await;
    let named = format!("PractitionerRole/{}", id(&role));
    assert_eq!(known(&clinic).await, None);
    nurse.get("/Patient").await;
    assert_eq!(known(&clinic).await, Some(vec![named.clone()]));
    registrar
        .ask(axum::http::Method::DELETE, &format!("/{named}"), &[], None)
        .await;
    assert_eq!(known(&clinic).await, None);
}

#[tokio::test]
async fn readers_at_the_same_time_get_each_their_own() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    let mut people = Vec::new();
    for number in 0..12 {
        let family = format!("Family{number}");
        people.push((id(&client.create(patient(&family)).await), family));
    }
    people.push(("never-was".to_owned(), String::new()));
    let before: u32 = events(&clinic);
    let asking: Vec<_> = (0..5)
        .flat_map(|_| people.clone())
        .map(|(id, family)| {
            let client = client.clone();
            tokio::spawn(async move {
                let reply = client.get(&format!("/Patient/{id}")).await;
                if family.is_empty() {
                    reply.refused(StatusCode::NOT_FOUND);
                } else {
                    assert_eq!(reply.body["id"], *id);
                    assert_eq!(reply.body["name"][0]["family"], *family);
                }
            })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap();
    }
    assert_eq!(events(&clinic), before + 5 * 12);
}

fn events(clinic: &Clinic) -> u32 {
    let sql = "SELECT count(*) FROM audit_event WHERE action = 'fhir-read' AND success";
    clinic.sql(sql).trim().parse().unwrap()
}
