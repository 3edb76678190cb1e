//! What holds of the wire for any bytes at all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use sip::Presented;
use sip::error::ParseError;
use sip::framer::{Frame, Framer};
use sip::header::{CSeq, Name, NameAddr, Via};
use sip::message::{Message, Method, Request, Response, parse, validate};
use sip::uri::Uri;
use testkit::rfc4475;

/// Reads everything there is to read; what it says does not matter, that it comes back does.
fn read_all(message: &Message) {
    let headers = message.headers();
    let _ = validate(message);
    let _ =
        (headers.vias(), headers.top_via(), headers.from(), headers.to(), headers.call_id(), headers.cseq());
    let _ = (
        headers.contacts(),
        headers.routes(),
        headers.record_routes(),
        headers.asserted(),
        headers.refer_to(),
    );
    let _ = (
        headers.max_forwards(),
        headers.expires(),
        headers.min_expires(),
        headers.retry_after(),
        headers.rseq(),
    );
    let _ = (
        headers.rack(),
        headers.session_expires(),
        headers.min_se(),
        headers.replaces(),
        headers.content_type(),
    );
    let _ =
        (headers.require(), headers.supported(), headers.allow(), headers.privacy(), headers.authorization());
    let _ = (headers.proxy_authorization(), headers.www_authenticate(), headers.proxy_authenticate());
    let _ =
        (headers.preferred(), headers.diversions(), headers.history_redirections(), headers.remote_party());
    let _ = headers.identities();
    if let Message::Request(request) = message {
        let _ = format!("{:?}", Presented::of(request));
    }
    let _ = format!("{message:?}");
}

fn survive(bytes: Bytes) {
    match parse(&bytes) {
        Ok(message) => {
            read_all(&message);
            let printed = message.to_bytes();
            let again = parse(&printed).unwrap();
            assert_eq!(again.to_bytes(), printed);
        }
        Err(ParseError { echo: Some(echo), .. }) => {
            parse(&Response::answering(&echo, 400).to_bytes()).unwrap();
        }
        Err(_) => {}
    }
}

/// Changes to a message: at this place (of 65,536 parts) overwrite, insert, remove, or copy what is there.
fn mutated(original: &[u8], changes: &[(u16, u8, u8)]) -> Bytes {
    let mut bytes = original.to_vec();
    for (place, kind, byte) in changes {
        let at = usize::from(*place) * bytes.len() / 65_536;
        match kind % 4 {
            0 => bytes.splice(at..at, [*byte]).for_each(drop),
            1 if at < bytes.len() => bytes.splice(at..=at, [*byte]).for_each(drop),
            2 => bytes.drain(at..(at + usize::from(*byte) % 8).min(bytes.len())).for_each(drop),
            _ => {
                let copy: Vec<u8> = bytes.iter().skip(at).take(usize::from(*byte)).copied().collect();
                bytes.splice(at..at, copy).for_each(drop);
            }
        }
    }
    Bytes::from(bytes)
}

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,12}"
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}\\.[a-z]{2,3}",
        any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
    ]
}

fn uri() -> impl Strategy<Value = Uri> {
    let user = "([A-Za-z0-9_.!~*'()&=+$,;?/-]|%[0-9A-F]{2}){1,10}(:[a-z0-9]{1,5})?@";
    let params = "(;[a-z]{1,5}(=[A-Za-z0-9.%-]{1,6})?){0,3}";
    let sip = ("sips?", proptest::option::of(user), host(), proptest::option::of(any::<u16>()), params)
        .prop_map(|(scheme, user, host, port, params)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}:{}{host}{port}{params}", user.unwrap_or_default())
        });
    prop_oneof![4 => sip, 1 => "tel:\\+?[0-9][0-9().-]{0,12}", 1 => "urn:[a-z]{1,5}:[a-z.]{1,9}"]
        .prop_filter_map("a URI", |text| Uri::parse(&text).ok())
}

fn address() -> impl Strategy<Value = NameAddr> {
    (proptest::option::of("\\PC{1,12}"), uri(), proptest::option::of(token())).prop_map(|(name, uri, tag)| {
        let address = NameAddr { display_name: name, ..NameAddr::new(uri) };
        match tag {
            Some(tag) => address.with_tag(&tag),
            None => address,
        }
    })
}

/// A header value as the parser keeps it: any bytes but line ends, no white space at either end.
fn raw_value() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..40).prop_map(|bytes| {
        let bytes: Vec<u8> = bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        let text = bytes.trim_ascii();
        let end = |byte: &u8| matches!(byte, b' ' | b'\t');
        if text.first().is_some_and(end) || text.last().is_some_and(end) {
            Bytes::new()
        } else {
            Bytes::copy_from_slice(text)
        }
    })
}

