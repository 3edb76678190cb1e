//! RFC 4475: what is read of the torture messages. Who objects to which is in `torture.md`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use bytes::Bytes;
use sip::error::{Answer, Layer, ParseError};
use sip::framer::{Frame, Framer};
use sip::header::{Contacts, Name};
use sip::message::{Message, Method, Request, Response, parse, validate};
use sip::uri::{Host, Uri};
use testkit::rfc4475;

fn read(name: &str) -> Result<Message, ParseError> {
    parse(&Bytes::from_static(rfc4475::message(name)))
}

#[test]
fn every_refused_torture_request_can_be_answered_with_its_own_headers() {
    for torture in rfc4475::ALL {
        let bytes = Bytes::from_static(torture.bytes);
        let refused = parse(&bytes).and_then(|message| validate(&message));
        let Err(ParseError { answer: Answer::Status(status), echo, .. }) = refused else {
            continue;
        };
        let response = Response::answering(&echo.unwrap(), status).to_bytes();
        let Ok(Message::Response(response)) = parse(&response) else {
            panic!("the answer to `{}` cannot be read", torture.name);
        };
        assert_eq!(response.status, status);
        assert!(response.headers.has(&Name::Via), "{}", torture.name);
        // All but insuf, which has none of them, tell where the answer belongs.
        assert_eq!(response.headers.has(&Name::CallId), torture.name != "insuf");
    }
}

#[test]
fn what_validates_prints_and_reads_back_the_same() {
    for torture in rfc4475::ALL {
        let Ok(message) = parse(&Bytes::from_static(torture.bytes)) else {
            continue;
        };
        let printed = message.to_bytes();
        let again = parse(&printed).unwrap();
        assert_eq!(again.to_bytes(), printed, "{}", torture.name);
        let (one, another) = match (&message, &again) {
            (Message::Request(one), Message::Request(another)) => {
                assert_eq!((&one.method, &one.uri), (&another.method, &another.uri));
                (&one.body, &another.body)
            }
            (Message::Response(one), Message::Response(another)) => {
                assert_eq!((one.status, &one.reason), (another.status, &another.reason));
                (&one.body, &another.body)
            }
            _ => panic!("{} changed its kind", torture.name),
        };
        assert_eq!(one, another);
        let kept = |message: &Message| {
            let fields = message.headers().iter().filter(|(name, _)| **name != Name::ContentLength);
            fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
        };
        assert_eq!(kept(&message), kept(&again), "{}", torture.name);
    }
}

