//! Who wants to get in, to listen, or to keep others from calling: scanners, guessers, a flood.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::{Options, Server, eventually};
use phone::PhoneConfig;
use primitives::Private;
use sip::digest::{DigestChallenge, answer};
use sip::message::Method;
use sip::uri::Uri;
use tokio::process::Command;

const NURSE_LINE: &str = "8001";

/// Where attackers are: the trunk of these tests is 127.0.0.1 alone.
const STRANGE: &str = "127.0.0.2";

/// How long a scan may take, and a guesser waits for an answer that does not come.
const SCAN_MAX: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_millis(500);

async fn server() -> Server {
    let more = "trunks:\n  local:\n    accept: { from: [\"127.0.0.1/32\", \"::1/128\"] }\n".to_owned();
    Server::start(Options { more, ..Options::default() }).await.unwrap()
}

/// A program of sipvicious, which `tests/run` installs into a folder of its own.
fn sipvicious(program: &str) -> Option<PathBuf> {
    let name = format!("sipvicious_{program}");
    let folders = std::env::var_os("SIPVICIOUS_BIN").or_else(|| std::env::var_os("PATH"))?;
    let found = std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file());
    if found.is_none() {
        println!(
            "SKIPPED, NOT PASSED: no {name}. `pip install sipvicious`, and name its folder in SIPVICIOUS_BIN"
        );
    }
    found
}

/// What a scan printed, whatever it thought of the server.
async fn scan(program: PathBuf, server: &Server, from: &str, arguments: &[&str]) -> String {
    let port = server.sip().port().to_string();
    let mut command = Command::new(program);
    command.args(["-b", from, "-p", &port, "--maximumtime", "3"]);
    command.args(arguments).arg("127.0.0.1").stdin(Stdio::null()).kill_on_drop(true);
    command.env("HOME", server.data());
    let output = tokio::time::timeout(SCAN_MAX, command.output()).await.unwrap().unwrap();
    [output.stdout, output.stderr].iter().map(|text| String::from_utf8_lossy(text)).collect()
}

#[tokio::test]
async fn sipvicious_finds_no_server_no_extension_and_no_password() {
    let (Some(svmap), Some(svwar), Some(svcrack)) =
        (sipvicious("svmap"), sipvicious("svwar"), sipvicious("svcrack"))
    else {
        return;
    };
    let mut server = server().await;
    let names = server.data().join("names");
    std::fs::write(&names, "nurse1\nnurse2\nscheduler1\n8001\nnobody\n").unwrap();
    let passwords = server.data().join("passwords");
    std::fs::write(&passwords, format!("123456\n{}\n", server.secret("nurse1").unwrap())).unwrap();
    let (names, passwords) = (names.display().to_string(), passwords.display().to_string());

    // From a stranger's address, and from the trunk's own, which no scan bars.
    for (from, methods) in [(STRANGE, &["OPTIONS"][..]), ("127.0.0.1", &["REGISTER", "OPTIONS", "INVITE"])] {
        let port = server.sip().port().to_string();
        for method in methods {
            let mut command = Command::new(&svmap);
            command.args(["-b", from, "-p", &port, "-m", method, "127.0.0.1"]).env("HOME", server.data());
            let output = tokio::time::timeout(SCAN_MAX, command.output()).await.unwrap().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!printed.contains(&format!("127.0.0.1:{port}")), "svmap {method}: {printed}");
        }
        for method in methods {
            let printed = scan(svwar.clone(), &server, from, &["-m", method, "-d", &names, "--force"]).await;
            let finds = ["nurse", "scheduler", "reqauth", "noauth"].iter().any(|word| printed.contains(word));
            assert!(!finds, "svwar {method}: {printed}");
        }
        let printed = scan(svcrack.clone(), &server, from, &["-u", "nurse1", "-d", &passwords]).await;
        assert!(
            !printed.contains(&server.secret("nurse1").unwrap()),
            "svcrack found the password: {printed}"
        );
    }
    let seen = server.metric("careline_sip_dropped_total{reason=\"scanner\"}").await.unwrap();
    assert!(seen.unwrap_or_default() >= 4.0, "{seen:?}");
    // Another scan right away: what follows its first message is not even read.
    for _ in 0..2 {
        Stranger::new(&server, STRANGE).scans();
    }
    eventually("a barred scanner", SCAN_MAX, async || {
        let barred = server.metric("careline_sip_dropped_total{reason=\"barred\"}").await.ok()??;
        (barred >= 1.0).then_some(())
    })
    .await
    .unwrap();
    assert!(server.log().contains("SIP messages dropped at the door: scanner"));
    server.logged_none_of(&[STRANGE]).unwrap();
    // The trunk whose address was scanned from still brings calls.
    let caller = server.caller("15550100123").await.unwrap();
    let call = caller.call(NURSE_LINE).await.unwrap();
    call.established().await.unwrap();
    call.hang_up().await.unwrap();
    assert!(server.stop().await.unwrap().success());
}

