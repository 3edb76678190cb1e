//! Requests that are too long for a datagram (RFC 3261 §18.1.1): they go by TCP, and by UDP after all where TCP
//! comes to nothing. And what the driver could not send at all (§18.4).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Now;

use super::overdue::Failure;
use super::{Discarded, Endpoint, Outcome, Output, Release};
use crate::header::Name;
use crate::message::{self, Message, Method, Request};
use crate::path::{Path, Transport};
use crate::transaction::key::ClientKey;
use crate::transaction::layer::{Owner, TransactionId};

/// The longest request sent as a datagram, in bytes. Nobody tells us the path's MTU, and an Ethernet's of 1,500
/// less the 200 that the answer may be longer is this (§18.1.1).
pub(super) const DATAGRAM_MAX: usize = 1_300;

/// Longest a TCP connection for a long request may take to open. A carrier that speaks UDP alone often has a
/// firewall that says nothing, and a caller waits; two attempts of TCP to open it fit in.
pub(super) const OPEN_MAX: Duration = Duration::from_secs(2);

/// The same for a call for help, whose location alone makes it that long: someone in need waits no longer than
/// for one lost datagram.
pub(super) const EMERGENCY_OPEN_MAX: Duration = Duration::from_millis(500);

/// How long it is remembered that TCP came to nothing. Each such time costs a caller up to `OPEN_MAX`.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Peers remembered. Trunks and the phones of a centre's agents; one more is tried by TCP each time.
const PEERS_MAX: usize = 1_024;

/// Why a driver could not send something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unsent {
    /// It is longer than a datagram on its way may be (`EMSGSIZE`).
    TooLong,
    /// This machine has no way there.
    NoWay,
}

/// Peers to which long requests go by UDP as well, each with the time until when.
#[derive(Debug, Default)]
pub(super) struct DatagramsOnly(BTreeMap<SocketAddr, Instant>);

impl DatagramsOnly {
    fn has(&self, now: Instant, peer: SocketAddr) -> bool {
        self.0.get(&peer).is_some_and(|until| now < *until)
    }

    fn insert(&mut self, now: Instant, peer: SocketAddr) {
        if self.0.len() >= PEERS_MAX {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() < PEERS_MAX || self.0.contains_key(&peer) {
            self.0.insert(peer, now + REMEMBERED);
        }
    }
}

impl Endpoint {
    /// Sends a request of ours whose top Via names `path`: by TCP instead of UDP if it is too long.
    pub(super) fn send_request(
        &mut self,
        now: Now,
        owner: Owner,
        path: Path,
        request: Request,
        out: &mut Vec<Output>,
    ) -> TransactionId {
        let is_long = path.transport == Transport::Udp && request.to_bytes().len() > DATAGRAM_MAX;
        if !is_long || self.datagrams_only.has(now.mono, path.peer) {
            return self.transactions.send(now.mono, owner, path, request, out);
        }
        let (stream, by_tcp) = self.by_tcp(path, &request, out);
        let within = if is_emergency(&request) { EMERGENCY_OPEN_MAX } else { OPEN_MAX };
        self.connections.open_by(now.mono + within, stream);
        let id = self.transactions.send(now.mono, owner, stream, by_tcp, out);
        self.transactions.keep_instead(id, path, request);
        id
    }

    /// The ACK to a 2xx, which no transaction sends another way: a long one goes by TCP where TCP is open.
    pub(super) fn write_ack(&mut self, way: Path, ack: Request, out: &mut Vec<Output>) -> (Path, Bytes) {
        let bytes = ack.to_bytes();
        let is_long = way.transport == Transport::Udp && bytes.len() > DATAGRAM_MAX;
        if !is_long || !self.connections.is_open_to(Transport::Tcp, way.peer) {
            return (way, bytes);
        }
        let (path, ack) = self.by_tcp(way, &ack, out);
        (path, ack.to_bytes())
    }

    /// The same request for TCP, and its way. Its Via says what is used; the Contact stays, for what comes later
    /// may be short.
    fn by_tcp(&mut self, path: Path, request: &Request, out: &mut Vec<Output>) -> (Path, Request) {
        let stream = self.connections.route(Path { transport: Transport::Tcp, ..path }, out);
        let mut request = request.clone();
        if let Ok(mut via) = request.headers.top_via() {
            let at = self.advertised(stream);
            Transport::Tcp.via_token().clone_into(&mut via.transport);
            (via.host, via.port) = (at.ip().into(), Some(at.port()));
            request.headers.set_top_via(&via);
        }
        (stream, request)
    }

    /// A connection is gone: what it was only asked for because of its length goes by UDP.
    pub(super) fn fall_back(&mut self, now: Now, connection: crate::ConnectionId, out: &mut Vec<Output>) {
        if let Some(peer) = self.transactions.take_instead(now.mono, connection, out) {
            self.datagrams_only.insert(now.mono, peer);
        }
    }

    /// The driver could not send a message. A request that is too long goes by TCP; one with no way there fails
    /// as if it was refused with 503 (§8.1.3.1), where another target may be tried. All else is repeated by its
    /// transaction, for ways come back.
    pub(super) fn unsent(&mut self, now: Now, path: Path, bytes: &Bytes, why: Unsent, out: &mut Vec<Output>) {
        out.push(Output::Dropped(Discarded::Unsent));
        let Ok(Message::Request(request)) = message::parse(bytes) else { return };
        if path.transport.is_reliable() {
            return;
        }
        if request.method == Method::Ack && why == Unsent::TooLong {
            let (path, ack) = self.by_tcp(path, &request, out);
            return out.push(Output::Send { path, bytes: ack.to_bytes(), release: Release::AtOnce });
        }
        let key = ClientKey::of(&request.headers, &request.method);
        let Some((id, owner)) = self.transactions.unanswered(&key) else { return };
        // TCP has been tried in vain if this is how a long one got here.
        let tried = self.datagrams_only.has(now.mono, path.peer);
        match why {
            Unsent::TooLong if !tried => {
                let (stream, by_tcp) = self.by_tcp(path, &request, out);
                self.transactions.send_again(now.mono, id, stream, by_tcp, out);
            }
            Unsent::TooLong => self.give_up(now, id, owner, out),
            Unsent::NoWay if request.headers.to().is_ok_and(|to| to.tag().is_none()) => {
                self.give_up(now, id, owner, out);
            }
            Unsent::NoWay => {}
        }
    }

    fn give_up(&mut self, now: Now, id: TransactionId, owner: Owner, out: &mut Vec<Output>) {
        self.transactions.forget(id);
        self.undeliverable(now, id, owner, out);
    }

    /// A request of ours cannot be sent, or its answer cannot come any more; its transaction is forgotten.
    pub(super) fn undeliverable(&mut self, now: Now, id: TransactionId, owner: Owner, out: &mut Vec<Output>) {
        match owner {
            Owner::Leg(leg) => self.transaction_failed(now, leg, id, Failure::Unreachable, out),
            Owner::Request(request) => self.request_failed(now, request, Outcome::Unreachable, out),
            Owner::Subscription(watcher) => self.watcher_heard(now, watcher, id, None, out),
            Owner::Nobody => {}
        }
    }
}

/// Whether a request of ours asks for help: only those say so (RFC 3261 §20.26).
fn is_emergency(request: &Request) -> bool {
    request.headers.first(&Name::Priority).is_some_and(|value| value.eq_ignore_ascii_case(b"emergency"))
}
