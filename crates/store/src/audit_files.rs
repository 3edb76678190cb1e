//! The audit log's folder: opening it, checking that it continues itself, writing to it.
//!
//! ```text
//! lock          held by the one process that writes
//! wal/…         write-ahead segments: records become durable here (wal.rs)
//! tile/…        tiles and entry bundles, as c2sp.org/tlog-tiles names them (integrator.rs)
//! checkpoint    the signed head
//! head          the head about to be signed: a restart never signs another root for its size
//! spill         records that could not be written to `wal`, if no other place is configured
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{
    Checkpoint, Event, Hash, Head, Identity, Log, OpenCalls, Record, SigningKey, TilePath, leaf_hash,
    read_header,
};
use thiserror::Error;

use crate::disk::{AppendFile, Disk, LocalDisk, create_private, create_private_dir, next_step};
use crate::integrator::{CHECKPOINT_FILE, Integrator, leaf_of, read_head, read_optional};
use crate::replay::{Replay, ReplayError, replay, sync_segments};
use crate::spill::read_spill;
use crate::wal;

/// Records written together at most.
pub(crate) const GROUP_RECORDS_MAX: usize = 256;

/// Where a log lies and whose it is.
#[derive(Clone, Debug)]
pub struct AuditPlace {
    /// The log's folder.
    pub dir: PathBuf,
    /// The second file, for when the folder cannot be written: better on another disk.
    pub spill: PathBuf,
    /// The key its checkpoints are signed with.
    pub key: SigningKey,
    /// The node and this run of it.
    pub identity: Identity,
}

impl AuditPlace {
    /// A log with its spill file in the same folder.
    pub fn new(dir: &Path, key: SigningKey, identity: Identity) -> Self {
        Self { dir: dir.to_owned(), spill: dir.join("spill"), key, identity }
    }
}

/// What opening a log found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recovered {
    /// Records in the log.
    pub size: u64,
    /// Bytes of a last group that a crash interrupted; nobody had been told they were durable.
    pub dropped_bytes: u64,
    /// Records taken over from the spill file.
    pub from_spill: u64,
    /// Calls that had not ended: their `call.end` is now the caller's to seal.
    pub open_calls: Vec<audit::CallId>,
    /// The folder has tiles and no segments: it was restored from an export.
    pub was_restored: bool,
}

/// Why a log cannot be continued. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The disk refuses.
    #[error("audit log {}: {error}; {}", .path.display(), next_step(.error))]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another process writes it.
    #[error("audit log {} is being written by another careline: two writers would fork it. Stop the other one, or configure another folder", .path.display())]
    InUse {
        /// The log's folder.
        path: PathBuf,
    },
    /// The checkpoint is not signed by this key.
    #[error("audit log {}: {why}. Configure the key this log was begun with, or begin a new log in an empty folder", .path.display())]
    WrongKey {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        why: audit::CheckpointError,
    },
    /// Something that had been durable is missing or changed.
    #[error("audit log {} is damaged at record {seq}: {what}. Keep the folder as evidence, run `careline audit verify` on it, restore a backup or begin a new log in an empty folder", .path.display())]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// First record that does not fit.
        seq: u64,
        /// In what way.
        what: &'static str,
    },
}

/// An opened log: the only writer of its folder.
pub struct AuditFiles {
    pub(crate) journal: Journal,
    pub(crate) integrator: Integrator,
    pub(crate) log: Log,
    pub(crate) spill: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    /// Held, not read: the lock goes when the file is closed.
    pub(crate) lock: File,
}

impl AuditFiles {
    /// Opens or begins a log on this machine's disk.
    pub fn open(place: &AuditPlace) -> Result<(Self, Recovered), OpenError> {
        Self::open_on(place, Arc::new(LocalDisk))
    }

