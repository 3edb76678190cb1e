//! Bytes to messages (RFC 3261 §7): strict, bounded, linear.
//!
//! Lines end in CRLF and nothing else: a bare CR or LF that we would pass over and another element would
//! take for the end of a line is how one message is made to look like two different ones.

use bytes::Bytes;

use crate::error::{Answer, HeaderError, HeaderProblem, Layer, ParseError};
use crate::header::Name;
use crate::header::text::{Expected, is_space, is_token, number, trimmed};
use crate::uri::Uri;

use super::{Headers, Message, Method, Request, Response};

/// Longest message read: what fits in one datagram (§18.1.1), and what a stream may make us hold.
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Most header fields read; RFC 4475's longest message has 46.
pub const HEADERS_MAX: usize = 256;

/// Longest start line and headers read, the empty line included; longer ones are answered 513.
pub const HEAD_BYTES_MAX: usize = 32_768;

/// Longest header field read, its name and folded lines included.
pub const HEADER_BYTES_MAX: usize = 10_240;

/// Longest request URI read; a longer one is answered 414.
pub const URI_BYTES_MAX: usize = 2_048;

/// Longest method read; the longest registered one has nine letters.
pub const METHOD_BYTES_MAX: usize = 64;

/// Whether a datagram is but CRLFs: a keep-alive of RFC 5626 or an older one of four bytes, no message.
pub fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// Reads one datagram, or one [`crate::framer::Frame::Message`], as one message. What follows the body of a
/// datagram is passed over (§18.3).
pub fn parse(bytes: &Bytes) -> Result<Message, ParseError> {
    let head = read_head(bytes)?;
    let body = match head.headers.content_length() {
        Ok(Some(length)) => match head.after.get(..length) {
            Some(_) => head.after.slice(..length),
            None => {
                let layer = Layer::Header(Name::ContentLength);
                return Err(head.refusal(layer, 400, "as many bytes of body as Content-Length says"));
            }
        },
        Ok(None) => head.after.clone(),
        Err(error) => return Err(head.header_refusal(error)),
    };
    head.into_message(body)
}

/// Start line and headers of a message whose body may not be there yet.
pub(crate) struct Head {
    start: Bytes,
    pub(crate) headers: Headers,
    /// What follows the empty line.
    pub(crate) after: Bytes,
}

/// Where the head ends: the index after its empty line. `from` is where to begin looking.
pub(crate) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

pub(crate) fn read_head(bytes: &Bytes) -> Result<Head, ParseError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(dropped("a message of at most 65,535 bytes"));
    }
    // §7.5: CRLFs before the start line are passed over.
    let mut at = 0;
    while bytes.get(at..at + 2) == Some(b"\r\n") {
        at += 2;
    }
    let (start, mut at) = line(bytes, at).map_err(dropped)?;
    let mut head = Head { start, headers: Headers::with_capacity(16), after: Bytes::new() };
    loop {
        let (field, next) = match line(bytes, at) {
            Ok(found) => found,
            // Without its empty line a message has lost its end; nothing of it is to be trusted.
            Err(expected) => return Err(dropped(expected)),
        };
        at = next;
        if field.is_empty() {
            head.after = bytes.slice(at..);
            return if at > HEAD_BYTES_MAX {
                Err(head.refusal(Layer::Framing, 513, "at most 32,768 bytes of headers"))
            } else {
                Ok(head)
            };
        }
        if head.headers.len() == HEADERS_MAX {
            return Err(head.refusal(Layer::Framing, 400, "at most 256 header fields"));
        }
        let (value_end, folded) = continuation(bytes, at).map_err(dropped)?;
        at = value_end.unwrap_or(at);
        if field.len() + folded.iter().map(Bytes::len).sum::<usize>() > HEADER_BYTES_MAX {
            return Err(head.refusal(Layer::Framing, 400, "header fields of at most 10,240 bytes"));
        }
        let Some((name, value)) = split_field(&field) else {
            return Err(head.refusal(Layer::Framing, 400, "a header name and `:`"));
        };
        let value = if folded.is_empty() { value } else { unfolded(&value, &folded) };
        head.headers.push_as_read(name, value);
    }
}

/// The line that begins here, without its CRLF, and where the next begins.
fn line(bytes: &Bytes, at: usize) -> Result<(Bytes, usize), Expected> {
    let rest = bytes.get(at..).unwrap_or_default();
    let end =
        rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).ok_or("CRLF at the end of a line")?;
    if rest.get(end..end + 2) != Some(b"\r\n") {
        return Err("no CR or LF but in CRLF");
    }
    Ok((bytes.slice(at..at + end), at + end + 2))
}

/// Lines that begin with white space belong to the one before (§7.3.1): where they end, and what they are.
fn continuation(bytes: &Bytes, mut at: usize) -> Result<(Option<usize>, Vec<Bytes>), Expected> {
    let mut lines = Vec::new();
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        let (folded, next) = line(bytes, at)?;
        lines.push(folded);
        at = next;
    }
    let end = (!lines.is_empty()).then_some(at);
    Ok((end, lines))
}

/// A folded value on one line: each fold with its white space is one space.
fn unfolded(first: &[u8], folds: &[Bytes]) -> Bytes {
    let mut value = first.to_vec();
    for fold in folds {
        let fold = trimmed(fold);
        if !value.is_empty() && !fold.is_empty() {
            value.push(b' ');
        }
        value.extend_from_slice(fold);
    }
    Bytes::from(value)
}

