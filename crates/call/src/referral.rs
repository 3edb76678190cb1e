//! An agent transfers whom she talks with, by REFER from her phone (RFC 3515, RFC 5589). The caller is never
//! lost: whatever becomes of the transfer, she talks with somebody or waits at her place.
//!
//! `referral.md` is the table of this machine; `tests/transfer_table.rs` walks it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use acd::AgentChange;
use flow::{Enqueue, Interpreter, QueueNews, Verification};
use primitives::Now;
use sip::{EndCause, LegCommand, LegEvent, LegId, Referral, Refusal};

use crate::call::{Call, Far, Who};
use crate::caller::Side;
use crate::hop::Hop;
use crate::leg::Owner;
use crate::output::Output;
use crate::script::Script;
use crate::switch::Switch;
use crate::target::Target;

/// How long somebody rings to whom a caller is transferred. She hears music meanwhile, and nobody's voice.
const TRANSFER_RING: Duration = Duration::from_secs(25);

/// How long the agent's phone has to hang up by itself once the transfer is done. Phones do so on the last
/// NOTIFY, and some show a failure when they are hung up on before.
const LEAVES_WITHIN: Duration = Duration::from_secs(3);

/// A transfer under way, and the agent who asked for it.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// Her side of the call, as long as she stays.
    pub from: Option<Far>,
    /// To whom, for the log.
    to: String,
    /// Whether she was told that it rings.
    rang: bool,
    /// Whether no RTP comes from her phone.
    pub is_silent: bool,
    /// When her phone is hung up, once the transfer is done.
    pub leave_at: Option<Instant>,
}

