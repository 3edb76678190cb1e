use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Queues and agents, as `queues.yaml` and the configuration have them. Ids are places in these lists'
/// names; see [`crate::Engine::queue`] and [`crate::Engine::agent`].
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// By name.
    pub queues: BTreeMap<String, QueueConfig>,
    /// By name.
    pub agents: BTreeMap<String, AgentConfig>,
}

/// One queue of `queues.yaml`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    /// What it is for; shown to people.
    pub about: String,
    /// How long one agent's phone rings before the next is tried. Default 20 s: four European ring cycles.
    pub ring_secs: u32,
    /// Time for notes after a call before the next is offered. Default 30 s.
    pub wrap_up_secs: u32,
    /// Callers allowed to wait. Beyond this `on_full` is taken, but never by an emergency, emergent or
    /// urgent caller. Default 200.
    pub waiting_max: u32,
    /// Leaving sooner than this was no wait: counted apart. Default 5 s.
    pub short_abandon_secs: u32,
    /// Agents kept free for emergency, emergent and urgent callers; `None`: 0 below four staffed, 1 from
    /// four, 2 from twenty-five.
    pub reserve: Option<u32>,
    /// Longest wait of each urgency before `on_timeout`, in seconds; what is not named has domain
    /// default 30 (emergency, emergent), 180, 600, 900, 300.
    pub wait_max_secs: BTreeMap<String, u32>,
    /// Whether an agent who does not answer is paused until she says she is ready (RONA). Default true.
    pub pause_on_no_answer: bool,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            about: String::new(),
            ring_secs: 20,
            wrap_up_secs: 30,
            waiting_max: 200,
            short_abandon_secs: 5,
            reserve: None,
            wait_max_secs: BTreeMap::new(),
            pause_on_no_answer: true,
        }
    }
}

/// One agent.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// The name people know; whispered to nobody, shown to supervisors.
    pub name: String,
    /// Queues this agent may sign in to.
    pub queues: Vec<String>,
    /// Skills: `lang:es`, `rn:CA`.
    pub skills: Vec<String>,
}
