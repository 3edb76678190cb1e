//! Every code a finding can carry is explained, in the same four words.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use flow::{explain, explained};

/// Every `"flow/…"` and every rule written in the sources.
fn codes_in(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in(&path, codes);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let is_proof = path.components().any(|part| part.as_os_str() == "prove");
        for quoted in text.split('"') {
            let is_code = quoted.strip_prefix("flow/").is_some_and(|rest| {
                !rest.is_empty()
                    && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            });
            let is_rule = quoted
                .strip_prefix('S')
                .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()));
            if is_code || (is_proof && (is_rule || quoted == "promise")) {
                codes.insert(quoted.to_owned());
            }
        }
    }
}

#[test]
fn every_code_the_sources_can_emit_is_explained_and_no_other() {
    let mut emitted = BTreeSet::new();
    codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut emitted);
    let known: BTreeSet<String> = explained().map(str::to_owned).collect();
    assert!(emitted.len() > 50, "{emitted:?}");
    assert_eq!(
        emitted.difference(&known).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "add them to findings.md"
    );
    assert_eq!(known.difference(&emitted).collect::<Vec<_>>(), Vec::<&String>::new(), "nothing emits these");
}

#[test]
fn every_explanation_says_what_why_an_example_and_the_fix() {
    for code in explained() {
        let text = explain(code).unwrap();
        let words: Vec<&str> =
            text.lines().filter_map(|line| line.split_once(": ")).map(|(word, _)| word).collect();
        assert_eq!(words, ["What", "Why", "Example", "Fix"], "{code}\n{text}");
    }
}

#[test]
fn a_code_is_known_without_its_prefix() {
    assert_eq!(explain("unknown-step"), explain("flow/unknown-step"));
    assert!(explain("unknown-step").is_some() && explain("unknown-stp").is_none());
    assert_eq!(flow::nearest_code("flow/unknown-stp"), Some("flow/unknown-step"));
}
