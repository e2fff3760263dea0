//! What lies between the two ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// How the two ends reach each other.
#[derive(Debug, Clone, Copy)]
pub enum Path {
    /// As they like.
    Direct,
    /// Through a place that drops and delays packets, in both directions.
    Lossy { percent: u64, delay: Duration },
    /// As they like, and the offer was tampered with on the way.
    Forged,
}

impl Path {
    /// The offer as it arrives.
    pub fn offer(self, sdp: &str) -> String {
        match self {
            Self::Direct => sdp.to_owned(),
            // The browser's own addresses would lead around the proxy.
            Self::Lossy { .. } => without_candidates(sdp),
            Self::Forged => sdp
                .lines()
                .map(|line| match line.strip_prefix("a=fingerprint:sha-256 ") {
                    Some(_) => format!("a=fingerprint:sha-256 {}", ["5A"; 32].join(":")),
                    None => line.to_owned(),
                })
                .map(|line| line + "\r\n")
                .collect(),
        }
    }

    /// The answer as it arrives.
    pub async fn answer(self, sdp: &str) -> String {
        let Self::Lossy { percent, delay } = self else {
            return sdp.to_owned();
        };
        let to = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"))
            .map(|rest| rest.split(' ').collect::<Vec<_>>())
            .find(|parts| parts[4] == "127.0.0.1" && parts[2].eq_ignore_ascii_case("udp"))
            .map(|parts| format!("127.0.0.1:{}", parts[5]).parse().unwrap())
            .unwrap();
        let port = between(to, percent, delay).await;
        let candidate = format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host\r\n");
        let mut given = String::new();
        for line in without_candidates(sdp).lines() {
            given.push_str(line);
            given.push_str("\r\n");
            if line.starts_with("a=mid:0") {
                given.push_str(&candidate);
            }
        }
        given
    }
}

fn without_candidates(sdp: &str) -> String {
    sdp.lines()
        .filter(|line| !line.starts_with("a=candidate:"))
        .map(|line| line.to_owned() + "\r\n")
        .collect()
}

/// Carries packets between whoever writes to the returned port and `to`.
async fn between(to: SocketAddr, percent: u64, delay: Duration) -> u16 {
    let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let port = front.local_addr().unwrap().port();
    let browser = Arc::new(Mutex::new(None));
    tokio::spawn({
        let (front, back, browser) = (front.clone(), back.clone(), browser.clone());
        async move {
            let mut dice = 7;
            let mut packet = [0; 2048];
            while let Ok((length, from)) = front.recv_from(&mut packet).await {
                *browser.lock().await = Some(from);
                later(&mut dice, percent, delay, &back, &packet[..length], to);
            }
        }
    });
    tokio::spawn(async move {
        let mut dice = 11;
        let mut packet = [0; 2048];
        while let Ok((length, _)) = back.recv_from(&mut packet).await {
            if let Some(browser) = *browser.lock().await {
                later(
                    &mut dice,
                    percent,
                    delay,
                    &front,
                    &packet[..length],
                    browser,
                );
            }
        }
    });
    port
}

fn later(
    dice: &mut u64,
    percent: u64,
    delay: Duration,
    socket: &Arc<UdpSocket>,
    packet: &[u8],
    to: SocketAddr,
) {
    // xorshift: the same packets are lost in every run, as far as the same are sent.
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    if *dice % 100 < percent {
        return;
    }
    let (socket, packet) = (socket.clone(), packet.to_vec());
    tokio::spawn(async move {
        sleep(delay).await;
        let _ = socket.send_to(&packet, to).await;
    });
}
