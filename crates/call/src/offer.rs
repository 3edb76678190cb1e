//! The other side of a call: an agent's phones ring, one is answered, she hears a whisper, both are joined.

use std::sync::Arc;
use std::time::Duration;

use acd::{AgentChange, AgentId, OfferAnswer, OfferId, Withdrawal};
use flow::{PageNews, PromptRef, QueueNews, TransferNews};
use media::sdp::Session;
use media::{PlayEnd, Playlist};
use primitives::{Now, Private};
use sip::{EndCause, Invite, LegCommand, LegEvent, LegId, Refusal};

use crate::call::{Call, Far, FarState, Waiting, Who, millis};
use crate::caller::{Side, waited_ms};
use crate::hop::Hop;
use crate::keys::KeyBy;
use crate::leg::{Beyond, Owner};
use crate::output::Output;
use crate::switch::Switch;

/// Silence between the agent's "hello" and the whisper, so that its first word is heard.
const BEFORE_WHISPER: Duration = Duration::from_millis(300);

impl Switch {
    /// The queue offers this caller to an agent: a port for her side, then her phones ring.
    pub(crate) fn offer(
        &mut self,
        now: Now,
        call: &mut Call,
        (offer, agent): (OfferId, AgentId),
        waited: Duration,
        out: &mut Vec<Output>,
    ) {
        let name = self.agent_name(agent);
        let offered = Hop::Offered {
            queue: call.waiting.as_ref().map(|waiting| waiting.request.queue.to_string()).unwrap_or_default(),
            agent: name.clone(),
            waited_ms: millis(waited),
        };
        let address = self.rtp_address(self.sip.bindings(&name).first().map(|binding| &binding.path));
        let opened = if call.far.is_some() {
            None
        } else {
            self.open_port(Owner::Far(call.id), call.shard, address, out)
        };
        self.hop(now, Some(call), offered, out);
        let Some((port, local)) = opened else {
            // For want of a port of ours, and no fault of hers: she is asked again, and can be for others.
            let not_taken = Hop::NotTaken { agent: name, why: "no_rtp_port".to_owned(), rang_ms: 0 };
            self.hop(now, Some(call), not_taken, out);
            return self.acd_input(now, acd::Input::Answer { offer, answer: OfferAnswer::Declined });
        };
        let who = Who::Agent { offer, agent, name, waited_ms: millis(waited) };
        call.far = Some(Far::opening(now, who, self.party(port, local, Beyond::Phone)));
    }

    /// The far side's port.
    pub(crate) fn far_media(
        &mut self,
        now: Now,
        call: &mut Call,
        event: media::Event,
        out: &mut Vec<Output>,
    ) {
        let Some(far) = &call.far else { return };
        match (event, &far.state) {
            (media::Event::Opened { .. }, FarState::Opening) => self.ring(now, call, out),
            (media::Event::OpenFailed { .. }, _) => self.far_failed(now, call, "no_rtp_port", out),
            (
                media::Event::PlayFinished { playlist, why: PlayEnd::Finished, .. },
                FarState::Whispering { playlist: whisper },
            ) if playlist == *whisper => self.bridge(now, call, out),
            (
                media::Event::PlayFinished { playlist, why: PlayEnd::Finished, .. },
                FarState::Asking { playlist: asked, .. },
            ) if playlist == *asked => self.ask_again(call, out),
            (media::Event::Digit { digit, .. }, _) => {
                let key = Private::new(digit.char());
                self.key_pressed(now, call, (Side::Far, KeyBy::Rtp), key, out);
            }
            (media::Event::Silent { .. }, FarState::Bridged | FarState::Whispering { .. }) => {
                self.probe(now, call, Side::Far, out)
            }
            (media::Event::Heard { .. }, _) => *call.next_probe(Side::Far) = None,
            _ => {}
        }
    }

