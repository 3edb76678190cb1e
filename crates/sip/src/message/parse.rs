//! Bytes to messages (RFC 3261 §7): strict, bounded, linear.

use bytes::Bytes;

use crate::error::ParseError;

use super::Message;

/// Longest message read: what fits in one datagram (§18.1.1), and what a stream may make us hold.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Whether a datagram is but CRLFs: a keep-alive of RFC 5626 or an older one of four bytes, no message.
pub fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Reads one datagram, or one [`crate::framer::Frame::Message`], as one message.
pub fn parse(bytes: &Bytes) -> Result<Message, ParseError> {
    let _ = bytes;
    todo!()
}