impl Switch {
    /// A REFER on one side of a call.
    pub(crate) fn referred(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, leg): (Side, LegId),
        referral: &Referral,
        out: &mut Vec<Output>,
    ) {
        // Whoever has not proven to be an agent never makes us call anybody.
        let Some(by) = call.agent_at(side) else {
            return self.refuse_referral(now, call, leg, (403, "not_an_agent"), out);
        };
        if !call.is_settled() {
            return self.refuse_referral(now, call, leg, (491, "not_now"), out);
        }
        if let Some(replaced) = referral.replaces {
            return self.referred_to_leg(now, call, (side, leg), (by, replaced), out);
        }
        let dialled = referral.to.expose().split(';').next().unwrap_or_default();
        let Some(to) = self.target(dialled) else {
            return self.refuse_referral(now, call, leg, (404, "no_such_target"), out);
        };
        self.transfer_blind(now, call, (side, leg), to, out);
    }

    /// The caller goes where the agent says, without the agent having asked there.
    pub(crate) fn transfer_blind(
        &mut self,
        now: Now,
        call: &mut Call,
        (side, leg): (Side, LegId),
        to: Target,
        out: &mut Vec<Output>,
    ) {
        let by = call.name_at(side);
        if side == Side::Caller && !self.turn_round(now, call) {
            return self.refuse_referral(now, call, leg, (603, "not_possible"), out);
        }
        if side == Side::Caller {
            self.own_sides(call);
        }
        let asked = Hop::TransferAsked { by, to: to.name(), how: "blind".to_owned() };
        self.hop(now, Some(call), asked, out);
        self.leg(now, leg, LegCommand::AcceptReferral, out);
        match to {
            Target::Agent { .. } | Target::Number { .. } => self.ring_for_transfer(now, call, &to, out),
            Target::Queue { name } => {
                self.hand_over(now, call, &name, out);
                self.lead_to_queue(now, call, &name, out);
            }
            Target::Flow { flow, dialled } => {
                self.hand_over(now, call, &dialled, out);
                self.lead_to_flow(now, call, (flow, dialled), out);
            }
        }
    }

    pub(crate) fn refuse_referral(
        &mut self,
        now: Now,
        call: &Call,
        leg: LegId,
        (status, why): (u16, &str),
        out: &mut Vec<Output>,
    ) {
        self.hop(now, Some(call), Hop::TransferRefused { status, why: why.to_owned() }, out);
        self.leg(now, leg, LegCommand::RefuseReferral(Refusal::status(status)), out);
    }

    /// Rings the target while the caller hears music and the agent stays as long as she likes.
    fn ring_for_transfer(&mut self, now: Now, call: &mut Call, to: &Target, out: &mut Vec<Output>) {
        let Some(from) = call.far.take() else { return };
        if let Err(status) = self.ring_target(now, call, to, TRANSFER_RING, out) {
            let why = if status == 486 { "busy" } else { "unreachable" };
            self.hop(now, Some(call), Hop::TransferFailed { number: to.name(), why: why.to_owned() }, out);
            self.tell_referrer(now, &from, status, out);
            call.far = Some(from);
            return;
        }
        if let Some(far) = &mut call.far {
            far.referred = true;
        }
        self.park(now, call, from, to.name(), out);
        let command = media::Command::Unbridge { port: call.party.port };
        out.push(Output::Media { shard: call.shard, command });
        self.play_music_to_caller(call, out);
    }

    /// Puts the agent's side aside.
    fn park(&mut self, now: Now, call: &mut Call, from: Far, to: String, out: &mut Vec<Output>) {
        self.parted(now, call, &from, "transferring", out);
        self.set_aside(call, from, to);
    }

    pub(crate) fn set_aside(&mut self, call: &mut Call, from: Far, to: String) {
        self.own(&from, Owner::Referrer(call.id));
        call.transfer =
            Some(Transfer { from: Some(from), to, rang: false, is_silent: false, leave_at: None });
    }

    /// The caller is where she was to go; the agent's phone is told and leaves.
    fn hand_over(&mut self, now: Now, call: &mut Call, to: &str, out: &mut Vec<Output>) {
        let Some(from) = call.far.take() else { return };
        self.park(now, call, from, to.to_owned(), out);
        let command = media::Command::Unbridge { port: call.party.port };
        out.push(Output::Media { shard: call.shard, command });
        self.transfer_done(now, call, out);
    }

    /// Told to the agent, the log, and the clock that hangs her phone up.
    pub(crate) fn transfer_done(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(transfer) = &mut call.transfer else { return };
        if transfer.leave_at.is_some() {
            return;
        }
        transfer.leave_at = Some(now.mono + LEAVES_WITHIN);
        let done = Hop::Transferred { to: transfer.to.clone() };
        let from = transfer.from.take();
        self.hop(now, Some(call), done, out);
        match (from, &mut call.transfer) {
            (Some(from), Some(transfer)) => {
                self.tell_referrer(now, &from, 200, out);
                transfer.from = Some(from);
            }
            _ => call.transfer = None,
        }
    }

    /// Somebody rings for a transfer.
    pub(crate) fn transfer_rings(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(transfer) = &mut call.transfer else { return };
        if std::mem::replace(&mut transfer.rang, true) || transfer.leave_at.is_some() {
            return;
        }
        if let Some(leg) = transfer.from.as_ref().and_then(|from| from.legs.first().copied()) {
            self.leg(now, leg, LegCommand::TellReferrer { status: 180 }, out);
        }
    }

    /// Nobody answered there: the caller is the agent's again, or waits at her place if the agent has gone.
    /// Her `far` is free by now.
    pub(crate) fn transfer_came_to_nothing(
        &mut self,
        now: Now,
        call: &mut Call,
        status: u16,
        out: &mut Vec<Output>,
    ) {
        let Some(transfer) = call.transfer.take() else { return };
        match (transfer.from, call.served.take()) {
            (Some(from), served) => {
                call.served = served;
                self.tell_referrer(now, &from, status, out);
                self.give_back(now, call, (from, transfer.is_silent), out);
            }
            (None, Some(place)) => self.back_to_her_place(now, call, place, out),
            (None, None) => {
                self.run_flow(now, call, flow::Event::Queue(QueueNews::AgentLeft), out);
            }
        }
    }

    /// The caller is with the agent again who wanted to transfer her. While her phone is silent the music goes
    /// on: its answer to the question whether it is there ends it.
    fn give_back(
        &mut self,
        now: Now,
        call: &mut Call,
        (from, is_silent): (Far, bool),
        out: &mut Vec<Output>,
    ) {
        self.own(&from, Owner::Far(call.id));
        let back = Hop::Bridged { with: from.who.name() };
        let held = from.held || is_silent;
        if !held {
            let command = media::Command::Bridge { a: call.party.port, b: from.party.port };
            call.playlist = 0;
            out.push(Output::Media { shard: call.shard, command });
        }
        call.far = Some(Far { since: now, held, ..from });
        self.hop(now, Some(call), back, out);
        // She may have vanished while nobody listened to her.
        self.probe(now, call, Side::Far, out);
    }

    /// The caller waits in another queue as if her flow had put her there: what she hears and where she goes
    /// if nobody comes stays her flow's business.
    fn lead_to_queue(&mut self, now: Now, call: &mut Call, queue: &str, out: &mut Vec<Output>) {
        let place = call.served.take();
        let request = match place.map(|place| place.request) {
            Some(mut request) => {
                // What she speaks matters to whoever answers; what she came for was another queue's to know.
                request.skills.retain(|skill| skill.starts_with("lang:"));
                Enqueue { queue: queue.into(), ..request }
            }
            None => Enqueue {
                queue: queue.into(),
                urgency: call.urgency,
                reason: call.reason.clone(),
                skills: Vec::new(),
                language: Arc::clone(&call.language),
            },
        };
        self.run_flow(now, call, flow::Event::Queue(QueueNews::AgentLost), out);
        if !call.over && call.waiting.is_none() {
            self.enqueue(now, call, request, out);
        }
    }

    /// The caller begins the flow that answers a number, with all that is known of her. Whom an agent called
    /// begins it as somebody who says no number.
    fn lead_to_flow(
        &mut self,
        now: Now,
        call: &mut Call,
        (flow, dialled): (Arc<flow::Flow>, String),
        out: &mut Vec<Output>,
    ) {
        let setup = Arc::clone(self.setup());
        let library = Arc::clone(&setup.library);
        let led = match &call.script {
            Script::Flow(interpreter) => interpreter.sent_on(library, flow, dialled),
            Script::Direct(direct) => {
                let agent = direct.agent;
                let nobody = flow::Caller {
                    number: None,
                    is_withheld: true,
                    verification: Verification::None,
                    dialled: dialled.clone(),
                    trunk: String::new(),
                    diverted: None,
                };
                // An agent is in it as any caller is.
                if let Some(agent) = agent {
                    self.disengage(now, agent);
                }
                let first = Interpreter::new(Arc::clone(&library), Arc::clone(&flow), nobody);
                first.sent_on(library, flow, dialled)
            }
        };
        call.language = Arc::clone(led.language());
        call.script = Script::Flow(Box::new(led));
        call.setup = setup;
        call.served = None;
        self.run_flow(now, call, flow::Event::CallStarted, out);
    }

    /// A leg of the agent who transfers.
    pub(crate) fn referrer_event(
        &mut self,
        now: Now,
        call: &mut Call,
        leg: LegId,
        event: LegEvent,
        out: &mut Vec<Output>,
    ) {
        match event {
            LegEvent::Ended { .. } => {
                let Some(transfer) = &mut call.transfer else { return };
                let Some(from) = transfer.from.take() else { return };
                if transfer.leave_at.is_some() {
                    call.transfer = None;
                }
                self.close_port(from.party.port, out);
                self.release(now, &from.who);
            }
            LegEvent::Reoffered { sdp } => {
                let Some(from) = call.transfer.as_mut().and_then(|transfer| transfer.from.as_mut()) else {
                    return;
                };
                let codecs = &call.setup.media.codecs;
                let answer = match sdp {
                    None => Ok((from.party.offer(codecs), None)),
                    Some(offer) => {
                        from.party.answer(&offer, codecs).map(|(sdp, session)| (sdp, Some(session)))
                    }
                };
                let port = from.party.port;
                let (sdp, session) = match answer {
                    Ok(answer) => answer,
                    Err(unacceptable) => {
                        let refusal = Refusal::status(unacceptable.status());
                        return self.leg(now, leg, LegCommand::Reject(refusal), out);
                    }
                };
                self.leg(now, leg, LegCommand::Accept { sdp }, out);
                if let Some(session) = session {
                    from_held(call, !session.sends);
                    let command = media::Command::Apply { port, session };
                    out.push(Output::Media { shard: call.shard, command });
                }
            }
            LegEvent::Referred(_) => {
                self.refuse_referral(now, call, leg, (491, "not_now"), out);
            }
            LegEvent::Invited(_)
            | LegEvent::Elsewhere { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. }
            | LegEvent::OfferAnswered { .. }
            | LegEvent::Confirmed { .. }
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. }
            | LegEvent::Info { .. } => {}
        }
    }

    /// The transfer is done and the agent's phone has not hung up.
    pub(crate) fn hang_referrer_up_when_due(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let due = call.transfer.as_ref().and_then(|transfer| transfer.leave_at);
        if due.is_some_and(|at| at <= now.mono) {
            self.drop_referrer(now, call, out);
        }
    }

    /// Lets go of the agent who transfers, because the call is over or her part in it is.
    pub(crate) fn drop_referrer(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(transfer) = call.transfer.take() else { return };
        let Some(from) = transfer.from else { return };
        if transfer.leave_at.is_none() {
            self.tell_referrer(now, &from, 487, out);
        }
        self.close_port(from.party.port, out);
        for leg in &from.legs {
            self.hang_up(now, *leg, EndCause::OtherLegEnded, out);
        }
        self.release(now, &from.who);
    }

    fn tell_referrer(&mut self, now: Now, from: &Far, status: u16, out: &mut Vec<Output>) {
        if let Some(leg) = from.legs.first() {
            self.leg(now, *leg, LegCommand::TellReferrer { status }, out);
        }
    }

    /// An agent's part in a call is over.
    pub(crate) fn release(&mut self, now: Now, who: &Who) {
        match who {
            Who::Agent { agent, .. } => {
                let change = AgentChange::ConversationEnded;
                self.acd_input(now, acd::Input::Agent { agent: *agent, change });
            }
            Who::Colleague { agent, .. } => self.disengage(now, *agent),
            Who::Number { .. } => {}
        }
    }

    /// Whose the legs and the port of one side are from now on.
    pub(crate) fn own(&mut self, side: &Far, owner: Owner) {
        for leg in &side.legs {
            self.legs.insert(*leg, owner);
        }
        if let Some(open) = self.media.get_mut(&side.party.port) {
            open.owner = Some(owner);
        }
    }

    /// Both sides of a call are this call's, each in its place.
    pub(crate) fn own_sides(&mut self, call: &Call) {
        self.legs.insert(call.leg, Owner::Caller(call.id));
        if let Some(open) = self.media.get_mut(&call.party.port) {
            open.owner = Some(Owner::Caller(call.id));
        }
        if let Some(far) = &call.far {
            self.own(far, Owner::Far(call.id));
        }
    }
}

/// Whether the agent who transfers has put the caller on hold, for when she gets her back.
fn from_held(call: &mut Call, held: bool) {
    if let Some(from) = call.transfer.as_mut().and_then(|transfer| transfer.from.as_mut()) {
        from.held = held;
    }
}

/// The port of the agent who transfers: only whether she is there.
pub(crate) fn referrer_media(call: &mut Call, event: &media::Event) {
    let Some(transfer) = &mut call.transfer else { return };
    match event {
        media::Event::Silent { .. } => transfer.is_silent = true,
        media::Event::Heard { .. } => transfer.is_silent = false,
        _ => {}
    }
}
