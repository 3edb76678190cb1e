//! What people who write flows get wrong, and what they are told.
//!
//! Each test makes one mistake in a flow that has none; the snapshot is what the terminal shows.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod harness;

use flow::{Environment, Source, compile};
use harness::{CLINIC, clinic_sources, environment, source};

/// Everything said about files, as printed.
fn told_by(sources: &[Source], environment: &Environment) -> String {
    let compiled = compile(sources, environment);
    let told: Vec<String> = compiled
        .findings
        .iter()
        .map(|finding| {
            let text = sources.iter().find(|source| source.path == finding.path);
            finding.render(text.map(|source| &*source.text))
        })
        .collect();
    assert_eq!(compiled.library.is_none(), compiled.findings.iter().any(flow::Finding::is_error));
    told.join("\n\n")
}

/// The clinic with one text replaced.
fn told(right: &str, wrong: &str) -> String {
    assert!(CLINIC.contains(right), "{right}");
    let mut sources = clinic_sources();
    sources[0].text = CLINIC.replacen(right, wrong, 1);
    told_by(&sources, &environment())
}

#[test]
fn the_clinic_itself_has_no_mistake() {
    assert_eq!(told_by(&clinic_sources(), &environment()), "");
}

#[test]
fn an_unknown_step_is_compared_with_those_there_are() {
    insta::assert_snapshot!(told("\"1\": red_flag", "\"1\": redflag"));
}

#[test]
fn an_unknown_queue_has_its_caret_under_the_name() {
    insta::assert_snapshot!(told("name: reception", "name: recepcion"));
}

#[test]
fn an_unknown_key_of_a_menu() {
    insta::assert_snapshot!(told("again: main_menu_short", "agian: main_menu_short"));
}

#[test]
fn an_unknown_verb() {
    insta::assert_snapshot!(told("hang_up: { play: goodbye }", "hangup: { play: goodbye }"));
}

#[test]
fn a_word_of_the_full_language_is_known_by_name() {
    insta::assert_snapshot!(told("play: closed_message", "triage: { play: closed_message }"));
}

#[test]
fn a_queue_without_its_exits() {
    insta::assert_snapshot!(told("      on_timeout: shut\n      on_empty: shut\n", ""));
}

#[test]
fn a_menu_that_takes_the_emergency_key() {
    insta::assert_snapshot!(told("\"4\": prescriptions", "\"9\": prescriptions"));
}

#[test]
fn prose_with_a_colon_needs_quotes() {
    insta::assert_snapshot!(told(
        "about: \"24/7 advice line, owned by Clinical Ops\"",
        "about: Advice line: owned by Ops"
    ));
}

#[test]
fn prose_with_a_hash_is_cut() {
    insta::assert_snapshot!(told(
        "about: \"24/7 advice line, owned by Clinical Ops\"",
        "about: Advice line #2 of the clinic"
    ));
}

#[test]
fn a_tab_is_shown_and_explained() {
    insta::assert_snapshot!(told("  shut:\n    play: closed_message", "  shut:\n\tplay: closed_message"));
}

#[test]
fn a_telephone_number_without_quotes() {
    insta::assert_snapshot!(told("answers: [\"+15550100100\"]", "answers: [+15550100100]"));
}

#[test]
fn a_key_that_stands_twice() {
    insta::assert_snapshot!(told("\"2\": symptoms", "\"1\": symptoms"));
}

#[test]
fn a_condition_with_an_unknown_variable() {
    insta::assert_snapshot!(told("dob != \"\"", "dbo != \"\""));
}

#[test]
fn a_prompt_that_lacks_a_language() {
    let mut environment = environment();
    environment.prompts.get_mut("es").unwrap().remove("stay_on_line");
    insta::assert_snapshot!(told_by(&clinic_sources(), &environment));
}

#[test]
fn an_emergency_key_that_leads_to_a_menu() {
    insta::assert_snapshot!(told("emergency: red_flag", "emergency: main"));
}

