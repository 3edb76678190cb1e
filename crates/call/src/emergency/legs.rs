//! The two legs of an emergency call and the sound between them.

use bytes::Bytes;
use media::PortId;
use media::sdp::Session;
use primitives::Now;
use sip::{EndCause, LegCommand, LegEvent, LegId, Refusal};

use super::notice::NoticeEvent;
use super::{Audio, EmergencyCall, EmergencySide, Near, PORT_TRIES_MAX, Relayed, State};
use crate::hop::Hop;
use crate::leg::{Owner, Party};
use crate::output::Output;
use crate::switch::Switch;

impl Switch {
    /// The agent's leg.
    pub(crate) fn emergency_near(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        event: LegEvent,
        out: &mut Vec<Output>,
    ) {
        match event {
            LegEvent::Confirmed { sdp } => {
                self.settled(call, EmergencySide::Near, sdp.as_deref(), out);
                self.speak(call, out);
            }
            LegEvent::Reoffered { sdp } => {
                self.emergency_reoffered(now, call, EmergencySide::Near, sdp.as_deref(), out);
            }
            LegEvent::OfferAnswered { sdp } => self.settled(call, EmergencySide::Near, Some(&sdp), out),
            LegEvent::Info { key } => {
                if let (Audio::Relayed(relayed), Some(digit)) =
                    (&call.audio, media::Digit::from_char(*key.expose()))
                {
                    let command = media::Command::SendDigit { port: relayed.far.port, digit };
                    out.push(Output::Media { shard: relayed.shard, command });
                }
            }
            LegEvent::Ended { cause, .. } => {
                let why = match cause {
                    EndCause::FarEndHungUp => "agent_hung_up",
                    EndCause::Cancelled => "agent_gave_up",
                    EndCause::NoResponse => "agent_lost",
                    _ => "failed",
                };
                self.end_emergency(now, call, why, out);
            }
            // Help stays with her who called it.
            LegEvent::Referred(_) => {
                self.near(now, call, LegCommand::RefuseReferral(Refusal::status(603)), out);
            }
            // What only a leg we dialled can say.
            LegEvent::Invited(_)
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::Elsewhere { .. } => {}
        }
    }

