//! A process may be killed and the power may fail at any moment: nothing acknowledged is ever lost, and
//! what was damaged is never mistaken for what was interrupted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod log_dir;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use audit::{Identity, SigningKey};
use log_dir::{copy_dir, event, events, files, folder, key, place};
use proptest::prelude::*;
use store::{
    AppendFile, AuditFiles, AuditPlace, Disk, LocalDisk, OpenError, Recovered, read_records, verify_dir,
};

/// A disk of a process that is killed during its n-th operation, which is then half done.
struct DyingDisk {
    left: Arc<AtomicU64>,
    /// How much of the last operation is done, in 256ths.
    part: usize,
}

fn dead() -> io::Error {
    io::Error::other("killed")
}

/// Counts down; an error once the time has come, and ever after.
fn live(left: &AtomicU64) -> io::Result<()> {
    match left.fetch_update(SeqCst, SeqCst, |left| Some(left.saturating_sub(1))) {
        Ok(2..) => Ok(()),
        _ => Err(dead()),
    }
}

struct DyingFile {
    file: Box<dyn AppendFile>,
    left: Arc<AtomicU64>,
    part: usize,
}

impl AppendFile for DyingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.left.load(SeqCst) == 0 {
            return Err(dead());
        }
        if live(&self.left).is_err() {
            self.file.append(&bytes[..bytes.len() * self.part / 256])?;
            return Err(dead());
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        live(&self.left)?;
        self.file.sync()
    }
}

impl Disk for DyingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        live(&self.left)?;
        let file = LocalDisk.create(path)?;
        Ok(Box::new(DyingFile { file, left: Arc::clone(&self.left), part: self.part }))
    }

    fn replace(&self, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
        if self.left.load(SeqCst) == 0 {
            return Err(dead());
        }
        if live(&self.left).is_err() {
            LocalDisk.replace(&files[..files.len() * self.part / 256])?;
            return Err(dead());
        }
        LocalDisk.replace(files)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        live(&self.left)?;
        LocalDisk.remove(path)
    }
}

/// Appends in groups with checkpoints between, until done or killed. Returns what was acknowledged.
fn write_until_killed(dir: &Path, disk: DyingDisk, groups: &[usize]) -> Vec<Vec<u8>> {
    let mut acknowledged = Vec::new();
    let Ok((mut files, _)) = AuditFiles::open_on(&place(dir), Arc::new(disk)) else { return acknowledged };
    for (at, count) in groups.iter().enumerate() {
        match files.append(events(*count)) {
            Ok(records) => acknowledged.extend(records.into_iter().map(|record| record.bytes)),
            Err(_) => break,
        }
        if at % 3 == 2 && files.checkpoint().is_err() {
            break;
        }
    }
    acknowledged
}

fn reopen(dir: &Path) -> Result<(AuditFiles, Recovered), OpenError> {
    AuditFiles::open(&AuditPlace { identity: Identity::new("ivr-a", 2).unwrap(), ..place(dir) })
}

fn check_nothing_lost(dir: &Path, acknowledged: &[Vec<u8>]) {
    let (mut files, recovered) = reopen(dir).unwrap();
    assert!(recovered.size >= acknowledged.len() as u64);
    files.append(vec![event(None, "log.recover")]).unwrap();
    files.checkpoint().unwrap();
    drop(files);
    let log = dir.join("log");
    for (record, expected) in read_records(&log, 0).zip(acknowledged) {
        assert_eq!(&record.unwrap().1, expected);
    }
    let verified = verify_dir(&log, &key().verifying_key(), None).unwrap();
    assert_eq!(verified.head.size, recovered.size + 1);
}

