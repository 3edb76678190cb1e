//! `collect`: which digits, and what becomes of them.

use std::ops::RangeInclusive;

use super::questions::Waits;
use super::{Fields, Reader, Report};
use crate::document::{Node, Value};
use crate::entry::{Kind, Order};
use crate::flow::{Collect, Verb};
use crate::speech::Form;
use crate::words::Longest;

/// Digits of one entry: the longest number anybody keys in is a card's, 19.
const DIGITS_MAX: usize = 32;
/// What a number that is keyed in may be: nobody keys in more digits without a slip.
const NUMBERS: RangeInclusive<i64> = 0..=999_999;
/// Cents: up to 99,999 dollars.
const CENTS: RangeInclusive<i64> = 0..=9_999_999;

/// The words of `kind:`, before their range or order is read.
#[derive(Clone, Copy)]
enum Word {
    Digits,
    Number,
    Decimal,
    Date,
    Time,
    Money,
    Phone,
    YesNo,
    Zip,
}

const KINDS: [(&str, Word); 9] = [
    ("digits", Word::Digits),
    ("number", Word::Number),
    ("decimal", Word::Decimal),
    ("date", Word::Date),
    ("time", Word::Time),
    ("money", Word::Money),
    ("phone", Word::Phone),
    ("yes_no", Word::YesNo),
    ("zip", Word::Zip),
];

/// Whether a variable of this `kind:` is a number or a truth value; anything else is text.
pub(super) fn type_of_kind(kind: Option<&str>) -> crate::expression::Type {
    use crate::expression::Type;
    match kind {
        Some("number" | "decimal" | "money") => Type::Number,
        Some("yes_no") => Type::Truth,
        _ => Type::Text,
    }
}

