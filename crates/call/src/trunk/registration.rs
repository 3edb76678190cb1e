//! Our registration at a carrier (RFC 3261 §10.2): when it is made, refreshed and tried again.
//!
//! | what | next |
//! |---|---|
//! | 200 | a refresh after 70 to 85 % of the time granted, by chance |
//! | 423 | at once, for the time asked for, once (§10.2.8) |
//! | 401, 403, 407 after we proved who we are | the longest pause: a wrong password must not lock the account |
//! | Retry-After | when it says, at least the pause |
//! | anything else, or nothing | a pause that doubles from 5 s to 5 minutes, half of it by chance (RFC 5626 §4.5) |
//!
//! A registration lives until its time is over, however its refreshes fail.

use std::time::{Duration, Instant};

use sip::{FinalResponse, Outcome, RequestId};

use super::health::RETRY_AFTER_MAX;

/// The pause after a first failure.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest: how late we are at a carrier that is back. RFC 5626's half an hour is for telephones.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// What a registrar may ask for at the most.
const EXPIRES_MAX_SECS: u32 = 86_400;
/// Granted times below this are taken for this, so that a registrar's mistake is no storm.
const EXPIRES_MIN_SECS: u32 = 10;

/// How far a registration is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Not yet, or no more.
    Unregistered,
    /// It is being withdrawn, or has been: none is made again.
    Leaving,
    Registered {
        until: Instant,
    },
}

/// What a registration's state changed to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    Registered,
    /// Why it failed: a status, or `no_response`, `unreachable`.
    Failed(String),
}

/// Our registration at one carrier.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) state: State,
    /// One Call-ID for all of it, and numbers that only grow (§10.2).
    pub(crate) call_id: String,
    cseq: u32,
    asked_secs: u32,
    expires_secs: u32,
    failures: u32,
    was_too_brief: bool,
    pub(crate) next_at: Option<Instant>,
    pub(crate) asked: Option<RequestId>,
}

impl Registration {
    pub(crate) const fn new(call_id: String, expires_secs: u32, first_at: Instant) -> Self {
        Self {
            state: State::Unregistered,
            call_id,
            cseq: 1,
            asked_secs: expires_secs,
            expires_secs,
            failures: 0,
            was_too_brief: false,
            next_at: Some(first_at),
            asked: None,
        }
    }

    /// The next request's number and how long it asks for. Each leaves room for four answers to challenges.
    pub(crate) fn ask(&mut self) -> (u32, u32) {
        self.next_at = None;
        self.cseq += 8;
        (self.cseq, self.expires_secs)
    }

    /// The number of the request that withdraws it (§10.2.2), where there may be anything to withdraw.
    pub(crate) fn leave(&mut self) -> Option<u32> {
        let is_there = self.asked.take().is_some() || matches!(self.state, State::Registered { .. });
        self.next_at = None;
        self.state = State::Leaving;
        self.cseq += 8;
        is_there.then_some(self.cseq)
    }

    /// Whether it is in force.
    pub(crate) fn is_registered(&self, now: Instant) -> bool {
        matches!(self.state, State::Registered { until } if now < until)
    }

    /// What became of a REGISTER. `chance` is any number.
    pub(crate) fn answered(&mut self, now: Instant, outcome: &Outcome, chance: u64) -> Option<Change> {
        self.asked = None;
        let answer = match outcome {
            Outcome::Final(answer) => answer,
            Outcome::NoResponse => return self.failed(now, "no_response", None, chance),
            Outcome::Unreachable => return self.failed(now, "unreachable", None, chance),
        };
        match answer.status {
            200..=299 => self.granted(now, answer, chance),
            423 if !self.was_too_brief => {
                let wanted = answer.min_expires_secs.unwrap_or_default();
                self.was_too_brief = true;
                self.expires_secs = wanted.clamp(self.asked_secs, EXPIRES_MAX_SECS);
                self.next_at = Some(now);
                None
            }
            status => {
                let is_refusal = matches!(status, 401 | 403 | 407);
                let least = is_refusal.then_some(PAUSE_MAX);
                let retry_after = answer.retry_after_secs.map(|secs| Duration::from_secs(secs.into()));
                let least = least.max(retry_after.map(|wait| wait.min(RETRY_AFTER_MAX)));
                self.failed(now, &status.to_string(), least, chance)
            }
        }
    }

    fn granted(&mut self, now: Instant, answer: &FinalResponse, chance: u64) -> Option<Change> {
        let granted = answer.expires_secs.unwrap_or(self.expires_secs);
        let granted = Duration::from_secs(granted.clamp(EXPIRES_MIN_SECS, EXPIRES_MAX_SECS).into());
        let is_news = !self.is_registered(now) || self.failures > 0;
        self.failures = 0;
        self.was_too_brief = false;
        self.state = State::Registered { until: now + granted };
        self.next_at = Some(now + part(granted, 70, 85, chance));
        is_news.then_some(Change::Registered)
    }

