//! A client that asks one thing after another over one TLS connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use crate::LoadError;

/// Longer than any answer should take, shorter than a run.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server and who asks it.
#[derive(Debug, Clone)]
pub struct Target {
    port: u16,
    token: String,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// The server at this port of the loopback, for the bearer of `token`.
    ///
    /// # Errors
    /// When the certificate to trust cannot be read.
    pub fn new(port: u16, ca: &Path, token: &str) -> Result<Self, LoadError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            port,
            token: token.to_owned(),
            tls: Arc::new(tls),
        })
    }

    /// A connection, made when first needed.
    #[must_use]
    pub fn connection(&self) -> Connection {
        Connection {
            target: self.clone(),
            stream: None,
            request: Vec::new(),
            received: Vec::new(),
        }
    }
}

/// One connection, kept alive; made anew after it broke.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    stream: Option<StreamOwned<ClientConnection, TcpStream>>,
    request: Vec<u8>,
    received: Vec<u8>,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header by its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value, LoadError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The answer, if its status tells of success.
    ///
    /// # Errors
    /// [`LoadError::Refused`].
    pub fn done(self, what: &str) -> Result<Self, LoadError> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(LoadError::Refused {
            what: what.to_owned(),
            status: self.status,
            body: body.chars().take(400).collect(),
        })
    }
}

impl Connection {
    /// `GET` below the FHIR base.
    ///
    /// # Errors
    /// When the connection fails; the next request makes a new one.
    pub fn get(&mut self, path: &str) -> Result<Answer, LoadError> {
        self.ask("GET", path, None)
    }

    /// `POST` below the FHIR base; an empty path is the base itself.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post(&mut self, path: &str, body: &[u8]) -> Result<Answer, LoadError> {
        self.ask("POST", path, Some(body))
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Answer, LoadError> {
        let outcome = self.exchange(method, path, body);
        if outcome.is_err() {
            self.stream = None;
        }
        outcome
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<Answer, LoadError> {
        let slash = if path.is_empty() { "" } else { "/" };
        self.request.clear();
        // A Vec takes all that is written to it.
        write!(
            self.request,
            "{method} /fhir/R4{slash}{path} HTTP/1.1\r\nHost: localhost:{}\r\n\
             Authorization: Bearer {}\r\nUser-Agent: rounds-load\r\nAccept: application/fhir+json\r\n",
            self.target.port, self.target.token
        )?;
        if let Some(body) = body {
            write!(
                self.request,
                "Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            )?;
            self.request.extend_from_slice(body);
        } else {
            self.request.extend_from_slice(b"\r\n");
        }
        if self.stream.is_none() {
            self.stream = Some(open(&self.target)?);
            self.received.clear();
        }
        let stream = self.stream.as_mut().ok_or(LoadError::Answer("none"))?;
        stream.write_all(&self.request)?;
        stream.flush()?;
        receive(stream, &mut self.received)
    }
}

fn open(target: &Target) -> Result<StreamOwned<ClientConnection, TcpStream>, LoadError> {
    let socket = TcpStream::connect(("127.0.0.1", target.port))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from("localhost").map_err(|_| LoadError::Answer("its name"))?;
    let session = ClientConnection::new(Arc::clone(&target.tls), name)?;
    Ok(StreamOwned::new(session, socket))
}

/// Reads one answer. What `received` holds afterwards belongs to the next one: nothing, as
/// requests are not sent ahead.
fn receive(stream: &mut impl Read, received: &mut Vec<u8>) -> Result<Answer, LoadError> {
    let end = loop {
        if let Some(end) = find(received, b"\r\n\r\n") {
            break end;
        }
        more(stream, received)?;
    };
    let head = std::str::from_utf8(&received[..end])
        .map_err(|_| LoadError::Answer("its head is not text"))?
        .to_owned();
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or(LoadError::Answer("it has no status"))?;
    received.drain(..end + 4);
    let chunked = header(&head, "transfer-encoding").is_some_and(|how| how.contains("chunked"));
    let body = if chunked {
        chunks(stream, received)?
    } else {
        let length = header(&head, "content-length")
            .map_or(Ok(0), str::parse)
            .map_err(|_| LoadError::Answer("its length is no number"))?;
        take(stream, received, length)?
    };
    Ok(Answer { status, head, body })
}

fn chunks(stream: &mut impl Read, received: &mut Vec<u8>) -> Result<Vec<u8>, LoadError> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = find(received, b"\r\n") {
                break end;
            }
            more(stream, received)?;
        };
        let length = std::str::from_utf8(&received[..end])
            .ok()
            .and_then(|text| usize::from_str_radix(text.trim(), 16).ok())
            .ok_or(LoadError::Answer("a chunk has no length"))?;
        received.drain(..end + 2);
        let mut chunk = take(stream, received, length + 2)?;
        if length == 0 {
            return Ok(body);
        }
        chunk.truncate(length);
        body.append(&mut chunk);
    }
}

fn take(
    stream: &mut impl Read,
    received: &mut Vec<u8>,
    length: usize,
) -> Result<Vec<u8>, LoadError> {
    while received.len() < length {
        more(stream, received)?;
    }
    let rest = received.split_off(length);
    Ok(std::mem::replace(received, rest))
}

fn more(stream: &mut impl Read, received: &mut Vec<u8>) -> Result<(), LoadError> {
    let mut part = [0; 16 * 1024];
    let read = stream.read(&mut part)?;
    if read == 0 {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    received.extend_from_slice(&part[..read]);
    Ok(())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its text in pieces, as a network does.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let size = self.1.min(self.0.len()).min(into.len());
            into[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    #[test]
    fn answers_are_read_whole_in_whatever_pieces_they_come() {
        let told = b"HTTP/1.1 201 Created\r\nETag: W/\"1\"\r\ncontent-length: 5\r\n\r\nhello\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        for size in [1, 3, 7, 1000] {
            let (mut stream, mut received) = (Pieces(told, size), Vec::new());
            let first = receive(&mut stream, &mut received).unwrap();
            assert_eq!((first.status, &first.body[..]), (201, &b"hello"[..]));
            assert_eq!(first.header("etag"), Some("W/\"1\""));
            let second = receive(&mut stream, &mut received).unwrap();
            assert_eq!(second.body, b"abcde");
            assert!(received.is_empty());
            let end = receive(&mut stream, &mut received).unwrap_err();
            assert!(end.is_cut(), "{end}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let mut stream = Pieces(b"SMTP ready\r\n\r\n", 100);
        assert!(receive(&mut stream, &mut Vec::new()).is_err());
    }
}
