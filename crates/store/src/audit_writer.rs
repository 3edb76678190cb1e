//! Facts become durable before what follows from them is done, and nobody waits for the disk.
//!
//! Three threads share one queue. The *committer* seals facts and writes them in groups: commits begin
//! [`AuditWriterConfig::commit_every`] apart at least, and each takes everything that has arrived meanwhile, so a lone
//! fact waits for one write and a storm shares few. The *releaser* hands held outputs back in ticket order once their facts are durable,
//! or once the hold has lasted too long. The *checkpointer* turns segments into tiles and signs.
//!
//! If the disk is slow, full or broken the log is [`LogState::Stalled`]: outputs are released at once, in
//! order, and facts wait in memory and in the spill file. When it is healthy again they are written, a
//! record says what happened (`log.resumed`, or `log.gap` if facts were lost), and the log is
//! [`LogState::Durable`].

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use audit::Event;
use jiff::Timestamp;

use crate::audit_files::{AuditFiles, Recovered};
use crate::checkpointer::Checkpointer;
use crate::committer::Committer;
use crate::counters::{AuditMetrics, Counters};
use crate::releaser::Releaser;

/// How the writer behaves.
#[derive(Clone, Copy, Debug)]
pub struct AuditWriterConfig {
    /// Records written together at most. Default 256: beyond it one write takes longer than two.
    pub commit_records_max: usize,
    /// Commits begin this far apart at least, unless a whole group waits. Default 10 ms: a lone fact is written at
    /// once, and a hundred calls at the same time share a commit, whose processor time is that of several calls.
    pub commit_every: Duration,
    /// Longest an output waits for its facts. Default 50 ms: a caller does not hear it, and the peer's
    /// SIP timers (T1, 500 ms) do not notice.
    pub hold_max: Duration,
    /// Facts and outputs waiting at most. Default 65,536, a minute of a storm. Beyond it facts are
    /// dropped and counted: the log never takes the memory calls need.
    pub queue_max: usize,
    /// How often the head is signed, if it grew. Default 1 s: an insider has that long to rewrite.
    pub checkpoint_every: Duration,
    /// How often a record says that all is well. Default 60 s: silence is then visible in the log.
    pub heartbeat_every: Duration,
    /// How long the log stays stalled at least. Default 1 s: a disk at its limit would otherwise switch
    /// the privileges that depend on it on and off.
    pub stall_min: Duration,
}

impl Default for AuditWriterConfig {
    fn default() -> Self {
        Self {
            commit_records_max: 256,
            commit_every: Duration::from_millis(10),
            hold_max: Duration::from_millis(50),
            queue_max: 65_536,
            checkpoint_every: Duration::from_secs(1),
            heartbeat_every: Duration::from_secs(60),
            stall_min: Duration::from_secs(1),
        }
    }
}

/// Whether what happens is in the log before it happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogState {
    /// It is.
    Durable,
    /// It is not: care goes on, playback, look-ups, export and changes of configuration do not.
    Stalled {
        /// Since when.
        since: Timestamp,
    },
}

/// Tickets below are the writer's own: what opening the log found comes before all facts.
pub(crate) const FIRST_TICKET: u64 = 1;

/// Outputs waiting for the facts handed in with them, and perhaps none.
pub(crate) struct Held<T> {
    pub ticket: u64,
    pub due: Instant,
    pub has_facts: bool,
    pub value: T,
}

/// What the threads share under one lock, held for moments only and never during I/O.
pub(crate) struct Queue<T> {
    pub next_ticket: u64,
    /// Facts not sealed yet, by ticket.
    pub pending: VecDeque<(u64, Vec<Event>)>,
    pub pending_events: usize,
    pub held: VecDeque<Held<T>>,
    /// The committer looks again by itself in a moment, and need not be woken for facts.
    pub is_gathering: bool,
    /// The releaser performs what it took: what is handed in now must not overtake that.
    pub is_releasing: bool,
    /// The facts of all tickets below this are durable.
    pub settled: u64,
    /// One past the last ticket with facts.
    pub newest_facts: u64,
    pub state: LogState,
    /// When the stall began, on the steady clock.
    pub stalled_at: Option<Instant>,
    /// Changes of state the releaser has not told yet.
    pub news: VecDeque<LogState>,
    pub is_stopping: bool,
    pub committer_is_done: bool,
    /// When the committer was done, everything sealed was durable.
    pub is_all_written: bool,
    pub checkpointer_is_done: bool,
    pub releaser_is_done: bool,
    pub last_error: Option<String>,
}

