//! What happens to the distributor, and the names things go by.

use std::fmt;

use crate::agent::AgentChange;
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
    /// An agent answers at her own phone what rings at a colleague's: the offer becomes hers, and her `Answer`
    /// follows. Nothing happens where [`crate::Engine::may_take_up`] says no.
    TakeUp {
        /// Which.
        offer: OfferId,
        /// Who takes it.
        by: AgentId,
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
