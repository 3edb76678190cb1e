//! What a flow wants of recordings and messages, and what it hears of them.

use std::sync::Arc;
use std::time::Duration;

/// What a flow wants of recordings and messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Recording {
    /// Record both sides from now on. Why that is allowed: everybody was asked, or a reason that is in the flow.
    Start {
        /// `None`: the caller heard the notice and did not decline.
        one_party: Option<Arc<str>>,
    },
    /// The flow says to record, and nobody was asked: nothing is recorded.
    Unasked,
    /// Keep nothing of what is said. `secret`: while digits are keyed that nobody may keep.
    Pause {
        /// Whether it is for a secret.
        secret: bool,
    },
    /// Keep it again.
    Resume {
        /// Whether it was for a secret.
        secret: bool,
    },
    /// End it.
    Stop,
    /// The caller was asked whether she may be recorded.
    Consent {
        /// Whether she may.
        given: bool,
    },
    /// A text the law requires was heard to its end.
    Disclosed {
        /// Its prompts.
        prompts: Vec<Arc<str>>,
    },
    /// Record the caller alone, after the beep.
    Message {
        /// She is taken to be done after so much silence.
        hush_after: Duration,
    },
    /// She is done: end the message, and say how much of it was spoken.
    MessageEnds,
    /// Keep the message and tell its inbox. What is shorter than `least` is nobody's message.
    Deliver {
        /// Whose.
        inbox: Arc<str>,
        /// Whether she marked it so.
        urgent: bool,
        /// The least of it that must be spoken.
        least: Duration,
    },
    /// Forget the message: she speaks it anew, or said nothing.
    Discard,
}

/// What a flow hears of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageNews {
    /// She has said nothing for a while.
    Hushed,
    /// It ended, as the flow asked.
    Ended {
        /// How much of it somebody spoke.
        voiced: Duration,
    },
}
