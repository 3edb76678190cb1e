//! What one master key becomes (RFC 3711 §4.3, RFC 7714 §11), and one packet sealed or opened with it.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{constant_time, hmac};

use super::suite::{MasterKey, Suite};

/// What a session key is for (RFC 3711 §4.3.1 and §4.3.2).
#[derive(Clone, Copy)]
pub(super) enum Use {
    Rtp = 0,
    Rtcp = 3,
}

/// Packets of one kind, one way.
#[expect(clippy::large_enum_variant, reason = "each stands in a leg's sealer or opener, which are boxed")]
pub(super) enum Cipher {
    /// Counter mode, and a tag over everything.
    Counter { key: EncryptingKey, salt: [u8; 16], auth: hmac::Key, tag_bytes: usize },
    /// Both in one.
    Galois { key: LessSafeKey, salt: [u8; 12], of: Use },
}

/// A packet that cannot be sealed, or is not what its sender sealed.
#[derive(Debug)]
pub(super) struct Refused;

impl Cipher {
    pub(super) fn new(master: &MasterKey, of: Use) -> Result<Self, Refused> {
        let label = |offset: u8| of as u8 + offset;
        let mut key = [0; 32];
        let key = key.get_mut(..master.suite().key_bytes()).unwrap_or_default();
        derive(master, label(0), key)?;
        match master.suite() {
            suite @ (Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32) => {
                let (mut auth, mut salt) = ([0; 20], [0; 16]);
                derive(master, label(1), &mut auth)?;
                derive(master, label(2), salt.get_mut(..14).unwrap_or_default())?;
                Ok(Self::Counter {
                    key: counter(key)?,
                    salt,
                    auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth),
                    tag_bytes: if matches!(of, Use::Rtcp) { 10 } else { suite.tag_bytes() },
                })
            }
            suite @ (Suite::AeadAes128Gcm | Suite::AeadAes256Gcm) => {
                let mut salt = [0; 12];
                derive(master, label(2), &mut salt)?;
                Self::galois(suite, key, salt, of)
            }
        }
    }

    fn galois(suite: Suite, key: &[u8], salt: [u8; 12], of: Use) -> Result<Self, Refused> {
        let algorithm = if suite == Suite::AeadAes128Gcm { &AES_128_GCM } else { &AES_256_GCM };
        let key = UnboundKey::new(algorithm, key).map_err(|_| Refused)?;
        Ok(Self::Galois { key: LessSafeKey::new(key), salt, of })
    }

    /// Bytes a packet is longer by, without the index of SRTCP.
    pub(super) fn tag_bytes(&self) -> usize {
        match self {
            Self::Counter { tag_bytes, .. } => *tag_bytes,
            Self::Galois { .. } => 16,
        }
    }

    /// Encrypts what stands behind `from`, and gives the tag that belongs behind it. `index` is the packet's
    /// (RFC 3711 §3.3.1: rollover counter and sequence number, or the index of SRTCP); `trailer` what is
    /// authenticated and not sent before the tag: the rollover counter, or the word with the index.
    pub(super) fn seal(
        &self,
        packet: &mut [u8],
        from: usize,
        (ssrc, index): (u32, u64),
        trailer: [u8; 4],
    ) -> Result<([u8; 16], usize), Refused> {
        let mut tag = [0; 16];
        let (head, payload) = packet.split_at_mut_checked(from).ok_or(Refused)?;
        match self {
            Self::Counter { key, salt, auth, tag_bytes } => {
                run(key, counter_iv(salt, ssrc, index), payload)?;
                let full = authenticate(auth, packet, trailer);
                let (room, short) = (tag.get_mut(..*tag_bytes), full.as_ref().get(..*tag_bytes));
                room.zip(short).map(|(room, short)| room.copy_from_slice(short)).ok_or(Refused)?;
                Ok((tag, *tag_bytes))
            }
            Self::Galois { key, salt, of } => {
                let aad = Associated::new(*of, head, trailer);
                let nonce = galois_nonce(salt, ssrc, index);
                let full =
                    key.seal_in_place_separate_tag(nonce, Aad::from(aad), payload).map_err(|_| Refused)?;
                tag.copy_from_slice(full.as_ref());
                Ok((tag, 16))
            }
        }
    }

    /// Checks the tag and decrypts what stands behind `from`. The packet is told from its tag by the caller.
    pub(super) fn open(
        &self,
        packet: &mut [u8],
        tag: &[u8],
        from: usize,
        (ssrc, index): (u32, u64),
        trailer: [u8; 4],
    ) -> Result<(), Refused> {
        match self {
            Self::Counter { key, salt, auth, tag_bytes } => {
                let full = authenticate(auth, packet, trailer);
                let expected = full.as_ref().get(..*tag_bytes).ok_or(Refused)?;
                constant_time::verify_slices_are_equal(expected, tag).map_err(|_| Refused)?;
                let payload = packet.get_mut(from..).ok_or(Refused)?;
                run(key, counter_iv(salt, ssrc, index), payload)
            }
            Self::Galois { key, salt, of } => {
                let (head, payload) = packet.split_at_mut_checked(from).ok_or(Refused)?;
                let aad = Associated::new(*of, head, trailer);
                let nonce = galois_nonce(salt, ssrc, index);
                let opened = key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, payload);
                opened.map(|_| ()).map_err(|_| Refused)
            }
        }
    }
}

