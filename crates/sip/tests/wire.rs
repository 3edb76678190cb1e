//! What real trunks, phones and browsers send, and what some send to mislead.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use sip::error::{Answer, Layer};
use sip::header::{Name, NameAddr, Refresher, Via};
use sip::message::{
    HEADERS_MAX, Headers, MESSAGE_BYTES_MAX, Message, Method, Request, Response, URI_BYTES_MAX,
    is_keep_alive, parse, validate,
};
use sip::uri::{Host, SipUri, Uri};

fn read(text: &str) -> Message {
    parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn request(text: &str) -> Request {
    match read(text) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a response"),
    }
}

/// An INVITE with these lines after its mandatory ones.
fn invite(lines: &str) -> String {
    format!(
        "INVITE sip:triage@example.org SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:+15550100@example.net>;tag=1\r\n\
         To: <sip:triage@example.org>\r\n\
         Call-ID: 1@192.0.2.1\r\n\
         CSeq: 1 INVITE\r\n\
         {lines}\r\n"
    )
}

fn refused(bytes: &[u8]) -> (Layer, Answer) {
    let refused = parse(&Bytes::copy_from_slice(bytes)).and_then(|message| validate(&message));
    let error = refused.unwrap_err();
    (error.layer, error.answer)
}

#[test]
fn compact_names_are_the_long_ones() {
    let compact = request(
        "INVITE sip:triage@example.org SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n\
         t: <sip:c@d>\r\ni: 1\r\nCSeq: 1 INVITE\r\nm: <sip:a@192.0.2.1>\r\nc: application/sdp\r\nk: timer\r\n\
         x: 1800;refresher=uas\r\nr: <sip:e@f>\r\nl: 3\r\n\r\nv=0",
    );
    let headers = &compact.headers;
    assert_eq!(headers.call_id(), Ok("1"));
    assert_eq!(headers.contacts().unwrap().addresses().len(), 1);
    assert!(headers.content_type().unwrap().unwrap().is("application/sdp"));
    assert_eq!(headers.supported().unwrap(), ["timer"]);
    let session = headers.session_expires().unwrap().unwrap();
    assert_eq!((session.interval, session.refresher), (1_800, Some(Refresher::Uas)));
    assert!(headers.refer_to().unwrap().is_some());
    assert_eq!(validate(&Message::Request(compact)), Ok(()));
}

#[test]
fn two_values_on_one_line_are_two_values() {
    let lists = request(&invite(
        "Via: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2, SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK3\r\n\
         Contact: \"a, b\" <sip:a@192.0.2.1>, <sip:b@192.0.2.1>;q=0.5\r\n\
         P-Asserted-Identity: \"Jane <RN>\" <sip:+15550100@example.net>, <tel:+15550100>\r\n",
    ));
    let vias = lists.headers.vias().unwrap();
    assert_eq!(vias.len(), 3);
    assert!(matches!(vias.last().unwrap().host, Host::V6(_)));
    assert_eq!(lists.headers.contacts().unwrap().addresses().len(), 2);
    let asserted = lists.headers.asserted().unwrap();
    let users: Vec<_> = asserted.iter().map(|address| address.uri.user().unwrap().into_exposed()).collect();
    assert_eq!(users, ["+15550100", "+15550100"]);
}

#[test]
fn replacing_the_top_via_leaves_the_others_on_its_line() {
    let mut headers = Headers::new();
    headers.push(Name::Via, "SIP/2.0/UDP a;rport, SIP/2.0/UDP b");
    headers.push(Name::Via, "SIP/2.0/UDP c");
    let mut via = headers.top_via().unwrap();
    via.stamp("192.0.2.9:5099".parse().unwrap());
    headers.set_top_via(&via);
    let lines: Vec<_> = headers.all(&Name::Via).cloned().collect();
    assert_eq!(lines, ["SIP/2.0/UDP a;rport=5099;received=192.0.2.9, SIP/2.0/UDP b", "SIP/2.0/UDP c"]);
}

