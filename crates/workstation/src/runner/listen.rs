//! Listens for the server's word that something changed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};

use super::Poke;
use crate::port::server::{Server, ServerError, Session};

/// First wait after the stream broke; doubles up to the longest.
const FIRST: Duration = Duration::from_secs(1);
/// Short enough that a server that comes back is noticed while somebody watches.
const LONGEST: Duration = Duration::from_secs(15);

/// Runs until the runner is stopped.
pub(super) async fn listen(
    server: Arc<dyn Server>,
    mut sessions: watch::Receiver<Option<Session>>,
    pokes: mpsc::UnboundedSender<Poke>,
) {
    let mut wait = FIRST;
    loop {
        let session = match sessions.wait_for(Option::is_some).await {
            Ok(session) => session.clone(),
            Err(_) => return,
        };
        let Some(session) = session else { continue };
        match server.changes(&session).await {
            Ok(mut changes) => {
                wait = FIRST;
                // What happened before the stream stood was not heard.
                if pokes.send(Poke::Pushed).is_err() {
                    return;
                }
                while let Some(Ok(())) = changes.next().await {
                    if pokes.send(Poke::Pushed).is_err() {
                        return;
                    }
                }
                // A stream that breaks is the first sign that the server is gone: the next
                // request finds out and says so, or finds it well.
                if pokes.send(Poke::Pushed).is_err() {
                    return;
                }
            }
            Err(ServerError::SessionEnded) => {
                // The next request finds out and says so; wait for another session.
                let _ = pokes.send(Poke::Pushed);
                tokio::time::sleep(LONGEST).await;
            }
            Err(_) => {}
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST);
    }
}
