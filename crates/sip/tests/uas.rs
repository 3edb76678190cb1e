//! A call that comes to us, message by message (RFC 3261 §8.2, §9.2, §12.2.2, §13.3, §14.2, §15.1.2).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, answered_leg, body, header, headers, sdp, tag};
use sip::{Challenge, Discarded, EndCause, Input, LegCommand, LegEvent, Refusal, Release};

#[test]
fn an_invite_is_answered_100_before_anything_else_and_becomes_a_leg() {
    let mut bench = Bench::new();
    let said = bench.receive(&Ask::invite().with("P-Asserted-Identity: <tel:+15550123>").text());
    assert_eq!(said.sends(), ["100"]);
    assert_eq!(said.sent[0].2, Release::AtOnce);
    assert_eq!(tag(header(said.message(0), "To")), "", "100 Trying makes no dialog");
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.events) };
    assert_eq!(invited.dialled.expose(), "100");
    assert_eq!(invited.domain, "192.0.2.1");
    assert_eq!(invited.from.as_ref().unwrap().expose(), "+15550100");
    assert_eq!(invited.display_name.as_ref().unwrap().expose(), "Pat");
    assert_eq!(invited.asserted.as_ref().unwrap().expose(), "+15550123");
    assert_eq!(invited.user, None);
    assert_eq!(invited.offer.as_deref(), Some(OFFER.as_bytes()));
    assert_eq!(invited.sip_call_id.expose(), "call-1@phone");
}

#[test]
fn a_caller_who_hides_is_anonymous() {
    let mut bench = Bench::new();
    let from = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=a";
    let said = bench.receive(&Ask::invite().from(from).text());
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.events) };
    assert!(invited.from.is_none() && invited.display_name.is_none());
}

#[test]
fn a_call_is_rung_answered_acknowledged_and_hung_up_by_the_caller() {
    let mut bench = Bench::new();
    let said = bench.receive(&Ask::invite().with("Record-Route: <sip:192.0.2.10;lr>").text());
    let leg = said.events[0].0;
    let said = bench.command(leg, LegCommand::Ring);
    assert_eq!(said.sends(), ["180"]);
    assert_eq!(said.sent[0].2, Release::AfterFacts);
    let early_tag = tag(header(said.message(0), "To")).to_owned();
    assert!(!early_tag.is_empty());

    let said = bench.command(leg, LegCommand::Progress { sdp: sdp(ANSWER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["183".to_owned()], ANSWER));

    let said = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["200"]);
    let ok = said.message(0);
    assert_eq!(body(ok), ANSWER);
    assert_eq!(tag(header(ok, "To")), early_tag, "one dialog, one tag");
    assert_eq!(header(ok, "Record-Route"), "<sip:192.0.2.10;lr>");
    assert_eq!(header(ok, "Contact"), "<sip:192.0.2.1:5060>");
    assert_eq!(said.sent[0].2, Release::AfterFacts);

    let ack = Ask::new("ACK", "ack1").in_dialog(&early_tag).text();
    assert_eq!(bench.receive(&ack).event_names(), ["Confirmed()"]);
    assert_eq!(bench.receive(&ack).event_names(), [""; 0], "an ACK twice is one ACK");

    let bye = Ask::new("BYE", "bye1").in_dialog(&early_tag).cseq(2).text();
    let said = bench.receive(&bye);
    assert_eq!(said.sends(), ["200"]);
    assert_eq!(said.event_names(), ["Ended(FarEndHungUp)"]);
    let again = bench.receive(&bye);
    assert_eq!((again.sends(), again.event_names()), (vec!["200".to_owned()], vec![]), "repeated, absorbed");
    assert_eq!(bench.endpoint.legs(), 0);
    bench.runs_out();
}

#[test]
fn a_repeated_invite_is_answered_with_the_latest_provisional_and_makes_no_second_leg() {
    let mut bench = Bench::new();
    let invite = Ask::invite().text();
    let leg = bench.receive(&invite).events[0].0;
    let said = bench.receive(&invite);
    assert_eq!((said.sends(), said.events.len()), (vec!["100".to_owned()], 0));
    bench.command(leg, LegCommand::Ring);
    assert_eq!(bench.receive(&invite).sends(), ["180"]);
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    assert_eq!(bench.receive(&invite).sends(), [""; 0], "RFC 6026: the 200 is repeated by its own clock");
}

