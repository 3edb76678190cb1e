//! The door: what is let in at all, before it is read.
//!
//! [`Guard::admit`] judges a message by its source and its first bytes, [`Guard::is_scanner`] by its headers,
//! [`Guard::hears`] whether a proof is looked at. What is not let in is dropped without an answer: an answer
//! would tell an attacker that somebody is here, and would be sent to whoever he pretends to be.

mod bucket;
mod kind;
mod overload;
mod penalty;
mod proofs;
mod scanner;
mod security;
mod source;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::Discarded;
use crate::message::Headers;
use crate::recent::Recent;

use bucket::Bucket;
use kind::Kind;
use overload::Overload;
use penalty::Penalty;
use proofs::Proofs;

pub use bucket::Rate;
pub use security::Security;
pub use source::Source;

/// Strangers remembered, some 250 bytes each. One address a message makes us forget them, which gives each
/// back his burst and no more: all of them together have one budget.
const STRANGERS_MAX: usize = 16_384;

/// Proven sources remembered: a thousand phones at as many places, and far ends of calls. No stranger takes
/// the place of one.
const PROVEN_MAX: usize = 16_384;

/// Addresses of known networks with a bucket of their own. A trunk has a handful.
const KNOWN_MAX: usize = 4_096;

/// How long a source stays proven: longer than any call and any registration without a message.
const PROVEN_FOR: Duration = Duration::from_secs(24 * 3_600);

/// INVITEs for help of one source, and of all of them: people, not programs.
const EMERGENCY_OF_ONE: Rate = Rate { every: Duration::from_secs(2), burst: 10 };
const EMERGENCY_OF_ALL: Rate = Rate::per_sec(50, 200);

/// How long a call for help may ring before its ACK or CANCEL: Timer C of RFC 3261 §16.6.
const HELPED_FOR: Duration = Duration::from_secs(180);

/// How often the same offence is told; every one is counted.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Something that was shut out, told once a minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShutOut {
    /// Why.
    pub why: Discarded,
    /// Messages shut out for this reason since it was last told.
    pub messages: u64,
}

/// The door. See the module.
#[derive(Debug)]
pub(crate) struct Guard {
    security: Security,
    known: Recent<Source, Bucket, KNOWN_MAX>,
    proven: Recent<Source, Proven, PROVEN_MAX>,
    strangers: Recent<Source, Stranger, STRANGERS_MAX>,
    together: Together,
    proofs: Proofs,
    pub(crate) overload: Overload,
    told: [Told; 4],
}

#[derive(Debug, Default)]
struct Proven {
    until: Option<Instant>,
    messages: Bucket,
}

#[derive(Debug, Default)]
struct Stranger {
    messages: Bucket,
    requests: Bucket,
    emergencies: Bucket,
    penalty: Penalty,
    /// Until when a call for help is being set up: its ACK or CANCEL comes from a stranger still.
    helped_until: Option<Instant>,
}

/// What all strangers share.
#[derive(Debug, Default)]
struct Together {
    requests: Bucket,
    messages: Bucket,
    emergencies: Bucket,
}

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    since: u64,
}

impl Guard {
    pub(crate) fn new(security: Security) -> Self {
        Self {
            security,
            known: Recent::new(),
            proven: Recent::new(),
            strangers: Recent::new(),
            together: Together::default(),
            proofs: Proofs::new(),
            overload: Overload::default(),
            told: <[Told; 4]>::default(),
        }
    }

    /// Other limits from now on. What is known of sources stays.
    pub(crate) fn set_security(&mut self, security: Security) {
        self.security = security;
    }

    /// Whether a message is read, by where it came from and its first bytes.
    pub(crate) fn admit(&mut self, now: Instant, peer: IpAddr, bytes: &[u8]) -> Result<(), Discarded> {
        let source = Source::of(peer);
        if self.is_known(peer) {
            let is_let_in = self.known.touch(source).take(now, self.security.known_messages);
            return if is_let_in { Ok(()) } else { Err(Discarded::Flood) };
        }
        let kind = Kind::of(bytes);
        if self.is_proven(now, source) {
            let proven = self.proven.touch(source);
            if proven.messages.take(now, self.security.proven_messages) {
                return Ok(());
            }
            // He is one by himself, and no worse off than a stranger.
        }
        self.admit_stranger(now, source, kind)
    }

