//! Offers: one asking of one agent for one caller, from the first ring to what becomes of it.

use std::time::{Duration, Instant};

use primitives::Now;

use crate::agent::Work;
use crate::engine::Engine;
use crate::input::{AgentId, EntryId, OfferAnswer, OfferId};
use crate::output::{Output, Withdrawal};
use crate::queue::suffices;
use crate::timer::Timer;

/// An agent who declined a caller, did not answer for her or could not be rung is not asked for the same
/// caller again before this, so that others are asked first. For soon, routine and admin callers.
pub const AGAIN_AFTER_AGED: Duration = Duration::from_secs(30);

/// The same for an emergency, an emergent or an urgent caller: a third of the shortest longest wait.
pub const AGAIN_AFTER_PROTECTED: Duration = Duration::from_secs(10);

/// The same where nobody else signed in could take her: long enough that a phone which declines by itself
/// does not ring in circles.
pub const AGAIN_AFTER_LONE: Duration = Duration::from_secs(3);

/// A phone that is busy with something we do not know of is left alone this long.
pub const BUSY_REST: Duration = Duration::from_secs(10);

/// Refusals remembered for one caller; beyond it the oldest is forgotten, and that agent may be asked again
/// sooner. More than 16 agents within half a minute is a queue in which nobody answers.
pub const REFUSALS_MAX: usize = 16;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) entry: EntryId,
    pub(crate) agent: AgentId,
    pub(crate) since: Instant,
}

/// An agent who would not take a caller, and until when she is not asked again for her.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) agent: AgentId,
    pub(crate) until: Instant,
}

impl Engine {
    /// Rings.
    pub(crate) fn offer(&mut self, now: Now, entry: EntryId, agent: AgentId, out: &mut Vec<Output>) {
        let Some(waiting) = self.entries.get_mut(&entry) else { return };
        let Some(queue) = self.queues.get_mut(&waiting.queue) else { return };
        let Some(asked) = self.agents.get_mut(&agent) else { return };
        self.last_offer += 1;
        let offer = OfferId(self.last_offer);
        waiting.offer = Some(offer);
        asked.work = Work::Ringing(offer);
        if let Some(line) = queue.lines.get_mut(&waiting.need) {
            line.open.remove(&waiting.rank);
        }
        let ring = Duration::from_secs(queue.config.ring_secs.into());
        self.timers.set(Timer::Ring(offer), now.mono + ring);
        out.push(Output::Offer { offer, entry, agent, waited: waiting.rank.waited(now.wall) });
        self.offers.insert(offer, Offer { entry, agent, since: now.mono });
        self.settle(now, agent, out);
    }

