//! Verification needs no disk: the same log in memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests stand in for the driver"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use audit::proof::{ShortTile, TileNodes, consistency, includes, inclusion, is_consistent};
use audit::tile::{append_entry, tile_hashes};
use audit::{
    BadRecord, Broken, CallId, Checkpoint, Event, Export, Fact, Head, Identity, Log, Missing, SigningKey,
    TileKind, TilePath, Tree, TreeHead, Verified, leaf_hash, verify,
};
use primitives::Now;

fn key() -> SigningKey {
    SigningKey::from_seed("audit.example.org/ivr/site-1", [7; 32]).unwrap()
}

fn event(call: Option<u128>, kind: &str) -> Event {
    let at = Now { mono: Instant::now(), wall: "2026-11-23T14:03:07.412345Z".parse().unwrap() };
    Event { at, call: call.map(CallId), flow: None, fact: Fact::new(kind).with("urgency", "emergent") }
}

fn begin() -> Log {
    Log::resume(Head::default(), Identity::new("ivr-a", 1).unwrap())
}

/// The files of a log, signed over whatever records they are given.
#[derive(Clone, Default)]
struct Files {
    files: BTreeMap<String, Vec<u8>>,
    tail: Vec<Vec<u8>>,
}

impl Export for Files {
    type Error = Infallible;

    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.files.get(path).cloned())
    }

    fn tail(&mut self, _from: u64) -> Result<Vec<Vec<u8>>, Infallible> {
        Ok(self.tail.clone())
    }
}

fn publish(records: &[Vec<u8>]) -> Files {
    let mut published = Files::default();
    let mut tree = Tree::new();
    for record in records {
        let mut full = Vec::new();
        tree.append(leaf_hash(record), &mut full);
        published.files.extend(full.iter().map(|tile| (tile.path().to_string(), tile.to_bytes())));
    }
    published.files.extend(tree.open_tiles().map(|tile| (tile.path().to_string(), tile.to_bytes())));
    for (index, bundle) in records.chunks(256).enumerate() {
        let path = TilePath { kind: TileKind::Entries, index: index as u64, width: bundle.len() };
        let mut bytes = Vec::new();
        bundle.iter().for_each(|record| append_entry(record, &mut bytes));
        published.files.insert(path.to_string(), bytes);
    }
    let head = TreeHead { size: tree.size(), root: tree.root() };
    published.files.insert("checkpoint".to_owned(), Checkpoint::sign(&key(), head).note.into_bytes());
    published
}

fn check(files: &Files) -> Result<Verified, Broken<Infallible>> {
    verify(&mut files.clone(), &key().verifying_key(), None)
}

#[test]
fn a_record_its_writer_left_out_shows_in_the_call_although_the_log_is_intact() {
    let mut log = begin();
    let mut records = vec![log.seal(event(Some(1), "call.start")).bytes];
    records.push(log.seal(event(Some(2), "call.start")).bytes);
    // Sealed into the call's chain, then withheld from the log.
    log.seal(event(Some(1), "recording.played"));
    let head = Head { size: 2, open_calls: log.open_calls().clone() };
    let mut log = Log::resume(head, Identity::new("ivr-a", 1).unwrap());
    records.push(log.seal(event(Some(1), "call.end")).bytes);
    records.push(log.seal(event(Some(2), "call.end")).bytes);
    let verified = check(&publish(&records)).unwrap();
    assert_eq!((verified.complete, verified.incomplete_count, verified.exit_code()), (1, 1, 4));
    assert_eq!((verified.incomplete[0].call, verified.incomplete[0].what), (CallId(1), Missing::Middle));
}

#[test]
fn a_call_under_way_is_open_and_one_from_before_a_restart_lacks_its_end() {
    let mut log = begin();
    let mut records = vec![log.seal(event(Some(1), "call.start")).bytes];
    let mut log = Log::resume(Head { size: 1, ..Head::default() }, Identity::new("ivr-a", 2).unwrap());
    records.push(log.seal(event(Some(2), "call.start")).bytes);
    let verified = check(&publish(&records)).unwrap();
    assert_eq!((verified.open, verified.exit_code()), (1, 4));
    assert_eq!((verified.incomplete[0].call, verified.incomplete[0].what), (CallId(1), Missing::End));
}

#[test]
fn a_call_silent_for_a_day_in_a_log_that_goes_on_lacks_its_end() {
    let mut log = begin();
    let mut records = vec![log.seal(event(Some(1), "call.start")).bytes];
    let mut later = event(None, "log.heartbeat");
    later.at.wall = "2026-11-24T14:03:08Z".parse().unwrap();
    records.push(log.seal(later).bytes);
    let verified = check(&publish(&records)).unwrap();
    assert_eq!((verified.open, verified.incomplete_count), (0, 1));
}

#[test]
fn records_after_the_checkpoint_are_checked_and_counted_as_unsigned() {
    let mut log = begin();
    let records: Vec<Vec<u8>> = (0..5).map(|_| log.seal(event(None, "log.heartbeat")).bytes).collect();
    let mut files = publish(&records[..3]);
    files.tail = records[3..].to_vec();
    assert_eq!(check(&files).unwrap().unsigned, 2);
    files.tail.swap(0, 1);
    match check(&files) {
        Err(Broken::Record { seq: 3, why: BadRecord::OutOfPlace { says: 4 } }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bundle_that_a_copy_missed_is_read_from_the_write_ahead_segments() {
    let mut log = begin();
    let records: Vec<Vec<u8>> = (0..5).map(|_| log.seal(event(None, "log.heartbeat")).bytes).collect();
    let mut files = publish(&records);
    files.files.remove("tile/entries/000.p/5");
    assert!(matches!(check(&files), Err(Broken::Absent { .. })));
    files.tail = records;
    // The tail is asked for twice; this one answers the same, so what follows the signed part is refused.
    assert!(matches!(check(&files), Err(Broken::Record { seq: 5, .. })));
}

#[test]
fn proofs_made_from_tiles_hold_at_every_kind_of_place() {
    let mut log = begin();
    let records: Vec<Vec<u8>> = (0..66_100).map(|_| log.seal(event(None, "log.heartbeat")).bytes).collect();
    let files = publish(&records);
    let head = check(&files).unwrap().head;
    let mut nodes = TileNodes::new(head.size, |path: TilePath| -> Result<_, ShortTile> {
        files.files.get(&path.to_string()).and_then(|bytes| tile_hashes(bytes)).ok_or(ShortTile(path))
    });
    for index in [0, 1, 255, 256, 300, 65_535, 65_536, 66_048, 66_099] {
        let proof = inclusion(&mut nodes, index, head.size).unwrap();
        let leaf = leaf_hash(&records[index as usize]);
        assert!(includes(&head.root, head.size, index, &leaf, &proof), "record {index}");
    }
    for old in [1, 2, 255, 256, 257, 65_536, 65_537, 66_099] {
        let mut tree = Tree::new();
        records[..old as usize].iter().for_each(|record| tree.append(leaf_hash(record), &mut Vec::new()));
        let before = TreeHead { size: old, root: tree.root() };
        let proof = consistency(&mut nodes, old, head.size).unwrap();
        assert!(is_consistent(&before, &head, &proof), "size {old}");
    }
}
