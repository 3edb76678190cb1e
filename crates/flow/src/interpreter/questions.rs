//! `menu`, `collect`, `library`: asking, listening, asking again, giving up.

use std::sync::Arc;

use primitives::{Now, Private};

use super::Interpreter;
use super::state::{Jump, Phase, Question, Waiting};
use crate::entry::Kind;
use crate::expression::Value;
use crate::flow::{Collect, Go, Menu, Patience, Say, Step, Topics, Verb};
use crate::speech;
use crate::{Action, KeyClass, Note, PromptRef};

impl Interpreter {
    fn question(&mut self) -> Option<&mut Question> {
        match &mut self.waiting {
            Waiting::Question(question) => Some(question),
            _ => None,
        }
    }

    /// Takes what was typed ahead, or asks.
    pub(super) fn begin_question(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let step = self.frame.step_of(&flow)?;
        if self.typed_ahead.is_empty() {
            return self.ask(step, out);
        }
        let patience = patience_of(&step.verb)?;
        let until = now.mono + patience.wait;
        self.question()?.phase = Phase::Listening { until };
        while let Some(key) = self.typed_ahead.pop_front() {
            let jump = self.question_key(now, key.into_exposed(), out);
            if jump.is_some() {
                return jump;
            }
            // A wrong key made it ask: what else was typed ahead was meant for something else.
            if self.is_playing {
                self.typed_ahead.clear();
            }
        }
        None
    }

    /// Plays the question, the long form the first time.
    fn ask(&mut self, step: &Step, out: &mut Vec<Action>) -> Option<Jump> {
        let (play, again) = prompts_of(&step.verb)?;
        let question = self.question()?;
        let say = if question.is_repeat { again } else { play };
        question.asked = question.asked.saturating_add(1);
        question.is_repeat = true;
        question.phase = Phase::Asking;
        question.digits = Private::default();
        question.is_star = false;
        match &step.verb {
            Verb::Menu(Menu { words: Some(words), .. }) => match self.spoken(words) {
                Ok(prompts) => self.play_prompts(prompts, out),
                Err(_) => return Some(Jump::Failed),
            },
            _ => self.play(say, out),
        }
        None
    }

    /// The prompt is over: now it listens.
    pub(super) fn question_asked(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let step = self.frame.step_of(&flow)?;
        let wait = patience_of(&step.verb)?.wait;
        let question = self.question()?;
        match question.phase {
            Phase::Asking => question.phase = Phase::Listening { until: now.mono + wait },
            Phase::Confirming => question.phase = Phase::ConfirmListening { until: now.mono + wait },
            Phase::Topic(_) => {
                question.asked = 0;
                return self.ask(step, out);
            }
            Phase::Listening { .. } | Phase::ConfirmListening { .. } => {}
        }
        None
    }

    pub(super) fn question_timed_out(&mut self, now: Now, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let step = self.frame.step_of(&flow)?;
        match &step.verb {
            Verb::Menu(menu) => match &menu.no_input {
                Some(go) => self.go(go, "no_input", out),
                None => self.ask_again(step, out),
            },
            Verb::Library(topics) => match &topics.no_input {
                Some(go) => self.go(go, "no_input", out),
                None => self.ask_again(step, out),
            },
            Verb::Collect(collect) => {
                let question = self.question()?;
                if matches!(question.phase, Phase::ConfirmListening { .. }) {
                    question.asked = question.asked.saturating_add(1);
                    return self.confirm_again(step, collect, out);
                }
                if question.is_star {
                    // `*` alone: begin anew, and that is no mistake of hers.
                    question.asked = question.asked.saturating_sub(1);
                    return self.ask(step, out);
                }
                if question.digits.expose().is_empty() {
                    return self.ask_again(step, out);
                }
                self.entry_complete(now, step, collect, out)
            }
            _ => None,
        }
    }

    /// Once more, or a person.
    fn ask_again(&mut self, step: &Step, out: &mut Vec<Action>) -> Option<Jump> {
        let tries = patience_of(&step.verb)?.tries;
        if self.question()?.asked < tries {
            return self.ask(step, out);
        }
        if let Verb::Collect(collect) = &step.verb
            && collect.is_optional
        {
            self.stop(out);
            return self.entered(collect, Private::default(), out);
        }
        self.stop(out);
        match give_up_of(&step.verb) {
            Some(go) => self.go(go, "give_up", out),
            None => Some(Jump::GiveUp),
        }
    }

