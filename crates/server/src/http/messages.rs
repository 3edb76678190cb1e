//! Messages callers left: which wait, and what was done about them. What they say is not sent: `careline recording
//! export` writes it, with a reason.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use store::{Database, MessageState};

use super::api::{Answer, problem, unauthorized};
use crate::http::Service;

/// Which messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Which {
    /// Of this inbox only.
    inbox: Option<String>,
}

/// `GET /api/v1/messages?inbox=NAME`: the urgent ones first, then the oldest.
pub async fn list(State(service): State<Service>, Query(which): Query<Which>, headers: HeaderMap) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    let path = service.node.database.clone();
    let read = move || Database::open(&path)?.messages(which.inbox.as_deref());
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(messages)) => {
            let shown: Vec<_> = messages
                .iter()
                .map(|one| {
                    json!({
                        "recording": one.recording, "call": one.call, "inbox": one.inbox,
                        "urgent": one.is_urgent, "arrived": one.arrived, "length_ms": one.length_ms,
                        "state": one.state.word(),
                    })
                })
                .collect();
            (StatusCode::OK, Json(json!({ "messages": shown })))
        }
        Ok(Err(error)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `POST /api/v1/messages/{recording}/{new|heard|done}`.
pub async fn mark(
    State(service): State<Service>,
    Path((recording, state)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    let Some(state) = MessageState::of_word(&state) else {
        return problem(StatusCode::NOT_FOUND, "a message is new, heard or done");
    };
    if !service.node.recorder.mark(recording, state) {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the recorder is too far behind: try again");
    }
    (StatusCode::ACCEPTED, Json(json!({ "state": state.word() })))
}
