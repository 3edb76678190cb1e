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

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use harness::{Options, Server};
use phone::load::{FloorPlan, LoadPlan, floor, run};

/// Calls up at once, unless an argument says otherwise.
const CALLS: usize = 300;

/// How long all of them are up and measured.
const HOLD: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let calls = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(CALLS);
    pin(std::process::id(), "1")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut server =
        runtime.block_on(Server::start(Options { calls: u16::try_from(calls)?, ..Options::default() }))?;
    pin(server.pid().ok_or("the server ended")?, "0")?;

    let before = processor_seconds(&server)?;
    let load = run(LoadPlan { hold: HOLD, ..LoadPlan::new(server.sip(), "+15550100100", calls) })?;
    let used = processor_seconds(&server)? - before;
    runtime.block_on(server.stop())?;
    // The floor's sending thread gets the server's core, as far as the scheduler keeps the two apart.
    pin(std::process::id(), "0,1")?;
    let bare = floor(FloorPlan { hold: HOLD, ..FloorPlan::new(calls) })?;

    println!("{calls} calls, each hearing and speaking 50 packets a second, server on one core");
    println!("server  {load}");
    println!("        {used:.1} s of processor time for all of it");
    println!("floor   {bare}");
    println!("packets leave within 5 ms of their time at p99.9: {}", load.lateness.p99_9_us <= 5_000);
    Ok(())
}

/// Keeps every thread of a process on these cores.
fn pin(process: u32, cores: &str) -> Result<(), Box<dyn Error>> {
    let pinned = Command::new("taskset").args(["-apc", cores, &process.to_string()]).output()?;
    if pinned.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&pinned.stderr).into_owned().into())
    }
}

/// User and system time the server has used, from /proc (clock ticks of 10 ms).
fn processor_seconds(server: &Server) -> Result<f64, Box<dyn Error>> {
    let pid = server.pid().ok_or("the server ended")?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}
