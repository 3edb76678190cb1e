//! A map of which every key is asked for by name, and every other key is a mistake.

use super::{Reader, Report};
use crate::diagnostic::did_you_mean;
use crate::document::{Key, Node, Place, Value};

/// Keys of the full language that this version does not have, anywhere.
const KEYS_NOT_AVAILABLE: [&str; 7] =
    ["offer_callback", "callback", "inputs", "with", "override", "faults", "pages"];

/// A map of which every key is asked for by name.
#[derive(Debug)]
pub(crate) struct Fields<'n> {
    what: String,
    pub(crate) place: Place,
    entries: Vec<(&'n Key, &'n Node)>,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key, and that this key is known.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.take_entry(key).map(|(_, node)| node)
    }

    pub(crate) fn take_entry(&mut self, key: &'static str) -> Option<(&'n Key, &'n Node)> {
        self.asked.push(key);
        let at = self.entries.iter().position(|(known, _)| known.text == key)?;
        Some(self.entries.remove(at))
    }

    /// As [`Fields::take`], for a key that must be there.
    pub(crate) fn require(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        let found = self.take(key);
        if found.is_none() {
            reader.error(Report {
                code: "flow/missing-key",
                place: self.place,
                message: format!("{} needs `{key}`", self.what),
                label: &format!("`{key}` is missing"),
                help: None,
            });
        }
        found
    }

    /// What is left, for maps whose keys are names of the author's.
    pub(crate) fn rest(&mut self) -> Vec<(&'n Key, &'n Node)> {
        std::mem::take(&mut self.entries)
    }

    /// Every key nobody asked for is a mistake.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in &self.entries {
            if KEYS_NOT_AVAILABLE.contains(&key.text.as_str()) {
                reader.error(not_available(key));
                continue;
            }
            let known = self.asked.iter().copied();
            reader.error(Report {
                code: "flow/unknown-key",
                place: key.place,
                message: format!("{} has no `{}`", self.what, key.text),
                label: "unknown key",
                help: Some(did_you_mean(&key.text, known).map_or_else(
                    || format!("it has: {}", self.asked.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                )),
            });
        }
    }
}

/// A word of the full language.
pub(super) fn not_available(key: &Key) -> Report<'static> {
    Report {
        code: "flow/not-available",
        place: key.place,
        message: format!("`{}` is part of the language but this version does not have it", key.text),
        label: "not available yet",
        help: None,
    }
}

impl Reader<'_> {
    /// The keys of a map, repeated ones reported and left out.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: &str) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            self.wrong_kind(node, what, "a map");
            return None;
        };
        let mut unique: Vec<(&Key, &Node)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match unique.iter().find(|(known, _)| known.text == key.text) {
                None => unique.push((key, value)),
                Some((first, _)) => {
                    let line = first.place.line;
                    self.error(Report {
                        code: "flow/duplicate-key",
                        place: key.place,
                        message: format!("`{}` stands twice in {what}", key.text),
                        label: "the second one",
                        help: Some(format!("the first is in line {line}: keep one of them")),
                    });
                }
            }
        }
        // The first key's place points better than a whole block's.
        let place = match node.place.length {
            0 | 1 => entries.first().map_or(node.place, |(key, _)| key.place),
            _ => node.place,
        };
        Some(Fields { what: what.to_owned(), place, entries: unique, asked: Vec::new() })
    }

    pub(super) fn wrong_kind(&mut self, node: &Node, what: &str, expected: &str) {
        self.error(Report {
            code: "flow/wrong-kind",
            place: node.place,
            message: format!("{what} must be {expected}, not {}", node.kind()),
            label: &format!("expected {expected}"),
            help: None,
        });
    }
}
