//! Keys: the engine's own everywhere, the rest to whatever listens.

use primitives::{Now, Private};

use super::Interpreter;
use super::state::{Hearing, Jump, PageHold, Phase, SEQUENCE_WINDOW, Sequence, Waiting};
use crate::entry::Kind;
use crate::flow::{Keys, Say, Tag, Verb};
use crate::{Action, KeyClass, Urgency};

/// The reason of a caller who pressed the emergency key.
const EMERGENCY_REASON: &str = "emergency_key";

impl Interpreter {
    /// The keys to act on now: usually the one pressed, none while a 9,1,1 may be under way, and with a 1 that
    /// was held back for it before.
    pub(super) fn keys_now(&mut self, now: Now, key: &Private<char>) -> [Option<char>; 2] {
        let key = *key.expose();
        match &mut self.sequence {
            Some(sequence) if key == '1' && now.mono <= sequence.until => {
                if sequence.has_one {
                    // Told apart from any key: it becomes the emergency in `key`.
                    return [None, Some(EMERGENCY_COMPLETE)];
                }
                sequence.has_one = true;
                [None, None]
            }
            Some(sequence) => {
                let held = sequence.has_one.then_some('1');
                self.sequence = None;
                [held, Some(key)]
            }
            None => [None, Some(key)],
        }
    }

    pub(super) fn key(&mut self, now: Now, key: char, out: &mut Vec<Action>) -> Option<Jump> {
        if key == EMERGENCY_COMPLETE {
            self.sequence = None;
            return self.emergency(now, out);
        }
        let is_data = self.is_keying_data();
        match &self.waiting {
            Waiting::Start | Waiting::Talking | Waiting::Ended => return None,
            _ if key == '9' && !is_data => return self.emergency_key(now, out),
            // Nothing but a nurse interrupts the 911 advice.
            Waiting::Queue(hold) if hold.hearing == Hearing::Advice => return None,
            Waiting::Page(hold) if hold.hearing == Hearing::Advice => return None,
            Waiting::Queue(_)
            | Waiting::Page(_)
            | Waiting::Play { .. }
            | Waiting::Pause { .. }
            | Waiting::Consent { .. }
            | Waiting::Disclosing
            | Waiting::Message { .. }
            | Waiting::Inquiry(_)
            | Waiting::Ringing
                if key == '0' =>
            {
                return self.operator_key(out);
            }
            Waiting::Question(_) if key == '0' && !is_data && !self.menu_binds_zero() => {
                return self.operator_key(out);
            }
            Waiting::Goodbye(_)
            | Waiting::Disclosing
            | Waiting::Emergency
            | Waiting::Advice
            | Waiting::Queue(_)
            | Waiting::Page(_)
            | Waiting::Ringing => {
                return None;
            }
            Waiting::Play { .. }
            | Waiting::Pause { .. }
            | Waiting::Consent { .. }
            | Waiting::Message { .. }
            | Waiting::Inquiry(_)
            | Waiting::Question(_) => {}
        }
        match &self.waiting {
            Waiting::Play { keys: Keys::Stop } => {
                self.stop(out);
                self.type_ahead(key);
                Some(Jump::Next("key"))
            }
            Waiting::Play { keys: Keys::Keep } | Waiting::Pause { .. } | Waiting::Inquiry(_) => {
                self.type_ahead(key);
                None
            }
            Waiting::Question(_) => self.question_key(now, key, out),
            Waiting::Consent { .. } => self.consent_key(key, out),
            Waiting::Message { .. } => self.message_key(key, out),
            _ => None,
        }
    }

    /// In an entry of digits 9 and 0 are data.
    fn is_keying_data(&self) -> bool {
        let is_entry = matches!(&self.waiting, Waiting::Question(question)
            if !matches!(question.phase, Phase::Confirming | Phase::ConfirmListening { .. }));
        is_entry
            && matches!(self.frame.step().map(|step| &step.verb), Some(Verb::Collect(collect)) if collect.kind != Kind::YesNo)
    }

    fn menu_binds_zero(&self) -> bool {
        matches!(self.frame.step().map(|step| &step.verb), Some(Verb::Menu(menu)) if menu.keys.contains_key(&'0'))
    }

