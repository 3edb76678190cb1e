//! The `tests:` of a flow are run by the interpreter they are about.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

mod harness;

use std::time::Instant;

use flow::{TestResult, run_tests};
use harness::{clinic_sources, environment, library_of, source};
use primitives::Now;

fn run(tests: &str) -> Vec<TestResult> {
    let mut sources = clinic_sources();
    sources.push(source("clinic.test.yaml", &format!("careline: 1\nflow: clinic\ntests:\n{tests}")));
    let now = Now { mono: Instant::now(), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
    run_tests(&library_of(&sources), &environment(), now)
}

#[test]
fn the_tests_of_the_clinic_pass() {
    let results = run("  []\n");
    let failed: Vec<String> =
        results.iter().filter(|test| !test.has_passed()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(results.len(), 2);
}

#[test]
fn what_came_out_otherwise_is_said_in_one_line_with_the_call_below() {
    let results = run("
  - name: too slow
    script: [{ at: language, key: 2 }, { at: main, key: 1 }]
    agents: { nurses: busy }
    expect: { hears: [dial_911_notice, stay_on_line], reaches: step advice, before: 10s }
  - name: keys in the queue
    script: [{ at: main, key: 2 }, { at: symptoms, keys: \"01021980\" }, { at: nurses, key: 9, after: 5s }, { at: nurses, hang_up: true, after: 3s }]
    agents: { nurses: busy }
    expect: { urgency: urgent }
  - name: a transfer that comes back
    script: [{ at: main, key: 4 }]
    numbers: { pharmacy: no_answer }
    agents: { reception: 2 }
    agent_leaves: 60s
    expect: { reaches: a_human, hears: [connecting, hold_music, goodbye], never: [hang_up] }
");
    let failures: Vec<&str> = results.iter().filter_map(|test| test.failure.as_deref()).collect();
    assert_eq!(
        failures,
        [
            "step advice was reached after 40.0 s, not within 10 s",
            "urgency is emergent at the end, not urgent",
            "hang_up was to happen never, and did after 104.0 s",
        ]
    );
    insta::assert_snapshot!("a_failed_test", results[1]);
}
