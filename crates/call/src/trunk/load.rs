//! How much a trunk may bring in: calls at once, and new calls in a second. Each trunk has limits of its own, so
//! that one that is flooded takes nothing from the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::TrunkConfig;

/// What one second's calls are spread over. A trunk that was quiet may bring a second's worth at once: carriers
/// send in bursts.
const BURST: Duration = Duration::from_secs(1);

/// Why a trunk may not bring in another call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Overload {
    /// `channels_max` calls are under way.
    Channels,
    /// `calls_per_second_max` came within a second.
    Rate,
}

impl Overload {
    /// For the log and the metric.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Channels => "trunk_channels",
            Self::Rate => "trunk_rate",
        }
    }
}

/// When each trunk's calls so far would have ended coming, had they come evenly. One entry a trunk.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(BTreeMap<Arc<str>, Instant>);

impl Arrivals {
    /// Lets one call in, or says why not. A refused call uses nothing up.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        trunk: &Arc<str>,
        config: &TrunkConfig,
        under_way: usize,
    ) -> Result<(), Overload> {
        let channels = usize::try_from(config.channels_max).unwrap_or(usize::MAX);
        if channels > 0 && under_way >= channels {
            return Err(Overload::Channels);
        }
        if config.calls_per_second_max == 0 {
            return Ok(());
        }
        let interval = BURST / config.calls_per_second_max;
        let even = self.0.get(trunk).copied().unwrap_or(now).max(now);
        // As many intervals as fit into the burst, this call's included.
        if even + interval > now + BURST {
            return Err(Overload::Rate);
        }
        self.0.insert(Arc::clone(trunk), even + interval);
        Ok(())
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

    use super::{Arrivals, Overload};
    use crate::trunk::TrunkConfig;

    #[test]
    fn a_trunk_brings_a_seconds_worth_at_once_and_then_its_rate() {
        let config = TrunkConfig { calls_per_second_max: 5, ..TrunkConfig::default() };
        let (mut arrivals, start) = (Arrivals::default(), Instant::now());
        let mut admit = |trunk: &str, ms: u64| {
            arrivals.admit(start + Duration::from_millis(ms), &Arc::from(trunk), &config, 0)
        };
        for _ in 0..5 {
            assert_eq!(admit("carrier_a", 0), Ok(()));
        }
        for _ in 0..100 {
            assert_eq!(admit("carrier_a", 100), Err(Overload::Rate), "a flood uses nothing up");
        }
        assert_eq!(admit("carrier_b", 100), Ok(()), "each has its own");
        assert_eq!(admit("carrier_a", 200), Ok(()));
        assert_eq!(admit("carrier_a", 210), Err(Overload::Rate));
        assert_eq!(admit("carrier_a", 400), Ok(()));
    }

    #[test]
    fn channels_are_counted_by_whoever_knows_the_calls_and_zero_is_no_limit() {
        let mut arrivals = Arrivals::default();
        let (now, trunk) = (Instant::now(), Arc::from("carrier_a"));
        let config = TrunkConfig { channels_max: 2, ..TrunkConfig::default() };
        assert_eq!(arrivals.admit(now, &trunk, &config, 1), Ok(()));
        assert_eq!(arrivals.admit(now, &trunk, &config, 2), Err(Overload::Channels));
        assert_eq!(arrivals.admit(now, &trunk, &TrunkConfig::default(), 1_000_000), Ok(()));
    }
}
