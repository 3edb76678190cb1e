//! Our 2xx to an INVITE until its ACK arrives (RFC 3261 §13.3.1.4). The transaction is over with the 2xx
//! (RFC 6026), so that repeating it is the dialog's work, on every transport: the loss may be behind a proxy.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::transaction::timers::Repeat;
use crate::{Path, Timers};

/// A 2xx that nobody has acknowledged yet.
#[derive(Debug)]
pub(crate) struct Unacknowledged {
    /// The CSeq number its ACK carries.
    pub(crate) cseq: u32,
    ok: Bytes,
    path: Path,
    repeat: Repeat,
    give_up_at: Instant,
    t2: Duration,
}

/// What to do about a 2xx without ACK now.
#[derive(Debug)]
pub(crate) enum Overdue {
    /// Nothing yet.
    Nothing,
    /// Send it again.
    Repeat(Path, Bytes),
    /// The far end is gone.
    GiveUp,
}

impl Unacknowledged {
    /// A 2xx that was just sent.
    pub(crate) fn new(now: Instant, timers: Timers, cseq: u32, path: Path, ok: Bytes) -> Self {
        let repeat = Repeat::first(now, timers.t1);
        Self { cseq, ok, path, repeat, give_up_at: now + timers.h(), t2: timers.t2 }
    }

    /// When to call `handle_timeout`.
    pub(crate) fn poll_timeout(&self) -> Instant {
        self.repeat.at.min(self.give_up_at)
    }

    /// Takes the passing of time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Overdue {
        if now >= self.give_up_at {
            return Overdue::GiveUp;
        }
        if now < self.repeat.at {
            return Overdue::Nothing;
        }
        self.repeat = self.repeat.next(now, self.t2);
        Overdue::Repeat(self.path, self.ok.clone())
    }
}
