//! 911 from an agent's phone (47 CFR 9.16), on a virtual clock.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use acd::LocationConfirm;
use call::{
    Civic, Destination, EmergencyConfig, Hop, Input, Location, NoticeEvent, NoticeOutcome, Notify, Reach,
    Setup, Trunk, TrunkConfig,
};
use quiet::{
    SECOND, answers, center_of, hang_up, has, press, sign_in, until, until_heard, until_over, until_talking,
};
use sip::EndCause;
use testkit::phone::{Phase, Reaction, Wish};
use testkit::sim::{PhoneId, Sim, World};

/// Where the two answering points stand: the second and third number outside.
const PSAP_A: &str = "10.2.0.2";
const PSAP_B: &str = "10.2.0.3";

fn civic() -> Civic {
    let elements =
        [("country", "US"), ("A1", "CA"), ("A3", "Springfield"), ("RD", "Main St"), ("HNO", "742")];
    Civic(elements.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
}

/// Two nurses and a desk at `hq`, and two answering points, tried in this order.
fn world(reach: &[&str]) -> World {
    let mut world = World::small(2, 1);
    world.numbers.insert("psap_a".to_owned(), "psap_a".to_owned());
    world.numbers.insert("psap_b".to_owned(), "psap_b".to_owned());
    world.emergency = Some(EmergencyConfig {
        reach: reach.iter().map(|host| Destination::Sip(format!("sip:{host}"))).collect(),
        test_reach: Vec::new(),
        callback: "+15550100100".to_owned(),
        locations: BTreeMap::from([("hq".to_owned(), Location { civic: civic(), callback: None })]),
        notify: Notify { webhook: "http://127.0.0.1:9/".to_owned(), roots: None },
    });
    for agent in world.agents.values_mut() {
        agent.location = Some("hq".to_owned());
    }
    world
}

fn center() -> Sim {
    center_of(world(&[PSAP_A, PSAP_B]))
}

fn dial(sim: &mut Sim, phone: PhoneId, number: &str) {
    sim.wish(phone, Duration::ZERO, Wish::Dial(number.to_owned()));
}

fn psap(sim: &Sim, name: &str) -> PhoneId {
    sim.phone(name).unwrap()
}

/// The numbers rung, as hops tell it.
fn rung(sim: &Sim) -> Vec<String> {
    let rung = sim.hops().into_iter().filter_map(|hop| match hop {
        Hop::EmergencyRung { destination, .. } => Some(destination),
        _ => None,
    });
    rung.collect()
}

fn told(sim: &Sim) -> Vec<NoticeEvent> {
    sim.notices().iter().map(|notice| notice.event).collect()
}

#[test]
fn each_of_the_three_numbers_reaches_help_and_both_hear_one_another() {
    for number in ["911", "9911", "933"] {
        let mut sim = center();
        let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
        answers(&mut sim, help);
        dial(&mut sim, nurse, number);
        until_talking(&mut sim, nurse, help);
        assert!(sim.refusals(nurse).is_empty(), "no password was asked");
        hang_up(&mut sim, nurse);
        assert_eq!(until_over(&mut sim, help), EndCause::FarEndHungUp);
        sim.finish().unwrap();
        assert_eq!(rung(&sim), [PSAP_A]);
        assert_eq!(told(&sim), [NoticeEvent::Called, NoticeEvent::Answered, NoticeEvent::Ended]);
        let called = &sim.notices()[0];
        assert_eq!((called.agent.as_str(), called.callback.as_str()), ("nurse1", "+15550100100"));
        assert_eq!((called.location.as_deref(), called.civic.clone()), (Some("hq"), Some(civic())));
        assert_eq!(called.test, number == "933");
    }
}

#[test]
fn a_number_that_only_looks_like_911_is_not_one() {
    for number in ["9110", "0911", "912", "99911", "*911", "91"] {
        let mut sim = center();
        let nurse = sim.phone("nurse1").unwrap();
        dial(&mut sim, nurse, number);
        until_over(&mut sim, nurse);
        sim.finish().unwrap();
        assert!(rung(&sim).is_empty() && sim.notices().is_empty(), "{number}");
    }
}

#[test]
fn help_that_hangs_up_ends_the_call() {
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    hang_up(&mut sim, help);
    assert_eq!(until_over(&mut sim, nurse), EndCause::FarEndHungUp);
    sim.finish().unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::Ended { cause, .. } if cause == "far_end_hung_up")));
}

