//! Somebody on call is looked for: what the caller hears, where she goes on, who is on call when, and mistakes a
//! rota can have.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{
    Action, Caller, Contact, Environment, Event, Interpreter, Library, PageNews, PromptInfo, Source, Urgency,
    compile, prove, run_tests,
};
use primitives::{Now, Private};

const NIGHT: &str = r#"
careline: 1
flow: night
about: "Nights"
approved_by: "Medical director"
answers: ["+15550100100"]
languages: [en]
emergency: on_call
operator: on_call
defaults:
  give_up: on_call
  on_error: advice
promises:
  - { from: on_call, reaches: a_human_or_911_advice, within: 400s, even_if: [nobody_accepts_page, one_trunk_down] }
steps:
  start:
    play: { prompts: dial_911_notice, keys: keep }
  on_call:
    page:
      rota: nurse_on_call
      say_first: on_call_notice
      while_waiting: { play: still_here, every: 15s }
      on_exhausted: advice
      on_error: advice
  advice:
    emergency: hang_up_and_dial_911
  bye:
    hang_up: goodbye
tests:
  - name: somebody on call accepts
    rotas: { nurse_on_call: accepts }
    expect: { hears: [on_call_notice], reaches: page nurse_on_call, before: 10s, never: [hang_up] }
  - name: nobody accepts
    expect: { hears: [on_call_notice, still_here, still_here, hang_up_and_dial_911], reaches: hang_up, never: [a_human] }
"#;

const ROTAS: &str = r#"
careline: 1
rotas:
  nurse_on_call:
    about: "Nurses at night"
    time_zone: America/Chicago
    ring: 20s
    accept: 10s
    rounds: 2
    steps:
      - shifts:
          - { from: "2026-12-24 18:00", to: "2026-12-25 08:00", call: number lee }
          - { weekly: { saturday: "22:00-06:00" }, call: [agent anna, number lee] }
          - { calendar: clinic, call: agent day }
        otherwise: agent anna
      - call: number boss
"#;

const CALENDARS: &str = r#"
careline: 1
calendars:
  clinic:
    time_zone: America/Chicago
    weekly: { monday-friday: "08:00-17:00" }
"#;

fn environment() -> Environment {
    let names = [
        ("dial_911_notice", 3),
        ("on_call_notice", 4),
        ("still_here", 3),
        ("hang_up_and_dial_911", 8),
        ("goodbye", 2),
        ("hold_music", 30),
        ("page_accept", 4),
    ];
    let info = |secs| PromptInfo { duration: Duration::from_secs(secs), checksum: [0; 32] };
    let prompts: BTreeMap<_, _> = names.map(|(name, secs)| (name.to_owned(), info(secs))).into();
    Environment {
        numbers: ["lee", "boss"].map(str::to_owned).into(),
        prompts: [("en".to_owned(), prompts)].into(),
        ..Environment::default()
    }
}

fn sources(flow: &str, rotas: &str) -> Vec<Source> {
    [("night.yaml", flow), ("rotas.yaml", rotas), ("calendars.yaml", CALENDARS)]
        .map(|(path, text)| Source { path: path.to_owned(), text: text.to_owned() })
        .into()
}

fn library() -> Arc<Library> {
    let compiled = compile(&sources(NIGHT, ROTAS), &environment());
    assert_eq!(compiled.findings.iter().map(|it| it.render(None)).collect::<Vec<_>>(), Vec::<String>::new());
    compiled.library.unwrap()
}

/// Every rule and code that objects.
fn objections(flow: &str, rotas: &str) -> BTreeSet<String> {
    let environment = environment();
    let compiled = compile(&sources(flow, rotas), &environment);
    let mut found: BTreeSet<String> = compiled.findings.iter().map(|it| it.code.to_owned()).collect();
    if let Some(library) = compiled.library {
        let proofs = prove(&library, &environment, Instant::now());
        found.extend(proofs.iter().filter(|proof| !proof.holds).map(|proof| proof.rule.to_owned()));
    }
    found
}

/// A caller who is being looked for somebody for, and what the flow did last.
fn paging() -> (Interpreter, Now, Vec<Action>) {
    let library = library();
    let flow = library.answering("+15550100100").unwrap().clone();
    let mut caller = Interpreter::new(library, flow, Caller::default());
    let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let mut out = Vec::new();
    caller.handle(now, Event::CallStarted, &mut out);
    out.clear();
    caller.handle(now, Event::PlayFinished, &mut out);
    (caller, now, out)
}

fn heard(actions: &[Action]) -> Vec<&str> {
    let plays = actions.iter().filter_map(|action| match action {
        Action::Play(play) => play.prompts.first().map(|prompt| &*prompt.name),
        _ => None,
    });
    plays.collect()
}

#[test]
fn while_somebody_is_looked_for_words_interrupt_the_music() {
    let (mut caller, now, mut out) = paging();
    assert!(
        out.iter().any(|action| matches!(action, Action::Page { rota, .. } if &**rota == "nurse_on_call"))
    );
    assert_eq!(heard(&out), ["on_call_notice"]);
    out.clear();
    caller.handle(now, Event::PlayFinished, &mut out);
    assert_eq!(heard(&out), ["hold_music"]);
    let due = caller.poll_timeout().unwrap();
    assert_eq!(due - now.mono, Duration::from_secs(15));
    out.clear();
    caller.handle(Now { mono: due, ..now }, Event::Timeout, &mut out);
    assert_eq!(heard(&out), ["still_here"]);
}

