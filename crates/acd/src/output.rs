//! What the distributor wants done.

use std::time::Duration;

use crate::agent::AgentState;
use crate::input::{AgentId, EntryId, OfferId};

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
