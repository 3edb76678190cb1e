//! The folder of call flows: flows, queues, calendars and prompts, checked together and swapped as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use acd::QueueConfig;
use call::{Endpoint, Fallback, Loaded, MediaSetup, Method, Prompts, Setup, Trunk, TrunkConfig};
use flow::{Compiled, Finding, PromptInfo, PromptRef, PromptTexts, Source};
use media::Prompt;
use media::codec::Codec;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::config::{Config, Environment, explain};
use crate::driver::signalling::now;
use crate::flows::{ArchiveError, Audio, Unsafe};
use crate::secrets::Secrets;

/// Files a folder of call flows may hold; beyond, somebody pointed careline at the wrong folder.
const FILES_MAX: usize = 10_000;

/// Everything flows consist of, read and compiled, whether usable or not.
#[derive(Debug)]
pub struct Content {
    /// The texts, for showing findings.
    pub sources: Vec<Source>,
    /// The rows of tables. Nothing of them is for a terminal: a finding in one is shown by its place alone.
    pub tables: Vec<Source>,
    /// What was found, and the library unless something is an error.
    pub compiled: Compiled,
    /// `queues.yaml`.
    pub queues: BTreeMap<String, QueueConfig>,
    /// What flows are compiled against.
    pub environment: flow::Environment,
    /// The folder it was read from.
    folder: PathBuf,
    prompts: BTreeMap<PromptRef, PathBuf>,
}

/// Why content or configuration cannot be used. The last good version stays in use.
#[derive(Debug, Error)]
pub enum ContentError {
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A mistake in `queues.yaml` or `numbers.yaml`.
    #[error("{0}")]
    Named(String),
    /// A prompt that is no 16-bit mono WAV.
    #[error("prompt {path} cannot be played: {why}. Write it as 16-bit mono PCM, 16 kHz: `sox in.wav -r 16000 -c 1 -b 16 out.wav`", path = .path.display())]
    Prompt {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A table in another encoding.
    #[error("table {path} is not UTF-8: save it from the spreadsheet as “CSV UTF-8”", path = .path.display())]
    NotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// Flows with errors.
    #[error("{0}")]
    Flows(String),
    /// A version cannot be kept or found.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Flows that break a safety rule.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// The flow that answers numbers whose own is gone is gone itself.
    #[error("`call_flow_fallback: {name}` is no flow that answers calls; these do: {known}")]
    NoFallback {
        /// As it is written.
        name: String,
        /// Which could be.
        known: String,
    },
    /// A prompt that is not what was read a moment ago.
    #[error("prompt {path} was changed while it was read: reload again", path = .path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// A carrier asks for a password that nobody wrote down.
    #[error("trunk `{trunk}` has a `user` but no password: write it into {path} under `trunks:`, as `{trunk}: \"…\"`, and start or reload again", path = .path.display())]
    NoTrunkPassword {
        /// Which.
        trunk: String,
        /// Where it belongs.
        path: PathBuf,
    },
    /// An agent is given a queue that does not exist.
    #[error("agent `{agent}` is to serve queue `{queue}`, which queues.yaml does not have{hint}")]
    NoSuchQueue {
        /// Who.
        agent: String,
        /// Which.
        queue: String,
        /// `: did you mean …`.
        hint: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueuesFile {
    queues: BTreeMap<String, QueueConfig>,
}

/// `numbers.yaml`: what each number flows transfer to is for. Where it leads, the configuration says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumbersFile {
    numbers: BTreeMap<String, String>,
}

impl Content {
    /// Reads the folder of the configuration and compiles its flows. Prompts are measured, not decoded.
    pub fn read(config: &Config) -> Result<Self, ContentError> {
        Self::read_from(&config.call_flows, config)
    }

    /// The same of another folder: a version that was kept.
    pub fn read_from(folder: &Path, config: &Config) -> Result<Self, ContentError> {
        let mut paths = Vec::new();
        yaml_files(folder, &mut paths)?;
        let mut sources = Vec::new();
        let mut queues = BTreeMap::new();
        let mut numbers: BTreeSet<String> = config.numbers.keys().cloned().collect();
        for path in paths {
            let text = fs::read_to_string(&path)
                .map_err(|cause| ContentError::Unreadable { path: path.clone(), cause })?;
            let shown = path.display().to_string();
            if path.file_name().is_some_and(|name| name == "queues.yaml") {
                let file: QueuesFile = serde_saphyr::from_str(&text)
                    .map_err(|error| ContentError::Named(explain(&error, &text, &shown)))?;
                queues = file.queues;
            }
            if path.file_name().is_some_and(|name| name == "numbers.yaml") {
                let file: NumbersFile = serde_saphyr::from_str(&text)
                    .map_err(|error| ContentError::Named(explain(&error, &text, &shown)))?;
                numbers.extend(file.numbers.into_keys());
            }
            sources.push(Source { path: shown, text });
        }
        let tables = csv_files(folder)?;
        let (prompts, infos) = measure_prompts(&folder.join("prompts"))?;
        let texts = prompt_texts(&folder.join("prompts"), infos.keys())?;
        let environment = flow::Environment {
            queues: queues.iter().map(|(name, queue)| (name.clone(), queue_info(queue))).collect(),
            numbers,
            endpoints: config
                .endpoints
                .iter()
                .map(|(name, endpoint)| {
                    let takes_body = endpoint.method == Method::Post;
                    (name.clone(), flow::EndpointInfo { takes_body })
                })
                .collect(),
            prompts: infos,
            texts,
            now: Some(now().wall),
            is_production: config.environment == Environment::Production,
        };
        let all: Vec<Source> = sources.iter().chain(&tables).cloned().collect();
        let compiled = flow::compile(&all, &environment);
        Ok(Self { sources, tables, compiled, queues, environment, folder: folder.to_owned(), prompts })
    }

    /// A file as it is called inside the folder.
    pub fn inside<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.folder).unwrap_or(path)
    }

