//! The caller's leg: from her INVITE to the end of her call.

use std::sync::Arc;
use std::time::Duration;

use flow::{Caller, Interpreter};
use media::PlayEnd;
use media::sdp::Session;
use primitives::{Now, Private};
use sip::{Challenge, EmergencyNumber, EndCause, Invited, LegCommand, LegEvent, LegId, Refusal};

use crate::call::{Call, FarState, Progress, Summary, millis};
use crate::hop::Hop;
use crate::keys::KeyBy;
use crate::leg::{Beyond, Owner, Party};
use crate::output::{CallRecord, Output};
use crate::route::{Route, is_name, route};
use crate::script::Script;
use crate::setup::Setup;
use crate::switch::Switch;
use crate::trunk::{Known, Origin};

/// How often a phone that sends no RTP is asked by re-INVITE whether it is there. A minute of a dead line is
/// what an agent bears; a phone on mute answers three messages a minute.
const PROBE_EVERY: Duration = Duration::from_secs(60);

impl Switch {
    /// Somebody calls us.
    pub(crate) fn invited(&mut self, now: Now, leg: LegId, invited: Invited, out: &mut Vec<Output>) {
        let setup = Arc::clone(self.setup());
        // Carriers append number-portability parameters (RFC 4694) to the user part.
        let dialled = invited.dialled.expose().split(';').next().unwrap_or_default();
        // Before feature codes, flows, limits and draining (47 CFR 9.16(b)(1)).
        if let Some(number) = EmergencyNumber::of_number(dialled) {
            return self.emergency(now, leg, number, invited, out);
        }
        if let Some(replaced) = invited.replaces {
            return self.take_over(now, leg, (invited, replaced), out);
        }
        if let Some((mode, whom)) = setup.supervision.dialled(dialled) {
            let whom = whom.to_owned();
            return self.supervise(now, leg, (mode, whom), invited, out);
        }
        let origin = Origin::of(&setup, &invited);
        let e164 = origin
            .trunk(&setup)
            .and_then(|trunk| trunk.config.numbers.telephone(&invited.presented.request.telephone()?));
        match route(&setup, dialled, e164.as_deref()) {
            // From strangers a wrong number is no different from a right one.
            Route::Nowhere | Route::Flow { .. } if origin.is_refused(&setup) && !is_name(dialled) => {
                self.admit(now, leg, &invited, &origin, out);
            }
            Route::Nowhere => self.invited_by_name(now, leg, (invited, origin), out),
            _ if self.draining => self.refuse(now, leg, 503, "draining", out),
            // However full it is, an agent can come to help: she takes calls off the line.
            Route::Feature(code) => self.feature(now, leg, code, invited, out),
            Route::Flow { .. } if !self.admit(now, leg, &invited, &origin, out) => {}
            Route::Flow { .. } if self.calls.len() >= setup.limits.calls_max as usize => {
                self.refuse(now, leg, 503, "full", out);
            }
            Route::Flow { flow, dialled } => self.arrive(now, leg, (flow, dialled), (invited, origin), out),
        }
    }

    /// No number of ours. It may be the name of one of our people, for whoever proves to be another of them. All
    /// others get an answer that depends on who asks and never on whose name it is, digits or letters, also
    /// while we leave: nobody learns from it which names there are.
    fn invited_by_name(
        &mut self,
        now: Now,
        leg: LegId,
        (invited, origin): (Invited, Origin),
        out: &mut Vec<Output>,
    ) {
        let dialled = invited.dialled.expose();
        let agent = invited.user.clone().and_then(|user| Some((self.acd.agent(&user)?, user)));
        match (&origin, agent) {
            (_, Some(agent)) => match self.target(dialled) {
                Some(_) if self.draining => self.refuse(now, leg, 503, "draining", out),
                Some(target) => self.direct(now, leg, (agent, target), invited, out),
                None => self.refuse(now, leg, 404, "no_such_number", out),
            },
            (Origin::Agent, None) => self.refuse(now, leg, 403, "not_an_agent", out),
            (Origin::Trunk(_), None) if !self.may_be_a_phone_of_ours(&invited) => {
                self.refuse(now, leg, 404, "no_such_number", out);
            }
            (Origin::Trunk(_) | Origin::Stranger, None) => {
                self.leg(now, leg, LegCommand::Challenge(Challenge::OwnPhonesOnly), out);
            }
        }
    }

