//! A call we place, message by message (RFC 3261 §9.1, §13.2.2, §17.1.1; RFC 3263 §4.3).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, body, header, invite_to, response, sdp, tag};
use sip::{
    ConnectionChange, ConnectionId, EndCause, HostName, Input, Invite, LegCommand, LegEvent, LegId, Output,
    Path, Release, Target, Transport,
};

const PHONE: &str = "sip:agent@192.0.2.10:5060";

/// An INVITE that was sent, and its leg.
fn dialled(bench: &mut Bench) -> (LegId, String) {
    let (leg, said) = bench.dial(invite_to(PHONE));
    assert_eq!(said.sends(), ["INVITE"]);
    (leg, said.message(0).to_owned())
}

fn hang_up(bench: &mut Bench, leg: LegId) -> bench::Said {
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp })
}

#[test]
fn an_invite_of_ours_says_who_calls_and_what_is_offered() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to(PHONE));
    let invite = said.message(0);
    assert!(invite.starts_with("INVITE sip:agent@192.0.2.10:5060 SIP/2.0\r\n"));
    assert!(header(invite, "Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK"));
    assert!(header(invite, "From").starts_with("\"Nurse line\" <sip:+15550199@careline.example>;tag="));
    assert_eq!(header(invite, "To"), "<sip:agent@192.0.2.10:5060>");
    assert_eq!(header(invite, "Contact"), "<sip:192.0.2.1:5060>");
    assert_eq!(header(invite, "Max-Forwards"), "70");
    assert_eq!(header(invite, "Alert-Info"), "<urn:alert:source:internal>");
    assert_eq!(body(invite), OFFER);
    assert_eq!((said.sent[0].0.peer, said.sent[0].2), (bench::peer(), Release::AfterFacts));
}

#[test]
fn a_header_that_is_ours_to_write_or_holds_a_line_end_cannot_be_added() {
    let mut bench = Bench::new();
    let headers = vec![
        ("Via".to_owned(), "SIP/2.0/UDP evil;branch=z9hG4bKx".to_owned()),
        ("Subject".to_owned(), "hello\r\nEvil: yes".to_owned()),
        ("Bad name".to_owned(), "x".to_owned()),
    ];
    let (_, said) = bench.dial(Invite { from: None, headers, ..invite_to(PHONE) });
    let invite = said.message(0);
    assert_eq!(bench::headers(invite, "Via").len(), 1);
    assert_eq!(header(invite, "Evil"), "");
    assert!(!invite.contains("Bad name"));
    assert!(header(invite, "From").contains("<sip:anonymous@anonymous.invalid>"));
}

#[test]
fn a_call_rings_is_answered_acknowledged_and_hung_up_by_the_far_end() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench);
    assert!(bench.receive(&response(&invite, "100 Trying", "", "")).events.is_empty());
    assert_eq!(bench.receive(&response(&invite, "180 Ringing", "b1", "")).event_names(), ["Ringing"]);
    assert!(bench.receive(&response(&invite, "180 Ringing", "b1", "")).events.is_empty(), "told once");
    assert_eq!(bench.receive(&response(&invite, "183 Progress", "b1", ANSWER)).event_names(), ["Progress"]);
    let ok = response(&invite, "200 OK", "b1", ANSWER);
    let said = bench.receive(&ok);
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    let ack = said.message(0).to_owned();
    assert_eq!(said.sent[0].2, Release::AtOnce);
    assert!(ack.starts_with("ACK sip:agent@192.0.2.10:5060 SIP/2.0\r\n"));
    assert_eq!((header(&ack, "CSeq"), tag(header(&ack, "To"))), ("1 ACK", "b1"));
    assert_ne!(header(&ack, "Via"), header(&invite, "Via"), "the ACK to a 2xx has a branch of its own");

    let said = bench.receive(&ok);
    assert_eq!(
        (said.message(0), said.events.len()),
        (ack.as_str(), 0),
        "a repeated 200 is acknowledged again"
    );

    let from = header(&invite, "To").to_owned() + ";tag=b1";
    let call_id = header(&invite, "Call-ID").to_owned();
    let our_tag = tag(header(&invite, "From")).to_owned();
    let bye = Ask::new("BYE", "bye1").from(&from).call_id(&call_id).in_dialog(&our_tag);
    let said = bench.receive(&bye.text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".into()], vec!["Ended(FarEndHungUp)".into()]));
    bench.runs_out();
}

