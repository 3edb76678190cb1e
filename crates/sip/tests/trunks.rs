//! What a carrier asks of us: registration, OPTIONS, credentials, routes, and calls that find nobody home
//! (RFC 3261 §8.1, §10.2, §22; RFC 3608; RFC 7616; RFC 8760).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, Said, header, headers, invite_to, response, tag};
use primitives::Private;
use sip::message::Method;
use sip::{
    Account, Credentials, EndCause, FinalResponse, Input, Invite, LegCommand, LegEvent, OutOfDialog, Outcome,
    Output, Target, Transport,
};

const CARRIER: &str = "sip:192.0.2.10:5060";
const WHO: &str = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256";
const PROXY: &str = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"p1\", qop=\"auth\", algorithm=MD5";

fn account() -> Account {
    let [user, password] = ["5550100100", "the password"].map(|text| Private::new(text.to_owned()));
    Account {
        credentials: Some(Credentials { user, password }),
        domain: Some("carrier.example".to_owned()),
        contact_user: Some("5550100100".to_owned()),
        routes: Vec::new(),
    }
}

fn ask(method: Method) -> OutOfDialog {
    OutOfDialog {
        method,
        uri: CARRIER.to_owned(),
        path: None,
        from: "sip:5550100100@carrier.example".to_owned(),
        to: Some("sip:5550100100@carrier.example".to_owned()),
        account: account(),
        series: Some(("series-1".to_owned(), 10)),
        headers: vec![("Expires".to_owned(), "300".to_owned())],
        body: None,
        patience: Duration::from_secs(32),
    }
}

/// A response with a header line more.
fn with(request: &str, status: &str, line: &str) -> String {
    response(request, status, "t1", "").replacen("Contact:", &format!("{line}\r\nContact:"), 1)
}

fn outcome(said: &Said) -> Outcome {
    match &said.others[..] {
        [Output::Answered { outcome, .. }] => outcome.clone(),
        others => panic!("{others:?}"),
    }
}

