//! Calls out by trunks, on a virtual clock: the next way, limits, and who may not cause a call.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod quiet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use call::{Hop, Input, Number, Reach, Setup, Strangers, Trunk, TrunkConfig, TrunkNumber};
use quiet::{SECOND, answers, center, hang_up, has, press, until, until_heard, until_over, until_talking};
use testkit::phone::Reaction;
use testkit::sim::{PhoneId, Sim};

/// Nobody is there.
const DEAD: &str = "sip:192.0.2.200:5060";

/// Where the telephone outside stands.
fn alive(sim: &Sim) -> String {
    match &sim.setup().numbers["partner"] {
        Number::Uri(uri) => uri.clone(),
        other => panic!("{other:?}"),
    }
}

fn reach(uri: &str, priority: u16) -> Reach {
    Reach { uri: uri.to_owned(), priority, weight: 1 }
}

/// A trunk that nobody checks.
fn trunk(reach: Vec<Reach>) -> TrunkConfig {
    TrunkConfig { reach, check_secs: 0, ..TrunkConfig::default() }
}

/// The center with the partner's number behind these trunks, in this order.
fn behind(sim: &mut Sim, trunks: &[(&str, TrunkConfig)]) {
    let way = |(name, _): &(&str, TrunkConfig)| TrunkNumber {
        trunk: (*name).to_owned(),
        number: "+15550100190".to_owned(),
    };
    let numbers = Number::Trunks(trunks.iter().map(way).collect());
    let before = Arc::clone(sim.setup());
    let mut all = before.trunks.clone();
    for (name, config) in trunks {
        let trunk = Trunk { config: config.clone(), password: None, accept_password: None };
        all.insert((*name).to_owned(), trunk);
    }
    let numbers = BTreeMap::from([("partner".to_owned(), numbers)]);
    sim.input(Input::Configured(Arc::new(Setup { numbers, trunks: all, ..Setup::clone(&before) })));
}

/// A caller who chooses the number outside.
fn caller(sim: &mut Sim) -> PhoneId {
    let caller = sim.call();
    until_heard(sim, caller, "main_menu");
    press(sim, caller, "4");
    caller
}

fn attempts(sim: &Sim) -> Vec<(String, String)> {
    let hops = sim.hops();
    let called = hops.iter().filter_map(|hop| match hop {
        Hop::TrunkCalled { trunk, destination, .. } => Some((trunk.clone(), destination.clone())),
        _ => None,
    });
    called.collect()
}

#[test]
fn a_destination_that_says_nothing_is_left_after_four_seconds_and_the_next_caller_does_not_meet_it() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    answers(&mut sim, partner);
    behind(&mut sim, &[("carrier_a", trunk(vec![reach(DEAD, 1), reach(&alive, 2)]))]);
    let first = caller(&mut sim);
    until(&mut sim, 5, "the second destination", |sim| attempts(sim).len() == 2);
    until_talking(&mut sim, first, partner);
    assert!(has(&sim, |hop| matches!(hop, Hop::TrunkNotReached { why, .. } if why == "no_response")));
    assert!(has(
        &sim,
        |hop| matches!(hop, Hop::TrunkNow { state, by, .. } if state == "down" && by == "call")
    ));
    hang_up(&mut sim, first);
    until_over(&mut sim, partner);
    answers(&mut sim, partner);

    let second = caller(&mut sim);
    until_talking(&mut sim, second, partner);
    let to: Vec<String> = attempts(&sim).into_iter().map(|(_, destination)| destination).collect();
    assert_eq!(to, [DEAD.to_owned(), alive.clone(), alive]);
    hang_up(&mut sim, second);
    sim.finish().unwrap();
}

#[test]
fn a_trunk_that_refuses_is_followed_by_the_next_trunk_and_then_by_the_flows_own_way_out() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    sim.set_habit(partner, |_| Reaction::Refuse { after: Duration::ZERO, status: 503 });
    let config = trunk(vec![reach(&alive, 1)]);
    behind(&mut sim, &[("carrier_a", config.clone()), ("carrier_b", config)]);
    let caller = caller(&mut sim);
    until_heard(&mut sim, caller, "nobody_there");
    let by: Vec<String> = attempts(&sim).into_iter().map(|(trunk, _)| trunk).collect();
    assert_eq!(by, ["carrier_a", "carrier_b"]);
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "refused")));
    until_over(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn a_person_who_is_busy_is_not_rung_by_another_way() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    sim.react(partner, Reaction::Refuse { after: SECOND, status: 486 });
    let config = trunk(vec![reach(&alive, 1), reach(&alive, 2)]);
    behind(&mut sim, &[("carrier_a", config.clone()), ("carrier_b", config)]);
    let caller = caller(&mut sim);
    until_heard(&mut sim, caller, "nobody_there");
    assert_eq!(attempts(&sim).len(), 1);
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "busy")));
    until_over(&mut sim, caller);
    sim.finish().unwrap();
}