#[test]
fn request_uris_of_every_scheme_are_read() {
    for (uri, is_known) in [
        ("sip:[2001:db8::1]:5060;transport=tcp", true),
        ("tel:911", true),
        ("tel:+15550100", true),
        ("urn:service:sos", false),
        ("sips:triage@example.org", true),
    ] {
        let request =
            request(&invite("").replace("sip:triage@example.org SIP/2.0", &format!("{uri} SIP/2.0")));
        assert_eq!(request.uri.to_wire(), uri);
        assert_eq!(!matches!(request.uri, Uri::Other(_)), is_known);
    }
}

#[test]
fn a_request_line_cannot_swallow_the_headers_after_it() {
    let smuggled = "INVITE tel:+1 SIP/2.0\r\nVia: SIP/2.0/UDP good\r\nP-Asserted-Identity: <sip:real@example.org>\r\n\
                    Subject: a://evil.example SIP/2.0\r\nVia: SIP/2.0/UDP evil\r\n\r\n";
    let message = request(smuggled);
    assert!(matches!(message.uri, Uri::Tel(_)));
    assert_eq!(message.headers.top_via().unwrap().host.to_string(), "good");
    assert_eq!(message.headers.asserted().unwrap().len(), 1);
}

#[test]
fn a_line_that_ends_in_anything_but_crlf_ends_the_message_s_credit() {
    for trick in ["Subject: a\nVia: SIP/2.0/UDP evil", "Subject: a\rVia: SIP/2.0/UDP evil", "Subject: a\n"] {
        assert_eq!(refused(invite(&format!("{trick}\r\n")).as_bytes()), (Layer::Framing, Answer::Drop));
    }
    assert_eq!(refused(invite("No colon here\r\n").as_bytes()), (Layer::Framing, Answer::Status(400)));
    assert_eq!(refused(invite(": no name\r\n").as_bytes()), (Layer::Framing, Answer::Status(400)));
    assert_eq!(refused(invite("Na me: x\r\n").as_bytes()), (Layer::Framing, Answer::Status(400)));
}

#[test]
fn bytes_that_are_not_utf_8_are_kept_as_they_came() {
    let mut bytes =
        invite("Subject: caf\u{1}\r\n").replace("<sip:+15550100", "\"J\u{2}rg\" <sip:+15550100").into_bytes();
    for byte in &mut bytes {
        *byte = match *byte {
            1 => 0xe9,
            2 => 0xf6,
            other => other,
        };
    }
    let Ok(Message::Request(request)) = parse(&Bytes::from(bytes)) else { panic!("a request") };
    assert_eq!(request.headers.first(&Name::Subject).unwrap().as_ref(), b"caf\xe9");
    assert_eq!(request.headers.from().unwrap().display_name.as_deref(), Some("J\u{fffd}rg"));
    let printed = request.to_bytes();
    assert!(printed.windows(4).any(|window| window == b"J\xf6rg"));
    let response = Response::answering(&request.headers, 486).to_bytes();
    assert!(response.windows(4).any(|window| window == b"J\xf6rg"));
}

#[test]
fn a_datagram_without_content_length_is_all_body_and_with_it_ends_there() {
    let body = |text: &str| request(text).body;
    assert_eq!(body(&(invite("") + "v=0\r\n")), "v=0\r\n");
    assert_eq!(body(&(invite("Content-Length: 3\r\n") + "v=0\r\nINVITE sip:x SIP/2.0")), "v=0");
    assert_eq!(refused((invite("Content-Length: 4\r\n") + "v=0").as_bytes()).1, Answer::Status(400));
}

#[test]
fn a_message_without_its_empty_line_is_dropped() {
    let whole = invite("");
    for end in 0..whole.len() {
        assert_eq!(refused(whole.as_bytes().get(..end).unwrap()).1, Answer::Drop, "{end}");
    }
}

#[test]
fn keep_alives_are_told_from_messages() {
    for bytes in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0"] {
        assert!(is_keep_alive(bytes));
    }
    assert!(!is_keep_alive(b"\r\nOPTIONS sip:x SIP/2.0\r\n\r\n"));
    assert!(matches!(read(&format!("\r\n\r\n{}", invite(""))), Message::Request(_)));
}

