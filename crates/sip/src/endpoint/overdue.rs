//! What did not come in time, or cannot come any more: answers to our requests, ACKs to our 2xx, the final
//! answer after a CANCEL (RFC 3261 §9.1, §12.2.1.2, §13.3.1.4).

use primitives::Now;

use super::legs::{Established, Heard, Leaving, Leg, Over, State};
use super::{Endpoint, Output, Release};
use crate::dialog::{Exchange, Overdue};
use crate::leg::{EndCause, LegId};
use crate::transaction::layer::TransactionId;

/// Why a target did not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// Timer B or F.
    NoResponse,
    /// No connection, or it was lost.
    Unreachable,
    /// It refused.
    Refused(u16),
}

impl Failure {
    /// What the call is told.
    pub(super) const fn cause(self) -> EndCause {
        match self {
            Self::NoResponse => EndCause::NoResponse,
            Self::Unreachable => EndCause::Unreachable,
            Self::Refused(status) => EndCause::Refused { status },
        }
    }
}

impl Endpoint {
    /// A request of ours was given up: Timer B or F, or its connection is gone.
    pub(super) fn transaction_failed(
        &mut self,
        now: Now,
        id: LegId,
        transaction: TransactionId,
        failure: Failure,
        out: &mut Vec<Output>,
    ) {
        let Some(mut leg) = self.legs.take(id) else { return };
        if matches!(&leg.state, State::Calling { transaction: ours, .. } if *ours == transaction) {
            self.drop_early(now, &mut leg, out);
        }
        match leg.take_state() {
            State::Calling { placed, transaction: ours, .. } if ours == transaction => {
                if !placed.targets.is_empty() {
                    return self.call_next(now, id, placed, failure, out);
                }
                leg.leave_at_once(failure.cause(), out);
            }
            State::Established(mut established) => {
                let before = std::mem::replace(&mut established.exchange, Exchange::Idle);
                let offer = match before {
                    Exchange::Offering { transaction: ours, offer, .. } if ours == transaction => Some(offer),
                    before => {
                        established.exchange = before;
                        None
                    }
                };
                let is_refresh = established.refreshing == Some(transaction);
                if is_refresh {
                    established.refreshing = None;
                }
                leg.state = State::Established(established);
                if let State::Established(established) = &mut leg.state {
                    self.referrer_heard(now, id, established, transaction, None, out);
                }
                match offer {
                    Some(offer) if failure == Failure::Unreachable => {
                        self.offer_unreachable(now, &mut leg, offer, out);
                    }
                    None if !is_refresh || failure != Failure::NoResponse => {}
                    _ => self.lose_dialog(now, &mut leg, out),
                }
            }
            State::Leaving(
                Leaving::AwaitingProvisional { transaction: ours, .. }
                | Leaving::AwaitingFinal { transaction: ours, .. },
            ) if ours == transaction => {}
            state @ (State::Invited(_) | State::Calling { .. }) => {
                leg.state = state;
                leg.early_offer_over(transaction, false);
                self.go_on(now, &mut leg, out);
            }
            state => leg.state = state,
        }
        self.legs.put(leg, &self.transactions);
    }

    /// A deadline of the leg's own has passed.
    pub(super) fn leg_timeout(&mut self, now: Now, id: LegId, out: &mut Vec<Output>) {
        let Some(mut leg) = self.legs.take(id) else { return };
        if matches!(&leg.state, State::Calling { heard: Heard::Nothing { until: Some(until) }, .. }
            if now.mono >= *until)
        {
            return self.no_first_response(now, leg, out);
        }
        self.session_alarm(now, &mut leg, out);
        self.give_up_ringing(now, &mut leg, out);
        self.give_up_offer(now, &mut leg, out);
        let overdue = match &mut leg.state {
            State::Established(established) => match &mut established.exchange {
                Exchange::Accepted { awaiting, .. } => awaiting.handle_timeout(now.mono),
                Exchange::Glared { offer, again_at } if now.mono >= *again_at => {
                    established.queued = Some(offer.clone());
                    established.exchange = Exchange::Idle;
                    self.offer_queued(now, id, established, out);
                    Overdue::Nothing
                }
                _ => Overdue::Nothing,
            },
            State::Invited(invitation) => {
                if self.repeat_reliable(now, invitation, out) {
                    self.remind(now, invitation, out);
                } else {
                    leg.leave_at_once(EndCause::NoResponse, out);
                }
                Overdue::Nothing
            }
            State::Leaving(Leaving::AwaitingAck { awaiting, .. }) => awaiting.handle_timeout(now.mono),
            State::Leaving(Leaving::AwaitingFinal { give_up_at, transaction, .. })
                if now.mono >= *give_up_at =>
            {
                // The CANCEL had no effect: the INVITE is as good as over (§9.1).
                self.transactions.forget(*transaction);
                leg.state = State::Leaving(Over::nothing());
                Overdue::Nothing
            }
            State::Leaving(Leaving::Over(over)) => {
                let unfinished = over.unfinished.take_if(|(_, give_up_at)| now.mono >= *give_up_at);
                if let Some((transaction, _)) = unfinished {
                    self.transactions.forget(transaction);
                }
                Overdue::Nothing
            }
            _ => Overdue::Nothing,
        };
        match overdue {
            Overdue::Nothing => {}
            Overdue::Repeat(path, bytes) => {
                out.push(Output::Send { path, bytes, release: Release::AtOnce });
            }
            Overdue::GiveUp if matches!(leg.state, State::Leaving(_)) => {
                self.bye_after_ack(now, &mut leg, out);
            }
            Overdue::GiveUp => self.unacknowledged(now, &mut leg, out),
        }
        self.legs.put(leg, &self.transactions);
    }

    /// A target said nothing for as long as the call has patience: the next is called. What went to it goes on
    /// as a leg of its own, so that a late answer finds a CANCEL or a BYE and nobody's telephone rings on.
    fn no_first_response(&mut self, now: Now, mut leg: Leg, out: &mut Vec<Output>) {
        let State::Calling { mut placed, transaction, .. } = leg.take_state() else { return };
        let cause = EndCause::NoResponse;
        let late = Leaving::AwaitingProvisional { transaction, id: placed.id.clone(), cause };
        if placed.targets.is_empty() {
            leg.leave(cause, late, out);
            return self.legs.put(leg, &self.transactions);
        }
        let behind = self.legs.next_id();
        self.transactions.reassign(transaction, behind);
        self.legs.put(Leg::new(behind, State::Leaving(late)), &self.transactions);
        self.rename(&mut placed);
        self.call_next(now, leg.id, placed, Failure::NoResponse, out);
    }

    /// Our re-INVITE was taken up and never answered: timer C, as if by 408 (§16.8).
    fn give_up_offer(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let State::Established(established) = &leg.state else { return };
        if let Exchange::Offering { transaction, give_up_at: Some(at), .. } = established.exchange
            && now.mono >= at
        {
            self.transactions.cancel(now.mono, transaction, None, out);
            self.lose_dialog(now, leg, out);
        }
    }

    /// Nobody acknowledged our 2xx: the session is ended with a BYE (§13.3.1.4).
    fn unacknowledged(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        if let State::Established(established) = leg.take_state() {
            let Established { mut dialog, refer, .. } = *established;
            self.drop_refer(now, refer, out);
            self.send_bye(now, leg.id, &mut dialog, EndCause::NoResponse, out);
            leg.leave(EndCause::NoResponse, Over::with(dialog), out);
        }
    }
}
