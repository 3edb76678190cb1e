//! The Merkle tree of RFC 6962 §2.1 over the records, kept as its open edge.

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};

/// A SHA-256 hash: of a leaf, of a node, or of the whole tree.
pub type Hash = [u8; 32];

/// The hash of a record (RFC 6962 §2.1: `0x00` before the data).
pub fn leaf_hash(record: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(record).finalize().into()
}

/// The hash of two neighbouring subtrees (RFC 6962 §2.1: `0x01` before both).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without records.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root over a row of equally high subtrees, which is the RFC 6962 tree of that row.
pub fn root_of(row: &[Hash]) -> Hash {
    match row {
        [] => empty_root(),
        [one] => *one,
        _ => {
            // The largest power of two smaller than the row (RFC 6962 §2.1).
            let half = row.len().next_power_of_two() / 2;
            let (left, right) = row.split_at(half);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The open edge of a growing tree: at each level the hashes of the one tile that is not full. Enough to
/// append and to know the root; at 2^40 records it holds at most five rows of 255 hashes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tree {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// The tiles read back do not belong to a tree of the size they were said to.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("tile level {level} should hold {wanted} hashes at its open end and holds {found}")]
pub struct EdgeError {
    level: usize,
    wanted: usize,
    found: usize,
}

/// How many hashes the open tile of a level holds in a tree of this size.
pub fn open_width(size: u64, level: u8) -> usize {
    let shift = u32::from(level) * TILE_HEIGHT;
    // The mask leaves eight bits, so the value fits.
    size.checked_shr(shift).map_or(0, |tiles| (tiles & (TILE_WIDTH as u64 - 1)) as usize)
}

/// How many tile levels a tree of this size has.
pub fn level_count(size: u64) -> u8 {
    let mut levels = 0;
    let mut rest = size;
    while rest > 0 {
        rest >>= TILE_HEIGHT;
        levels += 1;
    }
    levels
}

impl Tree {
    /// A tree without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree continued from the open tile of each level, lowest first (empty where none is open).
    pub fn resume(size: u64, levels: Vec<Vec<Hash>>) -> Result<Self, EdgeError> {
        for level in 0..level_count(size).max(u8::try_from(levels.len()).unwrap_or(u8::MAX)) {
            let wanted = open_width(size, level);
            let found = levels.get(usize::from(level)).map_or(0, Vec::len);
            if wanted != found {
                return Err(EdgeError { level: level.into(), wanted, found });
            }
        }
        Ok(Self { size, levels })
    }

    /// Adds one leaf. Tiles it fills are appended to `full`, lowest level first.
    pub fn append(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        let mut hash = leaf;
        let mut level = 0;
        self.size += 1;
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            if row.len() < TILE_WIDTH {
                return;
            }
            hash = root_of(row);
            let hashes = std::mem::replace(row, Vec::with_capacity(TILE_WIDTH));
            let index = tile_index(self.size, level) - 1;
            full.push(Tile { level: u8::try_from(level).unwrap_or(u8::MAX), index, hashes });
            level += 1;
        }
    }

    /// Number of records.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tiles that are not full, for a reader of a tree of exactly this size.
    pub fn open_tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        self.levels.iter().enumerate().filter(|(_, row)| !row.is_empty()).map(|(level, row)| Tile {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            index: tile_index(self.size, level),
            hashes: row.clone(),
        })
    }

    /// The root over all records (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        // Lower levels lie further right, so the root folds from the lowest level upwards.
        let mut right: Option<Hash> = None;
        for row in self.levels.iter().filter(|row| !row.is_empty()) {
            right = Some(fold_row(row, right));
        }
        right.unwrap_or_else(empty_root)
    }
}

/// The root over a row of equally high subtrees followed by a smaller tree.
fn fold_row(row: &[Hash], right: Option<Hash>) -> Hash {
    let mut rest = row;
    let mut peaks = Vec::new();
    while !rest.is_empty() {
        let (peak, after) = rest.split_at(1 << rest.len().ilog2());
        peaks.push(root_of(peak));
        rest = after;
    }
    let mut folded = right;
    for peak in peaks.iter().rev() {
        folded = Some(folded.map_or(*peak, |right| node_hash(peak, &right)));
    }
    folded.unwrap_or_else(empty_root)
}

/// The index of the open tile of a level in a tree of this size.
fn tile_index(size: u64, level: usize) -> u64 {
    let shift = u32::try_from(level + 1).unwrap_or(u32::MAX).saturating_mul(TILE_HEIGHT);
    size.checked_shr(shift).unwrap_or(0)
}

/// The leaves of the Certificate Transparency test vectors.
#[cfg(test)]
pub(crate) const CT_LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::{CT_LEAVES, Hash, Tree, leaf_hash, root_of};

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    #[test]
    fn roots_equal_the_published_certificate_transparency_vectors() {
        let leaves: Vec<Hash> = CT_LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect();
        let root = |count: usize| {
            let mut tree = Tree::new();
            for leaf in &leaves[..count] {
                tree.append(*leaf, &mut Vec::new());
            }
            hex::encode(tree.root())
        };
        assert_eq!(root(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(root(7), "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
        assert_eq!(root(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn a_tree_grown_over_many_tiles_has_the_root_of_the_definition() {
        let all = leaves(66_000);
        let mut tree = Tree::new();
        let mut full = Vec::new();
        for (at, leaf) in all.iter().enumerate() {
            if [0, 1, 255, 256, 257, 511, 512, 1_000, 65_535, 65_536, 65_537].contains(&at) {
                assert_eq!(tree.root(), root_of(&all[..at]), "size {at}");
            }
            tree.append(*leaf, &mut full);
        }
        assert_eq!(tree.root(), root_of(&all));
        assert_eq!(full.iter().filter(|tile| tile.level == 1).count(), 1);
        let indices: Vec<u64> = full.iter().filter(|tile| tile.level == 0).map(|tile| tile.index).collect();
        assert_eq!(indices, (0..257).collect::<Vec<_>>());
    }

    #[test]
    fn a_tree_resumed_from_its_open_tiles_continues_as_if_nothing_happened() {
        let mut tree = Tree::new();
        for leaf in leaves(70_001) {
            tree.append(leaf, &mut Vec::new());
        }
        let mut levels = vec![Vec::new(); 3];
        for tile in tree.open_tiles() {
            levels[usize::from(tile.level)] = tile.hashes;
        }
        let resumed = Tree::resume(70_001, levels.clone()).unwrap();
        assert_eq!(resumed.root(), tree.root());
        assert!(Tree::resume(70_002, levels.clone()).is_err());
        levels[0].pop();
        assert!(Tree::resume(70_001, levels).is_err());
    }
}
