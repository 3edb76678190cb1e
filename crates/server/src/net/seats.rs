//! Room for connections: no single source takes all of it, and strangers together do not take what is kept for
//! trunks and for phones of ours.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sip::{RegistrationChange, Security};

/// Connections at once. One more is closed at once: its peer tries again, those there are stay.
const SEATS_MAX: usize = 4_096;

/// Of these, what strangers never take: known networks and addresses where phones of ours are registered find
/// room in any flood. A thousand phones that all come back at once fit.
const SEATS_KEPT: usize = 1_024;

/// Connections of one source. An office of five hundred telephones behind one address has one each; whoever
/// wants all of the room must come from many places.
const SEATS_PER_SOURCE_MAX: usize = 512;

/// Contacts whose address is remembered: more than phones there are. The phone of one more is a stranger.
const CONTACTS_MAX: usize = 16_384;

/// Who sits where.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<Room>>);

#[derive(Debug, Default)]
struct Room {
    /// Bounded by the number of seats: a source without one has no entry.
    taken: HashMap<IpAddr, usize>,
    all: usize,
    of_strangers: usize,
    security: Security,
    /// Where each contact of a user of ours was last.
    contacts: HashMap<(String, String), IpAddr>,
    /// How many contacts a source has.
    registered: HashMap<IpAddr, usize>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    source: IpAddr,
    is_strangers: bool,
}

impl Seats {
    /// From now on there is always room for these networks.
    pub fn keep_for(&self, security: Security) {
        self.room().security = security;
    }

    /// A phone of ours registered, or is gone.
    pub fn registered(&self, change: &RegistrationChange) {
        let mut room = self.room();
        match change {
            RegistrationChange::Bound { user, binding, .. } => {
                let contact = (user.clone(), binding.contact.clone());
                room.forget(&contact);
                if room.contacts.len() < CONTACTS_MAX {
                    let source = source(binding.path.peer.ip());
                    room.contacts.insert(contact, source);
                    *room.registered.entry(source).or_default() += 1;
                }
            }
            RegistrationChange::Unbound { user, contact, .. } => {
                room.forget(&(user.clone(), contact.clone()));
            }
        }
    }

    /// A place for a connection from this address; `None` where there is none.
    pub fn take(&self, peer: IpAddr) -> Option<Seat> {
        let source = source(peer);
        let mut room = self.room();
        let is_strangers = !room.security.knows(peer) && !room.registered.contains_key(&source);
        let its = room.taken.get(&source).copied().unwrap_or(0);
        let is_full = room.all >= SEATS_MAX
            || its >= SEATS_PER_SOURCE_MAX
            || (is_strangers && room.of_strangers >= SEATS_MAX - SEATS_KEPT);
        if is_full {
            return None;
        }
        room.taken.insert(source, its + 1);
        room.all += 1;
        room.of_strangers += usize::from(is_strangers);
        Some(Seat { seats: self.clone(), source, is_strangers })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn forget(&mut self, contact: &(String, String)) {
        if let Some(source) = self.contacts.remove(contact) {
            leave(&mut self.registered, source);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut room = self.seats.room();
        leave(&mut room.taken, self.source);
        room.all -= 1;
        room.of_strangers -= usize::from(self.is_strangers);
    }
}

/// One less of a source; none is no entry.
fn leave(of: &mut HashMap<IpAddr, usize>, source: IpAddr) {
    if let Some(its) = of.get_mut(&source) {
        *its -= 1;
        if *its == 0 {
            of.remove(&source);
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
    use std::net::IpAddr;
    use std::time::Duration;

    use sip::{Binding, Path, RegistrationChange, Security, Transport};

    use super::{SEATS_KEPT, SEATS_MAX, SEATS_PER_SOURCE_MAX, Seats};

    /// The addresses of a flood, each another source.
    fn flood(number: usize) -> IpAddr {
        [10, 0, u8::try_from(number / 256).unwrap(), u8::try_from(number % 256).unwrap()].into()
    }

    fn bound(at: IpAddr) -> RegistrationChange {
        let path = Path {
            transport: Transport::Tls,
            local: ([127, 0, 0, 1], 5061).into(),
            peer: (at, 40_000).into(),
            connection: None,
        };
        let binding = Binding {
            contact: "sip:nurse1@198.51.100.7".to_owned(),
            path,
            preference: 1_000,
            expires: jiff::Timestamp::UNIX_EPOCH,
            sip_call_id: "1".to_owned(),
            cseq: 1,
        };
        RegistrationChange::Bound {
            user: "nurse1".to_owned(),
            binding,
            granted: Duration::ZERO,
            is_refresh: false,
        }
    }

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
        let room = seats.room();
        assert!(room.taken.is_empty() && room.all == 0 && room.of_strangers == 0, "{room:?}");
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
    fn a_flood_from_everywhere_leaves_room_for_trunks_and_for_phones_of_ours() {
        let seats = Seats::default();
        seats.keep_for(Security { known: vec!["192.0.2.0/24".parse().unwrap()], ..Security::default() });
        let phone = IpAddr::from([198, 51, 100, 7]);
        seats.registered(&bound(phone));
        let taken: Vec<_> = (0..SEATS_MAX).map_while(|number| seats.take(flood(number))).collect();
        assert_eq!(taken.len(), SEATS_MAX - SEATS_KEPT);
        assert!(seats.take([198, 51, 100, 8].into()).is_none(), "no stranger has room any more");
        let trunk: Vec<_> = (0..100).map(|_| seats.take([192, 0, 2, 10].into()).unwrap()).collect();
        let again = seats.take(phone).unwrap();
        drop((trunk, again));

        // It registers from elsewhere: who stands there now is nobody.
        seats.registered(&bound([198, 51, 100, 9].into()));
        assert!(seats.take(phone).is_none() && seats.take([198, 51, 100, 9].into()).is_some());
        seats.registered(&RegistrationChange::Unbound {
            user: "nurse1".to_owned(),
            contact: "sip:nurse1@198.51.100.7".to_owned(),
            left: 0,
        });
        assert!(seats.take([198, 51, 100, 9].into()).is_none());
        assert!(seats.room().registered.is_empty());
    }

    #[test]
    fn a_phone_that_refreshes_its_contact_is_one_phone() {
        let seats = Seats::default();
        let phone = IpAddr::from([198, 51, 100, 7]);
        (0..3).for_each(|_| seats.registered(&bound(phone)));
        assert_eq!(seats.room().registered.get(&phone), Some(&1));
    }

    #[test]
    fn the_room_has_an_end_for_known_networks_too() {
        let seats = Seats::default();
        seats.keep_for(Security { known: vec!["10.0.0.0/8".parse().unwrap()], ..Security::default() });
        let taken: Vec<_> = (0..SEATS_MAX).map_while(|number| seats.take(flood(number))).collect();
        assert_eq!(taken.len(), SEATS_MAX);
        assert!(seats.take([10, 1, 0, 0].into()).is_none());
    }
}
