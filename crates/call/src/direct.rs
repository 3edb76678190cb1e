//! An agent's phone calls a colleague, a queue or a number of `numbers:`. Only a phone that proved whose it
//! is: no unproven party ever causes a call to go out.
//!
//! | while | what comes | what follows |
//! |---|---|---|
//! | the port opens | it is open | the other side is rung; a queue answers and plays music |
//! | it rings | the other side rings | 180 to the agent |
//! | it rings | the other side plays | 183 to the agent, who hears it |
//! | it rings | the other side answers | 200 to the agent, both are joined |
//! | it rings | busy, no answer, not reached | the agent's INVITE is refused: 486, 480 |
//! | in the queue | an agent answers | both are joined |
//! | in the queue | any way out but an agent | the call ends |
//! | joined | either hangs up | the call ends |

use std::sync::Arc;
use std::time::Duration;

use acd::{AgentChange, AgentId, AgentState};
use flow::{Enqueue, QueueNews, TransferNews, Urgency};
use media::Playlist;
use primitives::Now;
use sip::{Invited, LegCommand, LegId, Refusal};

use crate::call::{Call, Far, FarState, Progress, Summary, Who};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::{Beyond, Owner, Party};
use crate::output::Output;
use crate::script::Script;
use crate::switch::Switch;
use crate::target::Target;
use crate::trunk::{Origin, Outward};

/// How long a person rings whom an agent calls. Her phone's own patience usually ends first.
const DIRECT_RING: Duration = Duration::from_secs(60);

/// Calls one agent may have made and not ended. A phone has a few lines; one that makes more is out of order.
const DIRECT_CALLS_MAX: u32 = 4;

/// What an agent's phone dialled.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    /// Whose phone. `None` where somebody outside has taken the caller's place.
    pub agent: Option<AgentId>,
    /// Her user name, or the name of the number.
    pub user: String,
    /// Whom she dialled.
    pub to: Option<Target>,
}

impl Switch {
    /// An agent's INVITE for a name.
    pub(crate) fn direct(
        &mut self,
        now: Now,
        leg: LegId,
        ((agent, user), to): ((AgentId, String), Target),
        invited: Invited,
        out: &mut Vec<Output>,
    ) {
        let made = self.engaged.get(&agent).copied().unwrap_or_default();
        if matches!(&to, Target::Agent { agent: called, .. } if *called == agent) || made >= DIRECT_CALLS_MAX
        {
            return self.refuse(now, leg, 486, "busy", out);
        }
        let setup = Arc::clone(self.setup());
        let id = self.new_call_id(now);
        let shard = self.shard_beside(agent, &to);
        let address = self.rtp_address(Some(&invited.path));
        let Some((port, local)) = self.open_port(Owner::Caller(id), shard, address, out) else {
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        };
        let mut party = self.party(port, local, Beyond::Phone);
        if let Some(Err(unacceptable)) =
            invited.offer.as_ref().map(|offer| party.answer(offer, &setup.media.codecs))
        {
            self.close_port(port, out);
            return self.refuse(now, leg, unacceptable.status(), "no_codec", out);
        }
        let transport = invited.path.transport.to_string();
        let dialled = Hop::Dialled { agent: user.clone(), to: to.name(), transport };
        let urgency = self.urgency_in_hand(agent);
        let call = Call {
            id,
            shard,
            arrived: now,
            answered: None,
            leg,
            party,
            progress: Progress::Opening { offer: invited.offer },
            origin: Origin::Agent,
            number: None,
            at: ("direct".into(), to.name().into()),
            language: Arc::clone(&setup.agent_language),
            urgency,
            reason: None,
            playlist: 0,
            waiting: None,
            served: None,
            waits_since: None,
            may_be_heard: None,
            recording: None,
            far: None,
            third: None,
            keyed: String::new(),
            page: None,
            inquiry: None,
            held: false,
            transfer: None,
            probe_again: [None; 2],
            keys_heard: Default::default(),
            scheduled: None,
            over: false,
            summary: Summary { agent: Some(user.clone()), ..Summary::default() },
            script: Script::Direct(Direct { agent: Some(agent), user, to: Some(to) }),
            setup,
        };
        self.hop(now, Some(&call), dialled, out);
        self.legs.insert(leg, Owner::Caller(id));
        self.calls.insert(id, call);
        self.engage(now, agent);
    }

