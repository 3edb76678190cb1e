//! Joining a queue, leaving it, becoming more urgent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use primitives::Now;

use crate::agent::{Agent, Standing};
use crate::config::Config;
use crate::estimate::NEWS_SWEEP;
use crate::input::{AgentId, Enqueue, EntryId, Input, OfferId, QueueId};
use crate::offer::Offer;
use crate::output::{Output, QueueExit, Withdrawal};
use crate::queue::{Entry, LineChange, Need, Queue, SkillId, Skills, suffices};
use crate::rank::{LICENCE, LICENCE_WAIVED_AFTER, Rank};
use crate::timer::{Timer, Timers};
use crate::urgency::Urgency;

/// Callers waiting on one node: ten times what its signalling thread is sized for. Beyond it a caller who
/// ages is told the queue is full; for a protected one the last in line of the least urgent who age goes,
/// and only where nobody ages does she leave by `QueueExit::Failed`.
pub const ENTRIES_MAX: usize = 65_536;

/// Skills one caller may need. A caller who needs more can be answered by nobody: her queue is empty.
pub const SKILLS_MAX: usize = 16;

/// How long protected callers stay after the last agent who could answer them left: a phone that registers
/// anew, a shift that changes. Sooner than for others, since they have somewhere better to go.
pub const EMPTY_GRACE_PROTECTED: Duration = Duration::from_secs(5);

/// The same for callers who age.
pub const EMPTY_GRACE_AGED: Duration = Duration::from_secs(30);

/// Decides who answers whom.
///
/// A caller's place is her urgency and `since`, wherever she joins; her longest wait counts from joining
/// *this* queue, so that one who comes back with her place is given the queue's full time again and every
/// round is a step of her flow. The longest wait is hard: it ends a ringing phone too, because what a flow
/// proves about the time to help rests on it.
///
/// A queue is empty for a caller when no agent is signed in to it, reachable, with the skills she needs at
/// this moment. Paused and busy agents count: they come back.
///
/// What an input brings is done before what is due at the same instant, so that an agent who answers in
/// the last moment has answered.
///
/// Every collection is bounded by callers ([`ENTRIES_MAX`]), by agents (one open offer each), or by the
/// configuration.
#[derive(Debug)]
pub struct Engine {
    pub(crate) queues: BTreeMap<QueueId, Queue>,
    pub(crate) queue_ids: BTreeMap<String, QueueId>,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) agent_ids: BTreeMap<String, AgentId>,
    pub(crate) skills: Skills,
    pub(crate) entries: BTreeMap<EntryId, Entry>,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    pub(crate) timers: Timers,
    pub(crate) last_queue: u64,
    pub(crate) last_agent: u64,
    pub(crate) last_offer: u64,
    /// Something changed that may let an agent take a caller.
    pub(crate) match_due: bool,
}

impl Engine {
    /// Nobody waits, nobody is signed in.
    pub fn new(config: Config) -> Self {
        let mut engine = Self {
            queues: BTreeMap::new(),
            queue_ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            agent_ids: BTreeMap::new(),
            skills: Skills::default(),
            entries: BTreeMap::new(),
            offers: BTreeMap::new(),
            timers: Timers::default(),
            last_queue: 0,
            last_agent: 0,
            last_offer: 0,
            match_due: false,
        };
        engine.adopt(config);
        engine
    }

