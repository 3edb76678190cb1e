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

use std::fmt;

use bytes::Bytes;

use crate::header::Name;
use crate::uri::Uri;

pub use headers::Headers;
pub use method::Method;
pub use parse::{
    HEAD_BYTES_MAX, HEADER_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX, METHOD_BYTES_MAX, URI_BYTES_MAX,
    is_keep_alive, parse,
};
pub(crate) use parse::{head_end, read_head};
pub use print::reason_phrase;
pub use typed::{CALL_ID_BYTES_MAX, LIST_MAX, VIAS_MAX};
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
#[derive(Clone, Eq, PartialEq)]
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
#[derive(Clone, Eq, PartialEq)]
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
        let mut headers = Headers::with_capacity(12);
        for (name, value) in request.iter() {
            if matches!(name, Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq | Name::Timestamp)
            {
                headers.push_as_read(name.clone(), value.clone());
            }
        }
        let reason = Bytes::from_static(reason_phrase(status).as_bytes());
        Self { status, reason, headers, body: Bytes::new() }
    }

    /// Whether it ends its transaction.
    pub const fn is_final(&self) -> bool {
        self.status >= 200
    }
}

/// Method, kind of address and header names, never what a person wrote or said.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Status and header names, never what a person wrote or said.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
