//! Versions that were activated, on disk: `flows/<digest>/` of the data folder is a folder of call flows like any
//! other, which `careline flow check` reads and `diff` compares. Audio is kept once, under its checksum, and linked
//! into every version that plays it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use call::Setup;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::Config;
use crate::content::{Content, ContentError};

/// Versions kept. Who needs an older one has it in version control.
const VERSIONS_MAX: usize = 50;

/// Activations remembered: a year of starts and reloads of a busy house. Older ones are in the audit log.
const ACTIVATIONS_MAX: usize = 1_000;

/// Why a version cannot be kept or found.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The disk.
    #[error("cannot keep this version of the flows in {path}: {cause}. Free the disk it is on", path = .path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A prompt that is not what was read a moment ago.
    #[error("prompt {path} was changed while it was read: reload again", path = .path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// No version of that name.
    #[error(
        "no version `{0}` was ever active here, or more than one begins so: `careline flow versions` lists them"
    )]
    Unknown(String),
    /// There is none before.
    #[error("no version was active before this one: there is nothing to go back to")]
    NoneBefore,
    /// What is kept is not what it is called.
    #[error("the files kept in {path} were changed: they are no longer the version they are named for. Choose another", path = .path.display())]
    Tampered {
        /// Where.
        path: PathBuf,
    },
}

/// One activation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Activation {
    /// When.
    pub at: Timestamp,
    /// Which version: the digest.
    pub version: String,
    /// What brought it about.
    pub origin: String,
    /// Who, as far as they said so.
    pub by: String,
    /// The numbers it answers.
    pub answers: Vec<String>,
    /// Numbers earlier versions answered and it does not.
    pub unanswered: Vec<String>,
    /// Rolled back: what the files said that it stands in for. They are taken again when they say something else.
    #[serde(default)]
    pub instead_of: Option<String>,
}

impl Activation {
    /// Of a setup that is to be active from now on.
    pub fn of(setup: &Setup, instead_of: Option<String>) -> Self {
        Self {
            at: Timestamp::now(),
            version: setup.library.digest().to_string(),
            origin: setup.loaded.origin.clone(),
            by: setup.loaded.by.clone(),
            answers: setup.library.numbers().map(str::to_owned).collect(),
            unanswered: setup.fallback.numbers.iter().cloned().collect(),
            instead_of,
        }
    }
}

