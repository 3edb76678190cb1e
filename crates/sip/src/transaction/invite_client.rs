//! INVITE client transaction (RFC 3261 §17.1.1, amended by RFC 6026 §7.2).
//!
//! Repeats our INVITE until something comes back, acknowledges a refusal as often as it is repeated, and
//! lets every 2xx of a forked INVITE through.
//!
//! `table.md` beside this file is the specification; `tests/transactions.rs` walks it.

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::timers::{Repeat, sooner};
use super::{Action, Class};
use crate::{Timers, Transport};

/// One INVITE of ours and what came back.
#[derive(Debug)]
pub struct InviteClient {
    state: State,
    timers: Timers,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// The INVITE is out and nothing has come back.
    Calling {
        request: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// A provisional response arrived. No timer runs: a phone may ring for minutes.
    Proceeding,
    /// A 2xx arrived; a fork may send more of them (RFC 6026 §7.2).
    Accepted {
        forget_at: Instant,
    },
    /// Refused. `ack` answers every repetition of the refusal.
    Completed {
        ack: Bytes,
        forget_at: Instant,
    },
    Terminated,
}

impl InviteClient {
    /// Sends the INVITE.
    pub fn new(
        now: Instant,
        timers: Timers,
        transport: Transport,
        request: Bytes,
        out: &mut Vec<Action>,
    ) -> Self {
        out.push(Action::Send(request.clone()));
        let repeat = Repeat::on(transport, now, timers.a());
        let state = State::Calling { request, repeat, give_up_at: now + timers.b() };
        Self { state, timers, transport }
    }

    /// Takes a response. `ack` makes the ACK to a refusal (§17.1.1.3) and is called at most once; the ACK
    /// to a 2xx is the dialog's, because only it knows the route set (§13.2.2.4).
    pub fn handle_response(
        &mut self,
        now: Instant,
        class: Class,
        ack: impl FnOnce() -> Bytes,
        out: &mut Vec<Action>,
    ) {
        self.state = match (mem::replace(&mut self.state, State::Terminated), class) {
            (State::Calling { .. } | State::Proceeding, Class::Provisional) => {
                out.push(Action::Deliver);
                State::Proceeding
            }
            (State::Calling { .. } | State::Proceeding, Class::Success) => {
                out.push(Action::Deliver);
                State::Accepted { forget_at: now + self.timers.m() }
            }
            (State::Calling { .. } | State::Proceeding, Class::Refusal) => {
                let ack = ack();
                out.push(Action::Send(ack.clone()));
                out.push(Action::Deliver);
                let lasts = self.timers.d(self.transport);
                if lasts.is_zero() {
                    State::Terminated
                } else {
                    State::Completed { ack, forget_at: now + lasts }
                }
            }
            (State::Completed { ack, forget_at }, Class::Refusal) => {
                out.push(Action::Repeat(ack.clone()));
                State::Completed { ack, forget_at }
            }
            (State::Accepted { forget_at }, Class::Success) => {
                out.push(Action::Deliver);
                State::Accepted { forget_at }
            }
            // A late provisional, or a final response of the other class: the peer repeats itself.
            (state, _) => state,
        };
    }

    /// Takes the passing of time: Timers A, B, D and M.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            State::Calling { give_up_at, .. } if now >= give_up_at => {
                out.push(Action::TimedOut);
                State::Terminated
            }
            State::Calling { request, repeat: Some(repeat), give_up_at } if now >= repeat.at => {
                out.push(Action::Repeat(request.clone()));
                let repeat = Some(repeat.next(now, Duration::MAX));
                State::Calling { request, repeat, give_up_at }
            }
            State::Accepted { forget_at } | State::Completed { forget_at, .. } if now >= forget_at => {
                State::Terminated
            }
            state => state,
        };
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { repeat, give_up_at, .. } => Some(sooner(*repeat, *give_up_at)),
            State::Accepted { forget_at } | State::Completed { forget_at, .. } => Some(*forget_at),
            State::Proceeding | State::Terminated => None,
        }
    }

    /// Whether it may be forgotten.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// Whether nothing has come back yet.
    pub const fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// The state's name in `table.md`.
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Calling { .. } => "Calling",
            State::Proceeding => "Proceeding",
            State::Accepted { .. } => "Accepted",
            State::Completed { .. } => "Completed",
            State::Terminated => "Terminated",
        }
    }
}