#[test]
fn who_is_emergent_already_stays_with_the_search_when_she_presses_9() {
    let (mut caller, now, mut out) = paging();
    out.clear();
    caller.handle(now, Event::Digit(Private::new('9')), &mut out);
    assert!(out.contains(&Action::CancelPage), "the way of an emergent caller begins anew");
    assert!(out.iter().any(|action| matches!(action, Action::Page { .. })));
    assert_eq!(caller.urgency(), Urgency::Emergent);
    out.clear();
    let later = Now { mono: now.mono + Duration::from_secs(5), ..now };
    caller.handle(later, Event::Digit(Private::new('9')), &mut out);
    assert!(!out.contains(&Action::CancelPage));
}

#[test]
fn the_911_advice_is_heard_to_its_end_unless_somebody_accepts() {
    let dials_911 = |caller: &mut Interpreter, now, out: &mut Vec<Action>| {
        caller.handle(now, Event::Digit(Private::new('9')), out);
        for key in ['1', '1'] {
            caller.handle(now, Event::Digit(Private::new(key)), out);
        }
        out.clear();
    };
    let (mut caller, now, mut out) = paging();
    dials_911(&mut caller, now, &mut out);
    assert_eq!(caller.urgency(), Urgency::Emergency);
    caller.handle(now, Event::Page(PageNews::Exhausted), &mut out);
    assert!(out.is_empty(), "nothing interrupts the advice: {out:?}");
    caller.handle(now, Event::PlayFinished, &mut out);
    assert_eq!(caller.position().1, "advice");

    let (mut caller, now, mut out) = paging();
    dials_911(&mut caller, now, &mut out);
    caller.handle(now, Event::Page(PageNews::Accepted), &mut out);
    assert_eq!(out, [Action::Stop]);
    out.clear();
    caller.handle(now, Event::Page(PageNews::Ended), &mut out);
    assert_eq!(heard(&out), ["goodbye"]);
}

#[test]
fn who_is_on_call_is_said_by_the_first_shift_that_is_on() {
    let library = library();
    let on_call = |utc: &str| -> Vec<String> {
        let ladder = library.on_call("nurse_on_call", utc.parse().unwrap()).unwrap();
        let name = |(step, contact): &(usize, Contact)| format!("{step} {}", contact.name());
        ladder.contacts.iter().map(name).collect()
    };
    assert_eq!(on_call("2026-12-25T00:00:00Z"), ["1 lee", "2 boss"], "18:00 on Christmas Eve");
    assert_eq!(on_call("2026-12-25T14:00:00Z"), ["1 day", "2 boss"], "08:00 is the first moment after it");
    assert_eq!(on_call("2026-01-11T10:00:00Z"), ["1 anna", "1 lee", "2 boss"], "the night of Saturday");
    assert_eq!(on_call("2026-01-12T02:00:00Z"), ["1 anna", "2 boss"], "Sunday evening");
    assert!(library.on_call("nobody", jiff::Timestamp::UNIX_EPOCH).is_none());
}

#[test]
fn a_flow_that_looks_for_somebody_on_call_is_proved_and_its_tests_pass() {
    assert_eq!(objections(NIGHT, ROTAS), BTreeSet::new());
    let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let failed: Vec<String> = run_tests(&library(), &environment(), now)
        .iter()
        .filter(|test| !test.has_passed())
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn each_mistake_put_into_a_page_or_a_rota_is_found() {
    let flow = [
        ("on_exhausted: advice", "on_exhausted: bye", "S11"),
        ("on_error: advice\n  advice", "on_error: bye\n  advice", "S11"),
        ("      on_exhausted: advice\n", "", "flow/missing-key"),
        ("      while_waiting: { play: still_here, every: 15s }\n", "", "flow/missing-key"),
        ("on_exhausted: advice", "on_exhausted: on_call", "flow/loop"),
        ("rota: nurse_on_call", "rota: nurse_oncall", "flow/unknown-rota"),
        ("within: 400s", "within: 60s", "promise"),
    ];
    for (from, to, code) in flow {
        assert!(NIGHT.contains(from), "{from}");
        let found = objections(&NIGHT.replacen(from, to, 1), ROTAS);
        assert!(found.contains(code), "{to}: expected {code}, found {found:?}");
    }
    let rotas = [
        ("rounds: 2", "rounds: 99", "flow/out-of-range"),
        ("    rounds: 2\n", "", "flow/missing-key"),
        ("ring: 20s", "ring: 10m", "flow/out-of-range"),
        ("number boss", "number bos", "flow/unknown-number"),
        (
            "      - call: number boss\n",
            "      - { call: number boss, otherwise: number lee }\n",
            "flow/rota-step",
        ),
        ("to: \"2026-12-25 08:00\"", "to: \"2026-12-23 08:00\"", "flow/rota-shift"),
        ("        otherwise: agent anna\n      - call: number boss\n", "", "flow/rota-gap"),
        ("calendar: clinic", "calendar: clinc", "flow/unknown-calendar"),
    ];
    for (from, to, code) in rotas {
        assert!(ROTAS.contains(from), "{from}");
        let found = objections(NIGHT, &ROTAS.replacen(from, to, 1));
        assert!(found.contains(code), "{to}: expected {code}, found {found:?}");
    }
}
