//! Where a dialled number leads.

use std::sync::Arc;

use flow::Flow;

use crate::setup::{FeatureCode, Setup};

/// Where a dialled number leads.
#[derive(Debug)]
pub(crate) enum Route {
    /// To the flow that answers it, or to the one that does because its own is gone. The number as the flow has it.
    Flow { flow: Arc<Flow>, dialled: String },
    /// To a feature code: our own phones only.
    Feature(FeatureCode),
    /// Nowhere: 404.
    Nowhere,
}

/// Whether somebody dialled a name and no number: it has a letter in it.
pub(crate) fn is_name(dialled: &str) -> bool {
    dialled.chars().any(char::is_alphabetic)
}

/// Finds the route. Trunks write the same number as `+15550100100`, `15550100100` or `5550100100`: `e164` is what
/// the rules of the trunk make of it.
pub(crate) fn route(setup: &Setup, dialled: &str, e164: Option<&str>) -> Route {
    if let Some(code) = setup.feature_codes.get(dialled) {
        return Route::Feature(*code);
    }
    let with_plus = format!("+{}", dialled.trim_start_matches('+'));
    let spellings = [Some(dialled), e164, Some(with_plus.as_str())];
    let answering = |number: &str| {
        let flow = setup.library.answering(number)?;
        Some(Route::Flow { flow: Arc::clone(flow), dialled: number.to_owned() })
    };
    let falling_back = |number: &str| {
        let fallback = setup.fallback.flow.as_ref().filter(|_| setup.fallback.numbers.contains(number))?;
        let flow = setup.library.flow(fallback)?;
        Some(Route::Flow { flow: Arc::clone(flow), dialled: number.to_owned() })
    };
    let spelt = || spellings.into_iter().flatten();
    spelt().find_map(answering).or_else(|| spelt().find_map(falling_back)).unwrap_or(Route::Nowhere)
}
