//! Nonces that need no memory until they are used: a serial number and a time under our own seal.

use std::collections::BTreeMap;
use std::time::Duration;

use primitives::{Now, Seed};
use rand_core::Rng as _;
use sha2::{Digest as _, Sha256};

use crate::guard::Source;

/// Most nonces whose use is remembered: a thousand phones with a dozen challenges each within a nonce's
/// life. When full the oldest are forgotten, and whoever comes with one is challenged anew.
pub(super) const NONCES_MAX: usize = 16_384;

/// How far behind the highest `nc` a lower one may arrive: datagrams overtake one another.
const WINDOW: u32 = 64;

/// Bytes of serial and of time, and of the seal over both.
const SERIAL_BYTES: usize = 8;
const TIME_BYTES: usize = 8;
const SEAL_BYTES: usize = 16;

/// Makes nonces, and remembers how those that were used have been used.
pub(super) struct Nonces {
    key: [u8; 32],
    life: Duration,
    last: u64,
    /// By serial, hence oldest first.
    used: BTreeMap<Serial, Uses>,
    /// Of serials up to this one nothing is remembered any more.
    forgotten: Serial,
}

/// Names a nonce of ours.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Serial(u64);

/// How a nonce has been used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Uses {
    /// With `nc`: the highest so far, and which of the `WINDOW` below it (bit 0 is the highest itself).
    Counted { highest: u32, seen: u64 },
    /// Once, without `qop`: there is no second time, since nothing would tell it from a replay.
    Uncounted,
}

impl Nonces {
    pub(super) fn new(seed: &Seed, life: Duration) -> Self {
        let mut key = [0; 32];
        seed.part("digest nonce").generator().fill_bytes(&mut key);
        Self { key, life, last: 0, used: BTreeMap::new(), forgotten: Serial(0) }
    }

    /// A nonce nobody has seen, for this source.
    pub(super) fn issue(&mut self, now: Now, source: Source) -> String {
        self.last += 1;
        let mut bytes = Vec::with_capacity(SERIAL_BYTES + TIME_BYTES + SEAL_BYTES);
        bytes.extend_from_slice(&self.last.to_be_bytes());
        bytes.extend_from_slice(&now.wall.as_millisecond().to_be_bytes());
        let seal = self.seal(&bytes, source);
        bytes.extend(seal.iter().take(SEAL_BYTES));
        hex::encode(bytes)
    }

    /// Which nonce this is. `None`: not ours, not this source's, too old or forgotten.
    pub(super) fn opened(&self, now: Now, source: Source, nonce: &str) -> Option<Serial> {
        let bytes = hex::decode(nonce).ok()?;
        let (signed, seal) = bytes.split_at_checked(SERIAL_BYTES + TIME_BYTES)?;
        let expected = self.seal(signed, source);
        if !same(expected.get(..SEAL_BYTES)?, seal) {
            return None;
        }
        let (serial, time) = signed.split_at_checked(SERIAL_BYTES)?;
        let serial = Serial(u64::from_be_bytes(serial.try_into().ok()?));
        let issued = i64::from_be_bytes(time.try_into().ok()?);
        // A nonce from the future was made before the clock was set back.
        let age = now.wall.as_millisecond().checked_sub(issued).and_then(|age| u64::try_from(age).ok())?;
        (serial > self.forgotten && Duration::from_millis(age) <= self.life).then_some(serial)
    }

    /// What one more use makes of a nonce, `nc` where it is counted. `None`: it was used in this way before.
    pub(super) fn next_use(&self, serial: Serial, nc: Option<u32>) -> Option<Uses> {
        match (self.used.get(&serial), nc) {
            (_, Some(0)) | (Some(Uses::Uncounted), _) | (Some(_), None) => None,
            (None, None) => Some(Uses::Uncounted),
            (None, Some(nc)) => Some(Uses::Counted { highest: nc, seen: 1 }),
            (Some(Uses::Counted { highest, seen }), Some(nc)) => counted(*highest, *seen, nc),
        }
    }

    /// Notes how a nonce has been used by now.
    pub(super) fn note(&mut self, serial: Serial, uses: Uses) {
        self.used.insert(serial, uses);
        if self.used.len() > NONCES_MAX
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
    }

    /// HMAC-SHA-256 (RFC 2104) of a nonce's first half and whose it is.
    fn seal(&self, signed: &[u8], source: Source) -> [u8; 32] {
        const BLOCK_BYTES: usize = 64;
        let pad = |with: u8| {
            let mut block = [with; BLOCK_BYTES];
            for (byte, key) in block.iter_mut().zip(self.key) {
                *byte ^= key;
            }
            block
        };
        let inner = Sha256::new()
            .chain_update(pad(0x36))
            .chain_update(signed)
            .chain_update(source.bytes())
            .finalize();
        Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
    }
}