impl Reader<'_> {
    pub(super) fn collect(&mut self, node: &Node) -> Option<Verb> {
        let mut fields = self.fields(node, "`collect`")?;
        let variable = self.variable(&mut fields);
        let (play, again) = self.prompts_of_question(&mut fields);
        let patience = self.patience_of(&mut fields, Waits::ForDigits);
        let word = fields.take("kind").and_then(|node| self.word(node, "`kind`", &KINDS));
        let kind = self.kind(&mut fields, word.unwrap_or(Word::Digits));
        let (min, max) = self.length(&mut fields, kind);
        let is_sensitive = self.sensitive(&mut fields);
        let optional = fields.take("optional");
        let is_optional = optional.and_then(|node| self.truth(node, "`optional`")).unwrap_or(false);
        if let (true, Some(node)) = (is_optional && kind.of_type() != crate::expression::Type::Text, optional)
        {
            self.error(Report {
                code: "flow/optional",
                place: node.place,
                message: "a number or a yes and no cannot be optional".to_owned(),
                label: "nothing keyed in would be 0, or no",
                help: Some("let `give_up:` lead on, and `set` what holds then".to_owned()),
            });
        }
        let mut longest = Longest::new();
        let confirm = fields.take("confirm").and_then(|node| {
            longest = self.pieces_exist(kind.form(), node.place);
            if kind.form() == Form::Digits {
                // As many as the entry may have, each the longest.
                longest.values_mut().for_each(|pieces| {
                    *pieces = pieces.first().cloned().into_iter().cycle().take(max).collect();
                });
            }
            self.prompt(node, "`confirm`")
        });
        let ends = [("#", true), ("none", false)];
        let ends_with_hash =
            fields.take("terminator").and_then(|node| self.word(node, "`terminator`", &ends)).unwrap_or(true);
        let give_up = self.optional_go(&mut fields, "give_up");
        fields.finish(self);
        Some(Verb::Collect(Collect {
            word: "collect",
            variable: variable?,
            play: play?,
            again: again?,
            kind,
            min,
            max,
            is_sensitive,
            is_optional,
            confirm,
            longest,
            ends_with_hash,
            give_up,
            patience,
        }))
    }

    pub(super) fn variable(&mut self, fields: &mut Fields<'_>) -> Option<std::sync::Arc<str>> {
        let node = fields.require(self, "as")?;
        let text = self.text(node, "`as`")?;
        self.name(text, node.place, "a variable", false)
    }

    fn kind(&mut self, fields: &mut Fields<'_>, word: Word) -> Kind {
        let orders = [
            ("month_day_year", Order::MonthDayYear),
            ("day_month_year", Order::DayMonthYear),
            ("year_month_day", Order::YearMonthDay),
        ];
        let order = match word {
            Word::Date => fields.take("order").and_then(|node| self.word(node, "`order`", &orders)),
            _ => None,
        };
        match word {
            Word::Digits => Kind::Digits,
            Word::Number => {
                let (from, to) = self.range(fields, "range", NUMBERS, false);
                Kind::Number { from, to }
            }
            Word::Decimal => {
                let (from, to) = self.range(fields, "range", NUMBERS, true);
                Kind::Decimal { from, to }
            }
            Word::Money => {
                let (from, to) = match fields.take("range") {
                    Some(node) => self.range_at(node, CENTS, false),
                    None => CENTS.into_inner(),
                };
                Kind::Money { from, to }
            }
            Word::Date => Kind::Date(order.unwrap_or(Order::MonthDayYear)),
            Word::Time => Kind::Time,
            Word::Phone => Kind::Phone,
            Word::YesNo => Kind::YesNo,
            Word::Zip => Kind::Zip,
        }
    }

    /// `range: [0, 10]`, required. With `tenths`, `[90, 110.5]` is 900 to 1105.
    pub(super) fn range(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        within: RangeInclusive<i64>,
        tenths: bool,
    ) -> (i64, i64) {
        match fields.require(self, key) {
            Some(node) => self.range_at(node, within, tenths),
            None => within.into_inner(),
        }
    }

    fn range_at(&mut self, node: &Node, within: RangeInclusive<i64>, tenths: bool) -> (i64, i64) {
        let ends = match &node.value {
            Value::List(nodes) => match nodes.as_slice() {
                [from, to] => self.quantity(from, tenths).zip(self.quantity(to, tenths)),
                _ => None,
            },
            Value::Null | Value::Scalar(_) | Value::Map(_) => None,
        };
        match ends {
            Some((from, to)) if from <= to && within.contains(&from) && within.contains(&to) => (from, to),
            _ => {
                self.error(Report {
                    code: "flow/out-of-range",
                    place: node.place,
                    message: "this is no range a caller can key in".to_owned(),
                    label: "two numbers, the lower one first",
                    help: Some(format!("`[0, 10]`, from {} to {}", within.start(), within.end())),
                });
                within.into_inner()
            }
        }
    }

    /// A whole number, or one with a digit behind the point where tenths are meant.
    pub(super) fn quantity(&mut self, node: &Node, tenths: bool) -> Option<i64> {
        let text = self.text(node, "a number")?;
        if !tenths {
            return text.parse().ok();
        }
        let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
        let tenth = tenth.parse::<i64>().ok().filter(|_| tenth.len() == 1)?;
        whole.parse::<i64>().ok()?.checked_mul(10)?.checked_add(tenth)
    }

    /// What may be written down of it: nothing. Card numbers are not even asked for.
    pub(super) fn sensitive(&mut self, fields: &mut Fields<'_>) -> bool {
        let Some(node) = fields.take("sensitive") else { return false };
        let classes =
            [("phi", true), ("identifier", true), ("credential", true), ("payment", false), ("pci", false)];
        match self.word(node, "`sensitive`", &classes) {
            Some(false) => {
                self.error(Report {
                    code: "flow/payment",
                    place: node.place,
                    message: "card numbers are not collected by a flow".to_owned(),
                    label: "would bring this system and its recordings under PCI DSS",
                    help: Some("`transfer` the caller to the payment provider's line".to_owned()),
                });
                true
            }
            Some(true) => true,
            None => true,
        }
    }

    /// The least and most digits.
    fn length(&mut self, fields: &mut Fields<'_>, kind: Kind) -> (usize, usize) {
        let fixed = kind.length();
        let digits = fields
            .take("digits")
            .and_then(|node| Some((node, self.number(node, "`digits`", 1..=DIGITS_MAX)?)));
        let min = fields.take("min").and_then(|node| self.number(node, "`min`", 1..=DIGITS_MAX));
        let max = fields.take("max").and_then(|node| self.number(node, "`max`", 1..=DIGITS_MAX));
        match (fixed, digits, min, max) {
            (Some(fixed), None, None, None) => fixed,
            (Some((least, most)), Some((_, digits)), None, None) if digits == least && digits == most => {
                (least, most)
            }
            (None, Some((_, digits)), None, None) => (digits, digits),
            (None, None, min, Some(max)) if min.unwrap_or(1) <= max => (min.unwrap_or(1), max),
            _ => {
                let place = fields.place;
                self.error(Report {
                    code: "flow/digits",
                    place,
                    message: "how many digits is not clear".to_owned(),
                    label: "in this `collect`",
                    help: Some(
                        "`digits: 8`, or `min: 4` and `max: 12`; a date, phone or zip has its own length"
                            .to_owned(),
                    ),
                });
                (1, DIGITS_MAX)
            }
        }
    }
}
