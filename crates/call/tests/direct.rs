//! What an agent's own phone can call, and what becomes of the queues meanwhile.
#![allow(clippy::unwrap_used, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use quiet::{
    SECOND, answers, center, hang_up, has, press, sign_in, talking, until, until_heard, until_over,
    until_talking,
};
use sip::EndCause;
use testkit::phone::{Phase, Reaction, Wish};
use testkit::sim::{PhoneId, Sim};

fn dial(sim: &mut Sim, phone: PhoneId, to: &str) {
    sim.wish(phone, Duration::ZERO, Wish::Dial(to.to_owned()));
    sim.run_for(SECOND / 10).unwrap();
}

#[test]
fn an_agent_calls_a_colleague_who_is_not_signed_in_and_the_queues_leave_both_alone() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let desk = sim.phone("desk1").unwrap();
    answers(&mut sim, desk);
    dial(&mut sim, nurse, "desk1");
    until_talking(&mut sim, nurse, desk);
    assert_eq!([sim.agent_state("nurse1"), sim.agent_state("desk1")], ["on_call", "on_call"]);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    sim.run_for(SECOND * 10).unwrap();
    assert!(!has(&sim, |hop| matches!(hop, Hop::Offered { .. })), "both are talking");
    answers(&mut sim, nurse);
    hang_up(&mut sim, desk);
    until_talking(&mut sim, caller, nurse);
    assert_eq!(sim.agent_state("desk1"), "offline");
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::Dialled { agent, to, .. } if agent == "nurse1" && to == "desk1")
    ));
}

#[test]
fn a_colleague_who_talks_is_busy_and_one_without_a_phone_is_not_there() {
    let (mut sim, caller, nurse) = talking(center());
    let desk = sign_in(&mut sim, "desk1");
    dial(&mut sim, desk, "nurse1");
    assert_eq!(until_over(&mut sim, desk), EndCause::Refused { status: 486 });
    dial(&mut sim, desk, "nurse9");
    assert_eq!(until_over(&mut sim, desk), EndCause::Refused { status: 404 });
    assert!(sim.heard_voice(caller, nurse));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
    assert_eq!(sim.agent_state("desk1"), "available");
}

#[test]
fn a_colleague_who_declines_and_one_who_never_answers_are_told_to_the_one_who_called() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let desk = sign_in(&mut sim, "desk1");
    sim.react(desk, Reaction::Refuse { after: SECOND, status: 486 });
    dial(&mut sim, nurse, "desk1");
    assert_eq!(until_over(&mut sim, nurse), EndCause::Refused { status: 486 });
    sim.react(desk, Reaction::LetRing);
    dial(&mut sim, nurse, "desk1");
    assert_eq!(until_over(&mut sim, nurse), EndCause::Refused { status: 480 });
    assert!(matches!(sim.phase(desk), Some(Phase::Over(EndCause::Cancelled))));
    sim.finish().unwrap();
}

#[test]
fn nobody_unproven_learns_whose_names_there_are_or_makes_a_phone_ring() {
    let mut sim = center();
    for name in ["nurse1", "nobody", "partner", "nurses"] {
        let stranger = sim.patient();
        dial(&mut sim, stranger, name);
        assert_eq!(until_over(&mut sim, stranger), EndCause::Refused { status: 401 }, "{name}");
    }
    assert!(!has(&sim, |hop| matches!(hop, Hop::Dialled { .. } | Hop::Transferring { .. })));
    sim.finish().unwrap();
}

#[test]
fn an_agent_reaches_whoever_of_a_queue_is_free_and_a_number_by_its_name() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let desk = sign_in(&mut sim, "desk1");
    answers(&mut sim, desk);
    dial(&mut sim, nurse, "reception");
    until_heard(&mut sim, nurse, "hold_music");
    until_talking(&mut sim, nurse, desk);
    hang_up(&mut sim, nurse);
    until_over(&mut sim, nurse);

    let partner = sim.phone("partner").unwrap();
    answers(&mut sim, partner);
    dial(&mut sim, nurse, "partner");
    until_talking(&mut sim, nurse, partner);
    hang_up(&mut sim, partner);
    until_over(&mut sim, nurse);
    until(&mut sim, 5, "free again", |sim| sim.agent_state("nurse1") == "available");
    sim.finish().unwrap();
}

#[test]
fn a_queue_nobody_serves_ends_an_agents_own_call_and_not_her_day() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    dial(&mut sim, nurse, "reception");
    until_over(&mut sim, nurse);
    assert_eq!(sim.agent_state("nurse1"), "available");
    sim.finish().unwrap();
}

#[test]
fn whom_an_agent_puts_on_hold_hears_music() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let desk = sign_in(&mut sim, "desk1");
    answers(&mut sim, desk);
    dial(&mut sim, nurse, "desk1");
    until_talking(&mut sim, nurse, desk);
    sim.wish(nurse, Duration::ZERO, Wish::Hold);
    sim.run_for(SECOND / 2).unwrap();
    sim.forget_heard(desk);
    sim.run_for(SECOND * 2).unwrap();
    assert_eq!(sim.heard(desk), ["hold_music"]);
    assert!(!sim.heard_voice(desk, nurse));
    sim.wish(nurse, Duration::ZERO, Wish::Resume);
    until_talking(&mut sim, nurse, desk);
    hang_up(&mut sim, desk);
    sim.finish().unwrap();
}
