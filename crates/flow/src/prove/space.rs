//! Every place a caller can come to, and every way from one to the next: the real interpreter, fed with
//! everything that may happen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use primitives::Now;

use super::Fault;
use super::moves::{By, Deed, Move, Times, moves};
use crate::compile::Environment;
use crate::flow::{Flow, Library};
use crate::interpreter::{Situation, Snapshot};
use crate::{Action, Event, Interpreter, Play, PromptRef, Recording, Urgency};

/// Places one flow may have. A flow of a hundred steps has some thousands; beyond this nobody could read
/// the proof either, and the flow is to be cut into flows that answer.
const PLACES_MAX: usize = 200_000;

/// Where a caller is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) caller: Interpreter,
    pub(super) sound: Sound,
    pub(super) past: Past,
}

/// What plays.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Sound {
    /// Each prompt with the moment it ends, from the beginning of the first.
    pub(super) prompts: Vec<(PromptRef, Duration)>,
    /// Over and over: it never ends by itself.
    pub(super) repeats: bool,
}

impl Sound {
    fn length(&self) -> Option<Duration> {
        if self.repeats { None } else { self.prompts.last().map(|(_, ends)| *ends) }
    }
}

/// What of her call so far decides whether its end is a good one.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Past {
    /// She has talked with a person.
    pub(super) met_a_person: bool,
    /// She has heard all of the advice to hang up and dial 911.
    pub(super) was_advised: bool,
}

/// One way on.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) to: usize,
    pub(super) deed: Deed,
    pub(super) by: By,
    pub(super) takes: (Duration, Duration),
    pub(super) fault: Option<Fault>,
    pub(super) happened: Happened,
}

/// What happened on a way.
#[derive(Debug, Default)]
pub(super) struct Happened {
    /// Steps she came to: flow and name.
    pub(super) entered: Vec<(Arc<str>, Arc<str>)>,
    /// Prompts heard to their end, with the moment.
    pub(super) heard: Vec<(PromptRef, Duration)>,
    pub(super) queued: Option<Arc<str>>,
    pub(super) rings: bool,
    pub(super) talks: bool,
    pub(super) advised: bool,
    pub(super) hung_up: bool,
    /// She is to speak to a machine, at this urgency.
    pub(super) leaves_message: Option<Urgency>,
    /// She would be recorded, and was not asked.
    pub(super) unasked: bool,
}

/// Every place and every way.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) places: Vec<Place>,
    pub(super) ways: Vec<Vec<Edge>>,
    /// The first way by which each place was found: its place of origin and the number of the way there.
    pub(super) found: Vec<Option<(usize, usize)>>,
}

/// A flow in which a caller can come to more places than can be followed.
#[derive(Debug)]
pub(super) struct TooLarge;

/// Follows every caller of a flow everywhere.
pub(super) struct Explorer<'a> {
    environment: &'a Environment,
    base: Instant,
    known: HashMap<(Snapshot, Sound, Past), usize>,
    space: Space,
}

impl<'a> Explorer<'a> {
    pub(super) fn explore(
        library: &Arc<Library>,
        environment: &'a Environment,
        base: Instant,
        flow: &Arc<Flow>,
    ) -> Result<Space, TooLarge> {
        let space = Space { places: Vec::new(), ways: Vec::new(), found: Vec::new() };
        let mut explorer = Self { environment, base, known: HashMap::new(), space };
        let caller = Interpreter::foreseen(library.clone(), flow.clone());
        explorer.place(Place { caller, sound: Sound::default(), past: Past::default() }, None);
        let mut at = 0;
        while at < explorer.space.places.len() {
            if at > PLACES_MAX {
                return Err(TooLarge);
            }
            explorer.leave(at);
            at += 1;
        }
        Ok(explorer.space)
    }

    /// The number of a place, new or known.
    fn place(&mut self, place: Place, from: Option<(usize, usize)>) -> usize {
        let key = (place.caller.snapshot(), place.sound.clone(), place.past);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let number = self.space.places.len();
        self.known.insert(key, number);
        self.space.places.push(place);
        self.space.ways.push(Vec::new());
        self.space.found.push(from);
        number
    }

