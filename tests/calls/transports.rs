//! UDP, TCP and TLS on IPv4 and IPv6, with other people's clients; and what careline does to those who abuse
//! a connection.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::{Authority, Baresip, BaresipOptions, Issued, Options, Server, Tls, eventually, prompt_fits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(15);
const NURSE_LINE: &str = "8001";

fn with_tls(authority: &Authority, clients_required: Option<bool>) -> Options {
    let own = authority.issue("careline.example").unwrap();
    let clients = clients_required.map(|required| (authority.roots(), required));
    Options { tls: Some(Tls { own, clients }), ..Options::default() }
}

/// Calls the nurse line by baresip and hears the notice about 911.
async fn hears_the_notice(server: SocketAddr, transport: &'static str, authority: &Authority) {
    let roots = Some(authority.roots());
    let options = BaresipOptions { roots, ipv6: server.is_ipv6(), ..BaresipOptions::new("patient", 440) };
    let mut patient = Baresip::start(options).await.unwrap();
    let dialled = format!("sip:{NURSE_LINE}@{server};transport={transport}");
    patient.command("dial", &dialled).await.unwrap();
    patient.event("CALL_ESTABLISHED", SOON).await.unwrap();
    let fits = eventually("the notice in what baresip hears", SOON, async || {
        let heard = patient.heard().ok()?;
        (heard.len() > 8_000 * 4 && prompt_fits(&heard, "en/dial_911_notice").ok()? > 0.8).then_some(())
    });
    fits.await.unwrap_or_else(|trouble| panic!("{transport} on {server}: {trouble}"));
    patient.command("hangup", "").await.unwrap();
    patient.event("CALL_CLOSED", SOON).await.unwrap();
    patient.stop().await.unwrap();
}

#[tokio::test]
async fn baresip_calls_over_udp_tcp_and_tls_and_hears_the_notice() {
    let authority = Authority::new().unwrap();
    let server = Server::start(with_tls(&authority, None)).await.unwrap();
    hears_the_notice(server.sip(), "udp", &authority).await;
    hears_the_notice(server.sip(), "tcp", &authority).await;
    hears_the_notice(server.tls().unwrap(), "tls", &authority).await;
}

#[tokio::test]
async fn baresip_calls_over_ipv6_by_each_transport_and_hears_the_notice() {
    let authority = Authority::new().unwrap();
    let server = Server::start(with_tls(&authority, None)).await.unwrap();
    let Some(address) = server.sip_v6() else { return };
    hears_the_notice(address, "udp", &authority).await;
    hears_the_notice(address, "tcp", &authority).await;
    let tls = SocketAddr::new(address.ip(), server.tls().unwrap().port());
    hears_the_notice(tls, "tls", &authority).await;
}

fn options(number: u32, padding: usize) -> String {
    format!(
        "OPTIONS sip:careline.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:t@127.0.0.1>;tag=1\r\nTo: <sip:careline.example>\r\n\
         Call-ID: {number}\r\nCSeq: 1 OPTIONS\r\nSubject: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(padding)
    )
}

/// OpenSSL's client, connected.
struct OpensslClient {
    _child: Child,
    says: ChildStdin,
    hears: ChildStdout,
}

impl OpensslClient {
    /// Connects, showing this certificate.
    fn connect(server: SocketAddr, authority: &Authority, shows: Option<&Issued>) -> Self {
        Self::connect_by(&[], server, authority, shows)
    }

    /// The same with more arguments of its own.
    fn connect_by(more: &[&str], server: SocketAddr, authority: &Authority, shows: Option<&Issued>) -> Self {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
            &server.to_string(),
            "-CAfile",
        ]);
        command.arg(authority.roots()).args(more);
        if let Some(Issued { certificate, key }) = shows {
            command.arg("-cert").arg(certificate).arg("-key").arg(key);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (says, hears) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { _child: child, says, hears }
    }

    /// What it hears when it says this; nothing where it is not let in.
    async fn hears(&mut self, said: &str) -> String {
        if self.says.write_all(said.as_bytes()).await.is_err() {
            return String::new();
        }
        let mut answer = vec![0; 4_096];
        let length = timeout(SOON, self.hears.read(&mut answer)).await.unwrap().unwrap();
        String::from_utf8_lossy(answer.get(..length).unwrap()).into_owned()
    }

    /// What it hears when it asks who is there.
    async fn asks(&mut self, number: u32) -> String {
        self.hears(&options(number, 0)).await
    }
}

async fn asks_by_openssl(server: SocketAddr, authority: &Authority, shows: Option<&Issued>) -> String {
    OpensslClient::connect(server, authority, shows).asks(1).await
}