    /// Every phone of the agent rings at once, or the number outside does.
    pub(crate) fn ring(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(far) = &mut call.far else { return };
        far.state = FarState::Ringing;
        let to = match &far.who {
            Who::Agent { name, .. } | Who::Colleague { name, .. } => self
                .sip
                .bindings(name)
                .iter()
                .map(|binding| (binding.contact.clone(), Some(binding.path)))
                .collect::<Vec<_>>(),
            Who::Number { .. } => return self.ring_number(now, call, out),
        };
        let offer = far.party.offer_like(&call.party, &call.setup.media.codecs);
        // A colleague sees who calls; a caller's number is nobody's to see on a display.
        let from = match (&far.who, call.script.direct()) {
            (Who::Colleague { .. }, Some(direct)) => Some(Private::new(direct.user.clone())),
            _ => None,
        };
        for (uri, path) in to {
            let invite = Invite {
                uri,
                path,
                from: from.clone(),
                display_name: "careline".to_owned(),
                offer: offer.clone(),
                headers: Vec::new(),
                ..Invite::default()
            };
            let leg = self.dial(now, invite, Owner::Far(call.id), out);
            if let Some(far) = &mut call.far {
                far.legs.push(leg);
            }
        }
        if call.far.as_ref().is_some_and(|far| far.legs.is_empty()) {
            self.far_failed(now, call, "unreachable", out);
        }
    }

    /// A leg of the far side.
    pub(crate) fn far_event(
        &mut self,
        now: Now,
        call: &mut Call,
        leg: LegId,
        event: LegEvent,
        out: &mut Vec<Output>,
    ) {
        match event {
            LegEvent::Answered { sdp } => self.far_answered(now, call, leg, &sdp, out),
            // Phones that ring together share one port, which none of them can move alone.
            LegEvent::Reoffered { .. } if call.far.as_ref().is_some_and(|far| far.legs.len() > 1) => {
                self.leg(now, leg, LegCommand::Reject(Refusal::status(488)), out);
            }
            LegEvent::Reoffered { sdp } => self.reoffered(now, call, Side::Far, sdp.as_deref(), out),
            LegEvent::Ended { cause, reason } => {
                let by = call.far.as_ref().map(|far| far.who.name()).unwrap_or_default();
                self.gave_reason(now, call, &by, reason, out);
                self.far_leg_ended(now, call, leg, cause, out);
            }
            LegEvent::OfferAnswered { sdp } => self.answered_anew(now, call, Side::Far, Some(&sdp), out),
            LegEvent::Confirmed { sdp } => self.answered_anew(now, call, Side::Far, sdp.as_deref(), out),
            // A caller goes on hearing her music while a phone rings.
            LegEvent::Ringing => {
                self.number_rings(now, call, out);
                self.far_rings(now, call, out);
                self.transfer_rings(now, call, out);
            }
            LegEvent::Progress { sdp } => {
                self.number_rings(now, call, out);
                self.far_plays(now, call, &sdp, out);
                self.transfer_rings(now, call, out);
            }
            LegEvent::Elsewhere { retry_after, contacts } => {
                Self::number_is_elsewhere(call, retry_after, contacts);
            }
            LegEvent::Referred(referral) => self.referred(now, call, (Side::Far, leg), &referral, out),
            LegEvent::Info { key } => {
                self.key_pressed(now, call, (Side::Far, KeyBy::Info), key, out);
            }
            LegEvent::ReferAnswered { .. } | LegEvent::ReferNews { .. } | LegEvent::Invited(_) => {}
        }
    }

