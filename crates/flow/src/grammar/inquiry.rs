//! `lookup`: what is asked of a table, and where each answer leads.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use primitives::Private;

use super::values::{inside, literal};
use super::{Reader, Report};
use crate::document::{Key, Node, Place, Value};
use crate::expression::{self, Type};
use crate::flow::{Assigned, Inquire, Take, Verb};
use crate::inquiry::InquirySource;
use crate::scenario::Told;
use crate::table::Table;

/// How long a caller waits for an answer (domain S18: five seconds at most).
pub(super) const WITHIN: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(5);
/// For what is on this machine.
const LOOKUP_WITHIN: Duration = Duration::from_secs(2);
/// Variables the engine makes.
pub(super) const RESERVED: [&str; 6] = ["language", "urgency", "reason", "caller", "call", "dialled"];

impl Reader<'_> {
    pub(super) fn lookup(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`lookup`")?;
        let named = fields.require(self, "table").and_then(|node| {
            let text = self.text(node, "`table`")?;
            Some((text, node.place))
        });
        let table = named.and_then(|named| self.table_named(named));
        let keys = fields.require(self, "keys");
        let place = keys.map_or(fields.place, |node| node.place);
        let given = keys.map(|node| self.given(node, table.as_deref(), place)).unwrap_or_default();
        let takes = fields.take("take").map(|node| self.takes(node, table.as_deref())).unwrap_or_default();
        let play = fields.take("play").and_then(|node| self.say(node, "`play`"));
        let music = self.music(&mut fields);
        let within = fields.take("within").and_then(|node| self.duration(node, "`within`", WITHIN));
        let found = self.optional_go(&mut fields, "found");
        let not_found = self.required_go(&mut fields, "not_found");
        let failed = self.required_go(&mut fields, "failed");
        fields.finish(self);
        let (name, _) = named?;
        Some(Verb::Inquire(Box::new(Inquire {
            source: InquirySource::Table(name.into()),
            given,
            query: Vec::new(),
            takes,
            play,
            music,
            within: within.unwrap_or(LOOKUP_WITHIN),
            found,
            not_found: Some(not_found),
            failed,
            timeout: None,
        })))
    }

    /// A table there is; `None` also where `tables.yaml` cannot be read, which is a mistake of its own.
    fn table_named(&mut self, named: (&str, Place)) -> Option<Arc<Table>> {
        let tables = self.shared.tables?;
        self.known(named, "flow/unknown-table", "table", tables.keys().map(String::as_str));
        tables.get(named.0).cloned()
    }

    /// Every key column, and no other, each from a value of its type.
    fn given(&mut self, node: &Node, table: Option<&Table>, place: Place) -> Vec<(Arc<str>, Assigned)> {
        let Some(mut entries) = self.fields(node, "`keys`") else { return Vec::new() };
        let mut given: Vec<(Arc<str>, Assigned)> = Vec::new();
        for (key, node) in entries.rest() {
            let Some(table) = table else { continue };
            let keys = table.key.iter().map(|name| &**name);
            if !self.known((&key.text, key.place), "flow/unknown-column", "key column", keys) {
                continue;
            }
            let of = table.column(&key.text).map_or(Type::Text, |column| column.of);
            if let Some(value) = self.value_of(node, &key.text, of) {
                given.push((key.text.as_str().into(), value));
            }
        }
        let lacking = table.into_iter().flat_map(|table| &table.key);
        for name in lacking.filter(|name| !given.iter().any(|(known, _)| known == *name)) {
            if self.findings.last().is_none_or(|finding| finding.code != "flow/unknown-column") {
                self.error(Report {
                    code: "flow/missing-key",
                    place,
                    message: format!("`keys` needs `{name}`"),
                    label: "one row is named by all of its key columns",
                    help: Some(format!("`{name}: \"${{…}}\"`")),
                });
            }
        }
        given
    }

    /// Text, a number, true or false, or `${CEL}`, of a type.
    pub(super) fn value_of(&mut self, node: &Node, what: &str, of: Type) -> Option<Assigned> {
        let scalar = self.scalar(node, &format!("`{what}`"))?;
        let value = match inside(&scalar.text) {
            Some(source) => Assigned::Expression(self.expression(source, node.place)?),
            None => Assigned::Value(literal(scalar)),
        };
        let is = match &value {
            Assigned::Expression(expression) => expression.of_type(),
            Assigned::Value(value) => value.of_type(),
        };
        if is == of {
            return Some(value);
        }
        self.error(Report {
            code: "flow/variable-type",
            place: node.place,
            message: format!("`{what}` is {of}, and this is {is}"),
            label: "another type",
            help: Some("a value has the type that was declared; quote a number to make it text".to_owned()),
        });
        None
    }

    /// `column: variable`.
    fn takes(&mut self, node: &Node, table: Option<&Table>) -> Vec<Take> {
        let Some(mut entries) = self.fields(node, "`take`") else { return Vec::new() };
        let mut takes = Vec::new();
        for (key, node) in entries.rest() {
            let Some(table) = table else { continue };
            let columns = table.columns.iter().map(|column| &*column.name);
            self.known((&key.text, key.place), "flow/unknown-column", "column", columns);
            let Some(column) = table.column(&key.text) else { continue };
            let take =
                self.text(node, "a variable").and_then(|text| self.taken((text, node.place), column.of));
            takes.extend(take.map(|variable| Take {
                from: column.name.clone(),
                variable,
                of: column.of,
                is_optional: false,
                is_private: false,
            }));
        }
        takes
    }

    /// Declares the variables that every `lookup` and `http` of a file makes, and every step that would ask somebody.
    pub(super) fn answers_declare(&mut self, node: &Node) {
        match &node.value {
            Value::Null | Value::Scalar(_) => {}
            Value::List(nodes) => nodes.iter().for_each(|node| self.answers_declare(node)),
            Value::Map(entries) => {
                for (key, node) in entries {
                    match (key.text.as_str(), &node.value) {
                        ("lookup", Value::Map(entries)) => self.taken_declare(entries),
                        ("http", Value::Map(entries)) => self.http_declares(entries),
                        (word, Value::Map(entries)) => self.not_configured_declares(word, entries),
                        _ => {}
                    }
                    self.answers_declare(node);
                }
            }
        }
    }

    fn taken_declare(&mut self, entries: &[(Key, Node)]) {
        let of = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| &node.value);
        let (Some(Value::Scalar(table)), Some(Value::Map(takes))) = (of("table"), of("take")) else { return };
        let table = self.shared.tables.and_then(|tables| tables.get(&table.text));
        for (column, variable) in takes {
            let Value::Scalar(variable) = &variable.value else { continue };
            let Some(column) = table.and_then(|table| table.column(&column.text)) else {
                self.untyped.insert(variable.text.clone());
                continue;
            };
            self.types.entry(variable.text.clone()).or_insert(column.of);
            if column.is_private {
                self.private.insert(variable.text.clone());
            }
        }
    }

    /// What a test lets a table say: a word, or columns with their values. Columns it does not name are empty.
    pub(super) fn told(&mut self, named: (&str, Place), node: &Node) -> Option<Told> {
        let table = self.table_named(named);
        let Value::Map(_) = node.value else {
            let words = [("not_found", Told::NotFound), ("failed", Told::Failed), ("timeout", Told::Nothing)];
            let words: Vec<(&str, &Told)> = words.iter().map(|(word, told)| (*word, told)).collect();
            return self.word(node, "what a table says", &words).cloned();
        };
        let mut entries = self.fields(node, "a row")?;
        let table = table?;
        let mut values: BTreeMap<Arc<str>, expression::Value> = table
            .columns
            .iter()
            .map(|column| (column.name.clone(), expression::Value::unset(column.of)))
            .collect();
        for (key, node) in entries.rest() {
            let columns = table.columns.iter().map(|column| &*column.name);
            self.known((&key.text, key.place), "flow/unknown-column", "column", columns);
            let Some(column) = table.column(&key.text) else { continue };
            if let Some(Assigned::Value(value)) = self.value_of(node, &key.text, column.of) {
                values.insert(column.name.clone(), value);
            }
        }
        Some(Told::Values(values.into_iter().map(|(name, value)| (name, Private::new(value))).collect()))
    }

    /// A variable an answer goes to.
    pub(super) fn taken(&mut self, (text, place): (&str, Place), of: Type) -> Option<Arc<str>> {
        let variable = self.name(text, place, "a variable", false)?;
        if RESERVED.contains(&&*variable) {
            self.error(Report {
                code: "flow/reserved-variable",
                place,
                message: format!("`{variable}` cannot be set by an answer"),
                label: "belongs to the call",
                help: Some("take it into a variable of your own, and decide with `when`".to_owned()),
            });
            return None;
        }
        let declared = self.types.get(&*variable).copied().unwrap_or(of);
        if declared != of {
            self.error(Report {
                code: "flow/variable-type",
                place,
                message: format!("`{variable}` is {declared} elsewhere in this flow, not {of}"),
                label: "another type",
                help: Some("a variable has one type".to_owned()),
            });
        }
        Some(variable)
    }
}
