//! Messages to bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::header::Name;
use crate::header::text::is_token;

use super::{Headers, Message, Request, Response};

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
        let mut out = BytesMut::with_capacity(room(&self.headers, &self.body));
        put_unspaced(self.method.as_str(), &mut out);
        out.put_u8(b' ');
        put_unspaced(&self.uri.to_wire(), &mut out);
        out.put_slice(b" SIP/2.0\r\n");
        put_rest(&self.headers, &self.body, &mut out);
        out.freeze()
    }
}

impl Response {
    /// As on the wire. Content-Length is written from the body, whatever the headers say.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(room(&self.headers, &self.body));
        out.put_slice(b"SIP/2.0 ");
        out.put_slice(self.status.to_string().as_bytes());
        out.put_u8(b' ');
        out.extend(self.reason.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')));
        out.put_slice(b"\r\n");
        put_rest(&self.headers, &self.body, &mut out);
        out.freeze()
    }
}

/// A part of the request line. What the parser made holds no space or line end; what was put together by
/// hand cannot bring one either.
fn put_unspaced(part: &str, out: &mut BytesMut) {
    out.extend(part.bytes().filter(|byte| *byte > b' '));
}

/// Enough for most messages, so that printing allocates once.
fn room(headers: &Headers, body: &[u8]) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
        + body.len()
        + 256
}

fn put_rest(headers: &Headers, body: &[u8], out: &mut BytesMut) {
    let length = body.len().to_string();
    let mut has_length = false;
    for (name, value) in headers.iter() {
        if *name == Name::ContentLength {
            if !has_length {
                put_field(Name::ContentLength.as_str(), length.as_bytes(), out);
            }
            has_length = true;
        } else if !name.as_str().is_empty() && name.as_str().bytes().all(is_token) {
            put_field(name.as_str(), value, out);
        }
    }
    if !has_length {
        put_field(Name::ContentLength.as_str(), length.as_bytes(), out);
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
}

fn put_field(name: &str, value: &[u8], out: &mut BytesMut) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// The reason phrase RFC 3261 §21 and its extensions give a status; one we do not know gets its class's.
// Long: a table.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        204 => "No Notification",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        428 => "Use Identity Header",
        429 => "Provide Referrer Identity",
        433 => "Anonymity Disallowed",
        436 => "Bad Identity Info",
        438 => "Invalid Identity Header",
        439 => "First Hop Lacks Outbound Support",
        469 => "Bad Info Package",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        494 => "Security Agreement Required",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        580 => "Precondition Failure",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        607 => "Unwanted",
        608 => "Rejected",
        _ => match status / 100 {
            1 => "Session Progress",
            2 => "OK",
            3 => "Multiple Choices",
            4 => "Bad Request",
            5 => "Server Internal Error",
            _ => "Decline",
        },
    }
}
