//! A relay of our own: Debian's coturn.

use std::process::Stdio;
use std::time::Duration;

use telehealth::media::call::Relay;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

pub struct TurnServer {
    port: u16,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl TurnServer {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new("turnserver")
            .args(["-n", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech"])
            .args(["--user", "visit:secret", "--realm", "rounds.test"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--allow-loopback-peers", "--log-file", "stdout"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .arg(format!("--userdb={}", folder.path().join("db").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Debian's package coturn is installed");
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
        Self {
            port,
            _process: process,
            _folder: folder,
        }
    }

    pub fn as_relay(&self) -> Relay {
        Relay {
            urls: vec![format!("turn:127.0.0.1:{}?transport=udp", self.port)],
            username: "visit".to_owned(),
            credential: "secret".to_owned(),
        }
    }

    pub fn as_query(&self) -> String {
        format!(
            "relay=turn:127.0.0.1:{}%3Ftransport=udp&username=visit&credential=secret",
            self.port
        )
    }
}
