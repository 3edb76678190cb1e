//! Which seeds a simulation runs.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part")]

/// Seeds that once failed, by scenario. They run first, always.
const REGRESSIONS: &str = include_str!("../regressions.yaml");

/// The seeds of a scenario: those that once failed, then these; or the one `CARELINE_SEED` names.
pub fn seeds(scenario: &str, all: std::ops::Range<u64>) -> Vec<u64> {
    if let Ok(named) = std::env::var("CARELINE_SEED") {
        return vec![named.parse().unwrap()];
    }
    let of_scenario = REGRESSIONS.lines().filter_map(|line| line.strip_prefix(scenario)?.strip_prefix(": ["));
    let listed = of_scenario.filter_map(|list| list.split(']').next()).flat_map(|list| list.split(','));
    let once_failed = listed.filter_map(|seed| seed.trim().parse().ok());
    once_failed.chain(all).collect()
}

/// Whether one seed is run alone, so that totals mean nothing.
pub fn is_replay() -> bool {
    std::env::var_os("CARELINE_SEED").is_some()
}
