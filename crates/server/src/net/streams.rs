//! SIP over TCP and TLS: bytes in, bytes out; the endpoint does the framing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustls_pki_types::{CertificateDer, ServerName};
use sip::{ConnectionChange, ConnectionId, Path, RegistrationChange, Target, Transport};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;
use crate::net::identity;
use crate::net::seats::Seats;
use crate::net::tls::{Acceptor, Connector};

/// Connections the endpoint asked for, at once. Trunks have a handful.
const ASKED_FOR_MAX: usize = 1_024;

/// Longest a peer may take nothing of what is written to it. Past it the connection is closed: what waits
/// behind it is sent another way or given up.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// Messages waiting to be written to one peer. One that takes none for that long misses what follows: its own
/// transactions time out.
const UNWRITTEN_MAX: usize = 256;

/// Bytes the kernel keeps of what one peer has not taken, and as much again for itself. By itself it would grow
/// to megabytes, with which a few thousand deaf peers fill a machine; and none of them would show for minutes.
const UNTAKEN_BYTES_MAX: usize = 256 * 1_024;

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1_024;

/// How often a stream looks whether the signalling thread has room again.
const ROOM_EVERY: Duration = Duration::from_millis(5);

/// Longest a connection may take to be set up, TLS included.
const SET_UP_MAX: Duration = Duration::from_secs(10);

/// The stream connections of a node.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

struct Shared {
    writers: Mutex<HashMap<ConnectionId, mpsc::Sender<Bytes>>>,
    accepted: AtomicU64,
    seats: Seats,
    metrics: Arc<Metrics>,
    connector: Connector,
    inbox: Inbox,
    runtime: tokio::runtime::Handle,
}

impl Streams {
    /// None yet.
    pub fn new(
        inbox: Inbox,
        connector: Connector,
        metrics: Arc<Metrics>,
        seats: Seats,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        let writers = Mutex::new(HashMap::new());
        Self(Arc::new(Shared {
            writers,
            accepted: AtomicU64::new(0),
            seats,
            metrics,
            connector,
            inbox,
            runtime,
        }))
    }