#[test]
fn an_unanswered_invite_is_repeated_for_32_seconds_and_then_ends_without_response() {
    let mut bench = Bench::new();
    dialled(&mut bench);
    let said = bench.wait(Duration::from_secs(33));
    assert_eq!(said.sends(), ["INVITE"; 6]);
    assert_eq!(said.event_names(), ["Ended(NoResponse)"]);
    assert!(bench.endpoint.is_idle());
}

#[test]
fn a_refusal_is_acknowledged_as_often_as_it_comes_and_ends_the_leg_once() {
    for (status, code) in [("486 Busy Here", 486), ("603 Decline", 603), ("401 Who", 401)] {
        let mut bench = Bench::new();
        let (_, invite) = dialled(&mut bench);
        let refusal = response(&invite, status, "b1", "");
        let said = bench.receive(&refusal);
        assert_eq!(
            (said.sends(), said.event_names()),
            (vec!["ACK".to_owned()], vec![format!("Ended(Refused {{ status: {code} }})")])
        );
        assert_eq!(
            header(said.message(0), "Via"),
            header(&invite, "Via"),
            "the ACK to a refusal is the transaction's"
        );
        let again = bench.receive(&refusal);
        assert_eq!((again.sends(), again.events.len()), (vec!["ACK".to_owned()], 0));
        bench.runs_out();
    }
}

#[test]
fn hanging_up_before_anything_came_back_waits_for_a_provisional_before_it_cancels() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    let said = hang_up(&mut bench, leg);
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Ended(WeHungUp)".to_owned()]));
    let said = bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["CANCEL".to_owned()], vec![]));
    let cancel = said.message(0).to_owned();
    assert_eq!(header(&cancel, "Via"), header(&invite, "Via"));
    assert_eq!((header(&cancel, "CSeq"), header(&cancel, "To")), ("1 CANCEL", header(&invite, "To")));
    bench.receive(&response(&cancel, "200 OK", "b1", ""));
    let said = bench.receive(&response(&invite, "487 Request Terminated", "b1", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".to_owned()], vec![]));
    bench.runs_out();
}

#[test]
fn hanging_up_while_it_rings_cancels() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    let said = hang_up(&mut bench, leg);
    assert_eq!((said.sends(), said.event_names()), (vec!["CANCEL".into()], vec!["Ended(WeHungUp)".into()]));
    assert!(!header(said.message(0), "Reason").is_empty());
    bench.receive(&response(&invite, "487 Request Terminated", "b1", ""));
    bench.runs_out();
}

#[test]
fn a_phone_that_rings_beside_one_that_was_answered_is_told_so_and_shows_no_missed_call() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::AnsweredElsewhere });
    assert_eq!(said.sends(), ["CANCEL"]);
    assert_eq!(header(said.message(0), "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    bench.receive(&response(&invite, "487 Request Terminated", "b1", ""));
    bench.runs_out();
}

#[test]
fn a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    hang_up(&mut bench, leg);
    let ok = response(&invite, "200 OK", "b1", ANSWER);
    let said = bench.receive(&ok);
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into(), "BYE".into()], vec![]));
    assert_eq!(header(said.message(1), "CSeq"), "2 BYE");
    assert_eq!(bench.receive(&ok).sends(), ["ACK"]);
    bench.runs_out();
}

#[test]
fn a_cancel_without_effect_lets_the_invite_go_after_32_seconds() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    let cancel = hang_up(&mut bench, leg).message(0).to_owned();
    bench.receive(&response(&cancel, "200 OK", "b1", ""));
    assert!(!bench.endpoint.is_idle());
    bench.wait(Duration::from_secs(33));
    assert!(bench.endpoint.is_idle());
}

