//! Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2), made from tiles and checked alone.

use crate::tile::{TILE_HEIGHT, TILE_WIDTH, TileKind, TilePath};
use crate::tree::{Hash, node_hash, open_width, root_of};

/// Where the maker of a proof finds the hashes of complete subtrees.
pub trait Nodes {
    /// Why a hash could not be had.
    type Error;

    /// The root of the complete subtree over the records from `index << level` up to, not including,
    /// `(index + 1) << level`.
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// [`Nodes`] out of the tiles of a tree of a given size. `read` is given a tile's name and returns its
/// hashes, exactly as many as the name says.
pub struct TileNodes<R> {
    size: u64,
    read: R,
    last: Option<(TilePath, Vec<Hash>)>,
}

/// A tile holds fewer hashes than a tree of its size needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShortTile(pub TilePath);

impl<R> TileNodes<R> {
    /// Proofs about the tree of exactly this size.
    pub fn new<E>(size: u64, read: R) -> Self
    where
        R: FnMut(TilePath) -> Result<Vec<Hash>, E>,
    {
        Self { size, read, last: None }
    }
}

/// The name of a hash tile as it is in a tree of this size.
pub fn tile_path(size: u64, level: u8, index: u64) -> TilePath {
    let full = size.checked_shr((u32::from(level) + 1) * TILE_HEIGHT).unwrap_or(0);
    let width = if index < full { TILE_WIDTH } else { open_width(size, level) };
    TilePath { kind: TileKind::Hashes { level }, index, width }
}

impl<R, E> Nodes for TileNodes<R>
where
    R: FnMut(TilePath) -> Result<Vec<Hash>, E>,
    E: From<ShortTile>,
{
    type Error = E;

    fn node(&mut self, level: u32, index: u64) -> Result<Hash, E> {
        let tile_level = u8::try_from(level / TILE_HEIGHT).unwrap_or(u8::MAX);
        let within = level % TILE_HEIGHT;
        let first = index << within;
        let path = tile_path(self.size, tile_level, first >> TILE_HEIGHT);
        if self.last.as_ref().is_none_or(|(held, _)| *held != path) {
            self.last = Some((path, (self.read)(path)?));
        }
        let offset = (first & (TILE_WIDTH as u64 - 1)) as usize;
        let row = self.last.as_ref().and_then(|(_, hashes)| hashes.get(offset..offset + (1 << within)));
        row.map(root_of).ok_or_else(|| ShortTile(path).into())
    }
}

/// The hashes that lead from the record at `index` to the root of the tree of this size (PATH of
/// RFC 6962 §2.1.1). Empty if there is no such record.
pub fn inclusion<N: Nodes>(nodes: &mut N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if index < size {
        inclusion_in(nodes, index, 0, size, &mut proof)?;
    }
    Ok(proof)
}

fn inclusion_in<N: Nodes>(
    nodes: &mut N,
    index: u64,
    start: u64,
    end: u64,
    proof: &mut Vec<Hash>,
) -> Result<(), N::Error> {
    if end - start <= 1 {
        return Ok(());
    }
    let middle = start + half(end - start);
    if index < middle {
        inclusion_in(nodes, index, start, middle, proof)?;
        proof.push(range_root(nodes, middle, end)?);
    } else {
        inclusion_in(nodes, index, middle, end, proof)?;
        proof.push(range_root(nodes, start, middle)?);
    }
    Ok(())
}

/// The hashes that show the tree of size `old` to be the beginning of the tree of size `new` (PROOF of
/// RFC 6962 §2.1.2). Empty if either size is 0 or they are equal.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if 0 < old && old < new {
        consistency_in(nodes, old, 0, new, Whole::Yes, &mut proof)?;
    }
    Ok(proof)
}

/// Whether the old tree is all of the subtree looked at, so that its root is known to the checker.
#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Yes,
    No,
}

fn consistency_in<N: Nodes>(
    nodes: &mut N,
    old: u64,
    start: u64,
    end: u64,
    whole: Whole,
    proof: &mut Vec<Hash>,
) -> Result<(), N::Error> {
    if old == end - start {
        if whole == Whole::No {
            proof.push(range_root(nodes, start, end)?);
        }
        return Ok(());
    }
    let left = half(end - start);
    let middle = start + left;
    if old <= left {
        consistency_in(nodes, old, start, middle, whole, proof)?;
        proof.push(range_root(nodes, middle, end)?);
    } else {
        consistency_in(nodes, old - left, middle, end, Whole::No, proof)?;
        proof.push(range_root(nodes, start, middle)?);
    }
    Ok(())
}

