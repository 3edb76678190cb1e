//! Whatever is done to a log afterwards is noticed, and the first record that does not fit is named.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod log_dir;

use std::fs;
use std::io;
use std::path::Path;

use audit::tile::{append_entry, entries};
use audit::{BadRecord, Broken, Checkpoint, Missing, SigningKey, TreeHead, Verified, leaf_hash, root_of};
use log_dir::{copy_dir, event, events, files, folder, key, place};
use store::{AuditFiles, ReadError, read_records, records_of_call, verify_dir};

fn verify(dir: &Path) -> Result<Verified, Broken<io::Error>> {
    verify_dir(&dir.join("log"), &key().verifying_key(), None)
}

/// A closed log of `count` records.
fn closed_log(count: usize) -> tempfile::TempDir {
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files.append(events(count)).unwrap();
    files.checkpoint().unwrap();
    dir
}

#[test]
fn an_untouched_log_verifies_at_every_size_around_a_full_bundle() {
    for count in [0, 1, 10, 255, 256, 257, 520, 66_000] {
        let dir = closed_log(count);
        if count == 0 {
            assert_eq!(verify(dir.path()).unwrap_err().exit_code(), 3, "nothing was ever signed");
            continue;
        }
        let verified = verify(dir.path()).unwrap();
        assert_eq!((verified.head.size, verified.unsigned, verified.exit_code()), (count as u64, 0, 0));
    }
}

