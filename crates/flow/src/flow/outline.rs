//! What a step looks like from outside: its ways out and what it says, whatever its verb.
//!
//! The checker, and every tool that draws, prints or compares a flow, reads a step by these alone, so that a new
//! verb is one arm of [`Verb::branches`] and, where it speaks, one of [`Verb::says`].

use std::borrow::Cow;
use std::sync::Arc;

use super::{Flow, Go, Inquire, Menu, Say, Step, StepId, Verb, WAIT_BANDS};
use crate::InquiryNews;
use crate::not_configured::NotConfigured;
use crate::words::{Word, Words};

/// One way out of a step.
#[derive(Clone, Debug)]
pub(crate) struct Exit<'f> {
    /// The word of the flow's text: `1`, `no_input`, `on_empty`, `next`; of a `when` the condition.
    pub(crate) by: Cow<'f, str>,
    /// What is done on the way. `None`: nothing, it just goes on.
    pub(crate) go: Option<&'f Go>,
    /// Where it leads. `None`: the end of the flow, which in a sub-flow is the way back.
    pub(crate) to: Option<StepId>,
}

/// Words one place of a step says.
#[derive(Clone, Debug)]
pub(crate) struct Speech<'f> {
    /// The key it stands under: `play`, `again`, `say_first`, `music`.
    pub(crate) at: Cow<'f, str>,
    /// In this order.
    pub(crate) prompts: Vec<Arc<str>>,
    /// Each in every language of the flow, not in the caller's alone.
    pub(crate) in_all_languages: bool,
}

/// A way out as the verb knows it, before anyone asks where it leads.
enum Branch<'f> {
    /// `next`, or the following step.
    Next,
    /// A GO under this word.
    Go(Cow<'f, str>, &'f Go),
    /// The step's own GO after the last try, or the flow's.
    GiveUp(Option<&'f Go>),
    /// Straight to a step.
    To(StepId),
}

fn branch<'f>(word: &'static str, go: &'f Go) -> Branch<'f> {
    Branch::Go(Cow::Borrowed(word), go)
}

impl Step {
    /// Every way out, in the order of the language: the verb's own, then `after_call` and `on_error` where the
    /// step names them. The engine's keys 9 and 0 are not among them: they lead from everywhere.
    pub(crate) fn exits<'f>(&'f self, flow: &Flow) -> Vec<Exit<'f>> {
        let mut branches = self.verb.branches();
        branches.extend(self.after_call.as_ref().map(|go| branch("after_call", go)));
        branches.extend(self.on_error.as_ref().map(|go| branch("on_error", go)));
        let leads = |by, go: &'f Go| Exit { by, go: Some(go), to: go.to.or(self.next) };
        let exit = |one| match one {
            Branch::Next => Some(Exit { by: "next".into(), go: None, to: self.next }),
            Branch::To(step) => Some(Exit { by: "next".into(), go: None, to: Some(step) }),
            Branch::Go(by, go) => Some(leads(by, go)),
            Branch::GiveUp(Some(go)) => Some(leads("give_up".into(), go)),
            Branch::GiveUp(None) => {
                flow.give_up.map(|step| Exit { by: "give_up".into(), go: None, to: Some(step) })
            }
        };
        branches.into_iter().filter_map(exit).collect()
    }

    /// Everything it may say, by the key each stands under.
    pub(crate) fn says(&self) -> Vec<Speech<'_>> {
        self.verb.says()
    }

    /// Flows it may call: as its verb, or on a way out.
    pub(crate) fn calls<'f>(&'f self, flow: &Flow) -> Vec<&'f Arc<str>> {
        let own = match &self.verb {
            Verb::Call(name) => Some(name),
            _ => None,
        };
        let on_the_way = self.exits(flow).into_iter().filter_map(|exit| exit.go?.call.as_ref());
        own.into_iter().chain(on_the_way).collect()
    }
}

impl Verb {
    /// Whom it leads to, or what it asks of whom: the one name that tells a reader what the step is about.
    pub(crate) fn whom(&self) -> Option<String> {
        match self {
            Self::Queue(queue) => Some(queue.name.to_string()),
            Self::Transfer(transfer) => Some(transfer.number.to_string()),
            Self::Page(page) => Some(page.rota.to_string()),
            Self::Inquire(inquire) => Some(inquire.source.name().to_string()),
            Self::Call(flow) => Some(flow.to_string()),
            Self::Hours { calendar, .. } => Some(calendar.clone()),
            Self::Collect(collect) => Some(collect.variable.to_string()),
            Self::TakeMessage(message) => Some(message.inbox.to_string()),
            Self::Set(assignments) => assignments.first().map(|first| first.variable.to_string()),
            _ => None,
        }
    }

