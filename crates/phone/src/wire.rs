//! SIP messages through rsip: what this phone reads of one and how it builds one.
//!
//! rsip's errors quote the whole message and with it the caller's number, so nothing here passes them
//! on: a message that cannot be read is `None`.

use std::net::SocketAddr;

use bytes::Bytes;
use rsip::message::HasHeaders;
use rsip::prelude::UntypedHeader as _;
use rsip::{Header, Headers, Method, Request, Response, SipMessage, StatusCode, Version};

use crate::error::PhoneError;

/// The headers every message of a dialog is told apart by (RFC 3261 §8.1.1).
#[derive(Clone)]
pub struct Heads {
    /// Of the topmost Via.
    pub branch: String,
    pub from: String,
    pub to: String,
    pub call_id: String,
    pub sequence: u32,
    pub method: Method,
}

impl Heads {
    pub fn their_tag(&self) -> Option<&str> {
        parameter(&self.from, "tag")
    }

    pub fn to_tag(&self) -> Option<&str> {
        parameter(&self.to, "tag")
    }
}

/// A datagram as a message with its heads; nothing if it is not one, or lacks one of them.
pub fn read(datagram: &[u8]) -> Option<(SipMessage, Heads)> {
    let message = SipMessage::try_from(datagram).ok()?;
    let heads = heads(&message)?;
    Some((message, heads))
}

fn heads(message: &impl HasHeaders) -> Option<Heads> {
    let headers = message.headers();
    let first = |wanted: fn(&Header) -> Option<&str>| headers.iter().find_map(wanted).map(str::to_owned);
    let via = first(|h| if let Header::Via(v) = h { Some(v.value()) } else { None })?;
    let from = first(|h| if let Header::From(v) = h { Some(v.value()) } else { None })?;
    let to = first(|h| if let Header::To(v) = h { Some(v.value()) } else { None })?;
    let call_id = first(|h| if let Header::CallId(v) = h { Some(v.value()) } else { None })?;
    let cseq = headers.iter().find_map(|h| if let Header::CSeq(v) = h { Some(v) } else { None })?;
    let branch = parameter(&via, "branch")?.to_owned();
    Some(Heads { branch, from, to, call_id, sequence: cseq.seq().ok()?, method: cseq.method().ok()? })
}

/// A header parameter outside angle brackets: `;name=value`.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let outside = value.rsplit_once('>').map_or(value, |(_, after)| after);
    outside.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The URI of a name-addr or addr-spec.
pub fn uri_of(value: &str) -> &str {
    match value.split_once('<') {
        Some((_, after)) => after.split('>').next().unwrap_or(after),
        None => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// The user part of a SIP URI, empty if it has none.
pub fn user_of(uri: &str) -> &str {
    let after_scheme = uri.split_once(':').map_or(uri, |(_, after)| after);
    after_scheme.split_once('@').map_or("", |(user, _)| user)
}

/// The URI of the message's Contact.
pub fn contact(message: &impl HasHeaders) -> Option<String> {
    let headers = message.headers().iter();
    headers
        .filter_map(|h| if let Header::Contact(v) = h { Some(v.value()) } else { None })
        .map(|value| uri_of(value).to_owned())
        .next()
}

/// Seconds a registrar granted: the `expires` of the Contact at `own`, else the Expires header.
pub fn granted_expiry(message: &Response, own: SocketAddr) -> Option<u32> {
    let own = own.to_string();
    let of_contact = message.headers().iter().find_map(|h| match h {
        // Several bindings may share one line.
        Header::Contact(v) => {
            v.value().split(',').find(|c| c.contains(&own)).and_then(|c| parameter(c, "expires"))
        }
        _ => None,
    });
    let of_header = || {
        message.headers().iter().find_map(|h| if let Header::Expires(v) = h { Some(v.value()) } else { None })
    };
    of_contact.or_else(of_header)?.trim().parse().ok()
}

/// The Record-Route values in the order they stand.
pub fn record_routes(message: &impl HasHeaders) -> Vec<String> {
    let headers = message.headers().iter();
    headers
        .filter_map(|h| if let Header::RecordRoute(v) = h { Some(v.value().to_owned()) } else { None })
        .collect()
}

/// Values of the challenge header that goes with the status (401 or 407).
pub fn challenges(message: &Response) -> Vec<&str> {
    let headers = message.headers().iter();
    headers
        .filter_map(|h| match h {
            Header::WwwAuthenticate(v) => Some(v.value()),
            Header::ProxyAuthenticate(v) => Some(v.value()),
            _ => None,
        })
        .collect()
}

/// Methods this phone understands, for Allow.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, NOTIFY";
const USER_AGENT: &str = "careline-phone";

/// The parts of a request that are not the same in all of them.
pub struct Outgoing<'a> {
    pub method: Method,
    /// Request-URI.
    pub uri: &'a str,
    pub local: SocketAddr,
    pub branch: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub call_id: &'a str,
    pub sequence: u32,
    /// Route set, Authorization, Expires and the like.
    pub extra: Vec<Header>,
    pub contact: Option<&'a str>,
    pub sdp: Option<String>,
}

/// The request as it goes on the wire; nothing if rsip does not take the Request-URI.
pub fn request(parts: Outgoing<'_>) -> Option<Bytes> {
    let mut headers = vec![
        Header::Via(format!("SIP/2.0/UDP {};branch={};rport", parts.local, parts.branch).into()),
        Header::MaxForwards("70".to_owned().into()),
        Header::From(parts.from.to_owned().into()),
        Header::To(parts.to.to_owned().into()),
        Header::CallId(parts.call_id.to_owned().into()),
        Header::CSeq(format!("{} {}", parts.sequence, parts.method).into()),
    ];
    headers.extend(parts.contact.map(|c| Header::Contact(format!("<{c}>").into())));
    headers.extend(parts.extra);
    headers.push(Header::Allow(ALLOW.to_owned().into()));
    headers.push(Header::UserAgent(USER_AGENT.to_owned().into()));
    let body = finish(&mut headers, parts.sdp);
    let uri = rsip::Uri::try_from(parts.uri).ok()?;
    let request =
        Request { method: parts.method, uri, version: Version::V2, headers: Headers::from(headers), body };
    Some(Bytes::from(request.to_string()))
}

/// A response to a request (RFC 3261 §8.2.6): its Vias, From, To, Call-ID and CSeq go back as they came.
pub struct Reply<'a> {
    pub request: &'a Request,
    pub status: u16,
    /// Added to To if it has none.
    pub tag: Option<&'a str>,
    pub contact: Option<&'a str>,
    pub sdp: Option<String>,
}

