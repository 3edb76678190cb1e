//! From, To, Contact, Route, Record-Route, P-Asserted-Identity, Refer-To: an address and its parameters
//! (RFC 3261 §20.10).

use std::fmt;

use crate::uri::Uri;

use super::Params;
use super::text::{Cursor, Expected, is_space, is_token, number, unquoted, write_quoted};

/// What an `expires` that is no number counts as, in seconds (RFC 3261 §10.2.1.1).
const EXPIRES_MALFORMED: u32 = 3_600;

/// A `name-addr` or `addr-spec` with header parameters.
#[derive(Clone, Eq, PartialEq)]
pub struct NameAddr {
    /// What a display shows, quotes and backslashes taken off; bytes that are not UTF-8 read as U+FFFD
    /// (the raw header keeps them).
    pub display_name: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters. Without angle brackets everything after `;` is one (§20).
    pub params: Params,
}

impl NameAddr {
    /// An address with neither name nor parameters.
    pub const fn new(uri: Uri) -> Self {
        Self { display_name: None, uri, params: Params::new() }
    }

    /// Reads one address; `text` is a whole header value or one item of a list.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let display_name = display_name(&mut cursor)?;
        let bracketed = cursor.eat('<');
        let uri = if bracketed {
            cursor.take_until('>').ok_or("`>` after an address")?
        } else {
            let end = cursor.rest().find([';', ' ', '\t']).unwrap_or(cursor.rest().len());
            let (uri, rest) = cursor.rest().split_at_checked(end).ok_or("an address")?;
            // §20.10: a URI with `?` or `,` must stand in brackets, or its headers could be the message's.
            if uri.contains(['?', ',']) {
                return Err("`<` before an address with `?` or `,`");
            }
            cursor = Cursor::new(rest);
            uri
        };
        let uri = Uri::parse(uri).map_err(|error| error.expected)?;
        Ok(Self { display_name, uri, params: cursor.params_to_end()? })
    }

    /// The tag of From and To (§19.3).
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").flatten()
    }

    /// The same address with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The `expires` of a Contact in seconds; what is not a number of 32 bits reads as 3,600 (§10.2.1.1).
    pub fn expires(&self) -> Option<u32> {
        let written = self.params.raw("expires")?;
        Some(written.and_then(number).unwrap_or(EXPIRES_MALFORMED))
    }

    /// The `q` of a Contact in thousandths; what is not from 0 to 1 counts as none.
    pub fn preference(&self) -> Option<u16> {
        let (whole, fraction) = match self.params.raw("q").flatten()?.split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (self.params.raw("q").flatten()?, ""),
        };
        if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
        match number::<u16>(whole)? {
            0 => Some(thousandths),
            1 if thousandths == 0 => Some(1_000),
            _ => None,
        }
    }

    /// As a header value. Always with angle brackets.
    pub fn to_wire(&self) -> String {
        let mut out = String::with_capacity(64);
        if let Some(name) = &self.display_name {
            write_quoted(name, &mut out);
            out.push(' ');
        }
        out.push('<');
        self.uri.write(&mut out);
        out.push('>');
        self.params.write(&mut out);
        out
    }
}

/// The display name before `<`, quoted or of tokens, where there is one. The white space between a token
/// and `<` may be missing (RFC 4475 §3.1.1.6).
fn display_name(cursor: &mut Cursor<'_>) -> Result<Option<String>, Expected> {
    if cursor.peek() == Some(b'"') {
        let name = cursor.quoted().ok_or("the closing quote of a display name")?;
        cursor.skip_space();
        if cursor.peek() != Some(b'<') {
            return Err("`<` after a display name");
        }
        return Ok(Some(unquoted(name).into_owned()));
    }
    let mut ahead = *cursor;
    // Bytes beyond ASCII in an unquoted name are against the grammar and common.
    let words = ahead.take_while(|byte| is_token(byte) || is_space(byte) || !byte.is_ascii());
    match words {
        Some(words) if ahead.peek() == Some(b'<') => {
            *cursor = ahead;
            Ok(Some(words.trim_end().to_owned()).filter(|name| !name.is_empty()))
        }
        _ => Ok(None),
    }
}

/// Shows that there is an address, never whose.
impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddr").field("uri", &self.uri).field("tag", &self.tag()).finish_non_exhaustive()
    }
}

/// What a REGISTER, an INVITE or a 3xx says in its Contact headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contacts {
    /// `Contact: *`: every binding (§10.2.2).
    All,
    /// These, in the order written; perhaps none.
    These(Vec<NameAddr>),
}

impl Contacts {
    /// The addresses; none for `*`.
    pub fn addresses(&self) -> &[NameAddr] {
        match self {
            Self::All => &[],
            Self::These(addresses) => addresses,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::NameAddr;

    fn read(text: &str) -> NameAddr {
        NameAddr::parse(text).unwrap()
    }

    #[test]
    fn without_brackets_what_follows_a_semicolon_belongs_to_the_header() {
        let bare = read("sip:+19725552222@gw1.example.net;unknownparam");
        assert!(bare.params.has("unknownparam"));
        assert!(bare.uri.as_sip().unwrap().params.is_empty());
        let bracketed = read("<sip:+19725552222@gw1.example.net;unknownparam>");
        assert!(bracketed.params.is_empty());
        assert!(bracketed.uri.as_sip().unwrap().params.has("unknownparam"));
    }

    #[test]
    fn a_quoted_name_may_hold_brackets_and_commas() {
        let nurse = read(r#""Jane \"JJ\" <RN>, ward 3" <sip:jane@example.org>;tag=1"#);
        assert_eq!(nurse.display_name.as_deref(), Some(r#"Jane "JJ" <RN>, ward 3"#));
        assert_eq!(nurse.tag(), Some("1"));
        assert_eq!(read(&nurse.to_wire()), nurse);
    }

    #[test]
    fn the_contact_of_a_browser_is_read() {
        let browser = read(
            "<sip:abc@df7jal23ls0d.invalid;transport=ws>;+sip.instance=\"<urn:uuid:0-1>\";reg-id=1;expires=600;q=0.33",
        );
        assert_eq!(browser.expires(), Some(600));
        assert_eq!(browser.preference(), Some(330));
        assert_eq!(browser.params.value("+SIP.Instance").as_deref(), Some("<urn:uuid:0-1>"));
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        for text in [
            "",
            "<sip:a@b",
            "\"Mr. J. User <sip:j.user@example.com>",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "\"Watson\" < sip:t.watson@example.org >",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "\"Joe\" <sip:joe@example.org>;;;;",
            "<sip:a@b> <sip:c@d>",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag=1;Tag=2",
        ] {
            assert!(NameAddr::parse(text).is_err(), "{text}");
        }
    }
}
