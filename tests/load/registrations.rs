//! What a registration with a challenge, and an OPTIONS, cost a server that has one core, beside what a bare
//! responder that only receives and sends costs the same machine, in one run.
//!
//! ```console
//! $ cargo build --release -p careline
//! $ CARELINE_BIN=target/release/careline cargo bench -p careline-tests --bench registrations
//! ```
//!
//! The server is pinned to the first core and the phones to the second. Processor time is what the kernel
//! counts for every thread of the server (schedstat), so that whatever else runs on the machine is not in it;
//! `at most` is what one core does with it all to itself. An argument is the number of rounds.
#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use common::processor::{micros, pin_process, pin_thread, this_thread, threads_of};
use common::{Outcome, arguments, beside_the_server};
use harness::{Options, Server};
use primitives::Private;
use sip::digest::{DigestChallenge, answer};
use sip::message::Method;
use sip::uri::Uri;

/// Phones that register, each again as soon as it has.
const PHONES: usize = 200;
/// Of these under way at once.
const AT_ONCE: usize = 32;
/// Rounds, unless an argument says otherwise; the median is printed.
const ROUNDS: usize = 5;
/// How long one kind of message is sent in a round. All rounds together fit the server's table of transactions, which
/// keeps each for 32 s (Timer J); beyond it everything is dropped, and the program would measure that.
const SPELL: Duration = Duration::from_millis(200);
/// A bare `REGISTER` challenged and answered each second on one core of this server's target.
const TARGET_PER_SEC: f64 = 6_510.0;

fn main() -> Outcome<()> {
    let rounds = arguments().first().copied().unwrap_or(ROUNDS);
    let runtime = beside_the_server()?;
    let agents: String =
        (0..PHONES).map(|at| format!("  a{at}: {{ name: A, queues: [nurses] }}\n")).collect();
    // One address sends more than a trunk may.
    let more = "security: { trunk_messages_per_sec: 200000 }\n".to_owned();
    let mut server = runtime.block_on(Server::start(Options { agents, more, ..Options::default() }))?;
    let pid = server.pid().ok_or("the server ended")?;
    pin_process(pid, "0")?;
    let floor = Floor::start()?;
    let mut phones = Phones::new(&server)?;

    let first = phones.spell(server.sip(), Kind::Register, Duration::ZERO)?;
    println!("{first} phones registered; {rounds} rounds of {SPELL:?} each");
    let mut results = [(); 3].map(|()| Vec::new());
    for _ in 0..rounds {
        for (kind, results) in Kind::ALL.into_iter().zip(&mut results) {
            let to = if kind == Kind::Bare { floor.address } else { server.sip() };
            let tasks = if kind == Kind::Bare { floor.task.clone() } else { threads_of(pid) };
            let (before, began) = (micros(&tasks)?, Instant::now());
            let done = phones.spell(to, kind, SPELL)? as f64;
            let used = micros(&tasks)? - before;
            results.push((used / done, done / began.elapsed().as_secs_f64()));
        }
    }
    runtime.block_on(server.stop())?;
    for (kind, mut results) in Kind::ALL.into_iter().zip(results) {
        results.sort_by(|one, another| one.0.total_cmp(&another.0));
        let (micros, per_sec) = results.get(results.len() / 2).copied().unwrap_or_default();
        let most = 1e6 / micros;
        println!(
            "{:40} {micros:7.1} us of processor, {per_sec:7.0}/s seen, at most {most:7.0}/s",
            kind.name()
        );
        if kind == Kind::Register {
            println!("{:40} {TARGET_PER_SEC}/s wanted: {}", "", most >= TARGET_PER_SEC);
        }
    }
    Ok(())
}

/// What is sent.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// REGISTER, 401, REGISTER with proof, 200.
    Register,
    /// OPTIONS, 200.
    Options,
    /// The two round trips of a registration with a responder that does nothing else.
    Bare,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Register, Self::Options, Self::Bare];

    const fn name(self) -> &'static str {
        match self {
            Self::Register => "REGISTER, challenged and answered",
            Self::Options => "OPTIONS",
            Self::Bare => "two datagrams received, two sent, bare",
        }
    }
}

/// A socket that answers everything with the same bytes.
struct Floor {
    address: SocketAddr,
    /// Its thread in /proc.
    task: String,
}

impl Floor {
    fn start() -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let address = socket.local_addr()?;
        let (found, task) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = found.send(this_thread().map_err(|error| error.to_string()));
            let mut buffer = [0; 65_535];
            // About as long as a 401 with two challenges.
            let mut canned = vec![b'x'; 700];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
                // The phone is named by the branch, in the second line.
                for (to, from) in canned.iter_mut().zip(buffer.iter().take(length.min(200))) {
                    *to = *from;
                }
                if socket.send_to(&canned, peer).is_err() {
                    return;
                }
            }
        });
        let (id, task) = task.recv()??;
        pin_thread(id, "0")?;
        Ok(Self { address, task })
    }
}

