//! Exceptions of the configuration that are made use of: told at the start, counted down, and an alarm when
//! one ends. Calls are never cut for it: it is the next start that is refused.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Override, today};
use crate::driver::inbox::{Inbox, Message};
use crate::metrics::Metrics;

/// How often the days left are counted.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Watches until the runtime ends.
pub async fn watch(exceptions: Vec<Override>, inbox: Inbox, metrics: Arc<Metrics>) {
    let mut told: Vec<Option<bool>> = vec![None; exceptions.len()];
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let today = today();
        for (exception, told) in exceptions.iter().zip(&mut told) {
            let days = exception.days_left(today);
            metrics.override_days_left.with_label_values(&[exception.what]).set(days.into());
            let ended = days < 0;
            if *told == Some(ended) {
                continue;
            }
            let Override { what, reason, until } = exception;
            if ended {
                tracing::error!(what, %until, "an exception has ended and what it allowed still runs: the next start is refused");
            } else {
                tracing::warn!(what, %until, days, reason, "other machines reach careline without encryption, by an exception");
            }
            // With no room in the inbox it is told at the next look.
            if inbox.send(Message::Override { exception: exception.clone(), ended }) {
                *told = Some(ended);
            }
        }
    }
}
