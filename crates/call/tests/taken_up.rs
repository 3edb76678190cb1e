//! An agent answers at another phone than the one that rings, hers or a colleague's (RFC 3891 §3): an INVITE with
//! Replaces takes up an early dialog that we began, and none that somebody else did.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use quiet::{SECOND, center, hang_up, has, press, sign_in, until, until_heard, until_over, until_talking};
use testkit::phone::{Phase, Wish};
use testkit::sim::{PhoneId, Sim};

fn wish(sim: &mut Sim, phone: PhoneId, wish: Wish) {
    sim.wish(phone, Duration::ZERO, wish);
    sim.run_for(SECOND / 10).unwrap();
}

fn until_rings(sim: &mut Sim, phone: PhoneId) {
    until(sim, 60, "it rings", |sim| sim.phase(phone) == Some(Phase::Ringing));
}

#[test]
fn a_caller_of_the_queue_is_taken_up_at_another_phone_which_whispers_and_the_first_stops_ringing() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_rings(&mut sim, nurse);
    wish(&mut sim, nurse, Wish::TakeUp);
    until_talking(&mut sim, caller, nurse);
    assert!(sim.heard(nurse).iter().any(|prompt| prompt.starts_with("whisper_")), "{:?}", sim.heard(nurse));
    assert_eq!(sim.refusals(nurse), [401], "asked who she is, and then answered");
    assert_eq!(sim.agent_state("nurse1"), "on_call");
    assert!(has(&sim, |hop| matches!(hop, Hop::PhoneChanged { agent } if agent == "nurse1")));
    assert!(has(&sim, |hop| matches!(hop, Hop::Accepted { agent, .. } if agent == "nurse1")));
    hang_up(&mut sim, nurse);
    until_over(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_colleagues_call_is_taken_up_and_her_call_is_answered_by_it() {
    let mut sim = center();
    let [nurse, desk] = ["nurse1", "desk1"].map(|name| sim.phone(name).unwrap());
    wish(&mut sim, desk, Wish::Dial("nurse1".to_owned()));
    until_rings(&mut sim, nurse);
    assert_eq!(sim.phase(desk), Some(Phase::Ringing));
    wish(&mut sim, nurse, Wish::TakeUp);
    until_talking(&mut sim, desk, nurse);
    assert_eq!(sim.phase(desk), Some(Phase::Up));
    hang_up(&mut sim, desk);
    until_over(&mut sim, nurse);
    sim.finish().unwrap();
}

#[test]
fn a_transferred_caller_is_taken_up_and_the_transfer_has_succeeded() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let desk = sim.phone("desk1").unwrap();
    quiet::answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, nurse);
    wish(&mut sim, nurse, Wish::Transfer("desk1".to_owned()));
    until_rings(&mut sim, desk);
    wish(&mut sim, desk, Wish::TakeUp);
    until_talking(&mut sim, caller, desk);
    assert_eq!(sim.referrals(nurse), [202, 100, 180, 200]);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_call_that_its_own_maker_would_replace_while_it_rings_elsewhere_goes_on_ringing() {
    let mut sim = center();
    let [nurse, desk] = ["nurse1", "desk1"].map(|name| sim.phone(name).unwrap());
    wish(&mut sim, desk, Wish::Dial("nurse1".to_owned()));
    until_rings(&mut sim, nurse);
    wish(&mut sim, desk, Wish::TakeUp);
    until(&mut sim, 5, "she is refused", |sim| sim.refusals(desk).contains(&481));
    assert_eq!((sim.phase(nurse), sim.phase(desk)), (Some(Phase::Ringing), Some(Phase::Ringing)));
    hang_up(&mut sim, desk);
    until_over(&mut sim, nurse);
    sim.finish().unwrap();
}

/// One nurse is signed in and her phone rings for a caller of the queue.
fn rings_at_nurse1(sim: &mut Sim) -> (PhoneId, PhoneId) {
    let nurse = sign_in(sim, "nurse1");
    let caller = sim.call();
    until_heard(sim, caller, "main_menu");
    press(sim, caller, "1");
    until_rings(sim, nurse);
    (caller, nurse)
}

