//! What a value sounds like: a sequence of recorded pieces, by the rules of each language.
//!
//! Pure functions from a value to names of prompts. Which pieces a kind of value needs in a language is known
//! before any call, so that a missing recording is an error of the flow and not a gap in a sentence.

mod en;
mod es;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::{Date, Time};
use serde::Serialize;

/// Characters of one value that is said one by one: the longest number anybody reads out is a card's, 19, and
/// nobody keeps more in mind.
pub(crate) const CHARACTERS_MAX: usize = 20;
/// Largest number that is said as one: beyond it a caller wants digits.
pub(crate) const NUMBER_MAX: u32 = 999_999;

/// Years somebody alive was born in, or has an appointment in.
pub(crate) const YEARS: RangeInclusive<i16> = 1900..=2100;

/// How a value is said.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) enum Form {
    /// `5550100`: one by one.
    Digits,
    /// Letters and digits one by one: `7F3K`.
    Letters,
    /// `-3`, `21`, `999999`.
    Number,
    /// Tenths: `1012` is 101.2.
    Decimal,
    /// `2026-11-23`.
    Date,
    /// `14:05`.
    Time,
    /// Cents: `2150` is twenty-one dollars and fifty cents.
    Money,
}

impl Form {
    pub(crate) const WORDS: [(&'static str, Self); 7] = [
        ("digits", Self::Digits),
        ("letters", Self::Letters),
        ("number", Self::Number),
        ("decimal", Self::Decimal),
        ("date", Self::Date),
        ("time", Self::Time),
        ("money", Self::Money),
    ];
}

/// The value does not fit its form: a thirteenth month, a number too large, nothing at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Misfit;

/// The rules of one language.
trait Rules {
    /// From 0 to [`NUMBER_MAX`], standing alone.
    fn number(&self, number: u32, out: &mut Vec<String>);
    fn date(&self, date: Date, out: &mut Vec<String>);
    fn time(&self, time: Time, out: &mut Vec<String>);
    fn money(&self, dollars: u32, cents: u32, out: &mut Vec<String>);
}

/// The rules of a language, where it has any.
fn rules(language: &str) -> Option<&'static dyn Rules> {
    match language {
        "en" => Some(&en::English),
        "es" => Some(&es::Spanish),
        _ => None,
    }
}

/// Languages values can be said in.
pub(crate) const LANGUAGES: [&str; 2] = ["en", "es"];

/// The pieces of a value.
pub(crate) fn pieces(form: Form, language: &str, value: &str) -> Result<Vec<Arc<str>>, Misfit> {
    let rules = rules(language).ok_or(Misfit)?;
    let mut out = Vec::new();
    match form {
        Form::Digits | Form::Letters => characters(form, value, &mut out)?,
        Form::Number => {
            let (is_negative, magnitude) = signed(value)?;
            minus(is_negative, &mut out);
            rules.number(magnitude, &mut out);
        }
        Form::Decimal => {
            let (is_negative, tenths) = signed(value)?;
            minus(is_negative, &mut out);
            rules.number(tenths / 10, &mut out);
            out.push("number_point".to_owned());
            rules.number(tenths % 10, &mut out);
        }
        Form::Date => {
            let date: Date = value.parse().map_err(|_| Misfit)?;
            rules.date(Some(date).filter(|date| YEARS.contains(&date.year())).ok_or(Misfit)?, &mut out);
        }
        Form::Time => {
            let (hour, minute) = value.split_once(':').ok_or(Misfit)?;
            let part = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() == 2).ok_or(Misfit);
            let time = Time::new(part(hour)?, part(minute)?, 0, 0).map_err(|_| Misfit)?;
            rules.time(time, &mut out);
        }
        Form::Money => {
            let cents: u32 = value.parse().map_err(|_| Misfit)?;
            let (dollars, cents) = (cents / 100, cents % 100);
            if dollars > NUMBER_MAX {
                return Err(Misfit);
            }
            rules.money(dollars, cents, &mut out);
        }
    }
    Ok(out.into_iter().map(Arc::from).collect())
}

/// One by one. A telephone number's `+` is not said, and neither is what only groups: spaces and dashes.
fn characters(form: Form, value: &str, out: &mut Vec<String>) -> Result<(), Misfit> {
    for character in value.chars().filter(|c| !matches!(c, ' ' | '-')) {
        match character {
            '0'..='9' => out.push(format!("digit_{character}")),
            '+' if form == Form::Digits && out.is_empty() => {}
            letter if form == Form::Letters && letter.is_ascii_alphabetic() => {
                out.push(format!("letter_{}", letter.to_ascii_lowercase()));
            }
            _ => return Err(Misfit),
        }
    }
    if out.is_empty() || out.len() > CHARACTERS_MAX { Err(Misfit) } else { Ok(()) }
}

