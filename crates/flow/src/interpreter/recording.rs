//! `record`, `consent`, `disclose` and `take_message`: what is kept of a call, and with whose leave.

use primitives::Now;

use super::Interpreter;
use super::state::{Jump, Taking, Waiting};
use crate::flow::{Order, Say, TakeMessage, Verb};
use crate::{Action, MessageNews, Recording};

/// How long a caller may still decline after the notice.
const DECLINE_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);
/// How long she may think about what becomes of her message.
const REVIEW_WITHIN: std::time::Duration = std::time::Duration::from_secs(7);
/// How often a message that is none is asked for.
const TRIES: u8 = 3;

/// What a call has to do with being recorded.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Kept {
    /// What the caller said when she was asked.
    pub(super) consent: Option<bool>,
    pub(super) is_recording: bool,
    /// A secret is being keyed, and nothing is kept meanwhile.
    pub(super) is_secret: bool,
}

impl Interpreter {
    pub(super) fn record(
        &mut self,
        order: Order,
        one_party: Option<&std::sync::Arc<str>>,
        out: &mut Vec<Action>,
    ) {
        let is_recording = self.kept.is_recording;
        out.push(Action::Recording(match (order, self.kept.consent) {
            (Order::Start, _) if is_recording => return,
            // Whoever declined is not recorded, whatever the flow says.
            (Order::Start, Some(false)) => return,
            (Order::Start, None) if one_party.is_none() => Recording::Unasked,
            (Order::Start, _) => {
                self.kept.is_recording = true;
                Recording::Start { one_party: one_party.cloned() }
            }
            (_, _) if !is_recording => return,
            (Order::Pause, _) => Recording::Pause { secret: false },
            (Order::Resume, _) => Recording::Resume { secret: false },
            (Order::Stop, _) => {
                self.kept.is_recording = false;
                Recording::Stop
            }
        }));
    }

    /// Nothing is kept while a secret is keyed, and again as soon as it is not: whatever way led out of it.
    pub(super) fn guard_secrets(&mut self, out: &mut Vec<Action>) {
        let asks = matches!(self.waiting, Waiting::Question(_));
        let verb = self.frame.step().map(|step| &step.verb);
        let is_secret = asks && matches!(verb, Some(Verb::Collect(collect)) if collect.is_sensitive);
        let before = std::mem::replace(&mut self.kept.is_secret, is_secret);
        if self.kept.is_recording && before != is_secret && !matches!(self.waiting, Waiting::Ended) {
            let secret = true;
            let order = if is_secret { Recording::Pause { secret } } else { Recording::Resume { secret } };
            // Before whatever else is wanted: the first word of the question is not kept.
            out.insert(0, Action::Recording(order));
        }
    }

    pub(super) fn consent_over(&mut self, given: bool, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let Some(Verb::Consent(consent)) = self.frame.step_of(&flow).map(|step| &step.verb) else {
            return None;
        };
        self.stop(out);
        // Who declined once has declined.
        let given = given && self.kept.consent != Some(false);
        self.kept.consent = Some(given);
        out.push(Action::Recording(Recording::Consent { given }));
        match (&consent.on_refuse, given) {
            (Some(go), false) => self.go(go, "refused", out),
            _ => Some(Jump::Next("next")),
        }
    }

    /// A key while she is asked: only the one that declines means anything.
    pub(super) fn consent_key(&mut self, key: char, out: &mut Vec<Action>) -> Option<Jump> {
        match self.frame.step().map(|step| &step.verb) {
            Some(Verb::Consent(consent)) if consent.refuse_key == key => self.consent_over(false, out),
            _ => None,
        }
    }

    /// The notice is over: a moment to decline.
    pub(super) fn consent_asked(&mut self, now: Now) {
        self.waiting = Waiting::Consent { until: Some(now.mono + DECLINE_WITHIN) };
    }

    pub(super) fn disclosed(&mut self, say: &Say, out: &mut Vec<Action>) {
        let prompts = say.prompts.clone();
        out.push(Action::Recording(Recording::Disclosed { prompts }));
    }

    pub(super) fn take_message(&mut self, message: &TakeMessage, out: &mut Vec<Action>) {
        self.typed_ahead.clear();
        self.waiting = Waiting::Message { taking: Taking::Inviting, asked: 1 };
        self.play(&message.play, out);
    }

