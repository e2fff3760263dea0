//! As much of HTTP as one browser on one page needs.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
pub(crate) struct Asked {
    /// Method, path and query.
    pub line: String,
    /// What came with it.
    pub body: String,
}

/// What is answered: the page, or a few words and the number of a call.
pub(crate) struct Answer {
    pub text: String,
    pub call: u64,
}

impl Answer {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            call: 0,
        }
    }
}

/// Answers everybody until the process ends.
pub(crate) async fn serve<F>(
    address: SocketAddr,
    answer: impl Fn(Asked) -> F + Send + Sync + 'static,
) -> SocketAddr
where
    F: Future<Output = Answer> + Send,
{
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move { one(stream, &*answer).await });
        }
    });
    address
}

async fn one<F: Future<Output = Answer>>(mut stream: TcpStream, answer: &impl Fn(Asked) -> F) {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 8192];
        let Ok(read) = stream.read(&mut piece).await else {
            return;
        };
        if read == 0 {
            return;
        }
        bytes.extend(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            })
            .unwrap_or_default();
        if body.len() < length {
            continue;
        }
        let asked = Asked {
            line: head.lines().next().unwrap_or_default().to_owned(),
            body: body.to_owned(),
        };
        let Answer { text, call } = answer(asked).await;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Call: {call}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            text.len()
        );
        let _ = stream.write_all((head + &text).as_bytes()).await;
        return;
    }
}
