//! UPDATE both ways (RFC 3311), before and after the answer, and who waits for whom.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, Said, answered_leg, body, header, invite_to, response, sdp, tag};
use sip::{EndCause, LegCommand, LegEvent, LegId, Refusal};

const ANEW: &str =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

fn update(tag: &str, cseq: u32) -> Ask {
    Ask::new("UPDATE", &format!("update{cseq}"))
        .in_dialog(tag)
        .cseq(cseq)
        .with("Contact: <sip:pat@192.0.2.10:5060>")
}

/// A caller whose early media was agreed by PRACK.
fn early(bench: &mut Bench) -> (LegId, String) {
    let invite = Ask::invite().with("Require: 100rel").with("Allow: INVITE, ACK, BYE, PRACK, UPDATE");
    let leg = bench.receive(&invite.text()).events[0].0;
    let said = bench.command(leg, LegCommand::Progress { sdp: sdp(ANSWER) });
    let message = said.message(0).to_owned();
    let our_tag = tag(header(&message, "To")).to_owned();
    let rack = format!("RAck: {} 1 INVITE", header(&message, "RSeq"));
    bench.receive(&Ask::new("PRACK", "prack").in_dialog(&our_tag).cseq(2).with(&rack).text());
    (leg, our_tag)
}

/// A phone of ours that plays early media, agreed by PRACK.
fn ringing(bench: &mut Bench) -> (LegId, String) {
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let reliable = "\r\nRequire: 100rel\r\nRSeq: 1\r\nAllow: PRACK, UPDATE\r\n";
    let progress = response(&invite, "183 Progress", "b1", ANSWER).replacen("\r\n", reliable, 1);
    assert_eq!(bench.receive(&progress).sends(), ["PRACK"]);
    (leg, invite)
}

/// A request of the phone that `invite` called.
fn from_phone(invite: &str, ask: Ask) -> Ask {
    let from = format!("{};tag=b1", header(invite, "To"));
    ask.from(&from).call_id(header(invite, "Call-ID")).in_dialog(tag(header(invite, "From")))
}

#[test]
fn an_update_without_sdp_is_answered_and_moves_the_target() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let moved =
        Ask::new("UPDATE", "u").in_dialog(&our_tag).cseq(2).with("Contact: <sip:new@192.0.2.10:5060>");
    let said = bench.receive(&moved.text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec![]));
    assert_eq!(header(said.message(0), "Contact"), "<sip:192.0.2.1:5060>");
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert!(said.message(0).starts_with("INVITE sip:new@192.0.2.10:5060"));
}

#[test]
fn an_offer_by_update_in_a_call_is_answered_or_refused_by_the_call() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    let said = bench.receive(&update(&our_tag, 2).body(ANEW).text());
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Reoffered(sdp)".to_owned()]));
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["200".to_owned()], ANSWER));
    assert!(bench.wait(Duration::from_secs(20)).sent.is_empty(), "an UPDATE has no ACK to wait for");

    bench.receive(&update(&our_tag, 3).body(ANEW).text());
    assert_eq!(bench.command(leg, LegCommand::Reject(Refusal::status(488))).sends(), ["488"]);
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn an_offer_by_update_that_meets_another_is_told_to_wait() {
    let mut bench = Bench::new();
    let (leg, our_tag) = answered_leg(&mut bench);
    bench.receive(&update(&our_tag, 2).body(ANEW).text());
    let said = bench.receive(&update(&our_tag, 3).body(ANEW).text());
    assert_eq!(said.sends(), ["500"], "the one before has no answer yet");
    assert!((1..=10).contains(&header(said.message(0), "Retry-After").parse().unwrap()));
    bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });

    bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert_eq!(bench.receive(&update(&our_tag, 4).body(ANEW).text()).sends(), ["491"], "ours is out");
    assert_eq!(bench.receive(&update(&our_tag, 5).text()).sends(), ["200"], "without an offer nothing meets");
}

#[test]
fn an_update_before_the_answer_is_taken_once_early_media_is_agreed() {
    let mut bench = Bench::new();
    let invite = Ask::invite().with("Require: 100rel");
    let leg = bench.receive(&invite.text()).events[0].0;
    let our_tag = tag(header(bench.command(leg, LegCommand::Ring).message(0), "To")).to_owned();
    let said = bench.receive(&update(&our_tag, 2).body(ANEW).text());
    assert_eq!(said.sends(), ["500"], "the offer of the INVITE has no answer yet");

    let mut bench = Bench::new();
    let (leg, our_tag) = early(&mut bench);
    let said = bench.receive(&update(&our_tag, 3).body(ANEW).text());
    assert_eq!(said.event_names(), ["Reoffered(sdp)"]);
    assert!(
        bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) }).sent.is_empty(),
        "one after the other"
    );
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["200", "200"]);
    assert_eq!((header(said.message(0), "CSeq"), body(said.message(0))), ("3 UPDATE", ANSWER));
    assert_eq!((header(said.message(1), "CSeq"), body(said.message(1))), ("1 INVITE", ""));
}

#[test]
fn we_move_early_media_by_update_and_the_200_waits_for_it() {
    let mut bench = Bench::new();
    let (leg, _) = early(&mut bench);
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["UPDATE".to_owned()], OFFER));
    let update = said.message(0).to_owned();
    assert!(!header(&update, "Contact").is_empty());
    assert!(bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) }).sent.is_empty());
    let said = bench.receive(&response(&update, "200 OK", "", ANSWER));
    assert_eq!((said.sends(), said.event_names()), (vec!["200".into()], vec!["OfferAnswered".into()]));
}

