//! `careline`: the phone system a medical call center runs itself.

mod cli;
mod config;
mod content;
mod demo;
mod driver;
mod exceptions;
mod flows;
mod http;
mod keeper;
mod lookups;
mod metrics;
mod net;
mod node;
mod notifier;
mod requests;
mod secrets;
mod stir;
mod trail;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
