//! One step: a verb with what stands beside it.

use std::sync::Arc;
use std::time::Duration;

use super::fields::not_available;
use super::{Fields, Reader, Report};
use crate::diagnostic::did_you_mean;
use crate::document::{Key, Node, Value};
use crate::expression::{Expression, Type};
use crate::flow::{Go, Keys, Say, Step, StepId, Tag, Verb};

/// Branches of one `when`.
const BRANCHES_MAX: usize = 50;
/// Dead air a caller does not take for a broken line (domain S7).
const WAIT_MAX: Duration = Duration::from_secs(3);

const VERBS: [&str; 36] = [
    "play",
    "say",
    "menu",
    "confirm",
    "collect",
    "library",
    "set",
    "when",
    "hours",
    "call",
    "return",
    "goto",
    "queue",
    "transfer",
    "page",
    "lookup",
    "http",
    "emergency",
    "wait",
    "record",
    "consent",
    "disclose",
    "take_message",
    "hang_up",
    "measure",
    "log",
    "disposition",
    "fail",
    "survey",
    "vitals",
    "identify",
    "register",
    "appointment",
    "dial_out",
    "listen",
    "notify",
];

const VERBS_NOT_AVAILABLE: [&str; 10] = [
    "triage",
    "locate",
    "offer_callback",
    "schedule_callback",
    "voicemail",
    "bridge",
    "conference",
    "park",
    "supervise",
    "parallel",
];

