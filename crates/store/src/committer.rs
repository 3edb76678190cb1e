use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::{Duration, Instant};

use audit::{CallId, Event, Fact, Log, Record};
use jiff::Timestamp;
use primitives::Now;

use crate::audit_files::{Journal, Recovered};
use crate::audit_writer::{FIRST_TICKET, LogState, Shared};
use crate::counters::Counters;
use crate::disk::{Disk, next_step};
use crate::spill::Spill;

/// Sealed records kept in memory when neither folder nor spill file takes them: some 40 MB. Beyond it
/// facts stay unsealed in the queue, whose own bound drops and counts them.
const BACKLOG_RECORDS_MAX: usize = 65_536;

/// How long a disk that refused is left alone.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// Seals facts and makes them durable.
pub(crate) struct Committer<T> {
    shared: Arc<Shared<T>>,
    journal: Journal,
    log: Log,
    spill: Spill,
    /// Sealed, not durable, not in the spill file.
    backlog: VecDeque<Record>,
    /// The facts of all tickets below this are sealed.
    sealed: u64,
    /// When to try the folder again after it refused.
    retry_at: Option<Instant>,
    /// When the end of a stall was last tried and the disk found too slow.
    still_slow_at: Option<Instant>,
    heartbeat_at: Instant,
    /// When the next group may be written.
    commit_at: Instant,
    /// What had been lost, spilled and released early when the last stall began.
    told: Told,
    /// The folder stays ours until this thread has ended.
    _lock: Arc<File>,
}

#[derive(Clone, Copy, Default)]
struct Told {
    lost: u64,
    spilled: u64,
    early: u64,
}

fn now() -> Now {
    Now { mono: Instant::now(), wall: Timestamp::now() }
}

