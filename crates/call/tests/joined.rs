//! Every pair of calls an agent can have is joined when she asks for it, whoever made them and whatever media
//! threads carry them. The node of these tests has two.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use quiet::{SECOND, answers, center_of, hang_up, has, press, sign_in, until, until_over, until_talking};
use testkit::phone::{Phase, Wish};
use testkit::sim::{PhoneId, Sim, World};

fn wish(sim: &mut Sim, phone: PhoneId, wish: Wish) {
    sim.wish(phone, Duration::ZERO, wish);
    sim.run_for(SECOND / 10).unwrap();
}

/// A caller of the queue of nurses, and the nurse who answered her.
fn caller_of(sim: &mut Sim, nurse: PhoneId) -> PhoneId {
    answers(sim, nurse);
    let caller = sim.call();
    quiet::until_heard(sim, caller, "main_menu");
    press(sim, caller, "1");
    until_talking(sim, caller, nurse);
    caller
}

/// Joins the two calls of `agent`; then `one` and `other` talk, she is free, and the end of one is the end of all.
fn joins(sim: &mut Sim, agent: PhoneId, one: PhoneId, other: PhoneId) {
    sim.forget_heard(one);
    sim.forget_heard(other);
    wish(sim, agent, Wish::Join);
    until_talking(sim, one, other);
    assert_eq!(sim.referrals(agent), [202, 100, 200]);
    until(sim, 20, "she has left", |sim| matches!(sim.phase(agent), Some(Phase::Over(_))));
    hang_up(sim, one);
}

/// Somebody calls and hangs up: the next call is on the other media thread.
fn skip_a_thread(sim: &mut Sim) {
    let caller = sim.call();
    quiet::until_heard(sim, caller, "main_menu");
    hang_up(sim, caller);
    until_over(sim, caller);
}

#[test]
fn a_caller_and_whom_her_nurse_asks_are_joined_whatever_media_thread_has_its_turn() {
    for (skipped_before, skipped) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut sim = center_of(World::small(2, 1));
        let (nurse, desk) = (sign_in(&mut sim, "nurse1"), sim.phone("desk1").unwrap());
        (0..skipped_before).for_each(|_| skip_a_thread(&mut sim));
        let caller = caller_of(&mut sim, nurse);
        wish(&mut sim, nurse, Wish::Hold);
        // Nobody's call of the queues disturbs her: she is in one.
        (0..skipped).for_each(|_| skip_a_thread(&mut sim));
        answers(&mut sim, desk);
        wish(&mut sim, nurse, Wish::Dial("desk1".to_owned()));
        until_talking(&mut sim, nurse, desk);
        joins(&mut sim, nurse, caller, desk);
        until_over(&mut sim, desk);
        sim.finish().unwrap();
    }
}

#[test]
fn a_colleague_who_called_and_whom_she_asks_are_joined_whatever_media_thread_has_its_turn() {
    for (skipped_before, skipped) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut sim = center_of(World::small(2, 1));
        let [nurse, other, desk] = ["nurse1", "nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
        (0..skipped_before).for_each(|_| skip_a_thread(&mut sim));
        answers(&mut sim, nurse);
        wish(&mut sim, desk, Wish::Dial("nurse1".to_owned()));
        until_talking(&mut sim, desk, nurse);
        wish(&mut sim, nurse, Wish::Hold);
        (0..skipped).for_each(|_| skip_a_thread(&mut sim));
        answers(&mut sim, other);
        wish(&mut sim, nurse, Wish::Dial("nurse2".to_owned()));
        until_talking(&mut sim, nurse, other);
        joins(&mut sim, nurse, desk, other);
        until_over(&mut sim, other);
        sim.finish().unwrap();
    }
}

#[test]
fn a_nurse_sends_whom_a_queue_found_for_her_on_to_a_colleague() {
    let mut sim = center_of(World::small(2, 1));
    let [nurse, other] = ["nurse1", "nurse2"].map(|name| sim.phone(name).unwrap());
    let desk = sign_in(&mut sim, "desk1");
    answers(&mut sim, desk);
    wish(&mut sim, nurse, Wish::Dial("reception".to_owned()));
    until_talking(&mut sim, nurse, desk);
    answers(&mut sim, other);
    wish(&mut sim, nurse, Wish::Transfer("nurse2".to_owned()));
    until_talking(&mut sim, desk, other);
    hang_up(&mut sim, other);
    until_over(&mut sim, desk);
    until(&mut sim, 30, "she is free", |sim| sim.agent_state("desk1") == "available");
    sim.finish().unwrap();
}

