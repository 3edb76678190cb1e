//! A flow as a script on paper, for the medical director who approves it: what is said in which language, where each key
//! leads, how long it takes at worst, and what is promised and tested.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::diff::destination;
use crate::flow::{Flow, Library, Step, StepId};
use crate::{PromptTexts, Proof};

/// A script, ready to be printed.
#[derive(Clone, Debug)]
pub struct Script {
    blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
enum Block {
    /// Level from 1.
    Heading(usize, String),
    Words(String),
    /// The first row is the head.
    Table(Vec<Vec<String>>),
    /// Depth from 0, and the words.
    Tree(Vec<(usize, String)>),
}

impl Script {
    /// Of a flow and of every flow it calls.
    pub fn of(library: &Library, flow: &str, texts: &PromptTexts, proofs: &[Proof]) -> Option<Self> {
        let mut names: Vec<Arc<str>> = vec![library.flow(flow)?.name.clone()];
        let mut script = Self { blocks: Vec::new() };
        let mut next = 0;
        while let Some(flow) = names.get(next).and_then(|name| library.flow(name)) {
            next += 1;
            script.flow(library, flow, texts, proofs);
            for callee in flow.steps.iter().flat_map(|step| step.calls(flow)) {
                if !names.contains(callee) {
                    names.push(callee.clone());
                }
            }
        }
        Some(script)
    }

    fn heading(&mut self, level: usize, text: impl Into<String>) {
        self.blocks.push(Block::Heading(level, text.into()));
    }

    fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            let head = head.iter().map(|word| (*word).to_owned()).collect();
            self.blocks.push(Block::Table([head].into_iter().chain(rows).collect()));
        }
    }

    fn flow(&mut self, library: &Library, flow: &Flow, texts: &PromptTexts, proofs: &[Proof]) {
        self.heading(1, flow.name());
        self.blocks.push(Block::Words(flow.about().to_owned()));
        let step_of = |step: Option<StepId>| {
            step.and_then(|id| flow.step(id))
                .map_or("the flow that calls decides", |step| &*step.name)
                .to_owned()
        };
        let row = |what: &str, is: String| vec![what.to_owned(), is];
        let answers = if flow.answers().is_empty() {
            "no number of its own".to_owned()
        } else {
            flow.answers().join(", ")
        };
        self.table(
            &["", ""],
            vec![
                row("Approved by", flow.approved_by().unwrap_or("NOT APPROVED").to_owned()),
                row("Version", flow.digest().to_string()),
                row("Answers", answers),
                row("Languages", flow.languages().join(", ")),
                row("Key 9 (emergency)", step_of(flow.emergency)),
                row("Key 0 (a person)", step_of(flow.operator)),
                row("After the last try", step_of(flow.give_up)),
                row("When a step fails", step_of(flow.on_error)),
            ],
        );
        self.heading(2, "At a glance");
        self.blocks.push(Block::Tree(tree(flow)));
        self.heading(2, "Step by step");
        for step in &flow.steps {
            self.step(flow, step, texts);
        }
        self.claims(flow, proofs);
        let tests: Vec<Vec<String>> = library
            .scenarios
            .iter()
            .filter(|test| test.flow == flow.name)
            .map(|test| vec![test.name.clone()])
            .collect();
        if !tests.is_empty() {
            self.heading(2, "Tested");
            self.table(&["A call in which"], tests);
        }
    }

    fn step(&mut self, flow: &Flow, step: &Step, texts: &PromptTexts) {
        let whom = step.verb.whom().map(|whom| format!(" {whom}")).unwrap_or_default();
        self.heading(3, format!("{} — {}{whom}", step.name, step.verb.word()));
        let tag = &step.tag;
        if tag.urgency.is_some() || tag.reason.is_some() {
            let urgency = tag.urgency.map_or("as urgent as before", crate::Urgency::word);
            let reason =
                tag.reason.as_ref().map(|reason| format!(", because of {reason}")).unwrap_or_default();
            self.blocks.push(Block::Words(format!("Whoever comes here is {urgency}{reason}.")));
        }
        let mut rows = Vec::new();
        for speech in step.says().iter().filter(|speech| speech.at != "music") {
            for prompt in &speech.prompts {
                for language in flow.languages() {
                    let text = texts.get(&**language).and_then(|all| all.get(&**prompt));
                    let said = text.map_or("(its words are not written down)", String::as_str).to_owned();
                    rows.push(vec![speech.at.to_string(), prompt.to_string(), language.to_string(), said]);
                }
            }
        }
        self.table(&["When", "Prompt", "Language", "The caller hears"], rows);
        let exits = step.exits(flow);
        let ways = exits.iter().map(|exit| vec![exit.by.to_string(), destination(flow, exit)]);
        self.table(&["On", "goes to"], ways.collect());
    }

    fn claims(&mut self, flow: &Flow, proofs: &[Proof]) {
        let own = proofs.iter().filter(|proof| proof.flow == flow.name);
        let rows: Vec<Vec<String>> = own
            .map(|proof| {
                let worst =
                    proof.worst.map(|worst| format!("{:.1} s", worst.as_secs_f64())).unwrap_or_default();
                let holds = if proof.holds { "holds" } else { "DOES NOT HOLD" };
                vec![proof.rule.to_owned(), proof.claim.clone(), worst, holds.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            self.heading(2, "Proved for every caller");
            self.table(&["Rule", "Claim", "At worst", ""], rows);
        }
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(level, text) => writeln!(out, "{} {text}\n", "#".repeat(*level)),
                Block::Words(text) => writeln!(out, "{text}\n"),
                Block::Table(rows) => {
                    for (number, row) in rows.iter().enumerate() {
                        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
                        let _ = writeln!(out, "| {} |", cells.join(" | "));
                        if number == 0 {
                            let _ = writeln!(out, "|{}", "---|".repeat(row.len()));
                        }
                    }
                    writeln!(out)
                }
                Block::Tree(lines) => {
                    for (depth, text) in lines {
                        let _ = writeln!(out, "{}- {text}", "  ".repeat(*depth));
                    }
                    writeln!(out)
                }
            };
        }
        out
    }

    /// As an HTML page that prints well and needs nothing else.
    pub fn html(&self) -> String {
        let mut out = String::from(HEAD);
        for block in &self.blocks {
            let _ = match block {
                Block::Heading(level, text) => writeln!(out, "<h{level}>{}</h{level}>", escaped(text)),
                Block::Words(text) => writeln!(out, "<p>{}</p>", escaped(text)),
                Block::Table(rows) => {
                    let _ = writeln!(out, "<table>");
                    for (number, row) in rows.iter().enumerate() {
                        let cell = if number == 0 { "th" } else { "td" };
                        let cells: String =
                            row.iter().map(|text| format!("<{cell}>{}</{cell}>", escaped(text))).collect();
                        let _ = writeln!(out, "<tr>{cells}</tr>");
                    }
                    writeln!(out, "</table>")
                }
                Block::Tree(lines) => {
                    let _ = writeln!(out, "<pre>");
                    for (depth, text) in lines {
                        let _ = writeln!(out, "{}{}", "    ".repeat(*depth), escaped(text));
                    }
                    writeln!(out, "</pre>")
                }
            };
        }
        out.push_str("</html>\n");
        out
    }
}

