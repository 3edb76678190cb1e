//! A whole file: the head of a flow, its defaults, and its steps in order.

use std::sync::Arc;

use super::values::assigned_type;
use super::{Fields, Reader, Report};
use crate::document::{Key, Node, Place, Value};
use crate::expression::Type;
use crate::flow::{Digest, Flow, Step, StepId};
use crate::scenario::Scenario;

/// Steps of one flow: beyond it nobody reads it any more.
const STEPS_MAX: usize = 500;
/// Languages of one flow.
const LANGUAGES_MAX: usize = 12;
/// Numbers that start one flow.
const ANSWERS_MAX: usize = 1_000;

/// A flow as read, with the places that checks of the whole flow point at.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) flow: Flow,
    pub(crate) name: Place,
    pub(crate) steps: Vec<Place>,
    pub(crate) answers: Vec<Place>,
    pub(crate) emergency: Place,
    pub(crate) calls: Vec<(String, Place)>,
    pub(crate) scenarios: Vec<Scenario>,
}

/// The name a file gives its flow, before anything else of it is read.
pub(crate) fn name_of(root: &Node) -> Option<&str> {
    let Value::Map(entries) = &root.value else { return None };
    entries.iter().find(|(key, _)| key.text == "flow").and_then(|(_, node)| match &node.value {
        Value::Scalar(scalar) => Some(scalar.text.as_str()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    })
}

/// The steps `defaults` and the head name.
#[derive(Debug)]
struct Defaults {
    give_up: Option<StepId>,
    on_error: Option<StepId>,
    goodbye: Arc<str>,
    advice: Arc<str>,
    notice: Arc<str>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            give_up: None,
            on_error: None,
            goodbye: "goodbye".into(),
            advice: "hang_up_and_dial_911".into(),
            notice: "dial_911_notice".into(),
        }
    }
}

