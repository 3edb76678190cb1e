//! A supervisor's phone in a conversation: a caller on sipp, a nurse and her supervisor on baresip, each with a tone
//! of their own.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Baresip, BaresipOptions, Options, Server, eventually, talk};
use phone::{Recording, rms, tone_share};

const SOON: Duration = Duration::from_secs(10);
/// Notice, language and the words before the queue.
const CALLER: &str = "15550100123";

/// What each says, in hertz.
const CALLS: f64 = 440.0;
const NURSES: f64 = 620.0;
const LEADS: f64 = 1_000.0;

/// 100 ms.
const WINDOW: usize = 800;

/// Whether a window of sound has each of these tones in it, and none of those.
fn is_of(window: &[i16], tones: &[f64], none: &[f64]) -> bool {
    let share = |hz: &f64| tone_share(window, *hz);
    rms(window) > 200.0 && tones.iter().all(|hz| share(hz) > 0.1) && none.iter().all(|hz| share(hz) < 0.03)
}

/// Whether 400 ms of somebody's sound were so: longer than the holes a busy machine makes.
fn heard_once(samples: &[i16], tones: &[f64], none: &[f64]) -> bool {
    samples.chunks_exact(4 * WINDOW).any(|window| is_of(window, tones, none))
}

/// Waits until the last of what the caller hears is so.
async fn until_caller_hears(heard: &Recording, tones: &[f64], none: &[f64]) {
    let is_so = |heard: &Recording| {
        let samples = heard.samples();
        let last = samples.get(samples.len().saturating_sub(4 * WINDOW)..).unwrap_or_default();
        last.len() == 4 * WINDOW && last.chunks_exact(WINDOW).all(|window| is_of(window, tones, none))
    };
    assert!(heard.until(Instant::now() + SOON, is_so).await, "the caller never hears just {tones:?}");
}

async fn baresip(server: &Server, user: &str, hz: f64) -> Baresip {
    let registrar = Some((server.sip(), server.secret(user).unwrap()));
    let options = BaresipOptions { registrar, ..BaresipOptions::new(user, hz as u32) };
    let agent = Baresip::start(options).await.unwrap();
    agent.registered(SOON).await.unwrap();
    agent
}

async fn logged(server: &Server, words: &str) {
    eventually(words, SOON, async || server.log().contains(words).then_some(())).await.unwrap();
}

#[tokio::test]
async fn a_supervisor_listens_whispers_and_barges_in_and_each_hears_just_those_she_may() {
    let more = "supervision:\n  supervisors: [scheduler1]\n  requires_consent: false\n".to_owned();
    let server = Server::start(Options { digest: "[md5]", more, ..Options::default() }).await.unwrap();
    let mut nurse = baresip(&server, "nurse1", NURSES).await;
    let mut lead = baresip(&server, "scheduler1", LEADS).await;
    nurse.command("dial", &format!("sip:*11@{}", server.sip())).await.unwrap();
    nurse.event("CALL_CLOSED", SOON).await.unwrap();

    let stays = Duration::from_secs(60);
    let call = talk(server.sip(), (CALLER, CALLS), &mut nurse, stays).await.unwrap();
    let heard = call.media().hear();
    until_caller_hears(&heard, &[NURSES], &[LEADS]).await;

    lead.command("dial", &format!("sip:*71nurse1@{}", server.sip())).await.unwrap();
    lead.event("CALL_ESTABLISHED", SOON).await.unwrap();
    logged(&server, "scheduler1 supervises nurse1: listen").await;
    until_caller_hears(&heard, &[NURSES], &[LEADS]).await;
    lead.command("sndcode", "2").await.unwrap();
    logged(&server, "scheduler1 supervises nurse1 otherwise: whisper").await;
    let while_whispered = call.media().hear();
    let two_seconds = |heard: &Recording| heard.samples().len() >= 16_000;
    assert!(while_whispered.until(Instant::now() + SOON, two_seconds).await);
    until_caller_hears(&heard, &[NURSES], &[LEADS]).await;
    assert!(!heard_once(&heard.samples(), &[LEADS], &[]), "what is whispered is not for the caller");
    lead.command("sndcode", "3").await.unwrap();
    logged(&server, "scheduler1 supervises nurse1 otherwise: barge").await;
    until_caller_hears(&heard, &[NURSES, LEADS], &[]).await;
    lead.command("hangup", "").await.unwrap();
    logged(&server, "scheduler1 supervises nurse1 no longer").await;
    until_caller_hears(&heard, &[NURSES], &[LEADS]).await;

    nurse.command("hangup", "").await.unwrap();
    nurse.event("CALL_CLOSED", SOON).await.unwrap();
    let told = nurse.heard().unwrap();
    assert!(heard_once(&told, &[CALLS], &[LEADS]), "alone with the caller, and while she is listened to");
    assert!(heard_once(&told, &[CALLS, LEADS], &[NURSES]), "whispered to");
    let overheard = lead.heard().unwrap();
    assert!(heard_once(&overheard, &[CALLS, NURSES], &[LEADS]), "both, and not herself");
    drop(call);
    nurse.stop().await.unwrap();
    lead.stop().await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}
