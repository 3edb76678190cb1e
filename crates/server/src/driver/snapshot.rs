//! How things stood a moment ago: written by the signalling thread, read by whoever polls. Polling, however
//! fast, costs the signalling thread nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use call::Status;

/// How often the signalling thread writes it.
pub const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// A snapshot older than this was left by a thread that hangs, or is hopelessly behind.
const AGE_MAX: Duration = Duration::from_secs(5);

/// The last snapshot.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(Arc<Mutex<Option<Published>>>);

/// How things stood, and when.
type Published = (Instant, Arc<Status>);

impl Snapshot {
    /// How things stand now.
    pub fn publish(&self, now: Instant, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::new(status)));
    }

    /// How things stood; `None` when nobody has said for a while.
    pub fn current(&self, now: Instant) -> Option<Arc<Status>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, status) = last.as_ref()?;
        (now.saturating_duration_since(*at) <= AGE_MAX).then(|| Arc::clone(status))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Snapshot;

    #[test]
    fn a_snapshot_nobody_renews_stops_counting() {
        let (snapshot, start) = (Snapshot::default(), Instant::now());
        assert!(snapshot.current(start).is_none());
        snapshot.publish(start, call::Status::default());
        assert!(snapshot.current(start + Duration::from_secs(5)).is_some());
        assert!(snapshot.current(start + Duration::from_secs(6)).is_none());
    }
}
