//! What comes back for an INVITE of ours, or does not (RFC 3261 §13.2.2, §9.1; RFC 3263 §4.3).

use std::time::Duration;

use primitives::Now;

use super::legs::{Established, Heard, Leaving, Leg, Over, Placed, State};
use super::overdue::Failure;
use super::send::sdp_of;
use super::way::Neighbour;
use super::{Endpoint, Output, Release};
use crate::dialog::{Dialog, EarlyExchange, Exchange, SessionTimer};
use crate::header::{CSeq, Contacts, Name};
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::Response;
use crate::path::Path;
use crate::transaction::Class;
use crate::transaction::layer::TransactionId;

/// Contacts of a redirection that the call is told.
const CONTACTS_MAX: usize = 4;

impl Endpoint {
    /// A response to an INVITE of ours, first or inside a dialog, which its transaction takes for news.
    pub(super) fn invite_answered(
        &mut self,
        now: Now,
        id: LegId,
        transaction: TransactionId,
        response: &Response,
        came: Path,
        out: &mut Vec<Output>,
    ) {
        let Some(mut leg) = self.legs.take(id) else { return };
        let class = Class::of(response.status);
        if class == Class::Success && self.repeat_ack(&leg, transaction, response, out) {
            return self.legs.put(leg, &self.transactions);
        }
        let is_offer = matches!(&leg.state, State::Established(it)
            if matches!(it.exchange, Exchange::Offering { transaction: ours, .. } if ours == transaction));
        if is_offer {
            self.offer_answered(now, &mut leg, transaction, response, out);
            return self.legs.put(leg, &self.transactions);
        }
        match class {
            Class::Provisional => self.heard(now, &mut leg, transaction, (response, came), out),
            Class::Success => self.accepted(now, &mut leg, transaction, response, came, out),
            Class::Refusal => return self.refused(now, leg, transaction, response, out),
        }
        self.legs.put(leg, &self.transactions);
    }

    /// Sends the ACK again that a 2xx had before (§13.2.2.4).
    fn repeat_ack(
        &self,
        leg: &Leg,
        transaction: TransactionId,
        response: &Response,
        out: &mut Vec<Output>,
    ) -> bool {
        let to = response.headers.to().ok();
        let tag = to.as_ref().and_then(|to| to.tag()).unwrap_or_default();
        let sent = leg.acks.iter().find(|sent| sent.transaction == transaction && sent.remote_tag == tag);
        if let Some(sent) = sent {
            out.push(Output::Send { path: sent.path, bytes: sent.ack.clone(), release: Release::AtOnce });
        }
        sent.is_some()
    }

    fn heard(
        &mut self,
        now: Now,
        leg: &mut Leg,
        transaction: TransactionId,
        (response, came): (&Response, Path),
        out: &mut Vec<Output>,
    ) {
        let id = leg.id;
        match &mut leg.state {
            State::Calling { placed, heard, .. } => {
                self.note_provisional(now, id, (placed, heard), (response, came), out);
            }
            State::Leaving(Leaving::AwaitingProvisional { .. }) => {
                let State::Leaving(Leaving::AwaitingProvisional { id, cause, .. }) = leg.take_state() else {
                    return;
                };
                leg.state = State::Leaving(self.cancel_ours(now, transaction, id, cause, out));
            }
            State::Resolving { .. } | State::Invited(_) | State::Established(_) | State::Leaving(_) => {}
        }
    }

