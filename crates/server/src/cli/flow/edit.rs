//! `flow new` and `flow fmt`: what writes files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::flow::{FlowKind, lay_out};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::{ConfigPath, Failure};

/// What to begin with.
#[derive(Debug, Args)]
pub struct New {
    /// The flow's name: lower-case letters, digits, `-` and `_`.
    name: String,
    /// What it is for.
    #[arg(long, value_enum, default_value_t = Kind::Nurse)]
    kind: Kind,
    /// The number that starts it: E.164 with `+`, or an extension of 2 to 6 digits.
    #[arg(long, default_value = "8090")]
    number: String,
    /// The folder it is written to; default that of the configuration.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object: the file.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Nurse,
    Desk,
    AfterHours,
}

impl New {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let kind = match self.kind {
            Kind::Nurse => FlowKind::Nurse,
            Kind::Desk => FlowKind::Desk,
            Kind::AfterHours => FlowKind::AfterHours,
        };
        let is_name = self.name.starts_with(|c: char| c.is_ascii_lowercase())
            && self.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
        if !is_name {
            return Err(format!(
                "`{}` cannot be the name of a flow: lower-case letters, digits, `-` and `_`",
                self.name
            )
            .into());
        }
        let folder = match self.folder {
            Some(folder) => folder,
            None => self.config.load()?.call_flows,
        };
        let path = folder.join(format!("{}.yaml", self.name));
        // What somebody wrote is never overwritten.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        file.write_all(kind.scaffold(&self.name, &self.number).as_bytes())?;
        if self.json {
            writeln!(out, "{}", json!({ "file": path.display().to_string() }))?;
        } else {
            writeln!(out, "{}: now say what it is about, then `careline flow check`", path.display())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Which files, and whether to write them.
#[derive(Debug, Args)]
pub struct Fmt {
    /// Files or folders; default the folder of the configuration.
    paths: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
    /// Write nothing; name the files that would change. Exit status: 0 none, 1 some.
    #[arg(long)]
    check: bool,
    /// One JSON object for each file that changes.
    #[arg(long)]
    json: bool,
}

impl Fmt {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let mut paths = self.paths;
        if paths.is_empty() {
            paths.push(self.config.load()?.call_flows);
        }
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                crate::content::yaml_files(&path, &mut files)?;
            } else {
                files.push(path);
            }
        }
        let mut changed = 0_usize;
        for path in &files {
            changed += usize::from(
                lay_out_file(path, self.check)?
                    .then(|| self_tells(out, path, self.json))
                    .transpose()?
                    .is_some(),
            );
        }
        Ok(if self.check && changed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn self_tells(out: &mut impl Write, path: &Path, json: bool) -> Result<(), Failure> {
    match json {
        true => writeln!(out, "{}", json!({ "file": path.display().to_string() }))?,
        false => writeln!(out, "{}", path.display())?,
    }
    Ok(())
}

/// Whether the file's layout is not the one layout; then it is written, unless only asked.
fn lay_out_file(path: &Path, only_asks: bool) -> Result<bool, Failure> {
    let cannot = |error: std::io::Error| format!("cannot lay out {}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(cannot)?;
    let laid_out = lay_out(&text);
    if laid_out == text {
        return Ok(false);
    }
    if !only_asks {
        // Beside it first: a full disk leaves the old file whole.
        let beside = path.with_extension("yaml.new");
        fs::write(&beside, &laid_out).and_then(|()| fs::rename(&beside, path)).map_err(cannot)?;
    }
    Ok(true)
}