    /// What happens to an agent's own call.
    pub(crate) fn direct_event(
        &mut self,
        now: Now,
        call: &mut Call,
        event: &flow::Event,
        out: &mut Vec<Output>,
    ) {
        let Some(to) = call.script.direct().map(|direct| direct.to.clone()) else { return };
        match event {
            flow::Event::CallStarted => {
                if let Some(to) = to {
                    self.reach(now, call, to, out);
                }
            }
            flow::Event::Transfer(TransferNews::Busy) => self.not_reached(now, call, 486, out),
            flow::Event::Transfer(TransferNews::NoAnswer | TransferNews::Failed) => {
                self.not_reached(now, call, 480, out);
            }
            flow::Event::Queue(QueueNews::AgentLost) => self.play_music_to_caller(call, out),
            flow::Event::Transfer(TransferNews::Ended) | flow::Event::Queue(QueueNews::AgentLeft) => {
                self.end(now, call, "conversation_ended", out);
            }
            flow::Event::Queue(
                QueueNews::TimedOut
                | QueueNews::Empty
                | QueueNews::Full
                | QueueNews::Closed
                | QueueNews::Failed,
            ) => self.end(now, call, "not_reached", out),
            flow::Event::Transfer(TransferNews::Connected)
            | flow::Event::Queue(QueueNews::Connected | QueueNews::Position { .. })
            | flow::Event::Page(_)
            | flow::Event::Digit(_)
            | flow::Event::Verified(_)
            | flow::Event::Inquiry { .. }
            | flow::Event::Message(_)
            | flow::Event::PlayFinished
            | flow::Event::CallerHungUp
            | flow::Event::Timeout => {}
        }
    }

    fn reach(&mut self, now: Now, call: &mut Call, to: Target, out: &mut Vec<Output>) {
        match to {
            Target::Queue { name } => {
                self.answer(now, call, out);
                if call.over {
                    return;
                }
                self.play_music_to_caller(call, out);
                let request = Enqueue {
                    queue: name.into(),
                    urgency: call.urgency,
                    reason: None,
                    skills: Vec::new(),
                    language: Arc::clone(&call.language),
                };
                self.enqueue(now, call, request, out);
            }
            to => {
                if let Err(status) = self.ring_target(now, call, &to, DIRECT_RING, out) {
                    self.not_reached(now, call, status, out);
                }
            }
        }
    }

    /// Rings a colleague or a number of `numbers:` as the far side of a call; with what status it cannot be.
    pub(crate) fn ring_target(
        &mut self,
        now: Now,
        call: &mut Call,
        to: &Target,
        ring: Duration,
        out: &mut Vec<Output>,
    ) -> Result<(), u16> {
        let ring_until = now.mono + ring;
        let (who, address) = match to {
            Target::Agent { agent, name } => {
                if !self.is_free(*agent) {
                    return Err(486);
                }
                let Some(binding) = self.sip.bindings(name).first() else { return Err(480) };
                let address = self.rtp_address(Some(&binding.path));
                (Who::Colleague { agent: *agent, name: name.clone(), ring_until }, address)
            }
            Target::Number { name } => {
                let Some(number) = call.setup.numbers.get(&**name).cloned() else { return Err(404) };
                (
                    Who::Number { name: Arc::clone(name), to: Outward::new(number), ring_until },
                    call.party.local.ip(),
                )
            }
            Target::Queue { .. } | Target::Flow { .. } => return Err(404),
        };
        let Some((port, local)) = self.open_port(Owner::Far(call.id), call.shard, address, out) else {
            return Err(503);
        };
        let paged = call.page.is_some();
        if !paged {
            self.hop(now, Some(call), Hop::Transferring { number: who.name() }, out);
        }
        if let Who::Colleague { agent, .. } = &who {
            self.engage(now, *agent);
        }
        let beyond = if matches!(who, Who::Colleague { .. }) { Beyond::Phone } else { Beyond::Trunk };
        let party = self.party(port, local, beyond);
        call.far = Some(Far { paged, ..Far::opening(now, who, party) });
        Ok(())
    }

    /// Whether a colleague may be rung: in no call, and not just being rung for a caller of a queue.
    pub(crate) fn is_free(&self, agent: AgentId) -> bool {
        !matches!(self.acd.agent_state(agent), Some(AgentState::OnCall | AgentState::Offered))
    }

    /// The agent's call led to nobody. One that was not answered is refused, so that her phone says why.
    fn not_reached(&mut self, now: Now, call: &mut Call, status: u16, out: &mut Vec<Output>) {
        if matches!(call.progress, Progress::Opening { .. } | Progress::Arrived { .. }) {
            self.legs.remove(&call.leg);
            self.leg(now, call.leg, LegCommand::Reject(Refusal::status(status)), out);
        }
        self.end(now, call, "not_reached", out);
    }

