//! Scripted telephones at the far end of the simulated wire: patients, agents, and the number outside.
//!
//! A [`Phone`] is a user agent of its own ([`sip::Endpoint`]) with a voice, ears and habits. What it does
//! beyond SIP is a list of [`Wish`]es on the virtual clock.

mod call;
mod registration;
mod script;
mod sound;
mod talk;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use media::sdp::{self, Codec, Local};
use primitives::{Now, Private, Seed};
use sip::digest::{self, DigestChallenge};
use sip::message::{Message, Method};
use sip::{Config, EndCause, Endpoint, Input, Invite, LegCommand, LegId, Output, Path, Refusal, Transport};

use crate::sim::Chance;
use registration::Registration;
pub use script::{Phase, Reaction, Wish};
pub use sound::Ear;
use talk::Talk;

/// Codecs of a phone, best first.
const CODECS: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

/// One datagram on its way.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Bytes,
}

/// What is planned, on which leg.
#[derive(Debug)]
enum Deed {
    Wish(Option<LegId>, Wish),
    Answer(LegId, Vec<(Duration, Wish)>),
    Refuse(LegId, u16),
    Key { leg: LegId, code: u8, step: u16, timestamp: u32 },
    Return,
}

/// One call of a phone.
#[derive(Debug)]
struct PhoneLeg {
    phase: Phase,
    dialled: Option<String>,
    /// Whether the credentials were sent already.
    is_proven: bool,
    /// The header of the same name.
    replaces: Option<(String, String)>,
    offer: Option<Bytes>,
    talk: Talk,
    then: Vec<(Duration, Wish)>,
}

/// A scripted telephone.
pub(crate) struct Phone {
    pub name: String,
    pub address: SocketAddr,
    /// What From says.
    number: Option<String>,
    node: SocketAddr,
    endpoint: Endpoint,
    chance: Chance,
    seed: Seed,
    lives: u64,
    has_power: bool,
    registration: Option<Registration>,
    challenges: Vec<DigestChallenge>,
    legs: BTreeMap<LegId, PhoneLeg>,
    /// The call the next wish without a leg is about.
    current: Option<LegId>,
    /// Once the call is answered.
    then: Vec<(Duration, Wish)>,
    reactions: VecDeque<Reaction>,
    habit: Option<fn(&mut Chance) -> Reaction>,
    plan: BTreeMap<(Instant, u64), Deed>,
    planned: u64,
    rtp_port: u16,
    voice: u8,
    /// Each sound in the order heard, silence and repetitions left out.
    pub heard: Vec<u8>,
    /// What came of its transfers: the answer to each REFER, and the news.
    pub referrals: Vec<u16>,
    /// Final answers to calls it placed.
    pub refusals: Vec<u16>,
    last_over: Option<Phase>,
}

impl Phone {
    pub(crate) fn new(
        name: &str,
        number: Option<String>,
        (address, node): (SocketAddr, SocketAddr),
        seed: Seed,
        voice: u8,
    ) -> Self {
        Self {
            name: name.to_owned(),
            address,
            number,
            node,
            endpoint: endpoint(address, seed.part("first life")),
            chance: Chance::new(&seed, "whims"),
            seed,
            lives: 1,
            has_power: true,
            registration: None,
            challenges: Vec::new(),
            legs: BTreeMap::new(),
            current: None,
            then: Vec::new(),
            reactions: VecDeque::new(),
            habit: None,
            plan: BTreeMap::new(),
            planned: 0,
            rtp_port: 40_000,
            voice,
            heard: Vec::new(),
            referrals: Vec::new(),
            refusals: Vec::new(),
            last_over: None,
        }
    }

    /// Registers now, and again before each registration lapses.
    pub(crate) fn register(&mut self, now: Now, user: &str, secret: Private<String>, lasts: Duration) {
        let id = self.chance.token();
        self.registration = Some(Registration::new(now.mono, user, secret, lasts, id));
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.registration.as_ref().is_some_and(Registration::holds)
    }

