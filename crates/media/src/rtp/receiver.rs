//! What one port hears: where each packet stands in its stream, what was lost and how unevenly it came
//! (RFC 3550 appendix A.1, A.3 and A.8).

use std::time::Instant;

use super::samples_in;

/// A jump ahead up to this is loss (RFC 3550 A.1: a minute at 50 packets a second); one beyond is another
/// stream.
const DROPOUT_MAX: u16 = 3_000;
/// A step back up to this is a late packet (RFC 3550 A.1: two seconds).
const MISORDER_MAX: u16 = 100;

/// Where a packet stands: its stream, counted from the first this port heard, and its sequence number with
/// the cycles of 65,536 before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub stream: u32,
    pub sequence: u32,
}

/// Counts one peer's packets.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    stream: Option<Stream>,
    /// How many streams there were: a peer that restarts, moves or changes its SSRC begins another.
    streams: u32,
    received: u64,
    /// Lost in the streams before this one.
    lost_before: u64,
    jitter: Jitter,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    first: u32,
    newest: u32,
    received: u32,
    /// The sequence number that, seen next, shows that the peer restarted its numbering (A.1 `bad_seq`).
    restart: Option<u16>,
}

impl Receiver {
    /// Counts a packet. `None` if its number is so far off that it is not of the stream; two in a row of
    /// such begin a new one.
    pub(crate) fn place(&mut self, ssrc: u32, sequence: u16) -> Option<Place> {
        let place = match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => {
                let placed = stream.place(sequence);
                if placed.is_none() && stream.restart != Some(sequence) {
                    stream.restart = Some(sequence.wrapping_add(1));
                    return None;
                }
                placed
            }
            Some(_) | None => None,
        };
        self.received += 1;
        let sequence = place.unwrap_or_else(|| self.begin(ssrc, sequence));
        Some(Place { stream: self.streams, sequence })
    }

    /// The next packet begins a new stream, whatever its numbers: it comes from another source.
    pub(crate) fn restart(&mut self) {
        self.lost_before = self.lost();
        self.stream = None;
    }

    /// Counts how unevenly audio comes. Not for keys, all of whose packets carry one timestamp.
    pub(crate) fn hear(&mut self, now: Instant, timestamp: u32, clock_hz: u32) {
        self.jitter.hear(now, timestamp, clock_hz);
    }

    /// The source that is heard, and its highest number with the cycles before it.
    pub(crate) fn newest(&self) -> Option<(u32, u32)> {
        self.stream.as_ref().map(|stream| (stream.ssrc, stream.newest.wrapping_sub(0x1_0000)))
    }

    /// Packets counted.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Packets that never came. Copies of one packet may hide the loss of another (RFC 3550 A.3).
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, Stream::lost)
    }

    /// Interarrival jitter in microseconds.
    pub(crate) fn jitter_us(&self) -> u32 {
        (self.jitter.sixteenths >> 4).saturating_mul(125) / self.jitter.ticks.max(1)
    }

    /// Interarrival jitter in ticks of the codec's clock, as reports have it.
    pub(crate) fn jitter(&self) -> u32 {
        self.jitter.sixteenths >> 4
    }

    fn begin(&mut self, ssrc: u32, sequence: u16) -> u32 {
        self.restart();
        self.streams = self.streams.wrapping_add(1);
        self.jitter.transit = None;
        // One cycle in, so that a late packet before the first is not below zero.
        let first = u32::from(sequence) + 0x1_0000;
        self.stream = Some(Stream { ssrc, first, newest: first, received: 1, restart: None });
        first
    }
}

impl Stream {
    fn place(&mut self, sequence: u16) -> Option<u32> {
        let step = sequence.wrapping_sub((self.newest & 0xffff) as u16);
        let place = if step < DROPOUT_MAX {
            self.newest = self.newest.wrapping_add(u32::from(step));
            self.newest
        } else if step > u16::MAX - MISORDER_MAX {
            self.newest.wrapping_sub(u32::from(step.wrapping_neg()))
        } else {
            return None;
        };
        self.restart = None;
        self.first = self.first.min(place);
        self.received = self.received.saturating_add(1);
        Some(place)
    }

    fn lost(&self) -> u64 {
        let expected = self.newest.wrapping_sub(self.first).saturating_add(1);
        u64::from(expected.saturating_sub(self.received))
    }
}

