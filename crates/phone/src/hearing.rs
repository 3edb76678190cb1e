//! What a phone heard: every packet of a call with its time of arrival, and the measures taken of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::audio::{SAMPLE_RATE, rms, tone_share};
use crate::dtmf::TelephoneEvent;

/// Packets kept of one call: ten minutes of 20 ms, 12 MB. Past that the oldest are forgotten, because a
/// script looks at what it just heard.
const HEARD_PACKETS_MAX: usize = 30_000;

/// One packet as it arrived.
#[derive(Clone, Debug)]
pub struct HeardPacket {
    /// When the socket gave it to us.
    pub at: Instant,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp, 8,000 per second.
    pub timestamp: u32,
    /// Synchronisation source.
    pub source: u32,
    /// The marker bit: the first packet after silence, or of a key.
    pub is_marked: bool,
    /// What it carried.
    pub payload: HeardPayload,
}

/// The payload of a heard packet.
#[derive(Clone, Debug)]
pub enum HeardPayload {
    /// Linear samples, 8,000 per second.
    Audio(Vec<i16>),
    /// A key held or released (RFC 4733).
    Event(TelephoneEvent),
    /// A payload type nobody agreed on.
    Strange(u8),
}

/// Collects what arrives and wakes whoever waits for it.
#[derive(Debug)]
pub(crate) struct Ear {
    heard: Mutex<Heard>,
    /// Number of packets ever heard.
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Heard {
    packets: VecDeque<HeardPacket>,
    /// Number of packets forgotten from the front.
    forgotten: u64,
}

impl Ear {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { heard: Mutex::default(), count: watch::Sender::new(0) })
    }

    pub fn hear(&self, packet: HeardPacket) {
        let total = {
            let mut heard = self.lock();
            if heard.packets.len() == HEARD_PACKETS_MAX {
                heard.packets.pop_front();
                heard.forgotten += 1;
            }
            heard.packets.push_back(packet);
            heard.forgotten + heard.packets.len() as u64
        };
        self.count.send_replace(total);
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // A panic of another holder leaves whole packets: nothing is half written under the lock.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one side of a call heard from a moment on. Grows while the call lasts.
#[derive(Clone, Debug)]
pub struct Recording {
    ear: Arc<Ear>,
    from: u64,
}

impl Recording {
    /// From now on.
    pub(crate) fn start(ear: &Arc<Ear>) -> Self {
        Self { ear: Arc::clone(ear), from: *ear.count.borrow() }
    }

    /// Everything still remembered, from the first packet of the call.
    pub(crate) fn whole(ear: &Arc<Ear>) -> Self {
        Self { ear: Arc::clone(ear), from: 0 }
    }

    /// The packets in order of arrival.
    pub fn packets(&self) -> Vec<HeardPacket> {
        let heard = self.ear.lock();
        let skip = self.from.saturating_sub(heard.forgotten) as usize;
        heard.packets.iter().skip(skip).cloned().collect()
    }

    /// The samples in order of arrival, at 8,000 per second; lost packets leave no gap.
    pub fn samples(&self) -> Vec<i16> {
        let mut samples = Vec::new();
        for packet in self.packets() {
            if let HeardPayload::Audio(audio) = packet.payload {
                samples.extend(audio);
            }
        }
        samples
    }

    /// The last samples, `length` of them if as many were heard.
    pub fn last_samples(&self, length: usize) -> Vec<i16> {
        let heard = self.ear.lock();
        let skip = self.from.saturating_sub(heard.forgotten) as usize;
        let mut chunks: Vec<&[i16]> = Vec::new();
        let mut found = 0;
        for packet in heard.packets.iter().skip(skip).rev() {
            if let HeardPayload::Audio(audio) = &packet.payload {
                chunks.push(audio);
                found += audio.len();
            }
            if found >= length {
                break;
            }
        }
        chunks.into_iter().rev().flatten().skip(found.saturating_sub(length)).copied().collect()
    }

    /// The keys pressed, once each: packets of one key share a timestamp (RFC 4733 §2.5.1.2).
    pub fn digits(&self) -> String {
        let mut last = None;
        let mut digits = String::new();
        for packet in self.packets() {
            if let HeardPayload::Event(event) = packet.payload
                && last != Some((packet.source, packet.timestamp))
            {
                last = Some((packet.source, packet.timestamp));
                digits.push(event.digit.key());
            }
        }
        digits
    }

    /// How late packets came against the 20 ms grid their own timestamps draw.
    pub fn lateness(&self) -> Lateness {
        let mut grid = Grid::default();
        for packet in self.packets() {
            grid.arrive(packet.at, packet.source, packet.timestamp, packet.is_marked);
        }
        grid.finish()
    }

    /// Writes what was heard as a WAV file of 16 bits, 8,000 samples per second, for an ear to judge.
    pub fn wav(&self) -> Vec<u8> {
        let samples = self.samples();
        let bytes = (samples.len() * 2) as u32;
        let mut wav = Vec::with_capacity(44 + samples.len() * 2);
        wav.extend(b"RIFF");
        wav.extend((36 + bytes).to_le_bytes());
        wav.extend(b"WAVEfmt ");
        wav.extend(16_u32.to_le_bytes());
        wav.extend([1, 0, 1, 0]);
        wav.extend(SAMPLE_RATE.to_le_bytes());
        wav.extend((SAMPLE_RATE * 2).to_le_bytes());
        wav.extend([2, 0, 16, 0]);
        wav.extend(b"data");
        wav.extend(bytes.to_le_bytes());
        for sample in samples {
            wav.extend(sample.to_le_bytes());
        }
        wav
    }

    /// Waits until `is_it` says so of this recording, looking again at every packet, or until `deadline`.
    /// Whether it did.
    pub async fn until(&self, deadline: Instant, mut is_it: impl FnMut(&Self) -> bool) -> bool {
        let mut count = self.ear.count.subscribe();
        loop {
            if is_it(self) {
                return true;
            }
            match timeout_at(deadline.into(), count.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return false,
            }
        }
    }
}

/// Samples a tone must last to be one: 200 ms.
pub(crate) const TONE_SAMPLES: usize = 1_600;
/// A steady tone of one frequency has nearly all energy there; a menu prompt never has half.
const TONE_SHARE_MIN: f64 = 0.5;
/// Quieter than this (-38 dB) is silence to a person on a telephone.
const AUDIBLE_RMS: f64 = 300.0;

impl Recording {
    /// Whether the last 200 ms are this tone.
    pub fn ends_in_tone(&self, hz: f64) -> bool {
        let window = self.last_samples(TONE_SAMPLES);
        window.len() == TONE_SAMPLES && rms(&window) > AUDIBLE_RMS && tone_share(&window, hz) > TONE_SHARE_MIN
    }

    /// Whether the last 200 ms are loud enough to be heard.
    pub fn ends_in_energy(&self) -> bool {
        let window = self.last_samples(TONE_SAMPLES);
        window.len() == TONE_SAMPLES && rms(&window) > AUDIBLE_RMS
    }

    /// Whether the last second sounds like speech: audible for a third of it, and its loudness moves as
    /// a voice does and a tone or steady noise does not.
    pub fn ends_in_speech(&self) -> bool {
        let window = self.last_samples(SAMPLE_RATE as usize);
        if window.len() < SAMPLE_RATE as usize {
            return false;
        }
        let mut loudness: Vec<f64> = window.chunks(160).map(rms).collect();
        loudness.sort_by(f64::total_cmp);
        let of = |share: f64| loudness.get((loudness.len() as f64 * share) as usize).copied().unwrap_or(0.0);
        of(0.67) > AUDIBLE_RMS && of(0.9) > 2.0 * of(0.1)
    }

    /// Whether the last 200 ms were quiet. Nothing heard yet is not an answer.
    pub fn ends_in_silence(&self) -> bool {
        let window = self.last_samples(TONE_SAMPLES);
        window.len() == TONE_SAMPLES && rms(&window) < AUDIBLE_RMS
    }

    /// In numbers what the last 200 ms were, for an error message.
    pub(crate) fn describe(&self) -> String {
        let window = self.last_samples(TONE_SAMPLES);
        let packets = self.packets().len();
        format!("{packets} packets, loudness {:.0} at the end, keys {:?}", rms(&window), self.digits().len())
    }
}

/// How late packets arrived, in microseconds after the earliest grid that fits all of one stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lateness {
    /// Packets measured.
    pub packets: u64,
    /// Half of the packets were no later.
    pub p50_us: u32,
    /// 99 of 100 were no later.
    pub p99_us: u32,
    /// 999 of 1,000 were no later.
    pub p99_9_us: u32,
    /// The latest of all.
    pub max_us: u32,
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u32| f64::from(us) / 1_000.0;
        write!(
            f,
            "{} packets, late by p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.packets,
            ms(self.p50_us),
            ms(self.p99_us),
            ms(self.p99_9_us),
            ms(self.max_us)
        )
    }
}

