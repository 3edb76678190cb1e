//! One careline node without its process: a switch, a media thread, an audit writer, and the driver between
//! them, which does here what `server` does with sockets and threads.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acd::AgentChange;
use bytes::Bytes;
use call::{Input, Output, Setup, Switch};
use media::{Command, Event, PacketBatch, PortId, Shard, Slot};
use primitives::{Now, Seed};
use sip::{Binding, Path, RegistrationChange, Release, Transport};

use super::durability::{Durability, Released};
use super::{Chance, Fate, NODE};
use crate::invariants::Monitor;
use crate::phone::Datagram;

/// The 20 ms between two packets of a stream. All slots of the grid are ticked at once: a simulation has no
/// bursts to flatten.
const FRAME: Duration = Duration::from_millis(20);
/// What an event takes from the media thread to the signalling thread, at most.
const EVENT_MS_MAX: u64 = 3;

/// Media threads: two, so that what crosses them is not heard here either.
pub(crate) const SHARDS: u16 = 2;

/// The SIP listener.
pub(crate) const SIP: SocketAddr = SocketAddr::new(NODE, 5060);

/// A node at work.
pub(crate) struct Node {
    pub switch: Switch,
    shards: [Shard; SHARDS as usize],
    /// Which media thread has a port.
    places: BTreeMap<PortId, u16>,
    sockets: BTreeMap<SocketAddr, PortId>,
    locals: BTreeMap<PortId, SocketAddr>,
    next_frame: Option<Instant>,
    events: VecDeque<(Instant, Event)>,
    out: Vec<Output>,
    packets: PacketBatch,
    chance: Chance,
    /// What becomes of requests to other systems, by name.
    pub fates: BTreeMap<String, VecDeque<Fate>>,
    /// How many sockets in a thousand cannot be bound.
    pub unbindable_permille: u64,
}

impl Node {
    pub(crate) fn new(setup: Arc<Setup>, seed: &Seed) -> Self {
        let config = sip::Config { listeners: vec![(Transport::Udp, SIP)], ..sip::Config::default() };
        Self {
            switch: Switch::new(setup, config, seed.part("switch")),
            shards: ["shard", "second shard"].map(|name| Shard::new(seed.part(name))),
            places: BTreeMap::new(),
            sockets: BTreeMap::new(),
            locals: BTreeMap::new(),
            next_frame: None,
            events: VecDeque::new(),
            out: Vec::new(),
            packets: PacketBatch::default(),
            chance: Chance::new(seed, "driver"),
            fates: BTreeMap::new(),
            unbindable_permille: 0,
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let event = self.events.front().map(|(at, _)| *at);
        [event, self.next_frame, self.switch.poll_timeout()].into_iter().flatten().min()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.switch.is_idle() && self.events.is_empty() && self.open_ports() == 0
    }

    /// Ports the media thread still has open.
    pub(crate) fn open_ports(&self) -> usize {
        self.shards.iter().map(Shard::ports).sum::<usize>().max(self.locals.len())
    }

    /// Hands an input to the switch, and what comes of it to where it goes.
    pub(crate) fn handle(&mut self, now: Now, input: Input<'_>, rest: &mut Rest<'_>) {
        let mut out = std::mem::take(&mut self.out);
        self.switch.handle(now, input, &mut out);
        rest.monitor.batch(now, &out);
        let mut facts = Vec::new();
        let mut held = Vec::new();
        for output in out.drain(..) {
            match output {
                Output::Hop { at, call, flow, hop } => {
                    facts.push(audit::Event { at, call, flow, fact: hop.fact() });
                }
                Output::Sip(
                    sip::Output::Send { release: Release::AtOnce, .. }
                    | sip::Output::Connect { .. }
                    | sip::Output::Resolve { .. }
                    | sip::Output::Dropped(_),
                ) => {
                    self.perform(now, output, rest);
                }
                other => held.push(other),
            }
        }
        self.out = out;
        if facts.is_empty() && held.is_empty() {
            return;
        }
        for output in rest.durability.submit(now.mono, facts, held) {
            self.perform(now, output, rest);
        }
    }

    /// Time has passed.
    pub(crate) fn timeout(&mut self, now: Now, rest: &mut Rest<'_>) {
        while let Some(released) = rest.durability.take_due(now.mono) {
            match released {
                Released::Held(held) => {
                    for output in held {
                        self.perform(now, output, rest);
                    }
                }
                Released::State(state) => self.handle(now, Input::Log(state), rest),
            }
        }
        while self.events.front().is_some_and(|(at, _)| *at <= now.mono) {
            let Some((_, event)) = self.events.pop_front() else { break };
            rest.monitor.media_event(&event);
            self.handle(now, Input::Media(event), rest);
        }
        if self.next_frame.is_some_and(|at| at <= now.mono) {
            self.frame(now, rest);
        }
        if self.switch.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.handle(now, Input::Timeout, rest);
        }
    }

