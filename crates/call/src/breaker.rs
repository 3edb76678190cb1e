//! Whether another system is asked at all: after it has failed several times in a row it is left alone for a while,
//! and its callers go on at once instead of waiting for it one by one.
//!
//! `breaker.md` beside this file is the specification; the test below walks it.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When an endpoint is left alone, and for how long.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Failures in a row after which nobody asks it. 1 to 100, default 5.
    pub failures: u32,
    /// How long nobody asks it then; the next one tries. In seconds, 1 to 3600, default 30.
    pub open_secs: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, open_secs: 30 }
    }
}

impl BreakerConfig {
    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self { failures: 1..=100, open_secs: 1..=3_600 } => Ok(()),
            _ => Err("`breaker` takes 1 to 100 `failures` and 1 to 3600 `open_secs`"),
        }
    }
}

/// What is known of an endpoint's health.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Breaker {
    /// It is asked; so many failures in a row.
    #[default]
    Closed,
    Failing(u32),
    /// It is left alone until then.
    Open {
        until: Instant,
    },
    /// One asks it, everybody else waits for what becomes of that.
    HalfOpen,
}

impl Breaker {
    /// Whether it may be asked now.
    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        match self {
            Self::Closed | Self::Failing(_) => true,
            Self::Open { until } if now >= *until => {
                *self = Self::HalfOpen;
                true
            }
            Self::Open { .. } | Self::HalfOpen => false,
        }
    }

    /// It answered.
    pub(crate) fn answered(&mut self) {
        *self = Self::Closed;
    }

    /// It failed, or did not answer in time.
    pub(crate) fn failed(&mut self, now: Instant, config: BreakerConfig) {
        let until = now + Duration::from_secs(config.open_secs.into());
        let count = match self {
            Self::Closed => 1,
            Self::Failing(count) => *count + 1,
            // What was asked before it was left alone says nothing new.
            Self::Open { .. } => return,
            Self::HalfOpen => config.failures,
        };
        *self = if count >= config.failures { Self::Open { until } } else { Self::Failing(count) };
    }

    /// Whoever asked has gone before there was an answer.
    pub(crate) fn given_up(&mut self, now: Instant) {
        if *self == Self::HalfOpen {
            *self = Self::Open { until: now };
        }
    }

    /// For the log and the metrics.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Closed | Self::Failing(_) => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Breaker, BreakerConfig};

    const CONFIG: BreakerConfig = BreakerConfig { failures: 3, open_secs: 30 };

    fn state(name: &str, at: Instant) -> Breaker {
        match name {
            "closed" => Breaker::Closed,
            "failing 1" => Breaker::Failing(1),
            "failing 2" => Breaker::Failing(2),
            "open 30 s" => Breaker::Open { until: at + Duration::from_secs(30) },
            "open 1 s" => Breaker::Open { until: at + Duration::from_secs(1) },
            "open 0 s" => Breaker::Open { until: at },
            "half open" => Breaker::HalfOpen,
            other => panic!("breaker.md names a state nobody has: {other}"),
        }
    }

    #[test]
    fn every_row_of_the_table_is_so() {
        let mut rows = 0;
        for line in include_str!("breaker.md").lines().filter(|line| line.starts_with("| ")).skip(1) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [before, input, after, asked] = cells.as_slice() else { panic!("{line}") };
            let now = Instant::now();
            let mut breaker = state(before, now);
            let mut is_asked = "–";
            match *input {
                "somebody asks" => is_asked = if breaker.admits(now) { "yes" } else { "no" },
                "an answer" => breaker.answered(),
                "a failure" => breaker.failed(now, CONFIG),
                "who asked has gone" => breaker.given_up(now),
                other => panic!("{line}: {other}?"),
            }
            assert_eq!((breaker, is_asked), (state(after, now), *asked), "{line}");
            rows += 1;
        }
        assert_eq!(rows, 20);
    }

    proptest! {
        #[test]
        fn nobody_waits_for_one_that_is_left_alone_and_it_is_always_tried_again(
            deeds in prop::collection::vec((0_u8..4, 0_u64..40), 1..60)
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::default();
            for (deed, secs) in deeds {
                now += Duration::from_secs(secs);
                let before = breaker;
                match deed {
                    0 => {
                        let is_asked = breaker.admits(now);
                        let is_left_alone = matches!(before, Breaker::Open { until } if now < until);
                        prop_assert_eq!(is_asked, !is_left_alone && before != Breaker::HalfOpen);
                    }
                    1 => breaker.answered(),
                    2 => breaker.failed(now, CONFIG),
                    _ => breaker.given_up(now),
                }
                // Once whoever tries has an outcome, half a minute later somebody is let through.
                let mut later = breaker;
                later.given_up(now);
                prop_assert!(later.admits(now + Duration::from_secs(30)));
            }
        }
    }
}
