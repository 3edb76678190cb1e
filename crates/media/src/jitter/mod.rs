//! Packets of one peer on their way to a decoder: put in order, held until they are due, and missed when they never
//! come (RFC 3550 §6.4.1 measures the unevenness, no RFC says what to do about it).
//!
//! A packet is due as long after the quickest of the last five seconds as all but a fiftieth of them took. Who sends
//! evenly is heard at once; who does not is heard as much later as it takes, a fifth of a second at most. The time of what is
//! handed out is the speaker's: it never goes back and nothing in it is stretched, so that whoever mixes,
//! records or packs anew puts each piece where it was said.

mod unevenness;

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::dtmf::{Digit, TelephoneEvent};
use crate::hearing::Arrival;
use crate::hearing::Content;
use crate::rtp::{Place, ahead};
use crate::shard::Shard;
use unevenness::Unevenness;

/// How much longer than due a packet may take before something else is heard in its place: half of a frame.
const GRACE: Duration = Duration::from_millis(10);

/// What is made up at most where nothing comes, as in G.711 appendix I: after it the voice has faded away.
pub(crate) const MADE_UP_MAX: Duration = Duration::from_millis(60);

/// How long a pause is filled with soft noise after the last packet: as long as a line may be silent before it is
/// taken for dead. Then there is nothing.
const FILLED_MAX: Duration = Shard::SILENT_AFTER;

/// How much of a pause is filled at once.
const FILLED_AT_ONCE_MAX: Duration = Duration::from_millis(100);

/// A peer who sends nothing for so long, and did not say so, is silent. Before, his words may only be late.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// What a time in ticks loses when it is put in microseconds.
const ROUNDED_MICROS: i64 = 1;

/// Packets held, a power of two: 640 ms of packets of 20 ms, 320 of those of 10. A packet beyond it takes the place
/// of the oldest, which are handed out as lost.
const PACKETS_MAX: usize = 32;

/// What comes out, in the order it was said.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it was in the peer's stream; of what never came, where it would have been.
    pub place: Place,
    /// Where it is among the pieces: nothing is missing in it but what is not made up.
    pub turn: u32,
    pub timestamp: u32,
    pub marked: bool,
    pub pressed: Option<Digit>,
    pub kind: PieceKind,
    /// It has not gone the direct way.
    pub is_held_back: bool,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PieceKind {
    /// A packet, whose first ticks were made up before it came.
    Packet {
        codec: Codec,
        late_ticks: u32,
    },
    /// A packet that never came. The next has told of it if `is_told`, and is with `payload` then.
    Lost {
        length: Duration,
        is_told: bool,
    },
    /// Nobody speaks; `level` is how loud that is where the peer has said so.
    Noise {
        length: Duration,
        level: Option<u8>,
    },
    Key(TelephoneEvent),
    Withheld,
}

/// A packet that waits.
#[derive(Debug)]
struct Waiting {
    sequence: u32,
    /// On a clock that does not wrap.
    ticks: i64,
    length: i64,
    marked: bool,
    pressed: Option<Digit>,
    kind: WaitingKind,
    is_held_back: bool,
}

#[derive(Clone, Copy, Debug)]
enum WaitingKind {
    Audio(Codec),
    /// The level of the silence that begins.
    Noise(u8),
    Key(TelephoneEvent),
    Withheld,
}

#[derive(Debug, Default)]
struct Slot {
    waiting: Option<Waiting>,
    /// Used again for packet after packet.
    payload: Vec<u8>,
}

/// A packet behind one that is missing.
struct Behind {
    slot: usize,
    sequence: u32,
    ticks: i64,
    /// Right behind it.
    is_next: bool,
}

/// Where the speaker is.
#[derive(Debug)]
struct Reading {
    stream: u32,
    codec: Codec,
    clock_hz: i64,
    /// The newest packet of audio that came, from which those after it are counted without wrapping.
    newest: u32,
    newest_ticks: i64,
    /// The next packet, and where it should begin.
    sequence: u32,
    ticks: i64,
    /// The length of the last one.
    frame: i64,
    /// Made up since the last packet.
    made_up: i64,
    /// Nobody speaks: a key is pressed, or more is missing than is made up.
    is_pausing: bool,
    /// How loud the pause is, where the peer has said so.
    level: Option<u8>,
    /// A pause is filled up to here.
    filled_to: i64,
    /// It is filled already.
    is_filled: bool,
    /// Of the last packet.
    is_held_back: bool,
}

