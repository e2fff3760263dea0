//! Pages, orders and counts of searches.

use axum::http::StatusCode;
use serde_json::json;

use crate::clinic::{Client, Clinic, id, observation, patient};

/// All pages of a search, in order; how many pages there were.
async fn all(client: &Client, first: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    let mut path = Some(first.to_owned());
    while let Some(next) = path {
        let reply = client.get(&next).await;
        assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.body);
        ids.extend(reply.ids("match"));
        path = reply.next();
        pages += 1;
        assert!(pages < 100, "pages do not end");
    }
    (ids, pages)
}

#[tokio::test]
async fn pages_hold_each_match_once_in_every_order() {
    let client = Clinic::open().await.client().await;
    let someone = id(&client.create(patient("Paged")).await);
    let mut made = Vec::new();
    for number in 0..11 {
        // Days repeat, so that orders by date must settle ties.
        let day = number % 4 + 1;
        made.push(id(&client
            .create(observation(&someone, &format!("2026-01-0{day}")))
            .await));
    }
    made.sort();
    for sort in [
        "",
        "&_sort=date",
        "&_sort=-date",
        "&_sort=_lastUpdated",
        "&_sort=-_lastUpdated",
        "&_sort=_id",
        "&_sort=-_id",
        "&_sort=status,-date",
        "&_sort=code",
    ] {
        for filter in [
            format!("patient={someone}"),
            "category=vital-signs".to_owned(),
            "status=final,amended".to_owned(),
        ] {
            let (mut ids, pages) =
                all(&client, &format!("/Observation?{filter}&_count=3{sort}")).await;
            ids.sort();
            assert_eq!((ids == made, pages), (true, 4), "{filter}{sort}");
        }
    }
    let (ids, _) = all(
        &client,
        &format!("/Observation?patient={someone}&_sort=-date&_count=5"),
    )
    .await;
    let mut dates = Vec::new();
    for id in ids {
        dates.push(
            client.get(&format!("/Observation/{id}")).await.body["effectiveDateTime"].to_string(),
        );
    }
    assert!(dates.windows(2).all(|pair| pair[0] >= pair[1]), "{dates:?}");
}

#[tokio::test]
async fn verified_searches_page_and_count_as_exact_ones_do() {
    let client = Clinic::open().await.client().await;
    for number in 0..9 {
        client.create(patient(&format!("Smith{number}"))).await;
        client.create(patient(&format!("Smit{number}"))).await;
    }
    let (ids, pages) = all(&client, "/Patient?family=smith&_count=4").await;
    assert_eq!((ids.len(), pages), (9, 3));
    let total = |path: &'static str| {
        let client = client.clone();
        async move { client.get(path).await.body["total"].as_u64() }
    };
    assert_eq!(
        total("/Patient?family=smith&_count=4&_total=accurate").await,
        Some(9)
    );
    assert_eq!(
        total("/Patient?gender=female&_count=4&_total=accurate").await,
        Some(18)
    );
    assert_eq!(
        total("/Patient?gender=female&_count=4&_total=none").await,
        None
    );
    assert_eq!(total("/Patient?family=smith&_summary=count").await, Some(9));
    assert_eq!(total("/Patient?family=smith&_count=0").await, Some(9));
    assert_eq!(total("/Patient?family=nobody").await, Some(0));
    let (ids, _) = all(&client, "/Patient?family=smi&_sort=-family&_count=7").await;
    assert_eq!(ids.len(), 18);
    let first = client.get(&format!("/Patient/{}", ids[0])).await.body;
    assert_eq!(first["name"][0]["family"], "Smith8");
}

#[tokio::test]
async fn a_cursor_is_opaque_and_only_its_owners() {
    let clinic = Clinic::open().await;
    let client = clinic.client().await;
    for _ in 0..3 {
        client.create(patient("Cursorname")).await;
    }
    let page = client.get("/Patient?family=cursorname&_count=1").await;
    let next = page.next().unwrap();
    assert!(!next.to_lowercase().contains("cursorname"));
    assert_eq!(client.get(&next).await.status, StatusCode::OK);
    let stranger = clinic.client().await;
    stranger.get(&next).await.refused(StatusCode::BAD_REQUEST);
    client
        .get(&next.replace("Patient?", "Observation?"))
        .await
        .refused(StatusCode::BAD_REQUEST);
    client
        .get("/Patient?_cursor=AAAA")
        .await
        .refused(StatusCode::BAD_REQUEST);
    let mut forged = next.clone();
    let last = if forged.ends_with('A') { 'B' } else { 'A' };
    forged.pop();
    forged.pop();
    forged.push(last);
    forged.push(last);
    client.get(&forged).await.refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn pages_stay_right_while_records_are_added() {
    let client = Clinic::open().await.client().await;
    for _ in 0..4 {
        client.create(patient("Growing")).await;
    }
    let page = client.get("/Patient?family=growing&_count=2").await;
    let mut ids = page.ids("match");
    client.create(patient("Growing")).await;
    let mut extra = patient("Growing");
    extra["id"] = json!("0000");
    client.put("/Patient/0000", extra).await;
    let (rest, _) = all(&client, &page.next().unwrap()).await;
    ids.extend(rest);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(
        (count, ids.len()),
        (5, 5),
        "none twice; what came before the place is not shown"
    );
}
