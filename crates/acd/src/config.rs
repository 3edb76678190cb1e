//! Queues and agents as people write them down, and what changes when they are read anew.

use std::collections::BTreeMap;

use primitives::Now;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agent::{Agent, AgentChange, AgentState, Standing};
use crate::engine::Engine;
use crate::input::{AgentId, EntryId, QueueId};
use crate::output::{Output, QueueExit};
use crate::queue::{Queue, Skills};

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
    /// Where she sits: a name of `emergency.locations`. Queues do not ask; 911 from her phone conveys it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether she must say at each sign-in that she is there. Default `never`.
    pub location_confirm: LocationConfirm,
}

/// When an agent must say that she is where her location says.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationConfirm {
    /// Her phone does not move.
    #[default]
    Never,
    /// She may work from anywhere: until she has said so, she takes no calls.
    EachSignIn,
}

impl Engine {
    /// Queues and agents are read anew: callers, calls and ringing phones stay, where their queue and agent
    /// do. What a waiting caller was promised as her longest wait stays too.
    pub(crate) fn configure(&mut self, now: Now, config: Config, out: &mut Vec<Output>) {
        self.exit_from_queues_missing_in(&config, now, out);
        self.let_go_of_agents_missing_in(&config, now, out);
        let waiting: Vec<EntryId> = self.entries.keys().copied().collect();
        let agents: Vec<AgentId> = self.agents.keys().copied().collect();
        for entry in &waiting {
            self.detach(now, *entry);
        }
        for agent in &agents {
            self.count(now, *agent, Standing::default());
        }
        self.adopt(config);
        for agent in &agents {
            self.stop_ringing_elsewhere(*agent, out);
            self.settle(now, *agent, out);
        }
        for entry in &waiting {
            let need = self.entries.get(entry).map(|waiting| self.need(now, waiting.rank, &waiting.skills));
            if let Some((need, waiting)) = need.zip(self.entries.get_mut(entry)) {
                waiting.need = need;
            }
            self.attach(now, *entry);
        }
    }

    fn exit_from_queues_missing_in(&mut self, config: &Config, now: Now, out: &mut Vec<Output>) {
        let mut leaving = Vec::new();
        self.queue_ids.retain(|name, _| config.queues.contains_key(name));
        for queue in self.queues.values().filter(|queue| !config.queues.contains_key(&queue.name)) {
            leaving.extend(queue.places.iter().map(|rank| rank.entry));
        }
        for entry in leaving {
            self.exit(now, entry, QueueExit::Failed, out);
        }
        self.queues.retain(|_, queue| config.queues.contains_key(&queue.name));
    }

    fn let_go_of_agents_missing_in(&mut self, config: &Config, now: Now, out: &mut Vec<Output>) {
        let gone = self.agents.values().filter(|agent| !config.agents.contains_key(&agent.name));
        for agent in gone.map(|agent| agent.id).collect::<Vec<_>>() {
            self.agent_changed(now, agent, AgentChange::SignOut, out);
            if self.agent_state(agent) != Some(AgentState::Offline) {
                // A call goes on without us counting it.
                out.push(Output::Agent { agent, state: AgentState::Offline });
            }
            self.agents.remove(&agent);
        }
        self.agent_ids.retain(|name, _| config.agents.contains_key(name));
    }

    /// Takes over names, numbers, skills and settings. Nobody is in a line and no agent is counted.
    pub(crate) fn adopt(&mut self, config: Config) {
        for (name, queue) in config.queues {
            let id = *self.queue_ids.entry(name.clone()).or_insert_with(|| {
                self.last_queue += 1;
                QueueId(self.last_queue)
            });
            match self.queues.get_mut(&id) {
                Some(known) => known.config = queue,
                None => drop(self.queues.insert(id, Queue::new(name, queue))),
            }
        }
        self.skills = Skills::default();
        for (name, agent) in config.agents {
            let id = *self.agent_ids.entry(name.clone()).or_insert_with(|| {
                self.last_agent += 1;
                AgentId(self.last_agent)
            });
            let may_serve =
                agent.queues.into_iter().filter_map(|queue| Some((queue.clone(), self.queue(&queue)?)));
            let may_serve = may_serve.collect();
            let known = self.agents.entry(id).or_insert_with(|| Agent::new(id, name));
            known.may_serve = may_serve;
            known.queues = known.chosen_queues();
            known.skills = self.skills.of_agent(&agent.skills);
        }
    }
}