#[test]
fn destinations_that_are_all_down_are_tried_all_the_same() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    sim.react(partner, Reaction::Refuse { after: Duration::ZERO, status: 503 });
    behind(&mut sim, &[("carrier_a", trunk(vec![reach(&alive, 1)]))]);
    let refused = caller(&mut sim);
    until_heard(&mut sim, refused, "nobody_there");
    until_over(&mut sim, refused);
    answers(&mut sim, partner);
    let taken = caller(&mut sim);
    until_talking(&mut sim, taken, partner);
    assert!(has(&sim, |hop| matches!(hop, Hop::TrunkNow { state, .. } if state == "up")));
    hang_up(&mut sim, taken);
    sim.finish().unwrap();
}

#[test]
fn calls_that_came_in_by_a_trunk_use_its_channels_and_are_themselves_never_refused() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    answers(&mut sim, partner);
    let by = sim.setup().trunks.keys().next().unwrap().clone();
    let accept = sim.setup().trunks[&by].config.accept.clone();
    let config = TrunkConfig { channels_max: 2, accept, ..trunk(vec![reach(&alive, 1)]) };
    behind(&mut sim, &[(by.as_str(), config)]);
    let first = caller(&mut sim);
    until_talking(&mut sim, first, partner);
    assert!(!has(&sim, |hop| matches!(hop, Hop::TrunkOver { .. })));

    let second = caller(&mut sim);
    assert!(has(&sim, |hop| matches!(hop, Hop::TrunkOver { trunk } if *trunk == by)));
    until_heard(&mut sim, second, "nobody_there");
    assert!(has(&sim, |hop| matches!(hop, Hop::TrunkFull { why, .. } if why == "channels_full")));
    until_over(&mut sim, second);
    hang_up(&mut sim, first);
    sim.finish().unwrap();
}

#[test]
fn a_full_trunk_is_passed_over_and_not_for_an_emergency() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    let alive = alive(&sim);
    answers(&mut sim, partner);
    let config = TrunkConfig { channels_max: 1, ..trunk(vec![reach(&alive, 1)]) };
    behind(&mut sim, &[("carrier_a", config)]);
    let first = caller(&mut sim);
    until_talking(&mut sim, first, partner);
    assert_eq!(sim.status().trunks.iter().map(|trunk| trunk.channels).sum::<usize>(), 1);

    let second = caller(&mut sim);
    until_heard(&mut sim, second, "nobody_there");
    assert!(has(&sim, |hop| matches!(hop, Hop::TrunkFull { why, .. } if why == "channels_full")));
    until_over(&mut sim, second);

    let before = attempts(&sim).len();
    let in_danger = sim.call();
    until_heard(&mut sim, in_danger, "main_menu");
    press(&mut sim, in_danger, "9");
    until(&mut sim, 60, "her call goes out", |sim| attempts(sim).len() > before);
    for phone in [first, in_danger] {
        hang_up(&mut sim, phone);
    }
    sim.finish().unwrap();
    assert_eq!(sim.status().trunks.iter().map(|trunk| trunk.channels).sum::<usize>(), 0, "given back");
}

#[test]
fn a_call_of_nobody_we_know_never_causes_another() {
    let mut sim = center();
    let partner = sim.phone("partner").unwrap();
    answers(&mut sim, partner);
    let before = Arc::clone(sim.setup());
    let (trunks, strangers) = (BTreeMap::new(), Strangers::Answer);
    sim.input(Input::Configured(Arc::new(Setup { trunks, strangers, ..Setup::clone(&before) })));
    let stranger = caller(&mut sim);
    until_heard(&mut sim, stranger, "nobody_there");
    assert!(has(&sim, |hop| matches!(hop, Hop::TransferFailed { why, .. } if why == "caller_unproven")));
    assert_eq!(sim.phase(partner), None, "never rung");
    until_over(&mut sim, stranger);
    sim.finish().unwrap();
}

#[test]
fn options_find_out_who_is_there_and_who_is_not() {
    let mut sim = center();
    let alive = alive(&sim);
    let config = TrunkConfig { check_secs: 10, ..trunk(vec![reach(DEAD, 1), reach(&alive, 2)]) };
    behind(&mut sim, &[("carrier_a", config)]);
    let states = |sim: &Sim| -> Vec<&'static str> {
        let trunks = sim.status().trunks;
        let it = trunks.iter().find(|trunk| trunk.name == "carrier_a").unwrap();
        it.destinations.iter().map(|destination| destination.state).collect()
    };
    assert_eq!(states(&sim), ["unknown", "unknown"]);
    until(&mut sim, 15, "both are known", |sim| states(sim) == ["down", "up"]);
    // A trunk that is gone is asked no more.
    let before = Arc::clone(sim.setup());
    sim.input(Input::Configured(before));
    sim.finish().unwrap();
}
