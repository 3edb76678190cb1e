//! A call from outside: what the caller hears, presses and is told.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use harness::{Options, Server, SippCall, eventually, hears_prompt, prompt_fits, sipp};
use phone::Ended;

const SOON: Duration = Duration::from_secs(10);
/// The number of the nurse line.
const NURSE_LINE: &str = "8001";
const CALLER: &str = "15550100123";

#[tokio::test]
async fn a_caller_hears_the_911_notice_in_english_and_spanish() {
    let server = Server::start(Options::default()).await.unwrap();
    let stays = Duration::from_secs(9);
    let mut call = SippCall::place("caller_hangs_up", server.sip(), NURSE_LINE, CALLER, stays).await.unwrap();
    call.answered(SOON).await.unwrap();
    // Both notices together last 7.6 seconds.
    let heard = call.media().heard();
    let enough = Instant::now() + SOON;
    assert!(heard.until(enough, |heard| heard.samples().len() >= 8 * 8_000).await, "too little audio");
    let samples = heard.samples();
    for prompt in ["en/dial_911_notice", "es/dial_911_notice"] {
        let fit = prompt_fits(&samples, prompt).unwrap();
        assert!(fit > 0.8, "{prompt} fits {fit:.2}");
    }
    call.succeeded().await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_number_that_leads_nowhere_is_refused_with_404() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("wrong_number", server.sip(), &[("number", "9999"), ("caller", CALLER)]).await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_trunk_that_asks_whether_anybody_is_there_is_answered_over_udp_tcp_and_ipv6() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("options", server.sip(), &[]).await.unwrap();
    sipp("options", server.sip(), &[("transport", "t1")]).await.unwrap();
    if let Some(server) = server.sip_v6() {
        sipp("options", server, &[]).await.unwrap();
        sipp("wrong_number", server, &[("number", "9999"), ("caller", CALLER)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_caller_may_hold_the_line_and_come_back() {
    let server = Server::start(Options::default()).await.unwrap();
    let stays = Duration::from_secs(2);
    let mut call = SippCall::place("hold", server.sip(), NURSE_LINE, CALLER, stays).await.unwrap();
    call.answered(SOON).await.unwrap();
    call.succeeded().await.unwrap();
    // Two seconds before the hold and two after it; nothing in the two between.
    let heard = call.media().heard().samples().len();
    assert!((3 * 8_000..5 * 8_000).contains(&heard), "{heard} samples");
}

#[tokio::test]
async fn a_caller_who_hangs_up_in_the_menu_leaves_nothing_behind() {
    let server = Server::start(Options::default()).await.unwrap();
    let caller = server.caller(CALLER).await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.hears_speech(SOON).await.unwrap();
    assert_eq!(server.metric("careline_calls_active").await.unwrap(), Some(1.0));
    assert_eq!(call.hang_up().await.unwrap(), Ended::HungUpHere);
    let gone = eventually("no call in the metrics", SOON, async || {
        (server.metric("careline_calls_active").await.ok()? == Some(0.0)).then_some(())
    });
    gone.await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_caller_in_danger_whom_nobody_can_answer_is_told_to_dial_911() {
    let server = Server::start(Options::default()).await.unwrap();
    let caller = server.caller(CALLER).await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.press("9").await.unwrap();
    hears_prompt(&call.heard(), "en/hang_up_and_dial_911", Duration::from_secs(60)).await.unwrap();
    assert!(call.is_established(), "nobody hangs up on her");
    server.logged_none_of(&[CALLER]).unwrap();
}
