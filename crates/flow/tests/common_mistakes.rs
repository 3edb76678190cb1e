//! More of what people who write flows get wrong; see `mistakes.rs`. One mistake each, in a flow that has none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod harness;

use flow::compile;
use harness::{CLINIC, clinic_sources, environment};

/// What is printed of the clinic with one text replaced.
fn told(file: usize, right: &str, wrong: &str) -> String {
    let mut sources = clinic_sources();
    assert!(sources[file].text.contains(right), "{right}");
    sources[file].text = sources[file].text.replacen(right, wrong, 1);
    let compiled = compile(&sources, &environment());
    let shown = compiled.findings.iter().map(|finding| {
        let text = sources.iter().find(|source| source.path == finding.path);
        finding.render(text.map(|source| &*source.text))
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

macro_rules! mistakes {
    ($($name:ident: $file:literal, $right:literal => $wrong:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(told($file, $right, $wrong));
        }
    )*};
}

mistakes! {
    an_exit_that_is_misspelt: 0, "on_empty: shut" => "on_emtpy: shut";
    an_urgency_that_is_misspelt: 0, "urgency: urgent" => "urgency: urgnt";
    a_wait_too_short_for_a_caller: 0, "input: { wait: 7s" => "input: { wait: 2s";
    a_question_asked_too_often: 0, "tries: 2" => "tries: 20";
    a_language_nobody_recorded: 0, "languages: [en, es]" => "languages: [en, se]";
    a_language_the_flow_does_not_speak: 0, "2: { set: { language: es } }" => "2: { set: { language: fr } }";
    a_sub_flow_that_is_misspelt: 0, "call: health-library" => "call: health_library";
    a_number_to_transfer_to_that_is_misspelt: 0, "number: pharmacy" => "number: farmacy";
    two_verbs_in_one_step: 0, "play: closed_message" => "play: closed_message\n    hang_up: goodbye";
    a_step_without_a_verb: 0, "play: closed_message" => "next: bye";
    a_key_that_leads_nowhere: 0, "\"4\": prescriptions" => "\"4\": {}";
    a_key_that_stands_for_nothing: 0, "\"4\": prescriptions" => "\"44\": prescriptions";
    a_list_where_a_step_belongs: 0, "\"4\": prescriptions" => "\"4\": [prescriptions]";
    a_missing_colon: 0, "  shut:\n" => "  shut\n";
    a_quote_that_does_not_end: 0, "about: \"24/7 advice line, owned by Clinical Ops\"" => "about: \"24/7 advice line, owned by Clinical Ops";
    a_bracket_that_does_not_end: 0, "languages: [en, es]" => "languages: [en, es";
    a_brace_that_does_not_end: 0, "hang_up: { play: goodbye }" => "hang_up: { play: goodbye";
    a_line_moved_one_space: 0, "    play: closed_message" => "   play: closed_message\n    next: bye";
    an_anchor: 0, "wait: band }" => "wait: &band band }\n    next: *band";
    a_condition_without_a_comparison: 0, "dob != \"\" && caller.known" => "dob";
    a_condition_with_one_equals_sign: 0, "dob != \"\" && caller.known" => "dob = \"\"";
    a_condition_with_and_in_words: 0, "dob != \"\" && caller.known" => "dob != \"\" and caller.known";
    a_condition_that_compares_text_with_a_number: 0, "dob != \"\" && caller.known" => "dob > 3";
    an_else_that_is_not_last: 0, "      - { if: 'dob != \"\" && caller.known', go: nurses }\n      - else: zip" => "      - else: zip\n      - { if: 'dob != \"\" && caller.known', go: nurses }";
    urgency_by_set: 0, "2: { set: { language: es } }" => "2: { set: { urgency: urgent } }";
    digits_without_a_number_of_them: 0, "kind: zip, " => "";
    no_operator_and_no_give_up: 0, "  give_up: nurses\n" => "";
    no_emergency: 0, "emergency: red_flag\n" => "";
    a_version_of_the_language_nobody_knows: 0, "careline: 1" => "careline: 2";
    a_flow_with_a_space_in_its_name: 0, "flow: clinic" => "flow: the clinic";
    a_capital_in_the_name_of_a_step: 0, "  shut:\n" => "  Shut:\n";
    an_announcement_every_second: 0, "every: 60s" => "every: 1s";
    an_announcement_of_nothing: 0, "announce: { every: 60s, play: still_here, wait: band }" => "announce: { every: 60s }";
    a_prompt_nobody_recorded: 0, "play: closed_message" => "play: we_are_closed";
    no_prompt_at_all: 0, "play: closed_message" => "play:";
    a_calendar_that_is_misspelt: 0, "calendar: clinic" => "calendar: clinc";
    hours_in_the_american_way: 2, "\"08:00-17:00\"" => "\"8am-5pm\"";
    a_day_that_is_misspelt: 2, "monday" => "moonday";
    a_time_zone_by_its_letters: 2, "America/Chicago" => "CST6";
    a_date_in_the_american_way: 2, "\"2026-11-26\"" => "\"11/26/2026\"";
}

#[test]
fn a_test_of_a_step_that_does_not_exist() {
    let tests = "  - name: x\n    script: [{ at: mian, key: 1 }]\n    expect: { reaches: queue nurse }\n";
    let end = CLINIC.len();
    let mut sources = clinic_sources();
    sources[0].text.insert_str(end, tests);
    let compiled = compile(&sources, &environment());
    let text = sources[0].text.clone();
    let shown: Vec<String> = compiled.findings.iter().map(|finding| finding.render(Some(&text))).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}
