//! Drives the real engine on a virtual clock: Poisson arrivals, exponential service, exponential patience.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use acd::{
    AgentChange, AgentConfig, AgentId, Config, Engine, Enqueue, EntryId, Input, OfferAnswer, Output,
    QueueConfig, QueueId, Urgency,
};
use jiff::{SignedDuration, Timestamp};
use primitives::{Now, Seed};
use rand_core::Rng;

/// One kind of caller.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    pub urgency: Urgency,
    /// Of all arrivals.
    pub share: f64,
    /// Mean seconds until she hangs up; `None` waits for ever.
    pub patience_secs: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub agents: usize,
    /// Arrivals per mean service time.
    pub offered_erlang: f64,
    pub service_secs: f64,
    pub reserve: u32,
    pub classes: Vec<Class>,
}

/// One caller's story, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    pub urgency: Urgency,
    pub waited_secs: f64,
    pub was_answered: bool,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Event {
    ServiceEnds(AgentId),
    PatienceEnds(EntryId),
    Arrival(EntryId),
}

struct Run {
    engine: Engine,
    queue: QueueId,
    epoch: Now,
    at_nanos: u64,
    future: BinaryHeap<Reverse<(u64, Event)>>,
    random: primitives::Generator,
    scenario: Scenario,
    arrivals: u64,
    waiting: BTreeMap<EntryId, (u64, Urgency)>,
    busy: usize,
    stories: Vec<Story>,
    /// ∫ callers waiting dt, as the engine counts them, and the sum of waits: Little's law on the trace.
    waiting_nanos: u128,
    waits_nanos: u128,
}

/// The stories of `arrivals` callers, the first tenth left out while the system fills.
pub fn run(scenario: &Scenario, arrivals: u64, seed: u64) -> Vec<Story> {
    let mut run = Run::new(scenario.clone(), arrivals, seed);
    while let Some(Reverse((at, event))) = run.future.pop() {
        run.advance(at);
        run.handle(event);
    }
    assert!(run.engine.is_idle(), "seed {seed}: somebody was left waiting");
    assert_eq!(run.engine.poll_timeout(), None, "seed {seed}: a timer was left");
    assert_eq!(run.waiting_nanos, run.waits_nanos, "seed {seed}: Little's law");
    let discarded = run.stories.len() / 10;
    run.stories.split_off(discarded)
}

impl Run {
    fn new(scenario: Scenario, arrivals: u64, seed: u64) -> Self {
        let for_ever = Urgency::ALL.map(|urgency| (urgency.word().to_owned(), u32::MAX));
        let queue = QueueConfig {
            reserve: Some(scenario.reserve),
            wrap_up_secs: 0,
            waiting_max: u32::MAX,
            wait_max_secs: for_ever.into(),
            ..QueueConfig::default()
        };
        let agent = AgentConfig { queues: vec!["nurses".to_owned()], ..AgentConfig::default() };
        let agents = (0..scenario.agents).map(|number| (format!("agent-{number:03}"), agent.clone()));
        let config = Config { queues: [("nurses".to_owned(), queue)].into(), agents: agents.collect() };
        let names: Vec<String> = config.agents.keys().cloned().collect();
        let engine = Engine::new(config);
        let epoch =
            Now { mono: Instant::now(), wall: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(480_000) };
        let mut run = Self {
            queue: engine.queue("nurses").unwrap(),
            engine,
            epoch,
            at_nanos: 0,
            future: BinaryHeap::new(),
            random: Seed::numbered(seed).generator(),
            scenario,
            arrivals,
            waiting: BTreeMap::new(),
            busy: 0,
            stories: Vec::new(),
            waiting_nanos: 0,
            waits_nanos: 0,
        };
        for name in names {
            let agent = run.engine.agent(&name).unwrap();
            let sign_in = AgentChange::SignIn { queues: Vec::new() };
            for change in [AgentChange::Reachable, sign_in, AgentChange::Ready] {
                run.input(Input::Agent { agent, change });
            }
        }
        run.future.push(Reverse((0, Event::Arrival(EntryId(1)))));
        run
    }

    fn now(&self) -> Now {
        let passed = Duration::from_nanos(self.at_nanos);
        Now {
            mono: self.epoch.mono + passed,
            wall: self.epoch.wall + SignedDuration::try_from(passed).unwrap(),
        }
    }

