//! What is remembered of a call, and what a reading leads to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod harness;

use std::time::Instant;

use flow::{Compiled, compile, prove, run_tests};
use harness::{environment, source};
use primitives::Now;

const DISPOSITIONS: &str =
    "careline: 1\ndispositions:\n  resolved: The concern is settled\n  escalated: A nurse took over\n";

const FLOW: &str = r#"careline: 1
flow: readings
about: readings of patients at home
answers: ["+15550100100"]
languages: [en, es]
emergency: person
defaults: { give_up: person }
steps:
  start:
    play: { prompts: dial_911_notice, languages: all, keys: keep }
  weight:
    vitals:
      as: weight
      play: enter_zip
      unit: lb
      plausible: [50, 700]
      thresholds:
        - { above: 180, go: { tag: { urgency: urgent, reason: weight }, go: person } }
        - { below: 90, go: low }
  counted:
    measure: reading_taken
  written:
    log: "a reading as usual"
  happy:
    survey:
      name: readings
      questions:
        - { ask: welcome, kind: rating, measure: csat }
        - { ask: is_that_right, kind: yes_no, measure: fcr }
  settled:
    disposition: resolved
  bye:
    hang_up: goodbye
  low:
    fail: too_light
    on_error: person
  person:
    queue: { name: nurses, on_timeout: advice, on_empty: advice, on_full: advice, on_error: advice, on_closed: advice }
    after_call: bye
  advice:
    emergency: hang_up_and_dial_911
    next: person
tests:
  - name: a reading as usual is counted, the caller is asked, and the call is disposed of
    script: [{ at: weight, keys: "150#" }, { at: happy, key: 5 }, { at: happy.2, key: 1 }]
    expect:
      notes: [vital weight within, milestone reading_taken, log a reading as usual, survey readings.csat 5, survey readings.fcr 1, disposition resolved]
      reaches: hang_up
      never: [a_human]
  - name: a reading that is not plausible is asked again
    script: [{ at: weight, keys: "15#" }, { at: weight, keys: "150#" }]
    expect: { hears: [enter_zip, enter_zip], notes: [vital weight within], reaches: hang_up }
  - name: too heavy is urgent and comes to a nurse
    script: [{ at: weight, keys: "181#" }]
    agents: { nurses: 1 }
    expect: { notes: [vital weight above_1], reaches: queue nurses, urgency: urgent, reason: weight }
  - name: too light fails, and fails to a person
    script: [{ at: weight, keys: "89#" }]
    agents: { nurses: 1 }
    expect: { notes: [vital weight below_2, fail too_light], reaches: a_human }
  - name: who does not answer the survey is let go with a goodbye
    script: [{ at: weight, keys: "150#" }]
    expect: { hears: [welcome, is_that_right, goodbye], notes: [disposition resolved], reaches: hang_up }
"#;

fn compiled(text: &str) -> Compiled {
    compile(&[source("readings.yaml", text), source("dispositions.yaml", DISPOSITIONS)], &environment())
}

#[test]
fn readings_surveys_and_dispositions_are_noted_as_the_tests_of_a_flow_say() {
    let compiled = compiled(FLOW);
    let all: Vec<String> = compiled.findings.iter().map(|finding| finding.render(Some(FLOW))).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
    let library = compiled.library.unwrap();
    let now = Now { mono: Instant::now(), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
    let results = run_tests(&library, &environment(), now);
    let failed: Vec<String> =
        results.iter().filter(|test| !test.has_passed()).map(ToString::to_string).collect();
    assert!(results.len() == 5 && failed.is_empty(), "{}", failed.join("\n"));
    let broken: Vec<String> = prove(&library, &environment(), Instant::now())
        .into_iter()
        .filter(|proof| !proof.holds)
        .map(|proof| format!("{}: {}", proof.rule, proof.claim))
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn what_could_never_be_counted_or_must_not_be_written_down_is_an_error() {
    for (from, to, expected) in [
        ("disposition: resolved", "disposition: resolvd", "flow/unknown-disposition"),
        ("a reading as usual\"\n", "${weight} pounds\"\n", "flow/private-in-log"),
        ("above: 180", "above: 1800", "flow/threshold"),
        ("plausible: [50, 700]", "plausible: [700, 50]", "flow/out-of-range"),
        ("measure: fcr", "measure: joy", "flow/unknown-word"),
        ("      unit: lb\n", "", "flow/missing-key"),
    ] {
        assert!(FLOW.contains(from), "{from}");
        let compiled = compiled(&FLOW.replacen(from, to, 1));
        let codes: Vec<&str> = compiled.findings.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&expected), "{to}: {codes:?}");
    }
}
