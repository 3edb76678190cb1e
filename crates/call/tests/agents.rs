//! What agents do and what becomes of their callers, on a good network.
#![allow(clippy::unwrap_used, reason = "tests")]

mod quiet;

use std::sync::Arc;
use std::time::Duration;

use call::{Hop, Input, Setup};
use quiet::{
    SECOND, answers, center, hang_up, has, press, sign_in, talking, until, until_heard, until_over,
    until_talking,
};
use sip::EndCause;
use testkit::phone::{Phase, Reaction, Wish};

#[test]
fn a_declined_offer_puts_the_caller_back_at_her_place() {
    let mut sim = center();
    let one = sign_in(&mut sim, "nurse1");
    let two = sim.phone("nurse2").unwrap();
    sim.react(one, Reaction::Refuse { after: SECOND, status: 603 });
    let first = sim.call();
    until_heard(&mut sim, first, "main_menu");
    press(&mut sim, first, "2");
    until(&mut sim, 20, "declined", |sim| {
        has(sim, |hop| matches!(hop, Hop::NotTaken { why, .. } if why == "declined"))
    });
    // Somebody joins behind her while nobody is free; the next agent is hers.
    sim.ask("nurse1", Duration::ZERO, acd::AgentChange::Pause { reason: "lunch".to_owned() });
    let second = sim.call();
    until_heard(&mut sim, second, "main_menu");
    press(&mut sim, second, "2");
    until_heard(&mut sim, second, "hold_music");
    answers(&mut sim, two);
    sign_in(&mut sim, "nurse2");
    until_talking(&mut sim, first, two);
    for phone in [first, second] {
        hang_up(&mut sim, phone);
    }
    sim.finish().unwrap();
}

#[test]
fn an_agent_whose_phone_vanishes_gives_the_caller_her_place_back_and_music() {
    let mut sim = center();
    let one = sign_in(&mut sim, "nurse1");
    sim.react(one, Reaction::Answer { after: SECOND, then: vec![(SECOND * 4, Wish::Vanish(None))] });
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, one);
    sim.forget_heard(caller);
    let two = sign_in(&mut sim, "nurse2");
    sim.react(two, Reaction::Answer { after: SECOND * 3, then: Vec::new() });
    until_heard(&mut sim, caller, "hold_music");
    until_talking(&mut sim, caller, two);
    assert!(has(&sim, |hop| matches!(hop, Hop::Requeued { waited_ms, .. } if *waited_ms > 10_000)));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn an_agent_who_does_not_answer_is_paused_and_the_next_is_rung() {
    let mut sim = center();
    let one = sign_in(&mut sim, "nurse1");
    let two = sign_in(&mut sim, "nurse2");
    let caller = sim.call();
    answers(&mut sim, two);
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, two);
    assert_eq!(sim.agent_state("nurse1"), "paused");
    assert!(matches!(sim.phase(one), Some(Phase::Over(EndCause::Cancelled))));
    hang_up(&mut sim, two);
    sim.finish().unwrap();
}

