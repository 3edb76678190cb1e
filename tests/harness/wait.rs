//! Waiting for something to become true.

use std::time::{Duration, Instant};

use crate::trouble::Trouble;

/// How often a condition without an event of its own is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `look` finds something or the time is over.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Trouble> {
    let deadline = Instant::now() + within;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(Trouble::new(format!("{what} did not happen within {within:?}")));
        }
    }
}
