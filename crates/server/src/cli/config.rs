use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::{ConfigPath, Failure};
use crate::config::{Config, today};

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file without starting a server. Exit status: 0 good, 2 not.
    Check(ConfigPath),
    /// Print the JSON Schema that editors complete from.
    Schema,
}

impl ConfigCommand {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(path) => {
                let config = path.load()?;
                config.overrides(path.config.as_deref(), today())?;
                writeln!(out, "good: {} agents, {} numbers", config.agents.len(), config.numbers.len())?;
            }
            Self::Schema => {
                let schema = schemars::schema_for!(Config);
                writeln!(out, "{}", serde_json::to_string_pretty(&schema)?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