impl Reader<'_> {
    pub(crate) fn version(&mut self, fields: &mut Fields<'_>) {
        let Some(node) = fields.require(self, "careline") else { return };
        if self.text(node, "`careline`").is_some_and(|text| text != "1") {
            self.error(Report {
                code: "flow/version",
                place: node.place,
                message: "this version of the language is not known".to_owned(),
                label: "must be 1",
                help: None,
            });
        }
    }

    // Long: one line for each key of a flow, read and put in its place.
    pub(crate) fn flow(&mut self, root: &Node) -> Option<Draft> {
        let mut fields = self.fields(root, "a flow")?;
        self.version(&mut fields);
        let name_node = fields.require(self, "flow");
        let name = name_node.and_then(|node| {
            let text = self.text(node, "`flow`")?;
            self.name(text, node.place, "a flow", true)
        });
        let about =
            fields.require(self, "about").and_then(|node| self.prose(node, "`about`")).unwrap_or_default();
        let approved_by = self.approved_by(&mut fields);
        let (answers, answer_places): (Vec<String>, Vec<Place>) =
            self.answers(&mut fields).into_iter().unzip();
        self.languages = self.language_list(&mut fields);
        self.calendar = fields.take("calendar").and_then(|node| self.calendar_at(node));

        let steps_node = fields.require(self, "steps");
        let entries = steps_node.map(|node| self.step_entries(node)).unwrap_or_default();
        self.declare_variables(root);
        let starts_calls = !answers.is_empty();
        let emergency_node =
            if starts_calls { fields.require(self, "emergency") } else { fields.take("emergency") };
        let emergency = emergency_node.and_then(|node| self.step_at(node, "`emergency`"));
        let operator = fields.take("operator").and_then(|node| self.step_at(node, "`operator`"));
        let defaults = self.defaults(&mut fields, starts_calls);
        let mut steps: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(at, (key, node))| {
                let following = (at + 1 < entries.len()).then_some(StepId(at + 1));
                self.step(key.text.as_str().into(), following, node)
            })
            .collect();
        let owners = self.owners_of_further(&steps);
        steps.append(&mut self.further);
        let head = name_node.map_or(fields.place, |node| node.place);
        self.default_prompts_exist(&defaults, head, starts_calls);
        let scenarios = match (fields.take("tests"), &name) {
            (Some(node), Some(name)) => self.scenarios(node, name, &answers),
            _ => Vec::new(),
        };
        let promises = fields.take("promises").map(|node| self.promises(node)).unwrap_or_default();
        fields.finish(self);
        let variables =
            self.types.iter().filter(|(name, _)| !BUILT_IN.iter().any(|(known, _)| known == name));
        let flow = Flow {
            name: name?,
            about,
            approved_by,
            answers,
            languages: self.languages.clone(),
            calendar: self.calendar.clone(),
            emergency,
            operator: operator.or(defaults.give_up),
            give_up: defaults.give_up,
            on_error: defaults.on_error.or(defaults.give_up),
            goodbye: defaults.goodbye,
            emergency_advice: defaults.advice,
            emergency_notice: defaults.notice,
            hold_music: self.hold_music.clone(),
            variables: variables.map(|(name, of)| (name.clone(), *of)).collect(),
            steps,
            promises,
            prompts: std::mem::take(&mut self.prompts),
            digest: Digest([0; 32]),
        };
        if flow.steps.is_empty() {
            return None;
        }
        Some(Draft {
            flow,
            name: head,
            steps: entries
                .iter()
                .map(|(key, _)| key.place)
                .chain(owners.into_iter().filter_map(|at| Some(entries.get(at)?.0.place)))
                .collect(),
            answers: answer_places,
            emergency: emergency_node.map_or(head, |node| node.place),
            calls: std::mem::take(&mut self.calls),
            scenarios,
        })
    }

    /// For each step behind those with a name in the file, which of these it belongs to: `csat` for `csat.2`.
    fn owners_of_further(&self, steps: &[Step]) -> Vec<usize> {
        let owner = |further: &Step| {
            let name = further.name.split('.').next().unwrap_or_default();
            steps.iter().position(|step| &*step.name == name).unwrap_or(0)
        };
        self.further.iter().map(owner).collect()
    }

    /// What the engine says by itself, it must be able to say.
    fn default_prompts_exist(&mut self, defaults: &Defaults, head: Place, starts_calls: bool) {
        if starts_calls {
            self.prompt_named(&defaults.goodbye, head);
            self.prompt_named(&defaults.advice, head);
        }
        if self.is_music_needed {
            let music = self.hold_music.clone();
            self.prompt_named(&music, head);
        }
    }

    fn approved_by(&mut self, fields: &mut Fields<'_>) -> Option<String> {
        let place = fields.place;
        let node = fields.take("approved_by");
        let text = node
            .filter(|node| !matches!(node.value, Value::Null))
            .and_then(|node| self.prose(node, "`approved_by`"));
        let approved = text.filter(|text| !text.trim().is_empty());
        if approved.is_none() && self.shared.environment.is_production {
            self.error(Report {
                code: "flow/not-approved",
                place: node.map_or(place, |node| node.place),
                message: "nobody has approved this flow".to_owned(),
                label: "`approved_by` must be filled in for production",
                help: Some("the medical director's name and the date, once she has read it".to_owned()),
            });
        }
        approved
    }

    fn answers(&mut self, fields: &mut Fields<'_>) -> Vec<(String, Place)> {
        let Some(node) = fields.take("answers") else { return Vec::new() };
        let nodes = match &node.value {
            Value::List(nodes) if (1..=ANSWERS_MAX).contains(&nodes.len()) => nodes,
            _ => {
                self.wrong_kind(node, "`answers`", "a list of numbers");
                return Vec::new();
            }
        };
        nodes.iter().filter_map(|node| Some((self.dialled_number(node)?, node.place))).collect()
    }

    /// Quoted E.164, or a quoted extension.
    pub(super) fn dialled_number(&mut self, node: &Node) -> Option<String> {
        let scalar = self.scalar(node, "a telephone number")?;
        let text = &scalar.text;
        let is_digits = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
        let is_number = match text.strip_prefix('+') {
            Some(digits) => (7..=15).contains(&digits.len()) && is_digits(digits),
            None => (2..=6).contains(&text.len()) && is_digits(text),
        };
        if is_number && scalar.is_quoted {
            return Some(text.clone());
        }
        let (code, message, label) = if is_number {
            (
                "flow/unquoted-number",
                format!("the telephone number {text} must be quoted"),
                "YAML would count with it",
            )
        } else {
            ("flow/bad-number", format!("`{text}` is no telephone number"), "not E.164")
        };
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let plus = if text.starts_with('+') || digits.len() > 6 { "+" } else { "" };
        self.error(Report {
            code,
            place: node.place,
            message,
            label,
            help: Some(format!(
                "write \"{plus}{digits}\": `+`, country code and number, or an extension of 2 to 6 digits"
            )),
        });
        None
    }

    fn language_list(&mut self, fields: &mut Fields<'_>) -> Vec<Arc<str>> {
        let Some(node) = fields.require(self, "languages") else { return Vec::new() };
        let nodes = match &node.value {
            Value::List(nodes) if (1..=LANGUAGES_MAX).contains(&nodes.len()) => nodes,
            _ => {
                self.wrong_kind(node, "`languages`", "a list: `[en, es]`");
                return Vec::new();
            }
        };
        let mut languages: Vec<Arc<str>> = Vec::new();
        for node in nodes {
            let Some(text) = self.text(node, "a language") else { continue };
            let known = self.shared.environment.prompts.keys().map(String::as_str);
            if languages.iter().any(|language| &**language == text) {
                self.error(Report {
                    code: "flow/duplicate-key",
                    place: node.place,
                    message: format!("language `{text}` stands twice"),
                    label: "the second one",
                    help: None,
                });
            } else if self.known((text, node.place), "flow/unknown-language", "language", known) {
                languages.push(text.into());
            }
        }
        languages
    }

    fn step_entries<'n>(&mut self, node: &'n Node) -> Vec<(&'n Key, &'n Node)> {
        let Some(mut fields) = self.fields(node, "`steps`") else { return Vec::new() };
        let entries = fields.rest();
        if entries.is_empty() || entries.len() > STEPS_MAX {
            self.error(Report {
                code: "flow/too-many-steps",
                place: node.place,
                message: format!("a flow has 1 to {STEPS_MAX} steps, this one {}", entries.len()),
                label: "here",
                help: Some("move parts of it into sub-flows".to_owned()),
            });
            return Vec::new();
        }
        for (key, _) in &entries {
            self.name(&key.text, key.place, "a step", false);
            self.steps.push(key.text.as_str().into());
        }
        entries
    }

    fn defaults(&mut self, fields: &mut Fields<'_>, starts_calls: bool) -> Defaults {
        let mut defaults = Defaults::default();
        let node = if starts_calls { fields.require(self, "defaults") } else { fields.take("defaults") };
        let Some(mut fields) = node.and_then(|node| self.fields(node, "`defaults`")) else { return defaults };
        if let Some(mut input) = fields.take("input").and_then(|node| self.fields(node, "`input`")) {
            self.patience = self.patience_of(&mut input, super::questions::Waits::ForDigits);
            input.finish(self);
        }
        let give_up = if starts_calls { fields.require(self, "give_up") } else { fields.take("give_up") };
        defaults.give_up = give_up.and_then(|node| self.step_at(node, "`give_up`"));
        defaults.on_error = fields.take("on_error").and_then(|node| self.step_at(node, "`on_error`"));
        let own = |reader: &mut Self, fields: &mut Fields<'_>, key: &'static str, prompt: &mut Arc<str>| {
            if let Some(name) = fields.take(key).and_then(|node| reader.prompt(node, &format!("`{key}`"))) {
                *prompt = name;
            }
        };
        own(self, &mut fields, "goodbye", &mut defaults.goodbye);
        own(self, &mut fields, "emergency_advice", &mut defaults.advice);
        own(self, &mut fields, "emergency_notice", &mut defaults.notice);
        let mut music = self.hold_music.clone();
        own(self, &mut fields, "hold_music", &mut music);
        self.hold_music = music;
        fields.finish(self);
        defaults
    }

    /// Finds every variable before the first condition is read: steps may stand in any order.
    fn declare_variables(&mut self, root: &Node) {
        for (name, of) in BUILT_IN {
            self.types.insert(name.to_owned(), of);
        }
        let mut assigned = Vec::new();
        let mut collected = Vec::new();
        find_variables(root, &mut assigned, &mut collected);
        self.answers_declare(root);
        for (name, is_private, of) in collected {
            self.types.entry(name.to_owned()).or_insert(of);
            if is_private {
                self.private.insert(name.to_owned());
            }
        }
        // A second look, for variables that are set from others.
        for _ in 0..2 {
            for (key, node) in &assigned {
                let Value::Scalar(scalar) = &node.value else { continue };
                let Some((of, names)) = assigned_type(scalar, &self.types) else { continue };
                self.types.entry(key.text.clone()).or_insert(of);
                if names.iter().any(|name| NUMBERS.contains(&name.as_str()) || self.private.contains(name)) {
                    self.private.insert(key.text.clone());
                }
            }
        }
    }
}

