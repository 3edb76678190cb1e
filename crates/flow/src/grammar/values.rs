//! Single values: names, durations, numbers, prompts, expressions, and where to go on.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::{Fields, Reader, Report};
use crate::Urgency;
use crate::diagnostic::did_you_mean;
use crate::document::{Node, Place, Scalar, Value};
use crate::expression::{self, Expression, Type};
use crate::flow::{Assigned, Assignment, Go, Patience, Say, StepId, Tag};

/// What `defaults.input` does not say (domain: 7 s, elderly 10 s; 4 s; two re-prompts, then a person).
pub(super) const PATIENCE: Patience =
    Patience { wait: Duration::from_secs(7), between: Duration::from_secs(4), tries: 3 };

/// Prompts of one place: what nobody listens to anyway.
const PROMPTS_MAX: usize = 12;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 60;

pub(super) fn secs(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}

/// `a`–`z`, `0`–`9`, `_`, and for some names `-`; a letter first.
pub(super) fn is_name(text: &str, dashes: bool) -> bool {
    text.len() <= NAME_CHARS_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || (dashes && c == '-'))
}

impl Reader<'_> {
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_kind(node, what, "a single value");
                None
            }
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        self.scalar(node, what).map(|scalar| scalar.text.as_str())
    }

    /// Text for people: a `#` in it is a trap.
    pub(crate) fn prose(&mut self, node: &Node, what: &str) -> Option<String> {
        let scalar = self.scalar(node, what)?;
        if !scalar.is_quoted && scalar.is_cut_by_hash {
            self.warning(Report {
                code: "flow/comment-in-prose",
                place: node.place,
                message: format!("the text of {what} ends before ` #`"),
                label: "what follows is a comment",
                help: Some(
                    "put the text in quotes if it belongs to it, or a space behind the `#`".to_owned(),
                ),
            });
        }
        Some(scalar.text.clone())
    }

    /// A new name of the author's.
    pub(crate) fn name(&mut self, text: &str, place: Place, what: &str, dashes: bool) -> Option<Arc<str>> {
        if is_name(text, dashes) {
            return Some(text.into());
        }
        let dash = if dashes { ", `-`" } else { "" };
        self.error(Report {
            code: "flow/name",
            place,
            message: format!("`{text}` cannot be the name of {what}"),
            label: "not a name",
            help: Some(format!(
                "lower-case letters, digits, `_`{dash}; a letter first; at most {NAME_CHARS_MAX}"
            )),
        });
        None
    }

    /// One of the words the language knows.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known = words.iter().map(|(word, _)| *word);
            self.error(Report {
                code: "flow/unknown-word",
                place: node.place,
                message: format!("{what} cannot be `{text}`"),
                label: "unknown word",
                help: Some(did_you_mean(text, known.clone()).map_or_else(
                    || format!("it is one of: {}", known.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                )),
            });
        }
        found
    }

    pub(crate) fn truth(&mut self, node: &Node, what: &str) -> Option<bool> {
        let text = self.text(node, what)?;
        let Some(meant) = old_truth(text) else {
            return self.word(node, what, &[("true", true), ("false", false)]);
        };
        self.error(Report {
            code: "flow/unknown-word",
            place: node.place,
            message: format!("{what} cannot be `{text}`"),
            label: "plain text in this language",
            help: Some(format!("write `{meant}`")),
        });
        None
    }

    /// What is not what YAML's older versions, or a spreadsheet, would make of it.
    fn literal_traps(&mut self, variable: &str, scalar: &Scalar, value: &expression::Value, place: Place) {
        let text = &scalar.text;
        let is_changed = matches!(value, expression::Value::Number(number) if number.to_string() != *text);
        if is_changed {
            self.warning(Report {
                code: "flow/leading-zero",
                place,
                message: format!("`{variable}` becomes the number {value}, not `{text}`"),
                label: "counted with, without its zeros and its sign",
                help: Some(format!("`\"{text}\"` keeps it as it is written")),
            });
        } else if let (Some(meant), false) = (old_truth(text), scalar.is_quoted) {
            self.warning(Report {
                code: "flow/plain-yes",
                place,
                message: format!("`{variable}` becomes the text `{text}`, not {meant}"),
                label: "plain text in this language",
                help: Some(format!("`{meant}`, or `\"{text}\"` if the text is meant")),
            });
        }
    }

    /// `7s`, `500ms`, `2m`, `1h`, within bounds.
    pub(crate) fn duration(
        &mut self,
        node: &Node,
        what: &str,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let text = self.text(node, what)?;
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => 0,
        };
        let duration = number.parse::<u32>().ok().map(|n| Duration::from_millis(u64::from(n) * millis));
        match duration.filter(|_| millis > 0) {
            Some(duration) if bounds.contains(&duration) => Some(duration),
            Some(_) => {
                self.error(Report {
                    code: "flow/out-of-range",
                    place: node.place,
                    message: format!("{what} cannot be {text}"),
                    label: "out of range",
                    help: Some(format!("from {:?} to {:?}", bounds.start(), bounds.end())),
                });
                None
            }
            None => {
                self.error(Report {
                    code: "flow/duration",
                    place: node.place,
                    message: format!("{what} must be a duration, not `{text}`"),
                    label: "no duration",
                    help: Some("a number and its unit: 500ms, 7s, 2m, 1h".to_owned()),
                });
                None
            }
        }
    }

    pub(crate) fn number(&mut self, node: &Node, what: &str, bounds: RangeInclusive<usize>) -> Option<usize> {
        let text = self.text(node, what)?;
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.error(Report {
                code: "flow/out-of-range",
                place: node.place,
                message: format!("{what} cannot be `{text}`"),
                label: "out of range",
                help: Some(format!("a whole number from {} to {}", bounds.start(), bounds.end())),
            });
        }
        number
    }

    /// A name that must be known already.
    pub(crate) fn known<'k>(
        &mut self,
        (text, place): (&str, Place),
        code: &'static str,
        kind: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) -> bool {
        if known.clone().into_iter().any(|name| name == text) {
            return true;
        }
        let all: Vec<&str> = known.clone().into_iter().take(12).collect();
        let help = match did_you_mean(text, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if all.is_empty() => format!("there is no {kind} at all"),
            None => format!("there are: {}", all.join(", ")),
        };
        self.error(Report {
            code,
            place,
            message: format!("unknown {kind} `{text}`"),
            label: &format!("no such {kind}"),
            help: Some(help),
        });
        false
    }

    /// A step of this flow. `StepId(0)` stands in for one that does not exist: the file is refused anyway.
    pub(crate) fn step_named(&mut self, text: &str, place: Place) -> StepId {
        match self.steps.iter().position(|name| &**name == text) {
            Some(at) => StepId(at),
            None => {
                let steps = self.steps.clone();
                self.known((text, place), "flow/unknown-step", "step", steps.iter().map(|name| &**name));
                StepId(0)
            }
        }
    }

    pub(crate) fn step_at(&mut self, node: &Node, what: &str) -> Option<StepId> {
        let text = self.text(node, what)?;
        Some(self.step_named(text, node.place))
    }

    /// One prompt, which must exist in every language of the flow.
    pub(crate) fn prompt(&mut self, node: &Node, what: &str) -> Option<Arc<str>> {
        let text = self.text(node, what)?;
        self.prompt_named(text, node.place);
        Some(text.into())
    }

    pub(super) fn prompt_named(&mut self, name: &str, place: Place) {
        let name: Arc<str> = name.into();
        self.prompts.insert(name.clone());
        if self.missing.contains(&name) {
            return;
        }
        let all = &self.shared.environment.prompts;
        let lacking: Vec<&str> = self
            .languages
            .iter()
            .filter(|language| all.get(&***language).is_none_or(|prompts| !prompts.contains_key(&*name)))
            .map(|language| &**language)
            .collect();
        if lacking.is_empty() {
            return;
        }
        self.missing.insert(name.clone());
        if lacking.len() == self.languages.len() {
            let known = all.values().flat_map(|prompts| prompts.keys().map(String::as_str));
            self.known((&name, place), "flow/unknown-prompt", "prompt", known);
        } else {
            let lacking = lacking.join(", ");
            self.error(Report {
                code: "flow/missing-translation",
                place,
                message: format!("prompt `{name}` does not exist in: {lacking}"),
                label: "not in every language of the flow",
                help: Some(format!("record it, or put its text into prompts.yaml of: {lacking}")),
            });
        }
    }

    /// PROMPTS.
    pub(crate) fn say(&mut self, node: &Node, what: &str) -> Option<Say> {
        let Value::Map(_) = node.value else {
            return Some(Say { prompts: self.prompt_list(node, what)?, in_all_languages: false });
        };
        let mut fields = self.fields(node, what)?;
        let say = self.say_fields(&mut fields, what);
        fields.finish(self);
        say
    }

    pub(super) fn say_fields(&mut self, fields: &mut Fields<'_>, what: &str) -> Option<Say> {
        let prompts = fields.require(self, "prompts").and_then(|node| self.prompt_list(node, what));
        let all = fields.take("languages").and_then(|node| self.word(node, "`languages`", &[("all", true)]));
        Some(Say { prompts: prompts?, in_all_languages: all.unwrap_or(false) })
    }

    fn prompt_list(&mut self, node: &Node, what: &str) -> Option<Vec<Arc<str>>> {
        match &node.value {
            Value::Scalar(_) => Some(vec![self.prompt(node, what)?]),
            Value::List(nodes) if !nodes.is_empty() && nodes.len() <= PROMPTS_MAX => {
                nodes.iter().map(|node| self.prompt(node, what)).collect()
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong_kind(
                    node,
                    what,
                    &format!("a prompt's name or a list of 1 to {PROMPTS_MAX} of them"),
                );
                None
            }
        }
    }

    pub(crate) fn urgency(&mut self, node: &Node) -> Option<Urgency> {
        self.word(node, "`urgency`", &Urgency::ALL.map(|urgency| (urgency.word(), urgency)))
    }

    pub(crate) fn tag(&mut self, node: &Node) -> Tag {
        let Some(mut fields) = self.fields(node, "`tag`") else { return Tag::default() };
        let urgency = fields.take("urgency").and_then(|node| self.urgency(node));
        let reason = fields.take("reason").and_then(|node| {
            let text = self.text(node, "`reason`")?;
            self.name(text, node.place, "a reason", false)
        });
        fields.finish(self);
        Tag { urgency, reason }
    }

    /// GO. What cannot be read is reported and goes to `next`.
    pub(crate) fn go(&mut self, node: &Node, what: &str) -> Go {
        if let Value::Scalar(scalar) = &node.value {
            return Go { to: Some(self.step_named(&scalar.text, node.place)), ..Go::default() };
        }
        if !matches!(node.value, Value::Map(_)) {
            self.wrong_kind(node, what, "a step's name, or a map of `set`, `tag`, `call` or `go`");
            return Go::default();
        }
        let Some(mut fields) = self.fields(node, what) else { return Go::default() };
        let set = fields.take("set").map(|node| self.assignments(node)).unwrap_or_default();
        let tag = fields.take("tag").map(|node| self.tag(node)).unwrap_or_default();
        let call = fields.take("call").and_then(|node| self.called_flow(node));
        let to = fields.take("go").and_then(|node| self.step_at(node, "`go`"));
        if set.is_empty() && tag == Tag::default() && call.is_none() && to.is_none() {
            let place = fields.place;
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: format!("{what} does not say where to go on"),
                label: "nothing to do here",
                help: Some("a step's name, or a map of `set`, `tag`, `call` or `go`".to_owned()),
            });
        }
        fields.finish(self);
        Go { set, tag, call, to }
    }

    pub(super) fn optional_go(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<Go> {
        fields.take(key).map(|node| self.go(node, &format!("`{key}`")))
    }

    pub(super) fn required_go(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Go {
        fields.require(self, key).map(|node| self.go(node, &format!("`{key}`"))).unwrap_or_default()
    }

    pub(super) fn called_flow(&mut self, node: &Node) -> Option<Arc<str>> {
        let text = self.text(node, "`call`")?;
        let flows = self.shared.flows;
        self.known((text, node.place), "flow/unknown-flow", "flow", flows.iter().map(String::as_str));
        self.calls.push((text.to_owned(), node.place));
        Some(text.into())
    }

    pub(super) fn assignments(&mut self, node: &Node) -> Vec<Assignment> {
        let Some(mut fields) = self.fields(node, "`set`") else { return Vec::new() };
        let entries = fields.rest();
        entries.into_iter().filter_map(|(key, node)| self.assignment(&key.text, key.place, node)).collect()
    }

    fn assignment(&mut self, variable: &str, place: Place, node: &Node) -> Option<Assignment> {
        let variable = self.name(variable, place, "a variable", false)?;
        if ["urgency", "reason", "caller", "dialled"].contains(&&*variable) {
            self.error(Report {
                code: "flow/reserved-variable",
                place,
                message: format!("`{variable}` cannot be set"),
                label: "belongs to the call",
                help: Some("urgency and reason change by `tag`".to_owned()),
            });
            return None;
        }
        let scalar = self.scalar(node, &format!("`{variable}`"))?;
        let to = match inside(&scalar.text) {
            Some(source) => Assigned::Expression(self.expression(source, node.place)?),
            None => {
                let value = literal(scalar);
                self.literal_traps(&variable, scalar, &value, node.place);
                Assigned::Value(value)
            }
        };
        let of = match &to {
            Assigned::Expression(expression) => expression.of_type(),
            Assigned::Value(value) => value.of_type(),
        };
        let declared = self.types.get(&*variable).copied().unwrap_or(of);
        if declared != of {
            self.error(Report {
                code: "flow/variable-type",
                place: node.place,
                message: format!("`{variable}` is {declared} elsewhere in this flow, not {of}"),
                label: "another type",
                help: Some("a variable has one type; quote a number to make it text".to_owned()),
            });
        }
        if let (&"language", Assigned::Value(value)) = (&&*variable, &to) {
            let languages = self.languages.clone();
            let known = languages.iter().map(|language| &**language);
            self.known((&value.to_string(), node.place), "flow/unknown-language", "language", known);
        }
        Some(Assignment { variable, to })
    }

    pub(crate) fn expression(&mut self, source: &str, place: Place) -> Option<Expression> {
        match Expression::new(source, &self.types) {
            Ok(expression) => Some(expression),
            Err(mistake) => {
                self.condition_mistake(mistake, place);
                None
            }
        }
    }

    pub(super) fn condition_mistake(&mut self, mistake: expression::Mistake, place: Place) {
        // Who takes it from a table that is not there has been told of the table.
        if mistake.unknown.is_some_and(|name| self.untyped.contains(&name)) {
            return;
        }
        self.error(Report {
            code: "flow/condition",
            place,
            message: mistake.message,
            label: "in this condition",
            help: mistake.help,
        });
    }
}

/// What YAML 1.1, and other ways to write a truth value, would have made of a word.
fn old_truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" => Some(true),
        "no" | "off" => Some(false),
        word => word.parse().ok().filter(|_| word != text),
    }
}

/// The inside of `${…}`, if that is all there is.
pub(super) fn inside(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

/// A value as typed: quoted is text, a plain whole number is one, `true` and `false` too.
pub(super) fn literal(scalar: &Scalar) -> expression::Value {
    let text = scalar.text.as_str();
    match text {
        _ if scalar.is_quoted => expression::Value::Text(text.into()),
        "true" => expression::Value::Truth(true),
        "false" => expression::Value::Truth(false),
        _ => match text.parse() {
            Ok(number) => expression::Value::Number(number),
            Err(_) => expression::Value::Text(text.into()),
        },
    }
}

/// Which type a `set` gives a variable and what it is made from, as far as can be told knowing these variables.
pub(super) fn assigned_type(scalar: &Scalar, types: &expression::Types) -> Option<(Type, Vec<String>)> {
    match inside(&scalar.text) {
        Some(source) => {
            let expression = Expression::new(source, types).ok()?;
            Some((expression.of_type(), expression.names().to_vec()))
        }
        None => Some((literal(scalar).of_type(), Vec::new())),
    }
}