/// RFC 3550 A.8, in ticks of the codec's clock.
#[derive(Debug, Default)]
struct Jitter {
    epoch: Option<Instant>,
    /// Arrival less timestamp of the last packet.
    transit: Option<u32>,
    sixteenths: u32,
    /// Of that clock, in an 8,000th of a second.
    ticks: u32,
}

impl Jitter {
    fn hear(&mut self, now: Instant, timestamp: u32, clock_hz: u32) {
        let ticks = (clock_hz / 8_000).max(1);
        if ticks != self.ticks {
            *self = Self { ticks, ..Self::default() };
        }
        let epoch = *self.epoch.get_or_insert(now);
        let arrival = samples_in(now.saturating_duration_since(epoch)) * u64::from(ticks);
        let arrival = (arrival & u64::from(u32::MAX)) as u32;
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            // A peer that jumps its clock is not a minute of jitter.
            let difference = difference.min(80_000 * ticks);
            self.sixteenths = self.sixteenths + difference - ((self.sixteenths + 8) >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Receiver;

    fn place(receiver: &mut Receiver, sequence: u16) -> Option<u32> {
        receiver.place(9, sequence).map(|place| place.sequence)
    }

    #[test]
    fn the_sequence_goes_on_past_65535_also_when_the_packets_there_are_swapped() {
        let mut receiver = Receiver::default();
        let first = place(&mut receiver, 0xfffe).unwrap_or_default();
        for (sequence, expected) in [(1, 3), (0xffff, 1), (0, 2), (2, 4), (2, 4)] {
            assert_eq!(place(&mut receiver, sequence), Some(first + expected));
        }
        assert_eq!(receiver.lost(), 0);
    }

    #[test]
    fn loss_is_what_the_numbers_promise_and_never_came() {
        let mut receiver = Receiver::default();
        for sequence in (0..1_000).filter(|n| n % 10 != 3) {
            place(&mut receiver, sequence);
        }
        assert_eq!((receiver.received(), receiver.lost()), (900, 100));
    }

    #[test]
    fn a_packet_that_overtook_the_first_counts_from_where_it_belongs() {
        let mut receiver = Receiver::default();
        for sequence in [10, 9, 12] {
            place(&mut receiver, sequence);
        }
        assert_eq!((receiver.received(), receiver.lost()), (3, 1));
    }

    #[test]
    fn a_new_stream_with_another_clock_is_no_jitter() {
        let mut receiver = Receiver::default();
        let start = Instant::now();
        for n in 0..100_u32 {
            let clock = if n < 50 { 0 } else { 1_000_000 };
            receiver.place(n / 50, (n & 0xffff) as u16);
            receiver.hear(start + Duration::from_millis(20) * n, n * 160 + clock, 8_000);
        }
        assert_eq!(receiver.jitter_us(), 0);
    }

    #[test]
    fn a_lone_stray_number_is_refused_and_two_in_a_row_are_a_restart() {
        let mut receiver = Receiver::default();
        let old = receiver.place(9, 100);
        assert_eq!(receiver.place(9, 30_000), None);
        assert_eq!(place(&mut receiver, 101), old.map(|place| place.sequence + 1));
        assert_eq!(receiver.place(9, 40_000), None);
        let new = receiver.place(9, 40_001);
        assert!(new.is_some() && new.map(|place| place.stream) != old.map(|place| place.stream));
        assert_eq!(receiver.lost(), 0);
    }

    #[test]
    fn another_ssrc_is_another_stream_and_the_loss_of_the_first_is_kept() {
        let mut receiver = Receiver::default();
        receiver.place(1, 10);
        receiver.place(1, 13);
        let place = receiver.place(2, 60_000);
        assert_eq!(place.map(|place| place.stream), Some(2));
        assert_eq!((receiver.received(), receiver.lost()), (3, 2));
    }

    #[test]
    fn even_packets_have_no_jitter_and_alternating_ones_have_the_jitter_of_the_rfc() {
        let (mut even, mut uneven) = (Receiver::default(), Receiver::default());
        let start = Instant::now();
        for n in 0..500_u32 {
            let at = start + Duration::from_millis(20) * n;
            even.hear(at, n * 160, 8_000);
            uneven.hear(at + Duration::from_millis(if n % 2 == 0 { 0 } else { 10 }), n * 160, 8_000);
        }
        assert_eq!(even.jitter_us(), 0);
        assert!((9_000..=10_000).contains(&uneven.jitter_us()), "{} us", uneven.jitter_us());
    }
}
