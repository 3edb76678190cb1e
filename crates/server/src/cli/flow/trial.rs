//! `flow try`: a call in the terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ::flow::{Heard, Trial};
use clap::Args;
use serde_json::json;

use super::One;
use crate::cli::Failure;
use crate::content::Content;
use crate::driver::signalling::now;

/// Lines a call takes from its input: more is a file given by mistake.
const LINES_MAX: usize = 10_000;
/// Samples a second of `--sound`, as prompts have.
const RATE: u32 = 16_000;
/// What `--sound` holds at most; an hour of hold music helps nobody.
const SOUND_SECS_MAX: u64 = 600;

/// Which flow, and what the caller does.
#[derive(Debug, Args)]
pub struct Try {
    #[command(flatten)]
    one: One,
    /// What she does, in turn, instead of asking: keys, `silence`, `hang_up`, or a command of `:help`. As `1,2,hang_up`.
    #[arg(long, value_delimiter = ',')]
    keys: Option<Vec<String>>,
    /// She does nothing at all, to the end.
    #[arg(long, conflicts_with = "keys")]
    silence: bool,
    /// Write what she heard as a WAV file.
    #[arg(long, value_name = "FILE")]
    sound: Option<PathBuf>,
    /// One JSON object for each line.
    #[arg(long)]
    json: bool,
}

impl Try {
    pub fn run(self, out: &mut impl Write) -> Result<ExitCode, Failure> {
        let (content, library, flow) = self.one.read()?;
        let mut trial = Trial::new(&library, &content.environment, &content.environment.texts, &flow, now())?;
        self.show(out, &trial.news())?;
        if self.silence {
            // Silence comes to an end, or goes round: then this is enough of it.
            const LISTENS_MAX: usize = 200;
            for _ in 0..LISTENS_MAX {
                self.turn(&mut trial, "", out)?;
                if trial.is_over() {
                    break;
                }
            }
        } else if let Some(keys) = &self.keys {
            for line in keys {
                self.turn(&mut trial, line, out)?;
            }
        } else {
            self.converse(&mut trial, out)?;
        }
        if let Some(path) = &self.sound {
            write_sound(&content, &trial.heard(), path)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn converse(&self, trial: &mut Trial<'_>, out: &mut impl Write) -> Result<(), Failure> {
        let input = io::stdin();
        let asks = input.is_terminal();
        if asks {
            writeln!(out, "keys, or Enter to stay silent; `:help` for the rest")?;
        }
        let mut lines = input.lock().lines();
        for _ in 0..LINES_MAX {
            if asks {
                write!(out, "{} > ", trial.cursor())?;
                out.flush()?;
            }
            let Some(line) = lines.next().transpose()? else { break };
            if matches!(line.trim(), ":quit" | ":q") {
                break;
            }
            self.turn(trial, &line, out)?;
        }
        Ok(())
    }

    fn turn(&self, trial: &mut Trial<'_>, line: &str, out: &mut impl Write) -> Result<(), Failure> {
        let was_over = trial.is_over();
        let said = trial.line(line);
        self.show(out, &trial.news())?;
        self.show(out, &said)?;
        if trial.is_over() && !was_over {
            self.show(out, &[format!("the call is over at {}", trial.cursor())])?;
        }
        Ok(())
    }

    fn show(&self, out: &mut impl Write, lines: &[String]) -> Result<(), Failure> {
        for line in lines {
            match self.json {
                true => writeln!(out, "{}", json!({ "line": line }))?,
                false => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }
}

/// What was heard, each prompt at its time and as long as it was heard.
fn write_sound(content: &Content, heard: &[Heard], path: &PathBuf) -> Result<(), Failure> {
    let form = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, form)?;
    let mut at = 0_u64;
    let sample = |time: std::time::Duration| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(RATE)) / 1_000
    };
    let last = SOUND_SECS_MAX * u64::from(RATE);
    for one in heard {
        let (from, until) = (sample(one.from).min(last), sample(one.until).min(last));
        while at < from {
            file.write_sample(0_i16)?;
            at += 1;
        }
        let (samples, rate) = content.samples(&one.prompt)?;
        // Music is heard over and over; a prompt of another rate keeps its length.
        while at < until && !samples.is_empty() {
            let place = (at - from) * u64::from(rate) / u64::from(RATE);
            let place = usize::try_from(place).unwrap_or(usize::MAX) % samples.len();
            file.write_sample(samples.get(place).copied().unwrap_or_default())?;
            at += 1;
        }
    }
    file.finalize()?;
    Ok(())
}
