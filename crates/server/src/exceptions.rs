//! Exceptions to what careline insists on: told when they begin to count, counted down, and an alarm when one ends.
//! Calls are never cut for it: it is the next start or reload that is refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::civil::Date;

use crate::config::{Override, today};
use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;

/// How often the days left are counted.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Those that are made use of.
#[derive(Clone)]
pub struct Exceptions {
    standing: Arc<Mutex<Standing>>,
    inbox: Inbox,
    metrics: Arc<Metrics>,
}

struct Standing {
    /// Of the configuration that runs.
    configuration: Vec<Told>,
    /// Of the flows that are active.
    flows: Vec<Told>,
}

/// An exception, and whether it was last told as ended.
struct Told(Override, Option<bool>);

impl Exceptions {
    /// Those of the configuration; flows come and go.
    pub fn new(configuration: Vec<Override>, inbox: Inbox, metrics: Arc<Metrics>) -> Self {
        let configuration = configuration.into_iter().map(|it| Told(it, None)).collect();
        let standing = Standing { configuration, flows: Vec::new() };
        Self { standing: Arc::new(Mutex::new(standing)), inbox, metrics }
    }

    /// Another configuration runs: what it keeps of the one before is not told again.
    pub fn of_configuration(&self, exceptions: Vec<Override>) {
        {
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::take(&mut standing.configuration);
            for Told(it, _) in &before {
                // Not counted yet, if it is not there.
                let _ = self.metrics.override_days_left.remove_label_values(&[it.what.as_str()]);
            }
            let told =
                |it: &Override| before.iter().find(|Told(other, _)| other == it).and_then(|told| told.1);
            standing.configuration = exceptions
                .into_iter()
                .map(|it| {
                    let told = told(&it);
                    Told(it, told)
                })
                .collect();
        }
        self.look(today());
    }

    /// Other flows are active: what they need is told anew, and what those before needed is no longer counted.
    pub fn of_flows(&self, flows: Vec<Override>) {
        {
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            for Told(it, _) in &standing.flows {
                // Not counted yet, if it is not there.
                let _ = self.metrics.override_days_left.remove_label_values(&[it.what.as_str()]);
            }
            standing.flows = flows.into_iter().map(|it| Told(it, None)).collect();
        }
        self.look(today());
    }

    /// Counts days, and tells what begins and what ends.
    fn look(&self, today: Date) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let Standing { configuration, flows } = &mut *standing;
        for Told(exception, told) in configuration.iter_mut().chain(flows) {
            let days = exception.days_left(today);
            self.metrics.override_days_left.with_label_values(&[exception.what.as_str()]).set(days.into());
            let ended = days < 0;
            if *told == Some(ended) {
                continue;
            }
            let Override { what, by, reason, until, effect } = exception;
            if ended {
                tracing::error!(what, by, %until, "an exception has ended and what it allowed still runs: the next start or reload is refused");
            } else {
                tracing::warn!(what, by, %until, days, reason, "{effect}, by an exception");
            }
            // With no room in the inbox it is told at the next look.
            if self.inbox.send(Message::Override { exception: exception.clone(), ended }) {
                *told = Some(ended);
            }
        }
    }

    /// Watches until the runtime ends.
    pub async fn watch(self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            self.look(today());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use jiff::ToSpan;
    use jiff::civil::date;
    use mio::{Poll, Token};
    use store::AuditMetrics;

    use super::{Arc, Exceptions, Inbox, Message, Metrics, Override};

    #[test]
    fn an_exception_is_told_when_it_begins_once_when_it_has_ended_and_not_with_flows_that_need_none() {
        let poll = Poll::new().unwrap();
        let (inbox, told) = Inbox::new(poll.registry(), Token(0)).unwrap();
        let metrics = Arc::new(Metrics::new().unwrap());
        let last_day = date(2999, 12, 31);
        let exception = Override {
            what: "nurse-line S5".to_owned(),
            by: "Dr. N. N.".to_owned(),
            reason: "second nurse soon".to_owned(),
            until: last_day,
            effect: "a flow that breaks a safety rule answers calls",
        };
        let days_left = || metrics.override_days_left.with_label_values(&["nurse-line S5"]).get();
        let heard = || {
            let ended = told.try_iter().map(|message| match message {
                Message::Override { exception: told, ended } if told == exception => Some(ended),
                _ => None,
            });
            ended.collect::<Vec<_>>()
        };
        let exceptions = Exceptions::new(Vec::new(), inbox, Arc::clone(&metrics));
        exceptions.of_flows(vec![exception.clone()]);
        assert_eq!(heard(), [Some(false)]);
        exceptions.look(last_day);
        assert_eq!((heard(), days_left()), (Vec::new(), 0));
        for _ in 0..2 {
            exceptions.look(last_day.checked_add(1.day()).unwrap());
            assert_eq!(days_left(), -1);
        }
        assert_eq!(heard(), [Some(true)]);
        exceptions.of_flows(Vec::new());
        exceptions.look(last_day);
        assert_eq!(heard(), []);
        let page = String::from_utf8(metrics.page(None, AuditMetrics::default()).unwrap()).unwrap();
        assert!(!page.contains("nurse-line S5"), "{page}");
    }
}
