//! SRTP and SRTCP (RFC 3711, RFC 7714), keyed by SDP (RFC 4568): nobody between careline and a telephone hears
//! what a patient says, or puts a word in her mouth.
//!
//! Ours and not a crate's because packets are sealed and opened where they lie, without a copy, and with the one
//! provider of cryptography that TLS uses too.

mod cipher;
mod index;
mod open;
mod seal;
mod suite;

pub(crate) use open::Opener;
pub(crate) use seal::Sealer;
pub use suite::{MasterKey, OurKeys, SUITES, Suite};

/// What both sides of a leg seal their packets with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keys {
    /// What we send is sealed with.
    pub ours: MasterKey,
    /// What we receive.
    pub theirs: MasterKey,
}

/// Where the payload of an RTP packet begins: behind the fixed header, the contributors and the extension
/// (RFC 3550 §5.1). `None` where the packet is too short for what it says of itself.
fn payload_start(packet: &[u8]) -> Option<usize> {
    let first = packet.first()?;
    let fixed = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 == 0 {
        return (packet.len() >= fixed).then_some(fixed);
    }
    let words = packet.get(fixed + 2..fixed + 4)?;
    let words = words.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let start = fixed + 4 + 4 * words;
    (packet.len() >= start).then_some(start)
}

/// The source of an RTP packet, and its sequence number.
fn rtp_numbers(packet: &[u8]) -> Option<(u32, u16)> {
    let sequence = packet.get(2..4)?.try_into().ok().map(u16::from_be_bytes)?;
    let ssrc = packet.get(8..12)?.try_into().ok().map(u32::from_be_bytes)?;
    Some((ssrc, sequence))
}
