//! What leads to a person: `queue` and `transfer`.

use std::sync::Arc;
use std::time::Duration;

use super::values::secs;
use super::{Fields, Reader, Report};
use crate::document::{Node, Value};
use crate::expression::Template;
use crate::flow::{Announce, Queue, Transfer, WAIT_BANDS};

/// Skills one caller may need.
const SKILLS_MAX: usize = 8;

impl Reader<'_> {
    pub(super) fn queue(&mut self, node: &Node) -> Option<Box<Queue>> {
        let mut fields = self.fields(node, "`queue`")?;
        let name = fields.require(self, "name").and_then(|node| {
            let text = self.text(node, "`name`")?;
            let queues = &self.shared.environment.queues;
            self.known((text, node.place), "flow/unknown-queue", "queue", queues.keys().map(String::as_str));
            Some(Arc::from(text))
        });
        let skills = fields.take("skills").map(|node| self.skills(node)).unwrap_or_default();
        let say_first = fields.take("say_first").and_then(|node| self.say(node, "`say_first`"));
        let music = self.music(&mut fields);
        let announce = fields.take("announce").and_then(|node| self.announce(node));
        let queue = Queue {
            name: name.unwrap_or_else(|| "".into()),
            skills,
            say_first,
            music,
            announce,
            on_timeout: self.required_go(&mut fields, "on_timeout"),
            on_empty: self.required_go(&mut fields, "on_empty"),
            on_full: self.required_go(&mut fields, "on_full"),
            on_error: self.required_go(&mut fields, "on_error"),
            on_closed: self.required_go(&mut fields, "on_closed"),
        };
        fields.finish(self);
        Some(Box::new(queue))
    }

    pub(super) fn music(&mut self, fields: &mut Fields<'_>) -> Arc<str> {
        match fields.take("music").and_then(|node| self.prompt(node, "`music`")) {
            Some(music) => music,
            None => {
                self.is_music_needed = true;
                self.hold_music.clone()
            }
        }
    }

    fn skills(&mut self, node: &Node) -> Vec<Template> {
        let Value::List(nodes) = &node.value else {
            self.wrong_kind(node, "`skills`", "a list");
            return Vec::new();
        };
        if nodes.len() > SKILLS_MAX {
            self.wrong_kind(node, "`skills`", &format!("a list of at most {SKILLS_MAX}"));
        }
        nodes.iter().filter_map(|node| self.skill(node)).collect()
    }

    fn skill(&mut self, node: &Node) -> Option<Template> {
        let text = self.text(node, "a skill")?;
        let template = match Template::new(text, &self.types) {
            Ok(template) => template,
            Err(mistake) => {
                self.condition_mistake(mistake, node.place);
                return None;
            }
        };
        let private =
            template.names().find(|name| super::flow::NUMBERS.contains(name) || self.private.contains(*name));
        if let Some(name) = private.map(str::to_owned) {
            self.error(Report {
                code: "flow/private-in-skill",
                place: node.place,
                message: format!("`{name}` is private and cannot be part of a skill"),
                label: "skills are written to logs",
                help: Some(
                    "branch on it with `when` and `set` a variable that says no more than needed".to_owned(),
                ),
            });
        }
        Some(template)
    }

    fn announce(&mut self, node: &Node) -> Option<Announce> {
        let mut fields = self.fields(node, "`announce`")?;
        let every =
            fields.require(self, "every").and_then(|node| self.duration(node, "`every`", secs(15, 90)));
        let play = fields.take("play").and_then(|node| self.say(node, "`play`"));
        let band = fields.take("wait").and_then(|node| {
            self.word(node, "`wait`", &[("band", ())])?;
            for (_, prompt) in WAIT_BANDS {
                self.prompt_named(prompt, node.place);
            }
            Some(())
        });
        let place = fields.place;
        if play.is_none() && band.is_none() {
            self.error(Report {
                code: "flow/missing-key",
                place,
                message: "`announce` needs `play`, `wait: band` or both".to_owned(),
                label: "nothing is announced",
                help: None,
            });
        }
        fields.finish(self);
        Some(Announce { every: every?, play, band: band.is_some() })
    }

    pub(super) fn transfer(&mut self, node: &Node) -> Option<Box<Transfer>> {
        let mut fields = self.fields(node, "`transfer`")?;
        let number = fields.require(self, "number").and_then(|node| {
            let text = self.text(node, "`number`")?;
            let numbers = &self.shared.environment.numbers;
            self.known(
                (text, node.place),
                "flow/unknown-number",
                "number",
                numbers.iter().map(String::as_str),
            );
            Some(Arc::from(text))
        });
        let ring = fields.take("ring").and_then(|node| self.duration(node, "`ring`", secs(5, 120)));
        let say_first = fields.take("say_first").and_then(|node| self.say(node, "`say_first`"));
        let music = self.music(&mut fields);
        let transfer = Transfer {
            number: number.unwrap_or_else(|| "".into()),
            ring: ring.unwrap_or(Duration::from_secs(30)),
            say_first,
            music,
            on_busy: self.required_go(&mut fields, "on_busy"),
            on_no_answer: self.required_go(&mut fields, "on_no_answer"),
            on_failed: self.required_go(&mut fields, "on_failed"),
        };
        fields.finish(self);
        Some(Box::new(transfer))
    }
}