/// The response as it goes on the wire.
pub fn response(parts: Reply<'_>) -> Bytes {
    let mut headers: Vec<Header> = Vec::new();
    for header in parts.request.headers.iter() {
        match header {
            Header::To(to) => {
                let value = to.value();
                let value = match parts.tag {
                    Some(tag) if parameter(value, "tag").is_none() => format!("{value};tag={tag}"),
                    _ => value.to_owned(),
                };
                headers.push(Header::To(value.into()));
            }
            Header::Via(_)
            | Header::From(_)
            | Header::CallId(_)
            | Header::CSeq(_)
            | Header::RecordRoute(_) => headers.push(header.clone()),
            _ => {}
        }
    }
    headers.extend(parts.contact.map(|c| Header::Contact(format!("<{c}>").into())));
    headers.push(Header::Allow(ALLOW.to_owned().into()));
    headers.push(Header::UserAgent(USER_AGENT.to_owned().into()));
    let body = finish(&mut headers, parts.sdp);
    let response = Response {
        status_code: StatusCode::from(parts.status),
        version: Version::V2,
        headers: Headers::from(headers),
        body,
    };
    Bytes::from(response.to_string())
}

fn finish(headers: &mut Vec<Header>, sdp: Option<String>) -> Vec<u8> {
    let body = sdp.unwrap_or_default().into_bytes();
    if !body.is_empty() {
        headers.push(Header::ContentType("application/sdp".to_owned().into()));
    }
    headers.push(Header::ContentLength((body.len() as u32).into()));
    body
}

/// Sixteen hexadecimal digits nobody can guess, for tags, branches, Call-IDs and nonces.
pub fn token() -> Result<String, PhoneError> {
    getrandom::u64().map(|n| format!("{n:016x}")).map_err(|_| PhoneError::Randomness)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    #[test]
    fn a_request_and_its_answer_are_read_back_with_the_same_heads() {
        let datagram = request(Outgoing {
            method: Method::Invite,
            uri: "sip:nurse-line@127.0.0.1:5060",
            local: "127.0.0.1:5070".parse().unwrap(),
            branch: "z9hG4bK1",
            from: "\"A <B>\" <sip:1@127.0.0.1>;tag=a",
            to: "<sip:nurse-line@127.0.0.1:5060>",
            call_id: "c1",
            sequence: 7,
            extra: vec![Header::Expires("60".to_owned().into())],
            contact: Some("sip:1@127.0.0.1:5070"),
            sdp: Some("v=0\r\n".to_owned()),
        })
        .unwrap();
        let (SipMessage::Request(invite), heads) = read(&datagram).unwrap() else { panic!("not a request") };
        assert_eq!((parameter(&heads.from, "tag"), heads.to_tag(), heads.sequence), (Some("a"), None, 7));
        assert_eq!((heads.branch.as_str(), heads.method), ("z9hG4bK1", Method::Invite));
        assert_eq!(contact(&invite).as_deref(), Some("sip:1@127.0.0.1:5070"));

        let answer =
            response(Reply { request: &invite, status: 486, tag: Some("b"), contact: None, sdp: None });
        let (SipMessage::Response(answer), heads) = read(&answer).unwrap() else { panic!("not a response") };
        assert_eq!(answer.status_code.code(), 486);
        assert_eq!(parameter(&heads.from, "tag"), Some("a"));
        assert_eq!((heads.to_tag(), heads.call_id.as_str()), (Some("b"), "c1"));
    }

    #[test]
    fn parameters_and_uris_are_found_inside_and_outside_of_brackets() {
        assert_eq!(parameter("<sip:a@b;tag=no>;x=1;TAG = yes", "tag"), Some("yes"));
        assert_eq!(parameter("SIP/2.0/UDP h:1;rport;branch=z", "branch"), Some("z"));
        assert_eq!(uri_of("\"N\" <sip:a@b;lr>;tag=1"), "sip:a@b;lr");
        assert_eq!(uri_of("sip:a@b;tag=1"), "sip:a@b");
        assert_eq!((user_of("sip:a@b:1"), user_of("sip:b")), ("a", ""));
    }

    #[test]
    fn what_is_not_a_message_is_nothing() {
        for datagram in [&b""[..], b"\r\n\r\n", b"INVITE sip:a@b SIP/2.0\r\n\r\n", &[0xff; 40]] {
            assert!(read(datagram).is_none());
        }
    }
}
