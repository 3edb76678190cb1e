//! Canonical JSON (RFC 8785), for the part of JSON whose canonical form nobody can get wrong.
//!
//! Strings, booleans, whole numbers up to 2^53 − 1, lists and objects. Fractions and `null` are refused:
//! RFC 8785 prints fractions as ECMAScript does, which few programs agree on to the last digit.

use serde_json::{Map, Value};
use thiserror::Error;

pub use crate::spelling::is_canonical;

/// Largest whole number every JSON reader holds exactly: 2^53 − 1.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Deepest nesting of lists and objects. Facts are flat; the bound keeps a hostile record from
/// exhausting the stack of whoever verifies it.
pub const DEPTH_MAX: usize = 16;

/// Why a value has no canonical form here.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotCanonical {
    /// A number with a fraction or exponent.
    #[error("a fraction: use a smaller unit and whole numbers")]
    Fraction,
    /// Beyond [`INTEGER_MAX`] either way.
    #[error("a whole number beyond 2^53 - 1: write it as a string")]
    TooLarge,
    /// `null`: leave the field out instead.
    #[error("null: leave the field out")]
    Null,
    /// Nested beyond [`DEPTH_MAX`].
    #[error("lists and objects nested more than 16 deep")]
    TooDeep,
}

/// Appends the canonical form of a value.
pub fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    write_nested(value, 0, out)
}

/// Appends the canonical form of an object.
pub fn write_object(fields: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    write_fields(fields, 0, out)
}

fn write_nested(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    match value {
        Value::Null => return Err(NotCanonical::Null),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let size = match (number.as_u64(), number.as_i64()) {
                (Some(size), _) => size,
                (None, Some(negative)) => negative.unsigned_abs(),
                (None, None) => return Err(NotCanonical::Fraction),
            };
            if size > INTEGER_MAX {
                return Err(NotCanonical::TooLarge);
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            let depth = deeper(depth)?;
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_nested(item, depth, out)?;
            }
            out.push(b']');
        }
        Value::Object(fields) => write_fields(fields, depth, out)?,
    }
    Ok(())
}

fn write_fields(fields: &Map<String, Value>, depth: usize, out: &mut Vec<u8>) -> Result<(), NotCanonical> {
    let depth = deeper(depth)?;
    let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
    // UTF-16 code units, not bytes (RFC 8785 §3.2.3): they differ beyond the basic plane.
    sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push(b'{');
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_nested(value, depth, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, NotCanonical> {
    if depth >= DEPTH_MAX { Err(NotCanonical::TooDeep) } else { Ok(depth + 1) }
}

/// Appends a string with the escapes of RFC 8785 §3.2.2.2 and no others.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x00..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            // Bytes of UTF-8 sequences included: they stand for themselves.
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::{DEPTH_MAX, INTEGER_MAX, NotCanonical, is_canonical, write};

    fn canonical(value: &Value) -> Result<String, NotCanonical> {
        let mut out = Vec::new();
        write(value, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// RFC 8785 §3.2.3's own example, without its fractions.
    #[test]
    fn names_are_sorted_by_utf16_code_units_and_only_controls_are_escaped() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        assert_eq!(
            canonical(&value).unwrap(),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
             \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
             \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        );
        // §3.2.2.2's string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/".
        let text = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/");
        assert_eq!(canonical(&text).unwrap(), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
        assert_eq!(canonical(&json!("\u{8}\t\u{c}\r\u{7f}")).unwrap(), "\"\\b\\t\\f\\r\u{7f}\"");
    }

    #[test]
    fn what_programs_print_differently_is_refused() {
        assert_eq!(canonical(&json!(1.5)), Err(NotCanonical::Fraction));
        assert_eq!(canonical(&json!(1.0)), Err(NotCanonical::Fraction));
        assert_eq!(canonical(&json!({"a": [null]})), Err(NotCanonical::Null));
        assert_eq!(canonical(&json!(INTEGER_MAX + 1)), Err(NotCanonical::TooLarge));
        assert_eq!(canonical(&json!(i64::MIN)), Err(NotCanonical::TooLarge));
        assert_eq!(canonical(&json!(INTEGER_MAX)).unwrap(), "9007199254740991");
        assert_eq!(canonical(&json!(-9_007_199_254_740_991_i64)).unwrap(), "-9007199254740991");
        let mut deep = json!(1);
        for _ in 0..=DEPTH_MAX {
            deep = json!([deep]);
        }
        assert_eq!(canonical(&deep), Err(NotCanonical::TooDeep));
    }

    #[test]
    fn a_second_spelling_of_the_same_value_is_not_canonical() {
        assert!(is_canonical(br#"{"a":1,"b":[true,"x"]}"#));
        for other in [
            r#"{"b":[true,"x"],"a":1}"#,
            r#"{"a":1, "b":[true,"x"]}"#,
            r#"{"a":1,"a":1,"b":[true,"x"]}"#,
            r#"{"a":1,"b":[true,"\u0078"]}"#,
            r#"{"a":1e0,"b":[true,"x"]}"#,
            r#"{"a":1,"b":[true,"x"]} "#,
            r#"{"a":-0}"#,
            "",
        ] {
            assert!(!is_canonical(other.as_bytes()), "{other}");
        }
    }
}
