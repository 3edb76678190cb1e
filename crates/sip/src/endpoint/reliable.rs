//! Reliable provisional responses and PRACK (RFC 3262), ours and the far end's.

use bytes::Bytes;
use primitives::Now;

use super::legs::{Held, Invitation, Leg, Reliability, State};
use super::reply::{Arrived, Reply};
use super::{Endpoint, Output, Release};
use crate::dialog::{Dialog, EarlyExchange, Offerer, Overdue, RSEQ_FIRST_END, Reliable};
use crate::header::{CSeq, Name, RAck};
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::{Headers, Method, Response};

use super::invited::sdp;

/// The option tag.
pub(super) const TAG: &str = "100rel";

/// Provisional responses that wait for a PRACK. The newest is left out when there are more: the caller
/// already hears that it rings.
const HELD_MAX: usize = 4;

impl Reliability {
    /// What an INVITE asks for.
    pub(super) fn of(headers: &Headers) -> Self {
        let has = |tags: Result<Vec<String>, _>| tags.is_ok_and(|tags| tags.iter().any(|tag| tag == TAG));
        if has(headers.require()) {
            Self::Required
        } else if has(headers.supported()) {
            Self::Supported
        } else {
            Self::Unknown
        }
    }
}

impl Endpoint {
    /// The reliable responses to an INVITE that just came.
    pub(super) fn reliable(&mut self) -> Reliable {
        let first = self.names.below(RSEQ_FIRST_END - 1) + 1;
        Reliable::new(u32::try_from(first).unwrap_or(1))
    }

    /// Says how the call goes on: reliably where the caller's phone wants it, in order.
    pub(super) fn progress(
        &mut self,
        now: Now,
        invitation: &mut Invitation,
        status: u16,
        sdp: Option<Bytes>,
        out: &mut Vec<Output>,
    ) {
        let is_reliable = match invitation.reliability {
            Reliability::Required => true,
            Reliability::Supported => sdp.is_some(),
            Reliability::Unknown => false,
        };
        // The first reliable response to an INVITE without offer must bring one (RFC 3261 §13.2.1), and an
        // unreliable one must not.
        let lacks_offer =
            invitation.offerer == Offerer::Us && matches!(invitation.exchange, EarlyExchange::Open);
        match (is_reliable, lacks_offer) {
            (true, true) if sdp.is_none() => {}
            (true, _) if invitation.provisional.next_rseq().is_none() => {
                if invitation.held.len() < HELD_MAX {
                    invitation.held.push_back(Held { status, sdp });
                }
            }
            (true, _) => self.send_reliable(now, invitation, Held { status, sdp }, out),
            (false, true) => self.send_unreliable(now, invitation, Reply::after_facts(180), out),
            (false, false) => {
                let reply = Reply::after_facts(status);
                let reply = match sdp {
                    Some(sdp) => reply.with_sdp(sdp),
                    None => reply,
                };
                self.send_unreliable(now, invitation, reply, out);
            }
        }
    }

    /// A provisional response with what makes an early dialog (§12.1.1).
    fn send_unreliable(
        &mut self,
        now: Now,
        invitation: &mut Invitation,
        reply: Reply,
        out: &mut Vec<Output>,
    ) {
        invitation.remind_at = Some(now.mono + super::uas::REMIND_EVERY);
        let Invitation { arrived, dialog, .. } = invitation;
        let reply = reply.opening_dialog(&arrived.request, dialog.contact());
        self.reply(now, arrived, &dialog.id.local_tag, reply, out);
    }

    fn send_reliable(&mut self, now: Now, invitation: &mut Invitation, said: Held, out: &mut Vec<Output>) {
        let Some(rseq) = invitation.provisional.next_rseq() else { return };
        // What was agreed is said once; another answer would be none (§5).
        let sdp = said.sdp.filter(|_| matches!(invitation.exchange, EarlyExchange::Open));
        invitation.remind_at = Some(now.mono + super::uas::REMIND_EVERY);
        let Invitation { arrived, dialog, .. } = &*invitation;
        let mut reply = Reply::after_facts(said.status)
            .with(Name::Require, TAG)
            .with(Name::RSeq, rseq.to_string())
            .opening_dialog(&arrived.request, dialog.contact())
            .with_allow();
        if let Some(sdp) = &sdp {
            reply = reply.with_sdp(sdp.clone());
        }
        let sent = (arrived.answers, self.reply(now, arrived, &dialog.id.local_tag, reply, out));
        invitation.provisional.sent(now.mono, self.config.timers, sent, sdp.is_some());
        if sdp.is_some() {
            invitation.exchange = match invitation.offerer {
                Offerer::FarEnd => EarlyExchange::Settled,
                Offerer::Us => EarlyExchange::AwaitingPrack,
            };
            invitation.sdp = sdp;
        }
    }

