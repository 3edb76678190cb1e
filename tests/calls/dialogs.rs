//! Dialogs with telephones and trunks that know more than RFC 3261: reliable ringing, UPDATE, session timers,
//! late offers, both styles of hold, forks.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{Options, Server, SippCarrier, eventually, free_ports, sipp};
use phone::Ended;

const SOON: Duration = Duration::from_secs(10);
const NURSE_LINE: &str = "8001";
const CALLER: &str = "15550100123";

/// A server with a number outside at a port of this machine, and sessions of 4 seconds.
async fn server_with(outside: Option<u16>) -> Server {
    let numbers = outside.map(|port| format!("numbers: {{ outside: \"sip:outside@127.0.0.1:{port}\" }}\n"));
    let sip = "  session_expires_secs: 4\n  session_min_secs: 4\n".to_owned();
    // sipp knows no other digest.
    let digest = "[md5]";
    Server::start(Options { sip, digest, more: numbers.unwrap_or_default(), ..Options::default() })
        .await
        .unwrap()
}

/// Whether the audit log holds these words, each in one entry.
async fn is_told(server: &Server, words: &str) {
    let told = eventually(words, SOON, async || server.log().contains(words).then_some(()));
    told.await.unwrap();
}

#[tokio::test]
async fn a_caller_who_stops_refreshing_is_hung_up_and_one_who_refreshes_is_not() {
    let server = server_with(None).await;
    sipp("session_stops", server.sip(), &[("number", NURSE_LINE), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn a_call_is_refreshed_by_update_moved_by_update_and_its_reason_kept_without_its_words() {
    let server = server_with(None).await;
    sipp("refreshed", server.sip(), &[("number", NURSE_LINE), ("caller", CALLER)]).await.unwrap();
    is_told(&server, "Q.850 31 normal").await;
    server.logged_none_of(&[CALLER, "Pat Doe"]).unwrap();
}

#[tokio::test]
async fn a_gateway_leaves_the_offer_to_us_holds_in_both_styles_and_waits_after_glare() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("late_offer", server.sip(), &[("number", NURSE_LINE), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn a_merged_invite_is_refused_and_answers_go_to_the_port_it_came_from() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("merged", server.sip(), &[("number", NURSE_LINE), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn a_200_comes_again_until_its_late_ack_and_a_repeated_invite_begins_nothing_new() {
    let server = Server::start(Options::default()).await.unwrap();
    let keys = [("number", NURSE_LINE), ("caller", CALLER), ("repeats", "no")];
    sipp("accepted", server.sip(), &keys).await.unwrap();
    is_told(&server, "caller_hung_up").await;
    assert_eq!(server.log().matches("kind=\"call.end\"").count(), 1, "{}", server.log());
}

#[tokio::test]
async fn a_gruu_is_called_back_to_the_letter() {
    let server = server_with(None).await;
    sipp("gruu", server.sip(), &[("number", NURSE_LINE), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn an_agents_phone_and_a_number_outside_ring_reliably_through_us() {
    let port = free_ports(2).unwrap();
    let server = server_with(Some(port)).await;
    let mut outside = SippCarrier::listen("prack_callee", port, 1, &[]).unwrap();
    let secret = server.secret("nurse1").unwrap();
    let keys = [
        ("number", "outside"),
        ("caller", "nurse1"),
        ("user", "nurse1"),
        ("password", secret.as_str()),
        ("asks_for", "outside"),
    ];
    sipp("prack_caller", server.sip(), &keys).await.unwrap();
    outside.succeeded().await.unwrap();
    is_told(&server, "Q.850 31 normal").await;
    server.logged_none_of(&["private words"]).unwrap();
}

#[tokio::test]
async fn of_a_fork_the_first_answer_has_the_call_and_the_second_is_hung_up() {
    let port = free_ports(2).unwrap();
    let server = server_with(Some(port)).await;
    let mut outside = SippCarrier::listen("forked_callee", port, 1, &[]).unwrap();
    let agent = server.agent_phone("nurse1").await.unwrap();
    let call = agent.call("outside").await.unwrap();
    call.established().await.unwrap();
    assert_eq!(call.ended().await.unwrap(), Ended::HungUpThere);
    outside.succeeded().await.unwrap();
    is_told(&server, "SIP 200 answered_elsewhere").await;
}