    fn failed(&mut self, now: Instant, why: &str, least: Option<Duration>, chance: u64) -> Option<Change> {
        let doubled = PAUSE.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        let is_news = self.failures == 0 || matches!(self.state, State::Registered { until } if until <= now);
        if !self.is_registered(now) {
            self.state = State::Unregistered;
        }
        self.failures = self.failures.saturating_add(1);
        self.was_too_brief = false;
        self.expires_secs = self.asked_secs;
        let pause = part(doubled, 50, 100, chance).max(least.unwrap_or_default());
        self.next_at = Some(now + pause);
        is_news.then(|| Change::Failed(why.to_owned()))
    }
}

/// From `low` to `high` percent of a time.
fn part(whole: Duration, low: u64, high: u64, chance: u64) -> Duration {
    let per_mille = low * 10 + chance % ((high - low) * 10 + 1);
    whole.saturating_mul(u32::try_from(per_mille).unwrap_or(1_000)) / 1_000
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::disallowed_methods,
        clippy::unwrap_used,
        reason = "a test's clock starts at some instant"
    )]
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use sip::{FinalResponse, Outcome, RequestId};

    use super::{Change, PAUSE, PAUSE_MAX, Registration, State};

    const SECOND: Duration = Duration::from_secs(1);

    fn registration(now: Instant) -> Registration {
        Registration::new("call-id".to_owned(), 300, now)
    }

    fn answer(status: u16) -> FinalResponse {
        FinalResponse { status, ..FinalResponse::default() }
    }

    fn outcome(answer: FinalResponse) -> Outcome {
        Outcome::Final(Box::new(answer))
    }

    #[test]
    fn a_registration_is_refreshed_before_it_ends_and_its_number_grows() {
        let now = Instant::now();
        let mut it = registration(now);
        let (first, asked) = it.ask();
        assert_eq!(asked, 300);
        let granted = FinalResponse { expires_secs: Some(100), ..answer(200) };
        assert_eq!(it.answered(now, &outcome(granted.clone()), 0), Some(Change::Registered));
        assert_eq!(it.next_at, Some(now + SECOND * 70));
        assert!(it.ask().0 > first + 4);
        let later = now + SECOND * 70;
        assert_eq!(it.answered(later, &outcome(granted), 150), None, "no news");
        assert_eq!(it.next_at, Some(later + SECOND * 85));
        assert!(it.is_registered(later + SECOND * 99) && !it.is_registered(later + SECOND * 100));
    }

    #[test]
    fn a_failed_refresh_leaves_the_registration_in_force_until_its_time_is_over() {
        let now = Instant::now();
        let mut it = registration(now);
        it.answered(now, &outcome(answer(200)), 0);
        assert_eq!(
            it.answered(now + SECOND * 210, &Outcome::NoResponse, 0),
            Some(Change::Failed("no_response".to_owned()))
        );
        assert!(it.is_registered(now + SECOND * 299));
        it.answered(now + SECOND * 301, &Outcome::NoResponse, 0);
        assert_eq!(it.state, State::Unregistered);
        assert_eq!(it.answered(now + SECOND * 310, &outcome(answer(200)), 0), Some(Change::Registered));
    }

    #[test]
    fn a_time_too_brief_is_asked_anew_for_the_time_the_registrar_wants_once() {
        let now = Instant::now();
        let mut it = registration(now);
        let brief = FinalResponse { min_expires_secs: Some(1_800), ..answer(423) };
        assert_eq!(it.answered(now, &outcome(brief.clone()), 0), None);
        assert_eq!((it.next_at, it.ask().1), (Some(now), 1_800));
        assert_eq!(it.answered(now, &outcome(brief), 0), Some(Change::Failed("423".to_owned())));
        assert!(it.next_at > Some(now + SECOND));
    }

    #[test]
    fn a_wrong_password_is_tried_again_after_five_minutes_and_retry_after_is_honoured() {
        let now = Instant::now();
        let mut it = registration(now);
        it.answered(now, &outcome(answer(403)), 0);
        assert_eq!(it.next_at, Some(now + PAUSE_MAX));
        let later = FinalResponse { retry_after_secs: Some(900), ..answer(503) };
        it.answered(now, &outcome(later), 0);
        assert_eq!(it.next_at, Some(now + SECOND * 900));
    }

    #[test]
    fn what_was_granted_or_only_asked_for_is_withdrawn_and_what_never_was_is_not() {
        let now = Instant::now();
        let mut it = registration(now);
        assert_eq!(it.leave(), None, "nothing was asked for yet");
        assert_eq!((it.next_at, it.state), (None, State::Leaving));
        let mut it = registration(now);
        let first = it.ask().0;
        it.asked = Some(RequestId(1));
        assert!(it.leave() > Some(first), "its answer may be on the way");
        let mut it = registration(now);
        it.answered(now, &outcome(answer(200)), 0);
        assert!(it.leave().is_some());
    }

    proptest! {
        #[test]
        fn pauses_double_to_five_minutes_and_no_two_carriers_customers_come_back_together(
            chances in prop::collection::vec(any::<u64>(), 1..40),
        ) {
            let now = Instant::now();
            let mut it = registration(now);
            for (failures, chance) in (0_u32..).zip(chances) {
                it.answered(now, &Outcome::Unreachable, chance);
                let pause = it.next_at.unwrap() - now;
                let whole = PAUSE.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX);
                prop_assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
            }
        }
    }
}
