//! What callers are promised, whatever callers, agents and telephones do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use acd::{
    AgentChange, AgentConfig, AgentId, AgentState, Config, Engine, Enqueue, EntryId, Input,
    LICENCE_WAIVED_AFTER, OfferAnswer, OfferId, Output, QueueConfig, Urgency, Withdrawal,
};
use jiff::{SignedDuration, Timestamp};
use primitives::Now;
use proptest::collection::vec;
use proptest::prelude::*;

const QUEUES: [&str; 2] = ["nurses", "reception"];
/// Name, queues, skills.
const AGENTS: [(&str, &[&str], &[&str]); 5] = [
    ("ana", &["nurses"], &["rn:CA", "lang:es"]),
    ("bea", &["nurses", "reception"], &["rn:NV"]),
    ("cy", &["reception"], &[]),
    ("di", &["nurses"], &["rn:CA"]),
    ("eve", &["nurses", "reception"], &["rn:CA", "rn:NV", "lang:es"]),
];
const NEEDS: [&[&str]; 5] = [&[], &["rn:CA"], &["lang:es"], &["rn:CA", "lang:es"], &["rn:NV"]];

#[derive(Clone, Debug)]
enum Act {
    Join { urgency: Urgency, need: usize, queue: usize, waited_secs: i64 },
    Raise { caller: usize, urgency: Urgency },
    HangUp { caller: usize },
    Agent { agent: usize, change: AgentChange },
    Answer { offer: usize, answer: OfferAnswer },
    Pass { millis: u64 },
    Configure { reserve: Option<u32>, without: Option<usize> },
}

fn act() -> impl Strategy<Value = Act> {
    let urgency = || proptest::sample::select(Urgency::ALL.to_vec());
    let pause = AgentChange::Pause { reason: String::new() };
    let nurses = AgentChange::SignIn { queues: vec![QUEUES[0].to_owned()] };
    let change = prop_oneof![
        4 => Just(AgentChange::Ready),
        3 => Just(AgentChange::SignIn { queues: Vec::new() }),
        1 => Just(nurses),
        3 => Just(AgentChange::Reachable),
        1 => Just(AgentChange::Unreachable),
        1 => Just(AgentChange::SignOut),
        1 => Just(pause),
        1 => Just(AgentChange::Engaged),
        1 => Just(AgentChange::Freed),
        4 => Just(AgentChange::ConversationEnded),
    ];
    let answer = proptest::sample::select(vec![
        OfferAnswer::Accepted,
        OfferAnswer::Accepted,
        OfferAnswer::Declined,
        OfferAnswer::Busy,
        OfferAnswer::NoAnswer,
        OfferAnswer::Failed,
    ]);
    prop_oneof![
        8 => (urgency(), 0..NEEDS.len(), 0..QUEUES.len(), prop_oneof![Just(0), 0..100_i64])
            .prop_map(|(urgency, need, queue, waited_secs)| Act::Join { urgency, need, queue, waited_secs }),
        2 => (any::<usize>(), urgency()).prop_map(|(caller, urgency)| Act::Raise { caller, urgency }),
        2 => any::<usize>().prop_map(|caller| Act::HangUp { caller }),
        10 => (0..AGENTS.len(), change).prop_map(|(agent, change)| Act::Agent { agent, change }),
        6 => (any::<usize>(), answer).prop_map(|(offer, answer)| Act::Answer { offer, answer }),
        6 => prop_oneof![0..2_000_u64, 0..40_000_u64].prop_map(|millis| Act::Pass { millis }),
        1 => (proptest::option::of(0..3_u32), proptest::option::of(0..AGENTS.len()))
            .prop_map(|(reserve, without)| Act::Configure { reserve, without }),
    ]
}

fn config(reserve: Option<u32>, without: Option<usize>) -> Config {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let queue = QueueConfig { reserve, waiting_max: 10, ..QueueConfig::default() };
    let agents =
        AGENTS.iter().enumerate().filter(|(number, _)| Some(*number) != without).map(|(_, agent)| {
            let (name, queues, skills) = *agent;
            let agent =
                AgentConfig { queues: owned(queues), skills: owned(skills), ..AgentConfig::default() };
            (name.to_owned(), agent)
        });
    Config { queues: QUEUES.map(|name| (name.to_owned(), queue.clone())).into(), agents: agents.collect() }
}