    /// Finds every way on from a place.
    fn leave(&mut self, at: usize) {
        let Some(place) = self.space.places.get(at).cloned() else { return };
        let situation = place.caller.situation();
        let deadline = place.caller.poll_timeout().map(|due| due.saturating_duration_since(self.base));
        let wait_max = match &situation {
            Situation::Queue { name, .. } => self.environment.wait_max(name, place.caller.urgency()),
            _ => Duration::ZERO,
        };
        let times = Times { sound: place.sound.length(), deadline, wait_max };
        for one in moves(&situation, times) {
            let mut answers = Some(Vec::new());
            while let Some(given) = answers {
                let (next, happened) = self.go(&place, &situation, &one, given);
                answers = next.caller.foresight().next();
                let number = self.space.ways.get(at).map_or(0, Vec::len);
                let to = self.place(next, Some((at, number)));
                // What changes nothing is no way: a key nothing listens to.
                let is_way = to != at || one.by == By::Nature;
                if let Some(ways) = self.space.ways.get_mut(at).filter(|_| is_way) {
                    let Move { deed, by, takes, fault, .. } = &one;
                    let (deed, by, takes, fault) = (deed.clone(), *by, *takes, *fault);
                    ways.push(Edge { to, deed, by, takes, fault, happened });
                }
            }
        }
    }

    fn go(&self, from: &Place, situation: &Situation, one: &Move, answers: Vec<usize>) -> (Place, Happened) {
        let mut place = from.clone();
        let mut happened = Happened::default();
        place.caller.foresee(answers);
        let passed = if one.takes.0 == one.takes.1 { one.takes.1 } else { Duration::ZERO };
        let now = Now { mono: self.base + passed, wall: Timestamp::UNIX_EPOCH };
        if one.deed == Deed::Listens {
            happened.heard = std::mem::take(&mut place.sound).prompts;
            happened.advised = matches!(situation, Situation::Hears { advice: true, .. })
                || matches!(
                    situation,
                    Situation::Queue { advice: true, .. } | Situation::Page { advice: true, .. }
                );
            place.past.was_advised |= happened.advised;
        }
        let mut actions = Vec::new();
        for event in &one.events {
            self.feed(&mut place, now, event, &mut actions, &mut happened);
        }
        if matches!(place.caller.situation(), Situation::Talks { .. }) {
            happened.talks = !matches!(situation, Situation::Talks { .. });
            place.past.met_a_person = true;
        }
        place.caller.settle(passed);
        if let Situation::Queue { advice: false, .. }
        | Situation::Page { advice: false, .. }
        | Situation::Ringing { .. }
        | Situation::Inquiry(_) = place.caller.situation()
        {
            // What she hears while she waits changes nothing.
            place.sound = Sound::default();
        }
        (place, happened)
    }

    fn feed(
        &self,
        place: &mut Place,
        now: Now,
        event: &Event,
        actions: &mut Vec<Action>,
        happened: &mut Happened,
    ) {
        place.caller.handle(now, event.clone(), actions);
        for action in actions.drain(..) {
            match action {
                Action::Entered { flow, step, .. } => happened.entered.push((flow, step)),
                Action::Play(play) => place.sound = self.sound(play),
                Action::Stop => place.sound = Sound::default(),
                Action::Enqueue(entry) => happened.queued = Some(entry.queue),
                Action::Transfer { .. } | Action::Page { .. } => happened.rings = true,
                Action::Recording(Recording::Message { .. }) => {
                    happened.leaves_message = Some(place.caller.urgency());
                }
                Action::Recording(Recording::Unasked) => happened.unasked = true,
                Action::HangUp { .. } => happened.hung_up = true,
                Action::Answer
                | Action::Recording(_)
                | Action::Key(_)
                | Action::Noted(_)
                | Action::Tagged { .. }
                | Action::Language(_)
                | Action::Raise { .. }
                | Action::Dequeue
                | Action::CancelTransfer
                | Action::CancelPage
                | Action::Inquire(_)
                | Action::CancelInquiry { .. } => {}
            }
        }
    }

    fn sound(&self, play: Play) -> Sound {
        let mut ends = play.lead_in;
        let prompts = play.prompts.into_iter().map(|prompt| {
            let known = self.environment.prompts.get(&*prompt.language);
            let known = known.and_then(|all| all.get(&*prompt.name));
            ends += known.map(|info| info.duration).unwrap_or_default();
            (prompt, ends)
        });
        Sound { prompts: prompts.collect(), repeats: play.repeats }
    }
}

impl Space {
    pub(super) fn ways_from(&self, at: usize) -> &[Edge] {
        self.ways.get(at).map_or(&[], Vec::as_slice)
    }

    /// The shortest way by which a place was found, in ways.
    pub(super) fn shortest_to(&self, at: usize) -> Vec<(usize, usize)> {
        let mut path = Vec::new();
        let mut here = at;
        while let Some(Some((from, number))) = self.found.get(here) {
            path.push((*from, *number));
            here = *from;
        }
        path.reverse();
        path
    }

    /// The urgency at a place.
    pub(super) fn urgency(&self, at: usize) -> Urgency {
        self.places.get(at).map_or(Urgency::Routine, |place| place.caller.urgency())
    }
}
