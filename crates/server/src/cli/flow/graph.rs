//! `flow graph`: a flow as a picture.

use std::io::Write;
use std::process::ExitCode;

use ::flow::Graph;
use clap::Args;

use super::One;
use crate::cli::Failure;

/// Which flow, and how to draw it.
#[derive(Debug, Args)]
pub struct Draw {
    #[command(flatten)]
    one: One,
}

impl Draw {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (_, library, flow) = self.one.read()?;
        let graph = Graph::of(&library, &flow, None).ok_or("there is no such flow")?;
        out.write_all(graph.mermaid().as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}
