//! Stream connections: what has come of a message so far, and what waits for one that is being opened.

use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Output;
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::framer::Framer;
use crate::path::{ConnectionId, Path, Target, Transport};
use crate::{Discarded, Release};

/// Connections known at once. Each may hold one unfinished message of 64 KiB, so that 16,384 of them can
/// make us hold 1 GiB at the very worst; a connection beyond that is closed again.
const CONNECTIONS_MAX: usize = 16_384;

/// Messages that wait for one connection to open. A phone behind it has at most a few calls; what comes on
/// top is dropped, and repeated or given up by its transaction.
const WAITING_MAX: usize = 64;

/// Addresses whose name is remembered. Trunks have a handful; past it a lost connection is opened again under
/// its address alone, which a certificate of a name does not prove, so that the call ends unreachable.
const DOMAINS_MAX: usize = 1_024;

/// All stream connections of an endpoint.
#[derive(Debug)]
pub(super) struct Connections {
    known: BTreeMap<ConnectionId, Connection>,
    /// Open or being opened, by where they lead, so that a second message takes the same.
    by_peer: BTreeMap<(Transport, SocketAddr), ConnectionId>,
    /// The name that led to an address: a dialog whose connection is lost opens the next one under it.
    domains: BTreeMap<SocketAddr, String>,
    last_asked: u64,
    message_within: Duration,
    idle_max: Duration,
    deadlines: Deadlines<ConnectionId>,
    /// Those we close in this breath: what is to be sent before still is.
    closing: Vec<ConnectionId>,
    stranded: Vec<Stranded>,
}

#[derive(Debug)]
struct Connection {
    transport: Transport,
    peer: SocketAddr,
    /// The names its peer has proven to have.
    certificate: Vec<String>,
    /// The name we opened it for.
    domain: Option<String>,
    owes: Owes,
    /// How we came to open it for answers whose own connection was gone.
    answers: Option<Stage>,
    state: State,
}

/// Where an answer is sent whose connection is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// To the address its request came from, at the port its Via names.
    Received,
    /// To the host its Via names.
    SentBy,
}

/// A message whose connection is gone, or never opened.
#[derive(Debug)]
pub(super) struct Stranded {
    pub(super) path: Path,
    pub(super) bytes: Bytes,
    pub(super) release: Release,
    /// What its connection was opened for; `None` is the one its request came over.
    pub(super) stage: Option<Stage>,
}

/// What a connection's peer owes us before its deadline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owes {
    /// The rest of a message, or the first one: it is closed.
    Message,
    /// To let us in: what it is for goes another way.
    Opening,
    /// Nothing: it is idle then, and closed if nobody needs it.
    Nothing,
}

#[derive(Debug)]
enum State {
    /// We asked for it.
    Opening { waiting: Vec<(Path, Bytes, Release)> },
    /// Bytes go both ways.
    Open { framer: Framer },
}

