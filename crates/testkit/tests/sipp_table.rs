//! Walks the table of `tests/sipp/README.md`: each scenario it names is there and run by the file beside it, each test
//! is in that file, and no scenario is left out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows: what, scenario, file, test.
fn rows(table: &str) -> Vec<[String; 4]> {
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        cells.collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("four cells: {row}"))
    })
    .collect()
}

/// The body of a test function, if the file has it.
fn body<'a>(text: &'a str, test: &str) -> Option<&'a str> {
    let (before, rest) = text.split_once(&format!("fn {test}("))?;
    let attributes = before.rsplit("\n\n").next()?;
    attributes.contains("test]").then(|| rest.split("\n}\n").next().unwrap_or(rest))
}

#[test]
fn every_row_names_a_scenario_and_a_test_that_are_there_and_no_scenario_is_left_out() {
    let folder = repository().join("tests/sipp");
    let rows = rows(&fs::read_to_string(folder.join("README.md")).unwrap());
    assert!(rows.len() > 40, "{} rows", rows.len());
    // What a test asks of the harness in one word is run there.
    let conversation = fs::read_to_string(repository().join("tests/harness/conversation.rs")).unwrap();
    let mut named = BTreeSet::new();
    for [what, scenario, file, test] in &rows {
        let mut text =
            fs::read_to_string(repository().join(file)).unwrap_or_else(|_| panic!("{what}: no {file}"));
        assert!(body(&text, test).is_some(), "{what}: {file} has no test {test}");
        if text.contains(" talk(") {
            text += &conversation;
        }
        if scenario != "–" {
            assert!(text.contains(&format!("\"{scenario}\"")), "{what}: {file} does not run {scenario}");
            named.insert(scenario.clone());
        }
    }
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let scenarios = files.filter(|path| path.extension().is_some_and(|it| it == "xml"));
    let there: BTreeSet<String> =
        scenarios.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(named, there, "named in the table, and there");
}
