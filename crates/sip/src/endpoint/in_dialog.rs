//! Requests of the far end inside a dialog (RFC 3261 §12.2.2, §15.1.2; RFC 6086), and the ACK to our 2xx.

use std::time::Duration;

use primitives::{Now, Private};

use super::invited::sdp;
use super::legs::{Established, Heard, Leaving, Leg, Over, State};
use super::receive::capabilities;
use super::reply::{Arrived, Reply};
use super::{Discarded, Endpoint, Output};
use crate::dialog::{Confirms, Dialog, DialogId, Exchange, Offerer};
use crate::header::Name;
use crate::leg::{EndCause, LegEvent};
use crate::message::{Method, Request};
use crate::transaction::key::ServerKey;
use crate::transaction::layer::News;

/// The bodies an INFO may bring.
const INFO_TYPES: &str = "application/dtmf-relay, application/dtmf";

impl Endpoint {
    /// A request with a To tag: for the leg that has it, or for nobody.
    pub(super) fn receive_in_dialog(
        &mut self,
        now: Now,
        id: &DialogId,
        arrived: Arrived,
        out: &mut Vec<Output>,
    ) {
        let found = self.legs.of_dialog(id).or_else(|| self.legs.of_dialog(&id.unanswered()));
        let Some(mut leg) = found.and_then(|leg| self.legs.take(leg)) else {
            self.reply(now, &arrived, "", Reply::at_once(481), out);
            return;
        };
        if let Some(dialog) = leg.dialog_mut(id)
            && !arrived.request.headers.cseq().is_ok_and(|cseq| dialog.is_next(cseq.number))
        {
            // Overtaken by a later one (§12.2.2).
            self.reply(now, &arrived, "", Reply::at_once(500).retry_after(Duration::from_secs(1)), out);
            return self.legs.put(leg, &self.transactions);
        }
        match arrived.request.method {
            Method::Bye => self.receive_bye(now, &mut leg, id, &arrived, out),
            Method::Invite => self.receive_invite_in_dialog(now, &mut leg, arrived, out),
            Method::Prack => self.receive_prack(now, &mut leg, arrived, out),
            Method::Update => self.receive_update(now, &mut leg, id, arrived, out),
            Method::Options | Method::Info if leg.is_leaving() => {
                self.reply(now, &arrived, "", Reply::at_once(481), out);
            }
            Method::Options => {
                self.reply(now, &arrived, "", capabilities(), out);
            }
            Method::Info => self.receive_info(now, &leg, &arrived, out),
            Method::Refer => self.receive_refer(now, &mut leg, arrived, out),
            Method::Notify => self.receive_notify(now, &leg, &arrived, out),
            Method::Subscribe => self.resubscribe_referrer(now, &mut leg, &arrived, out),
            _ => {
                self.reply(now, &arrived, "", Reply::at_once(405).with_allow(), out);
            }
        }
        self.legs.put(leg, &self.transactions);
    }

    fn receive_invite_in_dialog(&mut self, now: Now, leg: &mut Leg, arrived: Arrived, out: &mut Vec<Output>) {
        let id = leg.id;
        let reply = match &mut leg.state {
            State::Established(established) => {
                return self.receive_reinvite(now, id, established, arrived, out);
            }
            // The INVITE that opened the dialog has no answer yet (§14.2).
            State::Invited(_) => Reply::at_once(500).retry_after(Duration::from_secs(1)),
            State::Resolving { .. } | State::Calling { .. } => Reply::at_once(491),
            State::Leaving(_) => Reply::at_once(481),
        };
        self.reply(now, &arrived, "", reply, out);
    }