    /// What it does at the next calls, one each; then its habit.
    pub(crate) fn react(&mut self, reaction: Reaction) {
        self.reactions.push_back(reaction);
    }

    pub(crate) fn set_habit(&mut self, habit: fn(&mut Chance) -> Reaction) {
        self.habit = Some(habit);
    }

    /// What it does once its own call is answered.
    pub(crate) fn script(&mut self, then: Vec<(Duration, Wish)>) {
        self.then = then;
    }

    pub(crate) fn plan(&mut self, at: Instant, wish: Wish) {
        self.put(at, Deed::Wish(None, wish));
    }

    fn put(&mut self, at: Instant, deed: Deed) {
        self.planned += 1;
        self.plan.insert((at, self.planned), deed);
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.current.and_then(|leg| self.legs.get(&leg)).map(|leg| leg.phase).or(self.last_over)
    }

    /// What names its newest call to others (RFC 3891).
    pub(crate) fn dialog(&self) -> Option<String> {
        self.endpoint.replaces(self.current?)
    }

    /// Whether it has nothing to do: no call, no transaction, no plan.
    pub(crate) fn is_idle(&self) -> bool {
        self.plan.is_empty() && (!self.has_power || (self.legs.is_empty() && self.endpoint.is_idle()))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let plan = self.plan.first_key_value().map(|((at, _), _)| *at);
        if !self.has_power {
            return plan;
        }
        let talk = self.legs.values().filter_map(|leg| leg.talk.due()).min();
        let registration = self.registration.as_ref().and_then(Registration::poll_timeout);
        [plan, talk, registration, self.endpoint.poll_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn timeout(&mut self, now: Now, out: &mut Vec<Datagram>) {
        while let Some(entry) = self.plan.first_entry()
            && entry.key().0 <= now.mono
        {
            let deed = entry.remove();
            if self.has_power || matches!(deed, Deed::Return | Deed::Wish(_, Wish::Dial(_))) {
                self.act(now, deed, out);
            }
        }
        if !self.has_power {
            return;
        }
        for leg in self.legs.values_mut() {
            leg.talk.speak(now.mono, self.voice, out);
        }
        if let Some(registration) = &mut self.registration
            && let Some(bytes) = registration.timeout(now.mono, self.address, &mut self.chance)
        {
            out.push(Datagram { from: self.address, to: self.node, bytes });
        }
        if self.endpoint.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.sip(now, Input::Timeout, out);
        }
    }

    /// A datagram to its SIP port.
    pub(crate) fn receive_sip(&mut self, now: Now, from: SocketAddr, bytes: &Bytes, out: &mut Vec<Datagram>) {
        if !self.has_power {
            return;
        }
        if let Ok(Message::Response(response)) = sip::message::parse(bytes) {
            let cseq = response.headers.cseq().ok();
            if cseq.as_ref().is_some_and(|cseq| cseq.method == Method::Register) {
                if let Some(registration) = &mut self.registration {
                    registration.answered(now.mono, &response, &mut self.chance);
                }
                return;
            }
            if response.status == 401 {
                self.challenges = response.headers.www_authenticate().unwrap_or_default();
            }
        }
        let path = Path { transport: Transport::Udp, local: self.address, peer: from, connection: None };
        self.sip(now, Input::Received { path, bytes }, out);
    }

    /// A datagram to an RTP port.
    pub(crate) fn receive_rtp(&mut self, port: u16, packet: &[u8]) {
        if !self.has_power {
            return;
        }
        let is_mine = |leg: &&PhoneLeg| leg.talk.port == port && leg.phase == Phase::Up;
        if self.legs.values().any(|leg| is_mine(&leg))
            && let Some(sound) = talk::sound_of(packet)
            && self.heard.last() != Some(&sound)
        {
            self.heard.push(sound);
        }
    }

    fn sip(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Datagram>) {
        let mut outputs = Vec::new();
        self.endpoint.handle(now, input, &mut outputs);
        self.perform(now, outputs, out);
    }

    fn perform(&mut self, now: Now, outputs: Vec<Output>, out: &mut Vec<Datagram>) {
        for output in outputs {
            match output {
                Output::Send { path, bytes, .. } => {
                    out.push(Datagram { from: self.address, to: path.peer, bytes });
                }
                Output::Leg { leg, event } => self.leg_event(now, leg, event, out),
                _ => {}
            }
        }
    }

    fn act(&mut self, now: Now, deed: Deed, out: &mut Vec<Datagram>) {
        match deed {
            Deed::Wish(leg, wish) => {
                let leg = leg.or(self.current);
                self.wish(now, leg, wish, out);
            }
            Deed::Answer(id, then) => {
                let Some(leg) = self.legs.get_mut(&id) else { return };
                leg.then = then;
                let sdp = leg.talk.answer(leg.offer.as_deref());
                match sdp {
                    Some(sdp) => self.command(now, id, LegCommand::Answer { sdp }, out),
                    None => self.command(now, id, LegCommand::Reject(Refusal::status(488)), out),
                }
            }
            Deed::Refuse(id, _) if self.legs.get(&id).is_none_or(|leg| leg.phase != Phase::Ringing) => {}
            Deed::Refuse(leg, status) => {
                self.command(now, leg, LegCommand::Reject(Refusal::status(status)), out);
            }
            Deed::Key { leg, code, step, timestamp } => {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.talk.send_key(code, step, timestamp, out);
                }
            }
            Deed::Return => self.power_on(now),
        }
    }

