//! Packets that come.

use std::fmt;

use super::cipher::{Cipher, Refused, Use};
use super::index::Window;
use super::suite::MasterKey;
use super::{payload_start, rtp_numbers};

/// Sources of one peer whose packets are remembered: the one that speaks, and those before it whose late or
/// replayed packets may still come. A fifth takes the place of the one that was silent longest.
const SOURCES_MAX: usize = 4;

/// Opens what one port hears.
pub(crate) struct Opener {
    master: MasterKey,
    rtp: Cipher,
    rtcp: Cipher,
    /// The last that spoke stands last.
    heard: Vec<(u32, Window)>,
    rtcp_heard: Window,
}

impl Opener {
    /// `None` for a key the cryptography refuses.
    pub(crate) fn new(master: &MasterKey) -> Option<Self> {
        let rtp = Cipher::new(master, Use::Rtp).ok()?;
        let rtcp = Cipher::new(master, Use::Rtcp).ok()?;
        let heard = Vec::with_capacity(SOURCES_MAX);
        Some(Self { master: *master, rtp, rtcp, heard, rtcp_heard: Window::default() })
    }

    pub(crate) fn is_of(&self, master: &MasterKey) -> bool {
        self.master == *master
    }

    /// Opens an RTP packet where it lies. `None`: forged, damaged, replayed, or not sealed at all.
    pub(crate) fn open<'p>(&mut self, packet: &'p mut [u8]) -> Option<&'p mut [u8]> {
        let length = self.try_open(packet).ok()?;
        packet.get_mut(..length)
    }

    fn try_open(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let end = packet.len().checked_sub(self.rtp.tag_bytes()).ok_or(Refused)?;
        let (packet, tag) = packet.split_at_mut_checked(end).ok_or(Refused)?;
        let from = payload_start(packet).ok_or(Refused)?;
        let (ssrc, sequence) = rtp_numbers(packet).ok_or(Refused)?;
        let known = self.heard.iter().position(|(source, _)| *source == ssrc);
        let mut window =
            known.and_then(|at| self.heard.get(at)).map(|(_, window)| *window).unwrap_or_default();
        let index = window.index_of(sequence);
        if !window.is_new(index) {
            return Err(Refused);
        }
        let rollovers = ((index >> 16) as u32).to_be_bytes();
        self.rtp.open(packet, tag, from, (ssrc, index), rollovers)?;
        window.note(index);
        match known {
            Some(at) => drop(self.heard.remove(at)),
            None if self.heard.len() >= SOURCES_MAX => drop(self.heard.remove(0)),
            None => {}
        }
        self.heard.push((ssrc, window));
        Ok(end)
    }

    /// Opens an SRTCP packet where it lies.
    pub(crate) fn open_rtcp<'p>(&mut self, packet: &'p mut [u8]) -> Option<&'p mut [u8]> {
        let length = self.try_open_rtcp(packet).ok()?;
        packet.get_mut(..length)
    }

    fn try_open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let tag_bytes = self.rtcp.tag_bytes();
        let end = packet.len().checked_sub(tag_bytes + 4).ok_or(Refused)?;
        let (packet, trailer) = packet.split_at_mut_checked(end).ok_or(Refused)?;
        let (word, tag) = match self.rtcp {
            Cipher::Counter { .. } => trailer.split_at(4),
            Cipher::Galois { .. } => {
                let (tag, word) = trailer.split_at(tag_bytes);
                (word, tag)
            }
        };
        let word: [u8; 4] = word.try_into().map_err(|_| Refused)?;
        let number = u32::from_be_bytes(word);
        let index = u64::from(number & 0x7fff_ffff);
        // Authenticated and not encrypted is lawful (the E bit), and nothing anybody offers us.
        if number & 0x8000_0000 == 0 || !self.rtcp_heard.is_new(index) {
            return Err(Refused);
        }
        let ssrc =
            packet.get(4..8).and_then(|ssrc| ssrc.try_into().ok()).map(u32::from_be_bytes).ok_or(Refused)?;
        self.rtcp.open(packet, tag, 8, (ssrc, index), word)?;
        self.rtcp_heard.note(index);
        Ok(end)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opener({:?})", self.master)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::super::{MasterKey, SUITES, Sealer, Suite};
    use super::Opener;
    use primitives::Seed;

    fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
        let [high, low] = sequence.to_be_bytes();
        [&[0x80, 0, high, low, 0, 0, 0, 9, 0xca, 0xfe, 0xba, 0xbe], payload].concat()
    }

    fn key(suite: Suite) -> MasterKey {
        MasterKey::draw(suite, &mut Seed::numbered(3).generator())
    }

    #[test]
    fn a_packet_sealed_by_libsrtp_is_sealed_alike_and_opened() {
        // The packet of libsrtp's own validation (srtp_driver.c).
        let key = [
            0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39,
            0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6_u8,
        ];
        let text = base64::engine::general_purpose::STANDARD.encode(key);
        let key = MasterKey::parse(Suite::AesCm128HmacSha1_80, &text).unwrap();
        let head = [0x80, 0x0f, 0x12, 0x34, 0xde, 0xca, 0xfb, 0xad, 0xca, 0xfe, 0xba, 0xbe_u8];
        let plain = [&head[..], &[0xab; 16]].concat();
        let sealed = [
            0x4e, 0x55, 0xdc, 0x4c, 0xe7, 0x99, 0x78, 0xd8, 0x8c, 0xa4, 0xd2, 0x15, 0x94, 0x9d, 0x24, 0x02,
            0xb7, 0x8d, 0x6a, 0xcc, 0x99, 0xea, 0x17, 0x9b, 0x8d, 0xbb_u8,
        ];
        let mut ours = plain.clone();
        assert!(Sealer::new(&key).unwrap().seal(&mut ours, 0));
        assert_eq!(ours[12..], sealed);
        assert_eq!(Opener::new(&key).unwrap().open(&mut ours).unwrap(), plain);
    }

    #[test]
    fn what_was_sealed_is_opened_once_in_every_suite_and_over_the_rollover() {
        for suite in SUITES {
            let (mut sealer, mut opener) =
                (Sealer::new(&key(suite)).unwrap(), Opener::new(&key(suite)).unwrap());
            for step in 0..2_000_u16 {
                let plain = packet(step.wrapping_add(64_500), &step.to_be_bytes());
                let mut sealed = plain.clone();
                assert!(sealer.seal(&mut sealed, 0));
                let mut again = sealed.clone();
                assert_eq!(opener.open(&mut sealed).unwrap(), plain, "{suite:?} {step}");
                assert!(opener.open(&mut again).is_none(), "replayed");
                let mut report = vec![0x80, 200, 0, 6, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 3, 4];
                let plain = report.clone();
                assert!(sealer.seal_rtcp(&mut report, 0));
                assert_ne!(report[8..12], plain[8..12]);
                assert_eq!(opener.open_rtcp(&mut report).unwrap(), plain);
            }
            assert!(
                !sealer.seal(&mut packet(64_500_u16.wrapping_add(1_999), b"other words"), 0),
                "numbered twice"
            );
        }
    }

    proptest! {
        #[test]
        fn a_changed_bit_a_cut_or_another_key_is_refused(suite in prop::sample::select(SUITES.to_vec()),
            payload in prop::collection::vec(any::<u8>(), 1..200), bit in any::<prop::sample::Index>()) {
            let mut sealed = packet(7, &payload);
            prop_assert!(Sealer::new(&key(suite)).unwrap().seal(&mut sealed, 0));
            let other = MasterKey::draw(suite, &mut Seed::numbered(4).generator());
            prop_assert!(Opener::new(&other).unwrap().open(&mut sealed.clone()).is_none());
            let mut short = sealed.clone();
            short.pop();
            prop_assert!(Opener::new(&key(suite)).unwrap().open(&mut short).is_none());
            let at = bit.index(sealed.len() * 8);
            sealed[at / 8] ^= 1 << (at % 8);
            prop_assert!(Opener::new(&key(suite)).unwrap().open(&mut sealed).is_none());
        }

        #[test]
        fn any_bytes_are_refused_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for suite in SUITES {
                prop_assert!(Opener::new(&key(suite)).unwrap().open(&mut bytes).is_none());
                prop_assert!(Opener::new(&key(suite)).unwrap().open_rtcp(&mut bytes).is_none());
            }
        }
    }
}
