//! Keys pressed and heard as RFC 4733 telephone events.

use std::collections::VecDeque;

use crate::audio::FRAME_SAMPLES;
use crate::error::PhoneError;

/// One key of a telephone, by its event code (RFC 4733 §3.2, table 3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Digit(u8);

const KEYS: &[u8; 16] = b"0123456789*#ABCD";

impl Digit {
    /// The key with this face: 0–9, *, #, A–D.
    pub fn new(key: char) -> Result<Self, PhoneError> {
        let key = key.to_ascii_uppercase();
        let code = KEYS.iter().position(|&k| char::from(k) == key).ok_or(PhoneError::NotADigit)?;
        Ok(Self(code as u8))
    }

    /// The face of the key.
    pub fn key(self) -> char {
        KEYS.get(usize::from(self.0)).map_or('?', |&k| char::from(k))
    }

    fn of_event(code: u8) -> Option<Self> {
        (usize::from(code) < KEYS.len()).then_some(Self(code))
    }
}

/// The payload of one event packet (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TelephoneEvent {
    /// Which key.
    pub digit: Digit,
    /// The E bit: the key was released.
    pub is_end: bool,
    /// Samples since the key went down.
    pub duration: u16,
}

/// -10 dBm0, the level phones send and receivers never question.
const VOLUME: u8 = 10;

impl TelephoneEvent {
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let &[code, flags, high, low, ..] = payload else { return None };
        let digit = Digit::of_event(code)?;
        Some(Self { digit, is_end: flags & 0x80 != 0, duration: u16::from_be_bytes([high, low]) })
    }

    pub(crate) fn octets(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.digit.0, VOLUME | if self.is_end { 0x80 } else { 0 }, high, low]
    }
}

/// Packets while a key is down: 100 ms, twice what ITU-T Q.24 asks a receiver to notice.
const HELD_PACKETS: u16 = 5;
/// The release is sent three times, so that one may be lost (RFC 4733 §2.5.1.4).
const END_PACKETS: u16 = 3;
/// Packets of audio between two keys: 60 ms, above the 40 ms of Q.24.
const PAUSE_PACKETS: u16 = 3;

/// Keys waiting to be sent. More than anyone dials in one breath; beyond it `press` refuses.
pub const KEYS_MAX: usize = 64;

/// Whole packets that one key takes on the wire, pause included.
pub const PACKETS_PER_KEY: u16 = HELD_PACKETS + END_PACKETS + PAUSE_PACKETS;

/// What to send in the place of one frame of audio.
#[derive(Debug, Eq, PartialEq)]
pub struct EventPacket {
    pub event: TelephoneEvent,
    /// RTP timestamp of the moment the key went down, the same in all its packets.
    pub timestamp: u32,
    /// Marks the first packet of a key.
    pub is_first: bool,
}

/// A finger that presses one key after the other, one packet per 20 ms.
#[derive(Debug, Default)]
pub struct Keying {
    waiting: VecDeque<Digit>,
    down: Option<Down>,
    pause: u16,
}

#[derive(Debug)]
struct Down {
    digit: Digit,
    since: u32,
    sent: u16,
}

impl Keying {
    /// Queues keys; the caller keeps to `KEYS_MAX`.
    pub fn press(&mut self, digits: impl IntoIterator<Item = Digit>) {
        self.waiting.extend(digits);
    }

    /// Whether every key was sent and its pause has passed.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.down.is_none() && self.pause == 0
    }

    /// The event packet of this 20 ms, or nothing if audio is due. `timestamp` is the RTP clock now.
    pub fn next(&mut self, timestamp: u32) -> Option<EventPacket> {
        if self.down.is_none() {
            if self.pause > 0 {
                self.pause -= 1;
                return None;
            }
            let digit = self.waiting.pop_front()?;
            self.down = Some(Down { digit, since: timestamp, sent: 0 });
        }
        let down = self.down.as_mut()?;
        let is_first = down.sent == 0;
        down.sent += 1;
        let held = down.sent.min(HELD_PACKETS);
        let event = TelephoneEvent {
            digit: down.digit,
            is_end: down.sent > HELD_PACKETS,
            duration: held * FRAME_SAMPLES as u16,
        };
        let timestamp = down.since;
        if down.sent == HELD_PACKETS + END_PACKETS {
            self.down = None;
            self.pause = PAUSE_PACKETS;
        }
        Some(EventPacket { event, timestamp, is_first })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_key_is_five_growing_packets_and_three_ends_under_one_timestamp() {
        let mut keying = Keying::default();
        keying.press([Digit::new('#').unwrap()]);
        let packets: Vec<EventPacket> = (0..8).map(|n| keying.next(1_000 + n * 160).unwrap()).collect();

        assert!(packets.iter().all(|p| p.timestamp == 1_000 && p.event.digit.key() == '#'));
        let durations: Vec<u16> = packets.iter().map(|p| p.event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800, 800]);
        let ends: Vec<bool> = packets.iter().map(|p| p.event.is_end).collect();
        assert_eq!(ends, [false, false, false, false, false, true, true, true]);
        let firsts: Vec<bool> = packets.iter().map(|p| p.is_first).collect();
        assert_eq!(firsts, [true, false, false, false, false, false, false, false]);
        for _ in 0..PAUSE_PACKETS {
            assert!(!keying.is_idle());
            assert_eq!(keying.next(9_000), None);
        }
        assert!(keying.is_idle());
    }

    #[test]
    fn two_equal_keys_are_kept_apart_by_a_pause() {
        let mut keying = Keying::default();
        keying.press([Digit::new('1').unwrap(), Digit::new('1').unwrap()]);
        let starts: Vec<u32> = (0..2 * u32::from(PACKETS_PER_KEY))
            .filter_map(|n| keying.next(n * 160))
            .filter(|p| p.is_first)
            .map(|p| p.timestamp)
            .collect();
        assert_eq!(starts, [0, u32::from(PACKETS_PER_KEY) * 160]);
        assert!(keying.is_idle());
    }

    #[test]
    fn an_event_is_read_as_it_was_written_and_strange_codes_are_not_keys() {
        for key in "0123456789*#ABCD".chars() {
            let event = TelephoneEvent { digit: Digit::new(key).unwrap(), is_end: true, duration: 800 };
            assert_eq!(TelephoneEvent::read(&event.octets()), Some(event));
        }
        assert_eq!(TelephoneEvent::read(&[16, 10, 0, 160]), None, "16 is a hook flash, not a key");
        assert_eq!(TelephoneEvent::read(&[1, 10, 0]), None);
        assert!(Digit::new('x').is_err());
    }
}