#[test]
fn the_second_phone_of_a_fork_that_answers_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "200 OK", "first", ANSWER));
    let said = bench.receive(&response(&invite, "200 OK", "second", ANSWER));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into(), "BYE".into()], vec![]));
    assert_eq!(tag(header(said.message(1), "To")), "second");
    let bye = said.message(1).to_owned();
    bench.receive(&response(&bye, "200 OK", "", ""));
    assert_eq!(bench.receive(&response(&invite, "200 OK", "second", ANSWER)).sends(), ["ACK"], "repeated");
    assert_eq!(bench.endpoint.legs(), 1, "the first is the call");
    let said = hang_up(&mut bench, leg);
    assert_eq!(tag(header(said.message(0), "To")), "first");
    bench.runs_out();
}

#[test]
fn an_answer_without_sdp_is_no_answer_unless_the_183_had_it() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench);
    let said = bench.receive(&response(&invite, "200 OK", "b1", ""));
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["ACK".into(), "BYE".into()], vec!["Ended(Refused { status: 488 })".into()])
    );
    bench.runs_out();

    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "183 Progress", "b1", ANSWER));
    let said = bench.receive(&response(&invite, "200 OK", "b1", ""));
    let LegEvent::Answered { sdp } = &said.events[0].1 else { panic!("{:?}", said.events) };
    assert_eq!(sdp, ANSWER.as_bytes());
}

#[test]
fn a_host_name_is_looked_up_and_its_targets_tried_in_their_order() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:100@trunk.example"));
    let [Output::Resolve { id, name }] = &said.others[..] else { panic!("{:?}", said.others) };
    assert_eq!(*name, HostName { host: "trunk.example".to_owned(), port: None, transport: None });
    let target =
        |address: &str| Target { transport: Transport::Udp, address: address.parse().unwrap(), domain: None };
    let targets = [target("192.0.2.10:5060"), target("192.0.2.11:5060"), target("192.0.2.12:5060")];
    let said = bench.input(Input::Resolved { id: *id, targets: &targets });
    assert_eq!((said.sends(), said.sent[0].0.peer), (vec!["INVITE".to_owned()], targets[0].address));
    let first = said.message(0).to_owned();

    let said = bench.receive(&response(&first, "503 Service Unavailable", "x", ""));
    assert_eq!(said.sends(), ["ACK", "INVITE"]);
    assert_eq!(said.sent[1].0.peer, targets[1].address);
    assert_ne!(header(&first, "Via"), header(said.message(1), "Via"), "a new attempt is a new transaction");
    assert_eq!(header(&first, "Call-ID"), header(said.message(1), "Call-ID"));

    let said = bench.wait(Duration::from_secs(33));
    let third = said.sent.iter().find(|(path, _, _)| path.peer == targets[2].address).unwrap().1.clone();
    assert!(said.events.is_empty(), "Timer B moves on to the next");
    let said = bench.receive(&response(&third, "200 OK", "b1", ANSWER));
    assert_eq!((said.event_names(), said.events[0].0), (vec!["Answered".to_owned()], leg));
}

#[test]
fn a_name_that_stands_for_nothing_and_a_uri_that_is_none_are_unreachable() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:100@trunk.example"));
    let [Output::Resolve { id, .. }] = &said.others[..] else { panic!("{:?}", said.others) };
    let said = bench.input(Input::Resolved { id: *id, targets: &[] });
    assert_eq!(said.event_names(), ["Ended(Unreachable)"]);
    for uri in ["", "nonsense", "tel:+15550100", "sip:x@192.0.2.10;transport=sctp"] {
        let (leg, said) = bench.dial(invite_to(uri));
        assert_eq!(
            (said.event_names(), said.events[0].0),
            (vec!["Ended(Unreachable)".to_owned()], leg),
            "{uri}"
        );
    }
    assert!(bench.endpoint.is_idle());
}

#[test]
fn a_leg_hung_up_while_its_name_is_looked_up_ends_and_the_answer_is_passed_over() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:100@trunk.example"));
    let [Output::Resolve { id, .. }] = &said.others[..] else { panic!("{:?}", said.others) };
    assert_eq!(hang_up(&mut bench, leg).event_names(), ["Ended(WeHungUp)"]);
    let target = Target { transport: Transport::Udp, address: bench::peer(), domain: None };
    let said = bench.input(Input::Resolved { id: *id, targets: &[target] });
    assert!(said.sent.is_empty() && said.events.is_empty());
    assert!(bench.endpoint.is_idle());
}

