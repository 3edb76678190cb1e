//! An agent answers at another phone than the one that rings (RFC 3891 §3): an INVITE with Replaces takes up an
//! early dialog that we began, and none that somebody else did.
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
