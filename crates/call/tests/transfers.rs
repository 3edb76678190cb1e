//! Transfers by an agent's phone, and that no caller is lost by one, whoever vanishes at which moment.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::Hop;
use primitives::Seed;
use quiet::{
    SECOND, answers, center_of, hang_up, has, press, sign_in, until, until_heard, until_over, until_talking,
};
use testkit::phone::{Phase, Reaction, Wish};
use testkit::sim::{Chance, PhoneId, Sim, World};

/// A caller who talks with nurse1; nurse2 and desk1 have phones and are not signed in.
struct Talk {
    sim: Sim,
    caller: PhoneId,
    nurse: PhoneId,
    other: PhoneId,
    desk: PhoneId,
}

fn talk() -> Talk {
    let mut sim = center_of(World::small(2, 1));
    let nurse = sign_in(&mut sim, "nurse1");
    let [other, desk] = ["nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, nurse);
    sim.forget_heard(caller);
    sim.forget_heard(nurse);
    Talk { sim, caller, nurse, other, desk }
}

fn wish(sim: &mut Sim, phone: PhoneId, wish: Wish) {
    sim.wish(phone, Duration::ZERO, wish);
    sim.run_for(SECOND / 10).unwrap();
}

fn transfer(sim: &mut Sim, phone: PhoneId, to: &str) {
    wish(sim, phone, Wish::Transfer(to.to_owned()));
}

#[test]
fn a_caller_goes_to_the_colleague_the_agent_names_and_hears_music_on_the_way() {
    let Talk { mut sim, caller, nurse, other, .. } = talk();
    sim.react(other, Reaction::Answer { after: SECOND * 3, then: Vec::new() });
    transfer(&mut sim, nurse, "nurse2");
    until_heard(&mut sim, caller, "hold_music");
    assert_eq!(sim.agent_state("nurse2"), "on_call", "rung, and left alone by the queues");
    until_talking(&mut sim, caller, other);
    until_over(&mut sim, nurse);
    assert_eq!(sim.referrals(nurse), [202, 100, 180, 200]);
    until(&mut sim, 10, "free", |sim| sim.agent_state("nurse1") == "available");
    hang_up(&mut sim, other);
    until_over(&mut sim, caller);
    assert_eq!(sim.heard(caller).last().unwrap(), "goodbye");
    sim.finish().unwrap();
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::TransferAsked { by, to, how } if by == "nurse1" && to == "nurse2" && how == "blind")
    ));
    assert!(has(&sim, |hop| matches!(hop, Hop::Transferred { to } if to == "nurse2")));
}

#[test]
fn a_caller_nobody_wants_is_the_agents_again() {
    for (reaction, last) in [
        (Reaction::Refuse { after: SECOND, status: 486 }, 486),
        (Reaction::Refuse { after: SECOND, status: 603 }, 603),
        (Reaction::LetRing, 480),
        (Reaction::Vanish { after: SECOND, back_after: None }, 480),
    ] {
        let Talk { mut sim, caller, nurse, other, .. } = talk();
        sim.react(other, reaction);
        transfer(&mut sim, nurse, "nurse2");
        until_heard(&mut sim, caller, "hold_music");
        until(&mut sim, 60, "told", |sim| sim.referrals(nurse).last() == Some(&last));
        sim.forget_heard(caller);
        sim.forget_heard(nurse);
        until_talking(&mut sim, caller, nurse);
        assert!(!has(&sim, |hop| matches!(hop, Hop::Transferred { .. })));
        hang_up(&mut sim, caller);
        sim.finish().unwrap();
        assert_eq!(sim.agent_state("nurse1"), "available");
    }
}