    fn wish(&mut self, now: Now, leg: Option<LegId>, wish: Wish, out: &mut Vec<Datagram>) {
        match (wish, leg) {
            (Wish::Dial(number), _) => self.dial(now, number, Vec::new(), out),
            (Wish::Vanish(back_after), _) => {
                self.power_off();
                if let Some(after) = back_after {
                    self.put(now.mono + after, Deed::Return);
                }
            }
            (Wish::HangUp, Some(leg)) => {
                self.command(now, leg, LegCommand::HangUp { cause: EndCause::WeHungUp }, out);
            }
            (Wish::Press(key), Some(id)) => {
                let code = media::Digit::from_char(key).map(media::Digit::event);
                let timestamp = self.legs.get(&id).map(|leg| leg.talk.timestamp(now.mono));
                let (Some(code), Some(timestamp)) = (code, timestamp) else { return };
                for step in 1..=talk::KEY_STEPS {
                    let at = now.mono + talk::KEY_STEP * u32::from(step - 1);
                    self.put(at, Deed::Key { leg: id, code, step, timestamp });
                }
            }
            (Wish::Mute, Some(leg)) => {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.talk.is_muted = true;
                }
            }
            (Wish::Hold, Some(leg)) => self.offer_again(now, leg, true, out),
            (Wish::Resume, Some(leg)) => self.offer_again(now, leg, false, out),
            (Wish::Transfer(to), Some(leg)) => {
                let to = format!("sip:{to}@{}", self.node);
                self.command(now, leg, LegCommand::Refer { to }, out);
            }
            (Wish::Join, Some(leg)) => self.join(now, leg, out),
            (Wish::TakeUp, Some(leg)) => {
                let Some(replaces) = self.endpoint.replaces(leg) else { return };
                self.wish(now, None, Wish::PickUp(replaces), out);
            }
            (Wish::PickUp(replaces), _) => {
                self.dial(now, self.name.clone(), vec![("Replaces".to_owned(), replaces)], out);
            }
            (
                Wish::Transfer(_)
                | Wish::Join
                | Wish::TakeUp
                | Wish::HangUp
                | Wish::Press(_)
                | Wish::Mute
                | Wish::Hold
                | Wish::Resume,
                None,
            ) => {}
        }
    }

    /// Refers whom it talked with first to whom it talks with now.
    fn join(&mut self, now: Now, consulted: LegId, out: &mut Vec<Datagram>) {
        let Some(first) = self.legs.keys().find(|leg| **leg != consulted).copied() else { return };
        let Some(replaces) = self.endpoint.replaces(consulted) else { return };
        let escaped = replaces.replace(';', "%3B").replace('=', "%3D");
        let to = format!("sip:consulted@{}?Replaces={escaped}", self.node);
        self.command(now, first, LegCommand::Refer { to }, out);
    }

    fn offer_again(&mut self, now: Now, id: LegId, hold: bool, out: &mut Vec<Datagram>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let sdp = leg.talk.offer(hold);
        self.command(now, id, LegCommand::Offer { sdp }, out);
    }

    fn command(&mut self, now: Now, leg: LegId, command: LegCommand, out: &mut Vec<Datagram>) {
        self.sip(now, Input::Command { leg, command }, out);
    }

    fn dial(&mut self, now: Now, number: String, headers: Vec<(String, String)>, out: &mut Vec<Datagram>) {
        if !self.has_power {
            self.power_on(now);
        }
        let is_proven = headers.iter().any(|(name, _)| name == "Authorization");
        let replaces = headers.iter().find(|(name, _)| name == "Replaces").cloned();
        let mut talk = self.new_talk(now.mono);
        let invite = Invite {
            uri: format!("sip:{number}@{}", self.node),
            path: None,
            from: self.number.clone().map(Private::new),
            display_name: String::new(),
            offer: talk.offer(false),
            headers,
            ..Invite::default()
        };
        let mut outputs = Vec::new();
        let id = self.endpoint.dial(now, invite, &mut outputs);
        let leg = PhoneLeg {
            phase: Phase::Ringing,
            dialled: Some(number),
            is_proven,
            replaces,
            offer: None,
            talk,
            then: std::mem::take(&mut self.then),
        };
        self.legs.insert(id, leg);
        self.current = Some(id);
        self.perform(now, outputs, out);
    }

    fn new_talk(&mut self, now: Instant) -> Talk {
        let port = self.rtp_port;
        self.rtp_port = if port >= 60_000 { 40_000 } else { port + 2 };
        Talk::new(now, SocketAddr::new(self.address.ip(), port), &mut self.chance)
    }

    /// Proof of who calls, for an INVITE to this number.
    fn credentials(&mut self, number: &str) -> Option<Private<String>> {
        let registration = self.registration.as_ref()?;
        let uri = sip::uri::Uri::parse(&format!("sip:{number}@{}", self.node)).ok()?;
        let cnonce = self.chance.token();
        let user = Private::new(registration.user.clone());
        digest::answer(&self.challenges, &user, &registration.secret, &Method::Invite, &uri, &cnonce, 1)
    }

    fn power_off(&mut self) {
        self.has_power = false;
        self.legs.clear();
        self.current = None;
        self.plan.retain(|_, deed| matches!(deed, Deed::Return | Deed::Wish(None, Wish::Dial(_))));
        self.last_over = Some(Phase::Over(EndCause::Unreachable));
    }

    fn power_on(&mut self, now: Now) {
        if self.has_power {
            return;
        }
        self.has_power = true;
        self.lives += 1;
        self.endpoint = endpoint(self.address, self.seed.part(&format!("life {}", self.lives)));
        let id = self.chance.token();
        if let Some(registration) = &mut self.registration {
            registration.begin_anew(now.mono, id);
        }
    }
}

fn endpoint(address: SocketAddr, seed: Seed) -> Endpoint {
    Endpoint::new(Config { listeners: vec![(Transport::Udp, address)], ..Config::default() }, seed)
}

/// Everything one phone says of itself in SDP.
fn local(address: SocketAddr, session_id: u64, version: u64, hold: bool) -> Local<'static> {
    Local { address, codecs: &CODECS, session_id, version, hold, encryption: media::sdp::Encryption::Off }
}

/// The prompts among what a phone heard, by name.
pub(crate) fn names<'a>(heard: &'a [u8], ear: &'a Ear) -> impl Iterator<Item = &'a Arc<str>> {
    heard.iter().filter_map(|value| ear.name_of(*value))
}

/// Reads an answer to an offer of ours.
fn accept(answer: &[u8], local: Local<'_>) -> Option<sdp::Session> {
    sdp::accept(answer, local).ok()
}
