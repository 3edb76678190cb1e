//! What one port says made into other packets for another: in another codec, or of another length. A stream that is
//! remade has numbers of its own; its timestamps keep the distances of the speaker's.

use std::time::{Duration, Instant};

use crate::bridge::DRIFT_MAX;
use crate::codec::g711;
use crate::codec::{Codec, Encoder};
use crate::listening::Sound;
use crate::rtp::{Place, Sender, ahead};

/// A gap up to this is loss, which the listener's numbers show; a longer one is a pause, which only its clock shows.
const LOSS_MAX_MS: u32 = 1_000;

/// Bytes waiting to be sent at most: what one received packet may become and one of 60 ms before it.
const WAITING_MAX: usize = 16_384;

/// Makes packets for one listener.
#[derive(Debug)]
pub(crate) struct Remake {
    from: Codec,
    to: Codec,
    /// The length of its packets.
    ptime: Duration,
    /// `None` where bytes are only cut anew, or go through a table.
    encoder: Option<Encoder>,
    /// What has not filled a packet yet: bytes, or for Opus samples.
    bytes: Vec<u8>,
    samples: Vec<i16>,
    /// Of the first of them.
    timestamp: u32,
    shift: Option<Shift>,
}

/// Where the speaker's clock stands against the listener's.
#[derive(Debug)]
struct Shift {
    newest: Place,
    source: u32,
    ours: u32,
    /// What we send next, unless something else was sent.
    sequence: u16,
}

/// How an arrival continues the stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Continues {
    pub timestamp: u32,
    /// Nothing of it was sent before.
    pub begins: bool,
    /// Packets between it and the one before never came.
    pub lost: bool,
}

impl Remake {
    pub(crate) fn new(from: Codec, to: Codec, ptime: Duration) -> Self {
        let is_table = from == to || (from.law().is_some() && to.law().is_some());
        Self {
            from,
            to,
            ptime: to.ptime(ptime),
            encoder: (!is_table).then(|| Encoder::new(to, from.sample_hz())),
            bytes: Vec::new(),
            samples: Vec::new(),
            timestamp: 0,
            shift: None,
        }
    }

    /// Whether it makes what is wanted now.
    pub(crate) fn is_for(&self, from: Codec, to: Codec, ptime: Duration) -> bool {
        (self.from, self.to, self.ptime) == (from, to, to.ptime(ptime))
    }

    /// Something else is sent for a while; what waits is old then.
    pub(crate) fn pause(&mut self) {
        self.shift = None;
        self.bytes.clear();
        self.samples.clear();
    }

    /// Where a packet stands in the listener's stream. `None` of one that comes too late, or while our own last frame
    /// still sounds.
    pub(crate) fn carry(
        &mut self,
        now: Instant,
        sender: &mut Sender,
        place: Place,
        timestamp: u32,
    ) -> Option<Continues> {
        let (from_hz, to_hz) = (i64::from(self.from.clock_hz()), i64::from(self.to.clock_hz()));
        let next = sender.next_sequence();
        if let Some(shift) = self.shift.as_mut().filter(|shift| shift.goes_on(place, next)) {
            if place.sequence <= shift.newest.sequence {
                return None;
            }
            let lost = place.sequence > shift.newest.sequence + 1;
            shift.newest = place;
            let step = i64::from(ahead(timestamp, shift.source)) * to_hz / from_hz;
            let timestamp = shift.ours.wrapping_add((step & i64::from(u32::MAX)) as u32);
            let drift = sender.lead(now, timestamp).unsigned_abs();
            if drift <= DRIFT_MAX {
                return Some(Continues { timestamp, begins: false, lost });
            }
        }
        self.pause();
        let (sequence, ours) = sender.relay_start(now)?;
        self.shift = Some(Shift { newest: place, source: timestamp, ours, sequence });
        Some(Continues { timestamp: ours, begins: true, lost: false })
    }

    /// Takes the sound of a packet that `carry` has placed.
    pub(crate) fn take(&mut self, there: Continues, payload: &[u8], sound: &Sound, sender: &mut Sender) {
        let at = there.timestamp;
        let expected = self.timestamp.wrapping_add(self.waiting());
        let gap = ahead(at, expected);
        if gap != 0 {
            // What waits has lost its end; a packet of half its length would be heard as two clicks.
            self.bytes.clear();
            self.samples.clear();
            let loss = self.to.clock_hz() / 1_000 * LOSS_MAX_MS;
            if there.lost && (1..=loss.cast_signed()).contains(&gap) {
                let packets = (gap.unsigned_abs() / self.packet_ticks().max(1)).clamp(1, 50);
                self.skip(sender, packets as u16); // 50 at most
            }
            self.timestamp = at;
        }
        match (&mut self.encoder, self.from.law()) {
            (Some(_), _) if self.to == Codec::Opus => self.samples.extend_from_slice(&sound.samples),
            (Some(encoder), _) => encoder.encode(&sound.samples, &mut self.bytes),
            (None, Some(law)) if self.from != self.to => {
                self.bytes.extend(payload.iter().map(|byte| g711::transcoded(law, *byte)));
            }
            (None, _) => self.bytes.extend_from_slice(payload),
        }
        self.bytes.truncate(WAITING_MAX);
        self.samples.truncate(WAITING_MAX);
    }

    /// The next whole packet: its timestamp, and its length on the clock; its payload is put behind `payload`.
    pub(crate) fn packet(&mut self, payload: &mut Vec<u8>) -> Option<(u32, u32)> {
        let ms = self.ptime.as_millis() as usize;
        match self.to.bytes_per_ms() {
            Some(per_ms) => {
                let whole = self.bytes.get(..per_ms * ms)?;
                payload.extend_from_slice(whole);
                self.bytes.drain(..per_ms * ms);
            }
            None => {
                let length = self.from.sample_hz() as usize / 1_000 * ms;
                let whole = self.samples.get(..length)?;
                if let Some(encoder) = &mut self.encoder {
                    encoder.encode(whole, payload);
                }
                self.samples.drain(..length);
            }
        }
        let (timestamp, ticks) = (self.timestamp, self.packet_ticks());
        self.timestamp = timestamp.wrapping_add(ticks);
        Some((timestamp, ticks))
    }

    /// A packet went out with this number.
    pub(crate) fn sent(&mut self, sequence: u16) {
        if let Some(shift) = &mut self.shift {
            shift.sequence = sequence.wrapping_add(1);
        }
    }

    fn skip(&mut self, sender: &mut Sender, packets: u16) {
        sender.skip(packets);
        if let Some(shift) = &mut self.shift {
            shift.sequence = shift.sequence.wrapping_add(packets);
        }
    }

    fn packet_ticks(&self) -> u32 {
        self.to.clock_hz() / 1_000 * self.ptime.as_millis() as u32
    }

    /// How much waits, on the listener's clock.
    fn waiting(&self) -> u32 {
        let ms_by =
            |count: usize, per_ms: usize| (count * self.to.clock_hz() as usize / 1_000 / per_ms) as u32;
        match self.to.bytes_per_ms() {
            Some(per_ms) => ms_by(self.bytes.len(), per_ms),
            None => ms_by(self.samples.len(), self.from.sample_hz() as usize / 1_000),
        }
    }
}

impl Shift {
    /// Whether the packet is of the same stream and nothing else was sent since the last.
    fn goes_on(&self, place: Place, next: u16) -> bool {
        self.newest.stream == place.stream && self.sequence == next
    }
}
