//! Tags, branches and Call-IDs (RFC 3261 §8.1.1.7, §19.3): drawn from the seeded generator, so that nobody
//! can guess one and end a call that is not his.

use primitives::{Generator, Seed};
use rand_core::Rng;
use sha2::{Digest, Sha256};

use crate::header::Via;

/// Where an endpoint's names come from.
pub(crate) struct Names {
    generator: Generator,
    /// Keys the To tags of answers we keep no state of.
    secret: [u8; 32],
}

impl Names {
    pub(crate) fn new(seed: &Seed) -> Self {
        let mut generator = seed.part("names").generator();
        let mut secret = [0; 32];
        generator.fill_bytes(&mut secret);
        Self { generator, secret }
    }

    /// A From or To tag: 80 bits.
    pub(crate) fn tag(&mut self) -> String {
        self.draw::<10>()
    }

    /// A branch: the cookie and 96 bits.
    pub(crate) fn branch(&mut self) -> String {
        format!("{}{}", Via::MAGIC_COOKIE, self.draw::<12>())
    }

    /// A Call-ID: 128 bits and, as RFC 3261 §8.1.1.4 leaves us free to, no host: it would tell ours.
    pub(crate) fn call_id(&mut self) -> String {
        self.draw::<16>()
    }

    /// A client nonce: 64 bits.
    pub(crate) fn cnonce(&mut self) -> String {
        self.draw::<8>()
    }

    /// The To tag of an answer given without a transaction: the same whenever the same is asked (§8.2.7).
    pub(crate) fn stateless_tag(&self, asked: &[&[u8]]) -> String {
        let mut hash = Sha256::new();
        hash.update(self.secret);
        for part in asked {
            hash.update(part);
            hash.update([0]);
        }
        hex::encode(hash.finalize().get(..10).unwrap_or_default())
    }

    /// A number from zero to below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.generator.next_u64().checked_rem(end).unwrap_or_default()
    }

    fn draw<const BYTES: usize>(&mut self) -> String {
        let mut bytes = [0; BYTES];
        self.generator.fill_bytes(&mut bytes);
        hex::encode(bytes)
    }
}
