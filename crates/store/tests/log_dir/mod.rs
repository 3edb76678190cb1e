//! A log in a temporary folder, and facts to put into it.
#![allow(dead_code, clippy::unwrap_used, reason = "tests; not every test file uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use audit::{CallId, Event, Fact, Identity, SigningKey};
use primitives::Now;
use store::AuditPlace;

pub const ORIGIN: &str = "audit.example.org/ivr/site-1";

pub fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [7; 32]).unwrap()
}

pub fn place(dir: &Path) -> AuditPlace {
    AuditPlace::new(&dir.join("log"), key(), Identity::new("ivr-a", 1).unwrap())
}

pub fn event(call: Option<u128>, kind: &str) -> Event {
    let at = Now { mono: Instant::now(), wall: jiff::Timestamp::now() };
    let fact = Fact::new(kind).with("queue", "nurses").with("urgency", "emergent").with("ahead", 3);
    Event { at, call: call.map(CallId), flow: None, fact }
}

/// `count` facts of calls of five facts each, the calls interleaved in pairs.
pub fn events(count: usize) -> Vec<Event> {
    let kinds = ["call.start", "queue.enter", "offer.made", "offer.answered", Fact::CALL_END];
    (0..count).map(|at| event(Some((at / 10 * 2 + at % 2) as u128), kinds[at % 10 / 2])).collect()
}

pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A folder in memory where there is one: these tests cut the power themselves and need no real disk.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