    /// The far end hangs up (§15.1.2).
    fn receive_bye(&mut self, now: Now, leg: &mut Leg, id: &DialogId, bye: &Arrived, out: &mut Vec<Output>) {
        let knows_tag = match &leg.state {
            State::Calling { heard: Heard::Provisional(progress), .. } => progress.early.has(&id.remote_tag),
            State::Calling { .. } | State::Resolving { .. } => false,
            State::Invited(_) | State::Established(_) | State::Leaving(_) => true,
        };
        if !knows_tag {
            self.reply(now, bye, "", Reply::at_once(481), out);
            return;
        }
        self.reply(now, bye, "", Reply::after_facts(200), out);
        let reason = bye.request.headers.reason();
        self.drop_early(now, leg, out);
        match leg.take_state() {
            State::Invited(invitation) => {
                self.decline(now, &invitation, Reply::after_facts(487), out);
                leg.leave_for(EndCause::Cancelled, reason, Over::nothing(), out);
            }
            State::Established(established) => {
                let Established { dialog, exchange, refer, .. } = *established;
                self.drop_refer(now, refer, out);
                let mut over = Over { dialog: Some(dialog), unfinished: None };
                match exchange {
                    Exchange::Offered { request } => {
                        self.reply(now, &request, "", Reply::after_facts(487), out);
                    }
                    Exchange::Offering { transaction, .. } => {
                        over.unfinished = Some((transaction, now.mono + self.config.timers.b()));
                    }
                    Exchange::Idle
                    | Exchange::Glared { .. }
                    | Exchange::Accepted { .. }
                    | Exchange::OwingAck { .. } => {}
                }
                leg.leave_for(EndCause::FarEndHungUp, reason, Leaving::Over(Box::new(over)), out);
            }
            // Who was called gives up before we have seen his answer: it was lost.
            State::Calling { placed, transaction, .. } => {
                let cause = EndCause::FarEndHungUp;
                let leaving = self.cancel_ours(now, transaction, placed.id, cause, out);
                leg.leave_for(cause, reason, leaving, out);
            }
            // Both hung up at once: our BYE is out, or need not be sent any more.
            State::Leaving(Leaving::AwaitingAck { dialog, .. }) => {
                leg.state = State::Leaving(Over::with(*dialog));
            }
            state @ (State::Leaving(_) | State::Resolving { .. }) => leg.state = state,
        }
    }

    /// A key, perhaps.
    fn receive_info(&mut self, now: Now, leg: &Leg, info: &Arrived, out: &mut Vec<Output>) {
        let reply = match key_of(&info.request) {
            Ok(Some(key)) => {
                let event = LegEvent::Info { key: Private::new(key) };
                out.push(Output::Leg { leg: leg.id, event });
                Reply::after_facts(200)
            }
            Ok(None) => Reply::at_once(200),
            Err(InfoError::Type) => Reply::at_once(415).with(Name::Accept, INFO_TYPES),
            Err(InfoError::Body) => Reply::at_once(400),
        };
        self.reply(now, info, "", reply, out);
    }

    /// An ACK: to our refusal, and then the transaction's; or to our 2xx, and then the dialog's.
    pub(super) fn receive_ack(
        &mut self,
        now: Now,
        key: &ServerKey,
        dialog: Option<&DialogId>,
        ack: &Request,
        out: &mut Vec<Output>,
    ) {
        if let Some(transaction) = self.transactions.find(key)
            && self.transactions.acknowledge(now.mono, transaction, out) != Some(News::Deliver)
        {
            return;
        }
        let leg = dialog.and_then(|id| self.legs.of_dialog(id)).and_then(|leg| self.legs.take(leg));
        let Some(mut leg) = leg else { return out.push(Output::Dropped(Discarded::StrayRequest)) };
        if let Ok(cseq) = ack.headers.cseq() {
            self.acknowledged(now, &mut leg, cseq.number, ack, out);
        }
        self.legs.put(leg, &self.transactions);
    }

