//! The audit writer of a simulated node: facts become durable after a while, and what follows from them waits.
//!
//! The same rules as the real one: groups are committed in the order they were handed over; what is held
//! leaves in that order, when its facts are durable or after [`HOLD_MAX`], whichever is first. In the second
//! case the switch is told that the log has stalled.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use audit::{Event, Head, Identity, Log, Record};
use call::{LogState, Output};

use super::Chance;

/// The longest a held output waits for its facts (`audit.hold_ms_max`).
pub const HOLD_MAX: Duration = Duration::from_millis(50);

/// How a simulated disk behaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Disk {
    /// How often a commit in a thousand hangs for one to three seconds.
    pub stalls_permille: u64,
}

/// Facts handed over together, with what waits for them.
#[derive(Debug)]
struct Ticket {
    durable_at: Instant,
    release_by: Instant,
    records: Vec<Record>,
    held: Vec<Output>,
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Released {
    /// These may leave.
    Held(Vec<Output>),
    /// The log fell behind, or caught up.
    State(LogState),
}

/// The log of one node, across its restarts.
#[derive(Debug)]
pub(crate) struct Durability {
    log: Log,
    boot: u128,
    chance: Chance,
    disk: Disk,
    tickets: VecDeque<Ticket>,
    state: LogState,
    /// Records that survive a crash, in order.
    durable: Vec<Record>,
}

/// The log of every simulated node.
fn resume(head: Head, boot: u128) -> Option<Log> {
    Some(Log::resume(head, Identity::new("sim", boot).ok()?))
}

impl Durability {
    /// An empty log. `None` only if the node's name were no name.
    pub(crate) fn new(chance: Chance, disk: Disk) -> Option<Self> {
        Some(Self {
            log: resume(Head::default(), 1)?,
            boot: 1,
            chance,
            disk,
            tickets: VecDeque::new(),
            state: LogState::Durable,
            durable: Vec::new(),
        })
    }

    pub(crate) fn durable(&self) -> &[Record] {
        &self.durable
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.tickets.is_empty()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let release = self.tickets.iter().find(|ticket| !ticket.held.is_empty()).map(|next| next.release_by);
        [self.tickets.front().map(|ticket| ticket.durable_at), release].into_iter().flatten().min()
    }

    /// Seals facts and holds what follows from them. While the log is behind nothing is held.
    pub(crate) fn submit(&mut self, now: Instant, facts: Vec<Event>, held: Vec<Output>) -> Vec<Output> {
        let records: Vec<Record> = facts.into_iter().map(|fact| self.log.seal(fact)).collect();
        let takes = if self.chance.below(1_000) < self.disk.stalls_permille {
            self.chance.ms(1_000, 3_000)
        } else {
            self.chance.ms(1, 11)
        };
        let before = self.tickets.back().map_or(now, |ticket| ticket.durable_at);
        let (held, at_once) =
            if self.state == LogState::Stalled { (Vec::new(), held) } else { (held, Vec::new()) };
        self.tickets.push_back(Ticket {
            durable_at: (now + takes).max(before),
            release_by: now + HOLD_MAX,
            records,
            held,
        });
        at_once
    }

    /// The next thing that is due, if one is.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Released> {
        if let Some(ticket) = self.tickets.front_mut()
            && ticket.durable_at <= now
        {
            self.durable.append(&mut ticket.records);
            let held = std::mem::take(&mut ticket.held);
            self.tickets.pop_front();
            return Some(Released::Held(held));
        }
        if self.tickets.is_empty() && self.state == LogState::Stalled {
            self.state = LogState::Durable;
            return Some(Released::State(self.state));
        }
        let overdue =
            self.tickets.iter_mut().find(|ticket| !ticket.held.is_empty() && ticket.release_by <= now)?;
        if self.state == LogState::Durable {
            self.state = LogState::Stalled;
            return Some(Released::State(self.state));
        }
        Some(Released::Held(std::mem::take(&mut overdue.held)))
    }

    /// The process died: what was not durable is gone. The log goes on where its files end, and says of the
    /// calls that were cut off that they are lost.
    pub(crate) fn crash(&mut self, now: primitives::Now) {
        self.tickets.clear();
        self.state = LogState::Durable;
        self.boot += 1;
        let mut open = audit::OpenCalls::default();
        for record in &self.durable {
            if let Some(latest) = record.open_call() {
                open.follow(latest, &record.kind);
            }
        }
        let head = Head { size: self.durable.len() as u64, open_calls: open.clone() };
        if let Some(log) = resume(head, self.boot) {
            self.log = log;
        }
        for call in open.iter() {
            let fact = audit::Fact::new(audit::Fact::CALL_END).with("why", "node_restarted");
            let event = Event { at: now, call: Some(call.call), flow: None, fact };
            self.durable.push(self.log.seal(event));
        }
    }
}