#[test]
fn a_200_is_repeated_until_its_ack_and_given_up_with_a_bye_after_32_seconds() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let said = bench.wait(Duration::from_secs(31));
    assert_eq!(said.sends(), ["200"; 9], "at 0.5, 1.5, 3.5 and then every 4 s");
    let said = bench.wait(Duration::from_secs(2));
    assert_eq!(said.sends()[..2], ["200", "BYE"]);
    assert_eq!(said.event_names(), ["Ended(NoResponse)"]);
    bench.runs_out();
}

#[test]
fn a_leg_hung_up_before_its_ack_ends_at_once_but_sends_its_bye_after_the_ack() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    let said = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let our_tag = tag(header(said.message(0), "To")).to_owned();
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Ended(WeHungUp)".to_owned()]));
    let said = bench.receive(&Ask::new("ACK", "ack1").in_dialog(&our_tag).text());
    assert_eq!((said.sends(), said.event_names()), (vec!["BYE".to_owned()], vec![]));
    assert!(header(said.message(0), "Reason").starts_with("Q.850;cause=16"));
    bench.runs_out();
}

#[test]
fn a_leg_we_hang_up_sends_a_bye_with_the_tags_the_other_way_round() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::OtherLegEnded });
    assert_eq!((said.sends(), said.event_names()), (vec!["BYE".into()], vec!["Ended(OtherLegEnded)".into()]));
    let bye = said.message(0).to_owned();
    assert!(bye.starts_with("BYE sip:pat@192.0.2.10:5060 SIP/2.0"));
    assert_eq!(tag(header(&bye, "From")), our_tag);
    assert_eq!(tag(header(&bye, "To")), "from1");
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    assert!(said.sent.is_empty() && said.events.is_empty(), "Ended is told once");
    let said = bench.receive(&bench::response(&bye, "200 OK", "", ""));
    assert!(said.sent.is_empty() && said.events.is_empty());
    bench.runs_out();
}

#[test]
fn a_cancel_takes_back_an_invite() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    bench.command(leg, LegCommand::Ring);
    let said = bench.receive(&Ask::new("CANCEL", "inv1").text());
    assert_eq!(said.sends(), ["200", "487"]);
    assert_eq!(header(said.message(0), "CSeq"), "1 CANCEL");
    assert_eq!(tag(header(said.message(0), "To")), tag(header(said.message(1), "To")));
    assert_eq!(said.event_names(), ["Ended(Cancelled)"]);
    assert_eq!(bench.wait(Duration::from_secs(1)).sends(), ["487"], "repeated until its ACK");
    let said = bench.receive(&Ask::new("ACK", "inv1").text());
    assert!(said.sent.is_empty() && said.dropped.is_empty());
    assert_eq!(bench.wait(Duration::from_secs(4)).sends(), [""; 0]);
    bench.runs_out();
}

#[test]
fn a_cancel_after_200_is_answered_200_and_the_call_lives() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let said = bench.receive(&Ask::new("CANCEL", "inv1").text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec![]));
    assert_eq!(header(said.message(0), "CSeq"), "1 CANCEL");
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn a_cancel_of_nothing_is_answered_481() {
    let mut bench = Bench::new();
    let said = bench.receive(&Ask::new("CANCEL", "nothing").text());
    assert_eq!(said.sends(), ["481"]);
    assert_eq!(said.dropped, [Discarded::StrayRequest]);
}

#[test]
fn a_leg_is_refused_with_what_the_call_says() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    let refusal = Refusal { status: 503, retry_after: Some(Duration::from_secs(30)) };
    let said = bench.command(leg, LegCommand::Reject(refusal));
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["503".into()], vec!["Ended(WeRefused { status: 503 })".into()])
    );
    assert_eq!(header(said.message(0), "Retry-After"), "30");
    bench.receive(&Ask::new("ACK", "inv1").text());
    bench.runs_out();
}

#[test]
fn hanging_up_a_leg_that_rings_refuses_it_fittingly() {
    let cases = [
        (EndCause::WeHungUp, "480"),
        (EndCause::Refused { status: 486 }, "486"),
        (EndCause::Refused { status: 407 }, "480"),
        (EndCause::InternalError, "500"),
    ];
    for (cause, status) in cases {
        let mut bench = Bench::new();
        let leg = bench.receive(&Ask::invite().text()).events[0].0;
        let said = bench.command(leg, LegCommand::HangUp { cause });
        assert_eq!(
            (said.sends(), said.event_names()),
            (vec![status.to_owned()], vec![format!("Ended({cause:?})")])
        );
        bench.runs_out();
    }
}

