use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use call::Hop;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{MasterKeys, OpenedRecording, RecordingSummary, list_recordings, open_recording, read_records};

use crate::cli::{ConfigPath, Failure};

/// Recordings and messages. Works beside a running server.
#[derive(Debug, Subcommand)]
pub enum Recording {
    /// List what was recorded, the oldest first.
    List(Of),
    /// Open every recording and compare it with the audit log. Exit status 1: one is damaged or is not what was
    /// stored.
    Verify(Of),
    /// Write one as a WAV file that anybody can hear: say why, for the log.
    Export(Export),
    /// Make a new master key for the recordings to come; those before stay readable.
    Rotate(Of),
}

/// What of a record is read here.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

/// Whose.
#[derive(Debug, Args)]
pub struct Of {
    #[command(flatten)]
    config: ConfigPath,
}

/// See [`Recording::Export`].
#[derive(Debug, Args)]
pub struct Export {
    /// Its name, or the first letters of it.
    recording: String,
    /// The WAV file to write.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Why somebody hears it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    config: ConfigPath,
}

impl Recording {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::List(of) => list(&of.config.load()?.data, out),
            Self::Verify(of) => verify(&of.config.load()?.data, out),
            Self::Export(export) => export.run(out),
            Self::Rotate(of) => {
                let path = of.config.load()?.data.join("recording.keys");
                let mut keys = MasterKeys::open(&path)?;
                writeln!(out, "master key {} is used from the next start on", keys.rotate()?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn list(data: &Path, out: &mut impl Write) -> Result<ExitCode, Failure> {
    for RecordingSummary { header, bytes, has_key, .. } in list_recordings(&data.join("recordings"))? {
        let key = if has_key { "" } else { "  key destroyed" };
        writeln!(
            out,
            "{}  {}  call {}  {}  {} channels  {bytes} bytes{key}",
            header.started, header.recording, header.call, header.purpose, header.channels
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(data: &Path, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let keys = MasterKeys::open(&data.join("recording.keys"))?;
    let logged = stored_hashes(&data.join("audit"))?;
    let mut is_sound = true;
    for RecordingSummary { header, path, has_key, .. } in list_recordings(&data.join("recordings"))? {
        let name = &header.recording;
        let stored = logged.iter().find(|(recording, _)| recording == name).map(|(_, sha256)| sha256);
        let (sound, verdict) = match (has_key, open_recording(&path, &keys), stored) {
            (false, ..) => (true, "its key was destroyed".to_owned()),
            (_, Err(error), _) => (false, error.to_string()),
            (_, Ok(opened), Some(stored)) if opened.sha256 != *stored => {
                (false, "is not the file whose SHA-256 the audit log holds".to_owned())
            }
            (_, Ok(opened), Some(_)) => (opened.is_whole, "whole, as the audit log says".to_owned()),
            (_, Ok(opened), None) if opened.is_whole => {
                (true, "whole; the audit log does not know it".to_owned())
            }
            (_, Ok(_), None) => {
                (true, "careline was stopped while it ran: readable to its last second".to_owned())
            }
        };
        is_sound &= sound;
        writeln!(out, "{}  {name}  {verdict}", if sound { "ok " } else { "BAD" })?;
    }
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the log says of each recording that was stored: its name and its hash.
fn stored_hashes(log: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for row in read_records(log, 0) {
        let (_, bytes) = row?;
        let Stored { kind, fields } = serde_json::from_slice(&bytes)?;
        if let Ok(Hop::RecordingStored { recording, sha256, .. }) = Hop::from_record(&kind, &fields) {
            found.push((recording, sha256));
        }
    }
    Ok(found)
}

impl Export {
    fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        if self.reason.trim().is_empty() {
            return Err("say with --reason why somebody hears it: it is kept".into());
        }
        let data = self.config.load()?.data;
        let keys = MasterKeys::open(&data.join("recording.keys"))?;
        let all = list_recordings(&data.join("recordings"))?;
        let mut named = all.into_iter().filter(|one| one.header.recording.starts_with(&self.recording));
        let (Some(found), None) = (named.next(), named.next()) else {
            return Err(
                "no recording, or more than one, begins with these letters: see `recording list`".into()
            );
        };
        let opened = open_recording(&found.path, &keys)?;
        write_access(&data, &opened, &self.reason)?;
        write_wav(&self.to, &opened)?;
        let whole = if opened.is_whole { "" } else { ", cut off where careline was stopped" };
        let seconds = opened.audio.len() / usize::from(opened.header.channels.max(1)) / 8_000;
        writeln!(
            out,
            "{}: {seconds} s{whole}. It is not sealed any more: keep it as you keep a chart",
            self.to.display()
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Who heard what, and why, before anybody can: a line in `recording-access.log` of the data folder.
fn write_access(data: &Path, opened: &OpenedRecording, reason: &str) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = data.join("recording-access.log");
    let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let line = serde_json::json!({
        "at": jiff::Timestamp::now(),
        "recording": opened.header.recording,
        "call": opened.header.call,
        "sha256": opened.sha256,
        "user": std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_default(),
        "reason": reason,
    });
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()?;
    Ok(())
}

fn write_wav(path: &Path, opened: &OpenedRecording) -> Result<(), Failure> {
    let spec = hound::WavSpec {
        channels: opened.header.channels.into(),
        sample_rate: opened.header.rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec)?;
    for byte in &opened.audio {
        wav.write_sample(linear(*byte))?;
    }
    Ok(wav.finalize()?)
}

/// A sample of µ-law (ITU-T G.711, table 2a).
fn linear(byte: u8) -> i16 {
    let plain = !byte;
    let level = (((i16::from(plain & 0x0f) << 3) + 0x84) << ((plain >> 4) & 7)) - 0x84;
    if plain & 0x80 != 0 { -level } else { level }
}