/// A waiting caller, as an onlooker knows her.
#[derive(Clone, Debug)]
struct Caller {
    queue: usize,
    urgency: Urgency,
    need: usize,
    since: Timestamp,
    joined: Instant,
    leave_by: Instant,
    rings: Option<OfferId>,
}

/// The distributor, and an onlooker who sees only what goes in and comes out.
struct AcdRun {
    engine: Engine,
    now: Now,
    callers: BTreeMap<EntryId, Caller>,
    offers: BTreeMap<OfferId, (EntryId, usize)>,
    signed_in: [BTreeSet<usize>; 5],
    states: [AgentState; 5],
    numbers: BTreeMap<AgentId, usize>,
    refused: BTreeMap<(EntryId, usize), Instant>,
    last_entry: u64,
}

impl AcdRun {
    fn new() -> Self {
        Self::at(Instant::now())
    }

    fn at(mono: Instant) -> Self {
        let now = Now { mono, wall: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(480_000) };
        let engine = Engine::new(config(None, None));
        let mut run = Self {
            engine,
            now,
            callers: BTreeMap::new(),
            offers: BTreeMap::new(),
            signed_in: Default::default(),
            states: [AgentState::Offline; 5],
            numbers: BTreeMap::new(),
            refused: BTreeMap::new(),
            last_entry: 0,
        };
        run.number_agents();
        for agent in 0..AGENTS.len() {
            run.act(Act::Agent { agent, change: AgentChange::Reachable });
            run.act(Act::Agent { agent, change: AgentChange::SignIn { queues: Vec::new() } });
            run.act(Act::Agent { agent, change: AgentChange::Ready });
        }
        run
    }

    fn number_agents(&mut self) {
        for (number, (name, ..)) in AGENTS.iter().enumerate() {
            if let Some(id) = self.engine.agent(name) {
                self.numbers.insert(id, number);
            }
        }
    }

    fn act(&mut self, act: Act) {
        let nth = |number: usize, of: usize| if of == 0 { 0 } else { number % of };
        match act {
            Act::Pass { millis } => self.pass(Duration::from_millis(millis)),
            Act::Join { urgency, need, queue, waited_secs } => self.join(urgency, need, queue, waited_secs),
            Act::Raise { caller, urgency } => {
                let callers = self.callers.len();
                if let Some((entry, caller)) = self.callers.iter_mut().nth(nth(caller, callers)) {
                    let entry = *entry;
                    if urgency < caller.urgency {
                        caller.urgency = urgency;
                        caller.leave_by = caller.leave_by.min(self.now.mono + wait_max(urgency));
                    }
                    self.input(Input::Raise { entry, urgency });
                }
            }
            Act::HangUp { caller } => {
                if let Some(entry) = self.callers.keys().copied().nth(nth(caller, self.callers.len())) {
                    self.input(Input::Abandon { entry });
                }
            }
            Act::Agent { agent, change } => self.change_agent(agent, change),
            Act::Answer { offer, answer } => {
                if let Some(offer) = self.offers.keys().copied().nth(nth(offer, self.offers.len())) {
                    self.answer(offer, answer);
                }
            }
            Act::Configure { reserve, without } => {
                if let Some(without) = without {
                    self.signed_in[without].clear();
                }
                self.input(Input::Configure(config(reserve, without)));
                self.number_agents();
            }
        }
    }

    fn join(&mut self, urgency: Urgency, need: usize, queue: usize, waited_secs: i64) {
        self.last_entry += 1;
        let entry = EntryId(self.last_entry);
        let since = self.now.wall - SignedDuration::from_secs(waited_secs);
        let (joined, leave_by) = (self.now.mono, self.now.mono + wait_max(urgency));
        let caller = Caller { queue, urgency, need, since, joined, leave_by, rings: None };
        self.callers.insert(entry, caller);
        let skills = NEEDS[need].iter().map(|skill| (*skill).to_owned()).collect();
        let queue = self.engine.queue(QUEUES[queue]).unwrap();
        self.input(Input::Enqueue(Enqueue { entry, queue, urgency, skills, since }));
    }

