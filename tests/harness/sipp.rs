//! Calls by sipp, with a voice and an ear of the harness.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use phone::{Aim, Codec, Media};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::ports::free_ports;
use crate::trouble::Trouble;
use crate::wait::eventually;

/// Payload type of telephone events in the scenarios' SDP.
const TELEPHONE_EVENT: u8 = 101;
/// The longest any scenario runs.
const SCENARIO_MAX: Duration = Duration::from_secs(60);

fn scenario_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sipp").join(name).with_extension("xml")
}

/// One sipp, running one scenario of `tests/sipp` once.
struct Run {
    child: Child,
    folder: TempDir,
}

impl Run {
    fn start(
        scenario: &str,
        server: SocketAddr,
        stays: Duration,
        keys: &[(&str, &str)],
    ) -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        let ports = free_ports(2)?;
        let mut command = Command::new("sipp");
        command
            .arg(server.to_string())
            .arg("-sf")
            .arg(scenario_file(scenario))
            .args(["-m", "1", "-i", &server.ip().to_string(), "-nostdin", "-trace_logs", "-trace_err"])
            .args(["-p", &ports.to_string(), "-cp", &(ports + 1).to_string()])
            .args(["-d", &stays.as_millis().to_string(), "-timeout", &SCENARIO_MAX.as_secs().to_string()])
            .arg("-timeout_error")
            .arg("-log_file")
            .arg(folder.path().join("log"))
            .arg("-error_file")
            .arg(folder.path().join("errors"));
        for (key, value) in keys {
            match *key {
                "transport" => command.args(["-t", value]),
                "user" => command.args(["-au", value]),
                "asks_for" => command.args(["-auth_uri", &format!("{value}@{server}")]),
                "password" => command.args(["-ap", value]),
                "repeats" if *value == "no" => command.arg("-nr"),
                _ => command.args(["-key", key, value]),
            };
        }
        let screen = fs::File::create(folder.path().join("screen")).map_err(Trouble::new)?;
        command.stdin(Stdio::null()).stdout(screen).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|e| Trouble::new(format!("cannot start sipp: {e}")))?;
        Ok(Self { child, folder })
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }

    async fn succeeded(&mut self, within: Duration) -> Result<(), Trouble> {
        let status = timeout(within, self.child.wait()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => {
                Err(Trouble::with_log(format!("sipp ended with {status}"), &self.read("errors")))
            }
            Ok(Err(error)) => Err(Trouble::new(error)),
            Err(_) => {
                Err(Trouble::with_log(format!("sipp still ran after {within:?}"), &self.read("screen")))
            }
        }
    }
}

/// Runs a scenario of `tests/sipp` to its end. The key `transport` is sipp's word for it (`t1` is one TCP
/// connection; UDP without it), `user` and `password` are what it answers a
/// challenge with, for the number `asks_for`; `repeats` `no` is for what must see each repetition of the other side.
pub async fn sipp(scenario: &str, server: SocketAddr, keys: &[(&str, &str)]) -> Result<(), Trouble> {
    Run::start(scenario, server, Duration::ZERO, keys)?.succeeded(SCENARIO_MAX).await
}

/// A scenario of `tests/sipp` under way beside others.
pub struct SippRun {
    run: Run,
}

impl SippRun {
    /// Starts it. The keys are those of [`sipp`].
    pub fn start(scenario: &str, server: SocketAddr, keys: &[(&str, &str)]) -> Result<Self, Trouble> {
        Ok(Self { run: Run::start(scenario, server, Duration::ZERO, keys)? })
    }

    /// Waits until it has logged a line that begins so, and gives the words after that.
    pub async fn logged(&self, word: &str, within: Duration) -> Result<Vec<String>, Trouble> {
        let found = eventually(word, within, async || {
            let log = self.run.read("log");
            let mut lines = log.lines().map(|line| line.split_whitespace().map(str::to_owned));
            lines.find_map(|mut words| (words.next()? == word).then(|| words.collect()))
        });
        found.await.map_err(|trouble| Trouble::with_log(trouble, &self.run.read("errors")))
    }