impl<T> Queue<T> {
    /// From now on outputs do not wait.
    pub fn stall(&mut self, counters: &Counters) {
        if self.state == LogState::Durable {
            self.state = LogState::Stalled { since: Timestamp::now() };
            self.stalled_at = Some(Instant::now());
            self.news.push_back(self.state);
            Counters::add(&counters.stalls, 1);
        }
    }
}

pub(crate) struct Shared<T> {
    queue: Mutex<Queue<T>>,
    /// There are facts, or it is time to stop.
    pub to_commit: Condvar,
    /// There are outputs or news, or facts became durable.
    pub to_release: Condvar,
    /// The last record is written.
    pub to_checkpoint: Condvar,
    /// Something was settled: for [`AuditWriter::flush`] and [`AuditWriter::shutdown`].
    pub settled: Condvar,
    /// Records that are durable.
    pub durable: AtomicU64,
    pub counters: Counters,
    pub config: AuditWriterConfig,
}

impl<T> Shared<T> {
    pub fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        // A panic while the lock is held can only come from the allocator; the queue itself stays whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a condition until a moment, if one is given.
    pub fn wait<'a>(
        &self,
        condition: &Condvar,
        queue: MutexGuard<'a, Queue<T>>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, Queue<T>> {
        match until {
            None => condition.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                condition.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }
}

/// The writing side of the log, shared by everything that has facts.
pub struct AuditWriter<T: Send + 'static> {
    shared: Arc<Shared<T>>,
}

impl<T: Send + 'static> Clone for AuditWriter<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// How a shutdown ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shutdown {
    /// Every fact is durable and under a signed head, every output was released.
    Clean,
    /// Time ran out first; what is missing is repaired or reported at the next start.
    TimedOut,
}

