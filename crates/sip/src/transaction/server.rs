//! Non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320 §4.1: no provisional response but 100).
//!
//! Answers a request once, and repeats the answer as often as the request is repeated.
//!
//! `table.md` beside this file is the specification; `tests/transactions.rs` walks it.

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use super::{Action, Class};
use crate::{Timers, Transport};

/// One request of a peer that is neither INVITE nor ACK.
#[derive(Debug)]
pub struct Server {
    state: State,
    timers: Timers,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// Not answered yet.
    Trying,
    /// Answered; `response` answers every repetition.
    Completed {
        response: Bytes,
        forget_at: Instant,
    },
    Terminated,
}

impl Server {
    /// A request came that no transaction knows.
    pub const fn new(timers: Timers, transport: Transport) -> Self {
        Self { state: State::Trying, timers, transport }
    }

    /// Takes a repetition of the request.
    pub fn handle_request(&mut self, out: &mut Vec<Action>) {
        if let State::Completed { response, .. } = &self.state {
            out.push(Action::Repeat(response.clone()));
        }
    }

    /// Sends the final response. We answer all such requests in the same breath, so that a provisional one
    /// has no use and is passed over.
    pub fn respond(&mut self, now: Instant, class: Class, response: Bytes, out: &mut Vec<Action>) {
        self.state = match (mem::replace(&mut self.state, State::Terminated), class) {
            (State::Trying, Class::Success | Class::Refusal) => {
                out.push(Action::Send(response.clone()));
                let lasts = self.timers.j(self.transport);
                if lasts.is_zero() {
                    State::Terminated
                } else {
                    State::Completed { response, forget_at: now + lasts }
                }
            }
            (state, _) => state,
        };
    }

    /// Takes the passing of time: Timer J.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Completed { forget_at, .. } = self.state
            && now >= forget_at
        {
            self.state = State::Terminated;
        }
    }

    /// When to call `handle_timeout`.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { forget_at, .. } => Some(*forget_at),
            State::Trying | State::Terminated => None,
        }
    }

    /// Whether it may be forgotten.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// The state's name in `table.md`.
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Trying => "Trying",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
