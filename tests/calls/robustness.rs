//! What the network may throw at the server, and a power failure.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::{Options, Server, eventually, sipp};
use phone::load::{LoadPlan, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

const SOON: Duration = Duration::from_secs(10);
const NURSE_LINE: &str = "8001";
/// Longer than a peer may take nothing of what is written to it, 20 s.
const STALLED: Duration = Duration::from_secs(60);
/// A connection that takes nothing for so long is full.
const FULL: Duration = Duration::from_secs(2);

#[tokio::test]
async fn every_torture_message_and_noise_leave_the_server_answering() {
    let mut server = Server::start(Options::default()).await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/testkit/src");
    let entries = ["rfc4475", "rfc5118"].map(|rfc| fs::read_dir(corpora.join(rfc)).unwrap());
    let mut sent = 0;
    for entry in entries.into_iter().flatten() {
        let message = fs::read(entry.unwrap().path()).unwrap();
        socket.send_to(&message, server.sip()).await.unwrap();
        // The same cut short, and with one bit turned.
        socket.send_to(message.get(..message.len() / 2).unwrap(), server.sip()).await.unwrap();
        let mut turned = message.clone();
        let middle = turned.len() / 3;
        turned.get_mut(middle..=middle).unwrap().iter_mut().for_each(|octet| *octet ^= 0x40);
        socket.send_to(&turned, server.sip()).await.unwrap();
        sent += 1;
    }
    assert!(sent >= 49 + 12, "{sent} messages of RFC 4475 and RFC 5118");
    for noise in [&b""[..], b"\0", b"\r\n\r\n", &[0xff; 1_400]] {
        socket.send_to(noise, server.sip()).await.unwrap();
    }
    sipp("options", server.sip(), &[]).await.unwrap();
    assert!(!server.log().contains("panicked"));
    assert!(server.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_power_failure_in_the_middle_of_a_call_loses_no_record_and_the_server_comes_back() {
    let mut server = Server::start(Options::default()).await.unwrap();
    let caller = server.caller("15550100123").await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.hears_speech(SOON).await.unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let (verified, printed) =
        server.command(&["audit", "verify", "--config", "careline.yaml"]).await.unwrap();
    assert!(verified, "{printed}");

    let again = server.caller("15550100124").await.unwrap();
    let call = again.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.hears_speech(SOON).await.unwrap();
    call.hang_up().await.unwrap();
    assert!(server.stop().await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_callers_at_once_are_all_answered_and_hear_every_packet() {
    let server = Server::start(Options::default()).await.unwrap();
    let mut plan = LoadPlan::new(server.sip(), NURSE_LINE, 30);
    plan.hold = Duration::from_secs(3);
    let summary = tokio::task::spawn_blocking(move || run(plan)).await.unwrap().unwrap();
    assert_eq!((summary.placed, summary.answered, summary.heard), (30, 30, 30), "{summary}");
    assert_eq!((summary.ended_early, summary.packets_lost), (0, 0), "{summary}");
    // Three seconds of fifty packets each; the menu speaks nearly all the time.
    assert!(summary.lateness.packets > 3_000, "{summary}");
}

/// A connection that asks and asks and never reads an answer, until nothing more goes through: how much the kernel holds
/// for it on the way differs from run to run.
async fn asks_and_never_listens(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.sip()).await.unwrap();
    let own = stream.local_addr().unwrap();
    for at in 0..40_000 {
        let request = format!(
            "OPTIONS sip:x@careline.invalid SIP/2.0\r\nVia: SIP/2.0/TCP {own};branch=z9hG4bKs{at}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@x>;tag=1\r\nTo: <sip:x@careline.invalid>\r\nCall-ID: s{at}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        // It is closed under our hands, or we have said enough.
        let said = tokio::time::timeout(FULL, stream.write_all(request.as_bytes())).await;
        if !matches!(said, Ok(Ok(()))) {
            break;
        }
    }
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_nothing_is_closed_in_time_and_delays_nobody_else() {
    let server = Server::start(Options::default()).await.unwrap();
    let mut deaf = asks_and_never_listens(&server).await;
    // Others are served meanwhile, by UDP and by another connection.
    for number in ["15550100123", "15550100124"] {
        let caller = server.caller(number).await.unwrap();
        let call = caller.call(NURSE_LINE).await.unwrap();
        call.established().await.unwrap();
        call.hears_speech(SOON).await.unwrap();
        sipp("options", server.sip(), &[("transport", "t1")]).await.unwrap();
        call.hang_up().await.unwrap();
    }
    let closed = async || {
        let stalled = server.metric("careline_connections_stalled_total").await.ok()??;
        (stalled >= 1.0).then_some(())
    };
    eventually("the stalled connection is closed", STALLED, closed).await.unwrap();
    let mut heard = vec![0; 65_536];
    let end = async { while let Ok(1..) = deaf.read(&mut heard).await {} };
    tokio::time::timeout(SOON, end).await.expect("it is still open");
    sipp("options", server.sip(), &[("transport", "t1")]).await.unwrap();
}
