use std::fmt;

use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

/// The generator a [`Seed`] expands to. Cryptographic, so that tags, branches and nonces made by it
/// cannot be guessed from earlier ones.
pub type Generator = ChaCha12Rng;

/// Where all randomness of a core comes from. `server` draws it from the operating system, tests fix it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed drawn elsewhere.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The seed a test names by number and prints when it fails.
    pub fn numbered(number: u64) -> Self {
        let mut bytes = [0; 32];
        let (head, _) = bytes.split_at_mut(8);
        head.copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }

    /// An independent seed for one part, so that adding a draw in one place changes no other.
    pub fn part(&self, name: &str) -> Self {
        use rand_core::Rng;
        let mut bytes = self.0;
        for (at, byte) in name.bytes().enumerate() {
            if let Some(slot) = bytes.get_mut(at % 32) {
                *slot = slot.rotate_left(3) ^ byte;
            }
        }
        let mut mixed = [0; 32];
        ChaCha12Rng::from_seed(bytes).fill_bytes(&mut mixed);
        Self(mixed)
    }

    /// The generator this seed stands for.
    pub fn generator(&self) -> Generator {
        ChaCha12Rng::from_seed(self.0)
    }
}

/// A test prints its seed to be run again; a server's seed is a secret and prints as nothing.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::Seed;

    #[test]
    fn parts_of_one_seed_are_repeatable_and_differ_from_one_another() {
        let draw = |name: &str| Seed::numbered(7).part(name).generator().next_u64();
        assert_eq!(draw("sip"), draw("sip"));
        assert_ne!(draw("sip"), draw("acd"));
        assert_ne!(draw("sip"), Seed::numbered(8).part("sip").generator().next_u64());
    }
}
