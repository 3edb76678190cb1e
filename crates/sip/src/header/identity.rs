//! Identity (RFC 8224 §4): a signed statement of who calls whom. Read here, judged by `passport`.

use super::Name;
use super::text::{Cursor, Expected, text};
use crate::message::Headers;

/// Identity headers read of one INVITE. A call has one of its own and one for each forwarding; what comes after
/// is somebody making us work.
pub const IDENTITIES_MAX: usize = 8;

/// Longest value read, in bytes. A full PASSporT with a caller's name and logo link is about 2,000.
pub const IDENTITY_BYTES_MAX: usize = 8_192;

/// One Identity header.
#[derive(Clone, Eq, PartialEq)]
pub struct Identity {
    /// `header.payload.signature` in base64url, or `..signature`, the compact form.
    pub passport: String,
    /// Where the certificate is: the URI of `info`, brackets taken off.
    pub info: String,
    /// `alg`; without it ES256 (§4.1).
    pub algorithm: Option<String>,
    /// `ppt`: the kind of PASSporT; `shaken`, `div`, `rph` …
    pub kind: Option<String>,
}

impl Identity {
    /// Reads a whole header value.
    pub fn parse(value: &str) -> Result<Self, Expected> {
        if value.len() > IDENTITY_BYTES_MAX {
            return Err("a shorter value");
        }
        let mut cursor = Cursor::new(value);
        cursor.skip_space();
        let passport = cursor.take_while(is_passport).ok_or("a PASSporT")?.to_owned();
        if passport.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err("three parts of a PASSporT");
        }
        let (mut info, mut algorithm, mut kind) = (None, None, None);
        // `info` holds a URI in angle brackets, which no other header's parameter does.
        while cursor.eat_spaced(';') {
            let name = cursor.token().ok_or("a parameter after `;`")?;
            let value = if cursor.eat_spaced('=') { parameter(&mut cursor)? } else { String::new() };
            let place = match name.to_ascii_lowercase().as_str() {
                "info" => &mut info,
                "alg" => &mut algorithm,
                "ppt" => &mut kind,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err("each parameter once");
            }
        }
        if !cursor.is_end() {
            return Err("nothing after the parameters");
        }
        Ok(Self { passport, info: info.ok_or("`info`")?, algorithm, kind })
    }
}

fn parameter(cursor: &mut Cursor<'_>) -> Result<String, Expected> {
    match cursor.peek() {
        Some(b'<') => {
            cursor.eat('<');
            cursor.take_until('>').map(str::to_owned).ok_or("`>` after a URI")
        }
        Some(b'"') => {
            let quoted = cursor.quoted().ok_or("the closing quote of a parameter")?;
            Ok(super::text::unquoted(quoted).into_owned())
        }
        _ => cursor.token().map(str::to_owned).ok_or("a parameter's value after `=`"),
    }
}

const fn is_passport(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=')
}

/// Shows the kind, never what is in it: numbers are.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Headers {
    /// Identity: the first [`IDENTITIES_MAX`], each read or not.
    pub fn identities(&self) -> Vec<Result<Identity, Expected>> {
        let values = self.all(&Name::Identity).take(IDENTITIES_MAX);
        values.map(|value| Identity::parse(&text(value))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::{IDENTITIES_MAX, IDENTITY_BYTES_MAX, Identity};
    use crate::header::Name;
    use crate::message::Headers;

    #[test]
    fn the_full_and_the_compact_form_are_read() {
        let full = Identity::parse(
            "eyJh.eyJk.c2ln;info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=\"shaken\"",
        )
        .unwrap();
        assert_eq!(full.passport, "eyJh.eyJk.c2ln");
        assert_eq!(full.info, "https://cert.example.org/passport.cer");
        assert_eq!((full.algorithm.as_deref(), full.kind.as_deref()), (Some("ES256"), Some("shaken")));
        let compact = Identity::parse("..c2ln ; info = <https://cert.example.org/p.cer>").unwrap();
        assert_eq!((compact.passport.as_str(), compact.kind), ("..c2ln", None));
    }

    #[test]
    fn what_is_no_identity_is_refused() {
        let long = format!("a.b.{};info=<https://a.example/c>", "c".repeat(IDENTITY_BYTES_MAX));
        for value in [
            "",
            "a.b",
            "a.b.c.d;info=<https://a>",
            "a.b.c",
            "a.b.c;info=<https://a",
            "a.b.c;info=<https://a>;info=<https://b>",
            "a.b.c;info=<https://a> and more",
            "a.b.c;info=",
            &long,
        ] {
            assert!(Identity::parse(value).is_err(), "{value:.40}");
        }
    }

    #[test]
    fn of_a_hundred_eight_are_looked_at() {
        let mut headers = Headers::default();
        for _ in 0..100 {
            headers.push(Name::Identity, "a.b.c;info=<https://a.example/c>".to_owned());
        }
        assert_eq!(headers.identities().len(), IDENTITIES_MAX);
    }
}
