//! The telephones of the other tests tried on each other, without a server: what they cannot hear here
//! they cannot be believed about there.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Baresip, BaresipOptions, SippCall, sipp};
use phone::{Digit, Ended, Phone, PhoneConfig, Recording, Sound, rms, tone_share};

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

#[tokio::test]
async fn sipp_presses_keys_holds_and_comes_back_to_our_phone() {
    let nurse = Phone::start(PhoneConfig::new("127.0.0.1:9".parse().unwrap(), "nurse")).await.unwrap();
    let stays = Duration::from_secs(1);
    let mut call = SippCall::place("hold", nurse.address(), "nurse", "15550100", stays).await.unwrap();
    let answered = nurse.incoming().await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    answered.play_tone(620.0);
    call.answered(SOON).await.unwrap();
    assert!(call.media().press(vec![Digit::new('9').unwrap()]).await.is_some());
    answered.hears_keys("9", SOON).await.unwrap();
    call.succeeded().await.unwrap();
    assert_eq!(answered.ended().await.unwrap(), Ended::HungUpThere);
    // One second before the hold and one after it; the second between was silent.
    let heard = call.media().heard().samples().len();
    assert!((12_000..20_000).contains(&heard), "{heard} samples");
}

#[tokio::test]
async fn sipp_is_refused_hung_up_on_and_answered_by_our_phone() {
    let nurse = Phone::start(PhoneConfig::new("127.0.0.1:9".parse().unwrap(), "nurse")).await.unwrap();
    let keys = [("number", "1"), ("caller", "15550100")];
    let (refused, declined) = tokio::join!(sipp("wrong_number", nurse.address(), &keys), async {
        nurse.incoming().await.unwrap().decline(404).await
    });
    refused.unwrap();
    declined.unwrap();
    sipp("options", nurse.address(), &[]).await.unwrap();

    let stays = Duration::ZERO;
    let mut call =
        SippCall::place("server_hangs_up", nurse.address(), "nurse", "15550100", stays).await.unwrap();
    let answered = nurse.incoming().await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    assert_eq!(answered.hang_up().await.unwrap(), Ended::HungUpHere);
    call.succeeded().await.unwrap();
}