/// What Galois mode authenticates beside the payload: the header of RTP, whose rollover counter is in the nonce;
/// of RTCP the first eight bytes and the word with the index (RFC 7714 §9.2).
enum Associated<'a> {
    Rtp(&'a [u8]),
    Rtcp([u8; 12]),
}

impl<'a> Associated<'a> {
    fn new(of: Use, head: &'a [u8], trailer: [u8; 4]) -> Self {
        match of {
            Use::Rtp => Self::Rtp(head),
            Use::Rtcp => {
                let mut bytes = [0; 12];
                bytes
                    .iter_mut()
                    .zip(head.iter().take(8).chain(&trailer))
                    .for_each(|(byte, from)| *byte = *from);
                Self::Rtcp(bytes)
            }
        }
    }
}

impl AsRef<[u8]> for Associated<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Rtp(head) => head,
            Self::Rtcp(bytes) => bytes,
        }
    }
}

/// A session key, as long as `out` (RFC 3711 §4.3.1, with a derivation rate of zero). A shorter salt is filled up
/// with zeros (RFC 7714 §11).
fn derive(master: &MasterKey, label: u8, out: &mut [u8]) -> Result<(), Refused> {
    let mut iv = [0; 16];
    iv.iter_mut().zip(master.salt()).for_each(|(byte, salt)| *byte = *salt);
    if let Some(byte) = iv.get_mut(7) {
        *byte ^= label;
    }
    out.fill(0);
    run(&counter(master.key())?, iv, out)
}

fn counter(key: &[u8]) -> Result<EncryptingKey, Refused> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| Refused)?;
    EncryptingKey::ctr(key).map_err(|_| Refused)
}

/// Counter mode is its own inverse.
fn run(key: &EncryptingKey, iv: [u8; 16], bytes: &mut [u8]) -> Result<(), Refused> {
    if bytes.is_empty() {
        return Ok(());
    }
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(bytes, context).map(|_| ()).map_err(|_| Refused)
}

fn authenticate(key: &hmac::Key, packet: &[u8], trailer: [u8; 4]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(packet);
    context.update(&trailer);
    context.sign()
}

/// RFC 3711 §4.1.1: the salt, the source from byte 4 and the index from byte 8 on.
fn counter_iv(salt: &[u8; 16], ssrc: u32, index: u64) -> [u8; 16] {
    mixed(*salt, 4, ssrc, index)
}

/// RFC 7714 §8.1 and §9.1: the salt, the source from byte 2 and the index from byte 6 on.
fn galois_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    Nonce::assume_unique_for_key(mixed(*salt, 2, ssrc, index))
}

fn mixed<const N: usize>(mut salt: [u8; N], at: usize, ssrc: u32, index: u64) -> [u8; N] {
    let numbers = ssrc.to_be_bytes().into_iter().chain(index.to_be_bytes().into_iter().skip(2));
    salt.iter_mut().skip(at).zip(numbers).for_each(|(byte, number)| *byte ^= number);
    salt
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::super::suite::{MasterKey, Suite};
    use super::{Cipher, Use, derive};

    fn hex(text: &str) -> Vec<u8> {
        let text: String = text.split_whitespace().collect();
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn master(suite: Suite, key: &str) -> MasterKey {
        use base64::Engine as _;
        MasterKey::parse(suite, &base64::engine::general_purpose::STANDARD.encode(hex(key))).unwrap()
    }

    #[test]
    fn keys_are_derived_as_in_appendix_b3_of_rfc_3711() {
        let key = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";
        let master = master(Suite::AesCm128HmacSha1_80, key);
        let derived = |label, bytes| {
            let mut out = vec![0; bytes];
            derive(&master, label, &mut out).unwrap();
            out
        };
        assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived(1, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_packet_is_sealed_and_opened_as_in_section_16_of_rfc_7714() {
        let key = hex("000102030405060708090a0b0c0d0e0f");
        let salt = hex("517569642070726f2071756f").try_into().unwrap();
        let cipher = Cipher::galois(Suite::AeadAes128Gcm, &key, salt, Use::Rtp).unwrap();
        let plain =
            hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
            61727465 73207472 6573");
        let mut packet = plain.clone();
        let numbers = (0x5501_a0b2, 0xf17b);
        let (tag, _) = cipher.seal(&mut packet, 12, numbers, [0; 4]).unwrap();
        assert_eq!(
            packet[12..],
            hex("f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833")
        );
        assert_eq!(tag.to_vec(), hex("899d7f27 beb16a91 52cf765e e4390cce"));
        cipher.open(&mut packet, &tag, 12, numbers, [0; 4]).unwrap();
        assert_eq!(packet, plain);
    }
}
