//! INVITEs inside a dialog, either way (RFC 3261 §14, RFC 3264).

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::early::TIMER_C;
use super::invited::sdp;
use super::legs::{Established, Leg, State};
use super::lookup::name_of_hop;
use super::reply::{Arrived, Reply};
use super::send::sdp_of;
use super::way::Neighbour;
use super::{Endpoint, Output};
use crate::dialog::{Confirms, Dialog, Exchange, Offerer};
use crate::header::Name;
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::{Headers, Method, Response};
use crate::transaction::Class;
use crate::transaction::layer::TransactionId;
use crate::uri::{Host, Uri};

impl Endpoint {
    /// Sends the call's latest offer, once no other INVITE is under way.
    pub(super) fn offer_queued(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        out: &mut Vec<Output>,
    ) {
        if !matches!(established.exchange, Exchange::Idle) {
            return;
        }
        let Some(offer) = established.queued.take() else { return };
        let Established { dialog, timer, .. } = established;
        let mut invite = dialog.request(Method::Invite);
        invite.headers.push(Name::Allow, super::reply::ALLOW);
        invite.headers.push(Name::Supported, super::reply::SUPPORTED);
        timer.wish.write(timer.refreshes(), &mut invite.headers);
        invite.headers.push(Name::ContentType, "application/sdp");
        invite.body = offer.clone();
        let transaction = self.send_in_dialog(now, leg, dialog, invite, out);
        established.exchange = Exchange::Offering { transaction, offer, give_up_at: None };
    }

    /// An INVITE of the far end inside a dialog, in order.
    pub(super) fn receive_reinvite(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        invite: Arrived,
        out: &mut Vec<Output>,
    ) {
        let reply = match &established.exchange {
            Exchange::Idle | Exchange::Glared { .. } => None,
            // Its earlier one has no answer yet (§14.2).
            Exchange::Offered { .. } => {
                let wait = Duration::from_secs(self.names.below(10) + 1);
                Some(Reply::at_once(500).retry_after(wait))
            }
            // Ours is out, or an offer of ours may still be in the 2xx it has not acknowledged.
            Exchange::Offering { .. } | Exchange::Accepted { .. } | Exchange::OwingAck { .. } => {
                Some(Reply::at_once(491))
            }
        };
        let reply = reply.or_else(|| self.too_brief(&invite.request.headers));
        if let Some(reply) = reply {
            self.reply(now, &invite, "", reply, out);
            return;
        }
        let Ok(offer) = sdp(&invite.request.headers, &invite.request.body) else {
            self.reply(now, &invite, "", Reply::at_once(415).with(Name::Accept, "application/sdp"), out);
            return;
        };
        if let Ok(via) = invite.request.headers.top_via() {
            let neighbour = Neighbour { path: invite.came, host: via.host, port: via.port };
            self.moved(&mut established.dialog, &invite.request.headers, &neighbour);
        }
        if let Exchange::Glared { offer, .. } = &established.exchange {
            established.queued.get_or_insert_with(|| offer.clone());
        }
        self.reply(now, &invite, "", Reply::at_once(100), out);
        self.transactions.assign(invite.transaction, leg);
        established.exchange = Exchange::Offered { request: Box::new(invite) };
        out.push(Output::Leg { leg, event: LegEvent::Reoffered { sdp: offer } });
    }

    /// Follows the far end to where it says it is now (§12.2.2).
    ///
    /// As long as it gives itself the same address the way stays: it may be the only one through a NAT.
    /// Where that address is the element its request comes from, the way that request took is the newest.
    pub(super) fn moved(&self, dialog: &mut Dialog, headers: &Headers, neighbour: &Neighbour) {
        let before = authority(dialog.next_hop());
        dialog.learn(headers);
        dialog.refresh_target(headers);
        let way = self.path_to_hop(dialog.next_hop(), neighbour);
        if authority(dialog.next_hop()) != before {
            self.point(dialog, neighbour);
        } else if way == neighbour.path && name_of_hop(dialog.next_hop(), neighbour).is_none() {
            dialog.way = way;
        }
    }

    /// The call answers the far end's offer.
    pub(super) fn accept_offer(&mut self, now: Now, leg: &mut Leg, answer: Bytes, out: &mut Vec<Output>) {
        let State::Established(mut established) = leg.take_state() else { return };
        match std::mem::replace(&mut established.exchange, Exchange::Idle) {
            Exchange::Offered { request } if request.request.method == Method::Invite => {
                let Established { dialog, timer, .. } = established.as_mut();
                let awaiting = self.send_ok(now, (&request, dialog), Some(answer.clone()), timer, out);
                let offerer = if request.request.body.is_empty() { Offerer::Us } else { Offerer::FarEnd };
                established.exchange = Exchange::Accepted { awaiting, confirms: Confirms::Reinvite(offerer) };
                established.sdp = Some(answer);
            }
            Exchange::Offered { request } => {
                let id = established.dialog.id.clone();
                established.sdp = Some(answer.clone());
                leg.state = State::Established(established);
                self.accept_update(now, leg, (&id, &request), Some(answer), out);
                return self.offer_next(now, leg, out);
            }
            Exchange::OwingAck { transaction, cseq } => {
                established.sdp = Some(answer.clone());
                self.acknowledge(leg, transaction, &mut established.dialog, (cseq, Some(answer)), out);
                leg.state = State::Established(established);
                return self.offer_next(now, leg, out);
            }
            exchange => established.exchange = exchange,
        }
        leg.state = State::Established(established);
    }

