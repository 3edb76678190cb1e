//! What the call wants of a leg: of one that came to us (RFC 3261 §13.3.1), and to hang up whatever its
//! state (§15).

use std::time::Duration;

use bytes::Bytes;
use primitives::Now;

use super::legs::{Established, Heard, Invitation, Leaving, Leg, Over, State};
use super::reply::{Arrived, Reply};
use super::send::reason;
use super::{Endpoint, Output};
use crate::Release;
use crate::dialog::{Confirms, Dialog, DialogId, Exchange, Unacknowledged};
use crate::digest::Staleness;
use crate::leg::{EndCause, LegCommand, LegId, Refusal};
use crate::transaction::layer::TransactionId;

/// How often a caller's proxies hear that his call still rings: without, the first of them gives up after
/// three minutes (§13.3.1.1, §16.6 step 11).
const REMIND_EVERY: Duration = Duration::from_secs(60);

impl Endpoint {
    /// Does what the call wants, if the leg's state still lets it.
    pub(super) fn command(&mut self, now: Now, id: LegId, command: LegCommand, out: &mut Vec<Output>) {
        let Some(mut leg) = self.legs.take(id) else { return };
        match (&mut leg.state, command) {
            (State::Leaving(_), _) => {}
            (_, LegCommand::HangUp { cause }) => self.hang_up(now, &mut leg, cause, out),
            (State::Invited(invitation), LegCommand::Ring) => {
                self.progress(now, invitation, Reply::after_facts(180), out);
            }
            (State::Invited(invitation), LegCommand::Progress { sdp }) => {
                self.progress(now, invitation, Reply::after_facts(183).with_sdp(sdp), out);
            }
            (State::Invited(_), LegCommand::Answer { sdp }) => self.answer(now, &mut leg, sdp, out),
            (State::Invited(invitation), LegCommand::Reject(refusal)) => {
                let (status, reply) = rejection(&refusal);
                self.decline(now, invitation, reply, out);
                leg.leave_at_once(EndCause::WeRefused { status }, out);
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
            (State::Established(established), LegCommand::Accept { sdp }) => {
                self.accept_offer(now, established, sdp, out);
            }
            (State::Established(established), LegCommand::Reject(refusal)) => {
                let (_, reply) = rejection(&refusal);
                self.reject_offer(now, id, established, reply, out);
            }
            (
                State::Resolving { .. } | State::Calling { .. } | State::Invited(_) | State::Established(_),
                _,
            ) => {}
        }
        self.legs.put(leg, &self.transactions);
    }

    /// A provisional response with what makes an early dialog (§12.1.1).
    fn progress(&mut self, now: Now, invitation: &mut Invitation, reply: Reply, out: &mut Vec<Output>) {
        invitation.remind_at = Some(now.mono + REMIND_EVERY);
        let Invitation { arrived, dialog, .. } = invitation;
        let reply = reply.opening_dialog(&arrived.request, dialog.contact());
        self.reply(now, arrived, &dialog.id.local_tag, reply, out);
    }

    /// Says again that it rings, or plays.
    pub(super) fn remind(&mut self, now: Now, invitation: &mut Invitation, out: &mut Vec<Output>) {
        if invitation.remind_at.is_some_and(|at| now.mono >= at) {
            invitation.remind_at = Some(now.mono + REMIND_EVERY);
            self.transactions.repeat(invitation.arrived.transaction, out);
        }
    }

    /// A final response other than 2xx.
    pub(super) fn decline(&mut self, now: Now, invitation: &Invitation, reply: Reply, out: &mut Vec<Output>) {
        self.reply(now, &invitation.arrived, &invitation.dialog.id.local_tag, reply, out);
    }

    fn answer(&mut self, now: Now, leg: &mut Leg, sdp: Bytes, out: &mut Vec<Output>) {
        leg.state = match leg.take_state() {
            State::Invited(invitation) => {
                let Invitation { arrived, dialog, offerer, .. } = *invitation;
                let awaiting = self.send_ok(now, &arrived, &dialog, sdp, out);
                let exchange = Exchange::Accepted { awaiting, confirms: Confirms::Dialog(offerer) };
                State::Established(Box::new(Established { dialog, exchange, queued: None }))
            }
            state => state,
        };
    }

    /// Sends 200 to an INVITE, to be repeated until its ACK comes.
    pub(super) fn send_ok(
        &mut self,
        now: Now,
        arrived: &Arrived,
        dialog: &Dialog,
        sdp: Bytes,
        out: &mut Vec<Output>,
    ) -> Unacknowledged {
        let reply = Reply::after_facts(200)
            .opening_dialog(&arrived.request, dialog.contact())
            .with_allow()
            .with_sdp(sdp);
        let ok = self.reply(now, arrived, &dialog.id.local_tag, reply, out);
        let cseq = arrived.request.headers.cseq().map(|cseq| cseq.number).unwrap_or_default();
        Unacknowledged::new(now.mono, self.config.timers, cseq, arrived.answers, ok)
    }

    /// Ends a leg and tells the call at once: nothing the far end says to it changes anything.
    fn hang_up(&mut self, now: Now, leg: &mut Leg, cause: EndCause, out: &mut Vec<Output>) {
        let id = leg.id;
        let leaving = match leg.take_state() {
            State::Resolving { .. } => Over::nothing(),
            State::Calling { placed, transaction, heard: Heard::Nothing { .. } } => {
                Leaving::AwaitingProvisional { transaction, id: placed.id, cause }
            }
            State::Calling { placed, transaction, heard: Heard::Provisional { .. } } => {
                self.cancel_ours(now, transaction, placed.id, cause, out)
            }
            State::Invited(invitation) => {
                self.decline(now, &invitation, Reply::after_facts(refusal_for(cause)), out);
                Over::nothing()
            }
            State::Established(established) => self.leave_dialog(now, id, *established, cause, out),
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
        leg: LegId,
        established: Established,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) -> Leaving {
        let Established { mut dialog, exchange, .. } = established;
        let mut unfinished = None;
        match exchange {
            // Who was called must not send a BYE before the ACK (§15).
            Exchange::Accepted { awaiting, confirms: Confirms::Dialog(_) } => {
                return Leaving::AwaitingAck { dialog: Box::new(dialog), awaiting, cause };
            }
            Exchange::Offered { invite } => {
                self.reply(now, &invite, "", Reply::after_facts(487), out);
            }
            Exchange::Offering { transaction, .. } => {
                unfinished = Some((transaction, now.mono + self.config.timers.b()));
            }
            Exchange::Idle
            | Exchange::Glared { .. }
            | Exchange::Accepted { confirms: Confirms::Reinvite(_), .. } => {}
        }
        self.send_bye(now, leg, &mut dialog, cause, out);
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
        EndCause::WeHungUp | EndCause::OtherLegEnded | EndCause::NoResponse | EndCause::Unreachable => 480,
    }
}
