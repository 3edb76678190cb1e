//! What one speaker of a conference said lately, by media time: packets go where their timestamps put them, so
//! that what came out of order or late is put in place, and what never came is silence.
//!
//! A packet is played a little after it came, its *lead*, so that the next may come late. Who sends unevenly gets a
//! longer lead with the first packet that comes too late, and loses it when his packets have come evenly
//! for a while. Nobody else waits for him.

use crate::rtp::{Place, ahead};

/// Samples kept: 1.02 s. Listeners read up to 80 ms back after a stall of the driver; a packet is put up to
/// `JITTER_MAX` and two frames of 60 ms ahead, and has at most 1,500 samples.
const RING_SAMPLES: usize = 8_192;

/// What the first packet's lead has above the least: the jitter of a usual line (30 ms).
const JITTER_USUAL: u64 = 240;

/// The most a lead may have above the least (200 ms): who sends more unevenly is heard with gaps rather than late.
const JITTER_MAX: u64 = 1_600;

/// Packets over which a lead must have been longer than needed before it is cut: 5 s.
const EVEN_PACKETS: u32 = 250;

/// Where the speaker's clock stands against ours.
#[derive(Debug)]
struct Anchor {
    stream: u32,
    newest: u32,
    timestamp: u32,
    at: u64,
    /// The shortest lead of the last packets, and how many those are.
    least: u64,
    packets: u32,
}

/// The last second of one speaker.
pub(crate) struct Track {
    /// A sample's place is its number modulo the length.
    ring: Box<[i16]>,
    /// The sample behind the newest.
    end: u64,
    anchor: Option<Anchor>,
}

impl Track {
    pub(crate) fn new() -> Self {
        Self { ring: vec![0; RING_SAMPLES].into_boxed_slice(), end: 0, anchor: None }
    }

    /// A packet that came at sample `here` of the conference. `least` is the lead without which a listener would
    /// have had to play it before it came.
    pub(crate) fn write(
        &mut self,
        (here, least): (u64, u64),
        place: Place,
        (timestamp, clock_hz): (u32, u32),
        samples: impl ExactSizeIterator<Item = i16>,
    ) {
        let at = self.place((here, least), place, (timestamp, clock_hz));
        let end = at + samples.len() as u64;
        for unsaid in self.end.max(end.saturating_sub(RING_SAMPLES as u64))..at {
            self.put(unsaid, 0);
        }
        self.end = self.end.max(end);
        let kept = self.end.saturating_sub(RING_SAMPLES as u64);
        for (number, sample) in (at..).zip(samples).skip_while(|(number, _)| *number < kept) {
            self.put(number, sample);
        }
    }

    /// Adds what was said from sample `from` on to `sum`; what is not there is silence.
    pub(crate) fn add(&self, from: u64, sum: &mut [i32]) {
        let kept = self.end.saturating_sub(RING_SAMPLES as u64);
        for (number, sum) in (from..self.end).zip(sum).skip_while(|(number, _)| *number < kept) {
            *sum += i32::from(self.ring.get(slot(number)).copied().unwrap_or_default());
        }
    }

    fn put(&mut self, number: u64, sample: i16) {
        if let Some(slot) = self.ring.get_mut(slot(number)) {
            *slot = sample;
        }
    }

    /// Which sample of the conference a packet begins with.
    fn place(&mut self, (here, least): (u64, u64), place: Place, (timestamp, clock_hz): (u32, u32)) -> u64 {
        let begin = |at: u64| Anchor {
            stream: place.stream,
            newest: place.sequence,
            timestamp,
            at,
            least: u64::MAX,
            packets: 0,
        };
        let known = self.anchor.as_mut().filter(|anchor| anchor.stream == place.stream);
        let placed = known.and_then(|anchor| {
            let ticks = ahead(timestamp, anchor.timestamp) / (clock_hz / 8_000).max(1).cast_signed();
            let at = anchor.at.checked_add_signed(i64::from(ticks))?;
            Some((at, anchor))
        });
        let Some((at, anchor)) = placed else {
            let at = here + least + JITTER_USUAL;
            self.anchor = Some(begin(at));
            return at;
        };
        // One that was overtaken says nothing of the others.
        let is_overtaken = place.sequence < anchor.newest;
        if is_overtaken && at.abs_diff(here) <= JITTER_MAX + least {
            return at;
        }
        anchor.newest = anchor.newest.max(place.sequence);
        let at = match at.checked_sub(here) {
            Some(lead) if lead > least + JITTER_MAX => here + least + JITTER_USUAL,
            Some(lead) if lead >= least => {
                anchor.least = anchor.least.min(lead);
                anchor.packets += 1;
                if anchor.packets < EVEN_PACKETS {
                    return at;
                }
                let needless = anchor.least.saturating_sub(least + JITTER_USUAL);
                at - needless
            }
            // Too late. From now on he is played so much later that it would just not have been.
            Some(_) | None => here + least,
        };
        self.anchor = Some(begin(at));
        at
    }
}

