//! Numbers whose flow is gone: patients still dial them.

use std::collections::BTreeSet;
use std::sync::Arc;

use call::Fallback;
use flow::Library;

use crate::config::Config;
use crate::content::ContentError;
use crate::flows::Activation;

/// Which numbers fall back, and to whom. Every flow that answers is proved: who falls to it hears the 911 notice,
/// and reaches a person. So the flow with the most numbers will do where none is named.
pub fn fallback(
    config: &Config,
    library: &Library,
    before: Option<&Activation>,
) -> Result<Fallback, ContentError> {
    let answering = || library.flows().filter(|flow| !flow.answers().is_empty());
    let flow: Option<Arc<str>> = match &config.call_flow_fallback {
        Some(name) if answering().any(|flow| flow.name() == name) => Some(name.as_str().into()),
        Some(name) => {
            let known: Vec<&str> = answering().map(|flow| flow.name()).collect();
            return Err(ContentError::NoFallback { name: name.clone(), known: known.join(", ") });
        }
        // The first of those with the most: `max_by_key` alone would take the last.
        None => answering()
            .fold(None, |best: Option<&Arc<flow::Flow>>, flow| match best {
                Some(best) if best.answers().len() >= flow.answers().len() => Some(best),
                _ => Some(flow),
            })
            .map(|flow| flow.name().into()),
    };
    let answered: BTreeSet<&str> = library.numbers().collect();
    let known = before.map(|last| last.answers.iter().chain(&last.unanswered)).into_iter().flatten();
    let numbers = known
        .filter(|number| !answered.contains(number.as_str()) && !config.numbers_given_up.contains(number))
        .cloned()
        .collect();
    Ok(Fallback { flow, numbers })
}
