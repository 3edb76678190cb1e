//! What a recording says of itself: nothing private, and nothing that can be changed unseen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The header of a recording.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingHeader {
    /// Its name.
    pub recording: String,
    /// Whose call.
    pub call: String,
    /// When its first sample was.
    pub started: Timestamp,
    /// 1: the caller. 2: the caller on the left, the other side on the right.
    pub channels: u8,
    /// Samples a second.
    pub rate: u32,
    /// `pcmu`.
    pub codec: String,
    /// `call` or `message`.
    pub purpose: String,
    /// The first bytes of every nonce, in hex.
    pub(crate) nonce: String,
}

impl RecordingHeader {
    /// The header of a recording that begins now.
    pub fn new(recording: String, call: String, started: Timestamp, channels: u8, purpose: &str) -> Self {
        Self {
            recording,
            call,
            started,
            channels,
            rate: super::RATE,
            codec: "pcmu".to_owned(),
            purpose: purpose.to_owned(),
            nonce: String::new(),
        }
    }
}

/// Bytes as hex.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As many bytes as are wanted, and no other number.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
