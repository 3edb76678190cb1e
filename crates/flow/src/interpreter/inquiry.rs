//! `lookup` and `http`: something is asked while the caller hears that it goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use primitives::{Now, Private};

use super::Interpreter;
use super::state::{Jump, Waiting};
use crate::expression::Value;
use crate::flow::{Assigned, Go, Inquire, Take, Verb};
use crate::{Action, Inquiry, InquiryNews};

/// Silence before she hears that it takes a moment. Most answers are there sooner, and words cut short sound like
/// a broken line.
pub(crate) const QUIET: Duration = Duration::from_millis(700);

/// A caller for whom something is asked.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Asking {
    /// Then she goes on without an answer.
    pub(super) until: Instant,
    /// Then she hears that it takes a moment; `None`: she hears something already.
    pub(super) words_at: Option<Instant>,
}

impl Asking {
    pub(super) fn deadline(&self) -> Instant {
        self.words_at.map_or(self.until, |at| at.min(self.until))
    }
}

impl Interpreter {
    pub(super) fn inquire(&mut self, now: Now, inquire: &Inquire, out: &mut Vec<Action>) -> Option<Jump> {
        let Some((given, query)) = self.given(&inquire.given).zip(self.given(&inquire.query)) else {
            // A number overflowed: there is nothing to ask with.
            return self.go(&inquire.failed, "failed", out);
        };
        self.answer(out);
        self.inquiries = self.inquiries.wrapping_add(1);
        out.push(Action::Inquire(Inquiry {
            number: self.inquiries,
            source: inquire.source.clone(),
            given,
            query,
            wanted: inquire.takes.iter().map(Take::wanted).collect(),
            within: inquire.within,
        }));
        self.waiting =
            Waiting::Inquiry(Asking { until: now.mono + inquire.within, words_at: Some(now.mono + QUIET) });
        None
    }

    fn given(&self, given: &[(Arc<str>, Assigned)]) -> Option<Vec<(Arc<str>, Private<Value>)>> {
        let values = self.values();
        let one = |(name, from): &(Arc<str>, Assigned)| {
            let value = match from {
                Assigned::Value(value) => value.clone(),
                Assigned::Expression(expression) => expression.value(&values).ok()?,
            };
            Some((name.clone(), Private::new(value)))
        };
        given.iter().map(one).collect()
    }

    /// It takes a moment, or too long.
    pub(super) fn inquiry_timed_out(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let Some(Verb::Inquire(inquire)) = self.frame.step_of(&flow).map(|step| &step.verb) else {
            return None;
        };
        let Waiting::Inquiry(asking) = &mut self.waiting else { return None };
        if asking.until <= now.mono {
            out.push(Action::CancelInquiry { timed_out: true });
            self.stop(out);
            let (go, why) = inquire.too_late();
            return self.go(go, why, out);
        }
        asking.words_at = None;
        match &inquire.play {
            Some(say) => self.play(say, out),
            None => self.play_music(out),
        }
        None
    }

    pub(super) fn inquiry_news(
        &mut self,
        number: u32,
        news: &InquiryNews,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        // Of an earlier one, whose time was over.
        if number != self.inquiries || !matches!(self.waiting, Waiting::Inquiry(_)) {
            return None;
        }
        let flow = self.frame.flow.clone();
        let Some(Verb::Inquire(inquire)) = self.frame.step_of(&flow).map(|step| &step.verb) else {
            return None;
        };
        self.stop(out);
        match news {
            InquiryNews::Found(values) if self.take_values(inquire, values) => {
                self.go(inquire.found.as_ref().unwrap_or(&Go::default()), inquire.source.exit(news), out)
            }
            InquiryNews::NotFound => {
                self.go(inquire.not_found.as_ref().unwrap_or(&inquire.failed), inquire.source.exit(news), out)
            }
            InquiryNews::Found(_) | InquiryNews::Failed => self.go(&inquire.failed, "failed", out),
        }
    }

    /// Puts the answer into the variables; all of it, or nothing.
    fn take_values(&mut self, inquire: &Inquire, values: &[(Arc<str>, Private<Value>)]) -> bool {
        let taken: Option<Vec<_>> = inquire
            .takes
            .iter()
            .map(|take| {
                let (_, value) = values.iter().find(|(name, _)| *name == take.from)?;
                (value.expose().of_type() == take.of).then(|| (take.variable.clone(), value.clone()))
            })
            .collect();
        let is_whole = taken.is_some();
        self.frame.variables.extend(taken.into_iter().flatten());
        is_whole
    }
}
