//! The second file: where sealed records wait while the log's folder cannot be written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::{Record, leaf_hash, read_header};

use crate::disk::{AppendFile, Disk};
use crate::wal::{self, Frame};

/// Most bytes put aside: some half a million records, hours of a busy night. Beyond it records wait in
/// memory, and beyond that facts are dropped and counted.
pub(crate) const SPILL_BYTES_MAX: u64 = 256 << 20;

/// Records put aside, in the order they were sealed.
pub(crate) struct Spill {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file: Option<Box<dyn AppendFile>>,
    bytes: u64,
    records: u64,
}

impl Spill {
    pub fn new(path: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { path, disk, file: None, bytes: 0, records: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Puts records aside, durably. After an error they may be in the file or not; the file is then
    /// begun anew at the next attempt only if it held nothing else, since what it holds must stay.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            wal::append_record(&record.bytes, &mut bytes);
        }
        if self.bytes + bytes.len() as u64 > SPILL_BYTES_MAX {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None if self.records == 0 => self.file.insert(self.disk.create(&self.path)?),
            // A torn frame may end the file: nothing after it would be found again.
            None => return Err(io::Error::other("the spill file failed before")),
        };
        if let Err(error) = file.append(&bytes).and_then(|()| file.sync()) {
            self.file = None;
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        self.records += records.len() as u64;
        Ok(())
    }

    /// What was put aside, to be written to the log after all.
    pub fn read(&self) -> io::Result<Vec<Record>> {
        let mut records = read_spill(&self.path)?;
        records.truncate(usize::try_from(self.records).unwrap_or(usize::MAX));
        if records.len() as u64 == self.records {
            Ok(records)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the spill file lost records"))
        }
    }

    /// Forgets what is in the log by now.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file = None;
        self.bytes = 0;
        self.records = 0;
        self.disk.remove(&self.path)
    }
}

/// The records of a spill file, up to where it stops being readable.
pub(crate) fn read_spill(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = fs::read(path)?;
    let mut records = Vec::new();
    let mut offset = 0;
    while let Some((Frame::Record(record), after)) = wal::frame_at(&bytes, offset) {
        let Ok(header) = read_header(record) else { break };
        offset = after;
        records.push(Record {
            seq: header.seq,
            call: header.call_id(),
            cseq: header.cseq,
            kind: header.kind.clone().into_owned(),
            bytes: record.to_vec(),
            leaf: leaf_hash(record),
            refused: None,
        });
    }
    Ok(records)
}
