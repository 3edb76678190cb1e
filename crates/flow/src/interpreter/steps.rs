//! Coming to a step: what each verb does first.

use primitives::{Now, Private};

use super::state::{Jump, Question, Waiting};
use super::{Interpreter, TYPED_AHEAD_MAX};
use crate::calendar::Opening;
use crate::expression::Expression;
use crate::flow::{Go, Say, StepId, Verb};
use crate::{Action, HangUpCause, Note};

impl Interpreter {
    // Long: one arm for each verb.
    pub(super) fn arrive(
        &mut self,
        now: Now,
        to: StepId,
        why: &'static str,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        self.frame.at = to;
        let step = flow.step(to)?;
        if step.verb.is_told() {
            out.push(Action::Entered {
                flow: flow.name.clone(),
                step: step.name.clone(),
                verb: step.verb.word(),
                why,
            });
        }
        self.tag(&step.tag, out);
        match &step.verb {
            Verb::Play { say, keys } => {
                self.play(say, out);
                self.waiting = Waiting::Play { keys: *keys };
                None
            }
            Verb::Say { words, keys } => {
                let Ok(prompts) = self.spoken(words) else { return Some(Jump::Failed) };
                self.play_prompts(prompts, out);
                self.waiting = Waiting::Play { keys: *keys };
                None
            }
            Verb::Menu(_) | Verb::Collect(_) | Verb::Library(_) => {
                self.waiting = Waiting::Question(Question::new());
                self.begin_question(now, out)
            }
            Verb::Set(assignments) => {
                Some(if self.assign(assignments, out) { Jump::Next("next") } else { Jump::Failed })
            }
            Verb::Tag => Some(Jump::Next("next")),
            Verb::Note(note) => {
                out.push(Action::Noted(note.clone()));
                Some(Jump::Next("next"))
            }
            Verb::Fail(reason) => {
                out.push(Action::Noted(Note::Failed(reason.clone())));
                Some(Jump::Failed)
            }
            Verb::Judge(judge) => self.judge(judge, out),
            Verb::When { branches, otherwise } => self.decide(branches, otherwise.as_ref(), out),
            Verb::Hours { calendar, open, closed, holiday } => {
                let Some(opening) = self.opening(now, calendar) else { return Some(Jump::Failed) };
                let go = match opening {
                    Opening::Open => open,
                    Opening::Holiday => holiday.as_ref().unwrap_or(closed),
                    Opening::Closed => closed,
                };
                self.go(go, "hours", out)
            }
            Verb::Call(name) => Some(Jump::Call { flow: name.clone(), resume: step.next }),
            Verb::Return => Some(Jump::Return),
            Verb::Goto(step) => Some(Jump::To(*step, "next")),
            Verb::Queue(queue) => self.enqueue(now, queue, out),
            Verb::Transfer(transfer) => self.transfer(transfer, out),
            Verb::Page(page) => self.page(now, page, out),
            Verb::Inquire(inquire) => self.inquire(now, inquire, out),
            Verb::NotConfigured(step) => {
                out.push(Action::Noted(Note::Failed("not_configured".into())));
                self.go(&step.failed, "failed", out)
            }
            Verb::Emergency(say) => self.speak(say, Waiting::Emergency, out),
            Verb::Wait(time) => {
                self.answer(out);
                self.waiting = Waiting::Pause { until: now.mono + *time };
                None
            }
            Verb::Record { order, one_party } => {
                self.record(*order, one_party.as_ref(), out);
                Some(Jump::Next("next"))
            }
            Verb::Consent(consent) => self.speak(&consent.say, Waiting::Consent { until: None }, out),
            Verb::Disclose(say) => self.speak(say, Waiting::Disclosing, out),
            Verb::TakeMessage(message) => {
                self.take_message(message, out);
                None
            }
            Verb::HangUp(say) => self.speak(say, Waiting::Goodbye(HangUpCause::Completed), out),
        }
    }

    fn opening(&mut self, now: Now, calendar: &str) -> Option<Opening> {
        let real = self.library.calendars.get(calendar).map(|calendar| calendar.opening(now.wall));
        self.foresight.opening(calendar, real)
    }

    fn speak(&mut self, say: &Say, waiting: Waiting, out: &mut Vec<Action>) -> Option<Jump> {
        self.play(say, out);
        self.waiting = waiting;
        None
    }

    fn decide(
        &mut self,
        branches: &[(Expression, Go)],
        otherwise: Option<&Go>,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        let values = self.values();
        for (condition, go) in branches {
            match condition.holds(&values) {
                Ok(holds) if holds.unwrap_or_else(|| self.foresight.choose(2) == 1) => {
                    return self.go(go, "when", out);
                }
                Ok(_) => {}
                Err(_) => return Some(Jump::Failed),
            }
        }
        match otherwise {
            Some(go) => self.go(go, "when", out),
            None => Some(Jump::Next("next")),
        }
    }

    /// Keeps a key for the next question. One too many is dropped: nobody types so far ahead on purpose.
    pub(super) fn type_ahead(&mut self, key: char) {
        if self.typed_ahead.len() < TYPED_AHEAD_MAX {
            self.typed_ahead.push_back(Private::new(key));
        }
    }
}
