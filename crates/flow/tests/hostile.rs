//! Whatever the bytes are, a flow's file gives an answer: the body of the fuzz target `flow`, without a fuzzer.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod harness;

use flow::{Source, compile};
use harness::environment;
use proptest::prelude::*;

/// Words of the language, thrown together.
fn nonsense() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "careline: 1\n",
        "flow: x\n",
        "about: y\n",
        "languages: [en]\n",
        "answers: [\"8001\"]\n",
        "steps:\n",
        "  a:\n",
        "  b:\n",
        "    menu:\n",
        "    queue:\n",
        "      play: welcome\n",
        "      1: a\n",
        "      1: { go: b, call: x }\n",
        "    goto: a\n",
        "    call: x\n",
        "    when: [{ if: 'x', go: a }]\n",
        "emergency: a\n",
        "defaults: { give_up: a }\n",
        "tests:\n",
        "- name: x\n",
        "\t",
        "  ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        ": ",
        "# ",
        "|\n",
        ">-\n",
        "&a ",
        "*a ",
        "!x ",
        "<<: ",
        "\u{0}",
        "\u{feff}",
        "é",
        "---\n",
        "...\n",
        "on_empty: a\n",
        "${",
        "%YAML 1.2\n",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_library_or_findings(text in nonsense()) {
        let compiled = compile(&[harness::source("x.yaml", &text)], &environment());
        prop_assert!(compiled.library.is_some() != compiled.findings.iter().any(flow::Finding::is_error));
        for finding in &compiled.findings {
            prop_assert!(finding.render(Some(&text)).len() < 20_000);
        }
    }
}

/// The one finding of a file.
fn only(text: &str) -> String {
    let compiled = compile(&[harness::source("x.yaml", text)], &environment());
    assert!(compiled.library.is_none());
    compiled.findings.first().unwrap().render(Some(text))
}

#[test]
fn deep_nesting_is_refused_in_a_line() {
    for open in ["[", "{a: "] {
        let told = only(&format!("careline: {}", open.repeat(100_000)));
        assert!(told.contains("flow/yaml") && told.len() < 2_000, "{told}");
    }
    let deep: String = (0..2_000).map(|level| format!("{}a:\n", "  ".repeat(level))).collect();
    assert!(only(&deep).contains("flow/yaml"));
}

#[test]
fn a_bomb_of_anchors_is_refused_at_once() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (before, letter) in ('a'..='y').zip('b'..='z') {
        let uses = vec![format!("*{before}"); 9].join(",");
        bomb.push_str(&format!("{letter}: &{letter} [{uses}]\n"));
    }
    assert!(only(&bomb).contains("flow/yaml"));
}

#[test]
fn a_huge_file_is_refused_unread() {
    assert!(only(&"# words\n".repeat(200_000)).contains("larger than"));
}

#[test]
fn flows_that_call_each_other_in_a_circle_are_told_where() {
    let flow = |name: &str, other: &str| Source {
        path: format!("{name}.yaml"),
        text: format!(
            "careline: 1\nflow: {name}\nabout: x\nlanguages: [en]\nsteps:\n  a:\n    call: {other}\n"
        ),
    };
    let sources = [flow("one", "two"), flow("two", "three"), flow("three", "one")];
    let compiled = compile(&sources, &environment());
    let circles: Vec<_> =
        compiled.findings.iter().filter(|finding| finding.code == "flow/call-cycle").collect();
    assert_eq!(circles.len(), 3);
    assert!(
        circles.iter().all(|finding| finding.place == Some((7, 11, finding.place.unwrap().2))),
        "{circles:#?}"
    );
}
