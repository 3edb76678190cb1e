//! How unevenly the packets of one peer come, and how long they must wait so that hardly one comes too late.

use std::time::Duration;

use super::micros_of_duration;

/// The longest a packet waits. Who sends more unevenly than that is heard with gaps: a fifth of a second is where two
/// people begin to talk at once (ITU-T G.114).
pub(super) const DELAY_MAX: Duration = Duration::from_millis(200);

/// A peer whose clock is so far from where it was has set it anew.
const CLOCK_JUMP_MIN: Duration = Duration::from_secs(2);

/// How many packets tell how evenly they come: five seconds of them.
const MEASURED: usize = 256;

/// After so many packets the delay is settled anew, and with each until it is known.
const SETTLED_EVERY: usize = 16;

/// One packet in so many may come later than it is due.
const LATE_ONE_IN: usize = 50;

/// So many in a row that are late take another way now, or were sent later: the quickest before them says nothing.
const LATE_IN_A_ROW: u8 = 5;

/// How long packets took on their way, against one another.
#[derive(Debug)]
pub(super) struct Unevenness {
    transits: Box<[i64; MEASURED]>,
    counted: usize,
    late: u8,
    least_us: i64,
    pub(super) delay_us: i64,
}

impl Unevenness {
    pub(super) fn new() -> Self {
        Self { transits: Box::new([0; MEASURED]), counted: 0, late: 0, least_us: 0, delay_us: 0 }
    }

    pub(super) fn restart(&mut self) {
        (self.counted, self.late, self.delay_us) = (0, 0, 0);
    }

    pub(super) fn is_beyond(&self, transit: i64) -> bool {
        self.counted > 0 && (transit - self.least_us).unsigned_abs() > CLOCK_JUMP_MIN.as_micros() as u64
    }

    /// Counts a packet by how long it took: arrival less timestamp, in microseconds.
    pub(super) fn hear(&mut self, transit: i64) {
        self.late = if self.counted > 0 && transit > self.due_us() { self.late + 1 } else { 0 };
        if self.late == LATE_IN_A_ROW {
            self.restart();
        }
        if let Some(slot) = self.transits.get_mut(self.counted % MEASURED) {
            *slot = transit;
        }
        self.counted += 1;
        self.least_us = if self.counted == 1 { transit } else { self.least_us.min(transit) };
        let is_late = transit > self.due_us();
        if self.counted < MEASURED || is_late || self.counted.is_multiple_of(SETTLED_EVERY) {
            self.settle();
        }
    }

    /// When a packet of timestamp zero is due.
    pub(super) fn due_us(&self) -> i64 {
        self.least_us + self.delay_us
    }

    fn settle(&mut self) {
        let mut sorted = *self.transits;
        let counted = self.counted.min(MEASURED);
        let Some(sorted) = sorted.get_mut(..counted).filter(|sorted| !sorted.is_empty()) else { return };
        self.least_us = sorted.iter().copied().min().unwrap_or_default();
        let late = counted - 1 - counted / LATE_ONE_IN;
        let (_, quantile, _) = sorted.select_nth_unstable(late);
        self.delay_us = (*quantile - self.least_us).min(micros_of_duration(DELAY_MAX));
    }
}
