//! Reliable provisional responses (RFC 3262), ours and the far end's, and offer and answer in them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, Said, body, header, invite_to, response, sdp, tag};
use sip::{EndCause, Invite, LegCommand, LegEvent, LegId, Refusal};

/// Another session of the same phone.
const ANEW: &str =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

fn arrives(bench: &mut Bench, invite: &Ask) -> LegId {
    bench.receive(&invite.text()).events[0].0
}

fn prack(of: &str, cseq: u32) -> Ask {
    let rack = format!("RAck: {} {}", header(of, "RSeq"), header(of, "CSeq"));
    Ask::new("PRACK", &format!("prack{cseq}")).in_dialog(tag(header(of, "To"))).cseq(cseq).with(&rack)
}

fn ring(bench: &mut Bench, leg: LegId) -> String {
    let said = bench.command(leg, LegCommand::Ring);
    assert_eq!(said.sends(), ["180"]);
    said.message(0).to_owned()
}

fn progress(bench: &mut Bench, leg: LegId, with: &str) -> Said {
    bench.command(leg, LegCommand::Progress { sdp: sdp(with) })
}

fn answer(bench: &mut Bench, leg: LegId) -> Said {
    bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) })
}

#[test]
fn a_caller_who_requires_it_is_told_reliably_that_it_rings() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let ringing = ring(&mut bench, leg);
    assert_eq!(header(&ringing, "Require"), "100rel");
    assert!((1..1u32 << 31).contains(&header(&ringing, "RSeq").parse().unwrap()));
    let said = bench.receive(&prack(&ringing, 2).text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".to_owned()], vec![]));
    assert_eq!(header(said.message(0), "CSeq"), "2 PRACK");
    assert!(bench.wait(Duration::from_secs(20)).sent.is_empty(), "acknowledged, not repeated");
}

#[test]
fn a_caller_who_only_knows_how_gets_early_media_reliably_and_ringing_as_ever() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Supported: timer, 100rel"));
    assert_eq!(header(&ring(&mut bench, leg), "RSeq"), "");
    let said = progress(&mut bench, leg, ANSWER);
    assert_eq!((said.sends(), body(said.message(0))), (vec!["183".to_owned()], ANSWER));
    assert_ne!(header(said.message(0), "RSeq"), "");
    assert!(header(said.message(0), "Allow").contains("UPDATE"));
}

#[test]
fn a_reliable_response_is_repeated_twice_as_slowly_each_time_and_its_invite_refused_after_32_seconds() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let ringing = ring(&mut bench, leg);
    for wait in [500, 1_000, 2_000, 4_000, 8_000, 16_000] {
        assert!(bench.wait(Duration::from_millis(wait - 1)).sent.is_empty());
        let said = bench.wait(Duration::from_millis(1));
        assert_eq!(said.message(0), ringing);
        assert_eq!(said.sent.len(), 1);
    }
    let said = bench.wait(Duration::from_millis(500));
    assert_eq!((said.sends(), said.event_names()), (vec!["504".into()], vec!["Ended(NoResponse)".into()]));
    bench.receive(&Ask::new("ACK", "inv1").text());
    bench.runs_out();
}

#[test]
fn the_second_reliable_response_waits_for_the_prack_to_the_first() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let ringing = ring(&mut bench, leg);
    assert!(progress(&mut bench, leg, ANSWER).sent.is_empty());
    let said = bench.receive(&prack(&ringing, 2).text());
    assert_eq!(said.sends(), ["200", "183"]);
    let rseq = |message| header(message, "RSeq").parse::<u32>().unwrap();
    assert_eq!(rseq(said.message(1)), rseq(&ringing) + 1);
    assert_eq!(body(said.message(1)), ANSWER);
}

#[test]
fn a_prack_to_nothing_is_answered_481_and_changes_nothing() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let ringing = ring(&mut bench, leg);
    let our_tag = tag(header(&ringing, "To")).to_owned();
    let rseq: u32 = header(&ringing, "RSeq").parse().unwrap();
    let stray = [
        format!("RAck: {} 1 INVITE", rseq + 1),
        format!("RAck: {rseq} 2 INVITE"),
        format!("RAck: {rseq} 1 OPTIONS"),
        "RAck: nonsense".to_owned(),
        "Subject: no RAck".to_owned(),
    ];
    for (cseq, line) in (2..).zip(&stray) {
        let ask = Ask::new("PRACK", &format!("p{cseq}")).in_dialog(&our_tag).cseq(cseq).with(line);
        let sent = bench.receive(&ask.text()).sends();
        assert!(sent == ["481"] || sent == ["400"], "{line}: {sent:?}");
    }
    assert_eq!(bench.receive(&prack(&ringing, 10).text()).sends(), ["200"]);
    let again = Ask { branch: "z9hG4bKagain".to_owned(), ..prack(&ringing, 11) };
    assert_eq!(bench.receive(&again.text()).sends(), ["481"], "acknowledged once");
    assert_eq!(bench.endpoint.legs(), 1);
}

