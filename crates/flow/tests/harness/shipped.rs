//! The flows that ship, with their prompts' real lengths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flow::{Environment, PromptInfo, QueueInfo, Source};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Keys two spaces in: the names of `queues.yaml` and `numbers.yaml`.
fn names(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let is_name =
        |line: &&str| line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  #");
    text.lines().filter(is_name).filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect()
}

/// What each prompt of a language says: the lines `text:` of its `prompts.yaml`, below the prompt's name.
fn texts(root: &Path, language: &str) -> BTreeMap<String, String> {
    let manifest = std::fs::read_to_string(root.join("prompts").join(language).join("prompts.yaml")).unwrap();
    let mut name = "";
    let mut texts = BTreeMap::new();
    for line in manifest.lines() {
        if let Some(text) = line.strip_prefix("    text: ") {
            texts.insert(name.to_owned(), text.trim_matches('"').to_owned());
        } else if let Some(key) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            name = key;
        }
    }
    texts
}

/// Every YAML file and table of `call-flows`, and what the flows may know of queues, numbers and prompts.
pub fn shipped() -> (Vec<Source>, Environment) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../call-flows");
    let files = files(&root);
    let mut prompts: BTreeMap<String, BTreeMap<String, PromptInfo>> = BTreeMap::new();
    for wav in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "wav")) {
        let language = wav.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let name = wav.file_stem().unwrap().to_str().unwrap().to_owned();
        // Bytes per second stand at 28 of a WAV header.
        let bytes = std::fs::read(wav).unwrap();
        let per_second = u32::from_le_bytes(bytes[28..32].try_into().unwrap());
        let duration = Duration::from_secs_f64((bytes.len() - 44) as f64 / f64::from(per_second));
        prompts.entry(language).or_default().insert(name, PromptInfo { duration, checksum: [0; 32] });
    }
    let queues = names(&root.join("queues.yaml")).into_iter().map(|name| (name, QueueInfo::default()));
    let environment = Environment {
        queues: queues.collect(),
        numbers: names(&root.join("numbers.yaml")).into_iter().collect(),
        prompts,
        texts: ["en", "es"].map(|language| (language.to_owned(), texts(&root, language))).into(),
        now: Some("2026-11-23T12:00:00Z".parse().unwrap()),
        endpoints: BTreeMap::new(),
        is_production: false,
    };
    let read = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "csv");
    let sources = files.iter().filter(read).map(|path| Source {
        path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
        text: std::fs::read_to_string(path).unwrap(),
    });
    (sources.collect(), environment)
}

/// The same with some of the numbers that answer alone: a proof follows every caller of every number, and most of what
/// is asked of it here is about one.
#[allow(dead_code, reason = "not every test that shares this file proves")]
pub fn with_lines(lines: &[&str]) -> (Vec<Source>, Environment) {
    let (mut sources, environment) = shipped();
    sources.retain(|source| !source.text.contains("\nanswers: [") || lines.contains(&&*source.path));
    (sources, environment)
}