    /// Every recording with its checksum.
    pub fn audio(&self) -> impl Iterator<Item = (&Path, &[u8; 32])> {
        self.prompts.iter().filter_map(|(prompt, path)| Some((path.as_path(), self.checksum(prompt)?)))
    }

    fn checksum(&self, prompt: &PromptRef) -> Option<&[u8; 32]> {
        let language = self.environment.prompts.get(&*prompt.language)?;
        language.get(&*prompt.name).map(|info| &info.checksum)
    }

    /// A finding with its lines and caret.
    pub fn show(&self, finding: &Finding) -> String {
        let source = self.sources.iter().find(|source| source.path == finding.path);
        finding.render(source.map(|source| source.text.as_str()))
    }

    /// The sound of a prompt as it is in its file, and its samples a second.
    pub fn samples(&self, prompt: &PromptRef) -> Result<(Vec<i16>, u32), ContentError> {
        let checksum = self.checksum(prompt).copied().unwrap_or_default();
        self.prompts.get(prompt).map_or_else(|| Ok((Vec::new(), 8_000)), |path| samples(path, checksum))
    }

    /// Everything a switch works with: every prompt decoded, every name bound.
    pub fn setup(&self, config: &Config, secrets: &Secrets, audio: &Audio) -> Result<Setup, ContentError> {
        let Some(library) = &self.compiled.library else {
            let errors = self.compiled.findings.iter().filter(|finding| finding.is_error());
            return Err(ContentError::Flows(errors.map(|f| self.show(f)).collect::<Vec<_>>().join("\n\n")));
        };
        for (agent, its) in &config.agents {
            if let Some(queue) = its.queues.iter().find(|queue| !self.queues.contains_key(*queue)) {
                let near = |name: &&String| strsim::jaro_winkler(queue, name);
                let best = self.queues.keys().max_by(|a, b| near(a).total_cmp(&near(b)));
                let hint = best.map(|best| format!(": did you mean `{best}`?")).unwrap_or_default();
                return Err(ContentError::NoSuchQueue { agent: agent.clone(), queue: queue.clone(), hint });
            }
        }
        for name in self.environment.numbers.iter().filter(|name| !config.numbers.contains_key(*name)) {
            tracing::warn!(number = %name, "a number flows transfer to leads nowhere: bind it under `numbers:`; until then such a transfer fails at once and its flow goes on");
        }
        warn_where_911_leads_nowhere(config);
        let threads = match config.media.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => usize::from(threads),
        };
        Ok(Setup {
            library: Arc::clone(library),
            prompts: Arc::new(self.decode_prompts(config, audio)?),
            acd: acd::Config { queues: self.queues.clone(), agents: config.agents.clone() },
            users: secrets
                .agents
                .iter()
                .filter(|(agent, _)| config.agents.contains_key(*agent))
                .map(|(agent, secret)| sip::User { name: agent.clone(), secret: secret.clone() })
                .collect(),
            numbers: config.numbers.clone(),
            endpoints: endpoints(config, secrets),
            trunks: trunks(config, secrets)?,
            strangers: config.strangers,
            security: config.security.limits(),
            certificate_hosts: config.stir.hosts(),
            emergency: config.emergency.clone().map(Arc::new),
            feature_codes: config.feature_codes.clone(),
            supervision: config.supervision.clone(),
            conference: config.conference.clone(),
            agent_language: config.agent_language.as_str().into(),
            media: MediaSetup {
                address: config.media.address,
                ports: config.media.ports.0.clone(),
                codecs: config.media.codecs.iter().map(|codec| codec.codec()).collect(),
                shards: u16::try_from(threads).unwrap_or(u16::MAX),
                encryption: config.media.encryption,
            },
            limits: config.limits,
            fallback: Fallback::default(),
            loaded: Loaded::default(),
        })
    }

    fn decode_prompts(&self, config: &Config, audio: &Audio) -> Result<Prompts, ContentError> {
        let decoded = |(prompt, path): (&PromptRef, &PathBuf)| {
            let checksum = self.checksum(prompt).copied().unwrap_or_default();
            Ok((prompt.clone(), audio.find(checksum, || decode(path, checksum))?))
        };
        let prompts = self.prompts.iter().map(decoded).collect::<Result<Prompts, ContentError>>()?;
        prepare(config, self.prompts.keys().filter_map(|prompt| prompts.find(prompt)).cloned().collect());
        Ok(prompts)
    }
}

