//! Whether the folder of call flows is still what it was: by what its files say, or by how they look from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::content::{ContentError, files};

/// What every file says. The same after a restart, a copy or a fresh checkout; other after any edit, also one that
/// makes no new version.
pub fn fingerprint(folder: &Path) -> Result<String, ContentError> {
    let mut hash = Sha256::new();
    for path in files(folder)? {
        let bytes =
            fs::read(&path).map_err(|cause| ContentError::Unreadable { path: path.clone(), cause })?;
        hash.update(name(folder, &path).as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(&bytes));
    }
    Ok(hex::encode(hash.finalize()))
}

/// How the files look: names, sizes and times of change, behind symbolic links. Cheap enough to look every two
/// seconds. What cannot be looked at is a look of its own: it is settled when it stays so.
pub fn looks(folder: &Path) -> [u8; 32] {
    let mut hash = Sha256::new();
    let Ok(files) = files(folder) else { return [0; 32] };
    for path in files {
        hash.update(name(folder, &path).as_os_str().as_encoded_bytes());
        hash.update([0]);
        let Ok(metadata) = fs::metadata(&path) else { continue };
        hash.update(metadata.len().to_le_bytes());
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        hash.update(changed.unwrap_or_default().as_nanos().to_le_bytes());
    }
    hash.finalize().into()
}

/// As it is called inside the folder.
fn name(folder: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(folder).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{fingerprint, looks};

    #[test]
    fn an_edit_changes_both_and_a_copy_elsewhere_neither_says_something_else() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&one, &other] {
            fs::write(folder.path().join("a.yaml"), "a: 1\n").unwrap();
            fs::write(folder.path().join("clinics.csv"), "zip,clinic\n").unwrap();
            fs::write(folder.path().join("notes.txt"), folder.path().display().to_string()).unwrap();
        }
        assert_eq!(fingerprint(one.path()).unwrap(), fingerprint(other.path()).unwrap());
        for (file, text) in [("a.yaml", "a: 12\n"), ("clinics.csv", "zip,clinic\n60601,north\n")] {
            let (said, looked) = (fingerprint(one.path()).unwrap(), looks(one.path()));
            fs::write(one.path().join(file), text).unwrap();
            assert_ne!(fingerprint(one.path()).unwrap(), said);
            assert_ne!(looks(one.path()), looked);
        }
    }

    #[test]
    fn a_swap_behind_a_symbolic_link_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        for (version, text) in [("..1", "a: 1\n"), ("..2", "a: 12\n")] {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("a.yaml"), text).unwrap();
        }
        symlink("..1", folder.path().join("..data")).unwrap();
        symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
        let before = looks(folder.path());
        fs::remove_file(folder.path().join("..data")).unwrap();
        symlink("..2", folder.path().join("..data")).unwrap();
        assert_ne!(looks(folder.path()), before);
    }
}
