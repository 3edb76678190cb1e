//! For those who watch: is it alive, does it take calls, what do the numbers say.

use std::time::Instant;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::Service;
use crate::net::overflow::datagrams_lost;

/// The process answers.
pub async fn live() -> &'static str {
    "alive\n"
}

/// New calls are taken: the signalling thread answers and the node is not draining. A stalled audit log
/// does not make it unready, because care goes on; it raises `careline_audit_stalled`.
pub async fn ready(State(service): State<Service>) -> (StatusCode, &'static str) {
    match service.node.snapshot.current(Instant::now()) {
        Some(status) if status.draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        Some(_) => (StatusCode::OK, "ready\n"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the signalling thread does not answer\n"),
    }
}

/// The page Prometheus scrapes.
pub async fn metrics(State(service): State<Service>) -> Response {
    let status = service.node.snapshot.current(Instant::now());
    service.node.count_versions();
    let lost = datagrams_lost(&service.node.addresses.udp);
    service.node.metrics.sip_datagrams_lost.set(i64::try_from(lost).unwrap_or(i64::MAX));
    match service.node.metrics.page(status.as_deref(), service.node.writer.metrics()) {
        Ok(page) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
