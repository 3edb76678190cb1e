//! What happens to a caller inside a flow.

use std::time::Duration;

use primitives::Private;

use crate::{InquiryNews, MessageNews, Verification};

/// Who calls, as far as the telephone network says.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The calling number in E.164, `None` where withheld.
    pub number: Option<Private<String>>,
    /// The number is known to us and to be shown to nobody (RFC 3323): not to agents' phones, not on a call out.
    pub is_withheld: bool,
    /// What is known of the number.
    pub verification: Verification,
    /// The number dialled, as `answers:` has it.
    pub dialled: String,
    /// The link the call came by; `""` where none.
    pub trunk: String,
    /// Who forwarded the call to us, where somebody did.
    pub diverted: Option<Diverted>,
}

/// Who forwarded a call: after hours the line of a practice, say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Diverted {
    /// The line that forwarded it to us, in E.164 where it has that form.
    pub from: Private<String>,
    /// Why: `unconditional`, `busy`, `no_answer`, `time_of_day` …
    pub reason: &'static str,
    /// The line the caller dialled, where it was forwarded more than once; else the same.
    pub first_from: Private<String>,
    /// How often it was forwarded.
    pub count: u32,
}

/// What happens to a caller inside a flow.
#[derive(Clone, Debug)]
pub enum Event {
    /// The call is there and not yet answered.
    CallStarted,
    /// A key: `0`–`9`, `*`, `#` (`A`–`D` never reach a flow).
    Digit(Private<char>),
    /// The prompts of the last `Action::Play` came to their end by themselves.
    PlayFinished,
    /// From the queue this caller waits in.
    Queue(QueueNews),
    /// From the transfer under way.
    Transfer(TransferNews),
    /// From the message she speaks.
    Message(MessageNews),
    /// From the search for somebody on call.
    Page(PageNews),
    /// What came of something asked.
    Inquiry {
        /// [`crate::Inquiry::number`].
        number: u32,
        /// What.
        news: InquiryNews,
    },
    /// More is known of the caller's number: a signature was checked while she was already in the flow.
    Verified(Verification),
    /// The caller hung up. The interpreter only notes it; nothing more is heard.
    CallerHungUp,
    /// `poll_timeout` has passed.
    Timeout,
}

/// What a queue says to a caller who waits in it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum QueueNews {
    /// Her place, said again when it changes.
    Position {
        /// Callers who will be served before her.
        ahead: u32,
        /// Expected wait, where one can honestly be given.
        estimate: Option<Duration>,
    },
    /// An agent has answered and is being connected.
    Connected,
    /// The agent's side of the conversation ended and the caller is still there.
    AgentLeft,
    /// The agent's phone vanished: the caller waits again, at her old place.
    AgentLost,
    /// Waited as long as her urgency allows: `on_timeout`.
    TimedOut,
    /// Nobody is signed in who could answer: `on_empty`.
    Empty,
    /// No more callers may wait: `on_full`.
    Full,
    /// The queue is closed now: `on_closed`.
    Closed,
    /// It cannot be served, for a reason of our own: `on_error`.
    Failed,
}

/// What became of a transfer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TransferNews {
    /// The other side answered; both are connected.
    Connected,
    /// The other side hung up and the caller is still there.
    Ended,
    /// Busy: 486, 600.
    Busy,
    /// Nobody answered within the ring time.
    NoAnswer,
    /// Refused, unreachable, or no channel free.
    Failed,
}

/// What became of looking for somebody on call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum PageNews {
    /// Somebody pressed the key; both are connected.
    Accepted,
    /// Who had accepted hung up and the caller is still there.
    Ended,
    /// All were called as often as the rota says, and nobody accepted.
    Exhausted,
    /// Nobody could be called, for a reason of our own.
    Failed,
}
