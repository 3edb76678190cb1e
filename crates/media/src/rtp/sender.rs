//! What one port sends is one RTP stream from its first packet to its last, whoever speaks in it: prompts,
//! silence, keys and the other side of a bridge share a source, a sequence and a clock.

use std::time::{Duration, Instant};

use rand_core::Rng;

use super::samples_in;

/// How far a relayed stream may begin ahead of our clock, in 8,000ths of a second: one packet of 20 ms and some jitter.
/// A prompt frame just sent covers the next 20 ms, so the first relayed packet stands behind it. Without a
/// bound every change between prompt and bridge would add to the delay the peer hears.
const AHEAD_MAX: i32 = 240;

/// The fixed part of an RTP packet (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub payload_type: u8,
    pub marked: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Numbers the packets of one port. Lengths are in 8,000ths of a second, timestamps in ticks of the codec's clock.
#[derive(Debug)]
pub(crate) struct Sender {
    /// Ticks of the clock in an 8,000th of a second.
    ticks: u32,
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Of the first packet, and when that was. All later timestamps follow real time from there.
    start: u32,
    started: Option<Instant>,
    /// Just behind the last sample sent.
    end: u32,
    /// Whether the next audio packet begins a talkspurt (RFC 3551 §4.1).
    talkspurt: bool,
    packets: u64,
    /// Bytes of payload.
    octets: u64,
}

impl Sender {
    /// A stream that begins anywhere (RFC 3550 §5.1: all three are random).
    pub(crate) fn new(random: &mut impl Rng) -> Self {
        let start = random.next_u32();
        Self {
            ticks: 1,
            ssrc: random.next_u32(),
            sequence: (random.next_u32() & 0xffff) as u16,
            start,
            started: None,
            end: start,
            talkspurt: true,
            packets: 0,
            octets: 0,
        }
    }

    /// From now on timestamps are of a codec whose clock has `hz` ticks a second. They go on where they were: the
    /// source stays the same (RFC 7160 §4.2).
    pub(crate) fn set_clock(&mut self, now: Instant, hz: u32) {
        let ticks = (hz / 8_000).max(1);
        if ticks != self.ticks {
            self.ticks = ticks;
            self.start = self.end;
            self.started = self.started.map(|_| now);
            self.talkspurt = true;
        }
    }

    /// How far a timestamp is ahead of our clock, in 8,000ths of a second.
    pub(crate) fn lead(&mut self, now: Instant, timestamp: u32) -> i32 {
        ahead(timestamp, self.timestamp_at(now)) / self.ticks.cast_signed()
    }

    /// Leaves numbers out, for packets the listener shall know are lost.
    pub(crate) fn skip(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
    }

    /// Counts what a packet carried.
    pub(crate) fn carried(&mut self, octets: usize) {
        self.octets += octets as u64;
    }

    /// Numbers `samples` of our own audio due at `at`. Real time that passed unsent shows in the timestamp.
    pub(crate) fn audio(&mut self, at: Instant, payload_type: u8, samples: u32) -> Header {
        let lead = ahead(self.end, self.timestamp_at(at));
        // Never back over what was sent; a pause begins a talkspurt.
        let timestamp = if lead >= 0 { self.end } else { self.timestamp_at(at) };
        let marked = std::mem::take(&mut self.talkspurt) || lead < 0;
        // A relayed stream whose clock runs faster than ours leaves us further ahead than one packet: then
        // its clock becomes ours, because the peer already lives by it.
        if lead > self.ahead_max() {
            self.start = self.start.wrapping_add(lead.cast_unsigned());
        }
        self.end = timestamp.wrapping_add(samples * self.ticks);
        self.number(payload_type, marked, timestamp)
    }

    /// Where a key that is pressed at `at` begins.
    pub(crate) fn key_start(&mut self, at: Instant) -> u32 {
        let real = self.timestamp_at(at);
        if ahead(self.end, real) > 0 { self.end } else { real }
    }

    /// Numbers a packet of a key that began at `timestamp` and has lasted `duration` samples.
    pub(crate) fn key(&mut self, payload_type: u8, timestamp: u32, duration: u32, starts: bool) -> Header {
        self.reach(timestamp.wrapping_add(duration * self.ticks));
        self.number(payload_type, starts, timestamp)
    }

    /// Where a stream relayed from `at` on begins: sequence and timestamp of its first packet. `None` while
    /// our own last packet still covers this time.
    pub(crate) fn relay_start(&mut self, at: Instant) -> Option<(u16, u32)> {
        let real = self.timestamp_at(at);
        match ahead(self.end, real) {
            ..=0 => Some((self.sequence, real)),
            lead if lead <= self.ahead_max() => Some((self.sequence, self.end)),
            _ => None,
        }
    }

