//! Reliable provisional responses of ours (RFC 3262 §3): repeated until their PRACK comes, one at a time, so
//! that they arrive in their order.
//!
//! `table.md` beside this file is the specification; `tests.rs` walks it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Overdue;
use crate::transaction::timers::{Repeat, sooner};
use crate::{Path, Timers};

/// RSeq begins below this, so that adding one never wraps (§3).
pub(crate) const RSEQ_FIRST_END: u64 = 1 << 31;

/// The reliable provisional responses to one INVITE.
#[derive(Debug)]
pub(crate) struct Reliable {
    /// The RSeq of the next one.
    next: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// None is out.
    Idle,
    /// One is out and has no PRACK yet.
    Waiting(Box<Waiting>),
    /// The INVITE has its final response while one was out: nothing is repeated any more, and its PRACK is
    /// still taken.
    Answered { rseq: u32 },
}

#[derive(Debug)]
struct Waiting {
    rseq: u32,
    response: Bytes,
    path: Path,
    carries_sdp: bool,
    repeat: Repeat,
    give_up_at: Instant,
}

impl Reliable {
    /// None was sent. `first` is the RSeq of the first, from 1 to below `RSEQ_FIRST_END`.
    pub(crate) const fn new(first: u32) -> Self {
        Self { next: first, state: State::Idle }
    }

    /// The RSeq of the next one; `None` while it must wait for the PRACK to the one before (§3).
    pub(crate) const fn next_rseq(&self) -> Option<u32> {
        match self.state {
            State::Idle => Some(self.next),
            State::Waiting(_) | State::Answered { .. } => None,
        }
    }

    /// The next one was sent.
    pub(crate) fn sent(
        &mut self,
        now: Instant,
        timers: Timers,
        (path, response): (Path, Bytes),
        carries_sdp: bool,
    ) {
        let State::Idle = self.state else { return };
        let rseq = self.next;
        self.next = self.next.saturating_add(1);
        let (repeat, give_up_at) = (Repeat::first(now, timers.t1), now + timers.h());
        let waiting = Waiting { rseq, response, path, carries_sdp, repeat, give_up_at };
        self.state = State::Waiting(Box::new(waiting));
    }

    /// Takes a PRACK for this RSeq. `false`: it is for none that is out.
    pub(crate) fn acknowledge(&mut self, rseq: u32) -> bool {
        let awaited = match &self.state {
            State::Idle => None,
            State::Waiting(waiting) => Some(waiting.rseq),
            State::Answered { rseq } => Some(*rseq),
        };
        if awaited != Some(rseq) {
            return false;
        }
        self.state = State::Idle;
        true
    }

    /// The INVITE gets its final response.
    pub(crate) fn finish(&mut self) {
        if let State::Waiting(waiting) = &self.state {
            self.state = State::Answered { rseq: waiting.rseq };
        }
    }

    /// Whether a 2xx must wait: one with SDP is out (§3).
    pub(crate) fn holds_answer(&self) -> bool {
        matches!(&self.state, State::Waiting(waiting) if waiting.carries_sdp)
    }

    /// When to call `handle_timeout`.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(waiting) => Some(sooner(Some(waiting.repeat), waiting.give_up_at)),
            State::Idle | State::Answered { .. } => None,
        }
    }

    /// Takes the passing of time: repetitions double from T1 without a ceiling, and end after 64 × T1.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Overdue {
        let State::Waiting(waiting) = &mut self.state else { return Overdue::Nothing };
        if now >= waiting.give_up_at {
            self.state = State::Idle;
            return Overdue::GiveUp;
        }
        if now < waiting.repeat.at {
            return Overdue::Nothing;
        }
        waiting.repeat = waiting.repeat.next(now, Duration::MAX);
        Overdue::Repeat(waiting.path, waiting.response.clone())
    }

    /// The state's name in `table.md`.
    #[cfg(test)]
    pub(crate) const fn state(&self) -> &'static str {
        match self.state {
            State::Idle => "Idle",
            State::Waiting(_) => "Waiting",
            State::Answered { .. } => "Answered",
        }
    }
}