fn request(name: &str) -> Request {
    match read(name) {
        Ok(Message::Request(request)) => request,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn the_tortuous_invite_is_read_to_the_last_parameter() {
    let invite = request("wsinv");
    let headers = &invite.headers;
    assert!(invite.uri.as_sip().unwrap().params.has("unknownparam"));
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (9, Method::Invite));
    let vias = headers.vias().unwrap();
    let hops: Vec<_> =
        vias.iter().map(|via| (via.transport.as_str(), via.host.to_string(), via.branch())).collect();
    assert_eq!(
        hops,
        [
            ("UDP", "192.0.2.2".to_owned(), Some("390skdjuw")),
            ("TCP", "spindle.example.com".to_owned(), Some("z9hG4bK9ikj8")),
            ("UDP", "192.168.255.111".to_owned(), Some("z9hG4bK30239")),
        ]
    );
    assert_eq!(headers.first(&Name::Subject).unwrap().as_ref(), b"");
    assert_eq!(
        headers.first(&Name::new("newfangledheader")).unwrap().as_ref(),
        b"newfangled value continued newfangled value"
    );
    assert_eq!(headers.first(&Name::new("UnknownHeaderWithUnusualValue")).unwrap().as_ref(), b";;,,;;,;");
    let contacts = headers.contacts().unwrap();
    let [contact] = contacts.addresses() else { panic!("one contact") };
    assert_eq!(contact.display_name.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.params.value("newparam").as_deref(), Some("newvalue"));
    assert_eq!(contact.params.raw("secondparam"), Some(None));
    assert_eq!(contact.preference(), Some(330));
    assert_eq!(invite.body.len(), 150);
}

#[test]
fn unusual_characters_stay_what_they_are() {
    let unusual = request("intmeth");
    assert_eq!(unusual.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    let uri = unusual.uri.as_sip().unwrap();
    assert_eq!(uri.user.as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password.as_deref(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    let headers = &unusual.headers;
    assert_eq!(headers.to().unwrap().display_name.as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
    let from = headers.from().unwrap();
    assert_eq!(from.display_name.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(from.params.value("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(headers.call_id(), Ok("intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"));
    assert_eq!(headers.top_via().unwrap().rfc3261_branch(), Some("z9hG4bK-.!%66*_+`'~"));
    let extension = Name::new("extensionHeader-!.%*+_`'~");
    assert_eq!(headers.first(&extension).unwrap().as_ref(), "\u{feff}大停電".as_bytes());
}

#[test]
fn escapes_are_resolved_in_uris_and_nowhere_else() {
    let escaped = request("esc01");
    assert_eq!(escaped.uri.user().unwrap().expose(), "sips:user@example.com");
    let to = escaped.headers.to().unwrap();
    assert!(to.uri.is_equivalent(&Uri::parse("sip:user@example.com").unwrap()));
    assert_eq!(escaped.headers.from().unwrap().uri.user().unwrap().expose(), "I have spaces");

    let register = request("escnull");
    assert_eq!(register.headers.to().unwrap().uri.user().unwrap().expose(), "null-\0-null");
    let Contacts::These(contacts) = register.headers.contacts().unwrap() else { panic!("contacts") };
    assert_eq!(contacts.len(), 2);
    assert!(
        contacts.first().zip(contacts.last()).is_some_and(|(one, other)| !one.uri.is_equivalent(&other.uri))
    );

    let unescaped = request("esc02");
    assert_ne!(unescaped.method, Method::Register);
    assert_eq!(unescaped.headers.from().unwrap().display_name.as_deref(), Some("%Z%45"));
    assert_eq!(unescaped.headers.contacts().unwrap().addresses().len(), 2);
}

#[test]
fn valid_messages_hold_what_the_rfc_says() {
    assert_eq!(request("lwsdisp").headers.from().unwrap().display_name.as_deref(), Some("caller"));
    assert_eq!(request("longreq").headers.vias().unwrap().len(), 34);
    let double = request("dblreq");
    assert_eq!((double.method, double.body.len()), (Method::Register, 0));
    assert_eq!(request("semiuri").uri.user().unwrap().expose(), "user;par=u@example.net");
    let transports: Vec<_> =
        request("transports").headers.vias().unwrap().into_iter().map(|via| via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    let multipart = request("mpart01");
    assert_eq!(multipart.body.len(), 553);
    assert_eq!(
        multipart.headers.content_type().unwrap().unwrap().params.raw("boundary"),
        Some(Some("7a9cbec02ceef655"))
    );
    for (name, status, reason) in
        [("unreason", 200, "= 2**3 * 5**2 но сто девяносто девять - простое"), ("noreason", 100, "")]
    {
        let Ok(Message::Response(response)) = read(name) else { panic!("{name} is a response") };
        assert_eq!((response.status, response.reason.as_ref()), (status, reason.as_bytes()));
    }
}

#[test]
fn the_application_learns_what_it_must_refuse() {
    for (name, scheme) in [("unkscm", "nobodyknowsthisscheme"), ("novelsc", "soap.beep")] {
        assert!(matches!(request(name).uri, Uri::Other(uri) if uri.scheme == scheme), "416");
    }
    assert!(matches!(request("unksm2").headers.to().unwrap().uri, Uri::Other(_)), "400");
    assert_eq!(
        request("bext01").headers.require().unwrap(),
        ["nothingSupportsThis", "nothingSupportsThisEither"],
        "420"
    );
    assert!(!request("invut").headers.content_type().unwrap().unwrap().is("application/sdp"), "415");
    assert_eq!(request("regaut01").headers.authorization(), Ok(Vec::new()), "401");
    assert_eq!(request("zeromf").headers.max_forwards(), Ok(Some(0)));
    assert_eq!(request("badbranch").headers.top_via().unwrap().rfc3261_branch(), None);
    let contact =
        |name: &str| request(name).headers.contacts().unwrap().addresses().first().cloned().unwrap();
    assert!(contact("cparam01").params.has("unknownparam"));
    assert!(contact("cparam02").uri.as_sip().unwrap().params.has("unknownparam"));
    let route = ("Route".to_owned(), "%3Csip:sip.example.com%3E".to_owned());
    assert_eq!(contact("regescrt").uri.as_sip().unwrap().headers, [route]);
    let old = request("inv2543");
    assert_eq!(old.headers.from().unwrap().tag(), None);
    assert_eq!((old.headers.top_via().unwrap().branch(), old.body.len()), (None, 105));
    assert!(matches!(old.uri.host(), Some(Host::Name(name)) if name == "example.com"));
}

#[test]
fn on_a_stream_a_message_without_a_trustworthy_length_ends_the_connection() {
    for (name, length_is_the_trouble) in [
        ("ncl", true),
        ("mcl01", true),
        ("inv2543", true),
        ("wsinv", false),
        ("intmeth", false),
        ("mpart01", false),
    ] {
        let mut framer = Framer::new();
        framer.push(rfc4475::message(name));
        match framer.next() {
            Err(error) => {
                assert!(length_is_the_trouble, "{name}");
                assert_eq!(
                    (error.layer, error.answer),
                    (Layer::Header(Name::ContentLength), Answer::Status(400))
                );
                framer.push(rfc4475::message("wsinv"));
                assert_eq!(framer.next(), Ok(None), "a broken stream stays broken");
            }
            Ok(frame) => {
                assert!(!length_is_the_trouble, "{name}");
                assert_eq!(frame, Some(Frame::Message(Bytes::from_static(rfc4475::message(name)))));
            }
        }
    }
    // Longer than what came: on a stream the rest may still be on its way.
    let mut framer = Framer::new();
    framer.push(rfc4475::message("clerr"));
    assert_eq!(framer.next(), Ok(None));
}
