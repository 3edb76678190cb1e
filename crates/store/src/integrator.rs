//! From write-ahead segments to the files an auditor reads: tiles, entry bundles, checkpoint.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::tile::{TILE_WIDTH, append_entry, entries, tile_hashes};
use audit::{
    Checkpoint, Hash, SigningKey, TileKind, TilePath, Tree, TreeHead, checkpoint_text, leaf_hash,
    level_count, open_width, parse_text,
};

use crate::disk::Disk;
use crate::replay::WalReader;
use crate::wal;

/// Records taken from the segments between two visits to the disk: 64 bundles, some 10 MB at the most
/// usual sizes.
const ROUND_RECORDS: usize = 64 * TILE_WIDTH;

/// Grows the tree after the log is durable and signs its head.
pub(crate) struct Integrator {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    key: SigningKey,
    tree: Tree,
    /// The entry bundle that is not full.
    bundle: Vec<u8>,
    reader: WalReader,
    /// Files to be written before the tree may grow further: kept, and tried again, when a write fails.
    unwritten: Vec<(PathBuf, Vec<u8>)>,
    /// Partial tiles of the last checkpoint, superfluous after the next.
    partial: Vec<PathBuf>,
    signed: u64,
}

impl Integrator {
    /// Continues from the tiles of a tree of this size, which were durable when it was signed.
    pub fn resume(dir: &Path, disk: Arc<dyn Disk>, key: SigningKey, signed: u64) -> io::Result<Self> {
        let mut levels = Vec::new();
        let mut partial = Vec::new();
        for level in 0..level_count(signed) {
            let path = open_tile(signed, TileKind::Hashes { level }, level);
            let hashes = if path.width == 0 { Vec::new() } else { read_tile(dir, path)? };
            if path.width > 0 {
                partial.push(dir.join(path.to_string()));
            }
            levels.push(hashes);
        }
        let tree = Tree::resume(signed, levels).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let path = open_tile(signed, TileKind::Entries, 0);
        let mut bundle = Vec::new();
        if path.width > 0 {
            bundle = read_bundle(dir, path)?;
            partial.push(dir.join(path.to_string()));
        }
        let reader = WalReader::new(dir, signed);
        Ok(Self {
            dir: dir.to_owned(),
            disk,
            key,
            tree,
            bundle,
            reader,
            unwritten: Vec::new(),
            partial,
            signed,
        })
    }

