//! What keeps what is said, and what the law has to say first: `record`, `consent`, `disclose`, `take_message`.

use std::sync::Arc;
use std::time::Duration;

use super::values::secs;
use super::{Reader, Report};
use crate::document::{Node, Value};
use crate::flow::{Consent, Order, TakeMessage, Verb};

/// A message without `max`.
const MESSAGE: Duration = Duration::from_mins(2);
/// Silence after which a caller is done (a breath is two seconds).
const HUSH: Duration = Duration::from_secs(5);
/// What must be spoken for a message to be one.
const LEAST: Duration = Duration::from_secs(1);
/// The tone after which she speaks.
const BEEP: &str = "beep";

impl Reader<'_> {
    /// `record: start`, or `record: { start: call, one_party: "why" }`.
    pub(super) fn record(&mut self, node: &Node) -> Option<Verb> {
        let Value::Map(_) = node.value else {
            let orders = [
                ("start", Order::Start),
                ("pause", Order::Pause),
                ("resume", Order::Resume),
                ("stop", Order::Stop),
            ];
            return self.word_of(node, "`record`", &orders);
        };
        let mut fields = self.fields(node, "`record`")?;
        let start =
            fields.require(self, "start").and_then(|node| self.word(node, "`start`", &[("call", ())]));
        let reason = fields.require(self, "one_party").and_then(|node| self.prose(node, "`one_party`"));
        fields.finish(self);
        start?;
        let reason = reason.filter(|reason| !reason.trim().is_empty())?;
        Some(Verb::Record { order: Order::Start, one_party: Some(reason.into()) })
    }

    fn word_of(&mut self, node: &Node, what: &str, orders: &[(&str, Order)]) -> Option<Verb> {
        self.word(node, what, orders).map(|order| Verb::Record { order, one_party: None })
    }

    pub(super) fn consent(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`consent`")?;
        let say = fields.require(self, "play").and_then(|node| self.say(node, "`play`"));
        let keys = ["1", "2", "3", "4", "5", "6", "7", "8"].map(|key| (key, key));
        let refuse_key =
            fields.require(self, "refuse_key").and_then(|node| self.word(node, "`refuse_key`", &keys));
        let on_refuse = self.optional_go(&mut fields, "on_refuse");
        fields.finish(self);
        let refuse_key = refuse_key?.chars().next()?;
        Some(Verb::Consent(Box::new(Consent { say: say?, refuse_key, on_refuse })))
    }

    pub(super) fn take_message(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`take_message`")?;
        let play = fields.require(self, "play").and_then(|node| self.say(node, "`play`"));
        let inbox = fields.require(self, "deliver").and_then(|node| self.inbox(node));
        let max = fields.take("max").and_then(|node| self.duration(node, "`max`", secs(10, 300)));
        let hush = fields.take("silence").and_then(|node| self.duration(node, "`silence`", secs(2, 20)));
        let least = fields.take("minimum").and_then(|node| self.duration(node, "`minimum`", secs(1, 10)));
        let empty = fields.take("empty").and_then(|node| self.say(node, "`empty`"));
        let review = fields.take("review").and_then(|node| self.say(node, "`review`"));
        let sent = fields.take("sent").and_then(|node| self.say(node, "`sent`"));
        self.prompt_named(BEEP, fields.place);
        fields.finish(self);
        let mut play = play?;
        let with_beep = |say: &mut crate::flow::Say| say.prompts.push(BEEP.into());
        let mut empty = empty.unwrap_or_else(|| play.clone());
        with_beep(&mut play);
        with_beep(&mut empty);
        Some(Verb::TakeMessage(Arc::new(TakeMessage {
            play,
            empty,
            review,
            sent,
            inbox: inbox?,
            max: max.unwrap_or(MESSAGE),
            hush: hush.unwrap_or(HUSH),
            least: least.unwrap_or(LEAST),
        })))
    }

    fn inbox(&mut self, node: &Node) -> Option<Arc<str>> {
        let text = self.text(node, "`deliver`")?;
        let Some(name) = text.strip_prefix("inbox ") else {
            self.error(Report {
                code: "flow/wrong-kind",
                place: node.place,
                message: format!("`{text}` says not where a message is to go"),
                label: "not an inbox",
                help: Some(
                    "write `deliver: inbox nurses`: an agent's name, or one that several look into"
                        .to_owned(),
                ),
            });
            return None;
        };
        self.name(name.trim(), node.place, "an inbox", true)
    }
}
