//! Many calls at once from one core: how a server carries them, and the floor under its numbers.
//!
//! [`run`] places calls at a rate, holds all of them up, hangs up, and says how late audio came.
//! [`floor`] sends the same packets from one plain thread to the same listeners, with no server between.
//! The difference of the two is what the server adds; either alone says little about it, because the
//! machine's own scheduling is in both.

mod caller;
mod floor;
mod listener;
mod message;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

pub use self::floor::{FloorPlan, FloorSummary, floor};
use crate::error::PhoneError;
use crate::hearing::Lateness;

/// Calls of one run. At 5,000 the listeners alone take most of a core.
pub const LOAD_CALLS_MAX: usize = 5_000;
/// RTP sockets of one run; calls share them and are told apart by where their audio comes from.
pub const LOAD_SOCKETS_MAX: usize = 64;

/// What to call, how often and for how long.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Where every call goes.
    pub server: SocketAddr,
    /// User part of the Request-URI.
    pub number: String,
    /// Calls to have up at once, at most `LOAD_CALLS_MAX`.
    pub calls: usize,
    /// New calls per second.
    pub calls_per_sec: f64,
    /// How long all calls stay up after the last one was answered or refused. Only this is measured.
    pub hold: Duration,
    /// Whether each call also sends 50 packets of silence per second, as a phone does.
    pub speaks: bool,
    /// RTP sockets to spread the calls over. Default 8: one socket's buffer holds 200 ms of 200 calls.
    pub sockets: usize,
    /// Address of all sockets. Default 127.0.0.1.
    pub local: IpAddr,
}

impl LoadPlan {
    /// This many silent listeners, 50 new ones per second, held for 10 s.
    pub fn new(server: SocketAddr, number: &str, calls: usize) -> Self {
        Self {
            server,
            number: number.to_owned(),
            calls,
            calls_per_sec: 50.0,
            hold: Duration::from_secs(10),
            speaks: true,
            sockets: 8,
            local: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// What became of the calls.
#[derive(Clone, Debug, Default)]
pub struct LoadSummary {
    /// Calls placed.
    pub placed: usize,
    /// Calls answered with 200.
    pub answered: usize,
    /// Refused calls by status.
    pub refused: BTreeMap<u16, usize>,
    /// Calls with no final answer within 64 × T1.
    pub unanswered: usize,
    /// Answered calls the server ended before we did.
    pub ended_early: usize,
    /// Answered calls on which audio was heard.
    pub heard: usize,
    /// From INVITE to 200, median, in microseconds.
    pub answer_p50_us: u32,
    /// From INVITE to 200, 99 of 100 calls, in microseconds.
    pub answer_p99_us: u32,
    /// From INVITE to 200, the slowest call, in microseconds.
    pub answer_max_us: u32,
    /// Audio packets missing between the first and the last of each stream.
    pub packets_lost: u64,
    /// How late the audio came while all calls were up.
    pub lateness: Lateness,
}

impl fmt::Display for LoadSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: u32| f64::from(us) / 1_000.0;
        writeln!(
            f,
            "{} calls placed, {} answered (p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms), {} heard audio",
            self.placed,
            self.answered,
            ms(self.answer_p50_us),
            ms(self.answer_p99_us),
            ms(self.answer_max_us),
            self.heard
        )?;
        for (status, calls) in &self.refused {
            writeln!(f, "{calls} refused with {status}")?;
        }
        if self.unanswered + self.ended_early > 0 {
            writeln!(f, "{} without an answer, {} ended by the server", self.unanswered, self.ended_early)?;
        }
        write!(f, "audio: {}, {} lost", self.lateness, self.packets_lost)
    }
}

/// Runs the plan on a thread of its own and waits for it. Takes as long as the calls take; inside an
/// async program give it to `spawn_blocking`.
pub fn run(plan: LoadPlan) -> Result<LoadSummary, PhoneError> {
    let calls = plan.calls;
    if calls == 0 || calls > LOAD_CALLS_MAX || plan.sockets == 0 || plan.sockets > LOAD_SOCKETS_MAX {
        return Err(PhoneError::Unavailable { calls: LOAD_CALLS_MAX });
    }
    on_one_core(plan.local, move || caller::place_all(plan))
}

/// One thread with a runtime of its own, so that the measurement shares no queue with what it measures.
fn on_one_core<T, F>(local: IpAddr, work: impl FnOnce() -> F + Send + 'static) -> Result<T, PhoneError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, PhoneError>>,
{
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| PhoneError::Bind { local, source })?;
        runtime.block_on(work())
    });
    thread.join().unwrap_or(Err(PhoneError::Unavailable { calls: LOAD_CALLS_MAX }))
}
