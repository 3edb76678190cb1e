//! `http`: what another system is asked, what is taken of its answer, and where each outcome leads.

use std::sync::Arc;
use std::time::Duration;

use primitives::Private;

use super::flow::NUMBERS;
use super::inquiry::WITHIN;
use super::tables::TYPES;
use super::values::{inside, is_name, literal};
use super::{Reader, Report};
use crate::document::{Key, Node, Place, Value};
use crate::expression;
use crate::flow::{Assigned, Inquire, Take, Verb};
use crate::inquiry::InquirySource;
use crate::scenario::Told;

/// How long a caller waits, where the step says nothing.
const HTTP_WITHIN: Duration = Duration::from_secs(3);
/// Fields of one request, and parts of one answer.
const FIELDS_MAX: usize = 50;

impl Reader<'_> {
    pub(super) fn http(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`http`")?;
        let named = fields.require(self, "endpoint").and_then(|node| {
            let text = self.text(node, "`endpoint`")?;
            Some((text, node.place))
        });
        let endpoints = &self.shared.environment.endpoints;
        let info = named.and_then(|named| {
            let known = endpoints.keys().map(String::as_str);
            self.known(named, "flow/unknown-endpoint", "endpoint", known);
            endpoints.get(named.0)
        });
        let send = fields.take("send");
        if let (Some(node), Some(false)) = (send, info.map(|info| info.takes_body)) {
            self.error(Report {
                code: "flow/no-body",
                place: node.place,
                message: "this endpoint is asked by GET, which sends nothing".to_owned(),
                label: "would not be sent",
                help: Some(
                    "write what is not private under `query`, or `method: post` in the configuration"
                        .to_owned(),
                ),
            });
        }
        let given = send.map(|node| self.sent(node, "`send`", false)).unwrap_or_default();
        let query = fields.take("query").map(|node| self.sent(node, "`query`", true)).unwrap_or_default();
        let takes = fields.take("take").map(|node| self.pointers(node)).unwrap_or_default();
        let play = fields.take("play").and_then(|node| self.say(node, "`play`"));
        let music = self.music(&mut fields);
        let within = fields.take("within").and_then(|node| self.duration(node, "`within`", WITHIN));
        let ok = self.optional_go(&mut fields, "ok");
        let failed = self.required_go(&mut fields, "failed");
        let timeout = self.required_go(&mut fields, "timeout");
        fields.finish(self);
        let (name, _) = named?;
        Some(Verb::Inquire(Box::new(Inquire {
            source: InquirySource::Endpoint(name.into()),
            given,
            query,
            takes,
            play,
            music,
            within: within.unwrap_or(HTTP_WITHIN),
            found: ok,
            not_found: None,
            failed,
            timeout: Some(timeout),
        })))
    }

    /// `name: value`. An address is written to logs by everybody it passes, so nothing private stands in one.
    fn sent(&mut self, node: &Node, what: &str, is_address: bool) -> Vec<(Arc<str>, Assigned)> {
        let Some(mut entries) = self.fields(node, what) else { return Vec::new() };
        let mut sent = Vec::new();
        for (key, node) in entries.rest().into_iter().take(FIELDS_MAX) {
            let Some(scalar) = self.scalar(node, &format!("`{}`", key.text)) else { continue };
            let value = match inside(&scalar.text) {
                Some(source) => {
                    let Some(expression) = self.expression(source, node.place) else { continue };
                    let is_private =
                        |name: &&String| NUMBERS.contains(&name.as_str()) || self.private.contains(*name);
                    let private = expression.names().iter().find(is_private).cloned();
                    if let Some(name) = private.filter(|_| is_address) {
                        self.private_in_url(&name, node.place);
                    }
                    Assigned::Expression(expression)
                }
                None => Assigned::Value(literal(scalar)),
            };
            sent.push((key.text.as_str().into(), value));
        }
        sent
    }

    fn private_in_url(&mut self, name: &str, place: Place) {
        self.error(Report {
            code: "flow/private-in-url",
            place,
            message: format!("`{name}` is private and cannot stand in an address"),
            label: "addresses are written to logs on the way",
            help: Some("send it under `send`, to an endpoint with `method: post`".to_owned()),
        });
    }

    /// `/json/pointer: { as: variable, type: text, private: true, optional: true }`.
    fn pointers(&mut self, node: &Node) -> Vec<Take> {
        let Some(mut entries) = self.fields(node, "`take`") else { return Vec::new() };
        let entries = entries.rest();
        entries.into_iter().take(FIELDS_MAX).filter_map(|(key, node)| self.pointer(key, node)).collect()
    }

    fn pointer(&mut self, key: &Key, node: &Node) -> Option<Take> {
        if !key.text.starts_with('/') {
            self.error(Report {
                code: "flow/pointer",
                place: key.place,
                message: format!("`{}` is no JSON pointer", key.text),
                label: "where in the answer?",
                help: Some(format!("`/{}`, and one `/` for each level (RFC 6901)", key.text)),
            });
        }
        let mut fields = self.fields(node, "a part of the answer")?;
        let of = fields.require(self, "type").and_then(|node| self.word(node, "`type`", &TYPES));
        let variable = fields.require(self, "as").and_then(|node| {
            let text = self.text(node, "`as`")?;
            self.taken((text, node.place), of?)
        });
        let is_private =
            fields.take("private").and_then(|node| self.truth(node, "`private`")).unwrap_or(true);
        let is_optional = fields.take("optional").and_then(|node| self.truth(node, "`optional`"));
        fields.finish(self);
        let is_optional = is_optional.unwrap_or(false);
        Some(Take { from: key.text.as_str().into(), variable: variable?, of: of?, is_optional, is_private })
    }

    /// The variables an `http` makes. An answer is private unless the flow says that it is not.
    pub(super) fn http_declares(&mut self, entries: &[(Key, Node)]) {
        let Some((_, Node { value: Value::Map(takes), .. })) =
            entries.iter().find(|(key, _)| key.text == "take")
        else {
            return;
        };
        for (_, take) in takes {
            let Value::Map(entries) = &take.value else { continue };
            let of = |name: &str| match entries
                .iter()
                .find(|(key, _)| key.text == name)
                .map(|(_, it)| &it.value)
            {
                Some(Value::Scalar(scalar)) => Some(scalar.text.as_str()),
                _ => None,
            };
            let Some(variable) = of("as").filter(|name| is_name(name, false)) else { continue };
            let kind = TYPES.iter().find(|(word, _)| Some(*word) == of("type"));
            match kind {
                Some((_, kind)) => {
                    self.types.entry(variable.to_owned()).or_insert(*kind);
                }
                None => {
                    self.untyped.insert(variable.to_owned());
                }
            }
            if of("private") != Some("false") {
                self.private.insert(variable.to_owned());
            }
        }
    }

    /// What a test lets an endpoint answer: a word, or parts of an answer with their values.
    pub(super) fn endpoint_told(&mut self, named: (&str, Place), node: &Node) -> Option<Told> {
        let endpoints = self.shared.environment.endpoints.keys().map(String::as_str);
        self.known(named, "flow/unknown-endpoint", "endpoint", endpoints);
        let Value::Map(_) = node.value else {
            let words = [("failed", &Told::Failed), ("timeout", &Told::Nothing)];
            return self.word(node, "what an endpoint answers", &words).cloned();
        };
        let mut entries = self.fields(node, "an answer")?;
        let value = |(key, node): (&Key, &Node), reader: &mut Self| {
            let value: expression::Value = literal(reader.scalar(node, "a part of an answer")?);
            Some((Arc::from(key.text.as_str()), Private::new(value)))
        };
        let values = entries.rest().into_iter().filter_map(|entry| value(entry, self)).collect();
        Some(Told::Values(values))
    }
}