    /// The first phone to answer has her; the others stop ringing.
    fn far_answered(&mut self, now: Now, call: &mut Call, leg: LegId, sdp: &[u8], out: &mut Vec<Output>) {
        let Some(far) = &mut call.far else { return };
        if far.state != FarState::Ringing {
            return self.hang_up(now, leg, EndCause::OtherLegEnded, out);
        }
        self.number_rings(now, call, out);
        let Some(far) = &mut call.far else { return };
        let session = match far.party.accept(sdp, &call.setup.media.codecs) {
            Ok(session) => session,
            Err(_) => {
                far.legs.retain(|other| *other != leg);
                let none_left = far.legs.is_empty();
                self.hang_up(now, leg, EndCause::InternalError, out);
                if none_left {
                    self.far_failed(now, call, "no_codec", out);
                }
                return;
            }
        };
        self.far_taken(now, call, leg, Some(session), out);
    }

    /// She has the caller at this phone; all others stop ringing. Without a session her phone says it with its
    /// ACK.
    pub(crate) fn far_taken(
        &mut self,
        now: Now,
        call: &mut Call,
        leg: LegId,
        session: Option<Session>,
        out: &mut Vec<Output>,
    ) {
        let Some(far) = &mut call.far else { return };
        let others = std::mem::replace(&mut far.legs, vec![leg]);
        let port = far.party.port;
        let (who, rang_ms) = (far.who.clone(), millis(now.mono.saturating_duration_since(far.since.mono)));
        far.since = now;
        for other in others.into_iter().filter(|other| *other != leg) {
            self.hang_up(now, other, EndCause::AnsweredElsewhere, out);
        }
        if let Some(session) = session {
            out.push(Output::Media { shard: call.shard, command: media::Command::Apply { port, session } });
        }
        match who {
            Who::Agent { offer, name, waited_ms, .. } => {
                let queue = call.waiting.as_ref().map(|waiting| waiting.request.queue.to_string());
                call.served = call.waiting.take();
                if let Some(served) = &call.served {
                    self.entries.remove(&served.entry);
                }
                let accepted = Hop::Accepted {
                    agent: name.clone(),
                    queue: queue.unwrap_or_default(),
                    urgency: call.urgency.word().to_owned(),
                    rang_ms,
                    waited_ms: waited_ms + rang_ms,
                };
                self.hop(now, Some(call), accepted, out);
                call.summary.agent = Some(name);
                call.summary.waited_ms = Some(waited_ms + rang_ms);
                self.acd_input(now, acd::Input::Answer { offer, answer: OfferAnswer::Accepted });
                self.whisper(call, port, out);
            }
            Who::Colleague { .. } | Who::Number { .. }
                if call.far.as_ref().is_some_and(|far| far.called_in) =>
            {
                self.third_answered(now, call, out);
            }
            Who::Colleague { .. } | Who::Number { .. } if call.page.is_some() => {
                self.ask_to_accept(now, call, out);
            }
            Who::Colleague { .. } | Who::Number { .. } => {
                if call.script.direct().is_some() {
                    self.answer(now, call, out);
                }
                if !call.over {
                    self.bridge(now, call, out);
                }
            }
        }
    }

    /// Urgency and reason, for the agent alone.
    fn whisper(&mut self, call: &mut Call, port: media::PortId, out: &mut Vec<Output>) {
        let language = Arc::clone(&call.setup.agent_language);
        let words =
            [Some(format!("whisper_{}", call.urgency)), call.reason.as_ref().map(|r| format!("reason_{r}"))];
        let prompts = words
            .into_iter()
            .flatten()
            .filter_map(|name| {
                let prompt = PromptRef { language: Arc::clone(&language), name: name.into() };
                call.setup.prompts.find(&prompt).map(Arc::clone)
            })
            .collect();
        let playlist = self.next_playlist();
        if let Some(far) = &mut call.far {
            far.state = FarState::Whispering { playlist };
        }
        let list = Playlist { prompts, repeats: false, lead_in: BEFORE_WHISPER, id: playlist };
        let command = media::Command::Play { port, playlist: list };
        out.push(Output::Media { shard: call.shard, command });
    }

