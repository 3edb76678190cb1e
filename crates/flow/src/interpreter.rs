//! One caller's place in one flow: events and time in, actions out.
//!
//! A caller is always in exactly one [`state::Waiting`]. An event may end it with a [`Jump`]; `walk` follows
//! jumps from step to step until one of them waits again.

mod foresight;
mod inquiry;
mod keys;
mod page;
mod people;
mod questions;
mod recording;
mod say;
mod situation;
mod state;
mod steps;
mod vitals;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use primitives::{Now, Private};

use crate::expression::{Value, Values};
use crate::flow::{Assigned, Assignment, Flow, Go, Library, Say, StepId, Tag, Verb};
use crate::{Action, Caller, Event, HangUpCause, Play, PromptRef, Urgency};
pub(crate) use foresight::Foresight;
pub(crate) use situation::{Asked, Awaited, Situation, Snapshot, With};
use state::{AFTER_KEY, Frame, Jump, Sequence, Waiting};

/// Steps one event may run through: several times the longest chain anybody writes, and few enough that a loop
/// of branches is noticed within a millisecond.
const STEPS_PER_EVENT_MAX: usize = 100;
/// Sub-flows in one another. The checker refuses circles; this bounds what is left.
const CALLS_DEEP_MAX: usize = 16;
/// Keys pressed ahead of a question; a card's number and its date are 23.
const TYPED_AHEAD_MAX: usize = 32;

/// One caller's place in one flow. The flow was checked when it was loaded, so no step can fail to exist;
/// what remains uncertain (digits, queues, hang-ups) arrives as an [`Event`].
#[derive(Clone, Debug)]
pub struct Interpreter {
    library: Arc<Library>,
    first: Arc<Flow>,
    caller: Caller,
    /// The flow the caller is in.
    frame: Frame,
    /// Those that called it, the first flow first.
    callers: Vec<Frame>,
    language: Arc<str>,
    urgency: Option<Urgency>,
    reason: Option<Arc<str>>,
    waiting: Waiting,
    typed_ahead: VecDeque<Private<char>>,
    /// After the emergency key: may become 9,1,1.
    sequence: Option<Sequence>,
    is_answered: bool,
    is_playing: bool,
    /// The event under way is a key: what is said next waits a moment.
    is_after_key: bool,
    kept: recording::Kept,
    /// How often something was asked.
    inquiries: u32,
    foresight: Foresight,
}

impl Interpreter {
    /// A caller before the first step of a flow.
    pub fn new(library: Arc<Library>, flow: Arc<Flow>, caller: Caller) -> Self {
        let language = flow.languages.first().cloned().unwrap_or_else(|| "".into());
        Self {
            library,
            first: flow.clone(),
            caller,
            frame: Frame::new(flow),
            callers: Vec::new(),
            language,
            urgency: None,
            reason: None,
            waiting: Waiting::Start,
            typed_ahead: VecDeque::new(),
            sequence: None,
            is_answered: false,
            is_playing: false,
            is_after_key: false,
            kept: recording::Kept::default(),
            inquiries: 0,
            foresight: Foresight::None,
        }
    }

    /// The same caller before the first step of another flow, with her language, urgency and reason: an agent
    /// sends her on. The call is answered already.
    #[must_use]
    pub fn sent_on(&self, library: Arc<Library>, flow: Arc<Flow>, dialled: String) -> Self {
        let knows = flow.languages.contains(&self.language);
        let mut new = Self::new(library, flow, Caller { dialled, ..self.caller.clone() });
        if knows {
            new.language = self.language.clone();
        }
        new.urgency = self.urgency;
        new.reason.clone_from(&self.reason);
        new.is_answered = true;
        new.kept = self.kept;
        new.inquiries = self.inquiries;
        new
    }

    /// Runs until the flow waits. At most `STEPS_PER_EVENT_MAX` steps; beyond that the fallback step.
    pub fn handle(&mut self, now: Now, event: Event, out: &mut Vec<Action>) {
        self.is_after_key = matches!(event, Event::Digit(_));
        let jump = match event {
            Event::CallStarted if matches!(self.waiting, Waiting::Start) => {
                Some(Jump::To(StepId(0), "start"))
            }
            Event::CallStarted => None,
            Event::Digit(key) => {
                for key in self.keys_now(now, &key).into_iter().flatten() {
                    let jump = self.key(now, key, out);
                    self.walk(now, jump, out);
                }
                None
            }
            Event::PlayFinished => {
                self.is_playing = false;
                self.play_finished(now, out)
            }
            Event::Queue(news) => self.queue_news(now, &news, out),
            Event::Transfer(news) => self.transfer_news(&news, out),
            Event::Page(news) => self.page_news(news, out),
            Event::Inquiry { number, news } => self.inquiry_news(number, &news, out),
            Event::Verified(verification) => {
                self.caller.verification = verification;
                None
            }
            Event::Message(news) => self.message_news(news, out),
            Event::CallerHungUp => {
                self.message_left(out);
                self.waiting = Waiting::Ended;
                self.sequence = None;
                None
            }
            Event::Timeout => self.timeout(now, out),
        };
        self.walk(now, jump, out);
        self.guard_secrets(out);
    }

