//! `flow check`, `flow test`, `flow prove`: what is found in the flows, all of it at once.

use std::io::Write;
use std::process::ExitCode;

use ::flow::{Coverage, Finding, Proof, coverage};
use serde_json::json;

use super::Folder;
use crate::cli::Failure;
use crate::driver::signalling::now;

impl Folder {
    pub(super) fn check(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let content = self.read()?;
        let findings = &content.compiled.findings;
        for finding in findings {
            if self.json {
                writeln!(out, "{}", as_json(finding))?;
            } else {
                writeln!(out, "{}\n", content.show(finding))?;
            }
        }
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        if !self.json {
            writeln!(out, "{errors} errors, {} warnings", findings.len() - errors)?;
        }
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    pub(super) fn test(self, covers: bool, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (content, library) = self.read_library()?;
        let results = ::flow::run_tests(&library, &content.environment, now());
        for result in &results {
            if self.json {
                let line = json!({ "flow": &*result.flow, "name": result.name, "passed": result.has_passed(),
                    "failure": result.failure, "transcript": result.transcript });
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{result}")?;
            }
        }
        let failed = results.iter().filter(|result| !result.has_passed()).count();
        if !self.json {
            writeln!(out, "{} tests, {failed} failed", results.len())?;
        }
        if covers {
            self.show_coverage(&coverage(&library, &results), out)?;
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn show_coverage(&self, coverage: &Coverage, out: &mut impl Write) -> Result<(), Failure> {
        for missing in &coverage.missing {
            let place = missing.place.as_ref();
            if self.json {
                let line = json!({ "flow": missing.flow, "step": missing.step, "exit": missing.exit,
                    "file": place.map(|(path, ..)| path), "line": place.map(|(_, line, _)| line) });
                writeln!(out, "{line}")?;
                continue;
            }
            let place =
                place.map(|(path, line, column)| format!("{path}:{line}:{column}: ")).unwrap_or_default();
            match &missing.exit {
                None => writeln!(out, "{place}no test comes to {}/{}", missing.flow, missing.step)?,
                Some(exit) => {
                    writeln!(out, "{place}no test takes {}/{} by `{exit}`", missing.flow, missing.step)?
                }
            }
        }
        let ((steps, reached), (exits, taken)) = (coverage.steps, coverage.exits);
        if self.json {
            let line =
                json!({ "steps": steps, "steps_reached": reached, "exits": exits, "exits_taken": taken });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{reached} of {steps} steps, {taken} of {exits} ways out of them")?;
        }
        Ok(())
    }

    pub(super) fn prove(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (content, library) = self.read_library()?;
        let proofs = ::flow::prove(&library, &content.environment, now().mono);
        let mut flow = None;
        for proof in &proofs {
            if self.json {
                let line = proof_as_json(proof);
                writeln!(out, "{line}")?;
                continue;
            }
            if flow.replace(&proof.flow) != Some(&proof.flow) {
                writeln!(out, "{}", proof.flow)?;
            }
            writeln!(out, "{proof}")?;
        }
        let broken = proofs.iter().filter(|proof| !proof.holds).count();
        if !self.json {
            writeln!(out, "{} claims, {broken} do not hold", proofs.len())?;
        }
        Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Stable: editors and CI read these fields.
fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": if finding.is_error() { "error" } else { "warning" },
        "code": finding.code,
        "message": finding.message,
        "file": finding.path,
        "line": finding.place.map(|(line, ..)| line),
        "column": finding.place.map(|(_, column, _)| column),
        "end": finding.place.map(|(_, column, length)| column + length),
        "help": finding.help,
    })
}

/// With the same fields as a finding, so that an editor shows both alike.
fn proof_as_json(proof: &Proof) -> serde_json::Value {
    let place = proof.at.as_ref().map(|at| at.place);
    json!({
        "severity": if proof.holds { "note" } else { "error" },
        "code": proof.rule,
        "message": proof.claim,
        "file": proof.at.as_ref().map(|at| &at.path),
        "line": place.map(|(line, ..)| line),
        "column": place.map(|(_, column, _)| column),
        "end": place.map(|(_, column, length)| column + length),
        "help": (!proof.changes.is_empty()).then(|| proof.changes.join("; ")),
        "flow": &*proof.flow,
        "step": proof.step.as_deref(),
        "holds": proof.holds,
        "worst_ms": proof.worst.map(|worst| worst.as_millis()),
        "story": proof.story,
        "changes": proof.changes,
    })
}