    /// One datagram from the network.
    pub(crate) fn receive(&mut self, now: Now, datagram: &Datagram, rest: &mut Rest<'_>) {
        if datagram.to == SIP {
            let path = Path { transport: Transport::Udp, local: SIP, peer: datagram.from, connection: None };
            return self.handle(now, Input::Sip(sip::Input::Received { path, bytes: &datagram.bytes }), rest);
        }
        let Some(port) = self.sockets.get(&datagram.to).copied() else { return };
        let mut packet = datagram.bytes.to_vec();
        let mut events = Vec::new();
        let place = self.places.get(&port).copied().unwrap_or_default();
        let Some(shard) = self.shards.get_mut(usize::from(place)) else { return };
        shard.receive(now.mono, port, datagram.from, &mut packet, &mut self.packets, &mut events);
        self.send_packets(now, rest);
        self.tell(now, events);
    }

    fn frame(&mut self, now: Now, rest: &mut Rest<'_>) {
        let mut events = Vec::new();
        for shard in &mut self.shards {
            for slot in 0..Slot::COUNT {
                shard.tick(now.mono, Slot::of_tick(slot.into()), &mut self.packets, &mut events);
            }
        }
        self.send_packets(now, rest);
        self.tell(now, events);
        self.next_frame = (self.open_ports() > 0).then(|| now.mono + FRAME);
    }

    fn send_packets(&mut self, now: Now, rest: &mut Rest<'_>) {
        for (outgoing, bytes) in self.packets.iter() {
            if let Some(from) = self.locals.get(&outgoing.port) {
                let datagram =
                    Datagram { from: *from, to: outgoing.to, bytes: Bytes::copy_from_slice(bytes) };
                rest.network.send(now, datagram);
            }
        }
        self.packets.clear();
    }

    /// Events reach the signalling thread a moment later, in their order.
    fn tell(&mut self, now: Now, events: Vec<Event>) {
        for event in events {
            if let Event::Closed { port, .. } = &event
                && let Some(local) = self.locals.remove(port)
            {
                self.sockets.remove(&local);
                self.places.remove(port);
            }
            let earliest = self.events.back().map_or(now.mono, |(at, _)| *at);
            let at = (now.mono + self.chance.ms(0, EVENT_MS_MAX)).max(earliest);
            self.events.push_back((at, event));
        }
    }

    fn perform(&mut self, now: Now, output: Output, rest: &mut Rest<'_>) {
        match output {
            Output::Sip(sip::Output::Send { path, bytes, .. }) => {
                rest.monitor.left(&bytes);
                rest.network.send(now, Datagram { from: SIP, to: path.peer, bytes });
            }
            Output::Sip(sip::Output::Resolve { id, .. }) => {
                self.handle(now, Input::Sip(sip::Input::Resolved { id, targets: &[] }), rest);
            }
            Output::Sip(sip::Output::Connect { id, .. }) => {
                let change = sip::ConnectionChange::Lost;
                self.handle(now, Input::Sip(sip::Input::Connection { id, change }), rest);
            }
            Output::LookUp(asked) => {
                let news = asked.table.find(&asked.inquiry);
                let number = asked.inquiry.number;
                self.handle(now, Input::Inquired { call: asked.call, number, news, why: "" }, rest);
            }
            Output::Request(asked) => self.request(now, &asked, rest),
            Output::Media { shard, command } => self.command(now, shard, command),
            Output::Registration(change) => rest.stored.registration(change),
            Output::AgentChanged { agent, change } => rest.stored.agent(agent, change),
            Output::Notice(notice) => rest.stored.notices.push(*notice),
            _ => {}
        }
    }

