//! Room for connections, so that no single source takes all of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at once. One more is closed at once: its peer tries again, those there are stay.
const SEATS_MAX: usize = 4_096;

/// Connections of one source. An office of five hundred telephones behind one address has one each; whoever
/// wants all of the room must come from many places.
const SEATS_PER_SOURCE_MAX: usize = 512;

/// Who sits where.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    source: IpAddr,
}

impl Seats {
    /// A place for a connection from this address; `None` where there is none.
    pub fn take(&self, peer: IpAddr) -> Option<Seat> {
        let source = source(peer);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by the number of seats: a source without one has no entry.
        let all: usize = taken.values().sum();
        let its = taken.get(&source).copied().unwrap_or(0);
        if all >= SEATS_MAX || its >= SEATS_PER_SOURCE_MAX {
            return None;
        }
        taken.insert(source, its + 1);
        Some(Seat { seats: self.clone(), source })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(its) = taken.get_mut(&self.source) {
            *its -= 1;
            if *its == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

/// Of IPv6 the network: a single customer has 2⁶⁴ addresses of it.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(network).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::{SEATS_MAX, SEATS_PER_SOURCE_MAX, Seats};

    #[test]
    fn one_source_cannot_take_the_room_of_another_and_gives_back_what_it_leaves() {
        let seats = Seats::default();
        let mut of_one: Vec<_> =
            (0..SEATS_PER_SOURCE_MAX).map(|_| seats.take([192, 0, 2, 1].into()).unwrap()).collect();
        assert!(seats.take([192, 0, 2, 1].into()).is_none());
        assert!(seats.take([192, 0, 2, 2].into()).is_some());
        of_one.pop();
        assert!(seats.take([192, 0, 2, 1].into()).is_some());
        drop(of_one);
        assert!(seats.0.lock().unwrap().is_empty(), "nothing is remembered of who left");
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_source() {
        let seats = Seats::default();
        let address = |host: usize| format!("2001:db8::{host:x}").parse().unwrap();
        let _taken: Vec<_> =
            (0..SEATS_PER_SOURCE_MAX).map(|host| seats.take(address(host)).unwrap()).collect();
        assert!(seats.take(address(9_999)).is_none());
        assert!(seats.take("2001:db8:0:1::1".parse().unwrap()).is_some());
    }

    #[test]
    fn the_room_has_an_end() {
        let seats = Seats::default();
        let source =
            |number: usize| [10, 0, u8::try_from(number / 256).unwrap(), (number % 256) as u8].into();
        let taken: Vec<_> = (0..SEATS_MAX).map_while(|number| seats.take(source(number))).collect();
        assert_eq!(taken.len(), SEATS_MAX);
        assert!(seats.take([10, 1, 0, 0].into()).is_none());
    }
}
