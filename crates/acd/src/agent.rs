//! Agents: signed in or not, reachable or not, ready or not.

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
