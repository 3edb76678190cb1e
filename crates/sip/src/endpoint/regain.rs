//! Messages whose connection is gone. An answer goes over a new one to where its request came from (RFC 3261
//! §18.2.2), and if nobody listens there to whom its Via names (RFC 3263 §5). A request of a dialog goes to the
//! far end's Contact: who connected to us is seldom reached at the port he connected from.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::connections::{Stage, Stranded};
use super::way::{Way, default_port, way_of};
use super::{Discarded, Endpoint, Output};
use crate::Release;
use crate::dialog::{Dialog, Exchange};
use crate::endpoint::legs::Leg;
use crate::endpoint::legs::State;
use crate::message::{self, Message};
use crate::path::{ConnectionId, HostName, Path, ResolveId, Target, Transport};

/// Answers whose Via names a host that is being looked up. Only those of peers we know, whose connection was
/// lost and who cannot be reached where they came from; one more is dropped and counted.
const LOOKED_UP_MAX: usize = 256;

/// How long an offer waits before it is made again, when there was no way to the far end.
const AGAIN_AFTER: Duration = Duration::from_secs(4);

/// How long that may go on: as long as a datagram would be repeated (Timer B).
const UNREACHABLE_MAX: Duration = Duration::from_secs(32);

/// Answers that wait for DNS.
pub(super) type LookedUp = BTreeMap<ResolveId, (Path, Bytes, Release)>;

impl Endpoint {
    /// Holds back what waits for a connection, and finds another for answers whose own is gone.
    pub(super) fn settle_ways(&mut self, now: Now, start: usize, out: &mut Vec<Output>) {
        self.connections.hold_back(start, out);
        for stranded in self.connections.take_stranded() {
            self.regain(now, stranded, out);
        }
    }

    fn regain(&mut self, now: Now, stranded: Stranded, out: &mut Vec<Output>) {
        let Stranded { path, bytes, release, stage } = stranded;
        // Of a request its transaction is told.
        let Ok(Message::Response(response)) = message::parse(&bytes) else { return };
        let Ok(via) = response.headers.top_via() else { return };
        let port = via.port.unwrap_or(default_port(path.transport));
        let named = via.host.ip();
        let domain = if named.is_none() { Some(via.host.to_string()) } else { None };
        let came_from = via.received().or(named).unwrap_or(path.peer.ip());
        let stage = match stage {
            None => Some((came_from, Stage::Received)),
            // A stranger could make us connect to anybody by what he writes there.
            Some(Stage::Received) if self.guard.trusts(now.mono, came_from) => match named {
                Some(ip) if ip != came_from => Some((ip, Stage::SentBy)),
                Some(_) => None,
                None if self.looked_up.len() < LOOKED_UP_MAX => {
                    let name = HostName {
                        host: via.host.to_string(),
                        port: via.port,
                        transport: Some(path.transport),
                    };
                    let question = self.legs.next_question();
                    self.looked_up.insert(question, (path, bytes, release));
                    return out.push(Output::Resolve { id: question, name });
                }
                None => None,
            },
            Some(Stage::Received | Stage::SentBy) => None,
        };
        let Some((ip, stage)) = stage else { return out.push(Output::Dropped(Discarded::Unsent)) };
        let target = Target { transport: path.transport, address: SocketAddr::new(ip, port), domain };
        self.answer_along(&target, stage, (bytes, release), out);
    }

    fn answer_along(
        &mut self,
        target: &Target,
        stage: Stage,
        (bytes, release): (Bytes, Release),
        out: &mut Vec<Output>,
    ) {
        let path = self.connections.route_to(self.path_to(target), target.domain.as_deref(), out);
        self.connections.carries_answers(path, stage);
        let start = out.len();
        out.push(Output::Send { path, bytes, release });
        self.connections.hold_back(start, out);
    }

    /// DNS has answered for an answer of ours. `false`: that is none of these questions.
    pub(super) fn answer_resolved(
        &mut self,
        question: ResolveId,
        targets: &[Target],
        out: &mut Vec<Output>,
    ) -> bool {
        let Some((_, bytes, release)) = self.looked_up.remove(&question) else { return false };
        match targets.first() {
            Some(target) => self.answer_along(target, Stage::SentBy, (bytes, release), out),
            None => out.push(Output::Dropped(Discarded::Unsent)),
        }
        true
    }

    /// Points a dialog whose connection is gone to where its far end can be reached: over the connection by
    /// which the phone has registered again, else at its Contact. Never from TLS to less.
    pub(super) fn regain_way(&self, dialog: &mut Dialog) {
        let way = dialog.way;
        let Some(gone) = way.connection.filter(|id| !self.connections.is_known(*id)) else { return };
        if let Some(again) = self.registrar.way_to(dialog.next_hop())
            && again.transport == way.transport
            && again.connection.is_some_and(|id| self.connections.is_known(id))
        {
            return dialog.way = again;
        }
        // One we opened leads to where somebody listens.
        if gone.0 >= ConnectionId::ASKED_FOR_MIN {
            return;
        }
        let names_none =
            dialog.next_hop().as_sip().is_some_and(|uri| uri.params.value("transport").is_none());
        if let Way::Target(target) = way_of(dialog.next_hop()) {
            let keeps = names_none && target.transport == Transport::Udp;
            let transport = if keeps { way.transport } else { target.transport };
            if way.transport != Transport::Tls || transport == Transport::Tls {
                dialog.way = self.path_to(&Target { transport, ..target });
            }
        }
    }

    /// There was no way to the far end for our offer: it is made again, for phones come back; and after as long
    /// as a datagram would have been repeated the dialog is lost.
    pub(super) fn offer_unreachable(&mut self, now: Now, leg: &mut Leg, offer: Bytes, out: &mut Vec<Output>) {
        let State::Established(established) = &mut leg.state else { return };
        let since = *established.unreachable_since.get_or_insert(now.mono);
        if now.mono.saturating_duration_since(since) >= UNREACHABLE_MAX {
            return self.lose_dialog(now, leg, out);
        }
        established.exchange = Exchange::Glared { offer, again_at: now.mono + AGAIN_AFTER };
    }
}
