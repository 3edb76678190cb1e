//! A call made by hand: what it says, and that it can be kept as a test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod harness;
#[path = "harness/shipped.rs"]
mod shipped;

use std::time::Instant;

use flow::{PromptTexts, Trial, compile, run_tests};
use primitives::Now;
use proptest::prelude::*;

fn now() -> Now {
    Now { mono: Instant::now(), wall: "2026-01-07T16:00:00Z".parse().unwrap() }
}

/// Runs lines in a trial of the nurse line; what is printed, and the trial as a test.
fn tried(lines: &[&str]) -> (Vec<String>, String, bool) {
    let (sources, environment) = shipped::shipped();
    let library = compile(&sources, &environment).library.unwrap();
    let texts: PromptTexts =
        [("en".to_owned(), [("choose_language".to_owned(), "For English, press 1.".to_owned())].into())]
            .into();
    let mut trial = Trial::new(&library, &environment, &texts, "nurse-line", now()).unwrap();
    let mut printed = trial.news();
    for line in lines {
        let said = trial.line(line);
        printed.extend(trial.news());
        printed.extend(said);
    }
    let is_over = trial.is_over();
    (printed, trial.line(":save kept").join("\n"), is_over)
}

/// Whether the test a trial was saved as passes.
fn passes(saved: &str) -> Option<String> {
    let (mut sources, environment) = shipped::shipped();
    let text = format!("careline: 1\nflow: nurse-line\ntests:\n{saved}\n");
    sources.push(harness::source("nurse-line.test.yaml", &text));
    let compiled = compile(&sources, &environment);
    let Some(library) = compiled.library else {
        return Some(format!("{text}\n{:#?}", compiled.findings));
    };
    let kept =
        run_tests(&library, &environment, now()).into_iter().find(|result| result.name == "kept").unwrap();
    kept.failure.as_ref().map(|_| format!("{text}\n{kept}"))
}

#[test]
fn the_words_she_hears_are_shown_and_a_key_is_taken_at_the_question() {
    let (printed, _, is_over) = tried(&[":agents nurses 1", "1", "1", ""]);
    let printed = printed.join("\n");
    assert!(printed.contains("“For English, press 1.”"), "{printed}");
    assert!(printed.contains("is emergent: red_flag"), "{printed}");
    assert!(printed.contains("an agent answers") && is_over, "{printed}");
}

#[test]
fn silence_comes_to_a_person_too() {
    let (printed, saved, is_over) = tried(&[":agents nurses 1", "", "", "", "", "", "", "", "", ""]);
    assert!(is_over, "{printed:#?}");
    assert!(saved.contains("reason: silent_caller"), "{saved}");
    assert_eq!(passes(&saved), None);
}

#[test]
fn a_key_in_a_step_she_came_to_twice_is_kept_for_its_moment() {
    let (.., saved, is_over) = tried(&[":agents reception 1", "911", "0", "hang_up"]);
    assert!(is_over);
    assert_eq!(passes(&saved), None, "{saved}");
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let (printed, ..) = tried(&["x", ":nothing", ":agents nurse 1", ":at yesterday", ":set bla 1"]);
    let printed = printed.join("\n");
    for told in [
        "`x` is no key",
        "`:nothing` is no command",
        "did you mean `nurses`?",
        "is not a moment",
        "a test has no `bla`",
    ] {
        assert!(printed.contains(told), "{told}\n{printed}");
    }
}

#[test]
fn another_moment_begins_the_call_again() {
    let (printed, ..) = tried(&[":at 2026-12-25 03:00 America/Chicago", ":path"]);
    assert_eq!(
        printed.last().map(String::as_str),
        Some("nurse-line/start → nurse-line/language → language/choose")
    );
    assert_eq!(printed.iter().filter(|line| line.contains("nurse-line/start  play")).count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_saved_as_a_test_passes(
        lines in prop::collection::vec(
            prop::sample::select(vec!["1", "2", "3", "4", "7", "0", "9", "911", "", "", "*", ":agents nurses 1",
                ":agents nurses busy", ":numbers partner_nurse_line no_answer", "hang_up"]),
            0..12,
        ),
        settled in prop::sample::select(vec![":agents nurses busy", ":agents reception 1", ":agents on_call 1"]),
    ) {
        // What was set when the call began is what the kept test knows.
        let (set, pressed): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.starts_with(':'));
        let lines: Vec<&str> = [settled].into_iter().chain(set).chain(pressed).collect();
        let (printed, saved, _) = tried(&lines);
        let failure = passes(&saved);
        prop_assert!(failure.is_none(), "{}\n{}", failure.unwrap_or_default(), printed.join("\n"));
    }
}
