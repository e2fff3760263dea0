//! A browser in which somebody signs in at once, or never.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use protocol::secret::Secret;
use protocol::single_sign_on::{Begun, REDIRECT_PATH};
use url::Url;
use workstation::port::browser::{Browser, NoBrowser};

pub struct MockBrowser {
    /// Whether somebody sits in front of it.
    pub attended: AtomicBool,
    /// Whether there is one.
    pub installed: AtomicBool,
    pub opened: AtomicU32,
    port: Mutex<u16>,
}

impl Default for MockBrowser {
    fn default() -> Self {
        Self {
            attended: AtomicBool::new(true),
            installed: AtomicBool::new(true),
            opened: AtomicU32::new(0),
            port: Mutex::new(0),
        }
    }
}

impl MockBrowser {
    pub fn begun(&self, port: u16) -> Begun {
        *self.port.lock().unwrap() = port;
        Begun {
            url: "https://idp.example/sign-in".into(),
            state: Secret::new("state".into()),
            expires_at: "2030-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    pub fn times_opened(&self) -> u32 {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Browser for MockBrowser {
    fn open(&self, page: &Url) -> Result<(), NoBrowser> {
        if !self.installed.load(Ordering::SeqCst) {
            return Err(NoBrowser(std::io::ErrorKind::NotFound.into()));
        }
        assert_eq!(page.as_str(), "https://idp.example/sign-in");
        self.opened.fetch_add(1, Ordering::SeqCst);
        if self.attended.load(Ordering::SeqCst) {
            let port = *self.port.lock().unwrap();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                write!(
                    stream,
                    "GET {REDIRECT_PATH}?code=code&state=state HTTP/1.1\r\n\r\n"
                )
                .unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                assert!(answer.contains("signed in"), "{answer}");
            });
        }
        Ok(())
    }
}