#[test]
fn a_200_waits_for_the_prack_to_early_media_and_does_not_say_the_answer_twice() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Supported: 100rel"));
    let early = progress(&mut bench, leg, ANSWER).message(0).to_owned();
    assert!(answer(&mut bench, leg).sent.is_empty());
    let said = bench.receive(&prack(&early, 2).text());
    assert_eq!(said.sends(), ["200", "200"]);
    assert_eq!(header(said.message(1), "CSeq"), "1 INVITE");
    assert_eq!(body(said.message(1)), "");
    let ack = Ask::new("ACK", "ack1").in_dialog(tag(header(&early, "To"))).text();
    assert_eq!(bench.receive(&ack).event_names(), ["Confirmed()"]);
}

#[test]
fn a_200_does_not_wait_for_the_prack_to_ringing_which_may_still_come() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let ringing = ring(&mut bench, leg);
    let said = answer(&mut bench, leg);
    assert_eq!((said.sends(), body(said.message(0))), (vec!["200".to_owned()], ANSWER));
    let said = bench.wait(Duration::from_secs(1));
    assert!(said.sent.iter().all(|(_, text, _)| !text.starts_with("SIP/2.0 180")), "not repeated any more");
    assert_eq!(bench.receive(&prack(&ringing, 2).text()).sends(), ["200"]);
    let again = Ask { branch: "z9hG4bKagain".to_owned(), ..prack(&ringing, 3) };
    assert_eq!(bench.receive(&again.text()).sends(), ["481"]);
}

#[test]
fn a_caller_who_gives_up_while_we_wait_for_his_prack_leaves_nothing() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    progress(&mut bench, leg, ANSWER);
    answer(&mut bench, leg);
    let said = bench.receive(&Ask::new("CANCEL", "inv1").with("Reason: SIP;cause=200").text());
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["200".into(), "487".into()], vec!["Ended(Cancelled)".into()])
    );
    bench.receive(&Ask::new("ACK", "inv1").text());
    bench.runs_out();
}

#[test]
fn without_an_offer_ringing_waits_for_ours_and_the_prack_brings_the_answer() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::new("INVITE", "inv1").with("Require: 100rel"));
    assert!(bench.command(leg, LegCommand::Ring).sent.is_empty(), "a reliable 180 would have to offer");
    let early = progress(&mut bench, leg, OFFER).message(0).to_owned();
    assert_eq!(body(&early), OFFER);
    let said = bench.receive(&prack(&early, 2).body(ANSWER).text());
    assert_eq!((said.sends(), said.event_names()), (vec!["200".into()], vec!["OfferAnswered".into()]));
    let said = answer(&mut bench, leg);
    assert_eq!((said.sends(), body(said.message(0))), (vec!["200".into()], ""));
    let ack = Ask::new("ACK", "ack1").in_dialog(tag(header(&early, "To"))).text();
    assert_eq!(bench.receive(&ack).event_names(), ["Confirmed()"]);
}

#[test]
fn a_prack_that_owes_an_answer_and_has_none_ends_the_attempt() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::new("INVITE", "inv1").with("Require: 100rel"));
    let early = progress(&mut bench, leg, OFFER).message(0).to_owned();
    let said = bench.receive(&prack(&early, 2).text());
    assert_eq!(said.sends(), ["200", "488"]);
    assert_eq!(said.event_names(), ["Ended(WeRefused { status: 488 })"]);
}

#[test]
fn without_an_offer_and_without_100rel_no_sdp_is_sent_before_the_200() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::new("INVITE", "inv1"));
    let said = progress(&mut bench, leg, OFFER);
    assert_eq!((said.sends(), body(said.message(0))), (vec!["180".to_owned()], ""));
    let said = bench.command(leg, LegCommand::Answer { sdp: sdp(OFFER) });
    assert_eq!(body(said.message(0)), OFFER);
    let ack = Ask::new("ACK", "ack1").in_dialog(tag(header(said.message(0), "To"))).body(ANSWER).text();
    assert_eq!(bench.receive(&ack).event_names(), ["Confirmed(sdp)"]);
}

