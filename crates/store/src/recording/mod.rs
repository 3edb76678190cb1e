//! Recordings on the disk: each under a key of its own, never in plain.
//!
//! A file is a header and a row of sealed chunks. The STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár 2015)
//! numbers each chunk in its nonce and marks the last, so that none can be left out, exchanged or cut off unseen; the
//! header is authenticated with each of them. The key lies wrapped in a file beside it: once that is destroyed, so is
//! the recording, in every copy of it.

mod header;
mod master;
mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::disk::next_step;

pub use header::RecordingHeader;
pub use master::MasterKeys;
pub use reader::{
    OpenedRecording, RecordingSummary, list_recordings, open_recording, remove_recording, shred_recording,
};
pub use writer::{RecordingWriter, StoredRecording};

/// Why a recording cannot be kept or heard. Every text ends with the next thing to do.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The disk refuses.
    #[error("recording {}: {error}; {}", .path.display(), next_step(.error))]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file was changed, or is not one of ours.
    #[error("recording {}: {what}; compare its SHA-256 with the audit log and restore it from a backup", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Its key was destroyed.
    #[error("recording {}: its key was destroyed, nobody can hear it any more; the file may be removed", .path.display())]
    Shredded {
        /// Which file.
        path: PathBuf,
    },
    /// Its master key is not here.
    #[error("recording {}: master key {key} is not in recording.keys; restore that file from its backup", .path.display())]
    MasterKey {
        /// Which file.
        path: PathBuf,
        /// The key it needs.
        key: String,
    },
    /// The file of master keys.
    #[error("master keys {}: {what}", .path.display())]
    Keys {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: &'static str,
    },
}

impl RecordingError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }
}

/// Samples a second.
const RATE: u32 = 8_000;

/// Bytes before the header that say what the file is.
const MAGIC: &[u8; 8] = b"CLREC-1\n";

/// The longest header: some two hundred bytes of JSON.
const HEADER_BYTES_MAX: usize = 4_096;

/// The longest chunk: a second of two channels, and room for a longer one of a later version.
const CHUNK_BYTES_MAX: usize = 1 << 18;

/// Where the wrapped key of a recording lies.
fn key_path(recording: &Path) -> PathBuf {
    recording.with_extension("key")
}

/// The nonce of a chunk: seven random bytes of the file, its number, and whether it is the last.
fn nonce(prefix: [u8; 7], number: u32, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..7].copy_from_slice(&prefix);
    nonce[7..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}
