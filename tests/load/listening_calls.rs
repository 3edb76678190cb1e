//! Callers who listen to prompts: what a packet costs, how evenly packets come, and what a call needs of memory, beside a
//! thread that sends as many packets and does nothing else, in one run.
//!
//! ```console
//! $ cargo build --release -p careline
//! $ CARELINE_BIN=target/release/careline cargo bench -p careline-tests --bench listening_calls
//! ```
//!
//! The server is pinned to the first core and the callers to the second. Arguments are numbers of calls.
#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod common;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::callers::{Stream, run, wait_for};
use common::processor::{micros, pin_thread, resident_kib, this_thread};
use common::speakers::Listener;
use common::{FROM_ANYBODY, Outcome, Served, arguments, beside_the_server, between};
use harness::NURSES;
use phone::Lateness;
use tokio::runtime::Runtime;

/// Callers at once, unless arguments say otherwise.
const CALLS: [usize; 2] = [1_000, 3_000];
/// Calls a second while they come.
const RATE: f64 = 300.0;
/// Between the last answer and the measurement.
const WARM: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);
const NUMBER: &str = "+15550100171";
/// Three quarters of a minute of speech.
const FLOW: &str = "\
careline: 1
flow: load
about: Plays the same notice again and again, for measurements
answers: [\"+15550100171\"]
languages: [en]
emergency: nurses
operator: nurses
defaults: { give_up: nurses }
steps:
  bye: { hang_up: [dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice,
    dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice, dial_911_notice] }
";

fn main() -> Outcome<()> {
    let mut counts = arguments();
    if counts.is_empty() {
        counts = CALLS.to_vec();
    }
    let runtime = beside_the_server()?;
    for calls in counts {
        print("server", calls, &from_server(&runtime, calls)?);
        print("bare", calls, &from_bare_sender(calls)?);
    }
    Ok(())
}

/// Processor time a packet, packets, and how evenly they came.
type Heard = (f64, u64, Lateness);

fn print(which: &str, calls: usize, (cost, packets, lateness): &Heard) {
    println!(
        "{which:7} {calls} listening calls: {cost:.2} us of processor a packet, {packets} packets, {lateness}"
    );
}

fn from_server(runtime: &Runtime, calls: usize) -> Outcome<Heard> {
    let listener = Listener::open()?;
    let mut served = Served::start(runtime, &[FLOW, NURSES].concat(), calls + 50, FROM_ANYBODY)?;
    let (pid, tasks) = (served.pid, served.tasks());
    let (sip, audio) = (served.server.sip(), listener.address);
    let answered_at = Arc::<Mutex<Vec<SocketAddr>>>::default();
    let answered = Arc::clone(&answered_at);
    let comes = Duration::from_secs_f64((calls as f64 + 0.5) / RATE);
    let stays = Some(comes + WARM + MEASURED + Duration::from_secs(1));
    let empty = resident_kib(pid)?;
    let callers = thread::spawn(move || {
        let (number, name) = (NUMBER, "listen");
        let stream = Stream {
            server: sip,
            number,
            calls_per_sec: RATE,
            lasts: comes,
            name,
            stays,
            audio,
            answered_at: answered,
        };
        run(stream).map_err(|error| error.to_string())
    });
    wait_for(&answered_at, calls, comes + Duration::from_secs(10))?;
    // Sleeps: answers and their ACKs are over.
    thread::sleep(WARM);
    let kib = resident_kib(pid)? - empty;
    let mut used = Vec::new();
    let (packets, lateness) = listener.measure(MEASURED, || {
        used.push(micros(&tasks)?);
        Ok(())
    })?;
    let summary = callers.join().map_err(|_| "the callers ended")??;
    println!("        {summary}; {:.1} KiB of memory a call", kib / calls as f64);
    runtime.block_on(served.server.stop())?;
    Ok((between(&used) / packets.max(1) as f64, packets, lateness))
}

/// A socket for each call, one thread, a send for each packet, a millisecond's share of them each millisecond.
fn from_bare_sender(calls: usize) -> Outcome<Heard> {
    let listener = Listener::open()?;
    let to = listener.address;
    let sockets: Vec<UdpSocket> =
        (0..calls).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let ends = Arc::new(AtomicBool::default());
    let (found, thread) = std::sync::mpsc::channel();
    let sender = {
        let ends = Arc::clone(&ends);
        thread::spawn(move || {
            let _ = found.send(this_thread().map_err(|error| error.to_string()));
            let (start, share) = (Instant::now(), sockets.len().div_ceil(20));
            let mut packet = [0_u8; 172];
            for tick in 0_u64.. {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let due = start + Duration::from_millis(tick);
                // Sleeps: the pace of speech is what is produced here.
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let stamp = ((tick / 20) as u32).wrapping_mul(160).to_be_bytes();
                let first = (tick % 20) as usize * share;
                for (number, socket) in sockets.iter().enumerate().skip(first).take(share) {
                    let words = stamp.into_iter().chain((number as u32).to_be_bytes());
                    packet.iter_mut().skip(4).zip(words).for_each(|(to, from)| *to = from);
                    let _ = socket.send_to(&packet, to);
                }
            }
        })
    };
    let (id, tasks) = thread.recv()??;
    pin_thread(id, "0")?;
    let mut used = Vec::new();
    let (packets, lateness) = listener.measure(MEASURED, || {
        used.push(micros(&tasks)?);
        Ok(())
    })?;
    ends.store(true, Ordering::Relaxed);
    sender.join().map_err(|_| "the sender ended")?;
    Ok((between(&used) / packets.max(1) as f64, packets, lateness))
}