    /// Size and root of what has been integrated.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.tree.size(), root: self.tree.root() }
    }

    /// Size of the last signed tree.
    pub fn signed(&self) -> u64 {
        self.signed
    }

    /// Takes the records before `durable` into tiles and bundles.
    pub fn advance(&mut self, durable: u64) -> io::Result<()> {
        loop {
            self.write_pending()?;
            if self.tree.size() >= durable {
                return Ok(());
            }
            let mut records = Vec::new();
            self.reader.read(durable, ROUND_RECORDS, &mut records)?;
            for record in &records {
                self.append(record);
            }
        }
    }

    fn append(&mut self, record: &[u8]) {
        append_entry(record, &mut self.bundle);
        let mut full = Vec::new();
        self.tree.append(leaf_hash(record), &mut full);
        for tile in full {
            if tile.level == 0 {
                let path = TilePath { kind: TileKind::Entries, index: tile.index, width: TILE_WIDTH };
                self.unwritten.push((self.dir.join(path.to_string()), std::mem::take(&mut self.bundle)));
            }
            self.unwritten.push((self.dir.join(tile.path().to_string()), tile.to_bytes()));
        }
    }

    fn write_pending(&mut self) -> io::Result<()> {
        if !self.unwritten.is_empty() {
            self.disk.replace(&self.unwritten)?;
            self.unwritten.clear();
        }
        Ok(())
    }

    /// Signs what has been integrated, if it grew, and drops what is then no longer needed.
    pub fn checkpoint(&mut self) -> io::Result<()> {
        let head = self.head();
        if head.size == self.signed {
            return Ok(());
        }
        self.write_pending()?;
        let partial = self.partial_files();
        self.disk.replace(&partial)?;
        // Before the signature: after a crash the same size is never signed with another root.
        let text = checkpoint_text(self.key.origin(), &head);
        self.disk.replace(&[(self.dir.join(HEAD_FILE), text.into_bytes())])?;
        let signed = Checkpoint::sign(&self.key, head);
        self.disk.replace(&[(self.dir.join(CHECKPOINT_FILE), signed.note.into_bytes())])?;
        self.signed = head.size;
        let kept: Vec<PathBuf> = partial.into_iter().map(|(path, _)| path).collect();
        let superfluous = std::mem::replace(&mut self.partial, kept);
        for path in superfluous.iter().filter(|path| !self.partial.contains(path)) {
            self.disk.remove(path)?;
            // The folder of partial tiles goes with its last file; not empty is no error.
            if let Some(folder) = path.parent() {
                let _ = fs::remove_dir(folder);
            }
        }
        self.remove_segments()
    }

    fn partial_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
        for tile in self.tree.open_tiles() {
            if tile.level == 0 {
                let path = TilePath { kind: TileKind::Entries, ..tile.path() };
                files.push((self.dir.join(path.to_string()), self.bundle.clone()));
            }
            files.push((self.dir.join(tile.path().to_string()), tile.to_bytes()));
        }
        files
    }

    /// Removes segments whose records are all in signed tiles. The next segment must itself hold a
    /// signed record: then its header, with the open calls, is durable too.
    fn remove_segments(&self) -> io::Result<()> {
        let segments = wal::segments(&self.dir)?;
        for pair in segments.windows(2) {
            if let [old, next] = pair
                && *next < self.signed
            {
                self.disk.remove(&wal::segment_path(&self.dir, *old))?;
            }
        }
        Ok(())
    }
}

/// The signed head, as c2sp.org/tlog-tiles names it.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint";
/// Size and root about to be signed, or signed last.
pub(crate) const HEAD_FILE: &str = "head";

/// The head written before it was signed.
pub(crate) fn read_head(dir: &Path) -> io::Result<Option<TreeHead>> {
    let Some(bytes) = read_optional(&dir.join(HEAD_FILE))? else { return Ok(None) };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let (_, head) = parse_text(&text)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file `head` is not a tree head"))?;
    Ok(Some(head))
}

/// A file's content, or `None` if there is no such file.
pub(crate) fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The tile at the open end of a level in a tree of this size; width 0 where none is open.
fn open_tile(size: u64, kind: TileKind, level: u8) -> TilePath {
    let shift = (u32::from(level) + 1) * audit::tile::TILE_HEIGHT;
    TilePath { kind, index: size.checked_shr(shift).unwrap_or(0), width: open_width(size, level) }
}

pub(crate) fn read_tile(dir: &Path, path: TilePath) -> io::Result<Vec<Hash>> {
    let bytes = fs::read(dir.join(path.to_string()))?;
    tile_hashes(&bytes)
        .filter(|hashes| hashes.len() == path.width)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not a tile")))
}

fn read_bundle(dir: &Path, path: TilePath) -> io::Result<Vec<u8>> {
    let bytes = fs::read(dir.join(path.to_string()))?;
    let is_whole = entries(&bytes).all(|entry| entry.is_ok()) && entries(&bytes).count() == path.width;
    if is_whole {
        Ok(bytes)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not an entry bundle")))
    }
}

/// A level-0 hash of a signed tree.
pub(crate) fn leaf_of(
    dir: &Path,
    size: u64,
    seq: u64,
    last: &mut Option<(TilePath, Vec<Hash>)>,
) -> io::Result<Option<Hash>> {
    let path = audit::proof::tile_path(size, 0, seq / TILE_WIDTH as u64);
    if last.as_ref().is_none_or(|(held, _)| *held != path) {
        *last = Some((path, read_tile(dir, path)?));
    }
    let at = usize::try_from(seq % TILE_WIDTH as u64).unwrap_or(usize::MAX);
    Ok(last.as_ref().and_then(|(_, hashes)| hashes.get(at).copied()))
}