#[test]
fn every_changed_byte_of_a_record_is_noticed_and_the_record_named() {
    let dir = closed_log(10);
    let path = dir.path().join("log/tile/entries/000.p/10");
    let original = fs::read(&path).unwrap();
    let mut starts = vec![0];
    for entry in entries(&original) {
        starts.push(starts.last().unwrap() + 2 + entry.unwrap().len());
    }
    for at in 0..original.len() {
        let record = starts.partition_point(|start| *start <= at) as u64 - 1;
        let mut changed = original.clone();
        changed[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        {
            fs::write(&path, changed).unwrap();
            match verify(dir.path()) {
                Err(broken @ Broken::Record { seq, .. }) => {
                    assert_eq!((seq, broken.exit_code()), (record, 2), "byte {at}");
                }
                other => panic!("byte {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_changed_byte_of_a_tile_or_checkpoint_is_noticed() {
    let dir = closed_log(300);
    let log = dir.path().join("log");
    for path in files(&log) {
        let name = path.strip_prefix(&log).unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("tile/0") && !name.starts_with("tile/1") && name != "checkpoint" {
            continue;
        }
        let original = fs::read(&path).unwrap();
        for at in (0..original.len()).step_by(original.len().div_ceil(300)) {
            let mut changed = original.clone();
            changed[at] ^= 0x04;
            fs::write(&path, changed).unwrap();
            let broken = verify(dir.path()).unwrap_err();
            assert_eq!(broken.exit_code(), 2, "{name} byte {at}: {broken}");
        }
        fs::write(&path, original).unwrap();
    }
    verify(dir.path()).unwrap();
}

/// Rewrites the only bundle and its tile consistently, as somebody with a text editor and SHA-256 would.
fn rewrite(dir: &Path, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<Vec<u8>> {
    let log = dir.join("log");
    let mut records: Vec<Vec<u8>> = read_records(&log, 0).map(|record| record.unwrap().1).collect();
    let old = records.len();
    change(&mut records);
    let mut bundle = Vec::new();
    let mut tile = Vec::new();
    for record in &records {
        append_entry(record, &mut bundle);
        tile.extend_from_slice(&leaf_hash(record));
    }
    for (kind, bytes) in [("entries", bundle), ("0", tile)] {
        fs::remove_file(log.join(format!("tile/{kind}/000.p/{old}"))).unwrap();
        fs::write(log.join(format!("tile/{kind}/000.p/{}", records.len())), bytes).unwrap();
    }
    records
}

#[test]
fn removed_inserted_and_exchanged_records_are_named() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let remove: Change = |records| drop(records.remove(7));
    let insert: Change = |records| records.insert(7, records[3].clone());
    let exchange: Change = |records| records.swap(7, 8);
    for (name, change) in [("remove", remove), ("insert", insert), ("exchange", exchange)] {
        let dir = closed_log(20);
        rewrite(dir.path(), change);
        match verify(dir.path()) {
            Err(Broken::Record { seq: 7, why: BadRecord::OutOfPlace { .. } }) => {}
            // One record fewer: the signed tree asks for a wider bundle than there is.
            Err(Broken::Absent { .. }) if name == "remove" => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_record_changed_together_with_its_tile_breaks_its_calls_chain() {
    let dir = closed_log(20);
    rewrite(dir.path(), |records| {
        let text = String::from_utf8(records[4].clone()).unwrap();
        records[4] = text.replace("emergent", "routine ").into_bytes();
    });
    match verify(dir.path()) {
        Err(Broken::Record { seq: 6, why: BadRecord::Chain }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_last_record_changed_together_with_its_tile_does_not_have_the_signed_root() {
    let dir = closed_log(20);
    rewrite(dir.path(), |records| {
        let text = String::from_utf8(records[19].clone()).unwrap();
        records[19] = text.replace("emergent", "routine ").into_bytes();
    });
    let broken = verify(dir.path()).unwrap_err();
    assert!(matches!(broken, Broken::Root { from: 0, size: 20 }), "{broken}");
}

/// Signs a rewritten log with the right key: an insider with everything.
fn sign_again(dir: &Path, records: &[Vec<u8>], key: &SigningKey) {
    let leaves: Vec<_> = records.iter().map(|record| leaf_hash(record)).collect();
    let head = TreeHead { size: leaves.len() as u64, root: root_of(&leaves) };
    fs::write(dir.join("log/checkpoint"), Checkpoint::sign(key, head).note).unwrap();
}

fn kept_checkpoint(dir: &Path) -> Checkpoint {
    let note = fs::read(dir.join("log/checkpoint")).unwrap();
    Checkpoint::open(&note, &key().verifying_key()).unwrap()
}

#[test]
fn a_log_cut_short_or_rewritten_with_the_right_key_contradicts_a_kept_checkpoint() {
    let dir = closed_log(20);
    let kept = kept_checkpoint(dir.path());
    let since = |dir: &Path| verify_dir(&dir.join("log"), &key().verifying_key(), Some(&kept)).unwrap_err();

    let cut = rewrite(dir.path(), |records| records.truncate(15));
    sign_again(dir.path(), &cut, &key());
    verify(dir.path()).unwrap();
    let broken = since(dir.path());
    assert!(matches!(broken, Broken::Truncated { has: 15, had: 20 }), "{broken}");
    assert_eq!(broken.exit_code(), 3);

    let dir = closed_log(20);
    let changed = rewrite(dir.path(), |records| {
        let text = String::from_utf8(records[19].clone()).unwrap();
        records[19] = text.replace("emergent", "routine ").into_bytes();
    });
    sign_again(dir.path(), &changed, &key());
    verify(dir.path()).unwrap();
    let broken = since(dir.path());
    assert!(matches!(broken, Broken::Forked { size: 20 }), "{broken}");
    assert_eq!(broken.exit_code(), 3);
}

#[test]
fn a_log_signed_with_another_key_is_not_believed() {
    let dir = closed_log(20);
    let records: Vec<Vec<u8>> = read_records(&dir.path().join("log"), 0).map(|r| r.unwrap().1).collect();
    let other = SigningKey::from_seed(log_dir::ORIGIN, [8; 32]).unwrap();
    sign_again(dir.path(), &records, &other);
    assert_eq!(verify(dir.path()).unwrap_err().exit_code(), 2);
}

#[test]
fn a_missing_bundle_or_tile_is_named() {
    let dir = closed_log(600);
    for name in ["tile/entries/001", "tile/0/001", "tile/1/000.p/2", "checkpoint", "tile/entries/002.p/88"] {
        let copy = folder();
        copy_dir(dir.path(), copy.path());
        fs::remove_dir_all(copy.path().join("log/wal")).unwrap();
        fs::remove_file(copy.path().join("log").join(name)).unwrap();
        match verify(copy.path()) {
            Err(Broken::Absent { path }) => assert_eq!(path, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_call_without_its_end_in_a_closed_log_is_incomplete() {
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    for kind in ["call.start", "queue.enter", "call.end"] {
        files.append(vec![event(Some(1), kind), event(Some(2), kind)]).unwrap();
    }
    files.append(vec![event(Some(3), "call.start"), event(None, "log.stop")]).unwrap();
    files.checkpoint().unwrap();
    let verified = verify(dir.path()).unwrap();
    assert_eq!((verified.complete, verified.exit_code()), (2, 4));
    assert_eq!(verified.incomplete[0].what, Missing::End);
}

#[test]
fn a_calls_records_are_found_by_the_beginning_of_its_identity() {
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    let (one, other) = (0xabc0_u128 << 112, 0xabd0_u128 << 112);
    for at in 0..300 {
        files.append(vec![event(Some(if at % 2 == 0 { one } else { other }), "step.enter")]).unwrap();
    }
    let log = dir.path().join("log");
    // Not one of them is in a bundle yet, then all are.
    for _ in 0..2 {
        let found = records_of_call(&log, "abc", 0).unwrap();
        assert_eq!((found.call.0, found.records.len()), (one, 150));
        assert!(matches!(records_of_call(&log, "ab", 0), Err(ReadError::Ambiguous { .. })));
        assert!(matches!(records_of_call(&log, "fff", 0), Err(ReadError::NoSuchCall { .. })));
        assert!(matches!(records_of_call(&log, "\"", 0), Err(ReadError::NotACall { .. })));
        files.checkpoint().unwrap();
    }
}
