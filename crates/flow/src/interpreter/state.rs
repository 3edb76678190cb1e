//! What a caller waits for, and where she may go from there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::Private;

use super::inquiry::Asking;
use crate::expression::Value;
use crate::flow::{Flow, Keys, Step, StepId};
use crate::{HangUpCause, PageNews, QueueNews};

/// Silence between a key and what is said next: older callers need the receiver back at the ear (domain 3.6).
pub(super) const AFTER_KEY: Duration = Duration::from_millis(500);
/// Within this of the 9, two 1s make an emergency of it (domain S2).
pub(super) const SEQUENCE_WINDOW: Duration = Duration::from_secs(2);

/// A flow the caller is in.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) flow: Arc<Flow>,
    pub(super) at: StepId,
    pub(super) variables: BTreeMap<Arc<str>, Private<Value>>,
    /// Where it goes on after the sub-flow it called; `None`: it returns too.
    pub(super) resume: Option<StepId>,
}

impl Frame {
    pub(super) fn new(flow: Arc<Flow>) -> Self {
        Self { flow, at: StepId(0), variables: BTreeMap::new(), resume: None }
    }

    pub(super) fn step(&self) -> Option<&Step> {
        self.flow.step(self.at)
    }

    /// The step, borrowed from a clone of the flow, so that the caller's place may change meanwhile.
    pub(super) fn step_of<'f>(&self, flow: &'f Flow) -> Option<&'f Step> {
        flow.step(self.at)
    }
}

/// Where to next.
#[derive(Debug)]
pub(super) enum Jump {
    To(StepId, &'static str),
    Next(&'static str),
    Call {
        flow: Arc<str>,
        resume: Option<StepId>,
    },
    Return,
    /// The step the emergency key leads to, of the nearest flow that has one.
    Emergency,
    Operator,
    GiveUp,
    /// The step failed: its own `on_error`, or the flow's.
    Failed,
    /// The flow's `on_error`.
    Fallback,
    Goodbye(HangUpCause),
}

/// What a caller waits for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Waiting {
    /// The call is not there yet.
    Start,
    /// The prompts of a `play`.
    Play {
        keys: Keys,
    },
    /// The prompts of an `emergency`.
    Emergency,
    /// `menu`, `collect`, `library`.
    Question(Question),
    /// `wait`.
    Pause {
        until: Instant,
    },
    /// The 911 advice after 9,1,1; then the emergency step.
    Advice,
    /// An agent.
    Queue(Hold),
    /// The other side of a transfer.
    Ringing,
    /// Somebody on call.
    Page(PageHold),
    /// An answer of a table, or of another system.
    Inquiry(Asking),
    /// The end of a conversation.
    Talking,
    /// The notice that she would be recorded, and the moment behind it in which she may decline.
    Consent {
        until: Option<Instant>,
    },
    /// A text the law requires.
    Disclosing,
    /// `take_message`; how often it was asked for.
    Message {
        taking: Taking,
        asked: u8,
    },
    /// The end of the goodbye.
    Goodbye(HangUpCause),
    Ended,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Taking {
    /// She is asked for it.
    Inviting,
    Speaking {
        until: Instant,
    },
    /// It was ended, and how much was spoken is not known yet.
    Ending,
    /// She says what becomes of it.
    Reviewing {
        until: Option<Instant>,
    },
    /// She is told that it was sent.
    Thanking,
}

impl Taking {
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Speaking { until } => Some(*until),
            Self::Reviewing { until } => *until,
            Self::Inviting | Self::Ending | Self::Thanking => None,
        }
    }
}

/// A question under way.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Question {
    pub(super) phase: Phase,
    /// How often it was asked since the caller last did something sensible.
    pub(super) asked: u8,
    /// It was heard once: `again` from now on.
    pub(super) is_repeat: bool,
    pub(super) digits: Private<String>,
    /// The last key of an entry was `*`: what comes next tells what it meant.
    pub(super) is_star: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Phase {
    /// The prompt plays.
    Asking,
    Listening {
        until: Instant,
    },
    /// A topic of a library plays.
    Topic(char),
    /// The digits are read back.
    Confirming,
    ConfirmListening {
        until: Instant,
    },
}

impl Question {
    pub(super) fn new() -> Self {
        Self { phase: Phase::Asking, asked: 0, is_repeat: false, digits: Private::default(), is_star: false }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Listening { until } | Phase::ConfirmListening { until } => Some(until),
            Phase::Asking | Phase::Topic(_) | Phase::Confirming => None,
        }
    }
}

/// A caller in a queue.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Hold {
    pub(super) hearing: Hearing,
    pub(super) next_announcement: Option<Instant>,
    pub(super) estimate: Option<Duration>,
    /// News that would take her out, kept until the 911 advice is over.
    pub(super) exit: Option<QueueNews>,
}

/// A caller for whom somebody on call is looked for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct PageHold {
    pub(super) hearing: Hearing,
    pub(super) next_words: Option<Instant>,
    /// News that would lead her on, kept until the 911 advice is over.
    pub(super) exit: Option<PageNews>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Hearing {
    /// `say_first`, or an announcement.
    Words,
    Music,
    /// The 911 advice, which nothing interrupts but a nurse.
    Advice,
}

impl Hold {
    /// When the next announcement interrupts the music.
    pub(super) fn announce_at(&self) -> Option<Instant> {
        self.next_announcement.filter(|_| self.hearing == Hearing::Music)
    }
}

/// The keys after a 9.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) until: Instant,
    /// One 1 came and is held back.
    pub(super) has_one: bool,
}

impl Sequence {
    /// When a 1 that stayed alone is given to whatever asks.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.has_one.then_some(self.until)
    }
}
