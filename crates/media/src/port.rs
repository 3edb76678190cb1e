//! One RTP end point: the socket of one leg.

use std::fmt;

/// One audio end point. The call core numbers them; never used twice in one process.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortId(pub u64);

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port-{}", self.0)
    }
}

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

/// What one port did, told when it closes (and, later, in RTCP).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PortStats {
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP packets accepted.
    pub packets_received: u64,
    /// Packets that never came, by sequence number (RFC 3550 A.3).
    pub packets_lost: u64,
    /// Packets not accepted: malformed, of another source, of an unknown payload type.
    pub packets_refused: u64,
    /// Interarrival jitter at the end, in microseconds.
    pub jitter_us: u32,
}
