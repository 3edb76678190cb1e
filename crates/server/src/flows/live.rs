//! Versions in memory: the active one, and those that calls are still on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use call::{Setup, Status};
use jiff::Timestamp;
use serde::Serialize;

use crate::exceptions::Exceptions;
use crate::flows::audio::Audio;
use crate::flows::{Archive, ArchiveError};

/// Everything a node knows of versions of its flows.
pub struct Flows {
    /// On disk.
    pub archive: Archive,
    /// Recordings in memory.
    pub audio: Audio,
    /// Safety rules that are set aside.
    pub exceptions: Exceptions,
    /// What calls may still be on. Only calls keep an old one alive, so there are never more than calls.
    live: Mutex<Vec<(String, Weak<Setup>)>>,
    /// What the files said when they were last tried, whatever came of it.
    tried: Mutex<String>,
}

/// A version, as `careline flow versions` lists it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct VersionListed {
    /// Its digest.
    pub version: String,
    /// When it was last activated.
    pub activated: Timestamp,
    /// What brought that about.
    pub origin: String,
    /// Who, as far as they said so.
    pub by: String,
    /// Whether new calls take it.
    pub active: bool,
    /// Whether it stands in for the files by a rollback.
    pub rolled_back: bool,
    /// Calls on it now.
    pub calls: u32,
    /// Whether it can be activated again.
    pub kept: bool,
}

impl Flows {
    /// Nothing is active yet.
    pub fn new(archive: Archive, audio: Audio, exceptions: Exceptions) -> Self {
        Self { archive, audio, exceptions, live: Mutex::default(), tried: Mutex::default() }
    }

    /// A version is given to new calls.
    pub fn goes_live(&self, setup: &Arc<Setup>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|(_, setup)| setup.strong_count() > 0);
        live.push((setup.library.digest().to_string(), Arc::downgrade(setup)));
    }

    /// The versions in memory: the active one, and those calls are on.
    pub fn in_memory(&self) -> BTreeSet<String> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = live.iter().filter(|(_, setup)| setup.strong_count() > 0);
        alive.map(|(version, _)| version.clone()).collect()
    }

    /// Remembers what the files say; `false` where they were last tried saying the same.
    pub fn tries(&self, files: &str) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *tried != files;
        files.clone_into(&mut tried);
        is_new
    }

    /// Every version that was active here, the one activated last first.
    pub fn list(&self, status: &Status) -> Vec<VersionListed> {
        let calls: BTreeMap<&str, u32> =
            status.versions.iter().map(|it| (it.version.as_str(), it.calls)).collect();
        let mut seen = BTreeSet::new();
        let mut listed = Vec::new();
        for activation in self.archive.activations().into_iter().rev() {
            if !seen.insert(activation.version.clone()) {
                continue;
            }
            let active = activation.version == status.flows;
            listed.push(VersionListed {
                active,
                rolled_back: active && activation.instead_of.is_some(),
                calls: calls.get(activation.version.as_str()).copied().unwrap_or_default(),
                kept: self.archive.place(&activation.version).is_dir(),
                version: activation.version,
                activated: activation.at,
                origin: activation.origin,
                by: activation.by,
            });
        }
        listed
    }

    /// The version somebody wants back: by the beginning of its digest, else the one before the active one.
    pub fn wanted(&self, beginning: Option<&str>) -> Result<String, ArchiveError> {
        match (beginning, self.archive.last()) {
            (Some(beginning), _) => self.archive.named(beginning),
            (None, Some(last)) => self.archive.before(&last.version),
            (None, None) => Err(ArchiveError::NoneBefore),
        }
    }
}
