//! What a flow itself promises its callers: `promises:`.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Fault;
use crate::flow::StepId;

/// One promise of a flow.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Promise {
    /// Whoever comes to this step.
    pub(crate) from: StepId,
    pub(crate) hope: Hope,
    pub(crate) within: Duration,
    /// What may be wrong meanwhile.
    #[serde(skip)]
    pub(crate) even_if: Vec<Fault>,
    /// As written, for the proof's line.
    pub(crate) words: String,
}

/// What is promised to come.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Hope {
    /// This prompt, to its end.
    Hears(Arc<str>),
    /// An agent answers or a number outside does, or the advice to dial 911 is heard to its end.
    HumanOrAdvice,
    /// A person.
    Human,
    /// A place in this queue.
    Queue(Arc<str>),
    /// This step.
    Step(Arc<str>),
}
