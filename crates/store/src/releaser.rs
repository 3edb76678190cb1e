use std::sync::Arc;
use std::time::Instant;

use crate::audit_writer::{Held, LogState, Queue, Shared};
use crate::counters::Counters;

/// Hands held outputs back in ticket order.
pub(crate) struct Releaser<T> {
    shared: Arc<Shared<T>>,
    release: Box<dyn FnMut(T) + Send>,
    notify: Box<dyn FnMut(LogState) + Send>,
}

impl<T: Send + 'static> Releaser<T> {
    pub fn new(
        shared: Arc<Shared<T>>,
        release: Box<dyn FnMut(T) + Send>,
        notify: Box<dyn FnMut(LogState) + Send>,
    ) -> Self {
        Self { shared, release, notify }
    }

    pub fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut ready: Vec<T> = Vec::new();
        let mut queue = shared.lock();
        loop {
            take_ready(&mut queue, &shared.counters, &mut ready);
            let news: Vec<LogState> = queue.news.drain(..).collect();
            if ready.is_empty() && news.is_empty() {
                if queue.is_stopping && queue.committer_is_done && queue.held.is_empty() {
                    break;
                }
                let due = queue.held.front().map(|held| held.due);
                queue = shared.wait(&shared.to_release, queue, due);
                continue;
            }
            queue.is_releasing = true;
            drop(queue);
            // The state first: what is released now is released under it.
            for state in news {
                (self.notify)(state);
            }
            Counters::add(&shared.counters.released, ready.len() as u64);
            for value in ready.drain(..) {
                (self.release)(value);
            }
            queue = shared.lock();
            queue.is_releasing = false;
            shared.settled.notify_all();
        }
        queue.releaser_is_done = true;
        drop(queue);
        shared.settled.notify_all();
    }
}

/// Takes the outputs from the front whose facts are durable, who have none, or who waited long enough.
fn take_ready<T>(queue: &mut Queue<T>, counters: &Counters, ready: &mut Vec<T>) {
    let mut now: Option<Instant> = None;
    while let Some(front) = queue.held.front() {
        let is_durable = !front.has_facts || front.ticket < queue.settled;
        if !is_durable && queue.state == LogState::Durable && !queue.committer_is_done {
            if *now.get_or_insert_with(Instant::now) < front.due {
                return;
            }
            queue.stall(counters);
        }
        if let Some(Held { value, .. }) = queue.held.pop_front() {
            Counters::add(&counters.released_early, u64::from(!is_durable));
            ready.push(value);
        }
    }
}