    fn request(&mut self, now: Now, asked: &call::Request, rest: &mut Rest<'_>) {
        let fate = self.fates.get_mut(&**asked.inquiry.source.name()).and_then(VecDeque::pop_front);
        let (news, why) = match fate {
            Some(Fate::Answers(json)) => match asked.inquiry.read(&json) {
                Some(news) => (news, ""),
                None => (flow::InquiryNews::Failed, "answer_lacks"),
            },
            Some(Fate::Fails(why)) => (flow::InquiryNews::Failed, why),
            Some(Fate::Silence) | None => return,
        };
        let number = asked.inquiry.number;
        self.handle(now, Input::Inquired { call: asked.call, number, news, why }, rest);
    }

    fn command(&mut self, now: Now, shard: u16, command: Command) {
        if let Command::Open { port, local } = &command {
            let is_unlucky = self.chance.below(1_000) < self.unbindable_permille;
            if is_unlucky || self.sockets.contains_key(local) {
                return self.tell(now, vec![Event::OpenFailed { port: *port }]);
            }
            self.sockets.insert(*local, *port);
            self.locals.insert(*port, *local);
            self.places.insert(*port, shard);
            self.next_frame = self.next_frame.or(Some(now.mono + FRAME));
        }
        let mut events = Vec::new();
        let Some(shard) = self.shards.get_mut(usize::from(shard)) else { return };
        shard.command(now.mono, command, &mut events);
        self.tell(now, events);
    }
}

/// What the node's database keeps across a restart.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    bindings: BTreeMap<(String, String), Binding>,
    /// Whether she signed in, and what she last said of being ready.
    agents: BTreeMap<String, [Option<AgentChange>; 2]>,
    /// What the people were told who are told of emergency calls.
    pub notices: Vec<call::Notice>,
}

impl Stored {
    fn registration(&mut self, change: RegistrationChange) {
        match change {
            RegistrationChange::Bound { user, binding, .. } => {
                self.bindings.insert((user, binding.contact.clone()), binding);
            }
            RegistrationChange::Unbound { user, contact, .. } => {
                self.bindings.remove(&(user, contact));
            }
        }
    }

    fn agent(&mut self, agent: String, change: AgentChange) {
        let [signed_in, ready] = self.agents.entry(agent).or_default();
        match change {
            AgentChange::SignIn { .. } => *signed_in = Some(change),
            AgentChange::SignOut => (*signed_in, *ready) = (None, None),
            AgentChange::Ready | AgentChange::Pause { .. } => *ready = Some(change),
            _ => {}
        }
    }

    /// What a new switch is told first.
    pub(crate) fn inputs(&self) -> Vec<Input<'static>> {
        let bindings = self
            .bindings
            .iter()
            .map(|((user, _), binding)| Input::Restore { user: user.clone(), binding: binding.clone() });
        let agents = self.agents.iter().flat_map(|(agent, changes)| {
            changes.iter().flatten().map(|change| Input::Agent {
                agent: agent.clone(),
                change: change.clone(),
                by: "restart",
            })
        });
        bindings.chain(agents).collect()
    }
}

/// What a node works with that outlives it.
pub(crate) struct Rest<'a> {
    pub stored: &'a mut Stored,
    pub durability: &'a mut Durability,
    pub monitor: &'a mut Monitor,
    pub network: &'a mut dyn Network,
}

/// Where its datagrams go.
pub(crate) trait Network {
    fn send(&mut self, now: Now, datagram: Datagram);
}
