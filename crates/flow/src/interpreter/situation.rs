//! The interpreter as a proof sees it: what may happen to the caller next, and whether she was here before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::recording::Kept;
use super::state::{Hearing, Phase, Taking, Waiting};
use super::{Foresight, Interpreter};
use crate::Caller;
use crate::Urgency;
use crate::calendar::Opening;
use crate::entry::Kind;
use crate::expression::Value;
use crate::flow::{Collect, Flow, Keys, Library, StepId, Take, Verb};
use crate::inquiry::{InquirySource, Wanted};

/// What the caller waits for, as far as it decides what may happen next.
#[derive(Debug)]
pub(crate) enum Situation {
    /// The call is not there yet.
    Start,
    /// Prompts that a key ends, or does not. `advice`: to hang up and dial 911.
    Hears { key_ends_it: bool, advice: bool },
    /// Whether she may be recorded: one key declines.
    Consents { refuse_key: char },
    /// She speaks a message.
    Speaks,
    /// What she spoke is measured.
    SpokeEnough,
    /// The end of `wait`.
    Pause,
    /// A choice by one key: those that mean something.
    /// `silence_answers`: who presses nothing has answered, or has said already what she had to say.
    Question { keys: Vec<char>, silence_answers: bool },
    /// Digits.
    Entry(Asked),
    /// An agent. `advice`: she is being told to dial 911 meanwhile; `leaving`: and goes elsewhere after it.
    Queue { name: Arc<str>, advice: bool, leaving: bool },
    /// The other side of a transfer.
    Ringing { ring: Duration },
    /// Somebody on call, for so long at most; `advice` and `leaving` as in a queue.
    Page { longest: Duration, advice: bool, leaving: bool },
    /// An answer of a table, or of another system.
    Inquiry(Awaited),
    /// The end of a conversation.
    Talks { with: With },
    /// What is said before the call is ended.
    Goodbye,
    /// Nothing any more.
    Ended,
}

/// An answer that is waited for.
#[derive(Debug)]
pub(crate) struct Awaited {
    /// Of the inquiry.
    pub(crate) number: u32,
    pub(crate) source: InquirySource,
    pub(crate) wanted: Vec<Wanted>,
    /// The answer may be that there is nothing.
    pub(crate) may_lack: bool,
    /// Then she goes on without.
    pub(crate) within: Duration,
}

/// Whom a caller talks with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum With {
    /// An agent of a queue.
    Agent,
    /// A number outside.
    Number,
    /// Somebody on call.
    OnCall,
}

/// What digits an entry takes.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Digits that are accepted.
    pub(crate) valid: String,
    /// Digits that are not, where there are any.
    pub(crate) invalid: Option<String>,
    /// Whether no digits at all are accepted.
    pub(crate) is_optional: bool,
    /// At most so many.
    pub(crate) max: usize,
    /// Longest between two of them.
    pub(crate) between: Duration,
}

/// A flow, the step in it, the variables, and where it goes on after the sub-flow it called.
type Level = (Arc<str>, StepId, Vec<(Arc<str>, Value)>, Option<StepId>);

/// Everything that decides how a call goes on. Two callers with the same snapshot can only have the same
/// future.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Snapshot {
    levels: Vec<Level>,
    language: Arc<str>,
    urgency: Option<Urgency>,
    reason: Option<Arc<str>>,
    waiting: Waiting,
    openings: Vec<(Arc<str>, Opening, bool)>,
    is_answered: bool,
    is_playing: bool,
    kept: Kept,
}

impl Interpreter {
    /// A caller nobody knows anything of.
    pub(crate) fn foreseen(library: Arc<Library>, flow: Arc<Flow>) -> Self {
        let mut caller = Self::new(library, flow, Caller::default());
        caller.foresee(Vec::new());
        caller
    }

    /// The answers to give where nobody can know.
    pub(crate) fn foresee(&mut self, answers: Vec<usize>) {
        self.foresight.answer(answers);
    }

    /// Whether anything was said of her urgency yet.
    pub(crate) fn was_tagged(&self) -> bool {
        self.urgency.is_some()
    }

    /// Whether a secret is being asked for while the call is recorded. It never is: whatever led to the question has
    /// paused it.
    pub(crate) fn records_a_secret(&self) -> bool {
        let verb = self.frame.step().map(|step| &step.verb);
        let asks = matches!(self.waiting, Waiting::Question(_));
        let is_secret = matches!(verb, Some(Verb::Collect(collect)) if collect.is_sensitive);
        asks && is_secret && self.kept.is_recording && !self.kept.is_secret
    }

    /// What was asked since.
    pub(crate) fn foresight(&self) -> &Foresight {
        &self.foresight
    }

    /// Lets so much time have passed, so that equal futures look equal.
    ///
    /// What does not change where a caller comes to is forgotten: announcements in a queue, keys typed ahead
    /// (she may as well press them when they are asked for), and a 9 that no 1,1 followed.
    pub(crate) fn settle(&mut self, passed: Duration) {
        let back = |at: &mut Instant| *at = at.checked_sub(passed).unwrap_or(*at);
        self.typed_ahead.clear();
        self.sequence = None;
        match &mut self.waiting {
            Waiting::Question(question) => match &mut question.phase {
                Phase::Listening { until } | Phase::ConfirmListening { until } => back(until),
                Phase::Asking | Phase::Topic(_) | Phase::Confirming => {}
            },
            Waiting::Pause { until }
            | Waiting::Consent { until: Some(until) }
            | Waiting::Message {
                taking: Taking::Speaking { until } | Taking::Reviewing { until: Some(until) },
                ..
            } => back(until),
            Waiting::Queue(hold) => {
                hold.next_announcement = None;
                hold.estimate = None;
                if hold.hearing == Hearing::Words {
                    hold.hearing = Hearing::Music;
                }
            }
            Waiting::Inquiry(asking) => {
                back(&mut asking.until);
                asking.words_at = None;
            }
            Waiting::Page(hold) => {
                hold.next_words = None;
                if hold.hearing == Hearing::Words {
                    hold.hearing = Hearing::Music;
                }
            }
            Waiting::Start
            | Waiting::Play { .. }
            | Waiting::Emergency
            | Waiting::Advice
            | Waiting::Ringing
            | Waiting::Talking
            | Waiting::Consent { until: None }
            | Waiting::Disclosing
            | Waiting::Message { .. }
            | Waiting::Goodbye(_)
            | Waiting::Ended => {}
        }
    }

