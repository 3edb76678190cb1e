//! Telephone keys.

mod inband;
mod rfc4733;
mod tone;

use std::fmt;

pub(crate) use inband::ToneReceiver;
pub(crate) use rfc4733::{KeyReceiver, KeySender, KeyStep, STEP, TelephoneEvent};
pub(crate) use tone::tone;

/// A telephone key (RFC 4733 §3.2, events 0 to 15).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digit(u8);

impl Digit {
    /// The key of an RFC 4733 event code, 0 to 15.
    pub const fn from_event(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// The key a person would write: `0`–`9`, `*`, `#`, `A`–`D`.
    pub fn from_char(key: char) -> Option<Self> {
        "0123456789*#ABCD".find(key.to_ascii_uppercase()).and_then(|at| u8::try_from(at).ok()).map(Self)
    }

    /// The RFC 4733 event code.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// As a person would write it.
    pub fn char(self) -> char {
        char::from(*b"0123456789*#ABCD".get(usize::from(self.0)).unwrap_or(&b'?'))
    }
}

/// A key may be part of a date of birth: it shows only where somebody asks for it by `char`.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(private)")
    }
}

/// Frequencies of the rows and columns of a telephone's keys, in Hz (ITU-T Q.23).
const LOW_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// The key of each pair, row by column, as RFC 4733 event codes.
const KEYS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];
/// Samples in a second of the audio tones are in.
const SAMPLES_HZ: f32 = 8_000.0;

#[cfg(test)]
mod tests {
    use super::Digit;

    #[test]
    fn every_key_is_written_and_read_alike_and_debug_shows_none() {
        for code in 0..16 {
            let digit = Digit::from_event(code);
            assert_eq!(digit.and_then(|digit| Digit::from_char(digit.char())), digit);
            assert_eq!(digit.map(|digit| format!("{digit:?}")).as_deref(), Some("Digit(private)"));
        }
        assert_eq!(Digit::from_char('d').map(Digit::char), Some('D'));
        assert_eq!((Digit::from_event(16), Digit::from_char('x'), Digit::from_char('é')), (None, None, None));
    }
}