#[test]
fn a_leg_that_is_challenged_is_asked_for_both_digests_the_stronger_first() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    let said = bench.command(leg, LegCommand::Challenge(Challenge::OwnPhonesOnly));
    assert_eq!(said.sends(), ["401"]);
    let challenges = headers(said.message(0), "WWW-Authenticate");
    assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"), "{challenges:?}");
    assert_eq!(said.event_names(), ["Ended(WeRefused { status: 401 })"]);
}

#[test]
fn requests_we_cannot_serve_are_refused_as_rfc_3261_8_2_says() {
    let cases = [
        (Ask::new("PUBLISH", "m"), "405", "Allow"),
        (Ask::new("REFER", "m"), "403", ""),
        (Ask::new("UPDATE", "m"), "481", ""),
        (Ask::new("MESSAGE", "m"), "405", "Allow"),
        (Ask::new("PRACK", "m"), "481", ""),
        (Ask::new("SUBSCRIBE", "m").with("Event: presence"), "489", ""),
        (Ask::new("NOTIFY", "m").with("Event: presence"), "481", ""),
        (Ask::new("FROBNICATE", "m"), "501", "Allow"),
        (Ask::invite().uri("http://example.org/"), "416", ""),
        (Ask::invite().with("Require: 100rel, teleport"), "420", "Unsupported"),
        (Ask::invite().with("Max-Forwards: 0"), "483", ""),
        (Ask::invite().kind("text/plain"), "415", "Accept"),
        (Ask::invite().with("Content-Encoding: gzip"), "415", "Accept-Encoding"),
        (Ask::new("BYE", "m").in_dialog("unknown"), "481", ""),
        (Ask::new("BYE", "m"), "481", ""),
        (Ask::new("INFO", "m"), "481", ""),
        (Ask::invite().in_dialog("unknown"), "481", ""),
        (Ask::new("OPTIONS", "m").with("Max-Forwards: 0"), "200", "Accept"),
    ];
    for (ask, status, carries) in cases {
        let mut bench = Bench::new();
        let said = bench.receive(&ask.text());
        assert_eq!(said.sends(), [status], "{} {:?}", ask.method, ask.extra);
        assert!(said.events.is_empty(), "{}", ask.method);
        assert!(
            carries.is_empty() || !header(said.message(0), carries).is_empty(),
            "{} {carries}",
            ask.method
        );
        assert!(!tag(header(said.message(0), "To")).is_empty(), "{}: a To tag", ask.method);
        if ask.method == "INVITE" {
            bench.receive(&Ask::new("ACK", "inv1").text());
        }
        bench.runs_out();
    }
}

#[test]
fn an_unsupported_requirement_is_named() {
    let said = Bench::new().receive(&Ask::invite().with("Require: teleport").text());
    assert_eq!(header(said.message(0), "Unsupported"), "teleport");
}

#[test]
fn an_sdp_inside_a_multipart_body_is_found() {
    let multipart = format!(
        "--edge\r\nContent-Type: text/plain\r\n\r\nhello\r\n--edge\r\nContent-Type: application/sdp\r\n\r\n{OFFER}\r\n--edge--\r\n"
    );
    let ask = Ask::invite().body(&multipart).kind("multipart/mixed;boundary=\"edge\"");
    let said = Bench::new().receive(&ask.text());
    let (_, LegEvent::Invited(invited)) = &said.events[0] else { panic!("{:?}", said.sends()) };
    assert_eq!(invited.offer.as_deref(), Some(OFFER.as_bytes()));
}

#[test]
fn the_same_request_by_another_way_is_answered_482() {
    let mut bench = Bench::new();
    bench.receive(&Ask::invite().text());
    let mut merged = Ask::invite();
    merged.branch = "z9hG4bKotherway".to_owned();
    assert_eq!(bench.receive(&merged.text()).sends(), ["482"]);
}

