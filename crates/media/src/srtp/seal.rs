//! Packets on their way out.

use std::fmt;

use super::cipher::{Cipher, Refused, Use};
use super::index::Window;
use super::suite::MasterKey;
use super::{payload_start, rtp_numbers};

/// Seals what one port sends.
pub(crate) struct Sealer {
    master: MasterKey,
    rtp: Cipher,
    rtcp: Cipher,
    sent: Window,
    /// Of the next SRTCP packet.
    rtcp_index: u32,
}

impl Sealer {
    /// `None` for a key the cryptography refuses, which none of our own is.
    pub(crate) fn new(master: &MasterKey) -> Option<Self> {
        let rtp = Cipher::new(master, Use::Rtp).ok()?;
        let rtcp = Cipher::new(master, Use::Rtcp).ok()?;
        Some(Self { master: *master, rtp, rtcp, sent: Window::default(), rtcp_index: 1 })
    }

    pub(crate) fn is_of(&self, master: &MasterKey) -> bool {
        self.master == *master
    }

    /// Seals the RTP packet that stands from `start` on. `false`: it could not, and must not be sent.
    pub(crate) fn seal(&mut self, bytes: &mut Vec<u8>, start: usize) -> bool {
        self.try_seal(bytes, start).is_ok()
    }

    fn try_seal(&mut self, bytes: &mut Vec<u8>, start: usize) -> Result<(), Refused> {
        let packet = bytes.get_mut(start..).ok_or(Refused)?;
        let from = payload_start(packet).ok_or(Refused)?;
        let (ssrc, sequence) = rtp_numbers(packet).ok_or(Refused)?;
        let index = self.sent.index_of(sequence);
        // One number sealed twice would give both packets away.
        if !self.sent.is_new(index) {
            return Err(Refused);
        }
        let rollovers = ((index >> 16) as u32).to_be_bytes();
        let (tag, tag_bytes) = self.rtp.seal(packet, from, (ssrc, index), rollovers)?;
        self.sent.note(index);
        bytes.extend(tag.iter().take(tag_bytes));
        Ok(())
    }

    /// Seals the compound RTCP packet that stands from `start` on.
    pub(crate) fn seal_rtcp(&mut self, bytes: &mut Vec<u8>, start: usize) -> bool {
        self.try_seal_rtcp(bytes, start).is_ok()
    }

    fn try_seal_rtcp(&mut self, bytes: &mut Vec<u8>, start: usize) -> Result<(), Refused> {
        let packet = bytes.get_mut(start..).ok_or(Refused)?;
        let ssrc =
            packet.get(4..8).and_then(|ssrc| ssrc.try_into().ok()).map(u32::from_be_bytes).ok_or(Refused)?;
        let index = self.rtcp_index;
        let word = (index | 0x8000_0000).to_be_bytes();
        let (tag, tag_bytes) = self.rtcp.seal(packet, 8, (ssrc, u64::from(index)), word)?;
        self.rtcp_index = (index + 1) & 0x7fff_ffff;
        let tag = tag.iter().take(tag_bytes);
        // The tag of Galois mode belongs to the ciphertext, that of counter mode comes last (RFC 7714 §9.2).
        match self.rtcp {
            Cipher::Counter { .. } => bytes.extend(word.iter().chain(tag)),
            Cipher::Galois { .. } => bytes.extend(tag.chain(&word)),
        }
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({:?})", self.master)
    }
}