fn last(said: &Said) -> FinalResponse {
    match outcome(said) {
        Outcome::Final(response) => *response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_register_that_is_challenged_is_proved_and_says_how_long_it_lasts() {
    let mut bench = Bench::new();
    let said = bench.request(ask(Method::Register));
    let first = said.message(0).to_owned();
    assert!(first.starts_with("REGISTER sip:192.0.2.10:5060 SIP/2.0\r\n"), "{first}");
    assert_eq!(header(&first, "Contact"), "<sip:5550100100@192.0.2.1:5060>");
    assert_eq!(header(&first, "CSeq"), "10 REGISTER");
    assert_eq!(header(&first, "Authorization"), "");

    let said = bench.receive(&with(&first, "401 Unauthorized", WHO));
    let second = said.message(0).to_owned();
    assert_eq!((header(&second, "CSeq"), header(&second, "Call-ID")), ("11 REGISTER", "series-1"));
    assert!(header(&second, "Authorization").contains("username=\"5550100100\""), "{second}");
    assert!(!second.contains("the password"));

    let ok = response(&second, "200 OK", "t1", "").replacen(
        "Contact: <sip:agent@192.0.2.10:5060>",
        "Contact: <sip:another@192.0.2.77>;expires=3600, <sip:5550100100@192.0.2.1:5060>;expires=120\r\n\
         Service-Route: <sip:edge1.carrier.example;lr>, <sip:edge2.carrier.example;lr>",
        1,
    );
    let answer = last(&bench.receive(&ok));
    assert_eq!((answer.status, answer.expires_secs), (200, Some(120)));
    assert_eq!(answer.service_route, ["<sip:edge1.carrier.example;lr>", "<sip:edge2.carrier.example;lr>"]);
    bench.runs_out();
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut bench = Bench::new();
    let said = bench.request(ask(Method::Register));
    let said = bench.receive(&with(said.message(0), "401 Unauthorized", WHO));
    let again = WHO.replace("n1", "n2");
    let said = bench.receive(&with(said.message(0), "401 Unauthorized", &again));
    assert!(said.sent.is_empty());
    assert_eq!(last(&said).status, 401);
    bench.runs_out();
}

#[test]
fn an_interval_too_brief_and_a_time_to_come_back_are_told() {
    let mut bench = Bench::new();
    let said = bench.request(ask(Method::Register));
    let said = bench.receive(&with(said.message(0), "423 Interval Too Brief", "Min-Expires: 1800"));
    assert_eq!(last(&said).min_expires_secs, Some(1_800));

    let said = bench.request(ask(Method::Options));
    let said = bench.receive(&with(said.message(0), "503 Later", "Retry-After: 42 (upgrade)"));
    assert_eq!((last(&said).status, last(&said).retry_after_secs), (503, Some(42)));
    bench.runs_out();
}

#[test]
fn an_options_nobody_answers_ends_when_its_patience_does() {
    let mut bench = Bench::new();
    bench.request(OutOfDialog { patience: Duration::from_secs(4), ..ask(Method::Options) });
    let said = bench.wait(Duration::from_secs(4));
    assert_eq!(said.sends(), ["OPTIONS"; 3], "at 0.5, 1.5 and 3.5 s");
    assert_eq!(outcome(&said), Outcome::NoResponse);
    bench.runs_out();
}

#[test]
fn a_name_that_stands_for_nothing_is_unreachable_and_a_silent_target_is_followed_by_the_next() {
    let by_name = || OutOfDialog { uri: "sip:carrier.example".to_owned(), ..ask(Method::Options) };
    let mut bench = Bench::new();
    let said = bench.request(by_name());
    let [Output::Resolve { id, .. }] = said.others[..] else { panic!("{said:?}") };
    assert_eq!(outcome(&bench.input(Input::Resolved { id, targets: &[] })), Outcome::Unreachable);

    let said = bench.request(OutOfDialog { patience: Duration::from_secs(40), ..by_name() });
    let [Output::Resolve { id, .. }] = said.others[..] else { panic!("{said:?}") };
    let target = |last: u8| Target {
        transport: Transport::Udp,
        address: ([192, 0, 2, last], 5060).into(),
        domain: None,
    };
    bench.input(Input::Resolved { id, targets: &[target(20), target(10)] });
    let said = bench.wait(Duration::from_secs(33));
    let second = said.sent.iter().find(|(path, ..)| path.peer == target(10).address).unwrap();
    assert_eq!(last(&bench.receive(&response(&second.1, "404 Nobody", "t1", ""))).status, 404);
    bench.runs_out();
}

#[test]
fn what_is_no_request_outside_a_dialog_and_what_has_no_address_fails_at_once() {
    let mut bench = Bench::new();
    assert_eq!(outcome(&bench.request(ask(Method::Invite))), Outcome::Unreachable);
    let nowhere = OutOfDialog { uri: "tel:+15550100190".to_owned(), ..ask(Method::Options) };
    assert_eq!(outcome(&bench.request(nowhere)), Outcome::Unreachable);
}

#[test]
fn an_invite_that_is_challenged_is_proved_and_so_are_its_ack_and_the_bye() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(Invite { account: account(), ..invite_to("sip:+15550100190@192.0.2.10") });
    let first = said.message(0).to_owned();
    assert!(header(&first, "From").contains("@carrier.example>"), "{first}");
    let said = bench.receive(&with(&first, "407 Proxy Authentication Required", PROXY));
    assert_eq!(said.sends(), ["ACK", "INVITE"]);
    let second = said.message(1).to_owned();
    assert_eq!(
        (header(&second, "CSeq"), header(&second, "Call-ID")),
        ("2 INVITE", header(&first, "Call-ID"))
    );
    assert_ne!(header(&second, "Via"), header(&first, "Via"));
    assert!(header(&second, "Proxy-Authorization").contains("nc=00000001"), "{second}");

    let said = bench.receive(&response(&second, "200 OK", "t1", ANSWER));
    assert_eq!(said.event_names(), ["Answered"]);
    let ack = said.message(0);
    assert_eq!(header(ack, "CSeq"), "2 ACK");
    assert_eq!(header(ack, "Proxy-Authorization"), header(&second, "Proxy-Authorization"));

    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    let bye = said.message(0).to_owned();
    assert!(header(&bye, "Proxy-Authorization").contains("nc=00000002"), "{bye}");
    let late = PROXY.replace("p1", "p2") + ", stale=true";
    let said = bench.receive(&with(&bye, "407 Proxy Authentication Required", &late));
    assert_eq!(said.sends(), ["BYE"]);
    assert!(header(said.message(0), "Proxy-Authorization").contains("nonce=\"p2\""));
    assert_eq!(header(said.message(0), "CSeq"), "4 BYE");
    bench.receive(&response(said.message(0), "200 OK", "t1", ""));
    bench.runs_out();
}

#[test]
fn a_proxy_and_the_user_agent_behind_it_may_both_ask() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(Invite { account: account(), ..invite_to("sip:+15550100190@192.0.2.10") });
    let said = bench.receive(&with(said.message(0), "407 Proxy", PROXY));
    let said = bench.receive(&with(said.message(1), "401 Unauthorized", WHO));
    let third = said.message(1);
    assert_eq!(headers(third, "Proxy-Authorization").len() + headers(third, "Authorization").len(), 2);
    let said = bench.receive(&with(third, "401 Unauthorized", WHO));
    assert_eq!(said.event_names(), ["Ended(Refused { status: 401 })"]);
    bench.runs_out();
}

