//! What its people are told to do.

use std::time::Duration;

use acd::AgentChange;

use super::{Chance, FRONT_DOOR, PhoneId, Sim};
use crate::phone::{Reaction, Wish};

impl Sim {
    /// A patient calls the front door now.
    pub fn call(&mut self) -> PhoneId {
        let patient = self.patient();
        self.wish(patient, Duration::ZERO, Wish::Dial(FRONT_DOOR.to_owned()));
        patient
    }

    /// A phone does something after a while.
    pub fn wish(&mut self, phone: PhoneId, after: Duration, wish: Wish) {
        let at = self.clock.now().mono + after;
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.plan(at, wish);
        }
        self.rewake(phone.0);
    }

    /// One phone answers what rings at another.
    pub fn pick_up(&mut self, phone: PhoneId, rings: PhoneId) {
        let dialog = self.phones.get(rings.0).and_then(|phone| phone.dialog());
        if let Some(replaces) = dialog {
            self.wish(phone, Duration::ZERO, Wish::PickUp(replaces));
        }
    }

    /// What a phone does once its own next call is answered, each so long after the answer.
    pub fn script(&mut self, phone: PhoneId, then: Vec<(Duration, Wish)>) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.script(then);
        }
    }

    /// What a phone does when it is next called; once for each time this is said.
    pub fn react(&mut self, phone: PhoneId, reaction: Reaction) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.react(reaction);
        }
    }

    /// What a phone does whenever it is called.
    pub fn set_habit(&mut self, phone: PhoneId, habit: fn(&mut Chance) -> Reaction) {
        if let Some(phone) = self.phones.get_mut(phone.0) {
            phone.set_habit(habit);
        }
    }

    /// An agent asks for something by the node's API, after a while.
    pub fn ask(&mut self, agent: &str, after: Duration, change: AgentChange) {
        self.asked_so_far += 1;
        let at = (self.clock.now().mono + after, self.asked_so_far);
        self.asked.insert(at, (agent.to_owned(), change));
    }

    /// An agent signs in to all she may serve and is ready.
    pub fn sign_in(&mut self, agent: &str) {
        self.ask(agent, Duration::ZERO, AgentChange::SignIn { queues: Vec::new() });
        self.ask(agent, Duration::ZERO, AgentChange::Ready);
    }

    /// An agent takes no calls for now.
    pub fn pause(&mut self, agent: &str) {
        self.ask(agent, Duration::ZERO, AgentChange::Pause { reason: String::new() });
    }

    /// No caller may key these: a fact that holds them fails the run.
    pub fn keep_private(&mut self, digits: &str) {
        self.monitor.keep_private(digits.to_owned());
    }
}
