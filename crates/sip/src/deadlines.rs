//! The next thing to wake up for, among thousands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// At most one deadline a key, and the soonest of all of them. Setting and clearing cost the logarithm of
/// how many there are; asking for the soonest walks to the first leaf of a tree.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K: Clone + Ord> Deadlines<K> {
    pub(crate) const fn new() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }

    /// Sets, moves or (with `None`) clears the deadline of `key`.
    pub(crate) fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.by_key.insert(key.clone(), at),
            None => self.by_key.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_time.insert((at, key));
        }
    }

    /// Sets the deadline of `key`, or moves it to an earlier time.
    pub(crate) fn hasten(&mut self, key: K, at: Instant) {
        if self.by_key.get(&key).is_none_or(|before| at < *before) {
            self.set(key, Some(at));
        }
    }

    /// The soonest deadline.
    pub(crate) fn soonest(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one key whose deadline has passed, the longest overdue first.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<K> {
        if self.soonest()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Deadlines;

    #[test]
    fn a_deadline_that_was_moved_or_cleared_is_not_due_at_its_old_time() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let mut deadlines = Deadlines::new();
        deadlines.set("moved", Some(at(1)));
        deadlines.set("cleared", Some(at(1)));
        deadlines.set("kept", Some(at(4)));
        deadlines.hasten("kept", at(2));
        deadlines.hasten("kept", at(3));
        deadlines.set("moved", Some(at(3)));
        deadlines.set("cleared", None);

        assert_eq!(deadlines.soonest(), Some(at(2)));
        assert_eq!(deadlines.take_due(at(1)), None);
        assert_eq!(deadlines.take_due(at(3)), Some("kept"));
        assert_eq!(deadlines.take_due(at(3)), Some("moved"));
        assert_eq!(deadlines.soonest(), None);
    }
}