/// The folder `flows` of the data folder.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Opens or makes it.
    pub fn open(data: &Path) -> Result<Self, ArchiveError> {
        let archive = Self { folder: data.join("flows") };
        make_folder(&archive.folder.join("audio")).map_err(|cause| archive.disk(cause))?;
        Ok(archive)
    }

    fn disk(&self, cause: io::Error) -> ArchiveError {
        ArchiveError::Disk { path: self.folder.clone(), cause }
    }

    /// Where a version lies.
    pub fn place(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    /// Keeps a version. One that is kept already is not touched.
    pub fn keep(&self, content: &Content, version: &str) -> Result<(), ArchiveError> {
        let place = self.place(version);
        if place.is_dir() {
            return Ok(());
        }
        let new = self.folder.join(".new");
        let fresh = || match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => make_folder(&new),
        };
        fresh().map_err(|cause| self.disk(cause))?;
        for source in content.sources.iter().chain(&content.tables) {
            let path = new.join(content.inside(Path::new(&source.path)));
            write_new(&path, source.text.as_bytes()).map_err(|cause| self.disk(cause))?;
        }
        for (path, checksum) in content.audio() {
            let kept = self.keep_audio(path, checksum)?;
            let link = new.join(content.inside(path));
            let linked = link.parent().map_or(Ok(()), make_folder).and_then(|()| {
                // Some file systems know no links.
                fs::hard_link(&kept, &link).or_else(|_| fs::copy(&kept, &link).map(drop))
            });
            linked.map_err(|cause| self.disk(cause))?;
        }
        fs::rename(&new, &place).and_then(|()| sync(&self.folder)).map_err(|cause| self.disk(cause))
    }

    fn keep_audio(&self, path: &Path, checksum: &[u8; 32]) -> Result<PathBuf, ArchiveError> {
        let kept = self.folder.join("audio").join(format!("{}.wav", hex::encode(checksum)));
        if !kept.exists() {
            let bytes = fs::read(path).map_err(|cause| self.disk(cause))?;
            if <[u8; 32]>::from(Sha256::digest(&bytes)) != *checksum {
                return Err(ArchiveError::Changed { path: path.to_owned() });
            }
            let new = kept.with_extension("new");
            let written = write_new(&new, &bytes).and_then(|()| fs::rename(&new, &kept));
            written.map_err(|cause| self.disk(cause))?;
        }
        Ok(kept)
    }

    /// Reads a kept version. What it says must be what it is named for.
    pub fn read(&self, version: &str, config: &Config) -> Result<Content, ContentError> {
        let place = self.place(version);
        let content = Content::read_from(&place, config)?;
        match &content.compiled.library {
            Some(library) if library.digest().to_string() != version => {
                Err(ContentError::Archive(ArchiveError::Tampered { path: place }))
            }
            // With findings, it says so itself: the configuration may have changed under it.
            Some(_) | None => Ok(content),
        }
    }

    /// Remembers an activation. It is on the disk when this returns.
    pub fn record(&self, activation: &Activation) -> Result<(), ArchiveError> {
        let path = self.record_path();
        let line = serde_json::to_string(activation).map_err(io::Error::other);
        let append = |line: String| {
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            // A line cut off by a power failure must not swallow this one.
            writeln!(file, "\n{line}")?;
            file.sync_data()
        };
        line.and_then(append).map_err(|cause| self.disk(cause))
    }

    /// What was activated, the oldest first. A line that a power failure cut off is left out.
    pub fn activations(&self) -> Vec<Activation> {
        let text = fs::read_to_string(self.record_path()).unwrap_or_default();
        let all: Vec<Activation> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let from = all.len().saturating_sub(ACTIVATIONS_MAX);
        all.into_iter().skip(from).collect()
    }

    /// The last one, which is active now or was when careline stopped.
    pub fn last(&self) -> Option<Activation> {
        self.activations().pop()
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("activations.jsonl")
    }

    /// The version somebody means by the beginning of its digest. Only what was active here has a name here.
    pub fn named(&self, beginning: &str) -> Result<String, ArchiveError> {
        let activations = self.activations();
        let found: BTreeSet<&String> =
            activations.iter().map(|it| &it.version).filter(|it| it.starts_with(beginning)).collect();
        match found.into_iter().collect::<Vec<_>>().as_slice() {
            [one] if !beginning.is_empty() && self.place(one).is_dir() => Ok((*one).clone()),
            _ => Err(ArchiveError::Unknown(beginning.to_owned())),
        }
    }

    /// The version before the active one, in the order in which they were first active: going back twice goes back
    /// two versions, and not to and fro.
    pub fn before(&self, active: &str) -> Result<String, ArchiveError> {
        let mut versions: Vec<String> = Vec::new();
        for activation in self.activations() {
            if !versions.contains(&activation.version) {
                versions.push(activation.version);
            }
        }
        let earlier = versions.iter().take_while(|version| *version != active);
        earlier.filter(|version| self.place(version).is_dir()).last().cloned().ok_or(ArchiveError::NoneBefore)
    }

    /// Forgets the versions that were active longest ago, but for those in use, and audio no version plays. What
    /// cannot be removed stays: it only takes room.
    pub fn prune(&self, in_use: &BTreeSet<String>) {
        let mut last_active: Vec<String> = Vec::new();
        for activation in self.activations().into_iter().rev() {
            if !last_active.contains(&activation.version) {
                last_active.push(activation.version);
            }
        }
        let old: Vec<&String> =
            last_active.iter().skip(VERSIONS_MAX).filter(|version| !in_use.contains(*version)).collect();
        if old.is_empty() {
            return;
        }
        for version in old {
            let _ = fs::remove_dir_all(self.place(version));
        }
        let audio = fs::read_dir(self.folder.join("audio")).into_iter().flatten().flatten();
        for path in audio.map(|entry| entry.path()) {
            if fs::metadata(&path).is_ok_and(|metadata| metadata.nlink() == 1) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file for its owner to read, and for nobody to write.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), make_folder)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?;
    file.write_all(bytes)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn archive(active: &[&str]) -> (tempfile::TempDir, Archive) {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path()).unwrap();
        for version in active {
            make_folder(&archive.place(version)).unwrap();
            archive.record(&activation(version)).unwrap();
        }
        (folder, archive)
    }

    fn activation(version: &str) -> Activation {
        Activation {
            at: Timestamp::UNIX_EPOCH,
            version: version.to_owned(),
            origin: "command".to_owned(),
            by: String::new(),
            answers: Vec::new(),
            unanswered: Vec::new(),
            instead_of: None,
        }
    }

    fn kept(archive: &Archive) -> usize {
        archive.activations().iter().filter(|it| archive.place(&it.version).is_dir()).count()
    }

    #[test]
    fn going_back_twice_goes_back_two_versions_and_then_there_is_none() {
        // The last is a rollback.
        let (_folder, archive) = archive(&["aa", "bb", "cc", "bb"]);
        assert_eq!(archive.before("cc").unwrap(), "bb");
        assert_eq!(archive.before("bb").unwrap(), "aa");
        assert!(matches!(archive.before("aa"), Err(ArchiveError::NoneBefore)));
    }

    #[test]
    fn a_version_is_named_by_the_beginning_of_its_digest_and_by_nothing_that_is_a_path() {
        let (_folder, archive) = archive(&["ab12", "ab34", "cd56"]);
        assert_eq!(archive.named("cd").unwrap(), "cd56");
        for none in ["", "ab", "ee", "audio", "..", "../flows/cd56", "cd56/"] {
            assert!(matches!(archive.named(none), Err(ArchiveError::Unknown(_))), "{none}");
        }
        fs::remove_dir(archive.place("cd56")).unwrap();
        assert!(archive.named("cd56").is_err(), "active once, and kept no more");
    }

    #[test]
    fn a_line_cut_off_by_a_power_failure_costs_that_activation_alone() {
        let (_folder, archive) = archive(&["aa", "bb"]);
        let text = fs::read_to_string(archive.record_path()).unwrap();
        fs::write(archive.record_path(), text.trim_end().strip_suffix("null}").unwrap()).unwrap();
        archive.record(&activation("cc")).unwrap();
        let versions: Vec<String> = archive.activations().into_iter().map(|it| it.version).collect();
        assert_eq!(versions, ["aa", "cc"]);
    }

    #[test]
    fn the_oldest_versions_are_forgotten_with_audio_only_they_play_but_none_that_calls_are_on() {
        let names: Vec<String> = (0..VERSIONS_MAX + 2).map(|number| format!("{number:04}")).collect();
        let (_folder, archive) = archive(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let audio = archive.folder.join("audio");
        for (version, name) in [("0001", "old.wav"), ("0051", "new.wav")] {
            write_new(&audio.join(name), b"sound").unwrap();
            fs::hard_link(audio.join(name), archive.place(version).join("prompt.wav")).unwrap();
        }
        archive.prune(&BTreeSet::from(["0000".to_owned()]));
        assert_eq!(kept(&archive), VERSIONS_MAX + 1);
        assert!(archive.place("0000").is_dir(), "a call is on it");
        assert!(!archive.place("0001").exists());
        assert!(audio.join("new.wav").exists() && !audio.join("old.wav").exists());
    }
}
