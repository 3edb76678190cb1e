//! `flow doc` and `flow diff`: for who approves a flow.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use ::flow::{Library, Proof, Script, Version, diff, prove};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{One, library, read};
use crate::cli::{ConfigPath, Failure};
use crate::content::Content;
use crate::driver::signalling::now;

/// Which flow, and on what paper.
#[derive(Debug, Args)]
pub struct Doc {
    #[command(flatten)]
    one: One,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Form::Markdown)]
    form: Form,
    /// One JSON object: the flow, the form and the text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Markdown,
    Html,
}

impl Doc {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (content, library, flow) = self.one.read()?;
        let proofs = prove(&library, &content.environment, now().mono);
        let script = Script::of(&library, &flow, &content.environment.texts, &proofs)
            .ok_or("there is no such flow")?;
        let (form, text) = match self.form {
            Form::Markdown => ("markdown", script.markdown()),
            Form::Html => ("html", script.html()),
        };
        if self.json {
            writeln!(out, "{}", json!({ "flow": flow, "form": form, "text": text }))?;
        } else {
            out.write_all(text.as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Which two versions.
#[derive(Debug, Args)]
pub struct Diff {
    /// The old version: a folder, a git revision, or both revisions as `main..HEAD`.
    old: String,
    /// The new version: a folder or a git revision; default the folder of the configuration.
    new: Option<String>,
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object for each change.
    #[arg(long)]
    json: bool,
}

/// A version that was read.
#[derive(Debug)]
struct Read {
    content: Content,
    library: Arc<Library>,
    proofs: Vec<Proof>,
}

impl Diff {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (old, new) = match (self.old.split_once(".."), &self.new) {
            (Some((old, new)), None) if !Path::new(&self.old).exists() => (old, Some(new)),
            (_, new) => (self.old.as_str(), new.as_deref()),
        };
        let old = self.side(Some(old))?;
        let new = self.side(new.filter(|new| !new.is_empty()))?;
        let version =
            |read: &'_ Read| -> (Arc<Library>, Vec<Proof>) { (read.library.clone(), read.proofs.clone()) };
        let ((old_library, old_proofs), (new_library, new_proofs)) = (version(&old), version(&new));
        let changes = diff(
            Version { library: &old_library, texts: &old.content.environment.texts, proofs: &old_proofs },
            Version { library: &new_library, texts: &new.content.environment.texts, proofs: &new_proofs },
        );
        for change in &changes {
            match self.json {
                true => writeln!(out, "{}", serde_json::to_string(change)?)?,
                false => writeln!(out, "{change}")?,
            }
        }
        if !self.json {
            writeln!(out, "{} changes for callers", changes.len())?;
        }
        Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A folder as it is, or the folder of the configuration as it was at a revision.
    fn side(&self, name: Option<&str>) -> Result<Read, Failure> {
        let checkout;
        let folder = match name {
            None => None,
            Some(name) if Path::new(name).is_dir() => Some(PathBuf::from(name)),
            Some(revision) => {
                checkout = Checkout::of(revision, &self.config.load()?.call_flows)?;
                Some(checkout.flows.clone())
            }
        };
        let content = read(&self.config, folder.as_deref())?;
        let library = library(&content)
            .map_err(|error| format!("{}: {error}", name.unwrap_or("the folder of the configuration")))?;
        let proofs = prove(&library, &content.environment, now().mono);
        Ok(Read { content, library, proofs })
    }
}

/// A revision's folder, unpacked beside the others of this machine, and gone with the value.
#[derive(Debug)]
struct Checkout {
    root: PathBuf,
    flows: PathBuf,
}

impl Checkout {
    fn of(revision: &str, flows: &Path) -> Result<Self, Failure> {
        if revision.starts_with('-') {
            return Err(format!("`{revision}` is neither a folder nor a revision").into());
        }
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let root = std::env::temp_dir().join(format!("careline-diff-{:016x}", u64::from_ne_bytes(random)));
        fs::create_dir(&root)?;
        let checkout = Self { flows: root.join(flows), root };
        // `./` is where the command runs, which need not be the top of the repository.
        let mut archive = Command::new("git")
            .args(["archive", "--format=tar", revision, "--"])
            .arg(flows)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run git: {error}"))?;
        let tar = archive.stdout.take().ok_or("git gives nothing")?;
        let unpacked = Command::new("tar").arg("-x").arg("-C").arg(&checkout.root).stdin(tar).status()?;
        if !archive.wait()?.success() || !unpacked.success() {
            return Err(format!(
                "`{revision}` is neither a folder nor a revision that has {}",
                flows.display()
            )
            .into());
        }
        Ok(checkout)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // What cannot be removed is the temporary folder's to forget.
        let _ = fs::remove_dir_all(&self.root);
    }
}
