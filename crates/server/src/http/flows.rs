//! Versions of the flows: which there are, and which new calls take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use call::Loaded;
use serde::Deserialize;
use serde_json::json;

use super::Service;
use super::api::{Answer, problem, unauthorized};
use crate::node::{Node, NodeError};

/// Characters of a name in the log.
const NAME_CHARS_MAX: usize = 64;

/// The body of `POST /api/v1/reload`; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reload {
    /// Who asks, for the log: whoever holds the token says so.
    by: String,
    origin: Through,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Through {
    #[default]
    Api,
    Command,
}

/// The body of `POST /api/v1/flows/rollback`; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollback {
    by: String,
    /// The beginning of a digest.
    version: Option<String>,
}

/// `POST /api/v1/reload`: flows and configuration are checked, proved and swapped as one, or kept.
pub async fn reload(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Option<Json<Reload>>,
) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    let Reload { by, origin } = body.map(|Json(body)| body).unwrap_or_default();
    let origin = match origin {
        Through::Api => "api",
        Through::Command => "command",
    };
    let asked = Loaded { origin: origin.to_owned(), by: name(&by) };
    activated(service.node, move |node| node.reload(&asked)).await
}

/// `POST /api/v1/flows/rollback`: an earlier version, for new calls.
pub async fn rollback(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Option<Json<Rollback>>,
) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    let Rollback { by, version } = body.map(|Json(body)| body).unwrap_or_default();
    let by = name(&by);
    activated(service.node, move |node| node.rollback(version.as_deref(), &by)).await
}

/// `GET /api/v1/flows`: every version that was active here, and the calls on each.
pub async fn versions(State(service): State<Service>, headers: HeaderMap) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    match service.node.versions().await {
        Some(versions) => (StatusCode::OK, Json(json!({ "versions": versions }))),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "the signalling thread does not answer"),
    }
}

/// Proving takes a second: not on a thread that others wait for.
async fn activated(
    node: Arc<Node>,
    work: impl FnOnce(&Node) -> Result<String, NodeError> + Send + 'static,
) -> Answer {
    match tokio::task::spawn_blocking(move || work(&node)).await {
        Ok(Ok(flows)) => (StatusCode::OK, Json(json!({ "flows": flows }))),
        Ok(Err(error)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A name as the log can hold it, on one line.
fn name(by: &str) -> String {
    by.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect()
}