fn slot(number: u64) -> usize {
    (number % RING_SAMPLES as u64) as usize
}

/// What is said is not for a log.
impl std::fmt::Debug for Track {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Track(to sample {})", self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::{JITTER_MAX, JITTER_USUAL, Track};
    use crate::rtp::Place;

    const LEAST: u64 = 240;

    /// A speaker whose every sample tells its number.
    struct Speaker {
        track: Track,
        sequence: u32,
    }

    impl Speaker {
        fn new() -> Self {
            Self { track: Track::new(), sequence: 0 }
        }

        fn packet(&mut self, here: u64, number: u32) {
            let place = Place { stream: 1, sequence: number };
            let first = number * 160;
            let samples = (first..first + 160).map(|n| (n % 30_000) as i16 + 1);
            let samples: Vec<i16> = samples.collect();
            self.track.write((here, LEAST), place, (first, 8_000), samples.into_iter());
            self.sequence = number;
        }

        fn read(&self, from: u64, samples: usize) -> Vec<i32> {
            let mut sum = vec![0; samples];
            self.track.add(from, &mut sum);
            sum
        }
    }

    #[test]
    fn even_packets_are_read_without_a_gap_a_little_later() {
        let mut speaker = Speaker::new();
        for n in 0..100 {
            let here = 10_000 + u64::from(n) * 160;
            speaker.packet(here, n);
            let first = n * 160 + 1;
            let read = speaker.read(here + LEAST + JITTER_USUAL, 160);
            assert_eq!(read, (first..first + 160).map(|n| n as i32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn swapped_packets_are_put_in_place_and_a_lost_one_is_silence() {
        let mut speaker = Speaker::new();
        for n in [0, 2, 1, 4, 5] {
            speaker.packet(10_000 + u64::from(n) * 160, n);
        }
        let read = speaker.read(10_000 + LEAST + JITTER_USUAL, 6 * 160);
        let expected = (0..960).map(|n| if (480..640).contains(&n) { 0 } else { n + 1 });
        assert_eq!(read, expected.collect::<Vec<i32>>());
    }

    #[test]
    fn a_late_packet_makes_the_lead_longer_and_even_ones_make_it_short_again() {
        let mut speaker = Speaker::new();
        let here = |n: u32| 10_000 + u64::from(n) * 160;
        speaker.packet(here(0), 0);
        speaker.packet(here(1) + 800, 1);
        assert_eq!(speaker.read(here(1) + 800 + LEAST, 1), [161], "just in time");
        speaker.packet(here(2), 2);
        let later = 800 - JITTER_USUAL;
        assert_eq!(speaker.read(here(2) + LEAST + JITTER_USUAL + later, 1), [321]);
        for n in 3..600 {
            speaker.packet(here(n), n);
        }
        assert_eq!(speaker.read(here(599) + LEAST + JITTER_USUAL, 1), [(599 * 160) % 30_000 + 1]);
    }

    #[test]
    fn no_packet_is_put_further_ahead_than_the_ring_holds() {
        let mut speaker = Speaker::new();
        speaker.packet(50_000, 0);
        // Half a second of packets at once: a line that was stuck.
        for n in 1..40 {
            speaker.packet(54_000, n);
            assert!(speaker.track.end <= 54_000 + LEAST + JITTER_MAX + 160);
        }
    }

    #[test]
    fn after_a_long_silence_nothing_old_is_heard_again() {
        let mut speaker = Speaker::new();
        for n in 0..200 {
            speaker.packet(10_000 + u64::from(n) * 160, n);
        }
        let here = 10_000 + 1_000 * 160;
        assert!(speaker.read(here, 480).iter().all(|sample| *sample == 0));
        speaker.packet(here, 1_000);
        assert!(speaker.read(here - 7_000, 7_000 + LEAST as usize).iter().all(|sample| *sample == 0));
    }
}
