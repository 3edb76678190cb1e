//! Recordings on a real disk: what is written is heard again, and nothing else is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use store::{
    MasterKeys, RecordingError, RecordingHeader, RecordingWriter, StoredRecording, list_recordings,
    open_recording, shred_recording,
};

/// A second of two channels that nothing else on a disk looks like.
fn second(number: u8) -> Vec<u8> {
    (0..16_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ number).collect()
}

fn begin(folder: &Path, keys: &MasterKeys, name: &str) -> RecordingWriter {
    let started = "2026-11-23T14:00:00Z".parse().unwrap();
    let header = RecordingHeader::new(name.to_owned(), "0af3".to_owned(), started, 2, "call");
    RecordingWriter::begin(folder, keys, header).unwrap()
}

/// A folder with a recording of three seconds.
fn recorded() -> (tempfile::TempDir, MasterKeys, PathBuf, StoredRecording) {
    let dir = tempfile::tempdir().unwrap();
    let keys = MasterKeys::open_or_generate(&dir.path().join("recording.keys")).unwrap();
    let folder = dir.path().join("recordings");
    let mut writer = begin(&folder, &keys, "one");
    for number in 0..3 {
        writer.write(u64::from(number) * 8_000, &second(number)).unwrap();
    }
    let stored = writer.finish().unwrap();
    (dir, keys, folder.join("one.rec"), stored)
}

fn frames(file: &[u8]) -> Vec<std::ops::Range<usize>> {
    let length = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 12 + length(8);
    let mut frames = Vec::new();
    while at < file.len() {
        frames.push(at..at + 4 + length(at));
        at += 4 + length(at);
    }
    frames
}

#[test]
fn what_is_written_is_heard_again_and_its_hash_is_that_of_the_file() {
    let (dir, keys, path, stored) = recorded();
    let opened = open_recording(&path, &keys).unwrap();
    assert_eq!(opened.audio, [second(0), second(1), second(2)].concat());
    assert!(opened.is_whole);
    assert_eq!((stored.samples, stored.missing), (24_000, 0));
    assert_eq!(stored.sha256, opened.sha256);
    assert_eq!(stored.bytes, fs::metadata(&path).unwrap().len());
    for file in ["recordings/one.rec", "recordings/one.key", "recording.keys"] {
        let mode = fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let again = MasterKeys::open(&dir.path().join("recording.keys")).unwrap();
    assert_eq!(open_recording(&path, &again).unwrap(), opened);
}

#[test]
fn no_sample_is_on_the_disk_in_plain() {
    let (dir, _, _, _) = recorded();
    for folder in [dir.path().to_owned(), dir.path().join("recordings")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                let known = second(1)[100..116].to_vec();
                assert!(!bytes.windows(16).any(|window| window == known), "{}", path.display());
            }
        }
    }
}

#[test]
fn every_changed_byte_and_every_exchanged_left_out_or_appended_chunk_is_noticed() {
    let (_dir, keys, path, _) = recorded();
    let whole = fs::read(&path).unwrap();
    let frames = frames(&whole);
    assert_eq!(frames.len(), 4, "three seconds and the end");
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        assert!(open_recording(&path, &keys).is_err(), "{what}");
    };
    for at in (0..frames[0].start).chain(frames.iter().map(|frame| frame.start + 6)) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, &format!("byte {at}"));
    }
    let part = |n: usize| &whole[frames[n].clone()];
    let head = &whole[..frames[0].start];
    refused(&[head, part(1), part(0), part(2), part(3)].concat(), "exchanged");
    refused(&[head, part(0), part(2), part(3)].concat(), "left out");
    refused(&[head, part(1), part(2), part(3)].concat(), "the first left out");
    refused(&[&whole[..], part(1)].concat(), "appended");
}

#[test]
fn a_recording_that_was_never_ended_is_read_to_its_last_whole_chunk() {
    let (_dir, keys, path, _) = recorded();
    let whole = fs::read(&path).unwrap();
    let frames = frames(&whole);
    for (cut, seconds) in [
        (frames[3].start, 3),
        (frames[3].end - 1, 3),
        (frames[2].end - 1, 2),
        (frames[1].start + 2, 1),
        (frames[0].start, 0),
    ] {
        fs::write(&path, &whole[..cut]).unwrap();
        let opened = open_recording(&path, &keys).unwrap();
        assert!(!opened.is_whole, "cut at {cut}");
        assert_eq!(opened.audio.len(), seconds * 16_000, "cut at {cut}");
    }
}

#[test]
fn a_second_that_never_came_is_silence_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let keys = MasterKeys::open_or_generate(&dir.path().join("recording.keys")).unwrap();
    let mut writer = begin(dir.path(), &keys, "gap");
    writer.write(0, &second(0)).unwrap();
    writer.write(20_000, &second(1)).unwrap();
    let stored = writer.finish().unwrap();
    assert_eq!((stored.samples, stored.missing), (28_000, 12_000));
    let opened = open_recording(&dir.path().join("gap.rec"), &keys).unwrap();
    assert!(opened.audio[16_000..40_000].iter().all(|byte| *byte == 0xff));
    assert_eq!(opened.audio[40_000..], second(1));
}

#[test]
fn a_recording_whose_key_is_destroyed_is_heard_by_nobody_and_its_neighbour_still_is() {
    let (_dir, keys, path, _) = recorded();
    let folder = path.parent().unwrap();
    begin(folder, &keys, "two").finish().unwrap();
    shred_recording(&path).unwrap();
    assert!(matches!(open_recording(&path, &keys), Err(RecordingError::Shredded { .. })));
    open_recording(&folder.join("two.rec"), &keys).unwrap();
    let listed = list_recordings(folder).unwrap();
    let keys: Vec<_> = listed.iter().map(|one| (one.header.recording.as_str(), one.has_key)).collect();
    assert_eq!(keys, [("one", false), ("two", true)]);
}

#[test]
fn a_new_master_key_opens_what_was_recorded_before_and_another_nodes_does_not() {
    let (dir, mut keys, path, _) = recorded();
    keys.rotate().unwrap();
    let later = begin(path.parent().unwrap(), &keys, "later");
    later.finish().unwrap();
    let again = MasterKeys::open(&dir.path().join("recording.keys")).unwrap();
    open_recording(&path, &again).unwrap();
    open_recording(&path.with_file_name("later.rec"), &again).unwrap();
    let other = MasterKeys::open_or_generate(&dir.path().join("other.keys")).unwrap();
    assert!(matches!(open_recording(&path, &other), Err(RecordingError::MasterKey { .. })));
    // A key moved to another recording opens nothing.
    fs::copy(path.with_extension("key"), path.with_file_name("later.key")).unwrap();
    assert!(open_recording(&path.with_file_name("later.rec"), &again).is_err());
    fs::set_permissions(dir.path().join("recording.keys"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(MasterKeys::open(&dir.path().join("recording.keys")), Err(RecordingError::Keys { .. })));
}
