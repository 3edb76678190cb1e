//! Calls for help at the door of the endpoint (47 CFR 9.16; RFC 5031, RFC 6442).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bench;

use bench::{ANSWER, Ask, Bench, header, invite_to, response};
use primitives::Private;
use sip::{Account, Binding, Input, Invite, LegEvent, Path};

/// An INVITE with credentials nobody could have sent: the password is wrong.
fn with_wrong_password(uri: &str) -> Ask {
    Ask::invite().uri(uri).from("<sip:anna@careline.example>;tag=a").with(
        "Authorization: Digest username=\"anna\", realm=\"careline.example\", nonce=\"x\", uri=\"sip:911@careline.example\", \
         response=\"00000000000000000000000000000000\", algorithm=MD5, cnonce=\"y\", nc=00000001, qop=auth",
    )
}

/// As a call of its own.
fn ask_anew(mut ask: Ask, name: &str) -> String {
    ask.branch = format!("z9hG4bK{}", name.replace([':', '@', '*'], "-"));
    ask.call_id(&name.replace(':', "-")).text()
}

fn registered() -> Bench {
    let mut bench = Bench::new();
    let binding = Binding {
        contact: "sip:anna@192.0.2.10".to_owned(),
        path: bench::path(),
        preference: 1_000,
        expires: jiff::Timestamp::MAX,
        sip_call_id: "r".to_owned(),
        cseq: 1,
    };
    bench.input(Input::Restore { user: "anna".to_owned(), binding });
    bench
}

#[test]
fn a_registered_phone_with_a_wrong_password_reaches_help_and_nothing_else() {
    let mut bench = registered();
    for (number, uri) in [
        ("911", "sip:911@192.0.2.1"),
        ("9911", "sip:9911@192.0.2.1"),
        ("933", "tel:933"),
        ("911", "urn:service:sos"),
    ] {
        let text = ask_anew(with_wrong_password(uri), uri);
        let said = bench.receive(&text);
        let [(_, LegEvent::Invited(invited))] = &said.events[..] else { panic!("{uri}: {said:?}") };
        assert_eq!((invited.dialled.expose().as_str(), &invited.user), (number, &None));
    }
    for uri in ["sip:9110@192.0.2.1", "sip:0911@192.0.2.1", "sip:912@192.0.2.1", "sip:*61@192.0.2.1"] {
        let said = bench.receive(&ask_anew(with_wrong_password(uri), uri));
        assert!(said.message(0).starts_with("SIP/2.0 401"), "{uri}");
    }
    let said = bench.receive(&ask_anew(Ask::invite().uri("urn:service:counseling"), "urn"));
    assert!(said.message(0).starts_with("SIP/2.0 416"));
}

#[test]
fn whoever_calls_for_help_from_an_unknown_place_with_a_wrong_password_is_asked_again_and_not_refused() {
    let mut bench = Bench::new();
    let said = bench.receive(&with_wrong_password("sip:911@192.0.2.1").text());
    assert!(said.message(0).starts_with("SIP/2.0 401"));
    assert!(!header(said.message(0), "WWW-Authenticate").is_empty());
}

#[test]
fn a_phone_is_known_by_where_it_registered_and_among_several_by_its_name() {
    let mut bench = registered();
    let ben = Binding {
        contact: "sip:ben@192.0.2.10:5062".to_owned(),
        path: Path { peer: "192.0.2.10:5062".parse().unwrap(), ..bench::path() },
        preference: 1_000,
        expires: jiff::Timestamp::MAX,
        sip_call_id: "r2".to_owned(),
        cseq: 1,
    };
    bench.input(Input::Restore { user: "ben".to_owned(), binding: ben });
    let at = |peer: &str| Path { peer: peer.parse().unwrap(), ..bench::path() };
    let who = |peer: &str, from| bench.endpoint.registered_at(&at(peer), from);
    assert_eq!(who("192.0.2.10:5060", None), Some("anna"));
    assert_eq!(who("192.0.2.10:5062", Some("stranger")), Some("ben"));
    assert_eq!(who("192.0.2.10:9999", Some("ben")), Some("ben"), "from another port, under its name");
    assert_eq!(who("192.0.2.10:9999", None), None);
    assert_eq!(who("192.0.2.99:5060", Some("anna")), None, "a name alone is nobody");
}

#[test]
fn an_invite_to_a_service_goes_by_its_route_with_the_body_it_was_given() {
    let mut bench = Bench::new();
    let headers = vec![("Content-Type".to_owned(), "multipart/mixed;boundary=b".to_owned())];
    let account = Account { routes: vec!["<sip:192.0.2.10:5060;lr>".to_owned()], ..Account::default() };
    let (leg, said) = bench.dial(Invite {
        from: Some(Private::new("+15550100100".to_owned())),
        headers,
        account: account.clone(),
        ..invite_to("urn:service:sos")
    });
    let invite = said.message(0).to_owned();
    assert!(invite.starts_with("INVITE urn:service:sos SIP/2.0\r\n"), "{invite}");
    assert_eq!(said.sent[0].0.peer, bench::peer());
    assert_eq!(bench::headers(&invite, "Content-Type"), ["multipart/mixed;boundary=b"]);
    assert_eq!(bench::headers(&invite, "Route"), ["<sip:192.0.2.10:5060;lr>"]);
    assert!(!bench.endpoint.has_heard_from(leg));
    bench.receive(&response(&invite, "100 Trying", "", ""));
    assert!(bench.endpoint.has_heard_from(leg), "100 is a sign of life that no event tells");
    let said = bench.receive(&response(&invite, "200 OK", "b1", ANSWER));
    assert!(said.message(0).starts_with("ACK "));

    // Refused, it is acknowledged along the same way (§17.1.1.3).
    let (_, said) = bench.dial(Invite { account, ..invite_to("urn:service:sos") });
    let said = bench.receive(&response(said.message(0), "503 Service Unavailable", "b2", ""));
    assert_eq!(bench::headers(said.message(0), "Route"), ["<sip:192.0.2.10:5060;lr>"]);
}
