//! One queue: who waits in it, who could answer, how many agents are kept free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::agent::{Agent, IdleKey, Standing};
use crate::config::QueueConfig;
use crate::estimate::Served;
use crate::input::{AgentId, EntryId, OfferId, QueueId};
use crate::offer::Refusal;
use crate::rank::{Age, LICENCE, Rank, is_before};
use crate::urgency::{ByUrgency, Urgency};

/// A skill some agent has, numbered; zero stands for every skill that none has.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct SkillId(u32);

impl SkillId {
    /// The skill that no agent has.
    pub(crate) const NOBODYS: Self = Self(0);
}

/// Skills, each once, in order: what an agent must have, or has. Shared, since thousands need the same.
pub(crate) type Need = Arc<[SkillId]>;

/// The numbers of the skills agents have. Only a configuration adds to it, never a caller.
#[derive(Debug, Default)]
pub(crate) struct Skills(BTreeMap<String, SkillId>);

impl Skills {
    /// What a configured agent has.
    pub(crate) fn of_agent(&mut self, skills: &[String]) -> Need {
        let next = |known: usize| SkillId(u32::try_from(known).unwrap_or(u32::MAX - 1) + 1);
        let mut ids = BTreeSet::new();
        for skill in skills {
            let id = next(self.0.len());
            ids.insert(*self.0.entry(skill.clone()).or_insert(id));
        }
        ids.into_iter().collect()
    }

    /// What a caller needs, without the licence where it is waived.
    pub(crate) fn of_caller(&self, skills: &[String], is_licence_waived: bool) -> Need {
        let needed = skills.iter().filter(|skill| !(is_licence_waived && skill.starts_with(LICENCE)));
        let ids: BTreeSet<_> =
            needed.map(|skill| self.0.get(skill).copied().unwrap_or(SkillId::NOBODYS)).collect();
        ids.into_iter().collect()
    }
}

/// Whether an agent with these skills may answer who needs that.
pub(crate) fn suffices(skills: &[SkillId], need: &[SkillId]) -> bool {
    need.iter().all(|skill| skills.binary_search(skill).is_ok())
}

/// A waiting caller.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) queue: QueueId,
    pub(crate) rank: Rank,
    /// As her flow named them; a new configuration numbers them anew.
    pub(crate) skills: Vec<String>,
    pub(crate) need: Need,
    pub(crate) leave_at: Instant,
    /// The phone that rings for her.
    pub(crate) offer: Option<OfferId>,
    pub(crate) refusals: Vec<Refusal>,
    /// What she was last told, and when.
    pub(crate) told: Option<(Instant, u32)>,
}

impl Entry {
    /// Whether an agent may be asked for her: not one who would not take her a moment ago.
    pub(crate) fn may_be_offered_to(&self, agent: AgentId) -> bool {
        !self.refusals.iter().any(|refusal| refusal.agent == agent)
    }
}

/// Callers of a queue who need the same. An agent suits a whole line or nobody in it, so that finding her
/// next caller looks at the heads of lines, not at callers.
#[derive(Debug)]
pub(crate) struct Line {
    /// Callers nobody's phone rings for, in rank order.
    pub(crate) open: BTreeSet<Rank>,
    /// Callers in this line, ringing or not.
    pub(crate) callers: u32,
    /// Agents signed in and reachable who have what is needed, whatever they do now.
    pub(crate) able: u32,
    /// Since when there is none.
    pub(crate) empty_since: Option<Instant>,
}

impl Line {
    /// Those no phone rings for, of one urgency, oldest first.
    pub(crate) fn open_of(&self, urgency: Urgency) -> impl Iterator<Item = Rank> {
        let of_urgency = move |rank: &Rank| rank.urgency == urgency;
        self.open.range(Rank::head_of(urgency)..).copied().take_while(of_urgency)
    }

    /// Emergencies and emergent callers no phone rings for, in rank order.
    pub(crate) fn open_emergencies(&self) -> impl Iterator<Item = Rank> {
        self.open.iter().copied().take_while(|rank| rank.urgency.is_emergency())
    }

    /// Protected callers no phone rings for, in rank order.
    pub(crate) fn open_protected(&self) -> impl Iterator<Item = Rank> {
        self.open.iter().copied().take_while(|rank| rank.urgency.is_protected())
    }
}

/// What one agent's change did to a queue's lines.
#[derive(Debug)]
pub(crate) enum LineChange {
    /// Its last agent left.
    Emptied(Need),
    /// Its first agent came.
    Staffed(Need),
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) config: QueueConfig,
    pub(crate) lines: BTreeMap<Need, Line>,
    /// Everyone in the queue, ringing or not, in rank order.
    pub(crate) places: BTreeSet<Rank>,
    pub(crate) waiting: ByUrgency<u32>,
    /// Agents to offer to, whom to ask first in front.
    pub(crate) idle: BTreeSet<IdleKey>,
    /// Agents signed in and reachable.
    pub(crate) able: BTreeSet<AgentId>,
    /// Of these, who take calls: idle, ringing, talking or writing notes.
    pub(crate) staffed: u32,
    pub(crate) served: ByUrgency<Served>,
}

