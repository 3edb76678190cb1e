//! YAML to a tree of nodes that know where they were written.
//!
//! The tree keeps every scalar as it was typed (`01012000`, `1e3`, `yes`): the grammar decides what a value is,
//! not YAML. Repeated keys are kept too, so that all of them can be reported at once.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Location, Spanned};

use crate::diagnostic::{Finding, Severity};

/// Bytes of one file: a flow people can still read is a hundredth of it.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Nesting of one file: the language needs eight levels.
const DEPTH_MAX: usize = 40;

/// Where something was written: line and column from 1, and its length in characters.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) length: usize,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing written, `~` or `null`.
    Null,
    /// As typed, without its quotes.
    Scalar(Scalar),
    List(Vec<Node>),
    /// In order, repeated keys included.
    Map(Vec<(Key, Node)>),
}

/// One word or sentence.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) is_quoted: bool,
    /// It stands without quotes before ` #` and no space after: the rest may have been meant as text.
    pub(crate) is_cut_by_hash: bool,
}

/// What was meant, wherever it stands: the same for every layout of a file.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Scalar(scalar) => (&scalar.text, scalar.is_quoted).serialize(serializer),
            Value::List(nodes) => nodes.serialize(serializer),
            Value::Map(entries) => {
                serializer.collect_seq(entries.iter().map(|(key, node)| (&key.text, node)))
            }
        }
    }
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) place: Place,
    pub(crate) text: String,
}

impl Node {
    /// What to call it in a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Reads one file. Never panics, whatever the bytes.
pub(crate) fn read(path: &str, text: &str) -> Result<Node, Box<Finding>> {
    let refuse = |place: Option<Place>, message: String, label: &str, help: Option<String>| {
        Box::new(Finding {
            severity: Severity::Error,
            code: "flow/yaml",
            message,
            path: path.to_owned(),
            place: place.map(|place| (place.line, place.column, place.length)),
            label: label.to_owned(),
            help,
        })
    };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is larger than {FILE_BYTES_MAX} bytes");
        return Err(refuse(None, message, "", Some("split it into sub-flows".to_owned())));
    }
    if let Some(place) = first_tab_of_indentation(text) {
        let help = "indent with spaces: YAML forbids tabs there, because editors disagree on their width";
        return Err(refuse(
            Some(place),
            "a tab in the indentation".to_owned(),
            "this is a tab",
            Some(help.to_owned()),
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: DEPTH_MAX },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let root: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let place = error.location().map(|at| place_of(&at)).filter(|place| place.line > 0);
        let help = place.and_then(|place| hint(text, place));
        refuse(place, without_place(&error.without_snippet().to_string()), "here", help)
    })?;
    let mut aliases = Vec::new();
    let node = node(text, root, &mut aliases);
    match aliases.first() {
        Some(place) => Err(refuse(
            Some(*place),
            "an anchor is used again".to_owned(),
            "a copy of something written elsewhere",
            Some(
                "write it out, or make it a step and go there: a reader sees a flow from top to bottom"
                    .to_owned(),
            ),
        )),
        None => Ok(node),
    }
}

/// The parser adds its own place to its message; ours is printed with a caret.
fn without_place(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let cut = line.find(" at line ").or_else(|| line.find(" (line "));
    cut.and_then(|at| line.get(..at)).unwrap_or(line).to_owned()
}

fn first_tab_of_indentation(text: &str) -> Option<Place> {
    text.lines().enumerate().find_map(|(index, line)| {
        let indentation = line.len() - line.trim_start_matches([' ', '\t']).len();
        let at = line.get(..indentation)?.find('\t')?;
        (!line.trim().is_empty()).then_some(Place { line: index + 1, column: at + 1, length: 1 })
    })
}

