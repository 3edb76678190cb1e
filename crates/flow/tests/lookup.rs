//! Something is looked up in a table: what the caller hears meanwhile, where each answer leads, what becomes of what
//! was found, and mistakes a table can have.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{
    Action, Caller, Diverted, Environment, Event, Inquiry, InquiryNews, Interpreter, Library, PromptInfo,
    QueueInfo, Source, Type, Urgency, Value, Wanted, compile, prove, run_tests,
};
use primitives::{Now, Private};
use proptest::prelude::*;

const DESK: &str = r#"
careline: 1
flow: desk
about: "Answers for many practices"
approved_by: "Medical director"
answers: ["+15550100100"]
languages: [en]
emergency: nurses
operator: nurses
defaults:
  give_up: nurses
  on_error: nurses
promises:
  - { from: whose_line, reaches: queue nurses, within: 4s, even_if: [tables_down] }
steps:
  start:
    play: { prompts: dial_911_notice, keys: keep }
  whose_line:
    lookup:
      table: practices
      keys: { line: "${call.diverted_from}" }
      take: { urgent: is_urgent, extension: extension, mobile: mobile }
      play: one_moment
      within: 3s
      not_found: nurses
      failed: nurses
  sorted:
    when:
      - { if: "is_urgent && extension > 100", go: { tag: { urgency: urgent, reason: practice }, go: nurses } }
      - { else: nurses }
  nurses:
    queue: { name: nurses, on_timeout: sorry, on_empty: sorry, on_full: sorry, on_error: sorry, on_closed: sorry }
  sorry:
    emergency: hang_up_and_dial_911
  bye:
    hang_up: goodbye
tests:
  - name: a practice that is known by its line
    caller: { number: "+15550123456", diverted_from: "+15550100201" }
    agents: { nurses: 1 }
    expect: { reaches: queue nurses, before: 4s, urgency: urgent, reason: practice, never: [hears one_moment] }
  - name: a line nobody knows
    agents: { nurses: 1 }
    expect: { reaches: queue nurses, urgency: routine }
  - name: a row that is not in the table
    tables: { practices: { urgent: true, extension: 101 } }
    agents: { nurses: 1 }
    expect: { urgency: urgent }
  - name: the table does not answer
    tables: { practices: timeout }
    agents: { nurses: 1 }
    expect: { hears: [dial_911_notice, one_moment], reaches: queue nurses, before: 7s, urgency: routine }
"#;

const TABLES: &str = r#"
careline: 1
tables:
  practices:
    about: "Whose line it is"
    file: practices.csv
    key: line
    columns:
      line: text
      extension: number
      urgent: true_false
      mobile: { type: text, private: true }
"#;

const CSV: &str = "line,name,extension,urgent,mobile
+15550100201,\"Oak, Elm & Partners\",201,true,+15550199001
+15550100202,Riverside,202,false,+15550199002
";

fn environment() -> Environment {
    let names =
        ["dial_911_notice", "one_moment", "hang_up_and_dial_911", "goodbye", "hold_music", "still_here"];
    let info = PromptInfo { duration: Duration::from_secs(3), checksum: [0; 32] };
    let prompts: BTreeMap<_, _> = names.map(|name| (name.to_owned(), info.clone())).into();
    Environment {
        queues: [("nurses".to_owned(), QueueInfo::default())].into(),
        prompts: [("en".to_owned(), prompts)].into(),
        ..Environment::default()
    }
}

fn sources(flow: &str, tables: &str, csv: &str) -> Vec<Source> {
    [("x/desk.yaml", flow), ("x/tables.yaml", tables), ("x/practices.csv", csv)]
        .map(|(path, text)| Source { path: path.to_owned(), text: text.to_owned() })
        .into()
}

fn library_of(csv: &str) -> Arc<Library> {
    let compiled = compile(&sources(DESK, TABLES, csv), &environment());
    assert_eq!(compiled.findings.iter().map(|it| it.render(None)).collect::<Vec<_>>(), Vec::<String>::new());
    compiled.library.unwrap()
}

