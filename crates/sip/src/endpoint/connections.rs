//! Stream connections: what has come of a message so far, and what waits for one that is being opened.

use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;

use bytes::Bytes;

use super::Output;
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
    /// Those we close in this breath: what is to be sent before still is.
    closing: Vec<ConnectionId>,
}

#[derive(Debug)]
struct Connection {
    transport: Transport,
    peer: SocketAddr,
    /// The names its peer has proven to have.
    certificate: Vec<String>,
    /// The name we opened it for.
    domain: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// We asked for it.
    Opening { waiting: Vec<(Path, Bytes, Release)> },
    /// Bytes go both ways.
    Open { framer: Framer },
}

impl Connections {
    pub(super) const fn new() -> Self {
        Self {
            known: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            domains: BTreeMap::new(),
            last_asked: ConnectionId::ASKED_FOR_MIN,
            closing: Vec::new(),
        }
    }

    /// Whether a message can be sent over it, now or soon.
    pub(super) fn is_known(&self, id: ConnectionId) -> bool {
        self.known.contains_key(&id)
    }

    /// Takes the framer of a connection that brought bytes. `None`: there are too many connections.
    /// Goes back with `put_framer`.
    pub(super) fn take_framer(&mut self, id: ConnectionId, path: Path) -> Option<Framer> {
        if !self.known.contains_key(&id) {
            self.accepted(id, path.transport, path.peer, Vec::new());
        }
        match &mut self.known.get_mut(&id)?.state {
            State::Open { framer } => Some(mem::take(framer)),
            State::Opening { .. } => None,
        }
    }

    /// Gives a framer back with the bytes that are not yet a message.
    pub(super) fn put_framer(&mut self, id: ConnectionId, kept: Framer) {
        if let Some(Connection { state: State::Open { framer }, .. }) = self.known.get_mut(&id) {
            *framer = kept;
        }
    }

    /// A peer connected. `false`: there are too many connections.
    pub(super) fn accepted(
        &mut self,
        id: ConnectionId,
        transport: Transport,
        peer: SocketAddr,
        certificate: Vec<String>,
    ) -> bool {
        if self.known.len() >= CONNECTIONS_MAX {
            return false;
        }
        let state = State::Open { framer: Framer::new() };
        self.known.insert(id, Connection { transport, peer, certificate, domain: None, state });
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
        let connection =
            Connection { transport, peer, certificate: Vec::new(), domain: domain.clone(), state };
        self.known.insert(id, connection);
        self.by_peer.insert((transport, peer), id);
        out.push(Output::Connect { id, target: Target { transport, address: peer, domain } });
        Path { connection: Some(id), ..path }
    }

    /// A connection that was asked for is open: what waited for it goes out.
    pub(super) fn opened(&mut self, id: ConnectionId, out: &mut Vec<Output>) {
        let Some(connection) = self.known.get_mut(&id) else { return };
        let State::Opening { waiting } = &mut connection.state else { return };
        for (path, bytes, release) in mem::take(waiting) {
            out.push(Output::Send { path, bytes, release });
        }
        connection.state = State::Open { framer: Framer::new() };
    }

    /// A connection is gone, or never came.
    pub(super) fn lost(&mut self, id: ConnectionId) {
        let Some(connection) = self.known.remove(&id) else { return };
        let peer = (connection.transport, connection.peer);
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
    }

    /// We close a connection: what is in `out` already still goes over it.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.closing.push(id);
        self.lost(id);
    }

    /// Takes out of `out`, from `start` on, what is to be sent over a connection that is not open yet or
    /// not there any more. The first waits; the second is dropped: its transaction is told by
    /// `ConnectionChange::Lost`, or has been.
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
                None => {}
            }
        }
        self.closing.clear();
    }
}
