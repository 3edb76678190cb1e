//! Transfers by real phones: REFER, Replaces and NOTIFY on the wire, and lamps that show colleagues.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{Baresip, BaresipOptions, Options, Server, SippRun, sipp};
use phone::Ended;

const SOON: Duration = Duration::from_secs(10);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(40);
const NURSE_LINE: &str = "8001";
const CALLER: &str = "15550100123";

/// sipp and this baresip know no digest but MD5.
async fn server() -> Server {
    Server::start(Options { digest: "[md5]", ..Options::default() }).await.unwrap()
}

/// What sipp is given to be nurse1, who asks for somebody.
fn nurse<'a>(secret: &'a str, asks_for: &'a str) -> Vec<(&'a str, &'a str)> {
    agent("nurse1", secret, asks_for)
}

/// The same for another agent.
fn agent<'a>(name: &'a str, secret: &'a str, asks_for: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("number", asks_for), ("asks_for", asks_for), ("caller", name), ("user", name), ("password", secret)]
}

#[tokio::test]
async fn a_phone_transfers_a_colleague_and_hears_each_step() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    let called = server.agent_phone("nurse2").await.unwrap();
    let target = server.agent_phone("scheduler1").await.unwrap();
    let mut keys = nurse(&secret, "nurse2");
    keys.push(("target", "scheduler1"));
    let mut run = SippRun::start("transfer_blind", server.sip(), &keys).unwrap();
    let first = called.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    let ringing = target.incoming_within(SOON).await.unwrap();
    ringing.ring().await.unwrap();
    run.logged("heard-180", SOON).await.unwrap();
    let second = ringing.answer().await.unwrap();
    first.play_tone(440.0);
    second.play_tone(620.0);
    first.hears_tone(620.0, SOON).await.unwrap();
    second.hears_tone(440.0, SOON).await.unwrap();
    run.succeeded().await.unwrap();
    assert!(first.is_established() && second.is_established(), "whoever transferred has left, they stay");
    let log = server.log();
    assert!(
        log.contains("nurse1 transfers to scheduler1, blind") && log.contains("transferred to scheduler1")
    );
}

#[tokio::test]
async fn a_phone_joins_both_whom_it_called() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    let called = server.agent_phone("nurse2").await.unwrap();
    let consulted = server.agent_phone("scheduler1").await.unwrap();
    let mut consults =
        SippRun::start("transfer_consults", server.sip(), &nurse(&secret, "scheduler1")).unwrap();
    let second = consulted.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    let words = consults.logged("consulted", SOON).await.unwrap();
    let [call_id, to_tag, from_tag] = words.as_slice() else { unreachable!("{words:?}") };
    let replaces = format!("{}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3D{from_tag}", call_id.replace('@', "%40"));
    let mut keys = nurse(&secret, "nurse2");
    keys.extend([("target", "scheduler1"), ("replaces", replaces.as_str())]);
    let mut transfers = SippRun::start("transfer_attended", server.sip(), &keys).unwrap();
    let first = called.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    first.play_tone(440.0);
    second.play_tone(620.0);
    first.hears_tone(620.0, SOON).await.unwrap();
    second.hears_tone(440.0, SOON).await.unwrap();
    consults.succeeded().await.unwrap();
    transfers.succeeded().await.unwrap();
    assert!(server.log().contains("nurse1 transfers to scheduler1, attended"));
}

#[tokio::test]
async fn an_agents_other_phone_takes_her_call_over_and_the_first_one_is_let_go() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    let called = server.agent_phone("scheduler1").await.unwrap();
    let mut first = SippRun::start("transfer_consults", server.sip(), &nurse(&secret, "scheduler1")).unwrap();
    let answered = called.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    let words = first.logged("consulted", SOON).await.unwrap();
    let [call_id, to_tag, from_tag] = words.as_slice() else { unreachable!("{words:?}") };
    let replaces = format!("{call_id};to-tag={to_tag};from-tag={from_tag}");

    let too_late = format!("{replaces};early-only");
    let mut keys = nurse(&secret, "scheduler1");
    keys.push(("replaces", too_late.as_str()));
    sipp("replaces_too_late", server.sip(), &keys).await.unwrap();
    assert!(answered.is_established(), "what was refused changes nothing");

    let mut keys = nurse(&secret, "scheduler1");
    keys.push(("replaces", replaces.as_str()));
    let mut second = SippRun::start("replaces_confirmed", server.sip(), &keys).unwrap();
    second.logged("took-over", SOON).await.unwrap();
    first.succeeded().await.unwrap();
    assert!(answered.is_established(), "she talks on");
    answered.hang_up().await.unwrap();
    second.succeeded().await.unwrap();
}

