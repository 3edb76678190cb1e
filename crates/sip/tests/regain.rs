//! Connections that are gone while somebody still has to hear something (RFC 3261 §18.2.2, RFC 3263 §5).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::net::SocketAddr;
use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, Said, header, sdp, tag};
use sip::{
    Config, ConnectionId, Discarded, EndCause, Input, LegCommand, LegId, Output, Path, Security, Target,
    Transport,
};

/// The connection of a phone that listens at 5060 and came from 40000.
fn came(transport: Transport) -> Path {
    let peer = "192.0.2.10:40000".parse().unwrap();
    Path { transport, peer, connection: Some(ConnectionId(1)), ..bench::path() }
}

/// A call came over a connection that is lost before the answer.
fn rings_without_a_connection(bench: &mut Bench, invite: &str) -> LegId {
    let leg = bench.receive_on(came(Transport::Tcp), invite).events[0].0;
    bench.lost(ConnectionId(1));
    leg
}

fn answers(bench: &mut Bench, leg: LegId) -> Said {
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) })
}

#[test]
fn an_answer_whose_connection_is_gone_goes_to_where_its_request_came_from_at_the_port_of_its_via() {
    let mut bench = Bench::new();
    let leg = rings_without_a_connection(&mut bench, &Ask::invite().text());
    let said = answers(&mut bench, leg);
    assert!(said.sent.is_empty());
    let (id, target) = said.connects().unwrap();
    assert_eq!((target.transport, target.address), (Transport::Tcp, bench::peer()));
    // Its repetition takes the same.
    assert_eq!(bench.wait(Duration::from_millis(500)).connects(), None);
    let said = bench.opened(id);
    assert_eq!(said.sends(), ["200", "200"]);
    let our_tag = tag(header(said.message(0), "To")).to_owned();
    let ack = Ask::new("ACK", "ack1").in_dialog(&our_tag).text();
    assert_eq!(bench.receive_on(said.sent[0].0, &ack).event_names(), ["Confirmed()"]);
}

#[test]
fn where_nobody_listens_there_the_host_its_via_names_is_looked_up() {
    let mut bench = Bench::new();
    let invite = Ask::invite().text().replace("UDP 192.0.2.10:5060", "TCP sbc.carrier.example:5070");
    let leg = rings_without_a_connection(&mut bench, &invite);
    let (id, target) = answers(&mut bench, leg).connects().unwrap();
    assert_eq!(target.address, "192.0.2.10:5070".parse().unwrap());
    let said = bench.lost(id);
    let [Output::Resolve { id, name }] = &said.others[..] else { panic!("{:?}", said.others) };
    assert_eq!((name.host.as_str(), name.port), ("sbc.carrier.example", Some(5070)));
    let address: SocketAddr = "198.51.100.9:5070".parse().unwrap();
    let target = Target { transport: Transport::Tcp, address, domain: Some(name.host.clone()) };
    let said = bench.input(Input::Resolved { id: *id, targets: &[target] });
    let (id, asked) = said.connects().unwrap();
    assert_eq!((asked.transport, asked.address), (Transport::Tcp, address));
    assert_eq!(bench.opened(id).sends(), ["200"]);
}

#[test]
fn who_cannot_be_reached_at_all_is_counted_and_his_call_ends() {
    let mut bench = Bench::new();
    let leg = rings_without_a_connection(&mut bench, &Ask::invite().text());
    let (id, _) = answers(&mut bench, leg).connects().unwrap();
    assert_eq!(bench.lost(id).dropped, [Discarded::Unsent]);
    let mut ended = Vec::new();
    for _ in 0..100 {
        let said = bench.wait(Duration::from_secs(1));
        ended.extend(said.event_names());
        if let Some((id, _)) = said.connects() {
            ended.extend(bench.lost(id).event_names());
        }
    }
    assert_eq!(ended, ["Ended(NoResponse)"]);
    bench.runs_out();
}

