//! A relay of our own: Debian's coturn.

use std::process::Stdio;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use telehealth::media::call::{CertificateDer, Relay};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// A running relay.
pub struct TurnServer {
    port: u16,
    /// Where UDP is refused: the port for TLS, and whose certificate is shown there.
    tls: Option<(u16, CertificateDer<'static>)>,
    _process: Child,
    _folder: tempfile::TempDir,
}

impl TurnServer {
    /// One that is reached by everybody.
    pub async fn start() -> Self {
        Self::run(false).await
    }

    /// One that hears nothing over UDP: the browser comes over TCP, the workstation over TLS.
    pub async fn over_tls() -> Self {
        Self::run(true).await
    }

    async fn run(streams: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, tls_port) = (free_port(), free_port());
        let mut command = Command::new("turnserver");
        command
            .args(["-n", "--no-cli", "--no-dtls", "--lt-cred-mech"])
            .args(["--user", "visit:secret", "--realm", "rounds.test"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--allow-loopback-peers", "--log-file", "stdout"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}", folder.path().join("pid").display()))
            .arg(format!("--userdb={}", folder.path().join("db").display()));
        let tls = streams.then(|| {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
            let (shown, key) = (folder.path().join("cert"), folder.path().join("key"));
            std::fs::write(&shown, cert.pem()).unwrap();
            std::fs::write(&key, signing_key.serialize_pem()).unwrap();
            command
                .arg("--no-udp")
                .arg(format!("--tls-listening-port={tls_port}"))
                .arg(format!("--cert={}", shown.display()))
                .arg(format!("--pkey={}", key.display()));
            (tls_port, cert.der().clone())
        });
        if tls.is_none() {
            command.arg("--no-tls");
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Debian's package coturn is installed");
        for port in [Some(port), tls.as_ref().map(|(port, _)| *port)] {
            let Some(port) = port else { continue };
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        }
        Self {
            port,
            tls,
            _process: process,
            _folder: folder,
        }
    }

    /// As the workstation is told of it.
    pub fn as_relay(&self) -> Relay {
        // As an administrator names it: every way there is, and Rounds finds the one that works.
        let mut urls = vec![format!("turn:127.0.0.1:{}?transport=udp", self.port)];
        if let Some((port, _)) = self.tls {
            urls.push(format!("turns:127.0.0.1:{port}?transport=tcp"));
        }
        Relay {
            urls,
            username: "visit".to_owned(),
            credential: "secret".to_owned(),
        }
    }

    /// Whose certificate it shows.
    pub fn authorities(&self) -> Vec<CertificateDer<'static>> {
        self.tls.iter().map(|(_, shown)| shown.clone()).collect()
    }

    /// As the test page is told of it.
    pub fn as_query(&self) -> String {
        let transport = if self.tls.is_some() { "tcp" } else { "udp" };
        format!(
            "relay=turn:127.0.0.1:{}%3Ftransport={transport}&username=visit&credential=secret",
            self.port
        )
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
