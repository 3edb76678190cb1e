use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the commit histogram in microseconds; slower commits fall into one more bucket.
pub const COMMIT_MICROS_BOUNDS: [u64; 11] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

/// What the writer has done since it started, counted as it goes.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub records: AtomicU64,
    pub refused: AtomicU64,
    pub commits: AtomicU64,
    pub commit_micros: AtomicU64,
    pub commit_buckets: [AtomicU64; COMMIT_MICROS_BOUNDS.len() + 1],
    pub commit_failures: AtomicU64,
    pub checkpoint_failures: AtomicU64,
    pub signed: AtomicU64,
    pub released: AtomicU64,
    pub released_early: AtomicU64,
    pub spilled: AtomicU64,
    pub lost: AtomicU64,
    pub stalls: AtomicU64,
}

impl Counters {
    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Relaxed);
    }

    pub fn commit(&self, records: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = COMMIT_MICROS_BOUNDS.partition_point(|bound| *bound < micros);
        Self::add(&self.records, records as u64);
        Self::add(&self.commits, 1);
        Self::add(&self.commit_micros, micros);
        if let Some(bucket) = self.commit_buckets.get(bucket) {
            Self::add(bucket, 1);
        }
    }

    pub fn snapshot(&self) -> AuditMetrics {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        AuditMetrics {
            records: read(&self.records),
            refused: read(&self.refused),
            commits: read(&self.commits),
            commit_micros: read(&self.commit_micros),
            commit_buckets: self.commit_buckets.each_ref().map(read),
            commit_failures: read(&self.commit_failures),
            checkpoint_failures: read(&self.checkpoint_failures),
            signed: read(&self.signed),
            released: read(&self.released),
            released_early: read(&self.released_early),
            spilled: read(&self.spilled),
            lost: read(&self.lost),
            stalls: read(&self.stalls),
            held: 0,
            waiting: 0,
        }
    }
}

/// The writer's numbers for metrics. All but the last two only grow.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuditMetrics {
    /// Records made durable.
    pub records: u64,
    /// Facts sealed without their fields, because they were not as the log wants them: a mistake of ours.
    pub refused: u64,
    /// Groups written.
    pub commits: u64,
    /// Time spent writing groups, in microseconds.
    pub commit_micros: u64,
    /// Commits by duration: one per bound of [`COMMIT_MICROS_BOUNDS`], the last for all slower ones.
    pub commit_buckets: [u64; COMMIT_MICROS_BOUNDS.len() + 1],
    /// Groups the disk refused.
    pub commit_failures: u64,
    /// Checkpoints the disk refused.
    pub checkpoint_failures: u64,
    /// Size of the last signed tree.
    pub signed: u64,
    /// Held outputs released.
    pub released: u64,
    /// Of these, released before their facts were durable.
    pub released_early: u64,
    /// Records written to the spill file.
    pub spilled: u64,
    /// Facts dropped because memory and spill file were full. Each is admitted in a `log.gap` record.
    pub lost: u64,
    /// How often the log stalled.
    pub stalls: u64,
    /// Outputs held at the moment.
    pub held: u64,
    /// Facts waiting to be written at the moment.
    pub waiting: u64,
}
