//! What is remembered of a call: `measure`, `log`, `disposition`, `fail`, `survey`, and the readings of `vitals`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::questions::Waits;
use super::{Fields, Reader, Report};
use crate::document::{Node, Value};
use crate::entry::Kind;
use crate::flow::{Beyond, Collect, Go, Judge, Menu, Patience, Verb};
use crate::note::Note;
use crate::words::Longest;

/// Questions of one survey: beyond three callers hang up, and only the angry answer.
const QUESTIONS_MAX: usize = 3;
/// Thresholds of one reading.
const THRESHOLDS_MAX: usize = 8;
/// Codes of `dispositions.yaml`.
const DISPOSITIONS_MAX: usize = 200;
/// Characters of a sentence for the log.
const LOG_CHARS_MAX: usize = 200;
/// What a reading may be, in its unit or in tenths of it.
const READINGS: std::ops::RangeInclusive<i64> = 0..=99_999;

impl Reader<'_> {
    /// `dispositions.yaml`: the codes, each with what it means.
    pub(crate) fn disposition_codes(&mut self, root: &Node) -> BTreeMap<String, String> {
        let mut codes = BTreeMap::new();
        let Some(mut fields) = self.fields(root, "dispositions.yaml") else { return codes };
        self.version(&mut fields);
        let node = fields.require(self, "dispositions");
        if let Some(mut entries) = node.and_then(|node| self.fields(node, "`dispositions`")) {
            for (key, node) in entries.rest().into_iter().take(DISPOSITIONS_MAX) {
                self.name(&key.text, key.place, "a disposition", false);
                let about = self.prose(node, "what it means").unwrap_or_default();
                codes.insert(key.text.clone(), about);
            }
        }
        fields.finish(self);
        codes
    }

    pub(super) fn disposition(&mut self, node: &Node) -> Option<Verb> {
        let code = self.text(node, "`disposition`")?;
        let known = self.shared.dispositions;
        self.known(
            (code, node.place),
            "flow/unknown-disposition",
            "disposition",
            known.keys().map(String::as_str),
        )
        .then(|| Verb::Note(Note::Disposition(code.into())))
    }

    pub(super) fn measure(&mut self, node: &Node) -> Option<Verb> {
        let text = self.text(node, "`measure`")?;
        self.name(text, node.place, "a milestone", false).map(|name| Verb::Note(Note::Milestone(name)))
    }

    /// A sentence without values: what is in a variable may be private, and a log is read by many.
    pub(super) fn logs(&mut self, node: &Node) -> Option<Verb> {
        let text = self.prose(node, "`log`")?;
        if text.contains("${") || text.is_empty() || text.chars().count() > LOG_CHARS_MAX {
            self.error(Report {
                code: "flow/private-in-log",
                place: node.place,
                message: "`log` takes a sentence without values".to_owned(),
                label: "is written down as it stands",
                help: Some(format!(
                    "1 to {LOG_CHARS_MAX} characters and no `${{…}}`: branch with `when` and log what was decided"
                )),
            });
            return None;
        }
        Some(Verb::Note(Note::Logged(text.into())))
    }

    pub(super) fn fails(&mut self, node: &Node) -> Option<Verb> {
        let text = self.text(node, "`fail`")?;
        self.name(text, node.place, "a reason", false).map(Verb::Fail)
    }

    /// Each question is a step of its own, one after the other; silence ends the survey.
    pub(super) fn survey(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`survey`")?;
        let name = fields.require(self, "name").and_then(|node| {
            let text = self.text(node, "`name`")?;
            self.name(text, node.place, "a survey", false)
        });
        let patience = Patience { tries: 2, ..self.patience_of(&mut fields, Waits::ForOneKey) };
        let questions = fields.require(self, "questions");
        fields.finish(self);
        let nodes = match questions.map(|node| (node, &node.value)) {
            Some((_, Value::List(nodes))) if (1..=QUESTIONS_MAX).contains(&nodes.len()) => nodes,
            Some((node, _)) => {
                self.wrong_kind(node, "`questions`", &format!("a list of 1 to {QUESTIONS_MAX}"));
                return None;
            }
            None => return None,
        };
        let name = name?;
        let menus: Option<Vec<Verb>> =
            nodes.iter().map(|node| self.survey_question(node, &name, &patience)).collect();
        let mut menus = menus?.into_iter();
        let first = menus.next();
        self.following.extend(menus);
        first
    }

    fn survey_question(&mut self, node: &Node, survey: &Arc<str>, patience: &Patience) -> Option<Verb> {
        let mut fields = self.fields(node, "a question of `survey`")?;
        let ask = fields.require(self, "ask").and_then(|node| self.say(node, "`ask`"));
        let kinds = [("rating", 5_u8), ("yes_no", 2)];
        let keys = fields.require(self, "kind").and_then(|node| self.word(node, "`kind`", &kinds));
        let measures = [("csat", "csat"), ("fcr", "fcr"), ("nps", "nps"), ("access", "access")];
        let measure =
            fields.require(self, "measure").and_then(|node| self.word(node, "`measure`", &measures));
        fields.finish(self);
        let (ask, keys, measure) = (ask?, keys?, measure?);
        Some(Verb::Menu(Menu {
            word: "survey",
            again: ask.clone(),
            play: ask,
            survey: Some((survey.clone(), measure.into())),
            keys: (1..=keys).map(|key| (char::from(b'0' + key), Go::default())).collect(),
            no_input: Some(Go::default()),
            give_up: Some(Go::default()),
            patience: patience.clone(),
            ..Menu::default()
        }))
    }

    /// An entry that must be plausible, and then its thresholds.
    pub(super) fn vitals(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`vitals`")?;
        let variable = self.variable(&mut fields);
        let (play, again) = self.prompts_of_question(&mut fields);
        let patience = self.patience_of(&mut fields, Waits::ForDigits);
        let unit = fields.require(self, "unit").and_then(|node| self.prose(node, "`unit`"));
        let kinds = [("number", false), ("decimal", true)];
        let tenths = fields.take("kind").and_then(|node| self.word(node, "`kind`", &kinds)).unwrap_or(false);
        let (from, to) = self.range(&mut fields, "plausible", READINGS, tenths);
        let kind = if tenths { Kind::Decimal { from, to } } else { Kind::Number { from, to } };
        let mut longest = Longest::new();
        let confirm = fields.take("confirm").and_then(|node| {
            longest = self.pieces_exist(kind.form(), node.place);
            self.prompt(node, "`confirm`")
        });
        let give_up = self.optional_go(&mut fields, "give_up");
        let thresholds = self.thresholds(&mut fields, tenths, from..=to);
        fields.finish(self);
        unit?;
        let variable = variable?;
        let judge = Judge { vital: variable.clone(), variable: variable.clone(), thresholds };
        let (min, max) = kind.length().unwrap_or((1, 1));
        let collect = Collect {
            word: "vitals",
            variable,
            play: play?,
            again: again?,
            kind,
            min,
            max,
            is_sensitive: true,
            is_optional: false,
            confirm,
            longest,
            ends_with_hash: true,
            give_up,
            patience,
        };
        self.following.push(Verb::Judge(judge));
        Some(Verb::Collect(collect))
    }

    fn thresholds(
        &mut self,
        fields: &mut Fields<'_>,
        tenths: bool,
        plausible: std::ops::RangeInclusive<i64>,
    ) -> Vec<(Beyond, Go)> {
        let Some(node) = fields.require(self, "thresholds") else { return Vec::new() };
        let Value::List(nodes) = &node.value else {
            self.wrong_kind(node, "`thresholds`", "a list");
            return Vec::new();
        };
        if nodes.is_empty() || nodes.len() > THRESHOLDS_MAX {
            self.wrong_kind(node, "`thresholds`", &format!("a list of 1 to {THRESHOLDS_MAX}"));
        }
        nodes.iter().filter_map(|node| self.threshold(node, tenths, &plausible)).collect()
    }

    fn threshold(
        &mut self,
        node: &Node,
        tenths: bool,
        plausible: &std::ops::RangeInclusive<i64>,
    ) -> Option<(Beyond, Go)> {
        let mut fields = self.fields(node, "a threshold")?;
        let place = fields.place;
        let (above, below) = (fields.take("above"), fields.take("below"));
        let above = above.and_then(|node| self.quantity(node, tenths)).map(Beyond::Above);
        let below = below.and_then(|node| self.quantity(node, tenths)).map(Beyond::Below);
        let go = self.required_go(&mut fields, "go");
        fields.finish(self);
        let beyond = above.xor(below).filter(|beyond| match beyond {
            Beyond::Above(limit) | Beyond::Below(limit) => plausible.contains(limit),
        });
        if beyond.is_none() {
            self.error(Report {
                code: "flow/threshold",
                place,
                message: "a threshold is `above` or `below` a number of the plausible range".to_owned(),
                label: "no reading could ever be beyond it, or every one",
                help: Some("`{ above: 180, go: { tag: { urgency: urgent }, go: nurses } }`".to_owned()),
            });
        }
        Some((beyond?, go))
    }
}
