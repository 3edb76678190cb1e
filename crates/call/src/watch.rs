//! What colleagues' phones show of an agent: whether she talks (RFC 4235), and the messages that wait for her (RFC
//! 3842). Told when it changes, and only of those whom a phone watches.

use std::collections::BTreeMap;

use acd::AgentId;
use primitives::Now;
use sip::event::{Package, Told};

use crate::call::FarState;
use crate::caller::Side;
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// A phone begins to watch somebody: it is told at once.
    pub(crate) fn watched(&mut self, now: Now, package: Package, user: String, out: &mut Vec<Output>) {
        let told = match package {
            Package::Dialog => self.line_of(&user, &self.lines()),
            Package::MessageSummary => self.messages_for(&user),
        };
        self.watches.insert((package, user.clone()), told);
        self.sip_input(now, sip::Input::Tell { user, told }, out);
    }

    /// Tells what has changed.
    pub(crate) fn tell_watchers(&mut self, now: Now, out: &mut Vec<Output>) {
        let lines = self.lines();
        let changed: Vec<(String, Told)> = self
            .watches
            .iter()
            .filter_map(|((package, user), before)| {
                let told = match package {
                    Package::Dialog => self.line_of(user, &lines),
                    Package::MessageSummary => self.messages_for(user),
                };
                (told != *before).then(|| (user.clone(), told))
            })
            .collect();
        for (user, told) in changed {
            let package = match told {
                Told::Messages { .. } => Package::MessageSummary,
                Told::Free | Told::Rings | Told::Talks => Package::Dialog,
            };
            self.watches.insert((package, user.clone()), told);
            self.sip_input(now, sip::Input::Tell { user, told }, out);
        }
    }

    fn line_of(&self, user: &str, lines: &BTreeMap<AgentId, Told>) -> Told {
        self.acd.agent(user).and_then(|agent| lines.get(&agent).copied()).unwrap_or(Told::Free)
    }

    /// Every agent who is in a call or whose phone rings for one.
    fn lines(&self) -> BTreeMap<AgentId, Told> {
        let mut lines = BTreeMap::new();
        for call in self.calls.values() {
            let far = call.far.as_ref().map(|far| match far.state {
                FarState::Opening | FarState::Ringing => Told::Rings,
                FarState::Whispering { .. } | FarState::Asking { .. } | FarState::Bridged => Told::Talks,
            });
            let sides = [(call.agent_at(Side::Far), far), (call.agent_at(Side::Caller), Some(Told::Talks))];
            for (agent, told) in sides {
                if let (Some(agent), Some(told)) = (agent, told) {
                    // Who talks in one call and is rung in another talks.
                    let line = lines.entry(agent).or_insert(told);
                    if told == Told::Talks {
                        *line = told;
                    }
                }
            }
        }
        lines
    }

    /// The messages in the inbox of her name.
    fn messages_for(&self, user: &str) -> Told {
        let (new, old) = self.inboxes.get(user).copied().unwrap_or_default();
        Told::Messages { new, old }
    }
}
