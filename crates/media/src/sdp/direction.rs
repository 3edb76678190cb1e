//! Who speaks and who hears (RFC 3264 §5.1, §6.1 and §8.4).

use sdp_types::Attribute;

/// As one side states it of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Direction {
    pub sends: bool,
    pub receives: bool,
}

impl Direction {
    pub(super) const fn new(sends: bool, receives: bool) -> Self {
        Self { sends, receives }
    }

    /// What the attributes of a stream say, or else those of its session, or else both ways.
    pub(super) fn stated(stream: &[Attribute], session: &[Attribute]) -> Self {
        let first = |attributes: &[Attribute]| attributes.iter().find_map(|a| Self::named(&a.attribute));
        first(stream).or_else(|| first(session)).unwrap_or(Self::new(true, true))
    }

    pub(super) const fn attribute(self) -> &'static str {
        match (self.sends, self.receives) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "sendrecv" => Some(Self::new(true, true)),
            "sendonly" => Some(Self::new(true, false)),
            "recvonly" => Some(Self::new(false, true)),
            "inactive" => Some(Self::new(false, false)),
            _ => None,
        }
    }
}