    /// Opens or begins a log on a given disk.
    pub fn open_on(place: &AuditPlace, disk: Arc<dyn Disk>) -> Result<(Self, Recovered), OpenError> {
        let dir = place.dir.as_path();
        create_private_dir(&wal::folder(dir)).map_err(|error| io_at(dir, error))?;
        let lock = lock(dir)?;
        let signed = read_checkpoint(dir, &place.key)?;
        let signed_size = signed.as_ref().map_or(0, |signed| signed.head.size);
        let key = place.key.clone();
        let integrator = Integrator::resume(dir, Arc::clone(&disk), key, signed_size)
            .map_err(|error| damaged_or_io(dir, signed_size, error))?;
        if let Some(signed) = signed.filter(|signed| signed.head != integrator.head()) {
            let what = "its tiles do not have the root its checkpoint was signed for";
            return Err(OpenError::Damaged { path: dir.to_owned(), seq: signed.head.size - 1, what });
        }
        let (replayed, was_restored) = replay_onto(dir, signed_size)?;
        let mut journal = Journal::new(dir, Arc::clone(&disk), replayed.end, replayed.open_calls);
        let from_spill = take_spill(&place.spill, &mut journal)?;
        let open_calls = journal.open_calls.clone();
        let recovered = Recovered {
            size: journal.size,
            dropped_bytes: replayed.dropped_bytes,
            from_spill,
            open_calls: open_calls.iter().map(|open| open.call).collect(),
            was_restored,
        };
        let log = Log::resume(Head { size: journal.size, open_calls }, place.identity.clone());
        let mut files = Self { journal, integrator, log, spill: place.spill.clone(), disk, lock };
        files.catch_up(dir)?;
        Ok((files, recovered))
    }

    /// Integrates what the segments hold beyond the tiles, and compares with the head that may have been
    /// signed just before a crash.
    fn catch_up(&mut self, dir: &Path) -> Result<(), OpenError> {
        let promised = read_head(dir).map_err(|error| damaged_or_io(dir, self.journal.size, error))?;
        if let Some(promised) = promised.filter(|promised| promised.size >= self.integrator.signed()) {
            let damaged = |what| OpenError::Damaged { path: dir.to_owned(), seq: self.journal.size, what };
            if promised.size > self.journal.size {
                return Err(damaged("it is shorter than the head it was about to sign"));
            }
            self.integrator.advance(promised.size).map_err(|error| io_at(dir, error))?;
            if self.integrator.head() != promised {
                return Err(damaged("it differs from the head it was about to sign"));
            }
        }
        self.checkpoint().map_err(|error| io_at(dir, error))
    }

    /// Seals facts and makes them durable. After an error nothing is lost: the records are still in
    /// memory only, and `self` is good for nothing but to be dropped.
    pub fn append(&mut self, events: Vec<Event>) -> io::Result<Vec<Record>> {
        let records: Vec<Record> = events.into_iter().map(|event| self.log.seal(event)).collect();
        for group in records.chunks(GROUP_RECORDS_MAX) {
            self.journal.commit(group)?;
        }
        Ok(records)
    }

    /// Brings tiles up to date and signs the head.
    pub fn checkpoint(&mut self) -> io::Result<()> {
        self.integrator.advance(self.journal.size)?;
        self.integrator.checkpoint()
    }

    /// Records in the log.
    pub fn size(&self) -> u64 {
        self.journal.size
    }
}

/// The write-ahead segments' writing end.
pub(crate) struct Journal {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    segment: Option<Segment>,
    /// Records that are durable.
    pub size: u64,
    /// Calls open after them.
    pub open_calls: OpenCalls,
}

struct Segment {
    file: Box<dyn AppendFile>,
    bytes: u64,
}

impl Journal {
    fn new(dir: &Path, disk: Arc<dyn Disk>, size: u64, open_calls: OpenCalls) -> Self {
        Self { dir: dir.to_owned(), disk, segment: None, size, open_calls }
    }

    /// Writes records, which follow the last, and returns when they survive a power cut.
    ///
    /// After an error their fate is unknown (the kernel may have dropped the pages), so nothing is
    /// written to that segment again: the next attempt begins a new one with the same records.
    pub fn commit(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(64 + records.iter().map(|r| r.bytes.len() + 8).sum::<usize>());
        let mut segment = match self.segment.take().filter(|segment| segment.bytes < wal::SEGMENT_BYTES) {
            Some(segment) => segment,
            None => {
                wal::append_segment_head(self.size, &self.open_calls, &mut bytes);
                let file = self.disk.create(&wal::segment_path(&self.dir, self.size))?;
                Segment { file, bytes: 0 }
            }
        };
        wal::append_commit(self.size, segment.bytes + bytes.len() as u64, &mut bytes);
        for record in records {
            wal::append_record(&record.bytes, &mut bytes);
        }
        segment.file.append(&bytes)?;
        segment.file.sync()?;
        segment.bytes += bytes.len() as u64;
        self.segment = Some(segment);
        self.size += records.len() as u64;
        for record in records {
            if let Some(latest) = record.open_call() {
                self.open_calls.follow(latest, &record.kind);
            }
        }
        Ok(())
    }
}

