//! A datagram link with faults, all of them drawn from one seed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use primitives::{Generator, Seed};
use rand_core::Rng;

/// Datagrams on their way in one link. What is sent beyond it is lost, as in a router whose queue is full.
pub const IN_FLIGHT_MAX: usize = 65_536;

/// What a link does to datagrams. The default does nothing to them: they arrive at once, each once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The share that never arrives, 0 to 1.
    pub loss: f64,
    /// The share that arrives twice, each copy with a delay of its own, 0 to 1.
    pub duplication: f64,
    /// What each datagram takes at least.
    pub delay: Duration,
    /// What it takes longer by, evenly spread from nothing to this. Later datagrams overtake earlier ones
    /// when it exceeds the time between them.
    pub jitter: Duration,
}

/// One direction of a link. What arrives, and when, follows from the seed and from what is sent alone.
#[derive(Clone, Debug)]
pub struct Link<T> {
    faults: Faults,
    random: Generator,
    /// By arrival; equal arrivals in the order they were sent.
    in_flight: BTreeMap<(Instant, u64), T>,
    sent: u64,
    lost: u64,
}

impl<T: Clone> Link<T> {
    /// Nothing on its way.
    pub fn new(seed: Seed, faults: Faults) -> Self {
        Self { faults, random: seed.generator(), in_flight: BTreeMap::new(), sent: 0, lost: 0 }
    }

    /// Other faults from now on; what is on its way arrives as it would have.
    pub const fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Sends a datagram. Whether and when it arrives is decided now.
    pub fn send(&mut self, now: Instant, datagram: T) {
        // Every datagram takes the same four draws, so that one fault changes nothing about the next.
        let [is_lost, is_doubled] =
            [self.faults.loss, self.faults.duplication].map(|share| self.draw() < share);
        let [first, second] =
            [(); 2].map(|()| now + self.faults.delay + self.faults.jitter.mul_f64(self.draw()));
        if is_lost {
            self.lost += 1;
            return;
        }
        if is_doubled {
            self.put(second, datagram.clone());
        }
        self.put(first, datagram);
    }

    /// The next datagram that has arrived.
    pub fn receive(&mut self, now: Instant) -> Option<T> {
        let next = self.in_flight.first_entry()?;
        (next.key().0 <= now).then(|| next.remove())
    }

    /// When the next datagram arrives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.in_flight.keys().next().map(|(arrival, _)| *arrival)
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// How many never arrive.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn put(&mut self, arrival: Instant, datagram: T) {
        if self.in_flight.len() == IN_FLIGHT_MAX {
            self.lost += 1;
            return;
        }
        self.sent += 1;
        self.in_flight.insert((arrival, self.sent), datagram);
    }

    /// In [0, 1).
    fn draw(&mut self) -> f64 {
        f64::from(self.random.next_u32()) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use primitives::Seed;

    use super::{Faults, IN_FLIGHT_MAX, Link};
    use crate::clock::Clock;

    /// Sends 0, 1, 2 … one each millisecond; what arrives, with the millisecond it does.
    fn carry(seed: u64, faults: Faults, count: u64) -> Vec<(u64, u64)> {
        let mut clock = Clock::new();
        let mut link = Link::new(Seed::numbered(seed), faults);
        let start = clock.now().mono;
        for datagram in 0..count {
            link.send(start + Duration::from_millis(datagram), datagram);
        }
        let mut arrived = Vec::new();
        while let Some(due) = link.poll_timeout() {
            clock.advance_to(due);
            while let Some(datagram) = link.receive(clock.now().mono) {
                arrived.push((u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX), datagram));
            }
        }
        assert!(link.is_idle());
        arrived
    }

    #[test]
    fn a_link_without_faults_delivers_at_once_in_order() {
        let expected: Vec<_> = (0..100).map(|datagram| (datagram, datagram)).collect();
        assert_eq!(carry(1, Faults::default(), 100), expected);
    }

    #[test]
    fn nothing_arrives_before_its_delay() {
        let faults = Faults { delay: Duration::from_millis(30), ..Faults::default() };
        let expected: Vec<_> = (0..100).map(|datagram| (datagram + 30, datagram)).collect();
        assert_eq!(carry(1, faults, 100), expected);
    }

    #[test]
    fn a_third_is_lost_and_a_tenth_doubled_when_asked_for() {
        let faults = Faults { loss: 0.33, duplication: 0.1, ..Faults::default() };
        let arrived = carry(7, faults, 10_000);
        let mut once: Vec<_> = arrived.iter().map(|(_, datagram)| *datagram).collect();
        once.dedup();
        assert!((6_500..6_900).contains(&once.len()), "{} of 10 000 arrived", once.len());
        let doubled = arrived.len() - once.len();
        assert!((570..770).contains(&doubled), "{doubled} arrived twice");
    }

    #[test]
    fn jitter_lets_later_datagrams_overtake_earlier_ones() {
        let faults = Faults { jitter: Duration::from_millis(20), ..Faults::default() };
        let arrived = carry(3, faults, 1_000);
        assert_eq!(arrived.len(), 1_000);
        assert!(!arrived.is_sorted_by_key(|(_, datagram)| *datagram));
        assert!(arrived.iter().all(|(at, datagram)| (0..=20).contains(&at.saturating_sub(*datagram))));
    }

    #[test]
    fn the_same_seed_repeats_every_fault_and_another_does_not() {
        let faults = Faults {
            loss: 0.2,
            duplication: 0.2,
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(9),
        };
        assert_eq!(carry(5, faults, 200), carry(5, faults, 200));
        assert_ne!(carry(5, faults, 200), carry(6, faults, 200));
    }

    #[test]
    fn a_flooded_link_drops_what_comes_last() {
        let clock = Clock::new();
        let mut link = Link::new(Seed::numbered(1), Faults::default());
        for datagram in 0..=IN_FLIGHT_MAX {
            link.send(clock.now().mono, datagram);
        }
        assert_eq!(link.lost(), 1);
        assert_eq!(link.receive(clock.now().mono), Some(0));
    }
}
