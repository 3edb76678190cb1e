//! Who may try to prove who he is, and how often he may be wrong.
//!
//! Wrong proofs are counted by source and by user. A source that was wrong too often is not believed for a
//! while, and a user whose secret is being guessed from many places is believed only where he was seen
//! before. Nobody is told: a proof that is not looked at is answered as a wrong one is.
//!
//! A failure counts only if its nonce was issued to that source. So whoever writes somebody else's address
//! on a datagram cannot have him barred.

use std::collections::BTreeMap;
use std::time::Instant;

use super::bucket::Bucket;
use super::penalty::Failures;
use super::{Rate, Security, Source};
use crate::recent::Recent;

/// Sources whose wrong proofs are remembered, some 100 bytes each. To be forgotten early, an attacker must
/// fail from as many addresses that are really his.
const FAILING_MAX: usize = 16_384;

/// Sources a user is at home at: his desk, his mobile, his home, and where he was before.
const HOMES_MAX: usize = 8;

/// Wrong proofs of a user from where he is at home. A phone shares its address with its neighbours: who
/// guesses there is slowed down, and the phone is never locked out.
const HOME_FAILURES: Rate = Rate::per_sec(2, 40);

/// What is known of proofs.
#[derive(Debug)]
pub(super) struct Proofs {
    sources: Recent<Source, Failures, FAILING_MAX>,
    /// Users that exist; as many as the configuration names.
    users: BTreeMap<String, User>,
}

#[derive(Debug, Default)]
struct User {
    failures: Failures,
    /// The most recent last.
    homes: Vec<(Source, Bucket)>,
}

impl Proofs {
    pub(super) const fn new() -> Self {
        Self { sources: Recent::new(), users: BTreeMap::new() }
    }

    /// Whether a proof is looked at.
    pub(super) fn are_heard(&self, now: Instant, source: Source, user: &str) -> bool {
        let mut is_guessed = false;
        if let Some(known) = self.users.get(user) {
            if let Some((_, failures)) = known.homes.iter().find(|(home, _)| *home == source) {
                return failures.has_one(now, HOME_FAILURES);
            }
            is_guessed = known.failures.are_too_many(now);
        }
        !is_guessed && !self.sources.find(&source).is_some_and(|failures| failures.are_too_many(now))
    }

    /// A proof was looked at and is wrong. `user` is somebody who exists.
    pub(super) fn failed(&mut self, now: Instant, source: Source, user: Option<&str>, security: &Security) {
        if let Some(user) = user {
            let user = self.users.entry(user.to_owned()).or_default();
            if let Some((_, failures)) = user.homes.iter_mut().find(|(home, _)| *home == source) {
                failures.take(now, HOME_FAILURES);
                return;
            }
            user.failures.count(now, security.user_failures, security);
        }
        self.sources.touch(source).count(now, security.failures, security);
    }

    /// A user is at home here: he proved it, or did before a restart.
    pub(super) fn succeeded(&mut self, source: Source, user: &str) {
        if let Some(known) = self.users.get_mut(user)
            && known.homes.last().is_some_and(|(home, _)| *home == source)
        {
            return;
        }
        let homes = &mut self.users.entry(user.to_owned()).or_default().homes;
        let known = homes.iter().position(|(home, _)| *home == source).map(|at| homes.remove(at));
        if homes.len() >= HOMES_MAX {
            homes.remove(0);
        }
        homes.push(known.unwrap_or((source, Bucket::default())));
    }

    /// Forgets who does not exist any more.
    pub(super) fn retain(&mut self, exists: impl Fn(&str) -> bool) {
        self.users.retain(|user, _| exists(user));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{HOMES_MAX, Proofs};
    use crate::guard::{Security, Source};

    const fn source(last: u8) -> Source {
        Source::V4([198, 51, 100, last])
    }

    /// How many guesses for a user of one source are looked at within a time, one a second.
    fn heard(proofs: &mut Proofs, start: Instant, secs: u64, from: Source, user: &str) -> usize {
        let security = Security::default();
        (0..secs)
            .map(|sec| start + Duration::from_secs(sec))
            .filter(|now| {
                let is_heard = proofs.are_heard(*now, from, user);
                if is_heard {
                    proofs.failed(*now, from, Some(user), &security);
                }
                is_heard
            })
            .count()
    }

    #[test]
    fn a_guesser_gets_a_guess_a_minute_and_users_elsewhere_notice_nothing() {
        let (mut proofs, start) = (Proofs::new(), Instant::now());
        assert_eq!(heard(&mut proofs, start, 12, source(1), "anna"), 11);
        let barred = start + Duration::from_secs(12);
        assert!(!proofs.are_heard(barred, source(1), "ben") && proofs.are_heard(barred, source(2), "ben"));
        let guesses = heard(&mut proofs, barred, 3_600, source(1), "anna");
        // With what the bucket holds again after each bar of ten minutes.
        assert!(guesses < 80, "{guesses}");
    }

    #[test]
    fn guessing_from_many_places_does_not_lock_a_phone_out_of_where_it_is_at_home() {
        let (mut proofs, start) = (Proofs::new(), Instant::now());
        proofs.succeeded(source(200), "anna");
        let guesses: usize = (0..100).map(|at| heard(&mut proofs, start, 10, source(at), "anna")).sum();
        assert!(guesses < 60, "{guesses}");
        assert!(!proofs.are_heard(start, source(101), "anna"), "a new place has to wait");
        // However often it registers.
        for _ in 0..10_000 {
            assert!(proofs.are_heard(start, source(200), "anna"));
            proofs.succeeded(source(200), "anna");
        }
        // Who guesses from beside it, ten times a second, has two guesses a second, and it gets in between.
        let guesses = (0..1_200)
            .map(|tenth| start + Duration::from_millis(tenth * 100))
            .filter(|now| {
                let is_heard = proofs.are_heard(*now, source(200), "anna");
                proofs.failed(*now, source(200), Some("anna"), &Security::default());
                is_heard
            })
            .count();
        assert!((240..=290).contains(&guesses), "{guesses}");
        assert!(proofs.are_heard(start + Duration::from_millis(120_500), source(200), "anna"));
    }

    #[test]
    fn a_user_is_at_home_at_the_places_he_was_at_last() {
        let (mut proofs, now) = (Proofs::new(), Instant::now());
        for at in 0..100 {
            proofs.succeeded(source(at), "anna");
            proofs.succeeded(source(0), "anna");
        }
        assert_eq!(proofs.users.get("anna").map(|user| user.homes.len()), Some(HOMES_MAX));
        heard(&mut proofs, now, 100, source(150), "anna");
        assert!(proofs.are_heard(now, source(0), "anna") && proofs.are_heard(now, source(99), "anna"));
        proofs.retain(|_| false);
        assert!(proofs.users.is_empty());
    }
}
