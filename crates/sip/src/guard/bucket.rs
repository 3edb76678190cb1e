//! Token buckets, as one instant each.

use std::time::{Duration, Instant};

/// How much of something is let through: `burst` at once, and one more after each `every`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// The time in which one more is let through.
    pub every: Duration,
    /// How many at once, after a long silence.
    pub burst: u32,
}

impl Rate {
    /// So many a second on average, and so many at once.
    pub const fn per_sec(count: u32, burst: u32) -> Self {
        let every = match Duration::from_secs(1).checked_div(count) {
            Some(every) => every,
            None => Duration::from_secs(86_400),
        };
        Self { every, burst }
    }
}

/// A bucket of tokens that fills with time (the generic cell rate algorithm): it is full again at an
/// instant, and everything else follows from that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// `None`, like any time that has passed: full.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let full_at = self.full_without_one(now, rate);
        if full_at.is_some() {
            self.full_at = full_at;
        }
        full_at.is_some()
    }

    /// Whether there is a token to take.
    pub(super) fn has_one(&self, now: Instant, rate: Rate) -> bool {
        self.full_without_one(now, rate).is_some()
    }

    /// When it is full again after one more token; `None` where there is none.
    fn full_without_one(&self, now: Instant, rate: Rate) -> Option<Instant> {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + rate.every;
        let has_one = full_at.saturating_duration_since(now) <= rate.every.saturating_mul(rate.burst);
        has_one.then_some(full_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Bucket, Rate};

    #[test]
    fn a_burst_goes_through_and_then_the_rate() {
        let rate = Rate::per_sec(10, 5);
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let taken = |bucket: &mut Bucket, ms: u64| {
            let now = start + Duration::from_millis(ms);
            (0..100).filter(|_| bucket.take(now, rate)).count()
        };
        assert_eq!(taken(&mut bucket, 0), 5);
        assert_eq!(taken(&mut bucket, 99), 0);
        assert_eq!(taken(&mut bucket, 100), 1);
        assert_eq!(taken(&mut bucket, 400), 3);
        assert_eq!(taken(&mut bucket, 60_000), 5);
    }
}