/// The root over the records from `start` to `end`; `start` is a multiple of the next power of two.
fn range_root<N: Nodes>(nodes: &mut N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let count = end - start;
    if count.is_power_of_two() {
        let level = count.ilog2();
        return nodes.node(level, start >> level);
    }
    let middle = start + half(count);
    let left = range_root(nodes, start, middle)?;
    Ok(node_hash(&left, &range_root(nodes, middle, end)?))
}

/// The largest power of two smaller than `count`, which is at least 2.
fn half(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Whether a proof leads from the record's leaf hash to the root (RFC 9162 §2.1.3.2).
pub fn includes(root: &Hash, size: u64, index: u64, leaf: &Hash, proof: &[Hash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// A tree's size and root, as a checkpoint states them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TreeHead {
    /// Number of records.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
}

/// Whether a proof shows the old tree to be the beginning of the new one (RFC 9162 §2.1.4.2).
pub fn is_consistent(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> bool {
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    if old.size > new.size {
        return false;
    }
    if old.size == 0 {
        return proof.is_empty() && old.root == crate::tree::empty_root();
    }
    // The first hash of a proof that starts from a complete subtree is left out: it is the old root.
    let (first, rest) = if old.size.is_power_of_two() {
        (old.root, proof)
    } else {
        let Some((first, rest)) = proof.split_first() else { return false };
        (*first, rest)
    };
    let (mut node, mut last) = (old.size - 1, new.size - 1);
    let trailing = node.trailing_ones();
    node >>= trailing;
    last >>= trailing;
    let (mut old_root, mut new_root) = (first, first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_root = node_hash(hash, &old_root);
            new_root = node_hash(hash, &new_root);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_root = node_hash(&new_root, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.root && new_root == new.root
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::convert::Infallible;

    use super::{Nodes, TreeHead, consistency, includes, inclusion, is_consistent};
    use crate::tree::{CT_LEAVES, Hash, leaf_hash, root_of};

    struct Leaves(Vec<Hash>);

    impl Nodes for Leaves {
        type Error = Infallible;

        fn node(&mut self, level: u32, index: u64) -> Result<Hash, Infallible> {
            let start = (index << level) as usize;
            Ok(root_of(&self.0[start..start + (1 << level)]))
        }
    }

    fn head(leaves: &[Hash]) -> TreeHead {
        TreeHead { size: leaves.len() as u64, root: root_of(leaves) }
    }

    fn starts(proof: &[Hash]) -> Vec<String> {
        proof.iter().map(|hash| hex::encode(&hash[..8])).collect()
    }

    #[test]
    fn proofs_over_the_published_leaves_are_the_published_ones() {
        let leaves: Vec<Hash> = CT_LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect();
        let mut nodes = Leaves(leaves.clone());
        let found = inclusion(&mut nodes, 5, 8).unwrap();
        assert_eq!(starts(&found), ["bc1a0643b12e4d2d", "ca854ea128ed050b", "d37ee418976dd957"]);
        assert!(includes(&root_of(&leaves), 8, 5, &leaves[5], &found));
        let grown = consistency(&mut nodes, 6, 8).unwrap();
        assert_eq!(starts(&grown), ["0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957"]);
        assert!(is_consistent(&head(&leaves[..6]), &head(&leaves), &grown));
    }

    #[test]
    fn every_proof_of_every_small_tree_holds_and_holds_for_nothing_else() {
        let leaves: Vec<Hash> = (0_u8..40).map(|n| leaf_hash(&[n])).collect();
        let mut nodes = Leaves(leaves.clone());
        for size in 1..=40 {
            let new = head(&leaves[..size]);
            for index in 0..size {
                let proof = inclusion(&mut nodes, index as u64, size as u64).unwrap();
                assert!(includes(&new.root, new.size, index as u64, &leaves[index], &proof));
                let other = &leaves[(index + 1) % 40];
                assert!(!includes(&new.root, new.size, index as u64, other, &proof));
                assert!(!includes(&new.root, new.size, new.size, &leaves[index], &proof));
                let mut longer = proof.clone();
                longer.push(new.root);
                assert!(!includes(&new.root, new.size, index as u64, &leaves[index], &longer));
            }
            for old in 0..=size {
                let before = head(&leaves[..old]);
                let proof = consistency(&mut nodes, old as u64, size as u64).unwrap();
                assert!(is_consistent(&before, &new, &proof), "{old} to {size}");
                let forked = TreeHead { root: leaf_hash(b"another history"), ..before };
                assert!(!is_consistent(&forked, &new, &proof), "{old} to {size}");
            }
        }
    }
}