    fn change_agent(&mut self, agent: usize, change: AgentChange) {
        let (name, queues, _) = AGENTS[agent];
        let Some(id) = self.engine.agent(name) else { return };
        match &change {
            AgentChange::SignIn { queues: named } => {
                let chosen = |queue: &str| named.is_empty() || named.iter().any(|name| name == queue);
                let mine = queues.iter().filter(|queue| chosen(queue));
                self.signed_in[agent] =
                    mine.map(|queue| QUEUES.iter().position(|name| name == queue).unwrap()).collect();
            }
            AgentChange::SignOut => self.signed_in[agent].clear(),
            _ => {}
        }
        self.input(Input::Agent { agent: id, change });
    }

    fn answer(&mut self, offer: OfferId, answer: OfferAnswer) {
        let (entry, agent) = self.offers.remove(&offer).unwrap();
        if answer == OfferAnswer::Accepted {
            self.callers.remove(&entry);
        } else {
            self.refuse(entry, agent);
        }
        self.input(Input::Answer { offer, answer });
    }

    fn refuse(&mut self, entry: EntryId, agent: usize) {
        self.refused.insert((entry, agent), self.now.mono + acd::AGAIN_AFTER_AGED);
        if let Some(caller) = self.callers.get_mut(&entry) {
            caller.rings = None;
        }
    }