    /// When [`Event::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let held = self.sequence.as_ref().and_then(Sequence::flush_at);
        let waiting = match &self.waiting {
            Waiting::Question(question) => question.deadline(),
            Waiting::Pause { until } | Waiting::Consent { until: Some(until) } => Some(*until),
            Waiting::Message { taking, .. } => taking.deadline(),
            Waiting::Queue(hold) => hold.announce_at(),
            Waiting::Page(hold) => hold.announce_at(),
            Waiting::Inquiry(asking) => Some(asking.deadline()),
            Waiting::Start
            | Waiting::Play { .. }
            | Waiting::Emergency
            | Waiting::Advice
            | Waiting::Ringing
            | Waiting::Talking
            | Waiting::Consent { until: None }
            | Waiting::Disclosing
            | Waiting::Goodbye(_)
            | Waiting::Ended => None,
        };
        [held, waiting].into_iter().flatten().min()
    }

    /// Who calls, as far as it is known now.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The flow and step the caller is at, for "where is this caller now".
    pub fn position(&self) -> (&str, &str) {
        let frame = &self.frame;
        (&frame.flow.name, frame.step().map_or("", |step| &*step.name))
    }

    /// How urgent she is; `routine` as long as nothing said otherwise.
    pub fn urgency(&self) -> Urgency {
        self.urgency.unwrap_or(Urgency::Routine)
    }

    /// Why, a name of the flow.
    pub fn reason(&self) -> Option<&Arc<str>> {
        self.reason.as_ref()
    }

    /// The language of what she hears.
    pub fn language(&self) -> &Arc<str> {
        &self.language
    }

    /// The flow the call started on (its digest names every hop).
    pub fn flow(&self) -> &Arc<Flow> {
        &self.first
    }

    /// Follows jumps until a step waits. A chain that does not end goes to the person of `on_error`, and if
    /// even that does not wait, to a spoken goodbye.
    fn walk(&mut self, now: Now, jump: Option<Jump>, out: &mut Vec<Action>) {
        let Some(mut jump) = jump else { return };
        for _ in 0..2 {
            for _ in 0..STEPS_PER_EVENT_MAX {
                match self.follow(now, jump, out) {
                    Some(next) => jump = next,
                    None => return,
                }
            }
            jump = Jump::Fallback;
        }
        self.say_goodbye(HangUpCause::Failed, out);
    }

    fn follow(&mut self, now: Now, jump: Jump, out: &mut Vec<Action>) -> Option<Jump> {
        match jump {
            Jump::To(step, why) => self.arrive(now, step, why, out),
            Jump::Next(why) => match self.frame.step().and_then(|step| step.next) {
                Some(next) => self.arrive(now, next, why, out),
                None => Some(Jump::Return),
            },
            Jump::Call { flow, resume } => self.call(&flow, resume),
            Jump::Return => {
                let Some(caller) = self.callers.pop() else {
                    self.say_goodbye(HangUpCause::Completed, out);
                    return None;
                };
                self.frame = caller;
                match self.frame.resume.take() {
                    Some(resume) => self.arrive(now, resume, "return", out),
                    None => Some(Jump::Return),
                }
            }
            Jump::Emergency => self.unwind(|flow| flow.emergency, "emergency_key"),
            Jump::Operator => self.unwind(|flow| flow.operator, "operator_key"),
            Jump::GiveUp => self.unwind(|flow| flow.give_up, "give_up"),
            Jump::Failed => {
                let flow = self.frame.flow.clone();
                let on_error = self.frame.step_of(&flow).and_then(|step| step.on_error.as_ref());
                match on_error {
                    Some(go) => self.go(go, "on_error", out).filter(|jump| !matches!(jump, Jump::Failed)),
                    None => None,
                }
                .or(Some(Jump::Fallback))
            }
            Jump::Fallback => self.unwind(|flow| flow.on_error, "on_error"),
            Jump::Goodbye(cause) => {
                self.say_goodbye(cause, out);
                None
            }
        }
    }

    /// Leaves sub-flows for the nearest flow that has such a step.
    fn unwind(&mut self, pick: impl Fn(&Flow) -> Option<StepId>, why: &'static str) -> Option<Jump> {
        loop {
            if let Some(step) = pick(&self.frame.flow) {
                return Some(Jump::To(step, why));
            }
            match self.callers.pop() {
                Some(caller) => self.frame = caller,
                // Only a sub-flow run on its own has nobody to turn to.
                None => return Some(Jump::Goodbye(HangUpCause::Failed)),
            }
        }
    }

    fn call(&mut self, name: &str, resume: Option<StepId>) -> Option<Jump> {
        let flow = self.library.flow(name).filter(|_| self.callers.len() < CALLS_DEEP_MAX).cloned();
        let Some(flow) = flow else { return Some(Jump::Failed) };
        self.frame.resume = resume;
        self.callers.push(std::mem::replace(&mut self.frame, Frame::new(flow)));
        Some(Jump::To(StepId(0), "call"))
    }

    /// Does what a GO says; where it leads is returned.
    fn go(&mut self, go: &Go, why: &'static str, out: &mut Vec<Action>) -> Option<Jump> {
        if !self.assign(&go.set, out) {
            return Some(Jump::Failed);
        }
        self.tag(&go.tag, out);
        let next = self.frame.step().and_then(|step| step.next);
        Some(match (&go.call, go.to) {
            (Some(flow), to) => Jump::Call { flow: flow.clone(), resume: to.or(next) },
            (None, Some(to)) => Jump::To(to, why),
            (None, None) => Jump::Next(why),
        })
    }

    /// Whether all of them could be set.
    fn assign(&mut self, assignments: &[Assignment], out: &mut Vec<Action>) -> bool {
        assignments.iter().all(|assignment| {
            let value = match &assignment.to {
                Assigned::Value(value) => value.clone(),
                Assigned::Expression(expression) => match expression.value(&self.values()) {
                    Ok(value) => value,
                    Err(_) => return false,
                },
            };
            if &*assignment.variable != "language" {
                self.frame.variables.insert(assignment.variable.clone(), Private::new(value));
                return true;
            }
            let languages = &self.frame.flow.languages;
            let known = match value {
                Value::Unknown(_) => languages.get(self.foresight.choose(languages.len())).cloned(),
                value => {
                    let wanted = value.to_string();
                    languages.iter().find(|language| language.as_ref() == wanted).cloned()
                }
            };
            if let Some(language) = known.clone().filter(|language| *language != self.language) {
                self.language = language.clone();
                out.push(Action::Language(language));
            }
            known.is_some()
        })
    }

    /// Urgency only ever rises: a tag that is less urgent than the caller already is says nothing about her,
    /// and neither does its reason.
    fn tag(&mut self, tag: &Tag, out: &mut Vec<Action>) {
        let is_lower = |new: Urgency| self.urgency.is_some_and(|now| new > now);
        if tag.urgency.is_some_and(is_lower) {
            return;
        }
        let (urgency, reason) =
            (tag.urgency.or(self.urgency), tag.reason.clone().or_else(|| self.reason.clone()));
        if urgency == self.urgency && reason == self.reason {
            return;
        }
        (self.urgency, self.reason) = (urgency, reason.clone());
        out.push(Action::Tagged { urgency: self.urgency(), reason });
    }

    /// Everything a condition may name, as it is now.
    fn values(&self) -> Values {
        let frame = &self.frame;
        let text = |text: &str| Value::Text(text.into());
        let number = self.caller.number.as_ref().map_or("", |number| number.expose());
        let diverted = self.caller.diverted.as_ref();
        let built_in = [
            ("language", text(&self.language)),
            ("urgency", text(self.urgency().word())),
            ("reason", text(self.reason.as_deref().unwrap_or_default())),
        ];
        // What the network says of a call, which no proof knows before it.
        let told = [
            ("caller.known", Value::Truth(self.caller.number.is_some())),
            ("caller.number", text(number)),
            ("caller.withheld", Value::Truth(self.caller.is_withheld)),
            ("caller.verification", text(self.caller.verification.word())),
            ("dialled", text(&self.caller.dialled)),
            ("call.trunk", text(&self.caller.trunk)),
            ("call.diverted_from", text(diverted.map_or("", |it| it.from.expose()))),
            ("call.diversion_reason", text(diverted.map_or("", |it| it.reason))),
            ("call.first_diverted_from", text(diverted.map_or("", |it| it.first_from.expose()))),
            ("call.diversions", Value::Number(diverted.map_or(0, |it| it.count.into()))),
        ];
        let mut values: Values = frame
            .flow
            .variables
            .iter()
            .map(|(name, of)| (Arc::from(name.as_str()), Private::new(Value::unset(*of))))
            .collect();
        let told = told.map(|(name, value)| (name, self.foresight.value(value)));
        values.extend(
            built_in.into_iter().chain(told).map(|(name, value)| (Arc::from(name), Private::new(value))),
        );
        values.extend(frame.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        values
    }

    fn answer(&mut self, out: &mut Vec<Action>) {
        if !self.is_answered {
            self.is_answered = true;
            out.push(Action::Answer);
        }
    }

    fn play(&mut self, say: &Say, out: &mut Vec<Action>) {
        let languages = if say.in_all_languages {
            self.frame.flow.languages.clone()
        } else {
            vec![self.language.clone()]
        };
        let prompts = say.prompts.iter().flat_map(|name| {
            languages.iter().map(|language| PromptRef { language: language.clone(), name: name.clone() })
        });
        self.play_prompts(prompts.collect(), out);
    }

    fn play_prompts(&mut self, prompts: Vec<PromptRef>, out: &mut Vec<Action>) {
        self.answer(out);
        self.is_playing = true;
        let lead_in = if std::mem::take(&mut self.is_after_key) { AFTER_KEY } else { Default::default() };
        out.push(Action::Play(Play { prompts, repeats: false, lead_in }));
    }

    fn stop(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.is_playing) {
            out.push(Action::Stop);
        }
    }

    /// Says the goodbye of the flow the call came to, and ends it.
    fn say_goodbye(&mut self, cause: HangUpCause, out: &mut Vec<Action>) {
        let prompt = self.first.goodbye.clone();
        self.play(&Say { prompts: vec![prompt], in_all_languages: false }, out);
        self.waiting = Waiting::Goodbye(cause);
    }

    fn play_finished(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        match &mut self.waiting {
            Waiting::Play { .. } | Waiting::Emergency => Some(Jump::Next("next")),
            Waiting::Question(_) => self.question_asked(now, out),
            Waiting::Advice => Some(Jump::Emergency),
            Waiting::Queue(_) => self.hold_on(now, out),
            Waiting::Page(_) => self.page_on(out),
            Waiting::Ringing | Waiting::Inquiry(_) => {
                self.play_music(out);
                None
            }
            Waiting::Goodbye(cause) => {
                out.push(Action::HangUp { cause: *cause });
                self.waiting = Waiting::Ended;
                self.sequence = None;
                None
            }
            Waiting::Consent { .. } => {
                self.consent_asked(now);
                None
            }
            Waiting::Disclosing => {
                let flow = self.frame.flow.clone();
                if let Some(Verb::Disclose(say)) = self.frame.step_of(&flow).map(|step| &step.verb) {
                    self.disclosed(say, out);
                }
                Some(Jump::Next("next"))
            }
            Waiting::Message { .. } => self.message_said(now, out),
            Waiting::Start | Waiting::Pause { .. } | Waiting::Talking | Waiting::Ended => None,
        }
    }

    fn timeout(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        if let Some(at) = self.sequence.as_ref().and_then(Sequence::flush_at)
            && at <= now.mono
        {
            // The 1 after a 9 stayed alone: it was meant for whatever asks now.
            self.sequence = None;
            self.is_after_key = true;
            return self.key(now, '1', out);
        }
        match &self.waiting {
            Waiting::Question(question) if question.deadline().is_some_and(|at| at <= now.mono) => {
                self.question_timed_out(now, out)
            }
            Waiting::Pause { until } if *until <= now.mono => Some(Jump::Next("next")),
            Waiting::Consent { until: Some(until) } if *until <= now.mono => self.consent_over(true, out),
            Waiting::Message { taking, .. } if taking.deadline().is_some_and(|at| at <= now.mono) => {
                self.message_timed_out(out)
            }
            Waiting::Queue(hold) if hold.announce_at().is_some_and(|at| at <= now.mono) => {
                self.announce(now, out);
                None
            }
            Waiting::Page(hold) if hold.announce_at().is_some_and(|at| at <= now.mono) => {
                self.page_words(now, out);
                None
            }
            Waiting::Inquiry(asking) if asking.deadline() <= now.mono => self.inquiry_timed_out(now, out),
            _ => None,
        }
    }
}
