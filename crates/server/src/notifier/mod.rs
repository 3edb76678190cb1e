//! Tells people of emergency calls (47 CFR 9.16(b)(2)): one POST of JSON for each notice, repeated until
//! somebody takes it. Those of a call go in order, and no call waits for another. What nobody took yet is in
//! the database, and a restart goes on with it. The calls themselves wait for none of it.

mod desk;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use call::{Notice, NoticeEvent, NoticeOutcome};
use jiff::Timestamp;
use store::StoredNotice;

pub use self::desk::Desk;
use self::desk::Refused;
use crate::driver::inbox::{Inbox, Message};
use crate::keeper::Keeper;
use crate::metrics::Metrics;
use crate::net::tls::Renewable;

/// Notices nobody took yet. Four a call: more means a webhook that is down through a disaster; the newest is then
/// not sent and its hop says so. Each call has one connection at a time, so it bounds these too.
const NOTICES_MAX: usize = 256;

/// Longest one attempt may take, connection included.
const ATTEMPT_MAX: Duration = Duration::from_secs(5);

/// Between the first attempts, and the longest between later ones.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A notice older than this alarms nobody any more. One that a restart finds is tried once all the same.
const TRIED_FOR_MAX: Duration = Duration::from_secs(3_600);

/// Takes notices to those who are to be told.
#[derive(Clone)]
pub struct Notifier {
    /// What waits, by call. A call that is here has a task that sends.
    waiting: Arc<Mutex<BTreeMap<String, VecDeque<Waiting>>>>,
    desk: Renewable<Arc<Desk>>,
    keeper: Keeper,
    inbox: Inbox,
    metrics: Arc<Metrics>,
    runtime: tokio::runtime::Handle,
}

/// A notice on its way.
#[derive(Clone)]
struct Waiting {
    event: NoticeEvent,
    at: Timestamp,
    body: Bytes,
}

impl Notifier {
    /// One whose tasks run on the runtime of the caller, and that goes on with what the last run kept.
    pub fn start(
        desk: &Renewable<Arc<Desk>>,
        keeper: &Keeper,
        (inbox, metrics): (&Inbox, &Arc<Metrics>),
        kept: Vec<StoredNotice>,
    ) -> Self {
        let notifier = Self {
            waiting: Arc::default(),
            desk: desk.clone(),
            keeper: keeper.clone(),
            inbox: inbox.clone(),
            metrics: Arc::clone(metrics),
            runtime: tokio::runtime::Handle::current(),
        };
        notifier.resume(kept);
        notifier
    }

    /// Takes one, and keeps it until somebody else does.
    pub fn send(&self, notice: Notice) {
        // Writing plain values cannot fail.
        let body = serde_json::to_string(&notice).unwrap_or_default();
        let (event, at) = (notice.event, notice.at);
        let stored = StoredNotice {
            call: notice.call.clone(),
            event: event.word().to_owned(),
            at,
            body: body.clone(),
        };
        self.keeper.notice(stored);
        if !self.queue(&notice.call, Waiting { event, at, body: body.into() }) {
            tracing::error!(call = notice.call, "too many emergency notices wait; this one is not sent");
            self.settle(&notice.call, event, NoticeOutcome::GivenUp);
        }
    }

    /// Goes on with what the last run did not get rid of.
    fn resume(&self, kept: Vec<StoredNotice>) {
        if !kept.is_empty() {
            tracing::warn!(
                notices = kept.len(),
                "emergency notices of the last run are still to be delivered"
            );
        }
        for StoredNotice { call, event, at, body } in kept {
            let waiting = NoticeEvent::of_word(&event).map(|event| Waiting { event, at, body: body.into() });
            if !waiting.is_some_and(|waiting| self.queue(&call, waiting)) {
                tracing::error!(call, event, "an emergency notice of the last run cannot be sent");
                self.keeper.notice_settled(call, event);
            }
        }
    }

