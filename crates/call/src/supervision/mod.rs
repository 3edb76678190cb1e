//! A supervisor's phone in the conversation of an agent: she listens, whispers to the agent, or is heard by both.
//!
//! | while | what comes | what follows |
//! |---|---|---|
//! | she dials | she is none of the supervisors, or the caller did not agree | 403 |
//! | she dials | the agent talks with nobody | 480 |
//! | her port opens | it is open | 200 |
//! | she is answered | ACK | she hears both, a beep for each number of her mode |
//! | she supervises | 1, 2, 3 | she listens, whispers, is heard by both |
//! | she supervises | the conversation is over, or the agent leaves it | she is hung up |
//! | any | she hangs up | nobody else hears a change |
//!
//! She is put on the media thread of the call, since audio crosses none.

mod config;

use std::sync::Arc;
use std::time::Duration;

use acd::AgentId;
use audit::CallId;
use bytes::Bytes;
use media::{Conference, PortId, Prompt};
use primitives::Now;
use sip::{Challenge, EndCause, Invited, LegCommand, LegEvent, LegId, Refusal};

use crate::call::{Call, FarState, millis};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::{Beyond, Owner, Party};
use crate::output::Output;
use crate::switch::Switch;
pub(crate) use config::Mode;
pub use config::SupervisionConfig;

/// Supervisors of one conversation at most; with a third party they are seven of the eight a conference holds. More
/// are told 486.
const SUPERVISORS_MAX: usize = 4;

/// How long a beep sounds, and the pause behind it.
const BEEP: Duration = Duration::from_millis(100);

/// One supervisor at work.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Her user name.
    user: String,
    agent: AgentId,
    /// Whom she supervises.
    whom: (AgentId, String),
    call: CallId,
    shard: u16,
    party: Party,
    offer: Option<Bytes>,
    mode: Mode,
    /// Since when she hears them; `None` before.
    up: Option<Now>,
}

/// A conversation, who wants to hear it, and whose it is.
type Found = (CallId, (AgentId, AgentId));

impl Switch {
    /// Somebody dialled a supervision code.
    pub(crate) fn supervise(
        &mut self,
        now: Now,
        leg: LegId,
        (mode, whom): (Mode, String),
        invited: Invited,
        out: &mut Vec<Output>,
    ) {
        let Some(user) = invited.user else {
            return self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
        };
        let (call, agents) = match self.supervised(&user, &whom) {
            Ok(found) => found,
            Err((status, why)) => {
                let refused = Hop::SupervisionRefused { by: user, agent: whom, why: why.to_owned() };
                self.hop(now, None, refused, out);
                return self.refuse(now, leg, status, why, out);
            }
        };
        let Some(shard) = self.calls.get(&call).map(|call| call.shard) else { return };
        let address = self.rtp_address(Some(&invited.path));
        let Some((port, local)) = self.open_port(Owner::Supervisor(leg), shard, address, out) else {
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        };
        let party = self.party(port, local, Beyond::Phone);
        let (agent, whom) = (agents.0, (agents.1, whom));
        let supervisor =
            Supervisor { user, agent, whom, call, shard, party, offer: invited.offer, mode, up: None };
        self.legs.insert(leg, Owner::Supervisor(leg));
        self.supervisors.insert(leg, supervisor);
        self.engage(now, agent);
    }

    /// The conversation of an agent, for somebody who may supervise it; and the two agents.
    fn supervised(&self, user: &str, whom: &str) -> Result<Found, (u16, &'static str)> {
        let config = &self.setup().supervision;
        let by = self.acd.agent(user).filter(|_| config.supervisors.contains(user));
        let by = by.ok_or((403, "not_a_supervisor"))?;
        let agent = self.acd.agent(whom).ok_or((404, "no_such_agent"))?;
        let talks = |call: &&Call| call.is_talking() && call.talker(agent).is_some();
        let call = self.calls.values().find(talks).ok_or((480, "not_in_a_call"))?;
        if call.has(by) || self.supervisors.values().any(|other| other.agent == by) {
            return Err((486, "busy"));
        }
        if config.requires_consent && call.may_be_heard != Some(true) {
            return Err((403, "no_consent"));
        }
        if self.supervisors.values().filter(|other| other.call == call.id).count() >= SUPERVISORS_MAX {
            return Err((486, "too_many_supervisors"));
        }
        Ok((call.id, (by, agent)))
    }

    /// Her port.
    pub(crate) fn supervisor_media(
        &mut self,
        now: Now,
        leg: LegId,
        event: &media::Event,
        out: &mut Vec<Output>,
    ) {
        match event {
            media::Event::Opened { .. } => self.answer_supervisor(now, leg, out),
            media::Event::OpenFailed { .. } => self.supervisor_refused(now, leg, (503, "no_rtp_port"), out),
            media::Event::Digit { digit, .. } => self.supervisor_key(now, leg, digit.char(), out),
            media::Event::Silent { .. } => {
                let codecs = self.setup().media.codecs.clone();
                if let Some(supervisor) = self.supervisors.get_mut(&leg).filter(|at| at.up.is_some()) {
                    let sdp = supervisor.party.offer(&codecs);
                    self.leg(now, leg, LegCommand::Offer { sdp }, out);
                }
            }
            media::Event::PlayFinished { .. }
            | media::Event::Heard { .. }
            | media::Event::Recorded { .. }
            | media::Event::RecordingEnded { .. }
            | media::Event::Hushed { .. }
            | media::Event::Closed { .. } => {}
        }
    }

