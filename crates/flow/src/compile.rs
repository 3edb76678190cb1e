//! From the files of a folder to a library of flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path, as messages show it.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What flows refer to by name, bound elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Queues of `queues.yaml`.
    pub queues: BTreeSet<String>,
    /// Numbers a transfer may go to, of the configuration.
    pub numbers: BTreeSet<String>,
    /// Prompts there are: language, then name.
    pub prompts: BTreeMap<String, BTreeMap<String, PromptInfo>>,
    /// Whether `approved_by` must be filled in.
    pub is_production: bool,
}

/// What a flow may know of a prompt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PromptInfo {
    /// How long it plays.
    pub duration: Duration,
    /// SHA-256 of its audio: part of a flow's version.
    pub checksum: [u8; 32],
}

/// What came of compiling.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Everything found, by file and line.
    pub findings: Vec<Finding>,
    /// The library, unless a finding is an error.
    pub library: Option<Arc<Library>>,
}

/// A mistake, or something that looks like one.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A stable code: `flow/unknown-step`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The file.
    pub path: String,
    /// Line and column from 1, and the marked text's length in characters; `None` for the whole file.
    pub place: Option<(usize, usize, usize)>,
    /// Under the caret.
    pub label: String,
    /// The next thing to do.
    pub help: Option<String>,
}

impl Finding {
    /// Whether the flows cannot be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// As rustc would print it, with the lines of `source` and a caret.
    pub fn render(&self, _source: Option<&str>) -> String {
        self.message.clone()
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The flows cannot be used.
    Error,
    /// They can, and somebody should look.
    Warning,
}

/// SHA-256 of a flow's canonical compiled form and of the prompts it names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All flows of one version of a folder, swapped as one.
#[derive(Debug)]
pub struct Library {
    flows: BTreeMap<String, Arc<Flow>>,
}

/// One flow, checked, immutable.
#[derive(Debug)]
pub struct Flow {}

#[expect(clippy::todo, unused_variables, missing_docs, reason = "the contract, before its implementation")]
impl Library {
    /// The flow that answers a dialled number (E.164 with `+`, or an extension exactly as in `answers:`).
    pub fn answering(&self, dialled: &str) -> Option<&Arc<Flow>> {
        todo!()
    }
    pub fn flow(&self, name: &str) -> Option<&Arc<Flow>> {
        self.flows.get(name)
    }
    pub fn flows(&self) -> impl Iterator<Item = &Arc<Flow>> {
        self.flows.values()
    }
    /// Of all flows together.
    pub fn digest(&self) -> Digest {
        todo!()
    }
}

#[expect(clippy::todo, missing_docs, reason = "the contract, before its implementation")]
impl Flow {
    pub fn name(&self) -> &str {
        todo!()
    }
    pub fn digest(&self) -> Digest {
        todo!()
    }
    /// The numbers of `answers:`.
    pub fn answers(&self) -> &[String] {
        todo!()
    }
}

/// Compiles all files of a folder together: flows, calendars and shared parts.
pub fn compile(_sources: &[Source], _environment: &Environment) -> Compiled {
    Compiled { findings: Vec::new(), library: None }
}
