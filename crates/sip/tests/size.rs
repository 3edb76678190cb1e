//! Requests that are too long for a datagram, and what the network does not take (RFC 3261 §18.1.1, §18.4).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::net::SocketAddr;
use std::time::Duration;

use bench::{Bench, Said, header};
use bytes::Bytes;
use primitives::Private;
use sip::{
    ConnectionId, Discarded, EndCause, Input, Invite, LegCommand, LegId, Output, Path, Target, Transport,
    Unsent,
};

/// An INVITE whose body is this long: the rest of it has some 600 bytes.
fn invite(uri: &str, body: usize) -> Invite {
    Invite {
        uri: uri.to_owned(),
        from: Some(Private::new("+15550100".to_owned())),
        offer: Bytes::from("x".repeat(body)),
        ..Invite::default()
    }
}

fn to_peer(body: usize) -> Invite {
    invite("sip:100@192.0.2.10", body)
}

/// Places a call too long for a datagram: the leg, the connection asked for.
fn long_call(bench: &mut Bench) -> (LegId, ConnectionId) {
    let (leg, said) = bench.dial(to_peer(1_300));
    assert!(said.sent.is_empty(), "{:?}", said.lines());
    let (id, target) = said.connects().unwrap();
    assert_eq!((target.transport, target.address), (Transport::Tcp, bench::peer()));
    (leg, id)
}

fn answer(request: &str, status: &str) -> String {
    let copied = request
        .lines()
        .filter(|line| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name)));
    let copied: Vec<&str> = copied.collect();
    let to = header(request, "To");
    format!("SIP/2.0 {status}\r\n{}\r\nTo: {to};tag=far\r\nContent-Length: 0\r\n\r\n", copied.join("\r\n"))
}

#[test]
fn a_request_of_up_to_1300_bytes_is_a_datagram_and_one_byte_more_goes_by_tcp() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(to_peer(400));
    let rest = said.message(0).len() - 400;
    let (_, said) = bench.dial(to_peer(1_300 - rest - 1));
    assert_eq!(said.sent[0].0.transport, Transport::Udp);
    assert!((1_299..=1_300).contains(&said.message(0).len()), "{}", said.message(0).len());
    let (_, said) = bench.dial(to_peer(1_301 - rest));
    assert!(said.sent.is_empty() && said.connects().is_some());
}

#[test]
fn a_long_invite_waits_for_its_connection_and_its_via_says_tcp() {
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    let said = bench.opened(id);
    let (path, invite, _) = &said.sent[0];
    assert_eq!((path.transport, path.connection), (Transport::Tcp, Some(id)));
    assert!(header(invite, "Via").starts_with("SIP/2.0/TCP 192.0.2.1:5060;"), "{invite}");
    assert!(bench.wait(Duration::from_secs(5)).sent.is_empty(), "a stream repeats nothing");
    // Its answer is heard, and its CANCEL and the ACK to its refusal go the same way.
    let busy = answer(invite, "486 Busy Here");
    let said = bench.receive_on(*path, &busy);
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["ACK".to_owned()], vec!["Ended(Refused { status: 486 })".to_owned()])
    );
    assert_eq!(said.sent[0].0.connection, Some(id));
}

#[test]
fn where_tcp_is_refused_the_invite_goes_by_udp_at_once_and_the_next_does_not_try() {
    let mut bench = Bench::new();
    let (leg, id) = long_call(&mut bench);
    let said = bench.lost(id);
    let (path, invite, _) = &said.sent[0];
    assert_eq!((path.transport, path.connection), (Transport::Udp, None));
    assert!(header(invite, "Via").starts_with("SIP/2.0/UDP "), "the Via says what is used: {invite}");
    assert!(said.events.is_empty(), "{:?}", said.event_names());
    assert_eq!(bench.wait(Duration::from_millis(500)).sends(), ["INVITE"], "a datagram is repeated");
    let said = bench.receive(&answer(invite, "180 Ringing"));
    assert_eq!(said.event_names(), ["Ringing"]);
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::Cancelled });
    assert!(said.message(0).starts_with("CANCEL ") && header(said.message(0), "Via").contains("/UDP "));
    let (_, said) = bench.dial(to_peer(1_300));
    assert_eq!(said.sends(), ["INVITE"], "ten minutes long nobody waits for TCP again");
    bench.wait(Duration::from_secs(601));
    long_call(&mut bench);
}

#[test]
fn a_firewall_that_says_nothing_delays_a_long_invite_by_two_seconds() {
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    assert!(bench.wait(Duration::from_millis(1_999)).sent.is_empty());
    let said = bench.wait(Duration::from_millis(1));
    assert_eq!((said.sends(), said.sent[0].0.transport), (vec!["INVITE".to_owned()], Transport::Udp));
    assert!(
        said.others.iter().any(|output| matches!(output, Output::Disconnect { id: closed } if *closed == id))
    );
    // It opens after all: nobody needs it.
    let said = bench.opened(id);
    assert!(matches!(said.others[..], [Output::Disconnect { id: closed }] if closed == id));
}