    fn answer_supervisor(&mut self, now: Now, leg: LegId, out: &mut Vec<Output>) {
        let codecs = self.setup().media.codecs.clone();
        let Some(supervisor) = self.supervisors.get_mut(&leg) else { return };
        let sdp = match supervisor.offer.take() {
            Some(offer) => match supervisor.party.answer(&offer, &codecs) {
                Ok((sdp, session)) => {
                    let command = media::Command::Apply { port: supervisor.party.port, session };
                    out.push(Output::Media { shard: supervisor.shard, command });
                    sdp
                }
                Err(unacceptable) => {
                    return self.supervisor_refused(now, leg, (unacceptable.status(), "no_codec"), out);
                }
            },
            None => supervisor.party.offer(&codecs),
        };
        self.leg(now, leg, LegCommand::Answer { sdp }, out);
    }

    /// She cannot be answered.
    fn supervisor_refused(&mut self, now: Now, leg: LegId, refusal: (u16, &str), out: &mut Vec<Output>) {
        if let Some(supervisor) = self.supervisors.remove(&leg) {
            self.legs.remove(&leg);
            self.close_port(supervisor.party.port, out);
            self.disengage(now, supervisor.agent);
            self.refuse(now, leg, refusal.0, refusal.1, out);
        }
    }

    /// Her leg.
    pub(crate) fn supervisor_event(&mut self, now: Now, leg: LegId, event: LegEvent, out: &mut Vec<Output>) {
        match event {
            LegEvent::Confirmed { sdp } => {
                self.supervisor_agrees(leg, sdp.as_deref(), out);
                self.supervisor_hears(now, leg, out);
            }
            LegEvent::OfferAnswered { sdp } => self.supervisor_agrees(leg, Some(&sdp), out),
            LegEvent::Info { key } => self.supervisor_key(now, leg, *key.expose(), out),
            LegEvent::Ended { .. } => self.end_supervisor(now, leg, None, "hung_up", out),
            LegEvent::Reoffered { sdp } => self.supervisor_reoffers(now, leg, sdp, out),
            LegEvent::Referred(_) => {
                self.leg(now, leg, LegCommand::RefuseReferral(Refusal::status(603)), out);
            }
            LegEvent::Invited(_)
            | LegEvent::Elsewhere { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. } => {}
        }
    }

    /// Her answer to an offer of ours.
    fn supervisor_agrees(&mut self, leg: LegId, sdp: Option<&[u8]>, out: &mut Vec<Output>) {
        let codecs = self.setup().media.codecs.clone();
        let Some(supervisor) = self.supervisors.get_mut(&leg) else { return };
        if let Some(Ok(session)) = sdp.map(|sdp| supervisor.party.accept(sdp, &codecs)) {
            let command = media::Command::Apply { port: supervisor.party.port, session };
            out.push(Output::Media { shard: supervisor.shard, command });
        }
    }

    /// She holds, resumes or moves.
    fn supervisor_reoffers(&mut self, now: Now, leg: LegId, sdp: Option<Bytes>, out: &mut Vec<Output>) {
        let codecs = self.setup().media.codecs.clone();
        let Some(supervisor) = self.supervisors.get_mut(&leg) else { return };
        let answered = match sdp {
            None => Ok((supervisor.party.offer(&codecs), None)),
            Some(offer) => {
                supervisor.party.answer(&offer, &codecs).map(|(sdp, session)| (sdp, Some(session)))
            }
        };
        let command = match answered {
            Ok((sdp, session)) => {
                let port = supervisor.party.port;
                let apply = session.map(|session| media::Command::Apply { port, session });
                let shard = supervisor.shard;
                out.extend(apply.map(|command| Output::Media { shard, command }));
                LegCommand::Accept { sdp }
            }
            Err(unacceptable) => LegCommand::Reject(Refusal::status(unacceptable.status())),
        };
        self.leg(now, leg, command, out);
    }

    fn supervisor_hears(&mut self, now: Now, leg: LegId, out: &mut Vec<Output>) {
        let Some(supervisor) = self.supervisors.get_mut(&leg).filter(|at| at.up.is_none()) else { return };
        supervisor.up = Some(now);
        let (id, by, agent, mode) =
            (supervisor.call, supervisor.user.clone(), supervisor.whom.1.clone(), supervisor.mode);
        let call = self.calls.get(&id);
        self.hop(now, call, Hop::Supervised { by, agent, mode: mode.word().to_owned() }, out);
        call.into_iter().for_each(|call| self.talk(call, out));
        self.beep(leg, out);
    }

