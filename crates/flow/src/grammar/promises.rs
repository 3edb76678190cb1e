//! `promises:` of a flow: what is proved of it for every caller.

use std::sync::Arc;

use super::values::secs;
use super::{Reader, Report};
use crate::document::{Node, Value};
use crate::prove::{Fault, Hope, Promise};

/// Promises of one flow: as many as a medical director reads.
const PROMISES_MAX: usize = 40;

impl Reader<'_> {
    pub(super) fn promises(&mut self, node: &Node) -> Vec<Promise> {
        match &node.value {
            Value::List(nodes) if nodes.len() <= PROMISES_MAX => {
                nodes.iter().filter_map(|node| self.promise(node)).collect()
            }
            _ => {
                self.wrong_kind(node, "`promises`", &format!("a list of at most {PROMISES_MAX}"));
                Vec::new()
            }
        }
    }

    fn promise(&mut self, node: &Node) -> Option<Promise> {
        let mut fields = self.fields(node, "a promise")?;
        let from = fields.require(self, "from").map(|node| (node, self.step_at(node, "`from`")));
        let anything = fields
            .take("caller")
            .and_then(|node| self.word(node, "`caller`", &[("anything", true), ("right_keys", false)]));
        let hears = fields.take("hears").and_then(|node| {
            let name = self.prompt(node, "`hears`")?;
            Some((format!("hears {name}"), Hope::Hears(name)))
        });
        let reaches = fields.take("reaches").and_then(|node| self.hope(node));
        let within =
            fields.require(self, "within").and_then(|node| self.duration(node, "`within`", secs(1, 3_600)));
        let even_if = fields.take("even_if").map(|node| (node, self.faults(node)));
        let place = fields.place;
        fields.finish(self);
        let (Some((from_node, Some(from))), Some(within)) = (from, within) else { return None };
        let Some((words, hope)) = hears.or(reaches) else {
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: "a promise says what comes".to_owned(),
                label: "neither `hears` nor `reaches`",
                help: Some("`reaches: a_human_or_911_advice`, or `hears: dial_911_notice`".to_owned()),
            });
            return None;
        };
        let mut even_if = even_if.map(|(_, faults)| faults).unwrap_or_default();
        if anything.unwrap_or(true) {
            even_if.extend([Fault::NoInput, Fault::WrongKeys]);
        }
        let from_name = self.text(from_node, "`from`").unwrap_or_default();
        let words = format!("{from_name} → {words} ≤ {} s", within.as_secs());
        Some(Promise { from, hope, within, even_if, words })
    }

    fn hope(&mut self, node: &Node) -> Option<(String, Hope)> {
        let text = self.text(node, "`reaches`")?;
        let hope = match text.split_once(' ').map(|(kind, name)| (kind, name.trim())) {
            None if text == "a_human" => Hope::Human,
            None if text == "a_human_or_911_advice" => Hope::HumanOrAdvice,
            Some(("queue", name)) => {
                let queues = &self.shared.environment.queues;
                self.known(
                    (name, node.place),
                    "flow/unknown-queue",
                    "queue",
                    queues.keys().map(String::as_str),
                );
                Hope::Queue(name.into())
            }
            Some(("step", name)) => {
                self.step_named(name, node.place);
                Hope::Step(Arc::from(name))
            }
            _ => {
                self.error(Report {
                    code: "flow/unknown-word",
                    place: node.place,
                    message: format!("a promise cannot be about `{text}`"),
                    label: "unknown goal",
                    help: Some("a_human, a_human_or_911_advice, queue X, step X".to_owned()),
                });
                return None;
            }
        };
        Some((format!("reaches {text}"), hope))
    }

    fn faults(&mut self, node: &Node) -> Vec<Fault> {
        let nodes = match &node.value {
            Value::List(nodes) => nodes.iter().collect(),
            _ => vec![node],
        };
        nodes.into_iter().filter_map(|node| self.word(node, "a fault", &Fault::ALL)).collect()
    }
}