    fn pass(&mut self, by: Duration) {
        let until = self.now.mono + by;
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= until) {
            self.set_time(due);
            self.input(Input::Timeout);
        }
        self.set_time(until);
    }

    fn set_time(&mut self, mono: Instant) {
        let passed = mono.saturating_duration_since(self.now.mono);
        self.now = Now { mono, wall: self.now.wall + SignedDuration::try_from(passed).unwrap() };
    }

    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        if let Input::Abandon { entry } = &input {
            self.callers.remove(entry);
        }
        self.engine.handle(self.now, input, &mut out);
        let mut just_taken = BTreeSet::new();
        let mut places: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        let is_sweep = out.iter().filter(|output| matches!(output, Output::News { .. })).count() > 1;
        for output in out {
            match output {
                Output::Offer { offer, entry, agent, .. } => {
                    let agent = self.numbers[&agent];
                    self.check_offer(entry, agent, &just_taken);
                    self.callers.get_mut(&entry).unwrap().rings = Some(offer);
                    self.offers.insert(offer, (entry, agent));
                }
                Output::Withdraw { offer, why } => {
                    let (entry, agent) = self.offers.remove(&offer).expect("only open offers are withdrawn");
                    match why {
                        Withdrawal::NoAnswer => self.refuse(entry, agent),
                        // She is on her way out: nobody is asked for her any more.
                        Withdrawal::CallerLeft => continue,
                        Withdrawal::Overtaken => {
                            assert!(self.callers[&entry].urgency > Urgency::Emergent, "taken from {entry}");
                            just_taken.insert(agent);
                        }
                        Withdrawal::AgentLeft => {}
                    }
                    if let Some(caller) = self.callers.get_mut(&entry) {
                        caller.rings = None;
                    }
                }
                Output::Exit { entry, .. } => drop(self.callers.remove(&entry).expect("she waited")),
                Output::Agent { agent, state } => self.states[self.numbers[&agent]] = state,
                Output::News { entry, ahead, .. } => {
                    let queue = self.callers[&entry].queue;
                    let waiting = self.callers.values().filter(|caller| caller.queue == queue).count();
                    assert!((ahead as usize) < waiting, "{ahead} ahead of {entry} among {waiting}");
                    let is_new = places.entry(queue).or_default().insert(ahead);
                    assert!(is_new || !is_sweep, "two callers at place {ahead}");
                }
            }
        }
        self.check_rest();
    }

    /// Whether the agent could be asked for the caller now, as far as skills, queues and refusals go.
    fn could_take(&self, agent: usize, entry: EntryId) -> bool {
        let caller = &self.callers[&entry];
        let waited = self.now.wall.duration_since(caller.since);
        let is_waived = caller.urgency <= Urgency::Emergent
            && waited >= SignedDuration::try_from(LICENCE_WAIVED_AFTER).unwrap();
        let suits = NEEDS[caller.need]
            .iter()
            .all(|skill| (is_waived && skill.starts_with("rn:")) || AGENTS[agent].2.contains(skill));
        let refused = self.refused.get(&(entry, agent)).is_some_and(|until| *until > self.now.mono);
        suits && !refused && self.signed_in[agent].contains(&caller.queue)
    }

    fn waiting_for(&self, agent: usize) -> impl Iterator<Item = (EntryId, &Caller)> {
        let open = self.callers.iter().filter(|(_, caller)| caller.rings.is_none());
        open.map(|(entry, caller)| (*entry, caller)).filter(move |(entry, _)| self.could_take(agent, *entry))
    }

    /// R1: nobody is offered ahead of a more urgent caller the same agent could have taken; and only agents
    /// who wait for a call are asked, for one caller at a time.
    fn check_offer(&self, entry: EntryId, agent: usize, just_taken: &BTreeSet<usize>) {
        let caller = &self.callers[&entry];
        let is_free = self.states[agent] == AgentState::Available || just_taken.contains(&agent);
        assert!(is_free, "{} was {:?}", AGENTS[agent].0, self.states[agent]);
        assert!(caller.rings.is_none(), "{entry} is rung for twice");
        assert!(self.offers.values().all(|(_, other)| *other != agent), "two calls ring {}", AGENTS[agent].0);
        let rank = |entry: EntryId, caller: &Caller| (caller.urgency, caller.since, entry);
        for (other, ahead) in self.waiting_for(agent).filter(|(other, _)| *other != entry) {
            let is_protected = ahead.urgency <= Urgency::Urgent;
            let is_overtaken = is_protected && rank(other, ahead) < rank(entry, caller);
            assert!(!is_overtaken, "{entry} {caller:?} overtook {other} {ahead:?}");
            let is_same = ahead.queue == caller.queue && ahead.urgency == caller.urgency;
            assert!(
                !is_same || rank(entry, caller) < rank(other, ahead),
                "{entry} overtook the older {other}"
            );
        }
    }

    /// After every input: no agent waits while a protected caller she could take does; nobody is in the
    /// queue past her time; the counts are those of the onlooker.
    fn check_rest(&self) {
        for agent in (0..AGENTS.len()).filter(|agent| self.states[*agent] == AgentState::Available) {
            let waits = self.waiting_for(agent).find(|(_, caller)| caller.urgency <= Urgency::Urgent);
            assert!(waits.is_none(), "{} is free and {waits:?} waits", AGENTS[agent].0);
        }
        for (entry, caller) in &self.callers {
            assert!(
                self.now.mono < caller.leave_by.max(caller.joined + Duration::from_nanos(1)),
                "{entry} {caller:?}"
            );
        }
        for (number, name) in QUEUES.iter().enumerate() {
            let counts = self.engine.waiting(self.engine.queue(name).unwrap());
            let seen = Urgency::ALL.map(|urgency| {
                let same = |caller: &&Caller| caller.queue == number && caller.urgency == urgency;
                u32::try_from(self.callers.values().filter(same).count()).unwrap()
            });
            assert_eq!(counts, seen, "{name}");
        }
        assert_eq!(self.engine.is_idle(), self.callers.is_empty() && self.offers.is_empty());
    }

    /// Everyone goes home.
    fn end(mut self) {
        for entry in self.callers.keys().copied().collect::<Vec<_>>() {
            self.input(Input::Abandon { entry });
        }
        for agent in 0..AGENTS.len() {
            self.change_agent(agent, AgentChange::ConversationEnded);
            self.change_agent(agent, AgentChange::Freed);
            self.change_agent(agent, AgentChange::SignOut);
        }
        assert!(self.engine.is_idle());
        assert_eq!(self.engine.poll_timeout(), None, "a timer outlived its owner");
    }
}

fn wait_max(urgency: Urgency) -> Duration {
    Duration::from_secs(match urgency {
        Urgency::Emergency | Urgency::Emergent => 30,
        Urgency::Urgent => 180,
        Urgency::Soon => 600,
        Urgency::Routine => 900,
        Urgency::Admin => 300,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn urgency_is_never_overtaken(acts in vec(act(), 1..200)) {
        let mut run = AcdRun::new();
        for act in acts {
            run.act(act);
        }
        run.end();
    }

    #[test]
    fn the_same_inputs_make_the_same_outputs(acts in vec(act(), 1..60)) {
        let epoch = Instant::now();
        let [mut one, mut other] = [AcdRun::at(epoch), AcdRun::at(epoch)];
        for act in acts {
            one.act(act.clone());
            other.act(act);
            prop_assert_eq!(&one.offers, &other.offers);
            prop_assert_eq!(&one.states, &other.states);
        }
    }
}
