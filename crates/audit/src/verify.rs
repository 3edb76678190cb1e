//! Verification of an exported log with nothing but its files and the public key.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::VerifyingKey;
use crate::proof::{TreeHead, tile_path};
use crate::record::{Header, RecordError, read_header};
use crate::tile::{TILE_WIDTH, Tile, TileKind, TilePath, entries, tile_hashes};
use crate::tree::{Hash, Tree, leaf_hash};
use crate::{CallId, Fact};

/// Incomplete calls listed by name; the rest are counted.
pub const INCOMPLETE_LISTED_MAX: usize = 1_000;

/// Calls followed at once. A log with more calls open than this was not written by careline; the
/// surplus is reported as incomplete instead of filling the auditor's memory.
pub const CALLS_FOLLOWED_MAX: usize = 1 << 20;

/// A call silent for longer than this, in a log that goes on, has ended without saying so. No call lasts
/// a day.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(24);

/// The files of a log, wherever they are.
pub trait Export {
    /// Why a file could not be read.
    type Error;

    /// A file named as in c2sp.org/tlog-tiles (`checkpoint`, `tile/0/000`), or `None` if there is none.
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Records from `from` on that are not in bundles yet (a running log's write-ahead segments),
    /// without gaps. None, for a log that was closed.
    fn tail(&mut self, from: u64) -> Result<Vec<Vec<u8>>, Self::Error>;
}

/// A log in which nothing was changed, inserted or left out since it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The log's own head: everything below its size is vouched for by its signature.
    pub head: TreeHead,
    /// Records after the last checkpoint: well formed and in order, not signed for yet.
    pub unsigned: u64,
    /// Calls whose records are all there, from first to `call.end`.
    pub complete: u64,
    /// Calls under way when the log was read.
    pub open: u64,
    /// Calls that lack records, at most [`INCOMPLETE_LISTED_MAX`] of them by name.
    pub incomplete: Vec<Incomplete>,
    /// How many lack records in all.
    pub incomplete_count: u64,
}

/// A call that lacks records although the log itself is intact: whoever wrote the log left them out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Incomplete {
    /// Which call.
    pub call: CallId,
    /// The record after which something is missing.
    pub last_seq: u64,
    /// What is missing.
    pub what: Missing,
}

/// What a call lacks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Records before this one.
    Middle,
    /// Its end.
    End,
}

/// Why a log is not to be believed. The first thing that does not fit is named.
#[derive(Debug, Error)]
pub enum Broken<E> {
    /// The files could not be read; nothing is said about their content.
    #[error("cannot read the log: {0}")]
    Unreadable(E),
    /// The checkpoint is not one of this log.
    #[error("checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// A record is not what was sealed.
    #[error("record {seq}: {why}")]
    Record {
        /// Position of the first record that does not fit.
        seq: u64,
        /// What is wrong with it.
        why: BadRecord,
    },
    /// A tile above the leaves does not fit the records below it.
    #[error("{path} does not fit the records {first} to {last} below it")]
    Tile {
        /// The tile.
        path: TilePath,
        /// First record under the first hash that differs.
        first: u64,
        /// Last record under it.
        last: u64,
    },
    /// Everything fits but the signed root: records and tiles were changed together.
    #[error("the records {from} to {} are not those the checkpoint was signed for", size - 1)]
    Root {
        /// From here on; everything before is vouched for by the older checkpoint.
        from: u64,
        /// Size of the signed tree.
        size: u64,
    },
    /// A file that the checkpoint says exists is not there.
    #[error("{path} is missing: the log was truncated, or copied incompletely")]
    Absent {
        /// The missing file.
        path: String,
    },
    /// The log is shorter than it once was.
    #[error("the log has {has} records and had {had} when the older checkpoint was signed: it was truncated")]
    Truncated {
        /// Signed now.
        has: u64,
        /// Signed then.
        had: u64,
    },
    /// The log does not begin with the records it once had.
    #[error("the first {size} records are not those the older checkpoint was signed for: the log was forked")]
    Forked {
        /// Size of the older checkpoint.
        size: u64,
    },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BadRecord {
    /// The leaf hash in the tile is another.
    #[error("changed after it was sealed: its hash is not the one in its tile")]
    Changed,
    /// Not readable as a record.
    #[error(transparent)]
    Unreadable(RecordError),
    /// It says it belongs elsewhere.
    #[error("out of place: it says it is record {says}")]
    OutOfPlace {
        /// The position it claims.
        says: u64,
    },
    /// Its bundle ends in the middle of it, or holds more records than it should.
    #[error("its bundle is cut or has something added")]
    Bundle,
    /// It does not follow its call's previous record, or that one was changed.
    #[error("its call's previous record is not the one it was sealed after")]
    Chain,
}

impl<E> Broken<E> {
    /// Exit status of `careline audit verify`: 1 unreadable, 2 tampered with, 3 truncated or forked.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable(_) => 1,
            Self::Checkpoint(_) | Self::Record { .. } | Self::Tile { .. } | Self::Root { .. } => 2,
            Self::Absent { .. } | Self::Truncated { .. } | Self::Forked { .. } => 3,
        }
    }
}