    /// The other side rings: an agent's own phone is told so.
    pub(crate) fn far_rings(&mut self, now: Now, call: &Call, out: &mut Vec<Output>) {
        let is_waiting = matches!(call.progress, Progress::Arrived { .. });
        if is_waiting && call.script.direct().is_some() {
            self.leg(now, call.leg, LegCommand::Ring, out);
        }
    }

    /// The other side plays early media: an agent who calls out hears it, the newest of a fork. A caller of a
    /// queue goes on hearing her music.
    pub(crate) fn far_plays(&mut self, now: Now, call: &mut Call, sdp: &[u8], out: &mut Vec<Output>) {
        let setup = Arc::clone(&call.setup);
        let codecs = &setup.media.codecs;
        let shard = call.shard;
        let is_direct = call.script.direct().is_some();
        let Progress::Arrived { offer: Some(offer), said } = &mut call.progress else { return };
        let Some(far) = call.far.as_mut().filter(|far| is_direct && far.legs.len() == 1) else { return };
        let Ok(theirs) = far.party.accept(sdp, codecs) else { return };
        let (a, b) = (call.party.port, far.party.port);
        let mut media = |command| out.push(Output::Media { shard, command });
        media(media::Command::Apply { port: b, session: theirs });
        if said.is_some() {
            return;
        }
        let Ok((sdp, session)) = call.party.answer(offer, codecs) else { return };
        *said = Some(sdp.clone());
        media(media::Command::Apply { port: a, session });
        media(media::Command::Bridge { a, b });
        self.leg(now, call.leg, LegCommand::Progress { sdp }, out);
    }

    /// Hold music for the caller's side, until something else is to be heard.
    pub(crate) fn play_music_to_caller(&mut self, call: &mut Call, out: &mut Vec<Output>) {
        let music = call.setup.prompts.named(&call.language, "hold_music").map(Arc::clone);
        let id = self.next_playlist();
        call.playlist = id;
        let playlist =
            Playlist { prompts: music.into_iter().collect(), repeats: true, lead_in: Duration::ZERO, id };
        if let Progress::Answered { then } = &mut call.progress {
            *then = Some(playlist);
        } else {
            let command = media::Command::Play { port: call.party.port, playlist };
            out.push(Output::Media { shard: call.shard, command });
        }
    }

    /// She is in a call outside the queues; they leave her alone until the last of them is over.
    pub(crate) fn engage(&mut self, now: Now, agent: AgentId) {
        *self.engaged.entry(agent).or_default() += 1;
        self.acd_input(now, acd::Input::Agent { agent, change: AgentChange::Engaged });
    }

    /// One of her calls outside the queues is over.
    pub(crate) fn disengage(&mut self, now: Now, agent: AgentId) {
        let Some(calls) = self.engaged.get_mut(&agent) else { return };
        *calls -= 1;
        if *calls == 0 {
            self.engaged.remove(&agent);
            self.acd_input(now, acd::Input::Agent { agent, change: AgentChange::Freed });
        }
    }

    /// The media thread of a new call: the one of a call its parties are in already, so that the two can be
    /// joined later.
    fn shard_beside(&mut self, agent: AgentId, to: &Target) -> u16 {
        let called = match to {
            Target::Agent { agent, .. } => Some(*agent),
            _ => None,
        };
        let beside = |agent: AgentId| self.calls.values().find(|call| call.has(agent)).map(|call| call.shard);
        match beside(agent).or_else(|| called.and_then(beside)) {
            Some(shard) => shard,
            None => self.next_shard(),
        }
    }

    /// How urgent the caller is whom this agent has in her other call: whom she consults waits no longer for
    /// it than the caller would.
    fn urgency_in_hand(&self, agent: AgentId) -> Urgency {
        let calls = self.calls.values().filter(|call| call.has(agent));
        calls.map(|call| call.urgency).min().unwrap_or(Urgency::Routine)
    }
}

impl Call {
    /// Whether an agent is one of its parties.
    pub(crate) fn has(&self, agent: AgentId) -> bool {
        let is_side = |side| self.agent_at(side) == Some(agent);
        let transfers = self.transfer.as_ref().and_then(|transfer| transfer.from.as_ref()?.who.agent());
        is_side(Side::Caller) || is_side(Side::Far) || transfers == Some(agent)
    }
}

impl Far {
    /// Somebody whose port is being opened.
    pub(crate) const fn opening(now: Now, who: Who, party: Party) -> Self {
        Self {
            who,
            party,
            legs: Vec::new(),
            state: FarState::Opening,
            since: now,
            held: false,
            referred: false,
            paged: false,
            called_in: false,
            refused: None,
        }
    }
}
