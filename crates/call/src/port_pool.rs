use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// Port numbers kept for emergency calls: four of them at once on a node that is otherwise full.
pub(crate) const EMERGENCY_PORTS_RESERVED: usize = 8;

/// The UDP port numbers RTP may use. A freed number goes to the end of the line, so that a packet still on
/// its way to the last call does not reach the next.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: VecDeque<u16>,
    /// Kept for emergency calls; as many as this, as soon as there are so many.
    kept: VecDeque<u16>,
    kept_max: usize,
    range: RangeInclusive<u16>,
}

impl PortPool {
    /// The numbers of a range, but for those that calls under way still hold.
    pub(crate) fn new(range: RangeInclusive<u16>, in_use: &BTreeSet<u16>, kept_max: usize) -> Self {
        // RTP takes the even number of a pair (RFC 3550 §11); the odd one stays free for RTCP.
        let is_free = |port: &u16| port.is_multiple_of(2) && !in_use.contains(port);
        let mut free: VecDeque<u16> = range.clone().filter(is_free).collect();
        // The last ones: what is used for patients stays as it was.
        let kept = free.split_off(free.len().saturating_sub(kept_max));
        Self { free, kept, kept_max, range }
    }

    pub(crate) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    /// One that is free for all, so that the kept ones stay for the next such call; else one of those.
    pub(crate) fn take_for_emergency(&mut self) -> Option<u16> {
        self.free.pop_front().or_else(|| self.kept.pop_front())
    }

    /// Takes a number back; one outside a range that was reloaded meanwhile is forgotten.
    pub(crate) fn give_back(&mut self, port: u16) {
        if self.range.contains(&port) && port.is_multiple_of(2) {
            let line = if self.kept.len() < self.kept_max { &mut self.kept } else { &mut self.free };
            line.push_back(port);
        }
    }

    /// How many are free for anybody.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    /// How many are free, those that are kept included.
    pub(crate) fn free_in_all(&self) -> usize {
        self.free.len() + self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::PortPool;

    #[test]
    fn a_freed_number_is_the_last_to_be_used_again_and_only_even_ones_are() {
        let mut pool = PortPool::new(20_001..=20_006, &BTreeSet::new(), 0);
        let first = pool.take().unwrap();
        pool.give_back(first);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(20_004), Some(20_006), Some(20_002)]);
        assert_eq!(pool.take(), None);
    }
    #[test]
    fn numbers_kept_for_emergencies_are_nobody_elses_and_filled_up_first() {
        let mut pool = PortPool::new(20_000..=20_007, &BTreeSet::new(), 2);
        assert_eq!((pool.free(), pool.free_in_all()), (2, 4));
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(20_000), Some(20_002), None]);
        assert_eq!(pool.take_for_emergency(), Some(20_004));
        pool.give_back(20_000);
        assert_eq!(
            (pool.free(), pool.free_in_all()),
            (0, 2),
            "what was taken from the kept ones is made good"
        );
        pool.give_back(20_002);
        assert_eq!(pool.take_for_emergency(), Some(20_002), "while others are free the kept ones stay");
        assert_eq!([pool.take_for_emergency(), pool.take_for_emergency()], [Some(20_006), Some(20_000)]);
        assert_eq!(pool.take_for_emergency(), None);
    }
}
