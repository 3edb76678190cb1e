//! Non-INVITE client transaction (RFC 3261 §17.1.2): BYE, CANCEL and whatever else we ask.
//!
//! Repeats our request until a final answer comes, also after a provisional one.
//!
//! `table.md` beside this file is the specification; `tests/transactions.rs` walks it.

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use super::timers::{Repeat, sooner};
use super::{Action, Class};
use crate::{Timers, Transport};

/// One request of ours that is not an INVITE.
#[derive(Debug)]
pub struct Client {
    state: State,
    timers: Timers,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// The request is out and nothing has come back.
    Trying {
        request: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// A provisional answer came; repetitions slow down to T2.
    Proceeding {
        request: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// Answered; repeated answers are absorbed.
    Completed {
        forget_at: Instant,
    },
    Terminated,
}

impl Client {
    /// Sends the request.
    pub fn new(
        now: Instant,
        timers: Timers,
        transport: Transport,
        request: Bytes,
        out: &mut Vec<Action>,
    ) -> Self {
        out.push(Action::Send(request.clone()));
        let repeat = Repeat::on(transport, now, timers.e());
        let state = State::Trying { request, repeat, give_up_at: now + timers.f() };
        Self { state, timers, transport }
    }

    /// Takes a response.
    pub fn handle_response(&mut self, now: Instant, class: Class, out: &mut Vec<Action>) {
        self.state = match (mem::replace(&mut self.state, State::Terminated), class) {
            (
                State::Trying { request, repeat, give_up_at }
                | State::Proceeding { request, repeat, give_up_at },
                Class::Provisional,
            ) => {
                out.push(Action::Deliver);
                State::Proceeding { request, repeat, give_up_at }
            }
            (State::Trying { .. } | State::Proceeding { .. }, Class::Success | Class::Refusal) => {
                out.push(Action::Deliver);
                let lasts = self.timers.k(self.transport);
                if lasts.is_zero() { State::Terminated } else { State::Completed { forget_at: now + lasts } }
            }
            (state @ (State::Completed { .. } | State::Terminated), _) => state,
        };
    }

    /// Takes the passing of time: Timers E, F and K.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. } if now >= give_up_at => {
                out.push(Action::TimedOut);
                State::Terminated
            }
            State::Trying { request, repeat: Some(repeat), give_up_at } if now >= repeat.at => {
                out.push(Action::Repeat(request.clone()));
                let repeat = Some(repeat.next(now, self.timers.t2));
                State::Trying { request, repeat, give_up_at }
            }
            State::Proceeding { request, repeat: Some(repeat), give_up_at } if now >= repeat.at => {
                out.push(Action::Repeat(request.clone()));
                let repeat = Some(Repeat::first(now, self.timers.t2));
                State::Proceeding { request, repeat, give_up_at }
            }
            State::Completed { forget_at } if now >= forget_at => State::Terminated,
            state => state,
        };
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { repeat, give_up_at, .. } | State::Proceeding { repeat, give_up_at, .. } => {
                Some(sooner(*repeat, *give_up_at))
            }
            State::Completed { forget_at } => Some(*forget_at),
            State::Terminated => None,
        }
    }

    /// Whether it may be forgotten.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Whether nothing has come back yet.
    pub const fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// The state's name in `table.md`.
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Trying { .. } => "Trying",
            State::Proceeding { .. } => "Proceeding",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
