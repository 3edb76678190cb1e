//! Reading write-ahead segments back: after a restart, for tiles, and by whoever looks at a running log.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use audit::{OpenCalls, leaf_hash, read_header};
use thiserror::Error;

use crate::wal::{self, Frame};

/// What the segments hold.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// First record in them; `None` if there is no segment at all.
    pub first_seq: Option<u64>,
    /// One past the last record.
    pub end: u64,
    /// Calls open after the last record.
    pub open_calls: OpenCalls,
    /// Bytes of an interrupted last group.
    pub dropped_bytes: u64,
}

/// Why the segments cannot be continued.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something that had been durable is not there any more.
    #[error("{} is damaged at record {seq}", .path.display())]
    Damaged { path: PathBuf, seq: u64 },
}

/// Reads all segments in order and hands each record over with its position.
pub(crate) fn replay(dir: &Path, mut each: impl FnMut(u64, &[u8])) -> Result<Replay, ReplayError> {
    let segments = wal::segments(dir)?;
    let mut replay = Replay { first_seq: segments.first().copied(), ..Replay::default() };
    replay.end = replay.first_seq.unwrap_or(0);
    for (at, first_seq) in segments.iter().enumerate() {
        let path = wal::segment_path(dir, *first_seq);
        let bytes = fs::read(&path)?;
        if *first_seq != replay.end {
            return Err(ReplayError::Damaged { path, seq: replay.end.min(*first_seq) });
        }
        let next = segments.get(at + 1).copied();
        // The oldest segment says which calls were open; from there on the records do.
        if let (0, Some((Frame::Head { open, .. }, _))) = (at, wal::frame_at(&bytes, 0)) {
            replay.open_calls = open;
        }
        let torn_at = read_segment(&bytes, next, &mut replay, &mut each)
            .map_err(|seq| ReplayError::Damaged { path: path.clone(), seq })?;
        if let Some(torn_at) = torn_at {
            let is_complete = next.is_none_or(|next| next == replay.end);
            if !is_complete || wal::is_followed_by_commit(&bytes, torn_at) {
                return Err(ReplayError::Damaged { path, seq: replay.end });
            }
            if next.is_none() {
                replay.dropped_bytes = (bytes.len() - torn_at) as u64;
            }
        }
    }
    Ok(replay)
}

/// Reads one segment. Returns where it stops being readable, if it does; `Err` is a record that is whole
/// and yet does not belong there.
fn read_segment(
    bytes: &[u8],
    next: Option<u64>,
    replay: &mut Replay,
    each: &mut impl FnMut(u64, &[u8]),
) -> Result<Option<usize>, u64> {
    let mut at = 0;
    while at < bytes.len() {
        let Some((frame, after)) = wal::frame_at(bytes, at) else { return Ok(Some(at)) };
        match frame {
            Frame::Head { first_seq, .. } => {
                if at != 0 || first_seq != replay.end {
                    return Err(replay.end);
                }
            }
            Frame::Commit { seq, offset } => {
                if seq != replay.end || offset != at as u64 {
                    return Err(replay.end);
                }
            }
            // A group that failed here and was written again in the next segment.
            Frame::Record(_) if next == Some(replay.end) => return Ok(None),
            Frame::Record(record) => {
                let header = read_header(record).map_err(|_| replay.end)?;
                if header.seq != replay.end {
                    return Err(replay.end);
                }
                if let Some(latest) = header.open_call(leaf_hash(record)) {
                    replay.open_calls.follow(latest, &header.kind);
                }
                each(replay.end, record);
                replay.end += 1;
            }
        }
        at = after;
    }
    Ok(None)
}

/// Makes everything read back durable: a process that was killed left it to the operating system.
pub(crate) fn sync_segments(dir: &Path) -> io::Result<()> {
    for first_seq in wal::segments(dir)? {
        File::open(wal::segment_path(dir, first_seq))?.sync_data()?;
    }
    Ok(())
}

/// The records from `from` on, up to where the segments stop being readable (a group being written).
pub(crate) fn tail(dir: &Path, from: u64) -> io::Result<Vec<Vec<u8>>> {
    let mut records = Vec::new();
    let segments = wal::segments(dir)?;
    // The segment that holds `from` is the last one that does not begin after it.
    let start = segments.iter().rposition(|first| *first <= from).unwrap_or(segments.len());
    for (at, first_seq) in segments.iter().enumerate().skip(start) {
        let bytes = fs::read(wal::segment_path(dir, *first_seq))?;
        let next = segments.get(at + 1).copied();
        let mut seq = *first_seq;
        let mut offset = 0;
        while let Some((frame, after)) = wal::frame_at(&bytes, offset) {
            offset = after;
            if let Frame::Record(record) = frame {
                if next == Some(seq) {
                    break;
                }
                if seq >= from {
                    records.push(record.to_vec());
                }
                seq += 1;
            }
        }
        if next.is_some_and(|next| next != seq) {
            break;
        }
    }
    Ok(records)
}

/// Follows the segments while they are written.
pub(crate) struct WalReader {
    dir: PathBuf,
    current: Option<Current>,
    /// Position of the next record to hand out.
    next_seq: u64,
}

struct Current {
    first_seq: u64,
    file: File,
    /// Position of the next record in the segment.
    seq: u64,
    /// What was read of it and not yet handed out.
    bytes: Vec<u8>,
}

/// How much is read at a time.
const READ_BYTES: usize = 256 << 10;

impl WalReader {
    pub fn new(dir: &Path, next_seq: u64) -> Self {
        Self { dir: dir.to_owned(), current: None, next_seq }
    }

    /// At most `max` of the records before `durable`, which have all been written.
    pub fn read(&mut self, durable: u64, max: usize, out: &mut Vec<Vec<u8>>) -> io::Result<()> {
        while self.next_seq < durable && out.len() < max {
            let Some(current) = &mut self.current else {
                self.current = Some(self.open_segment()?);
                continue;
            };
            current.take_records(&mut self.next_seq, durable, max, out);
            if self.next_seq < durable && out.len() < max && !current.read_more()? {
                // Closed: a later segment goes on from here.
                let closed = current.first_seq;
                let next = self.open_segment()?;
                if next.first_seq == closed {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "a record just written is gone",
                    ));
                }
                self.current = Some(next);
            }
        }
        Ok(())
    }

    fn open_segment(&self) -> io::Result<Current> {
        let segments = wal::segments(&self.dir)?;
        let first_seq = segments.into_iter().rfind(|first| *first <= self.next_seq);
        let first_seq = first_seq.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let file = File::open(wal::segment_path(&self.dir, first_seq))?;
        Ok(Current { first_seq, file, seq: first_seq, bytes: Vec::new() })
    }
}

impl Current {
    fn take_records(&mut self, next_seq: &mut u64, durable: u64, max: usize, out: &mut Vec<Vec<u8>>) {
        let mut at = 0;
        while *next_seq < durable && out.len() < max {
            let Some((frame, after)) = wal::frame_at(&self.bytes, at) else { break };
            at = after;
            if let Frame::Record(record) = frame {
                if self.seq == *next_seq {
                    out.push(record.to_vec());
                    *next_seq += 1;
                }
                self.seq += 1;
            }
        }
        self.bytes.drain(..at);
    }

    /// Whether there was more.
    fn read_more(&mut self) -> io::Result<bool> {
        let held = self.bytes.len();
        self.bytes.resize(held + READ_BYTES, 0);
        let room = self.bytes.get_mut(held..).unwrap_or_default();
        let read = self.file.read(room)?;
        self.bytes.truncate(held + read);
        Ok(read > 0)
    }
}
