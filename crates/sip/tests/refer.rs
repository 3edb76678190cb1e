//! REFER inside a dialog (RFC 3515), its NOTIFYs, Replaces (RFC 3891) and what is refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, answered_leg, body, header, headers, invite_to, response, sdp, tag};
use sip::{EndCause, LegCommand, LegEvent, LegId, Refusal, Replaced};

fn refer(our_tag: &str, cseq: u32, to: &str) -> Ask {
    Ask::new("REFER", &format!("refer{cseq}"))
        .in_dialog(our_tag)
        .cseq(cseq)
        .with(&format!("Refer-To: {to}"))
        .with("Contact: <sip:pat@192.0.2.10:5060>")
}

/// A leg with a REFER that waits for the call's answer.
fn referred(bench: &mut Bench, to: &str) -> (LegId, String) {
    let (leg, our_tag) = answered_leg(bench);
    let said = bench.receive(&refer(&our_tag, 2, to).text());
    assert_eq!(said.event_names(), ["Referred(ben)"]);
    assert!(said.sent.is_empty(), "the call decides");
    (leg, our_tag)
}

#[test]
fn a_refer_is_accepted_and_its_sender_hears_each_step_one_after_the_other() {
    let mut bench = Bench::new();
    let (leg, _) = referred(&mut bench, "<sip:ben@careline.example>");
    let said = bench.command(leg, LegCommand::AcceptReferral);
    assert_eq!(said.sends(), ["202", "NOTIFY"]);
    let first = said.message(1).to_owned();
    assert_eq!(header(&first, "Event"), "refer;id=2");
    assert_eq!(header(&first, "Subscription-State"), "active;expires=180");
    assert_eq!(header(&first, "Content-Type"), "message/sipfrag;version=2.0");
    assert_eq!(body(&first), "SIP/2.0 100 Trying\r\n");

    let said = bench.command(leg, LegCommand::TellReferrer { status: 180 });
    assert!(said.sent.is_empty(), "the first is not answered yet");
    let said = bench.receive(&response(&first, "200 OK", "", ""));
    assert_eq!(body(said.message(0)), "SIP/2.0 180 Ringing\r\n");
    let second = said.message(0).to_owned();
    bench.command(leg, LegCommand::TellReferrer { status: 200 });
    let said = bench.receive(&response(&second, "200 OK", "", ""));
    assert_eq!(header(said.message(0), "Subscription-State"), "terminated;reason=noresource");
    assert_eq!(body(said.message(0)), "SIP/2.0 200 OK\r\n");
    bench.receive(&response(said.message(0), "200 OK", "", ""));
    let said = bench.command(leg, LegCommand::TellReferrer { status: 200 });
    assert!(said.sent.is_empty(), "nothing follows the last");
    bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    bench.runs_out();
}

#[test]
fn a_sender_who_wants_no_news_gets_none() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    bench.receive(&refer(&our_tag, 2, "<sip:ben@careline.example>").with("Refer-Sub: false").text());
    let said = bench.command(leg, LegCommand::AcceptReferral);
    assert_eq!(said.sends(), ["202"]);
    assert_eq!(header(said.message(0), "Refer-Sub"), "false");
    assert!(bench.command(leg, LegCommand::TellReferrer { status: 200 }).sent.is_empty());
}

#[test]
fn a_refused_refer_leaves_the_call_as_it_was_and_another_may_come() {
    let mut bench = Bench::new();
    let (leg, our_tag) = referred(&mut bench, "<sip:ben@careline.example>");
    let said = bench.receive(&refer(&our_tag, 3, "<sip:ben@careline.example>").text());
    assert_eq!(said.sends(), ["491"], "one at a time");
    let said = bench.command(leg, LegCommand::RefuseReferral(Refusal::status(403)));
    assert_eq!(said.sends(), ["403"]);
    let said = bench.receive(&refer(&our_tag, 4, "<sip:ben@careline.example>").text());
    assert_eq!(said.event_names(), ["Referred(ben)"]);
}