fn signed(value: &str) -> Result<(bool, u32), Misfit> {
    let (is_negative, digits) = value.strip_prefix('-').map_or((false, value), |digits| (true, digits));
    let is_digits = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let magnitude = digits.parse().ok().filter(|number| is_digits && *number <= NUMBER_MAX);
    Ok((is_negative, magnitude.ok_or(Misfit)?))
}

fn minus(is_negative: bool, out: &mut Vec<String>) {
    if is_negative {
        out.push("number_minus".to_owned());
    }
}

/// Values that between them need every piece of a form, and of which one is the longest, whatever the length of
/// each piece: the parts of a value (thousands and the rest, month and day and year) are said one after the other.
fn samples(form: Form, language: &str, duration: &dyn Fn(&str) -> Duration) -> Vec<String> {
    let length = |form: Form, value: &str| -> Duration {
        pieces(form, language, value).unwrap_or_default().iter().map(|piece| duration(piece)).sum()
    };
    let longest = |form: Form, values: &mut dyn Iterator<Item = String>| -> String {
        values.max_by_key(|value| length(form, value)).unwrap_or_default()
    };
    match form {
        Form::Digits | Form::Letters => {
            let letters = ('a'..='z').filter(|_| form == Form::Letters);
            let all: Vec<String> = ('0'..='9').chain(letters).map(String::from).collect();
            let one = longest(form, &mut all.iter().cloned());
            all.into_iter().chain([one.repeat(CHARACTERS_MAX)]).collect()
        }
        Form::Number => {
            let thousands = longest(form, &mut (1..1_000).map(|n| (n * 1_000).to_string()));
            let rest = longest(form, &mut (0..1_000).map(|n| n.to_string()));
            let sum = thousands.parse::<u32>().unwrap_or(0) + rest.parse::<u32>().unwrap_or(0);
            let all = (0..1_000).chain((1..1_000).map(|n| n * 1_000));
            all.map(|n: u32| n.to_string()).chain([format!("-{sum}")]).collect()
        }
        Form::Decimal => {
            let number = |text: String| text.parse::<u32>().unwrap_or(0);
            let thousands = number(longest(Form::Number, &mut (1..100).map(|n| (n * 1_000).to_string())));
            let rest = number(longest(Form::Number, &mut (0..1_000).map(|n| n.to_string())));
            let tenth = number(longest(Form::Number, &mut (0..10).map(|n| n.to_string())));
            let all = (0..10_000).chain((1..100).map(|n| n * 10_000));
            let together = (thousands + rest) * 10 + tenth;
            all.map(|n: u32| n.to_string()).chain([format!("-{together}")]).collect()
        }
        Form::Date => {
            let date = |year: i16, month: i8, day: i8| format!("{year}-{month:02}-{day:02}");
            let year = longest(form, &mut (1900..=2100).map(|year| date(year, 1, 1)));
            let year = year.get(..4).and_then(|year| year.parse().ok()).unwrap_or(2000);
            let days = (1..=12).flat_map(|month| (1..=31).map(move |day| date(year, month, day)));
            let years = (1900..=2100).map(|year| date(year, 1, 1));
            days.filter(|date| date.parse::<Date>().is_ok()).chain(years).collect()
        }
        Form::Time => {
            (0..24).flat_map(|hour| (0..60).map(move |minute| format!("{hour:02}:{minute:02}"))).collect()
        }
        Form::Money => {
            let thousands = longest(form, &mut (1..1_000).map(|n| (n * 100_000).to_string()));
            let rest = longest(form, &mut (0..1_000).map(|n| (n * 100).to_string()));
            let cents = longest(form, &mut (1..100).map(|n| n.to_string()));
            let number = |text: &str| text.parse::<u32>().unwrap_or(0);
            let sum = number(&thousands) + number(&rest) + number(&cents);
            let all = (0..1_000).map(|n| n * 100).chain((1..1_000).map(|n| n * 100_000)).chain(0..100);
            all.chain([sum]).map(|n: u32| n.to_string()).collect()
        }
    }
}

/// Every piece a form may need in a language; `None` where the language has no rules.
pub(crate) fn needed(form: Form, language: &str) -> Option<BTreeSet<Arc<str>>> {
    rules(language)?;
    let all = samples(form, language, &|_| Duration::from_secs(1));
    Some(all.iter().flat_map(|value| pieces(form, language, value).unwrap_or_default()).collect())
}

/// What takes longest to say of a form: for whoever must know how long a caller listens at most.
pub(crate) fn longest(form: Form, language: &str, duration: &dyn Fn(&str) -> Duration) -> Vec<Arc<str>> {
    let all = samples(form, language, duration).into_iter();
    let said = all.map(|value| pieces(form, language, &value).unwrap_or_default());
    said.max_by_key(|pieces| pieces.iter().map(|piece| duration(piece)).sum::<Duration>()).unwrap_or_default()
}