    fn admit_stranger(&mut self, now: Instant, source: Source, kind: Kind) -> Result<(), Discarded> {
        let Self { security, strangers, together, .. } = self;
        let stranger = strangers.touch(source);
        if kind == Kind::Emergency
            && stranger.emergencies.take(now, EMERGENCY_OF_ONE)
            && together.emergencies.take(now, EMERGENCY_OF_ALL)
        {
            stranger.helped_until = Some(now + HELPED_FOR);
            return Ok(());
        }
        let is_helped = kind == Kind::Within && stranger.helped_until.is_some_and(|until| now < until);
        if stranger.penalty.holds(now) && !is_helped {
            return Err(Discarded::Barred);
        }
        // What is short for one is asked first: who has used his own share up takes nothing from the others.
        let is_let_in = stranger.messages.take(now, security.stranger_messages)
            && match kind {
                Kind::Within => together.messages.take(now, security.strangers_messages),
                Kind::Fresh | Kind::Emergency => {
                    stranger.requests.take(now, security.stranger_requests)
                        && together.requests.take(now, security.strangers_requests)
                }
            };
        if is_let_in { Ok(()) } else { Err(Discarded::Flood) }
    }

    /// Whether a scanner wrote this; then its source is barred, unless it is one we know: anybody can write
    /// somebody's address on a datagram.
    pub(crate) fn is_scanner(&mut self, now: Instant, peer: IpAddr, headers: &Headers) -> bool {
        let is_scanner = scanner::is_scanner(headers);
        let source = Source::of(peer);
        if is_scanner && !self.is_known(peer) && !self.is_proven(now, source) {
            self.strangers.touch(source).penalty.offend(now, &self.security);
        }
        is_scanner
    }

    /// A source received what we sent to it: it has shown a tag, a branch or a nonce of ours.
    pub(crate) fn prove(&mut self, now: Instant, peer: IpAddr) {
        if !self.is_known(peer) {
            self.proven.touch(Source::of(peer)).until = Some(now + PROVEN_FOR);
        }
    }

    /// Whether a source is one we know, or has received what we sent to it.
    pub(crate) fn trusts(&self, now: Instant, peer: IpAddr) -> bool {
        self.is_known(peer) || self.is_proven(now, Source::of(peer))
    }

    /// Whether a proof of this user is looked at.
    pub(crate) fn hears(&self, now: Instant, peer: IpAddr, user: &str) -> bool {
        self.proofs.are_heard(now, Source::of(peer), user)
    }

    /// A proof was looked at and is wrong. `user` is somebody who exists.
    pub(crate) fn proof_failed(&mut self, now: Instant, peer: IpAddr, user: Option<&str>) {
        self.proofs.failed(now, Source::of(peer), user, &self.security);
    }

    /// A user proved who he is, here.
    pub(crate) fn proof_succeeded(&mut self, now: Instant, peer: IpAddr, user: &str) {
        self.prove(now, peer);
        self.proofs.succeeded(Source::of(peer), user);
    }

    /// Forgets users that are gone.
    pub(crate) fn retain_users(&mut self, exists: impl Fn(&str) -> bool) {
        self.proofs.retain(exists);
    }

    /// Notes that something was shut out, and says so if it was not told within the last minute.
    pub(crate) fn tell(&mut self, now: Instant, why: Discarded) -> Option<ShutOut> {
        let at = match why {
            Discarded::Flood => 0,
            Discarded::Barred => 1,
            Discarded::Scanner => 2,
            Discarded::Overload => 3,
            _ => return None,
        };
        let told = self.told.get_mut(at)?;
        told.since = told.since.saturating_add(1);
        if told.at.is_some_and(|at| now < at + TOLD_EVERY) {
            return None;
        }
        told.at = Some(now);
        Some(ShutOut { why, messages: std::mem::take(&mut told.since) })
    }

    fn is_known(&self, peer: IpAddr) -> bool {
        self.security.knows(peer)
    }

    fn is_proven(&self, now: Instant, source: Source) -> bool {
        self.proven.find(&source).and_then(|proven| proven.until).is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests;
