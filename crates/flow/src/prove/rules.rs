//! What must hold: the safety invariants S1 to S22 as far as they are about what happens to a caller, and the
//! flow's own promises. Those about the text of a flow (prompts, calendars, menus) are found by the checker.

mod systems;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::bound::{Search, Step, Worst};
use super::moves::{By, Deed};
use super::space::{Edge, Space};
use super::story::tell;
use super::{Fault, Hope, Promise, Proof, ProvedAt};
use crate::Urgency;
use crate::flow::{Flow, Library, Order, StepId, Verb};
use crate::interpreter::Situation;

/// S1: the 911 notice is over so soon after the answer.
const NOTICE_WITHIN: Duration = Duration::from_secs(10);
/// S5: so soon a silent caller comes to a person, a queue for one, or the advice to dial 911.
const PERSON_WITHIN: Duration = Duration::from_secs(180);
/// S7: silence a caller takes for a dead line.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// Everything that must hold of a flow that answers calls.
pub(super) fn all(library: &Library, flow: &Flow, space: &Space, proofs: &mut Vec<Proof>) {
    let rules = Rules { library, flow, space };
    proofs.push(rules.notice_comes_first());
    proofs.push(rules.help_is_one_key_away());
    proofs.push(rules.a_person_is_reachable());
    proofs.push(rules.zero_leads_to_a_person());
    proofs.push(rules.a_person_comes_soon());
    proofs.push(rules.silence_is_not_an_end());
    proofs.push(rules.nobody_is_hung_up_on_in_silence());
    proofs.push(rules.nobody_waits_in_silence());
    proofs.push(rules.nothing_goes_round());
    proofs.push(rules.urgency_never_falls());
    proofs.push(rules.the_urgent_are_never_let_go());
    if rules.happens(|way| way.happened.leaves_message.is_some()) {
        proofs.push(rules.the_urgent_speak_to_no_machine());
    }
    if flow_records(library) {
        proofs.push(rules.nobody_is_recorded_unasked());
    }
    systems::all(&rules, proofs);
    for promise in &flow.promises {
        proofs.push(rules.promise(promise));
    }
}

struct Rules<'a> {
    library: &'a Library,
    flow: &'a Flow,
    space: &'a Space,
}

