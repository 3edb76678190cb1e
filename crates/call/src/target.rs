//! Whom an agent may reach by name: from her phone's keys, and as the target of a transfer.

use std::sync::Arc;

use acd::AgentId;
use flow::Flow;

use crate::route::{Route, route};
use crate::switch::Switch;

/// Somebody an agent may reach.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Another agent, by her user name.
    Agent { agent: AgentId, name: String },
    /// Whoever of a queue is free.
    Queue { name: String },
    /// A number of `numbers:`.
    Number { name: Arc<str> },
    /// A flow, by a number it answers.
    Flow { flow: Arc<Flow>, dialled: String },
}

impl Target {
    /// For the log.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Agent { name, .. } | Self::Queue { name } => name.clone(),
            Self::Number { name } => name.to_string(),
            Self::Flow { dialled, .. } => dialled.clone(),
        }
    }
}

impl Switch {
    /// Whom `dialled` names; `None` is 404. The one place that decides it, for calls and for transfers: what
    /// agents may dial outside by number belongs here.
    pub(crate) fn target(&self, dialled: &str) -> Option<Target> {
        let setup = self.setup();
        if let Route::Flow { flow, dialled } = route(setup, dialled, None) {
            return Some(Target::Flow { flow, dialled });
        }
        if let Some(agent) = self.acd.agent(dialled) {
            return Some(Target::Agent { agent, name: dialled.to_owned() });
        }
        if self.acd.queue(dialled).is_some() {
            return Some(Target::Queue { name: dialled.to_owned() });
        }
        let (name, _) = setup.numbers.get_key_value(dialled)?;
        Some(Target::Number { name: name.as_str().into() })
    }
}
