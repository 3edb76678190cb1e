use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ::audit::VerifyingKey;
use call::Hop;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{read_checkpoint_file, read_records, records_of_call, verify_dir};

use crate::cli::{ConfigPath, Failure};

/// The audit log. Works beside a running server and on any copy of the folder.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Prove that no record was changed, inserted or left out. Exit status: 0 all is well, 1 unreadable,
    /// 2 tampered with, 3 truncated or forked, 4 calls lack records.
    Verify(Verify),
    /// Tell one call's path, as a person would.
    Show(Show),
    /// List the calls of the log, newest last.
    List(List),
}

/// Which log.
#[derive(Debug, Args)]
struct Log {
    /// The log's folder; default that of the configuration.
    #[arg(long, value_name = "FOLDER")]
    log: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigPath,
}

impl Log {
    fn folder(&self) -> Result<PathBuf, Failure> {
        Ok(match &self.log {
            Some(folder) => folder.clone(),
            None => self.config.load()?.data.join("audit"),
        })
    }
}

/// See [`Audit::Verify`].
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    log: Log,
    /// A file with the log's public key; default `audit.vkey` beside its folder.
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
    /// A checkpoint kept from earlier: shows that nothing before it is gone.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

/// See [`Audit::Show`].
#[derive(Debug, Args)]
pub struct Show {
    /// The call, or the first digits of its id.
    call: String,
    #[command(flatten)]
    log: Log,
    /// The records themselves, one a line.
    #[arg(long)]
    json: bool,
}

/// See [`Audit::List`].
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    log: Log,
}

impl Audit {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify(verify) => verify.run(out),
            Self::Show(show) => show.run(out),
            Self::List(list) => list.run(out),
        }
    }
}

impl Verify {
    fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let folder = self.log.folder()?;
        let beside = || folder.parent().unwrap_or(&folder).join("audit.vkey");
        let path = self.vkey.unwrap_or_else(beside);
        let text = fs::read_to_string(&path).map_err(|error| {
            format!("cannot read {}: {error}. Name the log's public key with --vkey", path.display())
        })?;
        let key: VerifyingKey = text.trim().parse()?;
        let since = match &self.since {
            Some(path) => Some(read_checkpoint_file(path, &key)?),
            None => None,
        };
        match verify_dir(&folder, &key, since.as_ref()) {
            Ok(verified) => {
                writeln!(
                    out,
                    "{} records under a signed head, {} after it; {} calls whole, {} under way",
                    verified.head.size, verified.unsigned, verified.complete, verified.open
                )?;
                for call in &verified.incomplete {
                    writeln!(
                        out,
                        "call {} lacks its {:?} after record {}",
                        call.call, call.what, call.last_seq
                    )?;
                }
                Ok(ExitCode::from(verified.exit_code()))
            }
            Err(broken) => {
                writeln!(out, "BROKEN: {broken}")?;
                Ok(ExitCode::from(broken.exit_code()))
            }
        }
    }
}

impl Show {
    fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let found = records_of_call(&self.log.folder()?, &self.call, 0)?;
        if !self.json {
            writeln!(out, "call {}", found.call)?;
        }
        let mut began = None;
        for (_, bytes) in &found.records {
            if self.json {
                out.write_all(bytes)?;
                writeln!(out)?;
                continue;
            }
            let record: Told = serde_json::from_slice(bytes)?;
            let since = *began.get_or_insert(record.ts);
            if since == record.ts {
                writeln!(out, "began {since}")?;
            }
            let seconds = record.ts.duration_since(since).as_secs_f64();
            writeln!(out, "  {seconds:8.3} s  {}", record.words())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What of a record is told.
#[derive(Deserialize)]
struct Told {
    ts: jiff::Timestamp,
    #[serde(rename = "type")]
    kind: String,
    call: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
    flow: Option<Place>,
}

/// Where in a flow the caller was.
#[derive(Deserialize)]
struct Place {
    id: String,
    step: String,
}

impl Told {
    /// The record in words.
    fn words(&self) -> String {
        let step = self.flow.as_ref().map(|place| format!("{}/{}", place.id, place.step));
        match Hop::from_record(&self.kind, &self.fields) {
            Ok(hop) => hop.tell(step.as_deref()),
            // The log's own records, and those of a later version, are told as they are.
            Err(_) => format!("{} {}", self.kind, Value::Object(self.fields.clone())),
        }
    }
}

impl List {
    fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        for record in read_records(&self.log.folder()?, 0) {
            let (_, bytes) = record?;
            let record: Told = serde_json::from_slice(&bytes)?;
            if let ("call.start", Some(call)) = (record.kind.as_str(), &record.call) {
                writeln!(out, "{}  {call}  {}", record.ts, record.words())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
