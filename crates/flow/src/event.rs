//! What happens to a caller inside a flow.

use std::time::Duration;

use primitives::Private;

/// Who calls, as far as the telephone network says.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The calling number in E.164, `None` where withheld.
    pub number: Option<Private<String>>,
    /// The number dialled, as `answers:` has it.
    pub dialled: String,
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
    /// The caller hung up. The interpreter only notes it; nothing more is heard.
    CallerHungUp,
    /// `poll_timeout` has passed.
    Timeout,
}

/// What a queue says to a caller who waits in it.
#[derive(Clone, Debug, Eq, PartialEq)]
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