/// What a condition may name without anybody setting it.
pub(crate) const BUILT_IN: [(&str, Type); 13] = [
    ("language", Type::Text),
    ("urgency", Type::Text),
    ("reason", Type::Text),
    ("caller.known", Type::Truth),
    ("caller.number", Type::Text),
    ("caller.withheld", Type::Truth),
    ("caller.verification", Type::Text),
    ("dialled", Type::Text),
    ("call.trunk", Type::Text),
    ("call.diverted_from", Type::Text),
    ("call.diversion_reason", Type::Text),
    ("call.first_diverted_from", Type::Text),
    ("call.diversions", Type::Number),
];

/// Those that hold somebody's number: what is made of them is private too.
pub(crate) const NUMBERS: [&str; 3] = ["caller.number", "call.diverted_from", "call.first_diverted_from"];

/// Every `set: { … }` and `collect: { as: … }` of a file, wherever they stand.
fn find_variables<'n>(
    node: &'n Node,
    assigned: &mut Vec<(&'n Key, &'n Node)>,
    collected: &mut Vec<(&'n str, bool, Type)>,
) {
    match &node.value {
        Value::Null | Value::Scalar(_) => {}
        Value::List(nodes) => nodes.iter().for_each(|node| find_variables(node, assigned, collected)),
        Value::Map(entries) => {
            for (key, node) in entries {
                match (key.text.as_str(), &node.value) {
                    ("set", Value::Map(entries)) => {
                        assigned.extend(entries.iter().map(|(key, node)| (key, node)))
                    }
                    ("collect" | "vitals", Value::Map(entries)) => collected.extend(variable_of(entries)),
                    _ => {}
                }
                find_variables(node, assigned, collected);
            }
        }
    }
}

fn variable_of(entries: &[(Key, Node)]) -> Option<(&str, bool, Type)> {
    let of = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
    let kind = of("kind").and_then(|node| match &node.value {
        Value::Scalar(scalar) => Some(scalar.text.as_str()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    });
    // A reading of `vitals` is a number and the caller's own.
    let is_reading = of("plausible").is_some();
    let type_of = if is_reading { Type::Number } else { super::entries::type_of_kind(kind) };
    match &of("as")?.value {
        Value::Scalar(scalar) => Some((&scalar.text, is_reading || of("sensitive").is_some(), type_of)),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}