impl Verified {
    /// Exit status of `careline audit verify`: 0 all is well, 4 calls lack records.
    pub fn exit_code(&self) -> u8 {
        if self.incomplete_count == 0 { 0 } else { 4 }
    }
}

/// Verifies a log and names the first record that does not fit.
///
/// `since` is any checkpoint kept from earlier: with it, a log cut short or rewritten by somebody who
/// has the signing key is noticed too.
pub fn verify<X: Export>(
    export: &mut X,
    key: &VerifyingKey,
    since: Option<&Checkpoint>,
) -> Result<Verified, Broken<X::Error>> {
    let head = signed_head(export, key)?;
    if let Some(since) = since.filter(|since| since.head.size > head.size) {
        return Err(Broken::Truncated { has: head.size, had: since.head.size });
    }
    let mut walk = Walk { since: since.map(|since| since.head), ..Walk::default() };
    walk.check_since()?;
    while walk.tree.size() < head.size {
        walk.bundle(export, &head)?;
    }
    walk.open_tiles(export)?;
    if walk.tree.root() != head.root {
        return Err(Broken::Root { from: since.map_or(0, |since| since.head.size), size: head.size });
    }
    let tail = export.tail(head.size).map_err(Broken::Unreadable)?;
    for record in &tail {
        walk.record(record, None)?;
    }
    let mut verified = walk.calls.finish();
    verified.head = head;
    verified.unsigned = tail.len() as u64;
    Ok(verified)
}

fn signed_head<X: Export>(export: &mut X, key: &VerifyingKey) -> Result<TreeHead, Broken<X::Error>> {
    match export.read("checkpoint").map_err(Broken::Unreadable)? {
        Some(note) => Checkpoint::open(&note, key).map(|signed| signed.head).map_err(Broken::Checkpoint),
        None => Err(Broken::Absent { path: "checkpoint".to_owned() }),
    }
}

