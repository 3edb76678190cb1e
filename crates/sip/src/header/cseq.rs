//! CSeq (RFC 3261 §20.16) and RAck (RFC 3262 §7.2).

use crate::message::Method;

/// A request's number within its dialog, and its method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CSeq {
    /// Less than 2³¹ (§8.1.1.5).
    pub number: u32,
    /// Must be the request's own.
    pub method: Method,
}

impl CSeq {
    /// As a header value.
    pub fn to_wire(&self) -> String {
        format!("{} {}", self.number, self.method)
    }
}

/// Which reliable provisional response a PRACK acknowledges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The response's CSeq.
    pub cseq: CSeq,
}