/// Somebody at an address of his own who writes SIP by hand, with the User-Agent of a telephone.
struct Stranger {
    socket: UdpSocket,
    server: SocketAddr,
    sent: u32,
}

impl Stranger {
    fn new(server: &Server, from: &str) -> Self {
        let socket = UdpSocket::bind((from, 0)).unwrap();
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        Self { socket, server: server.sip(), sent: 0 }
    }

    /// Says that it is a scanner.
    fn scans(&self) {
        let text = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nUser-Agent: friendly-scanner\r\n\r\n";
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
    }

    /// Asks, and waits for the final answer. Nothing comes where the server keeps silent.
    fn ask(&mut self, method: &str, to: &str, extra: &str) -> Option<String> {
        self.sent += 1;
        let (me, at) = (self.socket.local_addr().unwrap(), self.sent);
        let text = format!(
            "{method} sip:{to}@careline.invalid SIP/2.0\r\nVia: SIP/2.0/UDP {me};rport;branch=z9hG4bK-{at}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{to}@careline.invalid>;tag=f\r\nTo: <sip:{to}@careline.invalid>\r\n\
             Call-ID: c{at}\r\nCSeq: {at} {method}\r\nContact: <sip:x@{me}>\r\nUser-Agent: a telephone\r\n\
             {extra}Content-Length: 0\r\n\r\n"
        );
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
        let mut buffer = [0; 65_535];
        loop {
            let length = self.socket.recv(&mut buffer).ok()?;
            let answer = String::from_utf8_lossy(buffer.get(..length).unwrap()).into_owned();
            if answer.contains(&format!("CSeq: {at} {method}")) && !answer.starts_with("SIP/2.0 100") {
                return Some(answer);
            }
        }
    }

    /// Tries a password: the answer, and how long it took.
    fn guess(&mut self, user: &str, password: &str) -> Option<(String, Duration)> {
        let asked = self.ask("REGISTER", user, "")?;
        let line = asked.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: "))?;
        let challenge = DigestChallenge::parse(line).unwrap().unwrap();
        let uri = Uri::parse(&format!("sip:{user}@careline.invalid")).unwrap();
        let (name, secret) = (Private::new(user.to_owned()), Private::new(password.to_owned()));
        let proof = answer(&[challenge], &name, &secret, &Method::Register, &uri, "c0ffee", 1).unwrap();
        let began = Instant::now();
        let given = self.ask("REGISTER", user, &format!("Authorization: {}\r\n", proof.expose()))?;
        Some((given, began.elapsed()))
    }
}

/// An answer without what is new in each.
fn shape(answer: &str, name: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((header @ ("Via" | "Call-ID" | "CSeq"), _)) => header.to_owned(),
        Some(("To", value)) => format!("To: {}", value.split(";tag=").next().unwrap_or_default()),
        Some(("WWW-Authenticate", value)) => {
            value.split(", ").filter(|it| !it.starts_with("nonce=")).collect::<Vec<_>>().join(", ")
        }
        _ => line.to_owned(),
    };
    answer.lines().map(line).collect::<Vec<_>>().join("\n").replace(name, "NAME")
}

#[tokio::test]
async fn no_answer_tells_a_name_that_exists_from_one_that_does_not() {
    let server = server().await;
    let event = "Event: presence\r\nExpires: 60\r\n";
    for (method, extra) in [("REGISTER", ""), ("OPTIONS", ""), ("SUBSCRIBE", event), ("INVITE", "")] {
        let mut stranger = Stranger::new(&server, STRANGE);
        let mut told = |name: &str| shape(&stranger.ask(method, name, extra).unwrap_or_default(), name);
        let (there, not_there) = (told("nurse1"), told("nobody"));
        assert_eq!(there, not_there, "{method}");
        assert!(!there.is_empty(), "{method}");
    }
}

#[tokio::test]
async fn a_guesser_is_not_told_that_he_is_no_longer_heard_and_the_phone_registers_all_the_while() {
    let server = server().await;
    let right = server.secret("nurse1").unwrap();
    let phone = server.agent_phone("nurse1").await.unwrap();
    let mut guesser = Stranger::new(&server, STRANGE);
    let mut times = Vec::new();
    let mut shapes = std::collections::BTreeSet::new();
    for (user, guesses) in [("nobody", 3), ("nurse1", 12)] {
        for guess in 0..guesses {
            let (answer, took) = guesser.guess(user, &format!("guess-{guess}")).unwrap();
            shapes.insert(shape(&answer, user));
            times.push((user, took));
        }
    }
    // Now the right one: he is not heard any more, and is told the same.
    let (answer, took) = guesser.guess("nurse1", &right).unwrap();
    shapes.insert(shape(&answer, "nurse1"));
    times.push(("not heard", took));
    assert!(answer.starts_with("SIP/2.0 401 "), "{answer}");
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    println!("answered after {times:?}");
    // From where she is at home the nurse is believed, and her neighbour from anywhere.
    phone.register().await.unwrap();
    server.agent_phone("nurse2").await.unwrap();
    let (answer, _) =
        Stranger::new(&server, "127.0.0.3").guess("nurse2", &server.secret("nurse2").unwrap()).unwrap();
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    server.logged_none_of(&["guess-", &right]).unwrap();
}