#[test]
fn a_caller_nobody_wants_and_whose_agent_has_gone_waits_at_her_place() {
    let Talk { mut sim, caller, nurse, other, desk } = talk();
    sim.react(other, Reaction::Refuse { after: SECOND * 5, status: 486 });
    transfer(&mut sim, nurse, "nurse2");
    sim.run_for(SECOND).unwrap();
    hang_up(&mut sim, nurse);
    answers(&mut sim, desk);
    sim.sign_in("desk1");
    until_talking(&mut sim, caller, desk);
    assert!(has(&sim, |hop| matches!(hop, Hop::Requeued { queue, .. } if queue == "nurses")));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_colleague_who_is_in_a_call_is_busy_and_the_caller_hears_nothing_of_it() {
    let Talk { mut sim, caller, nurse, other, desk } = talk();
    answers(&mut sim, desk);
    wish(&mut sim, other, Wish::Dial("desk1".to_owned()));
    until_talking(&mut sim, other, desk);
    transfer(&mut sim, nurse, "nurse2");
    until(&mut sim, 5, "told", |sim| sim.referrals(nurse) == [202, 100, 486]);
    sim.forget_heard(caller);
    until_talking(&mut sim, caller, nurse);
    assert!(!sim.heard(caller).iter().any(|heard| heard == "hold_music"));
    for phone in [caller, other] {
        hang_up(&mut sim, phone);
    }
    sim.finish().unwrap();
}

#[test]
fn a_caller_goes_to_another_queue_and_its_agent_answers() {
    let Talk { mut sim, caller, nurse, desk, .. } = talk();
    answers(&mut sim, desk);
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::SignIn { queues: vec!["reception".to_owned()] });
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::Ready);
    transfer(&mut sim, nurse, "reception");
    until_talking(&mut sim, caller, desk);
    until_over(&mut sim, nurse);
    assert_eq!(sim.referrals(nurse), [202, 100, 200]);
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::Queued { queue, urgency, .. } if queue == "reception" && urgency == "urgent")
    ));
    hang_up(&mut sim, desk);
    sim.finish().unwrap();
}

#[test]
fn a_queue_nobody_serves_sends_the_caller_where_her_flow_says() {
    let Talk { mut sim, caller, nurse, .. } = talk();
    let partner = sim.phone("partner").unwrap();
    answers(&mut sim, partner);
    transfer(&mut sim, nurse, "reception");
    until_talking(&mut sim, caller, partner);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_begins_the_flow_that_answers_a_number() {
    let Talk { mut sim, caller, nurse, .. } = talk();
    transfer(&mut sim, nurse, "8001");
    until_heard(&mut sim, caller, "main_menu");
    until_over(&mut sim, nurse);
    assert_eq!(sim.referrals(nurse), [202, 100, 200]);
    assert!(sim.status().calls.iter().all(|call| call.urgency == "urgent"), "she is no less urgent there");
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_goes_to_a_number_by_its_name_and_its_end_is_a_conversations_end() {
    let Talk { mut sim, caller, nurse, .. } = talk();
    let partner = sim.phone("partner").unwrap();
    answers(&mut sim, partner);
    transfer(&mut sim, nurse, "partner");
    until_talking(&mut sim, caller, partner);
    hang_up(&mut sim, partner);
    until_over(&mut sim, caller);
    assert_eq!(sim.heard(caller).last().unwrap(), "goodbye");
    sim.finish().unwrap();
}

#[test]
fn nobody_but_an_agent_transfers_and_nobody_outside_is_dialled() {
    let Talk { mut sim, caller, nurse, .. } = talk();
    for to in ["partner", "nurse2", "+15550199999"] {
        transfer(&mut sim, caller, to);
    }
    assert_eq!(sim.referrals(caller), [403, 403, 403]);
    transfer(&mut sim, nurse, "+15550199999");
    assert_eq!(sim.referrals(nurse), [404]);
    sim.forget_heard(caller);
    until_talking(&mut sim, caller, nurse);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
    assert!(!has(&sim, |hop| matches!(hop, Hop::Transferring { .. } | Hop::TransferAsked { .. })));
}

/// The nurse holds her caller and talks with whom she asks.
fn consult(sim: &mut Sim, nurse: PhoneId, other: PhoneId, to: &str) {
    wish(sim, nurse, Wish::Hold);
    answers(sim, other);
    wish(sim, nurse, Wish::Dial(to.to_owned()));
    until_talking(sim, nurse, other);
}

#[test]
fn a_nurse_asks_a_colleague_first_and_joins_both() {
    let Talk { mut sim, caller, nurse, other, .. } = talk();
    consult(&mut sim, nurse, other, "nurse2");
    assert!(!sim.heard_voice(caller, other));
    sim.forget_heard(caller);
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, caller, other);
    until_over(&mut sim, nurse);
    assert_eq!(sim.referrals(nurse), [202, 100, 200]);
    until(&mut sim, 10, "free", |sim| sim.agent_state("nurse1") == "available");
    assert_eq!(sim.agent_state("nurse2"), "on_call");
    hang_up(&mut sim, caller);
    until_over(&mut sim, other);
    sim.finish().unwrap();
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::TransferAsked { how, to, .. } if how == "attended" && to == "nurse2")
    ));
}

