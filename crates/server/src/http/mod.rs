//! The HTTP listener: health, metrics and the API.

mod api;
mod health;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use primitives::Private;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::net::tls::Acceptor;
use crate::node::Node;

/// TLS handshakes under way. One more waits to be accepted.
const HANDSHAKES_MAX: usize = 64;

/// What the handlers reach.
#[derive(Clone)]
pub struct Service {
    /// The node.
    pub node: Arc<Node>,
    /// The token of the API.
    pub token: Private<String>,
}

/// Every route.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/status", get(api::status))
        .route("/api/v1/agents/{agent}/{wish}", post(api::agent))
        .route("/api/v1/reload", post(api::reload))
        .with_state(service)
}

/// Serves until the runtime ends.
pub async fn serve(listener: std::net::TcpListener, tls: Option<Acceptor>, service: Service) {
    let router = router(service);
    let served = match (TcpListener::from_std(listener), tls) {
        (Ok(listener), None) => axum::serve(listener, router).await,
        (Ok(listener), Some(tls)) => axum::serve(TlsListener::new(listener, tls), router).await,
        (Err(error), _) => Err(error),
    };
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP listener ended");
    }
}

type TlsStream = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

/// Accepts TLS without letting one slow handshake hold up the others.
struct TlsListener {
    local: std::io::Result<std::net::SocketAddr>,
    ready: mpsc::Receiver<(TlsStream, std::net::SocketAddr)>,
}

impl TlsListener {
    fn new(listener: TcpListener, tls: Acceptor) -> Self {
        let local = listener.local_addr();
        let (sender, ready) = mpsc::channel(HANDSHAKES_MAX);
        tokio::spawn(async move {
            let under_way = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES_MAX));
            while let Ok(permit) = Arc::clone(&under_way).acquire_owned().await {
                let Ok((stream, peer)) = listener.accept().await else {
                    // Out of file descriptors, most likely.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                };
                let (tls, sender) = (tls.current(), sender.clone());
                tokio::spawn(async move {
                    let handshake =
                        tokio::time::timeout(std::time::Duration::from_secs(10), tls.accept(stream));
                    if let Ok(Ok(stream)) = handshake.await {
                        // The server ended meanwhile.
                        let _ = sender.send((stream, peer)).await;
                    }
                    drop(permit);
                });
            }
        });
        Self { local, ready }
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        match &self.local {
            Ok(local) => Ok(*local),
            Err(error) => Err(std::io::Error::from(error.kind())),
        }
    }
}
