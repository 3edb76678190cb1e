use std::collections::{BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// The UDP port numbers RTP may use. A freed number goes to the end of the line, so that a packet still on
/// its way to the last call does not reach the next.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: VecDeque<u16>,
    range: RangeInclusive<u16>,
}

impl PortPool {
    /// The numbers of a range, but for those that calls under way still hold.
    pub(crate) fn new(range: RangeInclusive<u16>, in_use: &BTreeSet<u16>) -> Self {
        // RTP takes the even number of a pair (RFC 3550 §11); the odd one stays free for RTCP.
        let is_free = |port: &u16| port.is_multiple_of(2) && !in_use.contains(port);
        Self { free: range.clone().filter(is_free).collect(), range }
    }

    pub(crate) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    /// Takes a number back; one outside a range that was reloaded meanwhile is forgotten.
    pub(crate) fn give_back(&mut self, port: u16) {
        if self.range.contains(&port) && port.is_multiple_of(2) {
            self.free.push_back(port);
        }
    }

    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::collections::BTreeSet;

    use super::PortPool;

    #[test]
    fn a_freed_number_is_the_last_to_be_used_again_and_only_even_ones_are() {
        let mut pool = PortPool::new(20_001..=20_006, &BTreeSet::new());
        let first = pool.take().unwrap();
        pool.give_back(first);
        assert_eq!([pool.take(), pool.take(), pool.take()], [Some(20_004), Some(20_006), Some(20_002)]);
        assert_eq!(pool.take(), None);
    }
}