#[test]
fn killed_at_every_single_operation_the_log_goes_on_with_all_that_was_acknowledged() {
    let groups = [3, 250, 10, 1, 300, 5, 7];
    for operation in 1.. {
        let mut was_killed = false;
        for part in [0, 100, 255] {
            let dir = folder();
            let left = Arc::new(AtomicU64::new(operation));
            let disk = DyingDisk { left: Arc::clone(&left), part };
            let acknowledged = write_until_killed(dir.path(), disk, &groups);
            was_killed |= left.load(SeqCst) == 0;
            check_nothing_lost(dir.path(), &acknowledged);
        }
        if !was_killed {
            assert!(operation > 20, "the scenario is too short to mean anything");
            break;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Killed again and again, each time somewhere else.
    #[test]
    fn a_log_survives_a_row_of_crashes(
        kills in proptest::collection::vec((1_u64..60, 0_usize..256), 1..6),
        groups in proptest::collection::vec(1_usize..300, 1..9),
    ) {
        let dir = folder();
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for (operation, part) in kills {
            let before: Vec<Vec<u8>> =
                read_records(&dir.path().join("log"), 0).map(|record| record.unwrap().1).collect();
            let disk = DyingDisk { left: Arc::new(AtomicU64::new(operation)), part };
            let acknowledged = write_until_killed(dir.path(), disk, &groups);
            // What survived the last crash stays, and what was acknowledged since follows it.
            if !acknowledged.is_empty() {
                expected = before;
                expected.extend(acknowledged);
            }
        }
        check_nothing_lost(dir.path(), &expected);
    }
}

/// A closed log whose records are all signed, with its segments still there.
fn closed(dir: &Path) -> PathBuf {
    let (mut files, _) = AuditFiles::open(&place(dir)).unwrap();
    for count in [3, 250, 60] {
        files.append(events(count)).unwrap();
    }
    files.checkpoint().unwrap();
    dir.join("log")
}

#[test]
fn damage_to_a_segment_is_refused_not_dropped() {
    let dir = folder();
    let log = closed(dir.path());
    let segment = log.join("wal/00000000000000000000");
    let original = fs::read(&segment).unwrap();
    for at in (0..original.len()).step_by(997) {
        let mut damaged = original.clone();
        damaged[at] ^= 0x10;
        fs::write(&segment, damaged).unwrap();
        let refused = reopen(dir.path());
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "byte {at}");
    }
    for keep in [0, 10, original.len() / 2, original.len() - 1] {
        fs::write(&segment, &original[..keep]).unwrap();
        assert!(matches!(reopen(dir.path()), Err(OpenError::Damaged { .. })), "{keep} bytes kept");
    }
    fs::write(&segment, original).unwrap();
    reopen(dir.path()).unwrap();
}

#[test]
fn a_log_that_contradicts_its_own_head_is_not_continued() {
    for name in
        ["tile/0/000", "tile/0/001.p/57", "tile/1/000.p/1", "tile/entries/001.p/57", "head", "checkpoint"]
    {
        let dir = folder();
        let log = closed(dir.path());
        let path = log.join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 3);
        fs::write(&path, bytes).unwrap();
        assert!(reopen(dir.path()).is_err(), "{name}");
    }
    // An older checkpoint put back: the head says that more was signed, and the segments have it.
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files.append(events(10)).unwrap();
    files.checkpoint().unwrap();
    drop(files);
    let head = fs::read(dir.path().join("log/head")).unwrap();
    let segment = dir.path().join("log/wal/00000000000000000000");
    let bytes = fs::read(&segment).unwrap();
    let (mut files, _) = reopen(dir.path()).unwrap();
    files.append(events(5)).unwrap();
    files.checkpoint().unwrap();
    drop(files);
    fs::write(dir.path().join("log/head"), &head).unwrap();
    fs::remove_file(dir.path().join("log/wal/00000000000000000010")).unwrap();
    fs::write(segment, bytes).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Damaged { seq: 10, .. })));
}

#[test]
fn an_interrupted_last_group_is_dropped_and_reported() {
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files.append(events(10)).unwrap();
    let segment = dir.path().join("log/wal/00000000000000000000");
    let acknowledged = fs::metadata(&segment).unwrap().len();
    files.append(events(4)).unwrap();
    drop(files);
    let whole = fs::read(&segment).unwrap();
    for length in acknowledged..whole.len() as u64 {
        let copy = folder();
        copy_dir(dir.path(), copy.path());
        fs::write(copy.path().join("log/wal/00000000000000000000"), &whole[..length as usize]).unwrap();
        let (_, recovered) = reopen(copy.path()).unwrap();
        assert!((10..14).contains(&recovered.size), "{recovered:?}");
        assert!(recovered.dropped_bytes <= length - acknowledged);
    }
}

#[test]
fn a_log_restored_from_its_tiles_alone_goes_on() {
    let dir = folder();
    let log = closed(dir.path());
    fs::remove_dir_all(log.join("wal")).unwrap();
    fs::remove_file(log.join("head")).unwrap();
    let (mut files, recovered) = reopen(dir.path()).unwrap();
    assert!(recovered.was_restored);
    assert_eq!(recovered.size, 313);
    files.append(events(10)).unwrap();
    files.checkpoint().unwrap();
    assert_eq!(verify_dir(&log, &key().verifying_key(), None).unwrap().head.size, 323);
}

#[test]
fn a_log_has_one_writer_and_one_key_and_is_private() {
    let dir = folder();
    let (mut files_open, _) = AuditFiles::open(&place(dir.path())).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::InUse { .. })));
    files_open.append(events(10)).unwrap();
    files_open.checkpoint().unwrap();
    drop(files_open);
    let other = SigningKey::from_seed(log_dir::ORIGIN, [8; 32]).unwrap();
    let refused = AuditFiles::open(&AuditPlace { key: other, ..place(dir.path()) });
    assert!(matches!(refused, Err(OpenError::WrongKey { .. })));
    for path in files(&dir.path().join("log")) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        let parent = path.parent().unwrap();
        assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700, "{}", parent.display());
    }
}

#[test]
fn segments_are_removed_once_signed_tiles_hold_them_and_the_open_calls_go_on() {
    let dir = folder();
    let (mut files_open, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files_open.append(vec![event(Some(77), "call.start")]).unwrap();
    // Some 9 MB of records: the first segment is closed at 8 MiB.
    for _ in 0..90 {
        files_open.append(events(250)).unwrap();
    }
    files_open.checkpoint().unwrap();
    drop(files_open);
    let segments = files(&dir.path().join("log/wal"));
    assert_eq!(segments.len(), 1, "{segments:?}");
    let (_, recovered) = reopen(dir.path()).unwrap();
    assert_eq!(recovered.open_calls, [audit::CallId(77)]);
    assert_eq!(recovered.size, 22_501);
}
