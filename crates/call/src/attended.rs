//! Attended transfers: the agent has asked first, in a second call of hers, and joins whom she asked with whom
//! she talks (RFC 5589 §7, RFC 3891); and a phone that takes the place of another of the same agent.
//!
//! | REFER comes on | Replaces names | what is joined |
//! |---|---|---|
//! | the caller's call | a call she made | the caller and whom she called |
//! | a call she made | the caller's call | the same |
//! | the caller's call | a colleague's call to her | the caller and the colleague |
//! | a call she made | another call she made | both whom she called |
//! | the caller's call | another caller's call | nobody: who is in a call is busy, so that no agent has two |
//! | any | a call she made that still rings, or waits in a queue | the caller is transferred there blind |
//!
//! Audio does not cross media threads. All calls of one agent are on one: her next is put beside her first
//! (`shard_beside`), and whoever is in a call is not rung for another.

use acd::AgentId;
use primitives::Now;
use sip::{Challenge, EndCause, Invited, LegCommand, LegId, Replaced};

use crate::call::{Call, Far};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::switch::Switch;

/// Why two calls are not joined, and the status that says so.
pub(crate) type Refused = (u16, &'static str);

impl Switch {
    /// A REFER whose target is to take the place of a leg of ours.
    pub(crate) fn referred_to_leg(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, leg): (Side, LegId),
        (by, replaced): (AgentId, Replaced),
        out: &mut Vec<Output>,
    ) {
        let other = match replaced {
            Replaced::Confirmed(other) | Replaced::Dialling(other) => other,
            Replaced::TooLate => return self.refuse_referral(now, call, leg, (486, "too_late"), out),
            Replaced::Ringing(_) | Replaced::Nobody => {
                return self.refuse_referral(now, call, leg, (481, "no_such_call"), out);
            }
        };
        let found = self.legs.get(&other).and_then(|owner| owner.side()).filter(|(id, _)| *id != call.id);
        let Some((id, other_side)) = found else {
            return self.refuse_referral(now, call, leg, (481, "no_such_call"), out);
        };
        if matches!(replaced, Replaced::Dialling(_)) {
            return self.transfer_to_ringing(now, call, (side, leg), id, out);
        }
        let still_waits = |asked: &Call| asked.transfer.is_none() && !asked.is_settled();
        if other_side == Side::Caller
            && self
                .calls
                .get(&id)
                .is_some_and(|asked| asked.agent_at(other_side) == Some(by) && still_waits(asked))
        {
            return self.transfer_to_ringing(now, call, (side, leg), id, out);
        }
        let mut answer = Err((481, "no_such_call"));
        self.with_call(now, id, |switch, consulted| {
            answer = match joinable(call, side, consulted, other_side, by) {
                Ok(join) => {
                    let asked = Hop::TransferAsked {
                        by: call.name_at(side),
                        to: consulted.name_at(other_side.other()),
                        how: "attended".to_owned(),
                    };
                    switch.hop(now, Some(call), asked, out);
                    switch.leg(now, leg, LegCommand::AcceptReferral, out);
                    let (asked_on, other) = ((&mut *call, side), (consulted, other_side));
                    match join {
                        Join::IntoReferred => switch.join(now, asked_on, other, false, out),
                        Join::IntoConsulted => switch.join(now, other, asked_on, true, out),
                    }
                    Ok(())
                }
                Err(refused) => Err(refused),
            };
        });
        if let Err(refused) = answer {
            self.refuse_referral(now, call, leg, refused, out);
        }
    }

    /// Whom she asked has not answered yet: her own call there ends, and the caller's begins.
    fn transfer_to_ringing(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, leg): (Side, LegId),
        id: audit::CallId,
        out: &mut Vec<Output>,
    ) {
        let mut to = None;
        self.with_call(now, id, |switch, ringing| {
            to = ringing.script.direct().and_then(|direct| direct.to.clone());
            if to.is_some() {
                switch.end(now, ringing, "transferred", out);
            }
        });
        match to {
            Some(to) => self.transfer_blind(now, call, (side, leg), to, out),
            None => self.refuse_referral(now, call, leg, (481, "no_such_call"), out),
        }
    }

    /// Moves the other party of `from` to `kept`, in the agent's place. `asked_on_from`: it is her leg in `from`
    /// that hears what becomes of it.
    fn join(
        &mut self,
        now: Now,
        (kept, side): (&mut Call, Side),
        (from, from_side): (&mut Call, Side),
        asked_on_from: bool,
        out: &mut Vec<Output>,
    ) {
        if side == Side::Caller && !self.turn_round(now, kept) {
            return;
        }
        let peer = match from_side {
            Side::Caller => from.far.take(),
            Side::Far => from.caller_as_far(),
        };
        let agent_in_from = match from_side {
            Side::Caller => from.caller_as_far(),
            Side::Far => from.far.take(),
        };
        let (Some(peer), Some(agent_in_from), Some(agent)) = (peer, agent_in_from, kept.far.take()) else {
            return;
        };
        let to = peer.who.name();
        self.parted(now, from, &peer, "transferred", out);
        self.dissolve(now, from, out);
        self.parted(now, kept, &agent, "transferred", out);
        let (staying, leaving) = if asked_on_from { (agent_in_from, agent) } else { (agent, agent_in_from) };
        self.let_go(now, &leaving, out);
        kept.far = Some(Call::joined(now, peer));
        self.own_sides(kept);
        if let Some(far) = &kept.far {
            let command = media::Command::Bridge { a: kept.party.port, b: far.party.port };
            out.push(Output::Media { shard: kept.shard, command });
        }
        kept.playlist = 0;
        kept.probe_again = [None; 2];
        self.set_aside(kept, staying, to.clone());
        self.transfer_done(now, kept, out);
        self.hop(now, Some(kept), Hop::Bridged { with: to }, out);
    }

    /// Ends a leg of the agent whose part is over.
    pub(crate) fn let_go(&mut self, now: Now, leaving: &Far, out: &mut Vec<Output>) {
        self.close_port(leaving.party.port, out);
        for leg in &leaving.legs {
            self.hang_up(now, *leg, EndCause::OtherLegEnded, out);
        }
        self.release(now, &leaving.who);
    }

    /// An INVITE with Replaces: another phone of an agent goes on with her call.
    pub(crate) fn take_over(
        &mut self,
        now: Now,
        leg: LegId,
        (invited, replaced): (Invited, Replaced),
        out: &mut Vec<Output>,
    ) {
        let Some(user) = &invited.user else {
            return self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
        };
        let Some(agent) = self.acd.agent(user) else {
            return self.refuse(now, leg, 403, "not_an_agent", out);
        };
        let old = match replaced {
            Replaced::Confirmed(old) => old,
            Replaced::TooLate => return self.refuse(now, leg, 486, "too_late", out),
            Replaced::Ringing(ringing) => {
                return self.take_up(now, leg, (&invited, agent, ringing), out);
            }
            // An early dialog counts only for who began it, which is not us (RFC 3891 §3).
            Replaced::Dialling(_) | Replaced::Nobody => {
                return self.refuse(now, leg, 481, "no_such_call", out);
            }
        };
        let found = self.legs.get(&old).and_then(|owner| Some((*owner, owner.side()?)));
        let Some((owner, (id, side))) = found else {
            return self.refuse(now, leg, 481, "no_such_call", out);
        };
        let mut refused = Some((481, "no_such_call"));
        self.with_call(now, id, |switch, call| {
            refused = switch.move_leg(now, call, (side, owner, agent), (old, leg), &invited, out).err();
        });
        if let Some((status, why)) = refused {
            self.refuse(now, leg, status, why, out);
        }
    }

    fn move_leg(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, owner, agent): (Side, Owner, AgentId),
        (old, new): (LegId, LegId),
        invited: &Invited,
        out: &mut Vec<Output>,
    ) -> Result<(), Refused> {
        if call.agent_at(side) != Some(agent) {
            return Err((603, "not_her_call"));
        }
        if !call.is_settled() {
            return Err((603, "not_possible"));
        }
        let setup = std::sync::Arc::clone(&call.setup);
        let Some((_, party)) = call.side(side) else { return Err((481, "no_such_call")) };
        let port = party.port;
        let (sdp, session) = match &invited.offer {
            Some(offer) => match party.answer(offer, &setup.media.codecs) {
                Ok((sdp, session)) => (sdp, Some(session)),
                Err(unacceptable) => return Err((unacceptable.status(), "no_codec")),
            },
            None => (party.offer(&setup.media.codecs), None),
        };
        match (side, &mut call.far) {
            (Side::Far, Some(far)) => far.legs = vec![new],
            _ => call.leg = new,
        }
        self.legs.insert(new, owner);
        let moved = Hop::PhoneChanged { agent: call.name_at(side) };
        self.hop(now, Some(call), moved, out);
        self.leg(now, new, LegCommand::Answer { sdp }, out);
        self.hang_up(now, old, EndCause::OtherLegEnded, out);
        if let Some(session) = session {
            let command = media::Command::Apply { port, session };
            out.push(Output::Media { shard: call.shard, command });
        }
        Ok(())
    }
}

