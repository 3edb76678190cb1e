//! Writing a recording as it is spoken.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{Aad, Nonce};
use sha2::{Digest, Sha256};

use super::header::to_hex;
use super::master::DataKey;
use super::{MAGIC, MasterKeys, RATE, RecordingError, RecordingHeader, nonce};
use crate::disk::{create_private, create_private_dir};

/// Seconds that a power cut may take. A crash of careline takes none that were handed over.
const SYNC_EVERY: u32 = 5;

/// A silent sample of µ-law.
const SILENCE: u8 = 0xff;

/// The longest hole that is filled with silence, in samples: the longest recording.
const GAP_SAMPLES_MAX: u64 = 4 * 3_600 * 8_000;

/// A recording being written.
pub struct RecordingWriter {
    path: PathBuf,
    file: File,
    key: DataKey,
    /// The hash of the header, authenticated with every chunk.
    header: [u8; 32],
    nonce: [u8; 7],
    channels: u8,
    chunks: u32,
    samples: u64,
    missing: u64,
    hash: Sha256,
    bytes: u64,
}

/// What became of a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRecording {
    /// Of the whole file, in hex.
    pub sha256: String,
    /// How long it is, in samples of a channel.
    pub samples: u64,
    /// Samples that were never handed over, and are silence in it.
    pub missing: u64,
    /// The file's length.
    pub bytes: u64,
}

impl std::fmt::Debug for RecordingWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordingWriter({}, {} chunks)", self.path.display(), self.chunks)
    }
}

impl RecordingWriter {
    /// Begins a recording in a folder. Its key is on the disk before its first sample.
    pub fn begin(
        folder: &Path,
        keys: &MasterKeys,
        mut header: RecordingHeader,
    ) -> Result<Self, RecordingError> {
        let path = folder.join(&header.recording).with_extension("rec");
        let io = |error| RecordingError::io(&path, error);
        create_private_dir(folder).map_err(io)?;
        let key = keys.make_key(&path)?;
        let mut prefix = [0; 7];
        getrandom::fill(&mut prefix).map_err(|error| io(io::Error::other(error)))?;
        header.nonce = to_hex(&prefix);
        let text = serde_json::to_vec(&header).map_err(|error| io(io::Error::other(error)))?;
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let head = [&MAGIC[..], &length.to_le_bytes(), &text].concat();
        let mut writer = Self {
            file: create_private(&path).map_err(io)?,
            key,
            header: Sha256::digest(&head).into(),
            nonce: prefix,
            channels: header.channels,
            chunks: 0,
            samples: 0,
            missing: 0,
            hash: Sha256::new(),
            bytes: 0,
            path,
        };
        writer.append(&head)?;
        writer.file.sync_all().map_err(|error| RecordingError::io(&writer.path, error))?;
        Ok(writer)
    }

    /// Adds what was said from a sample on. What lies between it and what is there was lost on the way, and is
    /// silence.
    pub fn write(&mut self, at: u64, audio: &[u8]) -> Result<(), RecordingError> {
        let stride = u64::from(self.channels.max(1));
        let mut gap = at.saturating_sub(self.samples).min(GAP_SAMPLES_MAX);
        self.missing += gap;
        while gap > 0 {
            let samples = gap.min(u64::from(RATE));
            self.seal(&vec![SILENCE; (samples * stride) as usize], false)?;
            self.samples += samples;
            gap -= samples;
        }
        self.seal(audio, false)?;
        self.samples += audio.len() as u64 / stride;
        if self.chunks.is_multiple_of(SYNC_EVERY) {
            self.file.sync_data().map_err(|error| RecordingError::io(&self.path, error))?;
        }
        Ok(())
    }

    /// Ends it: from now on whoever reads it knows that nothing is missing at its end.
    pub fn finish(mut self) -> Result<StoredRecording, RecordingError> {
        self.seal(&[], true)?;
        self.file.sync_all().map_err(|error| RecordingError::io(&self.path, error))?;
        Ok(StoredRecording {
            sha256: to_hex(&self.hash.finalize()),
            samples: self.samples,
            missing: self.missing,
            bytes: self.bytes,
        })
    }

    fn seal(&mut self, audio: &[u8], is_last: bool) -> Result<(), RecordingError> {
        let mut sealed = audio.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce(self.nonce, self.chunks, is_last));
        let refused = |_| RecordingError::io(&self.path, io::Error::other("AES-256-GCM refused"));
        self.key.0.seal_in_place_append_tag(nonce, Aad::from(self.header), &mut sealed).map_err(refused)?;
        self.chunks += 1;
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.append(&[&length[..], &sealed].concat())
    }

    /// A chunk is written whole or, on a full disk, taken back: the next may find room.
    fn append(&mut self, bytes: &[u8]) -> Result<(), RecordingError> {
        if let Err(error) = self.file.write_all(bytes) {
            let _ = self.file.set_len(self.bytes);
            return Err(RecordingError::io(&self.path, error));
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
