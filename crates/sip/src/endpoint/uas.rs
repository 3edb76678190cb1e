//! What the call wants of a leg: of one that came to us (RFC 3261 §13.3.1), and to hang up whatever its
//! state (§15).

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::legs::{Established, Heard, Invitation, Leaving, Leg, Over, Reliability, State};
use super::reply::{Arrived, Reply};
use super::send::reason;
use super::{Endpoint, Output};
use crate::Release;
use crate::dialog::{
    Confirms, Dialog, DialogId, EarlyExchange, Exchange, Offerer, SessionTimer, Unacknowledged, Wish,
};
use crate::digest::Staleness;
use crate::leg::{EndCause, LegCommand, LegId, Refusal};
use crate::transaction::layer::TransactionId;

/// How often a caller's proxies hear that his call still rings: without, the first of them gives up after
/// three minutes (§13.3.1.1, §16.6 step 11).
pub(super) const REMIND_EVERY: Duration = Duration::from_secs(60);

impl Endpoint {
    /// Does what the call wants, if the leg's state still lets it.
    pub(super) fn command(&mut self, now: Now, id: LegId, command: LegCommand, out: &mut Vec<Output>) {
        let Some(mut leg) = self.legs.take(id) else { return };
        match (&mut leg.state, command) {
            (State::Leaving(_), _) => {}
            (_, LegCommand::HangUp { cause }) => self.hang_up(now, &mut leg, cause, out),
            (State::Invited(invitation), LegCommand::Ring) => {
                self.progress(now, invitation, 180, None, out);
            }
            (State::Invited(invitation), LegCommand::Progress { sdp }) => {
                self.progress(now, invitation, 183, Some(sdp), out);
            }
            (State::Invited(_), LegCommand::Answer { sdp }) => self.answer(now, &mut leg, sdp, out),
            (State::Invited(_) | State::Calling { .. }, LegCommand::Accept { sdp }) => {
                self.accept_early(now, &mut leg, sdp, out);
            }
            (State::Invited(_) | State::Calling { .. }, LegCommand::Reject(refusal)) => {
                self.reject(now, &mut leg, &refusal, out);
            }
            (State::Calling { .. }, LegCommand::Offer { sdp }) => {
                self.offer_to_branch(now, &mut leg, sdp, out)
            }
            (State::Invited(invitation), LegCommand::Offer { sdp }) => {
                invitation.queued = Some(sdp);
                self.offer_early(now, &mut leg, out);
            }
            (State::Invited(invitation), LegCommand::Challenge(_)) => {
                let reply =
                    self.challenge(now, invitation.arrived.came, Staleness::Fresh, Release::AfterFacts);
                self.decline(now, invitation, reply, out);
                leg.leave_at_once(EndCause::WeRefused { status: 401 }, out);
            }
            (State::Established(established), LegCommand::Offer { sdp }) => {
                established.queued = Some(sdp);
                self.offer_queued(now, id, established, out);
            }
            (State::Established(_), LegCommand::Accept { sdp }) => {
                self.accept_offer(now, &mut leg, sdp, out);
            }
            (State::Established(established), LegCommand::Reject(refusal)) => {
                let (_, reply) = rejection(&refusal);
                self.reject_offer(now, id, established, reply, out);
            }
            (State::Established(established), command) => {
                self.referral_command(now, id, established, command, out);
            }
            (State::Resolving { .. } | State::Calling { .. } | State::Invited(_), _) => {}
        }
        self.legs.put(leg, &self.transactions);
    }

    /// What the call wants of a REFER.
    fn referral_command(
        &mut self,
        now: Now,
        id: LegId,
        established: &mut Established,
        command: LegCommand,
        out: &mut Vec<Output>,
    ) {
        match command {
            LegCommand::AcceptReferral => self.accept_refer(now, id, established, out),
            LegCommand::RefuseReferral(refusal) => {
                let (_, reply) = rejection(&refusal);
                self.refuse_refer(now, established, reply, out);
            }
            LegCommand::Refer { to } => self.refer(now, id, established, &to, out),
            LegCommand::TellReferrer { status } => self.tell_referrer(now, id, established, status, out),
            _ => {}
        }
    }

