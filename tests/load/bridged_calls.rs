//! Calls that are connected with a carrier's other end: what setting one up and ending it costs, every record of it
//! durable; what a relayed packet costs and how much later it comes, beside a thread that receives and sends and does
//! nothing else, in one run.
//!
//! ```console
//! $ cargo build --release -p careline
//! $ CARELINE_BIN=target/release/careline cargo bench -p careline-tests --bench bridged_calls
//! ```
//!
//! The server is pinned to the first core and everybody else to the second. Arguments are numbers of calls.
#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::callers::{Stream, copied, run, wait_for};
use common::far_end::FarEnd;
use common::processor::{micros, pin_thread, resident_kib, this_thread};
use common::sink::sink;
use common::speakers::{Listener, Spoken, speak};
use common::{Outcome, Served, arguments, beside_the_server, between};
use tokio::runtime::Runtime;

/// Bridged calls at once, unless arguments say otherwise.
const CALLS: [usize; 2] = [400, 1_300];
const WARM: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);
/// Calls a second while the cost of a call is measured, and while calls are set up.
const RATE: f64 = 200.0;
const NUMBER: &str = "+15550100171";
const FLOW: &str = "\
careline: 1
flow: load
about: Connects every caller with a number outside, for measurements
answers: [\"+15550100171\"]
languages: [en]
emergency: out
operator: out
defaults: { give_up: out }
steps:
  out: { transfer: { number: far, on_busy: bye, on_no_answer: bye, on_failed: bye } }
  bye: { hang_up: goodbye }
";

fn main() -> Outcome<()> {
    let mut counts = arguments();
    if counts.is_empty() {
        counts = CALLS.to_vec();
    }
    let runtime = beside_the_server()?;
    set_up(&runtime)?;
    for calls in counts {
        let (spoken, cost) = through_server(&runtime, calls)?;
        print("server", calls, &spoken, cost);
        let (spoken, cost) = through_bare_relay(calls)?;
        print("bare", calls, &spoken, cost);
    }
    Ok(())
}

fn print(which: &str, calls: usize, spoken: &Spoken, cost: f64) {
    let Spoken { sent, arrived, under_way } = spoken;
    println!(
        "{which:7} {calls} bridged calls: {cost:.2} us of processor a packet, {arrived} of {sent} arrived, under way {under_way}"
    );
}

fn start(runtime: &Runtime, far: &FarEnd, calls: usize) -> Outcome<Served> {
    let more = format!(
        "trunks:\n  load:\n    accept: {{ from: [\"127.0.0.0/8\"] }}\n    reach: [{{ uri: \"sip:{}\" }}]\n    check_secs: 0\n\
         numbers: {{ far: {{ trunk: load, number: \"+15550100191\" }} }}\n",
        far.address
    );
    Served::start(runtime, FLOW, calls + 50, &more)
}

/// What a bridged call costs that nobody speaks in.
fn set_up(runtime: &Runtime) -> Outcome<()> {
    let audio = sink()?;
    let far = FarEnd::start(audio)?;
    let mut served = start(runtime, &far, 500)?;
    let (sip, tasks) = (served.server.sip(), served.tasks());
    for round in 0..3 {
        let before = micros(&tasks)?;
        let name = format!("setup{round}");
        let summary = run(stream(sip, &name, Duration::from_secs(5), Duration::from_millis(200), audio))?;
        let cost = (micros(&tasks)? - before) / summary.ended.max(1) as f64;
        println!("server  {cost:.1} us of processor a bridged call; {summary}");
    }
    runtime.block_on(served.server.stop())?;
    Ok(())
}

fn stream(server: SocketAddr, name: &str, lasts: Duration, stays: Duration, audio: SocketAddr) -> Stream<'_> {
    let answered_at = Arc::default();
    Stream {
        server,
        number: NUMBER,
        calls_per_sec: RATE,
        lasts,
        name,
        stays: Some(stays),
        audio,
        answered_at,
    }
}

