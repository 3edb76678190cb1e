//! Which address a port hears and answers: symmetric RTP (RFC 4961) with a lock, so that a stranger who
//! sprays packets at our ports neither speaks in a call nor has it sent to him.
//!
//! - The first source that sends valid audio is locked. Until then we send where SDP said.
//! - The address SDP said takes the lock at once, whoever holds it.
//! - Any other source takes it with `TAKEOVER_PACKETS` consecutive packets, if the holder has been silent for
//!   `HOLDER_SILENT`: a phone whose NAT binding changed. One packet of the holder starts the count again.
//! - When a re-INVITE moves the peer, the lock is open again, but not at once for the source that held it:
//!   its last packets are still on the way.
//! - Everything else is refused.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Packets in a row by which a new source shows that it is a stream: 200 ms of audio.
const TAKEOVER_PACKETS: u8 = 10;
/// How long the holder must have been silent before that. A talker's packets come every 20 ms; a gap of a
/// second is a lost binding or a peer with silence suppression, which comes back to its lock at once.
const HOLDER_SILENT: Duration = Duration::from_secs(1);

/// What to do with a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// It is the peer.
    Admitted,
    /// It is the peer, at an address it did not have before: a new stream.
    Moved,
    /// It is not.
    Refused,
}

/// The lock of one port.
#[derive(Debug)]
pub(crate) struct Source {
    negotiated: SocketAddr,
    locked: Option<SocketAddr>,
    /// Held the lock before a re-INVITE moved the peer.
    left: Option<SocketAddr>,
    /// When the lock was last used, or opened.
    used_at: Instant,
    candidate: Option<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    next: u16,
    packets: u8,
}

impl Source {
    pub(crate) fn new(now: Instant, negotiated: SocketAddr) -> Self {
        Self { negotiated, locked: None, left: None, used_at: now, candidate: None }
    }

    /// Where to send. Nowhere before somebody was heard, if all SDP said was `0.0.0.0`.
    pub(crate) fn target(&self) -> Option<SocketAddr> {
        self.locked.or(Some(self.negotiated)).filter(|to| !to.ip().is_unspecified())
    }

    /// What SDP says now. `0.0.0.0` is the old sign of hold (RFC 3264 §8.4) and moves nobody.
    pub(crate) fn negotiate(&mut self, now: Instant, remote: SocketAddr) {
        if is_same(remote, self.negotiated) || remote.ip().is_unspecified() {
            return;
        }
        self.negotiated = remote;
        self.candidate = None;
        if let Some(held) = self.locked.filter(|held| !is_same(*held, remote)) {
            self.left = Some(held);
            self.locked = None;
            self.used_at = now;
        }
    }

    /// Whether a valid packet with this sequence number is the peer's.
    pub(crate) fn admit(&mut self, now: Instant, from: SocketAddr, sequence: u16) -> Admission {
        if self.locked.is_some_and(|locked| is_same(locked, from)) {
            self.used_at = now;
            self.candidate = None;
            return Admission::Admitted;
        }
        let free = self.locked.is_none() && !self.left.is_some_and(|left| is_same(left, from));
        if free || is_same(from, self.negotiated) || self.takes_over(now, from, sequence) {
            self.locked = Some(from);
            self.used_at = now;
            self.candidate = None;
            return Admission::Moved;
        }
        Admission::Refused
    }

    fn takes_over(&mut self, now: Instant, from: SocketAddr, sequence: u16) -> bool {
        let next = sequence.wrapping_add(1);
        match &mut self.candidate {
            Some(candidate) if is_same(candidate.from, from) && candidate.next == sequence => {
                candidate.next = next;
                candidate.packets = candidate.packets.saturating_add(1);
                candidate.packets >= TAKEOVER_PACKETS
                    && now.saturating_duration_since(self.used_at) >= HOLDER_SILENT
            }
            // Two strangers who send at once keep each other from the lock.
            Some(_) | None => {
                self.candidate = Some(Candidate { from, next, packets: 1 });
                false
            }
        }
    }
}

