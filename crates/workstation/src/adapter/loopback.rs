//! The port of this computer that the browser comes back to (RFC 8252, section 7.3). It answers
//! one address and takes one answer: the one that carries the state which was waited for.

use protocol::secret::Secret;
use protocol::single_sign_on::REDIRECT_PATH;
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// Longest request that is read.
const LONGEST: usize = 16 * 1024;
/// How long somebody who connected may say nothing.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(5);

const DONE: &str = "You are signed in. Go back to Rounds; this page can be closed.";
const ENDED: &str = "The sign-in was ended. Go back to Rounds; this page can be closed.";
const NOTHING: &str = "There is nothing here.";

/// What the browser brought back.
pub(crate) enum Back {
    /// A code, and who says that it issued it.
    Code {
        /// For the server alone.
        code: Secret,
        /// As of RFC 9207.
        iss: Option<String>,
    },
    /// The provider or the person ended it.
    Ended,
}

/// A port that waits.
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Takes a free port of this computer.
    pub(crate) async fn take() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the browser, however long; whoever comes with another state is sent away.
    pub(crate) async fn back(self, state: &Secret) -> std::io::Result<Back> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            // One after the other: a browser that only opens a connection must not hold it.
            let served = tokio::time::timeout(SILENCE, serve(stream, state)).await;
            if let Ok(Ok(Some(back))) = served {
                return Ok(back);
            }
        }
    }
}

async fn serve(mut stream: TcpStream, state: &Secret) -> std::io::Result<Option<Back>> {
    let mut read = Vec::with_capacity(2048);
    while !read.windows(4).any(|end| end == b"\r\n\r\n") && read.len() < LONGEST {
        if stream.read_buf(&mut read).await? == 0 {
            break;
        }
    }
    let back = said(&read, state);
    let (status, words) = match &back {
        Some(Back::Code { .. }) => ("200 OK", DONE),
        Some(Back::Ended) => ("200 OK", ENDED),
        None => ("404 Not Found", NOTHING),
    };
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Rounds</title>\
         <body style=\"font:16px/1.5 system-ui;margin:20vh auto;max-width:32em;padding:0 1em\">\
         <p>{words}</p></body></html>"
    );
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         connection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(back)
}

/// What a request brings, if it is the one that was waited for.
fn said(request: &[u8], state: &Secret) -> Option<Back> {
    let line = request.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let target = line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")?;
    let base = Url::parse("http://127.0.0.1").ok()?;
    let url = base.join(target).ok()?;
    if url.path() != REDIRECT_PATH {
        return None;
    }
    let one = |name: &str| {
        let mut found = url.query_pairs().filter(|(known, _)| known == name);
        // Twice the same name is nobody's answer.
        found.next().filter(|_| found.next().is_none())
    };
    let (_, given) = one("state")?;
    if !bool::from(given.as_bytes().ct_eq(state.expose().as_bytes())) {
        return None;
    }
    match one("code") {
        Some((_, code)) => Some(Back::Code {
            code: Secret::new(code.into_owned()),
            iss: one("iss").map(|(_, iss)| iss.into_owned()),
        }),
        None => one("error").map(|_| Back::Ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(target: &str) -> &'static str {
        let request = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        match said(request.as_bytes(), &Secret::new("right".into())) {
            Some(Back::Code { code, iss }) => match (code.expose(), iss.as_deref()) {
                ("c/1", None) => "code",
                ("c/1", Some("https://idp")) => "code of issuer",
                _ => "another code",
            },
            Some(Back::Ended) => "ended",
            None => "nothing",
        }
    }

    #[test]
    fn p5_only_the_answer_that_was_waited_for_counts() {
        let path = REDIRECT_PATH;
        for (target, expected) in [
            (format!("{path}?code=c%2F1&state=right"), "code"),
            (
                format!("{path}?state=right&code=c%2F1&iss=https%3A%2F%2Fidp"),
                "code of issuer",
            ),
            (format!("{path}?error=access_denied&state=right"), "ended"),
            (format!("{path}?code=c%2F1&state=wrong"), "nothing"),
            (format!("{path}?code=c%2F1"), "nothing"),
            (format!("{path}?error=access_denied"), "nothing"),
            (format!("{path}?state=right"), "nothing"),
            (
                format!("{path}?code=c%2F1&state=right&state=right"),
                "nothing",
            ),
            (format!("{path}/more?code=c%2F1&state=right"), "nothing"),
            ("/favicon.ico?state=right&code=c%2F1".to_owned(), "nothing"),
        ] {
            assert_eq!(heard(&target), expected, "{target}");
        }
        let secret = Secret::new("right".into());
        let other = format!("POST {path}?code=c&state=right HTTP/1.1\r\n\r\n");
        for bytes in [other.as_bytes(), b"", b"GET", b"\xff\xfe\r\n\r\n"] {
            assert!(said(bytes, &secret).is_none());
        }
    }

    #[tokio::test]
    async fn p5_others_who_knock_are_sent_away_and_the_wait_goes_on() {
        let loopback = Loopback::take().await.unwrap();
        let port = loopback.port();
        let waiting =
            tokio::spawn(async move { loopback.back(&Secret::new("right".into())).await });
        let knock = async |target: &str| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let request = format!("GET {target} HTTP/1.1\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        // One who says nothing holds nobody up for long: it goes away.
        drop(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        let path = REDIRECT_PATH;
        assert!(knock("/favicon.ico").await.contains("404"));
        assert!(
            knock(&format!("{path}?state=wrong&code=c"))
                .await
                .contains("404")
        );
        let answer = knock(&format!("{path}?state=right&code=c")).await;
        assert!(answer.contains("Go back to Rounds"), "{answer}");
        assert!(!answer.contains("right"));
        assert!(matches!(waiting.await.unwrap(), Ok(Back::Code { .. })));
    }
}