#[test]
fn a_destination_that_is_dead_refuses_or_does_not_ring_gives_way_to_the_next() {
    // Nobody stands at 10.2.0.99.
    for (first, after, within) in
        [("10.2.0.99", None, 5), (PSAP_A, Some(503), 2), (PSAP_A, Some(404), 2), (PSAP_A, Some(603), 2)]
    {
        let mut sim = center_of(world(&[first, PSAP_B]));
        let (nurse, first, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"), psap(&sim, "psap_b"));
        if let Some(status) = after {
            sim.react(first, Reaction::Refuse { after: Duration::ZERO, status });
        }
        sim.react(help, Reaction::Answer { after: Duration::ZERO, then: Vec::new() });
        dial(&mut sim, nurse, "911");
        until(&mut sim, within, "the second rings or answers", |sim| sim.phase(help) == Some(Phase::Up));
        until_talking(&mut sim, nurse, help);
        hang_up(&mut sim, nurse);
        sim.finish().unwrap();
        assert_eq!(rung(&sim).len(), 2);
    }
}

#[test]
fn a_trunk_is_tried_at_all_its_destinations_before_the_next_and_however_full_it_is() {
    let mut world = world(&[PSAP_B]);
    let emergency = world.emergency.as_mut().unwrap();
    emergency.reach.insert(0, Destination::Trunk("carrier".to_owned()));
    let mut sim = center_of(world);
    let reach = |host: &str, priority| Reach { uri: format!("sip:{host}"), priority, weight: 1 };
    let config = TrunkConfig {
        reach: vec![reach("10.2.0.99", 1), reach(PSAP_A, 2)],
        check_secs: 0,
        channels_max: 1,
        ..TrunkConfig::default()
    };
    let mut trunks = sim.setup().trunks.clone();
    let carrier = Trunk { config, password: None, accept_password: None };
    trunks.insert("carrier".to_owned(), carrier);
    let setup = Setup { trunks, ..Setup::clone(sim.setup()) };
    sim.input(Input::Configured(Arc::new(setup)));
    let (first, second) = (sim.phone("nurse1").unwrap(), sim.phone("nurse2").unwrap());
    let help = psap(&sim, "psap_a");
    answers(&mut sim, help);
    dial(&mut sim, first, "911");
    until_talking(&mut sim, first, help);
    let carrier = sim.status().trunks.into_iter().find(|trunk| trunk.name == "carrier").unwrap();
    assert_eq!(carrier.channels, 1);
    sim.react(help, Reaction::Refuse { after: Duration::ZERO, status: 486 });
    let last = psap(&sim, "psap_b");
    answers(&mut sim, last);
    dial(&mut sim, second, "911");
    until_talking(&mut sim, second, last);
    assert_eq!(rung(&sim), ["10.2.0.99", PSAP_A, "10.2.0.99", PSAP_A, PSAP_B]);
    sim.input(Input::HangUpAll);
    sim.run_for(SECOND).unwrap();
    assert!(sim.status().trunks.iter().all(|trunk| trunk.channels == 0), "its channels are free again");
    sim.finish().unwrap();
}

#[test]
fn a_destination_that_rings_for_a_minute_gives_way_and_the_last_rings_on() {
    let mut sim = center();
    let (nurse, first, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"), psap(&sim, "psap_b"));
    sim.react(first, Reaction::LetRing);
    sim.react(help, Reaction::Answer { after: SECOND * 80, then: Vec::new() });
    dial(&mut sim, nurse, "911");
    sim.run_for(SECOND * 58).unwrap();
    assert_eq!(rung(&sim), [PSAP_A]);
    until(&mut sim, 110, "the last answers", |sim| sim.phase(help) == Some(Phase::Up));
    assert_eq!(sim.phase(first), Some(Phase::Over(EndCause::Cancelled)));
    until_talking(&mut sim, nurse, help);
    hang_up(&mut sim, nurse);
    sim.finish().unwrap();
}

#[test]
fn when_nobody_helps_she_is_told_in_words_and_so_are_those_to_be_told() {
    let mut sim = center_of(world(&["10.2.0.99", PSAP_B]));
    let (nurse, second) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_b"));
    sim.react(second, Reaction::Refuse { after: Duration::ZERO, status: 503 });
    dial(&mut sim, nurse, "911");
    until_heard(&mut sim, nurse, "emergency_not_reached");
    assert_eq!(until_over(&mut sim, nurse), EndCause::FarEndHungUp);
    sim.finish().unwrap();
    assert!(has(&sim, |hop| *hop == Hop::EmergencyFailed { tried: 2 }));
    assert_eq!(told(&sim), [NoticeEvent::Called, NoticeEvent::Failed]);
}

#[test]
fn without_emergency_calls_configured_she_is_told_to_take_another_phone() {
    let mut sim = quiet::center();
    let nurse = sim.phone("nurse1").unwrap();
    dial(&mut sim, nurse, "911");
    until_heard(&mut sim, nurse, "emergency_not_set_up");
    until_over(&mut sim, nurse);
    sim.finish().unwrap();
    assert!(has(&sim, |hop| matches!(hop, Hop::Ended { cause, .. } if cause == "emergency_not_configured")));
}

#[test]
fn neither_draining_nor_a_full_node_nor_taken_ports_refuse_it() {
    let mut full = world(&[PSAP_A]);
    full.limits.calls_max = 1;
    // Ten numbers, eight of which are kept: one patient and her nurse.
    full.rtp_ports = 20_000..=20_019;
    let mut sim = center_of(full);
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    let patient = sim.call();
    until_heard(&mut sim, patient, "dial_911_notice");
    let late = sim.call();
    assert_eq!(until_over(&mut sim, late), EndCause::Refused { status: 503 });
    sim.input(Input::Drain);
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    assert_eq!(sim.phase(patient), Some(Phase::Up));
    assert_eq!(sim.status().calls.len(), 2, "draining waits for it");
    hang_up(&mut sim, nurse);
    hang_up(&mut sim, patient);
    sim.finish().unwrap();
}

#[test]
fn when_even_the_kept_ports_are_gone_both_ends_talk_past_us() {
    let mut full = world(&[PSAP_A]);
    full.rtp_ports = 20_000..=20_001;
    let mut sim = center_of(full);
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until(&mut sim, 10, "both are up", |sim| {
        sim.phase(nurse) == Some(Phase::Up) && sim.phase(help) == Some(Phase::Up)
    });
    hang_up(&mut sim, nurse);
    until_over(&mut sim, help);
    sim.finish().unwrap();
}

#[test]
fn sockets_the_operating_system_refuses_do_not_keep_the_call_from_going_out() {
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    sim.set_unbindable(1_000);
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until(&mut sim, 10, "help answers", |sim| sim.phase(help) == Some(Phase::Up));
    hang_up(&mut sim, nurse);
    sim.finish().unwrap();

    // One in two: others are opened, and what was offered before is offered anew.
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    sim.set_unbindable(400);
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    hang_up(&mut sim, nurse);
    sim.finish().unwrap();
}

#[test]
fn an_agent_who_talks_with_a_patient_calls_for_help_on_another_line() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let help = psap(&sim, "psap_a");
    answers(&mut sim, nurse);
    answers(&mut sim, help);
    let patient = sim.call();
    until_heard(&mut sim, patient, "main_menu");
    press(&mut sim, patient, "1");
    until_talking(&mut sim, patient, nurse);
    dial(&mut sim, nurse, "911");
    until(&mut sim, 20, "help answers", |sim| sim.phase(help) == Some(Phase::Up));
    assert_eq!(sim.phase(patient), Some(Phase::Up), "the patient stays");
    assert_eq!(sim.agent_state("nurse1"), "on_call");
    hang_up(&mut sim, help);
    hang_up(&mut sim, patient);
    sim.finish().unwrap();
}

#[test]
fn queues_leave_her_alone_while_she_calls_for_help() {
    let mut sim = center();
    let nurse = sign_in(&mut sim, "nurse1");
    let help = psap(&sim, "psap_a");
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    let patient = sim.call();
    until_heard(&mut sim, patient, "main_menu");
    press(&mut sim, patient, "1");
    until_heard(&mut sim, patient, "hold_music");
    assert!(!has(&sim, |hop| matches!(hop, Hop::Offered { .. })));
    answers(&mut sim, nurse);
    hang_up(&mut sim, help);
    until(&mut sim, 20, "she is rung again", |sim| has(sim, |hop| matches!(hop, Hop::Accepted { .. })));
    hang_up(&mut sim, patient);
    sim.finish().unwrap();
}

#[test]
fn a_phone_whose_password_no_longer_holds_is_believed_by_where_it_registered() {
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    let users = sim.setup().users.iter().map(|user| sip::User {
        name: user.name.clone(),
        secret: primitives::Private::new("changed".to_owned()),
    });
    let changed = Setup { users: users.collect(), ..Setup::clone(sim.setup()) };
    sim.input(Input::Configured(Arc::new(changed)));
    dial(&mut sim, nurse, "*61");
    assert_eq!(until_over(&mut sim, nurse), EndCause::Refused { status: 401 });
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    hang_up(&mut sim, nurse);
    sim.finish().unwrap();
}

#[test]
fn a_stranger_is_asked_who_she_is() {
    let mut sim = center();
    let stranger = sim.patient();
    dial(&mut sim, stranger, "911");
    assert_eq!(until_over(&mut sim, stranger), EndCause::Refused { status: 401 });
    sim.finish().unwrap();
    assert!(rung(&sim).is_empty());
}

#[test]
fn a_phone_gone_mad_holds_four_lines_and_the_fifth_is_refused() {
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    for _ in 0..5 {
        sim.react(help, Reaction::LetRing);
        dial(&mut sim, nurse, "911");
        sim.run_for(SECOND).unwrap();
    }
    assert_eq!(sim.refusals(nurse), [503]);
    assert_eq!(rung(&sim).len(), 4);
    sim.input(Input::HangUpAll);
    sim.finish().unwrap();
}

#[test]
fn a_notice_nobody_takes_changes_nothing_for_the_call_and_is_told_in_the_log() {
    let mut sim = center();
    let (nurse, help) = (sim.phone("nurse1").unwrap(), psap(&sim, "psap_a"));
    answers(&mut sim, help);
    dial(&mut sim, nurse, "911");
    until_talking(&mut sim, nurse, help);
    let call = sim.notices()[0].call.clone();
    sim.input(Input::Noticed {
        call: call.clone(),
        event: NoticeEvent::Called,
        outcome: NoticeOutcome::Undelivered,
    });
    sim.run_for(SECOND).unwrap();
    assert_eq!(sim.phase(nurse), Some(Phase::Up));
    hang_up(&mut sim, nurse);
    sim.run_for(SECOND).unwrap();
    sim.input(Input::Noticed {
        call: call.clone(),
        event: NoticeEvent::Called,
        outcome: NoticeOutcome::Delivered,
    });
    sim.finish().unwrap();
    for delivered in [false, true] {
        let told = Hop::EmergencyTold { call: call.clone(), what: "called".to_owned(), delivered };
        assert!(has(&sim, |hop| *hop == told));
    }
}

#[test]
fn an_agent_who_may_be_anywhere_is_ready_only_after_she_said_where_she_is() {
    let mut world = world(&[PSAP_A]);
    for agent in world.agents.values_mut() {
        agent.location_confirm = LocationConfirm::EachSignIn;
    }
    let mut sim = center_of(world);
    let nurse = sim.phone("nurse1").unwrap();
    dial(&mut sim, nurse, "*61");
    until_heard(&mut sim, nurse, "agent_confirm_location");
    assert_eq!(sim.agent_state("nurse1"), "paused");
    until_over(&mut sim, nurse);
    assert!(has(&sim, |hop| matches!(hop, Hop::AgentRefused { why, .. } if why == "location_not_confirmed")));
    dial(&mut sim, nurse, "*65");
    until_heard(&mut sim, nurse, "agent_ready");
    assert_eq!(sim.agent_state("nurse1"), "available");
    until_over(&mut sim, nurse);
    // The next sign-in asks again, also by the API.
    sim.ask("nurse1", Duration::ZERO, acd::AgentChange::SignOut);
    sim.sign_in("nurse1");
    sim.run_for(SECOND).unwrap();
    assert_eq!(sim.agent_state("nurse1"), "paused");
    sim.input(Input::ConfirmLocation { agent: "nurse1".to_owned() });
    sim.ask("nurse1", Duration::ZERO, acd::AgentChange::Ready);
    sim.run_for(SECOND).unwrap();
    assert_eq!(sim.agent_state("nurse1"), "available");
    // A restart is no sign-in.
    sim.crash();
    sim.run_for(SECOND).unwrap();
    assert_eq!(sim.agent_state("nurse1"), "available");
    sim.finish().unwrap();
}
