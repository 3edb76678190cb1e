//! Callers, queues and agents: who is put through to whom, and that both hear each other.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Baresip, BaresipOptions, Options, Server, hears_prompt, talk};
use phone::{Call, Ended, Phone, rms, tone_share};

const SOON: Duration = Duration::from_secs(10);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(40);
const NURSE_LINE: &str = "8001";
const CALLER: &str = "15550100123";

/// A caller who chose English and a danger sign: she waits for the first nurse who is free.
async fn emergent_caller(server: &Server, number: &str) -> (Phone, Call) {
    let phone = server.caller(number).await.unwrap();
    let call = phone.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.press("11").await.unwrap();
    (phone, call)
}

#[tokio::test]
async fn a_caller_of_sipp_and_an_agent_on_baresip_hear_each_other() {
    // This baresip reads the first challenge only, as phones older than RFC 8760 do.
    let old_phones = Options { digest: "[md5]", ..Options::default() };
    let server = Server::start(old_phones).await.unwrap();
    let registrar = Some((server.sip(), server.secret("nurse1").unwrap()));
    let mut agent =
        Baresip::at_work(BaresipOptions { registrar, ..BaresipOptions::new("nurse1", 620) }).await.unwrap();

    let stays = Duration::from_secs(25);
    let mut call = talk(server.sip(), (CALLER, 440.0), &mut agent, stays).await.unwrap();
    let heard = call.media().hear();
    assert!(heard.until(Instant::now() + MENU, |heard| heard.ends_in_tone(620.0)).await, "no agent is heard");
    call.succeeded().await.unwrap();
    agent.event("CALL_CLOSED", SOON).await.unwrap();

    let samples = agent.heard().unwrap();
    let end = samples.get(samples.len().saturating_sub(4_000)..).unwrap();
    assert!(rms(end) > 1_000.0 && tone_share(end, 440.0) > 0.5, "the agent does not hear the caller");
    agent.stop().await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_caller_is_put_through_and_either_side_may_hang_up() {
    let server = Server::start(Options::default()).await.unwrap();
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let (_caller, call) = emergent_caller(&server, CALLER).await;
    let ringing = nurse.incoming_within(MENU).await.unwrap();
    ringing.ring().await.unwrap();
    let answered = ringing.answer().await.unwrap();
    answered.established().await.unwrap();
    answered.play_tone(620.0);
    call.play_tone(440.0);
    call.hears_tone(620.0, SOON).await.unwrap();
    answered.hears_tone(440.0, SOON).await.unwrap();
    call.press("5").await.unwrap();
    answered.hears_keys("5", SOON).await.unwrap();
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    assert_eq!(answered.ended().await.unwrap(), Ended::HungUpThere);
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_caller_waits_with_music_until_a_nurse_signs_in() {
    let server = Server::start(Options::default()).await.unwrap();
    let busy = server.agent_at_work("nurse2").await.unwrap();
    server.dials(&busy, "*14").await.unwrap();
    let (_caller, call) = emergent_caller(&server, CALLER).await;
    hears_prompt(&call.heard(), "en/stay_on_line_emergent", MENU).await.unwrap();
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let answered = nurse.incoming_within(MENU).await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    answered.play_tone(620.0);
    call.hears_tone(620.0, SOON).await.unwrap();
}

#[tokio::test]
async fn a_nurse_who_declines_is_passed_over_for_the_next() {
    let server = Server::start(Options::default()).await.unwrap();
    let first = server.agent_at_work("nurse1").await.unwrap();
    let (_caller, call) = emergent_caller(&server, CALLER).await;
    let ringing = first.incoming_within(MENU).await.unwrap();
    let second = server.agent_at_work("nurse2").await.unwrap();
    ringing.decline(486).await.unwrap();
    let answered = second.incoming_within(MENU).await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    answered.play_tone(620.0);
    call.hears_tone(620.0, SOON).await.unwrap();
}

#[tokio::test]
async fn a_caller_who_gives_up_stops_the_ringing() {
    let server = Server::start(Options::default()).await.unwrap();
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let (_caller, call) = emergent_caller(&server, CALLER).await;
    let mut unanswered = nurse.incoming_within(MENU).await.unwrap().ignore();
    call.hang_up().await.unwrap();
    assert_eq!(unanswered.ended().await.unwrap(), Ended::Cancelled);
}

#[tokio::test]
async fn nine_in_the_first_words_rings_a_nurse_before_any_menu() {
    let server = Server::start(Options::default()).await.unwrap();
    let nurse = server.agent_at_work("nurse1").await.unwrap();
    let caller = server.caller(CALLER).await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.press("9").await.unwrap();
    let answered = nurse.incoming_within(Duration::from_secs(15)).await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    call.play_tone(440.0);
    answered.hears_tone(440.0, SOON).await.unwrap();
    assert_eq!(answered.hang_up().await.unwrap(), Ended::HungUpHere);
}