/// A socket for both families shows an IPv4 peer as `::ffff:a.b.c.d`.
fn is_same(a: SocketAddr, b: SocketAddr) -> bool {
    let canonical = |ip: IpAddr| ip.to_canonical();
    a.port() == b.port() && canonical(a.ip()) == canonical(b.ip())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    use super::{Admission, Source};

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    /// `count` packets of 20 ms from `from`; how many were refused.
    fn stream(source: &mut Source, now: &mut Instant, from: SocketAddr, count: u16) -> usize {
        (0..count)
            .filter(|sequence| {
                *now += Duration::from_millis(20);
                source.admit(*now, from, *sequence) == Admission::Refused
            })
            .count()
    }

    #[test]
    fn the_first_source_is_locked_and_a_stranger_beside_it_is_refused() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        assert_eq!(source.target(), Some(at(1)));
        assert_eq!(source.admit(now, at(2), 0), Admission::Moved);
        assert_eq!(source.target(), Some(at(2)));
        for sequence in 0..500 {
            now += Duration::from_millis(20);
            assert_eq!(source.admit(now, at(2), sequence), Admission::Admitted);
            assert_eq!(source.admit(now, at(3), sequence), Admission::Refused);
        }
    }

    #[test]
    fn the_negotiated_address_takes_the_lock_at_once() {
        let now = Instant::now();
        let mut source = Source::new(now, at(1));
        source.admit(now, at(2), 0);
        assert_eq!(source.admit(now, at(1), 0), Admission::Moved);
        assert_eq!(source.admit(now, at(2), 1), Admission::Refused);
    }

    #[test]
    fn a_phone_whose_nat_binding_changed_is_heard_again_after_a_second() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        stream(&mut source, &mut now, at(2), 10);
        assert_eq!(stream(&mut source, &mut now, at(3), 100), 49);
        assert_eq!(source.target(), Some(at(3)));
    }

    #[test]
    fn packets_of_a_stranger_that_are_not_consecutive_never_take_over() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        stream(&mut source, &mut now, at(2), 10);
        for sequence in (0..1_000).step_by(2) {
            now += Duration::from_millis(20);
            assert_eq!(source.admit(now, at(3), sequence), Admission::Refused);
        }
    }

    #[test]
    fn one_packet_of_the_holder_starts_the_count_of_a_stranger_again() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        source.admit(now, at(2), 0);
        for sequence in 0..18 {
            now += Duration::from_millis(300);
            if sequence == 9 {
                source.admit(now, at(2), 1);
            }
            assert_eq!(source.admit(now, at(3), sequence), Admission::Refused, "packet {sequence}");
        }
        assert_eq!(source.admit(now, at(3), 18), Admission::Moved);
    }

    #[test]
    fn a_re_invite_that_moves_the_peer_is_followed_though_old_packets_still_come() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        stream(&mut source, &mut now, at(1), 10);
        source.negotiate(now, at(7));
        assert_eq!(source.target(), Some(at(7)));
        assert_eq!(stream(&mut source, &mut now, at(1), 5), 5);
        assert_eq!(source.target(), Some(at(7)), "late packets of the old address do not turn us back");
        assert_eq!(stream(&mut source, &mut now, at(8), 5), 0, "the new one may be behind a NAT");
    }

    #[test]
    fn hold_by_an_address_of_zero_moves_nobody() {
        let mut now = Instant::now();
        let mut source = Source::new(now, at(1));
        stream(&mut source, &mut now, at(2), 10);
        source.negotiate(now, SocketAddr::from(([0, 0, 0, 0], 1)));
        source.negotiate(now, at(1));
        assert_eq!(source.target(), Some(at(2)));
    }

    #[test]
    fn an_ipv4_peer_on_a_socket_of_both_families_is_the_same_peer() {
        let now = Instant::now();
        let mut source = Source::new(now, at(1));
        source.admit(now, at(2), 0);
        let mapped = SocketAddr::new(std::net::Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped().into(), 2);
        assert_eq!(source.admit(now, mapped, 1), Admission::Admitted);
    }
}