/// What most often made a line unreadable.
fn hint(text: &str, place: Place) -> Option<String> {
    let around = [place.line, place.line.saturating_sub(1)];
    let prose = around.into_iter().filter_map(|line| text.lines().nth(line.checked_sub(1)?)).find(|line| {
        let value = line.split_once(": ").map_or("", |(_, value)| value.trim_start());
        !value.starts_with(['"', '\'', '{', '[', '|', '>', '#']) && value.contains(": ")
    });
    if let Some(line) = prose {
        let (key, value) = line.split_once(": ").unwrap_or(("", line));
        return Some(format!("text with `: ` in it needs quotes: `{}: \"{}\"`", key.trim(), value.trim()));
    }
    left_open(text, place).or_else(|| without_colon(text, place)).or_else(|| out_of_line(text, place))
}

/// A quote or bracket that an earlier line, or this one, opens and does not close.
fn left_open(text: &str, place: Place) -> Option<String> {
    let lines = text.lines().enumerate().take(place.line);
    lines.filter(|(_, line)| !line.trim_start().starts_with('#')).find_map(|(at, line)| {
        let line = line.split(" #").next().unwrap_or(line);
        let count = |c: char| line.matches(c).count();
        let open = match () {
            () if count('"') % 2 == 1 => '"',
            () if count('{') > count('}') => '{',
            () if count('[') > count(']') => '[',
            () => return None,
        };
        Some(format!("line {} opens `{open}` and does not close it", at + 1))
    })
}

/// A name alone on its line, above something that stands deeper.
fn without_colon(text: &str, place: Place) -> Option<String> {
    let around = [place.line, place.line.saturating_sub(1)];
    around.into_iter().find_map(|number| {
        let word = text.lines().nth(number.checked_sub(1)?)?.trim();
        let is_name = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
        is_name.then(|| format!("line {number} needs a `:` at its end: `{word}:`"))
    })
}

/// A line that stands one space off the others.
fn out_of_line(text: &str, place: Place) -> Option<String> {
    let around = [place.line, place.line.saturating_sub(1)];
    around.into_iter().find_map(|number| {
        let line = text.lines().nth(number.checked_sub(1)?)?;
        let indentation = line.len() - line.trim_start().len();
        (indentation % 2 == 1).then(|| {
            format!("line {number} is indented by {indentation} spaces: what belongs together begins in the same column")
        })
    })
}

fn place_of(at: &Location) -> Place {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Place { line: number(at.line()), column: number(at.column()), length: number(at.span().len()).max(1) }
}

/// Anything YAML can say, before it is given its text and place.
enum Raw {
    Null,
    /// A number or a truth value: its text is in the source.
    Plain,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn node(text: &str, raw: Spanned<Raw>, aliases: &mut Vec<Place>) -> Node {
    let place = place_of(&raw.referenced);
    if raw.referenced != raw.defined {
        aliases.push(place);
    }
    let scalar = |typed: Option<String>| {
        let span = raw.defined.span();
        let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok());
        let start = number(span.byte_offset()).unwrap_or(0);
        let end = start.saturating_add(number(span.byte_len()).unwrap_or(0));
        let written = text.get(start..end).unwrap_or_default();
        let rest = text.get(end..).unwrap_or_default();
        Scalar {
            is_quoted: written.starts_with(['"', '\'', '|', '>']),
            is_cut_by_hash: rest.trim_start_matches(' ').strip_prefix('#').is_some_and(|after| {
                rest.starts_with(' ') && after.starts_with(|c: char| c.is_alphanumeric())
            }),
            text: typed.unwrap_or_else(|| written.trim().to_owned()),
        }
    };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Plain => Value::Scalar(scalar(None)),
        Raw::Text(typed) => Value::Scalar(scalar(Some(typed))),
        Raw::List(nodes) => Value::List(nodes.into_iter().map(|raw| node(text, raw, aliases)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, raw)| {
                    (Key { place: place_of(&key.referenced), text: key.value }, node(text, raw, aliases))
                })
                .collect(),
        ),
    };
    Node { place, value }
}