    /// Both hear one another.
    pub(crate) fn bridge(&mut self, now: Now, call: &mut Call, out: &mut Vec<Output>) {
        let Some(far) = &mut call.far else { return };
        far.state = FarState::Bridged;
        far.since = now;
        let (was_referred, was_paged) = (far.referred, far.paged);
        let (with, port, is_agent) = (far.who.name(), far.party.port, matches!(far.who, Who::Agent { .. }));
        let command = media::Command::Bridge { a: call.party.port, b: port };
        call.playlist = 0;
        *call.next_probe(Side::Far) = None;
        self.hop(now, Some(call), Hop::Bridged { with }, out);
        out.push(Output::Media { shard: call.shard, command });
        self.keep_agents_keys(call, out);
        if was_referred {
            return self.transfer_done(now, call, out);
        }
        let connected = if is_agent {
            flow::Event::Queue(QueueNews::Connected)
        } else if was_paged {
            flow::Event::Page(PageNews::Accepted)
        } else {
            flow::Event::Transfer(TransferNews::Connected)
        };
        self.run_flow(now, call, connected, out);
    }

    fn far_leg_ended(
        &mut self,
        now: Now,
        call: &mut Call,
        leg: LegId,
        cause: EndCause,
        out: &mut Vec<Output>,
    ) {
        let Some(far) = &mut call.far else { return };
        far.legs.retain(|other| *other != leg);
        if let EndCause::Refused { status } = cause {
            // A decline by hand outweighs a phone that is busy, and that one a phone that is gone.
            far.refused = Some(far.refused.map_or(status, |before| before.max(status)));
        }
        if !far.legs.is_empty() {
            return;
        }
        match far.state {
            FarState::Opening | FarState::Ringing => {
                let refused = far.refused;
                if self.ring_on(now, call, cause, out) {
                    return;
                }
                let why = match refused {
                    Some(486 | 600) => "busy",
                    Some(408 | 480 | 487) => "no_answer",
                    Some(603 | 403 | 488) => "declined",
                    Some(_) => "refused",
                    None => "unreachable",
                };
                self.far_failed(now, call, why, out);
            }
            FarState::Asking { .. } => self.far_failed(now, call, "hung_up", out),
            FarState::Whispering { .. } | FarState::Bridged => {
                let lost = matches!(cause, EndCause::NoResponse | EndCause::Unreachable);
                self.conversation_over(now, call, lost, out);
            }
        }
    }

    /// The other side was never reached: the caller stays at her place, or her flow is told.
    pub(crate) fn far_failed(&mut self, now: Now, call: &mut Call, why: &str, out: &mut Vec<Output>) {
        let Some(far) = call.far.take() else { return };
        self.close_port(far.party.port, out);
        for leg in &far.legs {
            self.hang_up(now, *leg, EndCause::OtherLegEnded, out);
        }
        match far.who {
            Who::Agent { offer, name, .. } => {
                let rang_ms = millis(now.mono.saturating_duration_since(far.since.mono));
                let failed = Hop::NotTaken { agent: name, why: why.to_owned(), rang_ms };
                self.hop(now, Some(call), failed, out);
                let answer = match why {
                    "busy" => OfferAnswer::Busy,
                    "declined" | "refused" | "no_rtp_port" => OfferAnswer::Declined,
                    "no_answer" => OfferAnswer::NoAnswer,
                    _ => OfferAnswer::Failed,
                };
                self.acd_input(now, acd::Input::Answer { offer, answer });
            }
            Who::Colleague { .. } | Who::Number { .. } => {
                if let Who::Colleague { agent, .. } = far.who {
                    self.disengage(now, agent);
                }
                if far.paged && !far.referred {
                    return self.page_failed(now, call, &far.who, why, out);
                }
                let failed = Hop::TransferFailed { number: far.who.name(), why: why.to_owned() };
                self.hop(now, Some(call), failed, out);
                if far.called_in {
                    return;
                }
                if far.referred {
                    let status = if why == "busy" { 486 } else { far.refused.unwrap_or(480) };
                    return self.transfer_came_to_nothing(now, call, status, out);
                }
                let news = match why {
                    "busy" => TransferNews::Busy,
                    "no_answer" => TransferNews::NoAnswer,
                    _ => TransferNews::Failed,
                };
                self.run_flow(now, call, flow::Event::Transfer(news), out);
            }
        }
    }