impl<T: Send + 'static> Committer<T> {
    pub fn new(
        shared: Arc<Shared<T>>,
        journal: Journal,
        log: Log,
        spill: PathBuf,
        disk: Arc<dyn Disk>,
        lock: Arc<File>,
    ) -> Self {
        let heartbeat_at = Instant::now() + shared.config.heartbeat_every;
        Self {
            shared,
            journal,
            log,
            spill: Spill::new(spill, disk),
            backlog: VecDeque::new(),
            sealed: FIRST_TICKET,
            retry_at: None,
            still_slow_at: None,
            heartbeat_at,
            commit_at: Instant::now(),
            told: Told::default(),
            _lock: lock,
        }
    }

    pub fn run(mut self, recovered: &Recovered) {
        self.seal_beginning(recovered);
        self.write();
        loop {
            let is_last = self.take_facts();
            if Instant::now() >= self.heartbeat_at {
                self.heartbeat_at = Instant::now() + self.shared.config.heartbeat_every;
                self.seal_own(None, Fact::new("log.heartbeat"));
            }
            self.write();
            self.resume_if_healthy();
            if is_last {
                break;
            }
        }
        self.end();
    }

    fn seal_beginning(&mut self, recovered: &Recovered) {
        let version = env!("CARGO_PKG_VERSION");
        self.seal_own(None, Fact::new("log.start").with("size", recovered.size).with("version", version));
        let repaired = recovered.dropped_bytes > 0 || recovered.from_spill > 0 || recovered.was_restored;
        if repaired || !recovered.open_calls.is_empty() {
            let mut fact = Fact::new("log.recover")
                .with("dropped_bytes", recovered.dropped_bytes)
                .with("from_spill", recovered.from_spill)
                .with("open_calls", recovered.open_calls.len())
                .with("restored", recovered.was_restored);
            if let Some(last) = recovered.size.checked_sub(1) {
                fact = fact.with("last_ok_seq", last);
            }
            self.seal_own(None, fact);
        }
        for call in &recovered.open_calls {
            self.seal_own(Some(*call), Fact::new(Fact::CALL_END).with("cause", "node_restarted"));
        }
    }

    /// Waits for facts or for something to do, and seals what came. The last time is when the writer is
    /// to stop and nothing is left.
    fn take_facts(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.lock();
        loop {
            let now = Instant::now();
            let has_work = self.backlog.len() < BACKLOG_RECORDS_MAX && !queue.pending.is_empty();
            let is_group = now >= self.commit_at || queue.pending_events >= shared.config.commit_records_max;
            let wake_at = self.wake_at(queue.stalled_at);
            if (has_work && is_group) || now >= wake_at || queue.is_stopping {
                self.commit_at = now + shared.config.commit_every;
                break;
            }
            queue.is_gathering = has_work;
            let until = if has_work { wake_at.min(self.commit_at) } else { wake_at };
            queue = shared.wait(&shared.to_commit, queue, Some(until));
        }
        queue.is_gathering = false;
        let mut events: Vec<Event> = Vec::new();
        while events.len() < shared.config.commit_records_max && self.backlog.len() < BACKLOG_RECORDS_MAX {
            let Some((ticket, facts)) = queue.pending.pop_front() else { break };
            queue.pending_events -= facts.len();
            self.sealed = ticket + 1;
            events.extend(facts);
        }
        if queue.is_stopping && self.backlog.len() >= BACKLOG_RECORDS_MAX {
            // Neither disk takes anything and the process is about to end: nothing can keep these.
            Counters::add(&shared.counters.lost, queue.pending_events as u64);
            queue.pending.clear();
            queue.pending_events = 0;
        }
        let is_last = queue.is_stopping && queue.pending.is_empty();
        drop(queue);
        for event in events {
            self.seal(event);
        }
        is_last
    }

    /// The next moment something is to be done without facts: a heartbeat, another attempt, the end of
    /// a stall.
    fn wake_at(&self, stalled_at: Option<Instant>) -> Instant {
        let resume_at = stalled_at.map(|at| self.resume_at(at));
        let next = self.retry_at.or(resume_at);
        next.map_or(self.heartbeat_at, |at| at.min(self.heartbeat_at))
    }

    fn resume_at(&self, stalled_at: Instant) -> Instant {
        self.still_slow_at.map_or(stalled_at, |at| at.max(stalled_at)) + self.shared.config.stall_min
    }

    fn seal(&mut self, event: Event) {
        let record = self.log.seal(event);
        Counters::add(&self.shared.counters.refused, u64::from(record.refused.is_some()));
        self.backlog.push_back(record);
    }

    fn seal_own(&mut self, call: Option<CallId>, fact: Fact) {
        self.seal(Event { at: now(), call, flow: None, fact });
    }

    /// Makes everything sealed durable, or puts it aside if the folder cannot be written.
    fn write(&mut self) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            self.put_aside();
            return;
        }
        match self.write_spilled().and_then(|()| self.write_backlog()) {
            Ok(()) => {
                self.retry_at = None;
                self.settle();
            }
            Err(error) => {
                self.retry_at = Some(Instant::now() + RETRY_EVERY);
                Counters::add(&self.shared.counters.commit_failures, 1);
                let mut queue = self.shared.lock();
                queue.stall(&self.shared.counters);
                queue.last_error = Some(format!("audit log: {error}; {}", next_step(&error)));
                drop(queue);
                self.shared.to_release.notify_all();
                self.put_aside();
            }
        }
    }

    fn write_backlog(&mut self) -> io::Result<()> {
        while !self.backlog.is_empty() {
            let count = self.backlog.len().min(self.shared.config.commit_records_max.max(1));
            let started = Instant::now();
            let group = self.backlog.make_contiguous().get(..count).unwrap_or_default();
            self.journal.commit(group)?;
            self.shared.counters.commit(count, started.elapsed());
            self.backlog.drain(..count);
            self.shared.durable.store(self.journal.size, Release);
        }
        Ok(())
    }

    /// Brings what was put aside into the log, before anything sealed later.
    fn write_spilled(&mut self) -> io::Result<()> {
        if self.spill.is_empty() {
            return Ok(());
        }
        let mut records = self.spill.read()?;
        records.retain(|record| record.seq >= self.journal.size);
        for group in records.chunks(self.shared.config.commit_records_max.max(1)) {
            let started = Instant::now();
            self.journal.commit(group)?;
            self.shared.counters.commit(group.len(), started.elapsed());
            self.shared.durable.store(self.journal.size, Release);
        }
        self.spill.clear()
    }

    fn put_aside(&mut self) {
        if self.backlog.is_empty() {
            return;
        }
        let records = self.backlog.make_contiguous();
        match self.spill.append(records) {
            Ok(()) => {
                Counters::add(&self.shared.counters.spilled, self.backlog.len() as u64);
                self.backlog.clear();
            }
            Err(error) => {
                let text = format!("audit spill file: {error}; {}", next_step(&error));
                self.shared.lock().last_error = Some(text);
            }
        }
    }

    fn settle(&self) {
        let mut queue = self.shared.lock();
        queue.settled = self.sealed;
        drop(queue);
        self.shared.to_release.notify_all();
        self.shared.settled.notify_all();
    }

    /// Ends a stall once the folder takes records again and nothing waits for it.
    fn resume_if_healthy(&mut self) {
        let (stalled_for, is_over) = {
            let queue = self.shared.lock();
            let Some(at) = queue.stalled_at else { return };
            let is_caught_up = queue.pending.is_empty() && Instant::now() >= self.resume_at(at);
            (at.elapsed(), queue.is_stopping || is_caught_up)
        };
        if !is_over || self.retry_at.is_some() || !self.backlog.is_empty() || !self.spill.is_empty() {
            return;
        }
        let counters = &self.shared.counters;
        let seen = Told {
            lost: counters.lost.load(Relaxed),
            spilled: counters.spilled.load(Relaxed),
            early: counters.released_early.load(Relaxed),
        };
        let lost = seen.lost - self.told.lost;
        let kind = if lost > 0 { "log.gap" } else { "log.resumed" };
        let millis = u64::try_from(stalled_for.as_millis()).unwrap_or(u64::MAX);
        let fact = Fact::new(kind)
            .with("lost", lost)
            .with("released_early", seen.early - self.told.early)
            .with("spilled", seen.spilled - self.told.spilled)
            .with("stalled_ms", millis.min(audit::canonical::INTEGER_MAX));
        self.seal_own(None, fact);
        let started = Instant::now();
        self.write();
        // That record was the test: a disk slower than the hold is not healthy.
        let is_slow = started.elapsed() > self.shared.config.hold_max && !self.shared.lock().is_stopping;
        if self.retry_at.is_some() || is_slow {
            self.still_slow_at = Some(Instant::now());
            return;
        }
        self.told = seen;
        let mut queue = self.shared.lock();
        queue.state = LogState::Durable;
        queue.stalled_at = None;
        queue.news.push_back(LogState::Durable);
        queue.last_error = None;
        drop(queue);
        self.shared.to_release.notify_all();
    }

    fn end(mut self) {
        // Now or never, even if the disk has just refused.
        self.retry_at = None;
        self.write();
        self.resume_if_healthy();
        self.seal_own(None, Fact::new("log.stop"));
        self.retry_at = None;
        self.write();
        let is_all_written = self.backlog.is_empty() && self.spill.is_empty();
        let shared = Arc::clone(&self.shared);
        // Released before anybody is told: the next process may open the log at once.
        drop(self);
        let mut queue = shared.lock();
        queue.committer_is_done = true;
        queue.is_all_written = is_all_written;
        drop(queue);
        shared.to_release.notify_all();
        shared.to_checkpoint.notify_all();
        shared.settled.notify_all();
    }
}