/// The steps as a caller meets them: each once, under the one that first leads to it.
fn tree(flow: &Flow) -> Vec<(usize, String)> {
    /// Deeper a page is too narrow; the steps are all told below anyway.
    const DEPTH_MAX: usize = 12;
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    let others = [flow.emergency, flow.operator, flow.give_up].into_iter().flatten();
    let starts: Vec<(StepId, &str)> =
        [(StepId(0), "")].into_iter().chain(others.map(|step| (step, "also: "))).collect();
    for (start, word) in starts {
        if seen.contains(&start) {
            continue;
        }
        let mut open: Vec<(usize, String, StepId)> = vec![(0, word.to_owned(), start)];
        while let Some((depth, by, at)) = open.pop() {
            let Some(step) = flow.step(at) else { continue };
            if !seen.insert(at) {
                lines.push((depth, format!("{by}{} ↑", step.name)));
                continue;
            }
            lines.push((depth, format!("{by}{} ({})", step.name, step.verb.word())));
            let exits = step.exits(flow);
            let deeper = if exits.len() > 1 { (depth + 1).min(DEPTH_MAX) } else { depth };
            let mut known: Vec<(StepId, String)> = Vec::new();
            for exit in exits {
                let Some(to) = exit.to else { continue };
                match known.iter_mut().find(|(step, _)| *step == to) {
                    Some((_, words)) => {
                        words.push_str(", ");
                        words.push_str(&exit.by);
                    }
                    None => known.push((to, exit.by.to_string())),
                }
            }
            let line = |(to, words): (StepId, String)| {
                (deeper, if words == "next" { String::new() } else { format!("{words} → ") }, to)
            };
            open.extend(known.into_iter().rev().map(line));
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Call script</title>\n<style>\
    body{font:11pt/1.4 Georgia,serif;max-width:52em;margin:2em auto;padding:0 1em}\
    h1{page-break-before:always;border-bottom:2px solid}h1:first-of-type{page-break-before:auto}\
    h3{margin-bottom:.3em;page-break-after:avoid}table{border-collapse:collapse;margin:.4em 0;page-break-inside:avoid}\
    td,th{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top}th{background:#eee}\
    pre{font:9pt/1.35 monospace}</style>\n";