fn io_at(path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { path: path.to_owned(), error }
}

fn damaged_or_io(path: &Path, seq: u64, error: io::Error) -> OpenError {
    let what = match error.kind() {
        io::ErrorKind::InvalidData => "a tile does not have the form and size its checkpoint asks for",
        io::ErrorKind::NotFound => "a tile its checkpoint was signed for is missing",
        _ => return io_at(path, error),
    };
    OpenError::Damaged { path: path.to_owned(), seq, what }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = create_private(&path).map_err(|error| io_at(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_at(&path, error)),
    }
}

fn read_checkpoint(dir: &Path, key: &SigningKey) -> Result<Option<Checkpoint>, OpenError> {
    let path = dir.join(CHECKPOINT_FILE);
    let Some(note) = read_optional(&path).map_err(|error| io_at(&path, error))? else { return Ok(None) };
    Checkpoint::open(&note, &key.verifying_key()).map(Some).map_err(|why| OpenError::WrongKey { path, why })
}

/// Replays the segments and holds them against the tiles. The flag says that there were none.
fn replay_onto(dir: &Path, signed: u64) -> Result<(Replay, bool), OpenError> {
    sync_segments(dir).map_err(|error| io_at(dir, error))?;
    let mut held: Option<(TilePath, Vec<Hash>)> = None;
    let mut wrong: Option<Result<u64, io::Error>> = None;
    let replayed = replay(dir, |seq, record| {
        if seq >= signed || wrong.is_some() {
            return;
        }
        match leaf_of(dir, signed, seq, &mut held) {
            Ok(leaf) if leaf == Some(leaf_hash(record)) => {}
            Ok(_) => wrong = Some(Ok(seq)),
            Err(error) => wrong = Some(Err(error)),
        }
    });
    let mut replayed = replayed.map_err(|error| match error {
        ReplayError::Io(error) => io_at(&wal::folder(dir), error),
        ReplayError::Damaged { path, seq } => OpenError::Damaged {
            path,
            seq,
            what: "what had been durable in this segment is no longer readable",
        },
    })?;
    let damaged = |seq, what| OpenError::Damaged { path: wal::folder(dir), seq, what };
    match wrong {
        Some(Ok(seq)) => return Err(damaged(seq, "its segments contradict its tiles")),
        Some(Err(error)) => return Err(damaged_or_io(dir, signed, error)),
        None => {}
    }
    let Some(first_seq) = replayed.first_seq else {
        replayed.end = signed;
        replayed.open_calls = open_calls_of_tiles(dir)?;
        return Ok((replayed, signed > 0));
    };
    if first_seq > signed {
        return Err(damaged(signed, "records between its tiles and its segments are missing"));
    }
    if replayed.end < signed {
        return Err(damaged(replayed.end, "its segments end before its checkpoint"));
    }
    Ok((replayed, false))
}

/// Without segments only all the records can tell which calls are open.
fn open_calls_of_tiles(dir: &Path) -> Result<OpenCalls, OpenError> {
    let mut open = OpenCalls::default();
    for record in crate::read::read_records(dir, 0) {
        let (_, record) = record.map_err(|error| io_at(dir, error))?;
        if let Ok(header) = read_header(&record)
            && let Some(latest) = header.open_call(leaf_hash(&record))
        {
            open.follow(latest, &header.kind);
        }
    }
    Ok(open)
}

/// Takes over what a stalled log had put aside when its process ended.
fn take_spill(path: &Path, journal: &mut Journal) -> Result<u64, OpenError> {
    let mut records = match read_spill(path) {
        Ok(records) => records,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(io_at(path, error)),
    };
    // What reached the segments after all is there twice.
    records.retain(|record| record.seq >= journal.size);
    for (expected, record) in (journal.size..).zip(&records) {
        if record.seq != expected {
            let what = "records between its segments and its spill file are missing";
            return Err(OpenError::Damaged { path: path.to_owned(), seq: expected, what });
        }
    }
    for group in records.chunks(GROUP_RECORDS_MAX) {
        journal.commit(group).map_err(|error| io_at(path, error))?;
    }
    fs::remove_file(path).map_err(|error| io_at(path, error))?;
    Ok(records.len() as u64)
}
