//! Hearing a recording again, in memory only.

use std::fs;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{Aad, Nonce};
use sha2::{Digest, Sha256};

use super::header::{from_hex, to_hex};
use super::{
    CHUNK_BYTES_MAX, HEADER_BYTES_MAX, MAGIC, MasterKeys, RecordingError, RecordingHeader, key_path, nonce,
};

/// The longest file read: four hours of two channels and their seals.
const FILE_BYTES_MAX: u64 = 300 << 20;

/// Recordings listed at most.
const LISTED_MAX: usize = 1_000_000;

/// A recording, opened.
#[derive(Clone, Eq, PartialEq)]
pub struct OpenedRecording {
    /// What it says of itself.
    pub header: RecordingHeader,
    /// µ-law, the channels side by side.
    pub audio: Vec<u8>,
    /// Whether it ends where it was ended. Else careline was stopped while it ran, and it holds what there was.
    pub is_whole: bool,
    /// Of the whole file, in hex.
    pub sha256: String,
}

/// What is said in it is not for a log.
impl std::fmt::Debug for OpenedRecording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenedRecording({:?}, {} bytes)", self.header, self.audio.len())
    }
}

/// A recording as a list shows it, unopened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordingSummary {
    /// Its file.
    pub path: PathBuf,
    /// What it says of itself.
    pub header: RecordingHeader,
    /// The file's length.
    pub bytes: u64,
    /// Whether its key is there.
    pub has_key: bool,
}

/// Every recording of a folder, the oldest first.
pub fn list_recordings(folder: &Path) -> Result<Vec<RecordingSummary>, RecordingError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordingError::io(folder, error)),
    };
    let mut found = Vec::new();
    for entry in entries.take(LISTED_MAX) {
        let path = entry.map_err(|error| RecordingError::io(folder, error))?.path();
        if path.extension().is_none_or(|kind| kind != "rec") {
            continue;
        }
        let io = |error| RecordingError::io(&path, error);
        let mut head = Vec::new();
        let file = fs::File::open(&path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        file.take(HEADER_BYTES_MAX as u64 + 16).read_to_end(&mut head).map_err(io)?;
        let (header, _) = read_header(&path, &head)?;
        let has_key = key_path(&path).exists();
        found.push(RecordingSummary { header, bytes, has_key, path });
    }
    found.sort_by(|a, b| (a.header.started, &a.path).cmp(&(b.header.started, &b.path)));
    Ok(found)
}

/// Opens a recording. One that careline did not end holds every whole chunk that was written.
pub fn open_recording(path: &Path, keys: &MasterKeys) -> Result<OpenedRecording, RecordingError> {
    let damaged = |what| RecordingError::Damaged { path: path.to_owned(), what };
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| RecordingError::io(path, error))?;
    let (header, length) = read_header(path, &bytes)?;
    let prefix =
        from_hex::<7>(&header.nonce).ok_or_else(|| damaged("its header is not as careline wrote it"))?;
    let key = keys.unwrap_key(path)?;
    let (head, mut rest) = bytes.split_at(length);
    let bound: [u8; 32] = Sha256::digest(head).into();
    let sha256 = to_hex(&Sha256::digest(&bytes));
    let (mut audio, mut number, mut is_whole) = (Vec::new(), 0_u32, false);
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        if is_whole {
            return Err(damaged("something follows its end"));
        }
        let length = u32::from_le_bytes(*length) as usize;
        if length > CHUNK_BYTES_MAX {
            return Err(damaged("a chunk is longer than any of ours"));
        }
        // Cut off within a chunk: what stands before it is what there is.
        let Some((sealed, after)) = after.split_at_checked(length) else { break };
        let open = |is_last| {
            let mut sealed = sealed.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce(prefix, number, is_last));
            key.0.open_in_place(nonce, Aad::from(bound), &mut sealed).ok().map(|plain| plain.to_vec())
        };
        let plain = match open(false) {
            Some(plain) => plain,
            None => {
                is_whole = true;
                open(true).ok_or_else(|| damaged("a chunk was changed, exchanged or left out"))?
            }
        };
        audio.extend_from_slice(&plain);
        number = number.saturating_add(1);
        rest = after;
    }
    Ok(OpenedRecording { header, audio, is_whole, sha256 })
}

/// Destroys the key of a recording: overwritten, then removed. The file itself may stay; nobody can hear it.
pub fn shred_recording(path: &Path) -> Result<(), RecordingError> {
    let key = key_path(path);
    let io = |error| RecordingError::io(&key, error);
    let mut file = match fs::OpenOptions::new().write(true).open(&key) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
    };
    let length = file.metadata().map_err(io)?.len().min(HEADER_BYTES_MAX as u64);
    let blank = vec![b'0'; usize::try_from(length).unwrap_or_default()];
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.write_all(&blank))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::remove_file(&key))
        .map_err(io)
}

/// Destroys a recording and its file.
pub fn remove_recording(path: &Path) -> Result<(), RecordingError> {
    shred_recording(path)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(RecordingError::io(path, error)),
        _ => Ok(()),
    }
}

/// The header, and where the chunks begin.
fn read_header(path: &Path, bytes: &[u8]) -> Result<(RecordingHeader, usize), RecordingError> {
    let damaged = |what| RecordingError::Damaged { path: path.to_owned(), what };
    let after = bytes.strip_prefix(&MAGIC[..]).ok_or_else(|| damaged("not a recording of careline"))?;
    let header = after.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = u32::from_le_bytes(*length) as usize;
        let text = rest.get(..length).filter(|_| length <= HEADER_BYTES_MAX)?;
        Some((serde_json::from_slice(text).map_err(io::Error::other).ok()?, MAGIC.len() + 4 + length))
    });
    header.ok_or_else(|| damaged("its header is not as careline wrote it"))
}
