//! `say`, `confirm`, and what is read back: values between recorded prompts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::questions::Waits;
use super::{Reader, Report};
use crate::document::{Node, Place, Value};
use crate::expression::Template;
use crate::flow::{Keys, Menu, Verb};
use crate::speech::{self, Form};
use crate::words::{Longest, Word, Words};

/// Prompts and values of one place: what nobody listens to anyway.
const WORDS_MAX: usize = 12;

impl Reader<'_> {
    /// `say: [your_number_is, { digits: "${phone}" }]`, or a map with `words` and `keys`.
    pub(super) fn says(&mut self, node: &Node) -> Option<Verb> {
        let is_long =
            matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, _)| key.text == "words"));
        if !is_long {
            return Some(Verb::Say { words: self.words(node, "`say`")?, keys: Keys::Stop });
        }
        let mut fields = self.fields(node, "`say`")?;
        let words = fields.require(self, "words").and_then(|node| self.words(node, "`words`"));
        let known = [("stop", Keys::Stop), ("keep", Keys::Keep), ("ignore", Keys::Ignore)];
        let keys = fields.take("keys").and_then(|node| self.word(node, "`keys`", &known));
        fields.finish(self);
        Some(Verb::Say { words: words?, keys: keys.unwrap_or_default() })
    }

    /// One prompt or value, or a list of them.
    pub(super) fn words(&mut self, node: &Node, what: &str) -> Option<Words> {
        match &node.value {
            Value::Scalar(_) | Value::Map(_) => Some(Words(vec![self.one_word(node, what)?])),
            Value::List(nodes) if (1..=WORDS_MAX).contains(&nodes.len()) => {
                let words: Option<Vec<Word>> = nodes.iter().map(|node| self.one_word(node, what)).collect();
                words.map(Words)
            }
            Value::Null | Value::List(_) => {
                let expected =
                    format!("1 to {WORDS_MAX} prompts and values: `[a_prompt, {{ digits: \"${{x}}\" }}]`");
                self.wrong_kind(node, what, &expected);
                None
            }
        }
    }

    fn one_word(&mut self, node: &Node, what: &str) -> Option<Word> {
        let Value::Map(_) = node.value else { return self.prompt(node, what).map(Word::Prompt) };
        let mut fields = self.fields(node, what)?;
        let mut found = fields.take("prompt").and_then(|node| self.prompt(node, what)).map(Word::Prompt);
        for (word, form) in Form::WORDS {
            let Some((key, node)) = fields.take_entry(word) else { continue };
            if found.is_some() {
                self.error(Report {
                    code: "flow/two-verbs",
                    place: key.place,
                    message: format!("{what} says one thing after the other"),
                    label: "the second one",
                    help: Some("make two entries of a list of it".to_owned()),
                });
            }
            let longest = self.pieces_exist(form, key.place);
            let text = self.template(node, what)?;
            found = Some(Word::Value { form, text, longest });
        }
        let place = fields.place;
        if found.is_none() {
            let forms: Vec<&str> = Form::WORDS.iter().map(|(word, _)| *word).collect();
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: format!("{what} says nothing here"),
                label: "no prompt and no value",
                help: Some(format!("`prompt`, or one of: {}", forms.join(", "))),
            });
        }
        fields.finish(self);
        found
    }

    pub(super) fn template(&mut self, node: &Node, what: &str) -> Option<Template> {
        let text = self.text(node, what)?;
        match Template::new(text, &self.types) {
            Ok(template) => Some(template),
            Err(mistake) => {
                self.condition_mistake(mistake, node.place);
                None
            }
        }
    }

    /// Every recording a form needs is there, in every language of the flow.
    pub(super) fn pieces_exist(&mut self, form: Form, place: Place) -> Longest {
        let mut longest = BTreeMap::new();
        for language in self.languages.clone() {
            let Some(needed) = speech::needed(form, &language) else {
                self.error(Report {
                    code: "flow/no-speech",
                    place,
                    message: format!("no value can be said in `{language}`"),
                    label: "this language has no rules for numbers and dates",
                    help: Some(format!("there are rules for: {}", speech::LANGUAGES.join(", "))),
                });
                continue;
            };
            let known = self.shared.environment.prompts.get(&*language);
            let lacking: Vec<&str> = needed
                .iter()
                .filter(|piece| known.is_none_or(|known| !known.contains_key(&***piece)))
                .map(|piece| &**piece)
                .collect();
            if !lacking.is_empty() && self.missing.insert(format!("{language}/{form:?}").into()) {
                let shown = lacking.iter().take(8).copied().collect::<Vec<_>>().join(", ");
                let more = lacking.len().saturating_sub(8);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                self.error(Report {
                    code: "flow/missing-piece",
                    place,
                    message: format!("recordings are missing in `{language}`: {shown}{more}"),
                    label: "cannot be said without them",
                    help: Some(format!("record them, or put their text into prompts.yaml of {language}")),
                });
            }
            let duration = |piece: &str| -> Duration {
                known.and_then(|known| known.get(piece)).map(|info| info.duration).unwrap_or_default()
            };
            longest.insert(language.clone(), speech::longest(form, &language, &duration));
            self.prompts.extend(needed);
        }
        longest
    }

    /// 1 is yes, 2 is no.
    pub(super) fn confirm(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`confirm`")?;
        let words = fields.require(self, "say").and_then(|node| self.words(node, "`say`"));
        let patience = self.patience_of(&mut fields, Waits::ForOneKey);
        let yes = fields.take("yes").map(|node| self.go(node, "`yes`")).unwrap_or_default();
        let no = self.required_go(&mut fields, "no");
        let menu = Menu {
            word: "confirm",
            words: Some(words?),
            keys: [('1', yes), ('2', no)].into(),
            no_input: self.optional_go(&mut fields, "no_input"),
            wrong_key: self.optional_go(&mut fields, "wrong_key"),
            give_up: self.optional_go(&mut fields, "give_up"),
            patience,
            ..Menu::default()
        };
        fields.finish(self);
        Some(Verb::Menu(menu))
    }
}
