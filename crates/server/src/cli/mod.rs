//! The command line. A subcommand does one thing, prints for people, exits for scripts.

mod api;
mod audit;
mod config;
mod flow;
mod prompts;
mod recording;
mod reload;
mod serve;
mod versions;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};
use crate::demo::Demo;

/// The phone system a medical call center runs itself.
#[derive(Debug, Parser)]
#[command(name = "careline", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer calls until told to stop.
    Serve(serve::Serve),
    /// A server, two nurses and a patient on this machine: one call, told hop by hop, with sound both ways.
    Demo(Demo),
    /// Make a running server take changed flows and configuration.
    Reload(reload::Reload),
    /// Call flows: check them, run their tests, prove them; versions of a running server, and the way back.
    #[command(subcommand)]
    Flow(flow::Flow),
    /// The audit log: verify it, tell a call's path.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Prompts: measure their recordings as callers hear them.
    #[command(subcommand)]
    Prompts(prompts::Prompts),
    /// Recordings and messages: list, verify, export.
    #[command(subcommand)]
    Recording(recording::Recording),
    /// The configuration: check it, print its schema.
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigPath {
    /// The configuration file. Without it: built-in defaults, with `call-flows` and `careline-data` in
    /// the current folder.
    #[arg(long, short, value_name = "FILE", env = "CARELINE_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigPath {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }
}

/// What ends a command early: shown to a person, exit status 2.
type Failure = Box<dyn std::error::Error>;

/// Runs the command line. Exit status: 0 all good, 1 found something wrong, 2 could not do it.
pub fn run() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = match Cli::parse().command {
        Command::Serve(serve) => {
            drop(out);
            serve.run()
        }
        Command::Demo(demo) => {
            drop(out);
            demo.run()
        }
        Command::Reload(reload) => reload.run(&mut out),
        Command::Flow(flow) => flow.run(&mut out),
        Command::Audit(audit) => audit.run(&mut out),
        Command::Prompts(prompts) => prompts.run(&mut out),
        Command::Recording(recording) => recording.run(&mut out),
        Command::Config(config) => config.run(&mut out),
    };
    done.unwrap_or_else(|failure| {
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(io::stderr(), "careline: {failure}");
        ExitCode::from(2)
    })
}