#[test]
fn a_late_offer_is_ours_and_the_ack_brings_the_answer() {
    let mut bench = Bench::new();
    let said = bench.receive(&Ask::new("INVITE", "inv1").text());
    let (leg, LegEvent::Invited(invited)) = &said.events[0] else { panic!() };
    assert!(invited.offer.is_none());
    let said = bench.command(*leg, LegCommand::Answer { sdp: sdp(OFFER) });
    let our_tag = tag(header(said.message(0), "To")).to_owned();
    let said = bench.receive(&Ask::new("ACK", "ack1").in_dialog(&our_tag).body(ANSWER).text());
    let (_, LegEvent::Confirmed { sdp: Some(answer) }) = &said.events[0] else { panic!("{:?}", said.events) };
    assert_eq!(answer, ANSWER.as_bytes());
}

#[test]
fn a_key_comes_by_info_in_either_body() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let info = |cseq: u32, kind: &'static str, body: &str| {
        let mut ask = Ask::new("INFO", "i").in_dialog(&our_tag).cseq(cseq).kind(kind).body(body);
        ask.branch = format!("z9hG4bKinfo{cseq}");
        ask.text()
    };
    let said = bench.receive(&info(2, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"));
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec!["Info(5)".to_owned()]));
    let said = bench.receive(&info(3, "application/dtmf", "#"));
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec!["Info(#)".to_owned()]));
    let said = bench.receive(&info(4, "text/plain", "5"));
    assert_eq!((said.sends(), said.event_names()), (vec!["415".to_owned()], vec![]));
    let said = bench.receive(&info(5, "application/dtmf-relay", "Signal=99\r\n"));
    assert_eq!((said.sends(), said.event_names()), (vec!["400".to_owned()], vec![]));
    let said = bench.receive(&info(6, "text/plain", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec![]));
}

#[test]
fn a_request_overtaken_by_a_later_one_is_answered_500() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let options = |cseq: u32| {
        let mut ask = Ask::new("OPTIONS", "o").in_dialog(&our_tag).cseq(cseq);
        ask.branch = format!("z9hG4bKopt{cseq}");
        ask.text()
    };
    assert_eq!(bench.receive(&options(5)).sends(), ["200"]);
    assert_eq!(bench.receive(&options(4)).sends(), ["500"]);
}

#[test]
fn a_reinvite_is_answered_by_the_call_and_acknowledged() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let mut reinvite = Ask::new("INVITE", "re1").in_dialog(&our_tag).cseq(2).body(OFFER);
    let said = bench.receive(&reinvite.text());
    assert_eq!((said.sends(), said.event_names()), (vec!["100".into()], vec!["Reoffered(sdp)".into()]));

    reinvite.cseq = 3;
    reinvite.branch = "z9hG4bKre2".to_owned();
    let said = bench.receive(&reinvite.text());
    assert_eq!(said.sends(), ["500"], "a second INVITE before the first is answered");
    assert!(!header(said.message(0), "Retry-After").is_empty());

    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["200".to_owned()], ANSWER));
    assert_eq!(header(said.message(0), "CSeq"), "2 INVITE");
    assert_eq!(bench.wait(Duration::from_millis(600)).sends(), ["500", "200"], "both repeated");
    let said = bench.receive(&Ask::new("ACK", "reack").in_dialog(&our_tag).cseq(2).text());
    assert_eq!(said.event_names(), [""; 0]);
    let sends = bench.wait(Duration::from_secs(1)).sends();
    assert!(!sends.contains(&"200".to_owned()), "acknowledged: {sends:?}");
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn a_reinvite_that_meets_ours_is_refused_491_and_ours_is_tried_again() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["INVITE"]);
    let ours = said.message(0).to_owned();
    let theirs = Ask::new("INVITE", "re1").in_dialog(&our_tag).cseq(2).body(OFFER);
    assert_eq!(bench.receive(&theirs.text()).sends(), ["491"]);
    bench.receive(&Ask::new("ACK", "re1").in_dialog(&our_tag).cseq(2).text());
    assert_eq!(bench.receive(&bench::response(&ours, "491 Request Pending", "", "")).sends(), ["ACK"]);

    let said = bench.wait(Duration::from_secs(3));
    assert_eq!(said.sends()[0], "INVITE", "who was called waits at most two seconds");
    let ours = said.message(0).to_owned();
    let said = bench.receive(&bench::response(&ours, "200 OK", "", OFFER));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["OfferAnswered".into()]));
    let again = bench.receive(&bench::response(&ours, "200 OK", "", OFFER));
    assert_eq!((again.sends(), again.event_names()), (vec!["ACK".to_owned()], vec![]), "ACK repeated");
}

