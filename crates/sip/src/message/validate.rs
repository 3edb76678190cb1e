//! What every request and response must have before a transaction is made of it (RFC 3261 §8.1.1, §8.2).

use crate::error::{Answer, HeaderError, HeaderProblem, Layer, ParseError};
use crate::header::{Contacts, Name};

use super::parse::{echo, expected_by};
use super::{Headers, Message, Method, Request, Response};

/// Checks that the mandatory headers are there once and well formed, that CSeq and request line agree, and
/// that the known headers an endpoint acts on can be read. What only an application can judge (a method or
/// body type it does not know, `Require`, scheme) is its own to refuse: 405, 415, 420, 416.
///
/// A From without tag and a missing Max-Forwards pass: RFC 2543 had neither.
pub fn validate(message: &Message) -> Result<(), ParseError> {
    match message {
        Message::Request(request) => validate_request(request).map_err(|(status, error)| ParseError {
            layer: Layer::Header(error.name),
            answer: match request.method {
                Method::Ack => Answer::Drop,
                _ if request.headers.has(&Name::Via) => Answer::Status(status),
                _ => Answer::Drop,
            },
            expected: expected_by(error.problem),
            echo: if request.method == Method::Ack { None } else { echo(&request.headers) },
        }),
        Message::Response(response) => validate_response(response).map_err(|error| ParseError {
            layer: Layer::Header(error.name),
            answer: Answer::Drop,
            expected: expected_by(error.problem),
            echo: None,
        }),
    }
}

fn validate_request(request: &Request) -> Result<(), (u16, HeaderError)> {
    let headers = &request.headers;
    headers.vias().map_err(bad)?;
    mandatory(headers).map_err(bad)?;
    let cseq = headers.cseq().map_err(bad)?;
    if cseq.method != request.method {
        // A method nobody knows is refused as that, whatever CSeq says (RFC 4475 §3.1.2.18).
        let status = if matches!(request.method, Method::Extension(_)) { 501 } else { 400 };
        return Err((status, malformed(Name::CSeq, "the method of the request line")));
    }
    headers.max_forwards().map_err(bad)?;
    headers.content_type().map_err(bad)?;
    headers.routes().map_err(bad)?;
    headers.record_routes().map_err(bad)?;
    headers.require().map_err(bad)?;
    headers.proxy_require().map_err(bad)?;
    match headers.contacts().map_err(bad)? {
        Contacts::All if request.method != Method::Register => {
            Err(bad(malformed(Name::Contact, "an address")))
        }
        _ => Ok(()),
    }
}

fn validate_response(response: &Response) -> Result<(), HeaderError> {
    let headers = &response.headers;
    // §8.1.3.3: a second Via means that it was for somebody else.
    if headers.vias()?.len() > 1 {
        return Err(HeaderError { name: Name::Via, problem: HeaderProblem::Repeated });
    }
    mandatory(headers)?;
    headers.cseq()?;
    headers.record_routes()?;
    headers.content_type()?;
    headers.contacts().map(drop)
}

fn mandatory(headers: &Headers) -> Result<(), HeaderError> {
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    Ok(())
}

const fn bad(error: HeaderError) -> (u16, HeaderError) {
    (400, error)
}

const fn malformed(name: Name, expected: &'static str) -> HeaderError {
    HeaderError { name, problem: HeaderProblem::Malformed { expected } }
}