#[test]
fn a_nurse_asks_whoever_of_a_queue_is_free_and_joins_both() {
    let Talk { mut sim, caller, nurse, desk, .. } = talk();
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::SignIn { queues: vec!["reception".to_owned()] });
    sim.ask("desk1", Duration::ZERO, acd::AgentChange::Ready);
    consult(&mut sim, nurse, desk, "reception");
    sim.forget_heard(caller);
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, caller, desk);
    hang_up(&mut sim, desk);
    until_over(&mut sim, caller);
    sim.finish().unwrap();
    assert_ne!(sim.agent_state("desk1"), "on_call");
}

#[test]
fn a_colleague_who_called_a_nurse_is_joined_with_whom_the_nurse_asks() {
    let mut sim = center_of(World::small(2, 1));
    let [nurse, other, desk] = ["nurse1", "nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, nurse);
    wish(&mut sim, desk, Wish::Dial("nurse1".to_owned()));
    until_talking(&mut sim, nurse, desk);
    consult(&mut sim, nurse, other, "nurse2");
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, other, desk);
    hang_up(&mut sim, desk);
    until_over(&mut sim, other);
    sim.finish().unwrap();
}

#[test]
fn the_colleague_of_an_attended_transfer_who_vanishes_gives_the_caller_her_place_back() {
    let Talk { mut sim, caller, nurse, other, desk } = talk();
    consult(&mut sim, nurse, other, "nurse2");
    sim.forget_heard(caller);
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, caller, other);
    sim.ask("nurse1", Duration::ZERO, acd::AgentChange::SignOut);
    answers(&mut sim, desk);
    sim.sign_in("desk1");
    wish(&mut sim, other, Wish::Vanish(None));
    until_talking(&mut sim, caller, desk);
    assert!(has(&sim, |hop| matches!(hop, Hop::Requeued { .. })));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn an_agent_of_a_call_she_made_transfers_whom_she_called() {
    let mut sim = center_of(World::small(2, 1));
    let [nurse, other, desk] = ["nurse1", "nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, other);
    wish(&mut sim, nurse, Wish::Dial("nurse2".to_owned()));
    until_talking(&mut sim, nurse, other);
    answers(&mut sim, desk);
    transfer(&mut sim, nurse, "desk1");
    until_talking(&mut sim, other, desk);
    assert_eq!(sim.referrals(nurse), [202, 100, 180, 200]);
    hang_up(&mut sim, desk);
    until_over(&mut sim, other);
    sim.finish().unwrap();
    for agent in ["nurse1", "nurse2", "desk1"] {
        assert_eq!(sim.agent_state(agent), "offline");
    }
}

#[test]
fn both_whom_an_agent_called_are_joined() {
    let mut sim = center_of(World::small(2, 1));
    let [nurse, other, desk] = ["nurse1", "nurse2", "desk1"].map(|name| sim.phone(name).unwrap());
    answers(&mut sim, other);
    wish(&mut sim, nurse, Wish::Dial("nurse2".to_owned()));
    until_talking(&mut sim, nurse, other);
    consult(&mut sim, nurse, desk, "desk1");
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, other, desk);
    hang_up(&mut sim, other);
    until_over(&mut sim, desk);
    sim.finish().unwrap();
    assert!(matches!(sim.phase(nurse), Some(Phase::Over(_))));
}

