use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{ConfigPath, Failure, api};

/// Characters of a digest people read and write.
const SHORT: usize = 12;

/// Which server.
#[derive(Debug, Args)]
pub struct Versions {
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object for each version.
    #[arg(long)]
    json: bool,
}

impl Versions {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let answered = api::ask(&self.config, "GET", "/api/v1/flows", &Value::Null)?;
        let versions = answered.body.get("versions").and_then(Value::as_array).filter(|_| answered.done);
        let versions = versions.ok_or_else(|| answered.said("error").to_owned())?;
        if self.json {
            for version in versions {
                writeln!(out, "{version}")?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(out, "{:<SHORT$}  {:<20}  {:<24}  {:>5}", "version", "activated", "by", "calls")?;
        for version in versions {
            let word = |key| version.get(key).and_then(Value::as_str).unwrap_or_default();
            let is = |key| version.get(key).and_then(Value::as_bool).unwrap_or_default();
            let by = match (word("origin"), word("by")) {
                (origin, "") => origin.to_owned(),
                (origin, by) => format!("{origin}, {by}"),
            };
            let state = match (is("active"), is("rolled_back"), is("kept")) {
                (true, true, _) => "  active, rolled back: the files wait for `careline reload` or an edit",
                (true, false, _) => "  active",
                (false, _, true) => "",
                (false, _, false) => "  no longer kept",
            };
            // To the second.
            let activated = word("activated").split('.').next().unwrap_or_default().trim_end_matches('Z');
            let short = word("version").get(..SHORT).unwrap_or_default();
            let calls = version.get("calls").and_then(Value::as_u64).unwrap_or_default();
            writeln!(out, "{short:<SHORT$}  {activated:<20}  {by:<24}  {calls:>5}{state}")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Which version of which server.
#[derive(Debug, Args)]
pub struct Rollback {
    /// The version, or the beginning of it, as `careline flow versions` lists it. Default the one before the
    /// active one.
    digest: Option<String>,
    #[command(flatten)]
    config: ConfigPath,
}

impl Rollback {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let body = json!({ "by": api::operator(), "version": self.digest });
        let answered = api::ask(&self.config, "POST", "/api/v1/flows/rollback", &body)?;
        if answered.done {
            let version = answered.said("flows");
            writeln!(
                out,
                "new calls take version {version}; calls under way keep theirs. It stays until the files change or `careline reload`"
            )?;
            return Ok(ExitCode::SUCCESS);
        }
        writeln!(out, "refused, the server keeps what it had:\n{}", answered.said("error"))?;
        Ok(ExitCode::FAILURE)
    }
}
