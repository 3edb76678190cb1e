//! The crypto suites of RFC 4568 §6.2 and RFC 7714 §14.2, and their keys.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rand_core::Rng;

/// The longest master key and salt together: 32 and 12 bytes.
const BYTES_MAX: usize = 44;

/// How packets are sealed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Suite {
    /// AES-128 in counter mode and 80 bits of HMAC-SHA1: what every telephone has.
    AesCm128HmacSha1_80,
    /// The same with 32 bits for RTP. SRTCP keeps 80 (RFC 4568 §6.2.2).
    AesCm128HmacSha1_32,
    /// AES-128 in Galois counter mode.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode.
    AeadAes256Gcm,
}

/// Every suite, best first: as we offer them.
pub const SUITES: [Suite; 4] =
    [Suite::AeadAes256Gcm, Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];

impl Suite {
    /// Its name in `a=crypto`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        SUITES.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    pub(super) const fn salt_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes a sealed RTP packet is longer by.
    pub(super) const fn tag_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
        }
    }

    const fn bytes(self) -> usize {
        self.key_bytes() + self.salt_bytes()
    }
}

/// A master key and its salt. It opens a patient's conversation: it prints as nothing.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct MasterKey {
    suite: Suite,
    bytes: [u8; BYTES_MAX],
}

impl MasterKey {
    /// A new one.
    pub fn draw(suite: Suite, random: &mut impl Rng) -> Self {
        let mut bytes = [0; BYTES_MAX];
        random.fill_bytes(bytes.get_mut(..suite.bytes()).unwrap_or_default());
        Self { suite, bytes }
    }

    /// How it seals.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// As `a=crypto` has it, `WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz`; `None` where it is not one of this suite.
    pub(crate) fn parse(suite: Suite, text: &str) -> Option<Self> {
        let decoded = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()?;
        let mut bytes = [0; BYTES_MAX];
        let room = bytes.get_mut(..suite.bytes()).filter(|room| room.len() == decoded.len())?;
        room.copy_from_slice(&decoded);
        Some(Self { suite, bytes })
    }

    /// For `a=crypto`.
    pub(crate) fn to_base64(self) -> String {
        STANDARD.encode(self.bytes.get(..self.suite.bytes()).unwrap_or_default())
    }

    pub(super) fn key(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_bytes()).unwrap_or_default()
    }

    pub(super) fn salt(&self) -> &[u8] {
        self.bytes.get(self.suite.key_bytes()..self.suite.bytes()).unwrap_or_default()
    }
}

/// Our keys of one leg, one for each suite, because the peer chooses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OurKeys([MasterKey; 4]);

impl OurKeys {
    /// New ones.
    pub fn draw(random: &mut impl Rng) -> Self {
        Self(SUITES.map(|suite| MasterKey::draw(suite, random)))
    }

    /// That of a suite.
    pub(crate) fn of(&self, suite: Suite) -> MasterKey {
        let [aes_256, aes_128, sha1_80, sha1_32] = self.0;
        match suite {
            Suite::AeadAes256Gcm => aes_256,
            Suite::AeadAes128Gcm => aes_128,
            Suite::AesCm128HmacSha1_80 => sha1_80,
            Suite::AesCm128HmacSha1_32 => sha1_32,
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, private)", self.suite.name())
    }
}