#[test]
fn a_hang_up_in_silence() {
    insta::assert_snapshot!(told("hang_up: { play: goodbye }", "hang_up:"));
}

#[test]
fn a_step_nothing_leads_to_and_a_duration_without_a_unit() {
    let wrong = "ring: 20\n";
    insta::assert_snapshot!("no_unit", told("ring: 20s\n", wrong));
    let extra = "  lost:\n    goto: bye\n  bye:\n";
    insta::assert_snapshot!(
        "unreachable",
        told("  shut:\n    play: closed_message\n  bye:\n", &format!("  shut:\n    goto: bye\n{extra}"))
    );
}

#[test]
fn a_flow_nobody_approved_is_refused_in_production() {
    let mut sources = clinic_sources();
    sources[0].text =
        CLINIC.replacen("approved_by: \"Medical director, 2026-11-20\"", "approved_by: \"\"", 1);
    let mut environment = environment();
    environment.is_production = true;
    let told = told_by(&sources, &environment);
    assert!(told.contains("flow/not-approved"), "{told}");
}

#[test]
fn a_menu_before_the_911_notice() {
    insta::assert_snapshot!(told("prompts: [dial_911_notice, welcome]", "prompts: welcome"));
}

#[test]
fn private_digits_in_a_skill() {
    insta::assert_snapshot!(told("lang:${language}", "born:${dob}"));
}

#[test]
fn a_queue_that_leads_back_to_itself() {
    insta::assert_snapshot!(told("on_empty: shut", "on_empty: reception"));
}

#[test]
fn everything_wrong_is_found_at_once() {
    let mut sources = clinic_sources();
    sources[0].text = CLINIC
        .replacen("calendar: clinic", "calender: clinic", 1)
        .replacen("name: nurses", "name: nurse", 1)
        .replacen("choose_language", "chose_language", 1)
        .replacen("urgency: urgent", "urgency: urgnt", 1)
        .replacen("number: pharmacy", "number: farmacy", 1);
    insta::assert_snapshot!(told_by(&sources, &environment()));
}

#[test]
fn flows_that_answer_the_same_number_or_call_each_other_are_told_apart() {
    let mut sources = clinic_sources();
    sources.push(source("clinic-two.yaml", &CLINIC.replacen("flow: clinic", "flow: clinic-two", 1)));
    let told = told_by(&sources, &environment());
    assert!(told.contains("two flows answer +15550100100"), "{told}");

    let mut sources = clinic_sources();
    sources[1].text.push_str("  again:\n    call: health-library\n");
    let told = told_by(&sources, &environment());
    assert!(told.contains("flow `health-library` calls itself"), "{told}");

    let mut sources = clinic_sources();
    sources[1].text = sources[1].text.replace("[en, es]", "[en]");
    let told = told_by(&sources, &environment());
    assert!(told.contains("flow `health-library` does not speak: es"), "{told}");
}

#[test]
fn two_verbs_no_verb_and_anchors_are_refused() {
    for (right, wrong, code) in [
        ("play: closed_message", "play: closed_message\n    wait: 2s", "flow/two-verbs"),
        ("play: closed_message", "next: bye", "flow/unknown-verb"),
        ("wait: band }", "wait: &band band }\n    next: *band", "flow/yaml"),
        ("play: closed_message", "play: !secret closed_message", "flow/yaml"),
        ("play: closed_message", "wait: 10s", "flow/out-of-range"),
        ("play: closed_message", "call: healthlibrary", "flow/unknown-flow"),
        ("kind: zip, ", "", "flow/digits"),
        ("languages: [en, es]", "languages: [en, se]", "flow/unknown-language"),
        ("1: { set: { language: en } }", "1: { set: { language: fr } }", "flow/unknown-language"),
        ("1: { set: { language: en } }", "1: { set: { urgency: urgent } }", "flow/reserved-variable"),
        ("  bye:\n    hang_up: { play: goodbye }\n", "", "flow/unknown-step"),
    ] {
        let told = told(right, wrong);
        assert!(told.contains(code), "{wrong}\n{told}");
    }
}