#[test]
fn what_no_call_can_be_made_of_is_refused_at_the_door() {
    for (to, status) in [
        ("<sip:ben@careline.example;method=MESSAGE>", "501"),
        ("<sip:ben@careline.example;method=INVITE>", ""),
        ("<http://careline.example>", "416"),
        ("<sip:careline.example>", "404"),
        ("<sip:ben@careline.example?Replaces=nothing>", "400"),
        ("<sip:ben@careline.example?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&Replaces=a>", "400"),
        ("<sip:ben@careline.example?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1>", "400"),
        ("<sip:ben@careline.example?Subject=x>", ""),
        ("ben", "400"),
    ] {
        let mut bench = Bench::new();
        let (_, our_tag) = answered_leg(&mut bench);
        let said = bench.receive(&refer(&our_tag, 2, to).text());
        match status {
            "" => assert_eq!(said.event_names(), ["Referred(ben)"], "{to}"),
            status => assert_eq!(said.sends(), [status], "{to}"),
        }
    }
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let none = Ask::new("REFER", "none").in_dialog(&our_tag).cseq(2);
    assert_eq!(bench.receive(&none.text()).sends(), ["400"]);
    let two = refer(&our_tag, 3, "<sip:ben@a.example>").with("Refer-To: <sip:anna@a.example>");
    assert_eq!(bench.receive(&two.text()).sends(), ["400"]);
}

#[test]
fn a_refer_outside_a_call_or_in_one_that_is_not_up_makes_nobody_ring() {
    let mut bench = Bench::new();
    let alone = Ask::new("REFER", "alone").with("Refer-To: <sip:ben@careline.example>");
    assert_eq!(bench.receive(&alone.text()).sends(), ["403"]);
    let strange = refer("nobodys", 1, "<sip:ben@careline.example>");
    assert_eq!(bench.receive(&strange.text()).sends(), ["481"]);
    let said = bench.receive(&Ask::invite().text());
    let our_tag = {
        let said = bench.command(said.events[0].0, LegCommand::Ring);
        tag(header(said.message(0), "To")).to_owned()
    };
    assert_eq!(bench.receive(&refer(&our_tag, 2, "<sip:ben@a.example>").text()).sends(), ["481"]);
}

#[test]
fn a_replaces_names_a_leg_of_ours_whichever_way_round_it_is_written() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let (second, said) = bench.dial(invite_to("sip:anna@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let call_id = header(&invite, "Call-ID").to_owned();
    let ours = tag(header(&invite, "From")).to_owned();
    bench.receive(&response(&invite, "180 Ringing", "theirs", ""));
    let replaces = |to: &str, from: &str, more: &str| {
        format!("<sip:anna@careline.example?Replaces={call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}{more}>")
    };
    let named = |bench: &mut Bench, cseq: u32, to: &str| -> Option<Replaced> {
        let said = bench.receive(&refer(&our_tag, cseq, to).text());
        let (leg, LegEvent::Referred(referral)) = &said.events[0] else { panic!("{said:?}") };
        let replaced = referral.replaces;
        bench.command(*leg, LegCommand::RefuseReferral(Refusal::status(603)));
        replaced
    };
    assert_eq!(named(&mut bench, 2, &replaces(&ours, "theirs", "")), Some(Replaced::Ringing(second)));
    bench.receive(&response(&invite, "200 OK", "theirs", ANSWER));
    assert_eq!(named(&mut bench, 3, &replaces(&ours, "theirs", "")), Some(Replaced::Confirmed(second)));
    assert_eq!(named(&mut bench, 4, &replaces("theirs", &ours, "")), Some(Replaced::Confirmed(second)));
    assert_eq!(named(&mut bench, 5, &replaces(&ours, "theirs", "%3Bearly-only")), Some(Replaced::TooLate));
    assert_eq!(named(&mut bench, 6, &replaces(&ours, "else", "")), Some(Replaced::Nobody));
    let by_header = Ask::new("INVITE", "inv2")
        .call_id("call-2@phone")
        .with("Require: replaces")
        .with(&format!("Replaces: {call_id};to-tag={ours};from-tag=theirs"))
        .body(OFFER);
    let said = bench.receive(&by_header.text());
    let LegEvent::Invited(invited) = &said.events[0].1 else { panic!("{said:?}") };
    assert_eq!(invited.replaces, Some(Replaced::Confirmed(second)));
}

#[test]
fn news_nobody_takes_any_more_end_the_subscription_and_not_the_call() {
    let mut bench = Bench::new();
    let (leg, our_tag) = referred(&mut bench, "<sip:ben@careline.example>");
    let said = bench.command(leg, LegCommand::AcceptReferral);
    bench.receive(&response(said.message(1), "481 Gone", "", ""));
    assert!(bench.command(leg, LegCommand::TellReferrer { status: 200 }).sent.is_empty());
    bench.receive(&refer(&our_tag, 3, "<sip:ben@careline.example>").text());
    bench.command(leg, LegCommand::AcceptReferral);
    let said = bench.wait(Duration::from_secs(33));
    assert!(said.events.is_empty(), "an unanswered NOTIFY is no lost call");
    assert!(bench.command(leg, LegCommand::TellReferrer { status: 200 }).sent.is_empty());
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn the_last_news_go_ahead_of_the_bye() {
    let mut bench = Bench::new();
    let (leg, _) = referred(&mut bench, "<sip:ben@careline.example>");
    bench.command(leg, LegCommand::AcceptReferral);
    bench.command(leg, LegCommand::TellReferrer { status: 487 });
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::OtherLegEnded });
    assert_eq!(said.sends(), ["NOTIFY", "BYE"]);
    assert_eq!(body(said.message(0)), "SIP/2.0 487 Request Terminated\r\n");
    bench.runs_out();
}

