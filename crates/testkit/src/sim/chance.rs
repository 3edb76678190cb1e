//! Draws from a seed.

use std::time::Duration;

use primitives::{Generator, Seed};
use rand_core::Rng;

/// A stream of draws that a seed fixes.
#[derive(Clone, Debug)]
pub struct Chance(Generator);

impl Chance {
    /// The draws of one part of a seed.
    pub fn new(seed: &Seed, part: &str) -> Self {
        Self(seed.part(part).generator())
    }

    /// From zero to below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64().checked_rem(end).unwrap_or_default()
    }

    /// Whether something that happens to so many in a hundred happens now.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// From `from` to below `to`, in milliseconds.
    pub fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to.saturating_sub(from).max(1)))
    }

    /// Hexadecimal nobody else draws.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.0.next_u64())
    }
}
