//! The one list of deadlines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::input::{AgentId, EntryId, OfferId, QueueId};
use crate::queue::Need;

/// What is due. Of those due at one instant the upper come first: agents become free, then callers are
/// given more agents, then they leave.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Timer {
    /// A phone that was busy is tried again.
    BusyRest(AgentId),
    /// Time for notes is over.
    WrapUp(AgentId),
    /// The licence no longer matters for her.
    Waiver(EntryId),
    /// An agent who would not take her may be asked again.
    Again(EntryId),
    /// The phone has rung long enough.
    Ring(OfferId),
    /// Nobody came back who could answer these protected callers.
    EmptyProtected(QueueId, Need),
    /// Nobody came back who could answer these callers.
    EmptyAged(QueueId, Need),
    /// She waited as long as her urgency allows.
    WaitMax(EntryId),
    /// Callers of this queue are told their places.
    News(QueueId),
}

/// Deadlines, at most one of a kind for each owner: what bounds the owners bounds this.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Instant, Timer)>,
    by_owner: BTreeMap<Timer, Instant>,
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.clear(&timer);
        self.by_time.insert((at, timer.clone()));
        self.by_owner.insert(timer, at);
    }

    /// Sets it unless it is due sooner anyway.
    pub(crate) fn set_at_latest(&mut self, timer: Timer, at: Instant) {
        if self.by_owner.get(&timer).is_none_or(|due| *due > at) {
            self.set(timer, at);
        }
    }

    pub(crate) fn clear(&mut self, timer: &Timer) {
        if let Some((timer, at)) = self.by_owner.remove_entry(timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        let (_, timer) = self.by_time.pop_first()?;
        self.by_owner.remove(&timer);
        Some(timer)
    }
}
