//! The deterministic heart of a node: one owner of a SIP endpoint, the queues and every call.

mod deliver;
mod ports;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use acd::{AgentId, EntryId};
use audit::{CallId, FlowRef};
use flow::Action;
use media::PortId;
use primitives::{Generator, Now, Seed};
use rand_core::Rng;
use sip::{EndCause, LegCommand, LegEvent, LegId, Refusal, RegistrationChange};

use crate::breaker::Breaker;
use crate::call::{Call, Progress};
use crate::emergency::EmergencyCall;
use crate::endpoint::pauses;
use crate::feature::FeatureCall;
use crate::hop::Hop;
use crate::input::{Input, LogState};
use crate::leg::Owner;
use crate::output::Output;
use crate::port_pool::PortPool;
use crate::setup::{Loaded, Setup};
use crate::supervision::Supervisor;
use crate::trunk::{Arrivals, Links, Origin};
use ports::port_pool;

/// Work a handler leaves for its end, so that no part is called from inside itself.
#[derive(Debug)]
pub(crate) enum Pending {
    Leg(LegId, LegEvent),
    Acd(acd::Output),
    Flow(CallId, flow::Event),
    Registration(RegistrationChange),
    Watched(sip::event::Package, String),
    Carrier(sip::RequestId, sip::Outcome),
}

/// The deterministic heart of a node.
pub struct Switch {
    setup: Arc<Setup>,
    pub(crate) sip: sip::Endpoint,
    pub(crate) acd: acd::Engine,
    pub(crate) links: Links,
    /// Whether any input came: the first one starts the trunks, which know no time before.
    is_started: bool,
    pub(crate) ports: PortPool,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) features: BTreeMap<LegId, FeatureCall>,
    /// Those who listen to agents' conversations: a few a call.
    pub(crate) supervisors: BTreeMap<LegId, Supervisor>,
    pub(crate) emergencies: BTreeMap<CallId, EmergencyCall>,
    /// Agents who said since they signed in that they are where their location says.
    pub(crate) location_confirmed: BTreeSet<String>,
    pub(crate) legs: BTreeMap<LegId, Owner>,
    pub(crate) media: BTreeMap<PortId, OpenPort>,
    pub(crate) entries: BTreeMap<EntryId, CallId>,
    /// How the endpoints are that flows ask. Bounded by the configuration.
    pub(crate) breakers: BTreeMap<Arc<str>, Breaker>,
    /// Agents in calls outside the queues, and in how many.
    pub(crate) engaged: BTreeMap<AgentId, u32>,
    /// Messages in each inbox: nobody heard them, somebody did.
    pub(crate) inboxes: BTreeMap<String, (u32, u32)>,
    /// Whom phones watch, and what they were told last. Bounded by agents and packages.
    pub(crate) watches: BTreeMap<(sip::event::Package, String), sip::event::Told>,
    timers: BTreeSet<(Instant, CallId)>,
    /// How fast trunks bring calls in.
    pub(crate) arrivals: Arrivals,
    pub(crate) pending: VecDeque<Pending>,
    actions: Vec<Action>,
    sip_out: Vec<sip::Output>,
    acd_out: Vec<acd::Output>,
    generator: Generator,
    /// Draws what audio is encrypted with, and nothing anybody ever reads.
    pub(crate) keys: Generator,
    numbers: Numbers,
    pub(crate) draining: bool,
    log: LogState,
}

/// A port that has not yet been reported closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenPort {
    pub owner: Option<Owner>,
    pub shard: u16,
    pub udp: u16,
}

/// The last number of each kind that was given out.
#[derive(Debug, Default)]
struct Numbers {
    port: u64,
    entry: u64,
    playlist: u64,
    shard: u16,
}

impl Switch {
    /// A switch with nothing on it.
    pub fn new(setup: Arc<Setup>, sip: sip::Config, seed: Seed) -> Self {
        let (carriers, security) = (setup.carriers(), setup.sip_security());
        let config = sip::Config { users: setup.users.clone(), carriers, security, ..sip };
        Self {
            sip: sip::Endpoint::new(config, seed.part("sip")),
            acd: acd::Engine::new(setup.acd.clone()),
            links: Links::new(seed.part("trunks").generator()),
            is_started: false,
            ports: port_pool(&setup, &BTreeSet::new()),
            setup,
            calls: BTreeMap::new(),
            features: BTreeMap::new(),
            supervisors: BTreeMap::new(),
            emergencies: BTreeMap::new(),
            location_confirmed: BTreeSet::new(),
            legs: BTreeMap::new(),
            media: BTreeMap::new(),
            entries: BTreeMap::new(),
            breakers: BTreeMap::new(),
            engaged: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            watches: BTreeMap::new(),
            timers: BTreeSet::new(),
            arrivals: Arrivals::default(),
            pending: VecDeque::new(),
            actions: Vec::new(),
            sip_out: Vec::new(),
            acd_out: Vec::new(),
            generator: seed.part("call").generator(),
            keys: seed.part("srtp").generator(),
            numbers: Numbers::default(),
            draining: false,
            log: LogState::Durable,
        }
    }