    /// A 2xx that was not acknowledged before.
    fn accepted(
        &mut self,
        now: Now,
        leg: &mut Leg,
        transaction: TransactionId,
        response: &Response,
        came: Path,
        out: &mut Vec<Output>,
    ) {
        match leg.take_state() {
            State::Calling { placed, heard, .. } => {
                let Some(mut dialog) = self.dialog_with(&placed, response, came) else {
                    // Not even its To can be read: there is nothing to acknowledge.
                    return leg.leave_at_once(EndCause::InternalError, out);
                };
                if leg.waiting().is_some_and(|first| !is_of(&dialog, first)) {
                    // Who answered first is who we talk with, also while his name is looked up.
                    leg.state = State::Calling { placed, transaction, heard };
                    return self.acknowledge_and_leave(now, leg, transaction, response, came, out);
                }
                let asked = (&placed.invite.uri, &mut dialog);
                if self.waits_for_lookup(leg, asked, (transaction, response, came), out) {
                    // It has answered: nobody's patience with its silence runs out any more.
                    let heard = match heard {
                        Heard::Nothing { .. } => Heard::Nothing { until: None },
                        heard @ Heard::Provisional(_) => heard,
                    };
                    return leg.state = State::Calling { placed, transaction, heard };
                }
                // A 2xx of the same dialog that waits for a name waits no more: this one took its place.
                drop(leg.take_waiting());
                self.established(now, leg, (transaction, dialog), (*placed, heard), response, out);
            }
            // The 2xx of a dialog we have: of a re-INVITE we no longer wait for, or one whose ACK we have
            // forgotten.
            State::Established(mut established) if is_of(&established.dialog, response) => {
                // One whose ACK waits for the call's answer is acknowledged then.
                let owes = matches!(&established.exchange,
                    Exchange::OwingAck { transaction: ours, .. } if *ours == transaction);
                if !owes && let Ok(cseq) = response.headers.cseq() {
                    self.acknowledge(leg, transaction, &mut established.dialog, (cseq.number, None), out);
                }
                leg.state = State::Established(established);
            }
            State::Leaving(Leaving::Over(mut over))
                if over.dialog.as_ref().is_some_and(|dialog| is_of(dialog, response)) =>
            {
                if let (Some(dialog), Ok(cseq)) = (&mut over.dialog, response.headers.cseq()) {
                    self.acknowledge(leg, transaction, dialog, (cseq.number, None), out);
                }
                leg.state = State::Leaving(Leaving::Over(over));
            }
            // Another branch of the fork, or one that crossed our CANCEL: nobody wants it any more.
            state => {
                leg.state = match state {
                    State::Leaving(Leaving::AwaitingProvisional { .. } | Leaving::AwaitingFinal { .. }) => {
                        State::Leaving(Over::nothing())
                    }
                    state => state,
                };
                self.acknowledge_and_leave(now, leg, transaction, response, came, out);
            }
        }
    }

    /// The first 2xx: whoever sent it is who we talk with.
    fn established(
        &mut self,
        now: Now,
        leg: &mut Leg,
        (transaction, mut dialog): (TransactionId, Dialog),
        (placed, heard): (Placed, Heard),
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let early = match heard {
            Heard::Provisional(mut progress) => {
                let early = progress.early.take(&dialog.id.remote_tag);
                self.drop_branches(now, progress.early, out);
                early
            }
            Heard::Nothing { .. } => None,
        };
        let cseq = dialog.invited_cseq();
        let mut ours = Some(placed.invite.body.clone()).filter(|offer| !offer.is_empty());
        let mut exchange = Exchange::Idle;
        let mut told = sdp_of(response);
        let mut is_offer = placed.invite.body.is_empty() && told.is_some();
        if let Some(early) = early {
            dialog.continue_from(&early.dialog);
            if early.exchange.is_settled() {
                // What was agreed reliably stands; SDP in the 2xx is a copy of it or nothing.
                is_offer = false;
                told = early.sdp.or(told);
            } else {
                // Some gateways answer the offer in a 183 and leave it out of the 200.
                told = told.or(early.sdp);
                is_offer = placed.invite.body.is_empty() && told.is_some();
            }
            ours = early.ours.or(ours);
            match early.exchange {
                EarlyExchange::Offering { transaction, offer } => {
                    exchange = Exchange::Offering { transaction, offer, give_up_at: None };
                }
                EarlyExchange::Offered { request } => exchange = Exchange::Offered { request },
                EarlyExchange::Open
                | EarlyExchange::AwaitingPrack
                | EarlyExchange::OwingPrack { .. }
                | EarlyExchange::Settled => {}
            }
        }
        let Some(sdp) = told else {
            let cause = EndCause::Refused { status: 488 };
            self.acknowledge(leg, transaction, &mut dialog, (cseq, None), out);
            self.send_bye(now, leg.id, &mut dialog, cause, out);
            return leg.leave(cause, Over::with(dialog), out);
        };
        if is_offer {
            exchange = Exchange::OwingAck { transaction, cseq };
        } else {
            self.acknowledge(leg, transaction, &mut dialog, (cseq, None), out);
        }
        let mut timer = SessionTimer::new(placed.wish);
        let (interval, refreshes) = placed.wish.agreed_by(&response.headers);
        timer.refreshed(now.mono, interval, refreshes);
        leg.state = State::Established(Box::new(Established::new(dialog, exchange, ours, timer)));
        out.push(Output::Leg { leg: leg.id, event: LegEvent::Answered { sdp } });
    }