    /// A key of her phone.
    fn supervisor_key(&mut self, now: Now, leg: LegId, key: char, out: &mut Vec<Output>) {
        let Some(supervisor) = self.supervisors.get_mut(&leg).filter(|at| at.up.is_some()) else { return };
        let Some(mode) = Mode::of_key(key).filter(|mode| *mode != supervisor.mode) else { return };
        supervisor.mode = mode;
        let (id, by, agent) = (supervisor.call, supervisor.user.clone(), supervisor.whom.1.clone());
        let call = self.calls.get(&id);
        self.hop(now, call, Hop::SupervisionChanged { by, agent, mode: mode.word().to_owned() }, out);
        call.into_iter().for_each(|call| self.talk(call, out));
        self.beep(leg, out);
    }

    /// Tells her alone which mode she is in.
    fn beep(&mut self, leg: LegId, out: &mut Vec<Output>) {
        let id = self.next_playlist();
        let Some(supervisor) = self.supervisors.get(&leg) else { return };
        let beeps = Prompt::tone(&[1_000.0], BEEP, BEEP, 2 * BEEP * supervisor.mode.beeps());
        let playlist =
            media::Playlist { prompts: vec![Arc::new(beeps)], repeats: false, lead_in: Duration::ZERO, id };
        let command = media::Command::Play { port: supervisor.party.port, playlist };
        out.push(Output::Media { shard: supervisor.shard, command });
    }

    /// Her part is over. `call`: the conversation, where it is in hand.
    fn end_supervisor(
        &mut self,
        now: Now,
        leg: LegId,
        call: Option<&Call>,
        why: &str,
        out: &mut Vec<Output>,
    ) {
        let Some(supervisor) = self.supervisors.remove(&leg) else { return };
        if let Some(up) = supervisor.up {
            let ended = Hop::SupervisionEnded {
                by: supervisor.user,
                agent: supervisor.whom.1,
                why: why.to_owned(),
                lasted_ms: millis(now.mono.saturating_duration_since(up.mono)),
            };
            self.hop(now, call.or_else(|| self.calls.get(&supervisor.call)), ended, out);
        }
        self.close_port(supervisor.party.port, out);
        self.disengage(now, supervisor.agent);
        self.hang_up(now, leg, EndCause::OtherLegEnded, out);
    }

    /// The conversation is over, or the agent leaves it: so do her supervisors.
    pub(crate) fn end_supervision(&mut self, now: Now, call: &Call, out: &mut Vec<Output>) {
        let of_call = self.supervisors.iter().filter(|(_, supervisor)| supervisor.call == call.id);
        for leg in of_call.map(|(leg, _)| *leg).collect::<Vec<_>>() {
            self.end_supervisor(now, leg, Some(call), "conversation_ended", out);
        }
    }

    /// Both sides hear one another, and whoever supervises hears and is heard as her mode says.
    pub(crate) fn talk(&self, call: &Call, out: &mut Vec<Output>) {
        let Some(far) = call.far.as_ref().filter(|far| far.state == FarState::Bridged) else { return };
        let third = call.third_that_talks().map(|third| third.party.port);
        let talkers: Vec<PortId> = match (far.held, call.held) {
            _ if third.is_some() => [call.party.port, far.party.port].into_iter().chain(third).collect(),
            // Who is on hold hears music.
            (true, _) => vec![far.party.port],
            (false, true) => vec![call.party.port],
            (false, false) => vec![call.party.port, far.party.port],
        };
        let supervisors = self.supervisors.values();
        let present = supervisors.filter(|supervisor| supervisor.call == call.id && supervisor.up.is_some());
        let present: Vec<&Supervisor> = present.collect();
        let ports: Vec<PortId> =
            talkers.iter().copied().chain(present.iter().map(|supervisor| supervisor.party.port)).collect();
        let command = match (ports.as_slice(), present.is_empty()) {
            (&[a, b], true) => media::Command::Bridge { a, b },
            (&[_], true) => return,
            (ports, _) => {
                let Some(mut conference) = Conference::of(ports) else { return };
                for supervisor in present {
                    let agent = call.talker(supervisor.whom.0);
                    let kept = ports.iter().filter(|port| match supervisor.mode {
                        Mode::Listen => true,
                        Mode::Whisper => Some(**port) != agent,
                        Mode::Barge => false,
                    });
                    kept.for_each(|port| conference.keep_from(supervisor.party.port, *port));
                }
                media::Command::Confer { conference }
            }
        };
        out.push(Output::Media { shard: call.shard, command });
    }
}

impl Call {
    /// The port of an agent who is one of its sides.
    fn talker(&self, agent: AgentId) -> Option<PortId> {
        if self.agent_at(Side::Caller) == Some(agent) {
            return Some(self.party.port);
        }
        let far = self.far.as_ref().filter(|far| far.who.agent() == Some(agent));
        far.map(|far| far.party.port)
    }
}
