//! The promise to callers: what happened is in the log, in order, and no disk holds anybody up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod log_dir;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use audit::{Verified, read_header};
use log_dir::{event, events, folder, key, place};
use proptest::prelude::*;
use store::{
    AppendFile, AuditFiles, AuditWriter, AuditWriterConfig, Disk, LocalDisk, LogState, Shutdown,
    read_records, verify_dir,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A disk that works, then refuses or dawdles in the named folders.
#[derive(Default)]
struct Faults {
    /// Refused as full: paths that contain one of these.
    refused: Mutex<Vec<&'static str>>,
    /// How long each write takes, in milliseconds.
    delay_ms: AtomicU64,
    syncs: AtomicU64,
}

impl Faults {
    fn refuse(&self, paths: &[&'static str]) {
        *self.refused.lock().unwrap() = paths.to_vec();
    }

    fn check(&self, path: &Path) -> io::Result<()> {
        // Sleeps: it stands for a slow disk.
        thread::sleep(Duration::from_millis(self.delay_ms.load(SeqCst)));
        let text = path.to_string_lossy();
        if self.refused.lock().unwrap().iter().any(|part| text.contains(part)) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

struct FaultyDisk(Arc<Faults>);

struct FaultyFile {
    file: Box<dyn AppendFile>,
    path: PathBuf,
    faults: Arc<Faults>,
}

impl AppendFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.faults.check(&self.path) {
            // A full disk takes the beginning.
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, SeqCst);
        self.faults.check(&self.path)?;
        self.file.sync()
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        self.0.check(path)?;
        let file = LocalDisk.create(path)?;
        Ok(Box::new(FaultyFile { file, path: path.to_owned(), faults: Arc::clone(&self.0) }))
    }

    fn replace(&self, files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
        for (path, _) in files {
            self.0.check(path)?;
        }
        LocalDisk.replace(files)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }
}

struct Running {
    dir: tempfile::TempDir,
    faults: Arc<Faults>,
    writer: AuditWriter<u64>,
    released: Receiver<(u64, Instant)>,
    states: Receiver<LogState>,
}

fn start(config: AuditWriterConfig) -> Running {
    start_in(folder(), config)
}

fn start_in(dir: tempfile::TempDir, config: AuditWriterConfig) -> Running {
    let faults = Arc::new(Faults::default());
    let disk = Arc::new(FaultyDisk(Arc::clone(&faults)));
    let (files, recovered) = AuditFiles::open_on(&place(dir.path()), disk).unwrap();
    let (release, released) = channel();
    let (notify, states) = channel();
    let writer = AuditWriter::start(
        files,
        recovered,
        config,
        Box::new(move |value| _ = release.send((value, Instant::now()))),
        Box::new(move |state| _ = notify.send(state)),
    )
    .unwrap();
    Running { dir, faults, writer, released, states }
}

fn quick() -> AuditWriterConfig {
    AuditWriterConfig {
        checkpoint_every: Duration::from_millis(20),
        stall_min: Duration::from_millis(50),
        ..AuditWriterConfig::default()
    }
}

fn verify(dir: &Path) -> Verified {
    verify_dir(&dir.join("log"), &key().verifying_key(), None).unwrap()
}

fn kinds(dir: &Path) -> Vec<String> {
    read_records(&dir.join("log"), 0)
        .map(|record| read_header(&record.unwrap().1).unwrap().kind.into_owned())
        .collect()
}

#[test]
fn outputs_are_released_in_order_after_their_facts_and_a_stop_leaves_a_signed_log() {
    let run = start(AuditWriterConfig { hold_max: PATIENCE, ..quick() });
    let mut released: Vec<u64> = Vec::new();
    for (at, fact) in events(1_000).into_iter().enumerate() {
        let facts = if at % 3 == 0 { vec![] } else { vec![fact] };
        let now = run.writer.submit(facts, at as u64);
        released.extend(run.released.try_iter().map(|(value, _)| value).chain(now));
    }
    assert_eq!(released.first(), Some(&0), "nothing is before it and it has no facts");
    assert!(run.writer.flush(PATIENCE));
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    released.extend(run.released.try_iter().map(|(value, _)| value));
    assert_eq!(released, (0..1_000).collect::<Vec<_>>());
    let metrics = run.writer.metrics();
    assert_eq!((metrics.lost, metrics.refused, metrics.held, metrics.waiting), (0, 0, 0, 0));
    let verified = verify(run.dir.path());
    // log.start, 666 facts, log.stop; half the calls lack the facts this test left out.
    assert_eq!((verified.head.size, verified.unsigned), (668, 0));
    assert_eq!(run.writer.submit(vec![event(None, "late.fact")], 7), Some(7), "a stopped log holds nothing");
}

#[test]
fn an_output_without_facts_waits_for_those_before_it() {
    let run = start(AuditWriterConfig { hold_max: PATIENCE, ..quick() });
    assert!(run.writer.flush(PATIENCE));
    run.faults.delay_ms.store(40, SeqCst);
    let begun = Instant::now();
    assert_eq!(run.writer.submit(vec![event(Some(1), "call.start")], 1), None);
    assert_eq!(run.writer.submit(vec![], 2), None);
    let (first, at) = run.released.recv_timeout(PATIENCE).unwrap();
    assert_eq!((first, at - begun >= Duration::from_millis(40)), (1, true));
    assert_eq!(run.released.recv_timeout(PATIENCE).unwrap().0, 2);
    run.faults.delay_ms.store(0, SeqCst);
    run.writer.shutdown(PATIENCE);
}

#[test]
fn a_lone_fact_is_written_at_once_and_those_soon_after_it_share_a_commit() {
    let commit_every = Duration::from_millis(300);
    let run = start(AuditWriterConfig { hold_max: PATIENCE, commit_every, ..quick() });
    let before = run.faults.syncs.load(SeqCst);
    let begun = Instant::now();
    for value in 0..10 {
        assert_eq!(run.writer.submit(vec![event(Some(1), "step.enter")], value), None);
        if value == 0 {
            let (_, at) = run.released.recv_timeout(PATIENCE).unwrap();
            assert!(at - begun < 2 * commit_every, "no group was written before it: {:?}", at - begun);
        }
    }
    assert!(run.writer.flush(PATIENCE));
    let commits = run.faults.syncs.load(SeqCst) - before;
    assert!(commits <= 3, "{commits} commits for ten facts");
    run.writer.shutdown(PATIENCE);
}

#[test]
fn while_the_disk_is_busy_facts_gather_into_one_commit() {
    let run = start(AuditWriterConfig { hold_max: PATIENCE, ..quick() });
    assert!(run.writer.flush(PATIENCE));
    run.faults.delay_ms.store(50, SeqCst);
    let before = run.faults.syncs.load(SeqCst);
    for at in 0..200 {
        assert_eq!(run.writer.submit(vec![event(Some(1), "step.enter")], at), None);
    }
    assert!(run.writer.flush(PATIENCE));
    let commits = run.faults.syncs.load(SeqCst) - before;
    assert!(commits <= 3, "{commits} commits for 200 facts handed in at once");
    run.faults.delay_ms.store(0, SeqCst);
    run.writer.shutdown(PATIENCE);
}

#[test]
fn a_slow_disk_holds_a_caller_for_the_agreed_time_and_no_longer() {
    let run = start(quick());
    assert!(run.writer.flush(PATIENCE));
    run.faults.delay_ms.store(400, SeqCst);
    let begun = Instant::now();
    assert_eq!(run.writer.submit(vec![event(Some(1), "call.start")], 1), None);
    let (_, at) = run.released.recv_timeout(PATIENCE).unwrap();
    let waited = at - begun;
    assert!((Duration::from_millis(50)..Duration::from_millis(350)).contains(&waited), "{waited:?}");
    assert!(matches!(run.states.recv_timeout(PATIENCE).unwrap(), LogState::Stalled { .. }));
    // Stalled: the next does not wait at all, and the order is kept.
    let begun = Instant::now();
    assert_eq!(run.writer.submit(vec![event(Some(1), "call.end")], 2), None);
    let (_, at) = run.released.recv_timeout(PATIENCE).unwrap();
    assert!(at - begun < Duration::from_millis(300), "{:?}", at - begun);
    run.faults.delay_ms.store(0, SeqCst);
    assert_eq!(run.states.recv_timeout(PATIENCE).unwrap(), LogState::Durable);
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    assert_eq!(kinds(run.dir.path()), ["log.start", "call.start", "call.end", "log.resumed", "log.stop"]);
    assert_eq!(verify(run.dir.path()).exit_code(), 0);
}

#[test]
fn on_a_full_disk_care_goes_on_and_the_facts_are_in_the_log_afterwards() {
    let run = start(quick());
    assert!(run.writer.flush(PATIENCE));
    run.faults.refuse(&["wal", "tile"]);
    for (at, fact) in events(500).into_iter().enumerate() {
        assert_eq!(run.writer.submit(vec![fact], at as u64), None);
    }
    assert!(matches!(run.states.recv_timeout(PATIENCE).unwrap(), LogState::Stalled { .. }));
    let released: Vec<u64> = run.released.iter().take(500).map(|(value, _)| value).collect();
    assert_eq!(released, (0..500).collect::<Vec<_>>());
    assert!(run.writer.last_error().unwrap().contains("the disk is full: free space"));
    run.faults.refuse(&[]);
    assert_eq!(run.states.recv_timeout(PATIENCE).unwrap(), LogState::Durable);
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    let metrics = run.writer.metrics();
    assert!(metrics.spilled > 0 && metrics.lost == 0, "{metrics:?}");
    let verified = verify(run.dir.path());
    assert_eq!((verified.head.size, verified.complete, verified.exit_code()), (503, 100, 0));
}

#[test]
fn facts_put_aside_on_a_second_disk_survive_the_end_of_the_process() {
    let run = start(quick());
    assert!(run.writer.flush(PATIENCE));
    run.faults.refuse(&["wal", "tile"]);
    for (at, fact) in events(40).into_iter().enumerate() {
        assert_eq!(run.writer.submit(vec![fact], at as u64), None);
    }
    assert_eq!(run.released.iter().take(40).count(), 40);
    // Ends without having been able to write: as a kill would, but with the lock gone.
    assert_eq!(run.writer.shutdown(Duration::from_secs(2)), Shutdown::TimedOut);
    let (files, recovered) = AuditFiles::open(&place(run.dir.path())).unwrap();
    // The half that a full disk took of a group is in the segments already.
    assert!(recovered.from_spill > 0);
    assert_eq!(recovered.size, 42, "40 facts between log.start and log.stop");
    drop(files);
    assert_eq!(verify(run.dir.path()).complete, 8);
}

#[test]
fn with_no_disk_at_all_facts_wait_in_memory_and_what_does_not_fit_is_admitted() {
    let run = start(AuditWriterConfig { queue_max: 100, ..quick() });
    assert!(run.writer.flush(PATIENCE));
    run.faults.delay_ms.store(300, SeqCst);
    let mut given_back = 0;
    for (at, fact) in events(1_000).into_iter().enumerate() {
        given_back += u64::from(run.writer.submit(vec![fact], at as u64).is_some());
    }
    run.faults.delay_ms.store(0, SeqCst);
    while run.states.recv_timeout(PATIENCE).unwrap() != LogState::Durable {}
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    let metrics = run.writer.metrics();
    assert!(metrics.lost > 0, "{metrics:?}");
    assert_eq!(metrics.released + given_back, 1_000);
    let kinds = kinds(run.dir.path());
    assert!(kinds.contains(&"log.gap".to_owned()), "{kinds:?}");
    assert_eq!(kinds.len() as u64 + metrics.lost, 1_000 + 3, "start, gap and stop");
}

#[test]
fn calls_cut_off_by_a_crash_are_ended_in_the_log_at_the_next_start() {
    let dir = folder();
    let (mut files, _) = AuditFiles::open(&place(dir.path())).unwrap();
    files.append(vec![event(Some(1), "call.start"), event(Some(1), "queue.enter")]).unwrap();
    drop(files);
    let run = start_in(dir, quick());
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    let expected = ["call.start", "queue.enter", "log.start", "log.recover", "call.end", "log.stop"];
    assert_eq!(kinds(run.dir.path()), expected);
    assert_eq!((verify(run.dir.path()).complete, verify(run.dir.path()).exit_code()), (1, 0));
}

#[test]
fn silence_is_broken_by_heartbeats() {
    let run = start(AuditWriterConfig { heartbeat_every: Duration::from_millis(20), ..quick() });
    // Sleeps: ten heartbeats of nothing else happening are what is tested.
    thread::sleep(Duration::from_millis(200));
    run.writer.shutdown(PATIENCE);
    assert!(kinds(run.dir.path()).iter().filter(|kind| *kind == "log.heartbeat").count() >= 3);
}

#[test]
fn a_log_is_verified_while_it_is_written() {
    let run = start(AuditWriterConfig { hold_max: PATIENCE, ..quick() });
    let mut seen = 0;
    for round in 0..40 {
        for (at, fact) in events(100).into_iter().enumerate() {
            assert_eq!(run.writer.submit(vec![fact], round * 100 + at as u64), None);
        }
        if round > 2 && run.writer.metrics().signed > 0 {
            let verified = verify(run.dir.path());
            assert!(verified.head.size >= seen);
            seen = verified.head.size;
        }
    }
    assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
    assert_eq!(verify(run.dir.path()).head.size, 4_002);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the disk does, outputs come out once each and in the order they went in, and every fact
    /// not counted as lost is in the log.
    #[test]
    fn the_order_of_outputs_never_changes(
        script in proptest::collection::vec((0_u8..4, 0_u8..40), 1..120),
    ) {
        let run = start(AuditWriterConfig { hold_max: Duration::from_millis(5), ..quick() });
        let (mut facts, mut released) = (0_u64, Vec::new());
        for (at, (count, what)) in script.iter().enumerate() {
            match what {
                0 => run.faults.refuse(&["wal"]),
                1 => run.faults.refuse(&["wal", "spill", "tile"]),
                2 => run.faults.refuse(&[]),
                3 => run.faults.delay_ms.store(8, SeqCst),
                4 => run.faults.delay_ms.store(0, SeqCst),
                _ => {}
            }
            facts += u64::from(*count);
            let events = (0..*count).map(|_| event(Some(9), "step.enter")).collect();
            let now = run.writer.submit(events, at as u64);
            released.extend(run.released.try_iter().map(|(value, _)| value).chain(now));
        }
        run.faults.refuse(&[]);
        run.faults.delay_ms.store(0, SeqCst);
        prop_assert!(run.writer.flush(PATIENCE));
        prop_assert_eq!(run.writer.shutdown(PATIENCE), Shutdown::Clean);
        released.extend(run.released.try_iter().map(|(value, _)| value));
        prop_assert_eq!(released, (0..script.len() as u64).collect::<Vec<_>>());
        let sealed = kinds(run.dir.path()).iter().filter(|kind| *kind == "step.enter").count() as u64;
        prop_assert_eq!(sealed + run.writer.metrics().lost, facts);
        let verified = verify(run.dir.path());
        prop_assert_eq!(verified.unsigned, 0);
    }
}
