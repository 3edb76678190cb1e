//! What is not served is refused with the status that says why (RFC 3261 §8.2, §21.4), and what is merely
//! unusual is served.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{Ask, Options, Server, sipp};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);
const CALLER: &str = "15550100123";
const NURSE_LINE: &str = "sip:8001@[remote_ip]:[remote_port]";

/// An offer of what no telephone of ours speaks.
const VIDEO: &str = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 107\n\
                     a=rtpmap:107 H263-1998/90000\n";
const SDP: &str = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n";

/// A request, the status it wants, and a header of the answer with what must be in it.
type Row<'a> = (Ask<'a>, u16, Option<(&'a str, &'a str)>);

fn ask<'a>(method: &'a str, headers: &'a [&'a str]) -> Ask<'a> {
    Ask { method, headers, ..Ask::default() }
}

fn invite<'a>(headers: &'a [&'a str], body: &'a str) -> Ask<'a> {
    Ask { method: "INVITE", uri: NURSE_LINE, headers, body }
}

#[tokio::test]
async fn each_request_is_refused_with_the_status_that_says_why() {
    let server = Server::start(Options::default()).await.unwrap();
    let long = format!("sip:{}@[remote_ip]", "8".repeat(2_100));
    let offer = ["Content-Type: application/sdp"];
    let rows: [Row<'_>; 17] = [
        (ask("OPTIONS", &[]), 200, Some(("Accept", "application/sdp"))),
        (ask("OPTIONS", &["Max-Forwards: 0"]), 200, None),
        (ask("MESSAGE", &["Content-Type: text/plain"]), 405, Some(("Allow", "INVITE"))),
        (ask("WHATEVER", &[]), 501, Some(("Allow", "INVITE"))),
        (ask("SUBSCRIBE", &["Event: weather"]), 489, None),
        (ask("OPTIONS", &["Require: teleport"]), 420, Some(("Unsupported", "teleport"))),
        (ask("BYE", &["To: <sip:8001@[remote_ip]>;tag=nobody"]), 481, None),
        (ask("INFO", &["To: <sip:8001@[remote_ip]>;tag=nobody"]), 481, None),
        (ask("CANCEL", &[]), 481, None),
        (Ask { uri: "urn:nobody:knows", ..ask("OPTIONS", &[]) }, 416, None),
        (Ask { uri: "sip:8001@[remote_ip] SIP/3.0", ..ask("OPTIONS", &[]) }, 505, None),
        (Ask { uri: &long, ..ask("OPTIONS", &[]) }, 414, None),
        (invite(&["Content-Type: text/html"], "<p>hello</p>\n"), 415, Some(("Accept", "application/sdp"))),
        (invite(&["Content-Type: application/sdp", "Content-Encoding: gzip"], SDP), 415, None),
        (invite(&["Content-Type: application/sdp", "Accept: text/html"], SDP), 406, None),
        (invite(&["Content-Type: application/sdp", "Max-Forwards: 0"], SDP), 483, None),
        (invite(&offer, VIDEO), 488, None),
    ];
    for transport in ["udp", "tcp"] {
        for (ask, status, header) in &rows {
            ask.wants(server.sip(), transport, *status, *header).await.unwrap();
        }
    }
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn whoever_asks_sipp_for_what_nobody_does_is_told_why() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("refused", server.sip(), &[("number", "8001"), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn a_message_too_long_for_a_stream_is_refused_with_413() {
    let server = Server::start(Options::default()).await.unwrap();
    let ask = ask("OPTIONS", &["Content-Length: 70000"]);
    ask.wants(server.sip(), "tcp", 413, None).await.unwrap();
}

#[tokio::test]
async fn a_call_in_unusual_clothes_is_answered_over_udp_tcp_and_ipv6() {
    let server = Server::start(Options::default()).await.unwrap();
    // sipp trims its lines, so the white space of a folded line comes as a key.
    let keys = [("number", "8001"), ("caller", CALLER), ("fold", " \t")];
    let over = |more: &[(&'static str, &'static str)]| [&keys, more].concat();
    sipp("unusual_invite", server.sip(), &over(&[("media", "IP4 127.0.0.1")])).await.unwrap();
    let tcp = over(&[("media", "IP4 127.0.0.1"), ("transport", "t1")]);
    sipp("unusual_invite", server.sip(), &tcp).await.unwrap();
    if let Some(server) = server.sip_v6() {
        sipp("unusual_invite", server, &over(&[("media", "IP6 ::1")])).await.unwrap();
    }
    server.logged_none_of(&[CALLER]).unwrap();
}

#[tokio::test]
async fn inside_a_call_too_what_is_not_served_is_refused_and_the_call_lives() {
    let server = Server::start(Options::default()).await.unwrap();
    sipp("refused_in_call", server.sip(), &[("number", "8001"), ("caller", CALLER)]).await.unwrap();
}

#[tokio::test]
async fn a_copy_of_an_invite_that_came_another_way_is_refused_with_482() {
    let server = Server::start(Options::default()).await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let own = socket.local_addr().unwrap();
    for branch in ["z9hG4bKone", "z9hG4bKother"] {
        let invite = format!(
            "INVITE sip:8001@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{CALLER}@{own}>;tag=f\r\nTo: <sip:8001@{server}>\r\nCall-ID: merged@{own}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:{CALLER}@{own}>\r\nContent-Length: 0\r\n\r\n",
            server = server.sip(),
        );
        socket.send_to(invite.as_bytes(), server.sip()).await.unwrap();
    }
    let answer_to_the_copy = async {
        let mut buffer = [0; 4_096];
        loop {
            let length = socket.recv(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
            if text.contains("z9hG4bKother") {
                return text;
            }
        }
    };
    let answer = timeout(SOON, answer_to_the_copy).await.unwrap();
    assert!(answer.starts_with("SIP/2.0 482 "), "{answer}");
}
