//! A whole node, its callers and its agents on one virtual clock, with a network between them that loses,
//! doubles and delays. One number fixes everything that happens.
//!
//! | file | what |
//! |---|---|
//! | `world.rs` | flows, queues, agents and prompts of the node |
//! | `node.rs` | the switch, its media thread and the driver between them |
//! | `durability.rs` | its audit writer and disk |
//! | `conditions.rs` | what the network, the disk and the sockets do to it |
//! | `direct.rs`, `observe.rs` | what people are told to do, and what is seen of it |
//! | `crowd.rs` | callers and agents with habits drawn from the seed |
//! | `export.rs` | its log as an auditor is given it |
//! | `trace.rs` | what happened, in words and as one number |

mod chance;
mod conditions;
mod crowd;
mod direct;
mod durability;
mod export;
mod node;
mod observe;
mod trace;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use acd::AgentChange;
use call::{Input, Setup};
use primitives::{Now, Seed};

use crate::clock::Clock;
use crate::invariants::Monitor;
use crate::link::Link;
use crate::phone::{Datagram, Ear, Phone};
pub use chance::Chance;
pub use conditions::{Conditions, Failure};
pub use crowd::{Crowd, agent_habit};
pub use durability::Disk;
use durability::Durability;
use node::{Network, Node, Rest, SIP, Stored};
pub use trace::Trace;
pub use world::{FRONT_DOOR, Fate, FlowsBroken, NODE, World};

/// A phone of the simulation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PhoneId(usize);

/// Steps one run may take: ten times what the longest scenario needs.
const STEPS_MAX: u64 = 20_000_000;
/// The longest a scenario may keep its phones busy.
const PHONES_WITHIN: Duration = Duration::from_secs(3_600);
/// How long after its last phone has hung up a node may take to let go of everything: the longest list of
/// prompts, a round of the flow, and SIP's Timer B twice.
const QUIET_WITHIN: Duration = Duration::from_secs(900);
/// How long after that an agent may still write notes or rest her phone.
const AGENTS_REST: Duration = Duration::from_secs(60);

/// A whole node with its callers and agents.
pub struct Sim {
    number: u64,
    seed: Seed,
    clock: Clock,
    world: World,
    setup: Arc<Setup>,
    ear: Ear,
    conditions: Conditions,
    node: Node,
    boots: u64,
    durability: Durability,
    stored: Stored,
    monitor: Monitor,
    wires: Wires,
    phones: Vec<Phone>,
    by_address: BTreeMap<IpAddr, usize>,
    /// When each phone must next be looked at.
    wakes: BTreeSet<(Instant, usize)>,
    wake_of: Vec<Option<Instant>>,
    /// Wishes of agents that reach the node by its API.
    asked: BTreeMap<(Instant, u64), (String, AgentChange)>,
    asked_so_far: u64,
    trace: Trace,
    steps: u64,
}

/// Both directions of the network.
struct Wires {
    to_node: Link<Datagram>,
    from_node: Link<Datagram>,
    trace: Trace,
}

impl Network for Wires {
    fn send(&mut self, now: Now, datagram: Datagram) {
        self.trace.packet(&datagram.bytes);
        self.from_node.send(now.mono, datagram);
    }
}

impl Sim {
    /// Everything at its beginning. The same number, world, conditions and wishes make the same run.
    pub fn new(number: u64, world: World, conditions: Conditions) -> Result<Self, FlowsBroken> {
        let seed = Seed::numbered(number);
        let ear = Ear::new(world.prompts.keys().map(|prompt| &*prompt.name));
        let numbers = world.numbers.values().enumerate().map(|(at, user)| {
            let address = SocketAddr::new(outside(at), 5060);
            (user.clone(), format!("sip:{user}@{address}"))
        });
        let setup = Arc::new(world.setup(&numbers.collect(), &ear)?);
        let mut node = Node::new(Arc::clone(&setup), &seed.part("boot 1"));
        node.unbindable_permille = conditions.unbindable_permille;
        node.fates = world.fates();
        let chance = Chance::new(&seed, "disk");
        let durability = Durability::new(chance, conditions.disk)
            .ok_or_else(|| FlowsBroken::because("the log's name is no name"))?;
        let mut sim = Self {
            number,
            seed,
            clock: Clock::new(),
            monitor: Monitor::new(world.agents.clone()),
            setup,
            ear,
            conditions,
            node,
            boots: 1,
            durability,
            stored: Stored::default(),
            wires: Wires {
                to_node: Link::new(seed.part("to the node"), conditions.faults),
                from_node: Link::new(seed.part("from the node"), conditions.faults),
                trace: Trace::default(),
            },
            phones: Vec::new(),
            by_address: BTreeMap::new(),
            wakes: BTreeSet::new(),
            wake_of: Vec::new(),
            asked: BTreeMap::new(),
            asked_so_far: 0,
            trace: Trace::default(),
            steps: 0,
            world,
        };
        let outside_users: Vec<String> = sim.world.numbers.values().cloned().collect();
        for (at, user) in outside_users.iter().enumerate() {
            sim.add_phone(user, None, outside(at));
        }
        let agents: Vec<String> = sim.world.agents.keys().cloned().collect();
        for (at, agent) in agents.iter().enumerate() {
            let phone = sim.add_phone(agent, Some(agent.clone()), nth(Ipv4Addr::new(10, 1, 0, 0), at));
            let now = sim.clock.now();
            if let Some(phone) = sim.phones.get_mut(phone.0) {
                phone.register(now, agent, World::secret(agent), Duration::from_secs(3_600));
            }
            sim.rewake(phone.0);
        }
        Ok(sim)
    }

