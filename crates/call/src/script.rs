//! What leads a call from event to event: a caller's flow, or the wish of an agent who dialled somebody.

use std::sync::Arc;
use std::time::Instant;

use flow::{Flow, Interpreter};

use crate::direct::Direct;

/// What leads a call.
#[derive(Debug)]
pub(crate) enum Script {
    /// The flow that answers the number a caller dialled.
    Flow(Box<Interpreter>),
    /// An agent's phone dialled a person, a queue or a number by name.
    Direct(Direct),
}

impl Script {
    /// When it wants to be told of the time.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Flow(interpreter) => interpreter.poll_timeout(),
            Self::Direct(_) => None,
        }
    }

    /// The flow the call started on, where there is one.
    pub(crate) fn flow(&self) -> Option<&Arc<Flow>> {
        match self {
            Self::Flow(interpreter) => Some(interpreter.flow()),
            Self::Direct(_) => None,
        }
    }

    /// The agent whose phone made this call.
    pub(crate) const fn direct(&self) -> Option<&Direct> {
        match self {
            Self::Flow(_) => None,
            Self::Direct(direct) => Some(direct),
        }
    }
}