    /// Whether what comes from a trunk's network can be a phone of ours that stands there too. Carriers dial
    /// numbers and are to hear 404 for a wrong one; names, and what comes from where a phone is registered, are
    /// worth the question who it is.
    fn may_be_a_phone_of_ours(&self, invited: &Invited) -> bool {
        let is_registered = || self.sip.registered_at(&invited.path, None).is_some();
        invited.user.is_none() && (is_name(invited.dialled.expose()) || is_registered())
    }

    // Long: every field of a call, named once.
    fn arrive(
        &mut self,
        now: Now,
        leg: LegId,
        (flow, dialled): (Arc<flow::Flow>, String),
        (invited, origin): (Invited, Origin),
        out: &mut Vec<Output>,
    ) {
        let setup = Arc::clone(self.setup());
        if !self.has_room_for_both_sides() {
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        }
        let id = self.new_call_id(now);
        let shard = self.next_shard();
        let trunk = origin.trunk(&setup).map(|trunk| &trunk.config);
        let address = trunk.and_then(|trunk| trunk.media_address);
        let address = address.unwrap_or_else(|| self.rtp_address(Some(&invited.path)));
        let Some((port, local)) = self.open_port(Owner::Caller(id), shard, address, out) else {
            return self.refuse(now, leg, 503, "no_rtp_port", out);
        };
        let mut party = self.party(port, local, Beyond::Trunk);
        party.go_by_trunk(trunk, &setup.media.codecs);
        // An offer nobody could take is refused before anything else is spent on it.
        if let Some(Err(unacceptable)) =
            invited.offer.as_ref().map(|offer| party.answer(offer, &setup.media.codecs))
        {
            self.close_port(port, out);
            return self.refuse(now, leg, unacceptable.status(), "no_codec", out);
        }
        let Known { caller, why, claimed } = self.known(now, &invited, &origin, &dialled);
        let hops = [Some(arrived(&caller, dialled.clone(), &invited)), fell_back(&setup, &dialled, &flow)];
        let verification = caller.verification;
        let number = caller.number.clone().filter(|_| !caller.is_withheld);
        let interpreter = Interpreter::new(Arc::clone(&setup.library), Arc::clone(&flow), caller);
        let call = Call {
            id,
            shard,
            arrived: now,
            answered: None,
            leg,
            party,
            progress: Progress::Opening { offer: invited.offer },
            origin,
            number,
            at: (flow.name().into(), "start".into()),
            language: Arc::clone(interpreter.language()),
            urgency: interpreter.urgency(),
            reason: None,
            playlist: 0,
            waiting: None,
            served: None,
            waits_since: None,
            may_be_heard: None,
            recording: None,
            far: None,
            third: None,
            keyed: String::new(),
            page: None,
            inquiry: None,
            held: false,
            transfer: None,
            probe_again: [None; 2],
            keys_heard: Default::default(),
            scheduled: None,
            over: false,
            summary: Summary::default(),
            script: Script::Flow(Box::new(interpreter)),
            setup,
        };
        hops.into_iter().flatten().for_each(|hop| self.hop(now, Some(&call), hop, out));
        let verified = why
            .map(|why| Hop::Verified { verification: verification.word().to_owned(), why: why.to_owned() });
        verified.into_iter().for_each(|hop| self.hop(now, Some(&call), hop, out));
        out.extend(claimed.map(|passport| Output::Verify { call: id, passport }));
        self.legs.insert(leg, Owner::Caller(id));
        self.calls.insert(id, call);
    }

    /// Whoever is let in has an RTP port for the person she came for: hers, that one, and one for each caller
    /// who still waits for somebody.
    fn has_room_for_both_sides(&self) -> bool {
        let alone = self.calls.values().filter(|call| call.far.is_none()).count();
        self.ports.free() >= alone + 2
    }