    /// A PRACK (§3). 481 unless it is for a response that is out.
    pub(super) fn receive_prack(&mut self, now: Now, leg: &mut Leg, prack: Arrived, out: &mut Vec<Output>) {
        let rack = prack.request.headers.rack().ok().flatten();
        let rseq = |cseq: u32| {
            rack.as_ref()
                .filter(|rack| rack.cseq == CSeq { number: cseq, method: Method::Invite })
                .map(|rack| rack.rseq)
        };
        let is_awaited = match &mut leg.state {
            State::Invited(invitation) => {
                let cseq = invitation.arrived.request.headers.cseq().map(|cseq| cseq.number);
                let rseq = cseq.ok().and_then(rseq);
                rseq.is_some_and(|rseq| invitation.provisional.acknowledge(rseq))
            }
            State::Established(established) => {
                let cseq = established.dialog.invited_cseq();
                let provisional = established.provisional.as_mut();
                provisional.is_some_and(|it| rseq(cseq).is_some_and(|rseq| it.acknowledge(rseq)))
            }
            _ => false,
        };
        let offer = sdp(&prack.request.headers, &prack.request.body);
        let State::Invited(invitation) = &mut leg.state else {
            // After the 2xx an offer in it comes too late: the next re-INVITE can bring it.
            let status = if is_awaited { 200 } else { 481 };
            self.reply(now, &prack, "", Reply::at_once(status), out);
            return;
        };
        match (is_awaited, offer) {
            (false, _) => {
                self.reply(now, &prack, "", Reply::at_once(481), out);
            }
            (true, Err(_)) => {
                self.reply(now, &prack, "", Reply::at_once(415).with(Name::Accept, "application/sdp"), out);
            }
            (true, Ok(sdp)) => {
                self.take_prack(now, leg.id, invitation, prack, sdp, out);
                self.go_on(now, leg, out);
            }
        }
    }

    /// The PRACK to a response that was out, and the SDP in it (§5).
    fn take_prack(
        &mut self,
        now: Now,
        leg: LegId,
        invitation: &mut Invitation,
        prack: Arrived,
        sdp: Option<Bytes>,
        out: &mut Vec<Output>,
    ) {
        let Some(sdp) = sdp else {
            self.reply(now, &prack, "", Reply::at_once(200), out);
            return;
        };
        if let EarlyExchange::AwaitingPrack = invitation.exchange {
            invitation.exchange = EarlyExchange::Settled;
            self.reply(now, &prack, "", Reply::at_once(200), out);
            out.push(Output::Leg { leg, event: LegEvent::OfferAnswered { sdp } });
            return;
        }
        match invitation.exchange.not_now(invitation.offerer == Offerer::Us) {
            Some(why) => self.refuse_offer(now, &prack, why, out),
            None => {
                self.transactions.assign(prack.transaction, leg);
                invitation.exchange = EarlyExchange::Offered { request: Box::new(prack) };
                out.push(Output::Leg { leg, event: LegEvent::Reoffered { sdp: Some(sdp) } });
            }
        }
    }

    /// What had to wait for a PRACK or for the end of an exchange: the next provisional response, and then
    /// the answer.
    pub(super) fn go_on(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let State::Invited(invitation) = &mut leg.state else { return };
        if let EarlyExchange::AwaitingPrack = invitation.exchange
            && invitation.provisional.next_rseq().is_some()
        {
            // Its PRACK should have had the answer: there is no session.
            self.decline(now, invitation, Reply::after_facts(488), out);
            return leg.leave_at_once(EndCause::WeRefused { status: 488 }, out);
        }
        if let Some(sdp) = invitation.answer.take() {
            return self.answer(now, leg, sdp, out);
        }
        if invitation.provisional.next_rseq().is_some()
            && let Some(said) = invitation.held.pop_front()
        {
            self.send_reliable(now, invitation, said, out);
        }
        self.offer_early(now, leg, out);
    }

    /// Repeats what has no PRACK. `false`: none came in 64 × T1, and the INVITE is refused (§3).
    pub(super) fn repeat_reliable(
        &mut self,
        now: Now,
        invitation: &mut Invitation,
        out: &mut Vec<Output>,
    ) -> bool {
        match invitation.provisional.handle_timeout(now.mono) {
            Overdue::Nothing => true,
            Overdue::Repeat(path, bytes) => {
                out.push(Output::Send { path, bytes, release: Release::AtOnce });
                true
            }
            Overdue::GiveUp => {
                self.decline(now, invitation, Reply::after_facts(504), out);
                false
            }
        }
    }

    /// Acknowledges a reliable response of the far end (§4), with our answer where it had the offer.
    pub(super) fn send_prack(
        &mut self,
        now: Now,
        leg: LegId,
        dialog: &mut Dialog,
        (rseq, answer): (u32, Option<Bytes>),
        out: &mut Vec<Output>,
    ) {
        let rack = RAck { rseq, cseq: CSeq { number: dialog.invited_cseq(), method: Method::Invite } };
        let mut prack = dialog.request(Method::Prack);
        prack.headers.push(Name::RAck, rack.to_wire());
        if let Some(answer) = answer {
            prack.headers.push(Name::ContentType, "application/sdp");
            prack.body = answer;
        }
        self.send_in_dialog(now, leg, dialog, prack, out);
    }
}

/// The RSeq of a response that is to be acknowledged (§4). Zero is none (§7.1).
pub(super) fn reliable_rseq(response: &Response) -> Option<u32> {
    let is_reliable = Reliability::of(&response.headers) == Reliability::Required;
    response.headers.rseq().ok().flatten().filter(|rseq| is_reliable && *rseq > 0)
}