#[test]
fn an_offer_of_ours_that_the_far_end_does_not_know_ends_the_leg() {
    let mut bench = Bench::new();
    let (leg, _) = answered_leg(&mut bench);
    let ours = bench.command(leg, LegCommand::Offer { sdp: sdp(ANSWER) }).message(0).to_owned();
    let said = bench.receive(&bench::response(&ours, "481 Gone", "", ""));
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["ACK".into(), "BYE".into()], vec!["Ended(NoResponse)".into()])
    );
    bench.runs_out();
}

#[test]
fn an_offer_refused_leaves_the_session_as_it_was() {
    let mut bench = Bench::new();
    let (leg, _) = answered_leg(&mut bench);
    let ours = bench.command(leg, LegCommand::Offer { sdp: sdp(ANSWER) }).message(0).to_owned();
    let said = bench.receive(&bench::response(&ours, "488 Not Acceptable Here", "", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".to_owned()], vec![]));
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn a_bye_with_a_reinvite_pending_ends_both() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    bench.receive(&Ask::new("INVITE", "re1").in_dialog(&our_tag).cseq(2).body(OFFER).text());
    let said = bench.receive(&Ask::new("BYE", "bye1").in_dialog(&our_tag).cseq(3).text());
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["200".into(), "487".into()], vec!["Ended(FarEndHungUp)".into()])
    );
    bench.runs_out();
}

#[test]
fn a_bye_that_crosses_ours_is_answered_200() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    let said = bench.receive(&Ask::new("BYE", "bye1").in_dialog(&our_tag).cseq(2).text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec![]));
    bench.runs_out();
}

#[test]
fn an_answer_without_rport_goes_to_the_port_the_via_names() {
    let mut bench = Bench::new();
    let text = Ask::new("OPTIONS", "o")
        .text()
        .replace(";rport", "")
        .replace("UDP 192.0.2.10:5060", "UDP phone.example:5070");
    let behind = sip::Path { peer: "198.51.100.7:40000".parse().unwrap(), ..bench::path() };
    let said = bench.receive_on(behind, &text);
    assert_eq!(said.sent[0].0.peer, "198.51.100.7:5070".parse().unwrap());
    assert!(header(said.message(0), "Via").contains("received=198.51.100.7"));

    let text = Ask::new("OPTIONS", "o2").call_id("two").text();
    let said = bench.receive_on(behind, &text);
    assert_eq!(said.sent[0].0.peer, behind.peer);
    assert!(header(said.message(0), "Via").contains("rport=40000"));
}

#[test]
fn a_bye_of_ours_follows_the_route_set_and_the_contact() {
    let mut bench = Bench::new();
    let invite = Ask::invite()
        .with("Record-Route: <sip:192.0.2.20;lr>, <sip:192.0.2.30;lr>")
        .text()
        .replace("Contact: <sip:pat@192.0.2.10:5060>", "Contact: <sip:pat@10.0.0.5:5066>");
    let leg = bench.receive(&invite).events[0].0;
    let ok = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let our_tag = tag(header(ok.message(0), "To")).to_owned();
    bench.receive(&Ask::new("ACK", "ack1").in_dialog(&our_tag).text());
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    let bye = said.message(0);
    assert!(bye.starts_with("BYE sip:pat@10.0.0.5:5066 SIP/2.0"), "{bye}");
    assert_eq!(headers(bye, "Route"), ["<sip:192.0.2.20;lr>", "<sip:192.0.2.30;lr>"]);
    assert_eq!(said.sent[0].0.peer, "192.0.2.20:5060".parse().unwrap());
}

#[test]
fn what_is_no_message_is_counted_and_never_answered() {
    let mut bench = Bench::new();
    for (bytes, why) in [
        (&b"\r\n\r\n"[..], Discarded::KeepAlive),
        (b"hello", Discarded::Malformed),
        (&[0xff; 300], Discarded::Malformed),
    ] {
        let said = bench.input(Input::Received { path: bench::path(), bytes });
        assert_eq!((said.sent.len(), said.dropped), (0, vec![why]));
    }
    let stray = bench::response(&Ask::invite().text(), "200 OK", "x", "");
    assert_eq!(bench.receive(&stray).dropped, [Discarded::StrayResponse]);
    assert_eq!(
        bench.receive(&Ask::new("ACK", "none").in_dialog("no").text()).dropped,
        [Discarded::StrayRequest]
    );
}