    /// The caller's leg.
    pub(crate) fn caller_event(&mut self, now: Now, call: &mut Call, event: LegEvent, out: &mut Vec<Output>) {
        match event {
            LegEvent::Confirmed { sdp } => self.confirmed(now, call, sdp.as_deref(), out),
            LegEvent::Reoffered { sdp } => self.reoffered(now, call, Side::Caller, sdp.as_deref(), out),
            LegEvent::Referred(referral) => {
                let leg = call.leg;
                self.referred(now, call, (Side::Caller, leg), &referral, out);
            }
            LegEvent::Info { key } => {
                self.key_pressed(now, call, (Side::Caller, KeyBy::Info), key, out);
            }
            LegEvent::Ended { cause, reason } => {
                self.gave_reason(now, call, "caller", reason, out);
                if self.caller_is_replaced(now, call, out) {
                    return;
                }
                let cause = match cause {
                    EndCause::FarEndHungUp => "caller_hung_up",
                    EndCause::Cancelled => "caller_gave_up",
                    EndCause::NoResponse => "caller_lost",
                    EndCause::WeHungUp | EndCause::OtherLegEnded | EndCause::AnsweredElsewhere => "completed",
                    EndCause::WeRefused { .. } => "refused",
                    EndCause::Refused { .. } | EndCause::Unreachable | EndCause::InternalError => "failed",
                };
                self.run_flow(now, call, flow::Event::CallerHungUp, out);
                self.end(now, call, cause, out);
            }
            LegEvent::OfferAnswered { sdp } => self.answered_anew(now, call, Side::Caller, Some(&sdp), out),
            // What only a leg we dialled or referred can say.
            LegEvent::Invited(_)
            | LegEvent::Elsewhere { .. }
            | LegEvent::ReferAnswered { .. }
            | LegEvent::ReferNews { .. }
            | LegEvent::Ringing
            | LegEvent::Progress { .. }
            | LegEvent::Answered { .. } => {}
        }
    }

    /// What a side gave as its reason, in numbers; that it hung up as usual is no news.
    pub(crate) fn gave_reason(
        &mut self,
        now: Now,
        call: &Call,
        by: &str,
        reason: Option<sip::header::Reason>,
        out: &mut Vec<Output>,
    ) {
        if let Some(reason) = reason.filter(|reason| *reason != sip::header::Reason::Q850(16)) {
            self.hop(now, Some(call), Hop::Reason { by: by.to_owned(), reason: reason.to_string() }, out);
        }
    }

    /// The caller's port.
    pub(crate) fn caller_media(
        &mut self,
        now: Now,
        call: &mut Call,
        event: media::Event,
        out: &mut Vec<Output>,
    ) {
        match event {
            media::Event::Opened { .. } => {
                if let Progress::Opening { offer } = &mut call.progress {
                    call.progress = Progress::Arrived { offer: offer.take(), said: None };
                    self.run_flow(now, call, flow::Event::CallStarted, out);
                }
            }
            media::Event::OpenFailed { .. } => {
                self.refuse_opening(now, call, out);
            }
            media::Event::Digit { digit, .. } => {
                let key = Private::new(digit.char());
                self.key_pressed(now, call, (Side::Caller, KeyBy::Rtp), key, out);
            }
            media::Event::PlayFinished { playlist, why: PlayEnd::Finished, .. } => {
                if playlist == call.playlist {
                    self.run_flow(now, call, flow::Event::PlayFinished, out);
                }
            }
            media::Event::Silent { .. } => self.probe(now, call, Side::Caller, out),
            media::Event::Heard { .. } => *call.next_probe(Side::Caller) = None,
            media::Event::Hushed { recording, .. } => self.recorded(now, call, (recording, None), out),
            media::Event::RecordingEnded { recording, voiced, .. } => {
                self.recorded(now, call, (recording, Some(voiced)), out);
            }
            media::Event::PlayFinished { .. }
            | media::Event::Recorded { .. }
            | media::Event::Closed { .. } => {}
        }
    }

    /// She was let in and cannot be heard: refused, rather than left in silence.
    pub(crate) fn refuse_opening(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        self.legs.remove(&call.leg);
        self.refuse(now, call.leg, 503, "no_rtp_port", out);
        self.end(now, call, "no_rtp_port", out);
    }

    /// Answers: 200 with our SDP. What is to be heard waits for the ACK.
    pub(crate) fn answer(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Progress::Arrived { offer, said } = &mut call.progress else { return };
        let codecs = &call.setup.media.codecs;
        let sdp = match (said.take(), offer.take()) {
            (Some(said), _) => said,
            (None, Some(offer)) => match call.party.answer(&offer, codecs) {
                Ok((sdp, session)) => {
                    let command = media::Command::Apply { port: call.party.port, session };
                    out.push(Output::Media { shard: call.shard, command });
                    sdp
                }
                Err(unacceptable) => {
                    self.legs.remove(&call.leg);
                    let refusal = Refusal::status(unacceptable.status());
                    self.leg(now, call.leg, LegCommand::Reject(refusal), out);
                    return self.end(now, call, "no_codec", out);
                }
            },
            (None, None) => call.party.offer(codecs),
        };
        call.progress = Progress::Answered { then: None };
        call.answered = Some(now);
        self.hop(now, Some(call), Hop::Answered { after_ms: call.age_ms(now) }, out);
        self.leg(now, call.leg, LegCommand::Answer { sdp }, out);
    }

