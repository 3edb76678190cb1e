//! The world stops at a random moment. What was durable is all that is left; a new switch starts on it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use testkit::sim::{Chance, Conditions, Crowd, Failure, Sim, World, agent_habit};

fn run(seed: u64) -> Result<(), Failure> {
    let mut chance = Chance::new(&primitives::Seed::numbered(seed), "crash");
    let mut sim = Sim::new(seed, World::small(3, 1), Conditions::lossy(10)).unwrap();
    for agent in sim.agents() {
        let phone = sim.phone(&agent).unwrap();
        sim.set_habit(phone, agent_habit);
        sim.sign_in(&agent);
    }
    let patience = Duration::from_secs(40);
    Crowd { calls: 12, within: Duration::from_secs(60), patience }.call(&mut sim);
    for _ in 0..=chance.below(2) {
        sim.run_for(chance.ms(2_000, 50_000))?;
        let before = sim.verify_log().unwrap();
        sim.crash();
        let after = sim.verify_log().unwrap();
        assert_eq!(after.incomplete_count, 0, "seed {seed}: {:?}", after.incomplete);
        assert_eq!(after.open, 0, "seed {seed}: calls of the dead process are told as lost");
        assert_eq!(after.head.size, before.head.size + before.open, "seed {seed}");
        for agent in sim.agents() {
            sim.sign_in(&agent);
        }
    }
    // Phones that were talking to the dead process find nobody there, and whoever calls is answered.
    sim.finish()
}

#[test]
fn after_a_crash_the_log_verifies_and_the_next_caller_is_answered() {
    common::run_all(common::seeds("crash", 2_000..2_060), |seed| run(seed).map(|()| []));
}
