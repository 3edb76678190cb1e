//! What a telephone is told to do, what it does when it rings, and how its call is seen from it.

use std::time::Duration;

use sip::EndCause;

/// Something a phone does, or what is done to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Calls a number or a feature code of the node.
    Dial(String),
    /// Presses a key.
    Press(char),
    /// Hangs up, or gives up while it rings at the other end.
    HangUp,
    /// Sends no more voice, as a phone on mute with silence suppression; keys and signalling go on.
    Mute,
    /// Loses power without a word; comes back with nothing it knew after so long, or never.
    Vanish(Option<Duration>),
    /// Puts the other side on hold.
    Hold,
    /// Takes it back.
    Resume,
    /// Transfers whom it talks with, without asking there first (REFER).
    Transfer(String),
    /// Joins whom it talked with first and whom it talks with now (REFER with Replaces).
    Join,
    /// Answers what rings here by a call of its own that takes its place (INVITE with Replaces), as her other
    /// phone would.
    TakeUp,
    /// Answers what rings at a colleague's phone, by the Replaces that names it.
    PickUp(String),
}

/// What a phone does when it is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reaction {
    /// Answers after ringing, and then does these, each so long after the answer.
    Answer {
        /// How long it rings.
        after: Duration,
        /// What follows.
        then: Vec<(Duration, Wish)>,
    },
    /// Refuses with this status after ringing: 603 declined, 486 busy.
    Refuse {
        /// How long it rings.
        after: Duration,
        /// 486, 603 …
        status: u16,
    },
    /// Rings until the caller gives up.
    LetRing,
    /// Loses power while it rings.
    Vanish {
        /// How long it rings.
        after: Duration,
        /// When it comes back.
        back_after: Option<Duration>,
    },
}

/// How a call is seen from the phone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Being set up.
    Ringing,
    /// Answered.
    Up,
    /// Over.
    Over(EndCause),
}
