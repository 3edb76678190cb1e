//! `identify`, `register`, `appointment`, `dial_out`, `listen`, `notify`: read in full, and said to be without the
//! system they need.

use super::values::{is_name, secs};
use super::{Fields, Reader, Report};
use crate::diagnostic::Severity;
use crate::document::{Key, Node, Value};
use crate::expression::Type;
use crate::flow::{Say, Verb};
use crate::not_configured::{KeySpec, NotConfigured, Takes, VERBS, VerbSpec};

/// Answers of one form, and whatever else a map of such a step names.
const NAMED_MAX: usize = 50;

impl Reader<'_> {
    /// `None`: no verb of these.
    pub(super) fn not_configured(&mut self, word: &str, key: &Key, node: &Node) -> Option<Verb> {
        let spec = VERBS.iter().find(|spec| spec.word == word)?;
        self.report(
            if self.shared.environment.is_production { Severity::Error } else { Severity::Warning },
            Report {
                code: "flow/not-configured",
                place: key.place,
                message: format!("not configured: `{word}` needs {}", spec.needs),
                label: "every caller goes on by `failed`",
                help: Some("lead her to a person instead, as long as no such system is connected".to_owned()),
            },
        );
        let mut fields = self.fields(node, &format!("`{word}`"))?;
        let mut step = NotConfigured {
            word: spec.word,
            says: Vec::new(),
            exits: Vec::new(),
            goes_next: true,
            failed: crate::flow::Go::default(),
        };
        if let Some(go) = self.optional_go(&mut fields, spec.well) {
            step.exits.push((spec.well, go));
            step.goes_next = false;
        }
        for key in spec.keys {
            self.key_of(spec, *key, &mut fields, &mut step);
        }
        fields.finish(self);
        Some(Verb::NotConfigured(Box::new(step)))
    }

    fn key_of(
        &mut self,
        spec: &VerbSpec,
        (key, takes, is_required): KeySpec,
        fields: &mut Fields<'_>,
        step: &mut NotConfigured,
    ) {
        if let Takes::Music = takes {
            let prompts = vec![self.music(fields)];
            return step.says.push((key, Say { prompts, in_all_languages: false }));
        }
        let node = if is_required { fields.require(self, key) } else { fields.take(key) };
        let Some(node) = node else { return };
        let what = format!("`{key}`");
        match takes {
            Takes::Prompts => step.says.extend(self.say(node, &what).map(|say| (key, say))),
            Takes::Go if key == "failed" => step.failed = self.go(node, &what),
            Takes::Go => step.exits.push((key, self.go(node, &what))),
            Takes::Music => {}
            Takes::Secs(from, to) => drop(self.duration(node, &what, secs(from, to))),
            Takes::Whole(from, to) => drop(self.number(node, &what, from..=to)),
            Takes::Truth => drop(self.truth(node, &what)),
            Takes::Name => {
                if let Some(text) = self.text(node, &what) {
                    self.name(text, node.place, &format!("`{key}` of `{}`", spec.word), true);
                }
            }
            Takes::Word(words) => {
                let words: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
                self.word(node, &what, &words);
            }
            Takes::Text => drop(self.value_of(node, key, Type::Text)),
            Takes::Map(least, names) => self.named_texts(node, &what, least, names),
            Takes::Variable(of) => {
                if let Some(text) = self.text(node, &what) {
                    self.taken((text, node.place), of);
                }
            }
        }
    }

    fn named_texts(&mut self, node: &Node, what: &str, least: usize, names: &[&str]) {
        let Some(mut entries) = self.fields(node, what) else { return };
        let place = entries.place;
        let given = entries.rest();
        if !(least..=NAMED_MAX).contains(&given.len()) {
            self.error(Report {
                code: "flow/out-of-range",
                place,
                message: format!("{what} names {}", given.len()),
                label: "too few, or too many",
                help: Some(match names {
                    [] => format!("{least} to {NAMED_MAX}"),
                    names => format!("at least {least} of: {}", names.join(", ")),
                }),
            });
        }
        for (key, node) in given {
            let is_known = match names {
                [] => self.name(&key.text, key.place, "an answer", false).is_some(),
                names => self.known((&key.text, key.place), "flow/unknown-key", "key", names.iter().copied()),
            };
            if is_known {
                self.value_of(node, &key.text, Type::Text);
            }
        }
    }

    /// Declares the variable that one of these steps would make; nobody else may see what is in it.
    pub(super) fn not_configured_declares(&mut self, word: &str, entries: &[(Key, Node)]) {
        let Some(spec) = VERBS.iter().find(|spec| spec.word == word) else { return };
        for (key, takes, _) in spec.keys {
            let Takes::Variable(of) = takes else { continue };
            let node = entries.iter().find(|(known, _)| known.text == *key).map(|(_, node)| &node.value);
            let Some(Value::Scalar(name)) = node else { continue };
            if is_name(&name.text, false) {
                self.types.entry(name.text.clone()).or_insert(*of);
                self.private.insert(name.text.clone());
            }
        }
    }
}