/// A stranger's socket that sends as fast as it can until it is told to stop.
struct Flood {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Flood {
    fn start(server: SocketAddr) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            let socket = UdpSocket::bind((STRANGE, 0)).unwrap();
            let methods = ["INVITE", "REGISTER", "OPTIONS", "BYE", "SUBSCRIBE", "NOISE"];
            for (at, method) in methods.iter().cycle().enumerate() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let text = format!(
                    "{method} sip:{NURSE_LINE}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {STRANGE}:9;branch=z9hG4bK{at}\r\n\
                     From: <sip:f@x>;tag={at}\r\nTo: <sip:{NURSE_LINE}@x>\r\nCall-ID: f{at}\r\nCSeq: 1 {method}\r\n\
                     Contact: <sip:f@{STRANGE}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
                );
                // The kernel may be full of them: that is a flood.
                if socket.send_to(text.as_bytes(), server).is_ok() {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                // Some 20,000 a second: what a script on one machine does, not what fills a kernel's buffer.
                if at % 20 == 0 {
                    std::thread::park_timeout(Duration::from_millis(1));
                }
            }
        });
        Self { stop, sent, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.sent.load(Ordering::Relaxed)
    }
}

/// How much longer the median call may take to be answered under a flood than before it: so many times, and this on top
/// of it. The flood's own threads take their part of a busy machine; a server that read all of it would take seconds.
const FLOODED_TIMES_MAX: u32 = 5;
const FLOODED_MORE_MAX: Duration = Duration::from_millis(100);

/// Places calls one after the other from the trunk: how long each took to be answered, sorted.
async fn answer_times(server: &Server, calls: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for at in 0..calls {
        let caller = server.caller(&format!("155501{at:05}")).await.unwrap();
        let began = Instant::now();
        let call = caller.call(NURSE_LINE).await.unwrap();
        call.established().await.unwrap();
        times.push(began.elapsed());
        call.hang_up().await.unwrap();
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_the_trunk_are_answered_while_a_stranger_floods() {
    const CALLS: usize = 40;
    let mut server = server().await;
    let agent = Arc::new(server.agent_phone("nurse1").await.unwrap());
    let quiet = answer_times(&server, CALLS).await;
    let began = Instant::now();
    let flood = Flood::start(server.sip());
    let flooded = answer_times(&server, CALLS).await;
    // A phone at home registers in it.
    agent.register().await.unwrap();
    let sent = flood.stop() as f64 / began.elapsed().as_secs_f64();
    let shown = |times: &[Duration]| {
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied();
        format!("median {:?}, p99 {:?}", at(50).unwrap(), at(99).unwrap())
    };
    let lost = server.metric("careline_sip_datagrams_lost").await.unwrap().unwrap_or_default();
    println!("{lost} datagrams found no room in the server's socket");
    println!("answered: quiet {}; with {sent:.0} messages a second {}", shown(&quiet), shown(&flooded));
    assert_eq!((quiet.len(), flooded.len()), (CALLS, CALLS));
    let median = |times: &[Duration]| times.get(times.len() / 2).copied().unwrap();
    let most = median(&quiet) * FLOODED_TIMES_MAX + FLOODED_MORE_MAX;
    assert!(median(&flooded) <= most, "{} against {}", shown(&flooded), shown(&quiet));
    let dropped = server.metric("careline_sip_dropped_total{reason=\"flood\"}").await.unwrap();
    assert!(dropped.unwrap_or_default() > 1_000.0, "{dropped:?}");
    let told = server.log().matches("SIP messages dropped at the door: flood").count();
    assert!((1..=3).contains(&told), "told {told} times, once a minute is enough");
    assert!(server.stop().await.unwrap().success());
}

#[tokio::test]
async fn a_stranger_who_floods_can_still_call_for_help() {
    let server = server().await;
    let mut stranger = Stranger::new(&server, STRANGE);
    let silent = (0..200).filter(|at| stranger.quick("OPTIONS", &format!("x{at}")).is_none()).count();
    assert!(silent > 0, "a flood is answered to its end");
    let help = stranger.ask("INVITE", "911", "");
    assert!(help.is_some(), "nobody answers who calls for help");
    // The phone on another address is not concerned.
    let config = PhoneConfig::new(server.sip(), "nurse1").with_secret(&server.secret("nurse1").unwrap());
    phone::Phone::start(config).await.unwrap().register().await.unwrap();
}

impl Stranger {
    /// Asks without patience.
    fn quick(&mut self, method: &str, to: &str) -> Option<String> {
        self.socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let answer = self.ask(method, to, "");
        self.socket.set_read_timeout(Some(SILENCE)).unwrap();
        answer
    }
}