#[test]
fn over_tcp_a_connection_is_asked_for_and_what_is_to_be_sent_waits_for_it() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:agent@192.0.2.10;transport=tcp"));
    assert!(said.sent.is_empty());
    let [Output::Connect { id, target }] = &said.others[..] else { panic!("{:?}", said.others) };
    assert_eq!(*target, Target { transport: Transport::Tcp, address: bench::peer(), domain: None });
    assert!(id.0 >= ConnectionId::ASKED_FOR_MIN);
    let opened =
        ConnectionChange::Opened { local: "192.0.2.1:40000".parse().unwrap(), certificate: Vec::new() };
    let said = bench.input(Input::Connection { id: *id, change: opened });
    assert_eq!(said.sends(), ["INVITE"]);
    assert_eq!(said.sent[0].0.connection, Some(*id));
    let invite = said.message(0).to_owned();
    assert!(header(&invite, "Contact").contains(";transport=tcp"));
    assert!(bench.wait(Duration::from_secs(20)).sent.is_empty(), "TCP repeats by itself");

    let way = Path { connection: Some(*id), ..bench::stream(0) };
    let said = bench.receive_on(way, &response(&invite, "200 OK", "b1", ANSWER));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    assert_eq!(said.sent[0].0.connection, Some(*id), "the connection is used again");
}

#[test]
fn a_connection_that_does_not_open_makes_the_leg_unreachable() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:agent@192.0.2.10;transport=tcp"));
    let [Output::Connect { id, .. }] = &said.others[..] else { panic!("{:?}", said.others) };
    let said = bench.input(Input::Connection { id: *id, change: ConnectionChange::Lost });
    assert_eq!(said.event_names(), ["Ended(Unreachable)"]);
    assert!(bench.endpoint.is_idle());
}

#[test]
fn a_registered_phone_behind_nat_is_called_along_its_own_path_for_the_whole_call() {
    let mut bench = Bench::new();
    let nat = Path { peer: "198.51.100.7:40000".parse().unwrap(), ..bench::path() };
    let uri = "sip:agent@10.0.0.5:5060";
    let (leg, said) = bench.dial(Invite { path: Some(nat), ..invite_to(uri) });
    assert_eq!(said.sent[0].0, nat);
    let invite = said.message(0).to_owned();
    assert!(invite.starts_with("INVITE sip:agent@10.0.0.5:5060 SIP/2.0"));
    let ok =
        response(&invite, "200 OK", "b1", ANSWER).replace("agent@192.0.2.10:5060>", "agent@10.0.0.5:5060>");
    let said = bench.receive_on(nat, &ok);
    assert_eq!((said.sends(), said.sent[0].0), (vec!["ACK".to_owned()], nat));
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert_eq!(said.sent[0].0, nat);
    let said = hang_up(&mut bench, leg);
    assert_eq!((said.sends(), said.sent[0].0), (vec!["BYE".to_owned()], nat));
    bench.runs_out();
}

#[test]
fn a_phone_whose_connection_is_gone_is_unreachable_at_once() {
    let mut bench = Bench::new();
    bench.receive_on(bench::stream(7), "\r\n\r\n");
    bench.lost(ConnectionId(7));
    let (_, said) = bench.dial(Invite { path: Some(bench::stream(7)), ..invite_to(PHONE) });
    assert_eq!(said.event_names(), ["Ended(Unreachable)"]);
}

#[test]
fn the_far_end_that_gave_up_waiting_for_our_ack_ends_a_call_we_never_saw_answered() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    let from = header(&invite, "To").to_owned() + ";tag=b1";
    let bye = Ask::new("BYE", "bye1")
        .from(&from)
        .call_id(header(&invite, "Call-ID"))
        .in_dialog(tag(header(&invite, "From")));
    let said = bench.receive(&bye.text());
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["200".into(), "CANCEL".into()], vec!["Ended(FarEndHungUp)".into()])
    );
    bench.runs_out();
}
