//! What a flow wants done for a caller.

use std::sync::Arc;
use std::time::Duration;

use crate::{Inquiry, Note, Recording, Urgency};

/// What a flow wants done for a caller, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The caller has come to a step a person could later ask about. First in its group.
    Entered {
        /// The flow, for a sub-flow its own name.
        flow: Arc<str>,
        /// The step's name.
        step: Arc<str>,
        /// Its verb: `play`, `menu`, `queue` …
        verb: &'static str,
        /// What led here: `next`, `key`, `no_input`, `wrong_key`, `give_up`, `on_timeout`, `emergency_key`,
        /// `operator_key`, `when`, `hours`, `call`, `return`, `start` …
        why: &'static str,
    },
    /// Answer the call. Given once, before the first `Play`.
    Answer,
    /// Play, instead of whatever plays.
    Play(Play),
    /// Stop what plays.
    Stop,
    /// A key was taken. For the log: what kind of key, and the key itself only where it says nothing
    /// private.
    Key(KeyClass),
    /// The caller's urgency or reason changed (only ever to more urgent).
    Tagged {
        /// The urgency from now on.
        urgency: Urgency,
        /// The reason from now on, a name of the flow: `red_flag`.
        reason: Option<Arc<str>>,
    },
    /// Something to be remembered of the call.
    Noted(Note),
    /// The language of everything played from now on.
    Language(Arc<str>),
    /// Put the caller into a queue. Prompts while she waits stay the flow's business.
    Enqueue(Enqueue),
    /// She waits already and has become more urgent.
    Raise {
        /// The urgency from now on.
        urgency: Urgency,
    },
    /// Take her out of the queue; the flow goes on elsewhere with her.
    Dequeue,
    /// Ring another number and connect her. She hears what the flow plays meanwhile.
    Transfer {
        /// A name of `numbers:` in the configuration.
        number: Arc<str>,
        /// How long it may ring.
        ring: Duration,
    },
    /// Give a transfer under way up.
    CancelTransfer,
    /// Of recordings, messages, and the leave for them.
    Recording(Recording),
    /// Look for somebody on call until one accepts. She hears what the flow plays meanwhile.
    Page {
        /// A name of `rotas.yaml`; [`crate::Library::on_call`] says whom to call.
        rota: Arc<str>,
        /// What asks whoever answers to press 1.
        ask: Arc<str>,
    },
    /// Give up looking.
    CancelPage,
    /// Ask something. She hears what the flow plays meanwhile.
    Inquire(Inquiry),
    /// Nobody waits for the answer any more.
    CancelInquiry {
        /// Its time is over; else she is led elsewhere.
        timed_out: bool,
    },
    /// End the call; nothing follows. What was to be said has been said.
    HangUp {
        /// For the log.
        cause: HangUpCause,
    },
}

/// Prompts to play.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    /// In order, each in its own language.
    pub prompts: Vec<PromptRef>,
    /// Start again after the last (hold music).
    pub repeats: bool,
    /// Silence before the first.
    pub lead_in: Duration,
}

/// A prompt in a language.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PromptRef {
    /// `en`, `es`.
    pub language: Arc<str>,
    /// `dial_911_notice`.
    pub name: Arc<str>,
}

/// A caller to be queued.
#[derive(Clone, Debug, PartialEq)]
pub struct Enqueue {
    /// The queue's name.
    pub queue: Arc<str>,
    /// How urgent.
    pub urgency: Urgency,
    /// Why, a name of the flow: whispered to the agent.
    pub reason: Option<Arc<str>>,
    /// Skills the agent must have: `lang:es`.
    pub skills: Vec<Arc<str>>,
    /// The caller's language.
    pub language: Arc<str>,
}

/// What kind of key was pressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyClass {
    /// A choice in a menu.
    Menu(char),
    /// A key no menu entry stands for.
    Wrong(char),
    /// The emergency key, or `911`.
    Emergency,
    /// The operator key.
    Operator,
    /// Data was keyed in; how many digits.
    Data(u8),
    /// Private data was keyed in. Not even how much.
    PrivateData,
}

/// Why a flow ended a call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HangUpCause {
    /// The flow came to its end, with a goodbye.
    Completed,
    /// The bridged conversation ended and nothing was to follow.
    ConversationEnded,
    /// A failure of our own, after a spoken message.
    Failed,
}
