//! What every request and response must have before a transaction is made of it (RFC 3261 §8.1.1, §8.2).

use crate::error::ParseError;

use super::Message;

/// Checks that the mandatory headers are there once and well formed, that CSeq and request line agree, and
/// that the known headers an endpoint acts on can be read. What only an application can judge (a method or
/// body type it does not know, `Require`, scheme) is its own to refuse: 405, 415, 420, 416.
pub fn validate(message: &Message) -> Result<(), ParseError> {
    let _ = message;
    todo!()
}