/// The same call, for help.
fn for_help() -> Invite {
    let headers = vec![("Priority".to_owned(), "emergency".to_owned())];
    Invite { headers, ..invite("sip:911@192.0.2.10", 1_300) }
}

#[test]
fn a_firewall_that_says_nothing_delays_a_call_for_help_by_half_a_second() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(for_help());
    assert!(said.sent.is_empty() && said.connects().is_some());
    assert!(bench.wait(Duration::from_millis(499)).sent.is_empty());
    let said = bench.wait(Duration::from_millis(1));
    assert_eq!((said.sends(), said.sent[0].0.transport), (vec!["INVITE".to_owned()], Transport::Udp));
    // What is known of the peer helps the next: no wait at all.
    let (_, said) = bench.dial(for_help());
    assert_eq!(said.sends(), ["INVITE"]);
}

#[test]
fn a_call_for_help_waits_no_longer_because_another_call_already_opens_the_connection() {
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    bench.wait(Duration::from_millis(100));
    let (_, said) = bench.dial(for_help());
    assert!(said.sent.is_empty() && said.connects().is_none(), "it takes the same one");
    let said = bench.wait(Duration::from_millis(500));
    assert_eq!(said.sends(), ["INVITE", "INVITE"], "both go on by UDP");
    assert!(said.sent.iter().all(|(path, ..)| path.transport == Transport::Udp));
    assert!(said.others.iter().any(|it| matches!(it, Output::Disconnect { id: closed } if *closed == id)));
}

#[test]
fn a_call_for_help_goes_over_a_connection_that_is_open_at_once() {
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    bench.opened(id);
    let (_, said) = bench.dial(for_help());
    assert_eq!((said.sends(), said.sent[0].0.transport), (vec!["INVITE".to_owned()], Transport::Tcp));
}

#[test]
fn a_long_request_answered_over_tcp_does_not_go_by_udp_when_the_connection_is_lost() {
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    let said = bench.opened(id);
    let (path, invite, _) = &said.sent[0];
    bench.receive_on(*path, &answer(invite, "100 Trying"));
    let said = bench.lost(id);
    assert!(said.sent.is_empty());
    assert_eq!(said.event_names(), ["Ended(Unreachable)"]);
}

/// Says that what was sent last could not be.
fn unsent(bench: &mut Bench, said: &Said, why: Unsent) -> Said {
    let (path, text, _) = said.sent.last().unwrap();
    bench.input(Input::Unsent { path: *path, bytes: Bytes::from(text.clone()), why })
}

#[test]
fn what_the_network_finds_too_long_goes_by_tcp_and_fails_only_where_that_fails_too() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(to_peer(100));
    let said = unsent(&mut bench, &said, Unsent::TooLong);
    assert_eq!(said.dropped, [Discarded::Unsent], "counted");
    let (id, _) = said.connects().unwrap();
    assert_eq!(bench.opened(id).sends(), ["INVITE"]);
    assert_eq!(bench.lost(id).event_names(), ["Ended(Unreachable)"]);

    // A long one that TCP would not take has nowhere left to go.
    let mut bench = Bench::new();
    let (_, id) = long_call(&mut bench);
    let said = bench.lost(id);
    assert_eq!(unsent(&mut bench, &said, Unsent::TooLong).event_names(), ["Ended(Unreachable)"]);
}

#[test]
fn where_there_is_no_way_the_next_target_is_called_at_once() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite("sip:100@carrier.example", 100));
    let [Output::Resolve { id, .. }] = &said.others[..] else { panic!("{:?}", said.others) };
    let target = |address: &str| Target {
        transport: Transport::Udp,
        address: address.parse::<SocketAddr>().unwrap(),
        domain: Some("carrier.example".to_owned()),
    };
    let targets = [target("198.51.100.1:5060"), target("192.0.2.10:5060")];
    let said = bench.input(Input::Resolved { id: *id, targets: &targets });
    let said = unsent(&mut bench, &said, Unsent::NoWay);
    assert_eq!((said.sends(), said.sent[0].0.peer), (vec!["INVITE".to_owned()], bench::peer()));
    let said = unsent(&mut bench, &said, Unsent::NoWay);
    assert_eq!(said.event_names(), ["Ended(Unreachable)"]);
}

#[test]
fn what_was_unsent_and_is_nothing_of_ours_any_more_changes_nothing() {
    let mut bench = Bench::new();
    for noise in ["", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "BYE sip:a@192.0.2.1 SIP/2.0\r\n\r\n"] {
        let path = Path { transport: Transport::Udp, ..bench::path() };
        let bytes = Bytes::from_static(noise.as_bytes());
        let said = bench.input(Input::Unsent { path, bytes, why: Unsent::TooLong });
        assert!(said.sent.is_empty() && said.others.is_empty() && said.events.is_empty());
    }
}