    fn acknowledged(&mut self, now: Now, leg: &mut Leg, cseq: u32, ack: &Request, out: &mut Vec<Output>) {
        let id = leg.id;
        match &mut leg.state {
            State::Established(established) => {
                let Exchange::Accepted { awaiting, confirms } = &established.exchange else { return };
                if awaiting.cseq != cseq {
                    return;
                }
                let answer = sdp(&ack.headers, &ack.body).ok().flatten();
                let event = match confirms {
                    Confirms::Dialog(Offerer::FarEnd) => Some(LegEvent::Confirmed { sdp: None }),
                    Confirms::Dialog(Offerer::Us) | Confirms::Reinvite(Offerer::Us) => {
                        Some(LegEvent::Confirmed { sdp: answer })
                    }
                    Confirms::Reinvite(Offerer::FarEnd) => None,
                };
                out.extend(event.map(|event| Output::Leg { leg: id, event }));
                established.exchange = Exchange::Idle;
                self.offer_queued(now, id, established, out);
            }
            State::Leaving(Leaving::AwaitingAck { awaiting, .. }) if awaiting.cseq == cseq => {
                self.bye_after_ack(now, leg, out);
            }
            State::Resolving { .. } | State::Calling { .. } | State::Invited(_) | State::Leaving(_) => {}
        }
    }

    /// The BYE that had to wait for an ACK, or for the end of waiting.
    pub(super) fn bye_after_ack(&mut self, now: Now, leg: &mut Leg, out: &mut Vec<Output>) {
        let id = leg.id;
        leg.state = match leg.take_state() {
            State::Leaving(Leaving::AwaitingAck { mut dialog, cause, .. }) => {
                self.send_bye(now, id, &mut dialog, cause, out);
                State::Leaving(Over::with(*dialog))
            }
            state => state,
        };
    }
}

impl Leg {
    /// Its dialog of this name, where both ends have one.
    fn dialog_mut(&mut self, id: &DialogId) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Calling { heard: Heard::Provisional(progress), .. } => {
                progress.early.of(&id.remote_tag).map(|early| &mut early.dialog)
            }
            State::Invited(invitation) => Some(&mut invitation.dialog),
            State::Established(established) => Some(&mut established.dialog),
            State::Leaving(Leaving::AwaitingAck { dialog, .. }) => Some(dialog),
            State::Leaving(Leaving::Over(over)) => over.dialog.as_mut(),
            State::Resolving { .. } | State::Calling { .. } | State::Leaving(_) => None,
        }
    }

    const fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving(_))
    }
}

/// Why an INFO brings no key.
enum InfoError {
    /// A body we do not know.
    Type,
    /// One we know and that says nothing.
    Body,
}

/// The key an INFO brings. `None` for one without body (a keep-alive of some phones) and for a hook flash.
fn key_of(info: &Request) -> Result<Option<char>, InfoError> {
    if info.body.is_empty() {
        return Ok(None);
    }
    let kind = info.headers.content_type().ok().flatten().ok_or(InfoError::Type)?;
    let body = String::from_utf8_lossy(&info.body);
    let signal = if kind.is("application/dtmf-relay") {
        let mut lines = body.lines().filter_map(|line| line.split_once('='));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case("Signal")).map(|(_, value)| value.trim())
    } else if kind.is("application/dtmf") {
        Some(body.trim())
    } else {
        return Err(InfoError::Type);
    };
    key_named(signal.ok_or(InfoError::Body)?)
}

/// A key as typed, or by the event number of RFC 4733 §3.2 that some gateways write.
fn key_named(signal: &str) -> Result<Option<char>, InfoError> {
    let mut characters = signal.chars();
    match (characters.next().map(|key| key.to_ascii_uppercase()), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(Some(key)),
        (Some('!' | 'R' | 'F'), None) => Ok(None),
        _ => match signal {
            "10" => Ok(Some('*')),
            "11" => Ok(Some('#')),
            "12" => Ok(Some('A')),
            "13" => Ok(Some('B')),
            "14" => Ok(Some('C')),
            "15" => Ok(Some('D')),
            "16" | "flash" | "Flash" => Ok(None),
            _ => Err(InfoError::Body),
        },
    }
}