    fn add_phone(&mut self, name: &str, number: Option<String>, address: IpAddr) -> PhoneId {
        let at = self.phones.len();
        let seed = self.seed.part(&format!("phone {at}"));
        let way = (SocketAddr::new(address, 5060), SIP);
        self.phones.push(Phone::new(name, number, way, seed, Ear::voice(at)));
        self.by_address.insert(address, at);
        self.wake_of.push(None);
        PhoneId(at)
    }

    /// A telephone of a patient, with a number nobody else has.
    pub fn patient(&mut self) -> PhoneId {
        let at = self.phones.len();
        let number = format!("+1555867{at:04}");
        self.monitor.keep_private(format!("555867{at:04}"));
        self.add_phone(&format!("patient{at}"), Some(number), nth(Ipv4Addr::new(10, 3, 0, 0), at))
    }

    /// The phone of an agent, or of a number outside, by its name.
    pub fn phone(&self, name: &str) -> Option<PhoneId> {
        self.phones.iter().position(|phone| phone.name == name).map(PhoneId)
    }

    /// Names of the agents.
    pub fn agents(&self) -> Vec<String> {
        self.world.agents.keys().cloned().collect()
    }

    /// Hands the switch something by hand: a reload, a drain.
    pub fn input(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        let Self { node, durability, stored, monitor, wires, .. } = self;
        node.handle(now, input, &mut Rest { durability, stored, monitor, network: wires });
    }

    /// So many RTP sockets in a thousand cannot be bound from now on.
    pub const fn set_unbindable(&mut self, permille: u64) {
        self.node.unbindable_permille = permille;
    }

    /// Flows, queues and agents are replaced while calls go on. Phones stay those of the first world.
    pub fn reload(&mut self, world: &World) -> Result<(), FlowsBroken> {
        let numbers = self.setup.numbers.clone();
        self.setup = Arc::new(Setup { numbers, ..world.setup(&BTreeMap::new(), &self.ear)? });
        self.monitor.set_agents(world.agents.clone());
        self.input(Input::Configured(Arc::clone(&self.setup)));
        Ok(())
    }

