//! The proof is proved: mistakes put into the flows that ship are each found by the rule they break, and the flows
//! as they are break none.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::indexing_slicing, reason = "tests")]

#[path = "harness/shipped.rs"]
mod shipped;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use flow::{Compiled, Environment, QueueInfo, RULES, Source, compile, prove};

/// One mistake: what it is, in which file, what is written instead of what, and the rule or the checker's code
/// that finds it.
type Mutant = (&'static str, &'static str, &'static str, &'static str, &'static str);

include!("mutants/table.rs");

/// Every code of the checker that objects.
fn findings(compiled: &Compiled) -> BTreeSet<String> {
    compiled.findings.iter().map(|finding| finding.code.to_owned()).collect()
}

/// Every rule and code that objects.
fn objections(sources: &[Source], environment: &Environment) -> BTreeSet<String> {
    let compiled = compile(sources, environment);
    let mut found = findings(&compiled);
    if let Some(library) = compiled.library {
        let proofs = prove(&library, environment, Instant::now());
        let unknown = proofs.iter().find(|proof| !RULES.contains(&proof.rule));
        assert!(unknown.is_none(), "{unknown:?} is about a rule that nobody can answer for");
        found.extend(proofs.iter().filter(|proof| !proof.holds).map(|proof| proof.rule.to_owned()));
    }
    found
}

/// Why a mistake is not found as it should be.
fn missed(mutant: &Mutant, sources: &[Source], environment: &Environment) -> Option<String> {
    let (what, file, from, to, rule) = mutant;
    let mut sources = sources.to_vec();
    let is_line = |source: &&Source| source.text.contains("\nanswers: [");
    let concerned: Vec<String> = match sources.iter().filter(is_line).any(|source| source.path == *file) {
        true => vec![(*file).to_owned()],
        // A part is proved in the lines that call it and have every way into it between them.
        false => ["nurse-line.yaml", "scheduling.yaml", "answering.yaml"].map(str::to_owned).into(),
    };
    sources.retain(|source| !is_line(&source) || concerned.contains(&source.path));
    let source = sources.iter_mut().find(|source| source.path == *file).unwrap();
    assert!(source.text.contains(from), "{what}: `{from}` is not in {file} any more");
    source.text = source.text.replacen(from, to, 1);
    // What the checker finds is found before anything is proved.
    let found = match rule.starts_with("flow/") {
        true => findings(&compile(&sources, environment)),
        false => objections(&sources, environment),
    };
    (!found.contains(*rule)).then(|| format!("{what}: expected {rule}, found {found:?}"))
}

#[test]
fn each_mistake_put_into_the_flows_that_ship_is_found_by_the_rule_it_breaks() {
    let (sources, environment) = shipped::shipped();
    assert_eq!(objections(&sources, &environment), BTreeSet::new(), "false alarms");
    let missed = |mutants: &[Mutant]| -> Vec<String> {
        mutants.iter().filter_map(|mutant| missed(mutant, &sources, &environment)).collect()
    };
    let (some, others) = MUTANTS.split_at(MUTANTS.len() / 2);
    let missed = std::thread::scope(|scope| {
        let others = scope.spawn(|| missed(others));
        [missed(some), others.join().unwrap()].concat()
    });
    assert!(missed.is_empty(), "{} of {} not found\n{}", missed.len(), MUTANTS.len(), missed.join("\n"));
}

#[test]
fn a_queue_that_lets_an_emergent_caller_wait_too_long_breaks_the_promise() {
    let (sources, mut environment) = shipped::with_lines(&["nurse-line.yaml"]);
    assert_eq!(objections(&sources, &environment), BTreeSet::new());
    let wait_max = flow::Urgency::ALL.map(|urgency| (urgency, Duration::from_secs(90)));
    environment.queues.insert("nurses".to_owned(), QueueInfo { wait_max: wait_max.into() });
    assert_eq!(objections(&sources, &environment), BTreeSet::from(["promise".to_owned()]));
}

#[test]
fn what_a_table_keeps_private_is_told_to_no_caller() {
    let lines = ["answering.yaml", "nurse-line.yaml", "scheduling.yaml"];
    let (mut sources, environment) = shipped::with_lines(&lines);
    let mut change = |file: &str, from: &str, to: &str| {
        let source = sources.iter_mut().find(|source| source.path == file).unwrap();
        assert!(source.text.contains(from), "`{from}` is not in {file} any more");
        source.text = source.text.replacen(from, to, 1);
        objections(&sources, &environment)
    };
    let private = "practice: { type: text, private: true } }";
    assert_eq!(change("tables.yaml", "practice: text }", private), BTreeSet::new());
    let says = "say: [welcome_answering, { letters: \"${practice}\" }]";
    assert_eq!(change("answering.yaml", "play: welcome_answering", says), BTreeSet::from(["S14".to_owned()]));
}

/// The table of `mutants.md`, for who asks what the proof is worth.
#[test]
fn the_table_of_mistakes_is_the_one_that_is_tried() {
    let mut table = format!(
        "# Mistakes the checker and the prover are tried with\n\nEach of these {} is put into the flows that ship, and \
         found by the rule or the code beside it; the flows as they ship are objected to by none \
         (`tests/mutants.rs`, which holds this table).\n\n| Mistake | In | Found by |\n|---|---|---|\n",
        MUTANTS.len()
    );
    for (what, file, _, _, rule) in MUTANTS {
        table.push_str(&format!("| {what} | `{file}` | `{rule}` |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants.md");
    if std::env::var_os("CARELINE_WRITE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == table, "mutants.md is not of this table: run this test with CARELINE_WRITE=1");
}
