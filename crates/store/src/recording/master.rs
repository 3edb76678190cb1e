//! The master keys that wrap the keys of recordings: `recording.keys`, a line each, the last one in use.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::header::{from_hex, to_hex};
use super::{RecordingError, key_path};
use crate::disk::{Disk, LocalDisk, create_private_dir};

/// Master keys kept at most: one a month for twenty years.
const KEYS_MAX: usize = 240;

/// Every master key there is, the one in use last.
pub struct MasterKeys {
    path: PathBuf,
    keys: Vec<(String, LessSafeKey)>,
}

/// A key that opens one recording.
pub(super) struct DataKey(pub(super) LessSafeKey);

/// Keys are not for a log.
impl std::fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKeys({})", self.keys.len())
    }
}

impl MasterKeys {
    /// Reads the keys; the first start makes one.
    pub fn open_or_generate(path: &Path) -> Result<Self, RecordingError> {
        match fs::metadata(path) {
            Ok(_) => Self::open(path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut keys = Self { path: path.to_owned(), keys: Vec::new() };
                keys.rotate()?;
                Ok(keys)
            }
            Err(error) => Err(RecordingError::io(path, error)),
        }
    }

    /// Reads the keys.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let wrong = |what| RecordingError::Keys { path: path.to_owned(), what };
        let io = |error| RecordingError::io(path, error);
        let mode = fs::metadata(path).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong(
                "others can read it, and with it every recording. `chmod 600` it, rotate the key and find out who did",
            ));
        }
        let text = fs::read_to_string(path).map_err(io)?;
        let keys = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<(String, LessSafeKey)>> = keys
            .map(|line| {
                let (id, secret) = line.trim().split_once(' ')?;
                Some((id.to_owned(), sealing(&from_hex::<32>(secret.trim())?)?))
            })
            .collect();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(Self { path: path.to_owned(), keys }),
            _ => Err(wrong(
                "not as careline wrote it. Restore it from its backup: without it no recording can be heard",
            )),
        }
    }

    /// Makes a new key for the recordings to come; what was recorded before stays under its own.
    pub fn rotate(&mut self) -> Result<&str, RecordingError> {
        let path = self.path.clone();
        let io = |error| RecordingError::io(&path, error);
        if self.keys.len() >= KEYS_MAX {
            return Err(RecordingError::Keys {
                path,
                what: "it holds as many keys as it may. Remove those no recording needs any more",
            });
        }
        if let Some(parent) = path.parent() {
            create_private_dir(parent).map_err(io)?;
        }
        let (mut id, mut secret) = ([0; 8], [0; 32]);
        for bytes in [&mut id[..], &mut secret[..]] {
            getrandom::fill(bytes).map_err(|error| io(io::Error::other(error)))?;
        }
        let key = sealing(&secret).ok_or_else(|| io(io::Error::other("no AES-256-GCM")))?;
        let id = to_hex(&id);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(io)?;
        file.write_all(format!("{id} {}\n", to_hex(&secret)).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(io)?;
        self.keys.push((id, key));
        Ok(self.keys.last().map_or("", |(id, _)| id))
    }

    /// A new key for a recording, wrapped in its file before anything is recorded.
    pub(super) fn make_key(&self, recording: &Path) -> Result<DataKey, RecordingError> {
        let path = key_path(recording);
        let io = |error| RecordingError::io(&path, error);
        let (mut secret, mut nonce) = ([0; 32], [0; 12]);
        for bytes in [&mut secret[..], &mut nonce[..]] {
            getrandom::fill(bytes).map_err(|error| io(io::Error::other(error)))?;
        }
        let refused = || io(io::Error::other("no AES-256-GCM"));
        let key = sealing(&secret).ok_or_else(refused)?;
        let (id, master) = self.keys.last().ok_or_else(refused)?;
        let mut sealed = secret.to_vec();
        master
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(recording, id)),
                &mut sealed,
            )
            .map_err(|_| refused())?;
        let line = format!("{id} {} {}\n", to_hex(&nonce), to_hex(&sealed));
        LocalDisk.replace(&[(path.clone(), line.into_bytes())]).map_err(io)?;
        Ok(DataKey(key))
    }

    /// The key of a recording.
    pub(super) fn unwrap_key(&self, recording: &Path) -> Result<DataKey, RecordingError> {
        let path = key_path(recording);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(RecordingError::Shredded { path: recording.to_owned() });
            }
            Err(error) => return Err(RecordingError::io(&path, error)),
        };
        let damaged =
            || RecordingError::Damaged { path: path.clone(), what: "its key is not as careline wrapped it" };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [id, nonce, sealed] = parts[..] else { return Err(damaged()) };
        let (_, master) = self
            .keys
            .iter()
            .find(|(known, _)| known == id)
            .ok_or_else(|| RecordingError::MasterKey { path: recording.to_owned(), key: id.to_owned() })?;
        let nonce = from_hex::<12>(nonce).ok_or_else(damaged)?;
        let mut sealed = from_hex::<48>(sealed).ok_or_else(damaged)?;
        let secret = master
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to(recording, id)),
                &mut sealed,
            )
            .map_err(|_| damaged())?;
        let secret: [u8; 32] = (&*secret).try_into().map_err(|_| damaged())?;
        sealing(&secret).map(DataKey).ok_or_else(damaged)
    }
}

fn sealing(secret: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, secret).ok().map(LessSafeKey::new)
}

/// A wrapped key opens the recording it was made for, under the master key that wrapped it, and no other.
fn bound_to(recording: &Path, master: &str) -> Vec<u8> {
    let name = recording.file_stem().unwrap_or_default().to_string_lossy();
    format!("careline recording key 1 {name} {master}").into_bytes()
}