    pub(super) fn question_key(&mut self, now: Now, key: char, out: &mut Vec<Action>) -> Option<Jump> {
        let flow = self.frame.flow.clone();
        let step = self.frame.step_of(&flow)?;
        match &step.verb {
            Verb::Menu(menu) => self.menu_key(step, menu, key, out),
            Verb::Library(topics) => self.library_key(step, topics, key, out),
            Verb::Collect(collect) => match self.question()?.phase {
                Phase::Confirming | Phase::ConfirmListening { .. } => {
                    self.confirm_key(step, collect, key, out)
                }
                Phase::Asking | Phase::Listening { .. } | Phase::Topic(_) => {
                    self.entry_key(now, step, collect, key, out)
                }
            },
            _ => None,
        }
    }

    fn menu_key(&mut self, step: &Step, menu: &Menu, key: char, out: &mut Vec<Action>) -> Option<Jump> {
        self.stop(out);
        if let Some(go) = menu.keys.get(&key) {
            out.push(Action::Key(KeyClass::Menu(key)));
            if let Some((survey, question)) = &menu.survey {
                let (survey, question) = (survey.clone(), question.clone());
                out.push(Action::Noted(Note::Answered { survey, question, answer: key }));
            }
            return self.go(go, "key", out);
        }
        if key == '*' {
            out.push(Action::Key(KeyClass::Menu(key)));
            let question = self.question()?;
            // Asked for, so no mistake; and the long form, as whoever asks has not understood.
            question.asked = question.asked.saturating_sub(1);
            question.is_repeat = false;
            return self.ask(step, out);
        }
        out.push(Action::Key(KeyClass::Wrong(key)));
        match &menu.wrong_key {
            Some(go) => self.go(go, "wrong_key", out),
            None => self.ask_again(step, out),
        }
    }

    fn library_key(
        &mut self,
        step: &Step,
        topics: &Topics,
        key: char,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        let playing = match self.question()?.phase {
            Phase::Topic(topic) => Some(topic),
            _ => None,
        };
        let chosen = if key == topics.repeat { playing } else { Some(key) };
        if let Some((topic, say)) = chosen.and_then(|topic| Some((topic, topics.topics.get(&topic)?))) {
            out.push(Action::Key(KeyClass::Menu(key)));
            self.stop(out);
            self.question()?.phase = Phase::Topic(topic);
            self.play(say, out);
            return None;
        }
        if playing.is_some() && key != topics.back {
            out.push(Action::Key(KeyClass::Wrong(key)));
            return None;
        }
        self.stop(out);
        if playing.is_some() || key == topics.repeat {
            out.push(Action::Key(KeyClass::Menu(key)));
            self.question()?.asked = 0;
            return self.ask(step, out);
        }
        if key == topics.back {
            out.push(Action::Key(KeyClass::Menu(key)));
            return Some(Jump::Next("key"));
        }
        out.push(Action::Key(KeyClass::Wrong(key)));
        self.ask_again(step, out)
    }

    fn entry_key(
        &mut self,
        now: Now,
        step: &Step,
        collect: &Collect,
        key: char,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        self.stop(out);
        let until = now.mono + collect.patience.between;
        let question = self.question()?;
        question.phase = Phase::Listening { until };
        if std::mem::take(&mut question.is_star) {
            question.digits = Private::default();
            match key {
                '9' => return self.emergency_key(now, out),
                '0' => return self.operator_key(out),
                _ => {}
            }
        }
        match key {
            '*' => {
                question.is_star = true;
                None
            }
            '#' if collect.ends_with_hash => self.entry_complete(now, step, collect, out),
            '#' => None,
            digit => {
                let mut digits = std::mem::take(&mut question.digits).into_exposed();
                digits.push(digit);
                let is_full = digits.len() >= collect.max;
                question.digits = Private::new(digits);
                if is_full { self.entry_complete(now, step, collect, out) } else { None }
            }
        }
    }

    fn entry_complete(
        &mut self,
        now: Now,
        step: &Step,
        collect: &Collect,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        let digits = self.question()?.digits.clone();
        if digits.expose() == "911" {
            return self.emergency(now, out);
        }
        if digits.expose().is_empty() && collect.is_optional {
            return self.entered(collect, digits, out);
        }
        if meaning(collect, digits.expose()).is_none() {
            out.push(Action::Key(data(collect, digits.expose().len())));
            return self.ask_again(step, out);
        }
        if collect.confirm.is_none() {
            return self.entered(collect, digits, out);
        }
        self.question()?.asked = 1;
        self.confirm_again(step, collect, out)
    }

