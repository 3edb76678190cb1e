//! Reading a log: while a server writes it, and from a plain copy of its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use audit::tile::{TILE_WIDTH, entries};
use audit::{
    Broken, CallId, Checkpoint, Export, TileKind, TilePath, Verified, VerifyingKey, read_header, verify,
};
use thiserror::Error;

use crate::disk::next_step;
use crate::integrator::{CHECKPOINT_FILE, read_optional};
use crate::replay;

/// How often a reader starts over because the writer replaced what was being read.
const ATTEMPTS_MAX: usize = 5;

/// All records from `from` on with their positions, first those in bundles, then those in write-ahead
/// segments. Nothing is verified.
pub fn read_records(dir: &Path, from: u64) -> Records {
    let start = from - from % TILE_WIDTH as u64;
    Records { dir: dir.to_owned(), from, next_seq: start, rows: Vec::new().into_iter(), is_last: false }
}

/// See [`read_records`].
pub struct Records {
    dir: PathBuf,
    from: u64,
    next_seq: u64,
    rows: std::vec::IntoIter<Vec<u8>>,
    /// The rows are those of the segments: nothing follows.
    is_last: bool,
}

impl Iterator for Records {
    type Item = io::Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.rows.next() {
                let seq = self.next_seq;
                self.next_seq += 1;
                if seq >= self.from {
                    return Some(Ok((seq, record)));
                }
                continue;
            }
            if self.is_last {
                return None;
            }
            match self.more() {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(error) => {
                    self.is_last = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records {
    /// The next bundle's records; after the last bundle, those of the segments.
    fn more(&mut self) -> io::Result<Vec<Vec<u8>>> {
        if self.next_seq.is_multiple_of(TILE_WIDTH as u64)
            && let Some(bundle) = widest_bundle(&self.dir, self.next_seq / TILE_WIDTH as u64)?
        {
            let records = entries(&bundle).map_while(Result::ok).map(<[u8]>::to_vec);
            return Ok(records.collect());
        }
        self.is_last = true;
        replay::tail(&self.dir, self.next_seq)
    }
}

/// The full bundle of this index, or the widest partial one.
fn widest_bundle(dir: &Path, index: u64) -> io::Result<Option<Vec<u8>>> {
    let full = TilePath { kind: TileKind::Entries, index, width: TILE_WIDTH };
    for _ in 0..ATTEMPTS_MAX {
        if let Some(bytes) = read_optional(&dir.join(full.to_string()))? {
            return Ok(Some(bytes));
        }
        let folder = dir.join(format!("{full}.p"));
        let listing = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            listing => listing?,
        };
        let widths = listing.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<usize>().ok());
        let Some(width) = widths.max() else { continue };
        // Gone meanwhile: the writer has a wider one.
        if let Some(bytes) = read_optional(&dir.join(TilePath { width, ..full }.to_string()))? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// One call's records, found by the beginning of its identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRecords {
    /// Which call.
    pub call: CallId,
    /// Its records in order, each with its position in the log.
    pub records: Vec<(u64, Vec<u8>)>,
}

/// Why a call's records could not be had.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The disk refuses.
    #[error("audit log {}: {error}; {}", .path.display(), next_step(.error))]
    Io {
        /// The log's folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No call begins so.
    #[error("no call in this log begins with {prefix}")]
    NoSuchCall {
        /// What was asked for.
        prefix: String,
    },
    /// Several do.
    #[error("{prefix} is the beginning of several calls, {one} and {other} among them: give more digits")]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// One of them.
        one: CallId,
        /// Another.
        other: CallId,
    },
    /// Not a beginning of 32 hexadecimal digits.
    #[error("a call is named by up to 32 lower-case hexadecimal digits, `{prefix}` is not")]
    NotACall {
        /// What was asked for.
        prefix: String,
    },
}

/// The records of the call whose identity begins with `prefix`, among those from `from` on (0, unless an
/// index says where the call begins).
pub fn records_of_call(dir: &Path, prefix: &str, from: u64) -> Result<CallRecords, ReadError> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let prefix = prefix.to_owned();
    if prefix.is_empty() || prefix.len() > 32 || !prefix.bytes().all(is_digit) {
        return Err(ReadError::NotACall { prefix });
    }
    let mark = format!("\"call\":\"{prefix}");
    let mut found: Option<CallRecords> = None;
    for record in read_records(dir, from) {
        let (seq, bytes) = record.map_err(|error| ReadError::Io { path: dir.to_owned(), error })?;
        // Most records are of other calls: a text search is cheaper than reading them.
        if !bytes.windows(mark.len()).any(|window| window == mark.as_bytes()) {
            continue;
        }
        let Some(call) = read_header(&bytes).ok().and_then(|header| header.call_id()) else { continue };
        if !call.to_string().starts_with(&prefix) {
            continue;
        }
        match &mut found {
            Some(of) if of.call == call => of.records.push((seq, bytes)),
            Some(of) => return Err(ReadError::Ambiguous { prefix, one: of.call, other: call }),
            None => found = Some(CallRecords { call, records: vec![(seq, bytes)] }),
        }
    }
    found.ok_or(ReadError::NoSuchCall { prefix })
}

/// The files of a log's folder as an auditor's export.
#[derive(Clone, Debug)]
pub struct DirExport {
    dir: PathBuf,
}

impl DirExport {
    /// The log in this folder.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }
}

impl Export for DirExport {
    type Error = io::Error;

    fn read(&mut self, path: &str) -> io::Result<Option<Vec<u8>>> {
        read_optional(&self.dir.join(path))
    }

    fn tail(&mut self, from: u64) -> io::Result<Vec<Vec<u8>>> {
        replay::tail(&self.dir, from)
    }
}

/// Verifies the log in a folder. Works on a copy, and while a server writes.
///
/// The exit status for scripts is [`Verified::exit_code`] or [`Broken::exit_code`].
pub fn verify_dir(
    dir: &Path,
    key: &VerifyingKey,
    since: Option<&Checkpoint>,
) -> Result<Verified, Broken<io::Error>> {
    let mut export = DirExport::new(dir);
    let mut attempt = 0;
    loop {
        let before = read_optional(&dir.join(CHECKPOINT_FILE)).map_err(Broken::Unreadable)?;
        let verdict = verify(&mut export, key, since);
        attempt += 1;
        // A writer moved records from segments to tiles meanwhile: look again at the newer state.
        let after = read_optional(&dir.join(CHECKPOINT_FILE)).map_err(Broken::Unreadable)?;
        if verdict.is_ok() || before == after || attempt == ATTEMPTS_MAX {
            return verdict;
        }
    }
}

/// An auditor's kept checkpoint, for the `since` of [`verify_dir`].
pub fn read_checkpoint_file(path: &Path, key: &VerifyingKey) -> Result<Checkpoint, Broken<io::Error>> {
    let note = fs::read(path).map_err(Broken::Unreadable)?;
    Checkpoint::open(&note, key).map_err(Broken::Checkpoint)
}
