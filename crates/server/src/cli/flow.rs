mod check;
mod doc;
mod edit;
mod explain;
mod graph;
mod trial;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::flow::Library;
use clap::{Args, Subcommand};

use crate::cli::versions::{Rollback, Versions};
use crate::cli::{ConfigPath, Failure};
use crate::content::Content;

/// Call flows.
#[derive(Debug, Subcommand)]
pub enum Flow {
    /// Check call flows without starting a server. Exit status: 0 no errors, 1 errors, 2 cannot read.
    Check(Folder),
    /// Run the tests of call flows. Exit status: 0 all pass, 1 some do not, 2 cannot read.
    Test(Test),
    /// Prove, for every caller and every fault, that the safety rules S1 to S22 and the flows' own promises hold.
    /// Exit status: 0 all hold, 1 some do not, 2 cannot read.
    Prove(Folder),
    /// Call a flow in the terminal: its words as text, keys typed, silence, faults, a clock that waits for you.
    /// Exit status: 0 called, 2 cannot read.
    Try(trial::Try),
    /// Say what a finding's code means: what, why, an example, the fix. Exit status: 0 known, 2 not.
    Explain(explain::Explain),
    /// Write a new flow to begin with. Exit status: 0 written, 2 it cannot be.
    New(edit::New),
    /// Put flows into the one layout; comments stay. Exit status: 0 done, 1 some would change (`--check`), 2 cannot read.
    Fmt(edit::Fmt),
    /// Write a flow as a script to be read and approved. Exit status: 0 written, 2 cannot read.
    Doc(doc::Doc),
    /// Say what changes for callers between two versions. Exit status: 0 nothing, 1 something, 2 cannot read.
    Diff(doc::Diff),
    /// Draw a flow and the flows it calls. Exit status: 0 drawn, 2 cannot read.
    Graph(graph::Draw),
    /// Print the JSON Schema of a flow's file, for completion in editors.
    Schema,
    /// Every version a running server activated: when, by whom, and how many calls are on it.
    Versions(Versions),
    /// Give new calls an earlier version, at once. Exit status: 0 active, 1 refused, 2 the server was not reached.
    Rollback(Rollback),
}

/// Which flows, and for whom to print.
#[derive(Debug, Args)]
pub struct Folder {
    /// The folder of flows, queues, calendars and prompts; default that of the configuration.
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object for each finding or test, for editors and CI.
    #[arg(long)]
    json: bool,
}

/// Which tests.
#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    folder: Folder,
    /// Name the steps no test comes to, and the ways out of a step no test takes.
    #[arg(long)]
    coverage: bool,
}

/// Which flow of which folder.
#[derive(Debug, Args)]
struct One {
    /// A flow's name, or its file; the folder is then the one the file is in. Default: the first that answers calls.
    #[arg(value_name = "FILE|FLOW")]
    flow: Option<String>,
    /// The folder of flows, queues, calendars and prompts; default that of the configuration.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
}

impl Flow {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(folder) => folder.check(out),
            Self::Test(test) => test.folder.test(test.coverage, out),
            Self::Prove(folder) => folder.prove(out),
            Self::Try(trial) => trial.run(out),
            Self::Explain(explain) => explain.run(out),
            Self::New(new) => new.run(out),
            Self::Fmt(fmt) => fmt.run(out),
            Self::Doc(doc) => doc.run(out),
            Self::Diff(diff) => diff.run(out),
            Self::Graph(draw) => draw.run(out),
            Self::Schema => {
                writeln!(out, "{}", serde_json::to_string_pretty(&::flow::flow_schema())?)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Versions(versions) => versions.run(out),
            Self::Rollback(rollback) => rollback.run(out),
        }
    }
}

fn read(config: &ConfigPath, folder: Option<&Path>) -> Result<Content, Failure> {
    let mut config = config.load()?;
    if let Some(folder) = folder {
        config.call_flows = folder.to_owned();
    }
    Ok(Content::read(&config)?)
}

fn library(content: &Content) -> Result<Arc<Library>, Failure> {
    let library = content.compiled.library.clone();
    library.ok_or_else(|| "these flows have errors; `careline flow check` shows them".into())
}

impl Folder {
    fn read(&self) -> Result<Content, Failure> {
        read(&self.config, self.folder.as_deref())
    }

    fn read_library(&self) -> Result<(Content, Arc<Library>), Failure> {
        let content = self.read()?;
        let library = library(&content)?;
        Ok((content, library))
    }
}

impl One {
    /// The folder's content, its library, and the flow's name.
    fn read(&self) -> Result<(Content, Arc<Library>, String), Failure> {
        let file = self.flow.as_deref().map(Path::new).filter(|path| path.is_file());
        let folder = self.folder.clone().or_else(|| file.map(folder_of));
        let content = read(&self.config, folder.as_deref())?;
        let library = library(&content)?;
        let name = match (&self.flow, file) {
            (Some(flow), None) => flow.clone(),
            (_, Some(file)) => {
                let stem = file.file_stem().unwrap_or_default();
                stem.to_string_lossy().trim_end_matches(".test").to_owned()
            }
            (None, None) => {
                let answers = library.flows().find(|flow| !flow.answers().is_empty());
                answers.or_else(|| library.flows().next()).ok_or("there is no flow")?.name().to_owned()
            }
        };
        if library.flow(&name).is_none() {
            let known: Vec<&str> = library.flows().map(|flow| flow.name()).collect();
            return Err(format!("there is no flow `{name}`; there are: {}", known.join(", ")).into());
        }
        Ok((content, library, name))
    }
}

/// The folder a flow's file belongs to: the nearest above it that holds queues or calendars.
fn folder_of(file: &Path) -> PathBuf {
    let holds =
        |folder: &&Path| folder.join("queues.yaml").is_file() || folder.join("calendars.yaml").is_file();
    let folders = file
        .ancestors()
        .skip(1)
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let nearest = folders.clone().find(holds).or_else(|| folders.clone().next());
    nearest.unwrap_or(Path::new(".")).to_owned()
}