#[test]
fn a_referrer_may_stop_listening() {
    let mut bench = Bench::new();
    let (leg, our_tag) = referred(&mut bench, "<sip:ben@careline.example>");
    let first = bench.command(leg, LegCommand::AcceptReferral).message(1).to_owned();
    bench.receive(&response(&first, "200 OK", "", ""));
    let stop = Ask::new("SUBSCRIBE", "stop").in_dialog(&our_tag).cseq(3);
    let said = bench.receive(&stop.with("Event: refer;id=2").with("Expires: 0").text());
    assert_eq!(said.sends(), ["200", "NOTIFY"]);
    assert!(header(said.message(1), "Subscription-State").starts_with("terminated"));
}

#[test]
fn referred_by_and_registered_contacts_are_read() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let said = bench.receive(
        &refer(&our_tag, 2, "<sip:ben@careline.example;gr=urn:uuid:1>")
            .with("Referred-By: <sip:anna@careline.example>")
            .text(),
    );
    let LegEvent::Referred(referral) = &said.events[0].1 else { panic!("{said:?}") };
    assert_eq!(referral.to.expose(), "ben");
    assert_eq!(referral.by.as_ref().unwrap().expose(), "anna");
}

#[test]
fn a_refer_of_ours_is_answered_and_its_news_are_told() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let said = bench.command(leg, LegCommand::Refer { to: "sip:ben@192.0.2.9".to_owned() });
    assert_eq!(said.sends(), ["REFER"]);
    assert_eq!(headers(said.message(0), "Refer-To"), ["<sip:ben@192.0.2.9>"]);
    let said = bench.receive(&response(said.message(0), "202 Accepted", "", ""));
    assert_eq!(said.event_names(), ["ReferAnswered(202)"]);
    let notify = |cseq: u32, text: &str| {
        Ask::new("NOTIFY", &format!("n{cseq}")).in_dialog(&our_tag).cseq(cseq).with("Event: refer").body(text)
    };
    let said = bench.receive(&notify(2, "SIP/2.0 180 Ringing\r\n").kind("message/sipfrag").text());
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["200".to_owned()], vec!["ReferNews(180)".to_owned()])
    );
    let said = bench.receive(&notify(3, "hello").kind("message/sipfrag").text());
    assert_eq!(said.sends(), ["400"]);
    let _ = sdp(OFFER);
}

#[test]
fn a_notify_for_nothing_we_asked_is_answered_481() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let inside = Ask::new("NOTIFY", "n").in_dialog(&our_tag).cseq(2).with("Event: refer");
    assert_eq!(
        bench.receive(&inside.body("SIP/2.0 200 OK\r\n").kind("message/sipfrag").text()).sends(),
        ["481"]
    );
    assert_eq!(bench.receive(&Ask::new("NOTIFY", "m").with("Event: refer").text()).sends(), ["481"]);
}