#[test]
fn a_prack_may_bring_a_new_offer_whose_answer_is_in_its_200() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let early = progress(&mut bench, leg, ANSWER).message(0).to_owned();
    let said = bench.receive(&prack(&early, 2).body(ANEW).text());
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Reoffered(sdp)".to_owned()]));
    assert!(answer(&mut bench, leg).sent.is_empty(), "the 200 to the INVITE waits for the 200 to the PRACK");
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["200", "200"]);
    assert_eq!((header(said.message(0), "CSeq"), body(said.message(0))), ("2 PRACK", ANSWER));
    assert_eq!(header(said.message(1), "CSeq"), "1 INVITE");
}

#[test]
fn refusing_the_offer_of_a_prack_leaves_the_invite_as_it_was() {
    let mut bench = Bench::new();
    let leg = arrives(&mut bench, &Ask::invite().with("Require: 100rel"));
    let early = progress(&mut bench, leg, ANSWER).message(0).to_owned();
    bench.receive(&prack(&early, 2).body(ANEW).text());
    let said = bench.command(leg, LegCommand::Reject(Refusal::status(488)));
    assert_eq!((said.sends(), said.event_names()), (vec!["488".to_owned()], vec![]));
    assert_eq!(answer(&mut bench, leg).sends(), ["200"]);
}

// From here on the call is ours.

fn dialled(bench: &mut Bench, offer: &str) -> (LegId, String) {
    let (leg, said) = bench.dial(Invite { offer: sdp(offer), ..invite_to("sip:agent@192.0.2.10:5060") });
    assert_eq!(said.sends(), ["INVITE"]);
    (leg, said.message(0).to_owned())
}

/// A reliable provisional response of the far end.
fn reliably(invite: &str, status: &str, tag: &str, rseq: u32, body: &str) -> String {
    let text = response(invite, status, tag, body);
    text.replacen("\r\n", &format!("\r\nRequire: 100rel\r\nRSeq: {rseq}\r\nAllow: PRACK, UPDATE\r\n"), 1)
}

#[test]
fn we_offer_100rel_and_acknowledge_reliable_responses_in_their_order() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench, OFFER);
    assert!(header(&invite, "Supported").contains("100rel"));
    assert!(header(&invite, "Allow").contains("PRACK"));
    let said = bench.receive(&reliably(&invite, "180 Ringing", "b1", 7, ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["PRACK".into()], vec!["Ringing".into()]));
    let first = said.message(0).to_owned();
    assert!(first.starts_with("PRACK sip:agent@192.0.2.10:5060 SIP/2.0"));
    assert_eq!((header(&first, "RAck"), header(&first, "CSeq")), ("7 1 INVITE", "2 PRACK"));
    bench.receive(&response(&first, "200 OK", "", ""));

    assert!(bench.receive(&reliably(&invite, "180 Ringing", "b1", 7, "")).sent.is_empty(), "repeated");
    let early = bench.receive(&reliably(&invite, "183 Progress", "b1", 9, ANSWER));
    assert!(early.sent.is_empty() && early.events.is_empty(), "8 is missing");
    let said = bench.receive(&reliably(&invite, "183 Progress", "b1", 8, ANSWER));
    assert_eq!((said.sends(), said.event_names()), (vec!["PRACK".into()], vec!["Progress".into()]));
    assert_eq!((header(said.message(0), "RAck"), header(said.message(0), "CSeq")), ("8 1 INVITE", "3 PRACK"));
    bench.receive(&response(said.message(0), "200 OK", "", ""));

    let said = bench.receive(&response(&invite, "200 OK", "b1", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    let LegEvent::Answered { sdp } = &said.events[0].1 else { panic!() };
    assert_eq!(sdp, ANSWER.as_bytes());
    assert_eq!(header(said.message(0), "CSeq"), "1 ACK");
}

#[test]
fn the_bye_of_a_call_with_pracks_goes_on_counting() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench, OFFER);
    bench.receive(&reliably(&invite, "180 Ringing", "b1", 1, ""));
    bench.receive(&reliably(&invite, "183 Progress", "b1", 2, ANSWER));
    bench.receive(&response(&invite, "200 OK", "b1", ANSWER));
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    assert_eq!(header(said.message(0), "CSeq"), "4 BYE");
    bench.runs_out();
}

