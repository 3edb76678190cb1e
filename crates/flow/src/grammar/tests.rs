//! `tests:`, at the end of a flow or in `<flow>.test.yaml`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use primitives::Private;

use super::values::secs;
use super::{Fields, Reader, Report};
use crate::diagnostic::did_you_mean;
use crate::document::{Node, Value};
use crate::scenario::{Agents, Deed, Expected, Far, Goal, Paged, Scenario, ScriptEntry};
use crate::{Caller, Diverted, Verification};

/// What a test's caller may have been forwarded for: the words of Diversion and History-Info.
const DIVERSION_REASONS: [&str; 11] = [
    "unconditional",
    "busy",
    "no_answer",
    "unavailable",
    "time_of_day",
    "do_not_disturb",
    "deflection",
    "follow_me",
    "out_of_service",
    "away",
    "unknown",
];

/// Tests of one file, and entries of one script.
const TESTS_MAX: usize = 500;
const SCRIPT_MAX: usize = 100;

impl Reader<'_> {
    /// A file of tests: the flow they are of, and they.
    pub(crate) fn test_file(&mut self, root: &Node, answers: impl Fn(&str) -> Vec<String>) -> Vec<Scenario> {
        let Some(mut fields) = self.fields(root, "a file of tests") else { return Vec::new() };
        self.version(&mut fields);
        let flow = fields.require(self, "flow").and_then(|node| {
            let text = self.text(node, "`flow`")?;
            let flows = self.shared.flows.iter().map(String::as_str);
            self.known((text, node.place), "flow/unknown-flow", "flow", flows).then(|| Arc::from(text))
        });
        let node = fields.require(self, "tests");
        fields.finish(self);
        match (flow, node) {
            (Some(flow), Some(node)) => self.scenarios(node, &flow, &answers(&flow)),
            _ => Vec::new(),
        }
    }

    pub(crate) fn scenarios(&mut self, node: &Node, flow: &Arc<str>, answers: &[String]) -> Vec<Scenario> {
        match &node.value {
            Value::List(nodes) if nodes.len() <= TESTS_MAX => {
                nodes.iter().filter_map(|node| self.scenario(node, flow, answers)).collect()
            }
            _ => {
                self.wrong_kind(node, "`tests`", &format!("a list of at most {TESTS_MAX}"));
                Vec::new()
            }
        }
    }

    fn scenario(&mut self, node: &Node, flow: &Arc<str>, answers: &[String]) -> Option<Scenario> {
        let mut fields = self.fields(node, "a test")?;
        let name = fields.require(self, "name").and_then(|node| self.prose(node, "`name`"));
        let at = fields.take("at").and_then(|node| self.moment(node));
        let caller = match fields.take("caller") {
            None => Some(a_caller(Private::new("+15550123456".to_owned()))),
            Some(node) => self.calling(node),
        };
        let dialled = fields.take("dialled").and_then(|node| self.dialled_number(node));
        let script = fields.take("script").map(|node| self.script(node)).unwrap_or_default();
        let agents = self.by_name(&mut fields, "agents", |reader, name, node| {
            let queues = &reader.shared.environment.queues;
            reader.known((name.0, name.1), "flow/unknown-queue", "queue", queues.keys().map(String::as_str));
            reader.agents(node)
        });
        let numbers = self.by_name(&mut fields, "numbers", |reader, name, node| {
            let numbers = &reader.shared.environment.numbers;
            reader.known(
                (name.0, name.1),
                "flow/unknown-number",
                "number",
                numbers.iter().map(String::as_str),
            );
            let words = [
                ("answers", Far::Answers),
                ("busy", Far::Busy),
                ("no_answer", Far::NoAnswer),
                ("failed", Far::Failed),
            ];
            reader.word(node, "what becomes of a transfer", &words)
        });
        let rotas = self.by_name(&mut fields, "rotas", |reader, name, node| {
            reader.rota_named(name);
            let words = [("accepts", Paged::Accepted), ("nobody", Paged::Nobody), ("failed", Paged::Failed)];
            reader.word(node, "who accepts", &words)
        });
        let tables = self.by_name(&mut fields, "tables", |reader, name, node| reader.told(name, node));
        let endpoints =
            self.by_name(&mut fields, "endpoints", |reader, name, node| reader.endpoint_told(name, node));
        let agent_leaves = fields
            .take("agent_leaves")
            .and_then(|node| self.duration(node, "`agent_leaves`", secs(1, 1_200)));
        let expected =
            fields.require(self, "expect").and_then(|node| self.expected(node)).unwrap_or_default();
        fields.finish(self);
        Some(Scenario {
            flow: flow.clone(),
            name: name?,
            at,
            caller: caller?,
            dialled: dialled.or_else(|| answers.first().cloned()).unwrap_or_default(),
            script,
            agents,
            numbers,
            rotas,
            tables,
            endpoints,
            agent_leaves,
            expected,
        })
    }

    /// `2026-11-01 01:30 America/Chicago`, with `, second time` for an hour that happens twice.
    fn moment(&mut self, node: &Node) -> Option<Timestamp> {
        let text = self.text(node, "`at`")?;
        let (when, is_second) = match text.strip_suffix(", second time") {
            Some(when) => (when, true),
            None => (text, false),
        };
        let read = || {
            let (local, zone) = when.trim().rsplit_once(' ')?;
            let local: DateTime = local.trim().parse().ok()?;
            let moment = TimeZone::get(zone).ok()?.to_ambiguous_zoned_datetime(local);
            let zoned = if is_second { moment.later() } else { moment.compatible() };
            Some(zoned.ok()?.timestamp())
        };
        let moment = read();
        if moment.is_none() {
            self.bad_time(node.place, text, "a moment", "\"2026-03-02 03:15 America/Chicago\"");
        }
        moment
    }

    fn calling(&mut self, node: &Node) -> Option<Caller> {
        if let Value::Scalar(scalar) = &node.value
            && scalar.text == "anonymous"
        {
            return Some(Caller { is_withheld: true, ..Caller::default() });
        }
        let mut fields = self.fields(node, "`caller`")?;
        let number = fields.require(self, "number").and_then(|node| self.dialled_number(node));
        let words = Verification::ALL.map(|verification| (verification.word(), verification));
        let verification =
            fields.take("verification").and_then(|node| self.word(node, "`verification`", &words));
        let trunk = fields.take("trunk").and_then(|node| self.text(node, "`trunk`")).map(str::to_owned);
        let from = fields.take("diverted_from").and_then(|node| self.dialled_number(node));
        let reasons = DIVERSION_REASONS.map(|reason| (reason, reason));
        let reason =
            fields.take("diversion_reason").and_then(|node| self.word(node, "`diversion_reason`", &reasons));
        fields.finish(self);
        let diverted = from.map(|from| Diverted {
            from: Private::new(from.clone()),
            reason: reason.unwrap_or("unknown"),
            first_from: Private::new(from),
            count: 1,
        });
        Some(Caller {
            verification: verification.unwrap_or_default(),
            trunk: trunk.unwrap_or_default(),
            diverted,
            ..a_caller(Private::new(number?))
        })
    }

    fn by_name<T>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        read: impl Fn(&mut Self, (&str, crate::document::Place), &Node) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let mut found = BTreeMap::new();
        if let Some(mut entries) = fields.take(key).and_then(|node| self.fields(node, &format!("`{key}`"))) {
            for (name, node) in entries.rest() {
                if let Some(value) = read(self, (&name.text, name.place), node) {
                    found.insert(name.text.clone(), value);
                }
            }
        }
        found
    }

    fn agents(&mut self, node: &Node) -> Option<Agents> {
        let text = self.text(node, "agents")?;
        match text.parse::<u32>() {
            Ok(0) => Some(Agents::Nobody),
            Ok(_) => Some(Agents::Free),
            Err(_) => self.word(
                node,
                "agents",
                &[
                    ("busy", Agents::Busy),
                    ("full", Agents::Full),
                    ("closed", Agents::Closed),
                    ("failed", Agents::Failed),
                ],
            ),
        }
    }

    fn script(&mut self, node: &Node) -> Vec<ScriptEntry> {
        match &node.value {
            Value::List(nodes) if nodes.len() <= SCRIPT_MAX => {
                nodes.iter().filter_map(|node| self.script_entry(node)).collect()
            }
            _ => {
                self.wrong_kind(node, "`script`", &format!("a list of at most {SCRIPT_MAX}"));
                Vec::new()
            }
        }
    }

    fn script_entry(&mut self, node: &Node) -> Option<ScriptEntry> {
        if let Value::Scalar(_) = node.value {
            self.word(node, "a script", &[("silence", ())]);
            return None;
        }
        let mut fields = self.fields(node, "an entry of `script`")?;
        let place = fields.place;
        let at = fields
            .require(self, "at")
            .and_then(|node| Some((self.text(node, "`at`")?.to_owned(), node.place)));
        let (key, keys) = (fields.take("key"), fields.take("keys"));
        let keys = key.or(keys).and_then(|node| self.keys(node));
        let hang_up = fields.take("hang_up").and_then(|node| self.truth(node, "`hang_up`"));
        let after = fields
            .take("after")
            .and_then(|node| self.duration(node, "`after`", Duration::ZERO..=Duration::from_mins(20)));
        fields.finish(self);
        let deed = match (keys, hang_up) {
            (Some(keys), None) => Deed::Keys(keys),
            (None, Some(true)) => Deed::HangUp,
            _ => {
                self.error(Report {
                    code: "flow/missing-key",
                    place,
                    message: "an entry of `script` presses `key`, `keys`, or does `hang_up: true`".to_owned(),
                    label: "does nothing, or two things",
                    help: None,
                });
                return None;
            }
        };
        let (at, place) = at?;
        Some(ScriptEntry { at, place, deed, after: after.unwrap_or(Duration::from_secs(1)) })
    }

    fn keys(&mut self, node: &Node) -> Option<Vec<char>> {
        let text = self.text(node, "`key`")?;
        let are_keys = (1..=40).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#');
        if !are_keys {
            self.error(Report {
                code: "flow/bad-key",
                place: node.place,
                message: format!("`{text}` cannot be keyed in"),
                label: "not keys of a telephone",
                help: Some("0 to 9, * and #, quoted: \"12#\"".to_owned()),
            });
            return None;
        }
        Some(text.chars().collect())
    }

    fn expected(&mut self, node: &Node) -> Option<Expected> {
        let mut fields = self.fields(node, "`expect`")?;
        let hears = match fields.take("hears").map(|node| (node, &node.value)) {
            Some((_, Value::List(nodes))) => {
                nodes.iter().filter_map(|node| self.heard_prompt(node)).collect()
            }
            Some((node, _)) => self.heard_prompt(node).into_iter().collect(),
            None => Vec::new(),
        };
        let notes = match fields.take("notes").map(|node| (node, &node.value)) {
            Some((_, Value::List(nodes))) => nodes
                .iter()
                .filter_map(|node| self.text(node, "a note"))
                .map(|text| Goal::Noted(text.to_owned()))
                .collect(),
            Some((node, _)) => {
                self.wrong_kind(node, "`notes`", "a list: `[disposition resolved]`");
                Vec::new()
            }
            None => Vec::new(),
        };
        let reaches = fields.take("reaches").and_then(|node| self.goal(node));
        let never = match fields.take("never").map(|node| (node, &node.value)) {
            Some((_, Value::List(nodes))) => nodes.iter().filter_map(|node| self.goal(node)).collect(),
            Some((node, _)) => self.goal(node).into_iter().collect(),
            None => Vec::new(),
        };
        let steps = std::mem::take(&mut self.steps_looked_for);
        let before = fields.take("before").and_then(|node| self.duration(node, "`before`", secs(1, 1_800)));
        let urgency = fields.take("urgency").and_then(|node| self.urgency(node));
        let reason = fields.take("reason").and_then(|node| self.text(node, "`reason`")).map(str::to_owned);
        let language =
            fields.take("language").and_then(|node| self.text(node, "`language`")).map(str::to_owned);
        fields.finish(self);
        Some(Expected { hears, notes, reaches, never, steps, before, urgency, reason, language })
    }

    fn heard_prompt(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a prompt")?;
        let known =
            self.shared.environment.prompts.values().flat_map(|prompts| prompts.keys().map(String::as_str));
        self.known((text, node.place), "flow/unknown-prompt", "prompt", known).then(|| text.to_owned())
    }

    fn goal(&mut self, node: &Node) -> Option<Goal> {
        let text = self.text(node, "a goal")?;
        let goal = match text.split_once(' ').map(|(kind, name)| (kind, name.trim())) {
            None if text == "a_human" => Goal::Human,
            None if text == "hang_up" => Goal::HangUp,
            None if text == "voicemail" => Goal::Voicemail,
            Some(("step", name)) => {
                self.steps_looked_for.push((name.to_owned(), node.place));
                Goal::Step(name.to_owned())
            }
            Some(("hears", name)) => Goal::Hears(name.to_owned()),
            Some(("queue", name)) => {
                let queues = &self.shared.environment.queues;
                self.known(
                    (name, node.place),
                    "flow/unknown-queue",
                    "queue",
                    queues.keys().map(String::as_str),
                );
                Goal::Queue(name.to_owned())
            }
            Some(("page", name)) => {
                self.rota_named((name, node.place));
                Goal::Page(name.to_owned())
            }
            Some(("transfer", name)) => {
                let numbers = &self.shared.environment.numbers;
                self.known(
                    (name, node.place),
                    "flow/unknown-number",
                    "number",
                    numbers.iter().map(String::as_str),
                );
                Goal::Transfer(name.to_owned())
            }
            _ => {
                let words = ["a_human", "hang_up", "voicemail", "queue", "step", "transfer", "page", "hears"];
                let near = did_you_mean(text.split(' ').next().unwrap_or(text), words);
                self.error(Report {
                    code: "flow/unknown-word",
                    place: node.place,
                    message: format!("a test cannot look for `{text}`"),
                    label: "unknown goal",
                    help: Some(near.map_or_else(
                        || {
                            "a_human, hang_up, voicemail, queue X, step X, transfer X, page X, hears X"
                                .to_owned()
                        },
                        |near| format!("did you mean `{near}`?"),
                    )),
                });
                return None;
            }
        };
        Some(goal)
    }
}

/// An ordinary caller of this number.
fn a_caller(number: Private<String>) -> Caller {
    Caller { number: Some(number), ..Caller::default() }
}
