//! How many new calls a trunk may bring in within a second. Each trunk has a limit of its own, so that one that is
//! flooded takes nothing from the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::TrunkConfig;

/// What one second's calls are spread over. A trunk that was quiet may bring a second's worth at once: carriers
/// send in bursts.
const BURST: Duration = Duration::from_secs(1);

/// When each trunk's calls so far would have ended coming, had they come evenly. One entry a trunk.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(BTreeMap<Arc<str>, Instant>);

impl Arrivals {
    /// Lets one call in, or not. A refused call uses nothing up.
    pub(crate) fn admit(&mut self, now: Instant, trunk: &Arc<str>, config: &TrunkConfig) -> bool {
        if config.calls_per_second_max == 0 {
            return true;
        }
        let interval = BURST / config.calls_per_second_max;
        let even = self.0.get(trunk).copied().unwrap_or(now).max(now);
        // As many intervals as fit into the burst, this call's included.
        if even + interval > now + BURST {
            return false;
        }
        self.0.insert(Arc::clone(trunk), even + interval);
        true
    }

    /// Forgets trunks that are no more.
    pub(crate) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_there(name));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests start a clock")]

    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::Arrivals;
    use crate::trunk::TrunkConfig;

    #[test]
    fn a_trunk_brings_a_seconds_worth_at_once_and_then_its_rate() {
        let config = TrunkConfig { calls_per_second_max: 5, ..TrunkConfig::default() };
        let (mut arrivals, start) = (Arrivals::default(), Instant::now());
        let mut admit = |trunk: &str, ms: u64| {
            arrivals.admit(start + Duration::from_millis(ms), &Arc::from(trunk), &config)
        };
        for _ in 0..5 {
            assert!(admit("carrier_a", 0));
        }
        for _ in 0..100 {
            assert!(!admit("carrier_a", 100), "a flood uses nothing up");
        }
        assert!(admit("carrier_b", 100), "each has its own");
        assert!(admit("carrier_a", 200));
        assert!(!admit("carrier_a", 210));
        assert!(admit("carrier_a", 400));
    }
}