/// `name : value`, white space around both taken off.
fn split_field(field: &Bytes) -> Option<(Name, Bytes)> {
    let colon = field.iter().position(|byte| *byte == b':')?;
    let (name, value) = (field.get(..colon)?, field.get(colon + 1..)?);
    let mut name_end = colon;
    while name_end > 0 && name.get(name_end - 1).is_some_and(|byte| is_space(*byte)) {
        name_end -= 1;
    }
    let written = name.get(..name_end)?;
    if written.is_empty() || !written.iter().all(|byte| is_token(*byte)) {
        return None;
    }
    let name = Name::lookup(written).unwrap_or_else(|| Name::Other(field.slice(..name_end)));
    Some((name, field.slice_ref(trimmed(value))))
}

impl Head {
    fn into_message(self, body: Bytes) -> Result<Message, ParseError> {
        if self.is_response() {
            let (status, reason) = status_line(&self.start).map_err(|expected| ParseError {
                layer: Layer::StartLine,
                answer: Answer::Drop,
                expected,
                echo: None,
            })?;
            return Ok(Message::Response(Response { status, reason, headers: self.headers, body }));
        }
        match request_line(&self.start) {
            Ok((method, uri)) => Ok(Message::Request(Request { method, uri, headers: self.headers, body })),
            Err((status, expected)) => Err(self.refusal(Layer::StartLine, status, expected)),
        }
    }

    fn is_response(&self) -> bool {
        self.start.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    }

    /// The error of a header, answered 400.
    pub(crate) fn header_refusal(&self, error: HeaderError) -> ParseError {
        let expected = expected_by(error.problem);
        self.refusal(Layer::Header(error.name), 400, expected)
    }

    /// An error that is answered, unless this is a response, an ACK, or says not where to answer.
    pub(crate) fn refusal(&self, layer: Layer, status: u16, expected: Expected) -> ParseError {
        let is_ack = self.start.get(..4).is_some_and(|start| start == b"ACK ");
        let echo = if self.is_response() || is_ack { None } else { echo(&self.headers) };
        let answer = if echo.is_some() { Answer::Status(status) } else { Answer::Drop };
        ParseError { layer, answer, expected, echo }
    }
}

/// What an error's answer repeats of a request; none where it has no Via.
pub(super) fn echo(headers: &Headers) -> Option<Box<Headers>> {
    headers.has(&Name::Via).then(|| {
        let mut echo = Headers::with_capacity(8);
        for (name, value) in headers.iter() {
            let is_single = matches!(name, Name::From | Name::To | Name::CallId | Name::CSeq);
            if *name == Name::Via || (is_single && !echo.has(name)) {
                echo.push_as_read(name.clone(), value.clone());
            }
        }
        Box::new(echo)
    })
}

pub(super) const fn expected_by(problem: HeaderProblem) -> Expected {
    match problem {
        HeaderProblem::Missing => "this header",
        HeaderProblem::Repeated => "this header once",
        HeaderProblem::Malformed { expected } => expected,
        HeaderProblem::TooMuch => "fewer values",
    }
}

const fn dropped(expected: Expected) -> ParseError {
    ParseError { layer: Layer::Framing, answer: Answer::Drop, expected, echo: None }
}

/// `Method SP Request-URI SP SIP-Version` (§7.1), one space each.
fn request_line(line: &[u8]) -> Result<(Method, Uri), (u16, Expected)> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (method, uri, version) = (parts.next(), parts.next(), parts.next());
    let method = method
        .filter(|method| !method.is_empty() && method.len() <= METHOD_BYTES_MAX)
        .filter(|method| method.iter().all(|byte| is_token(*byte)))
        .and_then(|method| std::str::from_utf8(method).ok())
        .ok_or((400, "a method"))?;
    let version = version.ok_or((400, "method, URI and version"))?;
    if !is_version(version) {
        return Err((400, "`SIP/2.0` at the end of the request line"));
    }
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err((505, "`SIP/2.0`"));
    }
    let uri = uri.unwrap_or_default();
    if uri.len() > URI_BYTES_MAX {
        return Err((414, "a request URI of at most 2,048 bytes"));
    }
    let uri = std::str::from_utf8(uri).map_err(|_| (400, "a request URI"))?;
    let uri = Uri::parse(uri).map_err(|error| (400, error.expected))?;
    // §19.1.1: headers in a request URI would become headers of somebody's request.
    if uri.as_sip().is_some_and(|uri| !uri.headers.is_empty()) {
        return Err((400, "a request URI without headers"));
    }
    Ok((Method::new(method), uri))
}

/// `SIP-Version SP Status-Code SP Reason-Phrase` (§7.2). The last space may be missing.
fn status_line(line: &Bytes) -> Result<(u16, Bytes), Expected> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (version, status, reason) = (parts.next(), parts.next(), parts.next());
    if !version.is_some_and(|version| version.eq_ignore_ascii_case(b"SIP/2.0")) {
        return Err("`SIP/2.0`");
    }
    let status = status
        .filter(|digits| digits.len() == 3)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(number)
        .filter(|status| (100..700).contains(status))
        .ok_or("a status from 100 to 699")?;
    Ok((status, reason.map_or_else(Bytes::new, |reason| line.slice_ref(reason))))
}

/// `SIP/` and two numbers.
fn is_version(text: &[u8]) -> bool {
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
        && text.get(4..).is_some_and(|numbers| {
            let mut parts = numbers.splitn(2, |byte| *byte == b'.');
            parts.next().is_some_and(is_digits) && parts.next().is_some_and(is_digits)
        })
}