/// Which of the two calls goes on.
#[derive(Clone, Copy, Debug)]
enum Join {
    /// The one the REFER came on.
    IntoReferred,
    /// The one Replaces names: it has the caller.
    IntoConsulted,
}

/// Whether two calls may be joined at the agent who is in both, and into which.
fn joinable(
    call: &Call,
    side: Side,
    consulted: &Call,
    other_side: Side,
    by: AgentId,
) -> Result<Join, Refused> {
    if consulted.agent_at(other_side) != Some(by) {
        return Err((403, "not_her_call"));
    }
    if !consulted.is_settled() {
        return Err((481, "no_such_call"));
    }
    if call.shard != consulted.shard {
        return Err((488, "not_possible"));
    }
    let leads = |call: &Call| call.script.direct().is_some();
    let may_lead = |call: &Call| call.far.as_ref().is_some_and(Far::may_lead);
    match (side, other_side) {
        (Side::Far, Side::Caller) => Ok(Join::IntoReferred),
        (Side::Caller, Side::Far) => Ok(Join::IntoConsulted),
        (Side::Far, Side::Far) if leads(consulted) => Ok(Join::IntoReferred),
        (Side::Far, Side::Far) if leads(call) => Ok(Join::IntoConsulted),
        // Whom a queue has led here stays the queue's, where the other can take the caller's place.
        (Side::Caller, Side::Caller) if !may_lead(call) && may_lead(consulted) => Ok(Join::IntoConsulted),
        (Side::Far, Side::Far) => Err((603, "not_possible")),
        (Side::Caller, Side::Caller) => Ok(Join::IntoReferred),
    }
}

impl Side {
    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Far,
            Self::Far => Self::Caller,
        }
    }
}
