//! `page`: somebody on call is looked for.

use std::sync::Arc;
use std::time::Duration;

use super::values::secs;
use super::{Fields, Reader};
use crate::document::{Node, Place};
use crate::flow::{Announce, Page};

/// What asks whoever answers, where the step names nothing else.
const ASK: &str = "page_accept";

impl Reader<'_> {
    pub(super) fn page(&mut self, node: &Node) -> Option<Box<Page>> {
        let mut fields = self.fields(node, "`page`")?;
        let rota = fields.require(self, "rota").and_then(|node| {
            let text = self.text(node, "`rota`")?;
            self.rota_named((text, node.place));
            Some(Arc::from(text))
        });
        let ask = match fields.take("ask") {
            Some(node) => self.prompt(node, "`ask`"),
            None => {
                self.prompt_named(ASK, fields.place);
                Some(ASK.into())
            }
        };
        let say_first = fields.take("say_first").and_then(|node| self.say(node, "`say_first`"));
        let music = self.music(&mut fields);
        let while_waiting = self.while_waiting(&mut fields);
        if let Some(node) = fields.take("on_accepted") {
            // The one who accepted is the end of the search: both are connected, and `after_call` follows.
            self.word(node, "`on_accepted`", &[("connect", ())]);
        }
        let page = Page {
            rota: rota.unwrap_or_else(|| "".into()),
            ask: ask.unwrap_or_else(|| ASK.into()),
            say_first,
            music,
            while_waiting,
            on_exhausted: self.required_go(&mut fields, "on_exhausted"),
            on_error: self.required_go(&mut fields, "on_error"),
        };
        fields.finish(self);
        Some(Box::new(page))
    }

    /// A rota there is.
    pub(super) fn rota_named(&mut self, named: (&str, Place)) {
        if let Some(rotas) = self.shared.rotas {
            self.known(named, "flow/unknown-rota", "rota", rotas.keys().map(String::as_str));
        }
    }

    /// What interrupts the music, so that nobody thinks she was forgotten.
    fn while_waiting(&mut self, fields: &mut Fields<'_>) -> Announce {
        let node = fields.require(self, "while_waiting");
        let entry = node.and_then(|node| self.fields(node, "`while_waiting`"));
        let mut announce = Announce { every: Duration::from_secs(30), play: None, band: false };
        if let Some(mut fields) = entry {
            announce.play = fields.require(self, "play").and_then(|node| self.say(node, "`play`"));
            let every = fields.take("every").and_then(|node| self.duration(node, "`every`", secs(10, 90)));
            announce.every = every.unwrap_or(announce.every);
            fields.finish(self);
        }
        announce
    }
}
