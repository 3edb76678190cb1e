//! More calls than can be answered: how many of them are let in, so that those are answered and the others learn at
//! once that they must go elsewhere.
//!
//! Without it every call is begun and none is finished: all wait behind all others, their callers repeat
//! themselves, and the repetitions are what is answered (the collapse of RFC 5390 §4). The signal is a *standing queue*
//! (RFC 8289 §3): a server that has not once caught up for [`STANDING`] will not by itself. The answer to it is
//! RFC 6357's rate of admission: cut by a part while the queue stands, raised slowly while it does not.

use std::time::{Duration, Instant};

/// How long there is more to do without a pause until that is a standing queue: a burst of every phone's refreshed
/// registration takes less, and nobody repeats an INVITE that waits so long (T1, 500 ms).
const STANDING: Duration = Duration::from_millis(200);

/// How often the rate is looked at. What a call asks for beyond its INVITE comes within a few of these.
const WINDOW: Duration = Duration::from_millis(100);

/// Calls let in in a window at least: some always get through, and show when the trouble has passed.
const LEAST: f64 = 1.0;

/// What a cut leaves of the rate.
const CUT: f64 = 0.8;

/// What a window without a standing queue adds: a part, and a call.
const RAISED: f64 = 1.05;

/// Windows without a call turned away, after which there is no rate any more.
const CALM_WINDOWS: u32 = 10;

/// How many new calls are let in.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    /// Since when there has always been more to do.
    busy_since: Option<Instant>,
    window: Option<Instant>,
    let_in: u32,
    is_calm: bool,
    calm_windows: u32,
    /// Calls a window may bring; `None` is all there are.
    rate: Option<f64>,
    /// What is left of it.
    left: f64,
}

impl Overload {
    /// Whether more had come than a turn of the driver takes.
    pub(crate) fn is_behind(&mut self, now: Instant, is_behind: bool) {
        self.busy_since = is_behind.then(|| self.busy_since.unwrap_or(now));
    }

    /// Whether a new call is let in.
    pub(crate) fn lets_in(&mut self, now: Instant) -> bool {
        if self.window.is_none_or(|began| now >= began + WINDOW) {
            self.look(now);
        }
        if self.rate.is_none() {
            self.let_in += 1;
            return true;
        }
        if self.left < 1.0 {
            self.is_calm = false;
            return false;
        }
        self.left -= 1.0;
        self.let_in += 1;
        true
    }

    /// A window is over.
    fn look(&mut self, now: Instant) {
        let is_standing = self.busy_since.is_some_and(|since| now >= since + STANDING);
        let came = f64::from(self.let_in);
        self.calm_windows = if self.is_calm && !is_standing { self.calm_windows + 1 } else { 0 };
        self.rate = match self.rate {
            _ if is_standing => Some((came * CUT).max(LEAST)),
            Some(_) if self.calm_windows >= CALM_WINDOWS => None,
            Some(rate) => Some(rate * RAISED + 1.0),
            None => None,
        };
        // What was not used is not saved up: a burst would bring the queue back.
        self.left = self.rate.unwrap_or(0.0).floor();
        self.window = Some(now);
        (self.let_in, self.is_calm) = (0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A server that needs so long for each call it lets in, and no time for others; calls let in during each second.
    fn served(offered_per_sec: u32, each: Duration, seconds: usize) -> Vec<u32> {
        let mut overload = Overload::default();
        let start = Instant::now();
        let (mut free_at, mut served) = (start, vec![0; seconds]);
        for number in 0..offered_per_sec * seconds as u32 {
            let comes = start + Duration::from_secs(1) * number / offered_per_sec;
            let now = free_at.max(comes);
            overload.is_behind(now, free_at > comes);
            if overload.lets_in(now) {
                free_at = now + each;
                let second = (now - start).as_secs() as usize;
                served.get_mut(second).into_iter().for_each(|calls| *calls += 1);
            }
        }
        served
    }

    #[test]
    fn who_can_serve_all_turns_nobody_away() {
        assert_eq!(served(900, MS, 3), [900, 900, 900]);
    }

    #[test]
    fn twice_what_can_be_served_leaves_nine_tenths_of_it_served() {
        let served = served(2_000, MS, 10);
        assert!(served.iter().skip(1).all(|calls| *calls >= 900), "{served:?}");
    }

    #[test]
    fn one_late_turn_is_not_a_standing_queue() {
        let mut overload = Overload::default();
        let start = Instant::now();
        assert!(overload.lets_in(start));
        overload.is_behind(start, true);
        overload.is_behind(start + MS, false);
        overload.is_behind(start + 490 * MS, true);
        assert!(overload.lets_in(start + 500 * MS) && overload.rate.is_none());
    }

    #[test]
    fn when_it_is_over_all_are_let_in_again_within_five_seconds() {
        let mut overload = Overload::default();
        let start = Instant::now();
        overload.is_behind(start, true);
        for ms in 0..1_000 {
            overload.lets_in(start + MS * ms);
        }
        assert!(overload.rate.is_some());
        overload.is_behind(start + 1_000 * MS, false);
        // One call each 20 ms from now on.
        let refused = (50..300).filter(|at| !overload.lets_in(start + 20 * MS * *at)).count();
        assert!(refused < 25, "{refused} refused");
        assert!(overload.rate.is_none());
    }
}