    /// What plays in a message is over.
    pub(super) fn message_said(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let message = self.message()?;
        let Waiting::Message { taking, .. } = &mut self.waiting else { return None };
        match taking {
            Taking::Inviting => {
                *taking = Taking::Speaking { until: now.mono + message.max };
                out.push(Action::Recording(Recording::Message { hush_after: message.hush }));
            }
            Taking::Reviewing { until } => {
                *until = Some(now.mono + REVIEW_WITHIN);
            }
            Taking::Thanking => return Some(Jump::Next("sent")),
            Taking::Speaking { .. } | Taking::Ending => {}
        }
        None
    }

    pub(super) fn message_news(&mut self, news: MessageNews, out: &mut Vec<Action>) -> Option<Jump> {
        let message = self.message()?;
        let Waiting::Message { taking, asked } = &mut self.waiting else { return None };
        match (news, &taking) {
            (MessageNews::Hushed, Taking::Speaking { .. }) => self.message_ends(out),
            (MessageNews::Ended { voiced }, Taking::Ending | Taking::Speaking { .. }) => {
                if voiced < message.least {
                    out.push(Action::Recording(Recording::Discard));
                    if *asked >= TRIES {
                        return Some(Jump::Next("empty"));
                    }
                    *asked += 1;
                    *taking = Taking::Inviting;
                    self.play(&message.empty, out);
                } else if let Some(review) = &message.review {
                    *taking = Taking::Reviewing { until: None };
                    self.play(review, out);
                } else {
                    return self.deliver(false, out);
                }
            }
            _ => {}
        }
        None
    }

    pub(super) fn message_key(&mut self, key: char, out: &mut Vec<Action>) -> Option<Jump> {
        let message = self.message()?;
        let Waiting::Message { taking, asked } = &mut self.waiting else { return None };
        match (&taking, key) {
            (Taking::Speaking { .. }, _) => self.message_ends(out),
            (Taking::Reviewing { .. }, '1' | '4') => {
                self.stop(out);
                return self.deliver(key == '4', out);
            }
            (Taking::Reviewing { .. }, '2') => {
                out.push(Action::Recording(Recording::Discard));
                (*taking, *asked) = (Taking::Inviting, 1);
                self.play(&message.play, out);
            }
            _ => {}
        }
        None
    }

    /// She spoke as long as she may, or presses nothing: what she said is sent.
    pub(super) fn message_timed_out(&mut self, out: &mut Vec<Action>) -> Option<Jump> {
        match &self.waiting {
            Waiting::Message { taking: Taking::Speaking { .. }, .. } => {
                self.message_ends(out);
                None
            }
            Waiting::Message { taking: Taking::Reviewing { .. }, .. } => self.deliver(false, out),
            _ => None,
        }
    }

    /// She goes elsewhere, or hangs up: what she said until then is kept.
    pub(super) fn message_left(&mut self, out: &mut Vec<Action>) {
        let Waiting::Message { taking, .. } = &self.waiting else { return };
        if matches!(taking, Taking::Speaking { .. } | Taking::Ending | Taking::Reviewing { .. })
            && let Some(message) = self.message()
        {
            if matches!(taking, Taking::Speaking { .. }) {
                out.push(Action::Recording(Recording::MessageEnds));
            }
            out.push(delivery(&message, false));
        }
    }

    fn message_ends(&mut self, out: &mut Vec<Action>) {
        if let Waiting::Message { taking, .. } = &mut self.waiting {
            *taking = Taking::Ending;
            out.push(Action::Recording(Recording::MessageEnds));
        }
    }

    fn deliver(&mut self, urgent: bool, out: &mut Vec<Action>) -> Option<Jump> {
        let message = self.message()?;
        out.push(delivery(&message, urgent));
        let Some(sent) = &message.sent else { return Some(Jump::Next("sent")) };
        if let Waiting::Message { taking, .. } = &mut self.waiting {
            *taking = Taking::Thanking;
        }
        self.play(sent, out);
        None
    }

    fn message(&self) -> Option<std::sync::Arc<TakeMessage>> {
        match self.frame.step().map(|step| &step.verb) {
            Some(Verb::TakeMessage(message)) => Some(message.clone()),
            _ => None,
        }
    }
}

fn delivery(message: &TakeMessage, urgent: bool) -> Action {
    let (inbox, least) = (message.inbox.clone(), message.least);
    Action::Recording(Recording::Deliver { inbox, urgent, least })
}