#[test]
fn a_stranger_does_not_make_us_connect_to_whom_he_names() {
    let config =
        Config { security: Security { known: Vec::new(), ..Security::default() }, ..bench::config() };
    let mut bench = Bench::with(config);
    let invite = Ask::invite().text().replace("UDP 192.0.2.10:5060", "TCP 203.0.113.5:22");
    let leg = rings_without_a_connection(&mut bench, &invite);
    let (id, target) = answers(&mut bench, leg).connects().unwrap();
    assert_eq!(target.address, "192.0.2.10:22".parse().unwrap(), "himself at most");
    let said = bench.lost(id);
    assert!(said.others.is_empty() && said.dropped == [Discarded::Unsent], "{:?}", said.others);
}

/// An established call over a connection that is then lost; its phone named this Contact.
fn established_and_lost(bench: &mut Bench, transport: Transport, contact: &str) -> LegId {
    let path = came(transport);
    let invite =
        Ask::invite().text().replace("Contact: <sip:pat@192.0.2.10:5060>", &format!("Contact: {contact}"));
    let leg = bench.receive_on(path, &invite).events[0].0;
    let said = answers(bench, leg);
    let our_tag = tag(header(said.message(0), "To")).to_owned();
    bench.receive_on(path, &Ask::new("ACK", "ack1").in_dialog(&our_tag).text());
    bench.lost(ConnectionId(1));
    leg
}

fn hangs_up(bench: &mut Bench, leg: LegId) -> Said {
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp })
}

#[test]
fn a_bye_to_a_phone_whose_connection_is_gone_goes_to_its_contact() {
    let contacts = [
        ("<sip:pat@192.0.2.10:5061;transport=tcp>", 5061),
        ("<sip:pat@192.0.2.10:5062;transport=tcp;ob>", 5062),
    ];
    for (contact, port) in contacts {
        let mut bench = Bench::new();
        let leg = established_and_lost(&mut bench, Transport::Tcp, contact);
        let said = hangs_up(&mut bench, leg);
        let (id, target) = said.connects().unwrap();
        assert_eq!((target.transport, target.address.port()), (Transport::Tcp, port), "{contact}");
        assert_eq!(bench.opened(id).sends(), ["BYE"]);
        bench.runs_out();
    }
}

#[test]
fn a_bye_never_leaves_tls_because_its_connection_is_gone() {
    for contact in
        ["<sip:pat@192.0.2.10:5060;transport=tcp>", "<sip:pat@192.0.2.10>", "<sips:pat@192.0.2.10>"]
    {
        let mut bench = Bench::new();
        let leg = established_and_lost(&mut bench, Transport::Tls, contact);
        let said = hangs_up(&mut bench, leg);
        assert!(said.sent.is_empty());
        assert_eq!(said.connects().unwrap().1.transport, Transport::Tls, "{contact}");
    }
}

#[test]
fn an_offer_to_a_phone_that_is_gone_is_made_again_and_the_call_ends_after_32_seconds() {
    let mut bench = Bench::new();
    let leg = established_and_lost(&mut bench, Transport::Tcp, "<sip:pat@192.0.2.10:5060;transport=tcp>");
    let mut said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    let mut ended = Vec::new();
    for second in 0..32 {
        if let Some((id, _)) = said.connects() {
            assert_eq!(second % 4, 0, "tried every four seconds");
            ended.extend(bench.lost(id).event_names());
        }
        assert!(ended.is_empty(), "after {second} s");
        said = bench.wait(Duration::from_secs(1));
    }
    let (id, _) = said.connects().unwrap();
    assert_eq!(bench.lost(id).event_names(), ["Ended(NoResponse)"]);
}

#[test]
fn a_phone_that_comes_back_takes_the_offer_and_the_call_lives() {
    let mut bench = Bench::new();
    let leg = established_and_lost(&mut bench, Transport::Tcp, "<sip:pat@192.0.2.10:5060;transport=tcp>");
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    bench.lost(said.connects().unwrap().0);
    let (id, _) = bench.wait(Duration::from_secs(4)).connects().unwrap();
    let said = bench.opened(id);
    assert_eq!(said.sends(), ["INVITE"]);
    let ok = bench::response(said.message(0), "200 OK", "", ANSWER);
    let said = bench.receive_on(said.sent[0].0, &ok);
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["ACK".to_owned()], vec!["OfferAnswered".to_owned()])
    );
    assert!(bench.wait(Duration::from_secs(60)).events.is_empty());
}
