//! Stream connections: who proved to be at their other end, and which of them a request may take (RFC 5922,
//! RFC 5923).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{Ask, Bench};
use primitives::Private;
use sip::{
    ConnectionChange, ConnectionId, Discarded, Input, Invite, LegEvent, Output, Path, ResolveId, Target,
    Transport,
};

fn tls(connection: u64) -> Path {
    Path { transport: Transport::Tls, connection: Some(ConnectionId(connection)), ..bench::path() }
}

fn invite_to(uri: &str) -> Invite {
    Invite {
        uri: uri.to_owned(),
        path: None,
        from: Some(Private::new("+15550100".to_owned())),
        display_name: String::new(),
        offer: bench::sdp(bench::OFFER),
        ..Invite::default()
    }
}

/// Calls a name that stands for the peer over TLS: the connection that is asked for, if one is.
fn connects(bench: &mut Bench, domain: &str) -> Option<(ConnectionId, Target)> {
    let (_, said) = bench.dial(invite_to(&format!("sips:100@{domain}")));
    let [Output::Resolve { id, .. }] = &said.others[..] else { panic!("{:?}", said.others) };
    let id: ResolveId = *id;
    let target =
        Target { transport: Transport::Tls, address: bench::peer(), domain: Some(domain.to_owned()) };
    let said = bench.input(Input::Resolved { id, targets: &[target] });
    said.others.into_iter().find_map(|output| match output {
        Output::Connect { id, target } => Some((id, target)),
        _ => None,
    })
}

#[test]
fn what_a_client_certificate_proves_comes_with_its_calls() {
    let mut bench = Bench::new();
    let certificate = vec!["carrier.example".to_owned()];
    let accepted = ConnectionChange::Accepted {
        transport: Transport::Tls,
        peer: bench::peer(),
        certificate: certificate.clone(),
    };
    bench.input(Input::Connection { id: ConnectionId(7), change: accepted });
    let said = bench.receive_on(tls(7), &Ask::invite().text());
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.events) };
    assert_eq!(invited.certificate, certificate);

    // The same peer on another connection, without one.
    let other = Ask::invite().text().replace("call-1@phone", "call-2@phone").replace("z9hG4bK", "z9hG4bKo");
    let said = bench.receive_on(tls(8), &other);
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.events) };
    assert!(invited.certificate.is_empty());
}

#[test]
fn a_connection_is_shared_by_one_domain_and_not_by_another_at_its_address() {
    let mut bench = Bench::new();
    let (first, target) = connects(&mut bench, "one.example").unwrap();
    assert_eq!(target.domain.as_deref(), Some("one.example"));
    assert!(connects(&mut bench, "one.example").is_none(), "one connection carries both calls");
    let (second, target) = connects(&mut bench, "two.example").unwrap();
    assert_eq!(target.domain.as_deref(), Some("two.example"), "the first has not proven to be this");
    assert_ne!(first, second);
}

/// Whether an output closes this connection.
fn closes(said: &bench::Said, id: u64) -> bool {
    said.others.iter().any(|output| matches!(output, Output::Disconnect { id: closed } if closed.0 == id))
}

#[test]
fn a_message_that_does_not_come_whole_in_ten_seconds_closes_its_connection() {
    let mut bench = Bench::new();
    bench.receive_on(bench::stream(1), &Ask::invite().text());
    bench.receive_on(bench::stream(1), "INVITE sip:100@192.0.2.1 SI");
    // A byte now and then does not buy time.
    for _ in 0..9 {
        assert!(!closes(&bench.wait(Duration::from_secs(1)), 1));
        bench.receive_on(bench::stream(1), "P");
    }
    let said = bench.wait(Duration::from_secs(1));
    assert!(closes(&said, 1), "{:?}", said.others);
    assert_eq!(said.dropped, [Discarded::Slow]);
}

#[test]
fn a_stranger_who_connects_and_says_nothing_is_closed_and_a_proven_carrier_is_not() {
    let mut bench = Bench::new();
    let accepted = |certificate| ConnectionChange::Accepted {
        transport: Transport::Tls,
        peer: bench::peer(),
        certificate,
    };
    bench.input(Input::Connection { id: ConnectionId(1), change: accepted(Vec::new()) });
    let carrier = vec!["carrier.example".to_owned()];
    bench.input(Input::Connection { id: ConnectionId(2), change: accepted(carrier) });
    let said = bench.wait(Duration::from_secs(10));
    assert!(closes(&said, 1) && !closes(&said, 2), "{:?}", said.others);
}

#[test]
fn an_idle_connection_is_closed_unless_a_call_goes_over_it() {
    let mut bench = Bench::new();
    let said = bench.receive_on(bench::stream(1), &Ask::invite().text());
    let leg = said.events[0].0;
    bench.receive_on(bench::stream(2), "\r\n\r\n");
    let said = bench.wait(Duration::from_secs(600));
    assert!(closes(&said, 2) && !closes(&said, 1), "{:?}", said.others);
    bench.command(leg, sip::LegCommand::HangUp { cause: sip::EndCause::WeHungUp });
    assert!(closes(&bench.wait(Duration::from_secs(1_200)), 1));
}