    /// Accepts connections until the runtime ends.
    pub fn listen(&self, listener: std::net::TcpListener, tls: Option<Acceptor>) -> std::io::Result<()> {
        let _in_runtime = self.0.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let local = listener.local_addr()?;
        let streams = self.clone();
        self.0.runtime.spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => streams.accepted(stream, local, peer, tls.clone()),
                    Err(error) => {
                        // Out of file descriptors, most likely: calls over UDP go on meanwhile.
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(())
    }

    fn accepted(&self, stream: TcpStream, local: SocketAddr, peer: SocketAddr, tls: Option<Acceptor>) {
        let Some(seat) = self.0.seats.take(peer.ip()) else {
            return self.0.metrics.connections_refused.inc();
        };
        bound_untaken(&stream);
        let id = ConnectionId(self.0.accepted.fetch_add(1, Ordering::Relaxed));
        let streams = self.clone();
        self.0.runtime.spawn(async move {
            let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
            let path = Path { transport, local, peer, connection: Some(id) };
            match tls {
                None => streams.carry(stream, path, accepted(path, Vec::new())).await,
                Some(tls) => match tokio::time::timeout(SET_UP_MAX, tls.current().accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let certificate = proven(stream.get_ref().1.peer_certificates());
                        streams.carry(stream, path, accepted(path, certificate)).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
            drop(seat);
        });
    }

    /// Opens a connection the endpoint asked for.
    pub fn connect(&self, id: ConnectionId, target: Target) {
        let streams = self.clone();
        self.0.runtime.spawn(async move {
            let Target { transport, address, .. } = target;
            let failed = match tokio::time::timeout(SET_UP_MAX, streams.set_up(id, target)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it took too long".to_owned(),
            };
            tracing::warn!(%transport, %address, error = failed, "a connection cannot be opened");
            streams.deliver(|| Message::Connection { id, change: ConnectionChange::Lost }).await;
        });
    }

    /// Connects, and leaves a task that carries bytes.
    async fn set_up(&self, id: ConnectionId, target: Target) -> std::io::Result<()> {
        let Target { transport, address, domain } = target;
        let stream = TcpStream::connect(address).await?;
        bound_untaken(&stream);
        let local = stream.local_addr()?;
        let path = Path { transport, local, peer: address, connection: Some(id) };
        let streams = self.clone();
        let opened = |certificate| ConnectionChange::Opened { local, certificate };
        if transport == Transport::Tls {
            let name = match domain {
                Some(domain) => ServerName::try_from(domain).map_err(std::io::Error::other)?,
                None => ServerName::from(address.ip()),
            };
            let stream = self.0.connector.current().connect(name, stream).await?;
            let opened = opened(proven(stream.get_ref().1.peer_certificates()));
            self.0.runtime.spawn(async move { streams.carry(stream, path, opened).await });
        } else {
            let opened = opened(Vec::new());
            self.0.runtime.spawn(async move { streams.carry(stream, path, opened).await });
        }
        Ok(())
    }

    /// A phone of ours registered, or is gone: there is room for it where strangers find none.
    pub fn registered(&self, change: &RegistrationChange) {
        self.0.seats.registered(change);
    }

    /// Closes a connection.
    pub fn close(&self, id: ConnectionId) {
        self.writers().remove(&id);
    }

    /// Hands bytes to a connection's writer. `false`: it is gone, or takes nothing any more.
    pub fn send(&self, id: ConnectionId, bytes: Bytes) -> bool {
        self.writers().get(&id).is_some_and(|writer| writer.try_send(bytes).is_ok())
    }

    fn writers(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, mpsc::Sender<Bytes>>> {
        self.0.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a connection is there and carries bytes both ways until either side ends it.
    async fn carry(&self, stream: impl AsyncRead + AsyncWrite, path: Path, first: ConnectionChange) {
        let Some(id) = path.connection else { return };
        let (writer, mut unwritten) = mpsc::channel::<Bytes>(UNWRITTEN_MAX);
        {
            let mut writers = self.writers();
            let is_ours = id.0 >= ConnectionId::ASKED_FOR_MIN;
            let ours = |id: &&ConnectionId| id.0 >= ConnectionId::ASKED_FOR_MIN;
            if is_ours && writers.keys().filter(ours).count() >= ASKED_FOR_MAX {
                let lost = Message::Connection { id, change: ConnectionChange::Lost };
                self.0.inbox.send(lost);
                return;
            }
            writers.insert(id, writer);
        }
        self.deliver(|| Message::Connection { id, change: first.clone() }).await;
        let (mut read, mut write) = tokio::io::split(stream);
        let reading = async {
            let mut buffer = vec![0; READ_BYTES];
            while let Ok(length @ 1..) = read.read(&mut buffer).await {
                let bytes = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                // Left unread, the peer's own window fills: it waits, and nothing of it is lost.
                self.deliver(|| Message::Stream { path, bytes: bytes.clone() }).await;
            }
        };
        let writing = async {
            while let Some(bytes) = unwritten.recv().await {
                match tokio::time::timeout(WRITE_MAX, write.write_all(&bytes)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return,
                    Err(_) => return self.0.metrics.connections_stalled.inc(),
                }
            }
            // Closed by us: what is written goes out before the end does. The peer may be gone already.
            let _ = tokio::time::timeout(WRITE_MAX, write.shutdown()).await;
        };
        tokio::pin!(reading, writing);
        tokio::select! {
            () = &mut reading => {}
            () = &mut writing => {}
        }
        self.writers().remove(&id);
        self.deliver(|| Message::Connection { id, change: ConnectionChange::Lost }).await;
    }

    /// Leaves a message, waiting while the signalling thread has no room for it.
    async fn deliver(&self, message: impl Fn() -> Message) {
        while !self.0.inbox.send(message()) {
            tokio::time::sleep(ROOM_EVERY).await;
        }
    }
}

/// A system that refuses keeps its own bound.
fn bound_untaken(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_send_buffer_size(UNTAKEN_BYTES_MAX);
}

fn accepted(path: Path, certificate: Vec<String>) -> ConnectionChange {
    ConnectionChange::Accepted { transport: path.transport, peer: path.peer, certificate }
}

/// The names of the far end's certificate, which the handshake has verified.
fn proven(chain: Option<&[CertificateDer<'_>]>) -> Vec<String> {
    chain.and_then(|chain| chain.first()).map(identity::names).unwrap_or_default()
}