    /// The leg to whoever helps.
    pub(crate) fn emergency_far(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        event: LegEvent,
        out: &mut Vec<Output>,
    ) {
        match event {
            LegEvent::Ringing => {
                self.rings(now, call);
                if let Near::Invited { .. } = call.near {
                    self.near(now, call, LegCommand::Ring, out);
                }
            }
            LegEvent::Progress { sdp } => {
                self.rings(now, call);
                self.early(now, call, &sdp, out);
            }
            LegEvent::Answered { sdp } => self.emergency_answered(now, call, &sdp, out),
            LegEvent::Reoffered { sdp } => {
                self.emergency_reoffered(now, call, EmergencySide::Far, sdp.as_deref(), out);
            }
            LegEvent::OfferAnswered { sdp } => self.settled(call, EmergencySide::Far, Some(&sdp), out),
            LegEvent::Confirmed { sdp } => self.settled(call, EmergencySide::Far, sdp.as_deref(), out),
            LegEvent::Ended { cause, .. } => self.far_ended(now, call, cause, out),
            // Where it would send us is no place we chose for help: the next of ours is called.
            LegEvent::Elsewhere { .. }
            | LegEvent::Info { .. }
            | LegEvent::Invited(_)
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. } => {}
            LegEvent::Referred(_) => {
                if let Some(far) = call.leg_of(EmergencySide::Far) {
                    self.leg(now, far, LegCommand::RefuseReferral(Refusal::status(603)), out);
                }
            }
        }
    }

    fn far_ended(&mut self, now: Now, call: &mut EmergencyCall, cause: EndCause, out: &mut Vec<Output>) {
        match (&call.state, cause) {
            (State::Reaching { .. }, EndCause::Refused { status }) => {
                self.unreached(now, call, &format!("refused_{status}"), out);
            }
            (State::Reaching { .. }, EndCause::NoResponse) => self.unreached(now, call, "no_response", out),
            (State::Reaching { .. }, _) => self.unreached(now, call, "unreachable", out),
            (State::Talking { .. }, EndCause::FarEndHungUp) => {
                self.end_emergency(now, call, "far_end_hung_up", out);
            }
            (State::Talking { .. }, _) => self.end_emergency(now, call, "far_end_lost", out),
            (State::Announcing { .. }, _) => {}
        }
    }

    /// She hears what the far end plays before it answers.
    fn early(&mut self, now: Now, call: &mut EmergencyCall, sdp: &[u8], out: &mut Vec<Output>) {
        // Our offer may not go into a 183 that nobody acknowledges (RFC 3261 §13.2.1); and an answer that is
        // another's could not be taken back for the next destination's. Then it rings for her.
        let is_late_offer = matches!(call.near, Near::Invited { offer: None });
        if is_late_offer || matches!(call.audio, Audio::Direct) {
            return self.near(now, call, LegCommand::Ring, out);
        }
        if !self.hears(call, sdp, out) {
            return;
        }
        if let Near::Invited { offer } = &mut call.near {
            let offer = offer.take();
            let Some(sdp) = self.answer_to_agent(call, offer, sdp, out) else { return };
            call.near = Near::Early { sdp: sdp.clone() };
            self.near(now, call, LegCommand::Progress { sdp }, out);
        }
        self.bridge_emergency(call, out);
    }

    fn emergency_answered(&mut self, now: Now, call: &mut EmergencyCall, sdp: &[u8], out: &mut Vec<Output>) {
        let State::Reaching { far, name, .. } = &call.state else { return };
        let (far, name) = (*far, name.clone());
        if !self.hears(call, sdp, out) {
            self.hang_up(now, far, EndCause::InternalError, out);
            return self.unreached(now, call, "no_codec", out);
        }
        let answer = match &mut call.near {
            Near::Invited { offer } => {
                let offer = offer.take();
                self.answer_to_agent(call, offer, sdp, out)
            }
            Near::Early { sdp } => Some(sdp.clone()),
            Near::Answered => None,
        };
        let Some(answer) = answer else { return self.end_emergency(now, call, "no_codec", out) };
        call.state = State::Talking { far, name: name.clone(), since: now };
        call.near = Near::Answered;
        self.emergency_hop(now, call, Hop::Bridged { with: name }, out);
        self.near(now, call, LegCommand::Answer { sdp: answer }, out);
        self.bridge_emergency(call, out);
        if let Audio::Relayed(relayed) = &mut call.audio
            && std::mem::take(&mut relayed.far_moved)
        {
            let sdp = relayed.far.offer(&call.setup.media.codecs);
            self.leg(now, far, LegCommand::Offer { sdp }, out);
        }
        self.tell(now, call, NoticeEvent::Answered, out);
    }

    /// Takes the far end's answer to our offer. `false`: there is no sound in it that we could carry.
    fn hears(&mut self, call: &mut EmergencyCall, sdp: &[u8], out: &mut Vec<Output>) -> bool {
        let Audio::Relayed(relayed) = &mut call.audio else { return true };
        let Ok(session) = relayed.far.accept(sdp, &call.setup.media.codecs) else { return false };
        apply(relayed.shard, relayed.far.port, session, out);
        true
    }

    /// What the agent is answered: our own SDP, or with direct audio the far end's.
    pub(super) fn answer_to_agent(
        &mut self,
        call: &mut EmergencyCall,
        offer: Option<Bytes>,
        far: &[u8],
        out: &mut Vec<Output>,
    ) -> Option<Bytes> {
        let codecs = &call.setup.media.codecs;
        let Audio::Relayed(relayed) = &mut call.audio else { return Some(Bytes::copy_from_slice(far)) };
        let Some(offer) = offer else { return Some(relayed.near.offer(codecs)) };
        let (sdp, session) = relayed.near.answer(&offer, codecs).ok()?;
        apply(relayed.shard, relayed.near.port, session, out);
        Some(sdp)
    }

    /// Both hear one another.
    fn bridge_emergency(&mut self, call: &EmergencyCall, out: &mut Vec<Output>) {
        if let Audio::Relayed(relayed) = &call.audio {
            let command = media::Command::Bridge { a: relayed.near.port, b: relayed.far.port };
            out.push(Output::Media { shard: relayed.shard, command });
        }
    }

    /// One side agreed to what we offered.
    fn settled(
        &mut self,
        call: &mut EmergencyCall,
        side: EmergencySide,
        sdp: Option<&[u8]>,
        out: &mut Vec<Output>,
    ) {
        let codecs = &call.setup.media.codecs;
        let Audio::Relayed(relayed) = &mut call.audio else { return };
        let shard = relayed.shard;
        let party = relayed.party(side);
        // An answer that cannot be read changes nothing: what was agreed before goes on.
        if let Some(Ok(session)) = sdp.map(|sdp| party.accept(sdp, codecs)) {
            apply(shard, party.port, session, out);
        }
    }

    /// One side offers anew: hold, resume, a moved address.
    fn emergency_reoffered(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        side: EmergencySide,
        sdp: Option<&[u8]>,
        out: &mut Vec<Output>,
    ) {
        let Some(leg) = call.leg_of(side) else { return };
        let Audio::Relayed(relayed) = &mut call.audio else {
            // The session stays as it was, and so does what both hear.
            return self.leg(now, leg, LegCommand::Reject(Refusal::status(488)), out);
        };
        let codecs = &call.setup.media.codecs;
        let shard = relayed.shard;
        let party = relayed.party(side);
        let Some(offer) = sdp else {
            let sdp = party.offer(codecs);
            return self.leg(now, leg, LegCommand::Accept { sdp }, out);
        };
        match party.answer(offer, codecs) {
            Ok((sdp, session)) => {
                let port = party.port;
                self.leg(now, leg, LegCommand::Accept { sdp }, out);
                apply(shard, port, session, out);
            }
            Err(unacceptable) => {
                let refusal = Refusal::status(unacceptable.status());
                self.leg(now, leg, LegCommand::Reject(refusal), out);
            }
        }
    }

    /// A port of an emergency call.
    pub(crate) fn emergency_media(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        side: EmergencySide,
        event: media::Event,
        out: &mut Vec<Output>,
    ) {
        match event {
            media::Event::OpenFailed { .. } => self.open_another(now, call, side, out),
            media::Event::PlayFinished { playlist, why: media::PlayEnd::Finished, .. } => {
                self.said(now, call, playlist, out);
            }
            // Is anybody there? A re-INVITE that nobody answers ends the leg, and so the call.
            media::Event::Silent { .. } => {
                let codecs = &call.setup.media.codecs;
                let is_up = matches!(call.state, State::Talking { .. });
                let leg = call.leg_of(side).filter(|_| is_up);
                if let (Audio::Relayed(relayed), Some(leg)) = (&mut call.audio, leg) {
                    let sdp = relayed.party(side).offer(codecs);
                    self.leg(now, leg, LegCommand::Offer { sdp }, out);
                }
            }
            media::Event::Opened { .. }
            | media::Event::Digit { .. }
            | media::Event::PlayFinished { .. }
            | media::Event::Heard { .. }
            | media::Event::Recorded { .. }
            | media::Event::RecordingEnded { .. }
            | media::Event::Hushed { .. }
            | media::Event::Closed { .. } => {}
        }
    }

    /// The operating system refused a socket: another port is opened, and whoever was told of the first is
    /// told of that. The call itself waits for none of it.
    fn open_another(
        &mut self,
        now: Now,
        call: &mut EmergencyCall,
        side: EmergencySide,
        out: &mut Vec<Output>,
    ) {
        let Audio::Relayed(relayed) = &mut call.audio else { return };
        let refused = match side {
            EmergencySide::Near => &mut relayed.refused[0],
            EmergencySide::Far => &mut relayed.refused[1],
        };
        *refused += 1;
        if *refused > PORT_TRIES_MAX {
            return;
        }
        let (shard, address) = (relayed.shard, relayed.near.local.ip());
        let owner = Owner::Emergency(call.id, side);
        let Some((port, local)) = self.open_emergency_port(owner, shard, address, out) else { return };
        let party = self.party(port, local, side.beyond());
        let was_told = match side {
            EmergencySide::Near => !matches!(call.near, Near::Invited { .. }),
            EmergencySide::Far => true,
        };
        let is_up = matches!(call.state, State::Talking { .. });
        let Some(leg) = call.leg_of(side) else { return };
        let Audio::Relayed(relayed) = &mut call.audio else { return };
        *relayed.party(side) = party.in_place_of(relayed.party(side));
        if is_up && was_told {
            let sdp = relayed.party(side).offer(&call.setup.media.codecs);
            self.leg(now, leg, LegCommand::Offer { sdp }, out);
            self.bridge_emergency(call, out);
        } else if side == EmergencySide::Far {
            relayed.far_moved = true;
        }
    }
}

impl Relayed {
    fn party(&mut self, side: EmergencySide) -> &mut Party {
        match side {
            EmergencySide::Near => &mut self.near,
            EmergencySide::Far => &mut self.far,
        }
    }
}

impl EmergencyCall {
    fn leg_of(&self, side: EmergencySide) -> Option<LegId> {
        match (side, &self.state) {
            (EmergencySide::Near, _) => Some(self.leg),
            (EmergencySide::Far, State::Reaching { far, .. } | State::Talking { far, .. }) => Some(*far),
            (EmergencySide::Far, State::Announcing { .. }) => None,
        }
    }
}

fn apply(shard: u16, port: PortId, session: Session, out: &mut Vec<Output>) {
    out.push(Output::Media { shard, command: media::Command::Apply { port, session } });
}