    /// Takes one input and says what is to be done, in order.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        let mut newcomer = None;
        match input {
            Input::Enqueue(enqueue) => {
                newcomer = Some(enqueue.entry);
                self.enqueue(now, enqueue, out);
            }
            Input::Raise { entry, urgency } => self.raise(now, entry, urgency, out),
            Input::Abandon { entry } => self.leave(now, entry, out),
            Input::Agent { agent, change } => self.agent_changed(now, agent, change, out),
            Input::Answer { offer, answer } => self.answered(now, offer, answer, out),
            Input::TakeUp { offer, by } => self.take_up(now, offer, by, out),
            Input::Configure(config) => self.configure(now, config, out),
            Input::Timeout => {}
        }
        while let Some(timer) = self.timers.take_due(now.mono) {
            self.time_out(now, timer, out);
        }
        self.dispatch(now, out);
        if let Some(entry) = newcomer {
            self.tell_newcomer(now, entry, out);
        }
    }

    /// When to feed `Input::Timeout`, or earlier.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The queue of this name.
    pub fn queue(&self, name: &str) -> Option<QueueId> {
        self.queue_ids.get(name).copied()
    }

    /// The name of a queue.
    pub fn queue_name(&self, queue: QueueId) -> Option<&str> {
        self.queues.get(&queue).map(|queue| queue.name.as_str())
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<AgentId> {
        self.agent_ids.get(name).copied()
    }

    /// The name of an agent.
    pub fn agent_name(&self, agent: AgentId) -> Option<&str> {
        self.agents.get(&agent).map(|agent| agent.name.as_str())
    }

    /// Callers waiting in a queue, by urgency, most urgent first. A caller an agent's phone rings for waits.
    pub fn waiting(&self, queue: QueueId) -> [u32; 6] {
        self.queues.get(&queue).map_or([0; 6], |queue| *queue.waiting.all())
    }

    /// Whether nobody waits and no offer is open.
    pub fn is_idle(&self) -> bool {
        self.entries.is_empty() && self.offers.is_empty()
    }

    fn enqueue(&mut self, now: Now, enqueue: Enqueue, out: &mut Vec<Output>) {
        let Enqueue { entry, queue, urgency, skills, since } = enqueue;
        // A caller waits in one place: joining a second queue leaves the first.
        self.leave(now, entry, out);
        let rank = Rank { urgency, since: since.min(now.wall), entry };
        let need = self.need(now, rank, &skills);
        if let Some(exit) = self.refusal(now, queue, rank, &need, out) {
            out.push(Output::Exit { entry, exit, waited: rank.waited(now.wall) });
            return;
        }
        let wait_max = self.queues.get(&queue).map_or(Duration::ZERO, |queue| queue.wait_max(urgency));
        let waiting = Entry {
            queue,
            rank,
            skills,
            need,
            leave_at: now.mono + wait_max,
            offer: None,
            refusals: Vec::new(),
            told: None,
        };
        self.entries.insert(entry, waiting);
        self.attach(now, entry);
    }

    /// Why a caller cannot wait here, if she cannot. Makes room for a protected one.
    fn refusal(
        &mut self,
        now: Now,
        id: QueueId,
        rank: Rank,
        need: &Need,
        out: &mut Vec<Output>,
    ) -> Option<QueueExit> {
        let Some(queue) = self.queues.get(&id) else { return Some(QueueExit::Failed) };
        if self.able(queue, need) == 0 {
            return Some(QueueExit::Empty);
        }
        let is_node_full = self.entries.len() >= ENTRIES_MAX;
        if !rank.urgency.is_protected() {
            return (is_node_full || queue.is_full()).then_some(QueueExit::Full);
        }
        if is_node_full {
            let ranks = self.queues.values().filter_map(|queue| queue.places.last());
            let Some(last) = ranks.max().filter(|last| !last.urgency.is_protected()).copied() else {
                return Some(QueueExit::Failed);
            };
            self.exit(now, last.entry, QueueExit::Full, out);
        }
        None
    }

    /// Agents who are signed in to a queue and reachable, with these skills.
    pub(crate) fn able(&self, queue: &Queue, need: &Need) -> u32 {
        if let Some(line) = queue.lines.get(need) {
            return line.able;
        }
        let able = queue.able.iter().filter_map(|agent| self.agents.get(agent));
        let count = able.filter(|agent| suffices(&agent.skills, need)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What she needs of an agent at this moment.
    pub(crate) fn need(&self, now: Now, rank: Rank, skills: &[String]) -> Need {
        if skills.len() > SKILLS_MAX {
            return Need::from([SkillId::NOBODYS]);
        }
        let is_waived = rank.urgency.is_emergency() && rank.waited(now.wall) >= LICENCE_WAIVED_AFTER;
        self.skills.of_caller(skills, is_waived)
    }

    /// Puts a known caller into her queue and starts what will happen to her there by itself.
    pub(crate) fn attach(&mut self, now: Now, id: EntryId) {
        let Some(waiting) = self.entries.get(&id) else { return };
        let able = self.queues.get(&waiting.queue).map_or(0, |queue| self.able(queue, &waiting.need));
        let Some(queue) = self.queues.get_mut(&waiting.queue) else { return };
        self.timers.set_at_latest(Timer::News(waiting.queue), now.mono + NEWS_SWEEP);
        let is_new_line = queue.admit(now.mono, waiting.rank, &waiting.need, waiting.offer.is_some(), able);
        if is_new_line && able == 0 {
            await_return(&mut self.timers, now.mono, waiting.queue, &waiting.need);
        }
        self.timers.set(Timer::WaitMax(id), waiting.leave_at);
        let waited = waiting.rank.waited(now.wall);
        if waiting.rank.urgency.is_emergency()
            && waited < LICENCE_WAIVED_AFTER
            && waiting.skills.iter().any(|skill| skill.starts_with(LICENCE))
        {
            self.timers.set(Timer::Waiver(id), now.mono + (LICENCE_WAIVED_AFTER - waited));
        }
        self.match_due = true;
    }

    /// Takes a caller out of her queue; she stays known, and her phone rings on.
    pub(crate) fn detach(&mut self, now: Now, id: EntryId) {
        let Some(waiting) = self.entries.get(&id) else { return };
        self.timers.clear(&Timer::WaitMax(id));
        self.timers.clear(&Timer::Waiver(id));
        let Some(queue) = self.queues.get_mut(&waiting.queue) else { return };
        if queue.release(waiting.rank, &waiting.need) {
            forget_return(&mut self.timers, waiting.queue, &waiting.need);
        }
        if queue.places.is_empty() {
            self.timers.clear(&Timer::News(waiting.queue));
        } else {
            self.timers.set_at_latest(Timer::News(waiting.queue), now.mono + NEWS_SWEEP);
        }
    }

    /// The caller is gone. An offer that names her is the business of whoever calls.
    pub(crate) fn forget(&mut self, now: Now, id: EntryId) -> Option<Entry> {
        self.detach(now, id);
        self.timers.clear(&Timer::Again(id));
        self.entries.remove(&id)
    }

    /// The caller leaves; a phone that rings for her stops.
    pub(crate) fn leave(&mut self, now: Now, id: EntryId, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get(&id) else { return };
        let offer = waiting.offer;
        let agent = offer.and_then(|offer| self.take_back(offer, Withdrawal::CallerLeft, out));
        self.forget(now, id);
        if let Some(agent) = agent {
            self.settle(now, agent, out);
        }
    }

    /// The caller leaves by one of the queue's exits.
    pub(crate) fn exit(&mut self, now: Now, id: EntryId, exit: QueueExit, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get(&id) else { return };
        let waited = waiting.rank.waited(now.wall);
        self.leave(now, id, out);
        out.push(Output::Exit { entry: id, exit, waited });
    }

    fn raise(&mut self, now: Now, id: EntryId, urgency: Urgency, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get(&id) else { return };
        if urgency >= waiting.rank.urgency {
            return;
        }
        let Some(queue) = self.queues.get(&waiting.queue) else { return };
        let rank = Rank { urgency, ..waiting.rank };
        let leave_at = waiting.leave_at.min(now.mono + queue.wait_max(urgency));
        if self.able(queue, &self.need(now, rank, &waiting.skills)) == 0 {
            // As if she joined now: the grace was for who she was before.
            return self.exit(now, id, QueueExit::Empty, out);
        }
        self.reattach(now, id, rank, leave_at);
    }

    /// Her rank or her need is another from now on. A phone that rings for her rings on.
    fn reattach(&mut self, now: Now, id: EntryId, rank: Rank, leave_at: Instant) {
        self.detach(now, id);
        let Some(waiting) = self.entries.get(&id) else { return };
        let need = self.need(now, rank, &waiting.skills);
        if let Some(waiting) = self.entries.get_mut(&id) {
            waiting.rank = rank;
            waiting.need = need;
            waiting.leave_at = leave_at;
        }
        self.attach(now, id);
    }

    fn time_out(&mut self, now: Now, timer: Timer, out: &mut Vec<Output>) {
        match timer {
            Timer::BusyRest(agent) | Timer::WrapUp(agent) => self.rested(now, agent, out),
            Timer::Waiver(entry) => {
                if let Some(waiting) = self.entries.get(&entry) {
                    self.reattach(now, entry, waiting.rank, waiting.leave_at);
                }
            }
            Timer::Again(entry) => self.ask_again(now, entry),
            Timer::Ring(offer) => self.rang_out(now, offer, out),
            Timer::EmptyProtected(queue, need) => self.exit_line(now, queue, &need, Grace::Protected, out),
            Timer::EmptyAged(queue, need) => self.exit_line(now, queue, &need, Grace::Aged, out),
            Timer::WaitMax(entry) => self.exit(now, entry, QueueExit::TimedOut, out),
            Timer::News(queue) => self.sweep_news(now, queue, out),
        }
    }

    /// Nobody came back: the callers of a line leave, most urgent first.
    fn exit_line(&mut self, now: Now, queue: QueueId, need: &Need, grace: Grace, out: &mut Vec<Output>) {
        let line = self.queues.get(&queue).and_then(|queue| queue.lines.get(need));
        let Some(line) = line.filter(|line| line.empty_since.is_some()) else { return };
        let leaving =
            line.open.iter().filter(|rank| rank.urgency.is_protected() == (grace == Grace::Protected));
        for entry in leaving.map(|rank| rank.entry).collect::<Vec<_>>() {
            self.exit(now, entry, QueueExit::Empty, out);
        }
    }

    /// Counts an agent as she stands now, and reports where that is when it is elsewhere.
    pub(crate) fn settle(&mut self, now: Now, id: AgentId, out: &mut Vec<Output>) {
        let Some(agent) = self.agents.get(&id) else { return };
        self.count(now, id, agent.standing());
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let state = agent.state();
        if agent.reported != state {
            agent.reported = state;
            out.push(Output::Agent { agent: id, state });
        }
    }

    /// Counts an agent so in all her queues.
    pub(crate) fn count(&mut self, now: Now, id: AgentId, is: Standing) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let was = std::mem::replace(&mut agent.counted, is);
        if was == is {
            return;
        }
        self.match_due |= is.idle.is_some() || was.is_staffed != is.is_staffed;
        let mut changes = Vec::new();
        for id in &agent.queues {
            let Some(queue) = self.queues.get_mut(id) else { continue };
            queue.restand(now.mono, agent, (was, is), &mut changes);
            for change in changes.drain(..) {
                match change {
                    LineChange::Emptied(need) => await_return(&mut self.timers, now.mono, *id, &need),
                    LineChange::Staffed(need) => forget_return(&mut self.timers, *id, &need),
                }
            }
        }
    }
}

/// Which callers leave a line that nobody came back to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Grace {
    Protected,
    Aged,
}

fn await_return(timers: &mut Timers, now: Instant, queue: QueueId, need: &Need) {
    timers.set(Timer::EmptyProtected(queue, Need::clone(need)), now + EMPTY_GRACE_PROTECTED);
    timers.set(Timer::EmptyAged(queue, Need::clone(need)), now + EMPTY_GRACE_AGED);
}

fn forget_return(timers: &mut Timers, queue: QueueId, need: &Need) {
    timers.clear(&Timer::EmptyProtected(queue, Need::clone(need)));
    timers.clear(&Timer::EmptyAged(queue, Need::clone(need)));
}
