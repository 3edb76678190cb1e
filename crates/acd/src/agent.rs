//! Agents: signed in or not, reachable or not, ready or not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use primitives::Now;

use crate::engine::Engine;
use crate::input::{AgentId, OfferId, QueueId};
use crate::output::{Output, Withdrawal};
use crate::queue::Need;
use crate::timer::Timer;

/// What an agent, her phone or the call core says of her.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AgentChange {
    /// Signs in to all her queues (or, named, to some of them). Not ready yet.
    SignIn {
        /// Empty: all she may.
        queues: Vec<String>,
    },
    /// Signs out; a call in progress goes on.
    SignOut,
    /// Ready for calls. Ends wrap-up early.
    Ready,
    /// Not ready.
    Pause {
        /// Lunch, meeting …; for reports.
        reason: String,
    },
    /// Her phone registered.
    Reachable,
    /// Her last contact is gone.
    Unreachable,
    /// She makes or takes a call outside the queues: no offers until `Freed`.
    Engaged,
    /// The call outside the queues is over.
    Freed,
    /// The conversation of an accepted offer is over: wrap-up begins.
    ConversationEnded,
}

/// Where an agent stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AgentState {
    /// Not signed in.
    Offline,
    /// Signed in, and no phone to ring.
    Unreachable,
    /// Signed in, not taking calls.
    Paused,
    /// Waiting for a call.
    Available,
    /// Her phone rings.
    Offered,
    /// In a call.
    OnCall,
    /// Writing notes.
    WrapUp,
}

impl AgentState {
    /// The word of metrics, the API and the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::Paused => "paused",
            Self::Available => "available",
            Self::Offered => "offered",
            Self::OnCall => "on_call",
            Self::WrapUp => "wrap_up",
        }
    }
}

/// Which of her queues an agent signed in to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SignedIn {
    No,
    /// All she may, also those a new configuration adds.
    ToAll,
    /// These, where she may.
    To(Vec<String>),
}

impl SignedIn {
    fn names(&self, queue: &str) -> bool {
        match self {
            Self::No => false,
            Self::ToAll => true,
            Self::To(queues) => queues.iter().any(|name| name == queue),
        }
    }
}

/// What occupies an agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    Nothing,
    Ringing(OfferId),
    /// Her phone said busy, and with what we do not know.
    BusyElsewhere,
    Conversation {
        /// Time for notes the caller's queue gives her afterwards.
        wrap_up: Duration,
    },
    WrapUp,
}

/// Whom to ask first: the agent with the fewest skills, so that rare skills stay free; then the longest
/// idle, which is fair; then the lower number. Smaller is sooner.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct IdleKey {
    pub(crate) skills: usize,
    pub(crate) since: Option<Instant>,
    pub(crate) agent: AgentId,
}

/// How an agent counts in her queues.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Standing {
    /// Signed in and reachable: her queues are not empty.
    pub(crate) is_able: bool,
    /// Takes calls, this one or the next.
    pub(crate) is_staffed: bool,
    /// May be offered to at once.
    pub(crate) idle: Option<IdleKey>,
}

#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) name: String,
    pub(crate) skills: Need,
    pub(crate) signed_in: SignedIn,
    /// Queues she may sign in to, by name.
    pub(crate) may_serve: BTreeMap<String, QueueId>,
    /// Those she is signed in to.
    pub(crate) queues: BTreeSet<QueueId>,
    pub(crate) is_reachable: bool,
    /// Wants calls. Survives a call, not a sign-out.
    pub(crate) is_ready: bool,
    /// In a call outside the queues.
    pub(crate) is_engaged: bool,
    pub(crate) work: Work,
    /// None before she was first ready.
    pub(crate) idle_since: Option<Instant>,
    /// As her queues count her now.
    pub(crate) counted: Standing,
    /// As last reported.
    pub(crate) reported: AgentState,
}

impl Agent {
    pub(crate) fn new(id: AgentId, name: String) -> Self {
        Self {
            id,
            name,
            skills: Need::from([]),
            signed_in: SignedIn::No,
            may_serve: BTreeMap::new(),
            queues: BTreeSet::new(),
            is_reachable: false,
            is_ready: false,
            is_engaged: false,
            work: Work::Nothing,
            idle_since: None,
            counted: Standing::default(),
            reported: AgentState::Offline,
        }
    }

    /// Those of her queues she signed in to.
    pub(crate) fn chosen_queues(&self) -> BTreeSet<QueueId> {
        let chosen = self.may_serve.iter().filter(|(name, _)| self.signed_in.names(name));
        chosen.map(|(_, queue)| *queue).collect()
    }