impl Rules<'_> {
    /// S1.
    fn notice_comes_first(&self) -> Proof {
        let claim = format!(
            "every caller has heard {} {} s after the answer",
            self.flow.emergency_notice,
            NOTICE_WITHIN.as_secs()
        );
        let last = self.flow.languages.last();
        let goal = |way: &Edge| {
            if way.by == By::Emergency || way.by == By::Operator {
                return Some(way.takes.1);
            }
            let mut heard = way.happened.heard.iter().rev();
            heard
                .find(|(prompt, _)| {
                    prompt.name == self.flow.emergency_notice && Some(&prompt.language) == last
                })
                .map(|(_, ends)| *ends)
        };
        let search = Search { space: self.space, goal: &goal, may: &|_| true, choices_restart: false };
        self.within("S1", claim, search.worst(&[0]), NOTICE_WITHIN)
    }

    /// S2, S3: 9 and 911 make her emergent at least, wherever she is.
    fn help_is_one_key_away(&self) -> Proof {
        let claim = "9 and 911 help at every prompt, question and queue".to_owned();
        for at in self.places() {
            let is_deaf = match self.situation(at) {
                Situation::Start | Situation::Talks { .. } | Situation::Ended => false,
                _ => {
                    let mut asks = self.space.ways_from(at).iter().filter(|way| way.by == By::Emergency);
                    let urgency = |way: &Edge| self.space.urgency(way.to);
                    let already = self.space.urgency(at) <= Urgency::Emergent;
                    let is_raised = asks.clone().all(|way| urgency(way) <= Urgency::Emergent);
                    !already && (asks.next().is_none() || !is_raised)
                }
            };
            if is_deaf {
                return self.broken("S2", claim, at, &[], "let the emergency keys on");
            }
        }
        self.holds("S2", claim)
    }

    /// S4: 0 asks for a person, and what it leads to is one: a queue, a number that rings, the advice, or words
    /// before one of them.
    fn zero_leads_to_a_person(&self) -> Proof {
        let claim = "0 leads to a person, not to another question".to_owned();
        let is_person = |at: usize| {
            matches!(
                self.situation(at),
                Situation::Queue { .. }
                    | Situation::Ringing { .. }
                    | Situation::Page { .. }
                    | Situation::Hears { advice: true, .. }
            )
        };
        let leads = |at: usize| match self.situation(at) {
            Situation::Hears { .. } => {
                self.space.ways_from(at).iter().any(|way| way.deed == Deed::Listens && is_person(way.to))
            }
            _ => is_person(at),
        };
        for at in self.places() {
            let asks =
                self.space.ways_from(at).iter().position(|way| way.by == By::Operator && !leads(way.to));
            if let Some(number) = asks {
                return self.broken(
                    "S4",
                    claim,
                    at,
                    &[(at, number)],
                    "let `operator:` name a step with `queue`",
                );
            }
        }
        self.holds("S4", claim)
    }

    /// S4: from everywhere there is a way to a person or to the advice.
    fn a_person_is_reachable(&self) -> Proof {
        let claim = "from everywhere a way leads to a person".to_owned();
        let mut reached = vec![false; self.space.places.len()];
        let mut to_see: Vec<usize> = Vec::new();
        let mut into: Vec<Vec<usize>> = vec![Vec::new(); self.space.places.len()];
        for at in self.places() {
            for way in self.space.ways_from(at) {
                if let Some(list) = into.get_mut(way.to) {
                    list.push(at);
                }
                if way.happened.talks || way.happened.advised {
                    to_see.push(at);
                }
            }
        }
        while let Some(at) = to_see.pop() {
            let Some(slot) = reached.get_mut(at).filter(|slot| !**slot) else { continue };
            *slot = true;
            to_see.extend(into.get(at).into_iter().flatten());
        }
        let is_over = |at: usize| {
            let past = self.space.places.get(at).map(|place| place.past).unwrap_or_default();
            let leaving = matches!(self.situation(at), Situation::Ended | Situation::Goodbye);
            leaving || past.met_a_person || past.was_advised
        };
        match self.places().find(|at| !is_over(*at) && reached.get(*at) == Some(&false)) {
            Some(at) => self.broken("S4", claim, at, &[], "let `operator:` or `give_up` lead to a queue"),
            None => self.holds("S4", claim),
        }
    }

    /// S5.
    fn a_person_comes_soon(&self) -> Proof {
        let claim = format!(
            "after every choice, silence and wrong keys lead to a person, a queue or the 911 advice within {} s",
            PERSON_WITHIN.as_secs()
        );
        let search = Search { space: self.space, goal: &helped, may: &|_| true, choices_restart: true };
        self.within("S5", claim, search.worst(&[0]), PERSON_WITHIN)
    }

    /// S5: who does not answer a question is led to a person, and not hung up on.
    fn silence_is_not_an_end(&self) -> Proof {
        let claim = "silence and wrong keys at a question never end a call".to_owned();
        let questions: Vec<usize> = self
            .places()
            .filter(|at| {
                matches!(
                    self.situation(*at),
                    Situation::Question { silence_answers: false, .. } | Situation::Entry(_)
                )
            })
            .collect();
        let goal = |way: &Edge| helped(way).filter(|_| !way.happened.hung_up);
        let may = |way: &Edge| matches!(way.by, By::Nature | By::Mistake);
        let search = Search { space: self.space, goal: &goal, may: &may, choices_restart: true };
        match search.worst(&questions) {
            Worst::Missed(path) => {
                let at = path.first().map_or(0, |(at, _)| *at);
                self.broken("S5", claim, at, &path, "let `give_up` lead to a queue")
            }
            Worst::Within(..) | Worst::Loops(_) | Worst::Nobody => self.holds("S5", claim),
        }
    }

    /// S6.
    fn nobody_is_hung_up_on_in_silence(&self) -> Proof {
        let claim = "no call is ended without a goodbye that was heard".to_owned();
        for at in self.places() {
            let silent = self.space.ways_from(at).iter().position(|way| {
                way.happened.hung_up && way.happened.heard.last().is_none_or(|(_, ends)| ends.is_zero())
            });
            if let Some(number) = silent {
                return self.broken("S6", claim, at, &[(at, number)], "say goodbye before `hang_up`");
            }
        }
        self.holds("S6", claim)
    }

    /// S7.
    fn nobody_waits_in_silence(&self) -> Proof {
        let claim = format!("nobody hears nothing for {} s without being asked", SILENCE_MAX.as_secs());
        for at in self.places() {
            if !matches!(self.situation(at), Situation::Pause) {
                continue;
            }
            let long = self.space.ways_from(at).iter().position(|way| way.takes.0 > SILENCE_MAX);
            if let Some(number) = long {
                return self.broken("S7", claim, at, &[(at, number)], "let a prompt play instead of `wait`");
            }
        }
        self.holds("S7", claim)
    }

    /// S8: what nobody chose does not go round for ever without a person on the way.
    fn nothing_goes_round(&self) -> Proof {
        let claim = "nothing goes round without a person on the way".to_owned();
        let everywhere: Vec<usize> = self.places().collect();
        let search = Search { space: self.space, goal: &helped, may: &|_| true, choices_restart: true };
        match search.worst(&everywhere) {
            Worst::Loops(round) => {
                let at = round.first().map_or(0, |(at, _)| *at);
                self.broken("S8", claim, at, &round, "let a person, or a last try, end the round")
            }
            Worst::Within(..) | Worst::Missed(_) | Worst::Nobody => self.holds("S8", claim),
        }
    }

    /// S10.
    fn urgency_never_falls(&self) -> Proof {
        let claim = "no flow makes a caller less urgent than she was".to_owned();
        for at in self.places() {
            let before = self.space.urgency(at);
            let falls = |way: &Edge| {
                let told = self.space.places.get(at).is_some_and(|place| place.caller.was_tagged());
                told && self.space.urgency(way.to) > before
            };
            if let Some(number) = self.space.ways_from(at).iter().position(falls) {
                return self.broken("S10", claim, at, &[(at, number)], "only a clinician lowers an urgency");
            }
        }
        self.holds("S10", claim)
    }

    /// S11.
    fn the_urgent_are_never_let_go(&self) -> Proof {
        let claim =
            "no emergency and no emergent caller is hung up on before a person or the 911 advice".to_owned();
        for at in self.places() {
            let past = self.space.places.get(at).map(|place| place.past).unwrap_or_default();
            if past.met_a_person || past.was_advised || self.space.urgency(at) > Urgency::Emergent {
                continue;
            }
            if let Some(number) = self.space.ways_from(at).iter().position(|way| way.happened.hung_up) {
                let change = "lead her to a queue or an `emergency` step before `hang_up`";
                return self.broken("S11", claim, at, &[(at, number)], change);
            }
        }
        self.holds("S11", claim)
    }

    fn happens(&self, what: impl Fn(&Edge) -> bool) -> bool {
        self.places().any(|at| self.space.ways_from(at).iter().any(&what))
    }

    /// S11: who may be in danger speaks to a person and not to a machine.
    fn the_urgent_speak_to_no_machine(&self) -> Proof {
        let claim = "no emergency and no emergent caller is asked for a message".to_owned();
        for at in self.places() {
            let urgent = |way: &Edge| way.happened.leaves_message.is_some_and(|it| it <= Urgency::Emergent);
            if let Some(number) = self.space.ways_from(at).iter().position(urgent) {
                let change = "lead her to a queue or an `emergency` step before `take_message`";
                return self.broken("S11", claim, at, &[(at, number)], change);
            }
        }
        self.holds("S11", claim)
    }

    /// S12.
    fn nobody_is_recorded_unasked(&self) -> Proof {
        let claim = "nobody is recorded who was not asked".to_owned();
        for at in self.places() {
            if let Some(number) = self.space.ways_from(at).iter().position(|way| way.happened.unasked) {
                let change = "let a `consent` step come before `record: start` on every way";
                return self.broken("S12", claim, at, &[(at, number)], change);
            }
        }
        self.holds("S12", claim)
    }

    fn promise(&self, promise: &Promise) -> Proof {
        let name = self.flow.step(promise.from).map(|step| step.name.clone()).unwrap_or_default();
        let comes = |way: &Edge| {
            way.happened.entered.iter().any(|(flow, step)| **flow == *self.flow.name && *step == name)
        };
        let mut from: Vec<usize> = self
            .places()
            .flat_map(|at| self.space.ways_from(at))
            .filter(|way| comes(way))
            .map(|way| way.to)
            .collect();
        from.sort_unstable();
        from.dedup();
        if promise.from.0 == 0 {
            from = vec![0];
        }
        let goal = |way: &Edge| match &promise.hope {
            // In all languages it is said in: nobody knows yet which of them she understands.
            Hope::Hears(name) => {
                way.happened.heard.iter().rfind(|(prompt, _)| prompt.name == *name).map(|(_, ends)| *ends)
            }
            Hope::HumanOrAdvice => (way.happened.talks || way.happened.advised).then_some(way.takes.1),
            Hope::Human => way.happened.talks.then_some(way.takes.1),
            Hope::Queue(queue) => (way.happened.queued.as_ref() == Some(queue)).then_some(way.takes.1),
            Hope::Step(step) => {
                way.happened.entered.iter().any(|(_, name)| name == step).then_some(way.takes.1)
            }
        };
        // Who asks for help is led elsewhere, and what is promised of a person holds there too.
        let stays = !matches!(promise.hope, Hope::Human | Hope::HumanOrAdvice);
        let may = |way: &Edge| {
            if stays && matches!(way.by, By::Emergency | By::Operator) {
                return false;
            }
            let fault = way.fault.or(match (way.by, &way.deed) {
                (By::Mistake, _) => Some(Fault::WrongKeys),
                (_, Deed::Silence) => Some(Fault::NoInput),
                _ => None,
            });
            fault.is_none_or(|fault| promise.even_if.contains(&fault))
        };
        let search = Search { space: self.space, goal: &goal, may: &may, choices_restart: false };
        match search.worst(&from) {
            // A promise of a step nobody is at, because it only computes, would hold whatever happens.
            Worst::Nobody => Proof {
                holds: false,
                step: Some(name.clone()),
                at: ProvedAt::of(self.library, &self.flow.name, Some(&name)),
                changes: vec!["let it begin `from:` a step that speaks, asks or waits".to_owned()],
                ..self.holds("promise", promise.words.clone())
            },
            worst => self.within("promise", promise.words.clone(), worst, promise.within),
        }
    }

    /// A claim that something comes within a time.
    fn within(&self, rule: &'static str, claim: String, worst: Worst, limit: Duration) -> Proof {
        match worst {
            Worst::Nobody => self.holds(rule, claim),
            Worst::Within(worst, path) => {
                let mut proof = self.holds(rule, claim);
                proof.worst = Some(worst);
                if worst > limit {
                    proof.holds = false;
                    (proof.step, proof.at) = self.longest(&path);
                    proof.story = tell(self.space, &path);
                    proof.changes = self.changes(&path, worst.saturating_sub(limit));
                }
                proof
            }
            Worst::Missed(path) => {
                let at = path.first().map_or(0, |(at, _)| *at);
                self.broken(rule, claim, at, &path, "lead this way to it")
            }
            Worst::Loops(path) => {
                let at = path.first().map_or(0, |(at, _)| *at);
                self.broken(rule, claim, at, &path, "let something end the round")
            }
        }
    }

    /// The smallest changes that would take so much out of a path.
    fn changes(&self, path: &[Step], excess: Duration) -> Vec<String> {
        let mut parts: Vec<(Duration, String)> = Vec::new();
        for (at, number) in path {
            let Some(way) = self.space.ways_from(*at).get(*number) else { continue };
            if way.takes.1 < excess {
                continue;
            }
            let Some(place) = self.space.places.get(*at) else { continue };
            let step = place.caller.position().1.to_owned();
            let short = (way.takes.1 - excess).as_secs_f64();
            let what = match self.situation(*at) {
                Situation::Queue { .. } => format!("let `{step}` wait at most {short:.0} s"),
                Situation::Ringing { .. } => format!("let `{step}` ring for {short:.0} s"),
                Situation::Inquiry(_) => format!("let `{step}` wait at most {short:.1} s for its answer"),
                Situation::Page { .. } => format!("let the rota of `{step}` take at most {short:.0} s"),
                _ if place.sound.prompts.is_empty() => format!("let `{step}` listen for {short:.0} s"),
                _ => format!("shorten what `{step}` says to {short:.1} s"),
            };
            if !parts.iter().any(|(_, known)| *known == what) {
                parts.push((way.takes.1, what));
            }
        }
        parts.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        parts.into_iter().map(|(_, what)| what).take(3).collect()
    }

    fn places(&self) -> std::ops::Range<usize> {
        0..self.space.places.len()
    }

    fn situation(&self, at: usize) -> Situation {
        self.space.places.get(at).map_or(Situation::Ended, |place| place.caller.situation())
    }

    fn holds(&self, rule: &'static str, claim: String) -> Proof {
        Proof {
            flow: self.flow.name.clone(),
            rule,
            claim,
            holds: true,
            worst: None,
            step: None,
            at: None,
            story: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The step of a place, and where it was written.
    fn found(&self, at: usize) -> (Option<Arc<str>>, Option<ProvedAt>) {
        let Some(place) = self.space.places.get(at) else { return (None, None) };
        let (flow, step) = place.caller.position();
        (Some(step.into()), ProvedAt::of(self.library, &flow.into(), Some(step)))
    }

    /// The step a path spends most of its time at: what is to be shortened first.
    fn longest(&self, path: &[Step]) -> (Option<Arc<str>>, Option<ProvedAt>) {
        let time = |(at, number): &&Step| self.space.ways_from(*at).get(*number).map(|way| way.takes.1);
        path.iter().max_by_key(time).map_or((None, None), |(at, _)| self.found(*at))
    }

    /// What does not hold at a place: the shortest call that comes there, and how it goes on.
    fn broken(&self, rule: &'static str, claim: String, at: usize, then: &[Step], change: &str) -> Proof {
        let mut path = self.space.shortest_to(at);
        path.extend_from_slice(then);
        let (step, at) = self.found(at);
        Proof {
            holds: false,
            step,
            at,
            story: tell(self.space, &path),
            changes: vec![change.to_owned()],
            ..self.holds(rule, claim)
        }
    }
}

/// Whether any step records a call.
fn flow_records(library: &Library) -> bool {
    let records = |verb: &Verb| matches!(verb, Verb::Record { order: Order::Start, .. });
    library.flows().any(|flow| flow.steps.iter().any(|step| records(&step.verb)))
}

/// A person, a queue for one, a number outside, the advice, for who can wait a message, or an end: nothing more is
/// waited for.
fn helped(way: &Edge) -> Option<Duration> {
    let Edge { happened, takes, .. } = way;
    let leaves_message = happened.leaves_message.is_some_and(|urgency| urgency >= Urgency::Routine);
    let comes = happened.queued.is_some()
        || happened.rings
        || happened.talks
        || happened.advised
        || happened.hung_up
        || leaves_message;
    comes.then_some(takes.1)
}

/// S20: every step of a flow that calls come to is reached by some caller.
pub(super) fn every_step_is_reached(library: &Library, seen: &BTreeSet<(Arc<str>, Arc<str>)>) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for flow in library.flows() {
        let is_reached = seen.iter().any(|(name, _)| **name == *flow.name());
        let ahead = flow.written_ahead();
        for (at, step) in flow.steps.iter().enumerate() {
            if !is_reached || !step.verb.is_told() || ahead.contains(&StepId(at)) {
                continue;
            }
            if !seen.contains(&(flow.name.clone(), step.name.clone())) {
                proofs.push(Proof {
                    flow: flow.name.clone(),
                    rule: "S20",
                    claim: format!("no caller ever comes to step `{}`", step.name),
                    holds: false,
                    worst: None,
                    step: Some(step.name.clone()),
                    at: None,
                    story: Vec::new(),
                    changes: vec!["take the step out, or let something lead to it".to_owned()],
                });
            }
        }
    }
    proofs
}
