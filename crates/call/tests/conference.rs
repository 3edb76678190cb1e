//! An agent brings an interpreter or a colleague into her conversation, by keys of her phone.
#![allow(clippy::unwrap_used, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::{ConferenceConfig, Hop};
use quiet::{
    SECOND, answers, center_of, hang_up, has, kinds, press, sign_in, talking, until, until_over,
    until_talking,
};
use testkit::phone::{Reaction, Wish};
use testkit::sim::{PhoneId, Sim, World};

/// Two nurses and a desk; the partner's number stands for an interpreter's line.
fn world(may_stay: &[&str]) -> World {
    let parties = [("*31", "partner"), ("*32", "nurse2"), ("*33", "nurse1")];
    let conference = ConferenceConfig {
        parties: parties.map(|(code, name)| (code.to_owned(), name.to_owned())).into(),
        may_stay: may_stay.iter().map(|name| (*name).to_owned()).collect(),
        ..ConferenceConfig::default()
    };
    World { conference, ..World::small(2, 1) }
}

/// All hear all, from now on.
fn until_all_talk(sim: &mut Sim, all: &[PhoneId]) {
    all.iter().for_each(|phone| sim.forget_heard(*phone));
    until(sim, 30, "all hear all", |sim| {
        all.iter().all(|one| all.iter().all(|other| one == other || sim.heard_voice(*one, *other)))
    });
}

#[test]
fn an_interpreter_is_brought_in_and_let_go_and_the_two_talk_on() {
    let (mut sim, caller, nurse) = talking(center_of(world(&[])));
    let interpreter = sim.phone("partner").unwrap();
    answers(&mut sim, interpreter);
    press(&mut sim, nurse, "*31");
    until_all_talk(&mut sim, &[caller, nurse, interpreter]);
    press(&mut sim, nurse, "*30");
    until_over(&mut sim, interpreter);
    until_all_talk(&mut sim, &[caller, nurse]);
    assert!(
        !has(&sim, |hop| matches!(hop, Hop::Keyed { class, .. } if class == "wrong")),
        "no key is the caller's"
    );
    hang_up(&mut sim, nurse);
    until_over(&mut sim, caller);
    sim.finish().unwrap();
    let told: Vec<String> = kinds(&sim).into_iter().filter(|kind| kind.starts_with("conference")).collect();
    assert_eq!(told, ["conference.call", "conference.join", "conference.leave"]);
}

#[test]
fn an_interpreter_who_leaves_who_is_busy_or_never_answers_leaves_the_two_talking() {
    let (mut sim, caller, nurse) = talking(center_of(world(&[])));
    let interpreter = sim.phone("partner").unwrap();
    for reaction in [Reaction::Refuse { after: SECOND, status: 486 }, Reaction::LetRing] {
        sim.react(interpreter, reaction);
        let before = kinds(&sim).iter().filter(|kind| *kind == "transfer.failed").count();
        press(&mut sim, nurse, "*31");
        until(&mut sim, 60, "told that nobody came", |sim| {
            kinds(sim).iter().filter(|kind| *kind == "transfer.failed").count() > before
        });
        until_all_talk(&mut sim, &[caller, nurse]);
    }
    answers(&mut sim, interpreter);
    press(&mut sim, nurse, "*31");
    until_all_talk(&mut sim, &[caller, nurse, interpreter]);
    hang_up(&mut sim, interpreter);
    until_over(&mut sim, interpreter);
    until_all_talk(&mut sim, &[caller, nurse]);
    hang_up(&mut sim, caller);
    until_over(&mut sim, nurse);
    sim.finish().unwrap();
    let failed =
        |why: &str| has(&sim, |hop| matches!(hop, Hop::TransferFailed { why: said, .. } if said == why));
    assert!(failed("busy") && failed("no_answer"));
}