    /// The agent or the number outside is gone while the caller is still there.
    fn conversation_over(&mut self, now: Now, call: &mut Call, lost: bool, out: &mut Vec<Output>) {
        let Some(far) = call.far.take() else { return };
        self.close_port(far.party.port, out);
        let why = if lost { "phone_lost" } else { "far_end_hung_up" };
        if far.called_in {
            self.left(now, call, (&far, why), out);
            return self.release(now, &far.who);
        }
        self.parted(now, call, &far, why, out);
        if far.state == FarState::Bridged && !lost {
            // She has talked with somebody: what she waits for afterwards is a new wait.
            call.waits_since = None;
        }
        self.release(now, &far.who);
        if self.third_stays(now, call, out) {
            return;
        }
        if far.paged && !far.referred {
            return self.run_flow(now, call, flow::Event::Page(PageNews::Ended), out);
        }
        let is_of_a_flow = matches!(far.who, Who::Number { .. }) && !far.referred;
        match (far.who.agent(), is_of_a_flow) {
            (_, true) => self.run_flow(now, call, flow::Event::Transfer(TransferNews::Ended), out),
            (agent, false) => {
                match call.served.take() {
                    Some(place) if lost || far.state != FarState::Bridged => {
                        // A phone that vanished is not rung again until it registers anew; an agent who hung up
                        // during the whisper has her wrap-up.
                        if let Some(agent) = agent.filter(|_| lost) {
                            let change = AgentChange::Unreachable;
                            self.acd_input(now, acd::Input::Agent { agent, change });
                        }
                        self.back_to_her_place(now, call, place, out);
                    }
                    _ => self.run_flow(now, call, flow::Event::Queue(QueueNews::AgentLeft), out),
                }
            }
        }
    }

    /// Her agent was lost before she was helped: she waits on from the moment she first began to wait.
    pub(crate) fn back_to_her_place(
        &mut self,
        now: Now,
        call: &mut Call,
        place: Waiting,
        out: &mut Vec<Output>,
    ) {
        let again =
            Hop::Requeued { queue: place.request.queue.to_string(), waited_ms: waited_ms(now, place.since) };
        self.hop(now, Some(call), again, out);
        self.run_flow(now, call, flow::Event::Queue(QueueNews::AgentLost), out);
        if !call.over && call.waiting.is_none() {
            self.join_queue(now, call, place.request, place.since);
        }
    }

    /// Tells the end of a conversation, if there was one.
    pub(crate) fn parted(&mut self, now: Now, call: &mut Call, far: &Far, why: &str, out: &mut Vec<Output>) {
        if far.state == FarState::Bridged {
            let talked_ms = millis(now.mono.saturating_duration_since(far.since.mono));
            call.summary.talked_ms += talked_ms;
            self.hop(
                now,
                Some(call),
                Hop::Parted { with: far.who.name(), why: why.to_owned(), talked_ms },
                out,
            );
            self.end_supervision(now, call, out);
        }
    }

