//! Content-Type (RFC 3261 §20.15).

use super::Params;
use super::text::{Cursor, Expected};

/// What a body is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContentType {
    /// `application`, in lower case.
    pub kind: String,
    /// `sdp`, in lower case.
    pub subtype: String,
    /// `boundary`, `charset` and others.
    pub params: Params,
}

impl ContentType {
    /// Reads a whole header value.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let kind = cursor.token().ok_or("a media type")?;
        let subtype = cursor.eat_spaced('/').then(|| cursor.token()).flatten().ok_or("a media subtype")?;
        Ok(Self {
            kind: kind.to_ascii_lowercase(),
            subtype: subtype.to_ascii_lowercase(),
            params: cursor.params_to_end()?,
        })
    }

    /// Whether it is this one, e.g. `application/sdp`.
    pub fn is(&self, full: &str) -> bool {
        full.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
        })
    }
}