    /// ACK, then BYE (§13.2.2.4).
    pub(super) fn acknowledge_and_leave(
        &mut self,
        now: Now,
        leg: &mut Leg,
        transaction: TransactionId,
        response: &Response,
        came: Path,
        out: &mut Vec<Output>,
    ) {
        let neighbour = Neighbour { path: came, host: came.peer.ip().into(), port: Some(came.peer.port()) };
        let contact = String::new();
        let Some(mut dialog) = self.dialog_of(response, &neighbour, contact) else { return };
        let cseq = dialog.invited_cseq();
        self.acknowledge(leg, transaction, &mut dialog, (cseq, None), out);
        self.send_bye(now, leg.id, &mut dialog, EndCause::WeHungUp, out);
    }

    /// The dialog of a 2xx to an INVITE of ours. A registered contact is reached as it registered, whatever
    /// its address.
    pub(super) fn dialog_with(&self, placed: &Placed, response: &Response, came: Path) -> Option<Dialog> {
        let path = placed.path.unwrap_or(came);
        let registered = placed.invite.uri.as_sip().filter(|_| placed.registered);
        let neighbour = match registered {
            Some(uri) => Neighbour { path, host: uri.host.clone(), port: uri.port },
            None => Neighbour { path, host: path.peer.ip().into(), port: Some(path.peer.port()) },
        };
        let user = placed.account.contact_user.as_deref();
        let contact = self.contact_as(path, &placed.invite.uri, user);
        let mut dialog = self.dialog_of(response, &neighbour, contact)?;
        dialog.prover = placed.prover.clone();
        if let Some(prover) = &mut dialog.prover {
            prover.accepted();
        }
        Some(dialog)
    }

    /// A refusal; the transaction has acknowledged it.
    fn refused(
        &mut self,
        now: Now,
        mut leg: Leg,
        transaction: TransactionId,
        response: &Response,
        out: &mut Vec<Output>,
    ) {
        let status = response.status;
        self.drop_early(now, &mut leg, out);
        if let State::Calling { placed, transaction: ours, .. } = &mut leg.state
            && *ours == transaction
            && is_challenged(placed, response)
            && let State::Calling { placed, .. } = leg.take_state()
            && let Some(path) = placed.path
        {
            return self.call(now, leg.id, placed, path, out);
        }
        match leg.take_state() {
            State::Calling { mut placed, .. }
                if status == 422 && placed.wish.raised_by(&response.headers).is_some() =>
            {
                placed.wish = placed.wish.raised_by(&response.headers).unwrap_or(placed.wish);
                return self.call_again(now, leg.id, placed, out);
            }
            State::Calling { placed, .. } if status == 503 && !placed.targets.is_empty() => {
                // The refused attempt's transaction outlives it and needs no leg.
                return self.call_next(now, leg.id, placed, Failure::Refused(status), out);
            }
            State::Calling { .. } => {
                out.extend(elsewhere(response).map(|event| Output::Leg { leg: leg.id, event }));
                leg.leave_at_once(EndCause::Refused { status }, out);
            }
            State::Leaving(Leaving::AwaitingProvisional { .. } | Leaving::AwaitingFinal { .. }) => {}
            state => leg.state = state,
        }
        self.legs.put(leg, &self.transactions);
    }
}

/// Whether a refusal asks who we are and we can say so; then the INVITE has its next number (§22.2).
fn is_challenged(placed: &mut Placed, response: &Response) -> bool {
    let Some(prover) = &mut placed.prover else { return false };
    let is_challenged = prover.is_challenged(response);
    if is_challenged && let Ok(cseq) = placed.invite.headers.cseq() {
        let next = CSeq { number: cseq.number + 1, method: cseq.method };
        placed.invite.headers.set(Name::CSeq, next.to_wire());
    }
    is_challenged
}

/// When or where a refusal says to try instead (§20.33, §21.3).
fn elsewhere(response: &Response) -> Option<LegEvent> {
    let retry_after = response.headers.retry_after().ok().flatten();
    let contacts = match response.headers.contacts() {
        Ok(Contacts::These(contacts)) if (300..400).contains(&response.status) => contacts,
        _ => Vec::new(),
    };
    if retry_after.is_none() && contacts.is_empty() {
        return None;
    }
    let contacts = contacts.iter().take(CONTACTS_MAX).map(|contact| contact.uri.to_wire());
    let retry_after = retry_after.map(|secs| Duration::from_secs(secs.into()));
    Some(LegEvent::Elsewhere { retry_after, contacts: contacts.collect() })
}

/// Whether a response comes from the far end of this dialog.
fn is_of(dialog: &Dialog, response: &Response) -> bool {
    response.headers.to().is_ok_and(|to| to.tag().unwrap_or_default() == dialog.id.remote_tag)
}