impl Reader<'_> {
    pub(super) fn step(&mut self, name: Arc<str>, following: Option<StepId>, node: &Node) -> Step {
        let what = format!("step `{name}`");
        let empty = |name| Step {
            name,
            tag: Tag::default(),
            verb: Verb::Tag,
            next: following,
            on_error: None,
            after_call: None,
        };
        let Some(mut fields) = self.fields(node, &what) else { return empty(name) };
        let tag_node = fields.take("tag");
        let tag = tag_node.map(|node| self.tag(node)).unwrap_or_default();
        let next = match fields.take("next") {
            Some(node) => self.step_at(node, "`next`"),
            None => following,
        };
        let on_error = self.optional_go(&mut fields, "on_error");
        let verb = self.verb(&what, &mut fields, tag_node.is_some());
        let talks = matches!(verb, Some(Verb::Queue(_) | Verb::Transfer(_) | Verb::Page(_)) | None);
        let after_call = if talks { self.optional_go(&mut fields, "after_call") } else { None };
        fields.finish(self);
        let mut step = Step { name, tag, verb: verb.unwrap_or(Verb::Tag), next, on_error, after_call };
        self.further_steps(&mut step);
        step
    }

    /// A survey's other questions, what a reading leads to: steps `name.2`, `name.3` behind this one.
    fn further_steps(&mut self, step: &mut Step) {
        let following = std::mem::take(&mut self.following);
        let (first, last) = (self.steps.len() + self.further.len(), step.next);
        let count = following.len();
        for (at, verb) in following.into_iter().enumerate() {
            let further = Step {
                name: format!("{}.{}", step.name, at + 2).into(),
                tag: Tag::default(),
                verb,
                next: if at + 1 < count { Some(StepId(first + at + 1)) } else { last },
                on_error: None,
                after_call: None,
            };
            self.further.push(further);
        }
        if count > 0 {
            step.next = Some(StepId(first));
        }
    }

    fn verb(&mut self, what: &str, fields: &mut Fields<'_>, has_tag: bool) -> Option<Verb> {
        let mut found: Option<(&Key, &Node, &str)> = None;
        for word in VERBS {
            let Some((key, node)) = fields.take_entry(word) else { continue };
            match found {
                None => found = Some((key, node, word)),
                Some((.., first)) => self.error(Report {
                    code: "flow/two-verbs",
                    place: key.place,
                    message: format!("{what} has two verbs, `{first}` and `{word}`"),
                    label: "the second verb",
                    help: Some("make two steps of it: a step is one verb".to_owned()),
                }),
            }
        }
        let mut is_known = found.is_some() || has_tag;
        for word in VERBS_NOT_AVAILABLE {
            if let Some((key, _)) = fields.take_entry(word) {
                is_known = true;
                self.error(not_available(key));
            }
        }
        if !is_known {
            self.no_verb(what, fields);
        }
        let (key, node, word) = found?;
        self.verb_of(word, key, node)
    }

    fn no_verb(&mut self, what: &str, fields: &mut Fields<'_>) {
        let rest = fields.rest();
        let first = rest.first().map(|(key, _)| (*key).clone());
        let (place, label) = match &first {
            Some(key) => (key.place, "no verb"),
            None => (fields.place, "no verb in it"),
        };
        let near = first.as_ref().and_then(|key| did_you_mean(&key.text, VERBS));
        let message = match &first {
            Some(key) => format!("unknown verb `{}` in {what}", key.text),
            None => format!("{what} does nothing"),
        };
        self.error(Report {
            code: "flow/unknown-verb",
            place,
            message,
            label,
            help: Some(near.map_or_else(
                || format!("a step has one of: {}", VERBS.join(", ")),
                |near| format!("did you mean `{near}`?"),
            )),
        });
    }

    fn verb_of(&mut self, word: &str, key: &Key, node: &Node) -> Option<Verb> {
        match word {
            "play" => self.play(node),
            "say" => self.says(node),
            "menu" => self.menu(node),
            "confirm" => self.confirm(node),
            "collect" => self.collect(node),
            "library" => self.topics(node),
            "measure" => self.measure(node),
            "log" => self.logs(node),
            "disposition" => self.disposition(node),
            "fail" => self.fails(node),
            "survey" => self.survey(node),
            "vitals" => self.vitals(node),
            "set" => Some(Verb::Set(self.assignments(node))),
            "when" => Some(self.when(node)),
            "hours" => self.hours(node),
            "call" => self.called_flow(node).map(Verb::Call),
            "return" => self.returns(node),
            "goto" => self.step_at(node, "`goto`").map(Verb::Goto),
            "queue" => self.queue(node).map(Verb::Queue),
            "transfer" => self.transfer(node).map(Verb::Transfer),
            "page" => self.page(node).map(Verb::Page),
            "lookup" => self.lookup(node),
            "http" => self.http(node),
            "emergency" => self.spoken(node, "`emergency`").map(Verb::Emergency),
            "wait" => self.duration(node, "`wait`", Duration::from_millis(100)..=WAIT_MAX).map(Verb::Wait),
            "record" => self.record(node),
            "consent" => self.consent(node),
            "disclose" => self.spoken(node, "`disclose`").map(Verb::Disclose),
            "take_message" => self.take_message(node),
            "hang_up" => self.spoken(node, "`hang_up`").map(Verb::HangUp),
            word => self.not_configured(word, key, node),
        }
    }

    fn play(&mut self, node: &Node) -> Option<Verb> {
        let Value::Map(_) = node.value else {
            return Some(Verb::Play { say: self.say(node, "`play`")?, keys: Keys::Stop });
        };
        let mut fields = self.fields(node, "`play`")?;
        let say = self.say_fields(&mut fields, "`play`");
        let words = [("stop", Keys::Stop), ("keep", Keys::Keep), ("ignore", Keys::Ignore)];
        let keys = fields.take("keys").and_then(|node| self.word(node, "`keys`", &words));
        fields.finish(self);
        Some(Verb::Play { say: say?, keys: keys.unwrap_or_default() })
    }

    /// `hang_up` and `emergency`: PROMPTS, or a map with `play`.
    fn spoken(&mut self, node: &Node, what: &str) -> Option<Say> {
        let is_long = matches!(&node.value, Value::Map(entries)
            if entries.is_empty() || entries.iter().any(|(key, _)| key.text != "prompts" && key.text != "languages"));
        if matches!(node.value, Value::Null) {
            self.error(Report {
                code: "flow/missing-key",
                place: node.place,
                message: format!("{what} needs a prompt"),
                label: "nothing is said here",
                help: Some(format!("nobody is left in silence: {}: goodbye", what.trim_matches('`'))),
            });
            return None;
        }
        if !is_long {
            return self.say(node, what);
        }
        let mut fields = self.fields(node, what)?;
        let say = fields.require(self, "play").and_then(|node| self.say(node, what));
        fields.finish(self);
        say
    }

    fn returns(&mut self, node: &Node) -> Option<Verb> {
        match &node.value {
            Value::Null => {}
            Value::Map(entries) if entries.is_empty() => {}
            Value::Map(_) | Value::List(_) | Value::Scalar(_) => self.wrong_kind(node, "`return`", "`{}`"),
        }
        Some(Verb::Return)
    }

    fn when(&mut self, node: &Node) -> Verb {
        let mut branches = Vec::new();
        let mut otherwise = None;
        match &node.value {
            Value::List(nodes) if (1..=BRANCHES_MAX).contains(&nodes.len()) => {
                for node in nodes {
                    self.branch(node, &mut branches, &mut otherwise);
                }
            }
            _ => self.wrong_kind(node, "`when`", &format!("a list of 1 to {BRANCHES_MAX} branches")),
        }
        Verb::When { branches, otherwise }
    }

    fn branch(&mut self, node: &Node, branches: &mut Vec<(Expression, Go)>, otherwise: &mut Option<Go>) {
        let Some(mut fields) = self.fields(node, "a branch of `when`") else { return };
        let place = fields.place;
        if otherwise.is_some() {
            self.error(Report {
                code: "flow/after-else",
                place,
                message: "a branch after `else` is never taken".to_owned(),
                label: "after `else`",
                help: Some("`else` comes last".to_owned()),
            });
        }
        if let Some(node) = fields.take("else") {
            *otherwise = Some(self.go(node, "`else`"));
        } else {
            let condition = fields.require(self, "if").and_then(|node| {
                let source = self.text(node, "`if`")?;
                let condition = self.expression(source, node.place)?;
                if condition.of_type() != Type::Truth {
                    self.error(Report {
                        code: "flow/condition",
                        place: node.place,
                        message: format!("a condition is true or false, and this is {}", condition.of_type()),
                        label: "not a condition",
                        help: Some("compare it: `x == \"yes\"`".to_owned()),
                    });
                }
                Some(condition)
            });
            let go = self.required_go(&mut fields, "go");
            branches.extend(condition.map(|condition| (condition, go)));
        }
        fields.finish(self);
    }

    fn hours(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`hours`")?;
        let calendar = match fields.take("calendar") {
            Some(node) => self.calendar_at(node),
            None => self.calendar.clone(),
        };
        let place = fields.place;
        if calendar.is_none() {
            self.error(Report {
                code: "flow/unknown-calendar",
                place,
                message: "`hours` needs a calendar".to_owned(),
                label: "whose hours?",
                help: Some("`calendar:` here or at the top of the flow".to_owned()),
            });
        }
        let open = self.required_go(&mut fields, "open");
        let closed = self.required_go(&mut fields, "closed");
        let holiday = self.optional_go(&mut fields, "holiday");
        fields.finish(self);
        Some(Verb::Hours { calendar: calendar?, open, closed, holiday })
    }

    pub(super) fn calendar_at(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "`calendar`")?;
        if let Some(calendars) = self.shared.calendars {
            let known = calendars.keys().map(String::as_str);
            self.known((text, node.place), "flow/unknown-calendar", "calendar", known);
        }
        Some(text.to_owned())
    }
}
