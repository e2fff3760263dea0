//! What lies between the two ends.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::sleep;

/// How the two ends reach each other.
#[derive(Debug, Clone)]
pub enum Path {
    /// As they like.
    Direct,
    /// Through a place that drops and delays packets, in both directions.
    Through(Arc<Between>),
    /// As they like, and the offer was tampered with on the way.
    Forged,
}

/// A place that drops and delays packets. It knows senders apart, as a household's router does: a
/// browser asks from several of its sockets, and each is answered at its own.
#[derive(Debug)]
pub struct Between {
    percent: u64,
    delay: Duration,
    cut: AtomicBool,
    /// Goes on from call to call: the next try does not lose what this one lost.
    dice: Mutex<u64>,
}

impl Between {
    /// Loses this many packets of a hundred, and holds the others up for so long.
    pub fn new(percent: u64, delay: Duration) -> Arc<Self> {
        Arc::new(Self {
            percent,
            delay,
            cut: AtomicBool::new(false),
            dice: Mutex::new(0x9E37_79B9_7F4A_7C15),
        })
    }

    /// Nothing goes through until this is taken back.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    fn drops(&self) -> bool {
        if self.cut.load(Ordering::Relaxed) {
            return true;
        }
        let mut dice = self.dice.lock().unwrap();
        // xorshift: as many packets are lost in every run, as far as as many are sent.
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        (*dice >> 32) % 100 < self.percent
    }

    fn later(self: &Arc<Self>, socket: &Arc<UdpSocket>, packet: &[u8], to: SocketAddr) {
        if self.drops() {
            return;
        }
        let (socket, packet, delay) = (socket.clone(), packet.to_vec(), self.delay);
        tokio::spawn(async move {
            sleep(delay).await;
            let _ = socket.send_to(&packet, to).await;
        });
    }

    /// Carries packets between whoever writes to the returned port and `to`.
    async fn open(self: &Arc<Self>, to: SocketAddr) -> u16 {
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let port = front.local_addr().unwrap().port();
        let between = Arc::clone(self);
        tokio::spawn(async move {
            let mut backs: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
            let mut packet = [0; 2048];
            loop {
                // An error is an answer that somebody who went away cannot be given.
                let Ok((length, from)) = front.recv_from(&mut packet).await else {
                    continue;
                };
                let back = match backs.get(&from) {
                    Some(back) => Arc::clone(back),
                    None => {
                        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                        tokio::spawn(between.clone().back(front.clone(), back.clone(), from));
                        backs.insert(from, Arc::clone(&back));
                        back
                    }
                };
                between.later(&back, &packet[..length], to);
            }
        });
        port
    }

    async fn back(self: Arc<Self>, front: Arc<UdpSocket>, back: Arc<UdpSocket>, to: SocketAddr) {
        let mut packet = [0; 2048];
        loop {
            if let Ok((length, _)) = back.recv_from(&mut packet).await {
                self.later(&front, &packet[..length], to);
            }
        }
    }
}

impl Path {
    /// The offer as it arrives.
    pub fn offer(&self, sdp: &str) -> String {
        match self {
            Self::Direct => sdp.to_owned(),
            // The browser's own addresses would lead around the place between.
            Self::Through(_) => without_candidates(sdp),
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
    pub async fn answer(&self, sdp: &str) -> String {
        let Self::Through(between) = self else {
            return sdp.to_owned();
        };
        let to = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"))
            .map(|rest| rest.split(' ').collect::<Vec<_>>())
            .find(|parts| parts[4] == "127.0.0.1" && parts[2].eq_ignore_ascii_case("udp"))
            .map(|parts| format!("127.0.0.1:{}", parts[5]).parse().unwrap())
            .unwrap();
        let port = between.open(to).await;
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