    /// Whether it brings a person, or the advice to dial 911.
    pub(crate) fn helps(&self) -> bool {
        matches!(self, Self::Queue(_) | Self::Transfer(_) | Self::Page(_) | Self::Emergency(_))
    }

    /// The ways out a verb has by itself.
    fn branches(&self) -> Vec<Branch<'_>> {
        match self {
            Self::Play { .. }
            | Self::Say { .. }
            | Self::Set(_)
            | Self::Tag
            | Self::Note(_)
            | Self::Call(_)
            | Self::Emergency(_)
            | Self::Wait(_)
            | Self::Record { .. }
            | Self::Disclose(_)
            | Self::TakeMessage(_) => vec![Branch::Next],
            Self::Consent(consent) => {
                let refuses = consent.on_refuse.iter().map(|go| branch("on_refuse", go));
                [Branch::Next].into_iter().chain(refuses).collect()
            }
            // Its own `on_error`, which every step may have.
            Self::Fail(_) => Vec::new(),
            Self::Judge(judge) => {
                let thresholds = judge.thresholds.iter().enumerate();
                let cases = thresholds
                    .map(|(at, (beyond, go))| Branch::Go(format!("{}_{}", beyond.word(), at + 1).into(), go));
                cases.chain([Branch::Next]).collect()
            }
            Self::Menu(menu) => {
                let keys = menu.keys.iter().map(|(key, go)| Branch::Go(key.to_string().into(), go));
                let silent = menu.no_input.iter().map(|go| branch("no_input", go));
                let wrong = menu.wrong_key.iter().map(|go| branch("wrong_key", go));
                keys.chain(silent).chain(wrong).chain([Branch::GiveUp(menu.give_up.as_ref())]).collect()
            }
            Self::Collect(collect) => vec![Branch::Next, Branch::GiveUp(collect.give_up.as_ref())],
            Self::Library(topics) => {
                let silent = topics.no_input.iter().map(|go| branch("no_input", go));
                let last = [Branch::GiveUp(topics.give_up.as_ref())];
                [Branch::Next].into_iter().chain(silent).chain(last).collect()
            }
            Self::When { branches, otherwise } => {
                let other = otherwise.as_ref().map_or(Branch::Next, |go| branch("else", go));
                let cases = branches.iter().map(|(condition, go)| Branch::Go(condition.source().into(), go));
                cases.chain([other]).collect()
            }
            Self::Hours { open, closed, holiday, .. } => {
                let holiday = holiday.iter().map(|go| branch("holiday", go));
                [branch("open", open), branch("closed", closed)].into_iter().chain(holiday).collect()
            }
            Self::Goto(step) => vec![Branch::To(*step)],
            Self::Queue(queue) => vec![
                branch("on_timeout", &queue.on_timeout),
                branch("on_empty", &queue.on_empty),
                branch("on_full", &queue.on_full),
                branch("on_error", &queue.on_error),
                branch("on_closed", &queue.on_closed),
            ],
            Self::Transfer(transfer) => vec![
                branch("on_busy", &transfer.on_busy),
                branch("on_no_answer", &transfer.on_no_answer),
                branch("on_failed", &transfer.on_failed),
            ],
            Self::Page(page) => {
                vec![branch("on_exhausted", &page.on_exhausted), branch("on_error", &page.on_error)]
            }
            Self::Inquire(inquire) => inquire.branches(),
            Self::NotConfigured(step) => step.branches(),
            Self::Return | Self::HangUp(_) => Vec::new(),
        }
    }

    fn says(&self) -> Vec<Speech<'_>> {
        match self {
            Self::Play { say, .. } | Self::Emergency(say) | Self::HangUp(say) | Self::Disclose(say) => {
                vec![speech("play", say)]
            }
            Self::Consent(consent) => vec![speech("play", &consent.say)],
            Self::TakeMessage(message) => {
                let after = [("review", &message.review), ("sent", &message.sent)];
                let after = after.into_iter().filter_map(|(at, say)| Some(speech(at, say.as_ref()?)));
                [speech("play", &message.play), speech("empty", &message.empty)]
                    .into_iter()
                    .chain(after)
                    .collect()
            }
            Self::Say { words, .. } => vec![words.speech()],
            Self::Menu(Menu { words: Some(words), .. }) => vec![words.speech()],
            Self::Menu(menu) => asked(&menu.play, &menu.again),
            Self::Collect(collect) => {
                let confirm = collect.confirm.iter().map(|name| named("confirm", name));
                asked(&collect.play, &collect.again).into_iter().chain(confirm).collect()
            }
            Self::Library(topics) => {
                let each = topics
                    .topics
                    .iter()
                    .map(|(key, say)| Speech { at: format!("topic {key}").into(), ..speech("", say) });
                asked(&topics.play, &topics.again).into_iter().chain(each).collect()
            }
            Self::Queue(queue) => {
                let announce = queue.announce.as_ref();
                let bands = announce.filter(|announce| announce.band).map(|_| Speech {
                    at: "wait".into(),
                    prompts: WAIT_BANDS.map(|(_, name)| name.into()).into(),
                    in_all_languages: false,
                });
                let first = queue.say_first.iter().map(|say| speech("say_first", say));
                let still = announce.and_then(|announce| announce.play.as_ref());
                first
                    .chain(still.map(|say| speech("announce", say)))
                    .chain(bands)
                    .chain([named("music", &queue.music)])
                    .collect()
            }
            Self::Transfer(transfer) => {
                let first = transfer.say_first.iter().map(|say| speech("say_first", say));
                first.chain([named("music", &transfer.music)]).collect()
            }
            Self::Page(page) => {
                let first = page.say_first.iter().map(|say| speech("say_first", say));
                let still = page.while_waiting.play.iter().map(|say| speech("while_waiting", say));
                let asked = [named("ask", &page.ask), named("music", &page.music)];
                first.chain(still).chain(asked).collect()
            }
            Self::Inquire(inquire) => inquire.says(),
            Self::NotConfigured(step) => step.says.iter().map(|(at, say)| speech(at, say)).collect(),
            Self::Set(_)
            | Self::Tag
            | Self::Note(_)
            | Self::Fail(_)
            | Self::Judge(_)
            | Self::When { .. }
            | Self::Hours { .. }
            | Self::Call(_)
            | Self::Return
            | Self::Goto(_)
            | Self::Record { .. }
            | Self::Wait(_) => Vec::new(),
        }
    }
}

