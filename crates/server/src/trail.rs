//! The trace line of a hop. The metric and the audit fact are made of the same value.

use audit::{CallId, FlowRef};
use call::Hop;

/// Writes one line. Nothing private is in a hop, so nothing private is in a log.
pub fn trace(call: Option<CallId>, flow: Option<&FlowRef>, hop: &Hop) {
    let kind = hop.fact().kind;
    let step = flow.map(|flow| format!("{}/{}", flow.name, flow.step));
    let words = hop.tell(step.as_deref());
    match call {
        Some(call) => tracing::info!(target: "hop", %call, kind, step, "{words}"),
        None => tracing::info!(target: "hop", kind, "{words}"),
    }
}
