//! From the files of a folder to a library of flows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::calendar::Calendar;
use crate::check;
use crate::diagnostic::Finding;
use crate::document::{self, Node};
use crate::flow::{Digest, Flow, FlowPlaces, Library, Places};
use crate::grammar::flow::{Draft, name_of};
use crate::grammar::{Reader, Shared};
use crate::rota::Rota;
use crate::scenario::Scenario;
use crate::table::Table;
use crate::{PromptTexts, Urgency};

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
    pub queues: BTreeMap<String, QueueInfo>,
    /// Numbers a transfer may go to, of the configuration.
    pub numbers: BTreeSet<String>,
    /// Other systems a flow may ask, of the configuration.
    pub endpoints: BTreeMap<String, EndpointInfo>,
    /// Prompts there are: language, then name.
    pub prompts: BTreeMap<String, BTreeMap<String, PromptInfo>>,
    /// What prompts say, as far as it is written down: whether a menu's words name its keys.
    pub texts: PromptTexts,
    /// When this is asked, for what calendars say of the days to come. `None`: nothing is said of them.
    pub now: Option<Timestamp>,
    /// Whether `approved_by` must be filled in.
    pub is_production: bool,
}

impl Environment {
    /// How long a caller of this urgency waits in a queue before `on_timeout`.
    pub(crate) fn wait_max(&self, queue: &str, urgency: Urgency) -> Duration {
        let queue = self.queues.get(queue);
        queue.and_then(|queue| queue.wait_max.get(&urgency)).copied().unwrap_or(urgency.wait_max())
    }
}

/// What a flow may know of a queue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QueueInfo {
    /// Longest wait of an urgency before `on_timeout`; what is not here waits as
    /// [`Urgency::wait_max`] says.
    pub wait_max: BTreeMap<Urgency, Duration>,
}

/// What a flow may know of an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EndpointInfo {
    /// Whether a request to it has a body.
    pub takes_body: bool,
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

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum FileKind {
    Flow,
    Calendars,
    Rotas,
    Tables,
    Tests,
    Dispositions,
    Other,
}

impl FileKind {
    fn of(path: &str) -> Self {
        let mut parts = path.rsplit(['/', '\\']);
        let name = parts.next().unwrap_or(path);
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        match name {
            _ if !is_yaml || parts.any(|folder| folder == "prompts") => Self::Other,
            "calendars.yaml" => Self::Calendars,
            "dispositions.yaml" => Self::Dispositions,
            "rotas.yaml" => Self::Rotas,
            "tables.yaml" => Self::Tables,
            "queues.yaml" | "numbers.yaml" => Self::Other,
            _ if name.ends_with(".test.yaml") => Self::Tests,
            _ => Self::Flow,
        }
    }
}

