//! Pictures for the window: over a WebSocket on this computer, one picture for each time the
//! window says that it has drawn the last one. The address holds a secret that opens it once.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;

use super::lock;
use super::studio::Shown;

/// Before the planes: width and height, four bytes each, little end first.
const HEADER: usize = 8;

/// The window could not be given pictures.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// No port on this computer.
    #[error("no port for pictures on this computer")]
    Port(#[source] std::io::Error),
    /// No secret.
    #[error("no randomness")]
    Random(#[source] getrandom::Error),
}

type Waiting = Arc<Mutex<HashMap<String, watch::Receiver<Shown>>>>;

/// Gives pictures to the window.
pub struct Frames {
    address: SocketAddr,
    waiting: Waiting,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Frames {
    /// Listens on this computer alone. Only pages of one of these origins are answered.
    ///
    /// # Errors
    /// [`FramesError`].
    pub async fn listen(origins: &'static [&'static str]) -> Result<Self, FramesError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(FramesError::Port)?;
        let address = listener.local_addr().map_err(FramesError::Port)?;
        let waiting = Waiting::default();
        let known = Arc::clone(&waiting);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&known), origins));
            }
        });
        Ok(Self {
            address,
            waiting,
            task,
        })
    }

    /// An address at which these pictures can be had, once.
    ///
    /// # Errors
    /// [`FramesError`].
    pub fn offer(&self, pictures: watch::Receiver<Shown>) -> Result<String, FramesError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(FramesError::Random)?;
        let secret = hex::encode(secret);
        let url = format!("ws://{}/{secret}", self.address);
        lock(&self.waiting).insert(secret, pictures);
        Ok(url)
    }
}

async fn serve(stream: TcpStream, waiting: Waiting, origins: &[&str]) {
    let mut pictures = None;
    // The shape of an answer is the library's.
    #[allow(clippy::result_large_err)]
    let check = |request: &Request, response: Response| {
        let origin = request
            .headers()
            .get("origin")
            .and_then(|value| value.to_str().ok());
        if origin.is_some_and(|origin| origins.contains(&origin)) {
            // 256 random bits are not guessed by how long a look-up takes.
            pictures = lock(&waiting).remove(request.uri().path().trim_start_matches('/'));
        }
        if pictures.is_some() {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, check).await else {
        return;
    };
    let Some(mut pictures) = pictures else { return };
    loop {
        let Some(bytes) = next(&mut pictures).await else {
            return;
        };
        if socket.send(Message::Binary(bytes.into())).await.is_err() {
            return;
        }
        match socket.next().await {
            Some(Ok(Message::Text(_))) => {}
            _ => return,
        }
    }
}

/// The next picture, or an empty message where the camera went off.
async fn next(pictures: &mut watch::Receiver<Shown>) -> Option<Vec<u8>> {
    pictures.changed().await.ok()?;
    let picture = pictures.borrow_and_update().clone();
    let Some(picture) = picture else {
        return Some(Vec::new());
    };
    let mut bytes = Vec::with_capacity(HEADER + picture.planes().len());
    for side in [picture.width(), picture.height()] {
        bytes.extend(u32::try_from(side).unwrap_or_default().to_le_bytes());
    }
    bytes.extend(picture.planes());
    Some(bytes)
}