    /// What the node works with, for a reload of something alike.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// Lets so much time pass.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Failure> {
        let until = self.clock.now().mono + time;
        while self.poll_timeout().is_some_and(|at| at <= until) {
            self.step()?;
        }
        self.clock.advance_to(until);
        Ok(())
    }

    /// Runs until something is so. `false`: it was not within this time.
    pub fn run_until(&mut self, within: Duration, is_so: impl Fn(&Self) -> bool) -> Result<bool, Failure> {
        let until = self.clock.now().mono + within;
        while !is_so(self) {
            if self.poll_timeout().is_none_or(|at| at > until) {
                self.clock.advance_to(until);
                return Ok(is_so(self));
            }
            self.step()?;
        }
        Ok(true)
    }

    /// Runs until every phone has done what it was going to do and the node has let go of everything, and
    /// checks that it has.
    pub fn finish(&mut self) -> Result<(), Failure> {
        while self.phones.iter().any(|phone| !phone.is_idle()) || !self.asked.is_empty() {
            if self.clock.elapsed() > PHONES_WITHIN {
                let busy =
                    self.phones.iter().filter(|phone| !phone.is_idle()).map(|phone| phone.name.clone());
                let busy = busy.collect::<Vec<_>>().join(", ");
                self.monitor.violated(format!("after {PHONES_WITHIN:?} these phones are still busy: {busy}"));
                return self.judge();
            }
            if self.poll_timeout().is_none() {
                break;
            }
            self.step()?;
        }
        let node_is_idle = |sim: &Self| sim.node.is_idle() && sim.durability.is_idle();
        if !self.run_until(QUIET_WITHIN, node_is_idle)? {
            let status = self.status();
            self.monitor.violated(format!(
                "something is left: {} calls, {} open ports, switch idle: {}, calls: {:?}",
                self.node.switch.calls(),
                self.node.open_ports(),
                self.node.switch.is_idle(),
                status.calls,
            ));
        }
        self.run_for(AGENTS_REST)?;
        self.check_the_end();
        self.monitor.finish();
        self.judge()
    }

    fn check_the_end(&mut self) {
        let status = self.status();
        let ports = self.setup.media.ports.clone().filter(|port| port % 2 == 0).count();
        if status.ports_free != ports {
            let lost = ports - status.ports_free.min(ports);
            self.monitor.violated(format!("{lost} RTP numbers are never given back"));
        }
        for agent in status.agents.iter().filter(|agent| matches!(agent.state, "on_call" | "offered")) {
            self.monitor.violated(format!("{} is {} although nothing is left", agent.name, agent.state));
        }
        match export::verify(self.durability.durable()) {
            Ok(verified) if verified.incomplete_count == 0 && verified.open == 0 => {}
            Ok(verified) => self.monitor.violated(format!(
                "the log lacks records of {} calls, {} have no end",
                verified.incomplete_count, verified.open
            )),
            Err(broken) => self.monitor.violated(format!("the log does not verify: {broken}")),
        }
    }

    /// What an auditor finds in the log as it is durable now.
    pub fn verify_log(&self) -> Result<audit::Verified, String> {
        export::verify(self.durability.durable())
    }

    /// The process dies here and starts again with what was durable: no call, the registrations, the log.
    pub fn crash(&mut self) {
        self.boots += 1;
        let seed = self.seed.part(&format!("boot {}", self.boots));
        let fates = std::mem::take(&mut self.node.fates);
        self.node = Node::new(Arc::clone(&self.setup), &seed);
        self.node.fates = fates;
        self.node.unbindable_permille = self.conditions.unbindable_permille;
        self.durability.crash(self.clock.now());
        self.monitor.crash();
        self.trace.line(self.clock.elapsed(), "the node dies and starts again");
        for input in self.stored.inputs() {
            self.input(input);
        }
    }

    fn judge(&self) -> Result<(), Failure> {
        if self.monitor.violations().is_empty() {
            return Ok(());
        }
        let violations = self.monitor.violations().to_vec();
        Err(Failure { seed: self.number, violations, last: self.trace.last() })
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let phone = self.wakes.first().map(|(at, _)| *at);
        let asked = self.asked.first_key_value().map(|((at, _), _)| *at);
        let node = self.node.poll_timeout();
        let wires = [self.wires.to_node.poll_timeout(), self.wires.from_node.poll_timeout()];
        let mut all = [phone, asked, node, self.durability.poll_timeout()].into_iter().chain(wires).flatten();
        let first = all.next()?;
        Some(all.fold(first, Instant::min))
    }

    /// Goes to the next moment at which something happens, and lets all of it happen.
    fn step(&mut self) -> Result<(), Failure> {
        let Some(at) = self.poll_timeout() else { return Ok(()) };
        self.clock.advance_to(at);
        let now = self.clock.now();
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.monitor.violated(format!("no end after {STEPS_MAX} steps"));
        }
        while let Some(datagram) = self.wires.from_node.receive(now.mono) {
            self.deliver(now, &datagram);
        }
        while let Some((_, at)) = self.wakes.first().copied().filter(|(at, _)| *at <= now.mono) {
            let mut out = Vec::new();
            if let Some(phone) = self.phones.get_mut(at) {
                phone.timeout(now, &mut out);
            }
            self.transmit(now, out);
            self.rewake(at);
        }
        self.step_node(now);
        self.judge()
    }

    fn step_node(&mut self, now: Now) {
        let Self { node, durability, stored, monitor, wires, asked, .. } = self;
        while let Some(datagram) = wires.to_node.receive(now.mono) {
            let mut rest = Rest { durability, stored, monitor, network: wires };
            node.receive(now, &datagram, &mut rest);
        }
        let mut rest = Rest { durability, stored, monitor, network: wires };
        while let Some(entry) = asked.first_entry()
            && entry.key().0 <= now.mono
        {
            let (agent, change) = entry.remove();
            node.handle(now, Input::Agent { agent, change, by: "api" }, &mut rest);
        }
        node.timeout(now, &mut rest);
        for line in monitor.take_lines() {
            self.trace.line(self.clock.elapsed(), &line);
        }
    }

    fn deliver(&mut self, now: Now, datagram: &Datagram) {
        let Some(at) = self.by_address.get(&datagram.to.ip()).copied() else { return };
        let Some(phone) = self.phones.get_mut(at) else { return };
        if datagram.to.port() != phone.address.port() {
            return phone.receive_rtp(datagram.to.port(), &datagram.bytes);
        }
        let mut out = Vec::new();
        phone.receive_sip(now, datagram.from, &datagram.bytes, &mut out);
        self.transmit(now, out);
        self.rewake(at);
    }

    fn transmit(&mut self, now: Now, datagrams: Vec<Datagram>) {
        for datagram in datagrams {
            self.wires.to_node.send(now.mono, datagram);
        }
    }

    fn rewake(&mut self, at: usize) {
        let Some((phone, before)) = self.phones.get(at).zip(self.wake_of.get_mut(at)) else { return };
        let next = phone.poll_timeout();
        if let Some(before) = before.take() {
            self.wakes.remove(&(before, at));
        }
        if let Some(next) = next {
            self.wakes.insert((next, at));
        }
        *before = next;
    }
}

/// The `at`th address of a network.
fn nth(network: Ipv4Addr, at: usize) -> IpAddr {
    let offset = u32::try_from(at + 1).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::from_bits(network.to_bits() | offset))
}

/// Where the `at`th number outside is.
fn outside(at: usize) -> IpAddr {
    nth(Ipv4Addr::new(10, 2, 0, 0), at)
}
