//! The HTTP listener: health, metrics and the API.

mod api;
mod flows;
mod health;
mod listener;
mod messages;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use primitives::Private;
use tokio::net::TcpListener;

use crate::net::tls::Acceptor;
use crate::node::Node;

/// Bytes of a request's body. A wish of an agent has a hundred.
const BODY_BYTES_MAX: usize = 16 * 1_024;

/// Longest a request may take, its body included. A reload has no body and takes its own time.
const REQUEST_MAX: Duration = Duration::from_secs(10);

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
        .route("/api/v1/flows", get(flows::versions))
        .route("/api/v1/agents/{agent}/{wish}", post(api::agent))
        .route("/api/v1/messages", get(messages::list))
        .route("/api/v1/messages/{recording}/{state}", post(messages::mark))
        .layer(middleware::from_fn(in_time))
        .route("/api/v1/reload", post(flows::reload))
        .route("/api/v1/flows/rollback", post(flows::rollback))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(service)
}

/// Serves until the runtime ends.
pub async fn serve(listener: std::net::TcpListener, tls: Option<Acceptor>, service: Service) {
    let router = router(service);
    match TcpListener::from_std(listener) {
        Ok(listener) => listener::accept(listener, tls, router).await,
        Err(error) => tracing::error!(%error, "the HTTP listener ended"),
    }
}

/// Answers 408 where a request, or what it asks for, takes too long.
async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}
