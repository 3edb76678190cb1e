//! UPDATE both ways (RFC 3311): a session changed before its INVITE is answered, and refreshed at any time.

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::invited::sdp;
use super::legs::{Heard, Invitation, Leg, State};
use super::reply::{Arrived, Reply};
use super::send::sdp_of;
use super::way::Neighbour;
use super::{Endpoint, Output};
use crate::dialog::{Dialog, DialogId, EarlyExchange, Exchange, NotNow, Offerer};
use crate::header::Name;
use crate::leg::{LegEvent, LegId};
use crate::message::{Method, Response};
use crate::transaction::Class;
use crate::transaction::layer::TransactionId;

/// Where an UPDATE found its exchange.
enum Found<'a> {
    Confirmed(&'a mut Exchange),
    Early(&'a mut EarlyExchange, Offerer),
}

impl Endpoint {
    /// An UPDATE of the far end, in order.
    pub(super) fn receive_update(
        &mut self,
        now: Now,
        leg: &mut Leg,
        id: &DialogId,
        update: Arrived,
        out: &mut Vec<Output>,
    ) {
        let leg_id = leg.id;
        let Ok(sdp) = sdp(&update.request.headers, &update.request.body) else {
            self.reply(now, &update, "", Reply::at_once(415).with(Name::Accept, "application/sdp"), out);
            return;
        };
        if let Some(brief) = self.too_brief(&update.request.headers) {
            self.reply(now, &update, "", brief, out);
            return;
        }
        let Some((dialog, found)) = leg.exchange_of(id) else {
            self.reply(now, &update, "", Reply::at_once(481), out);
            return;
        };
        let not_now = sdp.as_ref().and_then(|_| found.not_now());
        if let Some(why) = not_now {
            return self.refuse_offer(now, &update, why, out);
        }
        if let Ok(via) = update.request.headers.top_via() {
            let neighbour = Neighbour { path: update.came, host: via.host, port: via.port };
            self.moved(dialog, &update.request.headers, &neighbour);
        }
        if sdp.is_none() {
            return self.accept_update(now, leg, (id, &update), None, out);
        }
        self.transactions.assign(update.transaction, leg_id);
        let request = Box::new(update);
        match found {
            Found::Confirmed(exchange) => *exchange = Exchange::Offered { request },
            Found::Early(exchange, _) => *exchange = EarlyExchange::Offered { request },
        }
        out.push(Output::Leg { leg: leg_id, event: LegEvent::Reoffered { sdp } });
    }

    /// 491 or 500, by who has to wait for whom (§5.2).
    pub(super) fn refuse_offer(&mut self, now: Now, request: &Arrived, why: NotNow, out: &mut Vec<Output>) {
        let reply = match why {
            NotNow::OursIsOut => Reply::at_once(491),
            NotNow::TheirsIsOpen => {
                Reply::at_once(500).retry_after(Duration::from_secs(self.names.below(10) + 1))
            }
        };
        self.reply(now, request, "", reply, out);
    }

    /// 200 to an UPDATE or a PRACK, with our answer where it had an offer.
    pub(super) fn accept_update(
        &mut self,
        now: Now,
        leg: &mut Leg,
        (id, request): (&DialogId, &Arrived),
        answer: Option<Bytes>,
        out: &mut Vec<Output>,
    ) {
        let is_update = request.request.method == Method::Update;
        let mut reply = Reply::after_facts(200).with_allow();
        if let Some((dialog, _)) = leg.exchange_of(id).filter(|_| is_update) {
            reply = reply.with(Name::Contact, dialog.contact().to_owned());
        }
        if let State::Established(established) = &mut leg.state
            && is_update
        {
            let agreed = self.agreed(&request.request.headers);
            established.timer.refreshed(now.mono, agreed.interval, agreed.refreshes);
            reply = reply.with_session(agreed);
        }
        if let Some(answer) = answer {
            reply = reply.with_sdp(answer);
        }
        self.reply(now, request, "", reply, out);
    }

    /// The call answers an offer made before the INVITE was answered.
    pub(super) fn accept_early(&mut self, now: Now, leg: &mut Leg, answer: Bytes, out: &mut Vec<Output>) {
        if self.answer_early_offer(now, leg, answer.clone(), out) {
            return;
        }
        let Some((id, request)) = leg.take_early_offer(Some(&answer)) else { return };
        self.accept_update(now, leg, (&id, &request), Some(answer), out);
        self.go_on(now, leg, out);
    }

    /// The call refuses an offer made before the INVITE was answered. `false`: there is none.
    pub(super) fn reject_early(
        &mut self,
        now: Now,
        leg: &mut Leg,
        reply: Reply,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some((_, request)) = leg.take_early_offer(None) else { return false };
        self.reply(now, &request, "", reply, out);
        self.go_on(now, leg, out);
        true
    }

    /// Sends the call's latest offer by UPDATE, where what was agreed before binds both (§5.1). Otherwise it
    /// waits for the end of the INVITE.
    pub(super) fn offer_early(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let State::Invited(invitation) = &mut leg.state else { return };
        let Invitation { dialog, exchange, queued, provisional, .. } = invitation.as_mut();
        let may = matches!(exchange, EarlyExchange::Settled)
            && provisional.next_rseq().is_some()
            && dialog.allows_update();
        if let Some(offer) = queued.take_if(|_| may) {
            *exchange = self.send_update(now, leg.id, dialog, offer, out);
        }
    }

    /// The same in the newest early dialog of an INVITE of ours.
    pub(super) fn offer_to_branch(&mut self, now: Now, leg: &mut Leg, offer: Bytes, out: &mut Vec<Output>) {
        let id = leg.id;
        let State::Calling { heard: Heard::Provisional(progress), .. } = &mut leg.state else { return };
        let early = progress
            .early
            .newest(|early| matches!(early.exchange, EarlyExchange::Settled) && early.dialog.allows_update());
        if let Some(early) = early {
            early.exchange = self.send_update(now, id, &mut early.dialog, offer, out);
        }
    }

    fn send_update(
        &mut self,
        now: Now,
        leg: LegId,
        dialog: &mut Dialog,
        offer: Bytes,
        out: &mut Vec<Output>,
    ) -> EarlyExchange {
        let mut update = dialog.request(Method::Update);
        update.headers.push(Name::Allow, super::reply::ALLOW);
        update.headers.push(Name::ContentType, "application/sdp");
        update.body = offer.clone();
        let transaction = self.send_in_dialog(now, leg, dialog, update, out);
        EarlyExchange::Offering { transaction, offer }
    }

    /// A final answer to an UPDATE of ours.
    pub(super) fn update_answered(
        &mut self,
        now: Now,
        id: LegId,
        transaction: TransactionId,
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let Some(mut leg) = self.legs.take(id) else { return };
        if let State::Established(established) = &mut leg.state {
            let is_offer = matches!(&established.exchange,
                Exchange::Offering { transaction: ours, .. } if *ours == transaction);
            if is_offer {
                self.offer_answered(now, &mut leg, transaction, response, out);
            } else if established.refreshing == Some(transaction) {
                established.refreshing = None;
                self.refresh_answered(now, &mut leg, response, out);
            }
        } else if Class::of(response.status) != Class::Provisional {
            let answer = sdp_of(response).filter(|_| Class::of(response.status) == Class::Success);
            let is_over = leg.early_offer_over(transaction, answer.is_some());
            if let Some(sdp) = answer.filter(|_| is_over) {
                out.push(Output::Leg { leg: id, event: LegEvent::OfferAnswered { sdp } });
            }
            self.go_on(now, &mut leg, out);
        }
        self.legs.put(leg, &self.transactions);
    }
}

impl Found<'_> {
    fn not_now(&self) -> Option<NotNow> {
        match self {
            Self::Confirmed(Exchange::Idle | Exchange::Glared { .. }) => None,
            Self::Confirmed(Exchange::Offered { .. }) => Some(NotNow::TheirsIsOpen),
            // Ours is out, or may still be in the 2xx it has not acknowledged.
            Self::Confirmed(_) => Some(NotNow::OursIsOut),
            Self::Early(exchange, offerer) => exchange.not_now(*offerer == Offerer::Us),
        }
    }
}

