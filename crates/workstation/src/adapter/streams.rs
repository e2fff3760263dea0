//! The two streams that the server keeps open for a workstation.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use protocol::visit::VisitNews;
use reqwest::Response;

use super::https::sort;
use super::sse::{Lines, Words};
use crate::port::server::ServerError;

/// The server sends a comment at least this often on an idle stream, or is gone.
const SILENCE: Duration = Duration::from_secs(90);

/// An item for each event named `changed`; ends with an error when the stream breaks or is
/// silent for too long.
pub(super) fn changes(response: Response) -> BoxStream<'static, Result<(), ServerError>> {
    let state = (response.bytes_stream().boxed(), Lines::default());
    futures_util::stream::try_unfold(state, |(mut bytes, mut lines)| async move {
        loop {
            if lines.take_event("changed") {
                return Ok(Some(((), (bytes, lines))));
            }
            match tokio::time::timeout(SILENCE, bytes.next()).await {
                Ok(Some(Ok(chunk))) => lines.push(&chunk),
                Ok(Some(Err(error))) => return Err(sort(error)),
                Ok(None) => return Ok(None),
                Err(silent) => return Err(ServerError::Offline(Box::new(silent))),
            }
        }
    })
    .boxed()
}

/// An item for each event named `visit`; ends as the stream of changes does.
pub(super) fn news(response: Response) -> BoxStream<'static, Result<VisitNews, ServerError>> {
    let state = (response.bytes_stream().boxed(), Words::new("visit"));
    futures_util::stream::try_unfold(state, |(mut bytes, mut words)| async move {
        loop {
            if let Some(text) = words.pop() {
                let word = serde_json::from_str(&text).map_err(|error| {
                    let place = format!("line {}, column {}", error.line(), error.column());
                    ServerError::Unreadable(place.into())
                })?;
                return Ok(Some((word, (bytes, words))));
            }
            match tokio::time::timeout(SILENCE, bytes.next()).await {
                Ok(Some(Ok(chunk))) => words.push(&chunk),
                Ok(Some(Err(error))) => return Err(sort(error)),
                Ok(None) => return Ok(None),
                Err(silent) => return Err(ServerError::Offline(Box::new(silent))),
            }
        }
    })
    .boxed()
}
