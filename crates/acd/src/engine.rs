//! Decides who answers whom.

use std::fmt;
use std::time::{Duration, Instant};

use primitives::Now;

use crate::agent::{AgentChange, AgentState};
use crate::config::Config;
use crate::urgency::Urgency;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u64);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{}"), self.0)
            }
        }
    };
}
id!(/** A waiting caller; numbered by the call core, never used twice. */ EntryId, "entry");
id!(/** A queue; stays the same across configurations while its name does. */ QueueId, "queue");
id!(/** An agent; stays the same across configurations while her name does. */ AgentId, "agent");
id!(/** One asking of one agent for one caller. */ OfferId, "offer");

/// A caller who joins a queue.
#[derive(Clone, Debug)]
pub struct Enqueue {
    /// Numbered by the call core.
    pub entry: EntryId,
    /// Which queue.
    pub queue: QueueId,
    /// How urgent.
    pub urgency: Urgency,
    /// What an agent must have; all of it, but for an emergent caller who waited 30 s.
    pub skills: Vec<String>,
    /// Since when she waits: now, or earlier for one who keeps a place.
    pub since: jiff::Timestamp,
}

/// What happens to the distributor.
#[derive(Clone, Debug)]
pub enum Input {
    /// A caller joins a queue.
    Enqueue(Enqueue),
    /// A waiting caller became more urgent. Never less: only a clinician lowers, elsewhere.
    Raise {
        /// Who.
        entry: EntryId,
        /// How urgent now.
        urgency: Urgency,
    },
    /// A caller leaves: hung up, or the flow took her elsewhere.
    Abandon {
        /// Who.
        entry: EntryId,
    },
    /// Something about an agent.
    Agent {
        /// Who.
        agent: AgentId,
        /// What.
        change: AgentChange,
    },
    /// What became of an offer.
    Answer {
        /// Which.
        offer: OfferId,
        /// What.
        answer: OfferAnswer,
    },
    /// Queues and agents were read anew. Callers and calls stay where they are; a queue that is gone lets
    /// its callers out by `QueueExit::Failed`.
    Configure(Config),
    /// `poll_timeout` has passed.
    Timeout,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OfferAnswer {
    /// She answered; the caller leaves the queue, she is on a call until `ConversationEnded`.
    Accepted,
    /// She declined (603, or a key): the caller is offered to others first.
    Declined,
    /// Her phone is busy with something we do not know of (486).
    Busy,
    /// It rang too long. (The engine itself withdraws at `ring_secs`; this is for a phone that gave up.)
    NoAnswer,
    /// The phone could not be reached, or vanished while it rang.
    Failed,
}

/// What the distributor wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ring this agent for this caller.
    Offer {
        /// Names the asking.
        offer: OfferId,
        /// Who waits.
        entry: EntryId,
        /// Who is asked.
        agent: AgentId,
        /// How long the caller has waited.
        waited: Duration,
    },
    /// Stop ringing.
    Withdraw {
        /// Which offer.
        offer: OfferId,
        /// Why.
        why: Withdrawal,
    },
    /// A caller's place, when it changes and at least each 30 s.
    News {
        /// Who.
        entry: EntryId,
        /// Callers who will be served before her.
        ahead: u32,
        /// Expected wait, where one can honestly be given.
        estimate: Option<Duration>,
    },
    /// A caller leaves the queue unserved; her flow decides what next. The entry is forgotten.
    Exit {
        /// Who.
        entry: EntryId,
        /// Which of the queue's exits.
        exit: QueueExit,
        /// How long she waited.
        waited: Duration,
    },
    /// An agent's state changed.
    Agent {
        /// Who.
        agent: AgentId,
        /// Since now.
        state: AgentState,
    },
}

/// The ways out of a queue that no agent opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueueExit {
    /// Waited as long as her urgency allows.
    TimedOut,
    /// Nobody is signed in who could answer.
    Empty,
    /// No more may wait.
    Full,
    /// The queue is gone.
    Failed,
}

/// Why an agent's phone stops ringing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Withdrawal {
    /// It rang `ring_secs`.
    NoAnswer,
    /// The caller left.
    CallerLeft,
    /// The agent signed out or paused while it rang.
    AgentLeft,
    /// A more urgent caller takes this agent.
    Overtaken,
}

/// Decides who answers whom.
#[derive(Debug)]
pub struct Engine {}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "the contract, before its implementation")]
impl Engine {
    pub fn new(config: Config) -> Self {
        todo!()
    }
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        todo!()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        todo!()
    }
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        todo!()
    }
    pub fn queue_name(&self, queue: QueueId) -> Option<&str> {
        todo!()
    }
    pub fn agent(&self, name: &str) -> Option<AgentId> {
        todo!()
    }
    pub fn agent_name(&self, agent: AgentId) -> Option<&str> {
        todo!()
    }
    pub fn agent_state(&self, agent: AgentId) -> Option<AgentState> {
        todo!()
    }
    /// Callers waiting in a queue, by urgency, most urgent first.
    pub fn waiting(&self, queue: QueueId) -> [u32; 6] {
        todo!()
    }
    /// Whether nobody waits and no offer is open.
    pub fn is_idle(&self) -> bool {
        todo!()
    }
}
