use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::{ConfigPath, Failure, api};

/// Make a running server take changed flows and configuration, all of them or none.
///
/// Exit status: 0 taken, 1 refused (the server keeps what it had), 2 the server was not reached.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    config: ConfigPath,
}

impl Reload {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let body = json!({ "by": api::operator(), "origin": "command" });
        let answered = api::ask(&self.config, "POST", "/api/v1/reload", &body)?;
        if answered.done {
            writeln!(out, "taken; flows are now version {}", answered.said("flows"))?;
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(out, "refused, the server keeps what it had:\n{}", answered.said("error"))?;
        Ok(ExitCode::FAILURE)
    }
}