    /// Numbers a relayed packet of so many ticks, which keeps the place it had among its neighbours.
    pub(crate) fn relayed(&mut self, header: Header, ticks: u32) -> Header {
        if (header.sequence.wrapping_sub(self.sequence)).cast_signed() >= 0 {
            self.sequence = header.sequence.wrapping_add(1);
        }
        self.reach(header.timestamp.wrapping_add(ticks));
        self.packets += 1;
        Header { ssrc: self.ssrc, ..header }
    }

    /// The next audio packet begins a talkspurt: somebody else speaks, or after a pause.
    pub(crate) fn begin_talkspurt(&mut self) {
        self.talkspurt = true;
    }

    /// Of the next packet.
    pub(crate) fn next_sequence(&self) -> u16 {
        self.sequence
    }

    /// Our source.
    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Bytes of payload sent.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Packets numbered so far.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Our clock at `at`; it starts with the first question.
    pub(crate) fn timestamp_at(&mut self, at: Instant) -> u32 {
        let started = *self.started.get_or_insert(at);
        let elapsed: Duration = at.saturating_duration_since(started);
        // Timestamps wrap every six days by design.
        let ticks = samples_in(elapsed) * u64::from(self.ticks);
        self.start.wrapping_add((ticks & u64::from(u32::MAX)) as u32)
    }

    fn ahead_max(&self) -> i32 {
        AHEAD_MAX * self.ticks.cast_signed()
    }

    fn number(&mut self, payload_type: u8, marked: bool, timestamp: u32) -> Header {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.packets += 1;
        Header { payload_type, marked, sequence, timestamp, ssrc: self.ssrc }
    }

    fn reach(&mut self, end: u32) {
        if ahead(end, self.end) > 0 {
            self.end = end;
        }
    }
}

/// How many samples `a` is later than `b` on a clock that wraps.
pub(crate) const fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use primitives::Seed;

    use super::Sender;

    const FRAME: Duration = Duration::from_millis(20);

    fn sender() -> Sender {
        Sender::new(&mut Seed::numbered(1).generator())
    }

    #[test]
    fn frames_on_time_follow_one_another_and_only_the_first_is_marked() {
        let mut sender = sender();
        let mut at = Instant::now();
        let first = sender.audio(at, 0, 160);
        assert!(first.marked);
        for n in 1..100_u16 {
            at += FRAME;
            let next = sender.audio(at, 0, 160);
            assert_eq!(next.sequence, first.sequence.wrapping_add(n));
            assert_eq!(next.timestamp, first.timestamp.wrapping_add(160 * u32::from(n)));
            assert_eq!((next.ssrc, next.marked), (first.ssrc, false));
        }
    }

    #[test]
    fn a_pause_shows_in_the_timestamp_and_not_in_the_sequence() {
        let mut sender = sender();
        let at = Instant::now();
        let before = sender.audio(at, 0, 160);
        let after = sender.audio(at + Duration::from_secs(3), 0, 160);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(24_000));
        assert!(after.marked);
    }

    #[test]
    fn a_relay_that_begins_just_behind_a_frame_stands_behind_it_and_a_second_one_waits() {
        let mut sender = sender();
        let at = Instant::now();
        let own = sender.audio(at, 0, 160);
        let (sequence, timestamp) = sender.relay_start(at + Duration::from_millis(3)).unwrap_or_default();
        assert_eq!((sequence, timestamp), (own.sequence.wrapping_add(1), own.timestamp.wrapping_add(160)));
        sender.audio(at, 0, 160);
        assert_eq!(sender.relay_start(at + Duration::from_millis(3)), None);
    }

    #[test]
    fn a_relayed_clock_that_ran_ahead_becomes_ours() {
        let mut sender = sender();
        let at = Instant::now();
        let own = sender.audio(at, 0, 160);
        let fast = super::Header { timestamp: own.timestamp.wrapping_add(8_000), sequence: 7, ..own };
        sender.relayed(fast, 160);
        let next = sender.audio(at + FRAME, 0, 160);
        assert_eq!(next.timestamp, fast.timestamp.wrapping_add(160));
        let after = sender.audio(at + 2 * FRAME, 0, 160);
        assert_eq!(after.timestamp, next.timestamp.wrapping_add(160));
        assert!(!after.marked);
        assert!(sender.relay_start(at + 3 * FRAME).is_some(), "and the next bridge need not wait for ours");
    }
}
