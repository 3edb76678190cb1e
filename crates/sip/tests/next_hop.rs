//! Where requests inside a dialog go when the far end, or the proxy before it, gives itself a host name (RFC
//! 3261 §12.2.1.1, RFC 3263), or a GRUU (RFC 5627).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, Said, invite_to, response, sdp, tag};
use sip::{EndCause, Input, Invite, LegCommand, LegId, Output, ResolveId, Target, Transport};

fn question(said: &Said) -> (ResolveId, String) {
    let asked = said.others.iter().find_map(|other| match other {
        Output::Resolve { id, name } => Some((*id, name.host.clone())),
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing is looked up: {said:?}"))
}

fn targets(address: &str) -> Vec<Target> {
    vec![Target { transport: Transport::Udp, address: address.parse().unwrap(), domain: None }]
}

fn answered(bench: &mut Bench, ask: &Ask) -> (LegId, String, Said) {
    let arrived = bench.receive(&ask.text());
    let leg = arrived.events[0].0;
    let ok = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let our_tag = tag(bench::header(ok.message(0), "To")).to_owned();
    bench.receive(&Ask::new("ACK", "ack").in_dialog(&our_tag).text());
    (leg, our_tag, arrived)
}

fn hang_up(bench: &mut Bench, leg: LegId) -> Said {
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp })
}

#[test]
fn a_caller_behind_a_proxy_with_a_name_is_reached_where_the_name_leads() {
    let mut bench = Bench::new();
    let ask = Ask::invite().with("Record-Route: <sip:proxy.example;lr>");
    let (leg, _, arrived) = answered(&mut bench, &ask);
    let (id, host) = question(&arrived);
    assert_eq!(host, "proxy.example");
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.50:5070") });
    assert!(said.sent.is_empty() && said.events.is_empty());
    let said = hang_up(&mut bench, leg);
    assert_eq!(
        (said.sends(), said.sent[0].0.peer),
        (vec!["BYE".to_owned()], "192.0.2.50:5070".parse().unwrap())
    );
}

#[test]
fn a_name_dns_does_not_know_leads_back_where_its_messages_came_from() {
    let mut bench = Bench::new();
    let ask = Ask::invite().with("Record-Route: <sip:proxy.example;lr>");
    let (leg, _, arrived) = answered(&mut bench, &ask);
    bench.input(Input::Resolved { id: question(&arrived).0, targets: &[] });
    assert_eq!(hang_up(&mut bench, leg).sent[0].0, bench::path());
}

#[test]
fn the_ack_to_a_200_waits_for_the_name_of_who_answers() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let ok =
        response(&invite, "200 OK", "b1", ANSWER).replace("agent@192.0.2.10:5060>", "agent@media.example>");
    let said = bench.receive(&ok);
    assert!(said.sent.is_empty() && said.events.is_empty());
    let (id, host) = question(&said);
    assert_eq!(host, "media.example");
    let again = bench.receive(&ok);
    assert!(again.sent.is_empty() && again.others.is_empty(), "asked once");
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.60:5060") });
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    assert_eq!(said.sent[0].0.peer, "192.0.2.60:5060".parse().unwrap());
    assert_eq!(bench.receive(&ok).sent[0].0.peer, "192.0.2.60:5060".parse().unwrap(), "and when repeated");
    assert_eq!(hang_up(&mut bench, leg).sent[0].0.peer, "192.0.2.60:5060".parse().unwrap());
}

#[test]
fn a_call_given_up_while_the_name_is_looked_up_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let ok =
        response(&invite, "200 OK", "b1", ANSWER).replace("agent@192.0.2.10:5060>", "agent@media.example>");
    let (id, _) = question(&bench.receive(&ok));
    let said = hang_up(&mut bench, leg);
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["ACK".into(), "BYE".into()], vec!["Ended(WeHungUp)".into()])
    );
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.60:5060") });
    assert!(said.sent.is_empty() && said.events.is_empty());
    bench.runs_out();
}