#[test]
fn when_all_legs_are_taken_the_newest_caller_is_told_to_come_back() {
    let mut bench = Bench::new();
    for number in 0..20_000 {
        let mut ask = Ask::invite().call_id(&format!("call-{number}"));
        ask.branch = format!("z9hG4bKfull{number}");
        bench.receive(&ask.text());
    }
    assert_eq!(bench.endpoint.legs(), 20_000);
    let mut ask = Ask::invite().call_id("one-too-many");
    ask.branch = "z9hG4bKonetoomany".to_owned();
    let said = bench.receive(&ask.text());
    assert_eq!((said.sends(), said.dropped.clone()), (vec!["503".to_owned()], vec![Discarded::Full]));
    assert_eq!(header(said.message(0), "Retry-After"), "10");
}

#[test]
fn who_is_turned_away_at_the_door_leaves_nothing_behind() {
    let mut bench = Bench::new();
    for number in 0..1_000 {
        let mut ask = Ask::invite().kind("text/plain").call_id(&format!("flood-{number}"));
        ask.branch = format!("z9hG4bKflood{number}");
        assert_eq!(bench.receive(&ask.text()).sends(), ["415"]);
        let mut ask = Ask::new("REGISTER", "").call_id(&format!("reg-{number}"));
        ask.branch = format!("z9hG4bKreg{number}");
        assert_eq!(bench.receive(&ask.text()).sends(), ["401"]);
    }
    assert!(bench.endpoint.is_idle(), "no transaction, and so no repetition to a made-up address");
}

#[test]
fn an_answer_at_the_door_has_the_same_tag_each_time() {
    let mut bench = Bench::new();
    let ask = Ask::invite().with("Require: teleport").text();
    let (first, second) = (bench.receive(&ask), bench.receive(&ask));
    assert_eq!(first.message(0), second.message(0));
}

#[test]
fn a_phone_whose_nat_gave_it_another_port_is_followed_by_its_reinvite() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let moved = sip::Path { peer: "198.51.100.7:41000".parse().unwrap(), ..bench::path() };
    let reinvite = Ask::new("INVITE", "re1").in_dialog(&our_tag).cseq(2).body(OFFER);
    bench.receive_on(moved, &reinvite.text());
    bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    bench.receive_on(moved, &Ask::new("ACK", "reack").in_dialog(&our_tag).cseq(2).text());
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    assert_eq!((said.sends(), said.sent[0].0), (vec!["BYE".to_owned()], moved));
}

#[test]
fn a_2xx_to_our_reinvite_that_crosses_our_bye_is_acknowledged_and_nothing_else() {
    let mut bench = Bench::new();
    let (leg, _) = answered_leg(&mut bench);
    let ours = bench.command(leg, LegCommand::Offer { sdp: sdp(ANSWER) }).message(0).to_owned();
    bench.receive(&bench::response(&ours, "100 Trying", "", ""));
    assert_eq!(bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp }).sends(), ["BYE"]);
    let said = bench.receive(&bench::response(&ours, "200 OK", "", OFFER));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".to_owned()], vec![]));
    bench.runs_out();
}

#[test]
fn a_reinvite_taken_back_by_cancel_leaves_the_session_as_it_was() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    bench.receive(&Ask::new("INVITE", "re1").in_dialog(&our_tag).cseq(2).body(OFFER).text());
    let said = bench.receive(&Ask::new("CANCEL", "re1").in_dialog(&our_tag).cseq(2).text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".into(), "487".into()], vec![]));
    assert!(bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) }).sent.is_empty());
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn an_ack_of_another_invite_does_not_confirm_this_one() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    let ok = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let our_tag = tag(header(ok.message(0), "To")).to_owned();
    let said = bench.receive(&Ask::new("ACK", "ack1").in_dialog(&our_tag).cseq(7).text());
    assert_eq!(said.event_names(), [""; 0]);
    assert_eq!(bench.wait(Duration::from_millis(600)).sends(), ["200"], "still repeated");
}

#[test]
fn a_call_that_rings_for_minutes_says_so_every_minute() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    assert_eq!(bench.wait(Duration::from_secs(90)).sends(), [""; 0], "100 Trying is said once");
    bench.command(leg, LegCommand::Ring);
    assert_eq!(bench.wait(Duration::from_secs(200)).sends(), ["180"; 3]);
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    bench.receive(&Ask::new("ACK", "inv1").text());
    bench.runs_out();
}
