//! What is remembered of many, as long as there is room: the one not asked for the longest is forgotten.

use std::collections::BTreeMap;

/// At most `MAX` entries; a new one takes the place of the least recently used.
#[derive(Debug)]
pub(crate) struct Recent<K, V, const MAX: usize> {
    entries: BTreeMap<K, (u64, V)>,
    by_use: BTreeMap<u64, K>,
    uses: u64,
}

impl<K: Copy + Ord, V: Default, const MAX: usize> Recent<K, V, MAX> {
    pub(crate) const fn new() -> Self {
        Self { entries: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0 }
    }

    /// What is known of this one, without using it.
    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// What is known of this one, nothing at first. It is now the most recently used.
    pub(crate) fn touch(&mut self, key: K) -> &mut V {
        if !self.entries.contains_key(&key)
            && self.entries.len() >= MAX
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.uses += 1;
        let (used, value) = self.entries.entry(key).or_default();
        self.by_use.remove(used);
        *used = self.uses;
        self.by_use.insert(self.uses, key);
        value
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_least_recently_used_gives_way() {
        let mut recent = Recent::<u32, u32, 3>::new();
        for key in [1, 2, 3] {
            *recent.touch(key) = key * 10;
        }
        recent.touch(1);
        recent.touch(4);
        assert_eq!(recent.find(&2), None);
        assert_eq!([1, 3, 4].map(|key| recent.find(&key).copied()), [Some(10), Some(30), Some(0)]);
        assert_eq!((recent.len(), recent.by_use.len()), (3, 3));
    }
}
