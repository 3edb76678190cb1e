//! A clock that tests move.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use primitives::Now;

/// 2026-01-05 09:00 UTC, a Monday in opening hours.
const EPOCH_UNIX_SECS: i64 = 1_767_603_600;

/// Virtual time: stands still until it is told to pass. Both hands move together; [`Clock::set_wall`] is
/// how an administrator or NTP would part them.
#[derive(Clone, Debug)]
pub struct Clock {
    epoch: Instant,
    now: Now,
}

impl Clock {
    /// Nine o'clock on a Monday.
    pub fn new() -> Self {
        Self::starting_at(Timestamp::UNIX_EPOCH + SignedDuration::from_secs(EPOCH_UNIX_SECS))
    }

    /// Starts at another time of the calendar.
    pub fn starting_at(wall: Timestamp) -> Self {
        // An `Instant` cannot be made but by reading the clock; nothing depends on which it is.
        let epoch = Instant::now();
        Self { epoch, now: Now { mono: epoch, wall } }
    }

    /// The time it is.
    pub const fn now(&self) -> Now {
        self.now
    }

    /// How much time has passed since the clock was made. What a trace prints, and the same in every run.
    pub fn elapsed(&self) -> Duration {
        self.now.mono.saturating_duration_since(self.epoch)
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now.mono += by;
        self.now.wall += SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    }

    /// Lets time pass until then; not backwards.
    pub fn advance_to(&mut self, until: Instant) {
        self.advance(until.saturating_duration_since(self.now.mono));
    }

    /// Sets the calendar and leaves the timers alone.
    pub const fn set_wall(&mut self, wall: Timestamp) {
        self.now.wall = wall;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Clock;

    #[test]
    fn time_passes_only_when_told_and_then_for_timers_and_calendar_alike() {
        let mut clock = Clock::new();
        let start = clock.now();
        assert_eq!(start.wall.to_string(), "2026-01-05T09:00:00Z");
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.elapsed(), Duration::from_millis(1_500));
        assert_eq!(clock.now().wall.to_string(), "2026-01-05T09:00:01.5Z");
        clock.advance_to(start.mono);
        assert_eq!(clock.elapsed(), Duration::from_millis(1_500), "never backwards");
    }

    #[test]
    fn the_calendar_can_be_set_back_without_disturbing_timers() {
        let mut clock = Clock::new();
        let start = clock.now();
        clock.advance(Duration::from_secs(60));
        clock.set_wall(start.wall);
        assert_eq!(clock.elapsed(), Duration::from_secs(60));
        assert_eq!(clock.now().wall, start.wall);
    }
}
