//! Session timers (RFC 4028) in both roles: who refreshes, by what, and the end of what nobody refreshes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod bench;

use std::time::Duration;

use bench::{ANSWER, Ask, Bench, OFFER, body, header, headers, invite_to, response, sdp, tag};
use sip::{Config, LegCommand, LegId};

const UPDATES: &str = "Allow: INVITE, ACK, BYE, UPDATE";

/// A caller who was answered. Gives the leg, our tag and our 200.
fn answered(bench: &mut Bench, extra: &[&str]) -> (LegId, String, String) {
    let invite = extra.iter().fold(Ask::invite(), |ask, line| ask.with(line));
    let leg = bench.receive(&invite.text()).events[0].0;
    let ok = bench.command(leg, LegCommand::Answer { sdp: sdp(ANSWER) }).message(0).to_owned();
    let our_tag = tag(header(&ok, "To")).to_owned();
    bench.receive(&Ask::new("ACK", "ack").in_dialog(&our_tag).text());
    (leg, our_tag, ok)
}

/// A phone of ours that answered with these headers.
fn phone_answers(bench: &mut Bench, extra: &str) -> (LegId, String) {
    let (leg, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let invite = said.message(0).to_owned();
    let ok = response(&invite, "200 OK", "b1", ANSWER).replacen("\r\n", &format!("\r\n{extra}"), 1);
    assert_eq!(bench.receive(&ok).sends(), ["ACK"]);
    (leg, invite)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn what_is_agreed_follows_table_2_of_rfc_4028() {
    let cases: [(&[&str], &str, &str); 8] = [
        (&[], "1800;refresher=uas", ""),
        (&["Supported: timer"], "1800;refresher=uas", "timer"),
        (&["Supported: timer", "Session-Expires: 600"], "600;refresher=uas", "timer"),
        (&["Supported: timer", "Session-Expires: 600;refresher=uac"], "600;refresher=uac", "timer"),
        (&["Require: timer", "Session-Expires: 600;refresher=uac"], "600;refresher=uac", "timer"),
        (&["Supported: timer", "Session-Expires: 600;refresher=uas"], "600;refresher=uas", "timer"),
        (&["Supported: timer", "Session-Expires: 7200", "Min-SE: 3600"], "3600;refresher=uas", "timer"),
        // A proxy asks for a caller's phone that knows nothing of it.
        (&["Session-Expires: 60"], "90;refresher=uas", ""),
    ];
    for (asked, agreed, require) in cases {
        let (_, _, ok) = answered(&mut Bench::new(), asked);
        assert_eq!((header(&ok, "Session-Expires"), header(&ok, "Require")), (agreed, require), "{asked:?}");
    }
}

#[test]
fn who_wants_to_refresh_too_often_is_told_how_often_he_may() {
    let mut bench = Bench::new();
    let ask = Ask::invite().with("Supported: timer").with("Session-Expires: 30");
    let said = bench.receive(&ask.text());
    assert_eq!((said.sends(), header(said.message(0), "Min-SE")), (vec!["422".to_owned()], "90"));
    assert!(said.events.is_empty());
    let (leg, our_tag, _) = answered(&mut bench, &[]);
    for method in ["UPDATE", "INVITE"] {
        let ask = Ask::new(method, method).in_dialog(&our_tag).cseq(if method == "INVITE" { 3 } else { 2 });
        let ask = ask.with("Supported: timer").with("Session-Expires: 30");
        assert_eq!(bench.receive(&ask.text()).sends(), ["422"], "{method}");
    }
    assert_eq!(bench.command(leg, LegCommand::Offer { sdp: sdp(OFFER) }).sends(), ["INVITE"]);
}

#[test]
fn we_refresh_at_half_time_by_update_without_sdp_where_it_is_taken() {
    let mut bench = Bench::new();
    answered(&mut bench, &[UPDATES, "Supported: timer", "Session-Expires: 600"]);
    assert!(bench.wait(secs(299)).sent.is_empty());
    let said = bench.wait(Duration::from_millis(1_400));
    assert_eq!((said.sends(), body(said.message(0))), (vec!["UPDATE".to_owned()], ""));
    let update = said.message(0).to_owned();
    assert_eq!(header(&update, "Session-Expires"), "600;refresher=uac");
    let ok =
        response(&update, "200 OK", "", "").replacen("\r\n", "\r\nSession-Expires: 600;refresher=uac\r\n", 1);
    bench.receive(&ok);
    let said = bench.wait(secs(300));
    assert_eq!(said.sends(), ["UPDATE"], "and again at half of the next");
}

#[test]
fn we_refresh_by_invite_with_the_same_sdp_where_update_is_not_taken() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Supported: timer", "Session-Expires: 600"]);
    let said = bench.wait(Duration::from_millis(300_100));
    assert_eq!((said.sends(), body(said.message(0))), (vec!["INVITE".to_owned()], ANSWER));
    let invite = said.message(0).to_owned();
    assert_eq!(header(&invite, "Session-Expires"), "600;refresher=uac");
    let said = bench.receive(&response(&invite, "200 OK", "", OFFER));
    assert_eq!((said.sends(), said.event_names()), (vec!["ACK".into()], vec!["OfferAnswered".into()]));
}

#[test]
fn a_refresh_nobody_answers_ends_the_call() {
    for allow in [UPDATES, "Subject: no UPDATE"] {
        let mut bench = Bench::new();
        answered(&mut bench, &[allow, "Supported: timer", "Session-Expires: 600"]);
        let said = bench.wait(secs(340));
        assert_eq!(said.event_names(), ["Ended(NoResponse)"], "{allow}");
        assert!(said.sends().contains(&"BYE".to_owned()));
        bench.runs_out();
    }
}

#[test]
fn a_far_end_without_session_timers_is_asked_all_the_same_whether_it_is_there() {
    let mut bench = Bench::new();
    phone_answers(&mut bench, "");
    let said = bench.wait(Duration::from_millis(900_100));
    assert_eq!((said.sends(), body(said.message(0))), (vec!["INVITE".to_owned()], OFFER));
    let said = bench.wait(secs(33));
    assert_eq!(said.event_names(), ["Ended(NoResponse)"]);
}

#[test]
fn a_far_end_that_was_to_refresh_and_does_not_is_hung_up_before_the_session_is_over() {
    let mut bench = Bench::new();
    answered(&mut bench, &["Supported: timer", "Session-Expires: 300;refresher=uac"]);
    assert!(bench.wait(secs(267)).sent.is_empty(), "it is not ours to refresh");
    let said = bench.wait(Duration::from_millis(1_400));
    assert_eq!((said.sends(), said.event_names()), (vec!["BYE".into()], vec!["Ended(NoResponse)".into()]));
    assert_eq!(header(said.message(0), "Reason"), "SIP;cause=408;text=\"Request Timeout\"");
}

#[test]
fn a_far_end_that_refreshes_keeps_its_call() {
    let mut bench = Bench::new();
    let (leg, our_tag, _) = answered(&mut bench, &["Supported: timer", "Session-Expires: 300;refresher=uac"]);
    for round in 0..3 {
        assert!(bench.wait(secs(200)).sent.is_empty());
        let ask = Ask::new("UPDATE", &format!("u{round}")).in_dialog(&our_tag).cseq(2 + round);
        let said =
            bench.receive(&ask.with("Supported: timer").with("Session-Expires: 300;refresher=uac").text());
        assert_eq!(header(said.message(0), "Session-Expires"), "300;refresher=uac");
    }
    bench.wait(secs(200));
    let ask = Ask::new("INVITE", "re").in_dialog(&our_tag).cseq(9).body(OFFER);
    bench.receive(&ask.with("Supported: timer").with("Session-Expires: 300;refresher=uac").text());
    bench.command(leg, LegCommand::Accept { sdp: sdp(ANSWER) });
    bench.receive(&Ask::new("ACK", "ack9").in_dialog(&our_tag).cseq(9).text());
    assert!(bench.wait(secs(200)).events.is_empty());
}

#[test]
fn our_invites_ask_for_a_session_timer_and_give_way_to_a_422() {
    let mut bench = Bench::new();
    let (_, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    let first = said.message(0).to_owned();
    assert_eq!((header(&first, "Session-Expires"), header(&first, "Min-SE")), ("1800", "90"));
    assert!(header(&first, "Supported").contains("timer"));
    let mut invite = first.clone();
    // Each proxy on the way may have its own; one that never has enough is refused at last.
    for (number, min) in [(2, 2_000), (3, 3_000), (4, 4_000), (5, 5_000)] {
        let brief = response(&invite, "422 Too Small", "b", "").replacen(
            "\r\n",
            &format!("\r\nMin-SE: {min}\r\n"),
            1,
        );
        let said = bench.receive(&brief);
        assert_eq!(said.sends(), ["ACK", "INVITE"]);
        invite = said.message(1).to_owned();
        assert_eq!(header(&invite, "CSeq"), format!("{number} INVITE"));
        assert_eq!(header(&invite, "Call-ID"), header(&first, "Call-ID"));
        let asked = [header(&invite, "Session-Expires"), header(&invite, "Min-SE")];
        assert_eq!(asked, [min.to_string(), min.to_string()]);
        assert_eq!(headers(&invite, "Contact").len(), 1);
    }
    let brief = response(&invite, "422 Too Small", "b", "").replacen("\r\n", "\r\nMin-SE: 6000\r\n", 1);
    assert_eq!(bench.receive(&brief).event_names(), ["Ended(Refused { status: 422 })"]);
}

#[test]
fn a_phone_that_agrees_to_refresh_is_watched() {
    let mut bench = Bench::new();
    phone_answers(&mut bench, "Session-Expires: 600;refresher=uas\r\nRequire: timer\r\n");
    assert!(bench.wait(secs(567)).sent.is_empty());
    assert_eq!(bench.wait(secs(2)).event_names(), ["Ended(NoResponse)"]);
}

#[test]
fn a_refresh_that_is_refused_for_now_is_tried_again() {
    let mut bench = Bench::new();
    phone_answers(&mut bench, "Session-Expires: 600;refresher=uac\r\nAllow: UPDATE\r\n");
    let update = bench.wait(Duration::from_millis(300_100)).message(0).to_owned();
    bench.receive(&response(&update, "491 Request Pending", "", ""));
    let said = bench.wait(secs(2));
    assert_eq!(said.sends(), ["UPDATE"]);
    let said = bench.receive(&response(said.message(0), "405 Not Allowed", "", ""));
    assert_eq!(
        (said.sends(), body(said.message(0))),
        (vec!["INVITE".to_owned()], OFFER),
        "it does not take it after all"
    );
}

#[test]
fn an_absurd_interval_of_the_far_end_neither_floods_it_nor_lasts_for_ever() {
    for interval in ["0", "1", "4294967295"] {
        let mut bench = Bench::new();
        phone_answers(&mut bench, &format!("Session-Expires: {interval};refresher=uac\r\nAllow: UPDATE\r\n"));
        assert!(bench.wait(secs(44)).sent.is_empty(), "{interval}");
        assert!(!bench.wait(secs(86_400)).sent.is_empty(), "{interval}");
    }
}

#[test]
fn a_configured_interval_is_asked_for() {
    let mut bench = Bench::with(Config { session_expires: secs(8), session_min: secs(4), ..bench::config() });
    let (_, said) = bench.dial(invite_to("sip:agent@192.0.2.10:5060"));
    assert_eq!(header(said.message(0), "Session-Expires"), "8");
    assert_eq!(header(said.message(0), "Min-SE"), "4");
}