#[test]
fn when_the_nurse_leaves_a_colleague_goes_on_with_the_caller() {
    let (mut sim, caller, nurse) = talking(center_of(world(&[])));
    let colleague = sim.phone("nurse2").unwrap();
    answers(&mut sim, colleague);
    press(&mut sim, nurse, "*32");
    until_all_talk(&mut sim, &[caller, nurse, colleague]);
    hang_up(&mut sim, nurse);
    until_over(&mut sim, nurse);
    until_all_talk(&mut sim, &[caller, colleague]);
    assert_eq!(sim.agent_state("nurse2"), "on_call");
    hang_up(&mut sim, caller);
    until_over(&mut sim, colleague);
    sim.finish().unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::Remained { who } if who == "nurse2")));
}

#[test]
fn an_interpreter_alone_is_let_go_with_the_nurse_unless_staff_answers_that_line() {
    for stays in [false, true] {
        let (mut sim, caller, nurse) = talking(center_of(world(if stays { &["partner"] } else { &[] })));
        let interpreter = sim.phone("partner").unwrap();
        answers(&mut sim, interpreter);
        press(&mut sim, nurse, "*31");
        until_all_talk(&mut sim, &[caller, nurse, interpreter]);
        hang_up(&mut sim, nurse);
        if stays {
            until_over(&mut sim, nurse);
            until_all_talk(&mut sim, &[caller, interpreter]);
            hang_up(&mut sim, interpreter);
        } else {
            until_over(&mut sim, interpreter);
        }
        sim.run_for(SECOND).unwrap();
        hang_up(&mut sim, caller);
        sim.finish().unwrap();
    }
}

#[test]
fn a_nurse_whose_phone_dies_beside_an_interpreter_sends_the_caller_back_to_her_place() {
    let (mut sim, caller, nurse) = talking(center_of(world(&[])));
    let interpreter = sim.phone("partner").unwrap();
    answers(&mut sim, interpreter);
    press(&mut sim, nurse, "*31");
    until_all_talk(&mut sim, &[caller, nurse, interpreter]);
    let other = sign_in(&mut sim, "nurse2");
    answers(&mut sim, other);
    sim.wish(nurse, Duration::ZERO, Wish::Vanish(None));
    until_over(&mut sim, interpreter);
    until_talking(&mut sim, caller, other);
    assert!(has(&sim, |hop| matches!(hop, Hop::Requeued { .. })));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_leaves_ends_it_for_all_whether_the_third_rings_or_talks() {
    for rings in [true, false] {
        let (mut sim, caller, nurse) = talking(center_of(world(&[])));
        let interpreter = sim.phone("partner").unwrap();
        if rings {
            sim.react(interpreter, Reaction::LetRing);
        } else {
            answers(&mut sim, interpreter);
        }
        press(&mut sim, nurse, "*31");
        sim.run_for(SECOND * 5).unwrap();
        hang_up(&mut sim, caller);
        until_over(&mut sim, nurse);
        until_over(&mut sim, interpreter);
        sim.finish().unwrap();
    }
}

#[test]
fn only_the_agent_brings_somebody_in_and_one_at_a_time() {
    let (mut sim, caller, nurse) = talking(center_of(world(&[])));
    let interpreter = sim.phone("partner").unwrap();
    answers(&mut sim, interpreter);
    press(&mut sim, caller, "*31");
    sim.run_for(SECOND * 3).unwrap();
    assert!(!has(&sim, |hop| matches!(hop, Hop::CallingIn { .. })));
    press(&mut sim, nurse, "3#*1*31");
    until_all_talk(&mut sim, &[caller, nurse, interpreter]);
    press(&mut sim, nurse, "*32");
    sim.run_for(SECOND * 3).unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "third_there")));
    sim.wish(nurse, Duration::ZERO, Wish::Transfer("reception".to_owned()));
    sim.run_for(SECOND * 3).unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferRefused { status: 491, .. })), "one change at a time");
    until_all_talk(&mut sim, &[caller, nurse, interpreter]);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}