/// A file of the open end of the log, which a writer may have replaced by a wider one meanwhile.
fn read_open<X: Export>(export: &mut X, path: TilePath) -> Result<Option<Vec<u8>>, Broken<X::Error>> {
    let widths =
        std::iter::once(path.width).chain(std::iter::once(TILE_WIDTH)).chain(path.width + 1..TILE_WIDTH);
    for width in widths {
        let wider = TilePath { width, ..path };
        if let Some(bytes) = export.read(&wider.to_string()).map_err(Broken::Unreadable)? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The walk through all records, from the first.
#[derive(Default)]
struct Walk {
    tree: Tree,
    calls: Calls,
    since: Option<TreeHead>,
}

impl Walk {
    /// One bundle's records against their hashes, and every tile they fill against its file.
    fn bundle<X: Export>(&mut self, export: &mut X, head: &TreeHead) -> Result<(), Broken<X::Error>> {
        let first = self.tree.size();
        let index = first / TILE_WIDTH as u64;
        let leaves = tile_path(head.size, 0, index);
        let hashes = read_open(export, leaves)?
            .ok_or_else(|| Broken::Absent { path: leaves.to_string() })
            .map(|bytes| tile_hashes(&bytes).unwrap_or_default())?;
        let path = TilePath { kind: TileKind::Entries, ..leaves };
        let mut full = Vec::new();
        match read_open(export, path)? {
            Some(bundle) => {
                let mut records = entries(&bundle);
                for at in 0..leaves.width {
                    let seq = first + at as u64;
                    let Some(Ok(record)) = records.next() else {
                        return Err(Broken::Record { seq, why: BadRecord::Bundle });
                    };
                    full.extend(self.signed_record(record, hashes.get(at))?);
                }
            }
            // A copy taken between a checkpoint and its bundle: the write-ahead segments have them.
            None => {
                let tail = export.tail(first).map_err(Broken::Unreadable)?;
                if tail.len() < leaves.width {
                    return Err(Broken::Absent { path: path.to_string() });
                }
                for (at, record) in tail.iter().take(leaves.width).enumerate() {
                    full.extend(self.signed_record(record, hashes.get(at))?);
                }
            }
        }
        for tile in full.iter().filter(|tile| tile.level > 0) {
            check_tile(export, tile)?;
        }
        Ok(())
    }

    /// A record the checkpoint covers; an absent hash in its tile is as bad as a wrong one.
    fn signed_record<E>(&mut self, record: &[u8], tile_hash: Option<&Hash>) -> Result<Vec<Tile>, Broken<E>> {
        let none = [0; 32];
        self.record(record, Some(tile_hash.unwrap_or(&none)))
    }

    fn record<E>(&mut self, record: &[u8], tile_hash: Option<&Hash>) -> Result<Vec<Tile>, Broken<E>> {
        let seq = self.tree.size();
        let bad = |why| Broken::Record { seq, why };
        let leaf = leaf_hash(record);
        if tile_hash.is_some_and(|expected| *expected != leaf) {
            return Err(bad(BadRecord::Changed));
        }
        let header = read_header(record).map_err(|why| bad(BadRecord::Unreadable(why)))?;
        if header.seq != seq {
            return Err(bad(BadRecord::OutOfPlace { says: header.seq }));
        }
        self.calls.follow(&header, leaf).map_err(bad)?;
        let mut full = Vec::new();
        self.tree.append(leaf, &mut full);
        self.check_since()?;
        Ok(full)
    }

    fn check_since<E>(&self) -> Result<(), Broken<E>> {
        match self.since {
            Some(since) if since.size == self.tree.size() && since.root != self.tree.root() => {
                Err(Broken::Forked { size: since.size })
            }
            _ => Ok(()),
        }
    }

    /// The tiles above the leaves at the open end of the log.
    fn open_tiles<X: Export>(&self, export: &mut X) -> Result<(), Broken<X::Error>> {
        for tile in self.tree.open_tiles().filter(|tile| tile.level > 0) {
            check_tile(export, &tile)?;
        }
        Ok(())
    }
}

fn check_tile<X: Export>(export: &mut X, tile: &Tile) -> Result<(), Broken<X::Error>> {
    let path = tile.path();
    let bytes = read_open(export, path)?.ok_or_else(|| Broken::Absent { path: path.to_string() })?;
    let stored = tile_hashes(&bytes).unwrap_or_default();
    let differs = tile.hashes.iter().enumerate().find(|(at, hash)| stored.get(*at) != Some(hash));
    let Some((at, _)) = differs else { return Ok(()) };
    let each = 1_u64 << (u32::from(tile.level) * crate::tile::TILE_HEIGHT);
    let first = (tile.index * TILE_WIDTH as u64 + at as u64) * each;
    Err(Broken::Tile { path, first, last: first + each - 1 })
}

/// The calls met so far, each followed until its end.
#[derive(Default)]
struct Calls {
    open: BTreeMap<CallId, Followed>,
    complete: u64,
    incomplete: Vec<Incomplete>,
    incomplete_count: u64,
    boot: String,
    runs: u64,
    last_at: Option<Timestamp>,
    is_closed: bool,
}

struct Followed {
    cseq: u64,
    previous: Hash,
    last_seq: u64,
    run: u64,
    last_at: Option<Timestamp>,
    is_incomplete: bool,
}

impl Calls {
    fn follow(&mut self, header: &Header<'_>, leaf: Hash) -> Result<(), BadRecord> {
        if self.boot != header.boot {
            self.boot = header.boot.clone().into_owned();
            self.runs += 1;
        }
        let at: Option<Timestamp> = header.ts.parse().ok();
        self.last_at = at.or(self.last_at);
        self.is_closed = header.kind == "log.stop";
        if header.call.is_none() {
            return Ok(());
        }
        let malformed = BadRecord::Unreadable(RecordError::Malformed);
        let (Some(call), Some(cseq)) = (header.call_id(), header.cseq) else { return Err(malformed) };
        let known = self.open.remove(&call);
        let mut is_incomplete = known.as_ref().is_some_and(|known| known.is_incomplete);
        let follows = known.as_ref().map_or(cseq == 1, |known| cseq == known.cseq + 1);
        if follows {
            if header.previous() != known.map(|known| known.previous) {
                return Err(BadRecord::Chain);
            }
        } else if !is_incomplete {
            is_incomplete = true;
            self.report(call, header.seq, Missing::Middle);
        }
        if header.kind == Fact::CALL_END {
            if header.n != Some(cseq) {
                return Err(malformed);
            }
            self.complete += u64::from(!is_incomplete);
            return Ok(());
        }
        if self.open.len() >= CALLS_FOLLOWED_MAX {
            self.report(call, header.seq, Missing::End);
            return Ok(());
        }
        let run = self.runs;
        let followed =
            Followed { cseq, previous: leaf, last_seq: header.seq, run, last_at: at, is_incomplete };
        self.open.insert(call, followed);
        Ok(())
    }

    fn report(&mut self, call: CallId, last_seq: u64, what: Missing) {
        self.incomplete_count += 1;
        if self.incomplete.len() < INCOMPLETE_LISTED_MAX {
            self.incomplete.push(Incomplete { call, last_seq, what });
        }
    }

    fn finish(mut self) -> Verified {
        let mut open = 0;
        for (call, followed) in std::mem::take(&mut self.open) {
            let is_silent = match (self.last_at, followed.last_at) {
                (Some(end), Some(last)) => end.duration_since(last) > SILENCE_MAX,
                _ => true,
            };
            if followed.is_incomplete {
                continue;
            }
            if self.is_closed || followed.run != self.runs || is_silent {
                self.report(call, followed.last_seq, Missing::End);
            } else {
                open += 1;
            }
        }
        Verified {
            head: TreeHead { size: 0, root: crate::tree::empty_root() },
            unsigned: 0,
            complete: self.complete,
            open,
            incomplete: self.incomplete,
            incomplete_count: self.incomplete_count,
        }
    }
}