#[tokio::test]
async fn an_agents_other_phone_takes_up_what_rings_at_the_first_one_which_stops() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    let phone = server.agent_phone("nurse1").await.unwrap();
    let caller = server.agent_phone("scheduler1").await.unwrap();
    let call = caller.call("nurse1").await.unwrap();
    let mut rings = phone.incoming_within(SOON).await.unwrap();
    rings.ring().await.unwrap();
    call.ringing().await.unwrap();
    let replaces = rings.replaces().to_owned();
    let mut keys = nurse(&secret, "nurse1");
    keys.push(("replaces", replaces.as_str()));
    let mut second = SippRun::start("replaces_confirmed", server.sip(), &keys).unwrap();
    second.logged("took-over", SOON).await.unwrap();
    assert_eq!(rings.withdrawn().await.unwrap(), Ended::Cancelled);
    call.established().await.unwrap();
    call.hang_up().await.unwrap();
    second.succeeded().await.unwrap();
    assert!(server.log().contains("nurse1 goes on at another phone"));
}

#[tokio::test]
async fn a_colleague_takes_up_what_rings_at_another_phone_and_nobody_else_may() {
    let server = server().await;
    let phone = server.agent_phone("nurse1").await.unwrap();
    let caller = server.agent_phone("scheduler1").await.unwrap();
    let call = caller.call("nurse1").await.unwrap();
    let mut rings = phone.incoming_within(SOON).await.unwrap();
    rings.ring().await.unwrap();
    call.ringing().await.unwrap();
    let replaces = rings.replaces().to_owned();
    // Who made the call has no part in answering it.
    let secret = server.secret("scheduler1").unwrap();
    let mut keys = agent("scheduler1", &secret, "nurse1");
    keys.push(("replaces", replaces.as_str()));
    assert!(sipp("replaces_confirmed", server.sip(), &keys).await.is_err());
    assert!(server.log().contains("call refused with 603: not_her_call"), "{}", server.log());

    let secret = server.secret("nurse2").unwrap();
    let mut keys = agent("nurse2", &secret, "nurse1");
    keys.push(("replaces", replaces.as_str()));
    let mut colleague = SippRun::start("replaces_confirmed", server.sip(), &keys).unwrap();
    colleague.logged("took-over", SOON).await.unwrap();
    assert_eq!(rings.withdrawn().await.unwrap(), Ended::Cancelled);
    call.established().await.unwrap();
    call.hang_up().await.unwrap();
    colleague.succeeded().await.unwrap();
    assert!(server.log().contains("nurse2 takes up what rings for nurse1"));
}

#[tokio::test]
async fn a_caller_transfers_nobody() {
    let server = server().await;
    let keys = [("number", NURSE_LINE), ("caller", CALLER), ("target", "nurse2")];
    sipp("transfer_refused", server.sip(), &keys).await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn a_lamp_shows_that_a_colleague_is_rung_and_talks() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    let watched = server.agent_phone("nurse2").await.unwrap();
    let caller = server.agent_phone("scheduler1").await.unwrap();
    let mut keys = nurse(&secret, "nurse2");
    keys.push(("target", "nurse2"));
    let mut run = SippRun::start("watch_colleague", server.sip(), &keys).unwrap();
    run.logged("heard-free", SOON).await.unwrap();
    let call = caller.call("nurse2").await.unwrap();
    let ringing = watched.incoming_within(SOON).await.unwrap();
    run.logged("heard-early", SOON).await.unwrap();
    let answered = ringing.answer().await.unwrap();
    call.established().await.unwrap();
    run.succeeded().await.unwrap();
    answered.hang_up().await.unwrap();
}

#[tokio::test]
async fn a_phone_asks_for_its_messages() {
    let server = server().await;
    let secret = server.secret("nurse1").unwrap();
    sipp("watch_messages", server.sip(), &nurse(&secret, "nurse1")).await.unwrap();
}

#[tokio::test]
async fn a_nurse_on_baresip_transfers_her_caller_to_a_colleague() {
    let server = server().await;
    let registrar = Some((server.sip(), server.secret("nurse1").unwrap()));
    let mut agent =
        Baresip::at_work(BaresipOptions { registrar, ..BaresipOptions::new("nurse1", 620) }).await.unwrap();
    let colleague = server.agent_phone("nurse2").await.unwrap();

    let caller = server.caller(CALLER).await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.press("11").await.unwrap();
    agent.event("CALL_ESTABLISHED", MENU).await.unwrap();
    call.hears_tone(620.0, MENU).await.unwrap();

    agent.command("transfer", &format!("sip:nurse2@{}", server.sip())).await.unwrap();
    let answered = colleague.incoming_within(SOON).await.unwrap().answer().await.unwrap();
    answered.established().await.unwrap();
    answered.play_tone(440.0);
    call.play_tone(880.0);
    call.hears_tone(440.0, SOON).await.unwrap();
    answered.hears_tone(880.0, SOON).await.unwrap();
    agent.event("CALL_CLOSED", SOON).await.unwrap();
    agent.stop().await.unwrap();
    call.hang_up().await.unwrap();
    server.logged_none_of(&[CALLER]).unwrap();
}