#[test]
fn every_bound_has_its_answer() {
    let long_uri = invite("").replace("sip:triage@", &format!("sip:{}@", "a".repeat(URI_BYTES_MAX)));
    assert_eq!(refused(long_uri.as_bytes()), (Layer::StartLine, Answer::Status(414)));
    let many = invite(&"X: y\r\n".repeat(HEADERS_MAX));
    assert_eq!(refused(many.as_bytes()), (Layer::Framing, Answer::Status(400)));
    let vias = invite(&format!("Via: {}SIP/2.0/UDP a\r\n", "SIP/2.0/UDP a,".repeat(80)));
    assert_eq!(refused(vias.as_bytes()), (Layer::Header(Name::Via), Answer::Status(400)));
    let contacts = invite(&format!("Contact: {}<sip:a>\r\n", "<sip:a>,".repeat(64)));
    assert_eq!(refused(contacts.as_bytes()), (Layer::Header(Name::Contact), Answer::Status(400)));
    let params = invite(&format!("Contact: <sip:a>{}\r\n", ";a".repeat(65)));
    assert_eq!(refused(params.as_bytes()), (Layer::Header(Name::Contact), Answer::Status(400)));
    let large = invite("") + &"x".repeat(MESSAGE_BYTES_MAX);
    assert_eq!(refused(large.as_bytes()), (Layer::Framing, Answer::Drop));
    let method = invite("").replace("INVITE sip", &format!("{} sip", "A".repeat(65)));
    assert_eq!(refused(method.as_bytes()), (Layer::StartLine, Answer::Status(400)));
}

#[test]
fn an_ack_and_a_response_are_never_answered() {
    let ack = invite("").replace("INVITE", "ACK");
    assert_eq!(refused(ack.replace("CSeq: 1 ACK", "CSeq: 1 BYE").as_bytes()).1, Answer::Drop);
    assert_eq!(refused(ack.replace("SIP/2.0\r\n", "SIP/3.0\r\n").as_bytes()).1, Answer::Drop);
    let response = invite("").replace("INVITE sip:triage@example.org SIP/2.0", "SIP/2.0 200 OK");
    assert_eq!(validate(&read(&response)), Ok(()));
    assert_eq!(refused(response.replace("tag=1", "tag=").as_bytes()).1, Answer::Drop);
    assert_eq!(refused(response.replace("Call-ID", "X").as_bytes()).1, Answer::Drop);
    assert_eq!(refused(invite("").replace("Via", "X").as_bytes()).1, Answer::Drop);
}

#[test]
fn methods_compare_by_their_case_and_unknown_ones_are_read() {
    assert_eq!(
        request(&invite("").replace("INVITE", "NEWMETHOD")).method,
        Method::Extension("NEWMETHOD".to_owned())
    );
    assert_eq!(
        request(&invite("").replace("INVITE", "invite")).method,
        Method::Extension("invite".to_owned())
    );
}

#[test]
fn headers_that_may_come_once_are_refused_twice() {
    for name in ["From: <sip:a@b>", "To: <sip:a@b>", "Call-ID: 2", "CSeq: 1 INVITE", "f: <sip:a@b>"] {
        assert!(matches!(
            refused(invite(&format!("{name}\r\n")).as_bytes()),
            (Layer::Header(_), Answer::Status(400))
        ));
    }
    let twice = "Max-Forwards: 70\r\nMax-Forwards: 70\r\n";
    assert_eq!(refused(invite(twice).as_bytes()), (Layer::Header(Name::MaxForwards), Answer::Status(400)));
}

