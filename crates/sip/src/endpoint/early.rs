//! Early dialogs of an INVITE of ours: what each branch says before anybody answers (RFC 3261 §13.2.2.1, RFC
//! 3262 §4), and how long that may go on (§16.6 timer C).

use std::time::{Duration, Instant};

use bytes::Bytes;
use primitives::Now;

use super::legs::{Heard, Leg, Placed, Progress, State};
use super::reliable::reliable_rseq;
use super::send::sdp_of;
use super::{Endpoint, Output};
use crate::dialog::{EarlyDialogs, EarlyExchange};
use crate::leg::{EndCause, LegEvent, LegId};
use crate::message::Response;
use crate::path::Path;

/// Timer C: how long an INVITE may go without another provisional response once it had one.
pub(super) const TIMER_C: Duration = Duration::from_secs(180);

impl Progress {
    /// Nothing but that somebody works on it.
    pub(super) fn begun(now: Instant) -> Self {
        Self { rings: false, sdp: None, early: EarlyDialogs::default(), give_up_at: now + TIMER_C }
    }
}

impl Endpoint {
    /// A provisional response to an INVITE of ours. What is news of it the call is told, once each.
    pub(super) fn note_provisional(
        &mut self,
        now: Now,
        leg: LegId,
        (placed, heard): (&Placed, &mut Heard),
        (response, came): (&Response, Path),
        out: &mut Vec<Output>,
    ) {
        if let Heard::Nothing { .. } = heard {
            *heard = Heard::Provisional(Box::new(Progress::begun(now.mono)));
        }
        let Heard::Provisional(progress) = heard else { return };
        if response.status == 100 {
            return;
        }
        progress.give_up_at = now.mono + TIMER_C;
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        if !tag.is_empty()
            && !progress.early.has(&tag)
            && let Some(dialog) = self.dialog_with(placed, response, came)
        {
            progress.early.add(dialog);
        }
        let rseq = reliable_rseq(response);
        let sdp = match progress.early.of(&tag) {
            Some(early) => {
                if rseq.is_some_and(|rseq| !early.order.is_next(rseq)) {
                    return;
                }
                early.dialog.learn(&response.headers);
                let sdp = sdp_of(response).filter(|_| !early.exchange.is_settled());
                let is_offer = placed.invite.body.is_empty();
                match (rseq, &sdp) {
                    (None, Some(_)) if is_offer => {}
                    (None, _) => early.sdp = sdp.clone().or_else(|| early.sdp.take()),
                    (Some(rseq), Some(offer)) if is_offer => {
                        early.exchange = EarlyExchange::OwingPrack { rseq };
                        early.sdp = Some(offer.clone());
                    }
                    (Some(rseq), sdp) => {
                        if let Some(answer) = sdp {
                            early.exchange = EarlyExchange::Settled;
                            early.sdp = Some(answer.clone());
                        }
                        self.send_prack(now, leg, &mut early.dialog, (rseq, None), out);
                    }
                }
                // Without our offer, SDP in an unreliable response is nothing at all (RFC 3261 §13.2.1).
                sdp.filter(|_| !is_offer || rseq.is_some())
            }
            // A stranger to be acknowledged: it will give up, and an INVITE has other branches.
            None if rseq.is_some() => return,
            None => sdp_of(response).filter(|_| !placed.invite.body.is_empty()),
        };
        tell(leg, progress, sdp, out);
    }

    /// Timer C: nobody has said anything for too long. As if it had been refused with 408 (§16.8).
    pub(super) fn give_up_ringing(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        if !matches!(&leg.state, State::Calling { heard: Heard::Provisional(progress), .. }
            if now.mono >= progress.give_up_at)
        {
            return;
        }
        self.drop_early(now, leg, out);
        match leg.take_state() {
            State::Calling { placed, transaction, .. } => {
                let cause = EndCause::Refused { status: 408 };
                let leaving = self.cancel_ours(now, transaction, placed.id, EndCause::NoResponse, out);
                leg.leave(cause, leaving, out);
            }
            state => leg.state = state,
        }
    }

    /// The call answers the offer of a reliable response; the PRACK takes it there.
    pub(super) fn answer_early_offer(
        &mut self,
        now: Now,
        leg: &mut Leg,
        answer: Bytes,
        out: &mut Vec<Output>,
    ) -> bool {
        let id = leg.id;
        let State::Calling { heard: Heard::Provisional(progress), .. } = &mut leg.state else { return false };
        let owing = progress.early.newest(|early| matches!(early.exchange, EarlyExchange::OwingPrack { .. }));
        let Some(early) = owing else { return false };
        if let EarlyExchange::OwingPrack { rseq } = early.exchange {
            early.exchange = EarlyExchange::Settled;
            early.ours = Some(answer.clone());
            self.send_prack(now, id, &mut early.dialog, (rseq, Some(answer)), out);
        }
        true
    }

    /// No branch of our INVITE is waited for any more.
    pub(super) fn drop_early(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        if let State::Calling { heard: Heard::Provisional(progress), .. } = &mut leg.state {
            let all = std::mem::take(&mut progress.early);
            self.drop_branches(now, all, out);
        }
    }

    /// The branches of a fork that lose leave nothing of theirs unanswered.
    pub(super) fn drop_branches(&mut self, now: Now, losing: EarlyDialogs, out: &mut Vec<Output>) {
        for early in losing.into_iter() {
            if let EarlyExchange::Offered { request } = early.exchange {
                self.reply(now, &request, "", super::reply::Reply::after_facts(481), out);
            }
        }
    }
}

fn tell(leg: LegId, progress: &mut Progress, sdp: Option<Bytes>, out: &mut Vec<Output>) {
    match sdp {
        Some(sdp) if progress.sdp.as_ref() != Some(&sdp) => {
            progress.sdp = Some(sdp.clone());
            out.push(Output::Leg { leg, event: LegEvent::Progress { sdp } });
        }
        None if !progress.rings => {
            progress.rings = true;
            out.push(Output::Leg { leg, event: LegEvent::Ringing });
        }
        Some(_) | None => {}
    }
}
