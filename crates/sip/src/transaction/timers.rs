//! The timers of RFC 3261 Table 4 and RFC 6026 by their letters, each computed from [`Timers`] where it is
//! used; no machine stores a duration.

use std::time::{Duration, Instant};

use crate::{Timers, Transport};

impl Timers {
    /// Timer A: first repetition of an INVITE; doubles without a ceiling (§17.1.1.2).
    pub const fn a(&self) -> Duration {
        self.t1
    }

    /// Timer B: give up on an INVITE nobody answered, 64 × T1 (§17.1.1.2).
    pub fn b(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: outlast the peer's repetitions of its refusal (§17.1.1.2).
    ///
    /// 32 s at least on UDP, because the peer's T1 is unknown to us; zero where nothing is repeated.
    pub fn d(&self, transport: Transport) -> Duration {
        if transport.is_reliable() { Duration::ZERO } else { Duration::from_secs(32).max(self.b()) }
    }

    /// Timer E: first repetition of any other request; doubles up to T2 (§17.1.2.2).
    pub const fn e(&self) -> Duration {
        self.t1
    }

    /// Timer F: give up on any other request, 64 × T1 (§17.1.2.2).
    pub fn f(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer G: first repetition of our refusal of an INVITE; doubles up to T2 (§17.2.1).
    pub const fn g(&self) -> Duration {
        self.t1
    }

    /// Timer H: stop waiting for an ACK, 64 × T1 (§17.2.1). The same time bounds the wait for the ACK to
    /// a 2xx (§13.3.1.4).
    pub fn h(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer I: absorb repeated ACKs, T4 on UDP (§17.2.1).
    pub const fn i(&self, transport: Transport) -> Duration {
        if transport.is_reliable() { Duration::ZERO } else { self.t4 }
    }

    /// Timer J: absorb repetitions of a request we answered, 64 × T1 on UDP (§17.2.2).
    pub fn j(&self, transport: Transport) -> Duration {
        if transport.is_reliable() { Duration::ZERO } else { self.t1 * 64 }
    }

    /// Timer K: absorb repeated answers to our request, T4 on UDP (§17.1.2.2).
    pub const fn k(&self, transport: Transport) -> Duration {
        if transport.is_reliable() { Duration::ZERO } else { self.t4 }
    }

    /// Timer L: absorb repeated INVITEs after our 2xx, 64 × T1 on every transport (RFC 6026 §7.1).
    pub fn l(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer M: let repeated and forked 2xx through, 64 × T1 on every transport (RFC 6026 §7.2).
    pub fn m(&self) -> Duration {
        self.t1 * 64
    }
}

/// A repetition to come: Timer A, E or G.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Repeat {
    /// When.
    pub(crate) at: Instant,
    /// How long the wait before it was; the next is twice as long.
    interval: Duration,
}

impl Repeat {
    /// The first repetition.
    pub(crate) fn first(now: Instant, interval: Duration) -> Self {
        Self { at: now + interval, interval }
    }

    /// The first repetition, or none where the transport repeats by itself.
    pub(crate) fn on(transport: Transport, now: Instant, interval: Duration) -> Option<Self> {
        (!transport.is_reliable()).then(|| Self::first(now, interval))
    }

    /// The one after this, twice as long away and never longer than `ceiling`.
    pub(crate) fn next(self, now: Instant, ceiling: Duration) -> Self {
        Self::first(now, (self.interval * 2).min(ceiling))
    }
}

/// The earlier of a repetition that may be due and an end that always comes.
pub(crate) fn sooner(repeat: Option<Repeat>, end: Instant) -> Instant {
    repeat.map_or(end, |repeat| repeat.at.min(end))
}
