//! Destinations, one after the other, until somebody answers.

use audit::CallId;
use primitives::Now;
use sip::{EndCause, LegCommand, LegId, Release};

use super::invite::invite;
use super::notice::NoticeEvent;
use super::{
    Audio, EmergencyCall, EmergencySide, LOOKED_UP_MAX, Near, RINGING_MAX, Relayed, State, TRYING_MAX,
};
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::switch::Switch;
use crate::trunk::TrunkConfig;

impl Switch {
    /// Calls the next destination; when there is none, tells her so.
    pub(super) fn reach_next(&mut self, now: Now, call: &mut EmergencyCall, out: &mut Vec<Output>) {
        let (Some(target), Some(place)) = (call.left.pop_front(), call.place.clone()) else {
            return self.reached_nobody(now, call, out);
        };
        call.tried += 1;
        let codecs = &call.setup.media.codecs;
        let offer = match (&mut call.audio, &call.near) {
            (Audio::Relayed(relayed), _) => {
                let trunk = target.carrier.as_ref().map(|carrier| &carrier.config);
                self.receive_where(call.id, relayed, trunk, out);
                relayed.far.offer(codecs)
            }
            (Audio::Direct, Near::Invited { offer }) => offer.clone().unwrap_or_default(),
            // Her offer is kept until she is answered, and then nobody else is called.
            (Audio::Direct, Near::Early { .. } | Near::Answered) => {
                return self.reached_nobody(now, call, out);
            }
        };
        let invite = invite(now, call.number, &target, &place, &offer);
        let name = target.name;
        let from = out.len();
        let far = self.dial(now, invite, Owner::Emergency(call.id, EmergencySide::Far), out);
        if let Some(carrier) = &target.carrier {
            self.links.begun(now.mono, far, &carrier.way);
        }
        // It waits for no disk.
        for output in out.iter_mut().skip(from) {
            if let Output::Sip(sip::Output::Send { release, .. }) = output {
                *release = Release::AtOnce;
            }
        }
        let ringing = Hop::EmergencyRung { destination: name.clone(), attempt: call.tried };
        self.emergency_hop(now, call, ringing, out);
        let give_up_at = now.mono + LOOKED_UP_MAX;
        call.state = State::Reaching { far, name, since: now.mono, rings: false, give_up_at };
        if call.tried == 1 {
            self.tell(now, call, NoticeEvent::Called, out);
        }
    }

    /// The far side's audio comes to where this trunk's does, if there is a port for it: help is called in any
    /// case.
    fn receive_where(
        &mut self,
        id: CallId,
        relayed: &mut Relayed,
        trunk: Option<&TrunkConfig>,
        out: &mut Vec<Output>,
    ) {
        let address = trunk.and_then(|trunk| trunk.media_address).unwrap_or(relayed.near.local.ip());
        let owner = Owner::Emergency(id, EmergencySide::Far);
        if relayed.far.local.ip() != address
            && let Some((port, local)) = self.open_emergency_port(owner, relayed.shard, address, out)
        {
            self.close_port(relayed.far.port, out);
            relayed.far = self.party(port, local, EmergencySide::Far.beyond());
        }
        relayed.far.go_by_trunk(trunk, &self.setup().media.codecs);
    }

    /// A destination rings, or plays something: it has time now.
    pub(super) fn rings(&mut self, now: Now, call: &mut EmergencyCall) {
        if let State::Reaching { rings, give_up_at, .. } = &mut call.state
            && !*rings
        {
            *rings = true;
            *give_up_at = now.mono + RINGING_MAX;
        }
    }

    /// A destination has had its time.
    pub(crate) fn emergency_timeout(&mut self, now: Now, call: &mut EmergencyCall, out: &mut Vec<Output>) {
        let is_last = call.left.is_empty();
        if let State::Announcing { until, .. } = &call.state
            && *until <= now.mono
        {
            // Whoever was to say it is lost.
            return self.end_emergency(now, call, "emergency_not_reached", out);
        }
        let State::Reaching { far, since, rings, give_up_at, .. } = &mut call.state else { return };
        if now.mono < *give_up_at {
            return;
        }
        if *rings && is_last {
            // Nobody else to try: it rings on.
            *give_up_at = now.mono + RINGING_MAX;
            return;
        }
        let tries_on = *since + TRYING_MAX;
        if !*rings && now.mono < tries_on && self.sip.has_heard_from(*far) {
            *give_up_at = tries_on;
            return;
        }
        let (far, why) = (*far, if *rings { "not_answered" } else { "no_response" });
        self.hang_up(now, far, EndCause::OtherLegEnded, out);
        self.unreached(now, call, why, out);
    }

    /// A destination failed: the next at once.
    pub(super) fn unreached(&mut self, now: Now, call: &mut EmergencyCall, why: &str, out: &mut Vec<Output>) {
        let destination = call.with().unwrap_or_default();
        let unreached = Hop::EmergencyUnreached { destination, why: why.to_owned() };
        self.emergency_hop(now, call, unreached, out);
        self.reach_next(now, call, out);
    }

    fn reached_nobody(&mut self, now: Now, call: &mut EmergencyCall, out: &mut Vec<Output>) {
        let failed = Hop::EmergencyFailed { tried: call.tried };
        self.emergency_hop(now, call, failed, out);
        self.announce(now, call, "failed", out);
        self.tell(now, call, NoticeEvent::Failed, out);
    }

    /// The call is over: every leg and port of it is let go of, and its end is told.
    pub(crate) fn end_emergency(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        cause: &str,
        out: &mut Vec<Output>,
    ) {
        if call.over {
            return;
        }
        call.over = true;
        let far: Option<LegId> = match &call.state {
            State::Reaching { far, .. } | State::Talking { far, .. } => Some(*far),
            State::Announcing { .. } => None,
        };
        if let Some(far) = far {
            self.hang_up(now, far, EndCause::OtherLegEnded, out);
        }
        self.hang_up(now, call.leg, EndCause::WeHungUp, out);
        if let Audio::Relayed(relayed) = &call.audio {
            self.close_port(relayed.near.port, out);
            self.close_port(relayed.far.port, out);
        }
        if let State::Talking { name, since, .. } = &call.state {
            let talked_ms = crate::call::millis(now.mono.saturating_duration_since(since.mono));
            let parted = Hop::Parted { with: name.clone(), why: cause.to_owned(), talked_ms };
            self.emergency_hop(now, call, parted, out);
        }
        let ended = Hop::Ended { cause: cause.to_owned(), lasted_ms: Some(call.age_ms(now)) };
        self.emergency_hop(now, call, ended, out);
        if !matches!(call.state, State::Announcing { .. }) {
            self.tell(now, call, NoticeEvent::Ended, out);
        }
        if let Some(agent) = self.acd.agent(&call.agent).filter(|_| call.place.is_some()) {
            self.disengage(now, agent);
        }
    }

    /// A command to the agent's leg.
    pub(super) fn near(
        &mut self,
        now: Now,
        call: &EmergencyCall,
        command: LegCommand,
        out: &mut Vec<Output>,
    ) {
        self.leg(now, call.leg, command, out);
    }
}