#[test]
fn agent_hold_plays_music_to_the_caller() {
    let (mut sim, caller, nurse) = talking(center());
    sim.wish(nurse, Duration::ZERO, Wish::Hold);
    sim.run_for(SECOND / 2).unwrap();
    sim.forget_heard(caller);
    sim.run_for(SECOND * 2).unwrap();
    assert_eq!(sim.heard(caller), ["hold_music"]);
    assert!(!sim.heard_voice(caller, nurse));
    sim.wish(nurse, Duration::ZERO, Wish::Resume);
    sim.run_for(SECOND / 2).unwrap();
    sim.forget_heard(caller);
    sim.run_for(SECOND * 2).unwrap();
    assert!(sim.heard_voice(caller, nurse));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
    let holds = sim.hops().into_iter().filter_map(|hop| match hop {
        Hop::Held { held, .. } => Some(held),
        _ => None,
    });
    assert_eq!(holds.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn feature_codes_need_the_phones_password() {
    let mut sim = center();
    let stranger = sim.patient();
    sim.wish(stranger, Duration::ZERO, Wish::Dial("*61".to_owned()));
    assert_eq!(until_over(&mut sim, stranger), EndCause::Refused { status: 401 });
    assert_eq!(sim.agent_state("nurse1"), "offline");

    let nurse = sim.phone("nurse1").unwrap();
    sim.wish(nurse, Duration::ZERO, Wish::Dial("*61".to_owned()));
    until(&mut sim, 10, "signed in", |sim| sim.agent_state("nurse1") == "available");
    until_heard(&mut sim, nurse, "agent_signed_in");
    assert_eq!(until_over(&mut sim, nurse), EndCause::FarEndHungUp);
    assert_eq!(sim.refusals(nurse), [401], "asked once, and then believed");

    sim.wish(nurse, Duration::ZERO, Wish::Dial("*64".to_owned()));
    until(&mut sim, 10, "paused", |sim| sim.agent_state("nurse1") == "paused");
    until_over(&mut sim, nurse);
    sim.wish(nurse, Duration::ZERO, Wish::Dial("*62".to_owned()));
    until(&mut sim, 10, "signed out", |sim| sim.agent_state("nurse1") == "offline");
    until_over(&mut sim, nurse);

    sim.wish(nurse, Duration::ZERO, Wish::Dial("*63".to_owned()));
    until_over(&mut sim, nurse);
    assert_eq!(sim.agent_state("nurse1"), "offline", "ready without being signed in is nothing");
    sim.finish().unwrap();
}

#[test]
fn reload_keeps_running_calls_on_their_version() {
    let mut sim = center();
    let before = sim.status().flows;
    let running = sim.call();
    until_heard(&mut sim, running, "dial_911_notice");
    let mut world = testkit::sim::World::small(2, 1);
    for source in &mut world.flows {
        source.text = source.text.replace("play: main_menu", "play: enter_record");
    }
    let ear = testkit::phone::Ear::new(world.prompts.keys().map(|prompt| &*prompt.name));
    let reloaded =
        Setup { numbers: sim.setup().numbers.clone(), ..world.setup(&Default::default(), &ear).unwrap() };
    sim.input(Input::Configured(Arc::new(reloaded)));
    let after = sim.status().flows;
    assert_ne!(before, after);

    let next = sim.call();
    until_heard(&mut sim, next, "enter_record");
    until_heard(&mut sim, running, "main_menu");
    let status = sim.status();
    let versions: std::collections::BTreeSet<_> = status.calls.iter().map(|call| call.flow.clone()).collect();
    assert_eq!(versions.len(), 2, "{status:?}");
    for phone in [running, next] {
        hang_up(&mut sim, phone);
    }
    sim.finish().unwrap();
}

#[test]
fn draining_refuses_newcomers_and_hanging_up_all_ends_the_rest() {
    let mut sim = center();
    let staying = sim.call();
    until_heard(&mut sim, staying, "dial_911_notice");
    sim.input(Input::Drain);
    let late = sim.call();
    assert_eq!(until_over(&mut sim, late), EndCause::Refused { status: 503 });
    assert_eq!(sim.phase(staying), Some(Phase::Up));
    sim.input(Input::HangUpAll);
    assert_eq!(until_over(&mut sim, staying), EndCause::FarEndHungUp);
    sim.finish().unwrap();
}

#[test]
fn a_socket_that_cannot_be_bound_does_not_make_the_agent_unreachable() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    sim.set_unbindable(1_000);
    press(&mut sim, caller, "1");
    until(&mut sim, 10, "her side has no port", |sim| {
        has(sim, |hop| matches!(hop, Hop::NotTaken { why, .. } if why == "no_rtp_port"))
    });
    assert_eq!(sim.agent_state("nurse1"), "available");
    sim.set_unbindable(0);
    answers(&mut sim, nurse);
    until_talking(&mut sim, caller, nurse);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}