impl<T: Send + 'static> AuditWriter<T> {
    /// Starts the threads. `recovered` is what opening the log found: it becomes the first records, and
    /// calls that a crash cut off are ended in the log.
    ///
    /// `release` performs held outputs and `notify` tells the calls about the log's state; both run on
    /// the releasing thread and must not block.
    pub fn start(
        files: AuditFiles,
        recovered: Recovered,
        config: AuditWriterConfig,
        release: Box<dyn FnMut(T) + Send>,
        notify: Box<dyn FnMut(LogState) + Send>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                next_ticket: FIRST_TICKET,
                pending: VecDeque::new(),
                pending_events: 0,
                held: VecDeque::new(),
                is_gathering: false,
                is_releasing: false,
                settled: 0,
                newest_facts: FIRST_TICKET,
                state: LogState::Durable,
                stalled_at: None,
                news: VecDeque::new(),
                is_stopping: false,
                committer_is_done: false,
                is_all_written: false,
                checkpointer_is_done: false,
                releaser_is_done: false,
                last_error: None,
            }),
            to_commit: Condvar::new(),
            to_release: Condvar::new(),
            to_checkpoint: Condvar::new(),
            settled: Condvar::new(),
            durable: AtomicU64::new(files.size()),
            counters: Counters::default(),
            config,
        });
        let AuditFiles { journal, integrator, log, spill, disk, lock } = files;
        let lock = Arc::new(lock);
        let committer = Committer::new(Arc::clone(&shared), journal, log, spill, disk, Arc::clone(&lock));
        let checkpointer = Checkpointer::new(Arc::clone(&shared), integrator, lock);
        let releaser = Releaser::new(Arc::clone(&shared), release, notify);
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        spawn("audit-commit").spawn(move || committer.run(&recovered))?;
        spawn("audit-tiles").spawn(move || checkpointer.run())?;
        spawn("audit-release").spawn(move || releaser.run())?;
        Ok(Self { shared })
    }

    /// Hands in facts, and an output to be released once they are durable. Never blocks.
    ///
    /// Outputs are released in the order they were handed in, those without facts after the ones
    /// before them. `Some` gives the output back: perform it now. It has no facts and nothing is before it, or
    /// too many are held and the log has stalled.
    #[must_use = "an output given back is to be performed now"]
    pub fn submit(&self, events: Vec<Event>, held: T) -> Option<T> {
        let shared = &self.shared;
        let has_facts = !events.is_empty();
        let mut queue = shared.lock();
        if !has_facts && queue.held.is_empty() && !queue.is_releasing {
            return Some(held);
        }
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        if has_facts {
            if queue.pending_events + events.len() > shared.config.queue_max || queue.is_stopping {
                Counters::add(&shared.counters.lost, events.len() as u64);
                queue.stall(&shared.counters);
                shared.to_commit.notify_one();
            } else {
                queue.newest_facts = ticket + 1;
                queue.pending_events += events.len();
                queue.pending.push_back((ticket, events));
                if !queue.is_gathering || queue.pending_events >= shared.config.commit_records_max {
                    shared.to_commit.notify_one();
                }
            }
        }
        if queue.held.len() >= shared.config.queue_max || queue.releaser_is_done {
            queue.stall(&shared.counters);
            shared.to_commit.notify_one();
            Some(held)
        } else {
            let due = Instant::now() + shared.config.hold_max;
            queue.held.push_back(Held { ticket, due, has_facts, value: held });
            // Whoever is behind another is released with it.
            if queue.held.len() == 1 || queue.state != LogState::Durable {
                shared.to_release.notify_one();
            }
            None
        }
    }

    /// Whether facts are durable before what follows from them is done.
    pub fn state(&self) -> LogState {
        self.shared.lock().state
    }

    /// What the disk said last, for the operator.
    pub fn last_error(&self) -> Option<String> {
        self.shared.lock().last_error.clone()
    }

    /// Numbers for metrics.
    pub fn metrics(&self) -> AuditMetrics {
        let (held, waiting) = {
            let queue = self.shared.lock();
            (queue.held.len() as u64, queue.pending_events as u64)
        };
        AuditMetrics { held, waiting, ..self.shared.counters.snapshot() }
    }

    /// Waits until everything handed in so far is durable and released, or time runs out.
    pub fn flush(&self, patience: Duration) -> bool {
        let (target, facts) = {
            let queue = self.shared.lock();
            (queue.next_ticket, queue.newest_facts)
        };
        self.wait_until(patience, |queue| {
            queue.settled >= facts && queue.held.front().is_none_or(|held| held.ticket >= target)
        })
    }

    /// Writes what is left, a last record (`log.stop`) and a signed head. Facts handed in afterwards are
    /// lost and counted.
    pub fn shutdown(&self, patience: Duration) -> Shutdown {
        {
            let mut queue = self.shared.lock();
            queue.is_stopping = true;
        }
        self.shared.to_commit.notify_all();
        self.shared.to_release.notify_all();
        let is_done = |queue: &Queue<T>| {
            queue.committer_is_done && queue.checkpointer_is_done && queue.releaser_is_done
        };
        let ended = self.wait_until(patience, is_done);
        let is_clean = ended && self.shared.lock().is_all_written;
        if is_clean { Shutdown::Clean } else { Shutdown::TimedOut }
    }

    fn wait_until(&self, patience: Duration, is_done: impl Fn(&Queue<T>) -> bool) -> bool {
        let until = Instant::now() + patience;
        let mut queue = self.shared.lock();
        while !is_done(&queue) {
            if Instant::now() >= until {
                return false;
            }
            queue = self.shared.wait(&self.shared.settled, queue, Some(until));
        }
        true
    }
}
