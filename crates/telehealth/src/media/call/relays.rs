//! Relays, and a way to them where UDP does not get through.
//!
//! The library speaks to relays over UDP alone. Where none of them answers, a port of this
//! computer takes what the library sends and carries it over TLS or TCP; to the library it is a
//! relay like others. What is carried is sealed between the two sides, as everywhere.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use webrtc::peer_connection::RTCIceServer;

use super::Relay;

/// A relay that has not answered over UDP by then is not reached that way.
const ANSWERED: Duration = Duration::from_millis(900);
/// It is asked again after this.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// A way that is worse than another begins so much after it.
const HEAD_START: Duration = Duration::from_millis(250);
/// A stream that is not open by then is none.
const OPENED: Duration = Duration::from_secs(4);
/// Sockets of one connection that use a relay; more are not ours.
const CLIENTS: usize = 16;
/// Packets that wait for a stream. Those beyond are lost, as on any full line.
const WAITING: usize = 64;

/// How an address of a relay is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Udp,
    Tcp,
    Tls,
}

/// An address of a relay, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    way: Way,
    host: String,
    port: u16,
}

impl Place {
    /// Nothing for what is no relay, or reached in a way that does not exist.
    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let way = match (scheme, query) {
            ("turn", "" | "transport=udp") => Way::Udp,
            ("turn", "transport=tcp") => Way::Tcp,
            ("turns", "" | "transport=tcp") => Way::Tls,
            _ => return None,
        };
        let usual = if way == Way::Tls { 5349 } else { 3478 };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
                (host, port.parse().ok()?)
            }
            _ => (place, usual),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        (!host.is_empty()).then_some(Self { way, host, port })
    }
}

/// Relays as the library takes them, and what carries to them. It stops when it is dropped.
#[derive(Default)]
pub(super) struct Reached {
    pub(super) servers: Vec<RTCIceServer>,
    carriers: JoinSet<()>,
}

/// A way to a relay that works.
enum Found {
    /// It answers over UDP: the library speaks to it itself.
    Udp(String),
    /// A stream to it is open.
    Stream(Carrier, Box<dyn Stream>),
}

