//! `http`: another system is asked, its callers go on whatever becomes of it, and nothing private stands in an address.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{
    Action, Caller, EndpointInfo, Environment, Event, Inquiry, InquiryNews, InquirySource, Interpreter,
    Library, PromptInfo, QueueInfo, Source, Type, Value, Wanted, compile, prove, run_tests,
};
use primitives::{Now, Private};
use proptest::prelude::*;

const DESK: &str = r#"
careline: 1
flow: desk
about: "Answers for many practices"
answers: ["+15550100100"]
languages: [en]
emergency: nurses
operator: nurses
defaults:
  give_up: nurses
  on_error: nurses
promises:
  - { from: whose_line, reaches: queue nurses, within: 4s, even_if: [http_down] }
steps:
  start:
    play: { prompts: dial_911_notice, keys: keep }
  whose_line:
    http:
      endpoint: directory
      send: { line: "${caller.number}", night: true }
      take:
        /practice/extension: { as: extension, type: number }
        /practice/note: { as: note, type: text, optional: true }
        /urgent: { as: is_urgent, type: true_false, private: false }
      play: one_moment
      within: 3s
      failed: nurses
      timeout: sorry_first
  sorted:
    when:
      - { if: "is_urgent && extension > 100", go: { tag: { urgency: urgent, reason: practice }, go: nurses } }
      - { else: nurses }
  sorry_first:
    play: still_here
  nurses:
    queue: { name: nurses, on_timeout: sorry, on_empty: sorry, on_full: sorry, on_error: sorry, on_closed: sorry }
  sorry:
    emergency: hang_up_and_dial_911
  bye:
    hang_up: goodbye
tests:
  - name: a practice that is known
    endpoints: { directory: { /practice/extension: 201, /urgent: true } }
    agents: { nurses: 1 }
    expect: { reaches: queue nurses, before: 4s, urgency: urgent, reason: practice, never: [hears one_moment] }
  - name: an endpoint that fails
    endpoints: { directory: failed }
    agents: { nurses: 1 }
    expect: { reaches: queue nurses, urgency: routine, never: [step sorry_first] }
  - name: an endpoint that does not answer
    endpoints: { directory: timeout }
    agents: { nurses: 1 }
    expect: { hears: [dial_911_notice, one_moment, still_here], reaches: queue nurses, before: 10s }
"#;

fn environment() -> Environment {
    let names =
        ["dial_911_notice", "one_moment", "hang_up_and_dial_911", "goodbye", "hold_music", "still_here"];
    let info = PromptInfo { duration: Duration::from_secs(3), checksum: [0; 32] };
    let prompts: BTreeMap<_, _> = names.map(|name| (name.to_owned(), info.clone())).into();
    Environment {
        queues: [("nurses".to_owned(), QueueInfo::default())].into(),
        endpoints: [("directory", true), ("opening_times", false)]
            .map(|(name, takes_body)| (name.to_owned(), EndpointInfo { takes_body }))
            .into(),
        prompts: [("en".to_owned(), prompts)].into(),
        ..Environment::default()
    }
}

/// What the terminal shows of the desk with one text replaced.
fn told(right: &str, wrong: &str) -> String {
    assert!(DESK.contains(right), "{right}");
    let source = Source { path: "desk.yaml".to_owned(), text: DESK.replacen(right, wrong, 1) };
    let findings = compile(std::slice::from_ref(&source), &environment()).findings;
    findings.iter().map(|finding| finding.render(Some(&source.text))).collect::<Vec<_>>().join("\n\n")
}

fn library() -> Arc<Library> {
    let source = Source { path: "desk.yaml".to_owned(), text: DESK.to_owned() };
    let compiled = compile(&[source], &environment());
    assert_eq!(compiled.findings.iter().map(|it| it.render(None)).collect::<Vec<_>>(), Vec::<String>::new());
    compiled.library.unwrap()
}

fn now() -> Now {
    Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH }
}

#[test]
fn the_tests_of_a_flow_say_what_an_endpoint_answers() {
    let results = run_tests(&library(), &environment(), now());
    let failed: Vec<String> =
        results.iter().filter(|test| !test.has_passed()).map(ToString::to_string).collect();
    assert!(failed.is_empty() && results.len() == 3, "{}", failed.join("\n"));
}

#[test]
fn an_endpoint_that_is_down_breaks_no_rule_and_a_promise_it_breaks_is_told() {
    let failing = |library: &Arc<Library>| -> Vec<String> {
        let proofs = prove(library, &environment(), Instant::now());
        proofs
            .iter()
            .filter(|proof| !proof.holds)
            .map(|proof| format!("{} {}", proof.rule, proof.claim))
            .collect()
    };
    // 3 s of waiting, and 3 s of `still_here`.
    let broken = failing(&library());
    assert!(broken.len() == 1 && broken[0].starts_with("promise"), "{broken:?}");
    let source = Source { path: "desk.yaml".to_owned(), text: DESK.replacen("within: 4s", "within: 7s", 1) };
    let kept = compile(&[source], &environment()).library.unwrap();
    assert_eq!(failing(&kept), Vec::<String>::new());
    let source =
        Source { path: "desk.yaml".to_owned(), text: DESK.replacen(", even_if: [http_down]", "", 1) };
    let up = compile(&[source], &environment()).library.unwrap();
    assert_eq!(failing(&up), Vec::<String>::new(), "it is not counted where it is not declared");
}

