//! Whether a destination of a trunk is there: what its calls and our OPTIONS say of it.
//!
//! | state | an answer | an OPTIONS without one | a call without one |
//! |---|---|---|---|
//! | unknown | up | unknown; after `check_misses` of them down | down |
//! | up | up | up; after `check_misses` in a row down | down |
//! | down | up | down | down |
//!
//! Unknown counts as up. An answer is any final answer that no proxy gives in somebody's stead: 404, 405 and 401
//! come from a destination that is there, 408, 503 and 504 from one behind which nobody is.

use std::time::{Duration, Instant};

use sip::{Outcome, RequestId};

use super::config::Reach;

/// After a first miss, a failed call or a reload, the destination is asked again this soon.
const CHECK_SOON: Duration = Duration::from_secs(2);

/// How long a destination that nobody checks is left alone after a call without an answer.
pub(crate) const LEFT_ALONE: Duration = Duration::from_secs(30);

/// The longest `Retry-After` that is believed; a carrier that means hours says so to a person.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Whether a destination is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Unknown,
    Up,
    Down,
}

impl State {
    /// For the log, the API and the metrics.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// One destination and what is known of it.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) reach: Reach,
    pub(crate) state: State,
    misses: u32,
    /// Not to be called before: Retry-After, or nobody checks it.
    not_before: Option<Instant>,
    /// When it is asked next; `None` while it is, and where nobody asks.
    pub(crate) check_at: Option<Instant>,
    pub(crate) asked: Option<RequestId>,
}

/// How a destination is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checking {
    /// Zero: it is not.
    pub(crate) every: Duration,
    pub(crate) misses: u32,
}

impl Destination {
    pub(crate) fn new(reach: Reach, first_check: Option<Instant>) -> Self {
        Self { reach, state: State::Unknown, misses: 0, not_before: None, check_at: first_check, asked: None }
    }

    /// Whether calls go to it while others are there.
    pub(crate) fn is_available(&self, now: Instant) -> bool {
        let is_left_alone = self.not_before.is_some_and(|until| now < until);
        // Without checks a destination is never known to be back: it is tried when it was left alone enough.
        let is_due = self.not_before.is_some() && self.check_at.is_none() && self.asked.is_none();
        !is_left_alone && (self.state != State::Down || is_due)
    }

    /// It answered a call.
    pub(crate) fn answered_call(&mut self) -> bool {
        self.misses = 0;
        self.not_before = None;
        self.set(State::Up)
    }

    /// A call found nobody there, or was told to come back later.
    pub(crate) fn failed_call(
        &mut self,
        now: Instant,
        checking: Checking,
        retry_after: Option<Duration>,
    ) -> bool {
        let is_checked = !checking.every.is_zero();
        let pause = retry_after.map(|wait| wait.min(RETRY_AFTER_MAX)).or((!is_checked).then_some(LEFT_ALONE));
        self.not_before = pause.map(|pause| now + pause);
        if is_checked && self.asked.is_none() {
            let soon = now + CHECK_SOON.min(checking.every);
            self.check_at = Some(self.check_at.map_or(soon, |at| at.min(soon)));
        }
        self.set(State::Down)
    }

    /// What became of an OPTIONS.
    pub(crate) fn checked(&mut self, now: Instant, checking: Checking, outcome: &Outcome) -> bool {
        self.asked = None;
        let is_alive = matches!(outcome, Outcome::Final(answer) if !matches!(answer.status, 408 | 503 | 504));
        let retry_after = match outcome {
            Outcome::Final(answer) => answer.retry_after_secs.filter(|_| answer.status == 503),
            Outcome::NoResponse | Outcome::Unreachable => None,
        };
        if is_alive {
            self.misses = 0;
        } else {
            self.misses = self.misses.saturating_add(1);
        }
        if let Some(secs) = retry_after {
            self.not_before = Some(now + Duration::from_secs(secs.into()).min(RETRY_AFTER_MAX));
        }
        let is_doubtful = !is_alive && self.misses < checking.misses;
        let wait = if is_doubtful { CHECK_SOON.min(checking.every) } else { checking.every };
        self.check_at = (!checking.every.is_zero()).then(|| now + wait);
        match (is_alive, is_doubtful) {
            (true, _) => self.set(State::Up),
            (false, true) => false,
            (false, false) => self.set(State::Down),
        }
    }

