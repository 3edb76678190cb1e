//! `prompts check`: every recording measured as callers hear it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flow::{Finding, PromptAudio, Recorded, Severity};
use media::Sound;
use serde::Deserialize;
use serde_json::json;

use super::{ConfigPath, Failure};

/// Rates a master may have: those the engine resamples without loss.
const RATES: [u32; 5] = [8_000, 16_000, 24_000, 32_000, 48_000];

/// Prompts.
#[derive(Debug, Subcommand)]
pub enum Prompts {
    /// Measure every recording: missing, clipped, too loud or soft, silence at its ends, not as long as its text.
    /// Exit status: 0 no errors, 1 errors, 2 cannot read.
    Check(Check),
}

/// Which prompts, and for whom to print.
#[derive(Debug, Args)]
pub struct Check {
    /// The folder of flows and prompts; default that of the configuration.
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
    /// One JSON object for each finding, for editors and CI.
    #[arg(long)]
    json: bool,
}

/// `prompts/<language>/prompts.yaml`, as far as it is about single prompts.
#[derive(Deserialize)]
struct Manifest {
    prompts: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    text: String,
    #[serde(default)]
    voice: String,
    /// A piece of numbers or dates other languages do not have.
    #[serde(default)]
    only: bool,
}

/// A language's folder, and what its prompts are to say.
type Language = (PathBuf, BTreeMap<String, Entry>);

impl Prompts {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.run(out),
        }
    }
}

impl Check {
    fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let folder = match self.folder {
            Some(folder) => folder,
            None => self.config.load()?.call_flows,
        };
        let languages = languages(&folder.join("prompts"))?;
        let shared: BTreeSet<&String> = languages
            .iter()
            .flat_map(|(_, entries)| entries)
            .filter(|(_, entry)| !entry.only)
            .map(|(name, _)| name)
            .collect();
        let (mut count, mut found) = (0, Vec::new());
        for (language, entries) in &languages {
            let on_disk = recordings(language)?;
            let names: BTreeSet<&String> =
                entries.keys().chain(shared.iter().copied()).chain(&on_disk).collect();
            count += names.len();
            for name in names {
                found.extend(of_prompt(&language.join(format!("{name}.wav")), entries.get(name)));
            }
        }
        for finding in &found {
            if self.json {
                let severity = if finding.is_error() { "error" } else { "warning" };
                let line = json!({ "severity": severity, "code": finding.code, "message": finding.message, "file": finding.path, "help": finding.help });
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{}\n", finding.render(None))?;
            }
        }
        let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
        if !self.json {
            writeln!(out, "{count} prompts, {errors} errors, {} warnings", found.len() - errors)?;
        }
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Every language there is, in a fixed order.
fn languages(folder: &Path) -> Result<Vec<Language>, Failure> {
    let entries =
        fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut languages = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let manifest = path.join("prompts.yaml");
        let prompts = match fs::read_to_string(&manifest) {
            Ok(text) => {
                serde_saphyr::from_str::<Manifest>(&text)
                    .map_err(|error| format!("{}: {error}", manifest.display()))?
                    .prompts
            }
            Err(_) => BTreeMap::new(),
        };
        languages.push((path, prompts));
    }
    languages.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(languages)
}

/// The names of the recordings in a folder.
fn recordings(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wav") {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    Ok(names)
}

fn of_prompt(path: &Path, entry: Option<&Entry>) -> Vec<Finding> {
    let shown = path.display().to_string();
    let audio = measured(path);
    // A prompt of another language is wanted here too, and has neither a text nor a recording.
    let text = match (entry, &audio) {
        (None, PromptAudio::Missing) => Some(""),
        (entry, _) => entry.map(|entry| entry.text.as_str()),
    };
    let is_made = entry.is_some_and(|entry| entry.voice == "made");
    Recorded { path: &shown, text, is_made, audio }.findings()
}

fn measured(path: &Path) -> PromptAudio {
    if !path.exists() {
        return PromptAudio::Missing;
    }
    read(path).map_or_else(PromptAudio::Unplayable, |sound| PromptAudio::Playable {
        duration: sound.duration,
        loudness: sound.loudness,
        clipped: sound.clipped,
        leading: sound.leading,
        trailing: sound.trailing,
    })
}

fn read(path: &Path) -> Result<Sound, String> {
    let mut reader = hound::WavReader::open(path).map_err(|error| error.to_string())?;
    let spec = reader.spec();
    if (spec.channels, spec.bits_per_sample, spec.sample_format) != (1, 16, hound::SampleFormat::Int) {
        return Err(format!("{} channels of {} bits, must be 1 of 16", spec.channels, spec.bits_per_sample));
    }
    if !RATES.contains(&spec.sample_rate) {
        return Err(format!("{} samples a second", spec.sample_rate));
    }
    let samples: Result<Vec<i16>, _> = reader.samples().collect();
    samples.map(|samples| Sound::of(&samples, spec.sample_rate)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    /// Everything said of a folder of prompts.
    fn told(folder: &Path) -> (String, ExitCode) {
        let mut out = Vec::new();
        let config = ConfigPath { config: None };
        let check = Check { folder: Some(folder.to_owned()), config, json: true };
        let code = check.run(&mut out).unwrap();
        (String::from_utf8(out).unwrap(), code)
    }

    #[test]
    fn the_prompts_that_ship_are_as_callers_should_hear_them() {
        let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../call-flows");
        let (told, code) = told(&flows);
        assert_eq!(told, "");
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    }

    #[test]
    fn a_recording_that_is_missing_too_loud_stereo_or_without_a_text_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let english = folder.path().join("prompts/en");
        fs::create_dir_all(&english).unwrap();
        let texts = "prompts:\n  gone: { text: \"We are closed.\" }\n  loud: { text: \"Hello.\" }\n  wide: { text: \"Hello.\" }\n";
        fs::write(english.join("prompts.yaml"), texts).unwrap();
        let write = |name: &str, channels: u16| {
            let spec = hound::WavSpec {
                channels,
                sample_rate: 16_000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut wav = hound::WavWriter::create(english.join(name), spec).unwrap();
            (0..32_000)
                .for_each(|at| wav.write_sample(if at / 8 % 2 == 0 { i16::MAX } else { i16::MIN }).unwrap());
            wav.finalize().unwrap();
        };
        write("loud.wav", 1);
        write("wide.wav", 2);
        write("unknown.wav", 1);
        let (told, code) = told(folder.path());
        let mut lines: Vec<(String, String)> = told
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| {
                let file = Path::new(line["file"].as_str().unwrap())
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                (file, line["code"].as_str().unwrap().to_owned())
            })
            .collect();
        lines.sort();
        let shown: Vec<String> = lines.into_iter().map(|(file, code)| format!("{file} {code}")).collect();
        assert_eq!(
            shown,
            [
                "gone flow/prompt-no-audio",
                "loud flow/prompt-clipped",
                "loud flow/prompt-loudness",
                "unknown flow/prompt-clipped",
                "unknown flow/prompt-loudness",
                "unknown flow/prompt-no-text",
                "wide flow/prompt-format",
            ]
        );
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    }
}
