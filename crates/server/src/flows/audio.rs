//! Audio in memory: one copy of each recording, however many versions play it. A reload decodes what changed only,
//! so that it takes nothing from calls under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use media::Prompt;

/// Decoded recordings by checksum, as long as a version plays them.
#[derive(Debug, Default)]
pub struct Audio(Mutex<BTreeMap<[u8; 32], Weak<Prompt>>>);

impl Audio {
    /// The recording with this checksum: the one in memory, or what `decode` reads.
    pub fn find<E>(
        &self,
        checksum: [u8; 32],
        decode: impl FnOnce() -> Result<Prompt, E>,
    ) -> Result<Arc<Prompt>, E> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prompt) = known.get(&checksum).and_then(Weak::upgrade) {
            return Ok(prompt);
        }
        let prompt = Arc::new(decode()?);
        known.insert(checksum, Arc::downgrade(&prompt));
        Ok(prompt)
    }

    /// Forgets those no version plays any more.
    pub fn let_go(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, prompt| prompt.strong_count() > 0);
    }
}
