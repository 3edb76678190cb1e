//! Content-Type (RFC 3261 §20.15).

use super::Params;

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
    /// Whether it is this one, e.g. `application/sdp`.
    pub fn is(&self, full: &str) -> bool {
        full.split_once('/')
            .is_some_and(|(kind, subtype)| self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype))
    }
}