    /// Keeps the engine's own deadlines on the way.
    fn advance(&mut self, until_nanos: u64) {
        let until = self.epoch.mono + Duration::from_nanos(until_nanos);
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due < until) {
            let due = u64::try_from(due.saturating_duration_since(self.epoch.mono).as_nanos()).unwrap();
            self.pass(due);
            self.input(Input::Timeout);
        }
        self.pass(until_nanos);
    }

    fn pass(&mut self, until_nanos: u64) {
        let passed = u128::from(until_nanos.saturating_sub(self.at_nanos));
        let waiting: u32 = self.engine.waiting(self.queue).iter().sum();
        self.waiting_nanos += passed * u128::from(waiting);
        self.at_nanos = self.at_nanos.max(until_nanos);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrival(entry) => self.arrive(entry),
            Event::ServiceEnds(agent) => {
                self.busy -= 1;
                self.input(Input::Agent { agent, change: AgentChange::ConversationEnded });
            }
            Event::PatienceEnds(entry) => {
                if self.waiting.contains_key(&entry) {
                    self.end_wait(entry, false);
                    self.input(Input::Abandon { entry });
                }
            }
        }
        let is_conserving = self.busy == self.scenario.agents || self.waiting.is_empty();
        assert!(is_conserving || self.scenario.reserve > 0, "an agent is idle while a caller waits");
    }

    fn arrive(&mut self, entry: EntryId) {
        let class = self.draw_class();
        if entry.0 < self.arrivals {
            let mean = self.scenario.service_secs / self.scenario.offered_erlang;
            self.schedule(mean, Event::Arrival(EntryId(entry.0 + 1)));
        }
        if let Some(patience) = class.patience_secs {
            self.schedule(patience, Event::PatienceEnds(entry));
        }
        self.waiting.insert(entry, (self.at_nanos, class.urgency));
        let (queue, urgency, since) = (self.queue, class.urgency, self.now().wall);
        self.input(Input::Enqueue(Enqueue { entry, queue, urgency, skills: Vec::new(), since }));
    }

    /// Every offer is accepted at once.
    fn input(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(self.now(), input, &mut out);
        for output in out {
            if let Output::Offer { offer, entry, agent, .. } = output {
                self.end_wait(entry, true);
                self.busy += 1;
                self.schedule(self.scenario.service_secs, Event::ServiceEnds(agent));
                self.input(Input::Answer { offer, answer: OfferAnswer::Accepted });
            }
        }
    }

    fn end_wait(&mut self, entry: EntryId, was_answered: bool) {
        let (joined, urgency) = self.waiting.remove(&entry).unwrap();
        let waited = self.at_nanos - joined;
        self.waits_nanos += u128::from(waited);
        self.stories.push(Story {
            urgency,
            waited_secs: Duration::from_nanos(waited).as_secs_f64(),
            was_answered,
        });
    }

    fn schedule(&mut self, mean_secs: f64, event: Event) {
        let after = Duration::from_secs_f64(-mean_secs * (1.0 - self.draw()).ln());
        let at = self.at_nanos + u64::try_from(after.as_nanos()).unwrap();
        self.future.push(Reverse((at, event)));
    }

    fn draw_class(&mut self) -> Class {
        let mut left = self.draw();
        let (last, others) = self.scenario.classes.split_last().unwrap();
        for class in others {
            if left < class.share {
                return *class;
            }
            left -= class.share;
        }
        *last
    }

    /// In [0, 1), 53 bits.
    fn draw(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let bits = (self.random.next_u64() >> 11) as f64;
        bits / (1_u64 << 53) as f64
    }
}

/// Mean and standard error over independent runs.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    pub mean: f64,
    pub error: f64,
}

impl Estimate {
    pub fn of(samples: &[f64]) -> Self {
        let count = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / count;
        let variance = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { mean, error: (variance / count).sqrt() }
    }

    /// Within `relative` of theory, or three standard errors where chance alone is wider.
    #[track_caller]
    pub fn agrees(self, theory: f64, relative: f64, what: &str) {
        let tolerance = (relative * theory).max(3.0 * self.error);
        let off = (self.mean - theory).abs();
        println!("{what}: {:.6} ± {:.6}, theory {theory:.6}", self.mean, self.error);
        assert!(off <= tolerance, "{what}: {} ± {}, theory {theory}", self.mean, self.error);
    }
}
