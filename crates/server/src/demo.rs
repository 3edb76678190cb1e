//! `careline demo`: a real server, two nurses and a patient who really dial, on this machine alone.

use std::fmt::Debug;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use audit::VerifyingKey;
use clap::Args;
use phone::{Call, Phone, PhoneConfig, PhoneError, Ringing};
use store::verify_dir;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;
use crate::node::Node;
use crate::secrets::{Names, Secrets};

/// The tone of the nurse's voice and of the patient's: not multiples of one another.
const NURSE_HZ: f64 = 440.0;
const PATIENT_HZ: f64 = 620.0;

/// Longest any single thing may take before the demo says that it did not happen.
const PATIENCE: Duration = Duration::from_secs(45);

/// One call, told hop by hop, with both directions of its sound checked.
#[derive(Debug, Args)]
pub struct Demo {
    /// The folder of call flows.
    #[arg(default_value = "call-flows")]
    call_flows: PathBuf,
    /// Keep answering afterwards, so that you can dial in with a softphone.
    #[arg(long)]
    stay: bool,
}

type Failure = Box<dyn std::error::Error>;

impl Demo {
    pub fn run(self) -> Result<ExitCode, Failure> {
        tracing_subscriber::registry().with(Teller { began: Instant::now() }).init();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.call())
    }

    async fn call(self) -> Result<ExitCode, Failure> {
        let folder = std::env::temp_dir().join(format!("careline-demo-{}", std::process::id()));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config::load(None)?;
        config.data.clone_from(&folder);
        config.call_flows.clone_from(&self.call_flows);
        config.sip.udp = vec![any];
        config.sip.tcp = vec![any];
        config.http.address = any;
        let node = Node::start(config.clone(), None)?;
        let secrets = Secrets::open(&folder, Names::of(&config))?;
        let server = node.addresses.udp.first().copied().ok_or("no UDP listener")?;
        say(&format!("a server answers at {server}, with its log and database in {}", folder.display()));

        let told = the_call(server, &secrets).await;
        if self.stay {
            invite(server, &secrets);
            tokio::signal::ctrl_c().await?;
        }
        node.stop(Duration::from_secs(5), || true).await;
        let key = std::fs::read_to_string(folder.join("audit.vkey"))?;
        let key: VerifyingKey = key.trim().parse()?;
        let verified = verify_dir(&folder.join("audit"), &key, None)?;
        std::fs::remove_dir_all(&folder)?;
        told?;
        say(&format!(
            "the audit log verifies: {} records under a signed head, {} call whole",
            verified.head.size, verified.complete
        ));
        say("both directions of audio were heard: the call works");
        if !self.stay {
            say("to dial in yourself: `careline demo --stay` and the lines it prints, or `careline serve`");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Two nurses sign in, a patient with a red flag calls, one of them answers, both hear one another.
async fn the_call(server: SocketAddr, secrets: &Secrets) -> Result<(), PhoneError> {
    let mut nurses = Vec::new();
    for name in ["nurse1", "nurse2"] {
        let secret = secrets.agents.get(name).map(|secret| secret.expose().as_str()).unwrap_or_default();
        let mut config = PhoneConfig::new(server, name).with_secret(secret);
        config.patience = PATIENCE;
        let nurse = Phone::start(config).await?;
        nurse.register().await?;
        say(&format!("{name}'s phone registers; she dials *11"));
        let code = nurse.call("*11").await?;
        code.established().await?;
        code.hears_speech(PATIENCE).await?;
        code.ended().await?;
        nurses.push(nurse);
    }
    let [first, second] = nurses.as_slice() else { return Ok(()) };

    let mut config = PhoneConfig::new(server, "patient");
    config.patience = PATIENCE;
    let patient = Phone::start(config).await?;
    say("a patient dials +15550100100");
    let call = patient.call("+15550100100").await?;
    call.established().await?;
    call.hears_speech(PATIENCE).await?;
    say("the patient hears a voice: the 911 notice");
    call.press("1").await?;
    say("the patient presses 1 at the language menu: English");
    hears_again(&call).await?;
    call.press("1").await?;
    say("the patient presses 1 at the danger signs");

    let ringing: Ringing = tokio::select! {
        ringing = first.incoming_within(PATIENCE) => ringing?,
        ringing = second.incoming_within(PATIENCE) => ringing?,
    };
    say("a nurse's phone rings; she picks up");
    ringing.ring().await?;
    let nurse = ringing.answer().await?;
    nurse.established().await?;
    nurse.hears_speech(PATIENCE).await?;
    say("the nurse hears a whisper: the urgency and the reason");

    nurse.play_tone(NURSE_HZ);
    call.play_tone(PATIENT_HZ);
    call.hears_tone(NURSE_HZ, PATIENCE).await?;
    say(&format!("the patient hears the nurse: a tone of {NURSE_HZ} Hz"));
    nurse.hears_tone(PATIENT_HZ, PATIENCE).await?;
    say(&format!("the nurse hears the patient: a tone of {PATIENT_HZ} Hz"));
    call.hang_up().await?;
    nurse.ended().await?;
    say("the patient hangs up; the nurse's phone is free, and she writes her notes");
    Ok(())
}

/// After a key: what is said next, not the rest of what was said before.
async fn hears_again(call: &Call) -> Result<(), PhoneError> {
    call.hear();
    call.hears_speech(PATIENCE).await
}

/// How a person with a softphone gets in.
fn invite(server: SocketAddr, secrets: &Secrets) {
    say("dial in with any softphone on this machine (account without registration):");
    say(&format!("  as a patient:  sip:+15550100100@{server}"));
    for name in ["nurse1", "nurse2"] {
        let secret = secrets.agents.get(name).map(|secret| secret.expose().as_str()).unwrap_or_default();
        say(&format!(
            "  as {name}:  user {name}, password {secret}, registrar {server}; dial *11 to sign in"
        ));
    }
    say("Ctrl-C ends it");
}

fn say(line: &str) {
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Prints each hop as the server tells it, indented beside what the people do.
struct Teller {
    began: Instant,
}

impl<S: tracing::Subscriber> Layer<S> for Teller {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let is_hop = event.metadata().target() == "hop";
        if !is_hop && *event.metadata().level() > tracing::Level::WARN {
            return;
        }
        let mut words = Words(String::new());
        event.record(&mut words);
        say(&format!("      {:7.3} s  {}", self.began.elapsed().as_secs_f64(), words.0));
    }
}

/// The message of a trace line.
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