/// Measures one RTP stream against the grid of its own timestamps.
///
/// A talk spurt (marker bit, new source, or a jump) draws a new grid: what a server does between two
/// prompts is not lateness.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    origin: Option<Origin>,
    /// Offsets of the current spurt against its origin, in microseconds; may be negative.
    offsets: Vec<i32>,
    /// Lateness of the finished spurts.
    late: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    at: Instant,
    timestamp: u32,
    source: u32,
}

/// An offset this large is a new spurt, not a late packet: 1 s.
const JUMP_US: i64 = 1_000_000;

impl Grid {
    pub fn arrive(&mut self, at: Instant, source: u32, timestamp: u32, is_marked: bool) {
        if let Some(origin) = self.origin.filter(|o| o.source == source && !is_marked) {
            let media_us = i64::from(timestamp.wrapping_sub(origin.timestamp) as i32) * 125;
            let passed_us = at.saturating_duration_since(origin.at).as_micros() as i64;
            let offset = passed_us - media_us;
            if offset.abs() < JUMP_US {
                self.offsets.push(offset as i32);
                return;
            }
        }
        self.close_spurt();
        self.origin = Some(Origin { at, timestamp, source });
        self.offsets.push(0);
    }

    fn close_spurt(&mut self) {
        let earliest = self.offsets.iter().copied().min().unwrap_or(0);
        self.late.extend(self.offsets.drain(..).map(|o| o.saturating_sub(earliest).unsigned_abs()));
    }