/// Every file a folder consists of, in a fixed order.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, ContentError> {
    let mut paths = Vec::new();
    files_with(folder, &["yaml", "yml", "csv"], &mut paths)?;
    paths.extend(recordings(&folder.join("prompts")).map(|(path, _)| path));
    paths.sort();
    Ok(paths)
}

/// Every endpoint with its token, where it has one.
fn endpoints(config: &Config, secrets: &Secrets) -> BTreeMap<String, Arc<Endpoint>> {
    let with_token = |(name, config): (&String, &call::EndpointConfig)| {
        let token = secrets.endpoints.get(name).cloned();
        (name.clone(), Arc::new(Endpoint { config: config.clone(), token }))
    };
    config.endpoints.iter().map(with_token).collect()
}

/// Every trunk with its passwords. Ours at a carrier is the carrier's to give: it is never generated.
fn trunks(config: &Config, secrets: &Secrets) -> Result<BTreeMap<String, Trunk>, ContentError> {
    let with_secrets = |(name, config): (&String, &TrunkConfig)| {
        let password = secrets.trunks.get(name).cloned();
        if config.user.is_some() && password.is_none() {
            return Err(ContentError::NoTrunkPassword { trunk: name.clone(), path: secrets.path.clone() });
        }
        let accept_password = config.accept.user.as_ref().and_then(|user| secrets.accept.get(user)).cloned();
        Ok((name.clone(), Trunk { config: config.clone(), password, accept_password }))
    };
    config.trunks.iter().map(with_secrets).collect()
}

fn warn_where_911_leads_nowhere(config: &Config) {
    if config.emergency.is_none() {
        tracing::warn!(
            "911 FROM AN AGENT'S PHONE LEADS NOWHERE: `emergency:` is not configured. Whoever dials it is told to \
             take another phone. 47 CFR 9.16 demands it of every phone system in the United States"
        );
    }
}

/// Encodes prompts for the codecs that take their time, beside what else starts: calls need not wait for it. A leg that
/// is faster has its own prompt encoded as it begins.
fn prepare(config: &Config, prompts: Vec<Arc<Prompt>>) {
    let is_slow = |codec: &Codec| !matches!(codec, Codec::Pcmu | Codec::Pcma);
    let codecs = config.media.codecs.iter().map(|codec| codec.codec()).filter(is_slow);
    let codecs: Vec<Codec> = codecs.collect();
    if codecs.is_empty() {
        return;
    }
    let spawned = thread::Builder::new().name("prompts".to_owned()).spawn(move || {
        prompts.iter().for_each(|prompt| prompt.prepare(&codecs));
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "prompts are not encoded ahead of time: the first leg of each codec waits for them");
    }
}

/// Every YAML file below a folder, in a fixed order, but for what belongs to the prompts.
pub(crate) fn yaml_files(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), ContentError> {
    files_with(folder, &["yaml", "yml"], paths)
}

fn files_with(folder: &Path, extensions: &[&str], paths: &mut Vec<PathBuf>) -> Result<(), ContentError> {
    let unreadable = |cause| ContentError::Unreadable { path: folder.to_owned(), cause };
    let mut entries = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    entries.sort();
    for path in entries {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !is_hidden && path.file_name().is_some_and(|name| name != "prompts") {
            files_with(&path, extensions, paths)?;
        } else if path.extension().is_some_and(|ext| extensions.iter().any(|known| ext == *known))
            && paths.len() < FILES_MAX
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// The CSV files of a folder: rows of tables.
fn csv_files(folder: &Path) -> Result<Vec<Source>, ContentError> {
    let mut paths = Vec::new();
    files_with(folder, &["csv"], &mut paths)?;
    let read = |path: PathBuf| {
        let bytes =
            fs::read(&path).map_err(|cause| ContentError::Unreadable { path: path.clone(), cause })?;
        let text = String::from_utf8(bytes).map_err(|_| ContentError::NotUtf8 { path: path.clone() })?;
        Ok(Source { path: path.display().to_string(), text })
    };
    paths.into_iter().map(read).collect()
}

type Measured = (BTreeMap<PromptRef, PathBuf>, BTreeMap<String, BTreeMap<String, PromptInfo>>);

/// Every `<language>/<name>.wav` below a folder. A folder without prompts has none.
fn recordings(folder: &Path) -> impl Iterator<Item = (PathBuf, PromptRef)> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    list(folder).filter(|path| path.is_dir()).flat_map(move |language| {
        let language_name = language.file_name().and_then(|name| name.to_str()).map(Arc::<str>::from);
        list(&language).filter_map(move |path| {
            let is_wav = path.extension().is_some_and(|extension| extension == "wav");
            let name = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_wav)?;
            let prompt = PromptRef { language: language_name.clone()?, name: name.into() };
            Some((path, prompt))
        })
    })
}