/// Phones on one socket.
struct Phones {
    socket: UdpSocket,
    contact: SocketAddr,
    secrets: Vec<Private<String>>,
    numbers: u64,
    buffer: Vec<u8>,
}

impl Phones {
    fn new(server: &Server) -> Outcome<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        let secret = |at| server.secret(&format!("a{at}")).map(Private::new);
        let secrets = (0..PHONES).map(secret).collect::<Result<_, _>>()?;
        Ok(Self { contact: socket.local_addr()?, socket, secrets, numbers: 0, buffer: vec![0; 65_535] })
    }

    /// Sends until the time is over, each phone once at least, and says how many were answered to the end.
    fn spell(&mut self, to: SocketAddr, kind: Kind, spell: Duration) -> Outcome<u64> {
        let until = Instant::now() + spell;
        let (mut done, mut begun, mut under_way) = (0, 0, 0);
        // Answers of the spell before, if any came late.
        let first = self.numbers;
        loop {
            while under_way < AT_ONCE && (Instant::now() < until || begun < PHONES) {
                self.send(to, kind, begun % PHONES, None)?;
                begun += 1;
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(done);
            }
            let length = match self.socket.recv(&mut self.buffer) {
                Ok(length) => length,
                // Lost on the loopback: the socket's buffer was full. It is not counted.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(done),
                Err(error) => return Err(error.into()),
            };
            let text = String::from_utf8_lossy(self.buffer.get(..length).unwrap_or_default()).into_owned();
            let Some((phone, number, is_proof)) = cookie(&text).filter(|it| it.1 >= first) else { continue };
            let again = match kind {
                Kind::Register if text.starts_with("SIP/2.0 401") && !is_proof => Some(text.as_str()),
                Kind::Bare if !is_proof => Some(""),
                Kind::Register | Kind::Options if !text.starts_with("SIP/2.0 200") => {
                    let line = text.lines().next().unwrap_or_default();
                    return Err(format!("phone {phone}, request {number}: {line}").into());
                }
                _ => None,
            };
            match again {
                Some(challenge) => self.send(to, kind, phone, Some(challenge))?,
                None => {
                    done += 1;
                    under_way -= 1;
                }
            }
        }
    }

    /// A request; with the answer to a challenge where there is one.
    fn send(&mut self, to: SocketAddr, kind: Kind, phone: usize, challenge: Option<&str>) -> Outcome<()> {
        self.numbers += 1;
        let (number, step, at) = (self.numbers, u8::from(challenge.is_some()), self.contact);
        let method = if kind == Kind::Options { "OPTIONS" } else { "REGISTER" };
        let proof = match challenge {
            Some(challenge) if kind == Kind::Register => self.proof(challenge, phone)?,
            _ => String::new(),
        };
        let text = format!(
            "{method} sip:careline.invalid SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bK-{phone}-{number}-{step}-\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a{phone}@careline.invalid>;tag=f{phone}\r\n\
             To: <sip:a{phone}@careline.invalid>\r\nCall-ID: r{phone}-{at}\r\nCSeq: {number} {method}\r\n\
             Contact: <sip:a{phone}@{at}>\r\nExpires: 3600\r\nUser-Agent: a telephone\r\n{proof}Content-Length: 0\r\n\r\n"
        );
        self.socket.send_to(text.as_bytes(), to)?;
        Ok(())
    }

    fn proof(&self, answered: &str, phone: usize) -> Outcome<String> {
        let line = answered.lines().find_map(|line| line.strip_prefix("WWW-Authenticate:"));
        let challenge = DigestChallenge::parse(line.unwrap_or_default().trim())?.ok_or("no challenge")?;
        let uri = Uri::parse("sip:careline.invalid").map_err(|error| error.expected)?;
        let (user, secret) = (Private::new(format!("a{phone}")), self.secrets.get(phone).ok_or("no phone")?);
        let value = answer(&[challenge], &user, secret, &Method::Register, &uri, "c0ffee", 1);
        Ok(format!("Authorization: {}\r\n", value.ok_or("no answer")?.expose()))
    }
}

/// Phone, number and whether it was the second step, of the branch in an answer.
fn cookie(text: &str) -> Option<(usize, u64, bool)> {
    let mut parts = text.split_once("z9hG4bK-")?.1.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()? == "1"))
}