#[test]
fn a_private_value_in_an_address_is_found() {
    insta::assert_snapshot!(told(
        "send: { line: \"${caller.number}\", night: true }",
        "query: { line: \"${caller.number}\" }"
    ));
}

#[test]
fn an_endpoint_that_is_misspelt_and_a_part_without_a_slash_are_shown() {
    insta::assert_snapshot!("endpoint_misspelt", told("endpoint: directory", "endpoint: directry"));
    insta::assert_snapshot!("no_pointer", told("/urgent: {", "urgent: {"));
}

#[test]
fn what_get_would_not_send_and_exits_that_lack_are_found() {
    let told_get = told("endpoint: directory", "endpoint: opening_times");
    assert!(told_get.contains("flow/no-body"), "{told_get}");
    let told_exit = told("      timeout: sorry_first\n", "");
    assert!(told_exit.contains("`http` needs `timeout`"), "{told_exit}");
    let told_log = told("    play: still_here", "    say: { words: [{ digits: \"${extensoin}\" }] }");
    assert!(told_log.contains("flow/condition"), "{told_log}");
}

#[test]
fn what_is_taken_is_private_unless_the_flow_says_that_it_is_not() {
    let skill = |name: &str| {
        told("name: nurses, on_timeout", &format!("name: nurses, skills: [\"x:${{{name}}}\"], on_timeout"))
    };
    assert!(skill("note").contains("private"), "{}", skill("note"));
    let open = told(
        "/practice/note: { as: note, type: text, optional: true }",
        "/practice/note: { as: note, type: text, private: false }",
    );
    assert_eq!(open, "");
}

#[test]
fn a_caller_hears_that_it_goes_on_and_then_goes_on_in_time() {
    let library = library();
    let flow = library.answering("+15550100100").unwrap().clone();
    let mut caller = Interpreter::new(library, flow, Caller::default());
    let mut now = now();
    let mut out = Vec::new();
    caller.handle(now, Event::CallStarted, &mut out);
    out.clear();
    caller.handle(now, Event::PlayFinished, &mut out);
    let asked = out.iter().find_map(|action| match action {
        Action::Inquire(inquiry) => Some(inquiry.clone()),
        _ => None,
    });
    let asked = asked.unwrap();
    assert_eq!(asked.source, InquirySource::Endpoint("directory".into()));
    assert!(asked.query.is_empty() && asked.given.len() == 2);
    let begun = now.mono;
    let mut heard = Vec::new();
    for _ in 0..20 {
        let Some(due) = caller.poll_timeout() else { break };
        now.mono = due;
        out.clear();
        caller.handle(now, Event::Timeout, &mut out);
        heard.push((due - begun, out.iter().any(|action| matches!(action, Action::Play(_)))));
        if out.iter().any(|action| matches!(action, Action::CancelInquiry { timed_out: true })) {
            break;
        }
    }
    // Words after 0.7 s; after 3 s nothing more is waited for, and the prompt of the exit plays.
    assert_eq!(heard, [(Duration::from_millis(700), true), (Duration::from_secs(3), true)]);
    // An answer that comes now is nobody's.
    out.clear();
    caller.handle(now, Event::Inquiry { number: asked.number, news: InquiryNews::Failed }, &mut out);
    assert_eq!(out, []);
}

fn wanted(from: &str, of: Type, is_optional: bool) -> Wanted {
    Wanted { from: from.into(), of, is_optional }
}

fn inquiry(wanted: Vec<Wanted>) -> Inquiry {
    let source = InquirySource::Endpoint("directory".into());
    Inquiry {
        number: 1,
        source,
        given: Vec::new(),
        query: Vec::new(),
        wanted,
        within: Duration::from_secs(3),
    }
}

#[test]
fn an_answer_is_read_as_a_whole_or_not_at_all() {
    let asked = inquiry(vec![wanted("/a/0/b", Type::Number, false), wanted("/t", Type::Text, true)]);
    let read = |json: &str| asked.read(&serde_json::from_str(json).unwrap());
    let found = |number: i64, text: &str| {
        Some(InquiryNews::Found(vec![
            ("/a/0/b".into(), Private::new(Value::Number(number))),
            ("/t".into(), Private::new(Value::Text(text.into()))),
        ]))
    };
    assert_eq!(read(r#"{"a":[{"b":7}],"t":"x"}"#), found(7, "x"));
    assert_eq!(read(r#"{"a":[{"b":7}]}"#), found(7, ""));
    assert_eq!(read(r#"{"a":[{"b":7}],"t":null}"#), found(7, ""));
    for wrong in
        [r#"{"a":[{"b":"7"}]}"#, r#"{"a":[{"b":7.5}]}"#, r#"{"a":[]}"#, "[]", r#"{"a":[{"b":7}],"t":1}"#]
    {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_a_reader_panic(json in "[\\[\\]{}\",:a-c0-9. ]{0,60}", pointer in "[/~a-c0-9]{0,12}") {
        let asked = inquiry(vec![wanted(&pointer, Type::Text, true)]);
        let read = serde_json::from_str(&json).ok().and_then(|json| asked.read(&json));
        if let Some(InquiryNews::Found(values)) = read {
            prop_assert_eq!(values.len(), 1);
        }
    }
}
