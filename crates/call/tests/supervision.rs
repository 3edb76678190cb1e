//! A supervisor hears an agent's conversation, and is heard as she wishes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod quiet;

use std::time::Duration;

use call::{Hop, SupervisionConfig};
use quiet::{SECOND, center_of, hang_up, has, press, talking, until, until_over, until_talking};
use sip::EndCause;
use testkit::phone::Wish;
use testkit::sim::{PhoneId, Sim, World};

/// Two nurses, and the desk's phone that supervises.
fn world(requires_consent: bool) -> World {
    let supervision = SupervisionConfig {
        supervisors: ["desk1".to_owned()].into(),
        agents: [("21".to_owned(), "nurse1".to_owned())].into(),
        requires_consent,
        ..SupervisionConfig::default()
    };
    World { supervision, ..World::small(2, 1) }
}

/// A caller who talks with nurse1: the two, and the supervisor's phone.
fn supervised(world: World) -> (Sim, [PhoneId; 3]) {
    let (sim, caller, nurse) = talking(center_of(world));
    let supervisor = sim.phone("desk1").unwrap();
    (sim, [caller, nurse, supervisor])
}

fn dial(sim: &mut Sim, phone: PhoneId, to: &str) {
    sim.wish(phone, Duration::ZERO, Wish::Dial(to.to_owned()));
    sim.run_for(SECOND / 10).unwrap();
}

/// Who hears the supervisor during the next seconds: the caller, the nurse. She hears both.
fn heard_by(sim: &mut Sim, [caller, nurse, supervisor]: [PhoneId; 3]) -> [bool; 2] {
    sim.run_for(SECOND).unwrap();
    for phone in [caller, nurse, supervisor] {
        sim.forget_heard(phone);
    }
    sim.run_for(SECOND * 10).unwrap();
    assert_eq!(
        [sim.heard_voice(supervisor, caller), sim.heard_voice(supervisor, nurse)],
        [true, true],
        "{:?}",
        sim.elapsed()
    );
    assert!(sim.heard_voice(caller, nurse) && sim.heard_voice(nurse, caller), "they talk on");
    [sim.heard_voice(caller, supervisor), sim.heard_voice(nurse, supervisor)]
}

