//! Agents who may be anywhere say at each sign-in that the location on file is where they are. Until then they
//! take no calls; 911 works all the same.

use acd::{AgentChange, LocationConfirm};
use primitives::Now;

use crate::hop::Hop;
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// Whether she may not be ready before she has said where she is.
    pub(crate) fn must_confirm_location(&self, agent: &str) -> bool {
        let its = self.setup().acd.agents.get(agent);
        its.is_some_and(|its| its.location_confirm == LocationConfirm::EachSignIn)
            && !self.location_confirmed.contains(agent)
    }

    /// Whether this wish has to wait for the location; notes sign-ins and sign-outs.
    pub(crate) fn waits_for_location(
        &mut self,
        now: Now,
        agent: &str,
        change: &AgentChange,
        by: &str,
        out: &mut Vec<Output>,
    ) -> bool {
        match change {
            // What was so before a restart was asked then.
            AgentChange::Ready if by == "restart" => {
                self.location_confirmed.insert(agent.to_owned());
            }
            AgentChange::Ready if self.must_confirm_location(agent) => {
                let refused = Hop::AgentRefused {
                    agent: agent.to_owned(),
                    what: "ready".to_owned(),
                    why: "location_not_confirmed".to_owned(),
                };
                out.push(Output::Hop { at: now, call: None, flow: None, hop: refused });
                return true;
            }
            AgentChange::SignIn { .. } | AgentChange::SignOut => {
                self.location_confirmed.remove(agent);
            }
            _ => {}
        }
        false
    }

    /// She is where her location says. `false`: she is not signed in, or nobody.
    pub(crate) fn confirm_location(
        &mut self,
        now: Now,
        agent: &str,
        by: &'static str,
        out: &mut Vec<Output>,
    ) -> bool {
        let state = self.acd.agent(agent).and_then(|agent| self.acd.agent_state(agent));
        if matches!(state, None | Some(acd::AgentState::Offline)) {
            return false;
        }
        self.location_confirmed.insert(agent.to_owned());
        let asked = Hop::AgentAsked {
            agent: agent.to_owned(),
            what: "confirm_location".to_owned(),
            by: by.to_owned(),
        };
        out.push(Output::Hop { at: now, call: None, flow: None, hop: asked });
        true
    }
}
