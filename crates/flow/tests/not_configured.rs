//! Steps that need a system nobody has connected: read in full, said to be without it, and no dead end for anybody.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod harness;

use std::time::Instant;

use flow::{Compiled, Environment, compile, prove, run_tests};
use harness::{CLINIC, clinic_sources, environment, library_of};
use primitives::Now;

const IDENTIFY: &str = "identify:
      keys: { telephone: \"${caller.number}\", date_of_birth: \"${dob}\" }
      as: patient
      play: connecting
      not_found: zip
      locked: nurses
      failed: nurses";

/// The clinic, with this instead of its step `known`.
fn clinic_with(verb: &str, environment: &Environment) -> (Compiled, String) {
    let step = "when:\n      - { if: 'dob != \"\" && caller.known', go: nurses }\n      - else: zip";
    assert!(CLINIC.contains(step));
    let mut sources = clinic_sources();
    sources[0].text = CLINIC.replacen(step, verb, 1);
    let compiled = compile(&sources, environment);
    let text = |path: &str| sources.iter().find(|source| source.path == path).map(|source| &*source.text);
    let told: Vec<String> =
        compiled.findings.iter().map(|finding| finding.render(text(&finding.path))).collect();
    let told = told.join("\n\n");
    (compiled, told)
}

#[test]
fn a_step_whose_system_is_not_connected_is_a_warning_and_in_production_refused() {
    let (compiled, told) = clinic_with(IDENTIFY, &environment());
    assert!(compiled.library.is_some());
    insta::assert_snapshot!(told);
    let (compiled, told) = clinic_with(IDENTIFY, &Environment { is_production: true, ..environment() });
    assert!(compiled.library.is_none() && told.contains("error[flow/not-configured]"), "{told}");
}

#[test]
fn its_keys_exits_and_words_are_compared_with_those_there_are() {
    let wrong = "appointment: { do: bok, pateint: \"${dob}\", service: checkup, noen: zip, failed: nurses }";
    insta::assert_snapshot!(clinic_with(wrong, &environment()).1);
}

#[test]
fn one_thing_she_knows_does_not_tell_who_she_is() {
    let wrong = IDENTIFY.replace("telephone: \"${caller.number}\", ", "");
    insta::assert_snapshot!(clinic_with(&wrong, &environment()).1);
}

#[test]
fn each_of_them_is_read_in_its_shortest_form() {
    for verb in [
        "register: { form: first_visit, answers: { zip: \"${dob}\" }, incomplete: zip, failed: nurses }",
        "appointment: { do: book, patient: \"${dob}\", service: checkup, none: zip, failed: nurses }",
        "dial_out: { to: \"${caller.number}\", window: daytime, no_answer: zip, failed: nurses }",
        "listen: { as: words, play: enter_zip, for: anything, no_input: zip, failed: nurses }",
        "notify: { by: sms, to: \"${caller.number}\", message: directions, failed: zip }",
    ] {
        let (compiled, told) = clinic_with(verb, &environment());
        assert_eq!(told.matches("[flow/").count(), 1, "{told}");
        assert!(compiled.library.is_some() && told.contains("not configured: `"), "{told}");
    }
}

#[test]
fn whoever_comes_to_it_goes_on_by_failed_and_the_flow_can_be_proved() {
    let tests = "tests:
  - name: nobody can say who she is, and a nurse takes her
    script: [{ at: main, key: 2 }, { at: symptoms, keys: \"01021980#\" }]
    agents: { nurses: 1 }
    expect: { reaches: a_human, before: 60s, notes: [fail not_configured], never: [step zip] }
";
    let mut sources = clinic_sources();
    let (at, _) = CLINIC.split_once("tests:\n").unwrap();
    let step = "when:\n      - { if: 'dob != \"\" && caller.known', go: nurses }\n      - else: zip";
    sources[0].text = format!("{at}{tests}").replacen(step, IDENTIFY, 1);
    let library = library_of(&sources);
    let now = Now { mono: Instant::now(), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
    let results = run_tests(&library, &environment(), now);
    let failed: Vec<String> =
        results.iter().filter(|test| !test.has_passed()).map(ToString::to_string).collect();
    assert!(failed.is_empty() && results.len() == 1, "{}", failed.join("\n"));
    let proofs = prove(&library, &environment(), now.mono);
    let unreached: Vec<&str> =
        proofs.iter().filter(|proof| proof.rule == "S20").map(|proof| &*proof.claim).collect();
    assert!(unreached.is_empty(), "{unreached:?}");
}