fn pick_up(sim: &mut Sim, phone: PhoneId, rings: PhoneId) {
    sim.pick_up(phone, rings);
    sim.run_for(SECOND / 10).unwrap();
}

#[test]
fn a_caller_who_rings_at_a_colleagues_phone_is_taken_up_and_counts_for_who_answers() {
    let mut sim = center();
    let other = sign_in(&mut sim, "nurse2");
    sim.pause("nurse2");
    let (caller, nurse) = rings_at_nurse1(&mut sim);
    pick_up(&mut sim, other, nurse);
    until_talking(&mut sim, caller, other);
    assert!(sim.heard(other).iter().any(|prompt| prompt.starts_with("whisper_")), "{:?}", sim.heard(other));
    assert_eq!((sim.agent_state("nurse1"), sim.agent_state("nurse2")), ("available", "on_call"));
    let taken_up = |hop: &Hop| matches!(hop, Hop::TakenUp { by, rang_for } if (by.as_str(), rang_for.as_str()) == ("nurse2", "nurse1"));
    assert!(has(&sim, taken_up));
    assert!(has(&sim, |hop| matches!(hop, Hop::Accepted { agent, .. } if agent == "nurse2")));
    assert!(matches!(sim.phase(nurse), Some(Phase::Over(_))), "the first phone stops ringing");
    hang_up(&mut sim, other);
    until_over(&mut sim, caller);
    until(&mut sim, 30, "her notes are over", |sim| sim.agent_state("nurse2") == "paused");
    sim.finish().unwrap();
}

#[test]
fn who_is_not_signed_in_to_the_queue_takes_up_none_of_its_callers() {
    let mut sim = center();
    let desk = sim.phone("desk1").unwrap();
    let (caller, nurse) = rings_at_nurse1(&mut sim);
    pick_up(&mut sim, desk, nurse);
    until(&mut sim, 5, "she is refused", |sim| sim.refusals(desk).contains(&603));
    assert_eq!(sim.phase(nurse), Some(Phase::Ringing), "it goes on ringing");
    hang_up(&mut sim, caller);
    until_over(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn an_agent_in_a_call_takes_up_no_other() {
    let mut sim = center();
    let [desk, other] = ["desk1", "nurse2"].map(|name| sim.phone(name).unwrap());
    quiet::answers(&mut sim, other);
    wish(&mut sim, desk, Wish::Dial("nurse2".to_owned()));
    until_talking(&mut sim, desk, other);
    let (caller, nurse) = rings_at_nurse1(&mut sim);
    pick_up(&mut sim, desk, nurse);
    until(&mut sim, 5, "she is refused", |sim| sim.refusals(desk).contains(&603));
    assert_eq!(sim.phase(nurse), Some(Phase::Ringing), "it goes on ringing");
    hang_up(&mut sim, caller);
    hang_up(&mut sim, other);
    until_over(&mut sim, caller);
    until_over(&mut sim, other);
    sim.finish().unwrap();
}

#[test]
fn a_colleagues_call_to_a_third_is_taken_up_by_who_shares_a_queue_and_not_by_its_maker() {
    let mut sim = center();
    let [nurse, other, desk] = ["nurse1", "nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
    wish(&mut sim, desk, Wish::Dial("nurse1".to_owned()));
    until_rings(&mut sim, nurse);
    pick_up(&mut sim, desk, nurse);
    until(&mut sim, 5, "its maker is refused", |sim| sim.refusals(desk).contains(&603));
    pick_up(&mut sim, other, nurse);
    until_talking(&mut sim, desk, other);
    assert!(has(&sim, |hop| matches!(hop, Hop::Bridged { with } if with == "nurse2")));
    assert_eq!(sim.agent_state("nurse1"), "offline");
    hang_up(&mut sim, other);
    until_over(&mut sim, desk);
    sim.finish().unwrap();
}
