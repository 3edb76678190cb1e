//! One caller's place in one flow.

use std::sync::Arc;
use std::time::Instant;

use primitives::Now;

use crate::{Action, Caller, Event, Flow, Library, Urgency};

/// One caller's place in one flow. The flow was checked when it was loaded, so no step can fail to exist;
/// what remains uncertain (digits, queues, hang-ups) arrives as an [`Event`].
#[derive(Debug)]
pub struct Interpreter {}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "the contract, before its implementation")]
impl Interpreter {
    pub fn new(library: Arc<Library>, flow: Arc<Flow>, caller: Caller) -> Self {
        todo!()
    }
    /// Runs until the flow waits. At most `STEPS_PER_EVENT_MAX` steps; beyond that the fallback step.
    pub fn handle(&mut self, now: Now, event: Event, out: &mut Vec<Action>) {
        todo!()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
    /// The flow and step the caller is at, for "where is this caller now".
    pub fn position(&self) -> (&str, &str) {
        todo!()
    }
    pub fn urgency(&self) -> Urgency {
        todo!()
    }
    /// The flow the call started on (its digest names every hop).
    pub fn flow(&self) -> &Arc<Flow> {
        todo!()
    }
}
