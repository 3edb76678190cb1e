//! The flows that ship compile, and their tests pass, with the prompts that ship.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

#[path = "harness/shipped.rs"]
mod shipped;

use std::time::Instant;

use flow::{compile, run_tests};
use primitives::Now;

#[test]
fn the_flows_that_ship_have_no_mistakes_and_pass_their_tests() {
    let (sources, environment) = shipped::shipped();
    let compiled = compile(&sources, &environment);
    let found: Vec<String> = compiled
        .findings
        .iter()
        .filter(|finding| finding.is_error())
        .map(|finding| {
            let source = sources.iter().find(|source| source.path == finding.path);
            finding.render(source.map(|source| &*source.text))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    let now = Now { mono: Instant::now(), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
    let results = run_tests(&compiled.library.unwrap(), &environment, now);
    let failed: Vec<String> =
        results.iter().filter(|test| !test.has_passed()).map(ToString::to_string).collect();
    assert!(!results.is_empty());
    assert!(failed.is_empty(), "{} of {} failed\n{}", failed.len(), results.len(), failed.join("\n"));
}
