//! Telling workstations at once that something was committed: one listening connection for the
//! whole process, fanned out to all that wait.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_postgres::{AsyncMessage, NoTls};
use tracing::warn;
use uuid::Uuid;

use crate::app::App;
use crate::identity::caller::Caller;
use crate::identity::session;
use crate::store::announce::CHANNEL;

/// A comment goes out this often, so that both ends notice a dead connection; the session is
/// looked at on the same occasion.
const BEAT: Duration = Duration::from_secs(15);
/// Pause before listening is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Signals that a slow reader may lag behind; one `changed` stands for any number.
const BACKLOG: usize = 64;

/// Hears of commits.
pub struct Changes {
    heard: broadcast::Sender<()>,
    stop: watch::Receiver<bool>,
}

impl Changes {
    /// Begins to listen; ends when `stop` turns true.
    pub fn listen(app: &Arc<App>, stop: watch::Receiver<bool>) -> Self {
        let (heard, _) = broadcast::channel(BACKLOG);
        let (tell, app, mut ending) = (heard.clone(), Arc::clone(app), stop.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = ending.wait_for(|stop| *stop) => return,
                    outcome = listen_once(&app, &tell) => {
                        let state = outcome.err().and_then(|error| error.code().cloned());
                        warn!(state = state.as_ref().map(|state| state.code()), "listening for changes broke off");
                    }
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        Self { heard, stop }
    }

    /// The stream of one workstation: an event named `changed` at once and after each commit,
    /// until the session or the server ends.
    pub fn stream(
        &self,
        app: Arc<App>,
        caller: &Caller,
    ) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reader = Reader {
            app,
            session: caller.session,
            heard: self.heard.subscribe(),
            stop: self.stop.clone(),
            beat,
        };
        // The workstation may have missed something before it listened.
        let first = stream::once(async { Ok(changed()) });
        Sse::new(first.chain(stream::unfold(reader, next)))
    }
}

fn changed() -> Event {
    Event::default().event("changed").data("{}")
}

struct Reader {
    app: Arc<App>,
    session: Uuid,
    heard: broadcast::Receiver<()>,
    stop: watch::Receiver<bool>,
    beat: Interval,
}

async fn next(mut reader: Reader) -> Option<(Result<Event, Infallible>, Reader)> {
    let event = tokio::select! {
        _ = reader.stop.wait_for(|stop| *stop) => return None,
        heard = reader.heard.recv() => match heard {
            Ok(()) | Err(RecvError::Lagged(_)) => changed(),
            Err(RecvError::Closed) => return None,
        },
        _ = reader.beat.tick() => Event::default().comment("here"),
    };
    let client = reader.app.pool.get().await.ok()?;
    let counts = session::counts(&reader.app, &client, reader.session)
        .await
        .ok()?;
    drop(client);
    counts.then_some((Ok(event), reader))
}

/// Listens until the connection breaks.
async fn listen_once(app: &App, tell: &broadcast::Sender<()>) -> Result<(), tokio_postgres::Error> {
    let url = app.config.database_url.expose();
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await?;
    let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
    let own = app.tenant.id.to_string();
    let wish = format!("LISTEN {CHANNEL}; LISTEN {ENDED}");
    let begin = client.batch_execute(&wish);
    tokio::pin!(begin);
    let mut listening = false;
    loop {
        let message = tokio::select! {
            done = &mut begin, if !listening => {
                done?;
                listening = true;
                // Whatever was committed while nobody listened.
                let _ = tell.send(());
                continue;
            }
            message = messages.next() => message,
        };
        match message {
            Some(Ok(AsyncMessage::Notification(note))) if note.payload() == own => {
                // Nobody waiting is no error.
                let _ = tell.send(());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => return Ok(()),
        }
    }
}

/// Channel that says that sessions were ended; the payload is the tenant's id. Streams look at
/// their session when they hear it.
pub const ENDED: &str = "rounds_sessions_ended";
