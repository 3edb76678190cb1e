//! A distributor on a virtual clock, with people called by name.

#![allow(dead_code, reason = "each test file uses its part of it")]

use std::time::{Duration, Instant};

use acd::{
    AgentChange, AgentConfig, AgentId, AgentState, Config, Engine, Enqueue, EntryId, Input, OfferAnswer,
    OfferId, Output, QueueConfig, QueueExit, QueueId, Urgency, Withdrawal,
};
use jiff::{SignedDuration, Timestamp};
use primitives::Now;

/// What came out, in the order it did; offers, withdrawals, exits and news by the people they concern.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Rings { agent: String, for_caller: u64 },
    Stops { agent: String, why: Withdrawal },
    Leaves { caller: u64, exit: QueueExit },
    Told { caller: u64, ahead: u32, estimate: Option<Duration> },
    Now { agent: String, state: AgentState },
}

pub struct Desk {
    pub engine: Engine,
    pub now: Now,
    pub offers: Vec<(OfferId, EntryId, AgentId)>,
}

pub fn nurses(agents: &[(&str, &[&str])]) -> Config {
    one_queue(QueueConfig { reserve: Some(0), ..QueueConfig::default() }, agents)
}

pub fn one_queue(queue: QueueConfig, agents: &[(&str, &[&str])]) -> Config {
    let agents = agents.iter().map(|(name, skills)| ((*name).to_owned(), agent(&["nurses"], skills)));
    Config { queues: [("nurses".to_owned(), queue)].into(), agents: agents.collect() }
}

pub fn agent(queues: &[&str], skills: &[&str]) -> AgentConfig {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    AgentConfig { queues: owned(queues), skills: owned(skills), ..AgentConfig::default() }
}

impl Desk {
    pub fn new(config: Config) -> Self {
        let now =
            Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(480_000) };
        Self { engine: Engine::new(config), now, offers: Vec::new() }
    }

    /// Everyone configured is signed in, reachable and ready, the first named idle the longest.
    pub fn staffed(config: Config, agents: &[&str]) -> Self {
        let mut desk = Self::new(config);
        for agent in agents {
            desk.ready(agent);
            desk.step(Duration::from_millis(1));
        }
        desk
    }

    pub fn ready(&mut self, agent: &str) -> Vec<Heard> {
        self.agent(agent, AgentChange::Reachable);
        self.agent(agent, AgentChange::SignIn { queues: Vec::new() });
        self.agent(agent, AgentChange::Ready)
    }

    pub fn input(&mut self, input: Input) -> Vec<Heard> {
        let mut out = Vec::new();
        self.engine.handle(self.now, input, &mut out);
        out.into_iter().map(|output| self.hear(output)).collect()
    }

    fn hear(&mut self, output: Output) -> Heard {
        let name = |agent| self.engine.agent_name(agent).unwrap_or("gone").to_owned();
        match output {
            Output::Offer { offer, entry, agent, .. } => {
                self.offers.push((offer, entry, agent));
                Heard::Rings { agent: name(agent), for_caller: entry.0 }
            }
            Output::Withdraw { offer, why } => {
                let (.., agent) = self.take_offer(offer);
                Heard::Stops { agent: self.engine.agent_name(agent).unwrap_or("gone").to_owned(), why }
            }
            Output::Exit { entry, exit, .. } => Heard::Leaves { caller: entry.0, exit },
            Output::News { entry, ahead, estimate } => Heard::Told { caller: entry.0, ahead, estimate },
            Output::Agent { agent, state } => Heard::Now { agent: name(agent), state },
        }
    }

    fn take_offer(&mut self, offer: OfferId) -> (OfferId, EntryId, AgentId) {
        let at = self.offers.iter().position(|(open, ..)| *open == offer).expect("an open offer");
        self.offers.remove(at)
    }

    /// Time passes, and every deadline in it is kept to the moment.
    pub fn step(&mut self, by: Duration) -> Vec<Heard> {
        let until = self.now.mono + by;
        let mut heard = Vec::new();
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= until) {
            self.set_time(due);
            heard.extend(self.input(Input::Timeout));
        }
        self.set_time(until);
        heard
    }

    fn set_time(&mut self, mono: Instant) {
        let passed = mono.saturating_duration_since(self.now.mono);
        self.now = Now { mono, wall: self.now.wall + SignedDuration::try_from(passed).unwrap() };
    }

    pub fn secs(&mut self, secs: u64) -> Vec<Heard> {
        self.step(Duration::from_secs(secs))
    }

    pub fn queue(&self, name: &str) -> QueueId {
        self.engine.queue(name).unwrap()
    }

    pub fn joins(&mut self, caller: u64, urgency: Urgency, skills: &[&str]) -> Vec<Heard> {
        self.joins_with_place(caller, "nurses", urgency, skills, 0)
    }

    pub fn joins_with_place(
        &mut self,
        caller: u64,
        queue: &str,
        urgency: Urgency,
        skills: &[&str],
        waited_secs: i64,
    ) -> Vec<Heard> {
        self.input(Input::Enqueue(Enqueue {
            entry: EntryId(caller),
            queue: self.queue(queue),
            urgency,
            skills: skills.iter().map(|skill| (*skill).to_owned()).collect(),
            since: self.now.wall - SignedDuration::from_secs(waited_secs),
        }))
    }

    pub fn hangs_up(&mut self, caller: u64) -> Vec<Heard> {
        self.input(Input::Abandon { entry: EntryId(caller) })
    }

    pub fn raise(&mut self, caller: u64, urgency: Urgency) -> Vec<Heard> {
        self.input(Input::Raise { entry: EntryId(caller), urgency })
    }

    pub fn agent(&mut self, agent: &str, change: AgentChange) -> Vec<Heard> {
        let agent = self.engine.agent(agent).unwrap();
        self.input(Input::Agent { agent, change })
    }

    pub fn answers(&mut self, agent: &str, answer: OfferAnswer) -> Vec<Heard> {
        let id = self.engine.agent(agent).unwrap();
        let offer = self.offers.iter().find(|(.., asked)| *asked == id).expect("a ringing phone").0;
        self.take_offer(offer);
        self.input(Input::Answer { offer, answer })
    }

    pub fn state(&self, agent: &str) -> AgentState {
        self.engine.agent_state(self.engine.agent(agent).unwrap()).unwrap()
    }

    /// Whose phone rings for whom.
    pub fn ringing(&self) -> Vec<(String, u64)> {
        let name = |agent| self.engine.agent_name(agent).unwrap_or("gone").to_owned();
        self.offers.iter().map(|(_, entry, agent)| (name(*agent), entry.0)).collect()
    }
}

pub fn rings(agent: &str, for_caller: u64) -> Heard {
    Heard::Rings { agent: agent.to_owned(), for_caller }
}

pub fn stops(agent: &str, why: Withdrawal) -> Heard {
    Heard::Stops { agent: agent.to_owned(), why }
}

pub fn leaves(caller: u64, exit: QueueExit) -> Heard {
    Heard::Leaves { caller, exit }
}

/// Without the agents' states and the news: who rang, stopped and left.
pub fn deeds(heard: Vec<Heard>) -> Vec<Heard> {
    heard.into_iter().filter(|heard| !matches!(heard, Heard::Told { .. } | Heard::Now { .. })).collect()
}
