//! What the load programs share: a server with one flow on the first core, callers, and processor time from the kernel.
#![allow(dead_code, reason = "each program uses its part")]

pub mod answerer;
pub mod callers;
pub mod far_end;
pub mod processor;
pub mod sink;
pub mod speakers;

use std::error::Error;
use std::str::FromStr;

use harness::{FlowsFolder, Options, Server};
use processor::{pin_process, threads_of};
use tokio::runtime::Runtime;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What a carrier may bring that brings twice as much as the server holds.
const ROOM: &str = "\
limits: { calls_max: 12000 }
security: { trunk_messages_per_sec: 200000 }
";
/// Callers who come from a trunk, for `more` of `Served::start`.
pub const FROM_ANYBODY: &str = "trunks: { load: { accept: { from: [\"127.0.0.0/8\"] } } }\n";
/// A flow made to be measured, which is called `load`, brings nobody to a nurse.
const UNPROVED: [(&str, &str); 2] = [("load", "S1"), ("load", "S11")];

/// A server on the first core whose only flow is called `load`.
pub struct Served {
    pub server: Server,
    pub pid: u32,
    _flows: FlowsFolder,
}

impl Served {
    /// With ports for so many calls.
    pub fn start(runtime: &Runtime, flow: &str, calls: usize, more: &str) -> Outcome<Self> {
        let flows = FlowsFolder::alone("load.yaml", flow)?;
        let options = Options {
            call_flows: flows.path().to_owned(),
            calls: u16::try_from(calls)?,
            more: [ROOM, more].concat(),
            flow_overrides: &UNPROVED,
            ..Options::default()
        };
        let server = runtime.block_on(Server::start(options))?;
        let pid = server.pid().ok_or("the server ended")?;
        pin_process(pid, "0")?;
        Ok(Self { server, pid, _flows: flows })
    }

    /// Its threads, for `processor::micros`.
    pub fn tasks(&self) -> String {
        threads_of(self.pid)
    }
}

/// A program on the second core, and what drives its server.
pub fn beside_the_server() -> Outcome<Runtime> {
    pin_process(std::process::id(), "1")?;
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// The numbers among the program's arguments; `cargo bench` adds words of its own.
pub fn arguments<T: FromStr>() -> Vec<T> {
    std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect()
}

/// What was used between the first reading and the last.
pub fn between(readings: &[f64]) -> f64 {
    readings.last().unwrap_or(&0.0) - readings.first().unwrap_or(&0.0)
}

/// The middle one; nothing of nothing is 0.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}