#[test]
fn small_headers_are_read() {
    let request = request(&invite(
        "Expires: 99999999999\r\nRetry-After: 120 (in a meeting);duration=60\r\nMin-SE: 90\r\nRAck: 776656 1 INVITE\r\n\
         Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only\r\nPrivacy: id;header\r\nSupported:\r\n\
         Require: 100rel , timer\r\nAllow: INVITE, ACK,FOO\r\nRSeq: 988789\r\n",
    ));
    let headers = &request.headers;
    assert_eq!(headers.expires(), Ok(None));
    assert_eq!(headers.retry_after(), Ok(Some(120)));
    assert_eq!(headers.min_se(), Ok(Some(90)));
    assert_eq!(headers.rseq(), Ok(Some(988_789)));
    let rack = headers.rack().unwrap().unwrap();
    assert_eq!((rack.rseq, rack.cseq.number, rack.cseq.method), (776_656, 1, Method::Invite));
    let replaces = headers.replaces().unwrap().unwrap();
    assert_eq!(replaces.call_id.expose(), "425928@bobster.example.org");
    assert_eq!(
        (replaces.to_tag.as_str(), replaces.from_tag.as_str(), replaces.early_only),
        ("7743", "6472", true)
    );
    assert_eq!(headers.privacy().unwrap(), ["id", "header"]);
    assert_eq!(headers.supported(), Ok(Vec::new()));
    assert_eq!(headers.require().unwrap(), ["100rel", "timer"]);
    assert_eq!(headers.allow().unwrap(), [Method::Invite, Method::Ack, Method::Extension("FOO".to_owned())]);
}

#[test]
fn nothing_of_a_caller_is_in_debug_output_or_errors() {
    let whole = invite("P-Asserted-Identity: \"Jane Roe\" <tel:+15550199>\r\nContent-Length: 4\r\n") + "Jane";
    let shown = format!("{:?}", read(&whole));
    let error = parse(&Bytes::from(whole.replace("Length: 4", "Length: 400"))).unwrap_err();
    for text in [shown, format!("{error:?} {error}")] {
        for secret in ["Jane", "5550199", "5550100", "triage"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn nothing_put_together_by_hand_can_bring_another_header() {
    let mut uri = SipUri::new(Host::Name("example.org".to_owned()), None);
    uri.user = Some("a SIP/2.0\r\nVia: evil\r\n".to_owned());
    let mut request = Request::new(Method::new("BYE sip:x\r\nX:"), uri.into());
    request.headers.push(Name::Other(Bytes::from_static(b"Y: z\r\nVia")), "evil");
    request.headers.push(Name::new("Z: z\r\nVia"), "evil\r\nVia: evil");
    request
        .headers
        .push(Name::Reason, NameAddr::new(request.uri.clone()).with_tag("1\r\nVia: evil").to_wire());
    let printed = request.to_bytes();
    let lines: Vec<_> = printed.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 6, "request line, two fields, Content-Length, two line ends");
    assert!(!lines.iter().any(|line| line.starts_with(b"Via")));
}

/// The cases of RFC 5118.
#[test]
fn ipv6_addresses_are_read_with_their_brackets_and_only_so() {
    let host = |uri: &str| Uri::parse(uri).map(|uri| uri.host().unwrap().to_string());
    assert_eq!(host("sip:[2001:db8::10]").unwrap(), "[2001:db8::10]", "§4.1");
    assert!(host("sip:2001:db8::10").is_err(), "§4.2: without brackets an address and a port look alike");
    let with_port = Uri::parse("sip:[2001:db8::10]:5070").unwrap();
    assert_eq!(with_port.as_sip().unwrap().port, Some(5_070), "§4.4");
    assert_eq!(
        host("sip:[2001:db8::10:5070]").unwrap(),
        "[2001:db8::10:5070]",
        "§4.3: the address ends in 5070"
    );
    for written in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let via =
            Via::parse(&format!("SIP/2.0/UDP [2001:db8::9:1];received={written};branch=z9hG4bKas3-111"))
                .unwrap();
        assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()), "§4.5");
    }
    assert_eq!(host("sip:user@[2001:db8:::192.0.2.1]"), host("sip:user@[2001:db8::192.0.2.1]"), "§4.10");
    assert_eq!(host("sip:a@[::ffff:192.0.2.10]").unwrap(), "[::ffff:192.0.2.10]", "§4.8");
    assert!(host("sip:a@[:::1:::]").is_err());
}
