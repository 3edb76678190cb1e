//! What stands between a file somebody wrote and a caller: every safety rule holds for every flow, or somebody
//! answers for it by name, with a reason and an end.

use std::fmt::Write;
use std::time::Instant;

use flow::Proof;
use jiff::ToSpan;
use jiff::civil::Date;
use thiserror::Error;

use crate::config::{FlowOverride, Override};
use crate::content::Content;

/// How far ahead the suggested end of an exception lies, in days: long enough to write and approve a flow.
const SUGGESTED_DAYS: i32 = 14;

/// Flows that break a safety rule nobody answers for. Shows the call that proves it, line by line.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Unsafe(String);

/// Proves every flow. What does not hold and is answered for is what comes back. Takes about a second, on whatever
/// thread it is called: never on the one that answers calls.
pub fn pass(content: &Content, overrides: &[FlowOverride], today: Date) -> Result<Vec<Override>, Unsafe> {
    let Some(library) = &content.compiled.library else { return Ok(Vec::new()) };
    let proofs = flow::prove(library, &content.environment, Instant::now());
    let broken: Vec<&Proof> = proofs.iter().filter(|proof| !proof.holds).collect();
    let is_about = |it: &FlowOverride, proof: &Proof| it.flow == *proof.flow && it.rule == proof.rule;
    let answered = |proof: &Proof| overrides.iter().find(|it| is_about(it, proof) && it.until >= today);
    let refused: Vec<&Proof> = broken.iter().copied().filter(|proof| answered(proof).is_none()).collect();
    if !refused.is_empty() {
        let ended = |proof: &Proof| overrides.iter().find(|it| is_about(it, proof));
        return Err(refusal(&refused, proofs.len(), ended, today));
    }
    for it in overrides.iter().filter(|it| !broken.iter().any(|proof| is_about(it, proof))) {
        tracing::warn!(
            flow = it.flow,
            rule = it.rule,
            "an exception in `flow_overrides:` is not needed: nothing of this flow breaks that rule. Remove it"
        );
    }
    let mut used: Vec<Override> = Vec::new();
    for exception in broken.iter().filter_map(|proof| answered(proof)).map(FlowOverride::exception) {
        if !used.contains(&exception) {
            used.push(exception);
        }
    }
    Ok(used)
}

fn refusal<'o>(
    refused: &[&Proof],
    claims: usize,
    ended: impl Fn(&Proof) -> Option<&'o FlowOverride>,
    today: Date,
) -> Unsafe {
    let mut text = format!("these flows are not safe: {} of {claims} claims do not hold", refused.len());
    let until = today.saturating_add(SUGGESTED_DAYS.days());
    let mut lines: Vec<String> = Vec::new();
    // Writing to a string does not fail.
    let mut flow = None;
    for proof in refused {
        if flow.replace(&proof.flow) != Some(&proof.flow) {
            let _ = write!(text, "\n{}", proof.flow);
        }
        let _ = write!(text, "\n{proof}");
        if let Some(it) = ended(proof) {
            let _ = write!(text, "\n    {} answered for it until {}, which is over", it.by, it.until);
        }
        let line = format!(
            "\n  - {{ flow: {}, rule: {}, by: \"your name\", reason: \"why callers are safe all the same\", until: {until} }}",
            proof.flow, proof.rule
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let _ = write!(
        text,
        "\nhelp: mend the flow (`careline flow prove` shows this again); or answer for it in careline.yaml:\nflow_overrides:{}",
        lines.concat()
    );
    Unsafe(text)
}
