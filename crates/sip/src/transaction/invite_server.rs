//! INVITE server transaction (RFC 3261 §17.2.1, amended by RFC 6026 §7.1).
//!
//! Absorbs repeated INVITEs, repeats our refusal until the ACK arrives, and reports a refusal that nobody
//! acknowledged. A 2xx is repeated by the dialog (§13.3.1.4); here it only ends in Accepted.
//!
//! `table.md` beside this file is the specification; `tests/transactions.rs` walks it.

use std::mem;
use std::time::Instant;

use bytes::Bytes;

use super::timers::{Repeat, sooner};
use super::{Action, Class};
use crate::{Timers, Transport};

/// One INVITE of a peer and what we answered.
#[derive(Debug)]
pub struct InviteServer {
    state: State,
    timers: Timers,
    transport: Transport,
}

#[derive(Debug)]
enum State {
    /// No final answer yet; `last` is our latest provisional.
    Proceeding {
        last: Option<Bytes>,
    },
    /// We refused and wait for the ACK.
    Completed {
        refusal: Bytes,
        repeat: Option<Repeat>,
        give_up_at: Instant,
    },
    /// The ACK to our refusal came; repeated ACKs are absorbed.
    Confirmed {
        forget_at: Instant,
    },
    /// We accepted; repeated INVITEs are absorbed, ACKs go to the dialog.
    Accepted {
        forget_at: Instant,
    },
    Terminated,
}

impl InviteServer {
    /// An INVITE came that no transaction knows.
    pub const fn new(timers: Timers, transport: Transport) -> Self {
        Self { state: State::Proceeding { last: None }, timers, transport }
    }

    /// Takes a repetition of the INVITE.
    pub fn handle_request(&mut self, out: &mut Vec<Action>) {
        match &self.state {
            State::Proceeding { last: Some(last) } => out.push(Action::Repeat(last.clone())),
            State::Completed { refusal, .. } => out.push(Action::Repeat(refusal.clone())),
            State::Proceeding { last: None }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Terminated => {}
        }
    }

    /// Takes an ACK with this transaction's branch: one to our refusal, or one to our 2xx from a peer that
    /// reuses the branch.
    pub fn handle_ack(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            State::Completed { .. } => {
                let lasts = self.timers.i(self.transport);
                if lasts.is_zero() { State::Terminated } else { State::Confirmed { forget_at: now + lasts } }
            }
            State::Accepted { forget_at } => {
                out.push(Action::Deliver);
                State::Accepted { forget_at }
            }
            state => state,
        };
    }

    /// Sends a response of ours. What does not fit the state any more is passed over.
    pub fn respond(&mut self, now: Instant, class: Class, response: Bytes, out: &mut Vec<Action>) {
        self.state = match (mem::replace(&mut self.state, State::Terminated), class) {
            (State::Proceeding { .. }, Class::Provisional) => {
                out.push(Action::Send(response.clone()));
                State::Proceeding { last: Some(response) }
            }
            (State::Proceeding { .. }, Class::Success) => {
                out.push(Action::Send(response));
                State::Accepted { forget_at: now + self.timers.l() }
            }
            (State::Proceeding { .. }, Class::Refusal) => {
                out.push(Action::Send(response.clone()));
                let repeat = Repeat::on(self.transport, now, self.timers.g());
                State::Completed { refusal: response, repeat, give_up_at: now + self.timers.h() }
            }
            (State::Accepted { forget_at }, Class::Success) => {
                out.push(Action::Repeat(response));
                State::Accepted { forget_at }
            }
            (state, _) => state,
        };
    }

    /// Takes the passing of time: Timers G, H, I and L.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.state = match mem::replace(&mut self.state, State::Terminated) {
            State::Completed { give_up_at, .. } if now >= give_up_at => {
                out.push(Action::TimedOut);
                State::Terminated
            }
            State::Completed { refusal, repeat: Some(repeat), give_up_at } if now >= repeat.at => {
                out.push(Action::Repeat(refusal.clone()));
                let repeat = Some(repeat.next(now, self.timers.t2));
                State::Completed { refusal, repeat, give_up_at }
            }
            State::Confirmed { forget_at } | State::Accepted { forget_at } if now >= forget_at => {
                State::Terminated
            }
            state => state,
        };
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Completed { repeat, give_up_at, .. } => Some(sooner(*repeat, *give_up_at)),
            State::Confirmed { forget_at } | State::Accepted { forget_at } => Some(*forget_at),
            State::Proceeding { .. } | State::Terminated => None,
        }
    }

    /// Whether it may be forgotten.
    pub const fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// The state's name in `table.md`.
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Proceeding { .. } => "Proceeding",
            State::Completed { .. } => "Completed",
            State::Confirmed { .. } => "Confirmed",
            State::Accepted { .. } => "Accepted",
            State::Terminated => "Terminated",
        }
    }
}
