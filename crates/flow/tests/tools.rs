//! What the tools for those who write flows make of flows: layout, drafts, differences, scripts and pictures.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, reason = "tests")]

mod harness;
#[path = "harness/shipped.rs"]
mod shipped;

use std::sync::Arc;
use std::time::Instant;

use flow::{
    Environment, FlowKind, Graph, Library, PromptTexts, Script, Source, Version, compile, diff, lay_out,
    prove, run_tests,
};
use primitives::Now;
use proptest::prelude::*;

fn now() -> Now {
    Now { mono: Instant::now(), wall: "2026-01-07T16:00:00Z".parse().unwrap() }
}

fn compiled(sources: &[Source], environment: &Environment) -> Arc<Library> {
    let compiled = compile(sources, environment);
    assert!(compiled.library.is_some(), "{:#?}", compiled.findings);
    compiled.library.unwrap()
}

#[test]
fn the_flows_that_ship_are_laid_out_already() {
    for source in shipped::shipped().0.iter().filter(|source| source.path.ends_with(".yaml")) {
        assert_eq!(lay_out(&source.text), source.text, "{}", source.path);
    }
}

#[test]
fn a_layout_keeps_comments_and_orders_everything_else() {
    let wild = "# at the top\n\n\n\ncareline: 1\nflow:    x\nsteps:\n      # before a step\n      start:\n          menu:\n              play: {prompts: [a,b ],languages: all}   # beside\n              1:   {set: {language: en},go: back}\n\n\n      back:\n          return: {}\ntests:\n- name: \"x,  y: {z\"\n  script:\n  - {at: start,key: 1}\n  - silence\n# at the end\n";
    let tidy = "# at the top\n\ncareline: 1\nflow: x\nsteps:\n  # before a step\n  start:\n    menu:\n      play: { prompts: [a, b], languages: all }   # beside\n      1: { set: { language: en }, go: back }\n\n  back:\n    return: {}\ntests:\n  - name: \"x,  y: {z\"\n    script:\n      - { at: start, key: 1 }\n      - silence\n# at the end\n";
    assert_eq!(lay_out(wild), tidy);
    assert_eq!(lay_out(tidy), tidy);
}

