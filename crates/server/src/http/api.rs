//! The API: how things stand, agents' wishes. Every call carries `Authorization: Bearer TOKEN`; the
//! token is in `secrets.yaml` of the data folder.

use acd::AgentChange;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::driver::inbox::Message;
use crate::http::Service;

pub(super) type Answer = (StatusCode, Json<Value>);

/// `GET /api/v1/status`: queues, agents and calls.
pub async fn status(State(service): State<Service>, headers: HeaderMap) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    match service.node.inbox.status().await {
        Some(status) => (StatusCode::OK, Json(json!(status))),
        None => problem(StatusCode::SERVICE_UNAVAILABLE, "the signalling thread does not answer"),
    }
}

/// The body of an agent's wish; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wish {
    /// `sign-in`: to these queues only.
    queues: Vec<String>,
    /// `pause`: why.
    reason: String,
}

/// `POST /api/v1/agents/{agent}/{sign-in|sign-out|ready|pause|confirm-location}`.
pub async fn agent(
    State(service): State<Service>,
    Path((agent, wish)): Path<(String, String)>,
    headers: HeaderMap,
    body: Option<Json<Wish>>,
) -> Answer {
    if let Some(refusal) = unauthorized(&service, &headers) {
        return refusal;
    }
    let Wish { queues, reason } = body.map(|Json(wish)| wish).unwrap_or_default();
    let change = |change| Message::Agent { agent: agent.clone(), change };
    let message = match wish.as_str() {
        "sign-in" => change(AgentChange::SignIn { queues }),
        "sign-out" => change(AgentChange::SignOut),
        "ready" => change(AgentChange::Ready),
        "pause" => change(AgentChange::Pause { reason }),
        "confirm-location" => Message::ConfirmLocation { agent: agent.clone() },
        _ => {
            return problem(
                StatusCode::NOT_FOUND,
                "the wishes are sign-in, sign-out, ready, pause and confirm-location",
            );
        }
    };
    let Some(before) = service.node.inbox.status().await else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the signalling thread does not answer");
    };
    if !before.agents.iter().any(|known| known.name == agent) {
        return problem(StatusCode::NOT_FOUND, "no agent of that name is configured");
    }
    if !service.node.inbox.send(message) {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "the signalling thread is too far behind");
    }
    // Asked after the wish in the same line, so the answer shows what came of it.
    let after = service.node.inbox.status().await.unwrap_or_default();
    let state = after.agents.iter().find(|known| known.name == agent).map(|known| known.state);
    (StatusCode::OK, Json(json!({ "agent": agent, "state": state })))
}

pub(super) fn problem(status: StatusCode, error: &str) -> Answer {
    (status, Json(json!({ "error": error })))
}

/// `None` when the token is right. Compared over its whole length, so that time says nothing.
pub(super) fn unauthorized(service: &Service, headers: &HeaderMap) -> Option<Answer> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let wanted = service.token.expose();
    let differing = given.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    if given.len() == wanted.len() && differing == 0 {
        return None;
    }
    Some(problem(
        StatusCode::UNAUTHORIZED,
        "send `Authorization: Bearer TOKEN`; the token is in secrets.yaml of the data folder",
    ))
}