    /// Takes one input and appends what is to be done to `out`, hops first.
    pub fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        let from = out.len();
        if !mem::replace(&mut self.is_started, true) {
            self.links.configure(now, &self.setup.trunks);
        }
        self.take(now, input, out);
        while let Some(work) = self.pending.pop_front() {
            match work {
                Pending::Leg(leg, event) => self.leg_event(now, leg, event, out),
                Pending::Acd(output) => self.acd_output(now, output, out),
                Pending::Flow(call, event) => self.flow_event(now, call, event, out),
                Pending::Registration(change) => self.registration(now, change, out),
                Pending::Watched(package, user) => self.watched(now, package, user, out),
                Pending::Carrier(request, outcome) => self.carrier_answered(now, request, &outcome, out),
            }
        }
        // Nobody's line changes without a hop.
        let has_hop =
            out.get(from..).unwrap_or_default().iter().any(|output| matches!(output, Output::Hop { .. }));
        if has_hop && !self.watches.is_empty() {
            self.tell_watchers(now, out);
        }
        // A hop made while a later part was handled still comes before what follows from it.
        if let Some(added) = out.get_mut(from..) {
            added.sort_by_key(|output| !matches!(output, Output::Hop { .. }));
        }
    }

    /// When to call `handle` with `Input::Timeout`, or earlier.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let call = self.timers.first().map(|(at, _)| *at);
        [self.sip.poll_timeout(), self.acd.poll_timeout(), self.links.poll_timeout(), call]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether facts are not durable in time.
    pub(crate) fn log_is_stalled(&self) -> bool {
        self.log == LogState::Stalled
    }

    /// Whether no call, leg, port or queue entry is left. Registrations may be.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
            && self.features.is_empty()
            && self.supervisors.is_empty()
            && self.emergencies.is_empty()
            && self.legs.is_empty()
            && self.media.is_empty()
            && self.entries.is_empty()
            && self.engaged.is_empty()
            && self.timers.is_empty()
            && self.acd.is_idle()
            && self.sip.is_idle()
    }

    /// Calls under way.
    pub fn calls(&self) -> usize {
        self.calls.len() + self.features.len() + self.supervisors.len() + self.emergencies.len()
    }

    /// What new calls work with.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    fn take(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Output>) {
        match input {
            Input::Sip(input) => self.sip_input(now, input, out),
            Input::Media(event) => self.media_event(now, event, out),
            Input::Agent { agent, change, by } => {
                self.agent_asked(now, &agent, change, by, out);
            }
            Input::Restore { user, binding } => {
                // What became of it comes back as a registration: bound, or lapsed meanwhile.
                self.sip_input(now, sip::Input::Restore { user, binding }, out);
            }
            Input::ConfirmLocation { agent } => {
                self.confirm_location(now, &agent, "api", out);
            }
            Input::Noticed { call, event, outcome } => {
                self.notice_settled(now, (call, event), outcome, out);
            }
            Input::Configured(setup) => self.configure(now, setup, out),
            Input::Verified { call, passport, verdict } => self.verified(now, call, &passport, verdict, out),
            Input::Inquired { call, number, news, why } => self.inquired(now, call, (number, news), why, out),
            Input::Recording(news) => self.recording_settled(now, news, out),
            Input::Log(state) => {
                if mem::replace(&mut self.log, state) != state {
                    let state = match state {
                        LogState::Durable => "durable",
                        LogState::Stalled => "stalled",
                    };
                    self.hop(now, None, Hop::Log { state: state.to_owned() }, out);
                }
            }
            Input::Override { what, by, reason, until, ended } => {
                let state = if ended { "ended" } else { "in_force" }.to_owned();
                self.hop(now, None, Hop::Override { what, by, reason, until, state }, out);
            }
            Input::ConfigureRefused { asked: Loaded { origin, by }, why } => {
                self.hop(now, None, Hop::LoadRefused { origin, by, why }, out);
            }
            Input::Drain => {
                self.draining = true;
                self.links.leave(now.mono);
            }
            Input::HangUpAll => {
                for id in self.calls.keys().copied().collect::<Vec<_>>() {
                    self.with_call(now, id, |switch, call| switch.end(now, call, "node_stopped", out));
                }
                for id in self.emergencies.keys().copied().collect::<Vec<_>>() {
                    self.with_emergency(now, id, |switch, call| {
                        switch.end_emergency(now, call, "node_stopped", out);
                    });
                }
            }
            Input::Timeout => self.timeout(now, out),
        }
    }

    fn timeout(&mut self, now: Now, out: &mut Vec<Output>) {
        if self.sip.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.sip_input(now, sip::Input::Timeout, out);
        }
        if self.acd.poll_timeout().is_some_and(|at| at <= now.mono) {
            self.acd_input(now, acd::Input::Timeout);
        }
        self.ask_carriers(now, out);
        while let Some((at, id)) = self.timers.first().copied()
            && at <= now.mono
        {
            self.timers.remove(&(at, id));
            self.with_emergency(now, id, |switch, call| {
                call.scheduled = None;
                switch.emergency_timeout(now, call, out);
            });
            self.with_call(now, id, |switch, call| {
                call.scheduled = None;
                if matches!(call.progress, Progress::Opening { .. }) && call.deadline() <= Some(now.mono) {
                    switch.refuse_opening(now, call, out);
                }
                switch.give_up_transfer_when_due(now, call, out);
                switch.give_up_third_when_due(now, call, out);
                switch.page_when_due(now, call, out);
                switch.hang_referrer_up_when_due(now, call, out);
                switch.probe_when_due(now, call, out);
                if call.script.poll_timeout().is_some_and(|at| at <= now.mono) {
                    switch.run_flow(now, call, flow::Event::Timeout, out);
                }
            });
        }
    }

    fn configure(&mut self, now: Now, setup: Arc<Setup>, out: &mut Vec<Output>) {
        if setup.media.ports != self.setup.media.ports
            || setup.emergency.is_some() != self.setup.emergency.is_some()
        {
            let in_use = self.media.values().map(|port| port.udp).collect();
            self.ports = port_pool(&setup, &in_use);
        }
        self.acd_input(now, acd::Input::Configure(setup.acd.clone()));
        self.sip_input(now, sip::Input::Users(setup.users.clone()), out);
        self.sip_input(now, sip::Input::Security(setup.sip_security()), out);
        self.links.configure(now, &setup.trunks);
        self.sip_input(now, sip::Input::Carriers(setup.carriers()), out);
        self.breakers.retain(|name, _| setup.endpoints.contains_key(&**name));
        self.arrivals.keep(|trunk| setup.trunks.contains_key(trunk));
        self.setup = setup;
        let flows = self.setup.library.digest().to_string();
        let Loaded { origin, by } = self.setup.loaded.clone();
        self.hop(now, None, Hop::Loaded { flows, origin, by }, out);
    }

    /// Hands an input to the SIP endpoint, passes on what leaves the node and keeps what stays.
    pub(crate) fn sip_input(&mut self, now: Now, input: sip::Input<'_>, out: &mut Vec<Output>) {
        let mut outputs = mem::take(&mut self.sip_out);
        self.sip.handle(now, input, &mut outputs);
        self.sort_sip(now, &mut outputs, out);
        self.sip_out = outputs;
    }

    /// Places a call; see [`sip::Endpoint::dial`].
    pub(crate) fn dial(
        &mut self,
        now: Now,
        invite: sip::Invite,
        owner: Owner,
        out: &mut Vec<Output>,
    ) -> LegId {
        let mut outputs = mem::take(&mut self.sip_out);
        let leg = self.sip.dial(now, invite, &mut outputs);
        self.legs.insert(leg, owner);
        self.sort_sip(now, &mut outputs, out);
        self.sip_out = outputs;
        leg
    }

    /// Asks something outside of calls; see [`sip::Endpoint::request`].
    pub(crate) fn request(
        &mut self,
        now: Now,
        request: sip::OutOfDialog,
        out: &mut Vec<Output>,
    ) -> sip::RequestId {
        let mut outputs = mem::take(&mut self.sip_out);
        let id = self.sip.request(now, request, &mut outputs);
        self.sort_sip(now, &mut outputs, out);
        self.sip_out = outputs;
        id
    }

    fn sort_sip(&mut self, now: Now, outputs: &mut Vec<sip::Output>, out: &mut Vec<Output>) {
        for output in outputs.drain(..) {
            match output {
                sip::Output::Leg { leg, event } => self.pending.push_back(Pending::Leg(leg, event)),
                sip::Output::Answered { request, outcome } => {
                    self.pending.push_back(Pending::Carrier(request, outcome));
                }
                sip::Output::Registration(change) => self.pending.push_back(Pending::Registration(change)),
                sip::Output::Watched { package, user } => {
                    self.pending.push_back(Pending::Watched(package, user));
                }
                sip::Output::Unwatched { package, user } => {
                    self.watches.remove(&(package, user));
                }
                sip::Output::ShutOut(sip::ShutOut { why, messages }) => {
                    self.hop(now, None, Hop::ShutOut { why: why.name().to_owned(), messages }, out);
                }
                other => out.push(Output::Sip(other)),
            }
        }
    }

    /// A command to a leg.
    pub(crate) fn leg(&mut self, now: Now, leg: LegId, command: LegCommand, out: &mut Vec<Output>) {
        self.sip_input(now, sip::Input::Command { leg, command }, out);
    }

    /// Hands an input to the queues; what they want is done when the current work is.
    pub(crate) fn acd_input(&mut self, now: Now, input: acd::Input) {
        let mut outputs = mem::take(&mut self.acd_out);
        self.acd.handle(now, input, &mut outputs);
        self.pending.extend(outputs.drain(..).map(Pending::Acd));
        self.acd_out = outputs;
    }

    pub(crate) fn hop(&self, now: Now, call: Option<&Call>, hop: Hop, out: &mut Vec<Output>) {
        let flow = call.and_then(|call| {
            Some(FlowRef {
                name: call.at.0.to_string(),
                digest_hex: call.script.flow()?.digest().to_string(),
                step: call.at.1.to_string(),
            })
        });
        out.push(Output::Hop { at: now, call: call.map(|call| call.id), flow, hop });
    }

    pub(crate) fn next_entry(&mut self) -> EntryId {
        self.numbers.entry += 1;
        EntryId(self.numbers.entry)
    }

    pub(crate) fn next_playlist(&mut self) -> u64 {
        self.numbers.playlist += 1;
        self.numbers.playlist
    }

    /// When a request is made again.
    pub(crate) fn pauses(&mut self, attempts: u32) -> Vec<Duration> {
        pauses(attempts, &mut self.generator)
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// A call's name: time in front so that it sorts, chance behind so that it cannot be guessed (the
    /// layout of a UUID version 7, RFC 9562 §5.7).
    pub(crate) fn new_call_id(&mut self, now: Now) -> CallId {
        let millis = u128::from(u64::try_from(now.wall.as_millisecond()).unwrap_or(0) & 0xffff_ffff_ffff);
        let chance = u128::from(self.random()) << 64 | u128::from(self.random());
        let fields = 0x7 << 76 | 0b10 << 62;
        let mask = !(0xf << 76 | 0b11 << 62) & ((1 << 80) - 1);
        CallId(millis << 80 | chance & mask | fields)
    }

    pub(crate) fn agent_name(&self, agent: AgentId) -> String {
        self.acd.agent_name(agent).unwrap_or("unknown").to_owned()
    }

    /// Refuses a leg nobody has a call for.
    pub(crate) fn refuse(&mut self, now: Now, leg: LegId, status: u16, why: &str, out: &mut Vec<Output>) {
        self.refuse_leg(now, leg, (status, why), None, out);
    }

    /// Refuses a leg for where it comes from.
    pub(crate) fn refuse_from(
        &mut self,
        now: Now,
        leg: LegId,
        refusal: (u16, &str),
        origin: &Origin,
        out: &mut Vec<Output>,
    ) {
        self.refuse_leg(now, leg, refusal, Some(origin.word().to_owned()), out);
    }

    fn refuse_leg(
        &mut self,
        now: Now,
        leg: LegId,
        (status, why): (u16, &str),
        trunk: Option<String>,
        out: &mut Vec<Output>,
    ) {
        let retry_after =
            (status == 503).then(|| Duration::from_secs(self.setup.limits.retry_after_secs.into()));
        self.hop(now, None, Hop::Refused { status, why: why.to_owned(), trunk }, out);
        self.leg(now, leg, LegCommand::Reject(Refusal { status, retry_after }), out);
    }

    /// Lets go of a leg: it is ended and its later events are nobody's.
    pub(crate) fn hang_up(&mut self, now: Now, leg: LegId, cause: EndCause, out: &mut Vec<Output>) {
        if self.forget_leg(leg).is_some() {
            self.leg(now, leg, LegCommand::HangUp { cause }, out);
        }
    }
}