/// Finds out how the relays are reached, all at once.
pub(super) async fn reach(relays: Vec<Relay>, authorities: &[CertificateDer<'static>]) -> Reached {
    let mut reached = Reached::default();
    let ways = relays.iter().map(|relay| first_way(relay, authorities));
    let found = futures_util::future::join_all(ways).await;
    for (relay, found) in relays.into_iter().zip(found) {
        let mut urls: Vec<String> = relay
            .urls
            .into_iter()
            .filter(|url| url.starts_with("stun:"))
            .collect();
        match found {
            Some(Found::Udp(url)) => urls.push(url),
            Some(Found::Stream(carrier, stream)) => {
                if let Some(port) = carry(carrier, stream, &mut reached.carriers).await {
                    urls.push(format!("turn:127.0.0.1:{port}?transport=udp"));
                }
            }
            None => {}
        }
        if !urls.is_empty() {
            reached.servers.push(RTCIceServer {
                urls,
                username: relay.username,
                credential: relay.credential,
            });
        }
    }
    reached
}

/// The first way to a relay that turns out to work. Streams begin a little after UDP and after
/// each other, so that the better way wins where it is open, and none waits for one that is not.
async fn first_way(relay: &Relay, authorities: &[CertificateDer<'static>]) -> Option<Found> {
    let mut ways = JoinSet::new();
    let mut start = Duration::ZERO;
    let named = |wanted: fn(Way) -> bool| {
        relay
            .urls
            .iter()
            .filter_map(|url| Some((url.clone(), Place::read(url)?)))
            .filter(move |(_, place)| wanted(place.way))
    };
    for (url, place) in named(|way| way == Way::Udp) {
        start = HEAD_START;
        ways.spawn(async move { answers(&place).await.then_some(Found::Udp(url)) });
    }
    for (_, place) in named(|way| way != Way::Udp) {
        let (begin, authorities) = (start, authorities.to_vec());
        start += HEAD_START;
        ways.spawn(async move {
            sleep(begin).await;
            let carrier = Carrier::new(place, &authorities)?;
            let stream = carrier.open().await?;
            Some(Found::Stream(carrier, stream))
        });
    }
    while let Some(tried) = ways.join_next().await {
        if let Ok(Some(found)) = tried {
            return Some(found);
        }
    }
    None
}

async fn resolved(place: &Place) -> Option<SocketAddr> {
    lookup_host((place.host.as_str(), place.port))
        .await
        .ok()?
        .next()
}

/// Whether a relay answers the simplest of questions over UDP.
async fn answers(place: &Place) -> bool {
    let asked = async {
        let to = resolved(place).await?;
        let from: SocketAddr = match to {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
        };
        let socket = UdpSocket::bind(from).await.ok()?;
        socket.connect(to).await.ok()?;
        // STUN: a binding request without attributes.
        let mut question = [0; 20];
        question[1] = 1;
        question[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        getrandom::fill(&mut question[8..]).ok()?;
        let end = Instant::now() + ANSWERED;
        let mut answer = [0; 512];
        while Instant::now() < end {
            // A port that refuses says so with the next call; it may be open in a moment.
            let _ = socket.send(&question).await;
            let heard = timeout(ASK_AGAIN, socket.recv(&mut answer)).await;
            match heard {
                Ok(Ok(length)) if length >= 20 && answer[4..20] == question[4..] => {
                    return Some(());
                }
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(_)) => sleep(ASK_AGAIN).await,
            }
        }
        None
    };
    timeout(ANSWERED * 2, asked).await.ok().flatten().is_some()
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

fn trusting(authorities: &[CertificateDer<'static>]) -> Option<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    // A relay is often not the organisation's own: what this computer trusts counts too.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

/// What streams to a relay are opened with.
#[derive(Clone)]
struct Carrier {
    place: Place,
    tls: Option<TlsConnector>,
}

impl Carrier {
    fn new(place: Place, authorities: &[CertificateDer<'static>]) -> Option<Self> {
        let tls = match place.way {
            Way::Tls => Some(trusting(authorities)?),
            Way::Tcp | Way::Udp => None,
        };
        Some(Self { place, tls })
    }

    async fn open(&self) -> Option<Box<dyn Stream>> {
        let opened = async {
            let to = resolved(&self.place).await?;
            let stream = TcpStream::connect(to).await.ok()?;
            // What is spoken does not wait for more to be spoken.
            stream.set_nodelay(true).ok()?;
            Some(match &self.tls {
                None => Box::new(stream) as Box<dyn Stream>,
                Some(tls) => {
                    let name = ServerName::try_from(self.place.host.clone()).ok()?;
                    Box::new(tls.connect(name, stream).await.ok()?)
                }
            })
        };
        timeout(OPENED, opened).await.ok().flatten()
    }
}

/// Opens a port of this computer from which everything is carried to the relay.
async fn carry(
    carrier: Carrier,
    first: Box<dyn Stream>,
    carriers: &mut JoinSet<()>,
) -> Option<u16> {
    let mut first = Some(first);
    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?);
    let port = socket.local_addr().ok()?.port();
    carriers.spawn(async move {
        let mut streams = JoinSet::new();
        let mut clients: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
        let mut packet = vec![0; 2_048];
        loop {
            let (length, from) = match socket.recv_from(&mut packet).await {
                Ok(came) => came,
                // Somebody whom an answer was for has gone.
                Err(_) => continue,
            };
            clients.retain(|_, client| !client.is_closed());
            if !clients.contains_key(&from) && clients.len() < CLIENTS {
                let (client, waiting) = mpsc::channel(WAITING);
                clients.insert(from, client);
                let (socket, carrier) = (Arc::clone(&socket), carrier.clone());
                let first = first.take();
                // To a relay, each socket of ours is somebody else: each has its own stream.
                streams.spawn(async move {
                    let stream = match first {
                        Some(stream) => Some(stream),
                        None => carrier.open().await,
                    };
                    if let Some(stream) = stream {
                        both_ways(stream, waiting, &socket, from).await;
                    }
                });
            }
            if let Some(client) = clients.get(&from) {
                let _ = client.try_send(on_stream(&packet[..length]));
            }
        }
    });
    Some(port)
}

async fn both_ways(
    stream: Box<dyn Stream>,
    mut waiting: mpsc::Receiver<Vec<u8>>,
    socket: &UdpSocket,
    to: SocketAddr,
) {
    let (mut from_relay, mut to_relay) = tokio::io::split(stream);
    let out = async {
        while let Some(bytes) = waiting.recv().await {
            if to_relay.write_all(&bytes).await.is_err() || to_relay.flush().await.is_err() {
                return;
            }
        }
    };
    let back = async {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 16_384];
        while let Ok(length @ 1..) = from_relay.read(&mut piece).await {
            bytes.extend_from_slice(&piece[..length]);
            loop {
                match next_packet(&bytes) {
                    Cut::Packet { length, whole } => {
                        let _ = socket.send_to(&bytes[..length], to).await;
                        bytes.drain(..whole);
                    }
                    Cut::Wait => break,
                    Cut::Nonsense => return,
                }
            }
        }
    };
    tokio::select! {
        () = out => {}
        () = back => {}
    }
}

/// As a packet stands on a stream: data of a channel fills up to four bytes.
fn on_stream(packet: &[u8]) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    if matches!(packet.first(), Some(0x40..=0x4f)) {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// What stands at the begin of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Cut {
    /// A packet of this length, which takes up so much of the stream.
    Packet { length: usize, whole: usize },
    /// Not all of it is there.
    Wait,
    /// No packet.
    Nonsense,
}

fn next_packet(bytes: &[u8]) -> Cut {
    let [first, _, high, low, ..] = bytes else {
        return Cut::Wait;
    };
    let said = usize::from(u16::from_be_bytes([*high, *low]));
    let (length, whole) = match first {
        0..=3 => (20 + said, 20 + said),
        0x40..=0x4f => (4 + said, (4 + said).next_multiple_of(4)),
        _ => return Cut::Nonsense,
    };
    if bytes.len() < whole {
        return Cut::Wait;
    }
    Cut::Packet { length, whole }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn t2_addresses_of_relays_are_read_as_browsers_read_them() {
        let place = |way, host: &str, port| {
            Some(Place {
                way,
                host: host.to_owned(),
                port,
            })
        };
        for (url, read) in [
            ("turn:relay.example", place(Way::Udp, "relay.example", 3478)),
            (
                "turn:r.example:80?transport=udp",
                place(Way::Udp, "r.example", 80),
            ),
            (
                "turn:r.example?transport=tcp",
                place(Way::Tcp, "r.example", 3478),
            ),
            ("turns:r.example", place(Way::Tls, "r.example", 5349)),
            (
                "turns:r.example:443?transport=tcp",
                place(Way::Tls, "r.example", 443),
            ),
            (
                "turn:[2001:db8::1]:3479",
                place(Way::Udp, "2001:db8::1", 3479),
            ),
            ("turn:[2001:db8::1]", place(Way::Udp, "2001:db8::1", 3478)),
            ("turns:r.example?transport=udp", None),
            ("stun:r.example", None),
            ("turn:", None),
            ("turn:r.example:high", None),
        ] {
            assert_eq!(Place::read(url), read, "{url}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t2_addresses_that_lead_nowhere_hold_up_none_that_leads_somewhere() {
        // One that swallows packets, one that lets in and says nothing, one that works.
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = |urls: Vec<String>| Relay {
            urls,
            username: "visit".to_owned(),
            credential: "secret".to_owned(),
        };
        let udp = format!("turn:{}", silent.local_addr().unwrap());
        let tls = format!("turns:{}", mute.local_addr().unwrap());
        let tcp = format!("turn:{}?transport=tcp", open.local_addr().unwrap());
        let relays = vec![
            relay(vec![udp.clone(), tls.clone(), tcp.clone()]),
            relay(vec![tls, udp, tcp]),
        ];
        let begun = Instant::now();
        let reached = reach(relays, &[]).await;
        assert!(begun.elapsed() < OPENED, "{:?}", begun.elapsed());
        let urls: Vec<&str> = reached
            .servers
            .iter()
            .flat_map(|server| server.urls.iter().map(String::as_str))
            .collect();
        assert_eq!(urls.len(), 2, "{urls:?}");
        for url in urls {
            assert!(url.starts_with("turn:127.0.0.1:"), "{url}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn t2_a_relay_that_answers_is_used_and_one_that_does_not_is_none() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let answering = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let url = |socket: &UdpSocket| format!("turn:{}", socket.local_addr().unwrap());
        let (nowhere, somewhere) = (url(&silent), url(&answering));
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, from)) = answering.recv_from(&mut question).await {
                // A success response with the number of the question.
                question[0] = 1;
                let _ = answering.send_to(&question[..length], from).await;
            }
        });
        let relay = |url: &str| Relay {
            urls: vec![url.to_owned()],
            username: "visit".to_owned(),
            credential: "secret".to_owned(),
        };
        let reached = reach(vec![relay(&nowhere), relay(&somewhere)], &[]).await;
        let urls: Vec<&String> = reached.servers.iter().flat_map(|it| &it.urls).collect();
        assert_eq!(urls, [&somewhere]);
    }

    fn packet() -> impl Strategy<Value = Vec<u8>> {
        (
            any::<bool>(),
            proptest::collection::vec(any::<u8>(), 0..300),
        )
            .prop_map(|(channel, body)| {
                let length = u16::try_from(body.len()).unwrap().to_be_bytes();
                let mut bytes = if channel {
                    vec![0x41, 7, length[0], length[1]]
                } else {
                    [vec![0, 1, length[0], length[1]], vec![9; 16]].concat()
                };
                bytes.extend(body);
                bytes
            })
    }

    proptest! {
        #[test]
        fn t2_packets_come_off_a_stream_as_they_went_on(
            packets in proptest::collection::vec(packet(), 1..20),
            piece in 1..50_usize,
        ) {
            let stream: Vec<u8> = packets.iter().flat_map(|packet| on_stream(packet)).collect();
            let mut bytes = Vec::new();
            let mut found = Vec::new();
            for piece in stream.chunks(piece) {
                bytes.extend_from_slice(piece);
                while let Cut::Packet { length, whole } = next_packet(&bytes) {
                    found.push(bytes[..length].to_vec());
                    bytes.drain(..whole);
                }
            }
            prop_assert_eq!(found, packets);
            prop_assert_eq!(bytes, Vec::<u8>::new());
        }
    }
}
