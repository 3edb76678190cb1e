//! One datagram: read, checked, printed and read again.

use bytes::Bytes;
use sip::error::{Answer, ParseError};
use sip::message::{Message, Response, parse, validate};
use sip::passport::{Call, Passport};
use sip::{EmergencyNumber, Presented};

/// The bytes are the datagram.
pub fn message(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    match parse(&bytes) {
        Ok(message) => {
            read_all(&message);
            if let Err(error) = validate(&message) {
                is_answerable(&error);
            }
            let printed = message.to_bytes();
            let again = parse(&printed).expect("what we print can be read");
            assert_eq!(again.to_bytes(), printed, "printing is a fixed point");
            assert_eq!(validate(&message).is_ok(), validate(&again).is_ok(), "printing changes no verdict");
        }
        Err(error) => is_answerable(&error),
    }
}

/// A refusal that is to be answered has something to answer to, and the answer is a message.
fn is_answerable(error: &ParseError) {
    let Answer::Status(status) = error.answer else { return };
    let echo = error.echo.as_ref().expect("there is something to answer to");
    parse(&Response::answering(echo, status).to_bytes()).expect("our answer can be read");
}

/// Reads everything there is to read. What it says does not matter, that it comes back does.
fn read_all(message: &Message) {
    let headers = message.headers();
    let _ = (headers.vias(), headers.top_via().map(|via| (via.received(), via.to_wire())));
    let _ = (headers.from().map(|from| from.to_wire()), headers.to().map(|to| to.to_wire()));
    let _ = (headers.call_id(), headers.cseq(), headers.contacts(), headers.routes());
    let _ = (headers.record_routes(), headers.asserted(), headers.refer_to(), headers.max_forwards());
    let _ = (headers.expires(), headers.min_expires(), headers.retry_after(), headers.rseq());
    let _ = (headers.rack(), headers.session_expires(), headers.min_se(), headers.replaces());
    let _ = (headers.content_type(), headers.content_length(), headers.require(), headers.proxy_require());
    let _ = (headers.supported(), headers.allow(), headers.privacy(), headers.authorization());
    let _ = (headers.proxy_authorization(), headers.www_authenticate(), headers.proxy_authenticate());
    let _ = (headers.diversions(), headers.history_redirections(), headers.remote_party());
    for identity in headers.identities().into_iter().flatten() {
        let call = Call { orig: Some("15550100"), dest: &["15550199"], date: None };
        drop(Passport::read(&identity, call));
    }
    if let Message::Request(request) = message {
        let _ = (Presented::of(request), EmergencyNumber::of_uri(&request.uri), request.uri.telephone());
    }
    let _ = format!("{message:?}");
}
