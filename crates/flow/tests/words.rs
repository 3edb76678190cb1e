//! What is said of a value, what digits are taken, and what a flow may not ask for.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use flow::{Environment, Library, PromptInfo, compile, prove};
use harness::{Phone, environment, source};

/// The test prompts, and every piece of English and Spanish numbers, dates, times and sums.
fn speaking() -> Environment {
    let mut environment = environment();
    let info = || PromptInfo { duration: Duration::from_millis(500), checksum: [7; 32] };
    for (language, prompts) in &mut environment.prompts {
        let mut add = |name: String| prompts.extend([(name, info())]);
        (0..=30).chain([40, 50, 60, 70, 80, 90]).for_each(|n| add(format!("number_{n}")));
        (1..=12).for_each(|n| add(format!("month_{n}")));
        ('a'..='z').for_each(|letter| add(format!("letter_{letter}")));
        let common = "number_minus number_point time_noon time_midnight money_dollar money_dollars money_cent \
                      money_cents money_and";
        let own = match &**language {
            "en" => {
                (1..=31).for_each(|n| add(format!("day_{n}")));
                "number_hundred number_thousand number_oh time_am time_pm"
            }
            _ => {
                (1..=9).for_each(|n| add(format!("number_{n}00")));
                (1..=12).for_each(|n| add(format!("hour_{n}")));
                "number_1_short number_21_short number_and number_100_and number_1000 day_1 date_of \
                 time_morning time_afternoon time_night"
            }
        };
        common.split_whitespace().chain(own.split_whitespace()).for_each(|name| add(name.to_owned()));
    }
    environment
}

fn flow_of(steps: &str) -> String {
    format!(
        "careline: 1\nflow: desk\nabout: a desk\nanswers: [\"+15550100100\"]\nlanguages: [en, es]\n\
         emergency: person\ndefaults: {{ give_up: person }}\nsteps:\n  start:\n    \
         play: {{ prompts: dial_911_notice, languages: all, keys: keep }}\n{steps}\n  person:\n    queue: \
         {{ name: nurses, on_timeout: advice, on_empty: advice, on_full: advice, on_error: advice, on_closed: advice }}\n    \
         after_call: bye\n  advice:\n    emergency: hang_up_and_dial_911\n    next: person\n  bye:\n    \
         hang_up: goodbye\n"
    )
}

fn compiled(steps: &str) -> Arc<Library> {
    let sources = [source("desk.yaml", &flow_of(steps))];
    let compiled = compile(&sources, &speaking());
    let all: Vec<String> =
        compiled.findings.iter().map(|finding| finding.render(Some(&sources[0].text))).collect();
    compiled.library.unwrap_or_else(|| panic!("{}", all.join("\n")))
}

fn found(steps: &str, environment: &Environment) -> Vec<String> {
    let sources = [source("desk.yaml", &flow_of(steps))];
    let compiled = compile(&sources, environment);
    compiled.findings.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect()
}

/// A caller after the notice.
fn caller(steps: &str) -> Phone {
    let library = compiled(steps);
    let flow = library.answering("+15550100100").unwrap().clone();
    let mut phone = Phone::start(library, flow, "2026-01-07T16:00:00Z");
    phone.happened();
    phone.finish();
    phone
}

/// The last thing she heard.
fn hears(phone: &mut Phone) -> String {
    let plays = |line: &String| line.starts_with("play ");
    phone.happened().into_iter().rfind(plays).unwrap_or_default().replace("play ", "").replace("en/", "")
}

#[test]
fn values_are_said_between_prompts_in_the_language_of_the_caller() {
    let steps = "  set_them:\n    set: { day: \"2026-11-23\", at: \"14:05\", sum: 2150, code: 7F }\n  \
                 tell:\n    say: [welcome, { date: \"${day}\" }, { time: \"${at}\" }, { money: \"${sum}\" }, { letters: \"${code}\" }]\n  \
                 spanish:\n    set: { language: es }\n  again:\n    say: { words: [{ number: 21 }, { money: \"100\" }], keys: ignore }\n";
    let mut phone = caller(steps);
    assert_eq!(
        hears(&mut phone),
        "welcome month_11 day_23 number_20 number_20 number_6 number_2 number_oh number_5 time_pm number_20 \
         number_1 money_dollars money_and number_50 money_cents digit_7 letter_f"
    );
    phone.finish();
    assert_eq!(hears(&mut phone), "es/number_21 es/number_1_short es/money_dollar");
}

#[test]
fn a_value_that_does_not_fit_takes_the_way_of_an_error_and_nobody_hears_a_gap() {
    let steps = "  tell:\n    say: [welcome, { date: \"yesterday\" }]\n    on_error: other\n  lost:\n    \
                 play: welcome\n  other:\n    play: closed_message\n    next: lost\n";
    let mut phone = caller(steps);
    assert_eq!(
        phone.happened(),
        ["enter desk/tell say (next)", "enter desk/other play (on_error)", "play en/closed_message"]
    );
}

#[test]
fn a_piece_that_is_not_recorded_is_an_error_with_its_name() {
    let mut environment = speaking();
    environment.prompts.get_mut("es").unwrap().remove("number_21_short");
    let steps = "  tell:\n    say: [welcome, { number: 7 }]\n";
    assert_eq!(
        found(steps, &environment),
        ["flow/missing-piece recordings are missing in `es`: number_21_short"]
    );
    assert!(found(steps, &speaking()).is_empty());
}

