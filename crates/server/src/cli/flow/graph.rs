//! `flow graph`: a flow as a picture.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::flow::{Counts, Graph};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;
use store::read_records;

use super::One;
use crate::cli::Failure;

/// Which flow, and how to draw it.
#[derive(Debug, Args)]
pub struct Draw {
    #[command(flatten)]
    one: One,
    /// A picture by itself, or text that Markdown viewers draw.
    #[arg(long, value_enum, default_value_t = Form::Mermaid)]
    form: Form,
    /// Write at each step how many callers came to it, by the audit log of this folder.
    #[arg(long, value_name = "FOLDER")]
    counts: Option<PathBuf>,
    /// One JSON object: the flow, the form and the picture.
    #[arg(long)]
    json: bool,
}

/// How to draw it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Mermaid,
    Svg,
}

/// What of a record of the audit log is counted.
#[derive(Deserialize)]
struct Counted {
    #[serde(rename = "type")]
    kind: String,
    flow: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    id: String,
    step: String,
}

impl Draw {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (_, library, flow) = self.one.read()?;
        let counts = self.counts.as_deref().map(counts).transpose()?;
        let graph = Graph::of(&library, &flow, counts.as_ref()).ok_or("there is no such flow")?;
        let (form, picture) = match self.form {
            Form::Mermaid => ("mermaid", graph.mermaid()),
            Form::Svg => ("svg", graph.svg()),
        };
        if self.json {
            writeln!(out, "{}", json!({ "flow": flow, "form": form, "picture": picture }))?;
        } else {
            out.write_all(picture.as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How often callers came to each step, by the log.
fn counts(folder: &Path) -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    for record in read_records(folder, 0) {
        let (_, bytes) = record?;
        let record: Counted = serde_json::from_slice(&bytes)?;
        if let ("flow.step", Some(place)) = (record.kind.as_str(), record.flow) {
            *counts.entry((place.id, place.step)).or_default() += 1;
        }
    }
    Ok(counts)
}
