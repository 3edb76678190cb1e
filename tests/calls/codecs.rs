//! Telephones that speak wideband codecs, with callers who do not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use harness::{Baresip, BaresipOptions, Options, Server, eventually, talk};

const SOON: Duration = Duration::from_secs(20);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(60);

async fn server() -> Server {
    let options = Options {
        digest: "[md5]", // this baresip reads the first challenge only
        media: "  codecs: [opus, g722, pcmu, pcma]\n".to_owned(),
        ..Options::default()
    };
    Server::start(options).await.unwrap()
}

/// An agent's phone that speaks one codec, registered and signed in.
async fn agent(server: &Server, name: &str, codecs: &'static str, tone_hz: u32) -> Baresip {
    let registrar = Some((server.sip(), server.secret(name).unwrap()));
    let options = BaresipOptions { registrar, codecs, ..BaresipOptions::new(name, tone_hz) };
    Baresip::at_work(options).await.unwrap()
}

/// How much of the last half second's energy is at a frequency, 0 to 1; nothing of what is too soft to be a voice.
fn share(heard: &Baresip, hz: f64) -> Option<f64> {
    let (samples, rate) = heard.heard_wide().ok()?;
    let end = samples.get(samples.len().checked_sub(rate as usize / 2)?..)?;
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (n, sample) in end.iter().enumerate() {
        let (sin, cos) = (TAU * hz * n as f64 / f64::from(rate)).sin_cos();
        let sample = f64::from(*sample);
        (re, im, energy) = (re + sample * cos, im + sample * sin, energy + sample * sample);
    }
    let is_loud = energy / end.len() as f64 > 250_000.0;
    is_loud.then(|| 2.0 * (re * re + im * im) / (energy * end.len() as f64))
}

/// A caller on an old line and an agent whose phone speaks one wideband codec hear each other.
async fn hears_a_caller_on_an_old_line(codecs: &'static str) {
    let server = server().await;
    let mut agent = agent(&server, "nurse1", codecs, 620).await;
    let stays = Duration::from_secs(45);
    let mut call = talk(server.sip(), ("15550100123", 440.0), &mut agent, stays).await.unwrap();
    let heard = call.media().hear();
    assert!(heard.until(Instant::now() + MENU, |heard| heard.ends_in_tone(620.0)).await, "no agent is heard");
    let what = format!("the caller's tone in {codecs}");
    let tone = eventually(&what, SOON, async || share(&agent, 440.0).filter(|share| *share > 0.8));
    tone.await.unwrap();
    call.succeeded().await.unwrap();
    agent.event("CALL_CLOSED", MENU).await.unwrap();
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn a_caller_on_an_old_line_and_an_agent_with_g722_hear_each_other() {
    hears_a_caller_on_an_old_line("G722").await;
}