/// Everything said of files, as the terminal shows it.
fn told(flow: &str, tables: &str, csv: &str) -> String {
    let sources = sources(flow, tables, csv);
    let compiled = compile(&sources, &environment());
    let shown = compiled.findings.iter().map(|finding| {
        let yaml = sources.iter().find(|it| it.path == finding.path && it.path.ends_with(".yaml"));
        finding.render(yaml.map(|source| &*source.text))
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

/// Every rule and code that objects.
fn objections(flow: &str, tables: &str, csv: &str) -> BTreeSet<String> {
    let environment = environment();
    let compiled = compile(&sources(flow, tables, csv), &environment);
    let mut found: BTreeSet<String> = compiled.findings.iter().map(|it| it.code.to_owned()).collect();
    if let Some(library) = compiled.library {
        let proofs = prove(&library, &environment, Instant::now());
        found.extend(proofs.iter().filter(|proof| !proof.holds).map(|proof| proof.rule.to_owned()));
    }
    found
}

/// A caller for whom something is being looked up.
struct Asking {
    caller: Interpreter,
    now: Now,
    out: Vec<Action>,
}

impl Asking {
    fn begin() -> Self {
        let library = library_of(CSV);
        let flow = library.answering("+15550100100").unwrap().clone();
        let line = Private::new("+15550100201".to_owned());
        let diverted = Diverted { from: line.clone(), reason: "busy", first_from: line, count: 1 };
        let caller = Caller { diverted: Some(diverted), ..Caller::default() };
        let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
        let mut asking = Self { caller: Interpreter::new(library, flow, caller), now, out: Vec::new() };
        asking.event(Event::CallStarted);
        asking.event(Event::PlayFinished);
        asking
    }

    fn event(&mut self, event: Event) {
        self.out.clear();
        self.caller.handle(self.now, event, &mut self.out);
    }

    fn inquiry(&self) -> Inquiry {
        let asked = self.out.iter().find_map(|action| match action {
            Action::Inquire(inquiry) => Some(inquiry.clone()),
            _ => None,
        });
        asked.unwrap()
    }

    fn until_due(&mut self) -> Duration {
        let due = self.caller.poll_timeout().unwrap();
        let waited = due - self.now.mono;
        self.now.mono = due;
        self.event(Event::Timeout);
        waited
    }

    fn heard(&self) -> Vec<&str> {
        let plays = self.out.iter().filter_map(|action| match action {
            Action::Play(play) => play.prompts.first().map(|prompt| &*prompt.name),
            _ => None,
        });
        plays.collect()
    }
}

#[test]
fn a_caller_hears_that_it_takes_a_moment_only_where_it_does() {
    let mut asking = Asking::begin();
    assert_eq!(asking.caller.position().1, "whose_line");
    assert_eq!(asking.heard(), [""; 0]);
    assert_eq!(asking.until_due(), Duration::from_millis(700));
    assert_eq!(asking.heard(), ["one_moment"]);
    asking.event(Event::PlayFinished);
    assert_eq!(asking.heard(), ["hold_music"]);
    assert_eq!(asking.until_due(), Duration::from_millis(2_300));
    assert_eq!(asking.out[..2], [Action::CancelInquiry { timed_out: true }, Action::Stop]);
    assert_eq!(asking.caller.position().1, "nurses", "no answer in time is a failure");
}

#[test]
fn what_was_found_goes_into_variables_of_the_columns_types() {
    let mut asking = Asking::begin();
    let inquiry = asking.inquiry();
    assert_eq!(inquiry.given, [("line".into(), Private::new(Value::Text("+15550100201".into())))]);
    assert!(!format!("{inquiry:?}").contains("555"), "whose line it is stays private");
    let news = library_of(CSV).table("practices").unwrap().find(&inquiry);
    assert!(!format!("{news:?}").contains("555"));
    asking.event(Event::Inquiry { number: inquiry.number, news });
    assert_eq!((asking.caller.position().1, asking.caller.urgency()), ("nurses", Urgency::Urgent));
}

#[test]
fn an_answer_of_another_type_or_without_a_column_is_none() {
    let of = |columns: &[(&str, Value)]| {
        let values = columns.iter().map(|(name, value)| (Arc::from(*name), Private::new(value.clone())));
        InquiryNews::Found(values.collect())
    };
    let text = |text: &str| Value::Text(text.into());
    for news in [
        of(&[("urgent", Value::Truth(true)), ("extension", Value::Number(201))]),
        of(&[("urgent", text("true")), ("extension", Value::Number(201)), ("mobile", text(""))]),
        InquiryNews::NotFound,
        InquiryNews::Failed,
    ] {
        let mut asking = Asking::begin();
        let number = asking.inquiry().number;
        asking.event(Event::Inquiry { number, news });
        assert_eq!((asking.caller.position().1, asking.caller.urgency()), ("nurses", Urgency::Routine));
    }
}

#[test]
fn news_of_an_inquiry_nobody_waits_for_any_more_is_not_heard() {
    let mut asking = Asking::begin();
    let number = asking.inquiry().number;
    let late = || Event::Inquiry { number, news: InquiryNews::NotFound };
    asking.event(Event::Inquiry { number: number + 1, news: InquiryNews::NotFound });
    assert_eq!((asking.out.len(), asking.caller.position().1), (0, "whose_line"));
    asking.event(Event::Digit(Private::new('0')));
    assert!(asking.out.contains(&Action::CancelInquiry { timed_out: false }));
    assert_eq!(asking.caller.position().1, "nurses");
    asking.event(late());
    assert_eq!(asking.out, []);
}

#[test]
fn nine_helps_while_something_is_looked_up() {
    let mut asking = Asking::begin();
    asking.event(Event::Digit(Private::new('9')));
    assert!(asking.out.contains(&Action::CancelInquiry { timed_out: false }));
    assert_eq!((asking.caller.position().1, asking.caller.urgency()), ("nurses", Urgency::Emergent));
}

#[test]
fn a_flow_that_looks_something_up_is_proved_and_its_tests_pass() {
    assert_eq!(objections(DESK, TABLES, CSV), BTreeSet::new());
    let now = Now { mono: Instant::now(), wall: jiff::Timestamp::UNIX_EPOCH };
    let failed: Vec<String> = run_tests(&library_of(CSV), &environment(), now)
        .iter()
        .filter(|test| !test.has_passed())
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn another_row_is_another_version_of_the_flows_that_ask_for_it() {
    let version = |csv: &str| library_of(csv).flow("desk").unwrap().digest();
    assert_eq!(version(CSV), version(CSV));
    assert_ne!(version(CSV), version(&CSV.replace("202,false", "202,true")));
}

#[test]
fn each_mistake_put_into_a_lookup_is_found() {
    let flow = [
        ("table: practices", "table: practises", "flow/unknown-table"),
        ("keys: { line:", "keys: { lin:", "flow/unknown-column"),
        ("keys: { line: \"${call.diverted_from}\" }", "keys: {}", "flow/missing-key"),
        ("\"${call.diverted_from}\"", "\"${call.diversions}\"", "flow/variable-type"),
        ("take: { urgent:", "take: { urgnt:", "flow/unknown-column"),
        ("urgent: is_urgent", "urgent: language", "flow/reserved-variable"),
        ("extension: extension", "extension: is_urgent", "flow/variable-type"),
        ("      not_found: nurses\n", "", "flow/missing-key"),
        ("      failed: nurses\n", "", "flow/missing-key"),
        ("      failed: nurses\n", "      failed: whose_line\n", "flow/loop"),
        ("within: 3s", "within: 6s", "flow/out-of-range"),
        ("      failed: nurses\n", "      failed: bye\n", "promise"),
        ("within: 4s, even_if", "within: 2s, even_if", "promise"),
        ("practices: timeout", "practices: broken", "flow/unknown-word"),
        ("extension: 101 }", "extension: \"101\" }", "flow/variable-type"),
        (
            "name: nurses, on_timeout",
            "name: nurses, skills: [\"x:${mobile}\"], on_timeout",
            "flow/private-in-skill",
        ),
    ];
    for (from, to, code) in flow {
        assert!(DESK.contains(from), "{from}");
        let found = objections(&DESK.replacen(from, to, 1), TABLES, CSV);
        assert!(found.contains(code), "{to}: expected {code}, found {found:?}");
    }
}

#[test]
fn each_mistake_put_into_a_table_is_found_with_line_and_column() {
    let csv = [
        ("201,true", "201,yes", "flow/csv-value", ":2:40"),
        ("Riverside,202", "Riverside,\"2,02\"", "flow/csv-value", ":3:24"),
        ("+15550100202", "+15550100201", "flow/csv-key", ":3:1"),
        ("Riverside,", "Riverside,,", "flow/csv", ":3:1"),
        ("\"Oak, Elm & Partners\"", "\"Oak, Elm & Partners", "flow/csv", ":2:14"),
        ("extension,", "extention,", "flow/csv", ":1:1"),
    ];
    for (from, to, code, place) in csv {
        assert!(CSV.contains(from), "{from}");
        let wrong = CSV.replacen(from, to, 1);
        let told = told(DESK, TABLES, &wrong);
        assert!(told.contains(&format!("[{code}]")) && told.contains(place), "{to}: {code} {place}\n{told}");
        assert!(!told.contains("15550199"), "nothing private is shown\n{told}");
    }
    let yaml = [
        ("file: practices.csv", "file: practises.csv", "flow/unknown-file"),
        ("file: practices.csv", "file: ../practices.csv", "flow/unknown-file"),
        ("    file: practices.csv\n", "", "flow/missing-key"),
        ("key: line", "key: lines", "flow/unknown-column"),
        ("line: text", "line: string", "flow/unknown-word"),
        ("private: true", "private: yes", "flow/unknown-word"),
        ("type: text,", "", "flow/missing-key"),
    ];
    for (from, to, code) in yaml {
        assert!(TABLES.contains(from), "{from}");
        let found = objections(DESK, &TABLES.replacen(from, to, 1), CSV);
        assert!(found.contains(code), "{to}: expected {code}, found {found:?}");
    }
}

#[test]
fn a_mistake_in_a_table_is_shown_by_its_place_and_never_by_what_stands_there() {
    let wrong = CSV.replacen("201,true", "201,yes", 1).replacen(",202,", ",two,", 1);
    insta::assert_snapshot!(told(DESK, TABLES, &wrong));
}

#[test]
fn a_lookup_in_a_table_that_is_not_there_is_shown_with_the_nearest() {
    let flow = DESK.replacen("table: practices", "table: practises", 1);
    insta::assert_snapshot!(told(&flow, TABLES, CSV));
}

proptest! {
    #[test]
    fn whatever_stands_in_a_table_is_found_again_or_told(rows in prop::collection::btree_map("[a-z+0-9 ]{1,12}", 0_i64..999, 1..30)) {
        let line = |(key, extension): (&String, &i64)| format!("\"{key}\",{extension},true,\"m\"\n");
        let csv: String = rows.iter().map(line).collect();
        let csv = format!("line,extension,urgent,mobile\n{csv}");
        let library = library_of(&csv);
        let table = library.table("practices").unwrap();
        for (key, extension) in &rows {
            let inquiry = Inquiry {
                number: 1,
                source: flow::InquirySource::Table("practices".into()),
                given: vec![("line".into(), Private::new(Value::Text(key.as_str().into())))],
                query: Vec::new(),
                wanted: vec![Wanted { from: "extension".into(), of: Type::Number, is_optional: false }],
                within: Duration::from_secs(1),
            };
            let found = InquiryNews::Found(vec![("extension".into(), Private::new(Value::Number(*extension)))]);
            prop_assert_eq!(table.find(&inquiry), found);
        }
    }
}