#[test]
fn each_branch_of_a_fork_has_its_own_order_and_its_own_pracks() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench, OFFER);
    for (branch, rseq) in [("b1", 100), ("b2", 5)] {
        let said =
            bench.receive(&reliably(&invite, "183 Progress", branch, rseq, &ANSWER.replace("5000", branch)));
        assert_eq!((said.sends(), said.event_names()), (vec!["PRACK".into()], vec!["Progress".into()]));
        let prack = said.message(0);
        assert_eq!(tag(header(prack, "To")), branch);
        assert_eq!((header(prack, "RAck"), header(prack, "CSeq")), (&*format!("{rseq} 1 INVITE"), "2 PRACK"));
    }
    // The first to answer is heard, by what it agreed to.
    let said = bench.receive(&response(&invite, "200 OK", "b1", ""));
    let LegEvent::Answered { sdp } = &said.events[0].1 else { panic!() };
    assert!(std::str::from_utf8(sdp).unwrap().contains("audio b1"));
    let said = bench.receive(&response(&invite, "200 OK", "b2", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into(), "BYE".into()], vec![]));
}

#[test]
fn a_late_offer_in_a_reliable_response_is_answered_in_its_prack() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench, "");
    assert_eq!(body(&invite), "");
    let said = bench.receive(&response(&invite, "183 Progress", "b1", OFFER));
    assert_eq!(said.event_names(), ["Ringing"], "SDP in an unreliable response is no offer");
    let said = bench.receive(&reliably(&invite, "183 Progress", "b1", 1, OFFER));
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Progress".to_owned()]));
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["PRACK".to_owned()], ANSWER));
    let said = bench.receive(&response(&invite, "200 OK", "b1", ""));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["Answered".into()]));
    assert_eq!(body(said.message(0)), "");
}

#[test]
fn a_late_offer_in_a_200_is_answered_in_its_ack() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench, "");
    let ok = response(&invite, "200 OK", "b1", OFFER);
    let said = bench.receive(&ok);
    assert_eq!((said.sends(), said.event_names()), (vec![], vec!["Answered".to_owned()]));
    assert!(bench.receive(&ok).sent.is_empty(), "the ACK waits for the answer");
    let said = bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    assert_eq!((said.sends(), body(said.message(0))), (vec!["ACK".to_owned()], ANSWER));
    assert_eq!(body(bench.receive(&ok).message(0)), ANSWER, "a repeated 200 is acknowledged as before");
    let said = bench.command(leg, LegCommand::Offer { sdp: sdp(ANSWER) });
    assert_eq!(said.sends(), ["INVITE"]);
}

#[test]
fn a_late_offer_nobody_wants_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let (leg, invite) = dialled(&mut bench, "");
    bench.receive(&response(&invite, "200 OK", "b1", OFFER));
    let said = bench.command(leg, LegCommand::HangUp { cause: EndCause::WeHungUp });
    assert_eq!(said.sends(), ["ACK", "BYE"]);
    bench.runs_out();
}

#[test]
fn an_invite_that_rings_for_ever_is_cancelled_three_minutes_after_the_last_sign() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench, OFFER);
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    assert!(bench.wait(Duration::from_secs(170)).events.is_empty());
    bench.receive(&response(&invite, "180 Ringing", "b1", ""));
    assert!(bench.wait(Duration::from_secs(179)).events.is_empty(), "each sign counts anew");
    let said = bench.wait(Duration::from_millis(1_100));
    assert_eq!(
        (said.sends(), said.event_names()),
        (vec!["CANCEL".into()], vec!["Ended(Refused { status: 408 })".into()])
    );
    bench.receive(&response(&invite, "487 Request Terminated", "b1", ""));
    bench.runs_out();
}

#[test]
fn a_reliable_response_in_a_flood_of_branches_is_passed_over_beyond_the_bound() {
    let mut bench = Bench::new();
    let (_, invite) = dialled(&mut bench, OFFER);
    let pracks: usize = (0..40)
        .map(|branch| {
            bench.receive(&reliably(&invite, "180 Ringing", &format!("b{branch}"), 1, "")).sent.len()
        })
        .sum();
    assert_eq!(pracks, 16);
}