#[tokio::test]
async fn where_a_client_certificate_is_required_one_of_the_right_authority_is_let_in_and_no_other() {
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let server = Server::start(with_tls(&ours, Some(true))).await.unwrap();
    let tls = server.tls().unwrap();
    let carrier = ours.issue("carrier.example").unwrap();
    assert!(asks_by_openssl(tls, &ours, Some(&carrier)).await.starts_with("SIP/2.0 200"));
    assert_eq!(asks_by_openssl(tls, &ours, None).await, "");
    let stranger = theirs.issue("carrier.example").unwrap();
    assert_eq!(asks_by_openssl(tls, &ours, Some(&stranger)).await, "");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let authority = Authority::new().unwrap();
    let server = Server::start(with_tls(&authority, None)).await.unwrap();
    let tls = server.tls().unwrap();
    // OpenSSL itself speaks 1.1 only where it is asked for no security at all.
    let old = ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"];
    for (number, arguments, is_spoken) in
        [(1, &["-tls1_2"][..], true), (2, &["-tls1_3"], true), (3, &old, false)]
    {
        let heard = OpensslClient::connect_by(arguments, tls, &authority, None).asks(number).await;
        assert_eq!(heard.starts_with("SIP/2.0 200 "), is_spoken, "{arguments:?}: {heard}");
    }
}

#[tokio::test]
async fn a_reload_takes_a_renewed_certificate_and_the_connection_of_the_old_one_lives() {
    let old = Authority::new().unwrap();
    let server = Server::start(with_tls(&old, None)).await.unwrap();
    let tls = server.tls().unwrap();
    assert!(asks_by_openssl(tls, &old, None).await.starts_with("SIP/2.0 200"));
    let mut open = OpensslClient::connect(tls, &old, None);
    assert!(open.asks(2).await.starts_with("SIP/2.0 200"));
    // A new authority's, in the same files.
    let new = Authority::new().unwrap();
    let (renewed, running) = (new.issue("careline.example").unwrap(), server.certificate().unwrap());
    fs::copy(&renewed.certificate, &running.certificate).unwrap();
    fs::copy(&renewed.key, &running.key).unwrap();
    // On a busy machine the log may be late just now, and then nothing is changed.
    let reload = eventually("a reload that is taken", SOON, async || {
        let (taken, _) = server.command(&["reload", "--config", "careline.yaml"]).await.ok()?;
        taken.then_some(())
    });
    reload.await.unwrap();
    assert!(asks_by_openssl(tls, &new, None).await.starts_with("SIP/2.0 200"));
    assert_eq!(asks_by_openssl(tls, &old, None).await, "", "the old one is not shown any more");
    assert!(open.asks(3).await.starts_with("SIP/2.0 200"), "what was open goes on");
}

/// How many `200 OK` come, at most as many as wanted.
async fn answers(stream: &mut TcpStream, wanted: usize) -> usize {
    let mut heard = String::new();
    let count = |heard: &str| heard.matches("SIP/2.0 200").count();
    let _ = timeout(SOON, async {
        let mut buffer = vec![0; 65_536];
        while count(&heard) < wanted {
            let Ok(length @ 1..) = stream.read(&mut buffer).await else { return };
            heard.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
        }
    })
    .await;
    count(&heard)
}

#[tokio::test]
async fn messages_come_in_pieces_several_at_once_and_as_long_as_a_stream_allows() {
    let server = Server::start(Options::default()).await.unwrap();
    let mut stream = TcpStream::connect(server.sip()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in options(1, 0).as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
    }
    assert_eq!(answers(&mut stream, 1).await, 1);
    let three = [options(2, 0), options(3, 0), options(4, 0)].concat();
    stream.write_all(three.as_bytes()).await.unwrap();
    assert_eq!(answers(&mut stream, 3).await, 3);
    // Headers of 6,000 bytes; a body of 40,000, which OPTIONS may have.
    let long = options(5, 6_000).replace("Content-Length: 0\r\n\r\n", "Content-Length: 40000\r\n\r\n");
    stream.write_all(long.as_bytes()).await.unwrap();
    stream.write_all(&[b'x'; 40_000]).await.unwrap();
    assert_eq!(answers(&mut stream, 1).await, 1);
}

#[tokio::test]
async fn a_keep_alive_is_answered_over_tcp_and_passed_over_by_udp() {
    let server = Server::start(Options::default()).await.unwrap();
    let mut stream = TcpStream::connect(server.sip()).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"\r\n\r\n").await.unwrap();
        let mut pong = [0; 2];
        timeout(SOON, stream.read_exact(&mut pong)).await.unwrap().unwrap();
        assert_eq!(&pong, b"\r\n");
    }
    // Half a ping, the rest of it and a request, as they come.
    stream.write_all(b"\r\n").await.unwrap();
    stream.write_all(format!("\r\n{}", options(1, 0)).as_bytes()).await.unwrap();
    assert_eq!(answers(&mut stream, 1).await, 1);

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let request = options(2, 0).replace("SIP/2.0/TCP", "SIP/2.0/UDP");
    for datagram in ["\r\n\r\n", "\r\n", request.as_str()] {
        socket.send_to(datagram.as_bytes(), server.sip()).await.unwrap();
    }
    let mut answer = [0; 2_048];
    let length = timeout(SOON, socket.recv(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap()).into_owned();
    assert!(answer.starts_with("SIP/2.0 200 "), "the first answer is to the request: {answer}");
    let malformed = server.metric("careline_sip_dropped_total{reason=\"malformed\"}").await.unwrap();
    assert_eq!(malformed.unwrap_or_default(), 0.0, "a keep-alive is no broken message");
}

