//! `flow explain`: what a finding's code means.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::Failure;

/// Which code.
#[derive(Debug, Args)]
pub struct Explain {
    /// A code of `check` (`flow/unknown-step`, or `unknown-step`) or a rule of `prove` (`S5`, `promise`). Without: all.
    code: Option<String>,
    /// One JSON object for each code.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let codes: Vec<&str> = match &self.code {
            Some(code) => vec![code],
            None => ::flow::explained().collect(),
        };
        for code in codes {
            let Some(text) = ::flow::explain(code) else {
                let near = ::flow::nearest_code(code).map(|near| format!(": did you mean `{near}`?"));
                return Err(format!("there is no code `{code}`{}", near.unwrap_or_default()).into());
            };
            if self.json {
                writeln!(out, "{}", json!({ "code": code, "explanation": text }))?;
            } else {
                writeln!(out, "{code}\n\n{text}\n")?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