fn modes(sim: &Sim) -> Vec<String> {
    let mode = |hop: Hop| match hop {
        Hop::Supervised { mode, by, agent } if by == "desk1" && agent == "nurse1" => Some(mode),
        Hop::SupervisionChanged { mode, by, agent } if by == "desk1" && agent == "nurse1" => Some(mode),
        Hop::SupervisionEnded { why, .. } => Some(why),
        Hop::SupervisionRefused { why, .. } => Some(why),
        _ => None,
    };
    sim.hops().into_iter().filter_map(mode).collect()
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in_by_what_she_dials_and_by_her_keys() {
    for (code, first) in
        [("*71nurse1", [false, false]), ("*7221", [false, true]), ("*73nurse1", [true, true])]
    {
        let (mut sim, all) = supervised(world(false));
        dial(&mut sim, all[2], code);
        assert_eq!(heard_by(&mut sim, all), first, "{code}");
        assert_eq!(sim.agent_state("desk1"), "on_call", "no queue rings her meanwhile");
        for (key, heard) in [("2", [false, true]), ("3", [true, true]), ("1", [false, false])] {
            press(&mut sim, all[2], key);
            assert_eq!(heard_by(&mut sim, all), heard, "{code} then {key}");
        }
        hang_up(&mut sim, all[2]);
        until_over(&mut sim, all[2]);
        for phone in [all[0], all[1]] {
            sim.forget_heard(phone);
        }
        until_talking(&mut sim, all[0], all[1]);
        hang_up(&mut sim, all[0]);
        sim.finish().unwrap();
        assert_eq!(modes(&sim).last().unwrap(), "hung_up");
        // What she is in already is no change.
        assert_eq!(modes(&sim).len(), if code == "*7221" { 4 } else { 5 }, "{:?}", modes(&sim));
    }
}

#[test]
fn nobody_else_supervises_and_nobody_supervises_whom_there_is_nothing_to_hear_of() {
    let (mut sim, [caller, nurse, supervisor]) = supervised(world(false));
    let other = sim.phone("nurse2").unwrap();
    let stranger = sim.patient();
    for (phone, code, status) in [
        (other, "*71nurse1", 403),
        (stranger, "*71nurse1", 401),
        (supervisor, "*71nurse9", 404),
        (supervisor, "*71nurse2", 480),
        (supervisor, "*71desk1", 480),
        (supervisor, "*71", 404),
    ] {
        dial(&mut sim, phone, code);
        assert_eq!(until_over(&mut sim, phone), EndCause::Refused { status }, "{code}");
    }
    assert!(!has(&sim, |hop| matches!(hop, Hop::Supervised { .. })));
    assert_eq!(modes(&sim), ["not_a_supervisor", "no_such_agent", "not_in_a_call", "not_in_a_call"]);
    assert!(!sim.heard_voice(supervisor, caller) && !sim.heard_voice(supervisor, nurse));
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_caller_who_was_not_told_is_not_listened_to_and_one_who_heard_the_notice_is() {
    let (mut sim, all) = supervised(world(true));
    dial(&mut sim, all[2], "*71nurse1");
    assert_eq!(until_over(&mut sim, all[2]), EndCause::Refused { status: 403 });
    assert_eq!(modes(&sim), ["no_consent"]);
    hang_up(&mut sim, all[0]);
    sim.finish().unwrap();

    let mut told = world(true);
    for flow in &mut told.flows {
        flow.text = flow.text.replace(
            "      1: { tag: { urgency: urgent, reason: symptoms }, go: nurses }",
            "      1: { tag: { urgency: urgent, reason: symptoms }, go: told }",
        );
        flow.text = flow
            .text
            .replace("  routine:\n", "  told:\n    disclose: stay_on_line\n    next: nurses\n\n  routine:\n");
    }
    let (mut sim, all) = supervised(told);
    dial(&mut sim, all[2], "*71nurse1");
    assert_eq!(heard_by(&mut sim, all), [false, false]);
    hang_up(&mut sim, all[0]);
    until_over(&mut sim, all[2]);
    sim.finish().unwrap();
    assert_eq!(modes(&sim), ["listen", "conversation_ended"]);
}

#[test]
fn a_supervisor_is_let_go_when_the_conversation_ends_whoever_ends_it() {
    for ends_it in 0..3 {
        let (mut sim, all) = supervised(world(false));
        dial(&mut sim, all[2], "*73nurse1");
        assert_eq!(heard_by(&mut sim, all), [true, true]);
        match ends_it {
            0 => hang_up(&mut sim, all[0]),
            1 => hang_up(&mut sim, all[1]),
            _ => sim.wish(all[1], Duration::ZERO, Wish::Transfer("reception".to_owned())),
        }
        until_over(&mut sim, all[2]);
        sim.run_for(SECOND).unwrap();
        hang_up(&mut sim, all[0]);
        sim.finish().unwrap();
        assert_eq!(modes(&sim), ["barge", "conversation_ended"]);
    }
}

#[test]
fn while_the_caller_is_on_hold_she_hears_music_and_nobody_whom_the_supervisor_hears() {
    let (mut sim, all) = supervised(world(false));
    let [caller, nurse, supervisor] = all;
    dial(&mut sim, supervisor, "*73nurse1");
    assert_eq!(heard_by(&mut sim, all), [true, true]);
    sim.wish(nurse, Duration::ZERO, Wish::Hold);
    sim.run_for(SECOND).unwrap();
    sim.forget_heard(caller);
    sim.run_for(SECOND * 3).unwrap();
    assert_eq!(sim.heard(caller), ["hold_music"]);
    assert!(!sim.heard_voice(caller, supervisor));
    sim.wish(nurse, Duration::ZERO, Wish::Resume);
    assert_eq!(heard_by(&mut sim, all), [true, true]);
    hang_up(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn only_so_many_hear_one_conversation_and_each_may_hear_one() {
    let mut world = world(false);
    world.supervision.supervisors = (1..=6).map(|n| format!("desk{n}")).collect();
    world.agents = World { supervision: world.supervision.clone(), ..World::small(2, 6) }.agents;
    let (mut sim, all) = supervised(world);
    for n in 1..=5 {
        let desk = sim.phone(&format!("desk{n}")).unwrap();
        dial(&mut sim, desk, "*71nurse1");
        if n == 5 {
            assert_eq!(until_over(&mut sim, desk), EndCause::Refused { status: 486 });
        }
    }
    until(&mut sim, 5, "four hear the caller", |sim| {
        (1..=4).all(|n| sim.heard_voice(sim.phone(&format!("desk{n}")).unwrap(), all[0]))
    });
    hang_up(&mut sim, all[0]);
    sim.finish().unwrap();
    assert_eq!(modes(&sim).iter().filter(|why| *why == "too_many_supervisors").count(), 1);
}
