//! The `tests:` of a flow: what a caller does, and what must come of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use primitives::Private;

use crate::Urgency;

/// One test.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) flow: Arc<str>,
    pub(crate) name: String,
    pub(crate) at: Option<Timestamp>,
    pub(crate) number: Option<Private<String>>,
    pub(crate) dialled: String,
    pub(crate) script: Vec<ScriptEntry>,
    pub(crate) agents: BTreeMap<String, Agents>,
    pub(crate) numbers: BTreeMap<String, Far>,
    pub(crate) agent_leaves: Option<Duration>,
    pub(crate) expected: Expected,
}

/// What the caller does once the call is at a step.
#[derive(Debug)]
pub(crate) struct ScriptEntry {
    /// `step`, or `flow/step`.
    pub(crate) at: String,
    pub(crate) deed: Deed,
    /// Since the call came to the step.
    pub(crate) after: Duration,
}

#[derive(Debug)]
pub(crate) enum Deed {
    Keys(Vec<char>),
    HangUp,
}

/// Who serves a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Agents {
    Nobody,
    Free,
    Busy,
    Full,
    Closed,
    Failed,
}

/// What the other side of a transfer does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Far {
    Answers,
    Busy,
    NoAnswer,
    Failed,
}

/// What must, or must not, come about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    Human,
    HangUp,
    /// This version has no voicemail to fall into: never reached.
    Voicemail,
    Queue(String),
    Step(String),
    Transfer(String),
    Hears(String),
}

#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) hears: Vec<String>,
    pub(crate) reaches: Option<Goal>,
    pub(crate) never: Vec<Goal>,
    pub(crate) before: Option<Duration>,
    pub(crate) urgency: Option<Urgency>,
    pub(crate) reason: Option<String>,
    pub(crate) language: Option<String>,
}
