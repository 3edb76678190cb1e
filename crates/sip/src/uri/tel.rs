//! `tel:` (RFC 3966).

use crate::header::Params;
use crate::header::text::Cursor;

use super::{TelUri, UriError, uri_params};

impl TelUri {
    pub(super) fn parse(rest: &str) -> Result<Self, UriError> {
        let mut cursor = Cursor::new(rest);
        let number = cursor.take_while(is_phone_digit).ok_or(UriError { expected: "a telephone number" })?;
        let digits = number.strip_prefix('+').unwrap_or(number);
        // A global number has decimal digits only; a local one also `*`, `#` and A to F (RFC 3966 §3).
        let is_digit: fn(u8) -> bool = if number.starts_with('+') {
            |byte| byte.is_ascii_digit()
        } else {
            |byte| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
        };
        if digits.contains('+')
            || !digits.bytes().any(is_digit)
            || !digits.bytes().all(|byte| is_digit(byte) || is_visual_separator(byte))
        {
            return Err(UriError { expected: "a telephone number" });
        }
        let params = uri_params(&mut cursor)?;
        if !cursor.rest().is_empty() {
            return Err(UriError { expected: "nothing after a telephone number" });
        }
        Ok(Self { number: number.to_owned(), params })
    }

    /// The number without visual separators, `+` kept.
    pub fn digits(&self) -> String {
        self.number.chars().filter(|digit| !matches!(digit, '-' | '.' | '(' | ')')).collect()
    }

    /// RFC 3966 §4.
    pub(super) fn is_equivalent(&self, other: &Self) -> bool {
        let counts = |one: &Params, another: &Params| {
            one.iter().all(|param| {
                another.raw(&param.name).is_some_and(|value| match (&param.value, value) {
                    (Some(one), Some(another)) => one.eq_ignore_ascii_case(another),
                    (None, None) => true,
                    _ => false,
                })
            })
        };
        self.digits().eq_ignore_ascii_case(&other.digits())
            && counts(&self.params, &other.params)
            && counts(&other.params, &self.params)
    }
}

const fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

const fn is_phone_digit(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || is_visual_separator(byte) || matches!(byte, b'+' | b'*' | b'#')
}
