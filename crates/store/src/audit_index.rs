//! Where in the audit log each call lies. Only a shortcut: without it a call is searched from the start.

use std::path::Path;

use audit::{CallId, read_header};
use rusqlite::{OptionalExtension, params};

use crate::database::{Database, DatabaseError};
use crate::read::read_records;

/// Records indexed in one transaction.
const INDEX_RECORDS: usize = 20_000;

/// First and last record of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CallSpan {
    /// Which call.
    pub call: CallId,
    /// Position of its first record.
    pub first_seq: u64,
    /// Position of its last record so far.
    pub last_seq: u64,
}

impl Database {
    /// Brings the index up to the end of the log. Returns how many records were new.
    pub fn update_index(&mut self, log: &Path) -> Result<u64, DatabaseError> {
        let from: u64 = self.connection.query_row("SELECT size FROM audit_indexed", [], |row| row.get(0))?;
        let mut records = read_records(log, from);
        let mut size = from;
        loop {
            let transaction = self.connection.transaction()?;
            let begun_at = size;
            {
                let mut save = transaction.prepare_cached(
                    "INSERT INTO audit_calls VALUES (?1, ?2, ?2)
                     ON CONFLICT (call) DO UPDATE SET last_seq = excluded.last_seq",
                )?;
                for record in records.by_ref().take(INDEX_RECORDS) {
                    let (seq, bytes) =
                        record.map_err(|error| DatabaseError::Log { path: log.to_owned(), error })?;
                    // What is no record is `audit verify`'s to report.
                    if let Some(call) = read_header(&bytes).ok().and_then(|header| header.call_id()) {
                        save.execute(params![call.to_string(), seq])?;
                    }
                    size = seq + 1;
                }
            }
            transaction.execute("UPDATE audit_indexed SET size = ?", [size])?;
            transaction.commit()?;
            if size == begun_at {
                return Ok(size - from);
            }
        }
    }

    /// Makes the index anew from the log's files.
    pub fn rebuild_index(&mut self, log: &Path) -> Result<u64, DatabaseError> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM audit_calls", [])?;
        transaction.execute("UPDATE audit_indexed SET size = 0", [])?;
        transaction.commit()?;
        self.update_index(log)
    }

    /// Where a call lies, if the index has it.
    pub fn call_span(&self, call: CallId) -> Result<Option<CallSpan>, DatabaseError> {
        let span = self
            .connection
            .prepare_cached("SELECT first_seq, last_seq FROM audit_calls WHERE call = ?")?
            .query_row([call.to_string()], |row| {
                Ok(CallSpan { call, first_seq: row.get(0)?, last_seq: row.get(1)? })
            })
            .optional()?;
        Ok(span)
    }
}