fn request() -> impl Strategy<Value = Request> {
    let fields = (address(), address(), 0..1_u32 << 31, host(), token(), vec((token(), raw_value()), 0..6));
    (token(), uri(), fields, vec(any::<u8>(), 0..100)).prop_map(|(method, uri, fields, body)| {
        let (from, to, number, host, branch, others) = fields;
        let method = Method::new(&method);
        let mut request = Request::new(method.clone(), uri);
        let via = Via::parse(&format!("SIP/2.0/UDP {host};branch=z9hG4bK{branch}")).unwrap();
        request.headers.push(Name::Via, via.to_wire());
        request.headers.push(Name::From, from.to_wire());
        request.headers.push(Name::To, to.to_wire());
        request.headers.push(Name::CallId, branch);
        request.headers.push(Name::CSeq, CSeq { number, method }.to_wire());
        for (name, value) in others {
            request.headers.push(Name::new(&format!("X-{name}")), value);
        }
        request.headers.push(Name::ContentLength, body.len().to_string());
        request.body = Bytes::from(body);
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        survive(Bytes::from(bytes));
    }

    #[test]
    fn any_header_value_is_read_or_refused(value in "[ -~\\t\u{e9}]{0,60}") {
        for name in ["Via", "From", "Contact", "CSeq", "Authorization", "WWW-Authenticate", "Replaces", "Session-Expires"] {
            survive(Bytes::from(format!("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n{name}: {value}\r\n\r\n")));
        }
    }

    #[test]
    fn torture_messages_changed_anywhere_are_read_or_refused(
        which in 0..rfc4475::ALL.len(),
        changes in vec(any::<(u16, u8, u8)>(), 1..8),
    ) {
        let torture = rfc4475::ALL.get(which).unwrap();
        survive(mutated(torture.bytes, &changes));
    }

    #[test]
    fn reading_undoes_printing(request in request()) {
        let message = Message::Request(request);
        let printed = message.to_bytes();
        let read = parse(&printed).unwrap();
        prop_assert_eq!(&read, &message);
        prop_assert_eq!(read.to_bytes(), printed);
        prop_assert_eq!(validate(&read), Ok(()));
        prop_assert_eq!(read.headers().from().unwrap(), NameAddr::parse(&read.headers().from().unwrap().to_wire()).unwrap());
    }

    #[test]
    fn a_printed_address_is_the_address(address in address()) {
        prop_assert_eq!(NameAddr::parse(&address.to_wire()).unwrap(), address);
    }

    #[test]
    fn equivalence_is_reflexive(uri in uri(), other in uri()) {
        prop_assert!(uri.is_equivalent(&uri));
        prop_assert_eq!(uri.is_equivalent(&other), other.is_equivalent(&uri));
    }

    #[test]
    fn a_stream_brings_the_same_messages_however_it_is_cut(
        pieces in vec(prop_oneof![
            4 => request().prop_map(|request| request.to_bytes()),
            1 => Just(Bytes::from_static(b"\r\n\r\n")),
            1 => Just(Bytes::from_static(b"\r\n")),
            1 => (0..rfc4475::ALL.len()).prop_map(|which| Bytes::from_static(rfc4475::ALL.get(which).unwrap().bytes)),
        ], 1..5),
        cuts in vec(1..200_usize, 0..40),
    ) {
        let stream = pieces.concat();
        let whole = frames([stream.as_slice()]);
        let mut rest = stream.as_slice();
        let mut chunks = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(&frames(chunks), &whole);
        prop_assert_eq!(&frames(stream.chunks(1)), &whole);
    }
}

fn frames<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Frame, ParseError>> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        loop {
            match framer.next() {
                Ok(Some(frame)) => frames.push(Ok(frame)),
                Ok(None) => break,
                Err(error) => frames.push(Err(error)),
            }
        }
    }
    frames
}

#[test]
fn a_stream_without_end_is_given_up_at_the_bound() {
    let mut framer = Framer::new();
    framer.push(b"OPTIONS sip:a SIP/2.0\r\n");
    for _ in 0..70 {
        framer.push(&[b'a'; 1_000]);
        if framer.next().is_err() {
            return;
        }
    }
    panic!("70,000 bytes were kept");
}

/// Values of the headers that say who calls, right and wrong ones mixed.
fn identity_header() -> impl Strategy<Value = (&'static str, String)> {
    let names = prop_oneof![
        Just("Diversion"),
        Just("History-Info"),
        Just("Identity"),
        Just("Remote-Party-ID"),
        Just("P-Asserted-Identity"),
        Just("P-Preferred-Identity"),
        Just("Privacy"),
        Just("Date"),
        Just("Priority"),
    ];
    let pieces = prop_oneof![
        Just("<sip:+1555;verstat=TN-Validation-Passed@a.example?Reason=SIP%3Bcause%3D486>".to_owned()),
        Just("<tel:+1-555;npdi;phone-context=+1>".to_owned()),
        Just(";index=1.1;mp=1".to_owned()),
        Just(";reason=no-answer;counter=99999999999".to_owned()),
        Just("eyJh.eyJk.c2ln;info=<https://a.example/c>;ppt=shaken".to_owned()),
        Just(",".to_owned()),
        "[ -~]{0,12}",
    ];
    (names, vec(pieces, 0..6)).prop_map(|(name, pieces)| (name, pieces.concat()))
}

proptest! {
    #[test]
    fn whatever_headers_say_of_the_caller_is_read_or_passed_over(headers in vec(identity_header(), 0..20)) {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        survive(Bytes::from(format!(
            "INVITE sip:100@a.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
             From: <sip:1@a.example>;tag=1\r\nTo: <sip:100@a.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
             Max-Forwards: 70\r\n{lines}Content-Length: 0\r\n\r\n"
        )));
    }
}
