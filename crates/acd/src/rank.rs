//! Who is served first.

use std::cmp::Reverse;
use std::time::Duration;

use jiff::Timestamp;

use crate::input::EntryId;
use crate::urgency::Urgency;

/// From this wait on an emergent caller, or an emergency, is offered to agents without the licence too
/// (skills `rn:…`): emergency duty. Domain 4.5.
pub const LICENCE_WAIVED_AFTER: Duration = Duration::from_secs(30);

/// How a licence skill begins: `rn:CA`.
pub(crate) const LICENCE: &str = "rn:";

/// Who is served first among protected callers: the more urgent, then the longer waiting, then the earlier
/// numbered. Inside any one urgency it is the order for everybody; between the three that age, [`Age`] is.
///
/// Smaller is sooner. The derived order reads the fields from top to bottom, so this list *is* the policy;
/// the entry only breaks ties, which keeps every node's decision the same.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Rank {
    pub(crate) urgency: Urgency,
    pub(crate) since: Timestamp,
    pub(crate) entry: EntryId,
}

impl Rank {
    /// No one of this urgency comes before it.
    pub(crate) const fn head_of(urgency: Urgency) -> Self {
        Self { urgency, since: Timestamp::MIN, entry: EntryId(0) }
    }

    pub(crate) fn waited(&self, now: Timestamp) -> Duration {
        // Negative only when the calendar was set back: then she has not waited.
        Duration::try_from(now.duration_since(self.since)).unwrap_or_default()
    }
}

/// Who is served first among those who age: the larger wait, weighed by urgency; then the longer waiting,
/// then the earlier numbered. Smaller is sooner.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Age {
    weighed_wait: Reverse<u128>,
    since: Timestamp,
    entry: EntryId,
}

impl Age {
    pub(crate) fn of(rank: Rank, now: Timestamp) -> Self {
        Self {
            weighed_wait: Reverse(rank.urgency.aging_rate() * rank.waited(now).as_nanos()),
            since: rank.since,
            entry: rank.entry,
        }
    }
}

/// Whether `one` is served before `other` where either could be. Both wait in the same queue.
pub(crate) fn is_before(one: Rank, other: Rank, now: Timestamp) -> bool {
    if one.urgency.is_protected() || other.urgency.is_protected() {
        one < other
    } else {
        Age::of(one, now) < Age::of(other, now)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::{Age, EntryId, Rank, Timestamp, Urgency, is_before};

    fn rank(urgency: Urgency, since_secs: i64, entry: u64) -> Rank {
        Rank { urgency, since: Timestamp::UNIX_EPOCH + since_secs.seconds(), entry: EntryId(entry) }
    }

    #[test]
    fn a_routine_caller_overtakes_a_soon_caller_only_by_waiting_twice_as_long() {
        let now = Timestamp::UNIX_EPOCH + 100.seconds();
        let soon = rank(Urgency::Soon, 50, 1);
        assert!(
            is_before(rank(Urgency::Routine, -1, 2), soon, now),
            "101 s at rate 2 is more than 50 s at rate 4"
        );
        assert!(
            is_before(soon, rank(Urgency::Routine, 1, 2), now),
            "99 s at rate 2 is less than 50 s at rate 4"
        );
        assert!(Age::of(soon, now) > Age::of(rank(Urgency::Routine, 0, 2), now), "a tie goes to the older");
    }

    #[test]
    fn no_wait_lets_a_caller_who_ages_overtake_an_urgent_one() {
        let now = Timestamp::UNIX_EPOCH + 1_000_000.seconds();
        assert!(is_before(rank(Urgency::Urgent, 1_000_000, 9), rank(Urgency::Soon, 0, 1), now));
    }
}