    /// A call in progress shows whatever else is true: it goes on after a sign-out and after her phone's
    /// registration is gone.
    pub(crate) fn state(&self) -> AgentState {
        match self.work {
            Work::Conversation { .. } => AgentState::OnCall,
            Work::Ringing(_) => AgentState::Offered,
            _ if self.is_engaged => AgentState::OnCall,
            _ if self.queues.is_empty() => AgentState::Offline,
            _ if !self.is_reachable => AgentState::Unreachable,
            Work::BusyElsewhere => AgentState::OnCall,
            Work::WrapUp => AgentState::WrapUp,
            Work::Nothing if self.is_ready => AgentState::Available,
            Work::Nothing => AgentState::Paused,
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        let is_able = self.is_reachable && !self.queues.is_empty();
        let idle = (self.state() == AgentState::Available).then_some(IdleKey {
            skills: self.skills.len(),
            since: self.idle_since,
            agent: self.id,
        });
        Standing { is_able, is_staffed: is_able && self.is_ready, idle }
    }
}

impl Engine {
    /// Whether two agents may serve a queue together, signed in or not.
    pub fn are_colleagues(&self, one: AgentId, other: AgentId) -> bool {
        let serves = |agent: AgentId| self.agents.get(&agent).map(|agent| &agent.may_serve);
        match (serves(one), serves(other)) {
            (Some(one), Some(other)) => one.keys().any(|queue| other.contains_key(queue)),
            _ => false,
        }
    }

    /// Where an agent stands.
    pub fn agent_state(&self, agent: AgentId) -> Option<AgentState> {
        self.agents.get(&agent).map(Agent::state)
    }

    pub(crate) fn agent_changed(
        &mut self,
        now: Now,
        id: AgentId,
        change: AgentChange,
        out: &mut Vec<Output>,
    ) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        match change {
            AgentChange::SignIn { queues } => {
                let signed_in = if queues.is_empty() { SignedIn::ToAll } else { SignedIn::To(queues) };
                self.sign_in(now, id, signed_in, out);
            }
            AgentChange::SignOut => {
                agent.is_ready = false;
                self.sign_in(now, id, SignedIn::No, out);
            }
            AgentChange::Ready if agent.queues.is_empty() => {}
            AgentChange::Ready => {
                if agent.state() != AgentState::Available {
                    agent.idle_since = Some(now.mono);
                }
                agent.is_ready = true;
                self.stop_notes(id);
            }
            AgentChange::Pause { reason: _ } => {
                agent.is_ready = false;
                self.stop_notes(id);
                self.stop_ringing(id, out);
            }
            AgentChange::Reachable => agent.is_reachable = true,
            AgentChange::Unreachable => {
                agent.is_reachable = false;
                self.stop_ringing(id, out);
            }
            AgentChange::Engaged => {
                agent.is_engaged = true;
                self.stop_ringing(id, out);
            }
            AgentChange::Freed => {
                agent.is_engaged = false;
                agent.idle_since = Some(now.mono);
            }
            AgentChange::ConversationEnded => self.conversation_ended(now, id),
        }
        self.settle(now, id, out);
    }

    /// Signs in, out, or to other queues than before.
    fn sign_in(&mut self, now: Now, id: AgentId, signed_in: SignedIn, out: &mut Vec<Output>) {
        // Out of the old queues, into the new ones: what is in both sees her leave and come back at once.
        self.count(now, id, Standing::default());
        let Some(agent) = self.agents.get_mut(&id) else { return };
        agent.signed_in = signed_in;
        agent.queues = agent.chosen_queues();
        if agent.queues.is_empty() {
            agent.is_ready = false;
            self.stop_notes(id);
        }
        self.stop_ringing_elsewhere(id, out);
    }

    fn conversation_ended(&mut self, now: Now, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let Work::Conversation { wrap_up } = agent.work else { return };
        agent.idle_since = Some(now.mono);
        agent.work = Work::Nothing;
        if agent.is_ready && !wrap_up.is_zero() {
            agent.work = Work::WrapUp;
            self.timers.set(Timer::WrapUp(id), now.mono + wrap_up);
        }
    }

    /// Time for notes is over, or a busy phone is tried again.
    pub(crate) fn rested(&mut self, now: Now, id: AgentId, out: &mut Vec<Output>) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.idle_since = Some(now.mono);
        }
        self.stop_notes(id);
        self.settle(now, id, out);
    }

    /// She writes no notes any more, and her phone is taken to be free.
    pub(crate) fn stop_notes(&mut self, id: AgentId) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        if matches!(agent.work, Work::WrapUp | Work::BusyElsewhere) {
            agent.work = Work::Nothing;
            self.timers.clear(&Timer::WrapUp(id));
            self.timers.clear(&Timer::BusyRest(id));
        }
    }

    fn stop_ringing(&mut self, id: AgentId, out: &mut Vec<Output>) {
        if let Some(Work::Ringing(offer)) = self.agents.get(&id).map(|agent| agent.work) {
            self.take_back(offer, Withdrawal::AgentLeft, out);
        }
    }

    /// Stops a phone that rings for a queue she no longer serves.
    pub(crate) fn stop_ringing_elsewhere(&mut self, id: AgentId, out: &mut Vec<Output>) {
        let Some(agent) = self.agents.get(&id) else { return };
        let Work::Ringing(offer) = agent.work else { return };
        let waiting = self.offers.get(&offer).and_then(|offer| self.entries.get(&offer.entry));
        if waiting.is_none_or(|waiting| !agent.queues.contains(&waiting.queue)) {
            self.stop_ringing(id, out);
        }
    }
}
