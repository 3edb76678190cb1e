//! How much a trunk carries: calls at once, and new calls in a second.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use sip::LegId;

/// The window in which new calls are counted.
const SECOND: Duration = Duration::from_secs(1);

/// Whether a call heeds the limits of a trunk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Passage {
    /// It does.
    Ordinary,
    /// An emergency, or an emergent caller: it passes every limit, and counts in it.
    Emergency,
}

/// Which limit a call met.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Full {
    /// `channels_max`.
    Channels,
    /// `calls_per_second_max`.
    Rate,
}

impl Full {
    /// For the log and the metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Channels => "channels_full",
            Self::Rate => "calls_per_second_full",
        }
    }
}

/// The calls of one trunk. It keeps the instants of the calls of the last second rather than a level of
/// tokens, so that no second at all, wherever it begins, sees more than the limit.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    channels: BTreeSet<LegId>,
    /// Of the last second; at most `calls_per_second_max`, which is at most 1,000.
    starts: VecDeque<Instant>,
}

impl Traffic {
    /// Whether another call may go out, beside `calls_in` that came in. `channels_max` and `rate_max` of 0 are no
    /// limit.
    pub(crate) fn has_room(
        &mut self,
        now: Instant,
        calls_in: usize,
        channels_max: u32,
        rate_max: u32,
    ) -> Result<(), Full> {
        while self.starts.front().is_some_and(|start| now.saturating_duration_since(*start) >= SECOND) {
            self.starts.pop_front();
        }
        if channels_max > 0 && self.channels.len() + calls_in >= channels_max as usize {
            return Err(Full::Channels);
        }
        if rate_max > 0 && self.starts.len() >= rate_max as usize {
            return Err(Full::Rate);
        }
        Ok(())
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, now: Instant, leg: LegId, rate_max: u32) {
        self.channels.insert(leg);
        if rate_max > 0 {
            self.starts.push_back(now);
            // An emergency passed the limit: the oldest of the second is the one nobody waits for.
            while self.starts.len() > rate_max as usize {
                self.starts.pop_front();
            }
        }
    }

    /// A call is over.
    pub(crate) fn end(&mut self, leg: LegId) -> bool {
        self.channels.remove(&leg)
    }

    /// Calls at once.
    pub(crate) fn channels(&self) -> usize {
        self.channels.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test's clock starts at some instant")]
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use sip::LegId;

    use super::{Full, SECOND, Traffic};

    #[test]
    fn a_channel_is_free_again_when_its_call_ends() {
        let now = Instant::now();
        let mut traffic = Traffic::default();
        traffic.begin(now, LegId(1), 0);
        assert_eq!(traffic.has_room(now, 0, 1, 0), Err(Full::Channels));
        assert_eq!(traffic.has_room(now, 1, 3, 0), Ok(()));
        assert_eq!(traffic.has_room(now, 2, 3, 0), Err(Full::Channels), "calls in use channels too");
        assert!(traffic.end(LegId(1)) && !traffic.end(LegId(1)));
        assert_eq!(traffic.has_room(now, 0, 1, 0), Ok(()));
    }

    proptest! {
        #[test]
        fn no_second_and_no_moment_sees_more_than_the_limits(
            steps in prop::collection::vec((0_u64..400, any::<bool>()), 1..200),
            (channels_max, rate_max) in (1_u32..6, 1_u32..6),
        ) {
            let mut now = Instant::now();
            let (mut traffic, mut begun, mut open) = (Traffic::default(), Vec::new(), Vec::new());
            for (at, (wait_ms, ends)) in (0_u64..).zip(steps) {
                now += Duration::from_millis(wait_ms);
                if ends && !open.is_empty() {
                    traffic.end(open.remove(0));
                } else if traffic.has_room(now, 0, channels_max, rate_max).is_ok() {
                    traffic.begin(now, LegId(at), rate_max);
                    begun.push(now);
                    open.push(LegId(at));
                }
                prop_assert!(open.len() <= channels_max as usize);
                let last_second = begun.iter().filter(|start| now.duration_since(**start) < SECOND);
                prop_assert!(last_second.count() <= rate_max as usize);
            }
        }
    }
}
