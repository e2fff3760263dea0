//! The library's sockets, with an ear on the handshake.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::super::lock;
use super::handshake::{Flights, Heard, PAUSES, Packet};

/// Tokio, and for one connection: what its handshake sent last.
#[derive(Debug, Default)]
pub(super) struct Wire {
    flights: Arc<Mutex<Flights>>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for Wire {
    fn spawn(&self, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn spawn_reactor(&self, size: usize, future: Boxed<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn_reactor(size, future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(Socket {
            inner: TokioRuntime.wrap_udp_socket(socket)?,
            flights: Arc::clone(&self.flights),
        }))
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, to: SocketAddr) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        TokioRuntime.connect_tcp(to)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        TokioRuntime.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Boxed<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        TokioRuntime.name()
    }
}

#[derive(Debug)]
struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    flights: Arc<Mutex<Flights>>,
}

/// Sends again. What does not go out is lost once more, and asked for once more.
async fn again(socket: &Arc<dyn AsyncUdpSocket>, packets: Vec<Packet>) {
    for (bytes, to) in packets {
        let _ = socket.send_to(&bytes, to).await;
    }
}

impl Socket {
    /// Whether the library is to have what came in.
    fn is_new(&self, bytes: &[u8], stride: usize) -> bool {
        let mut new = false;
        // The kernel may have put several packets together.
        for packet in bytes.chunks(stride.max(1)) {
            match lock(&self.flights).heard(packet) {
                Heard::New => new = true,
                Heard::Again(packets) if packets.is_empty() => {}
                Heard::Again(packets) => {
                    let inner = Arc::clone(&self.inner);
                    tokio::spawn(async move { again(&inner, packets).await });
                }
            }
        }
        new || bytes.is_empty()
    }

    fn watch(&self, number: u32) {
        let (inner, flights) = (Arc::downgrade(&self.inner), Arc::clone(&self.flights));
        tokio::spawn(async move {
            for pause in PAUSES {
                tokio::time::sleep(pause).await;
                let overdue = lock(&flights).overdue(number);
                let Some(inner) = inner.upgrade().filter(|_| !overdue.is_empty()) else {
                    return;
                };
                again(&inner, overdue).await;
            }
        });
    }
}

impl AsyncUdpSocket for Socket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let sent = self.inner.poll_send(cx, transmit);
        if matches!(sent, Poll::Ready(Ok(_))) {
            let size = transmit.segment_size.unwrap_or(transmit.contents.len());
            for packet in transmit.contents.chunks(size.max(1)) {
                let begun = lock(&self.flights).sent(packet, transmit.destination);
                if let Some(number) = begun {
                    self.watch(number);
                }
            }
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // One at a time: what is dropped leaves no gap among what is kept.
        let (bufs, meta) = (&mut bufs[..1], &mut meta[..1]);
        loop {
            match self.inner.poll_recv(cx, bufs, meta) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    let bytes = bufs[0].get(..meta[0].len).unwrap_or_default();
                    if self.is_new(bytes, meta[0].stride) {
                        return Poll::Ready(Ok(count));
                    }
                }
                other => return other,
            }
        }
    }
}