impl Inquire {
    fn branches(&self) -> Vec<Branch<'_>> {
        let found = self
            .found
            .as_ref()
            .map_or(Branch::Next, |go| branch(self.source.exit(&InquiryNews::Found(Vec::new())), go));
        let not_found = self.not_found.iter().map(|go| branch("not_found", go));
        let timeout = self.timeout.iter().map(|go| branch("timeout", go));
        let failed = [branch("failed", &self.failed)];
        [found].into_iter().chain(not_found).chain(failed).chain(timeout).collect()
    }

    fn says(&self) -> Vec<Speech<'_>> {
        let words = self.play.iter().map(|say| speech("play", say));
        words.chain([named("music", &self.music)]).collect()
    }
}

impl NotConfigured {
    fn branches(&self) -> Vec<Branch<'_>> {
        let next = self.goes_next.then_some(Branch::Next);
        let exits = self.exits.iter().map(|(word, go)| branch(word, go));
        next.into_iter().chain(exits).chain([branch("failed", &self.failed)]).collect()
    }
}

impl Words {
    /// The prompts of it: a value between them is another one in each call.
    fn speech(&self) -> Speech<'static> {
        let prompts = self.0.iter().filter_map(|word| match word {
            Word::Prompt(name) => Some(name.clone()),
            Word::Value { .. } => None,
        });
        Speech { at: "say".into(), prompts: prompts.collect(), in_all_languages: false }
    }
}

fn speech(at: &'static str, say: &Say) -> Speech<'static> {
    Speech { at: at.into(), prompts: say.prompts.clone(), in_all_languages: say.in_all_languages }
}

fn named(at: &'static str, prompt: &Arc<str>) -> Speech<'static> {
    Speech { at: at.into(), prompts: vec![prompt.clone()], in_all_languages: false }
}

/// A question, and its short form where that is another.
fn asked(play: &Say, again: &Say) -> Vec<Speech<'static>> {
    let again = (again != play).then(|| speech("again", again));
    [speech("play", play)].into_iter().chain(again).collect()
}