    fn confirmed(&mut self, now: Now, call: &mut Call, sdp: Option<&[u8]>, out: &mut Vec<Output>) {
        let Progress::Answered { then } = &mut call.progress else {
            return self.answered_anew(now, call, Side::Caller, sdp, out);
        };
        let then = then.take();
        call.progress = Progress::Confirmed;
        if let Some(sdp) = sdp {
            match call.party.accept(sdp, &call.setup.media.codecs) {
                Ok(session) => {
                    let command = media::Command::Apply { port: call.party.port, session };
                    out.push(Output::Media { shard: call.shard, command });
                }
                Err(_) => return self.end(now, call, "no_codec", out),
            }
        }
        if let Some(playlist) = then {
            let command = media::Command::Play { port: call.party.port, playlist };
            out.push(Output::Media { shard: call.shard, command });
        }
    }

    /// One side offers anew: hold, resume, a moved address.
    pub(crate) fn reoffered(
        &mut self,
        now: Now,
        call: &mut Call,
        side: Side,
        sdp: Option<&[u8]>,
        out: &mut Vec<Output>,
    ) {
        let setup = Arc::clone(&call.setup);
        let codecs = &setup.media.codecs;
        let Some((leg, party)) = call.side(side) else { return };
        let Some(offer) = sdp else {
            let sdp = party.offer(codecs);
            return self.leg(now, leg, LegCommand::Accept { sdp }, out);
        };
        match party.answer(offer, codecs) {
            Ok((sdp, session)) => {
                self.leg(now, leg, LegCommand::Accept { sdp }, out);
                self.agreed(now, call, side, session, out);
            }
            Err(unacceptable) => {
                self.leg(now, leg, LegCommand::Reject(Refusal::status(unacceptable.status())), out);
            }
        }
    }

    /// One side answers our offer within the call: to a probe, or in the ACK of a re-INVITE that had none.
    pub(crate) fn answered_anew(
        &mut self,
        now: Now,
        call: &mut Call,
        side: Side,
        sdp: Option<&[u8]>,
        out: &mut Vec<Output>,
    ) {
        let setup = Arc::clone(&call.setup);
        let Some((_, party)) = call.side(side) else { return };
        // An answer that cannot be read changes nothing: what was agreed before goes on.
        if let Some(Ok(session)) = sdp.map(|sdp| party.accept(sdp, &setup.media.codecs)) {
            self.agreed(now, call, side, session, out);
        }
    }

    /// Both agree anew on one side's audio.
    fn agreed(&mut self, now: Now, call: &mut Call, side: Side, session: Session, out: &mut Vec<Output>) {
        let held = !session.sends;
        let shard = call.shard;
        let Some((_, party)) = call.side(side) else { return };
        let command = media::Command::Apply { port: party.port, session };
        out.push(Output::Media { shard, command });
        match side {
            Side::Far => self.held_by_far(now, call, held, out),
            Side::Caller => self.held_by_caller(now, call, held, out),
        }
    }

    /// No RTP has come for a while: is anybody there? A re-INVITE that nobody answers ends the leg.
    pub(crate) fn probe(&mut self, now: Now, call: &mut Call, side: Side, out: &mut Vec<Output>) {
        let is_up = match side {
            Side::Caller => matches!(call.progress, Progress::Confirmed),
            Side::Far => call
                .far
                .as_ref()
                .is_some_and(|far| matches!(far.state, FarState::Bridged | FarState::Whispering { .. })),
        };
        let setup = Arc::clone(&call.setup);
        let Some((leg, party)) = call.side(side).filter(|_| is_up) else { return };
        let sdp = party.offer(&setup.media.codecs);
        *call.next_probe(side) = Some(now.mono + PROBE_EVERY);
        self.leg(now, leg, LegCommand::Offer { sdp }, out);
    }