#[test]
fn who_answers_second_is_hung_up_also_while_the_name_of_the_first_is_looked_up() {
    for contact in ["agent@192.0.2.10:5060>", "agent@other.example>"] {
        let mut bench = Bench::new();
        let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
        let invite = said.message(0).to_owned();
        let ok = |tag, contact| {
            response(&invite, "200 OK", tag, ANSWER).replace("agent@192.0.2.10:5060>", contact)
        };
        let (id, _) = question(&bench.receive(&ok("b1", "agent@media.example>")));
        let said = bench.receive(&ok("b2", contact));
        assert_eq!((said.sends(), said.events.len()), (vec!["ACK".to_owned(), "BYE".to_owned()], 0));
        assert_eq!(tag(bench::header(said.message(1), "To")), "b2");
        let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.60:5060") });
        assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
        assert_eq!(tag(bench::header(said.message(0), "To")), "b1");
        assert_eq!(hang_up(&mut bench, leg).sends(), ["BYE"]);
        bench.runs_out();
    }
}

#[test]
fn a_repeated_200_that_needs_no_lookup_takes_the_place_of_the_one_that_does() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let ok = response(&invite, "200 OK", "b1", ANSWER);
    let (id, _) = question(&bench.receive(&ok.replace("agent@192.0.2.10:5060>", "agent@media.example>")));
    let said = bench.receive(&ok);
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    // A re-INVITE that only rings would otherwise be waited for until the end of time.
    let offered = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    bench.receive(&response(offered.message(0), "100 Trying", "b1", ""));
    assert_eq!(hang_up(&mut bench, leg).sends(), ["BYE"], "and no second ACK");
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.60:5060") });
    assert!(said.sent.is_empty() && said.events.is_empty());
    bench.runs_out();
}

#[test]
fn who_has_answered_is_not_given_up_as_silent_while_his_name_is_looked_up() {
    let mut bench = Bench::new();
    let patience = Duration::from_secs(4);
    let (_, said) =
        bench.dial(Invite { first_response: Some(patience), ..invite_to("sip:agent@192.0.2.10:5060") });
    let invite = said.message(0).to_owned();
    let ok =
        response(&invite, "200 OK", "b1", ANSWER).replace("agent@192.0.2.10:5060>", "agent@media.example>");
    let (id, _) = question(&bench.receive(&ok));
    assert!(bench.wait(patience * 2).event_names().is_empty());
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.60:5060") });
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
}

#[test]
fn who_answers_by_the_name_we_called_is_not_looked_up_again() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:100@trunk.example"));
    let (id, _) = question(&said);
    let said = bench.input(Input::Resolved { id, targets: &targets("192.0.2.10:5060") });
    let invite = said.message(0).to_owned();
    let ok = response(&invite, "200 OK", "b1", ANSWER).replace("agent@192.0.2.10:5060>", "x@Trunk.example>");
    let said = bench.receive(&ok);
    assert_eq!((said.sends(), said.others.len()), (vec!["ACK".to_owned()], 0));
}

#[test]
fn a_far_end_that_moves_to_a_name_is_followed_there_and_stays() {
    let mut bench = Bench::new();
    let (leg, our_tag, _) = answered(&mut bench, &Ask::invite());
    let moved = |cseq| {
        Ask::new("UPDATE", &format!("u{cseq}"))
            .in_dialog(&our_tag)
            .cseq(cseq)
            .with("Contact: <sip:pat@home.example>")
            .text()
    };
    let (id, host) = question(&bench.receive(&moved(2)));
    assert_eq!(host, "home.example");
    bench.input(Input::Resolved { id, targets: &targets("192.0.2.70:5060") });
    assert!(bench.receive(&moved(3)).others.is_empty(), "the same name again is no news");
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert_eq!(said.sent[0].0.peer, "192.0.2.70:5060".parse().unwrap());
}

#[test]
fn a_name_under_invalid_stands_for_who_has_the_connection() {
    let mut bench = Bench::new();
    let ask = Ask::invite().with("Record-Route: <sip:df7jal23ls0d.invalid;lr>");
    let (leg, _, arrived) = answered(&mut bench, &ask);
    assert!(arrived.others.is_empty());
    assert_eq!(hang_up(&mut bench, leg).sent[0].0, bench::path());
}

#[test]
fn a_gruu_is_kept_as_it_came_and_is_the_target() {
    let mut bench = Bench::new();
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let gruu = "sip:agent@192.0.2.10:5060;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let ok =
        response(&invite, "200 OK", "b1", ANSWER).replace("sip:agent@192.0.2.10:5060>", &format!("{gruu}>"));
    let said = bench.receive(&ok);
    assert!(said.message(0).starts_with(&format!("ACK {gruu} SIP/2.0")), "{}", said.message(0));
    assert!(hang_up(&mut bench, leg).message(0).starts_with(&format!("BYE {gruu} SIP/2.0")));
}
