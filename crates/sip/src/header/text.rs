//! The characters of RFC 3261 §25.1 and the few scans every header shares.
//!
//! Typed headers are read from text. Bytes that are not UTF-8 read as U+FFFD, which no token may hold: they
//! can stand in a display name or a quoted string and nowhere else.

use std::borrow::Cow;

use super::{PARAMS_MAX, Params};

/// What a reader of a header wanted and did not find.
pub(crate) type Expected = &'static str;

/// A token's characters.
pub(crate) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// A Call-ID's characters: `word` and the one `@`.
pub(crate) const fn is_word(byte: u8) -> bool {
    is_token(byte)
        || matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b':' | b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'{' | b'}'
        )
}

/// Space and tab. Folded lines were joined before.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A parameter's value where it is not quoted: `token` and `host` of the grammar, and what the field sends
/// besides (`/`, `@`, `=` …), as long as nobody can mistake where it ends.
const fn is_param_value(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'"' | b'<' | b'>' | b'\\')
}

/// Raw bytes as text.
pub(crate) fn text(raw: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(raw)
}

/// Bytes without white space at either end.
pub(crate) fn trimmed(mut raw: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = raw
        && is_space(*first)
    {
        raw = rest;
    }
    while let [rest @ .., last] = raw
        && is_space(*last)
    {
        raw = rest;
    }
    raw
}

/// Digits and nothing else, as a number that fits.
pub(crate) fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    // `parse` alone would take a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A quoted string without its quotes and backslashes; anything else as it is.
pub(crate) fn unquoted(raw: &str) -> Cow<'_, str> {
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

/// A text as a quoted string. CR, LF and NUL, which no quoting makes harmless, become spaces.
pub(crate) fn write_quoted(plain: &str, out: &mut String) {
    out.push('"');
    for character in plain.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\r' | '\n' | '\0' => out.push(' '),
            _ => out.push(character),
        }
    }
    out.push('"');
}

/// The values of a comma list, white space taken off. Commas in quotes and angle brackets do not separate.
pub(crate) struct CommaList<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> CommaList<'a> {
    pub(crate) const fn new(value: &'a [u8]) -> Self {
        Self { rest: Some(value) }
    }
}

impl<'a> Iterator for CommaList<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b'<' if !quoted => bracketed = true,
                b'>' if !quoted => bracketed = false,
                b',' if !quoted && !bracketed => {
                    let (item, after) = rest.split_at_checked(at)?;
                    self.rest = after.get(1..);
                    return Some(trimmed(item));
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(trimmed(rest))
    }
}

/// Reads a text from the front.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    pub(crate) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// The end, white space passed over.
    pub(crate) fn is_end(&mut self) -> bool {
        self.skip_space();
        self.rest.is_empty()
    }

    pub(crate) fn eat(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A separator with white space on both sides (`SLASH`, `EQUAL`, `SEMI` … of the grammar).
    pub(crate) fn eat_spaced(&mut self, wanted: char) -> bool {
        let before = self.rest;
        self.skip_space();
        if self.eat(wanted) {
            self.skip_space();
            return true;
        }
        self.rest = before;
        false
    }

    /// One or more bytes of a kind; the kind must be ASCII.
    pub(crate) fn take_while(&mut self, is: fn(u8) -> bool) -> Option<&'a str> {
        let end = self.rest.bytes().position(|byte| !is(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end)?;
        if taken.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn token(&mut self) -> Option<&'a str> {
        self.take_while(is_token)
    }

    /// Everything before this character, which must come.
    pub(crate) fn take_until(&mut self, end: char) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(taken)
    }

    /// A quoted string, quotes included.
    pub(crate) fn quoted(&mut self) -> Option<&'a str> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let mut escaped = false;
        for (at, byte) in self.rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let (taken, rest) = self.rest.split_at_checked(at + 1)?;
                    self.rest = rest;
                    return Some(taken);
                }
                _ => {}
            }
        }
        None
    }

    /// `;name=value` parameters up to the end of the text.
    pub(crate) fn params_to_end(&mut self) -> Result<Params, Expected> {
        let mut params = Params::new();
        while self.eat_spaced(';') {
            if params.len() == PARAMS_MAX {
                return Err("fewer parameters");
            }
            let name = self.token().ok_or("a parameter after `;`")?;
            // §7.3.1. Of two tags or branches one element would take the first and another the last.
            if params.has(name) {
                return Err("each parameter once");
            }
            let value = if self.eat_spaced('=') {
                let value = match self.peek() {
                    Some(b'"') => self.quoted().ok_or("the closing quote of a parameter")?,
                    _ => self.take_while(is_param_value).ok_or("a parameter's value after `=`")?,
                };
                Some(value.to_owned())
            } else {
                None
            };
            params.push(name.to_owned(), value);
        }
        if self.is_end() { Ok(params) } else { Err("nothing after the parameters") }
    }
}

#[cfg(test)]
mod tests {
    use super::CommaList;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_separate() {
        let list = CommaList::new(br#""Watson, \", Thomas" <sip:a,b@c> ,<sip:d>,"#);
        let items: Vec<_> = list.map(|item| String::from_utf8_lossy(item).into_owned()).collect();
        assert_eq!(items, [r#""Watson, \", Thomas" <sip:a,b@c>"#, "<sip:d>", ""]);
    }
}
