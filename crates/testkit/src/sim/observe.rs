//! What can be seen of a simulation from outside: by ear, by phone, by supervisor, by auditor.

use std::time::Duration;

use call::{Hop, Status};

use super::{PhoneId, Sim, Trace};
use crate::invariants::Monitor;
use crate::phone::{Ear, Phase, Phone, names};

impl Sim {
    /// The prompts a phone heard, in order, each once while it lasted.
    pub fn heard(&self, phone: PhoneId) -> Vec<String> {
        let heard = self.phones.get(phone.0).map(|phone| phone.heard.as_slice()).unwrap_or_default();
        names(heard, &self.ear).map(ToString::to_string).collect()
    }

    /// Whether a phone ever heard the voice of another.
    pub fn heard_voice(&self, phone: PhoneId, of: PhoneId) -> bool {
        self.phones.get(phone.0).is_some_and(|phone| phone.heard.contains(&Ear::voice(of.0)))
    }

    /// Forgets what a phone heard until now.
    pub fn forget_heard(&mut self, phone: PhoneId) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.heard.clear();
        }
    }

    /// What was told of emergency calls, in order.
    pub fn notices(&self) -> &[call::Notice] {
        &self.stored.notices
    }

    /// A phone's latest call.
    pub fn phase(&self, phone: PhoneId) -> Option<Phase> {
        self.phones.get(phone.0).and_then(Phone::phase)
    }

    /// Whether a phone's registration was granted.
    pub fn is_registered(&self, phone: PhoneId) -> bool {
        self.phones.get(phone.0).is_some_and(Phone::is_registered)
    }

    /// Final answers a phone was refused with.
    pub fn refusals(&self, phone: PhoneId) -> &[u16] {
        self.phones.get(phone.0).map(|phone| phone.refusals.as_slice()).unwrap_or_default()
    }

    /// What came of a phone's transfers: the answer to each REFER, and the news.
    pub fn referrals(&self, phone: PhoneId) -> &[u16] {
        self.phones.get(phone.0).map(|phone| phone.referrals.as_slice()).unwrap_or_default()
    }

    /// The node as a supervisor sees it.
    pub fn status(&self) -> Status {
        self.node.switch.status()
    }

    /// The word for an agent's state.
    pub fn agent_state(&self, agent: &str) -> &'static str {
        self.status()
            .agents
            .iter()
            .find(|status| status.name == agent)
            .map_or("unknown", |status| status.state)
    }

    /// The log as far as it is durable.
    pub fn hops(&self) -> Vec<Hop> {
        let facts = self.durability.durable().iter().filter_map(|record| {
            let value: serde_json::Value = serde_json::from_slice(&record.bytes).ok()?;
            Hop::from_record(&record.kind, value.get("fields")?.as_object()?).ok()
        });
        facts.collect()
    }

    /// What the monitor counted.
    pub const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// What happened.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// One number for everything that happened, every byte the node sent included.
    pub fn fingerprint(&self) -> (u64, u64) {
        (self.trace.fingerprint(), self.wires.trace.fingerprint())
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}
