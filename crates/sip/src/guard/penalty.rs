//! Bars that grow with each offence.

use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::{Rate, Security};

/// How long somebody is not listened to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Penalty {
    until: Option<Instant>,
    last: Duration,
}

impl Penalty {
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// One more offence. One that falls into a bar does not make it longer: who is barred by mistake is let in
    /// at its end, however often he tried.
    pub(super) fn offend(&mut self, now: Instant, security: &Security) {
        if self.holds(now) {
            return;
        }
        let is_soon = self.until.is_some_and(|until| now < until + security.penalty_max);
        self.last = if is_soon { self.last.saturating_mul(2) } else { security.penalty_min };
        self.last = self.last.min(security.penalty_max);
        self.until = Some(now + self.last);
    }
}

/// Wrong proofs, and the bar that follows when there are too many.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    allowed: Bucket,
    penalty: Penalty,
}

impl Failures {
    pub(super) fn are_too_many(&self, now: Instant) -> bool {
        self.penalty.holds(now)
    }

    pub(super) fn count(&mut self, now: Instant, rate: Rate, security: &Security) {
        if !self.allowed.take(now, rate) {
            self.penalty.offend(now, security);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Penalty;
    use crate::guard::Security;

    #[test]
    fn each_bar_soon_after_another_is_twice_as_long_up_to_the_longest() {
        let security = Security::default();
        let mut now = Instant::now();
        let mut penalty = Penalty::default();
        let mut bars = Vec::new();
        for _ in 0..8 {
            penalty.offend(now, &security);
            let start = now;
            while penalty.holds(now) {
                // What comes meanwhile changes nothing.
                penalty.offend(now, &security);
                now += Duration::from_secs(1);
            }
            bars.push((now - start).as_secs());
        }
        assert_eq!(bars, [10, 20, 40, 80, 160, 320, 600, 600]);
        now += Duration::from_secs(601);
        penalty.offend(now, &security);
        assert!(!penalty.holds(now + Duration::from_secs(10)));
    }
}
