//! The telephones of the other tests tried on each other, without a server: what they cannot hear here
//! they cannot be believed about there.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Baresip, BaresipOptions, SippCall};
use phone::{Ended, Phone, PhoneConfig, Recording, Sound, rms, tone_share};

const SOON: Duration = Duration::from_secs(10);

/// The share of a tone in the middle of a recording, clear of its ragged ends.
fn middle_share(samples: &[i16], hz: f64) -> f64 {
    let middle = samples.len() / 2;
    let window = samples.get(middle.saturating_sub(800)..middle + 800).unwrap_or_default();
    assert!(rms(window) > 1_000.0, "{} samples, nearly silent", samples.len());
    tone_share(window, hz)
}

#[tokio::test]
async fn sipp_calls_baresip_and_a_tone_is_heard_both_ways() {
    let mut agent = Baresip::start(BaresipOptions::new("nurse", 620)).await.unwrap();
    let stays = Duration::from_secs(2);
    let mut call =
        SippCall::place("caller_hangs_up", agent.address(), "nurse", "15550100", stays).await.unwrap();
    call.answered(SOON).await.unwrap();
    call.media().sound(Sound::Tone(440.0));
    let heard = call.media().hear();
    assert!(
        heard.until(Instant::now() + SOON, |heard| heard.ends_in_tone(620.0)).await,
        "sipp's ear hears no agent"
    );
    call.succeeded().await.unwrap();
    agent.event("CALL_CLOSED", SOON).await.unwrap();
    assert!(middle_share(&agent.heard().unwrap(), 440.0) > 0.9);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn our_phone_calls_baresip_and_baresip_calls_our_phone() {
    let mut agent = Baresip::start(BaresipOptions::new("nurse", 620)).await.unwrap();
    let patient = Phone::start(PhoneConfig::new(agent.address(), "15550100")).await.unwrap();

    let call = patient.call("nurse").await.unwrap();
    call.established().await.unwrap();
    agent.event("CALL_ESTABLISHED", SOON).await.unwrap();
    call.play_tone(440.0);
    call.hears_tone(620.0, SOON).await.unwrap();
    // Another half second of the agent's tone is half a second of the patient's for the agent.
    let heard = call.hear();
    let enough = |heard: &Recording| heard.samples().len() >= 4_000;
    assert!(heard.until(Instant::now() + SOON, enough).await);
    agent.command("hangup", "").await.unwrap();
    assert_eq!(call.ended().await.unwrap(), Ended::HungUpThere);
    assert!(middle_share(&agent.heard().unwrap(), 440.0) > 0.9);

    agent.command("dial", &format!("sip:15550100@{}", patient.address())).await.unwrap();
    let call = patient.incoming().await.unwrap().answer().await.unwrap();
    call.established().await.unwrap();
    call.hears_tone(620.0, SOON).await.unwrap();
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    agent.stop().await.unwrap();
}
