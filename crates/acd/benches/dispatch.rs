//! What one caller costs the distributor while thousands wait: she joins, a freed agent takes the caller at the
//! head, and somebody hangs up.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints"
)]

use std::time::{Duration, Instant};

use acd::{
    AgentChange, AgentConfig, AgentId, Config, Engine, Enqueue, EntryId, Input, OfferAnswer, Output,
    QueueConfig, QueueId, Urgency,
};
use jiff::{SignedDuration, Timestamp};
use primitives::Now;

const ROUNDS: u32 = 20_000;
const AGENTS: usize = 300;
const STATES: usize = 50;

fn config() -> Config {
    let for_ever = Urgency::ALL.map(|urgency| (urgency.word().to_owned(), u32::MAX));
    let queue = QueueConfig {
        waiting_max: u32::MAX,
        wait_max_secs: for_ever.into(),
        wrap_up_secs: 0,
        ..QueueConfig::default()
    };
    let agents = (0..AGENTS).map(|number| {
        let skills = (0..10).map(|state| format!("rn:{}", (number + state * 5) % STATES)).collect();
        let agent = AgentConfig { queues: vec!["nurses".to_owned()], skills, ..AgentConfig::default() };
        (format!("agent-{number:03}"), agent)
    });
    Config { queues: [("nurses".to_owned(), queue)].into(), agents: agents.collect() }
}

struct Bench {
    engine: Engine,
    now: Now,
    queue: QueueId,
    out: Vec<Output>,
    talking: Vec<AgentId>,
    joined: u64,
}

impl Bench {
    fn new() -> Option<Self> {
        let engine = Engine::new(config());
        let wall = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(480_000);
        let now = Now { mono: Instant::now(), wall };
        let queue = engine.queue("nurses")?;
        let mut bench = Self { engine, now, queue, out: Vec::new(), talking: Vec::new(), joined: 0 };
        for number in 0..AGENTS {
            let agent = bench.engine.agent(&format!("agent-{number:03}"))?;
            for change in
                [AgentChange::Reachable, AgentChange::SignIn { queues: Vec::new() }, AgentChange::Ready]
            {
                bench.input(Input::Agent { agent, change });
            }
        }
        Some(bench)
    }

    /// A millisecond later. Every offer is accepted at once.
    fn input(&mut self, input: Input) {
        self.now.mono += Duration::from_millis(1);
        self.now.wall += SignedDuration::from_millis(1);
        self.engine.handle(self.now, input, &mut self.out);
        while let Some(output) = self.out.pop() {
            if let Output::Offer { offer, agent, .. } = output {
                self.talking.push(agent);
                let answer = OfferAnswer::Accepted;
                self.engine.handle(self.now, Input::Answer { offer, answer }, &mut self.out);
            }
        }
    }

    fn joins(&mut self) {
        self.joined += 1;
        let entry = EntryId(self.joined);
        let number = usize::try_from(self.joined).unwrap_or_default();
        let urgency = Urgency::ALL.into_iter().cycle().nth(number % 6).unwrap_or(Urgency::Soon);
        let skills = vec![format!("rn:{}", number * 7 % STATES)];
        let (queue, since) = (self.queue, self.now.wall);
        self.input(Input::Enqueue(Enqueue { entry, queue, urgency, skills, since }));
    }

    /// Seconds for one round.
    fn measure(&mut self) -> f64 {
        let start = Instant::now();
        for round in 0..ROUNDS {
            self.joins();
            if round % 2 == 0 {
                let agent = self.talking.remove(0);
                self.input(Input::Agent { agent, change: AgentChange::ConversationEnded });
            } else {
                self.input(Input::Abandon { entry: EntryId(self.joined) });
            }
        }
        start.elapsed().as_secs_f64() / f64::from(ROUNDS)
    }
}

fn main() {
    for waiting in [10, 100, 1_000, 10_000] {
        let Some(mut bench) = Bench::new() else { return };
        while bench.engine.waiting(bench.queue).iter().sum::<u32>() < waiting {
            bench.joins();
        }
        let micros = bench.measure() * 1e6;
        println!("{waiting:>6} waiting, {AGENTS} agents, {STATES} licences: {micros:.1} us for each caller");
    }
}
