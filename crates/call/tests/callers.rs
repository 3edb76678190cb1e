//! What callers meet, from the first ring to the end, on a good network.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::{Hop, Limits};
use quiet::{
    SECOND, answers, center, center_of, hang_up, has, kinds, press, sign_in, talking, until, until_heard,
    until_over, until_talking,
};
use sip::EndCause;
use testkit::phone::{Phase, Reaction, Wish};
use testkit::sim::World;

#[test]
fn a_caller_hears_the_notice_answers_the_menu_and_reaches_the_nurse() {
    let (mut sim, caller, nurse) = talking(center());
    assert_eq!(sim.heard(caller)[..3], ["dial_911_notice", "main_menu", "stay_on_line"]);
    assert_eq!(sim.heard(nurse), ["whisper_urgent", "reason_symptoms"], "the agent alone hears the whisper");
    assert!(!sim.heard(caller).iter().any(|heard| heard.starts_with("whisper")));

    sim.forget_heard(caller);
    hang_up(&mut sim, nurse);
    assert_eq!(until_over(&mut sim, caller), EndCause::FarEndHungUp);
    assert_eq!(sim.heard(caller), ["goodbye"], "nobody is hung up on without a word");
    sim.finish().unwrap();
    let expected = [
        "call.start",
        "flow.step",
        "call.answer",
        "flow.step",
        "flow.key",
        "flow.tag",
        "flow.step",
        "queue.enter",
        "offer.made",
        "offer.accepted",
        "bridge.start",
        "bridge.end",
        "call.end",
    ];
    let of_call = |kind: &String| !kind.starts_with("agent.") && !kind.starts_with("phone.");
    assert_eq!(kinds(&sim).into_iter().filter(of_call).collect::<Vec<_>>(), expected);
}

#[test]
fn the_emergency_key_works_at_every_prompt() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, caller, "dial_911_notice");
    press(&mut sim, caller, "9");
    until_talking(&mut sim, caller, nurse);
    assert!(has(&sim, |hop| matches!(hop, Hop::Queued { urgency, .. } if urgency == "emergent")));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn cancel_before_answer_leaves_nothing() {
    let mut sim = center();
    let caller = sim.call();
    // The 200 takes a commit of the log, so this overtakes it.
    sim.wish(caller, Duration::from_millis(6), Wish::HangUp);
    until(&mut sim, 40, "over", |sim| matches!(sim.phase(caller), Some(Phase::Over(_))));
    sim.finish().unwrap();
    assert_eq!(kinds(&sim).last().map(String::as_str), Some("call.end"));
}

#[test]
fn a_number_nobody_answers_gets_404() {
    let mut sim = center();
    let caller = sim.patient();
    sim.wish(caller, Duration::ZERO, Wish::Dial("+15550199999".to_owned()));
    assert_eq!(until_over(&mut sim, caller), EndCause::Refused { status: 404 });
    assert!(has(&sim, |hop| matches!(hop, Hop::Refused { status: 404, .. })));
    sim.finish().unwrap();
}

#[test]
fn a_full_system_says_503_and_carries_on_with_the_calls_it_has() {
    let limits = Limits { calls_max: 2, retry_after_secs: 7 };
    let mut sim = center_of(World { limits, ..World::small(2, 1) });
    let first = sim.call();
    let second = sim.call();
    until_heard(&mut sim, second, "main_menu");
    let third = sim.call();
    assert_eq!(until_over(&mut sim, third), EndCause::Refused { status: 503 });
    assert_eq!(sim.phase(first), Some(Phase::Up));
    hang_up(&mut sim, first);
    sim.run_for(SECOND).unwrap();
    let fourth = sim.call();
    until_heard(&mut sim, fourth, "dial_911_notice");
    for caller in [second, fourth] {
        hang_up(&mut sim, caller);
    }
    sim.finish().unwrap();
}

#[test]
fn with_no_rtp_port_left_for_a_nurse_a_caller_is_refused_and_not_answered_in_vain() {
    let mut sim = center_of(World { rtp_ports: 20_000..=20_005, ..World::small(1, 0) });
    let first = sim.call();
    until_heard(&mut sim, first, "dial_911_notice");
    let second = sim.call();
    assert_eq!(
        until_over(&mut sim, second),
        EndCause::Refused { status: 503 },
        "one port is not enough for two"
    );
    hang_up(&mut sim, first);
    sim.finish().unwrap();
}

#[test]
fn nobody_signed_in_leaves_by_on_empty() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    answers(&mut sim, partner);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "2");
    until_talking(&mut sim, caller, partner);
    assert!(has(&sim, |hop| matches!(hop, Hop::LeftQueue { why, .. } if why == "empty")));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_number_outside_that_is_busy_is_told_and_she_is_not_hung_up_on_in_silence() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    sim.react(partner, Reaction::Refuse { after: SECOND, status: 486 });
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "4");
    until_over(&mut sim, caller);
    assert!(sim.heard(caller).ends_with(&["nobody_there".to_owned(), "goodbye".to_owned()]));
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "busy")));
    sim.finish().unwrap();
}

#[test]
fn a_number_outside_that_does_not_answer_is_given_up_when_the_flow_says() {
    let mut sim = center();
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "4");
    until_over(&mut sim, caller);
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "no_answer")));
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_vanishes_is_missed_and_her_call_ends() {
    let (mut sim, caller, nurse) = talking(center());
    sim.wish(caller, Duration::ZERO, Wish::Vanish(None));
    assert_eq!(until_over(&mut sim, nurse), EndCause::FarEndHungUp, "the nurse is free for the next");
    sim.finish().unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::Ended { cause, .. } if cause == "caller_lost")));
}

#[test]
fn digits_of_a_record_number_are_in_no_fact() {
    let mut sim = center();
    sim.keep_private("48151623");
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "3");
    until_heard(&mut sim, caller, "enter_record");
    press(&mut sim, caller, "48151623");
    until(&mut sim, 20, "the number is taken", |sim| {
        has(sim, |hop| matches!(hop, Hop::Keyed { class, .. } if class == "private"))
    });
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_on_mute_stays_and_one_who_vanishes_on_mute_is_missed() {
    let (mut sim, caller, nurse) = talking(center());
    sim.wish(caller, Duration::ZERO, Wish::Mute);
    sim.run_for(SECOND * 200).unwrap();
    assert_eq!(sim.phase(nurse), Some(Phase::Up), "a silent phone that answers is there");
    sim.wish(caller, Duration::ZERO, Wish::Vanish(None));
    assert_eq!(until_over(&mut sim, nurse), EndCause::FarEndHungUp);
    sim.finish().unwrap();
}
