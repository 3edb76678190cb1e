//! Tiles and entry bundles as files (c2sp.org/tlog-tiles): 256 hashes or 256 records each.

use std::fmt;

use thiserror::Error;

use crate::tree::Hash;

/// Levels of the tree one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Hashes in a full tile, records in a full bundle.
pub const TILE_WIDTH: usize = 1 << TILE_HEIGHT;

/// A row of hashes of equally high subtrees: level 0 holds leaf hashes, each level above the roots of
/// full tiles below.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tile {
    /// 0 at the leaves.
    pub level: u8,
    /// Position in its level, from 0.
    pub index: u64,
    /// 1 to 256 hashes; fewer than 256 only at the open end of the level.
    pub hashes: Vec<Hash>,
}

impl Tile {
    /// Where the tile lies below the log's folder.
    pub fn path(&self) -> TilePath {
        TilePath { kind: TileKind::Hashes { level: self.level }, index: self.index, width: self.hashes.len() }
    }

    /// The file's content: the hashes one after the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.concat()
    }
}

/// The hashes in a tile's file, or `None` if it is not a whole number of them.
pub fn tile_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// What a tile file holds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TileKind {
    /// Hashes of one level of the tree.
    Hashes {
        /// 0 at the leaves.
        level: u8,
    },
    /// The records themselves.
    Entries,
}

/// Names a tile's file below the log's folder: `tile/0/x001/x234/067`, `tile/entries/000.p/17`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TilePath {
    /// What it holds.
    pub kind: TileKind,
    /// Position in its level, from 0.
    pub index: u64,
    /// 1 to 256; 256 is the full tile, whose name carries no width.
    pub width: usize,
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut thousands = Vec::new();
        let mut above = self.index / 1_000;
        while above > 0 {
            thousands.push(above % 1_000);
            above /= 1_000;
        }
        for group in thousands.iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", self.index % 1_000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Appends one record to an entry bundle: its length as a 16-bit big-endian number, then its bytes.
///
/// Records are at most [`crate::Record::BYTES_MAX`] long, far below what 16 bits can say; a longer one
/// would be cut here rather than corrupt its neighbours, and its hash would then not fit.
pub fn append_entry(record: &[u8], bundle: &mut Vec<u8>) {
    let length = u16::try_from(record.len()).unwrap_or(u16::MAX);
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend(record.iter().take(usize::from(length)));
}

/// The bundle ends in the middle of a record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the bundle ends in the middle of a record")]
pub struct TornBundle;

/// The records of an entry bundle, in order; after a [`TornBundle`] there are no more.
pub fn entries(bundle: &[u8]) -> Entries<'_> {
    Entries { rest: bundle }
}

/// See [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], TornBundle>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let split = self
            .rest
            .split_first_chunk::<2>()
            .and_then(|(length, after)| after.split_at_checked(u16::from_be_bytes(*length).into()));
        let Some((entry, after)) = split else {
            self.rest = &[];
            return Some(Err(TornBundle));
        };
        self.rest = after;
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::{TileKind, TilePath, TornBundle, append_entry, entries};

    #[test]
    fn tile_paths_are_grouped_by_thousands_as_the_specification_shows() {
        let path = |kind, index, width| TilePath { kind, index, width }.to_string();
        let hashes = |level| TileKind::Hashes { level };
        assert_eq!(path(hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(hashes(1), 0, 8), "tile/1/000.p/8");
        assert_eq!(path(TileKind::Entries, 67, 256), "tile/entries/067");
        assert_eq!(path(TileKind::Entries, 273, 112), "tile/entries/273.p/112");
        assert_eq!(path(TileKind::Entries, 1_000, 256), "tile/entries/x001/000");
    }

    #[test]
    fn a_bundle_gives_back_its_records_and_a_torn_one_says_so() {
        let mut bundle = Vec::new();
        append_entry(b"one", &mut bundle);
        append_entry(b"", &mut bundle);
        append_entry(b"three", &mut bundle);
        assert_eq!(entries(&bundle).collect::<Vec<_>>(), [Ok(&b"one"[..]), Ok(b""), Ok(b"three")]);
        bundle.pop();
        assert_eq!(entries(&bundle).last(), Some(Err(TornBundle)));
    }
}
