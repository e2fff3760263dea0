//! What calls are measured against: Chromium with Chromium, on the same pictures.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::PATIENCE;
use crate::browser::Browser;
use crate::proxy::Path;
use crate::web::{self, Answer, Asked};

/// What the one that looks tells.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Pictures.
    pub frames: u64,
    /// From its begin to the first picture, in milliseconds.
    pub first: f64,
    /// Milliseconds from drawing a picture to seeing it: the middle …
    pub p50: f64,
    /// … and what 95 of 100 do not exceed.
    pub p95: f64,
    /// Milliseconds in pauses of more than 200.
    pub freezes: f64,
}

/// Two browsers in a call.
pub struct Peers {
    seen: mpsc::UnboundedReceiver<Seen>,
    _browsers: [Browser; 2],
}

struct Table {
    path: Path,
    offer: watch::Sender<Option<String>>,
    answer: watch::Sender<Option<String>>,
    seen: mpsc::UnboundedSender<Seen>,
}

/// The next description that is laid on the table.
async fn laid(place: &watch::Sender<Option<String>>) -> String {
    let mut place = place.subscribe();
    let found = place.wait_for(Option::is_some).await.unwrap();
    found.clone().unwrap_or_default()
}

impl Table {
    async fn serve(&self, asked: Asked) -> Answer {
        if asked.line.starts_with("POST /offer") {
            self.offer.send_replace(Some(self.path.offer(&asked.body)));
            let answer = laid(&self.answer).await;
            Answer::new(self.path.answer(&answer).await)
        } else if asked.line.starts_with("POST /take") {
            Answer::new(laid(&self.offer).await)
        } else if asked.line.starts_with("POST /answer") {
            self.answer.send_replace(Some(asked.body));
            Answer::new("")
        } else if asked.line.starts_with("POST /seen") {
            let _ = self.seen.send(serde_json::from_str(&asked.body).unwrap());
            Answer::new("")
        } else {
            Answer::new(include_str!("peer.html"))
        }
    }
}

impl Peers {
    /// Opens both.
    pub async fn open(path: Path) -> Self {
        let (seen_in, seen) = mpsc::unbounded_channel();
        let table = Arc::new(Table {
            path,
            offer: watch::Sender::new(None),
            answer: watch::Sender::new(None),
            seen: seen_in,
        });
        let anywhere: SocketAddr = ([127, 0, 0, 1], 0).into();
        let address = web::serve(anywhere, move |asked| {
            let table = Arc::clone(&table);
            async move { table.serve(asked).await }
        })
        .await;
        let browsers = [
            Browser::open(address, "sends").await,
            Browser::open(address, "looks").await,
        ];
        Self {
            seen,
            _browsers: browsers,
        }
    }

    /// What the one that looks tells once it is enough.
    pub async fn seen_when(&mut self, enough: impl Fn(&Seen) -> bool) -> Seen {
        let seen = timeout(PATIENCE, async {
            loop {
                let seen = self.seen.recv().await.unwrap();
                if enough(&seen) {
                    return seen;
                }
            }
        });
        seen.await.expect("the two browsers see each other")
    }
}
