//! Somebody dials 911.

use std::sync::Arc;

use audit::CallId;
use primitives::Now;
use sip::{Challenge, EmergencyNumber, Invited, LegCommand, LegId};

use super::{
    Audio, EMERGENCY_CALLS_MAX, EMERGENCY_CALLS_PER_AGENT_MAX, EmergencyCall, EmergencySide, Near, Relayed,
    State,
};
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// An INVITE for an emergency number. The call out stands in `out` before anything that tells of it.
    pub(crate) fn emergency(
        &mut self,
        now: Now,
        leg: LegId,
        number: EmergencyNumber,
        invited: Invited,
        out: &mut Vec<Output>,
    ) {
        let from = invited.from.as_ref().map(|from| from.expose().as_str());
        let at_home = || self.sip.registered_at(&invited.path, from).map(str::to_owned);
        let Some(agent) = invited.user.clone().or_else(at_home) else {
            return self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
        };
        let hers = self.emergencies.values().filter(|call| call.agent == agent).count();
        if self.emergencies.len() >= EMERGENCY_CALLS_MAX || hers >= EMERGENCY_CALLS_PER_AGENT_MAX {
            return self.refuse(now, leg, 503, "emergency_calls_full", out);
        }
        let setup = Arc::clone(self.setup());
        let id = self.new_call_id(now);
        let Some((near, audio)) = self.emergency_audio(id, &invited, out) else {
            // A late offer, and not even a reserved port: there is nothing she could be told to send to.
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        };
        let location = setup.acd.agents.get(&agent).and_then(|its| its.location.as_deref());
        let place = setup.emergency.as_ref().map(|emergency| emergency.place(location));
        let reach = setup.emergency.as_ref().map_or(&[][..], |emergency| match number {
            EmergencyNumber::Test if !emergency.test_reach.is_empty() => &emergency.test_reach,
            EmergencyNumber::Test | EmergencyNumber::Help => &emergency.reach,
        });
        let left = self.emergency_targets(now, reach, number);
        let mut call = EmergencyCall {
            id,
            number,
            place,
            arrived: now,
            leg,
            near,
            audio,
            left,
            tried: 0,
            state: State::Announcing { playlist: 0, why: "not_configured", until: now.mono },
            scheduled: None,
            over: false,
            agent,
            setup,
        };
        self.legs.insert(leg, Owner::Emergency(id, EmergencySide::Near));
        let location = call.place.as_ref().and_then(|place| place.location.as_ref());
        let called = Hop::EmergencyCalled {
            agent: call.agent.clone(),
            number: number.digits().to_owned(),
            location: location.map(|(name, _)| name.clone()),
            transport: invited.path.transport.to_string(),
        };
        self.emergency_hop(now, &call, called, out);
        if call.setup.emergency.is_some() {
            self.reach_next(now, &mut call, out);
            if let Some(agent) = self.acd.agent(&call.agent) {
                self.engage(now, agent);
            }
        } else {
            self.announce(now, &mut call, "not_configured", out);
        }
        self.keep_emergency(now, call);
    }

    /// Ports for both sides, of those kept for this where no other is free.
    fn emergency_audio(
        &mut self,
        id: CallId,
        invited: &Invited,
        out: &mut Vec<Output>,
    ) -> Option<(Near, Audio)> {
        let codecs = self.setup().media.codecs.clone();
        let near = Near::Invited { offer: invited.offer.clone() };
        let shard = self.next_shard();
        let address = self.rtp_address(Some(&invited.path));
        let mut open = |switch: &mut Self, side| {
            let (port, local) =
                switch.open_emergency_port(Owner::Emergency(id, side), shard, address, out)?;
            Some(switch.party(port, local, side.beyond()))
        };
        let ports = (open(self, EmergencySide::Near), open(self, EmergencySide::Far));
        let (Some(mut own), Some(far)) = ports else {
            for party in [ports.0, ports.1].into_iter().flatten() {
                self.close_port(party.port, out);
            }
            return invited.offer.as_ref().map(|_| (near, Audio::Direct));
        };
        // An offer we cannot take may be one the far end can.
        if invited.offer.as_ref().is_some_and(|offer| own.answer(offer, &codecs).is_err()) {
            self.close_port(own.port, out);
            self.close_port(far.port, out);
            return Some((near, Audio::Direct));
        }
        let relayed = Relayed { shard, near: own, far, refused: [0; 2], far_moved: false };
        Some((near, Audio::Relayed(Box::new(relayed))))
    }

    /// Takes a call out while it is worked on, and puts it back with its next deadline unless it is over.
    pub(crate) fn with_emergency(
        &mut self,
        now: Now,
        id: CallId,
        work: impl FnOnce(&mut Self, &mut EmergencyCall),
    ) {
        let Some(mut call) = self.emergencies.remove(&id) else { return };
        work(self, &mut call);
        self.keep_emergency(now, call);
    }

    fn keep_emergency(&mut self, now: Now, mut call: EmergencyCall) {
        let due = if call.over { None } else { call.deadline().map(|due| due.max(now.mono)) };
        self.reschedule(call.id, &mut call.scheduled, due);
        if !call.over {
            self.emergencies.insert(call.id, call);
        }
    }

    pub(super) fn emergency_hop(&self, now: Now, call: &EmergencyCall, hop: Hop, out: &mut Vec<Output>) {
        out.push(Output::Hop { at: now, call: Some(call.id), flow: None, hop });
    }
}