#[test]
fn two_numbers_outside_whom_a_nurse_called_are_joined() {
    let mut world = World::small(2, 1);
    world.numbers.insert("hospital".to_owned(), "hospital".to_owned());
    let mut sim = center_of(world);
    let [nurse, partner, hospital] = ["nurse1", "partner", "hospital"].map(|name| sim.phone(name).unwrap());
    for (number, phone) in [("partner", partner), ("hospital", hospital)] {
        answers(&mut sim, phone);
        wish(&mut sim, nurse, Wish::Dial(number.to_owned()));
        until_talking(&mut sim, nurse, phone);
        wish(&mut sim, nurse, Wish::Hold);
    }
    joins(&mut sim, nurse, partner, hospital);
    until_over(&mut sim, hospital);
    sim.finish().unwrap();
}

#[test]
fn whoever_two_queues_found_for_a_nurse_are_joined_and_wrap_up() {
    let mut sim = center_of(World::small(2, 1));
    let nurse = sim.phone("nurse1").unwrap();
    let (other, desk) = (sign_in(&mut sim, "nurse2"), sim.phone("desk1").unwrap());
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::SignIn { queues: vec!["reception".to_owned()] });
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::Ready);
    for (queue, phone) in [("reception", desk), ("nurses", other)] {
        answers(&mut sim, phone);
        wish(&mut sim, nurse, Wish::Dial(queue.to_owned()));
        until_talking(&mut sim, nurse, phone);
        wish(&mut sim, nurse, Wish::Hold);
    }
    joins(&mut sim, nurse, desk, other);
    until_over(&mut sim, other);
    until(&mut sim, 30, "both are free", |sim| {
        ["desk1", "nurse2"].iter().all(|agent| sim.agent_state(agent) == "available")
    });
    sim.finish().unwrap();
}

#[test]
fn a_caller_goes_to_the_queue_in_which_the_nurse_still_waits_for_somebody_to_ask() {
    let mut sim = center_of(World::small(2, 1));
    let (nurse, desk) = (sign_in(&mut sim, "nurse1"), sim.phone("desk1").unwrap());
    // Somebody serves the reception, and is in a call.
    let caller = caller_of(&mut sim, nurse);
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::SignIn { queues: vec!["reception".to_owned()] });
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::Pause { reason: "notes".to_owned() });
    wish(&mut sim, nurse, Wish::Hold);
    wish(&mut sim, nurse, Wish::Dial("reception".to_owned()));
    sim.run_for(SECOND * 2).unwrap();
    wish(&mut sim, nurse, Wish::Join);
    until_over(&mut sim, nurse);
    answers(&mut sim, desk);
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::Ready);
    until_talking(&mut sim, caller, desk);
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferAsked { to, .. } if to == "reception")));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn whom_a_nurse_called_begins_the_flow_of_a_number_she_sends_them_to() {
    for called in ["partner", "desk1"] {
        let mut sim = center_of(World::small(2, 1));
        let [nurse, other] = ["nurse1", called].map(|name| sim.phone(name).unwrap());
        answers(&mut sim, other);
        wish(&mut sim, nurse, Wish::Dial(called.to_owned()));
        until_talking(&mut sim, nurse, other);
        wish(&mut sim, nurse, Wish::Transfer("8001".to_owned()));
        quiet::until_heard(&mut sim, other, "main_menu");
        until_over(&mut sim, nurse);
        assert_eq!(sim.referrals(nurse), [202, 100, 200], "{called}");
        // And goes on in it as any caller does.
        let second = sign_in(&mut sim, "nurse2");
        answers(&mut sim, second);
        press(&mut sim, other, "1");
        until_talking(&mut sim, other, second);
        hang_up(&mut sim, other);
        until_over(&mut sim, second);
        sim.finish().unwrap();
    }
}

#[test]
fn a_colleague_who_was_called_sends_the_caller_to_the_flow_of_a_number() {
    let mut sim = center_of(World::small(2, 1));
    let [nurse, desk] = ["nurse1", "desk1"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, desk);
    wish(&mut sim, nurse, Wish::Dial("desk1".to_owned()));
    until_talking(&mut sim, nurse, desk);
    wish(&mut sim, desk, Wish::Transfer("8001".to_owned()));
    quiet::until_heard(&mut sim, nurse, "main_menu");
    until_over(&mut sim, desk);
    hang_up(&mut sim, nurse);
    sim.finish().unwrap();
}