    /// Whether that is news.
    fn set(&mut self, state: State) -> bool {
        std::mem::replace(&mut self.state, state) != state
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "a test's clock starts at some instant")]
    use std::time::{Duration, Instant};

    use sip::{FinalResponse, Outcome};

    use super::{CHECK_SOON, Checking, Destination, LEFT_ALONE, RETRY_AFTER_MAX, State};
    use crate::trunk::Reach;

    const CHECKED: Checking = Checking { every: Duration::from_secs(30), misses: 2 };
    const UNCHECKED: Checking = Checking { every: Duration::ZERO, misses: 2 };

    fn destination(now: Instant) -> Destination {
        let reach = Reach { uri: "sip:sbc1.carrier.example".to_owned(), priority: 1, weight: 1 };
        Destination::new(reach, Some(now))
    }

    fn status(status: u16, retry_after_secs: Option<u32>) -> Outcome {
        Outcome::Final(Box::new(FinalResponse { status, retry_after_secs, ..FinalResponse::default() }))
    }

    #[test]
    fn a_destination_is_down_after_its_second_missed_options_and_up_with_the_first_answer() {
        let now = Instant::now();
        let mut it = destination(now);
        assert!(it.checked(now, CHECKED, &status(200, None)), "up");
        assert!(!it.checked(now, CHECKED, &Outcome::NoResponse));
        assert_eq!((it.state, it.check_at), (State::Up, Some(now + CHECK_SOON)), "asked again soon");
        assert!(it.checked(now, CHECKED, &Outcome::Unreachable), "down");
        assert_eq!((it.is_available(now), it.check_at), (false, Some(now + CHECKED.every)));
        assert!(it.checked(now, CHECKED, &status(404, None)), "up");
        assert!(it.is_available(now));
    }

    #[test]
    fn any_answer_of_its_own_is_alive_and_that_of_a_proxy_in_its_stead_is_not() {
        let now = Instant::now();
        for (answer, alive) in [
            (200, true),
            (401, true),
            (404, true),
            (405, true),
            (500, true),
            (408, false),
            (503, false),
            (504, false),
        ] {
            let mut it = destination(now);
            it.checked(now, Checking { misses: 1, ..CHECKED }, &status(answer, None));
            assert_eq!(it.is_available(now), alive, "{answer}");
        }
    }

    #[test]
    fn one_call_without_an_answer_is_enough_and_the_next_check_comes_soon() {
        let now = Instant::now();
        let mut it = destination(now);
        it.checked(now, CHECKED, &status(200, None));
        assert!(it.failed_call(now, CHECKED, None));
        assert_eq!((it.is_available(now), it.check_at), (false, Some(now + CHECK_SOON)));
        assert!(it.answered_call());
        assert!(it.is_available(now));
    }

    #[test]
    fn a_destination_nobody_checks_is_left_alone_for_half_a_minute() {
        let now = Instant::now();
        let mut it = destination(now);
        it.check_at = None;
        it.failed_call(now, UNCHECKED, None);
        assert!(!it.is_available(now + LEFT_ALONE - Duration::from_millis(1)));
        assert!(it.is_available(now + LEFT_ALONE));
    }

    #[test]
    fn retry_after_is_honoured_even_by_one_that_answers_options() {
        let now = Instant::now();
        let mut it = destination(now);
        it.checked(now, CHECKED, &status(503, Some(60)));
        assert!(!it.is_available(now + Duration::from_secs(59)));
        assert!(it.is_available(now + Duration::from_secs(60)), "one miss of two");
        it.failed_call(now, CHECKED, Some(Duration::from_secs(90_000)));
        it.checked(now, CHECKED, &status(200, None));
        assert!(!it.is_available(now + RETRY_AFTER_MAX - Duration::from_millis(1)));
        assert!(it.is_available(now + RETRY_AFTER_MAX), "nobody means a day");
        it.answered_call();
        assert!(it.is_available(now), "and forgotten when it takes a call");
    }
}
