//! What a call costs that is answered, hears a short prompt and is hung up on, every record of it durable, beside a
//! bare answerer that only swaps the messages; how many of them one core holds; and what comes of twice as many.
//!
//! ```console
//! $ cargo build --release -p careline
//! $ CARELINE_BIN=target/release/careline cargo bench -p careline-tests --bench answered_calls
//! ```
//!
//! The server is pinned to the first core and the callers to the second. An argument is the rate of calls at which
//! their cost is measured.
#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::answerer::BareAnswerer;
use common::callers::{Stream, run};
use common::processor::micros;
use common::sink::sink;
use common::{FROM_ANYBODY, Outcome, Served, arguments, beside_the_server, median};
use harness::NURSES;

/// Calls a second while their cost is measured, unless an argument says otherwise.
const RATE: f64 = 500.0;
const ROUNDS: usize = 3;
const LASTS: Duration = Duration::from_secs(5);
const NUMBER: &str = "+15550100171";
/// One prompt of 0.4 s: twenty packets.
const FLOW: &str = "\
careline: 1
flow: load
about: Answers, plays a beep and hangs up, for measurements
answers: [\"+15550100171\"]
languages: [en]
emergency: nurses
operator: nurses
defaults: { give_up: nurses }
steps:
  bye: { hang_up: beep }
";

fn main() -> Outcome<()> {
    let rate = arguments().first().copied().unwrap_or(RATE);
    let runtime = beside_the_server()?;
    let mut served = Served::start(&runtime, &[FLOW, NURSES].concat(), 2_800, FROM_ANYBODY)?;
    let sip = served.server.sip();
    let bare = BareAnswerer::start()?;
    let audio = sink()?;

    let mut costs: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..ROUNDS {
        for (kind, to, tasks) in
            [("server", sip, served.tasks()), ("bare", bare.address, bare.thread.clone())]
        {
            let name = format!("{kind}{round}");
            let before = micros(&tasks)?;
            let stream = stream(to, rate, &name, audio);
            let summary = run(stream)?;
            let cost = (micros(&tasks)? - before) / summary.ended.max(1) as f64;
            println!("{kind:7} {cost:6.1} us of processor a call; {summary}");
            costs.entry(kind).or_default().push(cost);
        }
    }
    let [server_cost, bare_cost] =
        ["server", "bare"].map(|kind| median(costs.remove(kind).unwrap_or_default()));
    println!("median  {server_cost:6.1} us a call, bare {bare_cost:.1} us");

    for offered in [1_000.0, 2_000.0, 3_000.0, 4_000.0, 6_000.0] {
        let name = format!("offered{offered}");
        let stream = stream(sip, offered, &name, audio);
        let summary = run(stream)?;
        println!("offered {offered}/s: {summary}, answered in each second {:?}", summary.answered_in_second);
    }
    runtime.block_on(served.server.stop())?;
    Ok(())
}

/// Callers who stay until they are hung up on.
fn stream(server: SocketAddr, calls_per_sec: f64, name: &str, audio: SocketAddr) -> Stream<'_> {
    let answered_at = Arc::default();
    Stream { server, number: NUMBER, calls_per_sec, lasts: LASTS, name, stays: None, audio, answered_at }
}