impl Leg {
    /// The dialog a request of the far end is in, and how far offer and answer are in it.
    fn exchange_of(&mut self, id: &DialogId) -> Option<(&mut Dialog, Found<'_>)> {
        match &mut self.state {
            State::Established(it) => Some((&mut it.dialog, Found::Confirmed(&mut it.exchange))),
            State::Invited(it) => Some((&mut it.dialog, Found::Early(&mut it.exchange, it.offerer))),
            State::Calling { placed, heard: Heard::Provisional(progress), .. } => {
                let offerer = if placed.invite.body.is_empty() { Offerer::FarEnd } else { Offerer::Us };
                let early = progress.early.of(&id.remote_tag)?;
                Some((&mut early.dialog, Found::Early(&mut early.exchange, offerer)))
            }
            State::Calling { .. } | State::Resolving { .. } | State::Leaving(_) => None,
        }
    }

    /// Takes out the far end's offer by UPDATE or PRACK that waits for the call; `answer` is what the call
    /// says to it.
    fn take_early_offer(&mut self, answer: Option<&Bytes>) -> Option<(DialogId, Box<Arrived>)> {
        let is_offered = |exchange: &EarlyExchange| matches!(exchange, EarlyExchange::Offered { .. });
        let (id, exchange) = match &mut self.state {
            State::Invited(it) if is_offered(&it.exchange) => {
                it.sdp = answer.cloned().or_else(|| it.sdp.take());
                (it.dialog.id.clone(), &mut it.exchange)
            }
            State::Calling { heard: Heard::Provisional(progress), .. } => {
                let early = progress.early.newest(|early| is_offered(&early.exchange))?;
                early.ours = answer.cloned().or_else(|| early.ours.take());
                (early.dialog.id.clone(), &mut early.exchange)
            }
            _ => return None,
        };
        match std::mem::replace(exchange, EarlyExchange::Settled) {
            EarlyExchange::Offered { request } => Some((id, request)),
            _ => None,
        }
    }

    /// Our offer by UPDATE has its answer or its refusal. `false`: it was no such offer.
    pub(super) fn early_offer_over(&mut self, transaction: TransactionId, is_agreed: bool) -> bool {
        let is_ours = |exchange: &EarlyExchange| {
            matches!(exchange,
            EarlyExchange::Offering { transaction: ours, .. } if *ours == transaction)
        };
        match &mut self.state {
            State::Invited(it) if is_ours(&it.exchange) => {
                if let EarlyExchange::Offering { offer, .. } =
                    std::mem::replace(&mut it.exchange, EarlyExchange::Settled)
                {
                    // A refusal leaves the session as it was.
                    it.sdp = Some(offer).filter(|_| is_agreed).or_else(|| it.sdp.take());
                }
                true
            }
            State::Calling { heard: Heard::Provisional(progress), .. } => {
                let early = progress.early.newest(|early| is_ours(&early.exchange));
                let Some(early) = early else { return false };
                if let EarlyExchange::Offering { offer, .. } =
                    std::mem::replace(&mut early.exchange, EarlyExchange::Settled)
                {
                    early.ours = Some(offer).filter(|_| is_agreed).or_else(|| early.ours.take());
                }
                true
            }
            _ => false,
        }
    }
}
