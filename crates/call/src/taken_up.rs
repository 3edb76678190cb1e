//! A call that rings is answered at another phone than the one it rings at: an INVITE with Replaces for the early
//! dialog (RFC 3891 §3).
//!
//! | it rings at | for | who may take it up |
//! |---|---|---|
//! | her own phone | anything | she, at another phone of hers |
//! | a colleague's | a caller of a queue | who is signed in to that queue, has what the caller needs, and no call |
//! | a colleague's | a colleague's call, a transfer | who may serve a queue with her and has no call, and did not make it |
//! | a colleague's | somebody on call, or a third party | nobody: who was chosen answers for it |
//!
//! A caller taken up counts for who answers: in the queue, in the log and in what follows.

use acd::AgentId;
use primitives::Now;
use sip::{Invited, LegCommand, LegId};

use crate::attended::Refused;
use crate::call::{Call, FarState, Who};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// She answers here what rings there, and all that ring stop.
    pub(crate) fn take_up(
        &mut self,
        now: Now,
        leg: LegId,
        (invited, agent, ringing): (&Invited, AgentId, LegId),
        out: &mut Vec<Output>,
    ) {
        let found = self.legs.get(&ringing).copied();
        let mut refused = Some((481, "no_such_call"));
        if let Some(owner @ Owner::Far(id)) = found {
            self.with_call(now, id, |switch, call| {
                refused = switch.answer_elsewhere(now, call, (owner, agent), (leg, invited), out).err();
            });
        }
        if let Some((status, why)) = refused {
            self.refuse(now, leg, status, why, out);
        }
    }

    fn answer_elsewhere(
        &mut self,
        now: Now,
        call: &mut Call,
        (owner, agent): (Owner, AgentId),
        (new, invited): (LegId, &Invited),
        out: &mut Vec<Output>,
    ) -> Result<(), Refused> {
        let is_hers = call.agent_at(Side::Far) == Some(agent);
        if !is_hers {
            self.may_be_taken_up(call, agent)?;
        }
        let codecs = &call.setup.media.codecs;
        let Some(far) = call.far.as_mut().filter(|far| far.state == FarState::Ringing) else {
            return Err((481, "no_such_call"));
        };
        let (sdp, session) = match &invited.offer {
            Some(offer) => match far.party.answer(offer, codecs) {
                Ok((sdp, session)) => (sdp, Some(session)),
                Err(unacceptable) => return Err((unacceptable.status(), "no_codec")),
            },
            None => (far.party.offer(codecs), None),
        };
        self.legs.insert(new, owner);
        if is_hers {
            let moved = Hop::PhoneChanged { agent: call.name_at(Side::Far) };
            self.hop(now, Some(call), moved, out);
        } else {
            self.goes_over_to(now, call, agent, out);
        }
        self.leg(now, new, LegCommand::Answer { sdp }, out);
        self.far_taken(now, call, new, session, out);
        Ok(())
    }

    /// Whether what rings at a colleague's phone may be answered by this agent.
    fn may_be_taken_up(&self, call: &Call, agent: AgentId) -> Result<(), Refused> {
        let Some(far) = &call.far else { return Err((481, "no_such_call")) };
        match &far.who {
            Who::Agent { offer, .. } if self.acd.may_take_up(*offer, agent) => Ok(()),
            Who::Colleague { agent: rung, .. } if !far.paged && !far.called_in && !call.has(agent) => {
                if !self.acd.are_colleagues(*rung, agent) {
                    Err((603, "not_her_call"))
                } else if self.is_free(agent) {
                    Ok(())
                } else {
                    Err((486, "busy"))
                }
            }
            Who::Agent { .. } | Who::Colleague { .. } | Who::Number { .. } => Err((603, "not_her_call")),
        }
    }

    /// From now on it is hers, as if it had rung for her from the first.
    fn goes_over_to(&mut self, now: Now, call: &mut Call, by: AgentId, out: &mut Vec<Output>) {
        let taken_up = Hop::TakenUp { by: self.agent_name(by), rang_for: call.name_at(Side::Far) };
        self.hop(now, Some(call), taken_up, out);
        let her_name = self.agent_name(by);
        let Some(far) = &mut call.far else { return };
        match &mut far.who {
            Who::Agent { offer, agent, name, .. } => {
                (*agent, *name) = (by, her_name);
                let offer = *offer;
                self.acd_input(now, acd::Input::TakeUp { offer, by });
            }
            Who::Colleague { agent, name, .. } => {
                let rung = std::mem::replace(agent, by);
                *name = her_name;
                self.engage(now, by);
                self.disengage(now, rung);
            }
            Who::Number { .. } => {}
        }
    }
}
