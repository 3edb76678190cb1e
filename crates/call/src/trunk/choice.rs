//! Which destination a call is sent to: the lowest priority that is there, and among equals by weight and chance
//! (RFC 2782's rule, over what people wrote down).

use std::time::Instant;

use super::health::Destination;

/// Whether destinations that are down are tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Down {
    /// Only those that are there.
    Skipped,
    /// All: nobody else is left, and what we know may be old.
    Tried,
}

/// The destination of the next attempt; `is_tried` says which were. `chance` is any number.
pub(crate) fn choose(
    now: Instant,
    destinations: &[Destination],
    is_tried: impl Fn(usize) -> bool,
    down: Down,
    chance: u64,
) -> Option<usize> {
    let open = |(at, destination): &(usize, &Destination)| {
        !is_tried(*at) && (down == Down::Tried || destination.is_available(now))
    };
    let candidates = || destinations.iter().enumerate().filter(open);
    let priority = candidates().map(|(_, destination)| destination.reach.priority).min()?;
    let best = || candidates().filter(|(_, destination)| destination.reach.priority == priority);
    let weight = |destination: &Destination| u64::from(destination.reach.weight.max(1));
    let total: u64 = best().map(|(_, destination)| weight(destination)).sum();
    let mut left = chance.checked_rem(total)?;
    for (at, destination) in best() {
        if left < weight(destination) {
            return Some(at);
        }
        left -= weight(destination);
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Down, choose};
    use crate::trunk::Reach;
    use crate::trunk::health::{Checking, Destination};

    const CHECKING: Checking = Checking { every: Duration::from_secs(30), misses: 2 };

    fn destination(priority: u16, weight: u16, is_down: bool, now: Instant) -> Destination {
        let uri = "sip:sbc.carrier.example".to_owned();
        let mut it = Destination::new(Reach { uri, priority, weight }, Some(now));
        if is_down {
            it.failed_call(now, CHECKING, None);
        }
        it
    }

    #[test]
    fn weights_share_the_calls_of_one_priority() {
        let now = Instant::now();
        let all =
            [destination(1, 50, false, now), destination(1, 30, false, now), destination(2, 9, false, now)];
        let mut chosen = [0; 3];
        for chance in 0..80 {
            chosen[choose(now, &all, |_| false, Down::Skipped, chance).unwrap()] += 1;
        }
        assert_eq!(chosen, [50, 30, 0]);
    }

    proptest! {
        #[test]
        fn one_that_is_down_is_not_chosen_while_another_is_up_and_none_is_chosen_twice(
            them in prop::collection::vec((1_u16..4, 0_u16..100, any::<bool>()), 0..8),
            chances in prop::collection::vec(any::<u64>(), 16),
        ) {
            let now = Instant::now();
            let all: Vec<_> = them.iter().map(|(p, w, down)| destination(*p, *w, *down, now)).collect();
            let mut tried = BTreeSet::new();
            for chance in chances {
                let next = |down| choose(now, &all, |at| tried.contains(&at), down, chance);
                let (up, any) = (next(Down::Skipped), next(Down::Tried));
                prop_assert_eq!(any.is_none(), tried.len() == all.len());
                let Some(at) = up.or(any) else { break };
                let untried_up = || (0..all.len()).filter(|at| !them[*at].2 && !tried.contains(at));
                if let Some(up) = up {
                    prop_assert!(!them[up].2);
                    prop_assert!(untried_up().all(|other| them[up].0 <= them[other].0));
                } else {
                    prop_assert!(untried_up().next().is_none());
                }
                prop_assert!(tried.insert(at));
            }
        }
    }
}
