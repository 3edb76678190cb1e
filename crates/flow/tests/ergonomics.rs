//! What callers can bear of menus, what their prompts say of keys, and what calendars say of the days to come.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod harness;

use std::time::Duration;

use flow::{Environment, Source, compile};
use harness::{CALENDARS, CLINIC, clinic_sources, environment, source};

const NOW: &str = "2026-11-20T12:00:00Z";

/// Everything said about files, as printed.
fn told_by(sources: &[Source], environment: &Environment) -> String {
    let shown = compile(sources, environment).findings.into_iter().map(|finding| {
        let text = sources.iter().find(|source| source.path == finding.path);
        finding.render(text.map(|source| &*source.text))
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

/// The clinic with one text replaced.
fn told(right: &str, wrong: &str) -> String {
    assert!(CLINIC.contains(right), "{right}");
    let mut sources = clinic_sources();
    sources[0].text = CLINIC.replacen(right, wrong, 1);
    told_by(&sources, &environment())
}

/// The clinic, where the main menu says this in English and in Spanish.
fn told_of_words(english: &str, spanish: &str) -> String {
    let mut environment = environment();
    let says = |text: &str| ["main_menu", "main_menu_short"].map(|name| (name.to_owned(), text.to_owned()));
    let texts = [("en", english), ("es", spanish)];
    environment.texts = texts.map(|(language, text)| (language.to_owned(), says(text).into())).into();
    told_by(&clinic_sources(), &environment)
}

/// The calendars with one text replaced, asked on a day.
fn told_of_days(right: &str, wrong: &str, now: &str) -> String {
    assert!(CALENDARS.contains(right), "{right}");
    let environment = Environment { now: Some(now.parse().unwrap()), ..environment() };
    let mut sources = clinic_sources();
    sources[2].text = CALENDARS.replacen(right, wrong, 1);
    told_by(&sources, &environment)
}

const ENGLISH: &str = "In danger, press 1. Symptoms, press 2. Information, press 3. Medicines, press 4.";
const SPANISH: &str = "En peligro, oprima 1. Síntomas, 2. Información, 3. Medicinas, 4.";

#[test]
fn five_choices_are_a_warning_and_six_an_error() {
    let five = "\"4\": prescriptions\n      \"5\": shut";
    insta::assert_snapshot!(told("\"4\": prescriptions", five));
    let six = format!("{five}\n      \"6\": shut");
    insta::assert_snapshot!(told("\"4\": prescriptions", &six));
}

#[test]
fn choices_with_a_gap_between_their_keys() {
    insta::assert_snapshot!(told("\"4\": prescriptions", "\"5\": prescriptions"));
}

#[test]
fn a_question_asked_only_once() {
    insta::assert_snapshot!(told("confirm: is_that_right, tries: 2", "confirm: is_that_right, tries: 1"));
}

#[test]
fn a_long_question_heard_again_in_full() {
    let mut environment = environment();
    for prompts in environment.prompts.values_mut() {
        prompts.get_mut("choose_language").unwrap().duration = Duration::from_secs(7);
        prompts.get_mut("main_menu_short").unwrap().duration = Duration::from_secs(3);
    }
    insta::assert_snapshot!(told_by(&clinic_sources(), &environment));
}

#[test]
fn silence_that_ends_the_call() {
    insta::assert_snapshot!(told("\"4\": prescriptions", "\"4\": prescriptions\n      give_up: shut"));
}

#[test]
fn a_person_three_menus_away_is_a_warning_and_four_an_error() {
    let menus = |number: usize| {
        let menu =
            |at: usize| format!("  ask_{at}:\n    menu:\n      play: main_menu\n      1: ask_{}\n", at + 1);
        let menus: String = (1..=number).map(menu).collect();
        let text = format!(
            "careline: 1\nflow: deep\nabout: \"a test\"\nanswers: [\"8001\"]\nlanguages: [en]\nemergency: ask_{end}\n\
             defaults: {{ give_up: ask_{end} }}\nsteps:\n  start:\n    play: dial_911_notice\n{menus}  ask_{end}:\n    \
             queue: {{ name: nurses, on_timeout: bye, on_empty: bye, on_full: bye, on_error: bye, on_closed: bye }}\n  \
             bye:\n    hang_up: goodbye\n",
            end = number + 1
        );
        told_by(&[source("deep.yaml", &text)], &environment())
    };
    assert_eq!(menus(2), "");
    insta::assert_snapshot!(menus(3));
    insta::assert_snapshot!(menus(4));
}

#[test]
fn an_announcement_too_far_apart() {
    insta::assert_snapshot!(told("every: 60s", "every: 2m"));
}

#[test]
fn words_that_name_the_keys_of_a_menu_are_not_objected_to() {
    assert_eq!(told_of_words(ENGLISH, SPANISH), "");
    let with_engine_keys =
        "For the operator, press 0. If you feel worse, press 9. To hear this again, press star.";
    assert_eq!(told_of_words(&format!("{ENGLISH} {with_engine_keys}"), SPANISH), "");
}

#[test]
fn a_prompt_that_says_a_key_the_menu_does_not_have() {
    insta::assert_snapshot!(told_of_words(ENGLISH, &format!("{SPANISH} Para citas, presione cinco.")));
}

#[test]
fn a_key_one_language_never_hears_of() {
    insta::assert_snapshot!(told_of_words(ENGLISH, SPANISH.strip_suffix(" Medicinas, 4.").unwrap()));
}

#[test]
fn keys_out_of_order_and_before_their_choice() {
    let english = "Press 2 for symptoms, 1 for an emergency, 3 for information, or 4 for medicines.";
    insta::assert_snapshot!(told_of_words(english, SPANISH));
}

#[test]
fn words_nobody_wrote_down_are_not_guessed_at() {
    assert_eq!(told_of_words(ENGLISH, ""), "");
}

#[test]
fn a_zero_in_front_and_a_plain_yes() {
    let wrong = "tag: { urgency: urgent, reason: symptoms }\n    set: { zone: 0712, back: yes }\n  dob:";
    insta::assert_snapshot!(told("tag: { urgency: urgent, reason: symptoms }", wrong));
    insta::assert_snapshot!(told("optional: true", "optional: yes"));
}

#[test]
fn hours_that_begin_in_the_hour_that_is_skipped() {
    insta::assert_snapshot!(told_of_days("sunday: closed", "sunday: \"02:30-10:00\"", NOW));
}

#[test]
fn hours_that_end_in_the_hour_that_comes_twice() {
    insta::assert_snapshot!(told_of_days("[\"09:00-12:00\"]", "\"20:00-01:30\"", NOW));
}

#[test]
fn hours_that_lie_beside_the_change_of_clocks_are_not_objected_to() {
    for hours in ["00:00-01:00", "02:00-10:00", "03:00-10:00", "00:00-24:00"] {
        assert_eq!(told_of_days("sunday: closed", &format!("sunday: \"{hours}\""), NOW), "", "{hours}");
    }
}

#[test]
fn a_closure_from_a_time_that_does_not_exist() {
    insta::assert_snapshot!(told_of_days("2026-12-01 17:00", "2027-03-14 02:15", NOW));
}

#[test]
fn a_week_without_an_open_day() {
    let without =
        CALENDARS.split("    weekly:").next().unwrap().to_owned() + "    weekly: { saturday: closed }\n";
    let environment = Environment { now: Some(NOW.parse().unwrap()), ..environment() };
    let mut sources = clinic_sources();
    sources[2].text = without;
    insta::assert_snapshot!(told_by(&sources, &environment));
}

#[test]
fn holidays_that_have_run_out_and_days_long_past() {
    assert_eq!(told_of_days("2026-11-26", "2026-11-26", NOW), "");
    insta::assert_snapshot!(told_of_days("2026-11-26", "2026-11-26", "2028-02-01T12:00:00Z"));
}
