//! What a supervisor sees: queues, agents and calls as they stand.

use std::collections::BTreeMap;

use flow::Digest;
use serde::Serialize;

use crate::switch::Switch;
use crate::trunk::TrunkStatus;

/// Queues, agents and calls as they stand. Holds nothing private.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Every queue.
    pub queues: Vec<QueueStatus>,
    /// Every agent.
    pub agents: Vec<AgentStatus>,
    /// Every call.
    pub calls: Vec<CallStatus>,
    /// Every trunk.
    pub trunks: Vec<TrunkStatus>,
    /// RTP port numbers free.
    pub ports_free: usize,
    /// Digest of the flows new calls take.
    pub flows: String,
    /// How many calls are on which version of all flows together.
    pub versions: Vec<VersionStatus>,
    /// Whether new calls are refused because the node is to stop.
    pub draining: bool,
}

/// One version of all flows together that calls are on.
#[derive(Clone, Debug, Serialize)]
pub struct VersionStatus {
    /// Its digest.
    pub version: String,
    /// Calls on it.
    pub calls: u32,
}

/// One queue.
#[derive(Clone, Debug, Serialize)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// Callers waiting: emergency, emergent, urgent, soon, routine, admin.
    pub waiting: [u32; 6],
}

/// One agent.
#[derive(Clone, Debug, Serialize)]
pub struct AgentStatus {
    /// Her user name.
    pub name: String,
    /// `offline`, `available` …
    pub state: &'static str,
    /// Phones registered.
    pub contacts: usize,
}

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct CallStatus {
    /// Its id.
    pub call: String,
    /// The flow and step the caller is at.
    pub at: String,
    /// How urgent.
    pub urgency: &'static str,
    /// The queue she waits in.
    pub queue: Option<String>,
    /// Whom she talks with or who is rung for her.
    pub with: Option<String>,
    /// The digest of the flow it started on; empty of a call an agent made.
    pub flow: String,
}

impl Switch {
    /// The versions calls are on: each call keeps the one it began with.
    fn versions(&self) -> Vec<VersionStatus> {
        let mut versions: BTreeMap<Digest, u32> = BTreeMap::new();
        for call in self.calls.values() {
            *versions.entry(call.setup.library.digest()).or_default() += 1;
        }
        let version = |(digest, calls): (Digest, u32)| VersionStatus { version: digest.to_string(), calls };
        versions.into_iter().map(version).collect()
    }

    /// Queues, agents and calls as they stand.
    pub fn status(&self) -> Status {
        let setup = self.setup();
        Status {
            queues: setup
                .acd
                .queues
                .keys()
                .filter_map(|name| {
                    let queue = self.acd.queue(name)?;
                    Some(QueueStatus { name: name.clone(), waiting: self.acd.waiting(queue) })
                })
                .collect(),
            agents: setup
                .acd
                .agents
                .keys()
                .filter_map(|name| {
                    let state = self.acd.agent_state(self.acd.agent(name)?)?;
                    Some(AgentStatus {
                        name: name.clone(),
                        state: state.word(),
                        contacts: self.sip.bindings(name).len(),
                    })
                })
                .collect(),
            calls: self
                .calls
                .values()
                .map(|call| CallStatus {
                    call: call.id.to_string(),
                    at: format!("{}/{}", call.at.0, call.at.1),
                    urgency: call.urgency.word(),
                    queue: call.waiting.as_ref().map(|waiting| waiting.request.queue.to_string()),
                    with: call.far.as_ref().map(|far| far.who.name()),
                    flow: call.script.flow().map(|flow| flow.digest().to_string()).unwrap_or_default(),
                })
                .chain(self.emergencies.values().map(|call| CallStatus {
                    call: call.id.to_string(),
                    at: "emergency".to_owned(),
                    urgency: flow::Urgency::Emergency.word(),
                    queue: None,
                    with: call.with(),
                    flow: String::new(),
                }))
                .collect(),
            trunks: self.links.status(),
            ports_free: self.ports.free_in_all(),
            flows: setup.library.digest().to_string(),
            versions: self.versions(),
            draining: self.draining,
        }
    }
}
