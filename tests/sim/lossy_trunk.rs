//! Two hundred small worlds in which a third of everything is lost each way. Whatever happens on the way, every
//! call ends, nothing remains, and no invariant of `testkit::invariants` is broken.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use std::time::Duration;

use testkit::sim::{Conditions, Crowd, Failure, Sim, World, agent_habit};

const CALLS: usize = 20;

fn run(seed: u64) -> Result<Sim, Failure> {
    let mut world = World::small(3, 1);
    if seed.is_multiple_of(4) {
        // A node that is full most of the time.
        world.rtp_ports = 20_000..=20_015;
        world.limits.calls_max = 6;
    }
    let mut sim = Sim::new(seed, world, Conditions::lossy(30)).unwrap();
    for agent in sim.agents() {
        let phone = sim.phone(&agent).unwrap();
        sim.set_habit(phone, agent_habit);
        sim.sign_in(&agent);
    }
    let partner = sim.phone("partner").unwrap();
    sim.set_habit(partner, agent_habit);
    let patience = Duration::from_secs(60);
    Crowd { calls: CALLS, within: Duration::from_secs(60), patience }.call(&mut sim);
    sim.finish()?;
    Ok(sim)
}

#[test]
fn every_call_over_a_trunk_that_loses_a_third_ends_and_leaves_nothing() {
    let [arrived, bridged] = common::run_all(common::seeds("lossy_trunk", 0..200), |seed| {
        let sim = run(seed)?;
        Ok([sim.monitor().arrived, sim.monitor().bridged])
    });
    println!("{arrived} calls arrived, {bridged} conversations");
    assert!(
        common::is_replay() || (arrived > 2_000 && bridged > 300),
        "{arrived} arrived, {bridged} bridged"
    );
}

#[test]
fn the_same_seed_makes_the_same_run_byte_for_byte() {
    let [one, same, other] = [7, 7, 8].map(|seed| run(seed).unwrap().fingerprint());
    assert_eq!(one, same);
    assert_ne!(one, other);
}
