use std::time::Instant;

/// The time at which a core is woken, read once per wake-up by its driver.
///
/// Timers run on `mono`. Calendars, the audit log and everything that must survive a restart or move to
/// another node (a caller's place in a queue) run on `wall`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// Never goes backwards; means nothing outside this process.
    pub mono: Instant,
    /// The calendar's time; an administrator or NTP may move it either way.
    pub wall: jiff::Timestamp,
}