#[test]
fn whom_a_nurse_asks_may_still_be_ringing_when_she_transfers() {
    let Talk { mut sim, caller, nurse, other, .. } = talk();
    wish(&mut sim, nurse, Wish::Hold);
    sim.react(other, Reaction::LetRing);
    wish(&mut sim, nurse, Wish::Dial("nurse2".to_owned()));
    sim.run_for(SECOND).unwrap();
    answers(&mut sim, other);
    sim.forget_heard(caller);
    wish(&mut sim, nurse, Wish::Join);
    until_talking(&mut sim, caller, other);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_hangs_up_during_a_transfer_frees_everybody() {
    for attended in [false, true] {
        let Talk { mut sim, caller, nurse, other, .. } = talk();
        if attended {
            consult(&mut sim, nurse, other, "nurse2");
            wish(&mut sim, nurse, Wish::Join);
        } else {
            sim.react(other, Reaction::LetRing);
            transfer(&mut sim, nurse, "nurse2");
            sim.run_for(SECOND).unwrap();
        }
        hang_up(&mut sim, caller);
        sim.finish().unwrap();
        for agent in ["nurse1", "nurse2"] {
            assert_ne!(sim.agent_state(agent), "on_call");
        }
    }
}

/// Every mixture of who does what at which moment of a transfer. The caller stays on the line; at the end she
/// must have been served by somebody, or wait, or have been told goodbye: never dropped in silence (the
/// monitor's S6), and nothing may be left over (`finish`).
#[test]
fn no_caller_is_lost_whoever_vanishes_at_whatever_moment() {
    for seed in 0..150 {
        let Talk { mut sim, caller, nurse, other, desk } = talk();
        let mut chance = Chance::new(&Seed::numbered(seed), "transfers");
        let reaction = match chance.below(5) {
            0 => Reaction::LetRing,
            1 => Reaction::Refuse { after: SECOND, status: 486 },
            2 => Reaction::Vanish { after: SECOND, back_after: None },
            _ => Reaction::Answer { after: SECOND, then: Vec::new() },
        };
        sim.react(other, reaction);
        answers(&mut sim, desk);
        sim.ask("desk1", SECOND * 20, acd::AgentChange::SignIn { queues: Vec::new() });
        sim.ask("desk1", SECOND * 20, acd::AgentChange::Ready);
        if chance.below(2) == 0 {
            let to = match chance.below(4) {
                0 => "partner",
                1 => "reception",
                _ => "nurse2",
            };
            transfer(&mut sim, nurse, to);
        } else {
            wish(&mut sim, nurse, Wish::Hold);
            wish(&mut sim, nurse, Wish::Dial("nurse2".to_owned()));
            sim.run_for(chance.ms(0, 2_000)).unwrap();
            wish(&mut sim, nurse, Wish::Join);
        }
        let after = chance.ms(0, 4_000);
        match chance.below(6) {
            0 => sim.wish(nurse, after, Wish::HangUp),
            1 => sim.wish(nurse, after, Wish::Vanish(None)),
            2 => sim.wish(other, after, Wish::Vanish(None)),
            3 => sim.wish(other, after, Wish::HangUp),
            4 => sim.wish(nurse, after, Wish::Resume),
            _ => {}
        }
        sim.run_for(SECOND * 50).unwrap();
        let told = |sim: &Sim| {
            sim.heard(caller).last().is_some_and(|heard| heard == "goodbye" || heard == "nobody_there")
        };
        match sim.phase(caller) {
            Some(Phase::Up) => {}
            _ if told(&sim) => {}
            phase => panic!(
                "seed {seed}: {phase:?} after {:?}\n{}",
                sim.heard(caller),
                sim.trace().last().join("\n")
            ),
        }
        hang_up(&mut sim, caller);
        for phone in [nurse, other, desk] {
            hang_up(&mut sim, phone);
        }
        if let Err(failure) = sim.finish() {
            panic!("seed {seed}: {failure:?}");
        }
    }
}
