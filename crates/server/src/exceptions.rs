//! Exceptions of the configuration that are made use of: told when they begin, counted down, and an alarm when
//! one ends. Calls are never cut for it: it is the next start or reload that is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::watch;

use crate::config::{Override, today};
use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;

/// How often the days left are counted.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Watches those of the configuration that runs, until the node is gone.
pub async fn watch(mut running: watch::Receiver<Vec<Override>>, inbox: Inbox, metrics: Arc<Metrics>) {
    // Of each with its last day, whether it was told that it has ended.
    let mut told: BTreeMap<(String, Date), bool> = BTreeMap::new();
    loop {
        let exceptions = running.borrow_and_update().clone();
        told.retain(|(what, until), _| exceptions.iter().any(|it| it.what == *what && it.until == *until));
        metrics.override_days_left.reset();
        let today = today();
        for exception in exceptions {
            let ended = look(&exception, today, &metrics);
            let key = (exception.what.clone(), exception.until);
            if told.get(&key) == Some(&ended) {
                continue;
            }
            let Override { what, reason, until } = &exception;
            if ended {
                tracing::error!(what, %until, "an exception has ended and what it allowed still runs: the next start or reload is refused");
            } else {
                tracing::warn!(what, %until, reason, "careline goes without encryption, by an exception");
            }
            // With no room in the inbox it is told at the next look.
            if inbox.send(Message::Override { exception, ended }) {
                told.insert(key, ended);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = running.changed() => if changed.is_err() { return },
        }
    }
}

/// Counts the days left, and says whether they are over.
fn look(exception: &Override, today: Date, metrics: &Metrics) -> bool {
    let days = exception.days_left(today);
    metrics.override_days_left.with_label_values(&[&exception.what]).set(days.into());
    days < 0
}