    /// Refuses the offer that waits, or else the INVITE.
    fn reject(&mut self, now: Now, leg: &mut Leg, refusal: &Refusal, out: &mut Vec<Output>) {
        let (status, reply) = rejection(refusal);
        let (offer, invite) = (reply.clone(), reply);
        if self.reject_early(now, leg, offer, out) {
            return;
        }
        if let State::Invited(invitation) = &leg.state {
            self.decline(now, invitation, invite, out);
            leg.leave_at_once(EndCause::WeRefused { status }, out);
        }
    }

    /// Says again that it rings, or plays.
    pub(super) fn remind(&mut self, now: Now, invitation: &mut Invitation, out: &mut Vec<Output>) {
        if invitation.remind_at.is_none_or(|at| now.mono < at) {
            return;
        }
        invitation.remind_at = Some(now.mono + REMIND_EVERY);
        if invitation.reliability == Reliability::Required {
            // A repetition would be passed over as one (RFC 3262 §4), and all is to be reliable.
            self.progress(now, invitation, 180, None, out);
        } else {
            self.transactions.repeat(invitation.arrived.transaction, out);
        }
    }

    /// A final response other than 2xx; what else the far end waits for goes with it.
    pub(super) fn decline(&mut self, now: Now, invitation: &Invitation, reply: Reply, out: &mut Vec<Output>) {
        if let EarlyExchange::Offered { request } = &invitation.exchange {
            self.reply(now, request, "", Reply::at_once(481), out);
        }
        self.reply(now, &invitation.arrived, &invitation.dialog.id.local_tag, reply, out);
    }

    /// Answers, as soon as no reliable response with SDP and no other exchange is in the way (RFC 3262 §3).
    pub(super) fn answer(&mut self, now: Now, leg: &mut Leg, sdp: Bytes, out: &mut Vec<Output>) {
        leg.state = match leg.take_state() {
            State::Invited(mut invitation) => {
                if invitation.provisional.holds_answer() || !invitation.exchange.is_quiet() {
                    invitation.answer = Some(sdp);
                    leg.state = State::Invited(invitation);
                    return;
                }
                State::Established(Box::new(self.answered(now, *invitation, sdp, out)))
            }
            state => state,
        };
        let id = leg.id;
        if let State::Established(established) = &mut leg.state {
            self.offer_queued(now, id, established, out);
        }
    }

    fn answered(
        &mut self,
        now: Now,
        invitation: Invitation,
        sdp: Bytes,
        out: &mut Vec<Output>,
    ) -> Established {
        let Invitation { arrived, dialog, offerer, exchange, sdp: said, queued, mut provisional, .. } =
            invitation;
        // What a reliable response has said is agreed; the 2xx says nothing beside it (RFC 6337 §3.1.1).
        let (sdp, agreed, offerer) = match exchange {
            EarlyExchange::Settled => (None, said, Offerer::FarEnd),
            _ => (Some(sdp.clone()), Some(sdp), offerer),
        };
        provisional.finish();
        let mut timer = SessionTimer::new(Wish::of(&self.config));
        let awaiting = self.send_ok(now, (&arrived, &dialog), sdp, &mut timer, out);
        let exchange = Exchange::Accepted { awaiting, confirms: Confirms::Dialog(offerer) };
        let mut established = Established::new(dialog, exchange, agreed, timer);
        established.queued = queued;
        established.provisional = Some(provisional).filter(|it| it.next_rseq().is_none());
        established
    }

    /// Sends 200 to an INVITE, to be repeated until its ACK comes.
    pub(super) fn send_ok(
        &mut self,
        now: Now,
        (arrived, dialog): (&Arrived, &Dialog),
        sdp: Option<Bytes>,
        timer: &mut SessionTimer,
        out: &mut Vec<Output>,
    ) -> Unacknowledged {
        let agreed = self.agreed(&arrived.request.headers);
        timer.refreshed(now.mono, agreed.interval, agreed.refreshes);
        let mut reply = Reply::after_facts(200)
            .opening_dialog(&arrived.request, dialog.contact())
            .with_allow()
            .with_supported()
            .with_session(agreed);
        if let Some(sdp) = sdp {
            reply = reply.with_sdp(sdp);
        }
        let ok = self.reply(now, arrived, &dialog.id.local_tag, reply, out);
        let cseq = arrived.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        Unacknowledged::new(now.mono, self.config.timers, cseq, arrived.answers, ok)
    }

