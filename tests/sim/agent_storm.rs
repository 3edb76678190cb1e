//! Agents who answer, decline, do not answer, vanish and come back, sign in and out, faster than any floor does.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use std::time::Duration;

use acd::AgentChange;
use testkit::sim::{Chance, Conditions, Crowd, Failure, Sim, World, agent_habit};

const CALLS: usize = 30;

/// Every few seconds somebody changes her mind.
fn unrest(sim: &mut Sim, seed: u64) {
    let mut chance = Chance::new(&primitives::Seed::numbered(seed), "unrest");
    for agent in sim.agents() {
        let mut at = Duration::ZERO;
        while at < Duration::from_secs(150) {
            let change = match chance.below(6) {
                0 => AgentChange::SignOut,
                1 => AgentChange::Pause { reason: "unrest".to_owned() },
                2 | 3 => AgentChange::SignIn { queues: Vec::new() },
                _ => AgentChange::Ready,
            };
            sim.ask(&agent, at, change);
            at += chance.ms(500, 12_000);
        }
    }
}

/// Now some of the agents are gone, now they are back, and the flow is another each time.
fn reloads(sim: &mut Sim) -> Result<(), Failure> {
    for round in 0..6 {
        sim.run_for(Duration::from_secs(17))?;
        let mut world = if round % 2 == 0 { World::small(2, 1) } else { World::small(5, 2) };
        for source in &mut world.flows {
            source.text = source.text.replace("reason: refill", &format!("reason: refill_{round}"));
        }
        sim.reload(&world).unwrap();
    }
    Ok(())
}

fn run(seed: u64, percent: u32) -> Result<Sim, Failure> {
    let mut sim = Sim::new(seed, World::small(5, 2), Conditions::lossy(percent)).unwrap();
    for agent in sim.agents() {
        let phone = sim.phone(&agent).unwrap();
        sim.set_habit(phone, agent_habit);
        sim.sign_in(&agent);
    }
    unrest(&mut sim, seed);
    let partner = sim.phone("partner").unwrap();
    sim.set_habit(partner, agent_habit);
    let patience = Duration::from_secs(90);
    Crowd { calls: CALLS, within: Duration::from_secs(90), patience }.call(&mut sim);
    if seed % 2 == 1 {
        reloads(&mut sim)?;
    }
    sim.finish()?;
    Ok(sim)
}

#[test]
fn whatever_agents_do_no_caller_loses_her_place_and_nobody_urgent_is_overtaken() {
    let [requeued, bridged] = common::run_all(common::seeds("agent_storm", 1_000..1_060), |seed| {
        let sim = run(seed, u32::try_from(seed % 3).unwrap() * 10)?;
        Ok([sim.monitor().requeued, sim.monitor().bridged])
    });
    println!("{bridged} conversations, {requeued} callers lost their agent");
    assert!(common::is_replay() || requeued > 20, "only {requeued} callers lost their agent");
}