    /// Sends the offer that waited, if one did.
    fn offer_next(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let id = leg.id;
        if let State::Established(established) = &mut leg.state {
            self.offer_queued(now, id, established, out);
        }
    }

    /// The call refuses the far end's offer; the session stays as it was.
    pub(super) fn reject_offer(
        &mut self,
        now: Now,
        leg: LegId,
        established: &mut Established,
        reply: Reply,
        out: &mut Vec<Output>,
    ) {
        let Exchange::Offered { request } = &established.exchange else { return };
        self.reply(now, request, "", reply, out);
        established.exchange = Exchange::Idle;
        self.offer_queued(now, leg, established, out);
    }

    /// A final answer to our offer inside a dialog (§14.1).
    pub(super) fn offer_answered(
        &mut self,
        now: Now,
        leg: &mut Leg,
        transaction: TransactionId,
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let id = leg.id;
        if let State::Established(established) = &mut leg.state {
            established.unreachable_since = None;
        }
        match Class::of(response.status) {
            Class::Provisional => {
                if let State::Established(established) = &mut leg.state
                    && let Exchange::Offering { give_up_at, .. } = &mut established.exchange
                {
                    *give_up_at = Some(now.mono + TIMER_C);
                }
            }
            Class::Success => self.offer_taken(now, leg, transaction, response, out),
            Class::Refusal if matches!(response.status, 401 | 407) => {
                let State::Established(established) = &mut leg.state else { return };
                let prover = established.dialog.prover.as_mut();
                let again = prover.is_some_and(|prover| prover.is_challenged(response));
                if let Exchange::Offering { offer, .. } =
                    std::mem::replace(&mut established.exchange, Exchange::Idle)
                    && again
                {
                    established.queued.get_or_insert(offer);
                }
                self.offer_queued(now, id, established, out);
            }
            // The far end has no such call any more, or its proxy cannot find it (§12.2.1.2).
            Class::Refusal if matches!(response.status, 408 | 481) => {
                self.lose_dialog(now, leg, out);
            }
            Class::Refusal => {
                let State::Established(established) = &mut leg.state else { return };
                let before = std::mem::replace(&mut established.exchange, Exchange::Idle);
                established.timer.postponed(now.mono, super::session::AGAIN_AFTER);
                match before {
                    Exchange::Offering { offer, .. }
                        if response.status == 422 && self.raise(established, response) =>
                    {
                        established.queued.get_or_insert(offer);
                        self.offer_queued(now, id, established, out);
                    }
                    Exchange::Offering { offer, .. }
                        if response.status == 491 && established.queued.is_none() =>
                    {
                        let again_at = now.mono + self.glare_wait(&established.dialog);
                        established.exchange = Exchange::Glared { offer, again_at };
                    }
                    // The session stays as it was.
                    _ => self.offer_queued(now, id, established, out),
                }
            }
        }
    }

    /// The far end takes our offer. It is also a refresh of the session (RFC 4028 §7.2).
    fn offer_taken(
        &mut self,
        now: Now,
        leg: &mut Leg,
        transaction: TransactionId,
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let id = leg.id;
        let State::Established(mut established) = leg.take_state() else { return };
        let path = established.dialog.way;
        let neighbour = Neighbour { path, host: path.peer.ip().into(), port: Some(path.peer.port()) };
        self.moved(&mut established.dialog, &response.headers, &neighbour);
        let Ok(cseq) = response.headers.cseq() else { return leg.state = State::Established(established) };
        let (interval, refreshes) = established.timer.wish.agreed_by(&response.headers);
        established.timer.refreshed(now.mono, interval, refreshes);
        if cseq.method == Method::Invite {
            self.acknowledge(leg, transaction, &mut established.dialog, (cseq.number, None), out);
        }
        if let Exchange::Offering { offer, .. } = std::mem::replace(&mut established.exchange, Exchange::Idle)
        {
            established.sdp = Some(offer);
        }
        if let Some(sdp) = sdp_of(response) {
            out.push(Output::Leg { leg: id, event: LegEvent::OfferAnswered { sdp } });
        }
        if let Some(prover) = &mut established.dialog.prover {
            prover.accepted();
        }
        self.offer_queued(now, id, &mut established, out);
        leg.state = State::Established(established);
    }

    /// Nobody answers inside the dialog any more.
    pub(super) fn lose_dialog(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        if let State::Established(established) = leg.take_state() {
            let leaving = self.leave_dialog(now, leg, *established, EndCause::NoResponse, out);
            leg.leave(EndCause::NoResponse, leaving, out);
        }
    }

    /// How long to wait after a 491: who made the Call-ID waits longer, so that the two do not meet again
    /// (§14.1).
    fn glare_wait(&mut self, dialog: &Dialog) -> Duration {
        let steps = if dialog.is_ours() { 210 + self.names.below(191) } else { self.names.below(201) };
        Duration::from_millis(10 * steps)
    }
}

/// Host and port of a URI.
fn authority(uri: &Uri) -> Option<(Host, Option<u16>)> {
    uri.as_sip().map(|uri| (uri.host.clone(), uri.port))
}
