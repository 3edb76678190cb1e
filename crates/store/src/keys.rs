//! The log's signing key in its file.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use audit::{KeyError, SigningKey};
use primitives::Private;
use thiserror::Error;

use crate::disk::{create_private_dir, next_step};

/// Why there is no key to sign with.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The disk refuses.
    #[error("audit key {}: {error}; {}", .path.display(), next_step(.error))]
    Io {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others can read it.
    #[error("audit key {} can be read by others (mode {mode:o}): whoever has it can rewrite the log. `chmod 600` it, and if others did read it, begin a new log with a new key", .path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not a key, or not of this log.
    #[error("audit key {}: {why}", .path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        why: KeyError,
    },
    /// A key of another log.
    #[error("audit key {} belongs to the log {found}, configured is {wanted}. Name the log as it was, or give the new one its own key file", .path.display())]
    OtherLog {
        /// The key's file.
        path: PathBuf,
        /// The log it names.
        found: String,
        /// The configured log.
        wanted: String,
    },
}

/// Loads the key of a log, or makes one. The public key is kept beside it with the ending `.vkey`, for
/// auditors.
pub fn load_or_generate_key(path: &Path, origin: &str) -> Result<SigningKey, KeyFileError> {
    let io_error = |error| KeyFileError::Io { path: path.to_owned(), error };
    let key = match fs::metadata(path) {
        Ok(metadata) => load(path, origin, metadata.permissions().mode() & 0o777)?,
        Err(error) if error.kind() == ErrorKind::NotFound => generate(path, origin)?,
        Err(error) => return Err(io_error(error)),
    };
    let public = path.with_extension("vkey");
    if !public.exists() {
        fs::write(public, format!("{}\n", key.verifying_key())).map_err(io_error)?;
    }
    Ok(key)
}

fn load(path: &Path, origin: &str, mode: u32) -> Result<SigningKey, KeyFileError> {
    let path = path.to_owned();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path, mode });
    }
    let text = match fs::read_to_string(&path) {
        Ok(text) => Private::new(text),
        Err(error) => return Err(KeyFileError::Io { path, error }),
    };
    let key = match SigningKey::from_secret_text(&text) {
        Ok(key) => key,
        Err(why) => return Err(KeyFileError::Key { path, why }),
    };
    if key.origin() == origin {
        Ok(key)
    } else {
        let (found, wanted) = (key.origin().to_owned(), origin.to_owned());
        Err(KeyFileError::OtherLog { path, found, wanted })
    }
}

fn generate(path: &Path, origin: &str) -> Result<SigningKey, KeyFileError> {
    let io_error = |error| KeyFileError::Io { path: path.to_owned(), error };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io_error(io::Error::other(error)))?;
    let key = SigningKey::from_seed(origin, seed)
        .map_err(|why| KeyFileError::Key { path: path.to_owned(), why })?;
    if let Some(parent) = path.parent() {
        create_private_dir(parent).map_err(io_error)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(io_error)?;
    let text = key.to_secret_text().map(|text| format!("{text}\n"));
    file.write_all(text.expose().as_bytes()).and_then(|()| file.sync_all()).map_err(io_error)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{KeyFileError, load_or_generate_key};

    #[test]
    fn a_key_is_made_once_kept_private_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/audit.key");
        let made = load_or_generate_key(&path, "example.org/ivr/a").unwrap();
        let loaded = load_or_generate_key(&path, "example.org/ivr/a").unwrap();
        assert_eq!(made.verifying_key(), loaded.verifying_key());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let vkey = fs::read_to_string(path.with_extension("vkey")).unwrap();
        assert_eq!(vkey.parse(), Ok(made.verifying_key()));
        let other = load_or_generate_key(&path, "example.org/ivr/b");
        assert!(matches!(other, Err(KeyFileError::OtherLog { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let exposed = load_or_generate_key(&path, "example.org/ivr/a");
        assert!(matches!(exposed, Err(KeyFileError::Exposed { mode: 0o640, .. })));
    }
}