/// A flow's text with another layout of the same meaning.
fn disturbed(text: &str, seeds: &[u8]) -> String {
    let mut seeds = seeds.iter().cycle();
    let mut out = String::new();
    for line in text.lines() {
        let seed = *seeds.next().unwrap();
        let indent = line.len() - line.trim_start().len();
        // The first key of an item stays in line with the others.
        let rest = line.trim_start().replacen("- ", "-   ", usize::from(line.trim_start().starts_with("- ")));
        let mut line = format!("{}{rest}", " ".repeat(indent * 2));
        if seed.is_multiple_of(3) && !line.contains('"') && !line.contains('#') && !line.contains('\'') {
            line = line.replace(", ", ",   ").replace("{ ", "{").replace(" }", "}");
        }
        if seed.is_multiple_of(5) && !line.contains('#') && !line.is_empty() {
            line.push_str("    # a word");
        }
        if seed.is_multiple_of(7) {
            out.push_str("\n\n");
        }
        out.push_str(&line);
        out.push_str(if seed.is_multiple_of(2) { "   \n" } else { "\n" });
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_layout_never_changes_a_version_and_is_its_own_layout(seeds in prop::collection::vec(any::<u8>(), 20..60)) {
        let (mut sources, environment) = shipped::shipped();
        let before = compiled(&sources, &environment);
        let is_written = |path: &str| path.ends_with(".yaml") && !path.contains("prompts");
        for source in sources.iter_mut().filter(|source| is_written(&source.path)) {
            let wild = disturbed(&source.text, &seeds);
            let tidy = lay_out(&wild);
            prop_assert!(tidy != wild, "{}", source.path);
            prop_assert_eq!(lay_out(&tidy), tidy.clone(), "{}", &source.path);
            source.text = tidy;
        }
        prop_assert_eq!(compiled(&sources, &environment).digest(), before.digest());
    }

    #[test]
    fn any_text_can_be_laid_out(text in "[a-c:{}\\[\\], \n#'\"|>&*!-]{0,120}") {
        let once = lay_out(&text);
        prop_assert_eq!(lay_out(&once), once);
    }
}

#[test]
fn a_new_flow_of_each_kind_passes_check_test_and_prove() {
    for kind in FlowKind::ALL {
        let (mut sources, environment) = shipped::with_lines(&[]);
        let text = kind.scaffold("night-desk", "8090");
        assert_eq!(lay_out(&text), text);
        sources.push(Source { path: "night-desk.yaml".to_owned(), text });
        let compiled = compile(&sources, &environment);
        let own: Vec<_> =
            compiled.findings.iter().filter(|finding| finding.path == "night-desk.yaml").collect();
        assert!(own.is_empty(), "{own:#?}");
        let library = compiled.library.unwrap();
        for result in run_tests(&library, &environment, now()) {
            assert!(result.has_passed(), "{kind:?}\n{result}");
        }
        for proof in
            prove(&library, &environment, now().mono).iter().filter(|proof| &*proof.flow == "night-desk")
        {
            assert!(proof.holds, "{kind:?}\n{proof}");
        }
    }
}

/// What changes when one text of the nurse line is replaced by another, one change a line.
fn changed(replacements: &[(&str, &str)]) -> String {
    let (sources, environment) = shipped::with_lines(&["nurse-line.yaml"]);
    let mut others = sources.clone();
    for source in others.iter_mut().filter(|source| source.path == "nurse-line.yaml") {
        for (right, wrong) in replacements {
            assert!(source.text.contains(right), "{right}");
            source.text = source.text.replacen(right, wrong, 1);
        }
    }
    let texts = |text: &str| -> PromptTexts {
        [("en".to_owned(), [("goodbye".to_owned(), text.to_owned())].into())].into()
    };
    let (old, new) = (compiled(&sources, &environment), compiled(&others, &environment));
    let proofs = |library: &Arc<Library>| prove(library, &environment, now().mono);
    let (old_proofs, new_proofs) = (proofs(&old), proofs(&new));
    let (before, after) = (texts("Goodbye."), texts("Take care."));
    let changes = diff(
        Version { library: &old, texts: &before, proofs: &old_proofs },
        Version {
            library: &new,
            texts: if replacements.is_empty() { &before } else { &after },
            proofs: &new_proofs,
        },
    );
    changes.iter().map(|change| format!("{change}\n")).collect()
}

#[test]
fn a_difference_says_what_changes_for_callers() {
    assert_eq!(changed(&[]), "");
    insta::assert_snapshot!(changed(&[
        ("      4: main\n\n  main:", "      4: nurses\n      5: main\n\n  main:"),
        ("urgency: soon, reason: symptoms_stable", "urgency: urgent, reason: symptoms_stable"),
        ("      say_first: crisis_988\n", "      say_first: stay_on_line_emergent\n"),
        ("  any_nurse:\n    play: any_nurse\n\n", ""),
        (
            "      on_timeout: any_nurse\n      on_empty: any_nurse\n      on_full: any_nurse\n      on_error: any_nurse\n      on_closed: any_nurse",
            "      on_timeout: all_nurses\n      on_empty: all_nurses\n      on_full: all_nurses\n      on_error: all_nurses\n      on_closed: all_nurses"
        ),
        ("hears: dial_911_notice, within: 8s", "hears: dial_911_notice, within: 5s"),
        (
            "    expect: { hears: [stay_on_line, any_nurse, stay_on_line, on_call_notice], reaches: queue on_call, language: es }",
            "    expect: { reaches: queue on_call, language: es }"
        ),
    ]));
}

#[test]
fn a_script_tells_every_step_and_a_picture_shows_it() {
    let (sources, environment) = shipped::with_lines(&["nurse-line.yaml"]);
    let library = compiled(&sources, &environment);
    let proofs = prove(&library, &environment, now().mono);
    let script = Script::of(&library, "nurse-line", &PromptTexts::new(), &proofs).unwrap();
    let (markdown, html) = (script.markdown(), script.html());
    let graph =
        Graph::of(&library, "nurse-line", Some(&[(("nurse-line".to_owned(), "main".to_owned()), 7)].into()))
            .unwrap();
    let (mermaid, svg) = (graph.mermaid(), graph.svg());
    for (step, _) in library.flow("nurse-line").unwrap().steps() {
        assert!(markdown.contains(&format!("### {step} — ")), "{step}");
        assert!(html.contains(&format!("<h3>{step} — ")), "{step}");
        assert!(mermaid.contains(&format!("<b>{step}</b>")), "{step}");
        assert!(svg.contains(&format!(">{step}</text>")), "{step}");
    }
    assert!(svg.contains("7 ×") && mermaid.contains("7 calls"));
    assert!(markdown.contains(&library.flow("nurse-line").unwrap().digest().to_string()));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