    /// Whoever is still silent is asked again: a phone on mute answers, one that vanished meanwhile does not.
    pub(crate) fn probe_when_due(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        for side in [Side::Caller, Side::Far] {
            if call.next_probe(side).is_some_and(|at| at <= now.mono) {
                *call.next_probe(side) = None;
                self.probe(now, call, side, out);
            }
        }
    }

    /// The call is over: every leg, port and queue entry of it is let go of, and its end is told.
    pub(crate) fn end(&mut self, now: Now, call: &mut Call, cause: &str, out: &mut Vec<Output>) {
        if call.over {
            return;
        }
        self.leave_queue_for_good(now, call, out);
        self.cancel_inquiry(now, call, false, out);
        self.drop_far(now, call, EndCause::OtherLegEnded, cause, out);
        self.drop_referrer(now, call, out);
        self.hang_up(now, call.leg, EndCause::WeHungUp, out);
        self.close_port(call.party.port, out);
        if let Some(agent) = call.agent_at(Side::Caller) {
            self.disengage(now, agent);
        }
        self.record(now, call, cause, out);
    }

    /// The call is over while its parties go on in another one.
    pub(crate) fn dissolve(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        if !call.over {
            self.drop_referrer(now, call, out);
            self.record(now, call, "transferred", out);
        }
    }

    fn record(&self, now: Now, call: &mut Call, cause: &str, out: &mut Vec<Output>) {
        call.over = true;
        let ended = Hop::Ended { cause: cause.to_owned(), lasted_ms: Some(call.age_ms(now)) };
        self.hop(now, Some(call), ended, out);
        let flow = call.script.flow();
        out.push(Output::Record(CallRecord {
            call: call.id,
            started: call.arrived.wall,
            answered: call.answered.map(|at| at.wall),
            ended: now.wall,
            flow: flow.map_or("direct", |flow| flow.name()).to_owned(),
            flow_digest: flow.map(|flow| flow.digest().to_string()).unwrap_or_default(),
            queue: call.summary.queue.take(),
            urgency: call.urgency.word(),
            outcome: cause.to_owned(),
            agent: call.summary.agent.take(),
            waited_ms: call.summary.waited_ms,
            talked_ms: call.summary.talked_ms,
        }));
    }

    /// She leaves the queue because her call is over.
    fn leave_queue_for_good(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(waiting) = call.waiting.take() else { return };
        let abandoned = Hop::Abandoned {
            queue: waiting.request.queue.to_string(),
            urgency: call.urgency.word().to_owned(),
            waited_ms: waited_ms(now, waiting.since),
        };
        self.entries.remove(&waiting.entry);
        self.acd_input(now, acd::Input::Abandon { entry: waiting.entry });
        self.hop(now, Some(call), abandoned, out);
    }
}

impl Call {
    /// The leg and the media of one side; `None` while the far one has no leg.
    pub(crate) fn side(&mut self, side: Side) -> Option<(LegId, &mut Party)> {
        match side {
            Side::Caller => Some((self.leg, &mut self.party)),
            Side::Far => {
                let far = self.far.as_mut()?;
                Some((*far.legs.first()?, &mut far.party))
            }
        }
    }

    /// When a silent side is asked again.
    pub(crate) const fn next_probe(&mut self, side: Side) -> &mut Option<std::time::Instant> {
        let [caller, far] = &mut self.probe_again;
        match side {
            Side::Caller => caller,
            Side::Far => far,
        }
    }
}

/// One of the two sides of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Caller,
    Far,
}

/// Milliseconds on the calendar since somebody began to wait.
pub(crate) fn waited_ms(now: Now, since: jiff::Timestamp) -> u64 {
    millis(std::time::Duration::try_from(now.wall.duration_since(since)).unwrap_or_default())
}

/// What is told of a number whose own flow is gone.
fn fell_back(setup: &Setup, dialled: &str, flow: &flow::Flow) -> Option<Hop> {
    let is_gone = setup.library.answering(dialled).is_none();
    is_gone.then(|| Hop::FellBack { flow: flow.name().to_owned() })
}

/// What is told of a call that came.
fn arrived(caller: &Caller, dialled: String, invited: &Invited) -> Hop {
    let number = match &caller.number {
        None => "withheld",
        Some(_) if caller.is_withheld => "known_and_withheld",
        Some(_) => "known",
    };
    Hop::Arrived {
        dialled,
        caller: number.to_owned(),
        trunk: caller.trunk.clone(),
        verification: caller.verification.word().to_owned(),
        transport: invited.path.transport.to_string(),
    }
}