    /// Reads the digits back, or gives up.
    fn confirm_again(&mut self, step: &Step, collect: &Collect, out: &mut Vec<Action>) -> Option<Jump> {
        let question = self.question()?;
        if question.asked > collect.patience.tries {
            return self.ask_again(step, out);
        }
        question.phase = Phase::Confirming;
        let digits = question.digits.clone();
        let prompts = self.read_back(collect, digits.expose()).into_iter().chain(collect.confirm.clone());
        let prompts: Vec<PromptRef> =
            prompts.map(|name| PromptRef { language: self.language.clone(), name }).collect();
        self.play_prompts(prompts, out);
        None
    }

    /// The entry as it is said: a date as a date, a number as a number.
    fn read_back(&self, collect: &Collect, digits: &str) -> Vec<Arc<str>> {
        if self.is_foreseen() {
            return collect.longest.get(&self.language).cloned().unwrap_or_default();
        }
        let said = match collect.kind {
            Kind::YesNo | Kind::Digits | Kind::Phone | Kind::Zip => digits.to_owned(),
            kind => kind.meaning(digits).map(|value| value.to_string()).unwrap_or_default(),
        };
        speech::pieces(collect.kind.form(), &self.language, &said)
            .unwrap_or_else(|_| digits.chars().map(|digit| format!("digit_{digit}").into()).collect())
    }

    fn confirm_key(
        &mut self,
        step: &Step,
        collect: &Collect,
        key: char,
        out: &mut Vec<Action>,
    ) -> Option<Jump> {
        self.stop(out);
        match key {
            '1' => {
                out.push(Action::Key(KeyClass::Menu(key)));
                let digits = self.question()?.digits.clone();
                self.entered(collect, digits, out)
            }
            '2' => {
                out.push(Action::Key(KeyClass::Menu(key)));
                self.question()?.asked = 0;
                self.ask(step, out)
            }
            _ => {
                out.push(Action::Key(KeyClass::Wrong(key)));
                let question = self.question()?;
                question.asked = question.asked.saturating_add(1);
                self.confirm_again(step, collect, out)
            }
        }
    }

    /// The entry is what the variable is from now on.
    fn entered(&mut self, collect: &Collect, digits: Private<String>, out: &mut Vec<Action>) -> Option<Jump> {
        out.push(Action::Key(data(collect, digits.expose().len())));
        let value = digits.map(|digits| {
            let value = meaning(collect, &digits).unwrap_or_else(|| Value::unset(collect.kind.of_type()));
            self.foresight.value(value)
        });
        self.frame.variables.insert(collect.variable.clone(), value);
        Some(Jump::Next("next"))
    }
}

/// What the log may know of an entry.
fn data(collect: &Collect, digits: usize) -> KeyClass {
    match collect.is_sensitive {
        true => KeyClass::PrivateData,
        false => KeyClass::Data(u8::try_from(digits).unwrap_or(u8::MAX)),
    }
}

/// What digits mean; `None` where they are too few or impossible.
fn meaning(collect: &Collect, digits: &str) -> Option<Value> {
    let is_long_enough = (collect.min..=collect.max).contains(&digits.len());
    collect.kind.meaning(digits).filter(|_| is_long_enough)
}

fn patience_of(verb: &Verb) -> Option<&Patience> {
    match verb {
        Verb::Menu(menu) => Some(&menu.patience),
        Verb::Collect(collect) => Some(&collect.patience),
        Verb::Library(topics) => Some(&topics.patience),
        _ => None,
    }
}

fn prompts_of(verb: &Verb) -> Option<(&Say, &Say)> {
    match verb {
        Verb::Menu(menu) => Some((&menu.play, &menu.again)),
        Verb::Collect(collect) => Some((&collect.play, &collect.again)),
        Verb::Library(topics) => Some((&topics.play, &topics.again)),
        _ => None,
    }
}

fn give_up_of(verb: &Verb) -> Option<&Go> {
    match verb {
        Verb::Menu(menu) => menu.give_up.as_ref(),
        Verb::Collect(collect) => collect.give_up.as_ref(),
        Verb::Library(topics) => topics.give_up.as_ref(),
        _ => None,
    }
}