impl Queue {
    pub(crate) fn new(name: String, config: QueueConfig) -> Self {
        Self {
            name,
            config,
            lines: BTreeMap::new(),
            places: BTreeSet::new(),
            waiting: ByUrgency::default(),
            idle: BTreeSet::new(),
            able: BTreeSet::new(),
            staffed: 0,
            served: ByUrgency::default(),
        }
    }

    /// Agents kept free for protected callers (domain 5.2). Never all of them: whatever is configured,
    /// the last one staffed serves everybody, or the others would wait for nothing.
    pub(crate) fn reserve(&self) -> u32 {
        let default = match self.staffed {
            0..4 => 0,
            4..25 => 1,
            25.. => 2,
        };
        self.config.reserve.unwrap_or(default).min(self.staffed.saturating_sub(1))
    }

    /// Whether one idle agent may take a caller who ages.
    pub(crate) fn can_spare_one(&self) -> bool {
        u32::try_from(self.idle.len()).unwrap_or(u32::MAX) > self.reserve()
    }

    pub(crate) fn wait_max(&self, urgency: Urgency) -> Duration {
        let configured = self.config.wait_max_secs.get(urgency.word()).copied();
        Duration::from_secs(configured.unwrap_or(urgency.wait_max_secs()).into())
    }

    pub(crate) fn is_full(&self) -> bool {
        u32::try_from(self.places.len()).unwrap_or(u32::MAX) >= self.config.waiting_max
    }

    /// Takes a caller in. `able` counts the agents for a line that is not there yet.
    /// Whether it is hers that is new.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        rank: Rank,
        need: &Need,
        is_ringing: bool,
        able: u32,
    ) -> bool {
        if self.places.insert(rank) {
            *self.waiting.of_mut(rank.urgency) += 1;
        }
        let line = self.lines.entry(Arc::clone(need)).or_insert_with(|| Line {
            open: BTreeSet::new(),
            callers: 0,
            able,
            empty_since: (able == 0).then_some(now),
        });
        line.callers += 1;
        if !is_ringing {
            line.open.insert(rank);
        }
        line.callers == 1
    }

    /// Lets a caller out. Whether her line is gone with her.
    pub(crate) fn release(&mut self, rank: Rank, need: &Need) -> bool {
        if self.places.remove(&rank) {
            *self.waiting.of_mut(rank.urgency) -= 1;
        }
        let Some(line) = self.lines.get_mut(need) else { return false };
        line.open.remove(&rank);
        line.callers -= 1;
        let is_gone = line.callers == 0;
        if is_gone {
            self.lines.remove(need);
        }
        is_gone
    }

    /// Counts an agent as she stands now and no longer as she stood.
    pub(crate) fn restand(
        &mut self,
        now: Instant,
        agent: &Agent,
        (was, is): (Standing, Standing),
        changes: &mut Vec<LineChange>,
    ) {
        if let Some(key) = was.idle {
            self.idle.remove(&key);
        }
        if let Some(key) = is.idle {
            self.idle.insert(key);
        }
        self.staffed = self.staffed + u32::from(is.is_staffed) - u32::from(was.is_staffed);
        if was.is_able == is.is_able {
            return;
        }
        if is.is_able {
            self.able.insert(agent.id);
        } else {
            self.able.remove(&agent.id);
        }
        for (need, line) in self.lines.iter_mut().filter(|(need, _)| suffices(&agent.skills, need)) {
            line.able = line.able + u32::from(is.is_able) - u32::from(was.is_able);
            match (line.able, line.empty_since) {
                (0, None) => {
                    line.empty_since = Some(now);
                    changes.push(LineChange::Emptied(Arc::clone(need)));
                }
                (1.., Some(_)) => {
                    line.empty_since = None;
                    changes.push(LineChange::Staffed(Arc::clone(need)));
                }
                _ => {}
            }
        }
    }

    /// Everyone in the queue in the order they would be served.
    pub(crate) fn order(&self, now: Timestamp) -> Vec<EntryId> {
        let (protected, mut aged): (Vec<_>, Vec<_>) =
            self.places.iter().partition(|rank| rank.urgency.is_protected());
        aged.sort_by_cached_key(|rank| Age::of(*rank, now));
        protected.into_iter().chain(aged).map(|rank| rank.entry).collect()
    }

    /// How many would be served before her. Looks from the end of an urgency, where she usually is.
    pub(crate) fn ahead_of(&self, rank: Rank, now: Timestamp) -> u32 {
        let ahead_in = |urgency: Urgency| {
            let waiting = *self.waiting.of(urgency);
            if urgency != rank.urgency && (urgency.is_protected() || rank.urgency.is_protected()) {
                return if urgency < rank.urgency { waiting } else { 0 };
            }
            let end = Rank { urgency, since: Timestamp::MAX, entry: EntryId(u64::MAX) };
            let of_urgency = self.places.range(Rank::head_of(urgency)..=end);
            let behind = of_urgency.rev().take_while(|other| !is_before(**other, rank, now));
            waiting.saturating_sub(u32::try_from(behind.count()).unwrap_or(u32::MAX))
        };
        Urgency::ALL.into_iter().map(ahead_in).sum()
    }
}
