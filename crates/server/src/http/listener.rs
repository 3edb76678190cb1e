//! Connections of the HTTP listener: how many, how long, how slow. One request each, so that a connection has
//! one limit from its handshake to its last byte.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::net::tls::Acceptor;

/// Connections at once. One more waits to be accepted until one of these ends, which none can put off for
/// longer than its limits.
const CONNECTIONS_MAX: usize = 256;

/// Longest a TLS handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Longest the head of a request may take to come.
const HEAD_MAX: Duration = Duration::from_secs(5);

/// Bytes of a head.
const HEAD_BYTES_MAX: usize = 16 * 1_024;

/// Longest a connection lives: a reload reads and checks for up to a minute, and its answer is short.
const CONNECTION_MAX: Duration = Duration::from_secs(90);

/// How long to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until the runtime ends.
pub async fn accept(listener: TcpListener, tls: Option<Acceptor>, router: Router) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            // Past the limit the connection is dropped, whoever was slow.
            let _ = timeout(CONNECTION_MAX, set_up(stream, tls, router)).await;
            drop(seat);
        });
    }
}

async fn set_up(stream: TcpStream, tls: Option<Acceptor>, router: Router) {
    match tls {
        None => carry(stream, router).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_MAX, tls.current().accept(stream)).await {
                carry(stream, router).await;
            }
        }
    }
}

async fn carry(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let carried = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = carried {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
