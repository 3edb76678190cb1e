//! What a waiting caller is told: her place, and her wait where one can honestly be given.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use primitives::Now;

use crate::engine::Engine;
use crate::input::{EntryId, QueueId};
use crate::output::Output;
use crate::queue::Queue;
use crate::rank::Rank;
use crate::timer::Timer;
use crate::urgency::Urgency;

/// Every caller hears of her place at least this often.
pub const NEWS_EVERY: Duration = Duration::from_secs(30);

/// After somebody joins or leaves, the places of that queue are looked at within this, and not sooner: one
/// caller leaving the head of a queue of two thousand changes two thousand places. Places that change by
/// ageing alone are told with the next news.
pub const NEWS_SWEEP: Duration = Duration::from_secs(5);

/// Callers who must have been served within [`SERVED_WITHIN`] before anything is foretold.
const SERVED_MIN: usize = 5;

const SERVED_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Less than this is not foretold: it would be disappointed more often than kept.
const REMAINING_MIN: Duration = Duration::from_secs(30);

/// Callers of one urgency who were answered lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    /// When, the last [`SERVED_MIN`] of them.
    recent: VecDeque<Instant>,
    /// How long the last to enter service had waited (LES).
    last_wait: Duration,
}

impl Served {
    pub(crate) fn record(&mut self, now: Instant, waited: Duration) {
        if self.recent.len() == SERVED_MIN {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.last_wait = waited;
    }

    fn last_wait(&self, now: Instant) -> Option<Duration> {
        let oldest = self.recent.front().filter(|_| self.recent.len() == SERVED_MIN)?;
        (now.saturating_duration_since(*oldest) <= SERVED_WITHIN).then_some(self.last_wait)
    }
}

impl Queue {
    /// What is left of the wait expected for her urgency (domain 5.2): the wait of the last to be answered
    /// (LES), or of the one now at the head (HOL) once that is longer.
    ///
    /// `None` for an emergency and an emergent caller, who are told to hold, never for how long; when too
    /// few were answered lately; and for one who has waited about that long already.
    fn estimate(&self, rank: Rank, now: Now) -> Option<Duration> {
        if matches!(rank.urgency, Urgency::Emergency | Urgency::Emergent) {
            return None;
        }
        let last_wait = self.served.of(rank.urgency).last_wait(now.mono)?;
        let head = self.places.range(Rank::head_of(rank.urgency)..).next()?;
        let expected = last_wait.max(head.waited(now.wall));
        expected.checked_sub(rank.waited(now.wall)).filter(|left| *left >= REMAINING_MIN)
    }
}

impl Engine {
    /// Tells a caller who has just joined and was not offered at once.
    pub(crate) fn tell_newcomer(&mut self, now: Now, entry: EntryId, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get(&entry).filter(|waiting| waiting.offer.is_none()) else {
            return;
        };
        let ahead = self.queues.get(&waiting.queue).map_or(0, |queue| queue.ahead_of(waiting.rank, now.wall));
        self.tell(now, entry, ahead, out);
    }

    /// Tells every caller of a queue whose place changed or who has heard nothing for [`NEWS_EVERY`].
    pub(crate) fn sweep_news(&mut self, now: Now, id: QueueId, out: &mut Vec<Output>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let mut next = now.mono + NEWS_EVERY;
        for (ahead, entry) in (0..).zip(queue.order(now.wall)) {
            let told = self.entries.get(&entry).and_then(|waiting| waiting.told);
            // Who would be due before the next look is told now.
            let stays_told =
                told.filter(|(at, place)| *place == ahead && now.mono + NEWS_SWEEP <= *at + NEWS_EVERY);
            match stays_told {
                Some((at, _)) => next = next.min(at + NEWS_EVERY),
                None => self.tell(now, entry, ahead, out),
            }
        }
        self.timers.set(Timer::News(id), next);
    }

    fn tell(&mut self, now: Now, entry: EntryId, ahead: u32, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get_mut(&entry) else { return };
        waiting.told = Some((now.mono, ahead));
        let estimate = self.queues.get(&waiting.queue).and_then(|queue| queue.estimate(waiting.rank, now));
        out.push(Output::News { entry, ahead, estimate });
    }
}