    /// Where she is, to be recognised.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let levels = self.callers.iter().chain([&self.frame]).map(|frame| {
            let values = frame.variables.iter().map(|(name, value)| (name.clone(), value.expose().clone()));
            (frame.flow.name.clone(), frame.at, values.collect(), frame.resume)
        });
        Snapshot {
            levels: levels.collect(),
            language: self.language.clone(),
            urgency: self.urgency,
            reason: self.reason.clone(),
            waiting: self.waiting.clone(),
            openings: self.foresight.openings(),
            is_answered: self.is_answered,
            is_playing: self.is_playing,
            kept: self.kept,
        }
    }

    /// What may happen to her next.
    pub(crate) fn situation(&self) -> Situation {
        let verb = self.frame.step().map(|step| &step.verb);
        match &self.waiting {
            Waiting::Start => Situation::Start,
            Waiting::Play { keys } => Situation::Hears { key_ends_it: *keys == Keys::Stop, advice: false },
            Waiting::Emergency | Waiting::Advice => Situation::Hears { key_ends_it: false, advice: true },
            Waiting::Pause { .. } => Situation::Pause,
            Waiting::Consent { .. } => match verb {
                Some(Verb::Consent(consent)) => Situation::Consents { refuse_key: consent.refuse_key },
                _ => Situation::Ended,
            },
            Waiting::Disclosing => Situation::Hears { key_ends_it: false, advice: false },
            Waiting::Message { taking, .. } => match taking {
                Taking::Inviting | Taking::Thanking => Situation::Hears { key_ends_it: false, advice: false },
                Taking::Speaking { .. } => Situation::Speaks,
                Taking::Ending => Situation::SpokeEnough,
                Taking::Reviewing { .. } => {
                    Situation::Question { keys: vec!['1', '2', '4'], silence_answers: true }
                }
            },
            Waiting::Question(question) => asked(verb, question.phase),
            Waiting::Queue(hold) => {
                let name = match verb {
                    Some(Verb::Queue(queue)) => queue.name.clone(),
                    _ => "".into(),
                };
                Situation::Queue {
                    name,
                    advice: hold.hearing == Hearing::Advice,
                    leaving: hold.exit.is_some(),
                }
            }
            Waiting::Ringing => match verb {
                Some(Verb::Transfer(transfer)) => Situation::Ringing { ring: transfer.ring },
                _ => Situation::Ended,
            },
            Waiting::Page(hold) => {
                let longest = match verb {
                    Some(Verb::Page(page)) => self.library.page_max(&page.rota),
                    _ => Duration::ZERO,
                };
                let advice = hold.hearing == Hearing::Advice;
                Situation::Page { longest, advice, leaving: hold.exit.is_some() }
            }
            Waiting::Inquiry(_) => match verb {
                Some(Verb::Inquire(inquire)) => Situation::Inquiry(Awaited {
                    number: self.inquiries,
                    source: inquire.source.clone(),
                    wanted: inquire.takes.iter().map(Take::wanted).collect(),
                    may_lack: inquire.not_found.is_some(),
                    within: inquire.within,
                }),
                _ => Situation::Ended,
            },
            Waiting::Talking => Situation::Talks {
                with: match verb {
                    Some(Verb::Queue(_)) => With::Agent,
                    Some(Verb::Page(_)) => With::OnCall,
                    _ => With::Number,
                },
            },
            Waiting::Goodbye(_) => Situation::Goodbye,
            Waiting::Ended => Situation::Ended,
        }
    }
}

/// What a question waits for.
fn asked(verb: Option<&Verb>, phase: Phase) -> Situation {
    match (verb, phase) {
        (Some(Verb::Menu(menu)), _) => Situation::Question {
            keys: menu.keys.keys().copied().collect(),
            silence_answers: menu.survey.is_some(),
        },
        (Some(Verb::Library(topics)), _) => {
            let own = [topics.repeat, topics.back];
            Situation::Question {
                keys: topics.topics.keys().copied().chain(own).collect(),
                silence_answers: false,
            }
        }
        (Some(Verb::Collect(_)), Phase::Confirming | Phase::ConfirmListening { .. }) => {
            Situation::Question { keys: vec!['1', '2'], silence_answers: false }
        }
        (Some(Verb::Collect(collect)), _) if collect.kind == Kind::YesNo => {
            Situation::Question { keys: vec!['1', '2'], silence_answers: false }
        }
        (Some(Verb::Collect(collect)), _) => Situation::Entry(Asked::of(collect)),
        _ => Situation::Ended,
    }
}

impl Asked {
    fn of(collect: &Collect) -> Self {
        let valid = collect.kind.possible(collect.min);
        let invalid = collect.kind.impossible(collect.min);
        Self {
            valid,
            invalid,
            is_optional: collect.is_optional,
            max: collect.max,
            between: collect.patience.between,
        }
    }
}