    /// The queue takes its offer back.
    pub(crate) fn withdraw(&mut self, now: Now, offer: OfferId, why: Withdrawal, out: &mut Vec<Output>) {
        let offered = |call: &Call| match &call.far {
            Some(Far { who: Who::Agent { offer: its, .. }, .. }) => *its == offer,
            _ => false,
        };
        let Some(id) = self.calls.values().find(|call| offered(call)).map(|call| call.id) else { return };
        let why = match why {
            Withdrawal::NoAnswer => "no_answer",
            Withdrawal::CallerLeft => "caller_left",
            Withdrawal::AgentLeft => "agent_left",
            Withdrawal::Overtaken => "overtaken",
        };
        self.with_call(now, id, |switch, call| {
            let Some(far) = call.far.take() else { return };
            switch.close_port(far.party.port, out);
            for leg in &far.legs {
                switch.hang_up(now, *leg, EndCause::OtherLegEnded, out);
            }
            let rang_ms = millis(now.mono.saturating_duration_since(far.since.mono));
            let not_taken = Hop::NotTaken { agent: far.who.name(), why: why.to_owned(), rang_ms };
            switch.hop(now, Some(call), not_taken, out);
        });
    }

    /// Lets go of the other side because the caller's own way ended or goes elsewhere.
    pub(crate) fn drop_far(
        &mut self,
        now: Now,
        call: &mut Call,
        cause: EndCause,
        why: &str,
        out: &mut Vec<Output>,
    ) {
        self.drop_third(now, call, why, out);
        let Some(far) = call.far.take() else { return };
        self.close_port(far.party.port, out);
        for leg in &far.legs {
            self.hang_up(now, *leg, cause, out);
        }
        self.parted(now, call, &far, why, out);
        if let Who::Colleague { agent, .. } = &far.who {
            self.disengage(now, *agent);
        }
        if let Who::Agent { agent, name, .. } = &far.who {
            match far.state {
                // The queue forgot the offer with the entry and says nothing more of it.
                FarState::Opening | FarState::Ringing => {
                    let rang_ms = millis(now.mono.saturating_duration_since(far.since.mono));
                    let not_taken =
                        Hop::NotTaken { agent: name.clone(), why: "caller_left".to_owned(), rang_ms };
                    self.hop(now, Some(call), not_taken, out);
                }
                FarState::Whispering { .. } | FarState::Asking { .. } | FarState::Bridged => {
                    let change = AgentChange::ConversationEnded;
                    self.acd_input(now, acd::Input::Agent { agent: *agent, change });
                }
            }
        }
    }

    /// The other side put the caller on hold, or took her back. Nobody waits in silence.
    pub(crate) fn held_by_far(&mut self, now: Now, call: &mut Call, held: bool, out: &mut Vec<Output>) {
        let Some(far) = &mut call.far else { return };
        if far.state != FarState::Bridged || far.held == held {
            return;
        }
        far.held = held;
        if far.called_in {
            return;
        }
        let by = far.who.name();
        self.hop(now, Some(call), Hop::Held { by, held }, out);
        self.part_or_join(call, held, call.party.port, out);
    }

    /// An agent who made this call puts the other side on hold, or takes it back.
    pub(crate) fn held_by_caller(&mut self, now: Now, call: &mut Call, held: bool, out: &mut Vec<Output>) {
        let (Some(far), Some(direct)) = (&call.far, call.script.direct()) else { return };
        if far.state != FarState::Bridged || call.held == held {
            return;
        }
        call.held = held;
        let on_hold = far.party.port;
        self.hop(now, Some(call), Hop::Held { by: direct.user.clone(), held }, out);
        self.part_or_join(call, held, on_hold, out);
    }

    /// Music for the one who is put on hold, or both together again.
    fn part_or_join(&mut self, call: &Call, held: bool, on_hold: media::PortId, out: &mut Vec<Output>) {
        if !held {
            return self.talk(call, out);
        }
        // With a third there she is not alone.
        if call.third_that_talks().is_some() {
            return;
        }
        let mut media = |command| out.push(Output::Media { shard: call.shard, command });
        media(media::Command::Unbridge { port: on_hold });
        let music = call.setup.prompts.named(&call.language, "hold_music").map(Arc::clone);
        let id = self.next_playlist();
        let playlist =
            Playlist { prompts: music.into_iter().collect(), repeats: true, lead_in: Duration::ZERO, id };
        media(media::Command::Play { port: on_hold, playlist });
    }
}