/// One more counted use of a nonce.
fn counted(highest: u32, seen: u64, nc: u32) -> Option<Uses> {
    if nc > highest {
        let seen = seen.checked_shl(nc - highest).unwrap_or(0) | 1;
        return Some(Uses::Counted { highest: nc, seen });
    }
    let behind = highest - nc;
    let is_new = behind < WINDOW && seen & (1 << behind) == 0;
    is_new.then_some(Uses::Counted { highest, seen: seen | (1 << behind.min(WINDOW - 1)) })
}

/// Compares in a time that says nothing of where two texts differ.
pub(super) fn same(one: &[u8], another: &[u8]) -> bool {
    one.len() == another.len()
        && std::hint::black_box(one.iter().zip(another).fold(0, |all, (a, b)| all | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use primitives::{Now, Seed};

    use super::{NONCES_MAX, Nonces};
    use crate::guard::Source;

    const HERE: Source = Source::V4([192, 0, 2, 10]);
    const ELSEWHERE: Source = Source::V4([192, 0, 2, 11]);

    fn now() -> Now {
        Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// Uses a nonce, if it is good for that.
    fn spend(nonces: &mut Nonces, nonce: &str, nc: Option<u32>) -> bool {
        let Some(serial) = nonces.opened(now(), HERE, nonce) else { return false };
        let Some(uses) = nonces.next_use(serial, nc) else { return false };
        nonces.note(serial, uses);
        true
    }

    #[test]
    fn each_count_of_a_nonce_is_good_once_whatever_the_order() {
        let mut nonces = Nonces::new(&Seed::numbered(1), Duration::from_secs(300));
        let nonce = nonces.issue(now(), HERE);
        let worths = [1, 3, 2, 2, 3, 1, 0, 200, 137, 136, 199].map(|nc| spend(&mut nonces, &nonce, Some(nc)));
        assert_eq!(worths, [true, true, true, false, false, false, false, true, true, false, true]);
        assert!(!spend(&mut nonces, &nonce, None));
    }

    #[test]
    fn a_nonce_used_without_a_count_is_good_once() {
        let mut nonces = Nonces::new(&Seed::numbered(1), Duration::from_secs(300));
        let nonce = nonces.issue(now(), HERE);
        assert!(spend(&mut nonces, &nonce, None));
        assert!(!spend(&mut nonces, &nonce, None));
        assert!(!spend(&mut nonces, &nonce, Some(1)));
    }

    #[test]
    fn what_is_forgotten_is_stale_and_never_good_again() {
        let mut nonces = Nonces::new(&Seed::numbered(1), Duration::from_secs(300));
        let first = nonces.issue(now(), HERE);
        assert!(spend(&mut nonces, &first, Some(1)));
        for _ in 0..NONCES_MAX {
            let nonce = nonces.issue(now(), HERE);
            assert!(spend(&mut nonces, &nonce, Some(1)));
        }
        assert_eq!(nonces.used.len(), NONCES_MAX);
        assert!(!spend(&mut nonces, &first, Some(1)));
        assert!(!spend(&mut nonces, &first, Some(2)));
    }

    #[test]
    fn a_nonce_of_another_seed_or_with_a_digit_changed_is_stale() {
        let mut nonces = Nonces::new(&Seed::numbered(1), Duration::from_secs(300));
        let foreign = Nonces::new(&Seed::numbered(2), Duration::from_secs(300)).issue(now(), HERE);
        assert!(!spend(&mut nonces, &foreign, Some(1)));
        let own = nonces.issue(now(), HERE);
        for at in 0..own.len() {
            let mut changed = own.clone().into_bytes();
            if let Some(digit) = changed.get_mut(at) {
                *digit = if *digit == b'0' { b'1' } else { b'0' };
            }
            let changed = String::from_utf8(changed).unwrap_or_default();
            assert!(!spend(&mut nonces, &changed, Some(1)));
        }
        assert!(spend(&mut nonces, &own, Some(1)));
    }

    #[test]
    fn a_nonce_is_good_for_the_source_it_was_issued_to_alone() {
        let mut nonces = Nonces::new(&Seed::numbered(1), Duration::from_secs(300));
        let nonce = nonces.issue(now(), ELSEWHERE);
        assert!(!spend(&mut nonces, &nonce, Some(1)));
        assert!(nonces.opened(now(), ELSEWHERE, &nonce).is_some());
    }
}
