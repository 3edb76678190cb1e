use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ::flow::Finding;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{ConfigPath, Failure};
use crate::content::Content;
use crate::driver::signalling::now;

/// Call flows.
#[derive(Debug, Subcommand)]
pub enum Flow {
    /// Check call flows without starting a server. Exit status: 0 no errors, 1 errors, 2 cannot read.
    Check(Check),
    /// Run the tests of call flows. Exit status: 0 all pass, 1 some do not, 2 cannot read.
    Test(Check),
    /// Prove, for every caller and every fault, that the safety rules S1 to S22 and the flows' own promises hold.
    /// Exit status: 0 all hold, 1 some do not, 2 cannot read.
    Prove(Check),
}

/// Which flows, and for whom to print.
#[derive(Debug, Args)]
pub struct Check {
    /// The folder of flows, queues, calendars and prompts; default that of the configuration.
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object for each finding or test, for editors and CI.
    #[arg(long)]
    json: bool,
}

impl Flow {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.check(out),
            Self::Test(check) => check.test(out),
            Self::Prove(check) => check.prove(out),
        }
    }
}

impl Check {
    fn read(&self) -> Result<Content, Failure> {
        let mut config = self.config.load()?;
        if let Some(folder) = &self.folder {
            config.call_flows.clone_from(folder);
        }
        Ok(Content::read(&config)?)
    }

    fn check(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
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

    fn test(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let content = self.read()?;
        let Some(library) = &content.compiled.library else {
            return Err("these flows have errors; `careline flow check` shows them".into());
        };
        let results = ::flow::run_tests(library, &content.environment, now());
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
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn prove(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let content = self.read()?;
        let Some(library) = &content.compiled.library else {
            return Err("these flows have errors; `careline flow check` shows them".into());
        };
        let proofs = ::flow::prove(library, &content.environment, now().mono);
        let mut flow = None;
        for proof in &proofs {
            if self.json {
                let line = json!({ "flow": &*proof.flow, "rule": proof.rule, "claim": proof.claim, "holds": proof.holds,
                    "worst_ms": proof.worst.map(|worst| worst.as_millis()), "step": proof.step.as_deref(),
                    "story": proof.story, "changes": proof.changes });
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

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": if finding.is_error() { "error" } else { "warning" },
        "code": finding.code,
        "message": finding.message,
        "path": finding.path,
        "line": finding.place.map(|(line, ..)| line),
        "column": finding.place.map(|(_, column, _)| column),
        "help": finding.help,
    })
}