/// How long until the far end closes, having sent nothing.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut buffer = [0; 1_024];
    let ended = async { while let Ok(1..) = stream.read(&mut buffer).await {} };
    timeout(Duration::from_secs(30), ended).await.unwrap();
    start.elapsed()
}

#[tokio::test]
async fn who_sends_a_message_byte_by_byte_is_closed_after_ten_seconds_and_http_after_five() {
    let server = Server::start(Options::default()).await.unwrap();
    let mut sip = TcpStream::connect(server.sip()).await.unwrap();
    sip.write_all(b"INVITE sip:8001@careline.example SIP/2.0\r\nVia: ").await.unwrap();
    let mut http = TcpStream::connect(server.http()).await.unwrap();
    http.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let (sip, http) = tokio::join!(closed_after(&mut sip), closed_after(&mut http));
    assert!((Duration::from_secs(9)..Duration::from_secs(13)).contains(&sip), "{sip:?}");
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&http), "{http:?}");
    let slow = server.metric("careline_sip_dropped_total{reason=\"slow\"}").await.unwrap();
    assert_eq!(slow, Some(1.0));
}

#[tokio::test]
async fn the_api_is_served_over_https_and_shows_a_renewed_certificate_after_a_reload() {
    let (old, new) = (Authority::new().unwrap(), Authority::new().unwrap());
    let shown = old.issue("careline.example").unwrap();
    let options = Options { https: Some(shown.clone()), ..Options::default() };
    let server = Server::start(options).await.unwrap();
    let ready = "GET /readyz HTTP/1.1\r\nHost: careline.example\r\nConnection: close\r\n\r\n";
    let https = server.http();
    let told = OpensslClient::connect(https, &old, None).hears(ready).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    let renewed = new.issue("careline.example").unwrap();
    fs::copy(&renewed.certificate, &shown.certificate).unwrap();
    fs::copy(&renewed.key, &shown.key).unwrap();
    // The subcommand speaks plain HTTP only; the signal does the same.
    let id = server.pid().unwrap().to_string();
    let renews = eventually("the renewed certificate", SOON, async || {
        Command::new("kill").args(["-HUP", &id]).status().await.ok()?;
        let told = OpensslClient::connect(https, &new, None).hears(ready).await;
        told.starts_with("HTTP/1.1 200").then_some(())
    });
    renews.await.unwrap();
    assert_eq!(OpensslClient::connect(https, &old, None).hears(ready).await, "");
    // Who speaks plain HTTP to it hears nothing of ours.
    let mut plain = TcpStream::connect(https).await.unwrap();
    plain.write_all(ready.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    let _ = timeout(SOON, plain.read_to_end(&mut heard)).await.unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("HTTP/1.1"));
}

#[tokio::test]
async fn a_start_with_plaintext_that_others_can_reach_is_refused_with_the_line_and_what_to_write() {
    let server = Server::start(Options::default()).await.unwrap();
    let exposed = "data: plain\nhttp: { address: \"127.0.0.1:0\" }\nmedia: { address: 192.0.2.1 }\nsip:\n  udp: [\"0.0.0.0:0\"]\n  tcp: []\n";
    fs::write(server.data().join("plain.yaml"), exposed).unwrap();
    let (started, said) = server.command(&["serve", "--config", "data/plain.yaml"]).await.unwrap();
    assert!(!started);
    for part in [
        "error: UDP on 0.0.0.0:0 is not encrypted, and other machines can reach it",
        "data/plain.yaml:5:10",
        "  udp: [\"0.0.0.0:0\"]",
        "help: listen in `sip.tls`, and here on 127.0.0.1 only; or say why not and until when",
        "plaintext: { reason: \"why it cannot be encrypted yet\", until: 2",
    ] {
        assert!(said.contains(part), "{part}\n---\n{said}");
    }
    let ended = format!("{exposed}  plaintext: {{ reason: \"carrier has no TLS\", until: 2026-01-31 }}\n");
    fs::write(server.data().join("plain.yaml"), ended).unwrap();
    let (started, said) = server.command(&["serve", "--config", "data/plain.yaml"]).await.unwrap();
    assert!(!started && said.contains("`sip.plaintext` ended on 2026-01-31"), "{said}");
}