impl Connections {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            known: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            domains: BTreeMap::new(),
            last_asked: ConnectionId::ASKED_FOR_MIN,
            message_within: config.message_within,
            idle_max: config.idle_max,
            deadlines: Deadlines::new(),
            closing: Vec::new(),
            stranded: Vec::new(),
        }
    }

    /// Whether a message can be sent over it, now or soon.
    pub(super) fn is_known(&self, id: ConnectionId) -> bool {
        self.known.contains_key(&id)
    }

    /// Takes the framer of a connection that brought bytes. `None`: there are too many connections.
    /// Goes back with `put_framer`.
    pub(super) fn take_framer(&mut self, now: Instant, id: ConnectionId, path: Path) -> Option<Framer> {
        if !self.known.contains_key(&id) {
            self.accepted(now, id, path.transport, path.peer, Vec::new());
        }
        match &mut self.known.get_mut(&id)?.state {
            State::Open { framer } => Some(mem::take(framer)),
            State::Opening { .. } => None,
        }
    }

    /// Gives a framer back with the bytes that are not yet a message. `is_new` says that a message or ping
    /// came whole since, so that what is left began just now.
    pub(super) fn put_framer(&mut self, now: Instant, id: ConnectionId, kept: Framer, is_new: bool) {
        let Some(Connection { state: State::Open { framer }, owes, .. }) = self.known.get_mut(&id) else {
            return;
        };
        let is_between = kept.is_empty();
        *framer = kept;
        if is_between && is_new {
            *owes = Owes::Nothing;
            self.deadlines.set(id, Some(now + self.idle_max));
        } else if !is_between && (is_new || *owes == Owes::Nothing) {
            *owes = Owes::Message;
            self.deadlines.set(id, Some(now + self.message_within));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.soonest()
    }

    /// A connection whose deadline has passed, and what its peer owed.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(ConnectionId, Owes)> {
        let id = self.deadlines.take_due(now)?;
        let owes = self.known.get(&id).map_or(Owes::Nothing, |connection| connection.owes);
        Some((id, owes))
    }

    /// Somebody needs it: it may be idle as long again.
    pub(super) fn keep(&mut self, now: Instant, id: ConnectionId) {
        self.deadlines.set(id, Some(now + self.idle_max));
    }

    /// A peer connected. `false`: there are too many connections.
    pub(super) fn accepted(
        &mut self,
        now: Instant,
        id: ConnectionId,
        transport: Transport,
        peer: SocketAddr,
        certificate: Vec<String>,
    ) -> bool {
        if self.known.len() >= CONNECTIONS_MAX {
            return false;
        }
        // Who has proven to be somebody may say nothing for a while.
        let (owes, within) = match certificate.is_empty() {
            true => (Owes::Message, self.message_within),
            false => (Owes::Nothing, self.idle_max),
        };
        self.deadlines.set(id, Some(now + within));
        let state = State::Open { framer: Framer::new() };
        self.known.insert(
            id,
            Connection { transport, peer, certificate, domain: None, owes, answers: None, state },
        );
        self.by_peer.insert((transport, peer), id);
        true
    }

    /// A connection's peer has proven these names.
    pub(super) fn proven(&mut self, id: ConnectionId, certificate: Vec<String>) {
        if let Some(connection) = self.known.get_mut(&id) {
            connection.certificate = certificate;
        }
    }

    /// The names the peer of a path has proven; none where the path is no connection.
    pub(super) fn certificate(&self, path: Path) -> Vec<String> {
        let connection = path.connection.and_then(|id| self.known.get(&id));
        connection.map(|connection| connection.certificate.clone()).unwrap_or_default()
    }

    /// Settles on a connection for a path of a stream that has none, or none any more: one that leads
    /// there, or a new one to whom the last one led.
    pub(super) fn route(&mut self, path: Path, out: &mut Vec<Output>) -> Path {
        if !path.transport.is_reliable() || path.connection.is_some_and(|id| self.is_known(id)) {
            return path;
        }
        if let Some(id) = self.by_peer.get(&(path.transport, path.peer)) {
            return Path { connection: Some(*id), ..path };
        }
        let domain = self.domains.get(&path.peer).cloned();
        self.open(path, domain, out)
    }

    /// Settles on a connection for a path to a target. Over TLS one that leads to the same address under
    /// another name is not taken: its peer has not proven to be this one (RFC 5923 §8.2).
    pub(super) fn route_to(&mut self, path: Path, domain: Option<&str>, out: &mut Vec<Output>) -> Path {
        if path.transport != Transport::Tls {
            return self.route(path, out);
        }
        let there = self.by_peer.get(&(path.transport, path.peer)).copied();
        let same = there
            .filter(|id| self.known.get(id).is_some_and(|connection| connection.domain.as_deref() == domain));
        match same {
            Some(id) => Path { connection: Some(id), ..path },
            None => self.open(path, domain.map(str::to_owned), out),
        }
    }

    /// What goes along a path has another way: where it is not open yet, it must be by then.
    pub(super) fn open_by(&mut self, until: Instant, path: Path) {
        let opening = path.connection.and_then(|id| Some((id, self.known.get_mut(&id)?)));
        if let Some((id, connection)) = opening
            && matches!(connection.state, State::Opening { .. })
        {
            connection.owes = Owes::Opening;
            self.deadlines.hasten(id, until);
        }
    }

    /// Whether a message can go there over a stream now.
    pub(super) fn is_open_to(&self, transport: Transport, peer: SocketAddr) -> bool {
        let there = self.by_peer.get(&(transport, peer)).and_then(|id| self.known.get(id));
        there.is_some_and(|connection| matches!(connection.state, State::Open { .. }))
    }

    fn open(&mut self, path: Path, domain: Option<String>, out: &mut Vec<Output>) -> Path {
        let Path { transport, peer, .. } = path;
        if let Some(domain) = &domain
            && (self.domains.len() < DOMAINS_MAX || self.domains.contains_key(&peer))
        {
            self.domains.insert(peer, domain.clone());
        }
        let id = ConnectionId(self.last_asked);
        self.last_asked += 1;
        let state = State::Opening { waiting: Vec::new() };
        let connection = Connection {
            transport,
            peer,
            certificate: Vec::new(),
            domain: domain.clone(),
            owes: Owes::Nothing,
            answers: None,
            state,
        };
        self.known.insert(id, connection);
        self.by_peer.insert((transport, peer), id);
        out.push(Output::Connect { id, target: Target { transport, address: peer, domain } });
        Path { connection: Some(id), ..path }
    }

    /// A connection that was asked for is open: what waited for it goes out.
    pub(super) fn opened(&mut self, now: Instant, id: ConnectionId, out: &mut Vec<Output>) {
        let Some(connection) = self.known.get_mut(&id) else { return };
        let State::Opening { waiting } = &mut connection.state else { return };
        for (path, bytes, release) in mem::take(waiting) {
            out.push(Output::Send { path, bytes, release });
        }
        connection.state = State::Open { framer: Framer::new() };
        connection.owes = Owes::Nothing;
        self.deadlines.set(id, Some(now + self.idle_max));
    }

    /// A connection is gone, or never came.
    pub(super) fn lost(&mut self, id: ConnectionId) {
        self.deadlines.set(id, None);
        let Some(connection) = self.known.remove(&id) else { return };
        let peer = (connection.transport, connection.peer);
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
        if let (State::Opening { waiting }, stage @ Some(_)) = (connection.state, connection.answers) {
            let waiting = waiting.into_iter();
            self.stranded.extend(waiting.map(|(path, bytes, release)| Stranded {
                path,
                bytes,
                release,
                stage,
            }));
        }
    }

    /// Where a path is opened for answers, this is why.
    pub(super) fn carries_answers(&mut self, path: Path, stage: Stage) {
        if let Some(connection) = path.connection.and_then(|id| self.known.get_mut(&id)) {
            connection.answers = Some(stage);
        }
    }

    /// What was to go over connections that are gone.
    pub(super) fn take_stranded(&mut self) -> Vec<Stranded> {
        mem::take(&mut self.stranded)
    }

    /// We close a connection: what is in `out` already still goes over it.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.closing.push(id);
        self.lost(id);
    }

    /// Takes out of `out`, from `start` on, what is to be sent over a connection that is not open yet or
    /// not there any more. The first waits; the second is stranded.
    pub(super) fn hold_back(&mut self, start: usize, out: &mut Vec<Output>) {
        let needs = |this: &Self, output: &Output| match output {
            Output::Send { path: Path { connection: Some(id), .. }, .. } => {
                !this.closing.contains(id)
                    && !matches!(this.known.get(id), Some(Connection { state: State::Open { .. }, .. }))
            }
            _ => false,
        };
        let any = out.iter().skip(start).any(|output| needs(self, output));
        let new = if any { out.split_off(start) } else { Vec::new() };
        for output in new {
            if !needs(self, &output) {
                out.push(output);
                continue;
            }
            let Output::Send { path, bytes, release } = output else { continue };
            let connection = path.connection.and_then(|id| self.known.get_mut(&id));
            match connection.map(|connection| &mut connection.state) {
                Some(State::Opening { waiting }) if waiting.len() < WAITING_MAX => {
                    waiting.push((path, bytes, release));
                }
                Some(_) => out.push(Output::Dropped(Discarded::Full)),
                None => self.stranded.push(Stranded { path, bytes, release, stage: None }),
            }
        }
        self.closing.clear();
    }
}
