//! What asks the caller: `menu`, `library`, and the patience of every question.

use std::collections::BTreeMap;

use super::values::secs;
use super::{Fields, Reader, Report};
use crate::diagnostic::Severity;
use crate::document::Node;
use crate::flow::{Go, Menu, Patience, Say, Topics, Verb};

/// Choices a caller can keep in mind (domain 3.6): beyond the first a warning, beyond the second an error.
const OPTIONS_GOOD: usize = 4;
const OPTIONS_MAX: usize = 5;

impl Reader<'_> {
    pub(super) fn menu(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`menu`")?;
        let (play, again) = self.prompts_of_question(&mut fields);
        let patience = self.patience_of(&mut fields, Waits::ForOneKey);
        let no_input = self.optional_go(&mut fields, "no_input");
        let wrong_key = self.optional_go(&mut fields, "wrong_key");
        let give_up = self.optional_go(&mut fields, "give_up");
        let mut keys: BTreeMap<char, Go> = BTreeMap::new();
        for key in KEYS {
            let Some((entry, node)) = fields.take_entry(key) else { continue };
            let go = self.go(node, &format!("key `{key}`"));
            if key == "9" {
                self.error(Report {
                    code: "flow/menu-binds-9",
                    place: entry.place,
                    message: "9 is the emergency key in every menu".to_owned(),
                    label: "cannot be a choice",
                    help: Some("take another key; `emergency:` at the top says where 9 leads".to_owned()),
                });
            } else {
                keys.extend(key.chars().next().map(|key| (key, go)));
            }
        }
        let place = fields.place;
        let options = keys.keys().filter(|key| ('1'..='8').contains(key)).count();
        if keys.is_empty() {
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: "a menu needs at least one key".to_owned(),
                label: "no choice in it",
                help: Some("`\"1\": step`".to_owned()),
            });
        } else if options > OPTIONS_GOOD {
            let severity = if options > OPTIONS_MAX { Severity::Error } else { Severity::Warning };
            let report = Report {
                code: "flow/many-options",
                place,
                message: format!("a menu of {options} choices"),
                label: "more than a caller keeps in mind",
                help: Some(format!("at most {OPTIONS_GOOD}, the rest in a second menu")),
            };
            self.report(severity, report);
        }
        fields.finish(self);
        let (play, again) = (play?, again?);
        Some(Verb::Menu(Menu {
            play,
            again,
            keys,
            no_input,
            wrong_key,
            give_up,
            patience,
            ..Menu::default()
        }))
    }

    pub(super) fn topics(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`library`")?;
        let (play, again) = self.prompts_of_question(&mut fields);
        let patience = self.patience_of(&mut fields, Waits::ForOneKey);
        let no_input = self.optional_go(&mut fields, "no_input");
        let give_up = self.optional_go(&mut fields, "give_up");
        let words = [("*", '*'), ("#", '#')];
        let repeat =
            fields.take("repeat").and_then(|node| self.word(node, "`repeat`", &words)).unwrap_or('#');
        let back = fields.take("back").and_then(|node| self.word(node, "`back`", &words)).unwrap_or('*');
        let mut topics: BTreeMap<char, Say> = BTreeMap::new();
        if let Some(mut entries) =
            fields.require(self, "topics").and_then(|node| self.fields(node, "`topics`"))
        {
            for key in TOPIC_KEYS {
                let Some(node) = entries.take(key) else { continue };
                let say = self.say(node, &format!("topic `{key}`"));
                topics.extend(key.chars().next().zip(say));
            }
            entries.finish(self);
        }
        if repeat == back || topics.is_empty() {
            let place = fields.place;
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: "a library needs a topic, and different keys to repeat and to go back".to_owned(),
                label: "in this `library`",
                help: None,
            });
        }
        fields.finish(self);
        Some(Verb::Library(Topics {
            play: play?,
            again: again?,
            topics,
            repeat,
            back,
            no_input,
            give_up,
            patience,
        }))
    }

    pub(super) fn prompts_of_question(&mut self, fields: &mut Fields<'_>) -> (Option<Say>, Option<Say>) {
        let play = fields.require(self, "play").and_then(|node| self.say(node, "`play`"));
        let again = match fields.take("again") {
            Some(node) => self.say(node, "`again`"),
            None => play.clone(),
        };
        (play, again)
    }

    /// What a question says of its own patience, the flow's for the rest.
    pub(super) fn patience_of(&mut self, fields: &mut Fields<'_>, waits: Waits) -> Patience {
        let wait = fields.take("wait").and_then(|node| self.duration(node, "`wait`", secs(5, 15)));
        let between = match waits {
            Waits::ForOneKey => None,
            Waits::ForDigits => {
                fields.take("between").and_then(|node| self.duration(node, "`between`", secs(3, 8)))
            }
        };
        let tries = fields.take("tries").and_then(|node| self.number(node, "`tries`", 1..=5));
        Patience {
            wait: wait.unwrap_or(self.patience.wait),
            between: between.unwrap_or(self.patience.between),
            tries: tries.and_then(|tries| u8::try_from(tries).ok()).unwrap_or(self.patience.tries),
        }
    }
}

/// What a question waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    ForOneKey,
    ForDigits,
}

const KEYS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "*", "#"];
const TOPIC_KEYS: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
