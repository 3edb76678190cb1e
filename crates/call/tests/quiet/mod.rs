//! A small call center on a good network, and short words for what its people do.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "shared by several test files")]

use std::time::Duration;

use call::Hop;
use testkit::phone::{Phase, Reaction, Wish};
use testkit::sim::{Conditions, PhoneId, Sim, World};

pub const SECOND: Duration = Duration::from_secs(1);

/// Two nurses and one receptionist, registered and not signed in.
pub fn center() -> Sim {
    center_of(World::small(2, 1))
}

pub fn center_of(world: World) -> Sim {
    let mut sim = Sim::new(1, world, Conditions::quiet()).unwrap();
    sim.run_for(SECOND).unwrap();
    sim
}

/// Signs in, and lets it be known.
pub fn sign_in(sim: &mut Sim, agent: &str) -> PhoneId {
    sim.sign_in(agent);
    sim.run_for(SECOND / 10).unwrap();
    sim.phone(agent).unwrap()
}

/// Answers at once, and says nothing more until told.
pub fn answers(sim: &mut Sim, phone: PhoneId) {
    sim.react(phone, Reaction::Answer { after: SECOND, then: Vec::new() });
}

pub fn press(sim: &mut Sim, phone: PhoneId, keys: &str) {
    for (at, key) in keys.chars().enumerate() {
        sim.wish(phone, SECOND * u32::try_from(at).unwrap() * 3 / 10, Wish::Press(key));
    }
}

pub fn hang_up(sim: &mut Sim, phone: PhoneId) {
    sim.wish(phone, Duration::ZERO, Wish::HangUp);
}

/// Waits for what must come.
pub fn until(sim: &mut Sim, secs: u32, what: &str, is_so: impl Fn(&Sim) -> bool) {
    let came = sim.run_until(SECOND * secs, is_so).unwrap();
    assert!(came, "{what}: not within {secs} s\n{}", sim.trace().last().join("\n"));
}

pub fn until_heard(sim: &mut Sim, phone: PhoneId, prompt: &str) {
    until(sim, 60, prompt, |sim| sim.heard(phone).iter().any(|heard| heard == prompt));
}

pub fn until_talking(sim: &mut Sim, one: PhoneId, other: PhoneId) {
    until(sim, 60, "both hear one another", |sim| sim.heard_voice(one, other) && sim.heard_voice(other, one));
}

/// A caller who talks with nurse1, the one agent who is signed in: the two.
pub fn talking(mut sim: Sim) -> (Sim, PhoneId, PhoneId) {
    let nurse = sign_in(&mut sim, "nurse1");
    answers(&mut sim, nurse);
    let caller = sim.call();
    until_heard(&mut sim, caller, "main_menu");
    press(&mut sim, caller, "1");
    until_talking(&mut sim, caller, nurse);
    (sim, caller, nurse)
}

pub fn until_over(sim: &mut Sim, phone: PhoneId) -> sip::EndCause {
    until(sim, 120, "the call is over", |sim| matches!(sim.phase(phone), Some(Phase::Over(_))));
    match sim.phase(phone) {
        Some(Phase::Over(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

/// The kinds of the facts in the log, in order.
pub fn kinds(sim: &Sim) -> Vec<String> {
    sim.hops().iter().map(|hop| hop.fact().kind).collect()
}

pub fn has(sim: &Sim, is_it: impl Fn(&Hop) -> bool) -> bool {
    sim.hops().iter().any(is_it)
}