    /// The offer is over and nobody took anybody: the caller is open again at her place, the agent has
    /// nothing to do. Her queues hear of it when she is settled.
    fn unring(&mut self, id: OfferId) -> Option<Offer> {
        let offer = self.offers.remove(&id)?;
        self.timers.clear(&Timer::Ring(id));
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.work = Work::Nothing;
        }
        if let Some(waiting) = self.entries.get_mut(&offer.entry) {
            waiting.offer = None;
            let queue = self.queues.get_mut(&waiting.queue);
            if let Some(line) = queue.and_then(|queue| queue.lines.get_mut(&waiting.need)) {
                line.open.insert(waiting.rank);
            }
            self.match_due = true;
        }
        Some(offer)
    }

    /// Stops the ringing. The agent is not settled: what follows decides where she stands.
    pub(crate) fn take_back(
        &mut self,
        id: OfferId,
        why: Withdrawal,
        out: &mut Vec<Output>,
    ) -> Option<AgentId> {
        let offer = self.unring(id)?;
        out.push(Output::Withdraw { offer: id, why });
        Some(offer.agent)
    }

    /// The phone rang `ring_secs`.
    pub(crate) fn rang_out(&mut self, now: Now, id: OfferId, out: &mut Vec<Output>) {
        if let Some(offer) = self.unring(id) {
            out.push(Output::Withdraw { offer: id, why: Withdrawal::NoAnswer });
            self.not_answered(now, offer, out);
        }
    }

    /// What became of an offer. Answers to offers withdrawn meanwhile find nothing and change nothing.
    pub(crate) fn answered(&mut self, now: Now, id: OfferId, answer: OfferAnswer, out: &mut Vec<Output>) {
        if answer == OfferAnswer::Accepted {
            return self.accepted(now, id, out);
        }
        let Some(offer) = self.unring(id) else { return };
        if answer == OfferAnswer::NoAnswer {
            return self.not_answered(now, offer, out);
        }
        self.refuse(now, offer);
        let Some(agent) = self.agents.get_mut(&offer.agent) else { return };
        agent.idle_since = Some(now.mono);
        match answer {
            OfferAnswer::Busy => {
                agent.work = Work::BusyElsewhere;
                self.timers.set(Timer::BusyRest(offer.agent), now.mono + BUSY_REST);
            }
            OfferAnswer::Failed => agent.is_reachable = false,
            OfferAnswer::Accepted | OfferAnswer::Declined | OfferAnswer::NoAnswer => {}
        }
        self.settle(now, offer.agent, out);
    }

    fn accepted(&mut self, now: Now, id: OfferId, out: &mut Vec<Output>) {
        let Some(offer) = self.offers.remove(&id) else { return };
        self.timers.clear(&Timer::Ring(id));
        let mut wrap_up = Duration::ZERO;
        if let Some(served) = self.forget(now, offer.entry)
            && let Some(queue) = self.queues.get_mut(&served.queue)
        {
            wrap_up = Duration::from_secs(queue.config.wrap_up_secs.into());
            queue.served.of_mut(served.rank.urgency).record(now.mono, served.rank.waited(now.wall));
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.work = Work::Conversation { wrap_up };
            self.settle(now, offer.agent, out);
        }
    }

    /// Whether an agent may answer what rings at a colleague's phone: she is signed in to that queue, has what the
    /// caller needs, and no call of her own, not even one that rings. She may be pausing, or writing notes.
    pub fn may_take_up(&self, id: OfferId, by: AgentId) -> bool {
        let Some(waiting) = self.offers.get(&id).and_then(|offer| self.entries.get(&offer.entry)) else {
            return false;
        };
        self.agents.get(&by).is_some_and(|agent| {
            let is_free = !agent.is_engaged && matches!(agent.work, Work::Nothing | Work::WrapUp);
            is_free && agent.queues.contains(&waiting.queue) && suffices(&agent.skills, &waiting.need)
        })
    }

    /// The offer goes over to a colleague. Whose phone stops ringing has refused nobody: she is asked for the next
    /// caller as if she had not been asked for this one.
    pub(crate) fn take_up(&mut self, now: Now, id: OfferId, by: AgentId, out: &mut Vec<Output>) {
        if !self.may_take_up(id, by) {
            return;
        }
        let Some(offer) = self.offers.get_mut(&id) else { return };
        let asked = std::mem::replace(&mut offer.agent, by);
        if let Some(agent) = self.agents.get_mut(&asked) {
            agent.work = Work::Nothing;
        }
        self.stop_notes(by);
        if let Some(agent) = self.agents.get_mut(&by) {
            agent.work = Work::Ringing(id);
        }
        self.settle(now, by, out);
        self.settle(now, asked, out);
    }

    /// RONA: an agent who lets it ring is probably not at her desk.
    fn not_answered(&mut self, now: Now, offer: Offer, out: &mut Vec<Output>) {
        self.refuse(now, offer);
        let queue = self.entries.get(&offer.entry).and_then(|waiting| self.queues.get(&waiting.queue));
        let is_paused = queue.is_none_or(|queue| queue.config.pause_on_no_answer);
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.is_ready &= !is_paused;
            agent.idle_since = Some(now.mono);
        }
        self.settle(now, offer.agent, out);
    }

    /// Others are asked first.
    fn refuse(&mut self, now: Now, offer: Offer) {
        let Some(waiting) = self.entries.get_mut(&offer.entry) else { return };
        let line = self.queues.get(&waiting.queue).and_then(|queue| queue.lines.get(&waiting.need));
        let after = match line.map_or(0, |line| line.able) {
            0..=1 => AGAIN_AFTER_LONE,
            _ if waiting.rank.urgency.is_protected() => AGAIN_AFTER_PROTECTED,
            _ => AGAIN_AFTER_AGED,
        };
        waiting.refusals.retain(|refusal| refusal.agent != offer.agent);
        if waiting.refusals.len() == REFUSALS_MAX {
            waiting.refusals.remove(0);
        }
        waiting.refusals.push(Refusal { agent: offer.agent, until: now.mono + after });
        self.await_again(offer.entry);
    }

    /// Agents whose refusal is long enough ago may be asked again.
    pub(crate) fn ask_again(&mut self, now: Now, entry: EntryId) {
        if let Some(waiting) = self.entries.get_mut(&entry) {
            waiting.refusals.retain(|refusal| refusal.until > now.mono);
            self.match_due = true;
            self.await_again(entry);
        }
    }

    fn await_again(&mut self, entry: EntryId) {
        let refusals = self.entries.get(&entry).map(|waiting| waiting.refusals.iter());
        if let Some(until) = refusals.and_then(|refusals| refusals.map(|refusal| refusal.until).min()) {
            self.timers.set(Timer::Again(entry), until);
        }
    }
}