fn through_server(runtime: &Runtime, calls: usize) -> Outcome<(Spoken, f64)> {
    let sides = [Listener::open()?, Listener::open()?];
    let [near, far_side] = &sides;
    let far = FarEnd::start(far_side.address)?;
    let mut served = start(runtime, &far, calls)?;
    let (pid, tasks) = (served.pid, served.tasks());
    let comes = Duration::from_secs_f64((calls as f64 + 0.5) / RATE);
    let (sip, audio) = (served.server.sip(), near.address);
    let answered_at = Arc::<Mutex<Vec<SocketAddr>>>::default();
    let answered = Arc::clone(&answered_at);
    let empty = resident_kib(pid)?;
    let stays = comes + WARM + MEASURED + Duration::from_secs(5);
    let callers = thread::spawn(move || {
        let stream = Stream { answered_at: answered, ..stream(sip, "relay", comes, stays, audio) };
        run(stream).map_err(|error| error.to_string())
    });
    wait_for(&answered_at, calls, comes + Duration::from_secs(10))?;
    let [near, far_side] = sides;
    let sides = [(near, copied(&answered_at)), (far_side, copied(&far.called_from))];
    let mut used = Vec::new();
    let kib = resident_kib(pid)? - empty;
    let spoken = speak(sides, WARM, MEASURED, || {
        used.push(micros(&tasks)?);
        Ok(())
    })?;
    let summary = callers.join().map_err(|_| "the callers ended")??;
    println!("        {summary}; {:.1} KiB of memory a call", kib / calls as f64);
    runtime.block_on(served.server.stop())?;
    let cost = between(&used) / spoken.sent.max(1) as f64;
    Ok((spoken, cost))
}

/// A socket for each leg, one thread that waits for all of them, a receive and a send for each packet.
fn through_bare_relay(calls: usize) -> Outcome<(Spoken, f64)> {
    let sides = [Listener::open()?, Listener::open()?];
    let homes: Vec<SocketAddr> = sides.iter().map(|side| side.address).collect();
    let bind =
        |_| UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    let legs: Vec<UdpSocket> = (0..2 * calls).map(bind).collect::<Result<_, _>>()?;
    let addresses: Vec<SocketAddr> = legs.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>()?;
    let of_side = |side: usize| addresses.iter().copied().skip(side).step_by(2).collect::<Vec<_>>();
    let spoken_to = [of_side(0), of_side(1)];
    let (found, thread) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let _ = found.send(this_thread().map_err(|error| error.to_string()));
        relay(&legs, &homes)
    });
    let (id, tasks) = thread.recv()??;
    pin_thread(id, "0")?;
    let mut used = Vec::new();
    let [near, far] = sides;
    let [to_near, to_far] = spoken_to;
    let spoken = speak([(near, to_near), (far, to_far)], WARM, MEASURED, || {
        used.push(micros(&tasks)?);
        Ok(())
    })?;
    let cost = between(&used) / spoken.sent.max(1) as f64;
    Ok((spoken, cost))
}

/// What comes in at a leg goes out by its neighbour, to that one's home; until the program ends.
fn relay(legs: &[UdpSocket], homes: &[SocketAddr]) -> Option<()> {
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
    let epoll = Epoll::new(EpollCreateFlags::empty()).ok()?;
    for (index, leg) in legs.iter().enumerate() {
        epoll.add(leg, EpollEvent::new(EpollFlags::EPOLLIN, index as u64)).ok()?;
    }
    let mut ready = vec![EpollEvent::empty(); 1_024];
    let mut buffer = [0; 2_048];
    loop {
        let count = epoll.wait(&mut ready, EpollTimeout::NONE).ok()?;
        for event in ready.get(..count)? {
            let leg = event.data() as usize;
            let Ok((length, _)) = legs.get(leg)?.recv_from(&mut buffer) else { continue };
            let _ = legs.get(leg ^ 1)?.send_to(buffer.get(..length)?, homes.get((leg ^ 1) & 1)?);
        }
    }
}