    /// 9: emergent from now on. In a queue she keeps her place and rises; anywhere else she goes to the
    /// emergency step at once.
    pub(super) fn emergency_key(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        out.push(Action::Key(KeyClass::Emergency));
        let was_emergent = self.urgency.is_some_and(|urgency| urgency <= Urgency::Emergent);
        self.raise(Urgency::Emergent, out);
        self.sequence = Some(Sequence { until: now.mono + SEQUENCE_WINDOW, has_one: false });
        match self.waiting {
            // The advice goes on: it is what she needs to hear.
            Waiting::Queue(_) | Waiting::Advice | Waiting::Emergency => None,
            // The way that begins at the emergency step has led her here: it would begin anew.
            Waiting::Page(_) if was_emergent => None,
            _ => {
                self.leave(out);
                Some(Jump::Emergency)
            }
        }
    }

    /// 9,1,1, or 911 keyed in as data: an emergency. She is told to dial 911 before anything else.
    pub(super) fn emergency(&mut self, _now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        if matches!(self.waiting, Waiting::Talking | Waiting::Ended | Waiting::Start) {
            return None;
        }
        out.push(Action::Key(KeyClass::Emergency));
        self.raise(Urgency::Emergency, out);
        let advice = Say { prompts: vec![self.first.emergency_advice.clone()], in_all_languages: false };
        match &mut self.waiting {
            Waiting::Emergency | Waiting::Advice => {}
            Waiting::Queue(hold) => {
                hold.hearing = Hearing::Advice;
                self.play(&advice, out);
            }
            // Who is called for her is called on.
            Waiting::Page(hold) => {
                hold.hearing = Hearing::Advice;
                self.play(&advice, out);
            }
            _ => {
                self.leave(out);
                self.play(&advice, out);
                self.waiting = Waiting::Advice;
            }
        }
        None
    }

    fn raise(&mut self, to: Urgency, out: &mut Vec<Action>) {
        let before = self.urgency;
        // A red flag already told stays the reason: it says more than the key.
        let keeps = before.is_some_and(|urgency| urgency <= Urgency::Emergent) && self.reason.is_some();
        let reason = (!keeps).then(|| EMERGENCY_REASON.into());
        self.tag(&Tag { urgency: Some(to), reason }, out);
        // With a way out already open she is no longer in the queue.
        if self.urgency != before && matches!(&self.waiting, Waiting::Queue(hold) if hold.exit.is_none()) {
            out.push(Action::Raise { urgency: self.urgency() });
        }
    }

    /// 0: a person. In the operator's own queue she stays where she is: leaving would cost her place.
    pub(super) fn operator_key(&mut self, out: &mut Vec<Action>) -> Option<Jump> {
        let frames = std::iter::once(&self.frame).chain(self.callers.iter().rev());
        let (frame, to) = frames.into_iter().find_map(|frame| Some((frame, frame.flow.operator?)))?;
        if matches!(self.waiting, Waiting::Queue(_))
            && self.is_same_queue(frame.flow.step(to).map(|step| &step.verb))
        {
            return None;
        }
        out.push(Action::Key(KeyClass::Operator));
        self.leave(out);
        Some(Jump::Operator)
    }

    fn is_same_queue(&self, other: Option<&Verb>) -> bool {
        match (self.frame.step().map(|step| &step.verb), other) {
            (Some(Verb::Queue(here)), Some(Verb::Queue(there))) => here.name == there.name,
            _ => false,
        }
    }

    /// Gives up what the caller waits for, to go elsewhere.
    fn leave(&mut self, out: &mut Vec<Action>) {
        self.message_left(out);
        match self.waiting {
            Waiting::Queue(_) => out.push(Action::Dequeue),
            Waiting::Ringing => out.push(Action::CancelTransfer),
            Waiting::Page(PageHold { exit: None, .. }) => out.push(Action::CancelPage),
            Waiting::Inquiry(_) => out.push(Action::CancelInquiry { timed_out: false }),
            _ => {}
        }
        self.stop(out);
        self.typed_ahead.clear();
    }
}

/// Stands for the second 1 of 9,1,1 in a list of keys; no telephone sends it.
const EMERGENCY_COMPLETE: char = '!';