    /// `false`: too many wait.
    fn queue(&self, call: &str, notice: Waiting) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.values().map(VecDeque::len).sum::<usize>() >= NOTICES_MAX {
            return false;
        }
        let of_call = waiting.entry(call.to_owned()).or_default();
        of_call.push_back(notice);
        self.metrics.emergency_notices_waiting.inc();
        if of_call.len() == 1 {
            let (notifier, call) = (self.clone(), call.to_owned());
            self.runtime.spawn(async move { notifier.tell_of(&call).await });
        }
        true
    }

    /// Sends what waits of a call, one after the other, until nothing does.
    async fn tell_of(&self, call: &str) {
        while let Some(notice) = self.first_of(call) {
            let outcome = self.deliver(call, &notice).await;
            self.settle(call, notice.event, outcome);
            self.done_with_first_of(call);
        }
    }

    fn first_of(&self, call: &str) -> Option<Waiting> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(call)?.front().cloned()
    }

    /// The first of a call is settled. A call without any is forgotten together with its last: the next notice
    /// starts a task anew.
    fn done_with_first_of(&self, call: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_call) = waiting.get_mut(call) {
            of_call.pop_front();
            if of_call.is_empty() {
                waiting.remove(call);
            }
            self.metrics.emergency_notices_waiting.dec();
        }
    }

    /// Tries until somebody takes it, or it is too old. The log hears of each new reason why nobody does, and of the end.
    async fn deliver(&self, call: &str, notice: &Waiting) -> NoticeOutcome {
        let event = notice.event.word();
        let mut pause = PAUSE_MIN;
        let mut known = None;
        loop {
            let desk = self.desk.current();
            let attempt = tokio::time::timeout(ATTEMPT_MAX, desk.post(notice.body.clone())).await;
            let why = match attempt.unwrap_or(Err(Refused::TooLate(ATTEMPT_MAX))) {
                Ok(()) => return NoticeOutcome::Delivered,
                Err(why) => why,
            };
            if Timestamp::now().duration_since(notice.at).unsigned_abs() > TRIED_FOR_MAX {
                tracing::error!(call, event, %why, "the notice of an emergency call is given up");
                return NoticeOutcome::GivenUp;
            }
            let why = why.to_string();
            if known.is_none() {
                self.settle(call, notice.event, NoticeOutcome::Undelivered);
            }
            if known.as_ref() != Some(&why) {
                tracing::error!(
                    call,
                    event,
                    why,
                    "nobody takes the notice of an emergency call; it is tried again. Look at `emergency.notify.webhook`"
                );
                known = Some(why);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn settle(&self, call: &str, event: NoticeEvent, outcome: NoticeOutcome) {
        if outcome != NoticeOutcome::Undelivered {
            self.keeper.notice_settled(call.to_owned(), event.word().to_owned());
        }
        self.inbox.send(Message::Noticed { call: call.to_owned(), event, outcome });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;
    use std::time::Duration;

    use call::NoticeOutcome;
    use jiff::{SignedDuration, Timestamp};
    use store::{Database, StoredNotice};

    use super::{Desk, NOTICES_MAX, Notifier};
    use crate::driver::inbox::{Inbox, Message};
    use crate::keeper::Keeper;
    use crate::metrics::Metrics;
    use crate::net::tls::Renewable;

    fn notice(call: &str, at: Timestamp) -> StoredNotice {
        StoredNotice { call: call.to_owned(), event: "called".to_owned(), at, body: "{}".to_owned() }
    }

    /// What the next message says became of a notice.
    fn next(received: &std::sync::mpsc::Receiver<Message>) -> (String, NoticeOutcome) {
        match received.recv_timeout(Duration::from_secs(60)).unwrap() {
            Message::Noticed { call, outcome, .. } => (call, outcome),
            other => unreachable!("{other:?}"),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_notice_too_old_for_anybody_is_tried_once_more_and_then_given_up_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("careline.db");
        let of_second = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
        let old = notice("a", of_second - SignedDuration::from_hours(2));
        Database::open(&path).unwrap().save_notice(&old).unwrap();
        let (keeper, kept) = Keeper::start(&path).unwrap();
        assert_eq!(kept.notices, [old]);
        let poll = mio::Poll::new().unwrap();
        let (inbox, received) = Inbox::new(poll.registry(), mio::Token(0)).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let desk = Renewable::new(Arc::new(Desk::read(None).unwrap()));
        let notifier = Notifier::start(&desk, &keeper, (&inbox, &metrics), kept.notices);
        assert_eq!(next(&received), ("a".to_owned(), NoticeOutcome::GivenUp));
        while metrics.emergency_notices_waiting.get() > 0 {
            tokio::task::yield_now().await;
        }
        drop(notifier);
        // Opened again once the last task let go of it.
        while !Database::open(&path).unwrap().load_notices().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn one_notice_too_many_is_given_up_at_once_and_the_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _) = Keeper::start(&folder.path().join("careline.db")).unwrap();
        let poll = mio::Poll::new().unwrap();
        let (inbox, _received) = Inbox::new(poll.registry(), mio::Token(0)).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let desk = Renewable::new(Arc::new(Desk::read(None).unwrap()));
        let notices = (0..=NOTICES_MAX).map(|at| notice(&at.to_string(), Timestamp::now())).collect();
        let _notifier = Notifier::start(&desk, &keeper, (&inbox, &metrics), notices);
        assert_eq!(metrics.emergency_notices_waiting.get(), i64::try_from(NOTICES_MAX).unwrap());
    }
}