    /// Waits until it came to its end as it was written.
    pub async fn succeeded(&mut self) -> Result<(), Trouble> {
        self.run.succeeded(SCENARIO_MAX).await
    }
}

/// A carrier: sipp on a port of 127.0.0.1 that serves a scenario so many times.
pub struct SippCarrier {
    run: Run,
}

impl SippCarrier {
    /// Listens at a port. The keys are those of the scenario.
    pub fn listen(scenario: &str, port: u16, times: u32, keys: &[(&str, &str)]) -> Result<Self, Trouble> {
        let folder = TempDir::new().map_err(Trouble::new)?;
        // For commands, and for the audio and video of its SDP, two each.
        let control = free_ports(8)?;
        let mut command = Command::new("sipp");
        command
            .arg("-sf")
            .arg(scenario_file(scenario))
            .args(["-m", &times.to_string(), "-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin"])
            .args(["-cp", &control.to_string(), "-mi", "127.0.0.1", "-mp", &(control + 2).to_string()])
            .args(["-trace_err", "-timeout", &SCENARIO_MAX.as_secs().to_string(), "-timeout_error"])
            .arg("-error_file")
            .arg(folder.path().join("errors"));
        for (key, value) in keys {
            command.args(["-key", key, value]);
        }
        let screen = fs::File::create(folder.path().join("screen")).map_err(Trouble::new)?;
        command.stdin(Stdio::null()).stdout(screen).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|e| Trouble::new(format!("cannot start sipp: {e}")))?;
        Ok(Self { run: Run { child, folder } })
    }

    /// Waits until it has served its scenario as it was written.
    pub async fn succeeded(&mut self) -> Result<(), Trouble> {
        self.run.succeeded(SCENARIO_MAX).await
    }

    /// Ends it without a word, as a power failure would.
    pub async fn kill(&mut self) -> Result<(), Trouble> {
        self.run.child.kill().await.map_err(Trouble::new)
    }
}

/// A call that sipp makes and the harness speaks on.
pub struct SippCall {
    run: Run,
    media: Media,
}

impl SippCall {
    /// Calls `number` by a scenario that logs `media <ip> <port>` of the answer.
    ///
    /// `stays` is how long the call lasts if the scenario ends it.
    pub async fn place(
        scenario: &str,
        server: SocketAddr,
        number: &str,
        caller: &str,
        stays: Duration,
    ) -> Result<Self, Trouble> {
        let media = Media::open(server.ip()).await.map_err(Trouble::new)?;
        let port = media.local().port().to_string();
        let keys = [("number", number), ("caller", caller), ("their_port", port.as_str())];
        let run = Run::start(scenario, server, stays, &keys)?;
        Ok(Self { run, media })
    }

    /// Waits for the answer and aims the voice at it.
    pub async fn answered(&mut self, within: Duration) -> Result<(), Trouble> {
        let log = self.run.folder.path().join("log");
        let found = eventually("the answer to sipp's call", within, async || {
            let text = fs::read_to_string(&log).ok()?;
            let mut words = text.lines().find_map(|l| l.strip_prefix("media "))?.split_whitespace();
            let address = format!("{}:{}", words.next()?, words.next()?);
            address.parse::<SocketAddr>().ok()
        });
        let to = found.await.map_err(|trouble| Trouble::with_log(trouble, &self.run.read("errors")))?;
        self.media.aim(Some(Aim {
            to,
            codec: Codec::Pcmu,
            telephone_event: Some(TELEPHONE_EVENT),
            sends: true,
        }));
        Ok(())
    }

    /// Its voice and ear.
    pub fn media(&self) -> &Media {
        &self.media
    }

    /// Waits until the scenario came to its end as it was written.
    pub async fn succeeded(&mut self) -> Result<(), Trouble> {
        self.run.succeeded(SCENARIO_MAX).await
    }
}
