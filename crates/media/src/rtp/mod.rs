//! RTP (RFC 3550) as one port sends and receives it.

mod receiver;
mod sender;
mod source;

use std::time::Duration;

pub(crate) use receiver::{Place, Receiver};
pub(crate) use sender::{Header, Sender, ahead};
pub(crate) use source::{Admission, Source};

/// Samples at the 8 kHz clock all our payload types have, rounded down.
pub(crate) const fn samples_in(duration: Duration) -> u64 {
    duration.as_secs() * 8_000 + duration.subsec_nanos() as u64 / 125_000
}

/// Whether a packet that came to an RTP port is RTCP: its second byte is a packet type from 192 to 223,
/// which RFC 5761 §4 keeps free of RTP payload types.
pub(crate) fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, 192..=223, ..] if first >> 6 == 2)
}

#[cfg(test)]
mod tests {
    use super::is_rtcp;

    #[test]
    fn rtcp_is_told_from_rtp_by_its_packet_type() {
        assert!(is_rtcp(&[0x80, 200, 0, 6]));
        assert!(is_rtcp(&[0x81, 201]));
        assert!(!is_rtcp(&[0x80, 0]), "PCMU");
        assert!(!is_rtcp(&[0x80, 0x80]), "PCMU with its marker");
        assert!(!is_rtcp(&[0x80, 0x80 | 101]), "a telephone-event with its marker");
        assert!(!is_rtcp(&[0x00, 200]), "not version 2");
        assert!(!is_rtcp(&[0x80]));
    }
}
