//! The body of a `refer` notification: the status line of what the referred-to party answered (RFC 3420,
//! RFC 3515 §2.4.5).

use bytes::Bytes;

use crate::message::reason_phrase;

/// `SIP/2.0 180 Ringing`.
pub(crate) fn sipfrag(status: u16) -> Bytes {
    format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into()
}

/// The status a fragment tells.
pub(crate) fn fragment_status(body: &[u8]) -> Option<u16> {
    let status: &[u8; 3] = body.strip_prefix(b"SIP/2.0 ")?.first_chunk()?;
    let status: u16 = std::str::from_utf8(status).ok()?.parse().ok()?;
    (100..=699).contains(&status).then_some(status)
}