/// Holds what one peer says until it is due.
#[derive(Debug)]
pub(crate) struct Jitter {
    slots: [Slot; PACKETS_MAX],
    started: Instant,
    reading: Option<Reading>,
    unevenness: Unevenness,
    turn: u32,
}

impl Jitter {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            slots: Default::default(),
            started: now,
            reading: None,
            unevenness: Unevenness::new(),
            turn: 0,
        }
    }

    /// Forgets what waits: nobody wants it any more.
    pub(crate) fn clear(&mut self) {
        self.reading = None;
        self.slots.iter_mut().for_each(|slot| slot.waiting = None);
    }

    /// How long a packet waits that took no longer than the quickest.
    #[cfg(test)]
    fn delay(&self) -> Duration {
        Duration::from_micros(self.unevenness.delay_us.cast_unsigned())
    }

    /// Takes a packet, which has gone no other way if it is `held_back`. One that has come before, or whose time is
    /// over, is passed over.
    pub(crate) fn put(&mut self, now: Instant, arrival: &Arrival<'_>, is_held_back: bool) {
        let (kind, payload) = match arrival.content {
            Content::Audio(codec, payload) => (WaitingKind::Audio(codec), payload),
            Content::Noise([level, ..]) => (WaitingKind::Noise(level & 0x7f), &[][..]),
            Content::Key(event) => (WaitingKind::Key(event), &[][..]),
            Content::Noise([]) | Content::Withheld => (WaitingKind::Withheld, &[][..]),
        };
        let Place { stream, sequence } = arrival.place;
        let length = match kind {
            WaitingKind::Audio(codec) => {
                let length = i64::from(codec.ticks_of(payload));
                let goes_on = |reading: &Reading| {
                    reading.stream == stream && reading.clock_hz == i64::from(codec.clock_hz())
                };
                if !self.reading.as_ref().is_some_and(goes_on) {
                    self.begin(arrival, codec, length);
                }
                length
            }
            WaitingKind::Noise(_) | WaitingKind::Key(_) | WaitingKind::Withheld => 0,
        };
        let here = micros(now, self.started);
        // Before anything was said there is no time to put a key into.
        let Some(reading) = self.reading.as_mut().filter(|reading| reading.stream == stream) else { return };
        let step = ahead(arrival.timestamp, (reading.newest_ticks & i64::from(u32::MAX)) as u32);
        let ticks = reading.newest_ticks + i64::from(step);
        if let WaitingKind::Audio(codec) = kind {
            let transit = here - micros_of(ticks, reading.clock_hz);
            if self.unevenness.is_beyond(transit) || (sequence > reading.newest && step < 0) {
                // The peer has set its clock anew. What waits is of another time.
                (reading.sequence, reading.ticks, reading.newest) = (sequence, ticks, sequence);
                reading.newest_ticks = ticks;
                self.slots.iter_mut().for_each(|slot| slot.waiting = None);
                self.unevenness.restart();
            }
            if sequence >= reading.newest {
                (reading.newest, reading.newest_ticks) = (sequence, ticks);
            }
            reading.codec = codec;
            self.unevenness.hear(transit);
        }
        let (marked, pressed) = (arrival.marked, arrival.pressed);
        self.hold(Waiting { sequence, ticks, length, marked, pressed, kind, is_held_back }, payload);
    }

    /// The next piece that is due. The payload of a packet is left in `payload`, whose memory is kept for another.
    pub(crate) fn take(&mut self, now: Instant, payload: &mut Vec<u8>) -> Option<Piece> {
        let delay = self.unevenness.due_us();
        let reading = self.reading.as_mut()?;
        let clock_hz = reading.clock_hz;
        // What should begin by now.
        let here = ticks_at(micros(now, self.started) - delay + ROUNDED_MICROS, clock_hz);
        let is_over = reading.is_pausing || reading.made_up >= ticks_of(MADE_UP_MAX, clock_hz);
        let is_silent = reading.is_pausing
            && (reading.level.is_some()
                || reading.is_filled
                || here - reading.ticks >= ticks_of(SILENT_AFTER, clock_hz));
        // A pause is filled behind the time, so that it reaches into no word.
        let is_fillable = is_silent && reading.ticks + reading.frame <= here;
        let next = slot_of(reading.sequence);
        if let Some(Slot { waiting: Some(waiting), .. }) = self.slots.get(next) {
            let begins = waiting.ticks;
            if (is_fillable || (is_silent && begins <= here))
                && let Some(piece) = self.fill(here, begins)
            {
                return Some(piece);
            }
            return if begins <= here { self.hand_out(next, payload) } else { None };
        }
        let behind = (1..PACKETS_MAX as u32).find_map(|step| {
            let slot = slot_of(reading.sequence.wrapping_add(step));
            let waiting = self.slots.get(slot)?.waiting.as_ref()?;
            Some(Behind { slot, sequence: waiting.sequence, ticks: waiting.ticks, is_next: step == 1 })
        });
        let missing = behind.as_ref().map(|behind| behind.ticks - reading.ticks);
        if let Some(behind) = behind.as_ref().filter(|_| is_over || missing.is_some_and(|ticks| ticks <= 0)) {
            if behind.ticks > here {
                return if is_fillable { self.fill(here, behind.ticks) } else { None };
            }
            reading.sequence = behind.sequence;
            // What was not made up is missing in what is handed out as well.
            self.turn = self.turn.wrapping_add(u32::from(missing.is_some_and(|ticks| ticks > 0)));
            return self.hand_out(behind.slot, payload);
        }
        let grace = ticks_of(GRACE, clock_hz);
        let patience = match (reading.codec, &behind) {
            // The packet behind a lost one tells of it, and is worth its while.
            (Codec::Opus, None) => grace + reading.frame,
            _ => grace,
        };
        if is_over {
            reading.is_pausing = true;
            return if is_fillable { self.fill(here, i64::MAX) } else { None };
        }
        if reading.ticks + patience > here {
            return None;
        }
        self.make_up(behind, missing, payload)
    }

    /// A piece of a pause, which ends at `until` at the latest.
    fn fill(&mut self, here: i64, until: i64) -> Option<Piece> {
        let turn = self.turn.wrapping_add(1);
        let reading = self.reading.as_mut()?;
        // Nobody is told at once of a silence long ago.
        let lately = here - ticks_of(FILLED_AT_ONCE_MAX, reading.clock_hz);
        reading.ticks = reading.ticks.max(lately.min(until));
        let length = reading.frame.min(until - reading.ticks).min(reading.filled_to - reading.ticks);
        if length <= 0 {
            return None;
        }
        let place = Place { stream: reading.stream, sequence: reading.sequence };
        let timestamp = (reading.ticks & i64::from(u32::MAX)) as u32;
        reading.ticks += length;
        reading.is_filled = true;
        let length = Duration::from_micros(micros_of(length, reading.clock_hz).cast_unsigned());
        let (kind, is_held_back) = (PieceKind::Noise { length, level: reading.level }, reading.is_held_back);
        self.turn = turn;
        Some(Piece { place, turn, timestamp, marked: false, pressed: None, kind, is_held_back })
    }

    /// A piece in place of one that did not come.
    fn make_up(
        &mut self,
        behind: Option<Behind>,
        missing: Option<i64>,
        payload: &mut Vec<u8>,
    ) -> Option<Piece> {
        let turn = self.step();
        let reading = self.reading.as_mut()?;
        let length = missing.unwrap_or(i64::MAX).min(reading.frame.max(1));
        let place = Place { stream: reading.stream, sequence: reading.sequence };
        let timestamp = (reading.ticks & i64::from(u32::MAX)) as u32;
        reading.ticks += length;
        reading.made_up += length;
        payload.clear();
        let mut is_told = false;
        if let Some(behind) = behind.filter(|behind| behind.ticks <= reading.ticks) {
            reading.sequence = behind.sequence;
            is_told = behind.is_next;
            if let Some(slot) = self.slots.get(behind.slot).filter(|_| is_told) {
                payload.extend_from_slice(&slot.payload);
            }
        }
        let length = Duration::from_micros(micros_of(length, reading.clock_hz).cast_unsigned());
        let (kind, is_held_back) = (PieceKind::Lost { length, is_told }, reading.is_held_back);
        Some(Piece { place, turn, timestamp, marked: false, pressed: None, kind, is_held_back })
    }

    fn begin(&mut self, arrival: &Arrival<'_>, codec: Codec, frame: i64) {
        self.clear();
        self.unevenness.restart();
        let (ticks, sequence) = (i64::from(arrival.timestamp), arrival.place.sequence);
        self.reading = Some(Reading {
            stream: arrival.place.stream,
            codec,
            clock_hz: i64::from(codec.clock_hz()),
            newest: sequence,
            newest_ticks: ticks,
            sequence,
            ticks,
            frame,
            made_up: 0,
            is_pausing: false,
            level: None,
            filled_to: 0,
            is_filled: false,
            is_held_back: false,
        });
    }

    fn hold(&mut self, waiting: Waiting, payload: &[u8]) {
        let Some(reading) = &mut self.reading else { return };
        let Some(step) = waiting.sequence.checked_sub(reading.sequence) else { return };
        if let Some(beyond) = (step as usize + 1).checked_sub(PACKETS_MAX).filter(|beyond| *beyond > 0) {
            // A burst larger than what is held: the oldest are given up.
            for lost in 0..beyond.min(PACKETS_MAX) {
                let slot = slot_of(reading.sequence.wrapping_add(lost as u32));
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.waiting = None;
                }
            }
            reading.sequence = waiting.sequence - (PACKETS_MAX as u32 - 1);
        }
        let Some(slot) = self.slots.get_mut(slot_of(waiting.sequence)) else { return };
        if slot.waiting.is_none() {
            slot.payload.clear();
            slot.payload.extend_from_slice(payload);
            slot.waiting = Some(waiting);
        }
    }

    fn hand_out(&mut self, slot: usize, payload: &mut Vec<u8>) -> Option<Piece> {
        let (slot, reading) = (self.slots.get_mut(slot)?, self.reading.as_mut()?);
        let waiting = slot.waiting.take()?;
        std::mem::swap(payload, &mut slot.payload);
        reading.sequence = waiting.sequence.wrapping_add(1);
        let (kind, ticks) = match waiting.kind {
            WaitingKind::Audio(codec) => {
                let (late, begins) = (
                    (reading.ticks - waiting.ticks).clamp(0, waiting.length),
                    waiting.ticks.max(reading.ticks),
                );
                reading.frame = waiting.length;
                if late < waiting.length {
                    (reading.made_up, reading.is_pausing, reading.level) = (0, false, None);
                    reading.filled_to = waiting.ticks + ticks_of(FILLED_MAX, reading.clock_hz);
                    reading.is_filled = false;
                }
                reading.ticks = reading.ticks.max(waiting.ticks + waiting.length);
                (PieceKind::Packet { codec, late_ticks: late as u32 }, begins)
            }
            WaitingKind::Noise(level) => {
                reading.filled_to = waiting.ticks + ticks_of(FILLED_MAX, reading.clock_hz);
                (reading.is_pausing, reading.level) = (true, Some(level));
                (PieceKind::Withheld, waiting.ticks.max(reading.ticks))
            }
            WaitingKind::Key(event) => {
                // A pressed key is no silence.
                (reading.is_pausing, reading.filled_to) = (true, reading.ticks);
                (PieceKind::Key(event), waiting.ticks)
            }
            WaitingKind::Withheld => (PieceKind::Withheld, waiting.ticks),
        };
        let place = Place { stream: reading.stream, sequence: waiting.sequence };
        reading.is_held_back = waiting.is_held_back;
        let Waiting { marked, pressed, is_held_back, .. } = waiting;
        let timestamp = (ticks & i64::from(u32::MAX)) as u32;
        Some(Piece { place, turn: self.step(), timestamp, marked, pressed, kind, is_held_back })
    }

    fn step(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }
}

const fn slot_of(sequence: u32) -> usize {
    sequence as usize % PACKETS_MAX
}

fn micros(now: Instant, since: Instant) -> i64 {
    micros_of_duration(now.saturating_duration_since(since))
}

const fn micros_of_duration(duration: Duration) -> i64 {
    duration.as_micros().cast_signed() as i64
}

const fn micros_of(ticks: i64, clock_hz: i64) -> i64 {
    // Timestamps and clock rates are too small for this to overflow: 2^33 times 10^6, however often they wrap in
    // a call.
    ticks.saturating_mul(1_000_000) / clock_hz
}

const fn ticks_of(duration: Duration, clock_hz: i64) -> i64 {
    ticks_at(micros_of_duration(duration), clock_hz)
}

/// The tick that begins at or before a time.
const fn ticks_at(micros: i64, clock_hz: i64) -> i64 {
    micros.saturating_mul(clock_hz).div_euclid(1_000_000)
}

#[cfg(test)]
mod tests;
