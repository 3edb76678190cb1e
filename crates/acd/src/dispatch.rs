//! Brings callers and agents together (domain 5.2).
//!
//! Protected callers first, strictly by rank. Then, for the most urgent of those left, phones that ring
//! for somebody less urgent. Then callers who age, by weighed wait, as long as enough agents stay free.

use std::cmp::Reverse;
use std::time::Instant;

use primitives::Now;

use crate::agent::Agent;
use crate::engine::Engine;
use crate::input::{AgentId, EntryId, OfferId};
use crate::offer::Offer;
use crate::output::{Output, Withdrawal};
use crate::queue::{Need, Queue, suffices};
use crate::rank::{Age, Rank};
use crate::urgency::Urgency;

impl Engine {
    /// Offers until no idle agent may take anybody who waits.
    pub(crate) fn dispatch(&mut self, now: Now, out: &mut Vec<Output>) {
        while std::mem::take(&mut self.match_due) {
            while let Some((entry, agent)) = self.next_protected() {
                self.offer(now, entry, agent, out);
            }
            self.take_ringing_phones(now, out);
            if self.match_due {
                // Who lost a ringing phone may be urgent, and comes before those who age.
                continue;
            }
            while let Some((entry, agent)) = self.next_aged(now) {
                self.offer(now, entry, agent, out);
            }
        }
    }

    fn queues_with_idle(&self) -> impl Iterator<Item = &Queue> {
        self.queues.values().filter(|queue| !queue.idle.is_empty() && !queue.lines.is_empty())
    }

    /// The first protected caller an idle agent may take, and the agent.
    fn next_protected(&self) -> Option<(EntryId, AgentId)> {
        let mut best: Option<(Rank, AgentId)> = None;
        for queue in self.queues_with_idle() {
            for (need, line) in &queue.lines {
                if line.open_protected().next().is_none() || self.idle_for(queue, need).next().is_none() {
                    continue;
                }
                let sooner =
                    line.open_protected().take_while(|rank| best.is_none_or(|(first, _)| *rank < first));
                let found = sooner
                    .filter_map(|rank| Some((rank, self.idle_for_entry(queue, need, rank.entry)?)))
                    .next();
                best = found.or(best);
            }
        }
        best.map(|(rank, agent)| (rank.entry, agent))
    }

    /// The caller who ages that an idle agent may take with the largest weighed wait, and the agent.
    fn next_aged(&self, now: Now) -> Option<(EntryId, AgentId)> {
        let mut best: Option<(Age, EntryId, AgentId)> = None;
        for queue in self.queues_with_idle() {
            for (need, line) in &queue.lines {
                if !self.idle_for(queue, need).any(|agent| self.can_be_spared(agent)) {
                    continue;
                }
                for urgency in [Urgency::Soon, Urgency::Routine, Urgency::Admin] {
                    let sooner = line
                        .open_of(urgency)
                        .map(|rank| (Age::of(rank, now.wall), rank.entry))
                        .take_while(|(age, _)| best.is_none_or(|(first, ..)| *age < first));
                    let found = sooner
                        .filter_map(|(age, entry)| {
                            let waiting = self.entries.get(&entry)?;
                            let may_take = |agent: &&Agent| {
                                waiting.may_be_offered_to(agent.id) && self.can_be_spared(agent)
                            };
                            Some((age, entry, self.idle_for(queue, need).find(may_take)?.id))
                        })
                        .next();
                    best = found.or(best);
                }
            }
        }
        best.map(|(_, entry, agent)| (entry, agent))
    }

    /// Idle agents of a queue with these skills, whom to ask first in front.
    fn idle_for<'a>(&'a self, queue: &'a Queue, need: &'a Need) -> impl Iterator<Item = &'a Agent> {
        let idle = queue.idle.iter().filter_map(|key| self.agents.get(&key.agent));
        idle.filter(|agent| suffices(&agent.skills, need))
    }

    fn idle_for_entry(&self, queue: &Queue, need: &Need, entry: EntryId) -> Option<AgentId> {
        let waiting = self.entries.get(&entry)?;
        self.idle_for(queue, need).map(|agent| agent.id).find(|agent| waiting.may_be_offered_to(*agent))
    }

    /// Whether each of her queues keeps its reserve when she takes a caller who ages.
    fn can_be_spared(&self, agent: &Agent) -> bool {
        agent.queues.iter().filter_map(|queue| self.queues.get(queue)).all(Queue::can_spare_one)
    }

    /// Gives each emergency and emergent caller whom no idle agent can take a phone that rings for somebody
    /// less urgent than both: of those that rang for the least urgent, the one that rang last.
    ///
    /// An emergent caller's phone is never taken, not even for an emergency, and never while an idle agent
    /// would do. The caller it is taken from is back at her place.
    fn take_ringing_phones(&mut self, now: Now, out: &mut Vec<Output>) {
        while let Some((entry, offer)) = self.next_phone_to_take() {
            let Some(agent) = self.take_back(offer, Withdrawal::Overtaken, out) else { return };
            self.offer(now, entry, agent, out);
        }
    }

    /// The first emergency or emergent caller for whom a phone can be taken, and the offer that rings it.
    fn next_phone_to_take(&self) -> Option<(EntryId, OfferId)> {
        let mut phones: Vec<Phone<'_>> =
            self.offers.iter().filter_map(|(id, offer)| self.phone(*id, offer)).collect();
        if phones.is_empty() {
            return None;
        }
        phones.sort_unstable_by_key(|phone| Reverse((phone.rings_for, phone.since, phone.offer)));
        let mut best: Option<(Rank, OfferId)> = None;
        for (id, queue) in &self.queues {
            for (need, line) in &queue.lines {
                let suits = |phone: &&Phone<'_>| {
                    phone.agent.queues.contains(id) && suffices(&phone.agent.skills, need)
                };
                if line.open_emergencies().next().is_none() || !phones.iter().any(|phone| suits(&phone)) {
                    continue;
                }
                let sooner =
                    line.open_emergencies().take_while(|rank| best.is_none_or(|(first, _)| *rank < first));
                let found = sooner
                    .filter_map(|rank| {
                        let waiting = self.entries.get(&rank.entry)?;
                        let may_take =
                            |phone: &&Phone<'_>| suits(phone) && waiting.may_be_offered_to(phone.agent.id);
                        Some((rank, phones.iter().find(may_take)?.offer))
                    })
                    .next();
                best = found.or(best);
            }
        }
        best.map(|(rank, offer)| (rank.entry, offer))
    }

    /// The phone an offer rings, unless it rings for somebody it is never taken from.
    fn phone(&self, id: OfferId, offer: &Offer) -> Option<Phone<'_>> {
        let rings_for = self.entries.get(&offer.entry)?.rank.urgency;
        let agent = self.agents.get(&offer.agent).filter(|_| !rings_for.is_emergency())?;
        Some(Phone { rings_for, since: offer.since, offer: id, agent })
    }
}

/// A ringing phone that can be taken for somebody more urgent.
struct Phone<'a> {
    rings_for: Urgency,
    since: Instant,
    offer: OfferId,
    agent: &'a Agent,
}