/// How long every recording plays.
fn measure_prompts(folder: &Path) -> Result<Measured, ContentError> {
    let mut measured = Measured::default();
    for (path, prompt) in recordings(folder) {
        let info = measure(&path)?;
        measured.1.entry(prompt.language.to_string()).or_default().insert(prompt.name.to_string(), info);
        measured.0.insert(prompt, path);
    }
    Ok(measured)
}

fn measure(path: &Path) -> Result<PromptInfo, ContentError> {
    let unreadable = |cause| ContentError::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unreadable)?;
    let reader = wav(path, &*bytes)?;
    let seconds = f64::from(reader.duration()) / f64::from(reader.spec().sample_rate);
    Ok(PromptInfo { duration: Duration::from_secs_f64(seconds), checksum: Sha256::digest(&bytes).into() })
}

fn decode(path: &Path, checksum: [u8; 32]) -> Result<Prompt, ContentError> {
    let (samples, rate) = samples(path, checksum)?;
    Ok(Prompt::from_pcm(&samples, rate))
}

fn samples(path: &Path, checksum: [u8; 32]) -> Result<(Vec<i16>, u32), ContentError> {
    let bytes = fs::read(path).map_err(|cause| ContentError::Unreadable { path: path.to_owned(), cause })?;
    if <[u8; 32]>::from(Sha256::digest(&bytes)) != checksum {
        return Err(ContentError::Changed { path: path.to_owned() });
    }
    let mut reader = wav(path, &*bytes)?;
    let rate = reader.spec().sample_rate;
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>();
    let samples =
        samples.map_err(|error| ContentError::Prompt { path: path.to_owned(), why: error.to_string() })?;
    Ok((samples, rate))
}

/// `prompts/<language>/prompts.yaml`, of which only the words are read here.
#[derive(Deserialize)]
struct Manifest {
    prompts: BTreeMap<String, Worded>,
}

#[derive(Deserialize)]
struct Worded {
    #[serde(default)]
    text: String,
}

/// What the prompts of each language say. A language without the file has words nobody wrote down.
fn prompt_texts<'l>(
    folder: &Path,
    languages: impl Iterator<Item = &'l String>,
) -> Result<PromptTexts, ContentError> {
    let mut texts = PromptTexts::new();
    for language in languages {
        let path = folder.join(language).join("prompts.yaml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let file: Manifest = serde_saphyr::from_str(&text)
            .map_err(|error| ContentError::Named(explain(&error, &text, &path.display().to_string())))?;
        let words = file.prompts.into_iter().map(|(name, prompt)| (name, prompt.text));
        texts.insert(language.clone(), words.collect());
    }
    Ok(texts)
}

/// A reader of a WAV file that telephony can play.
fn wav<R: Read>(path: &Path, reader: R) -> Result<hound::WavReader<R>, ContentError> {
    let wrong = |why: String| ContentError::Prompt { path: path.to_owned(), why };
    let reader = hound::WavReader::new(reader).map_err(|error| wrong(error.to_string()))?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.bits_per_sample != 16 || spec.sample_format != hound::SampleFormat::Int {
        return Err(wrong(format!("{} channels of {} bits", spec.channels, spec.bits_per_sample)));
    }
    if ![8_000, 16_000, 24_000, 32_000, 48_000].contains(&spec.sample_rate) {
        return Err(wrong(format!("{} samples a second", spec.sample_rate)));
    }
    Ok(reader)
}

/// What a flow may know of a queue.
fn queue_info(queue: &QueueConfig) -> flow::QueueInfo {
    let wait_max = flow::Urgency::ALL.into_iter().filter_map(|urgency| {
        let secs = queue.wait_max_secs.get(urgency.word())?;
        Some((urgency, Duration::from_secs(u64::from(*secs))))
    });
    flow::QueueInfo { wait_max: wait_max.collect() }
}