#[test]
fn a_phone_that_does_not_take_update_is_offered_anew_after_the_answer_only() {
    let mut bench = Bench::new();
    let leg = bench.receive(&Ask::invite().text()).events[0].0;
    assert!(bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) }).sent.is_empty());
    let said = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["200"]);
    let ack = Ask::new("ACK", "ack").in_dialog(tag(header(said.message(0), "To"))).text();
    let said = bench.receive(&ack);
    assert_eq!((said.sends(), body(said.message(0))), (vec!["INVITE".to_owned()], OFFER));
}

#[test]
fn an_update_of_ours_that_is_refused_leaves_early_media_as_it_was() {
    for status in ["488 Not Acceptable Here", "491 Request Pending", "500 Server Error", "481 Gone"] {
        let mut bench = Bench::new();
        let (leg, _) = early(&mut bench);
        let update = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) }).message(0).to_owned();
        let said = bench.receive(&response(&update, status, "", ""));
        assert!(said.sent.is_empty() && said.events.is_empty(), "{status}");
        assert_eq!(bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) }).sends(), ["200"], "{status}");
    }
}

#[test]
fn nobody_who_answers_our_update_keeps_a_caller_from_her_answer() {
    let mut bench = Bench::new();
    let (leg, _) = early(&mut bench);
    bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) });
    let said = bench.wait(Duration::from_secs(33));
    assert!(said.sends().contains(&"200".to_owned()), "{:?}", said.sends());
}

#[test]
fn a_phone_that_rings_may_move_its_early_media() {
    let mut bench = Bench::new();
    let (leg, invite) = ringing(&mut bench);
    let ask = from_phone(&invite, Ask::new("UPDATE", "u").body(ANEW));
    let said = bench.receive(&ask.text());
    assert_eq!(said.event_names(), ["Reoffered(sdp)"]);
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(OFFER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["200".to_owned()], OFFER));
    assert_eq!(bench.receive(&response(&invite, "200 OK", "b1", "")).event_names(), ["Answered"]);
    // Its next request is in order after its UPDATE.
    let bye = from_phone(&invite, Ask::new("BYE", "bye").cseq(2));
    assert_eq!(bench.receive(&bye.text()).sends(), ["200"]);
}

/// How the ringing of a phone ends.
type Ending = dyn Fn(&mut Bench, LegId, &str) -> Said;

#[test]
fn an_offer_of_a_phone_that_rings_is_answered_with_481_however_the_ringing_ends() {
    let endings: [(&str, &Ending); 4] = [
        ("it is busy", &|bench, _, invite| bench.receive(&response(invite, "486 Busy Here", "b1", ""))),
        ("it hangs up", &|bench, _, invite| {
            bench.receive(&from_phone(invite, Ask::new("BYE", "bye").cseq(2)).text())
        }),
        ("we hang up", &|bench, leg, _| bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp })),
        ("it rings too long", &|bench, _, _| bench.wait(Duration::from_secs(300))),
    ];
    for (ending, end) in endings {
        let mut bench = Bench::new();
        let (leg, invite) = ringing(&mut bench);
        bench.receive(&from_phone(&invite, Ask::new("UPDATE", "u").body(ANEW)).text());
        let said = end(&mut bench, leg, &invite);
        let answers = said.sent.iter().filter(|(_, text, _)| text.contains("CSeq: 1 UPDATE")).count();
        assert_eq!(answers, 1, "{ending}: {:?}", said.sends());
        assert!(said.sends().contains(&"481".to_owned()), "{ending}: {:?}", said.sends());
        bench.runs_out();
    }
}

#[test]
fn a_phone_that_rings_and_has_not_answered_our_offer_cannot_make_its_own() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    let ask = from_phone(&invite, Ask::new("UPDATE", "u").body(ANEW));
    assert_eq!(bench.receive(&ask.text()).sends(), ["491"]);
    let plain = from_phone(&invite, Ask::new("UPDATE", "u2").cseq(2));
    assert_eq!(bench.receive(&plain.text()).sends(), ["200"]);
    let stranger = plain.from("<sip:agent@192.0.2.10:5060>;tag=b9");
    let stranger = Ask { branch: "z9hG4bKu3".to_owned(), ..stranger };
    assert_eq!(bench.receive(&stranger.text()).sends(), ["481"]);
}

#[test]
fn we_move_the_early_media_of_a_phone_that_rings() {
    let mut bench = Bench::new();
    let (leg, invite) = ringing(&mut bench);
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) });
    assert_eq!((said.sends(), header(said.message(0), "CSeq")), (vec!["UPDATE".to_owned()], "3 UPDATE"));
    let ours = said.message(0).to_owned();
    // Its answer crosses our UPDATE.
    assert_eq!(bench.receive(&response(&invite, "200 OK", "b1", "")).event_names(), ["Answered"]);
    let said = bench.receive(&response(&ours, "200 OK", "", ANEW));
    let LegEvent::OfferAnswered { sdp } = &said.events[0].1 else { panic!("{:?}", said.events) };
    assert_eq!(sdp, ANEW.as_bytes());
    assert!(said.sent.is_empty(), "an UPDATE has no ACK");
}

#[test]
fn an_update_with_a_body_that_is_no_sdp_is_refused_with_415() {
    let mut bench = Bench::new();
    let (_, our_tag) = answered_leg(&mut bench);
    let said = bench.receive(&update(&our_tag, 2).body("hello").kind("text/plain").text());
    assert_eq!(
        (said.sends(), header(said.message(0), "Accept")),
        (vec!["415".to_owned()], "application/sdp")
    );
}