/// Compiles all files of a folder together: flows, calendars and shared parts.
pub fn compile(sources: &[Source], environment: &Environment) -> Compiled {
    let mut findings = Vec::new();
    let files = read_all(sources, &mut findings);
    let of_kind = |kind| files.iter().filter(move |file| file.0 == kind);
    let flows: BTreeSet<String> =
        of_kind(FileKind::Flow).filter_map(|(_, _, root)| name_of(root)).map(str::to_owned).collect();

    let nothing = BTreeMap::new();
    let csvs: Vec<&Source> = sources.iter().filter(|source| source.path.ends_with(".csv")).collect();
    let shared = Shared {
        environment,
        calendars: None,
        rotas: None,
        tables: None,
        csvs: &csvs,
        flows: &flows,
        dispositions: &nothing,
    };
    let (calendars, are_broken) =
        named(&files, FileKind::Calendars, &shared, &mut findings, Reader::calendars);
    let known_calendars = (!are_broken).then_some(&calendars);
    let (dispositions, _) =
        named(&files, FileKind::Dispositions, &shared, &mut findings, Reader::disposition_codes);
    let shared = Shared { calendars: known_calendars, dispositions: &dispositions, ..shared };
    let (rotas, are_broken) = named(&files, FileKind::Rotas, &shared, &mut findings, Reader::rotas);
    let shared = Shared { rotas: (!are_broken).then_some(&rotas), ..shared };
    let (tables, are_broken) = named(&files, FileKind::Tables, &shared, &mut findings, Reader::tables);
    let shared = Shared { tables: (!are_broken).then_some(&tables), ..shared };

    let mut drafts: Vec<(&str, Draft)> = Vec::new();
    for (_, source, root) in of_kind(FileKind::Flow) {
        let mut reader = Reader::new(&source.path, &shared);
        if let Some(draft) = reader.flow(root) {
            if !reader.findings.iter().any(Finding::is_error) {
                check::flow(&mut reader, &draft);
            }
            drafts.push((&source.path, draft));
        }
        findings.append(&mut reader.findings);
    }
    for (path, draft) in &drafts {
        let mut reader = Reader::new(path, &shared);
        check::among_flows(&mut reader, path, draft, &drafts);
        findings.append(&mut reader.findings);
    }

    let mut scenarios = tests_beside(of_kind(FileKind::Tests), &shared, &drafts, &mut findings);
    for (_, draft) in &mut drafts {
        scenarios.append(&mut draft.scenarios);
    }
    findings.sort_by(|a, b| (&a.path, a.place, a.code).cmp(&(&b.path, b.place, b.code)));
    let is_sound = !findings.iter().any(Finding::is_error);
    let library = is_sound.then(|| {
        let places = Places(drafts.iter().map(|(path, draft)| places_of(path, draft)).collect());
        let flows = drafts.into_iter().map(|(_, draft)| draft.flow).collect();
        let files = sources.iter().filter(|source| FileKind::of(&source.path) == FileKind::Other);
        let library = library(flows, (calendars, rotas, tables), scenarios, (environment, files));
        Arc::new(Library { places, ..library })
    });
    Compiled { findings, library }
}

fn places_of(path: &str, draft: &Draft) -> (String, FlowPlaces) {
    let places = FlowPlaces { path: path.to_owned(), name: draft.name, steps: draft.steps.clone() };
    (draft.flow.name.to_string(), places)
}

/// Every file that is ours, as nodes; what cannot be read at all is a finding.
fn read_all<'s>(sources: &'s [Source], findings: &mut Vec<Finding>) -> Vec<(FileKind, &'s Source, Node)> {
    let mut files = Vec::new();
    for source in sources {
        let kind = FileKind::of(&source.path);
        if kind == FileKind::Other {
            continue;
        }
        match document::read(&source.path, &source.text) {
            Ok(node) => files.push((kind, source, node)),
            Err(finding) => findings.push(*finding),
        }
    }
    files
}

/// What the files of a kind name, and whether one of them could not be read: that is one mistake, not one for each
/// flow that refers to a name in it.
fn named<'s, T, I: IntoIterator<Item = (String, T)>>(
    files: &'s [(FileKind, &'s Source, Node)],
    kind: FileKind,
    shared: &'s Shared<'s>,
    findings: &mut Vec<Finding>,
    read: impl Fn(&mut Reader<'s>, &'s Node) -> I,
) -> (BTreeMap<String, T>, bool) {
    let mut are_broken = findings.iter().any(|finding| FileKind::of(&finding.path) == kind);
    let mut named = BTreeMap::new();
    for (_, source, root) in files.iter().filter(|file| file.0 == kind) {
        let mut reader = Reader::new(&source.path, shared);
        named.extend(read(&mut reader, root));
        are_broken |= !reader.findings.is_empty();
        findings.append(&mut reader.findings);
    }
    (named, are_broken)
}

