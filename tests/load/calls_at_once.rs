//! Three hundred callers listen at once to a server that has one core: how late its packets leave, beside
//! what the machine itself does with the same packets, in one run.
//!
//! ```console
//! $ cargo build --release -p careline
//! $ CARELINE_BIN=target/release/careline cargo bench -p careline-tests --bench calls_at_once
//! ```
//!
//! The server is pinned to the first core and the callers to the second. Lateness is measured where the
//! packets arrive, so the listeners' own scheduling is in both numbers; their difference is what the
//! server adds. An argument is the number of calls.
#![allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod common;

use std::time::Duration;

use common::processor::{micros, pin_process, threads_of};
use common::{Outcome, arguments, beside_the_server};
use harness::{Options, Server};
use phone::load::{FloorPlan, LoadPlan, floor, run};

/// Calls up at once, unless an argument says otherwise.
const CALLS: usize = 300;

/// How long all of them are up and measured.
const HOLD: Duration = Duration::from_secs(20);

fn main() -> Outcome<()> {
    let calls = arguments().first().copied().unwrap_or(CALLS);
    let runtime = beside_the_server()?;
    let mut server =
        runtime.block_on(Server::start(Options { calls: u16::try_from(calls)?, ..Options::default() }))?;
    let pid = server.pid().ok_or("the server ended")?;
    pin_process(pid, "0")?;

    let before = micros(&threads_of(pid))?;
    let load = run(LoadPlan { hold: HOLD, ..LoadPlan::new(server.sip(), "+15550100100", calls) })?;
    let used = (micros(&threads_of(pid))? - before) / 1e6;
    runtime.block_on(server.stop())?;
    // The floor's sending thread gets the server's core, as far as the scheduler keeps the two apart.
    pin_process(std::process::id(), "0,1")?;
    let bare = floor(FloorPlan { hold: HOLD, ..FloorPlan::new(calls) })?;

    println!("{calls} calls, each hearing and speaking 50 packets a second, server on one core");
    println!("server  {load}");
    println!("        {used:.1} s of processor time for all of it");
    println!("floor   {bare}");
    println!("packets leave within 5 ms of their time at p99.9: {}", load.lateness.p99_9_us <= 5_000);
    Ok(())
}
