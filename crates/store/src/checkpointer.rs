use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Instant;

use crate::audit_writer::Shared;
use crate::counters::Counters;
use crate::disk::next_step;
use crate::integrator::Integrator;

/// Turns durable records into tiles and signs the head, apart from the thread callers wait for.
pub(crate) struct Checkpointer<T> {
    shared: Arc<Shared<T>>,
    integrator: Integrator,
    /// The folder stays ours until this thread has ended.
    _lock: Arc<File>,
}

impl<T> Checkpointer<T> {
    pub fn new(shared: Arc<Shared<T>>, integrator: Integrator, lock: Arc<File>) -> Self {
        Self { shared, integrator, _lock: lock }
    }

    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        shared.counters.signed.store(self.integrator.signed(), Relaxed);
        loop {
            let due = Instant::now() + shared.config.checkpoint_every;
            let mut queue = shared.lock();
            while !queue.committer_is_done && Instant::now() < due {
                queue = shared.wait(&shared.to_checkpoint, queue, Some(due));
            }
            let is_last = queue.committer_is_done;
            drop(queue);
            let is_signed = self.checkpoint();
            if is_last {
                // Released before anybody is told: the next process may open the log at once.
                drop(self);
                // Without a signature the shutdown was not a clean one; it is told by running out of time.
                shared.lock().checkpointer_is_done = is_signed;
                shared.settled.notify_all();
                return;
            }
        }
    }

    fn checkpoint(&mut self) -> bool {
        let durable = self.shared.durable.load(Acquire);
        let signed = self.integrator.advance(durable).and_then(|()| self.integrator.checkpoint());
        if let Err(error) = &signed {
            Counters::add(&self.shared.counters.checkpoint_failures, 1);
            let text = format!("audit checkpoint: {error}; {}", next_step(error));
            self.shared.lock().last_error = Some(text);
        }
        self.shared.counters.signed.store(self.integrator.signed(), Relaxed);
        signed.is_ok()
    }
}