#[test]
fn a_new_offer_that_is_challenged_is_offered_again_and_the_call_lives() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(Invite { account: account(), ..invite_to("sip:+15550100190@192.0.2.10") });
    let said = bench.receive(&response(said.message(0), "200 OK", "t1", ANSWER));
    assert_eq!(said.event_names(), ["Answered"]);
    let said = bench.command(leg, LegCommand::Offer { sdp: bench::sdp(ANSWER) });
    let said = bench.receive(&with(said.message(0), "401 Unauthorized", WHO));
    assert_eq!(said.sends(), ["ACK", "INVITE"]);
    assert!(header(said.message(1), "Authorization").contains("nonce=\"n1\""));
    let said = bench.receive(&response(said.message(1), "200 OK", "t1", ANSWER));
    assert_eq!(said.event_names(), ["OfferAnswered"]);
}

#[test]
fn a_call_takes_the_routes_it_was_given_and_goes_to_the_first() {
    let mut bench = Bench::new();
    let routes = ["<sip:192.0.2.30;lr>", "sip:edge.carrier.example;lr", "nonsense"].map(str::to_owned);
    let account = Account { routes: routes.into(), ..account() };
    let (_, said) = bench.dial(Invite { account, ..invite_to("sip:+15550100190@carrier.example") });
    assert_eq!(said.sent[0].0.peer, "192.0.2.30:5060".parse().unwrap());
    let invite = said.message(0);
    assert!(invite.starts_with("INVITE sip:+15550100190@carrier.example SIP/2.0"), "{invite}");
    assert_eq!(headers(invite, "Route"), ["<sip:192.0.2.30;lr>", "<sip:edge.carrier.example;lr>"]);
}

#[test]
fn a_target_that_says_nothing_is_followed_by_the_next_and_its_late_answer_is_taken_back() {
    let mut bench = Bench::new();
    let patience = Some(Duration::from_secs(4));
    let (leg, said) =
        bench.dial(Invite { first_response: patience, ..invite_to("sip:+15550100190@carrier.example") });
    let [Output::Resolve { id, .. }] = said.others[..] else { panic!("{said:?}") };
    let target = |last: u8| Target {
        transport: Transport::Udp,
        address: ([192, 0, 2, last], 5060).into(),
        domain: None,
    };
    let said = bench.input(Input::Resolved { id, targets: &[target(20), target(10)] });
    let slow = said.message(0).to_owned();
    let said = bench.wait(Duration::from_secs(4));
    let (path, quick, _) = said.sent.iter().find(|(path, ..)| path.peer == target(10).address).unwrap();
    assert_eq!(path.peer, target(10).address);
    assert_ne!(header(quick, "Call-ID"), header(&slow, "Call-ID"));

    let said = bench.receive(&response(&slow, "180 Ringing", "slow", ""));
    assert_eq!((said.sends(), said.events.len()), (vec!["CANCEL".to_owned()], 0));
    let said = bench.receive(&response(&slow, "200 OK", "slow", ANSWER));
    assert_eq!((said.sends(), said.events.len()), (vec!["ACK".to_owned(), "BYE".to_owned()], 0));

    let said = bench.receive(&response(quick, "200 OK", "quick", ANSWER));
    assert_eq!(said.events.iter().map(|(leg, _)| *leg).collect::<Vec<_>>(), [leg]);
    let from = header(quick, "To").to_owned() + ";tag=quick";
    let bye = Ask::new("BYE", "bye1").from(&from).call_id(header(quick, "Call-ID"));
    let said = bench.receive(&bye.in_dialog(tag(header(quick, "From"))).text());
    assert_eq!(said.event_names(), ["Ended(FarEndHungUp)"]);
    bench.runs_out();
}

#[test]
fn the_last_target_that_says_nothing_ends_the_leg_without_response() {
    let mut bench = Bench::new();
    let patience = Some(Duration::from_secs(4));
    bench.dial(Invite { first_response: patience, ..invite_to("sip:+15550100190@192.0.2.10") });
    assert_eq!(bench.wait(Duration::from_secs(4)).event_names(), ["Ended(NoResponse)"]);
    bench.runs_out();
}

#[test]
fn a_refusal_that_says_when_or_where_is_told_before_the_end() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:+15550100190@192.0.2.10"));
    let said = bench.receive(&response(said.message(0), "302 Moved", "t1", ""));
    let LegEvent::Elsewhere { contacts, retry_after: None } = &said.events[0].1 else { panic!("{said:?}") };
    assert_eq!(contacts, &["sip:agent@192.0.2.10:5060"]);
    assert_eq!(said.event_names()[1], "Ended(Refused { status: 302 })");

    let (_, said) = bench.dial(invite_to("sip:+15550100190@192.0.2.10"));
    let said = bench.receive(&with(said.message(0), "503 Full", "Retry-After: 20"));
    let LegEvent::Elsewhere { retry_after, .. } = &said.events[0].1 else { panic!("{said:?}") };
    assert_eq!(*retry_after, Some(Duration::from_secs(20)));
}