/// The tests in files of their own.
fn tests_beside<'s>(
    files: impl Iterator<Item = &'s (FileKind, &'s Source, Node)>,
    shared: &Shared<'_>,
    drafts: &[(&str, Draft)],
    findings: &mut Vec<Finding>,
) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (_, source, root) in files {
        let mut reader = Reader::new(&source.path, shared);
        let tests = reader.test_file(root, |flow| {
            let draft = drafts.iter().find(|(_, draft)| &*draft.flow.name == flow);
            draft.map(|(_, draft)| draft.flow.answers.clone()).unwrap_or_default()
        });
        for test in &tests {
            check::scenario(&mut reader, test, drafts);
        }
        scenarios.extend(tests);
        findings.append(&mut reader.findings);
    }
    scenarios
}

/// What stands beside flows: calendars, rotas, tables.
type Beside = (BTreeMap<String, Calendar>, BTreeMap<String, Rota>, BTreeMap<String, Arc<Table>>);

/// `files` are those that bind what flows name: a queue with another wait is another version, because what was
/// proved was proved with it.
fn library<'s>(
    flows: Vec<Flow>,
    beside: Beside,
    scenarios: Vec<Scenario>,
    (environment, files): (&Environment, impl Iterator<Item = &'s Source>),
) -> Library {
    let flows: BTreeMap<String, Arc<Flow>> = flows
        .into_iter()
        .map(|mut flow| {
            flow.digest = digest_of_flow(&flow, &beside, environment);
            (flow.name.to_string(), Arc::new(flow))
        })
        .collect();
    let (calendars, rotas, tables) = beside;
    let mut whole = Sha256::new();
    for flow in flows.values() {
        whole.update(flow.digest.0);
    }
    whole.update(canonical(&calendars));
    whole.update(canonical(&rotas));
    whole.update(canonical(&tables));
    for source in files {
        // Only its meaning, where it has one: whoever reads it says what is wrong with it.
        match document::read(&source.path, &source.text) {
            Ok(node) => whole.update(canonical(&node)),
            Err(_) => whole.update(canonical(&source.text)),
        }
    }
    for (language, prompts) in &environment.prompts {
        for (prompt, info) in prompts {
            whole.update(canonical(&(language, prompt)));
            whole.update(info.checksum);
        }
    }
    let answering = flows
        .values()
        .flat_map(|flow| flow.answers.iter().map(|number| (number.clone(), flow.clone())))
        .collect();
    let digest = Digest(whole.finalize().into());
    Library { answering, calendars, rotas, tables, scenarios, digest, places: Places::default(), flows }
}

/// Steps, the calendars, rotas and tables they ask, and the sound of every prompt they may play.
fn digest_of_flow(flow: &Flow, (calendars, rotas, tables): &Beside, environment: &Environment) -> Digest {
    let mut hash = Sha256::new();
    hash.update(canonical(flow));
    let asked: BTreeMap<&String, &Calendar> = calendars
        .iter()
        .filter(|(name, _)| flow.calendars().any(|calendar| calendar == name.as_str()))
        .collect();
    hash.update(canonical(&asked));
    if flow.rotas().next().is_some() {
        // Their shifts may ask any calendar.
        let called: Vec<_> =
            rotas.iter().filter(|(name, _)| flow.rotas().any(|rota| rota == *name)).collect();
        hash.update(canonical(&(called, calendars)));
    }
    if flow.tables().next().is_some() {
        let asked: Vec<_> =
            tables.iter().filter(|(name, _)| flow.tables().any(|table| table == *name)).collect();
        hash.update(canonical(&asked));
    }
    for language in &flow.languages {
        let prompts = environment.prompts.get(&**language);
        for (prompt, info) in flow.prompts.iter().filter_map(|name| Some((name, prompts?.get(&**name)?))) {
            hash.update(canonical(&(language, prompt)));
            hash.update(info.checksum);
        }
    }
    Digest(hash.finalize().into())
}

/// JSON with its keys in order: the same for the same meaning, whatever the file's layout.
fn canonical(value: &impl Serialize) -> Vec<u8> {
    // A `Value` keeps its maps sorted; nothing of ours fails to be one, and if it did, the empty text is
    // as good a version as any.
    serde_json::to_value(value).and_then(|value| serde_json::to_vec(&value)).unwrap_or_default()
}