    /// The lateness of every packet, unsorted.
    pub fn into_late(mut self) -> Vec<u32> {
        self.close_spurt();
        self.late
    }

    pub fn finish(self) -> Lateness {
        Lateness::of(self.into_late())
    }
}

impl Lateness {
    /// Of measured times, in microseconds and in any order.
    pub fn of(mut late_us: Vec<u32>) -> Self {
        late_us.sort_unstable();
        let rank = |share: f64| {
            let index = (late_us.len() as f64 * share).ceil() as usize;
            late_us.get(index.saturating_sub(1)).copied().unwrap_or(0)
        };
        Self {
            packets: late_us.len() as u64,
            p50_us: rank(0.5),
            p99_us: rank(0.99),
            p99_9_us: rank(0.999),
            max_us: rank(1.0),
        }
    }
}

/// `now + within`, or the far future where that does not exist.
pub(crate) fn deadline(within: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(within).unwrap_or(now + Duration::from_secs(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Tone;

    fn packet(at: Instant, sequence: u16, payload: HeardPayload) -> HeardPacket {
        let timestamp = u32::from(sequence) * 160;
        HeardPacket { at, sequence, timestamp, source: 1, is_marked: false, payload }
    }

    #[test]
    fn a_recording_starts_where_it_was_asked_for_and_ends_in_what_came_last() {
        let (ear, now) = (Ear::new(), Instant::now());
        let mut tone = Tone::new(350.0);
        for n in 0..10 {
            ear.hear(packet(now, n, HeardPayload::Audio(vec![0; 160])));
        }
        let recording = Recording::start(&ear);
        assert!(recording.packets().is_empty());
        assert!(!recording.ends_in_silence(), "nothing heard is not silence");
        for n in 10..20 {
            ear.hear(packet(now, n, HeardPayload::Audio(tone.by_ref().take(160).collect())));
        }
        assert_eq!(recording.samples().len(), 1_600);
        assert!(recording.ends_in_tone(350.0) && !recording.ends_in_tone(440.0));
        assert!(Recording::whole(&ear).samples().len() == 3_200);
        assert!(!recording.ends_in_speech(), "a tone is not speech, and 200 ms are too short");
        assert_eq!(recording.wav().len(), 44 + 3_200);
    }

    #[test]
    fn lateness_is_measured_from_the_earliest_packet_and_restarts_at_a_marker() {
        let now = Instant::now();
        let mut grid = Grid::default();
        let arrivals = [(0, 1), (20, 0), (40, 5), (60, 0)];
        for (n, (ms, late)) in arrivals.into_iter().enumerate() {
            grid.arrive(now + Duration::from_millis(ms + late), 7, n as u32 * 160, n == 0);
        }
        grid.arrive(now + Duration::from_millis(500), 7, 640, true);
        let lateness = grid.finish();
        assert_eq!(lateness.packets, 5);
        assert_eq!((lateness.p50_us, lateness.max_us), (0, 5_000));
    }
}
