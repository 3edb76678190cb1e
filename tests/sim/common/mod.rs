//! Which seeds a simulation runs.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "each test file uses its part")]

use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::sim::Failure;

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

/// Runs every seed on all cores and sums up what each run counts. The first that fails is told and fails the test.
pub fn run_all<const N: usize>(
    seeds: Vec<u64>,
    run: impl Fn(u64) -> Result<[u64; N], Failure> + Sync,
) -> [u64; N] {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<[u64; N], Failure> {
        let mut sums = [0; N];
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = run(*seed)?;
            sums.iter_mut().zip(counted).for_each(|(sum, counted)| *sum += counted);
        }
        Ok(sums)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut sums = [0; N];
    for result in results {
        match result {
            Ok(counted) => sums.iter_mut().zip(counted).for_each(|(sum, counted)| *sum += counted),
            Err(failure) => panic!("{failure:?}"),
        }
    }
    sums
}