    /// Ends a leg and tells the call at once: nothing the far end says to it changes anything.
    fn hang_up(&mut self, now: Now, leg: &mut Leg, cause: EndCause, out: &mut Vec<Output>) {
        self.drop_early(now, leg, out);
        if let Some((transaction, response, came)) = leg.take_waiting() {
            // It has answered; only its name is still looked up.
            self.acknowledge_and_leave(now, leg, transaction, &response, came, out);
            return leg.leave_at_once(cause, out);
        }
        let leaving = match leg.take_state() {
            State::Resolving { .. } => Over::nothing(),
            State::Calling { placed, transaction, heard: Heard::Nothing { .. } } => {
                Leaving::AwaitingProvisional { transaction, id: placed.id, cause }
            }
            State::Calling { placed, transaction, heard: Heard::Provisional(_) } => {
                self.cancel_ours(now, transaction, placed.id, cause, out)
            }
            State::Invited(invitation) => {
                self.decline(now, &invitation, Reply::after_facts(refusal_for(cause)), out);
                Over::nothing()
            }
            State::Established(established) => self.leave_dialog(now, leg, *established, cause, out),
            // The caller has looked.
            State::Leaving(leaving) => leaving,
        };
        leg.leave(cause, leaving, out);
    }

    /// CANCELs an INVITE of ours that had a provisional answer (§9.1).
    pub(super) fn cancel_ours(
        &mut self,
        now: Now,
        transaction: TransactionId,
        id: DialogId,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) -> Leaving {
        self.transactions.cancel(now.mono, transaction, Some(reason(cause)), out);
        // As long as a request is waited for: then the INVITE is as good as cancelled.
        let give_up_at = now.mono + self.config.timers.b();
        Leaving::AwaitingFinal { transaction, id, give_up_at }
    }

    /// Ends a confirmed dialog from our side (§15.1.1).
    pub(super) fn leave_dialog(
        &mut self,
        now: Now,
        leg: &mut Leg,
        established: Established,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) -> Leaving {
        let mut established = established;
        self.tell_the_last(now, leg.id, &mut established, out);
        let Established { mut dialog, exchange, refer, .. } = established;
        self.drop_refer(now, refer, out);
        let mut unfinished = None;
        match exchange {
            // Who was called must not send a BYE before the ACK (§15).
            Exchange::Accepted { awaiting, confirms: Confirms::Dialog(_) } => {
                return Leaving::AwaitingAck { dialog: Box::new(dialog), awaiting, cause };
            }
            Exchange::Offered { request } => {
                self.reply(now, &request, "", Reply::after_facts(487), out);
            }
            Exchange::Offering { transaction, .. } => {
                unfinished = Some((transaction, now.mono + self.config.timers.b()));
            }
            // Whatever its offer was, it gets its ACK, and then the BYE (RFC 3261 §13.2.2.4).
            Exchange::OwingAck { transaction, cseq } => {
                self.acknowledge(leg, transaction, &mut dialog, (cseq, None), out);
            }
            Exchange::Idle
            | Exchange::Glared { .. }
            | Exchange::Accepted { confirms: Confirms::Reinvite(_), .. } => {}
        }
        self.send_bye(now, leg.id, &mut dialog, cause, out);
        Leaving::Over(Box::new(Over { dialog: Some(dialog), unfinished }))
    }
}

/// The status and answer of a refusal. What is no refusal is answered 500: the caller must not wait for
/// our mistake.
fn rejection(refusal: &Refusal) -> (u16, Reply) {
    let status = if (300..=699).contains(&refusal.status) { refusal.status } else { 500 };
    let reply = Reply::after_facts(status);
    (
        status,
        match refusal.retry_after {
            Some(wait) => reply.retry_after(wait),
            None => reply,
        },
    )
}

/// How an INVITE that we have not answered is refused when the call ends for this cause.
const fn refusal_for(cause: EndCause) -> u16 {
    match cause {
        EndCause::Cancelled | EndCause::FarEndHungUp => 487,
        // What the other leg was refused with is passed on, unless it asks for something only we could
        // have done: authenticate, look elsewhere.
        EndCause::Refused { status } | EndCause::WeRefused { status } => match status {
            401 | 407 | 0..=399 | 700.. => 480,
            status => status,
        },
        EndCause::InternalError => 500,
        EndCause::WeHungUp
        | EndCause::OtherLegEnded
        | EndCause::AnsweredElsewhere
        | EndCause::NoResponse
        | EndCause::Unreachable => 480,
    }
}
