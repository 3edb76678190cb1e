//! Messages to bytes.

use bytes::Bytes;

use super::{Message, Request, Response};

/// The reason phrase RFC 3261 §21 and its extensions give a status.
pub const fn reason_phrase(status: u16) -> &'static str {
    let _ = status;
    ""
}

impl Message {
    /// As on the wire.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl Request {
    /// As on the wire. Content-Length is written from the body, whatever the headers say.
    pub fn to_bytes(&self) -> Bytes {
        todo!()
    }
}

impl Response {
    /// As on the wire. Content-Length is written from the body, whatever the headers say.
    pub fn to_bytes(&self) -> Bytes {
        todo!()
    }
}
