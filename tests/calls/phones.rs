//! Agents at telephones somebody else wrote, over UDP and TCP, IPv4 and IPv6: they register by digest, sign
//! in, take a call, hold it, come back and hang up. TLS besides.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use harness::{Authority, Baresip, BaresipOptions, Linphone, LinphoneOptions, Options, Server, Tls};
use phone::{Call, Ended, Phone};

/// A busy machine makes telephones slow.
const SOON: Duration = Duration::from_secs(20);
/// Notice, language and the words before the queue.
const MENU: Duration = Duration::from_secs(60);
const NURSE_LINE: &str = "8001";
const CALLER: &str = "15550100123";
/// The agent's tone and the caller's.
const AGENT_HZ: u32 = 620;
const CALLER_HZ: f64 = 440.0;

/// A caller who chose English and a danger sign: she is put through to the first nurse who is free.
async fn emergent_caller(server: &Server) -> (Phone, Call) {
    let phone = server.caller(CALLER).await.unwrap();
    let call = phone.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.play_tone(CALLER_HZ);
    call.press("11").await.unwrap();
    (phone, call)
}

/// On hold she no longer hears the agent; back from it she does.
async fn agent_is_gone(call: &Call) {
    let heard = call.hear();
    let silent = |heard: &phone::Recording| {
        let samples = heard.samples();
        samples.len() > 8_000 && !heard.ends_in_tone(f64::from(AGENT_HZ))
    };
    assert!(heard.until(std::time::Instant::now() + SOON, silent).await, "the agent is heard on hold");
}

async fn linphone_serves(registrar: SocketAddr, server: &Server, transport: &'static str) {
    linphone_that_believes(None, registrar, server, transport).await;
}

async fn linphone_that_believes(
    roots: Option<PathBuf>,
    registrar: SocketAddr,
    server: &Server,
    transport: &'static str,
) {
    let host = match roots {
        Some(_) => format!("localhost:{}", registrar.port()),
        None => registrar.to_string(),
    };
    let mut agent = Linphone::start(LinphoneOptions {
        user: "nurse1".to_owned(),
        secret: server.secret("nurse1").unwrap(),
        registrar,
        transport,
        tone_hz: AGENT_HZ,
        roots,
    })
    .await
    .unwrap();
    agent.registered(SOON).await.unwrap();
    agent.types(&format!("call sip:*11@{host};transport={transport}")).await.unwrap();
    agent.shows("connected", SOON).await.unwrap();
    agent.shows("ended", SOON).await.unwrap();

    let (_caller, call) = emergent_caller(server).await;
    agent.shows("connected", MENU).await.unwrap();
    call.hears_tone(f64::from(AGENT_HZ), MENU).await.unwrap();
    agent.types("pause").await.unwrap();
    agent_is_gone(&call).await;
    agent.types("resume").await.unwrap();
    call.hears_tone(f64::from(AGENT_HZ), SOON).await.unwrap();
    agent.types("terminate").await.unwrap();
    assert_eq!(call.ended().await.unwrap(), Ended::HungUpThere);
    agent.stop().await.unwrap();
}

async fn baresip_serves(registrar: SocketAddr, server: &Server, transport: &'static str) {
    baresip_that_believes(None, registrar, server, transport).await;
}

async fn baresip_that_believes(
    roots: Option<PathBuf>,
    registrar: SocketAddr,
    server: &Server,
    transport: &'static str,
) {
    let mut agent = Baresip::start(BaresipOptions {
        roots,
        registrar: Some((registrar, server.secret("nurse1").unwrap())),
        transport,
        ..BaresipOptions::new("nurse1", AGENT_HZ)
    })
    .await
    .unwrap();
    agent.registered(SOON).await.unwrap();
    // It adds the transport of its account by itself.
    agent.command("dial", &format!("sip:*11@{registrar}")).await.unwrap();
    agent.event("CALL_ESTABLISHED", SOON).await.unwrap();
    agent.event("CALL_CLOSED", SOON).await.unwrap();

    let (_caller, call) = emergent_caller(server).await;
    agent.event("CALL_ESTABLISHED", MENU).await.unwrap();
    call.hears_tone(f64::from(AGENT_HZ), MENU).await.unwrap();
    agent.command("hold", "").await.unwrap();
    agent_is_gone(&call).await;
    agent.command("resume", "").await.unwrap();
    call.hears_tone(f64::from(AGENT_HZ), SOON).await.unwrap();
    agent.command("hangup", "").await.unwrap();
    assert_eq!(call.ended().await.unwrap(), Ended::HungUpThere);
    agent.stop().await.unwrap();
}

#[tokio::test]
async fn an_agent_on_linphone_takes_holds_and_ends_a_call_over_udp() {
    let server = Server::start(Options::default()).await.unwrap();
    linphone_serves(server.sip(), &server, "udp").await;
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn an_agent_on_linphone_takes_holds_and_ends_a_call_over_tcp() {
    let server = Server::start(Options::default()).await.unwrap();
    linphone_serves(server.sip(), &server, "tcp").await;
}

#[tokio::test]
async fn an_agent_on_linphone_takes_holds_and_ends_a_call_over_ipv6() {
    let server = Server::start(Options::default()).await.unwrap();
    if let Some(registrar) = server.sip_v6() {
        linphone_serves(registrar, &server, "udp").await;
    }
}

#[tokio::test]
async fn an_agent_on_linphone_takes_holds_and_ends_a_call_over_tls() {
    let authority = Authority::new().unwrap();
    let own = authority.issue("localhost").unwrap();
    let tls = Some(Tls { own, clients: None });
    let server = Server::start(Options { tls, ..Options::default() }).await.unwrap();
    linphone_that_believes(Some(authority.roots()), server.tls().unwrap(), &server, "tls").await;
}

/// This baresip reads the first challenge only, as phones older than RFC 8760 do.
fn old_phones() -> Options {
    Options { digest: "[md5]", ..Options::default() }
}

#[tokio::test]
async fn an_agent_on_baresip_takes_holds_and_ends_a_call_over_udp() {
    let server = Server::start(old_phones()).await.unwrap();
    baresip_serves(server.sip(), &server, "udp").await;
}

#[tokio::test]
async fn an_agent_on_baresip_takes_holds_and_ends_a_call_over_tcp() {
    let server = Server::start(old_phones()).await.unwrap();
    baresip_serves(server.sip(), &server, "tcp").await;
}

#[tokio::test]
async fn an_agent_on_baresip_takes_holds_and_ends_a_call_over_tls() {
    let authority = Authority::new().unwrap();
    let own = authority.issue("careline.example").unwrap();
    let server =
        Server::start(Options { tls: Some(Tls { own, clients: None }), ..old_phones() }).await.unwrap();
    let registrar = server.tls().unwrap();
    baresip_that_believes(Some(authority.roots()), registrar, &server, "tls").await;
}

#[tokio::test]
async fn an_agent_on_baresip_takes_holds_and_ends_a_call_over_ipv6() {
    let server = Server::start(old_phones()).await.unwrap();
    if let Some(registrar) = server.sip_v6() {
        baresip_serves(registrar, &server, "tcp").await;
    }
}