#[test]
fn each_kind_of_entry_is_read_back_as_what_it_means() {
    for (kind, keys, expected) in [
        ("kind: date, order: day_month_year", "23112026", "month_11 day_23 number_20 number_20 number_6"),
        ("kind: time", "0905", "number_9 number_oh number_5 time_am"),
        ("kind: number, range: [0, 300]", "120#", "number_1 number_hundred number_20"),
        ("kind: decimal, range: [90, 110]", "1012", "number_1 number_hundred number_1 number_point number_2"),
        (
            "kind: money, range: [0, 99900]",
            "2150#",
            "number_20 number_1 money_dollars money_and number_50 money_cents",
        ),
        (
            "kind: phone",
            "3125550100",
            "digit_3 digit_1 digit_2 digit_5 digit_5 digit_5 digit_0 digit_1 digit_0 digit_0",
        ),
        ("kind: zip, sensitive: identifier", "60601", "digit_6 digit_0 digit_6 digit_0 digit_1"),
    ] {
        let steps =
            format!("  ask:\n    collect: {{ as: it, play: enter_zip, {kind}, confirm: is_that_right }}\n");
        let mut phone = caller(&steps);
        phone.keys(keys);
        assert_eq!(hears(&mut phone), format!("{expected} is_that_right after 500ms"), "{kind}");
        phone.keys("1");
        assert!(phone.happened().iter().any(|line| line.starts_with("enter desk/person")), "{kind}");
    }
}

#[test]
fn an_impossible_entry_is_asked_again() {
    for (kind, keys) in [
        ("kind: date", "02302026"),
        ("kind: date, order: year_month_day", "20261301"),
        ("kind: time", "2460"),
        ("kind: number, range: [1, 5]", "6"),
        ("kind: phone", "0125550100"),
        ("kind: yes_no", "3"),
    ] {
        let steps = format!("  ask:\n    collect: {{ as: it, play: enter_zip, {kind} }}\n");
        let mut phone = caller(&steps);
        phone.keys(keys);
        assert_eq!(hears(&mut phone), "enter_zip after 500ms", "{kind}");
    }
}

#[test]
fn yes_and_no_is_an_answer_of_one_key_and_nine_stays_the_emergency_key() {
    let steps = "  ask:\n    collect: { as: pain, play: enter_zip, kind: yes_no }\n  which:\n    when:\n      \
                 - { if: pain, go: person }\n      - { else: bye }\n";
    let reaches = |keys: &str| {
        let mut phone = caller(steps);
        phone.keys(keys);
        phone.happened().join("\n")
    };
    assert!(reaches("1").contains("enter desk/person"));
    assert!(reaches("2").contains("enter desk/bye"));
    assert!(reaches("9").contains("tag emergent emergency_key"));
}

#[test]
fn a_confirmation_says_what_is_to_be_confirmed_and_no_leads_elsewhere() {
    let steps = "  set_it:\n    set: { at: \"09:30\" }\n  sure:\n    confirm: { say: [welcome, { time: \"${at}\" }, is_that_right], yes: bye, no: other }\n  \
                 other:\n    play: closed_message\n";
    let mut phone = caller(steps);
    assert_eq!(hears(&mut phone), "welcome number_9 number_30 time_am is_that_right");
    phone.keys("7");
    assert_eq!(hears(&mut phone), "welcome number_9 number_30 time_am is_that_right after 500ms");
    phone.keys("2");
    assert!(phone.happened().contains(&"enter desk/other play (key)".to_owned()));
    let mut phone = caller(steps);
    phone.keys("1");
    assert!(phone.happened().contains(&"enter desk/bye hang_up (key)".to_owned()));
}

#[test]
fn what_cannot_be_asked_for_is_said_before_any_call() {
    for (collect, expected) in [
        ("digits: 16, sensitive: payment", "flow/payment card numbers are not collected by a flow"),
        (
            "kind: number, range: [0, 10], optional: true",
            "flow/optional a number or a yes and no cannot be optional",
        ),
        ("kind: number, range: [10, 1]", "flow/out-of-range this is no range a caller can key in"),
        ("kind: number", "flow/missing-key `collect` needs `range`"),
        ("kind: date, digits: 6", "flow/digits how many digits is not clear"),
        ("digits: 4, terminator: never", "flow/unknown-word `terminator` cannot be `never`"),
    ] {
        let steps = format!("  ask:\n    collect: {{ as: it, play: enter_zip, {collect} }}\n");
        let found = found(&steps, &speaking());
        assert!(found.iter().any(|finding| finding == expected), "{collect}: {found:?}");
    }
}

#[test]
fn a_proof_counts_the_longest_value_and_follows_one_that_does_not_fit() {
    let steps = "  ask:\n    collect: { as: it, play: enter_zip, min: 1, max: 12, kind: digits }\n  tell:\n    \
                 say: [{ digits: \"${it}\" }]\n    on_error: misfit\n    next: person\n  misfit:\n    play: closed_message\n";
    let text = flow_of(steps).replace(
        "steps:\n",
        "promises:\n  - { from: tell, reaches: queue nurses, within: 39s }\n  - { from: tell, reaches: queue nurses, within: 41s }\nsteps:\n",
    );
    let environment = speaking();
    let library = compile(&[source("desk.yaml", &text)], &environment).library.unwrap();
    let proofs = prove(&library, &environment, std::time::Instant::now());
    let promises: Vec<bool> =
        proofs.iter().filter(|proof| proof.rule == "promise").map(|proof| proof.holds).collect();
    assert_eq!(promises, [false, true], "twenty digits of two seconds");
    let broken: Vec<&str> = proofs
        .iter()
        .filter(|proof| !proof.holds && proof.rule != "promise")
        .map(|proof| proof.rule)
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}
