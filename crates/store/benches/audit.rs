//! What the audit log costs, beside what the disk alone costs in the same run.
//!
//! `cargo bench -p careline-store --bench audit [-- seconds [folder]]`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program that reports to a person"
)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use audit::proof::{TileNodes, inclusion};
use audit::tile::tile_hashes;
use audit::{CallId, Event, Fact, FlowRef, Identity, SigningKey};
use primitives::Now;
use store::{AuditFiles, AuditPlace, AuditWriter, AuditWriterConfig, verify_dir};

const RECORD_BYTES: usize = 600;

fn fact(call: u128, kind: &str) -> Event {
    let fact = Fact::new(kind).with("queue", "nurses").with("urgency", "emergent").with("ahead", 3);
    let flow = FlowRef { name: "nurse-line".into(), digest_hex: "ab".repeat(32), step: "red_flag".into() };
    let at = Now { mono: Instant::now(), wall: jiff::Timestamp::now() };
    Event { at, call: Some(CallId(call)), flow: Some(flow), fact }
}

fn quantiles(mut values: Vec<Duration>) -> String {
    values.sort_unstable();
    let at = |q: f64| values[((values.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.99), at(1.0))
}

/// The floor: groups of records appended and `fdatasync`ed, nothing else.
fn disk_floor(dir: &Path, group: usize, seconds: f64) {
    let mut file = File::create(dir.join("floor")).unwrap();
    let bytes = vec![b'x'; group * RECORD_BYTES];
    let begun = Instant::now();
    let mut took = Vec::new();
    while begun.elapsed().as_secs_f64() < seconds / 4.0 {
        let started = Instant::now();
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        took.push(started.elapsed());
    }
    let rate = (took.len() * group) as f64 / begun.elapsed().as_secs_f64();
    println!("disk alone, {group:>3} records a group   {rate:>9.0} records/s   {}", quantiles(took));
}

/// Facts handed in at a rate (0: as fast as they are taken), each timed from hand-in to release.
fn writer(dir: &Path, name: &str, rate: u32, seconds: f64) {
    let key = SigningKey::from_seed("bench.example.org/ivr", [1; 32]).unwrap();
    let place = AuditPlace::new(&dir.join(name), key, Identity::new("bench", 1).unwrap());
    let (files, recovered) = AuditFiles::open(&place).unwrap();
    let (release, released) = channel::<Duration>();
    // Held without limit here: the question is how long durability takes.
    let config = AuditWriterConfig { hold_max: Duration::from_secs(60), ..AuditWriterConfig::default() };
    let release = Box::new(move |at: Instant| _ = release.send(at.elapsed()));
    let writer = AuditWriter::start(files, recovered, config, release, Box::new(|_| ())).unwrap();
    let begun = Instant::now();
    let mut sent = 0_u32;
    while begun.elapsed().as_secs_f64() < seconds {
        if rate > 0 {
            let due = begun + Duration::from_secs_f64(f64::from(sent) / f64::from(rate));
            // Sleeping overshoots by some 60 us: at high rates several facts come at once, as calls do.
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
        } else if sent.is_multiple_of(64) {
            // At most some 2,000 wait, as if that many calls waited for their answer.
            while writer.metrics().waiting > 2_000 {
                thread::sleep(Duration::from_micros(200));
            }
        }
        let call = u128::from(sent / 50);
        let kind = if sent % 50 == 49 { Fact::CALL_END } else { "step.enter" };
        assert!(writer.submit(vec![fact(call, kind)], Instant::now()).is_none());
        sent += 1;
    }
    assert!(writer.flush(Duration::from_secs(60)));
    let rate = f64::from(sent) / begun.elapsed().as_secs_f64();
    let metrics = writer.metrics();
    let lag = metrics.records - metrics.signed;
    println!(
        "writer, {name:<24} {rate:>9.0} records/s   {}   {:.0} records a commit, {lag} unsigned at the end",
        quantiles(released.try_iter().collect()),
        metrics.records as f64 / metrics.commits as f64,
    );
    let closing = Instant::now();
    writer.shutdown(Duration::from_secs(60));
    println!("  signed and closed in {:.0} ms", closing.elapsed().as_secs_f64() * 1e3);
}

fn reading(dir: &Path) {
    let key = SigningKey::from_seed("bench.example.org/ivr", [1; 32]).unwrap();
    let started = Instant::now();
    let verified = verify_dir(dir, &key.verifying_key(), None).unwrap();
    let size = verified.head.size;
    println!(
        "verify                         {:>9.0} records/s   ({size} records)",
        size as f64 / started.elapsed().as_secs_f64()
    );
    let started = Instant::now();
    let rounds = 200;
    let mut hashes = 0;
    for round in 0..rounds {
        let mut nodes = TileNodes::new(size, |path| -> Result<_, ReadFailed> {
            Ok(tile_hashes(&std::fs::read(dir.join(path.to_string()))?).unwrap_or_default())
        });
        hashes = inclusion(&mut nodes, size * round / rounds, size).unwrap().len();
    }
    let each = started.elapsed() / u32::try_from(rounds).unwrap();
    println!("inclusion proof                {each:?} each, {hashes} hashes");
}

#[derive(Debug)]
struct ReadFailed;

impl From<std::io::Error> for ReadFailed {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl From<audit::proof::ShortTile> for ReadFailed {
    fn from(_: audit::proof::ShortTile) -> Self {
        Self
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let seconds: f64 = arguments.next().and_then(|seconds| seconds.parse().ok()).unwrap_or(4.0);
    let parent = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent).unwrap();
    for group in [1, 64, 256] {
        disk_floor(dir.path(), group, seconds);
    }
    writer(dir.path(), "100 a second", 100, seconds);
    writer(dir.path(), "1,000 a second", 1_000, seconds);
    writer(dir.path(), "30,000 a second", 30_000, seconds);
    writer(dir.path(), "as fast as it goes", 0, seconds);
    reading(&dir.path().join("as fast as it goes"));
}
