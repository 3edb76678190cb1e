//! Who is told of a 911 call, when the desk that is to be told is down, shows a certificate of nobody, or is slow.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use harness::{AnsweringPoint, Authority, HttpsDesk, Options, Server, eventually, free_ports};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than the longest pause between two attempts.
const SOON: Duration = Duration::from_secs(60);

/// A server whose nurses sit at `hq`, whose 911 leads to `help`, and who tells the desk at `webhook`.
async fn server(help: &AnsweringPoint, webhook: &str, roots: Option<&Authority>) -> Server {
    let agents =
        "  nurse1: { queues: [nurses], location: hq }\n  nurse2: { queues: [nurses], location: hq }\n";
    let roots = roots.map(|authority| format!(", roots: {:?}", authority.roots())).unwrap_or_default();
    let more = format!(
        "emergency:\n  reach: [{{ sip: \"sip:{}\" }}]\n  callback: \"+15550100100\"\n  locations:\n    hq: {{ civic: \
         {{ country: US, A1: CA, A3: Springfield, RD: Main, HNO: \"742\" }} }}\n  \
         notify: {{ webhook: \"{webhook}\"{roots} }}\n",
        help.address().unwrap()
    );
    Server::start(Options { agents: agents.to_owned(), more, calls: 10, ..Options::default() }).await.unwrap()
}

/// A nurse calls 911, help answers, and she hangs up.
async fn a_call_for_help(server: &Server, help: &AnsweringPoint, nurse: &str) {
    let phone = server.agent_phone(nurse).await.unwrap();
    let call = phone.call("911").await.unwrap();
    let (invite, from) = help.request("INVITE", SOON).await.unwrap();
    help.answer(&invite, from).await.unwrap();
    call.established().await.unwrap();
    call.hang_up().await.unwrap();
    let (bye, from) = help.request("BYE", SOON).await.unwrap();
    help.respond(&bye, from, "200 OK", "").await.unwrap();
}

async fn until_metric(server: &Server, name: &str, value: f64) {
    let reached = async || (server.metric(name).await.ok()? == Some(value)).then_some(());
    eventually(name, SOON, reached).await.unwrap();
}

fn events(posted: &[Value]) -> Vec<&str> {
    posted.iter().filter_map(|notice| notice.get("event")?.as_str()).collect()
}

#[tokio::test]
async fn a_desk_that_was_down_over_a_restart_is_told_by_https_of_all_of_it_in_order_and_once() {
    const WAITING: &str = "careline_emergency_notices_waiting";
    let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
    let port = free_ports(1).unwrap();
    let help = AnsweringPoint::open().await.unwrap();
    let mut server = server(&help, &format!("https://localhost:{port}/emergency"), Some(&authority)).await;
    let unproved = HttpsDesk::listen(port, &stranger.issue("localhost").unwrap()).unwrap();
    a_call_for_help(&server, &help, "nurse1").await;
    until_metric(&server, WAITING, 3.0).await;
    eventually("an attempt", SOON, async || server.log().contains("no TLS").then_some(())).await.unwrap();
    assert_eq!(events(&unproved.posted()), [""; 0]);
    drop(unproved);

    server.stop().await.unwrap();
    server.restart().await.unwrap();
    until_metric(&server, WAITING, 3.0).await;
    let undelivered = "careline_emergency_notices_total{event=\"called\",outcome=\"undelivered\"}";
    until_metric(&server, undelivered, 1.0).await;

    let desk = HttpsDesk::listen(port, &authority.issue("localhost").unwrap()).unwrap();
    until_metric(&server, WAITING, 0.0).await;
    assert_eq!(events(&desk.posted()), ["called", "answered", "ended"]);
    let delivered = "careline_emergency_notices_total{event=\"ended\",outcome=\"delivered\"}";
    until_metric(&server, delivered, 1.0).await;

    server.stop().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(server.metric(WAITING).await.unwrap(), Some(0.0), "what was delivered is not kept");
}

/// A request and its connection.
async fn post(listener: &TcpListener) -> (TcpStream, Value) {
    let (mut stream, _) = tokio::time::timeout(SOON, listener.accept()).await.unwrap().unwrap();
    let mut request = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        let text = String::from_utf8_lossy(&request);
        let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        if let Some(body) = body {
            return (stream, body);
        }
    }
}

#[tokio::test]
async fn a_notice_that_hangs_holds_up_those_of_its_call_and_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let help = AnsweringPoint::open().await.unwrap();
    let server = server(&help, &format!("http://{}/", listener.local_addr().unwrap()), None).await;
    a_call_for_help(&server, &help, "nurse1").await;
    let (hanging, first) = post(&listener).await;
    a_call_for_help(&server, &help, "nurse2").await;
    // The attempt that hangs is given up after 5 s and comes again; whatever is told meanwhile is of the other.
    let mut of_second = Vec::new();
    while of_second.len() < 3 {
        let (mut stream, notice) = post(&listener).await;
        if notice.get("call") == first.get("call") {
            assert_eq!(notice, first, "in order, whatever happens");
            continue;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        of_second.push(notice);
    }
    assert_eq!(events(&of_second), ["called", "answered", "ended"]);
    assert_eq!(events(&[first]), ["called"]);
    drop(hanging);
}
